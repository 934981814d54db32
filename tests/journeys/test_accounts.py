"""Does everybody come in by the real door? The town's letter, a forgotten password, signing in and out, a session that ends."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import Adult, AdultRole
from tests.cast import PASSWORD
from tests.journeys import steps
from tests.journeys.conftest import SIZES
from tests.journeys.steps import NEW

CHOSEN = "Marelle-sous-le-preau-7"


@pytest.fixture
def stranger(person):
    """Somebody who has not signed in, with a telephone."""
    return person(None, "phone")


def sign_in(page, username, password=PASSWORD):
    """Fill in the login form that is open."""
    page.get_by_label("Identifier or e-mail address").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def sign_out(page):
    """Sign out with the button of the bar; on a telephone it is in the sheet below."""
    # By the width, not by what shows: a page that has just been opened shows both bars until its stylesheet has come.
    if page.viewport_size == SIZES["phone"]:
        page.locator(".dock summary").click()
    page.get_by_role("button", name="Log out").filter(visible=True).click()


def test_first_visit_with_the_letter(app, person, stranger):
    with app.app_context(), unit_of_work():
        db.session.add(Adult(family_id=2, role=AdultRole.spouse, first_name="Luc", last_name="Martin", email="luc@famille.example"))
    nadia = person("agent")
    nadia.visit("/mairie/familles/2/").get_by_role("link", name="Invite Luc Martin").click()
    nadia.page.get_by_role("button", name="Make the letter").click()
    family_code, code = nadia.page.locator(".letter .secret").all_inner_texts()
    nadia.check()

    page = stranger.visit("/")
    stranger.check()
    page.get_by_role("link", name="First visit").click()
    page.get_by_label("Family code").fill(family_code)
    page.get_by_label("Code of the letter").fill("AAAA-BBBB-CCCC")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Family code")).to_have_value(family_code)
    stranger.check()
    page.get_by_label("Code of the letter").fill(code.lower())
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Welcome, Luc")).to_be_visible()
    stranger.check()
    page.get_by_label("Your password").fill("luc")
    page.get_by_role("button", name="Create my account").click()
    expect(page.get_by_role("alert")).to_contain_text("A password has at least 8 characters.")
    username = page.get_by_label("Your identifier").input_value()
    page.get_by_label("Your password").fill(CHOSEN)
    page.get_by_role("button", name="Create my account").click()
    expect(page).to_have_url(re.compile("/portail/$"))
    expect(page.get_by_text(f"your identifier is {username}").first).to_be_visible()
    stranger.check()

    sign_out(page)
    page.goto("/login/")
    sign_in(page, username, CHOSEN)
    expect(page.get_by_role("heading", name="Welcome Luc MARTIN")).to_be_visible()
    # The letter works once.
    other = person(None).visit("/premiere-visite/")
    other.get_by_label("Family code").fill(family_code)
    other.get_by_label("Code of the letter").fill(code)
    other.get_by_role("button", name="Continue").click()
    expect(other.get_by_role("alert")).to_be_visible()


def test_forgotten_password(app, stranger, worker):
    page = stranger.visit("/login/")
    stranger.check()
    page.get_by_role("link", name="Forgotten password?").click()
    page.get_by_label("E-mail address or identifier").fill("galbert@famille.example")
    stranger.check()
    page.get_by_role("button", name="Choose a new password").click()
    expect(page.get_by_role("heading", level=1, name="Look into your mails")).to_be_visible()
    stranger.check()
    worker()
    [mail] = steps.mails(app, "reset")
    assert mail.recipient == "galbert@famille.example"
    link = urlsplit(re.search(r"https?://\S+/nouveau-mot-de-passe/\S+", mail.body)[0]).path
    page.goto(link)
    stranger.check()
    page.get_by_label("Your new password").fill(CHOSEN)
    page.get_by_role("button", name="Set the password and sign in").click()
    expect(page).to_have_url(re.compile("/portail/$"))
    expect(page.get_by_text("Your new password is in force").first).to_be_visible()
    sign_out(page)
    page.goto(link)
    expect(page.get_by_role("heading", level=1, name="This link no longer works")).to_be_visible()
    stranger.check()


def test_a_link_by_mail_signs_in(app, person, worker):
    christelle = person(None, "phone", scripts=False)
    page = christelle.visit("/login/")
    page.get_by_role("link", name="Sign in by a link in a mail").click()
    page.get_by_label("E-mail address or identifier").fill("galbert@famille.example")
    page.get_by_role("button", name="Send me a link to sign in").click()
    expect(page.get_by_text("for 15 minutes")).to_be_visible()
    [mail] = steps.mails(app, "sign_in_link")
    link = urlsplit(re.search(r"https?://\S+/lien-de-connexion/\S+", mail.body)[0]).path
    page.goto(link)
    expect(page.get_by_role("heading", level=1, name="Good day")).to_be_visible()
    looking = person(None)
    looking.visit(link)
    looking.check()
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/portail/$"))
    looking.visit(link)
    expect(looking.page.get_by_role("heading", level=1, name="This link no longer works")).to_be_visible()


def test_in_and_out(person, size):
    stranger = person(None, size)
    page = stranger.visit("/portail/compte/")
    expect(page).to_have_url(re.compile(r"/login/\?next="))
    sign_in(page, "galbert", "wrong")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Identifier or e-mail address")).to_have_value("galbert")
    stranger.check()
    sign_in(page, "galbert")
    expect(page).to_have_url(re.compile("/portail/compte/$"))
    stranger.check()
    sign_out(page)
    expect(page).not_to_have_url(re.compile("/portail/"))
    page.goto("/portail/compte/")
    expect(page).to_have_url(re.compile(r"/login/\?next="))


def test_the_staff_come_in_by_the_same_door(stranger):
    page = stranger.visit("/login/")
    sign_in(page, "agent")
    expect(page).to_have_url(re.compile("/mairie/$"))
    expect(page.get_by_role("heading", level=1, name="Hello")).to_be_visible()
    stranger.check()


def test_a_session_that_ends_while_typing(app, person):
    christelle = person("galbert", "phone")
    page = christelle.page
    steps.open_section(page, "Guardian information")
    page.get_by_label("Mobile telephone").fill(NEW)
    christelle.context.clear_cookies()
    page.get_by_role("button", name="Send to the town hall").click()
    expect(page.get_by_text("What you typed is kept.")).to_be_visible()
    christelle.check()
    assert steps.states(app) == []
    sign_in(page, "galbert", "wrong")
    sign_in(page, "galbert")
    expect(page.get_by_role("heading", level=1, name="Your form is still here")).to_be_visible()
    christelle.check()
    page.get_by_role("button", name="Send my form again").click()
    expect(page).to_have_url(steps.RECEIPT)
    expect(page.get_by_role("article")).to_contain_text(NEW)
    assert steps.states(app) == ["pending"]

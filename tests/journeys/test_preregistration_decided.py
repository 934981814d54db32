"""Does a new family come in? From its form in the clerk's queue, sent back once, to its own home page."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.conftest import account
from tests.journeys import steps
from tests.preregistrations import make_preregistration

CHOSEN = "Marelle-sous-le-preau-7"
REASON = "Please add the judgment about the custody."


@pytest.fixture
def nadia(person):
    """A clerk at her desk."""
    return person("agent")


def body_of(app, template):
    """The words of the only mail of this template."""
    [mail] = steps.mails(app, template)
    return mail.body


def test_sent_back_corrected_accepted_and_in(app, person, nadia, worker):
    with app.test_request_context("/"):
        make_preregistration()
    steps.open_lot(nadia.page, "Benali")
    expect(nadia.page.get_by_role("region", name="Pre-registration")).to_contain_text("Inès")
    nadia.check()
    nadia.page.keyboard.press("c")
    sheet = nadia.page.get_by_role("dialog")
    sheet.get_by_label("What is to be corrected?").fill(REASON)
    expect(sheet).to_contain_text("aicha@famille.example")
    sheet.get_by_role("button", name="Send back").click()
    expect(nadia.page.locator("[data-undo]")).to_contain_text("sent back")
    steps.pass_window(worker)

    aicha = person(None, "phone", scripts=False)
    link = re.search(r"https?://\S+", body_of(app, "preregistration_sent_back"))[0]
    aicha.visit(urlsplit(link).path)
    aicha.page.get_by_role("button", name="Confirm and go on").click()
    expect(aicha.page.get_by_role("main")).to_contain_text(REASON)
    aicha.visit("/preinscription/verifier/").get_by_role("link", name="Change What you need").click()
    aicha.page.get_by_label("What else should we know?").fill("The judgment is with the papers.")
    aicha.page.get_by_role("button", name="Keep and go on").click()
    aicha.page.get_by_role("button", name="Send to the town hall").click()
    expect(aicha.page.get_by_text(re.compile(r"Number \d{4}-\d{4}"))).to_be_visible()

    steps.open_lot(nadia.page, "Benali")
    expect(nadia.page.get_by_role("region", name="Pre-registration")).to_contain_text("The judgment is with the papers.")
    lot = nadia.page.url
    steps.press(nadia.page, "a", "accepted")
    steps.pass_window(worker)
    nadia.visit(lot)
    expect(nadia.page.get_by_role("link", name="Print a letter with a new code")).to_be_visible()
    nadia.check()

    welcome = body_of(app, "preregistration_accepted")
    page = aicha.visit("/premiere-visite/")
    page.get_by_label("Family code").fill(re.search(r"F\d{5}", welcome)[0])
    page.get_by_label("Code of the letter").fill(re.search(r"(?:[A-Z2-9]{4}-){2}[A-Z2-9]{4}", welcome)[0])
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Your password").fill(CHOSEN)
    page.get_by_role("button", name="Create my account").click()
    expect(page.get_by_text("Welcome, Aïcha.").first).to_be_visible()
    aicha.visit("/portail/enfants/")
    for child in ("Inès", "Yanis"):
        expect(page.get_by_role("main")).to_contain_text(child)
    with app.app_context():
        assert account("aicha.benali") is not None


def test_recognised_its_new_child_joins_the_file(app, person, nadia, worker):
    lea, zoe = (
        {"first_name": name, "last_name": "Galbert", "birth_date": born} for name, born in (("Léa", "2019-03-04"), ("Zoé", "2024-01-09"))
    )
    with app.test_request_context("/"):
        make_preregistration(guardian={"last_name": "Galbert", "first_name": "Marc"}, children=[lea, zoe])
    steps.open_lot(nadia.page)
    nadia.page.get_by_role("link", name="It is this family").click()
    nadia.check()
    nadia.page.get_by_role("button", name="Add to the family Galbert").click()
    expect(nadia.page.locator("[data-undo]")).to_contain_text("accepted")
    steps.pass_window(worker)
    christelle = person("galbert", "phone")
    christelle.visit("/portail/enfants/")
    expect(christelle.page.get_by_role("main")).to_contain_text("Zoé")

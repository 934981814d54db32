"""Does a parent find what the guide names, by the names that it uses? Line by line in docs/guide.md."""

import re

import pytest
from playwright.sync_api import expect

from app.changes.models import Outcome
from app.children.models import Child
from app.core.db import unit_of_work
from app.extensions import db
from app.messages.operations import Writing, write_to_family
from tests.billing.bills import autumn
from tests.cast import PASSWORD
from tests.conftest import account, work
from tests.factories import make_request
from tests.journeys.steps import NEW, OLD
from tests.portal.asking import decide_all

OCTOBER = "/portail/releve/facture/2026000002/"
CHOSEN = "Marelle-sous-le-preau-7, et encore"
BAR = {
    "Home": "Welcome Christelle GALBERT",
    "My account": "My account",
    "My children": "My children",
    "Account statement": "Account statement",
    "Inbox": "Inbox",
    "List of requests": "List of requests",
    "Agenda": "Agenda",
    "Enrolments": "Enrolments",
}
ACCOUNT = ("Guardian information", "Spouse information", "Tax information", "CAF information", "Bank information")
CHILDREN = ("New child", "Authorisations", "Complementary data", "Health data", "Enrolments", "Bookings", "Absences")


@pytest.fixture
def bills(app, activities, english):
    """September paid, October unpaid with its PDF."""
    with app.app_context():
        return autumn(activities)


def headings(page):
    """The titles of the parts of a page."""
    return [title.strip() for title in page.get_by_role("main").get_by_role("heading", level=2).all_inner_texts()]


def test_the_bar_by_its_names(person):
    page = person("galbert").visit("/portail/")
    bar = page.get_by_role("navigation", name="Main menu").filter(visible=True)
    for name, title in BAR.items():
        bar.get_by_role("link", name=re.compile(f"^{name}")).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(title)
        expect(bar.locator("[aria-current=page]")).to_contain_text(name)
    bar.get_by_role("button", name="Log out").click()
    page.goto("/portail/")
    expect(page.get_by_role("button", name="Sign in").first).to_be_visible()


def test_home_says_who_what_is_owed_and_leads_to_the_password(app, person, bills):
    with app.test_request_context("/"), unit_of_work():
        write_to_family(1, "Wednesday", Writing("We open at 8.", account("agent")))
    one = person("galbert", "phone")
    page = one.visit("/portail/")
    expect(page.get_by_role("heading", level=1, name="Welcome Christelle GALBERT")).to_be_visible()
    expect(page.get_by_role("link", name="You have 1 new message.")).to_be_visible()
    expect(page.get_by_role("region", name="Adults")).to_contain_text("Christelle Galbert guardian")
    expect(page.get_by_role("region", name="Left to pay")).to_contain_text("October 2026")
    expect(page.get_by_role("region", name="My children")).to_contain_text("Léa")
    page.get_by_role("link", name="Change my password").click()
    page.get_by_label("Your present password").fill(PASSWORD)
    page.get_by_label("Your new password").fill(CHOSEN)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("status").first).to_contain_text("password")
    one.check()


def test_my_account_by_its_sections(person):
    page = person("galbert", "phone").visit("/portail/compte/")
    titles = headings(page)
    assert [title for title in titles if title in ACCOUNT] == list(ACCOUNT) and "My children" in titles
    for title in ACCOUNT:
        expect(page.get_by_role("link", name=re.compile(rf"^(Change|Fill in) {title}$"))).to_have_count(1)
    expect(page.get_by_role("link", name="Léa Galbert")).to_be_visible()
    page.get_by_role("link", name="Add a child").click()
    expect(page.get_by_label("Date of birth")).to_be_visible()


def test_a_child_by_all_that_the_guide_names(app, person, activities):
    page = person("galbert", "phone").visit(f"/portail/enfants/{activities.lea}/")
    for title in ("Authorisations", "Persons who may pick up", "Complementary data", "Health data", "Enrolments in progress", "Prices"):
        expect(page.get_by_role("main").get_by_role("heading", level=2, name=title)).to_have_count(1)
    for name in ("Add a photograph", "Declare an absence", "New enrolment", "School enrolment", "Change Authorisations", "Add a person"):
        expect(page.get_by_role("link", name=name)).to_have_count(1)
    for name in ("Child's sheet (PDF)", "Full sheet (PDF)"):
        sheet = page.get_by_role("link", name=name, exact=True).get_attribute("href")
        assert page.request.get(sheet).body().startswith(b"%PDF")


def test_requests_by_arrows_and_links(app, person):
    with app.test_request_context("/"):
        lea = db.session.scalar(db.select(Child.id).filter_by(first_name="Léa"))
        for number in (NEW, OLD):
            make_request("guardian", 1, {"mobile": number, "city": number})
            decide_all(app, Outcome.refuse, reason=f"Not readable: {number}")
        make_request("authorisations", 1, {"image": False}, child_id=lea)
    page = person("galbert", "phone").visit("/portail/demandes/")
    for group, names in (("My account", ACCOUNT), ("My children", CHILDREN)):
        links = page.get_by_role("main").get_by_role("navigation", name=group).get_by_role("link").all_inner_texts()
        assert [re.sub(r"\W*\d+$", "", link).strip() for link in links] == list(names)
    page.get_by_role("link", name=re.compile("^Authorisations")).click()
    expect(page.get_by_role("article")).to_contain_text("waiting")
    page.get_by_role("link", name=re.compile("^Refused")).click()
    page.get_by_role("link", name=re.compile("^Guardian information")).click()
    expect(page.get_by_role("article")).to_contain_text(f"Not readable: {OLD}")
    walk = page.get_by_role("navigation", name="One request after the other")
    walk.get_by_role("link", name="Next").click()
    expect(page.get_by_role("article")).to_contain_text(f"Not readable: {NEW}")
    walk.get_by_role("link", name="Previous").click()
    expect(page.get_by_role("article")).to_contain_text(f"Not readable: {OLD}")


def test_a_question_on_one_line_of_a_bill(app, person, bills):
    parent, clerk = person("galbert", "phone"), person("agent")
    page = parent.visit(OCTOBER)
    page.get_by_role("link", name="A question? Léa, Canteen").first.click()
    page.get_by_label("Which day?").select_option("Fri 2 October 2026")
    page.get_by_label("Your message").fill("Léa was ill on that day.")
    parent.check()
    page.get_by_role("button", name="Send to the town hall").click()
    expect(page.get_by_text("Your message is with the town hall.")).to_be_visible()
    parent.check()
    desk = clerk.visit("/mairie/messages/")
    desk.get_by_role("link", name="Invoice 2026000002: Léa, Canteen").first.click()
    desk.get_by_role("link", name="Invoice 2026000002: Léa, Canteen, Fri 2 October 2026").click()
    expect(desk.get_by_role("heading", level=1, name="Invoice 2026000002")).to_be_visible()


def test_a_payment_leads_to_its_receipt(app, person, bills):
    parent = person("galbert", "phone")
    page = parent.visit("/portail/releve/")
    page.get_by_role("button", name="Pay €63.30").click()
    page.get_by_role("button", name="Pay €63.30").click()
    work(app)
    expect(page.get_by_text("€63.30 received")).to_be_visible(timeout=15000)
    page.goto("/portail/releve/")
    expect(page.get_by_text("You owe nothing.").first).to_be_visible()
    parent.check()
    receipt = page.get_by_role("link", name=re.compile("^Receipt")).get_attribute("href")
    assert page.request.get(receipt).body().startswith(b"%PDF")

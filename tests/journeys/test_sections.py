"""Do the parts of the file that are more than a line of text go the same way? A child, health, a photograph, bank details."""

from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.children.models import Child
from app.extensions import db
from app.families.models import Family
from tests.cast import PASSWORD
from tests.journeys import steps
from tests.portal.pictures import picture

IBAN, MASKED = "FR76 3000 6000 0112 3456 7890 189", "FR76 •••• 0189"
#: Words that stand nowhere else.
SECRET = "Zyzzogeton"


@pytest.fixture
def christelle(person):
    """A mother, on her telephone."""
    return person("galbert", "phone")


@pytest.fixture
def nadia(person):
    """A clerk at her desk."""
    return person("agent")


@pytest.fixture
def lea(app):
    """The address of Léa's page."""
    with app.app_context():
        return f"/portail/enfants/{db.session.scalar(select(Child.id).filter_by(first_name='Léa'))}/"


def in_database(database, text):
    """Whether the database's files hold this text in clear."""
    needles = [text.encode(), text.encode().hex().encode()]
    files = [path for path in Path(database.path).parent.iterdir() if path.is_file()]
    assert files
    return any(needle in path.read_bytes() for path in files for needle in needles)


def test_a_new_child(app, christelle, nadia, worker):
    page = christelle.visit("/portail/enfants/")
    page.get_by_role("link", name="Add a child").click()
    page.get_by_role("button", name="Send to the town hall").click()
    expect(page.get_by_role("alert")).to_contain_text("Please check this form")
    christelle.check()
    page.get_by_label("First name").fill("Zoé")
    page.get_by_label("Last name").fill("Galbert")
    page.get_by_label("Date of birth").fill("2023-02-14")
    steps.send(page)
    steps.finish(page)
    page.goto("/portail/enfants/")
    expect(page.get_by_role("article")).to_contain_text("Zoé Galbert")
    expect(page.get_by_role("link", name="Zoé Galbert", exact=False).and_(page.locator(".child-card"))).to_have_count(0)
    christelle.check()
    steps.open_lot(nadia.page)
    expect(nadia.page.locator(".finding-papers")).to_be_visible()
    nadia.check()
    steps.press(nadia.page, "a", "accepted")
    steps.pass_window(worker)
    page.goto("/portail/enfants/")
    page.get_by_role("link", name="Zoé Galbert").click()
    expect(page.get_by_role("heading", level=1, name="Zoé Galbert")).to_be_visible()
    christelle.check()
    with app.app_context():
        assert len(db.session.get(Family, 1).households) == 3


def test_health_data(app, database, christelle, nadia, lea, worker):
    page = christelle.page
    steps.open_section(page, "Health data", lea)
    page.get_by_label("Food allergies").fill(f"{SECRET} nuts")
    page.get_by_role("button", name="Send to the town hall").click()
    expect(page.get_by_role("alert")).to_contain_text("Say what to do in case of a reaction")
    expect(page.get_by_label("Food allergies")).to_have_value(f"{SECRET} nuts")
    christelle.check()
    page.get_by_label("What to do in case of a reaction").fill(f"Call 15, {SECRET}")
    steps.send(page)
    steps.finish(page)
    assert in_database(database, "Christelle") and not in_database(database, SECRET)
    page.goto(lea)
    expect(page.locator("#health .asked").first).to_contain_text(SECRET)
    christelle.check()
    steps.open_lot(nadia.page)
    expect(steps.line(nadia.page, "Food allergies").locator(".after")).to_have_text(f"{SECRET} nuts")
    nadia.check()
    steps.press(nadia.page, "a", "accepted")
    steps.pass_window(worker)
    page.goto(lea)
    expect(page.locator("#health .current").first).to_contain_text(SECRET)
    expect(page.locator("#health .asked")).to_have_count(0)
    page.get_by_text("Who of the town looked at these data").click()
    expect(page.locator("#health")).to_contain_text("Agent Mairie")
    christelle.check()
    assert not in_database(database, SECRET)
    [mail] = steps.mails(app)
    assert SECRET not in mail.body + mail.subject


def drawn(image):
    """Whether the browser could draw a picture."""
    expect(image).to_be_visible()
    return image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0


def test_a_photograph(christelle, nadia, lea, worker):
    page = christelle.visit(lea)
    page.get_by_role("link", name="Add a photograph").click()
    page.get_by_label("Photograph").set_input_files({"name": "IMG_2041.jpg", "mimeType": "image/jpeg", "buffer": picture(size=(1200, 900))})
    expect(page.locator("canvas.preview")).to_be_visible()
    christelle.check()
    steps.send(page)
    steps.finish(page)
    page.goto(lea)
    expect(page.locator("img.avatar")).to_have_count(0)
    expect(page.get_by_text("New photograph:")).to_be_visible()
    christelle.check()
    steps.open_lot(nadia.page)
    assert drawn(nadia.page.get_by_role("img", name="IMG_2041.jpg"))
    nadia.check()
    steps.press(nadia.page, "a", "accepted")
    steps.pass_window(worker)
    page.goto(lea)
    assert drawn(page.locator("img.avatar"))
    christelle.check()


def test_bank_details(app, database, christelle, nadia, worker):
    page = christelle.page
    steps.open_section(page, "Bank information")
    page.get_by_label("Account holder").fill("Christelle Galbert")
    page.get_by_label("IBAN").fill(IBAN)
    page.get_by_label("Bank details slip").set_input_files({"name": "rib.jpg", "mimeType": "image/jpeg", "buffer": picture()})
    page.get_by_label("Your password, once more").fill("not my password")
    page.get_by_role("button", name="Send to the town hall").click()
    expect(page.get_by_role("alert")).to_contain_text("This is not your password.")
    expect(page.get_by_label("IBAN")).to_have_value(IBAN.replace(" ", ""))
    expect(page.get_by_text("You need not choose it again.")).to_be_visible()
    christelle.check()
    assert steps.states(app) == []
    page.get_by_label("Your password, once more").fill(PASSWORD)
    steps.send(page)
    expect(page.get_by_role("article")).to_contain_text(MASKED)
    assert IBAN not in page.content() and IBAN.replace(" ", "") not in page.content()
    christelle.check()
    steps.finish(page)
    steps.open_lot(nadia.page)
    expect(steps.line(nadia.page, "IBAN").locator(".after")).to_have_text(IBAN)
    nadia.check()
    steps.press(nadia.page, "a", "accepted")
    steps.pass_window(worker)
    with app.app_context():
        assert db.session.get(Family, 1).bank.iban == IBAN.replace(" ", "")
    page.goto("/portail/compte/")
    expect(steps.value_in(page, "bank", "IBAN").locator(".current")).to_have_text(MASKED)
    assert IBAN not in page.content() and IBAN.replace(" ", "") not in page.content()
    assert not in_database(database, IBAN.replace(" ", "")) and not in_database(database, IBAN)
    christelle.check()
    assert "IBAN" not in steps.mails(app)[0].body

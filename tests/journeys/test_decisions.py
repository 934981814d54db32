"""Does nothing change until a clerk decides, and does the family know what became of it? From the family's save to its mail."""

import re

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.changes import seed
from app.changes.models import ChangeRequest
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import Family
from tests.factories import make_request
from tests.journeys import steps
from tests.journeys.steps import NEW, OLD
from tests.portal.pictures import picture


@pytest.fixture
def christelle(person):
    """A mother, on her telephone."""
    return person("galbert", "phone")


@pytest.fixture
def nadia(person):
    """A clerk at her desk."""
    return person("agent")


@pytest.fixture
def reasons(app):
    """The sentences for refusals that every town begins with."""
    with app.app_context(), unit_of_work():
        seed.seed()
    return [english for _title, _sentence, english in seed.REASONS]


def test_accepted_with_one_key(app, christelle, person, worker):
    page = christelle.page
    steps.ask(page, mobile=NEW)
    christelle.check()
    assert steps.adult(app).mobile == OLD
    page.goto("/portail/compte/")
    phone = steps.value_in(page, "guardian", "Mobile telephone")
    expect(phone.locator(".current")).to_have_text(OLD)
    expect(phone.locator(".asked")).to_contain_text(NEW)
    christelle.check()
    page.goto("/portail/")
    expect(page.get_by_role("link", name="1 request waits at the town hall.")).to_be_visible()

    nadia = person("agent", "phone")
    steps.open_lot(nadia.page)
    row = steps.line(nadia.page, "Mobile telephone")
    expect(row.locator(".before")).to_have_text(OLD)
    expect(row.locator(".after")).to_have_text(NEW)
    nadia.check()
    steps.press(nadia.page, "a", "accepted")
    expect(nadia.page.get_by_text("Nothing waits. Everything has been decided.")).to_be_visible()
    nadia.check()
    worker()
    assert steps.adult(app).mobile == OLD

    steps.pass_window(worker)
    assert steps.adult(app).mobile == NEW
    page.goto("/portail/")
    expect(page.get_by_text("No request of yours is waiting.")).to_be_visible()
    expect(page.locator(".answers")).to_contain_text("accepted")
    christelle.check()
    card = steps.requests(page, "accepted")
    expect(card).to_contain_text("Decided on")
    expect(card).to_contain_text(NEW)
    christelle.check()
    page.goto("/portail/compte/")
    expect(phone.locator(".current")).to_have_text(NEW)
    expect(phone.locator(".asked")).to_have_count(0)
    [mail] = steps.mails(app)
    assert mail.recipient == "galbert@famille.example" and NEW not in mail.body
    page.goto("/portail/messages/courriels/")
    page.get_by_role("link", name=mail.subject).click()
    expect(page.get_by_role("heading", level=1, name=mail.subject)).to_be_visible()
    christelle.check()


def test_undone(app, christelle, nadia, worker):
    steps.long_window(app)
    steps.ask(christelle.page, mobile=NEW)
    steps.accept(nadia.page)
    christelle.page.goto("/portail/compte/")
    expect(christelle.page.locator("#guardian")).to_contain_text("being processed")
    steps.ready(nadia.page)
    nadia.page.keyboard.press("z")
    expect(nadia.page.get_by_text("Undone: 1 request waits again.").first).to_be_visible()
    nadia.check()
    clock.advance(minutes=6)
    worker()
    assert steps.states(app) == ["pending"] and steps.adult(app).mobile == OLD and steps.mails(app) == []
    christelle.page.reload()
    expect(christelle.page.locator("#guardian .asked")).to_contain_text("waiting")


def test_refused_with_a_reason_of_the_list(app, christelle, nadia, reasons, worker):
    steps.ask(christelle.page, mobile=NEW)
    steps.open_lot(nadia.page)
    # Escape leads out of the search, and a letter is a key again.
    nadia.page.keyboard.press("/")
    nadia.page.keyboard.press("Escape")
    nadia.page.keyboard.press("r")
    sheet = nadia.page.get_by_role("dialog")
    expect(sheet.get_by_role("heading", level=1)).to_contain_text("Refuse")
    nadia.page.keyboard.press("3")
    sentence = sheet.get_by_label("Why?").input_value()
    assert sentence == reasons[2]
    expect(sheet.locator("[data-preview]")).to_have_text(sentence)
    nadia.check()
    nadia.page.keyboard.press("Enter")
    expect(nadia.page.locator("[data-undo]")).to_contain_text("refused")
    steps.pass_window(worker)
    assert steps.states(app) == ["refused"] and steps.adult(app).mobile == OLD
    card = steps.requests(christelle.page, "refused")
    expect(card.locator(".reason")).to_contain_text(sentence)
    christelle.check()
    christelle.page.goto("/portail/")
    expect(christelle.page.locator(".answers")).to_contain_text(sentence)
    [mail] = steps.mails(app)
    assert sentence in mail.body
    card = steps.requests(christelle.page, "refused")
    card.get_by_role("link", name="Correct").click()
    expect(christelle.page.get_by_label("Mobile telephone")).to_have_value(NEW)
    expect(christelle.page.get_by_text(sentence)).to_be_visible()
    christelle.check()


def test_accepted_in_part(app, christelle, nadia, worker):
    steps.ask(christelle.page, mobile=NEW, city="Courtry")
    steps.open_lot(nadia.page)
    nadia.page.get_by_role("checkbox", name="Town").uncheck()
    nadia.page.get_by_label("Why not the rest?").fill("Please send a proof of address.")
    nadia.check()
    steps.accept_button(nadia.page).click()
    expect(nadia.page.locator("[data-undo]")).to_contain_text("accepted")
    steps.pass_window(worker)
    assert (steps.adult(app).mobile, steps.adult(app).city) == (NEW, "Saint-Exemple")
    assert steps.states(app) == ["partly_accepted"]
    page = christelle.page
    page.goto("/portail/demandes/?filter=accepted")
    card = page.get_by_role("article")
    expect(card.locator(".changes div").filter(has_text="Mobile telephone")).to_contain_text("accepted")
    expect(card.locator(".changes div").filter(has_text="Town")).to_contain_text("not accepted")
    expect(card).to_contain_text("Please send a proof of address.")
    christelle.check()
    assert "Please send a proof of address." in steps.mails(app)[0].body


def test_the_file_changed_meanwhile(app, christelle, nadia, person, worker):
    """A colleague writes the same line while the decision is held back: it meets the conflict, and is taken all the same."""
    steps.ask(christelle.page, mobile=NEW)
    steps.accept(nadia.page)
    colleague = person("agent2").page
    colleague.goto("/mairie/familles/1/")
    colleague.get_by_role("link", name="Change Christelle Galbert").click()
    colleague.get_by_label("Mobile telephone").fill("06 55 44 33 22")
    colleague.get_by_role("button", name="Save").click()
    expect(colleague.get_by_text("Saved.").first).to_be_visible()
    steps.pass_window(worker)
    assert steps.states(app) == ["pending"] and steps.adult(app).mobile == "06 55 44 33 22"
    steps.open_lot(nadia.page)
    row = steps.line(nadia.page, "Mobile telephone")
    expect(row.locator("td")).to_have_text([OLD, NEW, "06 55 44 33 22"])
    nadia.check()
    nadia.page.keyboard.press("a")
    expect(nadia.page.get_by_text("Not everything could be decided.")).to_be_visible()
    nadia.check()
    nadia.page.get_by_role("checkbox", name="accept all the same").check()
    steps.accept_button(nadia.page).click()
    expect(nadia.page.locator("[data-undo]")).to_contain_text("accepted")
    steps.pass_window(worker)
    assert steps.states(app) == ["accepted"] and steps.adult(app).mobile == NEW


def test_withdrawn_by_the_family(app, christelle, nadia, worker):
    steps.ask(christelle.page, mobile=NEW)
    card = steps.requests(christelle.page, "waiting")
    expect(card).to_contain_text(NEW)
    christelle.check()
    card.get_by_role("button", name="Withdraw").click()
    expect(christelle.page.get_by_text("Your request was taken back. Your file stays as it is.").first).to_be_visible()
    christelle.check()
    nadia.visit("/mairie/demandes/")
    expect(nadia.page.get_by_text("Nothing waits. Everything has been decided.")).to_be_visible()
    worker()
    assert steps.states(app) == ["withdrawn"] and steps.adult(app).mobile == OLD and steps.mails(app) == []


def test_sent_back_and_corrected_with_a_paper(app, christelle, nadia, worker):
    """Only the paper that the town wanted is added: the request keeps its rank before those that came meanwhile."""
    page = christelle.page
    steps.ask(page, "Tax information", reference_income="31415", income_year="2025")
    steps.open_lot(nadia.page)
    expect(nadia.page.locator(".finding-papers")).to_be_visible()
    nadia.page.keyboard.press("c")
    sheet = nadia.page.get_by_role("dialog")
    sheet.get_by_label("What is to be corrected?").fill("Please add the tax notice.")
    nadia.check()
    sheet.get_by_role("button", name="Send back").click()
    expect(nadia.page.locator("[data-undo]")).to_contain_text("sent back")
    steps.pass_window(worker)
    with app.test_request_context("/"):
        make_request("guardian", 2, {"mobile": "06 12 12 12 12"})

    assert "Please add the tax notice." in steps.mails(app)[0].body
    page.goto("/portail/")
    expect(page.get_by_role("region", name="To do")).to_contain_text("Tax information")
    christelle.check()
    steps.requests(page, "waiting").get_by_role("link", name="Correct").click()
    expect(page.get_by_text("Please add the tax notice.")).to_be_visible()
    expect(page.locator("[name=reference_income]")).to_have_value("31415")
    page.locator("[name=proof_id]").set_input_files({"name": "avis.jpg", "mimeType": "image/jpeg", "buffer": picture()})
    christelle.check()
    steps.send(page)
    steps.finish(page)
    assert steps.states(app) == ["superseded", "pending", "pending"]
    with app.app_context():
        former, _other, again = db.session.scalars(select(ChangeRequest).order_by(ChangeRequest.id)).all()
        assert again.asked_at == former.asked_at and again.files
    nadia.visit("/mairie/demandes/")
    expect(nadia.page.locator("[data-lots] .lot-who")).to_have_text([re.compile("Galbert"), re.compile("Martin")])
    steps.accept(nadia.page)
    steps.pass_window(worker)
    with app.app_context():
        assert db.session.get(Family, 1).tax.proof_id == again.files[0]

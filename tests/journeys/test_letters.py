"""Do families come in by the town's letters, and does a couple that parts get two files? Seen from the browser."""

import io
import re

from playwright.sync_api import expect
from pypdf import PdfReader

from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import Adult, AdultRole
from tests.journeys import steps

CODE = re.compile(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}\b")
CHOSEN = "Marelle-sous-le-preau-7"


def test_a_letter_of_many_then_the_account_then_a_first_request(app, person, worker):
    with app.app_context(), unit_of_work():
        db.session.add(Adult(family_id=2, role=AdultRole.spouse, first_name="Luc", last_name="Martin"))
    nadia = person("agent")
    page = nadia.visit("/mairie/invitations/")
    expect(page.get_by_role("heading", name="1 adult to invite")).to_be_visible()
    nadia.check()
    page.get_by_role("link", name="Make 1 letter…").click()
    nadia.check()
    page.get_by_role("button", name="Make 1 letter").click()
    expect(page.get_by_role("heading", name="The letters are being made")).to_be_visible()
    nadia.check()
    worker()
    # The page looks again by itself.
    expect(page.get_by_role("heading", name="1 letter is ready")).to_be_visible()
    nadia.check()
    pdf = page.request.get(page.get_by_role("link", name="Open the PDF").get_attribute("href")).body()
    letter = PdfReader(io.BytesIO(pdf)).pages[0].extract_text()

    luc = person(None, "phone")
    page = luc.visit("/premiere-visite/")
    page.get_by_label("Family code").fill(re.search(r"F\d{5}", letter)[0])
    page.get_by_label("Code of the letter").fill(CODE.search(letter)[0])
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Your password").fill(CHOSEN)
    page.get_by_role("button", name="Create my account").click()
    expect(page).to_have_url(re.compile("/portail/$"))
    steps.open_section(page, "Spouse information")
    page.get_by_label("Mobile telephone").fill(steps.NEW)
    steps.send(page)
    luc.check()
    steps.finish(page)
    steps.accept(nadia.page, "Martin")
    steps.pass_window(worker)
    assert steps.adult(app, 2, AdultRole.spouse).mobile == steps.NEW


def test_two_adults_part(app, person):
    marc = person("marc", "phone")
    marc.visit("/portail/")
    nadia = person("agent")
    page = nadia.visit("/mairie/familles/1/")
    page.get_by_role("link", name="Separate…").click()
    nadia.check()
    lea = page.get_by_role("group", name="Léa Galbert", exact=True)
    lea.get_by_label("in both, by turns").check()
    page.get_by_role("group", name="Tom Galbert", exact=True).get_by_label("in the new file only").check()
    page.locator("[name=address]").fill("9 quai Sud")
    page.get_by_role("button", name="See what changes").click()
    expect(page.get_by_text("Say which weeks Léa is in the new file.").first).to_be_visible()
    expect(page.locator("[name=address]")).to_have_value("9 quai Sud")
    nadia.check()
    lea.get_by_label("By turns: which weeks in the new file?").select_option("odd weeks")
    page.get_by_role("button", name="See what changes").click()
    expect(page.get_by_role("heading", level=1, name="What changes for whom?")).to_be_visible()
    expect(page.get_by_text("Léa Galbert: even weeks; this file pays")).to_be_visible()
    nadia.check()
    page.get_by_role("button", name="Separate them now").click()
    expect(page.get_by_text("Done: the new file is").first).to_be_visible()
    nadia.check()

    # Marc was signed out; he comes back to a file of his own.
    marc.page.goto("/portail/compte/")
    expect(marc.page).to_have_url(re.compile("/login/"))
    again = person("marc", "phone").visit("/portail/compte/")
    expect(again.get_by_text("9 quai Sud").first).to_be_visible()
    expect(again.get_by_text("Christelle")).to_have_count(0)

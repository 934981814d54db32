"""How does a parent enrol a child, and send the paper that is asked for? From the list of enrolments to the bookings."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import expect
from sqlalchemy import select

from app.activities.models import Booking, Enrolment, Paper
from app.core import clock
from app.extensions import db
from tests.activities import cast
from tests.journeys import steps


@pytest.fixture
def town(app, fresh, english):
    """The cast's activities; the paper's name as English readers see it."""
    with app.app_context():
        return cast.load()


def photo(name="insurance.jpg"):
    """A photograph as telephones make them: larger than what is sent."""
    out = io.BytesIO()
    Image.new("RGB", (2400, 1800), "teal").save(out, "JPEG")
    return {"name": name, "mimeType": "image/jpeg", "buffer": out.getvalue()}


def choose_wednesdays(page):
    """From "My children" to the form that enrols Tom in Wednesdays."""
    page.goto("/portail/enfants/")
    page.get_by_role("link", name="List of enrolments").click()
    page.get_by_role("link", name="New enrolment Tom").click()
    page.get_by_role("link", name="Enrol Wednesdays").click()
    expect(page.get_by_role("heading", level=1, name="Enrolment in an activity")).to_be_visible()


def test_a_parent_enrols_a_child_and_sends_a_paper(app, person, town, worker):
    parent = person("galbert", "phone")
    page = parent.page
    choose_wednesdays(page)
    expect(page.get_by_text("missing")).to_be_visible()
    parent.check()
    page.get_by_role("group", name="Wednesday").get_by_label("Day").check()
    steps.send(page)
    parent.check()
    page.goto("/portail/papiers/")
    parent.check()
    page.get_by_role("link", name="Send Insurance Tom").click()
    page.get_by_label("Photograph or PDF of the paper").set_input_files(photo())
    expect(page.locator("canvas.preview")).to_be_visible()
    parent.check()
    steps.send(page)
    steps.finish(page)
    page.goto("/portail/inscriptions/")
    expect(page.get_by_text("waiting").first).to_be_visible()
    parent.check()
    clerk = person("agent", "desk")
    steps.open_lot(clerk.page)
    # The findings are in the town's language.
    expect(clerk.page.get_by_role("listitem").filter(has_text="Insurance (test).")).to_be_visible()
    accept_one_by_one(clerk, worker)
    assert_accepted(app, town)
    page.goto("/portail/inscriptions/")
    expect(page.get_by_text("Day: Wednesday").last).to_be_visible()
    parent.check()
    page.goto("/portail/papiers/")
    expect(page.get_by_text("the town has it")).to_be_visible()
    parent.check()


def accept_one_by_one(clerk, worker):
    """Accept the whole lot with one key, and let it take effect."""
    steps.press(clerk.page, "a", "accepted")
    clock.advance(seconds=11)
    worker()


def assert_accepted(app, town):
    with app.app_context():
        row = db.session.scalar(select(Enrolment).filter_by(child_id=town.tom, activity_id=town.wednesday))
        assert row.week == {"3": [town.day]}
        days = [one.day for one in db.session.scalars(select(Booking).filter_by(child_id=town.tom).order_by(Booking.day))]
        assert days[0] == cast.NEXT_WEDNESDAY and len(days) > 20 and all(day.isoweekday() == 3 for day in days)
        paper = db.session.scalar(select(Paper).filter_by(child_id=town.tom))
        assert paper.paper_type_id == town.insurance and paper.valid_until.isoformat() == "2027-08-31"
        assert paper.file.size < 2_000_000 and paper.file.noun == "Paper"


def test_without_a_script_a_refused_post_keeps_what_was_typed(person, town):
    parent = person("galbert", "phone", scripts=False)
    page = parent.page
    choose_wednesdays(page)
    page.get_by_role("group", name="Wednesday").get_by_label("Day").check()
    page.get_by_role("group", name="Wednesday").get_by_label("Morning").check()
    page.get_by_role("button", name="Send to the town hall").click()
    expect(page.get_by_text(re.compile("cannot be had on the same day"))).to_be_visible()
    expect(page.get_by_label("Morning")).to_be_checked()
    page.get_by_label("Morning").uncheck()
    steps.send(page)


def test_a_parent_ends_an_enrolment_from_the_childs_page(app, person, town, worker):
    parent = person("galbert", "desk")
    page = parent.page
    page.goto(f"/portail/enfants/{town.lea}/")
    parent.check()
    page.get_by_role("link", name="Change the usual week or the end Léa Galbert, Evening care").click()
    expect(page.get_by_label("First day")).to_have_count(0)
    page.get_by_label("Last day").fill("2026-12-18")
    parent.check()
    steps.send(page)
    steps.finish(page)
    clerk = person("agent", "desk")
    steps.accept(clerk.page)
    steps.pass_window(worker)
    with app.app_context():
        row = db.session.scalar(select(Enrolment).filter_by(child_id=town.lea, activity_id=town.evening))
        assert row.ends_on.isoformat() == "2026-12-18"


def test_the_staff_enrols_and_files_papers(person, town):
    clerk = person("agent", "desk")
    page = clerk.visit("/mairie/inscriptions/")
    expect(page.get_by_role("link", name="Hugo Martin").first).to_be_visible()
    clerk.check()
    page.goto(f"/mairie/inscriptions/ajouter?child={town.tom}")
    page.get_by_label("Activity").select_option("Evening care")
    page.get_by_label("Last day").fill("2027-07-03")
    clerk.check()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("checkbox", name="Monday").check()
    clerk.check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.").first).to_be_visible()
    page.goto(f"/mairie/pieces/ajouter?child={town.tom}")
    page.get_by_label("Paper", exact=True).select_option("Vaccination (test)")
    page.get_by_label("Scan or photograph").set_input_files(photo())
    clerk.check()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Vaccination (test)", exact=True).click()
    expect(page.get_by_text("Tom Galbert").first).to_be_visible()
    clerk.check()

"""Does the queue bear a Monday morning? A lane at once, two clerks on one lot, what came by post."""

import re

from playwright.sync_api import expect

from app.changes.models import RequestState
from app.core.db import unit_of_work
from tests.factories import make_request, request_of
from tests.journeys import steps
from tests.journeys.steps import NEW, OLD


def test_the_green_lane_at_once(app, person, worker):
    with app.test_request_context("/"):
        asked = [make_request("guardian", family, {"mobile": NEW}) for family in (1, 2, 3)]
        make_request("tax", 1, {"reference_income": 31415})
    nadia = person("agent")
    page = nadia.visit("/mairie/demandes/")
    nadia.check()
    page.get_by_role("link", name="Accept what has nothing to report").click()
    expect(page.get_by_text("3 requests have nothing to report")).to_be_visible()
    nadia.check()
    with app.app_context(), unit_of_work():
        request_of(asked[1]).move_to(RequestState.withdrawn)
    page.get_by_role("button", name="Accept 3 requests").click()
    expect(page.get_by_role("heading", level=1, name="Accepted together")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Martin")).to_contain_text("Somebody was faster")
    for family in ("Galbert", "Petit"):
        expect(page.get_by_role("row").filter(has_text=family)).to_contain_text("accepted")
    nadia.check()
    steps.pass_window(worker)
    assert steps.states(app) == ["accepted", "withdrawn", "accepted", "pending"]
    assert steps.adult(app, 1).mobile == steps.adult(app, 3).mobile == NEW and steps.adult(app, 2).mobile == OLD


def test_two_clerks_on_one_lot(app, person):
    with app.test_request_context("/"):
        make_request("guardian", 1, {"mobile": NEW})
    first, second = person("agent"), person("agent2", "phone")
    steps.open_lot(first.page)
    steps.open_lot(second.page)
    expect(second.page.get_by_text("Also seen by Agent Mairie")).to_be_visible()
    second.check()
    steps.press(first.page, "a", "accepted")
    steps.accept_button(second.page).click()
    expect(second.page.get_by_text("Somebody was faster: this request is being processed.", exact=False)).to_be_visible()
    second.check()
    assert steps.states(app) == ["deciding"]


def test_a_letter_is_entered_for_a_family(app, person, worker):
    nadia = person("agent")
    page = nadia.visit("/mairie/familles/1/")
    page.get_by_role("link", name="Enter a request received by post").click()
    page.get_by_role("radio", name="post").check()
    nadia.check()
    page.get_by_role("button", name="Go on").click()
    expect(page).to_have_url(re.compile("/portail/$"))
    expect(page.get_by_role("complementary", name="Acting for a family")).to_contain_text("You act for family Galbert; received by: post.")
    nadia.check()
    steps.open_section(page, "Guardian information")
    page.get_by_label("Mobile telephone").fill(NEW)
    nadia.check()
    steps.send(page)
    page.get_by_role("complementary", name="Acting for a family").get_by_role("button", name="Stop").click()
    expect(page.get_by_text("What you entered can be decided now.").first).to_be_visible()
    assert steps.adult(app).mobile == OLD
    page.goto("/portail/compte/")
    expect(page.get_by_role("heading", level=1, name="My account")).to_have_count(0)
    steps.open_lot(page)
    expect(page.locator(".facts")).to_contain_text("by: post")
    nadia.check()
    steps.press(page, "a", "accepted")
    steps.pass_window(worker)
    assert steps.adult(app).mobile == NEW
    assert steps.mails(app)[0].recipient == "galbert@famille.example"

"""Do keys alone suffice, and pages without a script?"""

import pytest
from playwright.sync_api import expect

from app.changes import seed
from app.core.db import unit_of_work
from tests.factories import make_request
from tests.journeys import steps
from tests.journeys.steps import NEW, OLD

#: More tabs than any page has stops.
MOST = 120


def tab_to(page, locator, key="Tab"):
    """Press Tab until something has the focus."""
    target = locator.element_handle()
    for _stop in range(MOST):
        if page.evaluate("target => document.activeElement === target", target):
            return
        page.keyboard.press(key)
    raise AssertionError(f"no way to {locator} with {key} alone")


def test_a_parent_with_keys_alone(app, person):
    page = person("galbert").visit("/portail/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("main").get_by_role("link", name="See my account", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="My account")).to_be_visible()
    tab_to(page, page.get_by_role("link", name="Change Guardian information"))
    page.keyboard.press("Enter")
    phone = page.get_by_label("Mobile telephone")
    expect(phone).to_have_value(OLD)
    tab_to(page, phone)
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(NEW)
    tab_to(page, page.get_by_role("button", name="Send to the town hall"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(steps.RECEIPT)
    tab_to(page, page.get_by_role("button", name="I am done, send now"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Sent: the town hall can now decide.").first).to_be_visible()
    assert steps.states(app) == ["pending"]


def test_a_clerk_with_keys_alone(app, person):
    with app.test_request_context("/"):
        for family in (1, 2, 3):
            make_request("guardian", family, {"mobile": NEW})
    page = person("agent").visit("/mairie/demandes/")
    heading = page.get_by_role("heading", level=1)
    steps.ready(page)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(heading).to_contain_text("Galbert")
    for key, family in (("j", "Martin"), ("j", "Petit"), ("k", "Martin")):
        steps.ready(page)
        page.keyboard.press(key)
        expect(heading).to_contain_text(family)
    steps.ready(page)
    steps.press(page, "a", "accepted")
    expect(heading).to_contain_text("Petit")
    assert steps.states(app) == ["pending", "deciding", "pending"]

    steps.ready(page)
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    tab_to(page, keys.get_by_role("button", name="Switch the keys off"))
    page.keyboard.press("Enter")
    expect(page.locator("[data-queue][data-keys='']")).to_be_attached()
    steps.ready(page)
    for key in ("a", "r", "k", "?"):
        page.keyboard.press(key)
    expect(heading).to_contain_text("Petit")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert steps.states(app) == ["pending", "deciding", "pending"]


@pytest.mark.parametrize(("word", "size"), [("accept", "phone"), ("refuse", "desk")])
def test_without_a_script(app, person, size, word, worker):
    with app.app_context(), unit_of_work():
        seed.seed()
    page = person("galbert", size, scripts=False).page
    steps.ask(page, mobile=NEW)
    page.goto("/portail/compte/")
    expect(steps.value_in(page, "guardian", "Mobile telephone").locator(".asked")).to_contain_text(NEW)
    desk = person("agent", size, scripts=False).visit("/mairie/demandes/")
    desk.locator("[data-lots]").get_by_role("link", name="Galbert").click()
    if word == "accept":
        steps.accept_button(desk).click()
    else:
        desk.get_by_role("group", name="Decide").get_by_role("link", name="Refuse").click()
        desk.get_by_role("navigation", name="Reasons").get_by_role("link").first.click()
        assert desk.get_by_label("Why?").input_value() == seed.REASONS[0][2]
        desk.get_by_role("button", name="Refuse and send").click()
    expect(desk.locator("[data-undo]")).to_contain_text(word)
    steps.pass_window(worker)
    assert steps.states(app) == [f"{word}ed" if word == "accept" else "refused"]
    assert steps.adult(app).mobile == (NEW if word == "accept" else OLD)
    page.goto("/portail/")
    expect(page.locator(".answers")).to_contain_text("accepted" if word == "accept" else seed.REASONS[0][2])
    if size == "phone":
        page.locator(".dock summary").click()
        expect(page.locator(".dock").get_by_role("button", name="Log out")).to_be_visible()

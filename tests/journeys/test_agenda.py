"""Can a parent book, take back and declare an absence: with two taps, by right click, by keyboard alone, without a script or a network?"""

import re
from datetime import date

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.activities.models import PlaceAsked, Rank
from app.changes.models import ChangeRequest
from app.children.models import Child, Household
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from tests.activities import cast
from tests.journeys.steps import RECEIPT, states, told

AGENDA = "/portail/agenda/"


@pytest.fixture
def town(app, activities, english):
    """A town with activities, and Léa's canteen booked on Thursday."""
    with app.app_context():
        cast.book(activities.lea, 1, activities.meal, cast.THURSDAY)
    return activities


def cell(page, child, unit, day):
    return page.locator(f'[value="{child}.{unit}.{day.isoformat()}"]')


def opened(one, town, address=AGENDA):
    """The agenda, once its script listens."""
    page = one.visit(address)
    expect(page.locator("#menu")).to_be_attached()
    one.check()
    return page


def held(app):
    with app.app_context():
        return db.session.query(PlaceAsked).filter(PlaceAsked.rank == Rank.holds).count()


def test_one_day_is_one_tap_and_can_be_undone(app, person, town, size):
    one = person("galbert", size)
    page = opened(one, town)
    care = cell(page, town.lea, town.care, cast.THURSDAY)
    care.click()
    expect(care).to_have_attribute("aria-label", re.compile("waiting for the town hall"))
    expect(care).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#tally")).to_contain_text("1 sent")
    one.check()
    assert states(app) == ["pending"]
    page.get_by_role("button", name="Undo").click()
    expect(care).to_have_attribute("aria-label", re.compile(": free"))
    assert states(app) == ["withdrawn"]


def test_a_second_tap_takes_back(app, person, town):
    page = opened(person("galbert", "phone"), town)
    care = cell(page, town.lea, town.care, cast.THURSDAY)
    for label in ("waiting for the town hall", ": free", "waiting for the town hall"):
        care.tap()
        expect(care).to_have_attribute("aria-label", re.compile(label))
    assert states(app) == ["withdrawn", "pending"]


def test_the_usual_week_of_two_children_in_two_taps(app, person, town):
    one = person("galbert", "phone")
    page = opened(one, town, f"{AGENDA}?week=2026-W49")
    page.get_by_role("link", name="Fill in with my usual week").click()
    expect(page.get_by_role("heading", name="9 days will be asked")).to_be_visible()
    one.check()
    page.get_by_role("button", name="Send 9 requests").click()
    told(page, "9 requests sent to the town hall.")
    one.check()
    assert held(app) == 9
    # Undone from the receipt as well, line by line or all of it.
    page.get_by_role("link", name=re.compile("^Receipt")).first.click()
    page.get_by_role("button", name=re.compile("Withdraw all 4")).click()
    told(page, "4 requests taken back.")
    one.check()
    page.get_by_role("button", name="Take all back (5)").click()
    told(page, "5 requests taken back.")
    assert held(app) == 0


def test_an_absence_in_four_taps(app, person, town):
    one = person("galbert", "phone")
    page = opened(one, town)
    cell(page, town.lea, town.meal, cast.THURSDAY).click()
    one.check()
    page.get_by_role("menuitem", name="Declare an absence").click()
    expect(page.get_by_text("not charged, if sent before")).to_be_visible()
    one.check()
    page.get_by_role("radio", name="Ill").check()
    page.get_by_role("button", name="Send the absence").click()
    expect(page).to_have_url(RECEIPT)
    expect(page.get_by_text("Told in time: it is not charged.")).to_be_visible()
    one.check()
    page.goto(AGENDA)
    expect(cell(page, town.lea, town.meal, cast.THURSDAY)).to_have_attribute("aria-label", re.compile("absence sent"))


def test_what_an_absence_changes_follows_what_is_chosen(app, person, town):
    one = person("galbert", "phone")
    page = one.visit("/portail/agenda/absence/")
    effect = page.get_by_role("status").filter(has=page.get_by_role("heading", name="What this changes"))
    expect(effect.get_by_role("listitem")).to_have_count(0)
    page.get_by_label("From").fill("2026-11-26")
    # The last day is never before the first.
    expect(page.get_by_label("Until and with")).to_have_value("2026-11-26")
    page.get_by_role("checkbox", name="Léa").check()
    expect(effect).to_contain_text("Léa, Thu 26 Nov: Canteen – not charged, if sent before Tue 24 Nov at 12:00")
    page.get_by_role("checkbox", name="Tom").check()
    expect(effect).to_contain_text("Tom, Thu 26 Nov: nothing is booked in these days")
    page.get_by_role("checkbox", name="Tom").uncheck()
    page.get_by_label("From").fill("2026-11-27")
    expect(effect).to_contain_text("Léa, Fri 27 Nov: nothing is booked in these days")
    one.check()
    # Without an answer the rule alone stays.
    one.context.set_offline(True)
    page.get_by_label("From").fill("2026-11-26")
    expect(effect.get_by_role("listitem")).to_have_count(0)
    expect(effect).to_contain_text("an absence is not charged")
    one.context.set_offline(False)
    one.faults.clear()


def open_item(page, opener, name):
    """Choose an entry of the menu of a cell, or of the three dots of a child's day."""
    opener.click(button="right")
    page.get_by_role("menuitem", name=name).click()


def test_repeat_until_is_sent_after_its_recap_and_taken_back_in_one(app, person, town):
    one = person("galbert", "desk")
    page = opened(one, town)
    open_item(page, cell(page, town.lea, town.care, cast.THURSDAY), "Repeat every week until…")
    expect(page.get_by_role("heading", name="Léa: every Thursday until…")).to_be_visible()
    page.get_by_label("Until").fill("2026-12-17")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="4 days will be asked")).to_be_visible()
    one.check()
    page.get_by_role("button", name="Send 4 requests").click()
    told(page, "4 requests sent to the town hall.")
    one.check()
    assert held(app) == 4
    page.get_by_role("region", name="What happened").get_by_role("button", name="Take all back (4)").click()
    told(page, "4 requests taken back.")
    assert held(app) == 0 and states(app) == ["withdrawn"] * 4


def test_a_day_and_a_week_are_copied_for_a_sibling(app, person, town):
    with app.app_context():
        for day in (cast.NEXT_MONDAY, cast.NEXT_TUESDAY):
            cast.book(town.lea, 1, town.meal, day)
    one = person("galbert", "phone")
    page = opened(one, town, f"{AGENDA}?week=2026-W49")
    page.get_by_role("link", name="More: Léa, Monday 30").tap()
    page.get_by_role("menuitem", name="Copy to a sibling").tap()
    expect(page.get_by_role("radio", name="Tom")).to_be_checked()
    expect(page.get_by_role("heading", name="1 day will be asked")).to_be_visible()
    page.get_by_role("radio", name="The whole week").check()
    page.get_by_role("button", name="Show").tap()
    expect(page.get_by_role("heading", name="2 days will be asked")).to_be_visible()
    one.check()
    page.get_by_role("button", name="Send 2 requests").tap()
    told(page, "2 requests sent to the town hall.")
    for day in (cast.NEXT_MONDAY, cast.NEXT_TUESDAY):
        expect(cell(page, town.tom, town.meal, day)).to_have_attribute("aria-label", re.compile("waiting for the town hall"))


def test_other_without_a_text_is_refused_and_nothing_is_lost(app, person, town):
    one = person("galbert", "phone")
    page = one.visit("/portail/agenda/absence/")
    page.get_by_role("checkbox", name="Léa").check()
    expect(page.get_by_label("Explain in a few words")).to_be_hidden()
    page.get_by_role("radio", name="Other").check()
    page.get_by_label("From").fill("2026-11-26")
    page.get_by_label("Until and with").fill("2026-11-27")
    page.get_by_role("button", name="Send the absence").click()
    expect(page.get_by_role("alert")).to_contain_text("please explain in a few words")
    one.check()
    expect(page.get_by_role("radio", name="Other")).to_be_checked()
    expect(page.get_by_label("Until and with")).to_have_value("2026-11-27")
    page.get_by_label("Explain in a few words").fill("Grandmother's birthday")
    page.get_by_role("button", name="Send the absence").click()
    expect(page).to_have_url(RECEIPT)


@pytest.mark.parametrize("way", ("right click", "Shift+F10", "ContextMenu", "dots"))
def test_the_guides_menu(app, person, town, way):
    one = person("galbert", "desk")
    page = opened(one, town)
    care = cell(page, town.lea, town.care, cast.THURSDAY)
    if way == "right click":
        care.click(button="right")
    elif way == "dots":
        page.get_by_role("link", name="More: Léa, Thursday 26").click()
        expect(page.get_by_role("menuitem", name="Declare an absence")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("link", name="More: Léa, Thursday 26")).to_be_focused()
        return
    else:
        care.focus()
        page.keyboard.press(way)
    item = page.get_by_role("menuitem", name="Request a booking")
    expect(item).to_be_focused()
    one.check()
    page.keyboard.press("Escape")
    expect(page.locator("#menu")).to_be_hidden()
    expect(care).to_be_focused()
    assert states(app) == []
    care.click(button="right")
    item.click()
    expect(care).to_have_attribute("aria-label", re.compile("waiting for the town hall"))


def test_a_long_press_opens_the_menu_and_its_release_asks_nothing(app, person, town):
    one = person("galbert", "phone")
    page = opened(one, town)
    care = cell(page, town.lea, town.care, cast.THURSDAY)
    care.scroll_into_view_if_needed()
    box = care.bounding_box()
    finger = one.context.new_cdp_session(page)
    point = {"x": box["x"] + 10, "y": box["y"] + 10}
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    expect(page.get_by_role("menuitem", name="Request a booking")).to_be_visible()
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(600)
    expect(page.locator("#menu")).to_be_visible()
    assert states(app) == []


def test_by_keyboard_alone(app, person, town):
    page = opened(person("galbert", "desk"), town)
    meal = cell(page, town.lea, town.meal, cast.THURSDAY)
    meal.focus()
    page.keyboard.press("ArrowDown")
    care = cell(page, town.lea, town.care, cast.THURSDAY)
    expect(care).to_be_focused()
    page.keyboard.press("Space")
    expect(care).to_have_attribute("aria-label", re.compile("waiting for the town hall"))
    page.keyboard.press("ArrowUp")
    expect(meal).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Declare an absence")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Repeat every week until…")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Until")).to_be_visible()


def test_without_a_script(app, person, town):
    one = person("galbert", "phone", scripts=False)
    page = one.page
    page.goto(AGENDA)
    cell(page, town.lea, town.care, cast.THURSDAY).click()
    expect(page.get_by_text("1 request sent to the town hall.")).to_be_visible()
    page.goto(f"{AGENDA}?plain=1")
    cell(page, town.lea, town.care, cast.FRIDAY).and_(page.get_by_role("checkbox")).check()
    cell(page, town.lea, town.care, cast.THURSDAY).and_(page.get_by_role("checkbox")).uncheck()
    page.get_by_role("button", name="Send to the town hall").click()
    expect(page.get_by_text("1 request taken back.")).to_be_visible()
    assert states(app) == ["withdrawn", "pending"]
    cell(page, town.lea, town.meal, cast.THURSDAY).click()
    expect(page.get_by_role("link", name="Declare an absence")).to_be_visible()


def test_a_network_that_is_cut_in_mid_lot_loses_nothing_and_asks_nothing_twice(app, person, town):
    one = person("galbert", "phone")
    page = opened(one, town)
    first, second = (cell(page, town.lea, town.care, day) for day in (cast.THURSDAY, cast.FRIDAY))

    # The server has done it, but its answer never arrives.
    def lose(route):
        route.fetch()
        route.abort()

    page.route(re.compile(r"/portail/agenda/"), lose, times=1)
    first.tap()
    second.tap()
    expect(page.locator("#tally")).to_contain_text("No network")
    expect(first).to_have_attribute("aria-label", re.compile("sending"))
    assert states(app) == ["pending", "pending"]
    one.context.set_offline(True)
    page.wait_for_timeout(300)
    one.context.set_offline(False)
    for care in (first, second):
        expect(care).to_have_attribute("aria-label", re.compile("waiting for the town hall"), timeout=10000)
    assert states(app) == ["pending", "pending"]
    one.faults.clear()


def test_two_tabs_lose_nothing_of_each_other_even_if_one_is_closed(app, person, town):
    one = person("galbert", "phone")
    first, second = opened(one, town), one.context.new_page()
    second.goto(AGENDA)
    one.context.set_offline(True)
    cell(first, town.lea, town.care, cast.THURSDAY).tap()
    expect(first.locator("#tally")).to_contain_text("No network")
    # The other tab knows at once, and may not tap the same again.
    told = cell(second, town.lea, town.care, cast.THURSDAY)
    expect(told).to_have_attribute("aria-label", re.compile("sending"))
    cell(second, town.lea, town.care, cast.FRIDAY).tap()
    expect(second.locator("#tally")).to_contain_text("No network")
    first.close()
    one.context.set_offline(False)
    for day in (cast.THURSDAY, cast.FRIDAY):
        expect(cell(second, town.lea, town.care, day)).to_have_attribute(
            "aria-label", re.compile("waiting for the town hall"), timeout=10000
        )
    assert states(app) == ["pending", "pending"]
    assert second.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('agenda')).length") == 0


def test_what_one_tab_asks_the_other_shows(app, person, town):
    one = person("galbert", "phone")
    first, second = opened(one, town), one.context.new_page()
    second.goto(AGENDA)
    cell(first, town.lea, town.care, cast.THURSDAY).tap()
    expect(cell(second, town.lea, town.care, cast.THURSDAY)).to_have_attribute("aria-label", re.compile("waiting for the town hall"))
    cell(second, town.lea, town.care, cast.THURSDAY).tap()
    expect(cell(first, town.lea, town.care, cast.THURSDAY)).to_have_attribute("aria-label", re.compile(": free"))
    assert states(app) == ["withdrawn"]


def test_a_network_that_hangs_is_said_and_tried_again(app, person, town):
    one = person("galbert", "phone")
    one.page.clock.install()
    page = opened(one, town)
    hung = []
    page.route(re.compile(r"/portail/agenda/"), lambda route: hung.append(route), times=1)
    meal = cell(page, town.lea, town.meal, cast.FRIDAY)
    meal.tap()
    # The deadline has colons of its own.
    expect(meal).to_have_attribute("aria-label", "Léa, Canteen, Friday 27 Nov: sending…")
    page.clock.run_for(1000)
    page.clock.run_for(12000)
    expect(page.locator("#tally")).to_contain_text("The network does not answer")
    assert len(hung) == 1 and states(app) == []
    page.clock.run_for(3000)
    expect(meal).to_have_attribute("aria-label", re.compile("waiting for the town hall"))
    assert states(app) == ["pending"]
    one.faults.clear()


def test_what_was_tapped_survives_a_reload_and_a_session_that_ended(app, person, town):
    one = person("galbert", "phone")
    page = opened(one, town)
    cookies = one.context.cookies()
    one.context.clear_cookies()
    care = cell(page, town.lea, town.care, cast.THURSDAY)
    care.tap()
    expect(page.locator("#tally")).to_contain_text("You were signed out")
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    assert states(app) == []
    one.context.add_cookies(cookies)
    page.goto(AGENDA)
    expect(care).to_have_attribute("aria-label", re.compile("waiting for the town hall"))
    assert states(app) == ["pending"]
    one.faults.clear()


@pytest.mark.parametrize("way", ("the page stays open", "the page is opened anew"))
def test_what_stayed_unsent_for_a_day_is_told_and_not_sent(app, person, town, way):
    one = person("galbert", "phone")
    page = opened(one, town)
    one.context.set_offline(True)
    care = cell(page, town.lea, town.care, cast.THURSDAY)
    care.tap()
    expect(page.locator("#tally")).to_contain_text("No network")
    page.evaluate("""for (const name of Object.keys(localStorage).filter((each) => each.startsWith("agenda-")))
        localStorage[name] = JSON.stringify({ ...JSON.parse(localStorage[name]), at: Date.now() - 25 * 3600e3 })""")
    if way == "the page is opened anew":
        page.goto("about:blank")
    one.context.set_offline(False)
    if way == "the page is opened anew":
        page.goto(AGENDA)
    expect(page.locator("#tally")).to_contain_text(
        "Not sent within a day, so given up. Please ask again: Léa, Evening care, Thursday 26 Nov"
    )
    expect(care).not_to_have_attribute("aria-label", re.compile("sending"))
    one.faults.clear()
    one.check()
    assert states(app) == []
    # It can be asked again from where it is.
    if way == "the page stays open":
        expect(care).to_have_attribute("aria-label", "Léa, Evening care, Thursday 26 Nov: not sent")
        care.tap()
        page.get_by_role("menuitem", name="Request a booking").tap()
    else:
        care.tap()
    expect(care).to_have_attribute("aria-label", re.compile("waiting for the town hall"))
    assert states(app) == ["pending"]


def test_nothing_is_crushed_by_many_children_or_large_letters(app, person, town):
    """A service's name stands beside its cells or above them, never one letter a line."""
    with app.app_context():
        for number in range(4):
            child = Child(first_name=f"Maximilien-Alexandre {number}", last_name="Galbert", birth_date=date(2018, 3, 4))
            with unit_of_work():
                db.session.add(child)
                child.households.append(Household(family_id=1))
                db.session.flush()
            cast.enrol(child.id, 1, town.canteen)
    one = person("galbert", "phone")
    for width, letters in ((1280, "100%"), (390, "100%"), (320, "100%"), (390, "200%"), (794, "100%")):
        one.page.set_viewport_size({"width": width, "height": 900})
        one.page.emulate_media(media="print" if width == 794 else "screen")
        for span in (1, 4):
            page = one.visit(f"{AGENDA}?weeks={span}")
            page.evaluate("size => { document.documentElement.style.fontSize = size }", letters)
            narrow = page.evaluate("""() => [...document.querySelectorAll(".day tbody th")].filter(name =>
                name.offsetWidth < 4 * parseFloat(getComputedStyle(name).fontSize)).length""")
            assert narrow == 0, (width, letters, span)
            assert one.too_wide() == [], (letters, span)


def test_arrows_lead_from_the_three_dots_to_the_days(person, town):
    page = opened(person("galbert", "desk"), town)
    page.locator("th .more").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("button.cell").first).to_be_focused()


def test_a_refusal_is_told_where_it_was_tapped(app, person, town):
    page = opened(person("galbert", "phone"), town)
    clock.advance(days=3)
    care = cell(page, town.lea, town.care, cast.THURSDAY)
    care.tap()
    expect(page.locator("#tally")).to_contain_text("past the deadline")
    expect(care).to_have_attribute("aria-label", re.compile("too late"))
    assert states(app) == []


def test_home_leads_to_the_absence_and_to_the_usual_week(app, person, town):
    one = person("galbert", "phone")
    page = one.visit("/portail/")
    one.check()
    expect(page.get_by_role("region", name="Today")).to_contain_text("Léa")
    page.get_by_role("link", name="Declare an absence").click()
    expect(page.get_by_role("heading", name="Declare an absence")).to_be_visible()
    page.goto("/portail/")
    page.get_by_role("link", name=re.compile("Use my usual week")).click()
    expect(page.get_by_role("button", name=re.compile(r"Send \d+ requests?"))).to_be_visible()


def test_the_other_pages_of_the_agenda(person, town):
    one = person("galbert", "phone")
    where = f"{town.lea}.{town.meal}.2026-11-26"
    for address in (
        f"{AGENDA}?weeks=4",
        f"{AGENDA}?plain=1",
        f"{AGENDA}jour/?spot={where}",
        f"{AGENDA}jour/?spot={town.lea}.0.2026-11-26",
        f"{AGENDA}repeter/?spot={where}",
        f"{AGENDA}copier/?spot={where}",
        f"{AGENDA}calendrier/",
    ):
        one.visit(address)
        one.check()
    one.page.get_by_role("button", name="Make my address").click()
    expect(one.page.get_by_label("Your secret address")).to_have_value(re.compile(r"/calendrier/.+\.ics$"))
    one.check()


def test_the_request_is_the_same_in_the_list(app, person, town):
    page = opened(person("galbert", "phone"), town)
    care = cell(page, town.lea, town.care, cast.THURSDAY)
    care.tap()
    expect(care).to_have_attribute("aria-label", re.compile("waiting for the town hall"))
    page.goto("/portail/demandes/?tab=bookings")
    expect(page.get_by_role("article")).to_contain_text("Evening care")
    with app.app_context():
        assert db.session.scalar(select(ChangeRequest.kind)) == "booking"

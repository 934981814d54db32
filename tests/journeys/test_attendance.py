"""Can the people on site note who is there with one finger, without network, on two tablets, and without a script?"""

import re

import pytest
from playwright.sync_api import expect
from sqlalchemy import delete, select

from app.activities.models import Attendance, AttendanceMark, Mark
from app.children.models import Child
from app.core.db import unit_of_work
from app.extensions import db
from tests.activities import onsite

SHEET = "/mairie/pointage/feuille?unit={unit}&day=2026-11-24"
TABLET = {"width": 768, "height": 1024}


@pytest.fixture
def ids(app):
    """The canteen on a Tuesday, 11:30; Léa with an allergy, a care plan and a grandmother."""
    onsite.set_clock()
    with app.test_request_context("/"):
        found = onsite.canteen()
        found["rose"] = onsite.fill_lea(found["lea"])
        onsite.crowd(found, 6)
    return found


def tablet(person, ids, username="animateur", size="phone", **more):
    """Somebody with a tablet on the sheet."""
    somebody = person(username, size, **more)
    somebody.page.set_viewport_size(TABLET)
    somebody.visit(SHEET.format(**ids))
    return somebody


def tile(page, child_id):
    return page.locator(f"[data-child='{child_id}']")


def tap(page, child_id):
    tile(page, child_id).locator(".tile-tap").click()


def state(page, child_id, name):
    expect(tile(page, child_id)).to_have_attribute("data-state", name)


def online(page):
    expect(page.locator("[data-net]")).to_have_text("Online")


def kept(app):
    """{child: state} as the town has it."""
    with app.app_context():
        return {row.child_id: row.state for row in db.session.scalars(select(Attendance)) if row.state is not Mark.cleared}


def test_one_tap_and_back(app, person, ids):
    page = tablet(person, ids).page
    online(page)
    tap(page, ids["lea"])
    state(page, ids["lea"], "present")
    expect(page.locator("[data-count=here]")).to_have_text("1")
    online(page)
    assert kept(app) == {ids["lea"]: Mark.present}
    tap(page, ids["lea"])
    state(page, ids["lea"], "cleared")
    online(page)
    assert kept(app) == {}
    with app.app_context():
        assert len(db.session.scalars(select(AttendanceMark)).all()) == 2


def test_long_press_opens_who_may_fetch_the_child(app, person, ids):
    page = tablet(person, ids).page
    online(page)
    place = tile(page, ids["lea"]).locator(".tile-tap").bounding_box()
    page.mouse.move(place["x"] + 40, place["y"] + 20)
    page.mouse.down()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.mouse.up()
    expect(dialog).to_contain_text("Arachide")
    expect(dialog).to_contain_text("May not leave alone.")
    state(page, ids["lea"], "cleared")
    dialog.get_by_role("button", name="Mamie Rose").click()
    expect(dialog).to_be_hidden()
    state(page, ids["lea"], "left")
    expect(tile(page, ids["lea"])).to_contain_text("Mamie Rose")
    online(page)
    with app.app_context():
        row = db.session.scalar(select(Attendance))
        assert (row.state, row.left_with) == (Mark.left, "Mamie Rose")


def test_by_keyboard_alone(app, person, ids):
    page = tablet(person, ids, size="desk").page
    online(page)
    tile(page, ids["tom"]).locator(".tile-tap").focus()
    page.keyboard.press("Enter")
    state(page, ids["tom"], "present")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Note").fill("A oublié son sac")
    dialog.get_by_role("button", name="Keep the note").click()
    expect(tile(page, ids["tom"]).locator(".tile-more")).to_be_focused()
    expect(tile(page, ids["tom"])).to_contain_text("A oublié son sac")
    state(page, ids["tom"], "present")
    online(page)
    with app.app_context():
        assert db.session.scalar(select(Attendance)).note == "A oublié son sac"


def test_two_tablets_offline_lose_nothing_and_agree(app, person, ids):
    one, two = tablet(person, ids), tablet(person, ids, "agent")
    for somebody in (one, two):
        online(somebody.page)
        somebody.context.set_offline(True)
        expect(somebody.page.locator("[data-net]")).to_contain_text("No network")
    tap(one.page, ids["lea"])
    tap(one.page, ids["tom"])
    # The same child on both: who tapped last is right, whoever finds the network first.
    tap(two.page, ids["tom"])
    tile(two.page, ids["tom"]).locator(".tile-more").click()
    two.page.get_by_role("dialog").get_by_role("button", name="Absent").click()
    tap(two.page, ids["hugo"])
    expect(one.page.locator("[data-net]")).to_contain_text("2 notes wait")
    expect(two.page.locator("[data-net]")).to_contain_text("3 notes wait")
    assert kept(app) == {}
    two.context.set_offline(False)
    online(two.page)
    one.context.set_offline(False)
    online(one.page)
    assert kept(app) == {ids["lea"]: Mark.present, ids["tom"]: Mark.absent, ids["hugo"]: Mark.present}
    with app.app_context():
        assert len(db.session.scalars(select(AttendanceMark)).all()) == 5
    two.page.evaluate("dispatchEvent(new Event('online'))")
    for somebody in (one, two):
        for name, what in (("lea", "present"), ("tom", "absent"), ("hugo", "present")):
            state(somebody.page, ids[name], what)
        assert somebody.page.evaluate("localStorage.length") == 0


def test_a_sheet_that_was_closed_without_network_sends_its_notes_later(app, person, ids):
    somebody = tablet(person, ids)
    online(somebody.page)
    somebody.context.set_offline(True)
    tap(somebody.page, ids["lea"])
    expect(somebody.page.locator("[data-net]")).to_contain_text("1 note waits")
    somebody.page.close()
    somebody.context.set_offline(False)
    page = somebody.context.new_page()
    page.goto(SHEET.format(**ids))
    online(page)
    assert kept(app) == {ids["lea"]: Mark.present}


def test_the_whole_group_and_an_unexpected_arrival(app, person, ids):
    page = tablet(person, ids).page
    online(page)
    tap(page, ids["tom"])
    state(page, ids["tom"], "present")
    page.get_by_role("button", name="Whole group present").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("Yes|OK|Confirm|Continue")).click()
    expect(page.locator("[data-count=here]")).to_have_text("9")
    online(page)
    assert len(kept(app)) == 9
    with app.test_request_context("/"):
        stranger = onsite.crowd(ids, 1, day=onsite.date(2026, 11, 26), first=50)[0]
    page.get_by_role("link", name="Unexpected arrival").click()
    page.get_by_label("Name of the child").fill("nom50 enfant")
    page.get_by_role("button", name="Search").click()
    page.locator(".found li").last.get_by_role("button", name="Present").click()
    page.wait_for_url(re.compile("feuille"))
    assert len(kept(app)) == 10 and kept(app)[stranger] is Mark.present


def test_an_absence_that_was_sent_is_seen_and_a_tap_away_from_present(app, person, ids):
    page = tablet(person, ids).page
    online(page)
    with app.test_request_context("/"):
        onsite.send_absence(ids["tom"])
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(tile(page, ids["tom"])).to_contain_text("absence sent, not decided")
    expect(page.locator("[data-count=sent]")).to_have_text("1")
    page.get_by_role("button", name="Whole group present").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("Yes|OK|Confirm|Continue")).click()
    expect(page.locator("[data-count=here]")).to_have_text("8")
    state(page, ids["tom"], "cleared")
    tap(page, ids["tom"])
    state(page, ids["tom"], "present")
    expect(page.locator("[data-count=sent]")).to_be_hidden()
    online(page)
    assert kept(app)[ids["tom"]] is Mark.present


def test_an_enrolled_child_is_found_and_noted_without_network(app, person, ids):
    with app.test_request_context("/"):
        stranger = onsite.crowd(ids, 1, day=onsite.date(2026, 11, 26), first=50)[0]
        onsite.enrol(ids, stranger)
    somebody = tablet(person, ids)
    page, find = somebody.page, somebody.page.get_by_label("Search a child")
    online(page)
    expect(tile(page, stranger)).to_be_hidden()
    somebody.context.set_offline(True)
    page.get_by_role("link", name="Unexpected arrival").click()
    expect(page.locator("[data-net]")).to_contain_text("search here")
    expect(find).to_be_focused()
    find.fill("gälb léa")
    expect(page.locator(".tile:visible")).to_have_count(1)
    expect(page.locator("[data-found]")).to_have_text("1 child")
    find.fill("nom50")
    tap(page, stranger)
    state(page, stranger, "present")
    tile(page, stranger).locator(".tile-more").click()
    expect(page.locator("[data-net]")).to_have_text("This needs the network.")
    find.fill("personne")
    expect(page.get_by_text("No enrolled child has this name.")).to_be_visible()
    find.fill("")
    expect(tile(page, stranger)).to_be_visible()
    assert kept(app) == {}
    somebody.context.set_offline(False)
    online(page)
    assert kept(app) == {stranger: Mark.present}
    somebody.visit(SHEET.format(**ids))
    expect(tile(page, stranger)).to_contain_text("not expected")


def test_without_a_script(app, person, ids):
    page = tablet(person, ids, scripts=False).page
    tap(page, ids["lea"])
    state(page, ids["lea"], "present")
    tile(page, ids["lea"]).locator(".tile-more").click()
    page.get_by_role("button", name="Mamie Rose").click()
    state(page, ids["lea"], "left")
    assert kept(app) == {ids["lea"]: Mark.left}


def test_signing_out_leaves_nothing_on_the_tablet(app, person, ids):
    somebody = tablet(person, ids, size="desk")
    page, net = somebody.page, somebody.page.locator("[data-net]")
    online(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    sign_out = page.get_by_role("button", name="Log out")
    page.route("**/pointage/notes", lambda route: route.fulfill(status=503))
    somebody.context.set_offline(True)
    expect(net).to_have_class(re.compile("is-off"))
    tap(page, ids["lea"])
    expect(net).to_contain_text("1 note waits")
    sign_out.click()
    expect(net).to_have_text("This needs the network.")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(1000)
    expect(net).to_have_text("This needs the network.")
    assert page.evaluate("localStorage.length") == 1, "signed in, and the note is lost"
    somebody.context.set_offline(False)
    expect(net).to_have_class(re.compile("is-sending"))
    sign_out.click()
    page.wait_for_url(re.compile("/(login/|)$"))
    assert page.evaluate("localStorage.length") == 0


def test_a_session_that_ends_keeps_the_notes(app, person, ids):
    somebody = tablet(person, ids)
    online(somebody.page)
    (cookie,) = [one for one in somebody.context.cookies() if one["name"] == "session"]
    somebody.context.clear_cookies()
    tap(somebody.page, ids["lea"])
    expect(somebody.page.locator("[data-net]")).to_contain_text("You are signed out.")
    assert kept(app) == {}
    somebody.context.add_cookies([cookie])
    somebody.visit(SHEET.format(**ids))
    online(somebody.page)
    assert kept(app) == {ids["lea"]: Mark.present}


def test_what_the_town_does_not_take_is_said(app, person, ids):
    somebody = tablet(person, ids)
    online(somebody.page)
    somebody.context.set_offline(True)
    tap(somebody.page, ids["lea"])
    tap(somebody.page, ids["tom"])
    with app.app_context(), unit_of_work():
        db.session.execute(delete(Child).where(Child.id == ids["tom"]))
    somebody.context.set_offline(False)
    online(somebody.page)
    box = somebody.page.get_by_role("alert")
    expect(box).to_contain_text("Tom Galbert This child is not in the town's files any more.")
    assert kept(app) == {ids["lea"]: Mark.present}
    box.get_by_role("button", name="I have read this").click()
    expect(box).to_be_hidden()


def test_the_day_is_over_and_the_sheet_is_empty(app, person, ids):
    somebody = tablet(person, ids)
    online(somebody.page)
    somebody.context.set_offline(True)
    tap(somebody.page, ids["lea"])
    somebody.page.evaluate("Date.now = (now => () => now() + 24 * 3600e3)(Date.now.bind(Date))")
    somebody.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(somebody.page.get_by_text("Léa Galbert")).to_have_count(0)
    assert somebody.page.evaluate("localStorage.length") == 1


def test_the_screens_on_site_are_accessible(person, ids):
    somebody = person("admin", "desk", "fr")
    somebody.page.set_viewport_size(TABLET)
    query = f"?unit={ids['unit']}&day=2026-11-24"
    for path in (
        "/mairie/pointage/?day=2026-11-24",
        f"/mairie/pointage/feuille{query}",
        f"/mairie/pointage/enfant/{ids['lea']}{query}",
        f"/mairie/pointage/imprevu{query}&q=enfant",
        f"/mairie/listes/{query}",
        "/mairie/listes/?day=2026-11-24",
        "/mairie/cuisine/?day=2026-11-24",
        "/mairie/previsions/",
    ):
        somebody.visit(path)
        somebody.check()
    somebody.visit(f"/mairie/pointage/feuille{query}")
    tile(somebody.page, ids["lea"]).locator(".tile-more").click()
    expect(somebody.page.get_by_role("dialog")).to_be_visible()
    for width in (320, 390, 768, 1280):
        somebody.page.set_viewport_size({"width": width, "height": 1024})
        somebody.check()

"""What does the agenda show, and what becomes of a tap?"""

import gzip
import html
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.activities.models import Booking, PlaceAsked, Rank
from app.audit.models import LogEntry
from app.changes.models import ChangeRequest, RequestState
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from tests.activities import cast
from tests.conftest import counted_queries

AGENDA = "/portail/agenda/"
NEXT = "?week=2026-W49"


@pytest.fixture
def galbert(sign_in, activities):
    """Christelle's client, in a town with activities."""
    return sign_in("galbert")


@pytest.fixture
def made(app):
    """made(cast.book, …): a row of the cast of activities, in a context of its own."""

    def make(act, *args, **more):
        with app.app_context():
            return act(*args, **more)

    return make


def spot(child, unit, day):
    return f"{child}.{unit}.{day.isoformat()}"


def tap(client, *taps):
    """Post taps as the script does; each is (key, spot, act[, request])."""
    keys = ("key", "spot", "act", "request")
    answer = client.post(
        AGENDA, json={"taps": [dict(zip(keys, one, strict=False)) for one in taps]}, headers={"Accept": "application/json"}
    )
    assert answer.status_code == 200, answer.text
    return answer.json["results"]


def requests():
    return db.session.scalars(select(ChangeRequest).order_by(ChangeRequest.id)).all()


def cell_in(page, where):
    """(class, name of the button, what it says) of a cell of a page."""
    found = re.search(rf'<button class="cell (\w+)" name="(\w*)" value="{re.escape(where)}"[^>]*aria-label="([^"]+)"', page.text)
    return found.groups() if found else None


# -- the page -------------------------------------------------------------------------------------------------------------------------


def test_cells_say_who_what_when_and_how(galbert, activities, made):
    made(cast.book, activities.lea, 1, activities.meal, cast.THURSDAY)
    page = galbert.get(AGENDA)
    state, act, name = cell_in(page, spot(activities.lea, activities.meal, cast.THURSDAY))
    assert (state, act) == ("booked", "open")
    assert name.startswith("Léa, Canteen, Thursday 26 Nov: booked, may be cancelled until ")
    assert cell_in(page, spot(activities.lea, activities.care, cast.THURSDAY))[:2] == ("free", "book")


@pytest.mark.parametrize("weeks", (1, 4))
def test_the_page_is_light(app, galbert, activities, weeks, made):
    for child in (activities.lea, activities.tom):
        made(cast.enrol, child, 1, activities.evening)
    address = f"{AGENDA}?weeks={weeks}"
    galbert.get(address)
    with app.app_context(), counted_queries() as statements:
        page = galbert.get(address)
    assert len(statements) <= 8, "\n".join(statements)
    assert len(gzip.compress(page.data)) <= 15_000
    assert len(re.findall(r"<[a-z]", page.text)) <= {1: 800, 4: 2000}[weeks]


def test_the_scripts_are_light(app):
    scripts = [Path(app.root_path, "static", name).read_bytes() for name in ("portal.js", "agenda.js")]
    assert sum(len(gzip.compress(script)) for script in scripts) <= 10_000
    assert len(scripts[1]) <= 12_500


def test_closed_days_fold_with_their_reason(galbert):
    page = galbert.get(f"{AGENDA}?week=2026-W46")
    assert "Wednesday 11" in page.text
    assert re.search(r"is-closed[^>]*><h2>Wednesday 11</h2><p>.*?</svg> [^<]+", page.text)


@pytest.mark.parametrize(
    "nonsense", ("?week=x", "?week=2026-W99", "?weeks=99", "?child=999", "?child=x", "?week=9999-12-31", "?week=0001-W01")
)
def test_nonsense_in_the_address_shows_this_week(galbert, nonsense):
    page = galbert.get(AGENDA + nonsense)
    assert page.status_code == 200
    assert "Thursday 26" in page.text


def test_a_week_over_the_turn_of_the_year(galbert):
    page = galbert.get(f"{AGENDA}?week=2026-W53")
    assert page.status_code == 200
    assert "28 Dec – 1 Jan" in page.text


def test_a_family_without_children_or_enrolments_is_told_what_to_do(sign_in, activities):
    assert "Bookings are made here once" in sign_in("petit").get(AGENDA).text


def test_the_other_households_week_is_locked_without_content(sign_in, activities, made):
    made(cast.book, activities.hugo, 2, activities.meal, cast.THURSDAY)
    page = sign_in("martin").get(f"{AGENDA}?week=2026-W49")
    assert cell_in(page, spot(activities.hugo, activities.meal, cast.NEXT_THURSDAY)) is None


# -- taps -----------------------------------------------------------------------------------------------------------------------------


def test_a_tap_asks_at_once(app, galbert, activities):
    where = spot(activities.lea, activities.care, cast.THURSDAY)
    (said,) = tap(galbert, ("key-number-1", where, "book"))
    assert (said["ok"], said["state"], said["then"]) == (True, "waiting", "withdraw")
    assert "waiting for the town hall" in said["name"]
    with app.app_context():
        (request,) = requests()
        assert (request.id, request.kind, request.state) == (said["request"], "booking", RequestState.pending)
        assert db.session.scalar(select(func.count()).select_from(Booking)) == 0


def test_the_same_tap_twice_or_an_hour_later_is_one_request(app, galbert, activities):
    where = spot(activities.lea, activities.care, cast.THURSDAY)
    first = tap(galbert, ("key-number-1", where, "book"))
    clock.advance(hours=1)
    again = tap(galbert, ("key-number-1", where, "book"))
    assert again[0]["request"] == first[0]["request"]
    with app.app_context():
        assert len(requests()) == 1


def test_a_replayed_taking_back_leaves_a_later_request_alone(app, galbert, activities):
    where = spot(activities.lea, activities.care, cast.THURSDAY)
    first = tap(galbert, ("key-number-1", where, "book"))[0]["request"]
    tap(galbert, ("key-number-2", where, "withdraw", first))
    later = tap(galbert, ("key-number-3", where, "book"))[0]
    said = tap(galbert, ("key-number-2", where, "withdraw", first))[0]
    assert (said["ok"], said["state"], said["request"]) == (True, "waiting", later["request"])


def test_one_tap_that_is_refused_leaves_the_others_alone(app, galbert, activities, made):
    made(cast.book, activities.lea, 1, activities.meal, cast.THURSDAY)
    said = tap(
        galbert,
        ("key-number-1", spot(activities.lea, activities.meal, cast.THURSDAY), "book"),
        ("key-number-2", spot(activities.lea, activities.meal, date(2026, 11, 20)), "book"),
        ("key-number-3", spot(activities.tom, activities.meal, cast.THURSDAY), "book"),
    )
    assert [one["ok"] for one in said] == [False, False, True]
    assert "already booked" in said[0]["sentence"]
    with app.app_context():
        assert len(requests()) == 1


def test_the_taps_of_a_lot_count_each_other(app, galbert, activities, made):
    """They are judged by what was read once, and by what those before them asked."""
    made(cast.places, activities.table, activities.meal, 1, cast.THURSDAY)
    day = activities.day, cast.NEXT_WEDNESDAY
    said = tap(
        galbert,
        ("key-number-1", spot(activities.lea, activities.meal, cast.THURSDAY), "book"),
        ("key-number-2", spot(activities.lea, *day), "book"),
        ("key-number-3", spot(activities.lea, activities.morning, cast.NEXT_WEDNESDAY), "book"),
        ("key-number-4", spot(activities.tom, activities.meal, cast.THURSDAY), "book"),
        ("key-number-2", spot(activities.lea, *day), "book"),
        ("key-number-5", spot(activities.lea, *day), "withdraw"),
        ("key-number-6", spot(activities.lea, activities.morning, cast.NEXT_WEDNESDAY), "book"),
    )
    assert [one["ok"] for one in said] == [True, True, False, True, True, True, True], "the half day beside the whole one"
    assert said[4]["request"] is None, "the same tap twice is one request, and was then taken back"
    with app.app_context():
        asked = db.session.scalars(select(PlaceAsked).order_by(PlaceAsked.id)).all()
        assert [(one.child_id, one.unit_id, one.rank) for one in asked] == [
            (activities.lea, activities.meal, Rank.holds),
            (activities.lea, activities.day, Rank.closed),
            (activities.tom, activities.meal, Rank.queued),
            (activities.lea, activities.morning, Rank.holds),
        ]
        assert len(requests()) == 4 and len({request.lot_id for request in requests()}) == 1
        logged = select(LogEntry.row_id).where(LogEntry.verb == "request.submitted").order_by(LogEntry.id)
        assert db.session.scalars(logged).all() == [request.id for request in requests()]


def test_a_lot_reads_as_much_as_a_tap(app, galbert, activities):
    def reads(*days):
        taps = [(f"key-number-{day}", spot(activities.lea, activities.care, day), "book") for day in days]
        with app.app_context(), counted_queries() as statements:
            assert all(one["ok"] for one in tap(galbert, *taps))
        return sum(statement.startswith("SELECT") for statement in statements)

    mondays = [cast.NEXT_MONDAY + timedelta(weeks=weeks) for weeks in range(3)]
    reads(cast.THURSDAY)
    assert reads(mondays[0]) == reads(*mondays[1:], cast.NEXT_THURSDAY, cast.NEXT_TUESDAY)


def test_another_familys_child_is_refused_and_nothing_is_told(app, sign_in, galbert, activities):
    hugo = spot(activities.hugo, activities.meal, cast.THURSDAY)
    sign_in("martin").post(AGENDA, json={"taps": [{"key": "key-number-1", "spot": hugo, "act": "book"}]})
    for one in tap(galbert, ("key-number-1", hugo, "book"), ("key-number-2", hugo, "withdraw"), ("key-number-3", hugo, "withdraw", 1)):
        assert not one["ok"] and one["name"] == "" and one["request"] is None
    with app.app_context():
        assert [(row.family_id, row.state) for row in requests()] == [(2, RequestState.pending)]


@pytest.mark.parametrize(
    "posted",
    (
        "x",
        [],
        {"taps": []},
        {"taps": [1]},
        {"taps": [{"key": "key-number-1", "spot": "1.1", "act": "book"}]},
        {"taps": [{"key": "key-number-1", "spot": "1.1.2026-02-30", "act": "book"}]},
        {"taps": [{"key": "x", "spot": "1.1.2026-11-26", "act": "book"}]},
        {"taps": [{"key": "key-number-1", "spot": "1.1.2026-11-26", "act": "steal"}]},
        {"taps": [{"key": "key-number-1", "spot": "99999999999.1.2026-11-26", "act": "book"}]},
        {"taps": [{"key": "key-number-1", "spot": "1.1.2026-11-26", "act": "withdraw", "request": "x"}]},
    ),
)
def test_a_post_that_makes_no_sense_is_refused(app, galbert, posted):
    assert galbert.post(AGENDA, json=posted, headers={"Accept": "application/json"}).status_code == 400
    with app.app_context():
        assert requests() == []


def test_the_half_day_beside_a_whole_day_is_told_too(galbert, activities):
    answer = galbert.post(
        AGENDA, json={"taps": [{"key": "key-number-1", "spot": spot(activities.lea, activities.day, cast.NEXT_WEDNESDAY), "act": "book"}]}
    )
    others = {one["spot"]: one["state"] for one in answer.json["others"]}
    assert others == {spot(activities.lea, unit, cast.NEXT_WEDNESDAY): "closed" for unit in (activities.morning, activities.afternoon)}


def test_a_full_day_leads_to_the_waiting_list(galbert, activities, made):
    made(cast.places, activities.big, activities.day, 0)
    where = spot(activities.lea, activities.day, cast.NEXT_WEDNESDAY)
    assert cell_in(galbert.get(AGENDA + NEXT), where)[:2] == ("full", "book")
    (said,) = tap(galbert, ("key-number-1", where, "book"))
    assert (said["state"], said["then"]) == ("queued", "withdraw")


def test_a_session_that_ended_leads_to_the_door(sign_in, activities):
    answer = sign_in().post(AGENDA, json={"taps": []})
    assert answer.status_code in (302, 303) and "/login/" in answer.location


def test_who_may_only_read_is_shown_no_buttons(app, sign_in, activities, monkeypatch):
    from app.security import who_sees_what
    from app.security.who_sees_what import Noun

    table = {**who_sees_what.TABLE, Noun.booking: ("r",) * 8}
    monkeypatch.setattr(who_sees_what, "TABLE", table)
    who_sees_what.permissions.cache_clear()
    try:
        client = sign_in("galbert")
        assert '<button class="cell' not in client.get(AGENDA).text
        assert client.post(AGENDA, json={"taps": []}).status_code == 403
    finally:
        who_sees_what.permissions.cache_clear()


# -- without a script -----------------------------------------------------------------------------------------------------------------


def test_a_button_asks_and_takes_back(app, galbert, activities):
    where = spot(activities.lea, activities.care, cast.THURSDAY)
    page = galbert.post(AGENDA, data={"book": where, "key": "k" * 32}, follow_redirects=True)
    assert "1 request sent to the town hall." in page.text
    assert cell_in(page, where)[:2] == ("waiting", "withdraw")
    assert "1 request taken back." in galbert.post(AGENDA, data={"withdraw": where, "key": "l" * 32}, follow_redirects=True).text


def test_a_booked_day_opens_its_page_and_cancels_nothing(app, galbert, activities, made):
    made(cast.book, activities.lea, 1, activities.meal, cast.THURSDAY)
    where = spot(activities.lea, activities.meal, cast.THURSDAY)
    page = galbert.post(AGENDA, data={"open": where}, follow_redirects=True)
    assert "Declare an absence" in page.text and "Repeat every week until…" in page.text
    with app.app_context():
        assert requests() == []


def test_boxes_ask_and_take_back_in_one_send(app, galbert, activities):
    first, second = (spot(activities.lea, activities.care, day) for day in (cast.THURSDAY, cast.FRIDAY))
    galbert.post(AGENDA, data={"book": first, "key": "k" * 32})
    page = galbert.get(f"{AGENDA}?plain=1")
    assert f'name="want" value="{first}"' in page.text and f'name="was" value="{first}:1"' in page.text
    said = galbert.post(AGENDA, data={"was": f"{first}:1", "want": second, "key": "m" * 32}, follow_redirects=True).text
    assert "1 request sent" in said and "1 request taken back" in said
    with app.app_context():
        assert [row.state for row in requests()] == [RequestState.withdrawn, RequestState.pending]
    assert "You have changed nothing." in galbert.post(AGENDA, data={"key": "n" * 32}, follow_redirects=True).text


def test_an_old_page_that_is_sent_again_leaves_a_later_request_alone(app, galbert, activities):
    where = spot(activities.lea, activities.care, cast.THURSDAY)
    galbert.post(AGENDA, data={"book": where, "key": "k" * 32})
    old = f"{where}:1"
    assert f'name="was" value="{old}"' in galbert.get(AGENDA).text
    galbert.post(AGENDA, data={"withdraw": where, "was": old, "key": "l" * 32})
    galbert.post(AGENDA, data={"book": where, "key": "m" * 32})
    for again in ({"withdraw": where, "was": old, "key": "l" * 32}, {"was": old, "key": "n" * 32}):
        galbert.post(AGENDA, data=again)
    with app.app_context():
        assert [row.state for row in requests()] == [RequestState.withdrawn, RequestState.pending]
    galbert.get(AGENDA)
    # A request that was taken back is not sent again by an old page, and nobody says that it was.
    said = galbert.post(AGENDA, data={"book": where, "key": "k" * 32}, follow_redirects=True).text
    assert "You have taken this request back meanwhile." in said and "request sent" not in said


@pytest.mark.parametrize("was", ("x", "1.1.2026-11-26", "1.1.2026-11-26:x", "1.1.2026-11-26:"))
def test_boxes_that_make_no_sense_are_refused(galbert, activities, was):
    assert galbert.post(AGENDA, data={"was": was, "key": "k" * 32}).status_code == 400


# -- wide acts ------------------------------------------------------------------------------------------------------------------------


def send_recap(client, page):
    """Press the one button of a recap."""
    spots = re.findall(r'name="book" value="([^"]+)"', page.text)
    key = re.search(r'name="key" value="([^"]+)"', page.text).group(1)
    return spots, client.post(AGENDA, data={"book": spots, "key": key}, follow_redirects=True)


def test_the_usual_week_of_two_children_in_two_taps(app, galbert, activities):
    recap = galbert.get(f"{AGENDA}semaine-type/{NEXT}")
    assert "9 days will be asked" in recap.text
    spots, page = send_recap(galbert, recap)
    assert len(spots) == 9 and "9 requests sent" in page.text
    with app.app_context():
        assert db.session.scalar(select(func.count()).where(PlaceAsked.rank == Rank.holds)) == 9
    again = galbert.get(f"{AGENDA}semaine-type/{NEXT}")
    assert "Everything has been asked already." in again.text and 'name="book"' not in again.text


def test_every_week_until_leaves_out_what_is_closed_and_says_why(galbert, activities):
    where = spot(activities.lea, activities.meal, cast.FRIDAY)
    recap = galbert.get(f"{AGENDA}repeter/?spot={where}&until=2027-01-08")
    spots = re.findall(r'name="book" value="([^"]+)"', recap.text)
    days = [text.rsplit(".", 1)[1] for text in spots]
    assert days == ["2026-11-27", "2026-12-04", "2026-12-11", "2026-12-18", "2027-01-08"]
    assert "2 days are left out" in recap.text
    assert "Fri 25 Dec" in recap.text


def test_requests_of_days_are_listed_by_child_service_and_day(galbert, activities):
    send_recap(galbert, galbert.get(f"{AGENDA}semaine-type/{NEXT}"))
    page = galbert.get("/portail/demandes/?tab=bookings").text
    near = re.findall(r'>([^<]+) <span class="muted', page[page.index("The other requests of this list") :])
    assert len(near) == len(set(near)) == 9
    assert "Tom: Canteen, Thursday, 3 December 2026" in [html.unescape(one) for one in near]


def test_what_is_left_out_is_told_once_for_each_reason(galbert, activities):
    """Fridays of Christmas and New Year, of the canteen: two reasons, a line each, whatever their number."""
    where = spot(activities.lea, activities.meal, cast.FRIDAY)
    recap = galbert.get(f"{AGENDA}repeter/?spot={where}&until=2027-05-14").text
    told = re.search(r'<section class="card" aria-labelledby="left">.*?</section>', recap, re.S).group()
    reasons = [html.unescape(reason) for reason in re.findall(r"<h3[^>]*>([^<]+)</h3>", told)]
    assert reasons[:2] == ["Christmas Day", "New Year's Day"] and len(reasons) == len(set(reasons))
    assert re.search(r"<dt>Canteen</dt>\s*<dd[^>]*>Fri 25 Dec</dd>", told)


def test_a_week_that_is_asked_already_leads_to_the_next(galbert, activities):
    send_recap(galbert, galbert.get(f"{AGENDA}semaine-type/{NEXT}"))
    again = galbert.get(f"{AGENDA}semaine-type/{NEXT}").text
    assert re.search(r'href="[^"]*semaine-type/\?week=2026-W50"[^>]*>The next week', again)


def test_a_day_is_copied_for_a_sibling(app, galbert, activities, made):
    made(cast.book, activities.lea, 1, activities.meal, cast.NEXT_TUESDAY)
    made(cast.book, activities.lea, 1, activities.care, cast.NEXT_TUESDAY)
    recap = galbert.get(f"{AGENDA}copier/?spot={spot(activities.lea, 0, cast.NEXT_TUESDAY)}")
    assert "1 day will be asked" in recap.text and "Tom is not enrolled in this activity." in recap.text
    spots, _page = send_recap(galbert, recap)
    assert spots == [spot(activities.tom, activities.meal, cast.NEXT_TUESDAY)]


@pytest.mark.parametrize("what", ("jour", "repeter", "copier"))
@pytest.mark.parametrize("bad", ("", "?spot=x", "?spot=1.2.2026-13-01"))
def test_addresses_of_nothing(galbert, what, bad):
    assert galbert.get(f"{AGENDA}{what}/{bad}").status_code == 404


@pytest.mark.parametrize("what", ("jour", "repeter", "copier"))
def test_another_familys_child_is_not_there(galbert, activities, what):
    assert galbert.get(f"{AGENDA}{what}/?spot={spot(activities.hugo, activities.meal, cast.THURSDAY)}").status_code == 404


def test_a_late_wednesday_is_asked_with_a_reason(app, galbert, activities):
    where = spot(activities.lea, activities.day, cast.WEDNESDAY)
    page = galbert.get(f"{AGENDA}jour/?spot={where}")
    assert "Why do you ask so late?" in page.text
    assert "Say why you ask so late" in galbert.post(AGENDA, data={"book": where, "key": "k" * 32}, follow_redirects=True).text
    page = galbert.post(AGENDA, data={"book": where, "key": "l" * 32, "comment": "New job"}, follow_redirects=True)
    assert "1 request sent" in page.text


def test_an_offered_place_is_taken(app, galbert, activities, made):
    made(cast.places, activities.big, activities.day, 0)
    where = spot(activities.lea, activities.day, cast.NEXT_WEDNESDAY)
    request = tap(galbert, ("key-number-1", where, "book"))[0]["request"]
    with app.test_request_context("/"), unit_of_work():
        ask = db.session.scalar(select(PlaceAsked).filter_by(request_id=request))
        ask.rank, ask.offered_until = Rank.offered, clock.now() + timedelta(hours=24)
    page = galbert.get(f"{AGENDA}jour/?spot={where}")
    assert "Take the place" in page.text and "No thanks" in page.text
    galbert.post(f"{AGENDA}place/{request}")
    with app.app_context():
        assert db.session.scalar(select(PlaceAsked.rank).filter_by(request_id=request)) is Rank.holds

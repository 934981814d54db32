"""Does an enrolment that waits keep its places, in the order in which families asked, and give them back when it is over?"""

from datetime import date, timedelta

import pytest

from app.activities.cancelling import Days, cancel_days
from app.activities.models import Activity, Booking, Enrolment, PlaceAsked, Rank
from app.activities.timetable import CellState
from app.activities.waiting import offer_places
from app.changes.decisions import Verdict, decide, undo
from app.changes.models import Decision, Lane, Outcome, RequestState
from app.changes.operations import withdraw
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.mail.models import OutgoingMail
from app.portal.sections import Told
from tests.activities import cast
from tests.activities.cast import NEXT_MONDAY, NEXT_TUESDAY
from tests.activities.test_bookings import ask, cell, settle
from tests.conftest import account, counted_queries, work
from tests.factories import make_request, request_of

MONDAYS = [NEXT_MONDAY, NEXT_MONDAY + timedelta(days=7)]


@pytest.fixture
def town(app, monkeypatch, activities):
    """The canteen has one place a day."""
    monkeypatch.setitem(app.config, "BABEL_DEFAULT_LOCALE", "en")
    with app.test_request_context("/", headers={"Accept-Language": "en"}):
        cast.places(activities.table, activities.meal, 1)
        activities.zoe, activities.max = (cast.another_child(name, activities.galbert) for name in ("Zoé", "Max"))
        yield activities
        db.session.rollback()


def enrol(town, child, week=None, last="2026-12-13", **more):
    values = {"activity_id": town.canteen, "starts_on": "2026-11-30", "ends_on": last, "week": week or {"1": [town.meal]}, **more}
    return make_request("enrolment", town.galbert, values, act="add", child_id=child, sealed=False)


def kept(number):
    query = db.select(PlaceAsked.day, PlaceAsked.rank).filter_by(request_id=number).order_by(PlaceAsked.day)
    return [(row.day, row.rank) for row in db.session.execute(query)]


def booked(child):
    return db.session.scalars(db.select(Booking.day).filter_by(child_id=child).order_by(Booking.day)).all()


def take_back(number):
    with unit_of_work():
        withdraw(request_of(number), by=account("galbert"))


def said(number):
    return " ".join(finding["sentence"] for finding in request_of(number).findings)


def test_its_days_have_a_place_that_nobody_takes_who_asks_later(app, town):
    number = enrol(town, town.zoe)
    assert kept(number) == [(day, Rank.holds) for day in MONDAYS]
    later = ask(town, town.meal, NEXT_MONDAY)
    assert request_of(later).lane is Lane.queued
    settle(app, number)
    assert booked(town.zoe) == MONDAYS and kept(number) == []
    assert request_of(later).lane is Lane.queued


def test_the_order_is_that_of_the_families_not_of_the_clerk(app, town):
    first = enrol(town, town.zoe)
    clock.advance(minutes=1)
    second = enrol(town, town.max, {"1": [town.meal], "2": [town.meal]})
    assert "No place on 2 days" in said(second)
    settle(app, second)
    assert booked(town.max) == [NEXT_TUESDAY, NEXT_TUESDAY + timedelta(days=7)]
    settle(app, first)
    assert booked(town.zoe) == MONDAYS


def test_where_there_is_no_limit_nothing_is_kept(town):
    week = {"activity_id": town.evening, "starts_on": "2026-11-30", "ends_on": "2026-12-13", "week": {"1": [town.care]}}
    assert kept(make_request("enrolment", town.galbert, week, act="add", child_id=town.zoe)) == []


def test_a_full_day_waits_in_line_and_gets_a_freed_place(app, town):
    """Nobody is asked whether it still wants it: it is a day of the usual week."""
    holder = ask(town, town.meal, NEXT_MONDAY)
    clock.advance(minutes=1)
    number = enrol(town, town.zoe)
    behind = ask(town, town.meal, NEXT_MONDAY, child=town.tom)
    assert kept(number) == [(MONDAYS[0], Rank.queued), (MONDAYS[1], Rank.holds)]
    assert request_of(number).lane is Lane.look and "No place on 1" in said(number)
    assert Told(request_of(number)).remark == "No place is left yet on: 30 November."
    take_back(holder)
    assert kept(number) == [(day, Rank.holds) for day in MONDAYS] and request_of(behind).lane is Lane.queued
    assert request_of(number).lane is Lane.green
    assert db.session.scalar(db.select(OutgoingMail.id).filter_by(template="place_offered")) is None
    settle(app, number)
    assert booked(town.zoe) == MONDAYS


def test_what_stays_full_is_told_with_the_decision(app, town):
    ask(town, town.meal, NEXT_MONDAY)
    clock.advance(minutes=1)
    settle(app, enrol(town, town.zoe))
    assert booked(town.zoe) == MONDAYS[1:]
    (mail,) = db.session.scalars(db.select(OutgoingMail).filter_by(template="days_without_place"))
    assert "30 novembre" in mail.body and "agenda" in mail.body
    assert cell(town, town.meal, NEXT_MONDAY, town.zoe).waiting_list


@pytest.mark.parametrize("end", ["withdrawn", "refused"])
def test_its_places_go_to_those_who_wait(app, town, end):
    number = enrol(town, town.zoe)
    clock.advance(minutes=1)
    waiting = ask(town, town.meal, NEXT_MONDAY)
    take_back(number) if end == "withdrawn" else settle(app, number, outcome=Outcome.refuse, reason="No")
    assert kept(number) == [] and kept(waiting) == [(NEXT_MONDAY, Rank.offered)]


def test_a_correction_keeps_the_days_that_stay(town):
    number = enrol(town, town.zoe, {"1": [town.meal], "2": [town.meal]})
    clock.advance(minutes=1)
    monday, tuesday = (ask(town, town.meal, day) for day in (NEXT_MONDAY, NEXT_TUESDAY))
    values = {"activity_id": town.canteen, "starts_on": "2026-11-30", "ends_on": "2026-12-13", "week": {"1": [town.meal]}}
    again = correct(town, number, values)
    assert kept(number) == [] and kept(again) == [(day, Rank.holds) for day in MONDAYS]
    assert kept(monday) == [(NEXT_MONDAY, Rank.queued)] and kept(tuesday) == [(NEXT_TUESDAY, Rank.offered)]


def correct(town, number, values):
    from app.changes.kinds import KINDS, Proposal
    from app.changes.models import Act
    from app.changes.operations import submit
    from app.security.scope import Standing
    from app.security.who_sees_what import Viewer

    with unit_of_work():
        by, child = account("galbert"), request_of(number).child_id
        proposal = Proposal(act=Act.add, child_id=child, after=values, replaces=number)
        return submit(KINDS["enrolment"], proposal, standing=Standing(by.id, town.galbert, Viewer.guardian), by=by).id


def test_one_that_was_sent_back_keeps_them_until_its_first_day(app, town):
    number = enrol(town, town.zoe)
    settle(app, number, outcome=Outcome.send_back, reason="Which week?")
    assert kept(number) == [(day, Rank.holds) for day in MONDAYS]
    waiting = ask(town, town.meal, MONDAYS[1])
    clock.advance(days=7)
    work(app)
    assert request_of(number).state is RequestState.refused and kept(number) == []
    assert kept(waiting) == [(MONDAYS[1], Rank.offered)]


def test_one_that_waits_is_not_ended_by_a_full_day_that_has_come(app, town):
    ask(town, town.meal, NEXT_MONDAY)
    number = enrol(town, town.zoe)
    clock.advance(days=7)
    work(app)
    assert request_of(number).state is RequestState.pending


def test_the_town_takes_places_away(app, town):
    """Whoever asked earlier keeps the place, whichever the clerk accepts first."""
    cast.places(town.table, town.meal, 2)
    first = enrol(town, town.zoe)
    clock.advance(minutes=1)
    second = enrol(town, town.max)
    cast.places(town.table, town.meal, 1)
    settle(app, second)
    settle(app, first)
    assert (booked(town.zoe), booked(town.max)) == (MONDAYS, [])


def test_a_day_that_the_town_takes_away_is_taken_out(app, town):
    number = enrol(town, town.zoe)
    with unit_of_work():
        cancel_days(Days([db.session.get(Activity, town.canteen)], [NEXT_MONDAY]), "Strike", by=account("agent"))
    assert request_of(number).state is RequestState.pending
    settle(app, number)
    assert booked(town.zoe) == MONDAYS[1:]


# -- a change of the usual week -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def enrolment(town):
    return cast.enrol(town.zoe, town.galbert, town.canteen, {"1": [town.meal]}, last=date(2026, 12, 13))


def longer(town, enrolment, *days, **more):
    week = {day: [town.meal] for day in ("1", *days)}
    return make_request("enrolment", town.galbert, {"week": week}, target_id=enrolment, child_id=town.zoe, **more)


def test_a_change_keeps_the_days_that_it_adds(app, town, enrolment):
    number = longer(town, enrolment, "2")
    assert [day for day, _rank in kept(number)] == [NEXT_TUESDAY, NEXT_TUESDAY + timedelta(days=7)]
    found = cell(town, town.meal, NEXT_TUESDAY, town.zoe)
    assert found.state is CellState.waiting and not found.withdrawable, "a tap does not take the whole enrolment back"
    settle(app, number)
    assert booked(town.zoe) == [NEXT_TUESDAY, NEXT_TUESDAY + timedelta(days=7)] and kept(number) == []


def test_two_changes_that_become_one_hold_their_days_once(app, town, enrolment):
    """The family asks again while a decision is held back, and the clerk takes it back."""
    first = longer(town, enrolment, "2")
    with unit_of_work():
        decide([Verdict(first, request_of(first).version, Outcome.accept)], by=account("agent"))
    longer(town, enrolment, "2", "4", sealed=False)
    with unit_of_work():
        undo(db.session.scalar(db.select(Decision.batch)), by=account("agent"))
    both = db.session.scalar(db.select(PlaceAsked.request_id).distinct())
    assert request_of(both).state is RequestState.pending and len(kept(both)) == 5, "two Tuesdays, three Thursdays"
    take_back(both)
    assert db.session.scalar(db.select(PlaceAsked.id)) is None


# -- how many queries ---------------------------------------------------------------------------------------------------------------------


def test_a_year_costs_as_many_queries_as_two_weeks(app, town):
    week = {str(day): [town.meal] for day in (1, 2, 4, 5)}
    many, rows = [], []
    for child, last in ((town.zoe, "2026-12-13"), (town.max, "2027-07-03")):
        cast.places(town.table, town.meal, 5)
        with counted_queries() as statements:
            number = enrol(town, child, week, last)
        with counted_queries() as others:
            take_back(number)
        many.append((len(statements), len(others)))
        rows.append(sum("INSERT INTO place_asked" in statement for statement in statements))
    assert many[1] <= many[0] and rows == [1, 1], many


def test_the_worker_finds_nothing_left_to_do(app, town):
    enrol(town, town.zoe)
    clock.advance(minutes=1)
    enrol(town, town.max)
    assert offer_places() == 0
    cast.places(town.table, town.meal, 2)
    assert offer_places() == 2 and offer_places() == 0
    assert db.session.scalar(db.select(db.func.count()).select_from(Enrolment).filter_by(child_id=town.zoe)) == 0

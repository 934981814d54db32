"""May a family book this day, and what becomes of it? Every rule, with what a family might try."""

from datetime import date

import pytest

from app.activities.models import Booking, BookingState, PlaceAsked, Rank
from app.activities.timetable import CellState, Timetable
from app.changes.decisions import Verdict, decide
from app.changes.models import ChangeRequest, Lane, Outcome, RequestState
from app.children.queries import children_of
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError, Stale
from app.core.i18n import in_locale
from app.extensions import db
from tests.activities import cast
from tests.activities.cast import NEXT_MONDAY, NEXT_THURSDAY, NEXT_TUESDAY, NEXT_WEDNESDAY
from tests.conftest import account, counted_queries, work
from tests.factories import make_request, request_of


def ask(town, unit, day, child=None, family=None, **more):
    return make_request(
        "booking",
        family or town.galbert,
        {"unit_id": unit, "day": day},
        act="add",
        child_id=child or town.lea,
        sealed=more.pop("sealed", False),
        **more,
    )


def refused(town, unit, day, **more):
    with pytest.raises(DomainError) as refusal:
        ask(town, unit, day, **more)
    return str(refusal.value)


def settle(app, *numbers, outcome=Outcome.accept, reason=""):
    """A clerk decides, and the worker gives effect to it."""
    clock.advance(minutes=11)
    with unit_of_work():
        verdicts = [Verdict(number, request_of(number).version, outcome, reason=reason) for number in numbers]
        result = decide(verdicts, by=account("agent"))
    assert result.problems == {}
    clock.advance(seconds=11)
    work(app)


def cell(town, unit, day, child=None, family=None):
    family = family or town.galbert
    table = Timetable.load(children_of(family), day, day, family)
    return table.cell(child or town.lea, unit, day)


def booking(town, unit, day, child=None):
    return db.session.scalar(
        db.select(Booking).filter_by(child_id=child or town.lea, unit_id=unit, day=day).execution_options(populate_existing=True)
    )


@pytest.fixture
def town(app, activities, ctx):
    with in_locale("en"):
        yield activities


def test_an_accepted_request_is_a_booking(app, town):
    number = ask(town, town.meal, NEXT_MONDAY)
    assert cell(town, town.meal, NEXT_MONDAY).state is CellState.waiting
    assert booking(town, town.meal, NEXT_MONDAY) is None
    settle(app, number)
    row = booking(town, town.meal, NEXT_MONDAY)
    assert row.state is BookingState.booked and row.family_id == town.galbert and not row.late
    assert cell(town, town.meal, NEXT_MONDAY).state is CellState.booked


# -- what is refused, with a sentence -----------------------------------------------------------------------------------------------------


def test_a_closed_day(town):
    assert "Closed on this day of the week" in refused(town, town.meal, NEXT_WEDNESDAY)
    assert "Christmas" in refused(town, town.care, date(2026, 12, 25))


def test_a_day_that_has_passed(town):
    assert "has passed" in refused(town, town.care, date(2026, 11, 20))


def test_after_the_deadline(town):
    sentence = refused(town, town.meal, cast.TUESDAY)
    assert "past the deadline" in sentence and "24 November 2026" in sentence
    assert cell(town, town.meal, cast.TUESDAY).state is CellState.too_late


def test_the_deadline_is_that_very_minute(town):
    """D-2 at noon without the weekend: for Monday 30 November that is Thursday 26, 12:00."""
    limit = cell(town, town.meal, NEXT_MONDAY).deadline
    assert clock.local(limit).strftime("%d %H:%M") == "26 12:00"
    clock.stop_at(limit)
    try:
        assert cell(town, town.meal, NEXT_MONDAY).state is CellState.free
        clock.stop_at(limit.replace(second=1))
        assert "past the deadline" in refused(town, town.meal, NEXT_MONDAY)
    finally:
        clock.stop_at(None)


def test_late_with_a_reason_where_the_town_allows_it(town):
    assert "Say why" in refused(town, town.day, cast.WEDNESDAY)
    number = ask(town, town.day, cast.WEDNESDAY, comment="Grand-mère est tombée")
    assert "Demandé après la date limite." in [finding["sentence"] for finding in request_of(number).findings]
    assert db.session.scalar(db.select(PlaceAsked)).late


def test_a_clerk_may_ask_late(town):
    number = ask(town, town.meal, cast.TUESDAY, channel="phone", by=account("agent"))
    assert request_of(number).lane is Lane.look


def test_another_familys_child(town):
    assert refused(town, town.meal, NEXT_MONDAY, child=town.hugo) == "This child is not in your file."


def test_not_enrolled(town):
    assert "not enrolled" in refused(town, town.care, NEXT_MONDAY, child=town.tom)
    assert "not enrolled" in refused(town, 4711, NEXT_MONDAY)


def test_an_enrolment_that_has_ended(town):
    from app.activities.models import Enrolment

    with unit_of_work():
        row = db.session.scalar(db.select(Enrolment).filter_by(child_id=town.lea, activity_id=town.canteen))
        row.ends_on = date(2026, 11, 30)
    assert ask(town, town.meal, NEXT_MONDAY)
    assert "not enrolled" in refused(town, town.meal, NEXT_TUESDAY)


def test_twice_the_same_day(town):
    ask(town, town.meal, NEXT_MONDAY)
    assert "already asked" in refused(town, town.meal, NEXT_MONDAY)
    cast.book(town.lea, town.galbert, town.meal, NEXT_TUESDAY)
    assert "already booked" in refused(town, town.meal, NEXT_TUESDAY)


def submit_tap(town, key, day=NEXT_MONDAY):
    from app.changes.kinds import KINDS, Proposal
    from app.changes.models import Act
    from app.changes.operations import submit
    from app.security.scope import Standing
    from app.security.who_sees_what import Viewer

    with unit_of_work():
        by = account("galbert")
        after = {"unit_id": town.meal, "day": day.isoformat()}
        proposal = Proposal(act=Act.add, child_id=town.lea, after=after, key=key)
        return submit(KINDS["booking"], proposal, standing=Standing(by.id, town.galbert, Viewer.guardian), by=by).id


def test_the_same_tap_twice_and_an_hour_later_is_one_request(app, town):
    first = submit_tap(town, "tap-1")
    assert submit_tap(town, "tap-1") == first
    clock.advance(hours=1)
    assert submit_tap(town, "tap-1") == first
    clock.advance(days=7)
    assert submit_tap(town, "tap-1") == first, "even after the deadline: it was sent in time"
    assert db.session.scalar(db.select(db.func.count()).select_from(ChangeRequest)) == 1


def test_too_young_and_too_old(town):
    from app.children.models import Child

    with unit_of_work():
        db.session.get(Child, town.lea).birth_date = date(2023, 12, 3)
    assert "From 3 years on" in refused(town, town.day, NEXT_WEDNESDAY)
    assert "3 years" not in refused(town, town.day, date(2026, 12, 10))
    with unit_of_work():
        db.session.get(Child, town.lea).birth_date = date(2014, 1, 1)
    assert "Up to 11 years" in refused(town, town.day, NEXT_WEDNESDAY)


def test_born_on_29_february(town):
    """Somebody born on 29 February 2024 is 3 from 1 March 2027 on."""
    from app.children.models import Child

    with unit_of_work():
        db.session.get(Child, town.lea).birth_date = date(2024, 2, 29)
    with unit_of_work():
        from app.activities.models import Activity

        db.session.get(Activity, town.wednesday).weekdays = [1, 2, 3, 4, 5, 6, 7]
    assert cell(town, town.day, date(2027, 2, 28)).says == "From 3 years on"
    assert cell(town, town.day, date(2027, 3, 1)).says != "From 3 years on"


def test_29_february_is_a_day_like_others(town):
    from app.activities.models import Activity, Enrolment

    with unit_of_work():
        db.session.get(Activity, town.canteen).booking_rule = cast.TWO_DAYS_BEFORE
        for row in db.session.scalars(db.select(Enrolment).filter_by(child_id=town.lea)):
            row.ends_on = date(2028, 7, 3)
    leap = date(2028, 2, 29)
    found = cell(town, town.meal, leap)
    assert found.state is CellState.free and clock.local(found.deadline).date() == date(2028, 2, 25)


def test_units_that_exclude_each_other(town):
    cast.book(town.lea, town.galbert, town.morning, NEXT_WEDNESDAY)
    clock.advance(days=-7)
    assert "Not together with: Wednesdays, Morning" in refused(town, town.day, NEXT_WEDNESDAY)
    assert ask(town, town.afternoon, NEXT_WEDNESDAY)
    other = date(2026, 12, 9)
    ask(town, town.day, other)
    assert "Not together" in refused(town, town.morning, other), "a request that waits counts as well"


def test_the_other_households_week(town):
    """Hugo is with family Martin in even ISO weeks: 48 is even, 49 is odd."""
    assert ask(town, town.meal, cast.FRIDAY, child=town.hugo, family=town.martin)
    assert "cannot be booked by your household" in refused(town, town.meal, NEXT_THURSDAY, child=town.hugo, family=town.martin)
    assert cell(town, town.meal, NEXT_THURSDAY, town.hugo, town.martin).state is CellState.other_household


def test_a_years_end_inside_a_week(town):
    """2026 has 53 ISO weeks: 1 January 2027 lies in week 53, which is odd, and so is week 1 after it."""
    from app.activities.models import Activity, Season

    with unit_of_work():
        activity = db.session.get(Activity, town.canteen)
        activity.season, activity.weekdays = Season.all_year, [1, 2, 3, 4, 5]
    states = [cell(town, town.meal, date(*day), town.hugo, town.martin).state for day in ((2026, 12, 31), (2027, 1, 4), (2027, 1, 11))]
    assert states == [CellState.other_household, CellState.other_household, CellState.free]


def test_what_the_other_household_has_asked_stays_its_own(town):
    from app.children.models import Household, Weeks

    with unit_of_work():
        for row in db.session.scalars(db.select(Household).filter_by(child_id=town.hugo)):
            row.weeks = Weeks.all
    cast.enrol(town.hugo, town.petit, town.canteen)
    ask(town, town.meal, NEXT_MONDAY, child=town.hugo, family=town.petit)
    sentence = refused(town, town.meal, NEXT_MONDAY, child=town.hugo, family=town.martin)
    assert "Petit" not in sentence and "asked" not in sentence
    found = cell(town, town.meal, NEXT_MONDAY, town.hugo, town.martin)
    assert found.request_id is None and not found.withdrawable


def test_over_capacity_without_a_waiting_list(town):
    from app.activities.models import Activity

    with unit_of_work():
        db.session.get(Activity, town.canteen).waiting_list = False
    cast.places(town.table, town.meal, 1, NEXT_MONDAY)
    ask(town, town.meal, NEXT_MONDAY, child=town.tom)
    assert "No place is left" in refused(town, town.meal, NEXT_MONDAY)
    assert not cell(town, town.meal, NEXT_MONDAY).may_book


def test_a_day_that_the_town_took_away(town):
    from app.activities.cancelling import Days, cancel_days
    from app.activities.models import Activity

    with unit_of_work():
        cancel_days(Days([db.session.get(Activity, town.canteen)], [NEXT_MONDAY]), "Strike", by=account("agent"))
    assert "Strike" in refused(town, town.meal, NEXT_MONDAY)
    assert cell(town, town.meal, NEXT_MONDAY).state is CellState.cancelled


def test_the_clock_change_moves_no_deadline(town):
    """Clocks go forward on Easter Sunday, 28 March 2027: noon stays noon, and Monday is a holiday."""
    limit = cell(town, town.meal, date(2027, 3, 30)).deadline
    assert clock.local(limit).strftime("%d %H:%M") == "25 12:00" and limit.hour == 11
    assert cell(town, town.meal, date(2027, 4, 2)).deadline.hour == 10


def test_a_school_changed_in_mid_year(app, town):
    """The group, and so the places, follow the school of the day on which the clerk accepts."""
    from app.activities.models import ActivityGroup
    from app.children.models import School, SchoolEnrolment

    with unit_of_work():
        schools = db.session.scalars(db.select(School.id).order_by(School.id)).all()
        db.session.get(ActivityGroup, town.table).school_id = schools[0]
        other = ActivityGroup(activity_id=town.canteen, name="Montessori", school_id=schools[1], position=2)
        db.session.add(other)
        db.session.flush()
        other_id = other.id
    number = ask(town, town.meal, NEXT_MONDAY)
    with unit_of_work():
        db.session.scalar(db.select(SchoolEnrolment).filter_by(child_id=town.lea)).school_id = schools[1]
    settle(app, number)
    assert booking(town, town.meal, NEXT_MONDAY).group_id == other_id


# -- looked at again when it is applied ---------------------------------------------------------------------------------------------------


def returned(app, number):
    """Accept a request that cannot be applied any more; what the clerk reads."""
    from app.changes.models import Decision

    settle(app, number)
    assert request_of(number).state is RequestState.pending
    return db.session.scalar(db.select(Decision.problem).filter_by(request_id=number))


def test_the_enrolment_ended_meanwhile(app, town):
    from app.activities.models import Enrolment

    number = ask(town, town.meal, NEXT_MONDAY)
    with unit_of_work():
        db.session.scalar(db.select(Enrolment).filter_by(child_id=town.lea, activity_id=town.canteen)).ends_on = cast.MONDAY
    assert returned(app, number)


def test_the_child_moved_out_meanwhile(app, town):
    from app.children.models import Household

    number = ask(town, town.meal, NEXT_MONDAY)
    with unit_of_work():
        db.session.scalar(db.select(Household).filter_by(child_id=town.lea)).ended_on = cast.MONDAY
    assert returned(app, number)
    assert booking(town, town.meal, NEXT_MONDAY) is None


def test_the_places_were_reduced_meanwhile(app, town):
    """Whoever asked earlier keeps the place."""
    cast.places(town.table, town.meal, 2, NEXT_MONDAY)
    first = ask(town, town.meal, NEXT_MONDAY, child=town.tom)
    clock.advance(minutes=1)
    second = ask(town, town.meal, NEXT_MONDAY)
    cast.places(town.table, town.meal, 1, NEXT_MONDAY)
    assert returned(app, second)
    settle(app, first)
    assert booking(town, town.meal, NEXT_MONDAY, town.tom) and booking(town, town.meal, NEXT_MONDAY) is None


def test_the_deadline_passes_while_the_clerk_decides(app, town):
    number = ask(town, town.meal, NEXT_MONDAY)
    clock.advance(days=6)
    settle(app, number)
    assert booking(town, town.meal, NEXT_MONDAY).state is BookingState.booked


def test_a_withdrawn_request_leaves_no_trace(town):
    from app.changes.operations import withdraw

    number = ask(town, town.meal, NEXT_MONDAY)
    with unit_of_work():
        withdraw(request_of(number), by=account("galbert"))
    assert cell(town, town.meal, NEXT_MONDAY).state is CellState.free
    assert ask(town, town.meal, NEXT_MONDAY)


def test_a_refusal_stands_beside_the_day_and_it_may_be_asked_again(app, town):
    number = ask(town, town.meal, NEXT_MONDAY)
    settle(app, number, outcome=Outcome.refuse, reason="Cantine fermée ce jour-là")
    found = cell(town, town.meal, NEXT_MONDAY)
    assert found.state is CellState.refused and found.says == "Cantine fermée ce jour-là" and found.may_book
    assert ask(town, town.meal, NEXT_MONDAY)


def test_a_timetable_takes_five_queries(app, town):
    from app.core import settings

    cast.places(town.table, town.meal, 50)
    children = children_of(town.galbert)
    settings.get("lot_minutes")
    with counted_queries() as statements:
        table = Timetable.load(children, cast.MONDAY, date(2026, 12, 20), town.galbert)
        assert len(table.cells) == (1 + 1 + 3 + 1) * 28
    assert len(statements) <= 5, "\n".join(statements)


# -- which way each may go ----------------------------------------------------------------------------------------------------------------


def test_neither_a_booking_nor_a_wish_goes_where_it_may_not(town):
    number = ask(town, town.meal, NEXT_MONDAY)
    wish = db.session.scalar(db.select(PlaceAsked).filter_by(request_id=number))
    row = db.session.get(Booking, cast.book(town.lea, town.galbert, town.meal, NEXT_TUESDAY))
    for thing, way in ((wish, Rank.offered), (row, BookingState.booked)):
        with pytest.raises(Stale):
            thing.move_to(way)
    db.session.rollback()

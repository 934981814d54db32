"""What does a strike take away in one act, what comes back with a day, and what stands on days that the calendar closes?"""

from datetime import UTC, date, datetime, timedelta

import pytest

from app.activities.cancelling import Days, cancel_days, concerned, given_back, restore_day, standing
from app.activities.models import Activity, Booking, BookingState, CalendarException, DayCancellation, Enrolment, Season
from app.activities.timetable import CellState
from app.audit.models import LogEntry
from app.children.models import Level, School, SchoolClass, SchoolEnrolment, SchoolYear
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.i18n import in_locale
from app.extensions import db
from app.mail.models import OutgoingMail
from app.staff.bookings_enter import class_in_words, classes
from tests.activities import cast
from tests.activities.cast import NEXT_MONDAY, NEXT_TUESDAY, NEXT_WEDNESDAY
from tests.activities.test_bookings import booking, cell
from tests.conftest import account, counted_queries


@pytest.fixture
def town(app, activities, ctx):
    with in_locale("en"):
        for child, family, days in (
            (activities.lea, 1, (NEXT_MONDAY, NEXT_TUESDAY)),
            (activities.tom, 1, (NEXT_MONDAY,)),
            (activities.hugo, 2, (NEXT_MONDAY,)),
        ):
            for day in days:
                cast.book(child, family, activities.meal, day, activities.table)
        cast.book(activities.lea, 1, activities.care, NEXT_MONDAY)
        yield activities


def days(town, *wanted, activities=None, **more):
    chosen = [db.session.get(Activity, number) for number in activities or (town.canteen, town.evening)]
    return Days(chosen, list(wanted or (NEXT_MONDAY, NEXT_TUESDAY)), **more)


def strike(town, *wanted, **more):
    given = {name: more.pop(name) for name in ("charged",) if name in more}
    with unit_of_work():
        return [row.id for row in cancel_days(days(town, *wanted, **more), "Strike", by=account("agent"), **given)]


def give_back(number):
    with unit_of_work():
        found = restore_day(db.session.get(DayCancellation, number), by=account("agent"))
        return len(found.booked), len(found.absent), [why for _row, why in found.lost], len(found.kept_away)


def mails(template):
    return db.session.scalars(db.select(OutgoingMail).filter_by(template=template).order_by(OutgoingMail.id)).all()


def states(child):
    return [
        (row.day, row.state) for row in db.session.scalars(db.select(Booking).filter_by(child_id=child).order_by(Booking.day, Booking.id))
    ]


def test_a_strike_is_one_act_and_one_mail_a_family(town):
    bookings, _requests = concerned(days(town))
    assert len(bookings) == 5
    assert len(strike(town)) == 4
    assert {state for child in (town.lea, town.tom, town.hugo) for _day, state in states(child)} == {BookingState.cancelled}
    first, second = mails("day_cancelled")
    assert "Canteen, Evening care : annulation le 30 novembre, 1er décembre 2026" in first.subject
    for line in (
        "Canteen, 30 novembre 2026\u00a0: Léa, Tom",
        "Canteen, 1er décembre 2026\u00a0: Léa",
        "Evening care, 30 novembre 2026\u00a0: Léa",
    ):
        assert line in first.body
    assert "Enfants concernés\u00a0: Hugo" in second.body and "Evening" not in second.body


def test_days_on_which_nothing_takes_place_are_left_out(town):
    saturday = NEXT_MONDAY + timedelta(days=5)
    strike(town, NEXT_MONDAY, NEXT_WEDNESDAY, saturday, activities=[town.canteen])
    assert [row.day for row in db.session.scalars(db.select(DayCancellation))] == [NEXT_MONDAY]
    with pytest.raises(DomainError, match="Nothing takes place"):
        strike(town, saturday)


def test_a_class_of_several_activities(town):
    classroom = db.session.scalar(db.select(SchoolEnrolment.school_class_id).filter_by(child_id=town.lea))
    strike(town, school_class_id=classroom)
    assert {state for _day, state in states(town.lea)} == {BookingState.cancelled}
    assert {state for _day, state in states(town.tom)} == {BookingState.booked}


def test_as_many_queries_for_many_days(town):
    found = []
    for wanted in ([NEXT_MONDAY], [NEXT_MONDAY + timedelta(days=number) for number in range(30)]):
        with counted_queries() as statements:
            concerned(days(town, *wanted))
        found.append(len(statements))
    assert found[0] == found[1]


# -- given back -----------------------------------------------------------------------------------------------------------------------


def test_a_day_that_is_given_back_is_booked_again(town):
    (number,) = strike(town, NEXT_MONDAY, activities=[town.canteen])
    assert give_back(number) == (3, 0, [], 0)
    assert booking(town, town.meal, NEXT_MONDAY).state is BookingState.booked
    assert booking(town, town.meal, NEXT_MONDAY).cancellation_id is None
    assert cell(town, town.meal, NEXT_MONDAY).state is CellState.booked
    assert db.session.get(DayCancellation, number) is None
    first, second = mails("day_restored")
    assert "30 novembre 2026" in first.subject and "De nouveau réservé\u00a0: Léa, Tom" in first.body
    assert "De nouveau réservé\u00a0: Hugo" in second.body and "Plus de réservation" not in second.body
    entry = db.session.scalar(db.select(LogEntry).filter_by(verb="day.restored"))
    assert entry.actor == account("agent").get_full_name() and entry.note == "Canteen: 3"


def test_who_asked_first_comes_back_where_places_have_become_fewer(town):
    (number,) = strike(town, NEXT_MONDAY, activities=[town.canteen])
    cast.places(town.table, town.meal, 2, NEXT_MONDAY)
    assert give_back(number) == (2, 0, ["No place is left"], 0)
    assert states(town.hugo) == []
    assert "Plus de réservation\u00a0: Hugo" in mails("day_restored")[1].body


def test_an_absence_comes_back_as_an_absence(town):
    absence = cast.absent(booking(town, town.meal, NEXT_MONDAY, town.tom).id, town.ill)
    (number,) = strike(town, NEXT_MONDAY, activities=[town.canteen])
    assert give_back(number) == (2, 1, [], 0)
    row = booking(town, town.meal, NEXT_MONDAY, town.tom)
    assert (row.state, row.absence_id, row.told_in_time) == (BookingState.absent, absence, True)


def test_what_another_act_took_away_stays_away(town):
    (everybody,) = strike(town, NEXT_MONDAY, activities=[town.canteen])
    classroom = db.session.scalar(db.select(SchoolEnrolment.school_class_id).filter_by(child_id=town.lea))
    (outing,) = strike(town, NEXT_MONDAY, activities=[town.canteen], school_class_id=classroom)
    assert give_back(everybody) == (2, 0, [], 1)
    row = booking(town, town.meal, NEXT_MONDAY)
    assert (row.state, row.cancellation_id) == (BookingState.cancelled, outing)
    assert give_back(outing) == (1, 0, [], 0)


def test_what_is_enrolled_no_more_is_said(town):
    (number,) = strike(town, NEXT_MONDAY, activities=[town.canteen])
    with unit_of_work():
        for row in db.session.scalars(db.select(Enrolment).filter_by(activity_id=town.canteen)):
            row.ends_on = date(2026, 11, 27)
    assert give_back(number) == (0, 0, ["Not enrolled on this day"] * 3, 0)
    assert states(town.tom) == []


def test_a_day_that_the_calendar_closes_is_opened_there_first(town):
    (number,) = strike(town, NEXT_MONDAY, activities=[town.canteen])
    closed(NEXT_MONDAY, NEXT_MONDAY)
    with pytest.raises(DomainError, match="closes this day: Bridge"):
        give_back(number)
    assert states(town.tom) == [(NEXT_MONDAY, BookingState.cancelled)]


def test_units_that_exclude_each_other(town):
    cast.book(town.lea, 1, town.morning, NEXT_WEDNESDAY, town.big)
    (number,) = strike(town, NEXT_WEDNESDAY, activities=[town.wednesday])
    with unit_of_work():
        db.session.add(Booking(child_id=town.lea, family_id=1, unit_id=town.day, group_id=town.big, day=NEXT_WEDNESDAY))
    assert give_back(number) == (0, 0, ["Booked for something else meanwhile"], 0)


def test_a_day_that_has_passed_stays_as_it_is(town):
    (number,) = strike(town, NEXT_MONDAY, activities=[town.canteen])
    clock.advance(days=8)
    with pytest.raises(DomainError, match="has passed"):
        give_back(number)


def test_what_comes_back_costs_the_same_for_many(town):
    found = []
    for more in (0, 5):
        for number in range(more):
            child = cast.another_child(f"Enfant{number}", 1)
            cast.enrol(child, 1, town.canteen)
            cast.book(child, 1, town.meal, NEXT_MONDAY, town.table)
        (row,) = strike(town, NEXT_MONDAY, activities=[town.canteen])
        db.session.expire_all()
        row = db.session.get(DayCancellation, row)
        with counted_queries() as statements:
            assert len(given_back(row).booked) == 3 + more
        found.append(len(statements))
        give_back(row.id)
    assert found[0] == found[1]


# -- days that the calendar closes ----------------------------------------------------------------------------------------------------


def closed(first, last, **more):
    with unit_of_work():
        db.session.add(CalendarException(first_day=first, last_day=last, reason="Bridge", **more))


def test_what_stands_on_a_closed_day(town):
    assert standing(NEXT_MONDAY, NEXT_TUESDAY) == {}
    closed(NEXT_MONDAY, NEXT_MONDAY, activity_id=town.canteen)
    assert standing(NEXT_MONDAY, NEXT_TUESDAY) == {(town.canteen, NEXT_MONDAY): 3}
    assert standing(date(2026, 11, 1), date(2026, 11, 20)) == {}
    strike(town, closed_alone=True)
    assert standing(NEXT_MONDAY, NEXT_TUESDAY) == {}
    assert booking(town, town.meal, NEXT_TUESDAY).state is BookingState.booked
    assert booking(town, town.care, NEXT_MONDAY).state is BookingState.booked


def test_what_would_stand_in_a_holiday_that_is_not_written_yet(town):
    assert standing(NEXT_MONDAY, NEXT_TUESDAY, {NEXT_TUESDAY: "Holidays"}) == {(town.canteen, NEXT_TUESDAY): 1}
    assert standing(NEXT_MONDAY, NEXT_TUESDAY) == {}


# -- over the summer --------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def summer(town):
    """A year ends on 3 July 2027 and another begins on 1 September: Léa has a class in each, and a day booked in each."""
    with unit_of_work():
        place = db.session.scalar(db.select(SchoolEnrolment).filter_by(child_id=town.lea))
        place.school_year.ends_on = date(2027, 7, 3)
        year = SchoolYear(name="2027-2028", starts_on=date(2027, 9, 1), ends_on=date(2028, 7, 1))
        later = SchoolClass(school_id=place.school_id, school_year=year, name="CE1 A")
        db.session.add(SchoolEnrolment(child_id=town.lea, school_year=year, school_id=place.school_id, level=Level.ce1, school_class=later))
        db.session.get(Activity, town.canteen).season = Season.all_year
        db.session.flush()
        town.before, town.later = place.school_class_id, later.id
    for day in (JULY, BEGINNING):
        cast.book(town.lea, town.galbert, town.meal, day, town.table)
    return town


JULY, BEGINNING = date(2027, 7, 12), date(2027, 9, 2)


def at(day):
    clock.set_to(datetime(day.year, day.month, day.day, 8, tzinfo=UTC))


def test_a_day_of_july_belongs_to_the_class_that_has_ended(summer):
    at(date(2027, 7, 5))
    offered = {row.id: class_in_words(row) for row in classes()}
    assert {summer.before, summer.later} <= set(offered)
    assert offered[summer.before].endswith("2026-2027") and offered[summer.later].endswith("2027-2028")
    found = {one: concerned(days(summer, JULY, BEGINNING, school_class_id=one))[0] for one in (summer.before, summer.later)}
    assert [[row.day for row in rows] for rows in found.values()] == [[JULY], [BEGINNING]]


def test_from_its_first_day_on_the_new_year_is_this_year(summer):
    at(date(2027, 9, 1))
    offered = {row.id: class_in_words(row) for row in classes()}
    assert summer.before not in offered and "2027" not in offered[summer.later]
    assert [row.day for row in concerned(days(summer, BEGINNING, school_class_id=summer.later))[0]] == [BEGINNING]


def test_a_closed_day_is_judged_by_the_school_of_its_own_year(summer):
    at(date(2027, 7, 5))
    with unit_of_work():
        there = db.session.scalar(db.select(School.id).where(School.id != _school(summer)).limit(1))
        db.session.scalar(db.select(SchoolEnrolment).filter_by(child_id=summer.lea, school_class_id=summer.later)).school_id = there
        more = {"first_day": BEGINNING, "last_day": BEGINNING, "reason": "Works"}
        db.session.add(CalendarException(school_id=there, **more))
    assert standing(JULY, BEGINNING) == {(summer.canteen, BEGINNING): 1}


def _school(town):
    return db.session.scalar(db.select(SchoolEnrolment.school_id).filter_by(child_id=town.lea, school_class_id=town.before))

"""What may a family ask of an enrolment, and what does acceptance make of it? The rules, and the days of the usual week."""

from datetime import date

import pytest
from sqlalchemy import select

from app.activities.models import Activity, Booking, CalendarException, Enrolment, PlaceAsked, SchoolHoliday
from app.activities.models.calendar import HolidaySource
from app.activities.settings import zone
from app.audit.models import LogEntry
from app.changes.decisions import Verdict, decide
from app.changes.kinds import KINDS
from app.changes.models import ChangeRequest, Lane, Outcome, RequestState
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.extensions import db
from app.mail.models import OutgoingMail
from tests.activities import cast
from tests.conftest import account, counted_queries, work
from tests.factories import make_request, request_of
from tests.portal.asking import decide_all

#: Two school weeks after the cast's Monday 23 November 2026.
PERIOD = {"starts_on": "2026-11-30", "ends_on": "2026-12-13"}


def asking(child_id, activity_id, week=None, family_id=1, **more):
    values = {"activity_id": activity_id, **PERIOD, "week": week, **more}
    return make_request("enrolment", family_id, values, act="add", child_id=child_id)


def changing(enrolment_id, family_id=1, **values):
    child_id = db.session.get(Enrolment, enrolment_id).child_id
    return make_request("enrolment", family_id, values, target_id=enrolment_id, child_id=child_id)


def days_booked(child_id, unit_id=None):
    query = select(Booking).filter_by(child_id=child_id).order_by(Booking.day)
    return [row.day for row in db.session.scalars(query if unit_id is None else query.filter_by(unit_id=unit_id))]


def said(verb="enrolment.booked"):
    return db.session.scalar(select(LogEntry).filter_by(verb=verb).order_by(LogEntry.id.desc())).note


@pytest.fixture
def room(app, monkeypatch, activities):
    """The cast's activities, within a context whose language is that of the msgids."""
    monkeypatch.setitem(app.config, "BABEL_DEFAULT_LOCALE", "en")
    with app.test_request_context("/", headers={"Accept-Language": "en"}):
        yield activities
        db.session.rollback()


# -- acceptance -----------------------------------------------------------------------------------------------------------------


def test_the_usual_week_becomes_bookings(app, room):
    asking(room.tom, room.evening, {"1": [room.care], "4": [room.care]})
    assert days_booked(room.tom) == []
    decide_all(app, Outcome.accept)
    row = db.session.scalar(select(Enrolment).filter_by(child_id=room.tom, activity_id=room.evening))
    assert (row.family_id, row.week) == (1, {"1": [room.care], "4": [room.care]})
    assert days_booked(room.tom) == [date(2026, 11, 30), date(2026, 12, 3), date(2026, 12, 7), date(2026, 12, 10)]
    assert all(row.request_id and row.family_id == 1 for row in db.session.scalars(select(Booking)))


def test_closed_days_are_left_out(app, room):
    with unit_of_work():
        db.session.add(CalendarException(first_day=date(2026, 12, 3), last_day=date(2026, 12, 3), reason="Strike"))
    asking(room.tom, room.evening, {"1": [room.care], "4": [room.care]})
    decide_all(app, Outcome.accept)
    assert date(2026, 12, 3) not in days_booked(room.tom) and len(days_booked(room.tom)) == 3


def test_school_holidays_are_left_out_of_what_opens_in_school_weeks(app, room):
    with unit_of_work():
        db.session.add(
            SchoolHoliday(
                zone=zone().value, name="Snow", first_day=date(2026, 12, 7), last_day=date(2026, 12, 13), source=HolidaySource.town
            )
        )
    asking(room.tom, room.evening, {"1": [room.care]})
    decide_all(app, Outcome.accept)
    assert days_booked(room.tom) == [date(2026, 11, 30)]


def test_a_day_without_a_place_is_left_out_and_said(app, room):
    cast.places(room.table, room.meal, 1)
    cast.book(room.lea, 1, room.meal, cast.NEXT_MONDAY, room.table)
    zoe = cast.another_child("Zoé", 1)
    request = request_of(asking(zoe, room.canteen, {"1": [room.meal], "2": [room.meal]}))
    assert request.lane is Lane.look and "No place on 1" in request.findings[-1]["sentence"]
    decide_all(app, Outcome.accept)
    assert days_booked(zoe) == [date(2026, 12, 1), date(2026, 12, 7), date(2026, 12, 8)]
    assert "2026-11-30" in said() and "3" in said()
    (mail,) = db.session.scalars(select(OutgoingMail).filter_by(template="days_without_place"))
    assert "Zoé" in mail.subject and "30 novembre 2026" in mail.body and "1 décembre" not in mail.body and "1er décembre" not in mail.body
    assert mail.recipient == "galbert@famille.example"


def test_a_family_that_waits_for_the_place_comes_first(app, room):
    cast.places(room.table, room.meal, 1)
    make_request("booking", 1, {"unit_id": room.meal, "day": "2026-12-07"}, act="add", child_id=room.lea)
    assert db.session.scalar(select(PlaceAsked.id)) is not None
    other = cast.another_child("Zoé", 1)
    asking(other, room.canteen, {"1": [room.meal]})
    with unit_of_work():
        request = db.session.scalar(select(ChangeRequest).filter_by(kind="enrolment"))
        assert decide([Verdict(request.id, request.version, Outcome.accept)], by=account("agent")).problems == {}
    clock.advance(seconds=11)
    work(app)
    assert days_booked(other) == [date(2026, 11, 30)]


def test_days_whose_deadline_had_passed_are_left_out(app, room):
    with unit_of_work():
        db.session.get(Activity, room.evening).booking_rule = cast.TWO_DAYS_BEFORE
    asking(room.tom, room.evening, {"2": [room.care], "4": [room.care]}, starts_on="2026-11-24", ends_on="2026-11-27")
    decide_all(app, Outcome.accept)
    assert days_booked(room.tom) == [date(2026, 11, 26)]
    assert "2026-11-24" in said()


def test_what_the_town_enters_may_be_late(app, room):
    with unit_of_work():
        db.session.get(Activity, room.evening).booking_rule = cast.TWO_DAYS_BEFORE
    values = {"activity_id": room.evening, "starts_on": "2026-11-24", "ends_on": "2026-11-24", "week": {"2": [room.care]}}
    make_request("enrolment", 1, values, act="add", child_id=room.tom, channel="phone")
    decide_all(app, Outcome.accept)
    assert days_booked(room.tom) == [date(2026, 11, 24)]


def test_the_weeks_of_the_other_household_are_not_booked(app, room):
    asking(room.hugo, room.evening, {"1": [room.care]}, family_id=2)
    decide_all(app, Outcome.accept)
    # 30 November is in the odd week 49, which Hugo spends with family Petit.
    assert days_booked(room.hugo) == [date(2026, 12, 7)]


def test_a_unit_that_excludes_another_booking_of_the_day_is_left_out(app, room):
    cast.book(room.tom, 1, room.morning, cast.NEXT_WEDNESDAY, room.little)
    asking(room.tom, room.wednesday, {"3": [room.day]})
    decide_all(app, Outcome.accept)
    assert days_booked(room.tom, room.day) == [date(2026, 12, 9)]


def test_a_year_is_booked_in_few_queries(app, room):
    from app.activities.enrolling import activity_of, pattern, plan_week
    from app.children.models import Child

    child, activity = db.session.get(Child, room.tom), activity_of(room.evening)
    cells = pattern({str(day): [room.care] for day in (1, 2, 4, 5)}, date(2026, 11, 30), date(2027, 7, 3))
    with counted_queries() as statements:
        found = plan_week(child, activity, 1, cells)
    assert len(found.bookable) > 80 and len(statements) <= 12


# -- changing and ending --------------------------------------------------------------------------------------------------------


def enrolled(app, room):
    asking(room.tom, room.evening, {"1": [room.care], "4": [room.care]})
    decide_all(app, Outcome.accept)
    return db.session.scalar(select(Enrolment.id).filter_by(child_id=room.tom, activity_id=room.evening))


def test_a_new_usual_week_changes_the_days_to_come(app, room):
    number = enrolled(app, room)
    changing(number, week={"1": [room.care], "5": [room.care]})
    decide_all(app, Outcome.accept)
    assert days_booked(room.tom) == [date(2026, 11, 30), date(2026, 12, 4), date(2026, 12, 7), date(2026, 12, 11)]


def test_days_past_the_deadline_to_cancel_stay(app, room):
    number = enrolled(app, room)
    with unit_of_work():
        db.session.get(Activity, room.evening).cancelling_rule = {"mode": "days", "days": 12, "at": "12:00"}
    changing(number, week=None)
    decide_all(app, Outcome.accept)
    assert days_booked(room.tom) == [date(2026, 11, 30), date(2026, 12, 3)]
    assert "2026-11-30" in said("enrolment.given_back")


def test_an_end_gives_back_what_lies_behind_it(app, room):
    number = enrolled(app, room)
    changing(number, ends_on="2026-12-03")
    decide_all(app, Outcome.accept)
    assert db.session.get(Enrolment, number, populate_existing=True).ends_on == date(2026, 12, 3)
    assert days_booked(room.tom) == [date(2026, 11, 30), date(2026, 12, 3)]


def test_what_was_booked_beside_the_usual_week_stays(app, room):
    number = enrolled(app, room)
    cast.book(room.tom, 1, room.care, date(2026, 12, 1))
    with unit_of_work():
        db.session.delete(db.session.scalar(select(Booking).filter_by(child_id=room.tom, day=date(2026, 12, 7))))
    changing(number, week={"1": [room.care]})
    decide_all(app, Outcome.accept)
    assert days_booked(room.tom) == [date(2026, 11, 30), date(2026, 12, 1)]


# -- what is refused ------------------------------------------------------------------------------------------------------------


def refused(*args, **more):
    with pytest.raises(DomainError) as problem:
        asking(*args, **more)
    return str(problem.value)


def test_bad_wishes_are_refused_with_a_sentence(room):
    assert "not in your file" in refused(room.hugo, room.evening)
    assert "no enrolments" in refused(room.tom, 99)
    assert "lies before the first" in refused(room.tom, room.evening, ends_on="2026-11-29")
    assert "in the past" in refused(room.tom, room.evening, starts_on="2026-11-22")
    assert "can go until 31/08/2027" in refused(room.tom, room.evening, ends_on="2027-09-01")
    assert "already enrolled" in refused(room.lea, room.evening)
    assert "does not have" in refused(room.tom, room.evening, {"1": [room.meal]})
    assert "does not have" in refused(room.tom, room.evening, {"3": [room.care]})
    assert "same day" in refused(room.tom, room.wednesday, {"3": [room.morning, room.day]})


def test_a_closed_activity_and_a_wrong_age_are_refused(room):
    baby = cast.another_child("Zoé", 1, born=date(2026, 1, 5))
    assert "from 3 years" in refused(baby, room.wednesday)
    assert "up to 11 years" in refused(cast.another_child("Jean", 1, born=date(2012, 1, 5)), room.wednesday)
    with unit_of_work():
        db.session.get(Activity, room.evening).open = False
    assert "no enrolments" in refused(room.tom, room.evening)


def test_a_child_that_is_old_enough_later_is_looked_at(app, room):
    soon = cast.another_child("Zoé", 1, born=date(2023, 12, 5))
    number = asking(soon, room.wednesday, {"3": [room.day]})
    assert any("right age" in finding["sentence"] for finding in request_of(number).findings)
    decide_all(app, Outcome.accept)
    assert days_booked(soon) == [date(2026, 12, 9)]


def test_the_same_is_not_asked_twice(room):
    asking(room.tom, room.evening)
    assert "already asked" in refused(room.tom, room.evening)
    asking(room.tom, room.evening, starts_on="2027-01-04", ends_on="2027-01-10")


def test_both_households_may_enrol_a_shared_child(app, room):
    asking(room.hugo, room.evening, {"1": [room.care]}, family_id=2)
    decide_all(app, Outcome.accept)
    asking(room.hugo, room.evening, {"1": [room.care]}, family_id=3)
    decide_all(app, Outcome.accept)
    rows = db.session.scalars(select(Booking).filter_by(child_id=room.hugo).order_by(Booking.day)).all()
    assert [(row.day.day, row.family_id) for row in rows] == [(30, 3), (7, 2)]
    kind = KINDS["enrolment"]
    number = db.session.scalar(select(Enrolment.id).filter_by(child_id=room.hugo, family_id=2, activity_id=room.evening))
    assert kind.find(number, 2) is not None and kind.find(number, 3) is None


def test_a_first_day_that_has_passed_does_not_change(room):
    number = db.session.scalar(select(Enrolment.id).filter_by(child_id=room.lea, activity_id=room.evening))
    with pytest.raises(DomainError, match="has begun"):
        changing(number, starts_on="2026-12-01")


def test_what_was_enrolled_meanwhile_sends_the_request_back(app, room):
    number = asking(room.tom, room.evening, {"1": [room.care]})
    cast.enrol(room.tom, 1, room.evening)
    decide_all(app, Outcome.accept)
    request = request_of(number)
    assert request.state is RequestState.pending and days_booked(room.tom) == []


# -- words ----------------------------------------------------------------------------------------------------------------------


def test_a_usual_week_reads_in_words(room):
    kind = KINDS["enrolment"]
    assert kind.show("week", {"1": [room.care], "2": [room.care]}) == "Monday, Tuesday"
    assert kind.show("week", {"3": [room.morning, room.afternoon]}) == "Morning: Wednesday\nAfternoon: Wednesday"
    assert kind.show("week", None) == "" and kind.same("week", {}, None)
    assert kind.show("activity_id", room.evening) == "Evening care"


def test_missing_papers_send_the_request_to_their_lane(room):
    number = asking(room.tom, room.wednesday, {"3": [room.day]})
    request = request_of(number)
    assert request.lane is Lane.papers and "Insurance" in request.findings[0]["sentence"]

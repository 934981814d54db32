"""What does the home page say of the children's days?"""

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import event, select

from app.activities.models import Activity, Enrolment, HolidaySource, PlaceAsked, Rank, SchoolHoliday, Season
from app.activities.settings import zone
from app.changes.models import ChangeRequest, RequestState
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from tests.activities import cast
from tests.conftest import counted_queries
from tests.factories import make_request


@pytest.fixture
def galbert(sign_in, activities):
    return sign_in("galbert")


def test_today_is_told_by_child(app, galbert, activities):
    with app.app_context():
        cast.book(activities.lea, 1, activities.meal, cast.MONDAY)
    page = galbert.get("/portail/").text
    assert 'class="sign booked"' in page and "nothing booked" in page
    assert "Declare an absence" in page


def test_the_next_deadline_with_nothing_booked_is_a_task_until_something_is(app, galbert, activities, request):
    assert "nothing is booked for" in galbert.get("/portail/").text
    request.getfixturevalue("busy")
    assert "nothing is booked for" not in galbert.get("/portail/").text


@pytest.fixture
def busy(app, activities):
    """Everything that a usual week asks for is booked for two weeks: of what comes after, nothing."""
    with app.app_context():
        for child, unit in ((activities.lea, activities.meal), (activities.lea, activities.care), (activities.tom, activities.meal)):
            for day in (cast.THURSDAY, cast.NEXT_THURSDAY):
                cast.book(child, 1, unit, day)
        for day in (cast.WEDNESDAY, cast.NEXT_WEDNESDAY):
            cast.book(activities.lea, 1, activities.day, day)
    return activities


def set_rule(app, activity, rule, **more):
    with app.test_request_context("/"), unit_of_work():
        row = db.session.get(Activity, activity)
        row.booking_rule = rule
        for name, value in more.items():
            setattr(row, name, value)


def test_the_task_names_the_children_without_a_booking(app, galbert, activities):
    with app.app_context():
        cast.book(activities.lea, 1, activities.meal, cast.THURSDAY)
        cast.book(activities.lea, 1, activities.care, cast.THURSDAY)
        cast.book(activities.lea, 1, activities.day, cast.WEDNESDAY)
    page = galbert.get("/portail/").text
    assert "Canteen, Tom: nothing is booked for 23 – 27 November" in page and "?week=2026-W48" in page


def test_a_deadline_weeks_ahead_is_a_task_when_it_comes_close(app, galbert, busy):
    # "Friday noon, three weeks before": this Friday is the last day for the week of 14 December.
    set_rule(app, busy.wednesday, {"mode": "week", "weekday": 5, "at": "12:00", "weeks": 3, "skip": []})
    page = galbert.get("/portail/").text
    assert "Wednesdays, Léa: nothing is booked for 14 – 18 December" in page
    assert "You may ask until Fri 27 Nov at 12:00." in page and "semaine-type/?week=2026-W51" in page
    with app.app_context():
        cast.book(busy.lea, 1, busy.day, date(2026, 12, 16))
    assert "nothing is booked for" not in galbert.get("/portail/").text


def test_holidays_are_a_task_without_a_usual_week(app, galbert, busy):
    with app.test_request_context("/"):
        cast.enrol(busy.tom, 1, busy.evening)
        with unit_of_work():
            days = {"first_day": date(2026, 12, 19), "last_day": date(2027, 1, 3)}
            db.session.add(SchoolHoliday(zone=zone().value, name="Noël", source=HolidaySource.rule, **days))
            for row in db.session.scalars(select(Enrolment).filter_by(activity_id=busy.evening)):
                row.week = {}
    set_rule(app, busy.evening, {"mode": "days", "days": 25, "at": "12:00", "skip": []}, season=Season.holidays)
    page = galbert.get("/portail/").text
    assert "Evening care, Léa, Tom: nothing is booked for 21 – 25 December" in page


def test_an_enrolment_without_a_usual_week_is_no_task_in_term(app, galbert, busy):
    with app.app_context():
        cast.enrol(busy.tom, 1, busy.evening)
    assert "nothing is booked for" not in galbert.get("/portail/").text


def test_home_stays_cheap_with_deadlines_far_away(app, galbert, busy):
    set_rule(app, busy.wednesday, {"mode": "week", "weekday": 5, "at": "12:00", "weeks": 3, "skip": []})
    galbert.get("/portail/")
    with app.app_context(), counted_queries() as statements:
        assert "14 – 18 December" in galbert.get("/portail/").text
    assert len(statements) <= 8, "\n".join(statements)


def test_an_absence_that_waits_is_told_as_sent(app, galbert, activities):
    with app.test_request_context("/"):
        cast.book(activities.lea, 1, activities.meal, cast.MONDAY)
        cast.book(activities.lea, 1, activities.care, cast.MONDAY)
        make_request(
            "absence",
            1,
            {"first_day": cast.MONDAY, "last_day": cast.MONDAY, "reason_id": activities.ill, "unit_id": activities.meal},
            act="add",
            child_id=activities.lea,
        )
    page = galbert.get("/portail/").text
    assert re.search(r'class="sign away">.*?Canteen<span>: absence sent</span>', page)
    assert page.count('class="sign booked"') == 1 and "Evening care" in page


def test_an_offered_place_is_taken_or_given_up_from_home(app, galbert, activities):
    with app.app_context():
        cast.places(activities.big, activities.day, 0)
    where = f"{activities.lea}.{activities.day}.2026-12-02"
    galbert.post("/portail/agenda/", data={"book": where, "key": "k" * 32})
    with app.test_request_context("/"), unit_of_work():
        ask = db.session.scalar(select(PlaceAsked))
        ask.rank, ask.offered_until = Rank.offered, clock.now() + timedelta(hours=24)
        request = ask.request_id
    page = galbert.get("/portail/").text
    assert (
        "A place is free for Léa" in page and f"/portail/agenda/place/{request}" in page and f"/portail/demandes/{request}/retirer" in page
    )
    galbert.post(f"/portail/agenda/place/{request}")
    assert "A place is free for Léa" not in galbert.get("/portail/").text


def test_hundreds_of_booked_days_do_not_weigh_on_home(app, galbert, activities):
    days = [cast.NEXT_MONDAY + timedelta(days=7 * week + place) for week in range(3) for place in (0, 1, 3, 4)]
    with app.test_request_context("/"):
        for day in days:
            make_request("booking", 1, {"unit_id": activities.meal, "day": day}, act="add", child_id=activities.lea)
    assert "12 requests wait at the town hall." in galbert.get("/portail/").text
    with app.test_request_context("/"), unit_of_work():
        for request in db.session.scalars(select(ChangeRequest).order_by(ChangeRequest.id).limit(6)):
            request.move_to(RequestState.deciding)
            request.move_to(RequestState.accepted)
            request.decided_at = clock.now()
    read = []

    def note(row, _context):
        read.append(row)

    event.listen(ChangeRequest, "load", note)
    try:
        page = galbert.get("/portail/").text
    finally:
        event.remove(ChangeRequest, "load", note)
    assert "6 requests wait at the town hall." in page and page.count('class="answer"') == 3
    # The agenda shows the others.
    assert len(read) == 3

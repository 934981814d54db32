"""Do a child's days follow it to another school, class or group, and is nothing dropped that does not fit there?"""

from datetime import date, timedelta

import pytest

from app.activities.enrolling import change
from app.activities.models import ActivityGroup, Booking, BookingState, Enrolment, PlaceAsked, Rank
from app.activities.regrouping import misplaced, regroup
from app.audit.models import LogEntry
from app.changes.models import Outcome
from app.children.models import Child, Level, School, SchoolEnrolment, SchoolYear
from app.core.db import unit_of_work
from app.extensions import db
from tests.activities import cast
from tests.activities.cast import FRIDAY, MONDAY, NEXT_MONDAY, NEXT_THURSDAY, NEXT_TUESDAY
from tests.activities.test_bookings import ask, booking
from tests.conftest import account, base_of, counted_queries
from tests.factories import make_request
from tests.portal.asking import decide_all


@pytest.fixture
def town(app, monkeypatch, activities):
    """The canteen has a group for each of two schools; Léa goes to the first."""
    monkeypatch.setitem(app.config, "BABEL_DEFAULT_LOCALE", "en")
    with app.test_request_context("/", headers={"Accept-Language": "en"}):
        with unit_of_work():
            place = db.session.scalar(db.select(SchoolEnrolment).filter_by(child_id=activities.lea))
            db.session.get(ActivityGroup, activities.table).school_id = activities.here = place.school_id
            activities.there = db.session.scalar(db.select(School.id).where(School.id != place.school_id).limit(1))
            other = ActivityGroup(activity_id=activities.canteen, name="The other school", school_id=activities.there, position=2)
            db.session.add(other)
            db.session.flush()
            activities.other = other.id
        for day in (NEXT_MONDAY, NEXT_TUESDAY):
            cast.book(activities.lea, activities.galbert, activities.meal, day, activities.table)
        yield activities
        db.session.rollback()


def move(town, school_id=None):
    """Léa goes to the other school; the days without a place there."""
    with unit_of_work():
        db.session.scalar(db.select(SchoolEnrolment).filter_by(child_id=town.lea)).school_id = school_id or town.there
        db.session.flush()
        return regroup(town.lea)


def group(town, day=NEXT_MONDAY):
    return booking(town, town.meal, day).group_id


def test_what_is_booked_and_asked_follows_the_child(town):
    cast.places(town.table, town.meal, 5)
    number = ask(town, town.meal, NEXT_THURSDAY)
    assert move(town) == []
    assert [group(town, day) for day in (NEXT_MONDAY, NEXT_TUESDAY)] == [town.other] * 2
    assert db.session.scalar(db.select(PlaceAsked.group_id).filter_by(request_id=number)) == town.other
    assert db.session.scalar(db.select(LogEntry.note).filter_by(verb="booking.regrouped")) == "3"


def test_days_that_have_passed_stay_where_they_were(town):
    cast.book(town.lea, town.galbert, town.meal, MONDAY - timedelta(days=3), town.table)
    move(town)
    assert group(town, MONDAY - timedelta(days=3)) == town.table


def test_what_does_not_fit_stays_booked_and_is_told(town):
    cast.places(town.other, town.meal, 0, NEXT_MONDAY)
    assert move(town) == [NEXT_MONDAY]
    assert booking(town, town.meal, NEXT_MONDAY).state is BookingState.booked and group(town) == town.other
    assert NEXT_MONDAY.isoformat() in db.session.scalar(db.select(LogEntry.note).filter_by(verb="booking.regrouped"))


def test_the_places_that_it_leaves_are_offered(town):
    cast.places(town.table, town.meal, 1, NEXT_MONDAY)
    with unit_of_work():
        db.session.scalar(db.select(SchoolEnrolment).filter_by(child_id=town.tom)).school_id = town.here
    number = ask(town, town.meal, NEXT_MONDAY, child=town.tom)
    rank = db.select(PlaceAsked.rank).filter_by(request_id=number)
    assert db.session.scalar(rank) is Rank.queued
    move(town)
    assert db.session.scalar(rank) is Rank.offered


def test_a_family_whose_school_request_is_accepted(app, town):
    year = db.session.scalar(db.select(SchoolEnrolment.school_year_id).filter_by(child_id=town.lea))
    with unit_of_work():
        db.session.get(SchoolYear, year).enrolling = True
    make_request(
        "school", town.galbert, {"school_id": town.there, "school_year_id": year, "level": Level.ce1}, child_id=town.lea, target_id=town.lea
    )
    decide_all(app, Outcome.accept)
    assert group(town) == town.other


def test_a_clerk_who_changes_the_group_of_an_enrolment(town):
    cast.places(town.other, town.meal, 0, NEXT_TUESDAY)
    with unit_of_work():
        row = db.session.scalar(db.select(Enrolment).filter_by(child_id=town.lea, activity_id=town.canteen))
        found = change(row, {"group_id": town.other}, by=account("agent"))
    assert found.overfull == [NEXT_TUESDAY] and group(town) == group(town, NEXT_TUESDAY) == town.other


def test_a_clerk_who_changes_the_school_reads_what_does_not_fit(town, sign_in):
    cast.places(town.other, town.meal, 0, NEXT_MONDAY)
    number = db.session.scalar(db.select(SchoolEnrolment.id).filter_by(child_id=town.lea))
    with unit_of_work():
        db.session.get(SchoolEnrolment, number).school_class_id = None
    client, path = sign_in("agent"), f"/mairie/inscriptions-scolaires/{number}/modifier"
    year = db.session.get(SchoolEnrolment, number).school_year_id
    data = {"school_year_id": year, "school_id": town.there, "level": "ce1", "base": base_of(client.get(path).text)}
    answer = client.post(path, data=data, follow_redirects=True)
    assert "The new group has no place on: 30 November." in answer.text
    db.session.rollback()
    assert group(town) == town.other


def test_queries_do_not_grow_with_the_days(town):
    with counted_queries() as few:
        move(town)
    move(town, town.here)
    for number in range(20):
        cast.book(town.lea, town.galbert, town.meal, FRIDAY + timedelta(days=30 + number), town.table)
    with counted_queries() as many:
        move(town)
    assert len(many) == len(few)
    assert db.session.scalar(db.select(db.func.count()).select_from(Booking).filter_by(group_id=town.other)) == 22


def test_a_corrected_date_of_birth_moves_the_days(town, sign_in):
    with unit_of_work():
        for number, ages in ((town.table, {"max_age": 7}), (town.other, {"min_age": 8})):
            row = db.session.get(ActivityGroup, number)
            row.school_id, row.min_age, row.max_age = None, ages.get("min_age"), ages.get("max_age")
        lea = db.session.get(Child, town.lea)
        lea.birth_date = date(2020, 3, 4)
        typed = {name: getattr(lea, name) for name in ("first_name", "last_name", "birth_place")}
    cast.places(town.other, town.meal, 0, NEXT_TUESDAY)
    client, path = sign_in("agent"), f"/mairie/enfants/{town.lea}/modifier"
    data = {**typed, "sex": "female", "birth_date": "2016-03-04", "base": base_of(client.get(path).text)}
    answer = client.post(path, data=data, follow_redirects=True)
    assert "The new group has no place on: 1 December." in answer.text
    db.session.rollback()
    assert group(town) == group(town, NEXT_TUESDAY) == town.other


def test_who_changes_whom_a_group_takes_reads_what_does_not_fit(town, sign_in):
    client, path = sign_in("agent"), f"/mairie/groupes/{town.table}/modifier"
    data = {"activity_id": town.canteen, "name": "Everybody", "position": 1, "school_id": town.here}
    other = {**data, "school_id": town.there, "base": base_of(client.get(path).text)}
    page = client.post(path, data=other, follow_redirects=True).text
    assert "2 bookings to come are of children whom this group does not take" in page
    again = client.post(path, data={**data, "base": base_of(client.get(path).text)}, follow_redirects=True).text
    assert "Saved." in again and "does not take" not in again
    with unit_of_work():
        db.session.scalar(db.select(Enrolment).filter_by(child_id=town.lea, activity_id=town.canteen)).group_id = town.table
        db.session.get(ActivityGroup, town.table).school_id = town.there
        assert misplaced(db.session.get(ActivityGroup, town.table)) == 0, "the town chose it for her"

"""Does the kitchen cook for those who come, as they eat; and does each version say what it changed?"""

from threading import Thread

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.activities.kitchen import counts_of, differences, freeze, freeze_due, meals, moves, set_adults, total, undecided, versions
from app.activities.models import Booking, BookingState, DayCancellation, KitchenSheet, StaffMeals, Unit, UnitKind
from app.children.models import ComplementaryData, Diet, HealthRecord, School
from app.core import clock
from app.core import settings as town
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.extensions import db
from tests.activities import cast, onsite
from tests.activities.test_bookings import ask, settle
from tests.conftest import counted_queries

DAY = onsite.TUESDAY


@pytest.fixture
def ids(ctx):
    onsite.set_clock()
    return onsite.canteen()


def school():
    return str(db.session.scalar(select(School.id).order_by(School.id)))


def counted(day=DAY):
    return counts_of(meals(day).values(), day)


def row(**numbers):
    return {**dict.fromkeys(("standard", "no_pork", "no_meat", "vegetarian", "pai", "pai_eats", "adults"), 0), **numbers}


def frozen(by="Nadia"):
    with unit_of_work():
        return freeze(DAY, by=by).version


def diet(child_id, value):
    with unit_of_work():
        db.session.add(ComplementaryData(child_id=child_id, diet=value))


def test_each_eats_what_the_file_says(ids):
    diet(ids["tom"], Diet.no_pork)
    diet(ids["hugo"], Diet.vegetarian)
    assert counted() == {school(): row(standard=1, no_pork=1, vegetarian=1)}


def plan(**more):
    with unit_of_work():
        record = db.session.scalar(select(HealthRecord))
        for name, value in more.items():
            setattr(record, name, value)


def test_who_brings_its_own_lunch_by_a_care_plan_is_cooked_nothing(ids):
    onsite.fill_lea(ids["lea"])
    plan(own_lunch=True)
    assert counted() == {school(): row(standard=2, pai=1)}
    plan(pai_until=onsite.date(2026, 11, 23))
    assert counted() == {school(): row(standard=2, no_pork=1)}


def test_a_care_plan_without_a_lunch_of_its_own_eats_as_the_file_says(ids):
    """Asthma, epilepsy: billing asks for the meal as well."""
    onsite.fill_lea(ids["lea"])
    assert counted() == {school(): row(standard=2, no_pork=1, pai_eats=1)}
    assert total(counted()) == 3
    plan(pai=None, own_lunch=True)
    assert counted() == {school(): row(standard=2, no_pork=1)}


def test_a_care_plan_alone_makes_a_version_and_no_meal(ids):
    onsite.fill_lea(ids["lea"])
    plan(pai=None)
    frozen()
    plan(pai=True)
    assert frozen() == 2
    first, second = versions(DAY)
    changed = differences(first.counts, second.counts)
    assert (changed, moves(changed)) == ({school(): {"pai_eats": 1}}, (0, 0))


def test_what_nobody_has_decided_is_told_beside_the_numbers(app, ids):
    assert not undecided(DAY)
    number = onsite.send_absence(ids["tom"])
    assert (undecided(DAY).absences, undecided(DAY).meals) == (1, 0)
    assert counted() == {school(): row(standard=3)}
    settle(app, number)
    assert not undecided(DAY) and counted() == {school(): row(standard=2)}


def test_a_place_that_is_asked_for_is_told_too_and_one_in_line_is_not(app, activities, ctx):
    cast.places(activities.table, activities.meal, 1, cast.NEXT_MONDAY)
    ask(activities, activities.meal, cast.NEXT_MONDAY)
    ask(activities, activities.meal, cast.NEXT_MONDAY, child=activities.tom)
    ask(activities, activities.care, cast.NEXT_MONDAY)
    assert (undecided(cast.NEXT_MONDAY).absences, undecided(cast.NEXT_MONDAY).meals) == (0, 1)


def test_who_is_absent_or_cancelled_does_not_eat(ids):
    onsite.tell_absence(ids["tom"])
    with unit_of_work():
        booking = db.session.scalar(select(Booking).filter_by(child_id=ids["hugo"]))
        booking.state = BookingState.cancelled
        booking.cancellation = DayCancellation(day=DAY, activity_id=ids["activity"], reason="Sortie", cancelled_by="Nadia")
    assert counted() == {school(): row(standard=1)}


def test_care_without_a_meal_is_no_meal_and_two_meals_are_one_child(ids):
    with unit_of_work():
        for name, with_meal in (("Garderie", False), ("Journée", True)):
            unit = Unit(activity_id=ids["activity"], name=name, kind=UnitKind.day, with_meal=with_meal)
            db.session.add(unit)
            db.session.flush()
            db.session.add(Booking(child_id=ids["lea"], unit_id=unit.id, family_id=1, day=DAY))
    assert total(counted()) == 3


def test_adults_of_every_day_give_way_to_those_of_the_day(ids):
    with unit_of_work():
        set_adults({int(school()): 2, int(school()) + 1: 4}, None, by="Nadia")
    assert counted() == {school(): row(standard=3, adults=2)}
    with unit_of_work():
        set_adults({int(school()): 0, int(school()) + 1: 1}, DAY, by="Nadia")
    assert counted() == {school(): row(standard=3), str(int(school()) + 1): row(adults=1)}
    with pytest.raises(DomainError), unit_of_work():
        set_adults({int(school()): -1}, DAY, by="Nadia")


def test_a_school_has_one_number_for_every_day(app, ctx):
    """The database says so: two clerks who type at the same moment leave one row, not two that disagree."""
    school = db.session.scalar(select(School.id))
    with pytest.raises(IntegrityError), unit_of_work():
        db.session.add_all([StaffMeals(school_id=school, day=None, meals=number) for number in (3, 4)])


def test_versions_and_what_they_changed(ids):
    assert frozen() == 1
    assert frozen() == 1
    onsite.tell_absence(ids["tom"])
    diet(ids["hugo"], Diet.no_meat)
    assert frozen() == 2
    first, second = versions(DAY)
    changed = differences(first.counts, second.counts)
    assert changed == {school(): {"standard": -2, "no_meat": 1}}
    assert moves(changed) == (1, 2)
    assert first.counts == {school(): row(standard=3)}


def test_nothing_is_frozen_where_nobody_eats(ids):
    with pytest.raises(DomainError), unit_of_work():
        freeze(onsite.date(2026, 11, 25), by="Nadia")


def test_frozen_numbers_carry_no_names(ids):
    onsite.fill_lea(ids["lea"])
    frozen()
    assert "Galbert" not in str(db.session.scalar(select(KitchenSheet)).counts)


def test_the_job_freezes_once_when_its_hour_has_come(ids):
    with unit_of_work():
        town.put("kitchen_hour", 14)
    assert freeze_due() == 0
    clock.advance(hours=3)
    assert (freeze_due(), freeze_due()) == (1, 0)
    assert [sheet.version for sheet in versions(DAY)] == [1]
    onsite.tell_absence(ids["tom"])
    assert freeze_due() == 0


def test_the_job_may_freeze_days_before(ids):
    friday = onsite.date(2026, 11, 27)
    from datetime import UTC, datetime

    clock.set_to(datetime(2026, 11, 21, 7, 30, tzinfo=UTC))
    with unit_of_work():
        town.put("kitchen_days", 3)
    assert freeze_due() == 0
    clock.advance(hours=1)
    assert freeze_due() == 1
    assert not versions(friday)


def test_two_who_freeze_at_once_make_one_version(app, ids):
    failed = []

    def press():
        try:
            with app.test_request_context("/"):
                frozen()
                db.session.remove()
        except Exception as problem:
            failed.append(problem)

    threads = [Thread(target=press) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    db.session.rollback()
    assert [sheet.version for sheet in versions(DAY)] == [1]


def test_as_many_queries_for_many(ids):
    onsite.crowd(ids, 40)
    with counted_queries() as statements:
        assert total(counted()) == 43
    assert len(statements) == 2

"""Do the day, its morning and its afternoon share places? Whoever is there at the same time counts together."""

from datetime import date

import pytest

from app.activities.enrolling import change
from app.activities.models import Absence, Activity, BookingState, Enrolment, PlaceAsked, Rank, Unit
from app.activities.operations import book, take_back_absence, unbook
from app.activities.places import Capacities, at_once, numbers_in_line, room
from app.activities.timetable import CellState
from app.activities.waiting import offer_places
from app.changes.models import Outcome
from app.changes.operations import withdraw
from app.children.models import Child
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.i18n import in_locale
from app.extensions import db
from tests.activities import cast
from tests.activities.cast import NEXT_WEDNESDAY
from tests.activities.test_bookings import ask, booking, cell, refused, settle
from tests.conftest import account
from tests.factories import make_request, request_of


@pytest.fixture
def town(app, activities, ctx):
    """Wednesdays of the big ones have two places, whoever comes for how long; Léa is one of them."""
    with in_locale("en"):
        cast.places(activities.big, None, 2)
        yield activities


@pytest.fixture
def others(town):
    """Four more children who may come on Wednesdays."""
    children = [cast.another_child(name, town.galbert, date(2018, 5, 5)) for name in ("Ada", "Bo", "Cléo", "Dan")]
    for child in children:
        cast.enrol(child, town.galbert, town.wednesday)
    return children


def taken(town, unit, *children):
    for child in children:
        cast.book(child, town.galbert, unit, NEXT_WEDNESDAY, town.big)


def asks(town, *wishes):
    """Ask for (child, unit) one after the other; returns the ids of the requests."""
    numbers = []
    for child, unit in wishes:
        clock.advance(seconds=1)
        numbers.append(ask(town, unit, NEXT_WEDNESDAY, child=child))
    return numbers


def rank(number):
    return db.session.scalar(db.select(PlaceAsked.rank).filter_by(request_id=number).execution_options(populate_existing=True))


def said(number):
    """What the clerk reads of a request."""
    return [finding["sentence"] for finding in request_of(number).findings]


def take_back(number):
    with unit_of_work():
        withdraw(request_of(number), by=account("galbert"))


def test_who_is_there_at_the_same_time():
    day, morning, afternoon, meal = 1, 2, 3, 4
    excludes = {day: {morning, afternoon}, morning: {day}, afternoon: {day}}
    assert at_once([day, morning, afternoon], excludes) == {frozenset({day, morning}), frozenset({day, afternoon})}
    assert at_once([morning, afternoon, meal], {}) == {frozenset({one}) for one in (morning, afternoon, meal)}
    everybody = {one: {day, morning, meal} - {one} for one in (day, morning, meal)}
    assert at_once([day, morning, meal], everybody) == {frozenset({day, morning, meal})}
    assert at_once([], excludes) == set()


def test_the_day_has_the_fewest_places_of_its_halves(town, others):
    taken(town, town.morning, *others[:2])
    assert cell(town, town.morning, NEXT_WEDNESDAY).state is CellState.full
    assert cell(town, town.day, NEXT_WEDNESDAY).state is CellState.full
    assert cell(town, town.afternoon, NEXT_WEDNESDAY).state is CellState.free
    capacities = Capacities.load([town.day], NEXT_WEDNESDAY, NEXT_WEDNESDAY)
    counts = {(town.morning, town.big, NEXT_WEDNESDAY): 2, (town.afternoon, town.big, NEXT_WEDNESDAY): 1}
    left = [capacities.left(unit, town.big, NEXT_WEDNESDAY, counts) for unit in (town.day, town.morning, town.afternoon)]
    assert left == [0, 0, 1]


def test_a_day_takes_a_place_of_the_morning_and_of_the_afternoon(town, others):
    taken(town, town.day, *others[:2])
    for unit in (town.morning, town.afternoon, town.day):
        assert cell(town, unit, NEXT_WEDNESDAY).state is CellState.full


def test_halves_of_two_children_take_one_place_between_them(town, others):
    taken(town, town.morning, others[0])
    taken(town, town.afternoon, others[1])
    assert cell(town, town.day, NEXT_WEDNESDAY).state is CellState.free
    (number,) = asks(town, (town.lea, town.day))
    assert rank(number) is Rank.holds
    assert "2 places sur 2 sont prises." in said(number)


def test_the_number_of_a_unit_counts_beside_the_shared_one(town, others):
    cast.places(town.big, town.day, 1)
    taken(town, town.day, others[0])
    assert cell(town, town.day, NEXT_WEDNESDAY).state is CellState.full
    assert cell(town, town.morning, NEXT_WEDNESDAY).state is CellState.free


def test_the_number_of_one_day_wins(town, others):
    cast.places(town.big, None, 1, NEXT_WEDNESDAY)
    taken(town, town.morning, others[0])
    assert cell(town, town.day, NEXT_WEDNESDAY).state is CellState.full
    with unit_of_work():
        db.session.get(Activity, town.wednesday).waiting_list = False
    assert "No place is left" in refused(town, town.day, NEXT_WEDNESDAY)


def test_other_groups_have_places_of_their_own(town, others):
    taken(town, town.day, *others[:2])
    little = cast.another_child("Mia", town.galbert, date(2022, 5, 5))
    cast.enrol(little, town.galbert, town.wednesday)
    assert cell(town, town.day, NEXT_WEDNESDAY, little).state is CellState.free


def test_a_morning_that_becomes_free_is_offered_to_the_day_that_waits(town, others):
    first, _second, day = asks(town, (others[0], town.morning), (others[1], town.morning), (town.lea, town.day))
    assert rank(day) is Rank.queued
    take_back(first)
    assert rank(day) is Rank.offered


def test_a_day_is_not_passed_over_by_halves(town, others):
    """Morning and afternoon are full. What becomes free is kept for the day, which asked first, until it can have both."""
    ada, bo, cleo, dan = others
    morning, _other, afternoon, _another = asks(town, (ada, town.morning), (bo, town.morning), (ada, town.afternoon), (bo, town.afternoon))
    day, half, other_half = asks(town, (town.lea, town.day), (cleo, town.morning), (dan, town.afternoon))
    assert [rank(one) for one in (day, half, other_half)] == [Rank.queued] * 3
    take_back(morning)
    assert [rank(one) for one in (day, half, other_half)] == [Rank.queued] * 3
    assert offer_places() == 0
    take_back(afternoon)
    assert [rank(one) for one in (day, half, other_half)] == [Rank.offered, Rank.queued, Rank.queued]


def test_who_gives_up_waiting_frees_what_was_kept(town, others):
    ada, bo, cleo, _dan = others
    taken(town, town.morning, ada, bo)
    taken(town, town.afternoon, ada)
    day, half = asks(town, (town.lea, town.day), (cleo, town.afternoon))
    assert (rank(day), rank(half)) == (Rank.queued, Rank.queued), "the free afternoon is kept for the day"
    assert "Liste d’attente\xa0: 2 places sur 2 sont prises." in said(day)
    assert "Liste d’attente\xa0: les places libres sont gardées pour ceux qui ont demandé plus tôt." in said(half)
    assert cell(town, town.afternoon, NEXT_WEDNESDAY, others[3]).state is CellState.full
    take_back(day)
    assert rank(half) is Rank.offered


def test_units_that_share_have_one_line(town, others):
    ada, bo, cleo, dan = others
    taken(town, town.day, ada, bo)
    day, half, other_half = asks(town, (town.lea, town.day), (cleo, town.morning), (dan, town.afternoon))
    rows = {row.request_id: row for row in db.session.scalars(db.select(PlaceAsked).filter_by(rank=Rank.queued))}
    numbers = numbers_in_line(rows.values())
    assert [numbers[rows[one].id] for one in (day, half, other_half)] == [1, 2, 2]
    assert cell(town, town.morning, NEXT_WEDNESDAY, cleo).number == 2


def test_the_child_s_own_morning_counts_once(app, town, others):
    """The centre is full. Léa, booked for the morning, asks for the day and says that she leaves the morning."""
    taken(town, town.morning, town.lea, others[0])
    assert cell(town, town.day, NEXT_WEDNESDAY).state is CellState.closed, "not together"
    absence = {"first_day": NEXT_WEDNESDAY, "last_day": NEXT_WEDNESDAY, "reason_id": town.ill, "unit_id": town.morning}
    told = make_request("absence", town.galbert, absence, act="add", child_id=town.lea, sealed=False)
    assert cell(town, town.day, NEXT_WEDNESDAY).state is CellState.free
    (day,) = asks(town, (town.lea, town.day))
    (late,) = asks(town, (others[1], town.morning))
    assert (rank(day), rank(late)) == (Rank.holds, Rank.queued)
    settle(app, told, day)
    assert booking(town, town.day, NEXT_WEDNESDAY).state is BookingState.booked
    assert booking(town, town.morning, NEXT_WEDNESDAY).state is BookingState.absent
    assert rank(late) is Rank.queued, "nothing became free"


def test_a_usual_week_that_changes_keeps_its_own_place_first(town, others):
    """The week changes from mornings to days while somebody waits for a morning."""
    number = cast.enrol(others[2], town.galbert, town.wednesday, {"3": [town.morning]}, first=NEXT_WEDNESDAY, last=NEXT_WEDNESDAY)
    with unit_of_work():
        for row in db.session.scalars(db.select(Enrolment).filter_by(child_id=others[2])):
            if row.id != number:
                db.session.delete(row)
    taken(town, town.morning, others[2], others[0])
    (waits,) = asks(town, (others[1], town.morning))
    with unit_of_work():
        change(db.session.get(Enrolment, number), {"week": {"3": [town.day]}}, by=account("agent"))
    assert booking(town, town.day, NEXT_WEDNESDAY, others[2]).state is BookingState.booked
    assert booking(town, town.morning, NEXT_WEDNESDAY, others[2]) is None
    assert rank(waits) is Rank.queued


def test_an_enrolment_keeps_shared_places(town, others):
    taken(town, town.morning, others[0])
    new = cast.another_child("Eve", town.galbert, date(2018, 5, 5))
    week = {"activity_id": town.wednesday, "starts_on": NEXT_WEDNESDAY, "ends_on": NEXT_WEDNESDAY, "week": {"3": [town.day]}}
    number = make_request("enrolment", town.galbert, week, act="add", child_id=new, sealed=False)
    assert rank(number) is Rank.holds
    assert cell(town, town.morning, NEXT_WEDNESDAY).state is CellState.full
    assert cell(town, town.afternoon, NEXT_WEDNESDAY).state is CellState.free


def test_fewer_places_and_those_who_asked_earlier_come_first(app, town, others):
    first, second = asks(town, (others[0], town.morning), (town.lea, town.day))
    cast.places(town.big, None, 1)
    settle(app, second)
    assert booking(town, town.day, NEXT_WEDNESDAY) is None
    settle(app, first)
    assert booking(town, town.morning, NEXT_WEDNESDAY, others[0]).state is BookingState.booked
    settle(app, second, outcome=Outcome.refuse, reason="No")


def test_the_town_cannot_book_more_than_there_are(town, others):
    taken(town, town.morning, *others[:2])
    with unit_of_work():
        child, day = db.session.get(Child, town.lea), db.session.get(Unit, town.day)
        (result,) = book(child, [day], [NEXT_WEDNESDAY], family_id=town.galbert, by=account("agent"))
        assert result.booking is None and "No place is left" in result.problem
    with unit_of_work():
        unbook(booking(town, town.morning, NEXT_WEDNESDAY, others[0]), by=account("agent"))
    with unit_of_work():
        child, day = db.session.get(Child, town.lea), db.session.get(Unit, town.day)
        (result,) = book(child, [day], [NEXT_WEDNESDAY], family_id=town.galbert, by=account("agent"))
        assert result.booking is not None


def test_the_day_takes_the_place_of_the_morning_once_its_absence_is_accepted(app, town, others):
    """Otherwise a child whose absence is refused afterwards would have both."""
    taken(town, town.morning, town.lea)
    days = {"first_day": NEXT_WEDNESDAY, "last_day": NEXT_WEDNESDAY, "reason_id": town.ill, "unit_id": town.morning}
    absence = make_request("absence", town.galbert, days, act="add", child_id=town.lea, sealed=False)
    (instead,) = asks(town, (town.lea, town.day))
    settle(app, instead)
    assert booking(town, town.day, NEXT_WEDNESDAY) is None
    assert any("acceptez d’abord l’absence" in sentence for sentence in said(instead))
    with unit_of_work():
        child, day = db.session.get(Child, town.lea), db.session.get(Unit, town.day)
        withdraw(request_of(instead), by=account("galbert"))
        (result,) = book(child, [day], [NEXT_WEDNESDAY], family_id=town.galbert, by=account("agent"))
        assert result.booking is None and "accept the absence first" in result.problem
    settle(app, absence)
    settle(app, *asks(town, (town.lea, town.day)))
    assert booking(town, town.day, NEXT_WEDNESDAY).state is BookingState.booked
    assert booking(town, town.morning, NEXT_WEDNESDAY).state is BookingState.absent


def test_an_absence_is_not_taken_back_where_the_child_has_something_else(town, others):
    gone = cast.absent(cast.book(town.lea, town.galbert, town.morning, NEXT_WEDNESDAY, town.big), town.ill)
    taken(town, town.day, town.lea)
    with pytest.raises(DomainError, match="something else"), unit_of_work():
        take_back_absence(db.session.get(Absence, gone), by=account("agent"))


def test_the_room_of_a_unit_is_its_tightest(town, others):
    taken(town, town.morning, *others[:2])
    here = room(town.day, town.big, NEXT_WEDNESDAY)
    assert (here.capacity, here.taken, here.takes_one_more) == (2, 2, False)
    assert room(town.afternoon, town.big, NEXT_WEDNESDAY).taken == 0
    assert room(town.day, None, NEXT_WEDNESDAY).ungrouped

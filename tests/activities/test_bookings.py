"""May a family book this day, and what becomes of it? Every rule, with what a family might try."""

from datetime import date

import pytest

from app.activities.models import Booking, BookingState, DayCancellation, PlaceAsked, Rank
from app.activities.timetable import CellState, Timetable
from app.changes.decisions import Verdict, decide
from app.changes.models import ChangeRequest, Lane, Outcome, RequestState
from app.children.queries import children_of
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.extensions import db
from tests.activities import cast
from tests.activities.cast import NEXT_FRIDAY, NEXT_MONDAY, NEXT_THURSDAY, NEXT_TUESDAY, NEXT_WEDNESDAY
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
    return activities


def test_an_accepted_request_is_a_booking(app, town):
    number = ask(town, town.meal, NEXT_MONDAY)
    assert cell(town, town.meal, NEXT_MONDAY).state is CellState.waiting
    assert booking(town, town.meal, NEXT_MONDAY) is None
    settle(app, number)
    row = booking(town, town.meal, NEXT_MONDAY)
    assert row.state is BookingState.booked and row.family_id == town.galbert and not row.late
    assert cell(town, town.meal, NEXT_MONDAY).state is CellState.booked

"""Does the simulator say what another grid would bring, to the cent, for a household and for the town?"""

from dataclasses import replace
from decimal import Decimal

import pytest

from app.activities.models import Unit
from app.billing import simulation
from app.billing.charges import Facts
from app.billing.grid import Cell, Column, Grid, Row
from app.billing.grids import Version
from app.billing.pricing import Situation, price
from app.billing.simulation import compare, households, simulate, version_of
from app.core.i18n import in_locale
from app.extensions import db
from tests.activities import cast as activities
from tests.billing import cast
from tests.billing.cast import OCTOBER_DAYS
from tests.conftest import counted_queries

DAY = activities.THURSDAY


@pytest.fixture
def town(ctx, billed):
    with in_locale("en"):
        yield billed


def dearer(prices, factor):
    """A grid whose cells cost so many times as much."""
    cells = tuple(tuple(cell and replace(cell, amount=cell.amount * factor) for cell in row) for row in prices.cells)
    return replace(prices, cells=cells)


def flat(amount):
    return Grid((Row("All"),), (Column("Meal"),), ((Cell(Decimal(amount)),),))


def trial(town, prices, activity_id=None):
    return Version.trial(activity_id or town.canteen, activities.YEAR[0], prices, "Tried")


def test_the_grid_in_force_changes_nothing(town):
    found = simulate(version_of(town.canteen_grid), *OCTOBER_DAYS)
    assert found.total.before == found.total.after
    assert (found.more, found.less, found.same) == (0, 0, 3)
    # By hand: Galbert's meals 16.00 + 9.50, Martin's 5.00, Petit's 21.00 (tests/billing/cast.py).
    assert found.total.after == Decimal("51.50")
    assert (found.unpriced_before, found.unpriced_after) == (0, 0)


def test_twice_as_dear(town):
    found = simulate(trial(town, dearer(cast.canteen_grid(), 2)), *OCTOBER_DAYS)
    # One surcharge of 1.00 and one of 2.00 are not doubled.
    assert found.total.after == Decimal("51.50") * 2 - 3
    assert (found.more, found.less, found.same) == (3, 0, 0)
    assert found.most == Decimal("22.50")
    assert [(one.family_id, one.difference) for one in found.largest] == [
        (1, Decimal("22.50")),
        (3, Decimal("21.00")),
        (2, Decimal("5.00")),
    ]
    assert [(one.was, one.quotient) for one in found.largest[1:]] == [("plus de 1 200", None), ("de 400,01 à 800", Decimal(450))]


def test_by_bracket_of_the_new_grid_in_its_order(town):
    found = simulate(trial(town, cast.canteen_grid()), *OCTOBER_DAYS)
    assert [(one.title, len(one.families), one.places, one.after) for one in found.slices] == [
        ("de 400,01 à 800", 2, 11, Decimal("30.50")),
        ("plus de 1 200", 1, 3, Decimal("21.00")),
    ]


def test_a_grid_without_brackets_is_cut_by_quotient(town):
    found = simulate(trial(town, flat("3.00")), *OCTOBER_DAYS)
    assert [one.title for one in found.slices] == ["Quotient up to 800", "No proof of income"]
    assert found.total.after == Decimal("42.00")
    assert found.less == 1


def test_an_activity_that_had_no_tariff_brings_what_the_new_one_says(town):
    from app.billing.models import TariffGrid
    from app.core.db import unit_of_work

    prices = trial(town, flat("2.00"))
    with unit_of_work():
        for number in (town.canteen_grid, town.canteen_before):
            db.session.delete(db.session.get(TariffGrid, number))
    found = simulate(prices, *OCTOBER_DAYS)
    assert (found.total.before, found.total.after, found.unpriced_before) == (0, Decimal("28.00"), 14)


def test_what_the_new_grid_does_not_price_is_counted(town):
    small = Grid((Row("up to 500", Decimal(0), Decimal(500)),), (Column("Meal"),), ((Cell(Decimal("1.00")),),), without_quotient="refuse")
    found = simulate(trial(town, small), *OCTOBER_DAYS)
    assert found.unpriced_after == 12
    assert found.slices[-1].title == "No price in the new tariff"
    assert found.total.before == Decimal("51.50")


def test_what_others_pay_is_a_part_of_what_a_grid_brings(town):
    cast.helped(town.galbert, percent=50, first=activities.YEAR[0])
    found = simulate(version_of(town.canteen_grid), *OCTOBER_DAYS)
    assert found.total.after == Decimal("51.50")


def test_few_queries_whatever_the_number(town):
    with counted_queries() as statements:
        simulate(version_of(town.canteen_grid), *OCTOBER_DAYS)
    assert len(statements) <= 14, "\n".join(statements)


def test_only_days_of_the_activity_are_read(town):
    facts = Facts.load([town.galbert], *OCTOBER_DAYS, town.evening)
    units = {row.unit_id for row in facts.bookings} | {unit_id for _child, unit_id, _day in facts.marks}
    assert units == {town.care}
    assert len(Facts.load([town.galbert], *OCTOBER_DAYS).bookings) > len(facts.bookings) > 0


def test_days_that_are_alike_are_priced_once(town, monkeypatch):
    priced = []
    monkeypatch.setattr(simulation, "price", lambda *given: priced.append(given) or price(*given))
    places = simulate(version_of(town.canteen_grid), *OCTOBER_DAYS).total.places
    assert len(priced) < 2 * places


def test_rounds_of_households_give_the_same(town, monkeypatch):
    tried = trial(town, dearer(cast.canteen_grid(), 2))
    whole = simulate(tried, *OCTOBER_DAYS)
    monkeypatch.setattr(simulation, "AT_ONCE", 1)
    parts = simulate(tried, *OCTOBER_DAYS)
    assert parts.slices == whole.slices
    assert parts.largest == whole.largest


def test_households_of_an_activity(town):
    assert households(town.canteen, *OCTOBER_DAYS) == [1, 2, 3]
    assert households(town.evening, *OCTOBER_DAYS) == [1]


def test_one_household_now_and_then(town):
    units = db.session.scalars(db.select(Unit).filter_by(activity_id=town.canteen)).all()
    (line,) = compare(trial(town, flat("3.00")), units, [("Léa", Situation(Decimal(900)))], DAY)
    assert (line.now.amount, line.then.amount, line.difference) == (Decimal("3.80"), Decimal("3.00"), Decimal("-0.80"))
    assert line.then.why

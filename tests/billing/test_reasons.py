"""Can a parent and a clerk read why a line costs what it costs?"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest

from app.billing.grid import Bounds, Cell, Column, Effect, Grid, Modifier, ModifierKind, Residence, Row
from app.billing.pricing import Share, Situation, price
from app.billing.reasons import explain, reason_of
from app.core.i18n import in_locale

#: Rules and words, without a database.
pytestmark = pytest.mark.once


@dataclass
class Version:
    title: str
    starts_on: date


ROWS = (Row("0 to 500", Decimal(0), Decimal(500)), Row("500.01 and more", Decimal("500.01"), None), Row("CCAS", category="CCAS"))
CELLS = tuple((Cell(Decimal(amount)),) for amount in ("3.00", "4.00", "1.00"))
GRID = Grid(ROWS, (Column("First child"),), CELLS, Bounds.to_cent)
RATE = Grid((Row("Rate", Decimal(0)),), (Column("Meal"),), ((Cell(rate=Decimal("0.36"), floor=Decimal("2.60"), ceiling=Decimal("4.50")),),))


def told(grid, situation, charge="booked", version=None):
    with in_locale("en"):
        return explain(reason_of(price(grid, 1, situation, charge), version))


@pytest.fixture(autouse=True)
def _context(ctx):
    pass


def test_bracket_quotient_and_the_grid():
    sentences = told(GRID, Situation(Decimal(812), date(2026, 9, 1)), version=Version("Council of 12 June", date(2026, 9, 1)))
    assert sentences == [
        "Family quotient 812, counted since September 2026.",
        "In the tariff, “500.01 and more – First child”: €4.00.",
        "Tariff since 1 September 2026: Council of 12 June.",
    ]


def test_no_proof_of_income():
    assert told(GRID, Situation())[:2] == [
        "The town has no proof of income for this day.",
        "In the tariff, “500.01 and more – First child”: €4.00.",
    ]


def test_a_row_that_was_granted_names_no_income():
    sentences = told(GRID, Situation(Decimal(812), categories=frozenset({"ccas"})))
    assert sentences == ["Rate “CCAS”, granted by the town.", "In the tariff, “CCAS – First child”: €1.00."]


def test_a_rate_of_effort():
    assert told(RATE, Situation(Decimal(1000)))[1:] == [
        "0.36 % of the quotient, from €2.60 to €4.50.",
        "In the tariff, “Rate – Meal”: €3.60.",
    ]
    assert told(RATE, Situation())[1] == "The highest price of the tariff applies."


def test_every_modifier_has_its_words():
    made = (
        (ModifierKind.residence, Effect.add, "2", "Lives outside the commune: €2.00 more."),
        (ModifierKind.children, Effect.shift, "1", "3 children enrolled: 1 bracket lower."),
        (ModifierKind.rank, Effect.factor, "0.8", "Child number 3 of the family: multiplied by 0.8."),
        (ModifierKind.own_lunch, Effect.set, "1.75", "Brings its own lunch: €1.75 instead."),
        (ModifierKind.fund, Effect.add, "-0.5", "By the family's fund: €0.50 less."),
        (ModifierKind.late, Effect.add, "1", "Booked after the deadline: €1.00 more."),
        (ModifierKind.missing, Effect.add, "1", "Came without a booking: €1.00 more."),
        (ModifierKind.told_late, Effect.factor, "0.5", "Absence told too late: multiplied by 0.5."),
        (ModifierKind.unannounced, Effect.add, "1", "Absent without a word: €1.00 more."),
    )
    situation = Situation(Decimal(900), residence=Residence.exterior, fund="msa", children=3, rank=3, own_lunch=True)
    assert {kind for kind, *_rest in made} == set(ModifierKind)
    for kind, effect, value, sentence in made:
        least = 3 if kind in (ModifierKind.children, ModifierKind.rank) else 0
        modifier = Modifier(kind, effect, Decimal(value), least, frozenset({"msa"}))
        grid = Grid(ROWS, GRID.columns, CELLS, modifiers=(modifier,))
        sentences = told(grid, situation, kind.value if kind.value in ("late", "missing", "told_late", "unannounced") else "booked")
        assert sentence in sentences
        assert sentences[-1].startswith("Price: €")


@pytest.mark.parametrize(
    ("charge", "sentence"),
    [
        ("unannounced", "Absent without a word: the place is charged."),
        ("told_late", "Absence told too late: the place is charged."),
        ("missing", "The child came without a booking."),
        ("cancelled", "Cancelled by the town, and charged."),
    ],
)
def test_what_is_charged_without_a_surcharge_says_so(charge, sentence):
    assert sentence in told(GRID, Situation(Decimal(100)), charge)


def test_what_others_pay():
    sentences = told(GRID, Situation(Decimal(100), shares=(Share("CCAS", 50),)))
    assert sentences[-1] == "CCAS pays €1.50 of it."


@pytest.mark.parametrize("reason", [None, {}, {"charge": "adjustment"}, {"steps": []}])
def test_a_reason_that_says_nothing_is_no_error(reason):
    with in_locale("en"):
        assert explain(reason) == ["The town set this amount."]


def test_a_membership():
    with in_locale("en"):
        assert explain({"charge": "membership", "price": "10.00"}) == ["Yearly membership."]

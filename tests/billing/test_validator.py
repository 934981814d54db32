"""Does the validator find what a price table leaves out, says twice or cannot mean, and name the place?"""

from dataclasses import replace
from decimal import Decimal
from itertools import product

import pytest
from flask_babel import force_locale

from app.billing import validator
from app.billing.grid import REFUSE, Bounds, Cell, Column, Effect, Grid, Membership, Modifier, ModifierKind, Residence, Row, Stage
from app.billing.validator import findings, hints, problems
from tests.billing.units import CARE, LEISURE, MEAL

#: Rules and words, without a database.
pytestmark = pytest.mark.once

PRICE = (Column("Price"),)


@pytest.fixture(autouse=True)
def english(ctx):
    with force_locale("en"):
        yield


def price(amount):
    return None if amount is None else Cell(Decimal(str(amount)))


def table(rows, cells, columns=PRICE, **more):
    return Grid(tuple(rows), tuple(columns), tuple(tuple(map(price, row)) for row in cells), **more)


def brackets(*limits, bounds=Bounds.to_cent, **more):
    """Rows named by letters with (lowest, highest)."""
    rows = [
        Row("ABCDEF"[place], None if low is None else Decimal(str(low)), None if high is None else Decimal(str(high)))
        for place, (low, high) in enumerate(limits)
    ]
    return table(rows, [[place + 1] for place in range(len(rows))], bounds=bounds, **more)


WHOLE = brackets((0, 300), (300.01, 500), (500.01, None))


def said(grid, units=MEAL):
    return [(problem.place, problem.sentence) for problem in findings(grid, units)]


def test_a_whole_table_has_nothing_against_it():
    assert problems(WHOLE, MEAL) == []
    assert problems(brackets((0, 300), (301, None), bounds=Bounds.to_euro), MEAL) == []
    assert problems(brackets((0, 300), (300, None), bounds=Bounds.below), MEAL) == []


@pytest.mark.parametrize(
    ("grid", "place", "sentence"),
    [
        (brackets((0, 300), (350, None)), "row-1", "No bracket for quotients between 300 (“A”) and 350 (“B”)."),
        (brackets((0, 300), (300, None)), "row-1", "“A” and “B” overlap: a quotient of exactly 300 is in both."),
        (brackets((0, 300), (250, None)), "row-1", "“A” and “B” overlap: quotients from 250 on are in both."),
        (brackets((0, 300), (300.01, None), bounds=Bounds.to_euro), None, None),
        (brackets((0, 300), (300.5, None), bounds=Bounds.to_euro), "row-1", "“A” and “B” overlap: quotients from 300.5 on are in both."),
        (brackets((100, 300), (300.01, None)), "row-0", "No bracket for quotients below 100: “A” is the lowest."),
        (brackets((0, 300), (300.01, 900)), "row-1", "No bracket for quotients above 900: “B” is the highest."),
        (brackets((0, None), (500, None)), None, None),
        (brackets((10, None), (500, None)), "row-1", "“A” and “B” overlap: the first has no upper limit."),
        (brackets((0, 300), (500, 400), (400.01, None)), "row-1", "“B” ends before it begins: 500, 400."),
    ],
)
def test_gaps_and_overlaps_are_named(grid, place, sentence):
    if sentence:
        assert (place, sentence) in said(grid)
    else:
        # "0 and more" is no bracket: it is for everybody, and the other counts before it.
        assert said(grid) == []


def test_brackets_across_are_looked_at_too():
    columns = [Column("to 300", None, Decimal(300)), Column("from 400", Decimal(400))]
    grid = table([Row("Repas")], [[1, 2]], columns)
    assert said(grid) == [("column-1", "No bracket for quotients between 300 (“to 300”) and 400 (“from 400”).")]


def test_a_cell_that_holds_no_price():
    assert said(table([Row("all")], [[-1]])) == [("cell-0-0", "“all”, “Price”: a price is not below zero.")]
    too_much = Grid((Row("all"),), (Column("Price"),), ((Cell(rate=Decimal(36), ceiling=Decimal(4)),),))
    assert said(too_much) == [("cell-0-0", "“all”, “Price”: a rate lies between 0 and 10 percent.")]
    crossed = Grid((Row("all"),), (Column("Price"),), ((Cell(rate=Decimal("0.36"), floor=Decimal(5), ceiling=Decimal(4)),),))
    assert said(crossed) == [("cell-0-0", "“all”, “Price”: the least price is above the greatest.")]
    assert said(table([Row("all")], [[None]]))[0][0] == "grid" and said(Grid((), (), ()))[0][0] == "grid"


def test_a_rate_without_a_ceiling_has_no_price_for_who_gives_no_proof():
    effort = Grid((Row("all"),), (Column("Price"),), ((Cell(rate=Decimal("0.36")),),))
    assert [(place, sentence.partition(".")[0]) for place, sentence in said(effort)] == [
        ("cell-0-0", "No price for Repas, no proof of income")
    ]
    assert said(replace(effort, without_quotient=REFUSE)) == []


def test_an_empty_cell_that_nothing_replaces_is_named_with_its_place():
    columns = [Column("in", residence=Residence.resident), Column("out", residence=Residence.exterior)]
    rows = [Row("A", None, Decimal(300)), Row("B", Decimal("300.01")), Row("CCAS", category="CCAS")]
    grid = table(rows, [[1, 5], [2, None], [0.5, None]], columns)
    # The CCAS pays by its bracket where its own row is empty; the empty bracket has nothing behind it.
    assert said(grid) == [("cell-1-1", "No price for Repas, quotient 300.01, outside the commune.")]


def test_a_service_that_the_table_forgets():
    columns = [Column("Matin", units=frozenset({1}))]
    assert said(table([Row("all")], [[1]], columns), CARE) == [("grid", "No price for Soir.")]
    gone = table([Row("all")], [[1]], [Column("Midi", units=frozenset({7}))])
    assert said(gone, CARE)[0] == ("column-0", "“Midi” names something that this activity does not offer any more.")


def test_two_columns_for_the_same_children():
    columns = [Column("one"), Column("two")]
    assert said(table([Row("all")], [[1, 2]], columns)) == [("cell-0-1", "Two prices for Repas: “all”, “one” and “all”, “two”.")]
    assert said(table([Row("all")], [[1, 1]], columns)) == []
    ranks = [Column("1-2", ranks=(1, 2)), Column("2+", ranks=(2, None))]
    assert said(table([Row("all")], [[1, 2]], ranks))[0][1].startswith("Two prices for Repas, child number 2:")
    last = [Column("1", ranks=(1, 1)), Column("2", ranks=(2, 2))]
    assert said(table([Row("all")], [[1, 2]], last))[0][1] == "No price for Repas, child number 3."


KINDS = ModifierKind


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Modifier(KINDS.rank, Effect.factor, Decimal("0.5"), least=1), "count from 2 on"),
        (Modifier(KINDS.rank, Effect.factor, Decimal(-1), least=2), "below zero"),
        (Modifier(KINDS.late, Effect.factor, Decimal(50)), "ten times"),
        (Modifier(KINDS.late, Effect.add, Decimal(-1)), "would pay less"),
        (Modifier(KINDS.missing, Effect.factor, Decimal("0.5")), "would pay less"),
        (Modifier(KINDS.residence, Effect.add, Decimal(-1)), "would pay less than who lives in it"),
        (Modifier(KINDS.own_lunch, Effect.add, Decimal(0)), "changes nothing"),
        (Modifier(KINDS.fund, Effect.add, Decimal(1)), "names no fund"),
        (Modifier(KINDS.late, Effect.shift, Decimal(1)), "not for one day"),
        (Modifier(KINDS.children, Effect.shift, Decimal("0.5"), least=3), "1, 2… places"),
        (Modifier(KINDS.late, Effect.add, Decimal(1), units=frozenset({9})), "does not offer any more"),
    ],
)
def test_rules_that_make_no_sense(rule, words):
    found = said(replace(WHOLE, modifiers=(rule,)))
    assert [place for place, _sentence in found] == ["rule-0"] and words in found[0][1]


def test_rules_that_do():
    rules = (
        Modifier(KINDS.residence, Effect.factor, Decimal("1.5")),
        Modifier(KINDS.fund, Effect.add, Decimal("-0.5"), funds=frozenset({"msa"})),
        Modifier(KINDS.children, Effect.shift, Decimal(1), least=3),
        Modifier(KINDS.rank, Effect.factor, Decimal("0.8"), least=2),
        Modifier(KINDS.rank, Effect.factor, Decimal("0.5"), least=3),
        Modifier(KINDS.own_lunch, Effect.set, Decimal("1.75")),
        Modifier(KINDS.late, Effect.add, Decimal(2)),
        Modifier(KINDS.missing, Effect.factor, Decimal(2)),
        Modifier(KINDS.unannounced, Effect.set, Decimal(8)),
        Modifier(KINDS.told_late, Effect.factor, Decimal("0.5")),
    )
    assert problems(replace(WHOLE, modifiers=rules), MEAL) == []
    twice = replace(WHOLE, modifiers=(rules[6], replace(rules[6], value=Decimal(3))))
    assert said(twice) == [("rule-1", "The rule “booked late” is there twice: only one of the two can count.")]


def test_a_lower_bracket_needs_brackets():
    rule = Modifier(KINDS.children, Effect.shift, Decimal(1), least=3)
    assert "no brackets to lower" in said(table([Row("all")], [[1]], modifiers=(rule,)))[0][1]


def test_the_rest():
    assert said(replace(WHOLE, without_quotient="Gone")) == [("grid", "Without a proof of income: no row or column is called “Gone”.")]
    assert said(replace(WHOLE, membership=Membership(Decimal(-1)))) == [("membership", "The yearly membership is not below zero.")]


def test_what_may_be_a_slip_is_a_hint_and_stops_nobody():
    falling = replace(WHOLE, cells=((price(3),), (price(2),), (price(4),)))
    assert problems(falling, MEAL) == []
    assert [(hint.place, hint.sentence) for hint in hints(falling, MEAL)] == [
        ("cell-1-0", "“B”, “Price” costs less than the bracket before it: €2.00.")
    ]


def test_a_large_table_is_tried_within_a_moment():
    import time

    columns = [
        Column(f"{unit.name} {place.value} {rank}", units=frozenset({unit.id}), residence=place, ranks=(rank, rank if rank < 3 else None))
        for unit in LEISURE
        for place in Residence
        for rank in (1, 2, 3)
    ]
    rows = [Row(str(number), Decimal(number * 100), Decimal(number * 100 + 100) if number < 19 else None) for number in range(20)]
    grid = table(rows, [[row + column / 100 for column in range(len(columns))] for row in range(20)], columns, bounds=Bounds.below)
    start = time.perf_counter()
    assert problems(grid, LEISURE) == []
    assert time.perf_counter() - start < 3


BRACKETS = [
    Row(f"T{place}", Decimal(place * 200 + 1) if place else None, Decimal(place * 200 + 200) if place < 8 else None) for place in range(9)
]


def wide(holes=()):
    """A table that tells 3,888 situations apart, with cells (place of the bracket, stage, place, fund) that are empty."""
    columns, cells = [], [[] for _row in BRACKETS]
    for residence, stage, fund, rank in product(Residence, Stage, ("caf", "msa", "none"), (1, 2, 3)):
        ranks = (rank, None if rank == 3 else rank)
        columns.append(Column("", residence=residence, stage=stage, funds=frozenset({fund}), ranks=ranks))
        for place, row in enumerate(cells):
            row.append(
                None if any((place, stage, residence, fund) == hole or hole == (place, stage) for hole in holes) else Cell(Decimal(3))
            )
    charged = [replace(row, title=f"late {row.title}", charges=frozenset({"late"})) for row in BRACKETS]
    return Grid((*BRACKETS, *charged), tuple(columns), (*map(tuple, cells), *map(tuple, cells)), bounds=Bounds.to_euro)


@pytest.mark.parametrize("place", range(9))
def test_an_empty_cell_is_found_however_many_situations_a_table_tells_apart(place, monkeypatch):
    monkeypatch.setattr("app.billing.cases.MOST_SITUATIONS", 457)
    assert problems(wide(), LEISURE) == []
    assert problems(wide([(place, Stage.nursery)]), LEISURE)
    assert problems(wide([(place, Stage.primary, Residence.exterior, "msa")]), LEISURE)


def test_a_table_is_judged_once(monkeypatch):
    looked = []
    monkeypatch.setattr(validator, "cases", lambda *given: looked.append(given) or [])
    grid = replace(WHOLE, membership=Membership(Decimal("7.77")))
    for _again in range(3):
        assert problems(grid, MEAL) == []
    with force_locale("fr"):
        problems(grid, MEAL)
    problems(grid, CARE)
    assert len(looked) == 3

"""Which cell of a price table counts, what changes its price, and does a grid come back from JSON as it was?"""

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.billing.grid import (
    REFUSE,
    Bounds,
    Cell,
    Column,
    Effect,
    Grid,
    Membership,
    Modifier,
    ModifierKind,
    Residence,
    Row,
    Stage,
)
from app.billing.grids import Grids, Version, grid_from_json, grid_to_json
from app.billing.pricing import NoPrice, Share, Situation, price

#: Rules and words, without a database.
pytestmark = pytest.mark.once

MEAL, HOUR = 1, 2


def euros(text):
    return Decimal(str(text))


def cells(*rows):
    return tuple(tuple(None if one is None else Cell(euros(one)) for one in row) for row in rows)


def of(grid, unit=MEAL, charge="booked", **situation):
    """The unit price, or the code of NoPrice."""
    if situation.get("quotient") is not None:
        situation["quotient"] = euros(situation["quotient"])
    try:
        return price(grid, unit, Situation(**situation), charge).unit_price
    except NoPrice as refusal:
        return refusal.code


BRACKETS = (Row("to 300", None, Decimal(300)), Row("to 500", Decimal("300.01"), Decimal(500)), Row("more", Decimal("500.01")))


def test_the_three_ways_of_ending_a_bracket():
    def grid(bounds, low, high):
        return Grid((Row("a", None, Decimal(low)), Row("b", Decimal(high))), (Column("price"),), cells([1], [2]), bounds)

    cent, euro, below = grid(Bounds.to_cent, 300, "300.01"), grid(Bounds.to_euro, 300, 301), grid(Bounds.below, 300, 300)
    assert [of(cent, quotient=value) for value in ("300", "300.01")] == [1, 2]
    assert [of(euro, quotient=value) for value in ("300.99", "301")] == [1, 2]
    assert [of(below, quotient=value) for value in ("299.99", "300")] == [1, 2]


def test_the_weightier_thing_that_a_row_or_a_column_names_counts():
    grid = Grid(
        (*BRACKETS, Row("CCAS", category="CCAS"), Row("Outside", residence=Residence.exterior)),
        (Column("first"), Column("second", ranks=(2, None)), Column("PAI", own_lunch=True), Column("late", charges=frozenset({"late"}))),
        cells([1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], ["0.5", None, None, None], [20, 21, None, None]),
    )
    assert of(grid, quotient=100) == 1 and of(grid, quotient=400, rank=2) == 6
    assert of(grid, quotient=400, own_lunch=True, rank=2) == 7
    assert of(grid, charge="late", quotient=600) == 12
    # A name that was granted is a decision about this child; what its row leaves empty is looked for elsewhere.
    assert of(grid, quotient=600, categories=frozenset({"ccas"})) == euros("0.5")
    assert of(grid, quotient=600, residence=Residence.exterior, rank=2) == 21
    assert of(grid, quotient=None, residence=Residence.exterior) == 20


def test_brackets_may_stand_across_and_units_down():
    rows = (Row("Meal", units=frozenset({MEAL})), Row("Hour", units=frozenset({HOUR})))
    columns = tuple(Column(row.title, row.lowest, row.highest) for row in BRACKETS)
    grid = Grid(rows, columns, cells([1, 2, 3], ["0.1", "0.2", "0.3"]))
    assert of(grid, MEAL, quotient=400) == 2 and of(grid, HOUR, quotient=700) == euros("0.3") and of(grid, HOUR) == euros("0.3")


def test_ages_and_stages_of_school():
    grid = Grid(
        (Row("all"),),
        (Column("little", stage=Stage.nursery), Column("big", stage=Stage.primary), Column("3-5", ages=(3, 5), units=frozenset({HOUR}))),
        cells([1, 2, 3]),
    )
    assert of(grid, stage="nursery") == 1 and of(grid, stage="primary") == 2 and of(grid, stage="") == "no_cell"
    assert of(grid, HOUR, age=4) == 3 and of(grid, HOUR, age=6, stage="primary") == 2


def test_who_gives_no_proof():
    columns = (Column("price"),)
    named = Row("No proof", category="No proof")
    assert of(Grid(BRACKETS, columns, cells([1], [2], [3]))) == 3
    assert of(Grid(BRACKETS, columns, cells([1], [2], [3]), without_quotient=REFUSE)) == "no_quotient"
    assert of(Grid((*BRACKETS, named), columns, cells([1], [2], [3], [9]), without_quotient="No proof")) == 9
    assert of(Grid((*BRACKETS, named), columns, cells([1], [2], [3], [9]), without_quotient="No proof"), quotient=400) == 2
    # One price for everybody asks for no income.
    assert of(Grid((Row("all"),), columns, cells([4]), without_quotient=REFUSE)) == 4
    effort = ((Cell(rate=euros("0.5"), floor=Decimal(1), ceiling=Decimal(4)),),)
    assert of(Grid((Row("all"),), columns, effort)) == 4
    assert of(Grid((Row("all"),), columns, effort, without_quotient=REFUSE)) == "no_quotient"


def test_a_rate_of_effort_between_floor_and_ceiling_is_rounded_once():
    grid = Grid((Row("all"),), (Column("price"),), ((Cell(rate=euros("0.333"), floor=Decimal(1), ceiling=Decimal(3)),),))
    assert [of(grid, quotient=value) for value in (100, 450, "451.5", 2000)] == [1, euros("1.50"), euros("1.50"), 3]
    half = Grid(grid.rows, grid.columns, grid.cells, modifiers=(Modifier(ModifierKind.rank, Effect.factor, euros("0.5"), least=2),))
    # 0.333 % of 451 is 1.50183; its half is 0.750915, not half of 1.50.
    assert of(half, quotient=451, rank=2) == euros("0.75")


def test_modifiers_act_in_their_order_and_the_greatest_of_a_kind_counts():
    rules = (
        Modifier(ModifierKind.late, Effect.add, Decimal(1)),
        Modifier(ModifierKind.residence, Effect.factor, Decimal(2)),
        Modifier(ModifierKind.rank, Effect.factor, euros("0.9"), least=2),
        Modifier(ModifierKind.rank, Effect.factor, euros("0.5"), least=3),
    )
    grid = Grid((Row("all"),), (Column("price"),), cells([4]), modifiers=rules)
    assert of(grid, rank=2) == euros("3.60") and of(grid, rank=4) == 2
    assert of(grid, charge="late", residence=Residence.exterior, rank=3) == 5
    free = Grid((Row("all"),), (Column("price"),), cells([4]), modifiers=(Modifier(ModifierKind.rank, Effect.add, Decimal(-9), least=2),))
    assert of(free, rank=2) == 0


def test_a_lower_bracket_stops_at_the_lowest():
    rules = (Modifier(ModifierKind.children, Effect.shift, Decimal(1), least=3),)
    grid = Grid(BRACKETS, (Column("price"),), cells([1], [2], [3]), modifiers=rules)
    assert [of(grid, quotient=value, children=3) for value in (100, 400, 900)] == [1, 1, 2]
    assert of(grid, quotient=400, children=2) == 2


def test_a_reason_holds_the_quotient_only_where_it_counted():
    flat = Grid((Row("all"),), (Column("price"),), cells([4]))
    assert "quotient" not in price(flat, MEAL, Situation(quotient=Decimal(700))).reason
    assert price(Grid(BRACKETS, (Column("p"),), cells([1], [2], [3])), MEAL, Situation(quotient=Decimal(700))).reason["quotient"] == "700"


def test_others_pay_a_part_and_never_more_than_the_price():
    grid = Grid((Row("all"),), (Column("price"),), cells([4]))
    shares = (Share("CCAS", percent=75), Share("CAF", amount=Decimal(3)))
    found = price(grid, MEAL, Situation(shares=shares))
    assert (found.unit_price, found.third_party, found.third_party_name) == (0, 4, "CCAS, CAF")


@pytest.mark.parametrize(
    ("amount", "percents", "paid"),
    [
        ("2.50", ["33.33"], "0.83"),
        ("1.00", ["12.5"], "0.13"),
        ("0.99", ["33.33"] * 3, "0.99"),
        ("1.00", ["33.33", "33.33", "33.34"], "1.00"),
    ],
)
def test_parts_of_a_price_are_exact_to_the_cent(amount, percents, paid):
    grid = Grid((Row("all"),), (Column("price"),), cells([Decimal(amount)]))
    found = price(grid, MEAL, Situation(shares=tuple(Share("CAF", percent=Decimal(one)) for one in percents)))
    assert (found.third_party, found.unit_price + found.third_party) == (Decimal(paid), Decimal(amount))


def test_a_membership_by_place():
    assert [Membership(Decimal(10), exterior=Decimal(20)).of(place) for place in Residence] == [10, 20]
    assert Membership(Decimal(10)).of(Residence.exterior) == 10


# -- kept and dated -----------------------------------------------------------------------------------------------------------------------

AMOUNTS = st.decimals(0, 999, places=2)
RANGES = st.one_of(st.none(), st.tuples(st.integers(1, 4), st.one_of(st.none(), st.integers(4, 9))))
WORDS = st.text(st.characters(categories=("L", "N", "P", "Zs")), min_size=1, max_size=12)
TITLES = st.one_of(
    WORDS.map(lambda text: " ".join(text.split()) or "x"), st.sampled_from(["de 0 à 300", "300 et plus", "CCAS", "2e enfant"])
)
HEADS = {
    "title": st.text(st.characters(categories=("L", "N", "P", "Zs")), min_size=1, max_size=12).map(
        lambda text: " ".join(text.split()) or "x"
    ),
    "lowest": st.one_of(st.none(), AMOUNTS),
    "highest": st.one_of(st.none(), AMOUNTS),
    "category": st.sampled_from(["", "CCAS", "Agents"]),
    "units": st.frozensets(st.integers(1, 3), max_size=2),
    "residence": st.sampled_from([None, *Residence]),
    "funds": st.frozensets(st.sampled_from(["caf", "msa", "none"]), max_size=2),
    "ranks": RANGES,
    "children": RANGES,
    "ages": RANGES,
    "own_lunch": st.booleans(),
    "stage": st.sampled_from([None, *Stage]),
    "charges": st.frozensets(st.sampled_from(["late", "missing", "unannounced", "membership"]), max_size=2),
}
CELLS = st.one_of(
    st.none(),
    AMOUNTS.map(Cell),
    st.builds(lambda rate, floor, more: Cell(None, rate, floor, floor + more), st.decimals("0.01", 9, places=3), AMOUNTS, AMOUNTS),
)


@st.composite
def grids(draw):
    """Any Grid, however odd."""
    rows = draw(st.lists(st.builds(Row, **HEADS), min_size=1, max_size=4))
    columns = draw(st.lists(st.builds(Column, **HEADS), min_size=1, max_size=3))
    table = tuple(tuple(draw(CELLS) for _column in columns) for _row in rows)
    modifier = st.builds(
        Modifier,
        st.sampled_from(list(ModifierKind)),
        st.sampled_from([Effect.add, Effect.factor, Effect.set]),
        AMOUNTS,
    ).map(lambda one: Modifier(one.kind, one.effect, one.value, *_least(one.kind)))
    # A membership stands in the table or below it.
    named = any("membership" in head.charges for head in (*rows, *columns))
    below = st.builds(Membership, AMOUNTS, st.booleans(), st.one_of(st.none(), AMOUNTS), st.booleans())
    return Grid(
        tuple(rows),
        tuple(columns),
        table,
        bounds=draw(st.sampled_from(list(Bounds))),
        modifiers=tuple(draw(st.lists(modifier, max_size=3))),
        membership=draw(st.builds(Membership, per_family=st.booleans(), shared=st.booleans()) if named else st.one_of(st.none(), below)),
    )


def _least(kind):
    if kind in (ModifierKind.children, ModifierKind.rank):
        return (2,)
    return (0, frozenset({"msa"})) if kind is ModifierKind.fund else ()


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(grids())
def test_json_holds_a_grid_exactly(grid):
    assert grid_from_json(json.loads(json.dumps(grid_to_json(grid)))) == grid


@pytest.mark.usefixtures("ctx")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=40)
@given(grids())
def test_what_is_typed_and_what_a_file_says_makes_the_same_grid(grid):
    from app.billing.exchange import from_csv, to_csv
    from app.billing.table import read, typed_of
    from tests.billing.units import UNITS

    assert read(typed_of(grid, UNITS), UNITS).grid == grid
    assert read(from_csv(to_csv(grid, UNITS), UNITS).typed, UNITS).grid == grid


def test_the_day_decides_which_version_counts():
    def version(number, activity, day):
        return Version(number, activity, day, "", grid_to_json(Grid((Row("all"),), (Column("price"),), cells([number]))))

    versions = [version(2, 1, date(2026, 9, 1)), version(1, 1, date(2025, 9, 1)), version(3, 2, date(2026, 9, 1))]
    grids = Grids(versions)
    assert grids.at(1, date(2025, 8, 31)) is None and grids.at(9, date(2026, 9, 1)) is None
    assert [grids.at(1, day).id for day in (date(2025, 9, 1), date(2026, 8, 31), date(2026, 9, 1))] == [1, 1, 2]
    trial = Version.trial(1, date(2027, 9, 1), versions[0].grid)
    assert grids.with_trial(trial).at(1, date(2025, 9, 1)) is trial and grids.with_trial(trial).at(2, date(2026, 9, 1)).id == 3
    assert grids.at(1, date(2026, 9, 1)).id == 2

"""Is a yearly membership priced by the table as everything else: by quotient or place, read, kept, billed once, with its reason?"""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.activities.models import Unit
from app.billing.exchange import from_csv, to_csv
from app.billing.grid import REFUSE, Membership, Residence
from app.billing.grids import Grids, Version, grid_to_json
from app.billing.lines import drafts
from app.billing.models import ChargeKind, TariffGrid
from app.billing.pricing import NoPrice, Share, Situation, membership, price
from app.billing.reasons import explain
from app.billing.simulation import compare
from app.billing.table import read, typed_of
from app.billing.validator import problems
from app.core.db import unit_of_work
from app.core.i18n import in_locale
from app.extensions import db
from tests.activities import cast as activities
from tests.billing import cast
from tests.billing.cast import OCTOBER_DAYS
from tests.billing.units import MEAL

TABLE = "QF;Repas;Adhésion annuelle\n0 à 800;2,00;5\n801 et plus;4,00;10 € / an\nHors commune;6,00;20\n"


@pytest.fixture(autouse=True)
def english(ctx):
    with in_locale("en"):
        yield


def grid_of(text=TABLE, units=MEAL):
    """The Grid of a table, which nothing must be wrong with."""
    taken = from_csv(text, units)
    found = read(taken.typed, units)
    assert [str(one) for one in found.problems] + problems(found.grid, units) + taken.left_out == []
    return found.grid


def owed(grid, **situation):
    return membership(grid, Situation(**situation)).unit_price


def test_a_column_of_the_table_is_the_membership():
    grid = grid_of()
    assert [owed(grid, quotient=Decimal(one)) for one in (0, 800, 801, 2000)] == [5, 5, 10, 10]
    assert owed(grid, quotient=Decimal(100), residence=Residence.exterior) == 20
    assert owed(grid) == 10
    # A place costs what it did: the column is for no booking.
    assert [price(grid, 1, Situation(quotient=Decimal(one))).unit_price for one in (500, 900)] == [2, 4]
    assert price(grid, 1, Situation(residence=Residence.exterior), "late").unit_price == 6


def test_rows_of_the_table_are_it_too():
    grid = grid_of("QF;Prix\nTous;3\nAdhésion familiale, commune;10\nAdhésion familiale, hors commune;20\n")
    assert (owed(grid), owed(grid, residence=Residence.exterior), grid.membership.per_family) == (10, 20, True)
    assert price(grid, 1, Situation(residence=Residence.exterior)).unit_price == 3


def test_rules_and_shares_are_for_places_alone():
    grid = grid_of(TABLE + "Majoration hors commune;+ 1,50 €;\n")
    assert grid.modifiers and owed(grid, residence=Residence.exterior) == 20
    found = membership(grid, Situation(quotient=Decimal(900), shares=(Share("CCAS", percent=Decimal(50)),)))
    assert (found.unit_price, found.third_party) == (10, 0)


def test_it_says_why():
    found = membership(grid_of(), Situation(quotient=Decimal(700), quotient_from=date(2026, 9, 1)))
    said = explain(found.reason)
    assert said == [
        "Family quotient 700, counted since September 2026.",
        "In the tariff, “0 à 800 – Adhésion annuelle”: €5.00.",
        "Yearly membership.",
    ]


@pytest.mark.parametrize("shared", [False, True])
def test_a_file_holds_all_of_it(shared):
    grid = replace(grid_of(), membership=Membership(None, per_family=True, shared=shared))
    assert grid_of(to_csv(grid, MEAL)) == grid
    assert read(typed_of(grid, MEAL), MEAL).grid == grid


def test_it_stands_in_the_table_or_below_it():
    typed = from_csv(TABLE, MEAL).typed
    typed.membership = "12"
    assert [str(one) for one in read(typed, MEAL).problems] == ["The membership stands in the table: leave these amounts empty."]


def test_whom_the_table_forgets_is_said():
    found = read(from_csv("QF;Repas;Adhésion\n0 à 800;2,00;\n801 et plus;4,00;10\n", MEAL).typed, MEAL)
    assert problems(found.grid, MEAL) == ["No price for the yearly membership, quotient 0."]


def put(grid_id, grid):
    with unit_of_work():
        db.session.get(TariffGrid, grid_id).content = grid_to_json(grid)


def billed_memberships(families=(1, 2, 3)):
    """{family: [(child or "", activity, amount, sentences)]} of October."""
    made = drafts(list(families), *OCTOBER_DAYS)
    return {
        family_id: [(line.child, line.activity, line.amount, line.reason) for line in draft.lines if line.charge is ChargeKind.membership]
        for family_id, draft in made.items()
    }


def units_of(activity_id):
    return db.session.scalars(select(Unit).filter_by(activity_id=activity_id).order_by(Unit.position)).all()


def test_a_bill_has_it_by_bracket_and_place_with_its_reason(billed):
    put(billed.canteen_grid, grid_of(units=units_of(billed.canteen)))
    found = billed_memberships()
    # Galbert's quotient is 720; Martin's 450.
    assert [line[:3] for line in found[1]] == [("Léa Galbert", "Canteen", 5), ("Tom Galbert", "Canteen", 5)]
    assert [line[:3] for line in found[2]] == [("Hugo Martin", "Canteen", 5)]
    assert found[1][0][3]["quotient"] == "720" and found[1][0][3]["tariff"] == "Délibération du 12 juin 2026"


def test_a_bill_waits_where_the_quotient_is_needed_and_unknown(billed):
    grid = replace(
        grid_of("QF;Repas;Adhésion annuelle\n0 à 800;2,00;5\n801 et plus;2,00;10\n", units_of(billed.canteen)), without_quotient=REFUSE
    )
    put(billed.canteen_grid, grid)
    with unit_of_work():
        for quotient in db.session.get(cast.Family, billed.martin).quotients:
            db.session.delete(quotient)
    (draft,) = drafts([billed.martin], *OCTOBER_DAYS).values()
    assert {"code": "no_quotient", "child": "Hugo Martin", "unit": "Canteen, yearly membership", "days": ["2026-10-31"]} in draft.anomalies
    with pytest.raises(NoPrice):
        membership(grid, Situation())


@pytest.mark.parametrize(("shared", "expected"), [(True, [("", "Canteen", 8)]), (False, [("", "Canteen", 8), ("", "Evening care", 8)])])
def test_once_a_family_for_two_activities_that_share_it(billed, shared, expected):
    cast_enrol(billed)
    due = Membership(Decimal(8), per_family=True, shared=shared)
    for number, grid in ((billed.canteen_grid, cast.canteen_grid()), (billed.evening_grid, cast.evening_grid())):
        put(number, replace(grid, membership=due))
    assert sorted(line[:3] for line in billed_memberships()[1]) == expected


def cast_enrol(town):
    activities.enrol(town.lea, town.galbert, town.evening, {})


def test_the_simulation_of_a_household_has_a_line_of_it(billed):
    version = Version.trial(billed.canteen, activities.YEAR[0], grid_of(units=units_of(billed.canteen)))
    people = [("Léa", Situation(Decimal(900))), ("Tom", Situation(Decimal(900)))]
    lines = compare(version, units_of(billed.canteen), people, activities.THURSDAY)
    assert [(one.who, one.unit, one.now.amount, one.then.amount) for one in lines[2:]] == [
        ("Léa", "yearly membership", 0, 10),
        ("Tom", "yearly membership", 0, 10),
    ]
    assert Grids.load([billed.canteen]).at(billed.canteen, activities.THURSDAY).grid.membership is None

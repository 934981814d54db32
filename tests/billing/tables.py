"""What does a table that was pasted cost? Read as the screen reads it, priced without a database."""

from decimal import Decimal

from app.billing.exchange import from_csv, to_csv
from app.billing.grids import grid_from_json, grid_to_json
from app.billing.pricing import NoPrice, Situation, price
from app.billing.table import read, typed_of
from app.billing.validator import problems
from tests.billing.units import MEAL


def pay(grid, unit=1, charge="booked", **situation):
    if situation.get("quotient") is not None:
        situation["quotient"] = Decimal(str(situation["quotient"]))
    try:
        return str(price(grid, unit, Situation(**situation), charge).unit_price)
    except NoPrice as refusal:
        return refusal.code


def taken(text, units=MEAL, town="Saint-Exemple"):
    """(Grid, sentences of what is wrong) of a table that was pasted."""
    result = read(from_csv(text, units).typed, units, town)
    return result.grid, [str(problem) for problem in result.problems] or problems(result.grid, units)


def whole(text, units=MEAL, town="Saint-Exemple"):
    """The Grid of a table with which nothing is wrong, and of which its file makes the same again."""
    grid, wrong = taken(text, units, town)
    assert wrong == []
    assert read(from_csv(to_csv(grid, units), units).typed, units, town).grid == grid == grid_from_json(grid_to_json(grid))
    assert read(typed_of(grid, units, town), units, town).grid == grid
    return grid

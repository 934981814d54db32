"""Which situations does a price grid tell from one another? All of them, or so many that no cell is passed over. Pure rules."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from math import gcd, prod

from app.billing.grid import MEMBERSHIP, REFUSE, Residence, Stage
from app.billing.pricing import Situation
from app.families.models import Fund

#: Where a grid tells more situations apart, so many of them are tried, and one at least for each cell.
MOST_SITUATIONS = 20_000


@dataclass(frozen=True)
class Case:
    """A situation that the grid tells from others."""

    unit: object
    situation: Situation
    charge: str

    @property
    def unit_id(self):
        """None for the membership, which is paid for no service."""
        return None if self.charge == MEMBERSHIP else self.unit.id

    @classmethod
    def of(cls, unit, charge, name, lunch, residence, fund, children, rank, age, stage, quotient):
        # A child of rank 3 has two others beside it.
        counted = {"children": max(children, rank), "rank": rank, "age": age, "stage": stage}
        return cls(unit, Situation(quotient, residence=residence, fund=fund, own_lunch=lunch, categories=name, **counted), charge)


def cases(grid, units):
    """The Cases that a grid distinguishes: what it does not name is left as it is."""
    sides = _sides(grid, units)
    count = prod(map(len, sides))
    if count <= MOST_SITUATIONS:
        yield from (Case.of(*values) for values in product(*sides))
        return
    yield from _of_cells(grid, sides)
    # A step that shares no divisor with the count meets every value of every side, and with most others.
    step = next(step for step in range(count // MOST_SITUATIONS + 1, count) if gcd(step, count) == 1)
    yield from (Case.of(*_at(sides, number * step % count)) for number in range(MOST_SITUATIONS))


def _at(sides, number):
    """The values that stand at a place of the product of all sides."""
    found = []
    for side in reversed(sides):
        number, place = divmod(number, len(side))
        found.append(side[place])
    return found[::-1]


def _of_cells(grid, sides):
    """The Cases of each cell, for every service: the first values that its row and its column are for, the lowest and highest quotient."""
    for row, column in product(grid.rows, grid.columns):
        suiting = [
            [value for value in side if all(fits(head, value, grid) for head in (row, column))]
            for side, fits in zip(sides, FITS, strict=True)
        ]
        if all(suiting):
            first = [values[:1] for values in suiting[1:-1]]
            yield from (Case.of(*values) for values in product(suiting[0], *first, dict.fromkeys((suiting[-1][0], suiting[-1][-1]))))


def _within(limits, value):
    return limits is None or (value is not None and limits[0] <= value and (limits[1] is None or value <= limits[1]))


def _has(head, quotient, grid):
    return not head.is_bracket or (quotient is not None and head.has(quotient, grid.bounds))


#: Whether a row or column is for a value of each side, in their order.
FITS = (
    lambda head, unit, _grid: not head.units or unit.id in head.units,
    lambda head, charge, _grid: not head.charges or charge in head.charges,
    lambda head, names, _grid: not head.category or head.category.casefold() in names,
    lambda head, lunch, _grid: lunch or not head.own_lunch,
    lambda head, residence, _grid: head.residence in (None, residence),
    lambda head, fund, _grid: not head.funds or fund in head.funds,
    lambda head, children, _grid: _within(head.children, children),
    lambda head, rank, _grid: _within(head.ranks, rank),
    lambda head, age, _grid: _within(head.ages, age),
    lambda head, stage, _grid: head.stage is None or head.stage.value == stage,
    _has,
)


def _sides(grid, units):
    """[the values of each part of a Case that the grid tells apart]."""
    heads = [*grid.rows, *grid.columns]
    quotients = _quotients(grid, heads)
    residences = list(Residence) if any(head.residence for head in heads) else [Residence.resident]
    funds = [fund.value for fund in Fund] if any(head.funds for head in heads) else ["none"]
    ranks, children, ages = (_edges([getattr(head, name) for head in heads]) for name in ("ranks", "children", "ages"))
    ages = [age for age in ages if _within_all(age, heads)] or [None]
    lunches = [False, True] if any(head.own_lunch for head in heads) else [False]
    stages = [stage.value for stage in Stage] if any(head.stage for head in heads) else [""]
    names = [frozenset(), *({frozenset({head.category.casefold()}) for head in heads if head.category})]
    charges = ["booked", *sorted({charge for head in heads for charge in head.charges})]
    return list(map(list, (units, charges, names, lunches, residences, funds, children, ranks, ages, stages, quotients)))


def _quotients(grid, heads):
    found = {head.lowest or 0 for head in heads if head.is_bracket} | {head.highest for head in heads if head.highest is not None}
    missing = [] if grid.without_quotient == REFUSE else [None]
    return [*sorted(map(Decimal, found | {0} if found else {500})), *missing]


def _edges(ranges):
    """The least numbers that belong to something else than those before."""
    ranges = [limits for limits in ranges if limits]
    found = {1} | {low for low, _high in ranges if low} | {high + 1 for _low, high in ranges if high is not None}
    return sorted(number for number in found if number > 0)


def _within_all(age, heads):
    """Whether a child of this age is among those whom a table by ages is for."""
    ranges = [head.ages for head in heads if head.ages]
    return bool(ranges) and min(low for low, _high in ranges) <= age <= max(age if high is None else high for _low, high in ranges)

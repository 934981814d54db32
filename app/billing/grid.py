"""What does a price grid say? Rows by quotient or by name, columns by what the town distinguishes, cells, and modifiers. Pure rules.

A grid is one activity's table as the town publishes it: rows and columns may both name quotients, units, children. The unit price
of a place is found in this order (docs/tariffs.md): of the cells whose row and column fit, the one that names the weightiest things;
what it says; then the modifiers in the order of ModifierKind; at least zero; rounded once, to the cent.
"""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property

from app.core.enums import Labelled
from app.core.i18n import _l

ONE_CENT, ONE_EURO = Decimal("0.01"), Decimal(1)
_MILLIONTH = Decimal("0.000001")


class Bounds(Labelled):
    """What the upper limit of a bracket means, and where the next one must begin."""

    to_cent = "to_cent", _l("belongs to the bracket; the next one begins a cent later")
    to_euro = "to_euro", _l("belongs to the bracket; the next one begins a euro later, quotients are cut to whole euros")
    below = "below", _l("belongs to the next bracket")


class Residence(Labelled):
    """Where a household lives."""

    resident = "resident", _l("in the commune")
    exterior = "exterior", _l("outside the commune")


class Stage(Labelled):
    """Which part of the school a child goes to."""

    nursery = "nursery", _l("nursery school")
    primary = "primary", _l("primary school")


class ModifierKind(Labelled):
    """What changes a price, in the order in which it does."""

    residence = "residence", _l("lives outside the commune")
    fund = "fund", _l("fund")
    children = "children", _l("children enrolled")
    rank = "rank", _l("rank among the brothers and sisters")
    own_lunch = "own_lunch", _l("brings its own lunch (PAI)")
    late = "late", _l("booked late")
    missing = "missing", _l("came without a booking")
    told_late = "told_late", _l("absence told too late")
    unannounced = "unannounced", _l("absent without a word")


class Effect(Labelled):
    """How it changes it."""

    add = "add", _l("adds (euros; below zero, takes off)")
    factor = "factor", _l("multiplies by")
    set = "set", _l("makes it (euros)")
    shift = "shift", _l("takes a bracket so many places lower")


#: The value of ChargeKind by which a row or column prices the yearly membership.
MEMBERSHIP = "membership"
#: The names that a grid may give a household without a quotient, beside those of its rows.
HIGHEST, REFUSE = "highest", "refuse"


@dataclass(frozen=True)
class Cell:
    """An amount in euros, or a rate of effort: a percentage of the quotient, and a constant, between a floor and a ceiling."""

    amount: Decimal | None = None
    rate: Decimal | None = None
    floor: Decimal | None = None
    ceiling: Decimal | None = None
    #: Euros that are added to quotient × rate. With a rate below zero the price falls from it.
    constant: Decimal | None = None

    def at(self, quotient):
        """Euros, not rounded yet; None where a rate meets no quotient and no price is the highest."""
        if self.amount is not None:
            return self.amount
        if quotient is None:
            return self.ceiling if self.ceiling is not None or self.rate >= 0 else self.constant
        # A third of a percent has no end: what is less than a millionth was never meant.
        price = (quotient * self.rate / 100 + (self.constant or 0)).quantize(_MILLIONTH)
        if self.floor is not None:
            price = max(price, self.floor)
        return price if self.ceiling is None else min(price, self.ceiling)


@dataclass(frozen=True)
class Head:
    """A row or a column: its title, whom and what it is for. What is empty does not matter; ranges are (from, to); to None: and more."""

    title: str
    #: A bracket of quotients (euros, `lowest` included; `highest` None: and more).
    lowest: Decimal | None = None
    highest: Decimal | None = None
    #: Not empty: for a household or child to which this name was granted.
    category: str = ""
    units: frozenset[int] = field(default=frozenset(), kw_only=True)
    residence: Residence | None = field(default=None, kw_only=True)
    #: Names of families.models.Fund.
    funds: frozenset[str] = field(default=frozenset(), kw_only=True)
    ranks: tuple[int, int | None] | None = field(default=None, kw_only=True)
    children: tuple[int, int | None] | None = field(default=None, kw_only=True)
    own_lunch: bool = field(default=False, kw_only=True)
    #: Completed years on the day.
    ages: tuple[int, int | None] | None = field(default=None, kw_only=True)
    stage: Stage | None = field(default=None, kw_only=True)
    #: Values of ChargeKind.
    charges: frozenset[str] = field(default=frozenset(), kw_only=True)

    @property
    def is_bracket(self):
        """Whether it leaves quotients out: "0 and more" does not."""
        return self.highest is not None or bool(self.lowest and self.lowest > 0)

    @property
    def is_membership(self):
        """Whether it prices the yearly membership."""
        return MEMBERSHIP in self.charges

    def has(self, quotient, bounds):
        """Whether a quotient in euros lies in the bracket; where the next one begins a euro later, up to this euro."""
        end = self.highest if self.highest is None or bounds is not Bounds.to_euro else self.highest + ONE_EURO
        below = end is None or (quotient <= end if bounds is Bounds.to_cent else quotient < end)
        return below and (self.lowest is None or self.lowest <= quotient)

    def fits(self, unit_id, situation, charge="booked"):
        """Whether it is for this unit and situation, whatever the quotient and the name."""
        return (
            (not self.units or unit_id in self.units)
            and (not self.own_lunch or situation.own_lunch)
            and (self.residence is None or self.residence is situation.residence)
            and (not self.funds or situation.fund in self.funds)
            and _within(self.children, situation.children)
            and _within(self.ranks, situation.rank)
            and (self.ages is None or (situation.age is not None and _within(self.ages, situation.age)))
            and (self.stage is None or self.stage.value == situation.stage)
            and (not self.charges or charge in self.charges)
        )

    @cached_property
    def weight(self):
        """What it names; of two places in the table that fit, the one that names the weightier things counts (see WEIGHTS)."""
        return tuple(bool(getattr(self, name)) for name in WEIGHTS)

    @cached_property
    def group(self):
        """What brackets have in common that continue one another."""
        return replace(self, title="", lowest=None, highest=None)


#: The weightiest first. A name that was granted is a decision about this child; own lunch is another meal.
WEIGHTS = ("category", "own_lunch", "charges", "residence", "funds", "children", "ranks", "ages", "stage", "units", "is_bracket")


class Row(Head):
    """A line of the table."""


class Column(Head):
    """A column of the table."""


def _within(limits, number):
    return limits is None or (limits[0] <= number and (limits[1] is None or number <= limits[1]))


@dataclass(frozen=True)
class Modifier:
    """A change of the price. Of two of one kind that fit, the one that asks for more (`least`) counts."""

    kind: ModifierKind
    effect: Effect
    #: Euros, a factor, or a number of brackets.
    value: Decimal
    #: From how many children, or from which rank on.
    least: int = 0
    funds: frozenset[str] = frozenset()
    units: frozenset[int] = frozenset()

    def fits(self, unit_id, situation, charge):
        if self.units and unit_id not in self.units:
            return False
        match self.kind:
            case ModifierKind.residence:
                return situation.residence is Residence.exterior
            case ModifierKind.fund:
                return situation.fund in self.funds
            case ModifierKind.children:
                return situation.children >= self.least
            case ModifierKind.rank:
                return situation.rank >= self.least
            case ModifierKind.own_lunch:
                return situation.own_lunch
        return self.kind.value == charge

    def apply(self, price):
        match self.effect:
            case Effect.add:
                return price + self.value
            case Effect.factor:
                return price * self.value
            case Effect.set:
                return self.value
        return price


@dataclass(frozen=True)
class Membership:
    """What an enrolment costs once a school year, whatever is booked."""

    #: None: what the rows and columns of the table say that are for it.
    amount: Decimal | None = None
    #: Once a family, else once a child.
    per_family: bool = False
    #: For those who live outside the commune, where that is something else.
    exterior: Decimal | None = None
    #: Who has paid it for one activity has paid it for all whose tables say so.
    shared: bool = False

    def of(self, residence):
        """Euros, by where a household lives."""
        return self.exterior if residence is Residence.exterior and self.exterior is not None else self.amount


@dataclass(frozen=True)
class Found:
    """Where in the grid a price was found. `shifted`: by how many brackets it was lowered."""

    row: Head
    column: Head
    cell: Cell | None
    shifted: int = 0
    #: Places in `rows` and `columns`.
    place: tuple[int, int] = (0, 0)

    @property
    def weight(self):
        return tuple(map(max, self.row.weight, self.column.weight))

    @property
    def category(self):
        return self.row.category or self.column.category

    @property
    def by_quotient(self):
        """Whether the price depends on the quotient."""
        return self.row.is_bracket or self.column.is_bracket or (self.cell is not None and self.cell.rate is not None)


@dataclass(frozen=True)
class Grid:
    """One version of an activity's prices; `cells[row][column]` is a Cell or None."""

    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    cells: tuple[tuple[Cell | None, ...], ...]
    bounds: Bounds = Bounds.to_cent
    modifiers: tuple[Modifier, ...] = ()
    #: What a household pays that gave no proof of its income: HIGHEST bracket, REFUSE to price, or the name of a row or column.
    without_quotient: str = HIGHEST
    membership: Membership | None = None
    #: Rows that are brackets: their places in `rows`.
    brackets: tuple[int, ...] = field(init=False, compare=False, repr=False)
    _groups: tuple = field(init=False, compare=False, repr=False)

    def __post_init__(self):
        object.__setattr__(self, "brackets", tuple(place for place, row in enumerate(self.rows) if row.is_bracket))
        object.__setattr__(self, "_groups", (groups_of(self.rows), groups_of(self.columns)))

    def find(self, unit_id, situation, charge="booked"):
        """Found for a unit and a pricing.Situation, or None where the grid has no price for them."""
        return next(iter(self.found(unit_id, situation, charge)), None)

    def found(self, unit_id, situation, charge="booked", empty=False):
        """Every Found that fits, the weightiest first, then in the order of the table; with `empty`, cells without a price too."""
        rows, columns = (self._fitting(axis, unit_id, situation, charge) for axis in (0, 1))
        pairs = [
            Found(self.rows[row], self.columns[column], self.cells[row][column], max(shifted, also), (row, column))
            for row, shifted in rows
            for column, also in columns
            if (empty or self.cells[row][column] is not None)
            # What is said of bookings says nothing of the membership.
            and (charge != MEMBERSHIP or self.rows[row].is_membership or self.columns[column].is_membership)
        ]
        if len(pairs) < 2:
            return pairs
        return sorted(pairs, key=lambda pair: (pair.weight, -pair.place[0], -pair.place[1]), reverse=True)

    def _fitting(self, axis, unit_id, situation, charge):
        """[(place, by how many brackets it was lowered)] of the rows or columns that fit."""
        heads, groups, found = (self.rows, self.columns)[axis], self._groups[axis], []
        for place, head in enumerate(heads):
            if not head.is_bracket and self._is_meant(head, situation) and head.fits(unit_id, situation, charge):
                found.append((place, 0))
        for group, places in groups.items():
            if self._is_meant(group, situation) and group.fits(unit_id, situation, charge):
                found += self._bracket(heads, places, unit_id, situation, charge)
        return found

    def _is_meant(self, head, situation):
        """Whether the name of a row or column, if it has one, was granted; or counts because no quotient is known."""
        name = head.category.casefold()
        return not name or name in situation.categories or (situation.quotient is None and name == self.without_quotient.casefold())

    def _bracket(self, heads, places, unit_id, situation, charge):
        """[(place, by how many it was lowered)] of the bracket that counts, of those that continue one another."""
        if situation.quotient is None:
            return [(places[-1], 0)] if self.without_quotient == HIGHEST else []
        # “1201 à 1500”, then “plus de 1500”: 1500,50 belongs to the second, which begins first after it.
        for number, place in reversed(list(enumerate(places))):
            if heads[place].has(situation.quotient, self.bounds):
                lower = max(0, number - self._shift(unit_id, situation, charge))
                return [(places[lower], number - lower)]
        return []

    def _shift(self, unit_id, situation, charge):
        return sum(int(modifier.value) for modifier in self.applying(unit_id, situation, charge) if modifier.effect is Effect.shift)

    def applying(self, unit_id, situation, charge):
        """The modifiers that apply, one of a kind, in the order of their kinds; they change the price of a place alone."""
        best = {}
        if charge == MEMBERSHIP:
            return []
        for modifier in self.modifiers:
            if modifier.fits(unit_id, situation, charge):
                other = best.get(modifier.kind)
                if other is None or (modifier.least, bool(modifier.units)) > (other.least, bool(other.units)):
                    best[modifier.kind] = modifier
        return [best[kind] for kind in ModifierKind if kind in best]


def groups_of(heads):
    """{what they have in common: [places of the brackets, the lowest first]}."""
    groups = {}
    for place, head in enumerate(heads):
        if head.is_bracket:
            groups.setdefault(head.group, []).append(place)
    return {group: sorted(places, key=lambda place: heads[place].lowest or 0) for group, places in groups.items()}

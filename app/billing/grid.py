"""What does a price grid say? Rows by quotient or by name, columns by what the town distinguishes, cells, and modifiers. Pure rules.

A grid is one activity's table as the town publishes it. The unit price of a place is found in this order (docs/tariffs.md):
the column that fits best; the row of the household's quotient or of the name it was granted; what the cell says; then the
modifiers in the order of ModifierKind; at least zero; rounded once, to the cent.
"""

from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal

from app.core.enums import Labelled
from app.core.i18n import _l

ONE_CENT, ONE_EURO = Decimal("0.01"), Decimal(1)


class Bounds(Labelled):
    """What the upper limit of a bracket means, and where the next one must begin."""

    to_cent = "to_cent", _l("belongs to the bracket; the next one begins a cent later")
    to_euro = "to_euro", _l("belongs to the bracket; the next one begins a euro later, quotients are cut to whole euros")
    below = "below", _l("belongs to the next bracket")


class Residence(Labelled):
    """Where a household lives."""

    resident = "resident", _l("in the commune")
    exterior = "exterior", _l("outside the commune")


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


#: The names that a grid may give a household without a quotient, beside those of its rows.
HIGHEST, REFUSE = "highest", "refuse"


@dataclass(frozen=True)
class Cell:
    """An amount in euros, or a rate of effort: a percentage of the quotient between a floor and a ceiling."""

    amount: Decimal | None = None
    rate: Decimal | None = None
    floor: Decimal | None = None
    ceiling: Decimal | None = None

    def at(self, quotient):
        """Euros, not rounded yet; None where a rate meets no quotient and has no ceiling."""
        if self.amount is not None:
            return self.amount
        if quotient is None:
            return self.ceiling
        price = quotient * self.rate / 100
        if self.floor is not None:
            price = max(price, self.floor)
        return price if self.ceiling is None else min(price, self.ceiling)


@dataclass(frozen=True)
class Row:
    """A bracket of quotients (euros, `lowest` included; `highest` None: and more), or a row with a name that is granted."""

    title: str
    lowest: Decimal | None = None
    highest: Decimal | None = None
    #: Not empty: a household or child that was granted it pays by this row, whatever its quotient.
    category: str = ""


@dataclass(frozen=True)
class Column:
    """Whom and what a column is for; what is empty does not matter. `ranks` and `children` are (from, to); to None: and more."""

    title: str
    units: frozenset[int] = frozenset()
    residence: Residence | None = None
    #: Names of families.models.Fund.
    funds: frozenset[str] = frozenset()
    ranks: tuple[int, int | None] | None = None
    children: tuple[int, int | None] | None = None
    own_lunch: bool = False

    def fits(self, unit_id, situation):
        return (
            (not self.units or unit_id in self.units)
            and (not self.own_lunch or situation.own_lunch)
            and (self.residence is None or self.residence is situation.residence)
            and (not self.funds or situation.fund in self.funds)
            and _within(self.children, situation.children)
            and _within(self.ranks, situation.rank)
        )

    @property
    def weight(self):
        """Which of two fitting columns counts: compared as tuples, the greater one. Own lunch before residence, fund, children, rank, unit."""
        return self.own_lunch, self.residence is not None, bool(self.funds), bool(self.children), bool(self.ranks), bool(self.units)


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

    amount: Decimal
    #: Once a family, else once a child.
    per_family: bool = False


@dataclass(frozen=True)
class Found:
    """Where in the grid a price was found. `shifted`: by how many brackets it was lowered."""

    row: Row
    column: Column
    cell: Cell
    shifted: int = 0


@dataclass(frozen=True)
class Grid:
    """One version of an activity's prices; `cells[row][column]` is a Cell or None."""

    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    cells: tuple[tuple[Cell | None, ...], ...]
    bounds: Bounds = Bounds.to_cent
    modifiers: tuple[Modifier, ...] = ()
    #: What a household pays that gave no proof of its income: HIGHEST bracket, REFUSE to price, or the name of a row.
    without_quotient: str = HIGHEST
    membership: Membership | None = None
    #: Rows that are brackets, in order: their places in `rows`.
    brackets: tuple[int, ...] = field(init=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "brackets", tuple(place for place, row in enumerate(self.rows) if not row.category))

    def bracket_of(self, quotient):
        """The place in `brackets` of a quotient in euros; None where no bracket has it."""
        if self.bounds is Bounds.to_euro:
            quotient = quotient.to_integral_value(ROUND_FLOOR)
        for place, number in enumerate(self.brackets):
            row = self.rows[number]
            below = row.highest is None or (quotient < row.highest if self.bounds is Bounds.below else quotient <= row.highest)
            if (row.lowest is None or row.lowest <= quotient) and below:
                return place
        return None

    def find(self, unit_id, situation, charge="booked"):
        """Found for a unit and a pricing.Situation, or None where the grid has no price for them."""
        columns = sorted(
            (place for place, column in enumerate(self.columns) if column.fits(unit_id, situation)),
            key=lambda place: self.columns[place].weight,
            reverse=True,
        )
        rows = self._rows(unit_id, situation, charge)
        for place in columns:
            for number, shifted in rows:
                cell = self.cells[number][place]
                if cell is not None:
                    return Found(self.rows[number], self.columns[place], cell, shifted)
        return None

    def _rows(self, unit_id, situation, charge):
        """[(place in `rows`, by how many brackets it was lowered)], the best first."""
        granted = [number for number, row in enumerate(self.rows) if row.category and row.category.casefold() in situation.categories]
        found = [(number, 0) for number in granted]
        if situation.quotient is not None:
            place = self.bracket_of(situation.quotient)
            if place is not None:
                lower = max(0, place - self._shift(unit_id, situation, charge))
                found.append((self.brackets[lower], place - lower))
        elif self.without_quotient == HIGHEST and self.brackets:
            found.append((self.brackets[-1], 0))
        elif self.without_quotient != REFUSE:
            wanted = self.without_quotient.casefold()
            found += [(number, 0) for number, row in enumerate(self.rows) if row.category.casefold() == wanted]
        return found

    def _shift(self, unit_id, situation, charge):
        return sum(int(modifier.value) for modifier in self.applying(unit_id, situation, charge) if modifier.effect is Effect.shift)

    def applying(self, unit_id, situation, charge):
        """The modifiers that apply, one of a kind, in the order of their kinds."""
        best = {}
        for modifier in self.modifiers:
            if modifier.fits(unit_id, situation, charge):
                other = best.get(modifier.kind)
                if other is None or (modifier.least, bool(modifier.units)) > (other.least, bool(other.units)):
                    best[modifier.kind] = modifier
        return [best[kind] for kind in ModifierKind if kind in best]

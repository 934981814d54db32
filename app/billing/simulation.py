"""What would another grid bring? For one household, and for the whole town over days that have passed, by bracket."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import select, union

from app.activities.models import Attendance, Booking, Unit
from app.billing.charges import Facts, charges
from app.billing.grids import Grids, Version
from app.billing.models import TariffGrid
from app.billing.pricing import NoPrice, price
from app.billing.reasons import explain, reason_of
from app.billing.situations import Situations
from app.children.models import Household
from app.core.i18n import _
from app.core.money import format_quotient
from app.extensions import db

ZERO = Decimal("0.00")
#: So many households are read together.
AT_ONCE = 500
#: Where a grid has no brackets (a rate of effort), households are told apart by these quotients.
SLICES = tuple(Decimal(limit) for limit in (400, 800, 1200, 1600, 2000))


def version_of(grid_id):
    """The Version of a TariffGrid's id, or None."""
    row = db.session.get(TariffGrid, grid_id)
    return Version.of(row) if row is not None else None


# -- one household --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """A unit price and why, or why there is none."""

    amount: Decimal | None
    why: list[str]

    @classmethod
    def of(cls, version, unit_id, situation, charge="booked"):
        try:
            priced = price(version.grid if version is not None else None, unit_id, situation, charge)
        except NoPrice as problem:
            return cls(None, [str(NO_PRICE[problem.code]())])
        return cls(priced.unit_price, explain(reason_of(priced, version)))


NO_PRICE = {
    "no_tariff": lambda: _("No tariff is in force."),
    "no_quotient": lambda: _("The tariff wants a proof of income."),
    "no_cell": lambda: _("The tariff has no price for this."),
}


@dataclass(frozen=True)
class Compared:
    """A unit for a child: what it costs by the prices in force, and by those that are tried."""

    who: str
    unit: str
    now: Answer
    then: Answer

    @property
    def difference(self):
        known = self.now.amount is not None and self.then.amount is not None
        return self.then.amount - self.now.amount if known else None


def compare(version, units, people, day):
    """[Compared] of units for [(name, Situation)], by the grid in force on a day and by a Version that is tried."""
    current = Grids.load([version.activity_id]).at(version.activity_id, day)
    return [
        Compared(who, unit.name, Answer.of(current, unit.id, situation), Answer.of(version, unit.id, situation))
        for who, situation in people
        for unit in units
    ]


# -- the whole town -------------------------------------------------------------------------------------------------------------------


@dataclass
class Slice:
    """The households of a bracket of the new grid: how many places they had, what these brought and would bring."""

    title: str
    families: set[int] = field(default_factory=set)
    places: int = 0
    before: Decimal = ZERO
    after: Decimal = ZERO

    @property
    def difference(self):
        return self.after - self.before


@dataclass
class Simulation:
    """What the places of some days brought by the prices in force, and what they would bring by a grid that is tried."""

    slices: list[Slice]
    #: Places that have no price, by the prices in force and by those that are tried.
    unpriced_before: int
    unpriced_after: int
    #: What each household's part changes by: {family's id: euros}.
    changes: dict[int, Decimal]

    @property
    def total(self):
        """All brackets together."""
        whole = Slice(_("Together"))
        for one in self.slices:
            whole.families |= one.families
            whole.places, whole.before, whole.after = whole.places + one.places, whole.before + one.before, whole.after + one.after
        return whole

    @property
    def more(self):
        return sum(change > 0 for change in self.changes.values())

    @property
    def less(self):
        return sum(change < 0 for change in self.changes.values())

    @property
    def same(self):
        return sum(change == 0 for change in self.changes.values())

    @property
    def most(self):
        """The largest rise of a household."""
        return max(self.changes.values(), default=ZERO)


def simulate(version, first, last):
    """The Simulation of a Version over the days from first to last. Memberships are left out: they are not paid by the day."""
    grids, counted = Grids.load([version.activity_id]), _Counted(version)
    families = households(version.activity_id, first, last)
    for start in range(0, len(families), AT_ONCE):
        some = families[start : start + AT_ONCE]
        facts, situations = Facts.load(some, first, last), Situations.load(some, first, last)
        for charge in charges(facts):
            if charge.family_id in situations and facts.services[charge.unit_id].activity_id == version.activity_id:
                situation = situations.of(charge.family_id, charge.child_id, version.activity_id, charge.day)
                counted.take(charge, situation, grids.at(version.activity_id, charge.day))
    return counted.simulation()


def households(activity_id, first, last):
    """The ids of all households that could owe something of an activity for some days."""
    units = select(Unit.id).where(Unit.activity_id == activity_id)
    children = union(*(select(one.child_id).where(one.unit_id.in_(units), one.day.between(first, last)) for one in (Booking, Attendance)))
    query = select(Household.family_id).where(Household.child_id.in_(children)).distinct()
    return list(db.session.scalars(query.order_by(Household.family_id)))


class _Counted:
    """Charges, priced twice and put together by bracket."""

    def __init__(self, version):
        self.version, self.slices, self._known = version, {}, {}
        self.missing, self.changes = Counter(), defaultdict(Decimal)

    def take(self, charge, situation, current):
        before, after, whole = self._look(charge, situation, current)
        self.missing["before"] += charge.quantity if before is None else 0
        self.missing["after"] += charge.quantity if after is None else 0
        if whole is None:
            return
        whole.families.add(charge.family_id)
        whole.places += charge.quantity
        # The town is paid by others too: what they owe is a part of what a grid brings.
        whole.before += charge.quantity * (before.unit_price + before.third_party if before else ZERO)
        whole.after += charge.quantity * (after.unit_price + after.third_party if after else ZERO)
        self.changes[charge.family_id] += charge.quantity * (_own(after) - _own(before))

    def _look(self, charge, situation, current):
        """(Priced now, Priced then, the Slice), found once for all days on which nothing that matters changes."""
        # By identity, which is quicker than content; the situation is kept, so that no other one gets the same.
        key = id(current), charge.unit_id, charge.kind, id(situation)
        if key not in self._known:
            before, after = (self._price(one, charge, situation) for one in (current, self.version))
            whole = None
            if before is not None or after is not None:
                order, title = bracket(self.version.grid, charge.unit_id, situation, charge.kind.value)
                whole = self.slices.setdefault(order, Slice(title))
            self._known[key] = before, after, whole, situation
        return self._known[key][:3]

    @staticmethod
    def _price(version, charge, situation):
        try:
            return price(version and version.grid, charge.unit_id, situation, charge.kind.value)
        except NoPrice:
            return None

    def simulation(self):
        slices = [self.slices[order] for order in sorted(self.slices)]
        return Simulation(slices, self.missing["before"], self.missing["after"], dict(self.changes))


def _own(priced):
    return priced.unit_price if priced is not None else ZERO


def bracket(grid, unit_id, situation, charge):
    """(what to sort by, title) of the bracket, or the row with a name, in which a household stands."""
    found = grid.find(unit_id, situation, charge)
    if found is None:
        return (3, 0), _("No price in the new tariff")
    (row, column), row_counts = found.place, found.row.is_bracket or found.row.category
    if row_counts or found.column.is_bracket or found.column.category:
        head, place = (found.row, row) if row_counts else (found.column, column)
        return (0, place), head.title
    if situation.quotient is None:
        return (2, 0), _("No proof of income")
    return _by_quotient(situation.quotient)


def _by_quotient(quotient):
    place = sum(quotient > limit for limit in SLICES)
    if place == len(SLICES):
        return (1, place), _("Quotient above %(limit)s", limit=format_quotient(SLICES[-1]))
    return (1, place), _("Quotient up to %(limit)s", limit=format_quotient(SLICES[place]))

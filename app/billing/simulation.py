"""What would another grid bring? For one household, and for the whole town over days that have passed, by bracket."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import select, union

from app.activities.models import Attendance, Booking, Unit
from app.billing.charges import Facts, charges
from app.billing.grids import Grids, Version
from app.billing.models import ChargeKind, TariffGrid
from app.billing.pricing import NoPrice, Situation, membership, price
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
        return cls._found(version, lambda grid: price(grid, unit_id, situation, charge))

    @classmethod
    def of_membership(cls, version, situation):
        """The same of the yearly membership; nothing is owed where there is none."""
        if version is None or version.grid.membership is None:
            return cls(ZERO, [_("The tariff has no yearly membership.")])
        return cls._found(version, lambda grid: membership(grid, situation))

    @classmethod
    def _found(cls, version, priced_by):
        try:
            priced = priced_by(version.grid if version is not None else None)
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
    places = [
        Compared(who, unit.name, Answer.of(current, unit.id, situation), Answer.of(version, unit.id, situation))
        for who, situation in people
        for unit in units
    ]
    return places + _memberships(current, version, people)


def _memberships(current, version, people):
    """[Compared] of the yearly membership, where one of both has it; once for the family that pays it once."""
    known = [one.grid.membership for one in (current, version) if one is not None and one.grid.membership is not None]
    payers = people[:1] if known and known[-1].per_family else people if known else []
    return [
        Compared(who, str(ChargeKind.membership.label), *(Answer.of_membership(one, situation) for one in (current, version)))
        for who, situation in payers
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
    #: Its place among the others.
    order: tuple[int, int] = (0, 0)

    @property
    def difference(self):
        return self.after - self.before

    def take(self, other):
        """Have what another one has, too."""
        self.families |= other.families
        self.places, self.before, self.after = self.places + other.places, self.before + other.before, self.after + other.after


@dataclass(frozen=True)
class Change:
    """What a household's part of some days was, and what it would be."""

    family_id: int
    before: Decimal
    after: Decimal
    #: Of the place whose price changes most: its bracket by the prices in force and by those that are tried; "" where there is no price.
    quotient: Decimal | None
    was: str
    becomes: str

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
    changes: list[Change]

    @property
    def total(self):
        """All brackets together."""
        whole = Slice(_("Together"))
        for one in self.slices:
            whole.take(one)
        return whole

    @property
    def more(self):
        return sum(change.difference > 0 for change in self.changes)

    @property
    def less(self):
        return sum(change.difference < 0 for change in self.changes)

    @property
    def same(self):
        return sum(change.difference == 0 for change in self.changes)

    @property
    def most(self):
        """The largest rise of a household."""
        return max((change.difference for change in self.changes), default=ZERO)

    @property
    def largest(self):
        """[Change] of the households that would pay something else, the largest first; of equals, rises before falls."""
        changed = [change for change in self.changes if change.difference]
        return sorted(changed, key=lambda change: (-abs(change.difference), -change.difference, change.family_id))


def simulate(version, first, last):
    """The Simulation of a Version over the days from first to last. Memberships are left out: they are not paid by the day."""
    families = households(version.activity_id, first, last)
    rounds = (families[start : start + AT_ONCE] for start in range(0, len(families), AT_ONCE))
    return together([simulate_some(version, first, last, some) for some in rounds])


def simulate_some(version, first, last, families):
    """The same of some households: the memory that a round takes stays the same whatever the town."""
    grids, counted = Grids.load([version.activity_id]), _Counted(version)
    facts, situations = Facts.load(families, first, last, version.activity_id), Situations.load(families, first, last)
    for charge in charges(facts):
        # A household of another round is met here as the other one of a shared child.
        if charge.family_id in situations:
            situation = situations.of(charge.family_id, charge.child_id, version.activity_id, charge.day)
            counted.take(charge, situation, grids.at(version.activity_id, charge.day))
    return counted.simulation()


def together(parts):
    """One Simulation of those of different households."""
    slices = {}
    for part in parts:
        for one in part.slices:
            slices.setdefault(one.order, Slice(one.title, order=one.order)).take(one)
    return Simulation(
        [slices[order] for order in sorted(slices)],
        sum(part.unpriced_before for part in parts),
        sum(part.unpriced_after for part in parts),
        [change for part in parts for change in part.changes],
    )


def households(activity_id, first, last):
    """The ids of all households that could owe something of an activity for some days."""
    units = select(Unit.id).where(Unit.activity_id == activity_id)
    children = union(*(select(one.child_id).where(one.unit_id.in_(units), one.day.between(first, last)) for one in (Booking, Attendance)))
    query = select(Household.family_id).where(Household.child_id.in_(children)).distinct()
    return list(db.session.scalars(query.order_by(Household.family_id)))


@dataclass(slots=True)
class _Place:
    """Places of a household that are alike but for the day."""

    family_id: int
    unit_id: int
    kind: str
    situation: Situation
    #: The Version in force, or None.
    current: Version | None
    quantity: int = 0


@dataclass(slots=True)
class _Part:
    """A household's part, while it is counted."""

    before: Decimal = ZERO
    after: Decimal = ZERO
    #: By how much the price of a place changes at most; (quotient, its bracket now, its bracket then) of that place.
    gap: Decimal = Decimal(-1)
    why: tuple = ()


class _Counted:
    """Charges, priced twice and put together by bracket and by household."""

    def __init__(self, version):
        self.version, self.slices, self.missing = version, {}, Counter()
        self.places, self.parts = {}, defaultdict(_Part)

    def take(self, charge, situation, current):
        # By identity, which is quicker than content; the place keeps both, so that no other one gets the same.
        key = charge.family_id, charge.unit_id, charge.kind, id(current), id(situation)
        place = self.places.get(key)
        if place is None:
            place = self.places[key] = _Place(charge.family_id, charge.unit_id, charge.kind.value, situation, current)
        place.quantity += charge.quantity

    def _add(self, place, before, after):
        self.missing["before"] += place.quantity if before is None else 0
        self.missing["after"] += place.quantity if after is None else 0
        if before is None and after is None:
            return
        order, title = bracket(self.version.grid, place)
        whole, part = self.slices.setdefault(order, Slice(title, order=order)), self.parts[place.family_id]
        whole.families.add(place.family_id)
        whole.places += place.quantity
        # The town is paid by others too: what they owe is a part of what a grid brings.
        whole.before += place.quantity * (before.unit_price + before.third_party if before else ZERO)
        whole.after += place.quantity * (after.unit_price + after.third_party if after else ZERO)
        was, becomes = _own(before), _own(after)
        part.before, part.after = part.before + place.quantity * was, part.after + place.quantity * becomes
        if abs(becomes - was) > part.gap:
            part.gap = abs(becomes - was)
            part.why = place.situation.quotient, bracket(place.current.grid, place)[1] if before else "", title if after else ""

    @staticmethod
    def _price(version, place):
        try:
            return price(version and version.grid, place.unit_id, place.situation, place.kind)
        except NoPrice:
            return None

    def simulation(self):
        """Price what was counted."""
        for place in self.places.values():
            self._add(place, *(self._price(one, place) for one in (place.current, self.version)))
        slices = [self.slices[order] for order in sorted(self.slices)]
        changes = [Change(family_id, part.before, part.after, *part.why) for family_id, part in self.parts.items()]
        return Simulation(slices, self.missing["before"], self.missing["after"], changes)


def _own(priced):
    return priced.unit_price if priced is not None else ZERO


def bracket(grid, place):
    """(what to sort by, title) of the bracket, or the row with a name, in which a household stands."""
    situation = place.situation
    found = grid.find(place.unit_id, situation, place.kind)
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

"""What does each household owe for some days? Its charges priced, each line with its reason, and what is odd about them."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select

from app.activities.models import UnitKind
from app.billing import anomalies
from app.billing.charges import Facts, charges
from app.billing.grids import Grids
from app.billing.memberships import memberships
from app.billing.models import Adjustment, ChargeKind
from app.billing.pricing import NoPrice, membership, price
from app.billing.reasons import reason_of
from app.billing.situations import Situations
from app.core import clock
from app.core.money import LARGEST, round_cents
from app.extensions import db

ZERO = Decimal("0.00")
#: So many households are read together: the memory that a run takes stays the same whatever the town.
AT_ONCE = 500


class Line(NamedTuple):
    """One line of a bill, as InvoiceLine keeps it; `reason` is shared by the lines that it is the same for."""

    charge: ChargeKind
    child_id: int | None
    child: str
    under_six: bool
    activity_id: int | None
    activity: str
    unit_id: int | None
    unit: str
    day: date | None
    quantity: int
    unit_price: Decimal
    amount: Decimal
    meal: Decimal = ZERO
    third_party: Decimal = ZERO
    third_party_name: str = ""
    reason: dict | None = None

    @property
    def what(self):
        """Equal for lines that say the same: what is compared with what was issued."""
        about = (self.charge.value, self.child_id, self.activity_id, self.unit_id, self.day, self.quantity)
        return *about, self.unit_price, self.third_party, self.unit if self.charge is ChargeKind.adjustment else ""


_DAY = Line._fields.index("day")


@dataclass(slots=True)
class Draft:
    """What a household would be billed."""

    family_id: int
    lines: list[Line] = field(default_factory=list)
    #: [{"code": …}]: billing/anomalies.py words them.
    anomalies: list[dict] = field(default_factory=list)

    @property
    def total(self):
        return sum((line.amount for line in self.lines), ZERO)

    @property
    def blocked(self):
        """Whether something keeps it from being issued."""
        return any(one["code"] in anomalies.BLOCKING for one in self.anomalies)


def drafts(family_ids, first, last, grids=None, *, spans=None, instead=None):
    """{family_id: Draft} of what happened from first to last, the order of the families kept.

    `grids`: other prices than those in force (a trial). `spans`: {family_id: ((first, last), …)} in order, where a household's bill is
    about other days too (carried forward). `instead`: {family_id: invoice_id} of invoices that are made anew: what they billed counts
    as not billed.
    """
    grids = grids if grids is not None else Grids.load()
    spans, instead, groups = spans or {}, instead or {}, defaultdict(list)
    for family_id in family_ids:
        groups[tuple(spans.get(family_id) or ((first, last),))].append(family_id)
    made = {}
    for days, families in groups.items():
        for start in range(0, len(families), AT_ONCE):
            made |= _Pricing(families[start : start + AT_ONCE], days, grids, instead).drafts()
    return {family_id: made[family_id] for family_id in family_ids}


class _Pricing:
    """The drafts of some households for the same days."""

    def __init__(self, families, spans, grids, instead):
        self.families, self.spans, self.grids = families, spans, grids
        self.instead = {instead[family_id] for family_id in families if instead.get(family_id)}
        first, last = spans[0][0], spans[-1][1]
        self.facts = Facts.load(families, first, last)
        self.situations = Situations.load(families, first, last)
        self.made = {family_id: Draft(family_id) for family_id in families}
        #: {(family, code, child's name, unit's title): [days]}
        self.problems = defaultdict(list)
        #: {what lines have in common: one of them, or the code of what is wrong}, {(family, child, activity): whether all days are alike}
        self._likes, self._steady, self._prices, self._reasons = {}, {}, {}, {}

    def drafts(self):
        for charge in charges(self.facts):
            if charge.family_id in self.made and self._is_asked(charge.day):
                self._take(charge)
        self._sort()
        for due in memberships(self.facts, self.grids, self.spans, self.instead):
            if due.family_id in self.made:
                self._take_membership(due)
        self._adjust()
        anomalies.note_of_days(self.made, self.facts, self.problems)
        return self.made

    def _is_asked(self, day):
        return len(self.spans) == 1 or any(first <= day <= last for first, last in self.spans)

    def _take(self, charge):
        """Price a charge. Days on which nothing that matters changes differ in nothing but the day: they are priced once."""
        family_id, child_id, unit_id, day, kind, quantity = charge
        service = self.facts.services[unit_id]
        key = family_id, child_id, unit_id, kind, quantity, None if self._is_steady(family_id, child_id, service.activity_id) else day
        like = self._likes.get(key)
        if like is None:
            like = self._likes[key] = self._line(charge, service)
        if isinstance(like, str):
            self.problems[family_id, like, self.facts.kids[child_id].name, service.title].append(day)
        else:
            self.made[family_id].lines.append(Line._make((*like[:_DAY], day, *like[_DAY + 1 :])))

    def _is_steady(self, family_id, child_id, activity_id):
        """Whether tariff, situation and year are the same on all days that are billed: they change from a day on, and never back."""
        key = family_id, child_id, activity_id
        if key not in self._steady:
            first, last = self.spans[0][0], self.spans[-1][1]
            situations = [self.situations.of(family_id, child_id, activity_id, day) for day in (first, last)]
            same_tariff = self.grids.at(activity_id, first) is self.grids.at(activity_id, last)
            self._steady[key] = situations[0] is situations[1] and same_tariff and first.year == last.year
        return self._steady[key]

    def _line(self, charge, service):
        """The Line of a charge, or the code of what keeps it from being one."""
        version = self.grids.at(service.activity_id, charge.day)
        situation = self.situations.of(charge.family_id, charge.child_id, service.activity_id, charge.day)
        # Both are the same objects as long as nothing changes, and kept while this is.
        key = id(version), id(situation), charge.unit_id, charge.kind
        if key not in self._prices:
            self._prices[key] = self._price(charge, version, situation)
        priced, reason = self._prices[key]
        if priced is None:
            return reason
        amount, third_party = charge.quantity * priced.unit_price, charge.quantity * priced.third_party
        if max(amount, third_party) > LARGEST:
            return "too_large"
        kid = self.facts.kids[charge.child_id]
        return Line(
            charge=charge.kind,
            child_id=kid.id,
            child=kid.name,
            under_six=_under_six(kid, charge.day),
            activity_id=service.activity_id,
            activity=service.activity,
            unit_id=service.id,
            unit=service.title,
            day=charge.day,
            quantity=charge.quantity,
            unit_price=priced.unit_price,
            amount=amount,
            meal=_meal(service, amount),
            third_party=third_party,
            third_party_name=priced.third_party_name[:60],
            reason=reason,
        )

    def _price(self, charge, version, situation):
        """(Priced, its reason), lines that cost the same for the same reason sharing it; (None, the code of what is wrong)."""
        try:
            priced = price(version and version.grid, charge.unit_id, situation, charge.kind.value)
        except NoPrice as problem:
            return None, problem.code
        reason = reason_of(priced, version)
        return priced, self._reasons.setdefault(repr(reason), reason)

    def _sort(self):
        """By child, the eldest first, then by service and day."""
        orders = {service.id: service.order for service in self.facts.services.values()}
        kids = {kid.id: (kid.birth_date, kid.id) for kid in self.facts.kids.values()}
        for draft in self.made.values():
            draft.lines.sort(key=lambda line: (kids[line.child_id], orders[line.unit_id], line.day))

    def _take_membership(self, due):
        kid = self.facts.kids[due.child_id]
        name = next(service.activity for service in self.facts.services.values() if service.activity_id == due.activity_id)
        situation = self.situations.of(due.family_id, due.child_id, due.activity_id, self.spans[-1][1])
        try:
            self.made[due.family_id].lines.append(self._membership(due, kid, name, membership(due.version.grid, situation)))
        except NoPrice as problem:
            title = f"{name}, {ChargeKind.membership.label}"
            self.problems[due.family_id, problem.code, kid.name, title].append(self.spans[-1][1])

    def _membership(self, due, kid, name, priced):
        amount, of_family = priced.unit_price, due.membership.per_family
        return Line(
            charge=ChargeKind.membership,
            child_id=None if of_family else kid.id,
            child="" if of_family else kid.name,
            under_six=not of_family and _under_six(kid, self.spans[-1][1]),
            activity_id=due.activity_id,
            activity=name,
            unit_id=None,
            unit=name,
            day=None,
            quantity=1,
            unit_price=amount,
            amount=amount,
            reason=reason_of(priced, due.version),
        )

    def _adjust(self):
        """What the town adds or takes off, with its own words, after everything else."""
        query = select(Adjustment).where(
            Adjustment.day.between(self.spans[0][0], self.spans[-1][1]), Adjustment.family_id.in_(self.families)
        )
        for row in db.session.scalars(query.order_by(Adjustment.day, Adjustment.id)):
            if self._is_asked(row.day):
                kid = self.facts.kids.get(row.child_id)
                about = {"child_id": kid.id if kid else None, "child": kid.name if kid else "", "under_six": False, "unit": row.title}
                nowhere = {"activity_id": None, "activity": "", "unit_id": None, "day": row.day, "quantity": 1}
                line = Line(charge=ChargeKind.adjustment, **about, **nowhere, unit_price=row.amount, amount=row.amount)
                self.made[row.family_id].lines.append(line)


def _under_six(kid, day):
    """Under 6 on 1 January of the day's year (CGI, art. 200 quater B)."""
    return clock.age(kid.birth_date, date(day.year, 1, 1)) < 6


def _meal(service, amount):
    """Which part of an amount is food."""
    if service.kind is UnitKind.meal:
        return amount
    return round_cents(amount * service.meal_percent / 100) if service.meal_percent else ZERO

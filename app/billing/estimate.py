"""What would the usual weeks of a family cost? An estimate of a month, by child and service, and of one week."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from app.activities.calendar import days_between
from app.activities.plan import Plan
from app.billing.memberships import SHARED
from app.billing.prices import Prices, about, in_words, periods

ZERO = Decimal("0.00")


@dataclass(frozen=True)
class Line:
    """A service of a child: so many places at a unit price."""

    service: str
    #: As families read it: "€3.80", "€1.45 per hour begun".
    price: str
    days: int
    #: Hours or half-hours of a place where time counts, else 1.
    periods: int
    amount: Decimal


@dataclass
class OfChild:
    """A child with its lines; services that have no price, or that the other household pays."""

    name: str
    lines: list[Line] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def amount(self):
        return sum((line.amount for line in self.lines), ZERO)


@dataclass
class Estimate:
    """The usual weeks over some days."""

    children: list[OfChild]
    #: What one usual week costs, closed days left aside.
    week: Decimal
    #: [(activity, euros)] that is owed once a school year besides.
    memberships: list[tuple[str, Decimal]] = field(default_factory=list)

    @property
    def total(self):
        return sum((child.amount for child in self.children), ZERO)

    @property
    def known(self):
        """Whether any usual week is known."""
        return bool(self.children)


def estimate(children, family_id, first, last):
    """The Estimate of a family from first to last, by the calendar, the weeks of custody and the prices of each day. Four queries."""
    plan = Plan.load(children, first, last, family_id)
    prices = Prices.load(family_id, first, last, list(plan.services))
    found = [_of_child(plan, prices, child, first, last) for child in children]
    week = sum((_week(plan, prices, child) for child in children), ZERO)
    return Estimate([one for one in found if one.lines or one.unknown], week, _memberships(plan, prices, children))


def _memberships(plan, prices, children):
    """What the children's enrolments cost once a school year: once a family, or once a child."""
    found = {}
    for child in children:
        for enrolment in plan.of[child.id].enrolments:
            owed = prices.membership(child.id, enrolment.activity_id, max(plan.first, enrolment.starts_on))
            if owed is not None and owed[0]:
                amount, due = owed
                key = SHARED if due.shared else enrolment.activity_id, 0 if due.per_family else child.id
                found.setdefault(key, (enrolment.activity.name, amount))
    sums = {}
    for name, amount in found.values():
        sums[name] = sums.get(name, ZERO) + amount
    return list(sums.items())


def _of_child(plan, prices, child, first, last):
    made, places, unknown = OfChild(str(child)), Counter(), {}
    for day in days_between(first, last):
        for unit in _usual(plan, child, day):
            price = prices.of(child.id, unit, day)
            if price is None:
                unknown[unit.title] = None
            else:
                places[unit, price.amount] += 1
    ordered = sorted(places, key=lambda place: (place[0].activity.position, place[0].activity_id, place[0].position, place[0].id))
    for unit, amount in ordered:
        days = places[unit, amount]
        made.lines.append(Line(unit.title, in_words(amount, unit), days, periods(unit), days * about(amount, unit)))
    made.unknown = list(unknown)
    return made


def _usual(plan, child, day):
    """The units of a child's usual week that take place on a day, in this household's weeks."""
    of = plan.of[child.id]
    if not of.lives_here(day):
        return
    for unit in plan.units_of(child.id):
        enrolment = of.enrolled(unit.activity_id, day)
        if enrolment is None or unit.id not in enrolment.week.get(str(day.isoweekday()), ()):
            continue
        if plan.why_closed(child.id, plan.service_of[unit.id], day) is None:
            yield unit


def _week(plan, prices, child):
    """What a child's usual week costs, by the prices of the first day on which it is enrolled."""
    total = ZERO
    for enrolment in plan.of[child.id].enrolments:
        day = max(plan.first, enrolment.starts_on)
        for unit_ids in enrolment.week.values():
            for unit in (plan.units[number] for number in unit_ids if number in plan.units):
                price = prices.of(child.id, unit, day)
                total += about(price.amount, unit) if price is not None else ZERO
    return total

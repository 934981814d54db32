"""Which days are charged, to which household, how often, and as what? From bookings, absences and attendance."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import NamedTuple

from sqlalchemy import bindparam, select

from app.activities.models import (
    MINUTES,
    Absence,
    AbsenceReason,
    Activity,
    Attendance,
    Booking,
    BookingState,
    DayCancellation,
    Enrolment,
    Mark,
    Unit,
    UnitKind,
)
from app.billing import settings
from app.billing.exemptions import Exemptions
from app.billing.models import ChargeKind
from app.billing.payers import Link, payer
from app.children.models import Child, Household
from app.core import clock
from app.extensions import db

FAMILIES, CHILDREN, UNITS = (bindparam(name, expanding=True) for name in ("families", "children", "units"))
DAYS = bindparam("first"), bindparam("last")
THERE = (Mark.present, Mark.left)


class Charge(NamedTuple):
    """A child's place on a day that somebody owes."""

    family_id: int
    child_id: int
    unit_id: int
    day: date
    kind: ChargeKind
    #: Half-hours or hours where time counts.
    quantity: int = 1


class Service(NamedTuple):
    """A unit with what a line copies of it."""

    id: int
    activity_id: int
    kind: UnitKind
    starts_at: time | None
    ends_at: time | None
    meal_percent: int
    by_time: bool
    name: str
    position: int
    activity: str
    activity_position: int
    title: str = ""

    @property
    def order(self):
        return self.activity_position, self.activity_id, self.position, self.id


class Kid(NamedTuple):
    """A child with what a line copies of it."""

    id: int
    name: str
    birth_date: date


def services():
    """{unit's id: Service} of the town, with the titles that families read."""
    columns = (getattr(Unit, name) for name in Service._fields[:9])
    query = select(*columns, Activity.name, Activity.position).join(Activity, Activity.id == Unit.activity_id)
    found = [Service(*row) for row in db.session.execute(query)]
    count = defaultdict(int)
    for one in found:
        count[one.activity_id] += 1
    return {one.id: one._replace(title=one.activity if count[one.activity_id] == 1 else f"{one.activity}, {one.name}") for one in found}


@cache
def _links():
    mine = select(Household.child_id).where(Household.family_id.in_(FAMILIES))
    link = (Household.family_id, Household.weeks, Household.pays, Household.started_on, Household.ended_on)
    child = (Child.id, Child.first_name, Child.last_name, Child.birth_date)
    query = select(*child, *link).join(Household, Household.child_id == Child.id).where(Child.id.in_(mine))
    return query.order_by(Household.started_on, Household.id)


@cache
def _bookings(of_units):
    booking = (getattr(Booking, name) for name in ("child_id", "unit_id", "family_id", "day", "state", "late", "told_in_time", "group_id"))
    absence = (Absence.first_day, Absence.certificate_id, AbsenceReason.takes_certificate, AbsenceReason.never_charged)
    query = select(*booking, *absence, DayCancellation.charged).outerjoin(Absence, Absence.id == Booking.absence_id)
    query = query.outerjoin(AbsenceReason, AbsenceReason.id == Absence.reason_id)
    query = query.outerjoin(DayCancellation, DayCancellation.id == Booking.cancellation_id)
    query = query.where(Booking.child_id.in_(CHILDREN), Booking.day.between(*DAYS))
    return query.where(Booking.unit_id.in_(UNITS)) if of_units else query


@cache
def _attendance(of_units):
    columns = (getattr(Attendance, name) for name in ("child_id", "unit_id", "day", "state", "arrived_at", "left_at"))
    query = select(*columns).where(Attendance.child_id.in_(CHILDREN), Attendance.day.between(*DAYS), Attendance.state != Mark.cleared)
    return query.where(Attendance.unit_id.in_(UNITS)) if of_units else query


@cache
def _enrolments():
    columns = (Enrolment.child_id, Enrolment.activity_id, Enrolment.family_id, Enrolment.starts_on, Enrolment.ends_on)
    within = (Enrolment.starts_on <= DAYS[1], Enrolment.ends_on >= bindparam("year_begins"))
    return select(*columns).where(Enrolment.child_id.in_(CHILDREN), *within).order_by(Enrolment.starts_on, Enrolment.id)


@dataclass
class Facts:
    """What is known of the children of some households between two days."""

    first: date
    last: date
    services: dict
    #: {child's id: Kid}, {child's id: [Link]}
    kids: dict = field(default_factory=dict)
    links: dict = field(default_factory=lambda: defaultdict(list))
    bookings: list = field(default_factory=list)
    #: {(child, unit, day): row}
    marks: dict = field(default_factory=dict)
    #: {child's id: [row]} of the school year, the earliest first.
    enrolments: dict = field(default_factory=lambda: defaultdict(list))
    exemptions: Exemptions | None = None

    @classmethod
    def load(cls, family_ids, first, last, activity_id=None):
        """Of these households, and of the days of one activity or of all; seven queries, whatever their number."""
        facts = cls(first, last, services())
        # Straight from the connection: rows of a month are many, and no objects are made of them.
        db.session.flush()
        ask = db.session.connection().execute
        for row in ask(_links(), {"families": list(family_ids)}):
            facts.kids[row.id] = Kid(row.id, f"{row.first_name} {row.last_name}", row.birth_date)
            facts.links[row.id].append(Link(*row[4:]))
        if not facts.kids:
            return facts
        wanted = {"children": list(facts.kids), "first": first, "last": last}
        of_units = activity_id is not None
        days = {**wanted, "units": [one.id for one in facts.services.values() if one.activity_id == activity_id]} if of_units else wanted
        facts.bookings = ask(_bookings(of_units), days).all()
        facts.marks = {row[:3]: row for row in ask(_attendance(of_units), days)}
        for row in ask(_enrolments(), {**wanted, "year_begins": min(first, year_begins(last))}):
            facts.enrolments[row.child_id].append(row)
        facts.exemptions = Exemptions.load(list(facts.kids), first, last)
        return facts

    def enrolled_by(self, child_id, activity_id, day):
        """The household that enrolled a child in an activity, or None."""
        rows = self.enrolments.get(child_id, ())
        return next((row.family_id for row in rows if row.activity_id == activity_id and row.starts_on <= day <= row.ends_on), None)


def year_begins(day):
    """The first day of the year of memberships that has a day."""
    month = settings.year_month()
    return date(day.year if day.month >= month else day.year - 1, month, 1)


def charges(facts):
    """Yields the Charge of every day that somebody owes, children of other households' days included; nothing of a day that nobody owes."""
    carence, booked, marks = settings.carence(), set(), facts.marks
    for row in facts.bookings:
        # The first columns of _bookings().
        child_id, unit_id, asked, day = row[:4]
        place = child_id, unit_id, day
        booked.add(place)
        mark = marks.get(place)
        kind = charged_as(row, mark.state if mark is not None else None, carence)
        if kind is not None and (charge := _charge(facts, place, kind, mark, asked)) is not None:
            yield charge
    for place, mark in marks.items():
        if place not in booked and mark.state in THERE:
            child_id, unit_id, day = place
            asked = facts.enrolled_by(child_id, facts.services[unit_id].activity_id, day)
            if (charge := _charge(facts, place, ChargeKind.missing, mark, asked)) is not None:
                yield charge


def _charge(facts, place, kind, mark, asked):
    """The Charge of a child's place, or None where nobody pays for it."""
    child_id, unit_id, day = place
    service = facts.services[unit_id]
    if facts.exemptions and facts.exemptions.cover(child_id, service.activity_id, day):
        return None
    family_id = payer(facts.links[child_id], day, asked)
    return Charge(family_id, child_id, unit_id, day, kind, quantity(service, day, mark)) if family_id is not None else None


def charged_as(booking, mark, carence):
    """The ChargeKind of a booking, by what was noted on site (a Mark, or None); None: nobody owes it."""
    there = mark in THERE
    kept = ChargeKind.late if booking.late else ChargeKind.booked
    if booking.state is BookingState.booked:
        return ChargeKind.unannounced if mark is Mark.absent else kept
    if booking.state is BookingState.cancelled:
        return kept if there else ChargeKind.cancelled if booking.charged else None
    late = booking.told_in_time is False
    if there:
        # It came all the same: the place was still its own only where the absence was told too late.
        return kept if late else ChargeKind.missing
    certified = booking.certificate_id is not None and booking.takes_certificate and (booking.day - booking.first_day).days >= carence
    return ChargeKind.told_late if late and not booking.never_charged and not certified else None


def quantity(service, day, mark):
    """How many hours, half-hours or quarters have begun of the time that a child was there; 1 where time does not count."""
    if not service.by_time:
        return 1
    begins, ends = (at and datetime.combine(day, at, clock.zone()) for at in (service.starts_at, service.ends_at))
    if mark is not None and mark.state in THERE:
        # Who comes before it begins does not pay for the wait.
        arrived = mark.arrived_at and clock.local(mark.arrived_at).replace(second=0, microsecond=0)
        begins = max(filter(None, (arrived, begins)), default=None)
        ends = clock.local(mark.left_at).replace(second=0, microsecond=0) if mark.left_at else ends
    if begins is None or ends is None or ends <= begins:
        return 1
    return -(-(ends - begins) // timedelta(minutes=MINUTES[service.kind]))

"""Which days does nobody pay? The exemptions of a class, a school, an activity or a child."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.activities.models import Booking, BookingState, Unit
from app.activities.places import schooling_on
from app.billing.issued import in_force
from app.billing.models import BillingPeriod, Exemption, Invoice, InvoiceLine
from app.children.models import SchoolEnrolment
from app.extensions import db

ZERO = Decimal("0.00")


@dataclass
class Concerned:
    """Whom an exemption reaches: what is billed already, and what is still to be billed."""

    #: [Row] of the lines of invoices in force: what of each is needed, since they may be a town's of a year.
    lines: list = field(default_factory=list)
    #: [(child's id, unit's id, day)] that are booked and on no invoice.
    unbilled: list = field(default_factory=list)

    @property
    def amount(self):
        """What families get back, in euros."""
        return sum((line.amount for line in self.lines), ZERO)

    @property
    def children(self):
        return {line.child_id for line in self.lines} | {child_id for child_id, _unit, _day in self.unbilled}

    @property
    def families(self):
        """{period's id: [ids of households]} whose invoices change: what operations.exempt() takes."""
        found = defaultdict(set)
        for line in self.lines:
            found[line.period_id].add(line.family_id)
        return {period_id: sorted(ids) for period_id, ids in sorted(found.items())}


def concerned(first_day, last_day, *, activity_id=None, school_id=None, school_class_id=None, child_id=None):
    """The Concerned of an Exemption that would be made, or of one that there is; three queries."""
    about = {"activity_id": activity_id, "school_id": school_id, "school_class_id": school_class_id, "child_id": child_id}
    row = Exemption(first_day=first_day, last_day=last_day, reason="", made_by="", **about)
    lines = db.session.execute(_billed(row)).all()
    booked = db.session.execute(_booked(row)).all()
    children = {one.child_id for one in (*lines, *booked)}
    rule = Exemptions([row], _schooling(children) if school_id or school_class_id else defaultdict(list))
    billed = {(line.child_id, line.unit_id, line.day) for line in lines}
    reached = [line for line in lines if rule.cover(line.child_id, line.activity_id, line.day)]
    ahead = [tuple(one[:3]) for one in booked if tuple(one[:3]) not in billed and rule.cover(one.child_id, one.activity_id, one.day)]
    return Concerned(reached, ahead)


def _billed(row):
    """The select of the lines in force that an Exemption may reach."""
    names = ("child_id", "unit_id", "day", "activity_id", "amount", "invoice_id")
    query = select(*(getattr(InvoiceLine, name) for name in names), Invoice.period_id, Invoice.family_id)
    query = query.join(Invoice, Invoice.id == InvoiceLine.invoice_id).join(BillingPeriod, BillingPeriod.id == Invoice.period_id)
    # A day is on the bill of its own period or, carried forward, on a later one.
    query = query.where(in_force(), BillingPeriod.last_day >= row.first_day, InvoiceLine.unit_id.is_not(None))
    return _narrowed(query, row, InvoiceLine.day, InvoiceLine.child_id, InvoiceLine.activity_id)


def _booked(row):
    """The select of the bookings that an Exemption may reach."""
    query = select(Booking.child_id, Booking.unit_id, Booking.day, Unit.activity_id).join(Unit, Unit.id == Booking.unit_id)
    return _narrowed(query.where(Booking.state == BookingState.booked), row, Booking.day, Booking.child_id, Unit.activity_id)


def _narrowed(query, row, day, child_id, activity_id):
    """To the days, activity and child of an Exemption, and to children who ever went to its school or class."""
    query = query.where(day.between(row.first_day, row.last_day))
    if row.activity_id is not None:
        query = query.where(activity_id == row.activity_id)
    if row.child_id is not None:
        query = query.where(child_id == row.child_id)
    for name in ("school_id", "school_class_id"):
        if getattr(row, name) is not None:
            query = query.where(child_id.in_(select(SchoolEnrolment.child_id).filter_by(**{name: getattr(row, name)})))
    return query


def _schooling(child_ids):
    """{child's id: [SchoolEnrolment]}"""
    found, query = defaultdict(list), select(SchoolEnrolment).where(SchoolEnrolment.child_id.in_(child_ids))
    for enrolment in db.session.scalars(query.options(joinedload(SchoolEnrolment.school_year))):
        found[enrolment.child_id].append(enrolment)
    return found


class Exemptions:
    """The exemptions between two days, and which school and class each child goes to. False where there is none."""

    def __init__(self, rows, schooling):
        self.rows, self._schooling = rows, schooling

    @classmethod
    def load(cls, child_ids, first, last):
        """One query; a second one where schools or classes matter."""
        rows = db.session.scalars(select(Exemption).where(Exemption.last_day >= first, Exemption.first_day <= last)).all()
        asked = any(row.school_id or row.school_class_id for row in rows)
        return cls(rows, _schooling(child_ids) if asked else defaultdict(list))

    def __bool__(self):
        return bool(self.rows)

    def cover(self, child_id, activity_id, day):
        """The Exemption because of which nobody pays for a child's day, or None."""
        return next((row for row in self.rows if self._covers(row, child_id, activity_id, day)), None)

    def _covers(self, row, child_id, activity_id, day):
        if not row.first_day <= day <= row.last_day:
            return False
        if row.activity_id not in (None, activity_id) or row.child_id not in (None, child_id):
            return False
        if row.school_id is None and row.school_class_id is None:
            return True
        schooling = schooling_on(self._schooling[child_id], day)
        if schooling is None:
            return False
        return row.school_id in (None, schooling.school_id) and row.school_class_id in (None, schooling.school_class_id)

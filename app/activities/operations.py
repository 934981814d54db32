"""What does the town itself do about days? Book for a child, take a booking or an absence back. Days for many: cancelling.py."""

from dataclasses import dataclass

from sqlalchemy import select

from app.activities.enrolling import conflicts
from app.activities.models import Booking, BookingState, PlaceAsked, Rank, Unit
from app.activities.places import Capacities, lock, taken
from app.activities.plan import Plan
from app.activities.timetable import Timetable
from app.activities.waiting import offer_freed
from app.audit.operations import record
from app.children.models import Child
from app.core import clock
from app.core.errors import DomainError
from app.core.i18n import _, date_text
from app.extensions import db


@dataclass
class Booked:
    """How it fared with one child, unit and day."""

    child: Child
    unit: Unit
    day: object
    booking: Booking | None = None
    #: Why it was not booked; "" where it was.
    problem: str = ""


def book(child, units, days, *, family_id, by, over=False):
    """Book a child for units on days, without a request, within the open unit of work; returns a Booked each.

    Deadlines do not count for the town. `over`: although no place is free. What the family itself has asked for stays as it is.
    """
    days, results = sorted(days), []
    if not days:
        return results
    lock([unit.id for unit in units])
    plan = Plan.load([child], days[0], days[-1], family_id, by_clerk=True)
    table = Timetable.load([child], days[0], days[-1], family_id, by_clerk=True, plan=plan)
    table.for_good = True
    for unit in units:
        for day in days:
            result = Booked(child, unit, day)
            try:
                result.booking = _book(table, result, family_id, over=over)
            except DomainError as problem:
                result.problem = str(problem)
            results.append(result)
    made = [result for result in results if result.booking is not None]
    if made:
        db.session.flush()
        record("booking.entered", child, by=by, family_id=family_id, note=_days_note(made))
    return results


def _days_note(made):
    return "; ".join(f"{one.unit.id} {one.day.isoformat()}" for one in made)[:200]


def _book(table, wanted, family_id, *, over):
    cell = table.judge(wanted.child, wanted.unit.id, wanted.day, reason="-") if not over else _although_full(table, wanted)
    if cell.waiting_list and not over:
        raise DomainError(_("No place is left: %(unit)s, %(day)s.", unit=wanted.unit.title, day=date_text(wanted.day, "full")))
    activity = table.plan.units[wanted.unit.id].activity
    group = table.plan.group(wanted.child.id, activity, wanted.day)
    row = db.session.scalar(select(Booking).filter_by(child_id=wanted.child.id, unit_id=wanted.unit.id, day=wanted.day))
    if row is None:
        row = Booking(child_id=wanted.child.id, unit_id=wanted.unit.id, day=wanted.day)
        db.session.add(row)
    else:
        row.move_to(BookingState.booked)
    row.family_id, row.group_id, row.asked_at = family_id, group.id if group else None, clock.now()
    row.late, row.absence_id, row.told_in_time, row.cancellation_id, row.request_id = False, None, None, None, None
    table.facts.note_booking(wanted.child.id, wanted.unit.id, row.group_id, wanted.day, family_id)
    return row


def _although_full(table, wanted):
    facts = table.facts
    counts, queued, facts.counts, facts.queued = facts.counts, facts.queued, {}, {}
    try:
        return table.judge(wanted.child, wanted.unit.id, wanted.day, reason="-")
    finally:
        facts.counts, facts.queued = counts, queued


def unbook(booking, *, by):
    """Take a booking away that the town made by mistake, within the open unit of work; the place is offered to others."""
    place = booking.unit_id, booking.group_id, booking.day
    lock([booking.unit_id])
    _refuse_while_asked([booking])
    record("booking.removed", booking, by=by)
    db.session.delete(booking)
    db.session.flush()
    offer_freed(*place)


def _refuse_while_asked(bookings):
    """Raise DomainError where an open request is about the day of one of these bookings, all of one child: it would be about nothing."""
    days, units = {row.day for row in bookings}, {row.unit_id for row in bookings}
    asked = select(PlaceAsked).where(PlaceAsked.child_id == bookings[0].child_id, PlaceAsked.day.in_(days), PlaceAsked.unit_id.in_(units))
    open_ones = {(ask.unit_id, ask.day) for ask in db.session.scalars(asked.where(PlaceAsked.rank != Rank.closed))}
    for row in bookings:
        if (row.unit_id, row.day) in open_ones:
            words = {"unit": row.unit.title, "day": date_text(row.day, "full")}
            raise DomainError(_("The family has sent a request about %(unit)s, %(day)s: decide about it first.", **words))


def take_back_absence(absence, *, by):
    """The child comes after all, within the open unit of work: what is still to come counts again. DomainError where a place is gone."""
    rows = [row for row in absence.bookings if row.state is BookingState.absent and row.day >= clock.today()]
    if not rows:
        raise DomainError(_("Nothing of this absence is still to come."))
    lock([row.unit_id for row in rows])
    _refuse_while_asked(rows)
    _refuse_without_place(rows)
    for row in rows:
        row.move_to(BookingState.booked)
        row.absence_id = row.told_in_time = None
    db.session.flush()
    record("absence.taken_back", absence, by=by)


def _refuse_without_place(rows):
    """Raise DomainError where one of these bookings, all of one child, cannot count again: its place is gone, or it has another."""
    span = min(row.day for row in rows), max(row.day for row in rows)
    capacities, clashing = Capacities.load({row.unit_id for row in rows}, *span), conflicts()
    counts = taken(capacities.unit_ids, *span)
    booked = select(Booking.day, Booking.unit_id).where(Booking.child_id == rows[0].child_id, Booking.day.between(*span))
    has = set(map(tuple, db.session.execute(booked.where(Booking.state == BookingState.booked))))
    for row in rows:
        words, place = {"unit": row.unit.title, "day": date_text(row.day, "full")}, (row.unit_id, row.group_id, row.day)
        if any((row.day, other) in has for other in clashing.get(row.unit_id, ())):
            raise DomainError(_("The child is booked for something else meanwhile: %(unit)s, %(day)s.", **words))
        if capacities.full(*place, counts):
            raise DomainError(_("The place has been given to another child: %(unit)s, %(day)s.", **words))
        counts[place] = counts.get(place, 0) + 1

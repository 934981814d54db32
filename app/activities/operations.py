"""What does the town itself do about days? Book for a child, take a day away, take an absence back."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.activities.models import Booking, BookingState, DayCancellation, PlaceAsked, Rank, Unit, Wish
from app.activities.places import lock, room
from app.activities.plan import Plan
from app.activities.timetable import Timetable
from app.activities.waiting import offer_freed
from app.audit.operations import record
from app.changes.decisions import refuse_at_once
from app.changes.models import ChangeRequest, RequestState
from app.children.models import Child, SchoolEnrolment, SchoolYear
from app.core import clock
from app.core.errors import DomainError
from app.core.i18n import _
from app.extensions import db
from app.mail.operations import queue_mail
from app.security.queries import readers_of


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
        raise DomainError(_("No place is left: %(unit)s, %(day)s.", unit=wanted.unit.title, day=wanted.day.isoformat()))
    activity = table.plan.units[wanted.unit.id].activity
    group = table.plan.group(wanted.child.id, activity, wanted.day)
    row = db.session.scalar(select(Booking).filter_by(child_id=wanted.child.id, unit_id=wanted.unit.id, day=wanted.day))
    if row is None:
        row = Booking(child_id=wanted.child.id, unit_id=wanted.unit.id, day=wanted.day)
        db.session.add(row)
    row.family_id, row.group_id, row.state, row.asked_at = family_id, group.id if group else None, BookingState.booked, clock.now()
    row.late, row.absence_id, row.told_in_time, row.cancellation_id, row.request_id = False, None, None, None, None
    table.facts.note_booking(wanted.child.id, wanted.unit.id, row.group_id, wanted.day, family_id)
    return row


def _although_full(table, wanted):
    counts = table.facts.counts
    table.facts.counts = {}
    try:
        return table.judge(wanted.child, wanted.unit.id, wanted.day, reason="-")
    finally:
        table.facts.counts = counts


def unbook(booking, *, by):
    """Take a booking away that the town made by mistake, within the open unit of work; the place is offered to others."""
    place = booking.unit_id, booking.group_id, booking.day
    lock([booking.unit_id])
    record("booking.removed", booking, by=by)
    db.session.delete(booking)
    db.session.flush()
    offer_freed(*place)


def take_back_absence(absence, *, by):
    """The child comes after all, within the open unit of work: what is still to come counts again. DomainError where a place is gone."""
    rows = [row for row in absence.bookings if row.state is BookingState.absent and row.day >= clock.today()]
    if not rows:
        raise DomainError(_("Nothing of this absence is still to come."))
    lock([row.unit_id for row in rows])
    for row in rows:
        here = room(row.unit_id, row.group_id, row.day)
        if row.group_id is not None and here.capacity is not None and not here.free:
            raise DomainError(
                _("The place has been given to another child: %(unit)s, %(day)s.", unit=row.unit.title, day=row.day.isoformat())
            )
        row.state, row.absence_id, row.told_in_time = BookingState.booked, None, None
        db.session.flush()
    record("absence.taken_back", absence, by=by)


# -- a day without --------------------------------------------------------------------------------------------------------------------


def cancel_day(activity, day, reason, *, by, school_id=None, school_class_id=None, charged=False):
    """Take a day away from everybody, a school or a class, within the open unit of work: an outing, a strike. Returns the DayCancellation.

    Bookings are cancelled, absences of that day too, requests that wait are refused with the reason, each family hears of it in one mail.
    """
    if not reason.strip():
        raise DomainError(_("Say why: families read it."))
    if day < clock.today():
        raise DomainError(_("This day has passed: %(day)s.", day=day.isoformat()))
    children = _children_at(day, school_id, school_class_id)
    cancellation = DayCancellation(
        day=day,
        activity_id=activity.id,
        school_id=school_id,
        school_class_id=school_class_id,
        reason=reason.strip()[:120],
        charged=charged,
        cancelled_by=str(by),
    )
    db.session.add(cancellation)
    # The order that everybody keeps: first the requests, then the units, then what is written.
    asked = _open_requests(activity, day, children)
    lock([unit.id for unit in activity.units])
    rows = _booked(activity, day, children)
    # Nobody is charged for an absence of a day that did not take place; of one that is charged all the same, it counts as it was told.
    absent = [] if charged else _of_state(BookingState.absent, activity, day, children)
    db.session.flush()
    for row in [*rows, *absent]:
        row.state, row.cancellation_id = BookingState.cancelled, cancellation.id
    cancellation.bookings_count = len(rows)
    db.session.flush()
    for request in _of_this_day_alone(asked, activity, day, children):
        refuse_at_once(request, cancellation.reason, by=by)
    _tell_families(rows, activity, cancellation)
    record("day.cancelled", cancellation, by=by, note=f"{activity.name}: {len(rows)}")
    return cancellation


def concerned(activity, day, *, school_id=None, school_class_id=None):
    """(the bookings, the requests) that cancel_day() would take away: what the staff reads before it does."""
    children = _children_at(day, school_id, school_class_id)
    asked = _of_day(PlaceAsked, activity, day, children).where(PlaceAsked.wish == Wish.book, PlaceAsked.rank != Rank.closed)
    return _booked(activity, day, children), [one for one in _requests(asked, lock=False) if one.kind == "booking"]


def _children_at(day, school_id, school_class_id):
    """A query of the ids of a school's or a class's children on a day; None for everybody."""
    if school_id is None and school_class_id is None:
        return None
    year = select(SchoolYear.id).where(SchoolYear.starts_on <= day).order_by(SchoolYear.starts_on.desc()).limit(1).scalar_subquery()
    query = select(SchoolEnrolment.child_id).where(SchoolEnrolment.school_year_id == year)
    if school_id is not None:
        query = query.where(SchoolEnrolment.school_id == school_id)
    return query if school_class_id is None else query.where(SchoolEnrolment.school_class_id == school_class_id)


def _of_day(model, activity, day, children):
    query = select(model).where(model.day == day, model.unit_id.in_(select(Unit.id).where(Unit.activity_id == activity.id)))
    return query if children is None else query.where(model.child_id.in_(children))


def _booked(activity, day, children):
    return _of_state(BookingState.booked, activity, day, children)


def _of_state(state, activity, day, children):
    query = _of_day(Booking, activity, day, children).where(Booking.state == state)
    return db.session.scalars(query.options(joinedload(Booking.child)).order_by(Booking.id)).all()


def _open_requests(activity, day, children):
    """The requests about this day that wait on somebody, locked in the order of their ids."""
    return _requests(_of_day(PlaceAsked, activity, day, children).where(PlaceAsked.rank != Rank.closed), lock=True)


def _requests(asked, *, lock):
    waiting = ChangeRequest.state.in_((RequestState.pending, RequestState.sent_back))
    ids = asked.with_only_columns(PlaceAsked.request_id)
    query = select(ChangeRequest).where(ChangeRequest.id.in_(ids), waiting).order_by(ChangeRequest.id)
    return db.session.scalars(query.with_for_update() if lock else query).all()


def _of_this_day_alone(requests, activity, day, children):
    """The requests of which nothing is left without this day; it is taken out of the others, absences and enrolments of many days."""
    asks = _of_day(PlaceAsked, activity, day, children).where(PlaceAsked.rank != Rank.closed)
    several = asks.join(ChangeRequest, ChangeRequest.id == PlaceAsked.request_id).where(ChangeRequest.kind != "booking")
    for ask in db.session.scalars(several):
        ask.rank = Rank.closed
    db.session.flush()
    ids = [request.id for request in requests]
    more = select(PlaceAsked.request_id).where(PlaceAsked.request_id.in_(ids), PlaceAsked.rank != Rank.closed)
    go_on = set(db.session.scalars(more))
    return [one for one in requests if one.kind == "booking" or (one.kind == "absence" and one.id not in go_on)]


def _tell_families(bookings, activity, cancellation):
    """One mail a family, whatever the number of its children."""
    names = {}
    for row in bookings:
        names.setdefault(row.family_id, {})[row.child_id] = row.child.first_name
    readers = readers_of([(None, family_id) for family_id in names])
    for family_id, children in names.items():
        reader = readers[None, family_id]
        if reader is not None:
            queue_mail(
                reader.email,
                "day_cancelled",
                locale=reader.locale,
                family_id=family_id,
                account_id=reader.account_id,
                children=list(children.values()),
                activity=activity.name,
                day=cancellation.day,
                reason=cancellation.reason,
                charged=cancellation.charged,
            )

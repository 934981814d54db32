"""What becomes of a child's days when it changes school, class, age or group? They move to the group that takes it now."""

from sqlalchemy import exists, select
from sqlalchemy.orm import joinedload

from app.activities.models import Booking, BookingState, Enrolment, PlaceAsked, Rank, Wish
from app.activities.places import Capacities, lock, schooling_on, taken, takes
from app.activities.plan import Plan
from app.activities.waiting import offer_all
from app.audit.operations import record
from app.children.models import Child, SchoolEnrolment
from app.children.operations import after_schooling
from app.core import clock
from app.extensions import db


@after_schooling
def regroup(child_id, *, by="system"):
    """Move a child's days from today on to the groups that take it now, within the open unit of work.

    Nothing is dropped: what finds no place in its new group stays booked there, one too many. Returns those days, in order, for somebody to
    look at. The places that the child leaves are offered to those who wait. Queries do not grow with the days.
    """
    bookings = select(Booking).where(Booking.child_id == child_id, Booking.day >= clock.today(), Booking.state == BookingState.booked)
    asks = select(PlaceAsked).where(PlaceAsked.child_id == child_id, PlaceAsked.day >= clock.today())
    asks = asks.where(PlaceAsked.rank != Rank.closed, PlaceAsked.wish == Wish.book)
    units = bookings.with_only_columns(Booking.unit_id).union(asks.with_only_columns(PlaceAsked.unit_id))
    lock(db.session.scalars(units).all())
    fresh = {"populate_existing": True}
    rows = [*db.session.scalars(bookings, execution_options=fresh), *db.session.scalars(asks, execution_options=fresh)]
    child = db.session.get(Child, child_id)
    moved = [move for family_id in {row.family_id for row in rows} for move in _moves(child, family_id, rows)]
    if not moved:
        return []
    places = {(row.unit_id, row.group_id, row.day) for row, _group in moved}
    for row, group_id in moved:
        row.group_id = group_id
    db.session.flush()
    offer_all(places | {(row.unit_id, row.group_id, row.day) for row, _group in moved})
    days = _without_place([row for row, _group in moved])
    note = f"{len(moved)}" + (f"; too many: {', '.join(day.isoformat() for day in days)}" if days else "")
    record("booking.regrouped", child, by=by, note=note[:200])
    return days


def _moves(child, family_id, rows):
    """(row, id of the group that takes the child now) of a household's rows that lie in another one."""
    mine = [row for row in rows if row.family_id == family_id]
    plan = Plan.load([child], min(row.day for row in mine), max(row.day for row in mine), family_id, by_clerk=True)
    for row in mine:
        # Of what the child is not enrolled in any more, nothing is known: it stays as it is.
        if row.unit_id in plan.units:
            group = plan.group(child.id, plan.service_of[row.unit_id], row.day)
            group_id = group.id if group is not None else None
            if group_id != row.group_id:
                yield row, group_id


def _without_place(rows):
    """The days on which a new group has more children than places, because of these rows that moved there."""
    rows = [row for row in rows if getattr(row, "rank", None) is not Rank.queued]
    if not rows:
        return []
    span = min(row.day for row in rows), max(row.day for row in rows)
    capacities = Capacities.load({row.unit_id for row in rows}, *span)
    counts = taken(capacities.unit_ids, *span)
    return sorted({row.day for row in rows if (capacities.left(row.unit_id, row.group_id, row.day, counts) or 0) < 0})


def misplaced(group):
    """How many bookings from today on lie in a group that does not take their child, although nobody has chosen it for the child."""
    chosen = exists().where(Enrolment.group_id == group.id, Enrolment.child_id == Booking.child_id)
    chosen = chosen.where(Enrolment.family_id == Booking.family_id, Booking.day.between(Enrolment.starts_on, Enrolment.ends_on))
    booked = select(Booking.child_id, Booking.day).where(Booking.group_id == group.id, Booking.day >= clock.today())
    booked = booked.where(Booking.state == BookingState.booked, ~chosen)
    days = db.session.execute(booked).all()
    years = joinedload(Child.school_enrolments).joinedload(SchoolEnrolment.school_year)
    query = select(Child).where(Child.id.in_({row.child_id for row in days})).options(years)
    children = {child.id: child for child in db.session.scalars(query).unique()}
    return sum(
        not takes(group, children[row.child_id], row.day, schooling_on(children[row.child_id].school_enrolments, row.day)) for row in days
    )

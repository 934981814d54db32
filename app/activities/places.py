"""Is there a place? Which group takes a child, how many it takes, how many are taken, and the lock under which it is counted."""

from dataclasses import dataclass
from functools import cache

from sqlalchemy import String, bindparam, cast, func, null, select, union_all
from sqlalchemy.orm import joinedload

from app.activities.models import Booking, BookingState, PlaceAsked, Places, Rank, Unit, Wish
from app.changes.models import ChangeRequest
from app.changes.operations import lock_family
from app.core import clock
from app.extensions import db

#: A wish of these ranks occupies a place as a booking does.
OCCUPIES = (Rank.holds, Rank.offered)


def lock(unit_ids):
    """Let those who count places of these units wait for each other; in one order, so that nobody waits in a circle.

    Within the open unit of work. SQLite needs none: its units of work come one after the other.
    """
    if db.engine.dialect.name != "sqlite":
        query = select(Unit.id).where(Unit.id.in_(set(unit_ids))).order_by(Unit.id)
        db.session.execute(query.with_for_update(key_share=True))


def lock_lot(family_id, unit_ids):
    """Lock all that a household's lot of taps touches, in the order that everybody keeps: the family, its open requests, the units."""
    lock_family(family_id)
    if db.engine.dialect.name != "sqlite":
        asked = select(PlaceAsked.request_id).where(
            PlaceAsked.family_id == family_id, PlaceAsked.unit_id.in_(set(unit_ids)), PlaceAsked.rank != Rank.closed
        )
        requests = select(ChangeRequest.id).where(ChangeRequest.id.in_(asked)).order_by(ChangeRequest.id)
        db.session.execute(requests.with_for_update())
        lock(unit_ids)


def schooling_on(enrolments, day):
    """The SchoolEnrolment that counts on a day; in the summer the one of the year that has ended. None without one."""
    begun = [row for row in enrolments if row.school_year.starts_on <= day]
    return max(begun, key=lambda row: row.school_year.starts_on, default=None)


def takes(group, child, day, schooling):
    """Whether a group's criteria take a child on a day."""
    age = clock.age(child.birth_date, day)
    if (group.min_age is not None and age < group.min_age) or (group.max_age is not None and age > group.max_age):
        return False
    if group.school_id is not None and (schooling is None or schooling.school_id != group.school_id):
        return False
    return group.school_class_id is None or (schooling is not None and schooling.school_class_id == group.school_class_id)


def group_for(groups, child, day, schooling, chosen=None):
    """The group that takes a child on a day: the one that the town chose, else the first that fits; None: no group, no limit."""
    if chosen is not None:
        return next((group for group in groups if group.id == chosen), None)
    return next((group for group in groups if takes(group, child, day, schooling)), None)


class Capacities:
    """How many children each group takes for each unit, from rows of Places; the row of a day wins over that of every day."""

    def __init__(self, rows):
        self.places = {(row.unit_id, row.group_id, row.day): row.places for row in rows}
        #: Who counts asks for these alone: without a row there is no limit.
        self.unit_ids = {row.unit_id for row in rows}

    def of(self, unit_id, group_id, day):
        """The number of places, None without a limit."""
        return self.places.get((unit_id, group_id, day), self.places.get((unit_id, group_id, None)))


def taken_query(unit_ids, first, last, group_ids=None, before=None, ranks=OCCUPIES):
    """(unit_id, group_id, day, rank, how many places are taken) in a stretch of days: what is booked, and what open requests hold.

    `group_ids`: of these groups alone. Those of one household are a part of a town's. `before`: (instant, id of a request); of what is
    held, that of whoever asked earlier. `ranks`: of these alone; with those who stand in line, the rank tells them apart.
    """
    booked = (
        select(Booking.unit_id, Booking.group_id, Booking.day, cast(null(), String).label("rank"), func.count().label("number"))
        .where(Booking.day.between(first, last), Booking.unit_id.in_(unit_ids), Booking.state == BookingState.booked)
        .group_by(Booking.unit_id, Booking.group_id, Booking.day)
    )
    held = (
        select(PlaceAsked.unit_id, PlaceAsked.group_id, PlaceAsked.day, PlaceAsked.rank, func.count().label("number"))
        .where(PlaceAsked.day.between(first, last), PlaceAsked.unit_id.in_(unit_ids))
        .where(PlaceAsked.wish == Wish.book, PlaceAsked.rank.in_(ranks))
        .group_by(PlaceAsked.unit_id, PlaceAsked.group_id, PlaceAsked.day, PlaceAsked.rank)
    )
    if before is not None:
        at, request_id = before
        held = held.where((PlaceAsked.asked_at < at) | ((PlaceAsked.asked_at == at) & (PlaceAsked.request_id < request_id)))
    if group_ids is not None:
        booked, held = booked.where(Booking.group_id.in_(group_ids)), held.where(PlaceAsked.group_id.in_(group_ids))
    return union_all(booked, held)


def taken(unit_ids, first, last, before=None):
    """{(unit_id, group_id, day): how many places are taken}, in one query for many days."""
    counts = {}
    for row in db.session.execute(taken_query(unit_ids, first, last, before=before)):
        key = (row.unit_id, row.group_id, row.day)
        counts[key] = counts.get(key, 0) + row.number
    return counts


@dataclass(frozen=True)
class Room:
    """The places of a group for a unit on a day. `capacity` None: no limit."""

    capacity: int | None
    taken: int
    #: How many are on the waiting list.
    queued: int
    #: The unit's places are those of groups, none of which takes the child: nobody has said how many may come.
    ungrouped: bool = False

    @property
    def free(self):
        """Places for whoever is first on the waiting list; None: no limit."""
        return None if self.capacity is None else max(self.capacity - self.taken, 0)

    @property
    def takes_one_more(self):
        """Whether somebody who asks now gets a place: those on the waiting list come first."""
        return self.capacity is None or self.taken + self.queued < self.capacity


UNIT, GROUP, DAY = (bindparam(name) for name in ("unit", "group", "day"))


def room(unit_id, group_id, day):
    """The Room of a group for a unit on a day; exact where the unit is locked."""
    if group_id is None:
        return Room(None, 0, 0, ungrouped=db.session.scalar(select(Places.id).where(Places.unit_id == unit_id).limit(1)) is not None)
    counts = db.session.execute(_room(), {"unit": unit_id, "group": group_id, "day": day}).one()
    capacity = counts.always if counts.then is None else counts.then
    return Room(None, 0, 0) if capacity is None else Room(capacity, counts.booked + counts.held, counts.queued)


@cache
def _room():
    """Built once: SQLAlchemy takes longer to build it than to run it."""
    here = _wanted(UNIT, GROUP, DAY)
    booked = (Booking.unit_id == UNIT) & (Booking.group_id == GROUP) & (Booking.day == DAY) & (Booking.state == BookingState.booked)
    places = select(Places.places).where(Places.unit_id == UNIT, Places.group_id == GROUP)
    return select(
        places.where(Places.day == DAY).scalar_subquery().label("then"),
        places.where(Places.day.is_(None)).scalar_subquery().label("always"),
        select(func.count()).where(booked).scalar_subquery().label("booked"),
        select(func.count()).where(here, PlaceAsked.rank.in_(OCCUPIES)).scalar_subquery().label("held"),
        select(func.count()).where(here, PlaceAsked.rank == Rank.queued).scalar_subquery().label("queued"),
    )


def line(unit_id, group_id, day):
    """Those on the waiting list with their requests, in the order in which they asked."""
    query = select(PlaceAsked).where(_wanted(unit_id, group_id, day), PlaceAsked.rank == Rank.queued)
    query = query.options(joinedload(PlaceAsked.request))
    return db.session.scalars(query.order_by(PlaceAsked.asked_at, PlaceAsked.id)).all()


def numbers_in_line(asks):
    """{id of a wish: its number on the waiting list that it stands on} of those of these wishes that stand on one, in one query."""
    order = {"partition_by": (PlaceAsked.unit_id, PlaceAsked.group_id, PlaceAsked.day), "order_by": (PlaceAsked.asked_at, PlaceAsked.id)}
    query = select(PlaceAsked.id, func.row_number().over(**order)).where(PlaceAsked.wish == Wish.book, PlaceAsked.rank == Rank.queued)
    query = query.where(PlaceAsked.unit_id.in_({ask.unit_id for ask in asks}), PlaceAsked.day.in_({ask.day for ask in asks}))
    return dict(map(tuple, db.session.execute(query)))


def earlier_than(ask):
    """How many places of an ask's day are taken by bookings, and by families who asked earlier."""
    booked = select(func.count()).where(
        Booking.unit_id == ask.unit_id, Booking.group_id == ask.group_id, Booking.day == ask.day, Booking.state == BookingState.booked
    )
    earlier = (PlaceAsked.asked_at < ask.asked_at) | ((PlaceAsked.asked_at == ask.asked_at) & (PlaceAsked.id < ask.id))
    held = select(func.count()).where(_wanted(ask.unit_id, ask.group_id, ask.day), PlaceAsked.rank.in_(OCCUPIES), earlier)
    return db.session.scalar(select(booked.scalar_subquery() + held.scalar_subquery()))


def _wanted(unit_id, group_id, day):
    here = (PlaceAsked.unit_id == unit_id) & (PlaceAsked.group_id == group_id) & (PlaceAsked.day == day)
    return here & (PlaceAsked.wish == Wish.book)

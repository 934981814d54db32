"""Is there a place? Which group takes a child, how many it takes, how many are taken, and the lock under which it is counted."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import String, bindparam, case, cast, exists, func, null, or_, select, union_all
from sqlalchemy.orm import aliased, joinedload

from app.activities.models import Activity, ActivityGroup, Booking, BookingState, PlaceAsked, Places, Rank, Unit, UnitConflict, Wish
from app.changes.models import ChangeRequest
from app.changes.operations import lock_family
from app.core import clock
from app.extensions import db

#: A wish of these ranks occupies a place as a booking does.
OCCUPIES = (Rank.holds, Rank.offered)


def lock(unit_ids):
    """Let those who count places of the activities of these units wait for each other; in one order, so that nobody waits in a circle.

    The whole activity: its units may share their places. Within the open unit of work. SQLite needs none: its units of work come one
    after the other.
    """
    if db.engine.dialect.name != "sqlite":
        mine = select(Unit.activity_id).where(Unit.id.in_(set(unit_ids)))
        query = select(Activity.id).where(Activity.id.in_(mine)).order_by(Activity.id)
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


def at_once(unit_ids, conflicts):
    """The largest sets of these units of which each excludes each other: whoever is booked for one of a set is there at the same time.

    `conflicts`: {unit: units that it excludes}. A day that excludes its morning and its afternoon: {day, morning}, {day, afternoon}.
    """
    found = set()
    for unit_id in sorted(unit_ids):
        others = conflicts.get(unit_id, set())
        found |= {units & others | {unit_id} for units in found} or {frozenset({unit_id})}
        found = {units for units in found if not any(units < larger for larger in found)}
    return found


#: (unit, a row of Places that counts it, a pair of units that exclude each other) of the activities of some units. Built once.
_OTHER = aliased(Unit)
_SIBLINGS = select(_OTHER.activity_id).where(_OTHER.id.in_(bindparam("units", expanding=True)))
LIMITS = (
    select(Unit.id, Places, UnitConflict.unit_id, UnitConflict.other_id)
    .join(ActivityGroup, ActivityGroup.activity_id == Unit.activity_id)
    .join(Places, (Places.group_id == ActivityGroup.id) & or_(Places.unit_id == Unit.id, Places.unit_id.is_(None)))
    .outerjoin(UnitConflict, or_(UnitConflict.unit_id == Unit.id, UnitConflict.other_id == Unit.id))
    .where(Unit.activity_id.in_(_SIBLINGS), Places.day.is_(None) | Places.day.between(bindparam("first"), bindparam("last")))
)


@dataclass(frozen=True)
class Room:
    """The places of a group for a unit on a day; where it has several limits, the one that leaves the fewest. `capacity` None: no limit."""

    capacity: int | None
    taken: int
    #: How many are on the waiting list.
    queued: int
    #: The unit's places are those of groups, none of which takes the child: nobody has said how many may come.
    ungrouped: bool = False

    @property
    def takes_one_more(self):
        """Whether somebody who asks now gets a place: those on the waiting list come first."""
        return self.capacity is None or self.taken + self.queued < self.capacity


class Capacities:
    """How many children each group takes; the number of a day wins over that of every day.

    `rows`: (id of a unit, a row of Places that counts it). `conflicts`: {unit: units that it excludes}.
    """

    def __init__(self, rows, conflicts):
        self.places, sharing = {}, defaultdict(set)
        #: Who counts asks for these alone: without a row there is no limit.
        self.unit_ids = set()
        for unit_id, row in rows:
            self.unit_ids.add(unit_id)
            self.places[row.unit_id, row.group_id, row.day] = row.places
            if row.unit_id is None:
                sharing[row.group_id].add(unit_id)
        #: {group: the sets of its units that share its places}
        self.at_once = {group_id: at_once(units, conflicts) for group_id, units in sharing.items()}

    @classmethod
    def load(cls, unit_ids, first, last):
        """What limits these units, and those of the same activities, in a stretch of days. One query."""
        rows, conflicts = [], defaultdict(set)
        for unit_id, row, one, other in db.session.execute(LIMITS, {"units": list(unit_ids), "first": first, "last": last}):
            rows.append((unit_id, row))
            if one is not None:
                conflicts[one].add(other)
                conflicts[other].add(one)
        return cls(rows, conflicts)

    def limits(self, unit_id, group_id, day, has=frozenset()):
        """[(ids of units, how many children they take together)] of a unit, its own number and those that it shares; [] without a limit.

        `has`: other units of which the child has a place in the group. Who comes for the day instead of the morning needs one more in
        the afternoon alone.
        """
        own, shared = self._number(unit_id, group_id, day), self._number(None, group_id, day)
        found = [] if own is None else [({unit_id}, own)]
        if shared is None:
            return found
        return found + [(units, shared) for units in self.at_once[group_id] if unit_id in units and units.isdisjoint(has)]

    def _number(self, unit_id, group_id, day):
        return self.places.get((unit_id, group_id, day), self.places.get((unit_id, group_id, None)))

    def left(self, unit_id, group_id, day, counts, has=frozenset()):
        """How many places are left, the fewest of all limits, with {(unit_id, group_id, day): taken}; below 0: too many. None: no limit."""
        if unit_id not in self.unit_ids:
            return None
        limits = self.limits(unit_id, group_id, day, has)
        return min((number - sum(counts.get((one, group_id, day), 0) for one in units) for units, number in limits), default=None)

    def room(self, unit_id, group_id, day, taken, queued, has=frozenset()):
        """The Room of a group for a unit on a day, of several limits the one that leaves the fewest; counts as in left()."""
        found = [
            Room(number, *(sum(counts.get((one, group_id, day), 0) for one in units) for counts in (taken, queued)))
            for units, number in self.limits(unit_id, group_id, day, has)
        ]
        nobody_said = Room(None, 0, 0, ungrouped=group_id is None and unit_id in self.unit_ids)
        return min(found, key=lambda here: here.capacity - here.taken - here.queued, default=nobody_said)

    def full(self, unit_id, group_id, day, counts, has=frozenset()):
        """Whether there is a limit, and no place left."""
        left = self.left(unit_id, group_id, day, counts, has)
        return left is not None and left <= 0


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


def taken(unit_ids, first, last, **which):
    """{(unit_id, group_id, day): how many places are taken}, in one query for many days; `which` as in taken_query()."""
    counts = {}
    for row in db.session.execute(taken_query(unit_ids, first, last, **which)):
        key = (row.unit_id, row.group_id, row.day)
        counts[key] = counts.get(key, 0) + row.number
    return counts


def room(unit_id, group_id, day, *, child_id=None):
    """The Room of a group for a unit on a day; exact where the unit is locked. `child_id`: of whom asks, whose other places serve it."""
    capacities, there, waiting = Capacities.load([unit_id], day, day), defaultdict(int), defaultdict(int)
    has = _has(child_id, group_id, day, capacities)
    if capacities.limits(unit_id, group_id, day, has):
        counting = taken_query(capacities.unit_ids, day, day, [group_id], ranks=(*OCCUPIES, Rank.queued))
        for row in db.session.execute(counting):
            counted = waiting if row.rank == Rank.queued.value else there
            counted[row.unit_id, row.group_id, row.day] += row.number
    return capacities.room(unit_id, group_id, day, there, waiting, has)


def _has(child_id, group_id, day, capacities):
    """The units that a child is booked for in a group on a day, where units share places."""
    if child_id is None or group_id not in capacities.at_once:
        return frozenset()
    booked = select(Booking.unit_id).where(Booking.child_id == child_id, Booking.day == day, Booking.group_id == group_id)
    return set(db.session.scalars(booked.where(Booking.state == BookingState.booked)))


def line(group_ids, days):
    """Those of groups who are on the waiting lists of days, with their requests, in the order in which they asked."""
    query = select(PlaceAsked).where(PlaceAsked.group_id.in_(group_ids), PlaceAsked.day.in_(days), PlaceAsked.rank == Rank.queued)
    query = query.options(joinedload(PlaceAsked.request))
    return db.session.scalars(query.order_by(PlaceAsked.asked_at, PlaceAsked.id)).all()


def number_in_line():
    """The SQL of the number of a PlaceAsked on the waiting list, null where it does not wait; units that share places have one list."""
    ask, ahead = PlaceAsked, aliased(PlaceAsked)
    pair = ((UnitConflict.unit_id == ahead.unit_id) & (UnitConflict.other_id == ask.unit_id)) | (
        (UnitConflict.unit_id == ask.unit_id) & (UnitConflict.other_id == ahead.unit_id)
    )
    shared = exists().where(Places.group_id == ask.group_id, Places.unit_id.is_(None), Places.day.is_(None) | (Places.day == ask.day))
    together = exists().where(pair).correlate(ahead, ask) & shared.correlate(ask)
    number = select(func.count()).where(
        ahead.day == ask.day,
        ahead.group_id == ask.group_id,
        (ahead.unit_id == ask.unit_id) | together,
        ahead.rank == Rank.queued,
        (ahead.asked_at < ask.asked_at) | ((ahead.asked_at == ask.asked_at) & (ahead.id <= ask.id)),
    )
    # Nothing is counted for whoever does not wait.
    return case((ask.rank == Rank.queued, number.correlate(ask).scalar_subquery()))


def numbers_in_line(asks):
    """{id of a wish: its number on the waiting list, None where it stands on none} of these wishes, in one query."""
    query = select(PlaceAsked.id, number_in_line()).where(PlaceAsked.id.in_([ask.id for ask in asks]))
    return dict(map(tuple, db.session.execute(query)))


def is_late(ask, capacities):
    """Whether bookings and families who asked earlier have taken all places of an ask's day: where the town gives fewer."""
    has = _has(ask.child_id, ask.group_id, ask.day, capacities)
    limits = capacities.limits(ask.unit_id, ask.group_id, ask.day, has)
    if not limits:
        return False
    units = set().union(*(units for units, _number in limits))
    counts = taken(units, ask.day, ask.day, group_ids=[ask.group_id], before=(ask.asked_at, ask.request_id))
    return capacities.full(ask.unit_id, ask.group_id, ask.day, counts, has)

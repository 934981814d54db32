"""Which places of an activity are there for one child in a stretch of days, and which does its request hold already?"""

from collections import defaultdict

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.activities import places
from app.activities.models import DayCancellation, PlaceAsked, Rank, Wish
from app.children.models import SchoolEnrolment
from app.extensions import db


class Rooms:
    """The places of an activity in a stretch of days, for one child."""

    def __init__(self, activity, child, first, last, group_id, request_id=None, left=()):
        self.activity, self.child, self.group_id = activity, child, group_id
        unit_ids = [unit.id for unit in activity.units]
        years = select(SchoolEnrolment).filter_by(child_id=child.id).options(joinedload(SchoolEnrolment.school_year))
        self.years, self.groups = db.session.scalars(years).all(), {}
        self.capacities = places.Capacities.load(unit_ids, first, last)
        self.taken = places.taken(unit_ids, first, last)
        #: {(unit_id, group_id, day)} that the request itself holds, and how many places those have taken who asked earlier.
        self.held, self.earlier = set(), {}
        if request_id is not None:
            self._hold(request_id, unit_ids, first, last)
        #: {(group_id, day): units of which the child has a place, or just left it for what it wants instead}
        self.has = defaultdict(set)
        for unit_id, place_group, day in (*self.held, *left):
            self.has[place_group, day].add(unit_id)
        queue = select(PlaceAsked.unit_id, PlaceAsked.group_id, PlaceAsked.day).where(
            PlaceAsked.unit_id.in_(unit_ids),
            PlaceAsked.day.between(first, last),
            PlaceAsked.rank == Rank.queued,
            PlaceAsked.wish == Wish.book,
        )
        if request_id is not None:
            queue = queue.where(PlaceAsked.request_id != request_id)
        # Those on the waiting list come first.
        for key in db.session.execute(queue):
            self.taken[tuple(key)] = self.taken.get(tuple(key), 0) + 1
        cancelled = select(DayCancellation).where(DayCancellation.activity_id == activity.id, DayCancellation.day.between(first, last))
        self.cancellations = db.session.scalars(cancelled).all()

    def _hold(self, request_id, unit_ids, first, last):
        columns = (PlaceAsked.unit_id, PlaceAsked.group_id, PlaceAsked.day, PlaceAsked.asked_at)
        rows = db.session.execute(select(*columns).where(PlaceAsked.request_id == request_id, PlaceAsked.rank == Rank.holds)).all()
        if rows:
            self.held = {tuple(row[:3]) for row in rows}
            self.earlier = places.taken(unit_ids, first, last, before=(rows[0].asked_at, request_id))

    def cancelled(self, day):
        """Whether the town has taken a day away from the child."""
        schooling = places.schooling_on(self.years, day)
        mine = (schooling.school_id, schooling.school_class_id) if schooling is not None else (None, None)
        return any(
            row.day == day and row.school_id in (None, mine[0]) and row.school_class_id in (None, mine[1]) for row in self.cancellations
        )

    def school_on(self, day):
        """The id of the child's school on a day."""
        schooling = places.schooling_on(self.years, day)
        return schooling.school_id if schooling is not None else None

    def group_on(self, day):
        """The id of the group that takes the child on a day; None: no group, no limit."""
        if day not in self.groups:
            schooling = places.schooling_on(self.years, day)
            group = places.group_for(self.activity.groups, self.child, day, schooling, self.group_id)
            self.groups[day] = group.id if group is not None else None
        return self.groups[day]

    def limited(self, unit_id, day):
        """Whether there are only so many places in the child's group."""
        return bool(self.capacities.limits(unit_id, self.group_on(day), day))

    def take(self, unit_id, day):
        """Take a place, if there is one."""
        key = unit_id, self.group_on(day), day
        has = self.has[key[1:]] - {unit_id}
        if key in self.held:
            # Only those who asked earlier come first, where the town has taken places away.
            return not self.capacities.full(*key, self.earlier, has)
        if self.capacities.full(*key, self.taken, has):
            return False
        self.taken[key] = self.taken.get(key, 0) + 1
        return True

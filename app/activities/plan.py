"""What could a family book for its children? Their enrolments, with units, groups and places: what a tap does not change."""

from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.attributes import set_committed_value

from app.activities.calendar import Calendar
from app.activities.models import Activity, ActivityGroup, Enrolment, Places, Unit, UnitConflict
from app.activities.places import Capacities, group_for, schooling_on
from app.children.models import Household, SchoolEnrolment, SchoolYear, Weeks
from app.extensions import db

#: A school year counts for so long after its end: over the summer.
SUMMER = timedelta(days=75)


@dataclass
class OfChild:
    """What is known of one child in one household."""

    child: object
    weeks: Weeks | None = None
    enrolments: list = field(default_factory=list)
    schooling: list = field(default_factory=list)

    def enrolled(self, activity_id, day):
        """The Enrolment in an activity that covers a day, or None."""
        return next((row for row in self.enrolments if row.activity_id == activity_id and row.starts_on <= day <= row.ends_on), None)

    def lives_here(self, day):
        """Whether a day is in this household's weeks, by the number of the ISO week."""
        if self.weeks in (Weeks.even, Weeks.odd):
            return (day.isocalendar().week % 2 == 0) == (self.weeks is Weeks.even)
        return self.weeks is not None


class Plan:
    """Children, what they are enrolled in, and the calendar of a stretch of days. Five queries at most, the calendar's two included."""

    def __init__(self, children, first, last, family_id, *, by_clerk=False):
        self.first, self.last, self.family_id, self.by_clerk = first, last, family_id, by_clerk
        self.calendar = Calendar.between(first, last)
        self.of = {child.id: OfChild(child) for child in children}
        self.activities, self.units = [], {}
        self.capacities, self.conflicts = Capacities([]), {}
        self._groups = {}
        self._read_children()
        self._read_units()

    @classmethod
    def load(cls, children, first, last, family_id, *, by_clerk=False):
        return cls(children, first, last, family_id, by_clerk=by_clerk)

    def _read_children(self):
        household = (Household.child_id == Enrolment.child_id) & (Household.family_id == Enrolment.family_id) & Household.ended_on.is_(None)
        year = (SchoolYear.starts_on <= self.last) & (SchoolYear.ends_on >= self.first - SUMMER)
        lessons = (SchoolEnrolment.child_id == Enrolment.child_id) & SchoolEnrolment.school_year_id.in_(select(SchoolYear.id).where(year))
        query = (
            select(Enrolment, Household.weeks, SchoolEnrolment, Activity)
            .join(Activity, Activity.id == Enrolment.activity_id)
            .outerjoin(Household, household)
            .outerjoin(SchoolEnrolment, lessons)
            .options(joinedload(SchoolEnrolment.school_year))
            .where(Enrolment.child_id.in_(self.of), Enrolment.family_id == self.family_id)
            .where(Enrolment.starts_on <= self.last, Enrolment.ends_on >= self.first)
            .order_by(Activity.position, Activity.id, Enrolment.starts_on, Enrolment.id)
        )
        for enrolment, weeks, schooling, activity in db.session.execute(query if self.by_clerk else query.where(Activity.open)):
            of = self.of[enrolment.child_id]
            of.weeks = weeks
            for row, rows in ((enrolment, of.enrolments), (schooling, of.schooling), (activity, self.activities)):
                if row is not None and row not in rows:
                    rows.append(row)

    def _read_units(self):
        """Units, groups, places and pairs that exclude each other, with one query; no more is asked for afterwards."""
        units, groups, places, pairs = {}, {}, {}, set()
        for unit, group, row, pair in db.session.execute(self._units_query()) if self.activities else ():
            units[unit.id] = unit
            if group is not None:
                groups[group.id] = group
            if row is not None:
                places[row.id] = row
            if pair is not None:
                pairs.add((pair.unit_id, pair.other_id))
        for activity in self.activities:
            mine = [unit for unit in units.values() if unit.activity_id == activity.id]
            set_committed_value(activity, "units", sorted(mine, key=lambda unit: (unit.position, unit.id)))
            for unit in activity.units:
                set_committed_value(unit, "activity", activity)
                self.units[unit.id] = unit
            set_committed_value(activity, "groups", [group for group in groups.values() if group.activity_id == activity.id])
            activity.groups.sort(key=lambda group: (group.position, group.id))
        self.capacities = Capacities(places.values())
        for one, other in pairs:
            self.conflicts.setdefault(one, set()).add(other)
            self.conflicts.setdefault(other, set()).add(one)

    def _units_query(self):
        days = or_(Places.day.is_(None), Places.day.between(self.first, self.last))
        return (
            select(Unit, ActivityGroup, Places, UnitConflict)
            .outerjoin(ActivityGroup, ActivityGroup.activity_id == Unit.activity_id)
            .outerjoin(Places, (Places.group_id == ActivityGroup.id) & (Places.unit_id == Unit.id) & days)
            .outerjoin(UnitConflict, or_(UnitConflict.unit_id == Unit.id, UnitConflict.other_id == Unit.id))
            .where(Unit.activity_id.in_([activity.id for activity in self.activities]))
        )

    # -- answers ----------------------------------------------------------------------------------------------------------------------

    def units_of(self, child_id):
        """The units of all that a child is enrolled in, in the order of the agenda."""
        mine = {row.activity_id for row in self.of[child_id].enrolments}
        return [unit for activity in self.activities if activity.id in mine for unit in activity.units]

    def schooling(self, child_id, day):
        """The child's SchoolEnrolment on a day, or None."""
        return schooling_on(self.of[child_id].schooling, day)

    def school_id(self, child_id, day):
        """The id of the child's school on a day, or None."""
        found = self.schooling(child_id, day)
        return found.school_id if found is not None else None

    def group(self, child_id, activity, day):
        """The group that takes a child on a day, or None: no limit then."""
        key = child_id, activity.id, day
        if key not in self._groups:
            of = self.of[child_id]
            enrolment = of.enrolled(activity.id, day)
            chosen = enrolment.group_id if enrolment is not None else None
            self._groups[key] = group_for(activity.groups, of.child, day, self.schooling(child_id, day), chosen)
        return self._groups[key]

    def why_closed(self, child_id, activity, day):
        """Why an activity is closed for a child on a day, as families read it; None where it is open."""
        return self.calendar.closed_because(activity, day, self.school_id(child_id, day))

"""What could a family book for its children? Their enrolments, with units, groups and places: what a tap does not change."""

from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Boolean, bindparam, or_, select
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.attributes import set_committed_value

from app.activities.calendar import Calendar, days_between
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
    #: {activity_id: [(first day, last day, Enrolment)]}
    periods: dict = field(default_factory=dict)

    def take(self, enrolment, weeks, schooling):
        """Note a row of the children's query; rows come once for each combination."""
        self.weeks = weeks
        if enrolment not in self.enrolments:
            self.enrolments.append(enrolment)
            self.periods.setdefault(enrolment.activity_id, []).append((enrolment.starts_on, enrolment.ends_on, enrolment))
        if schooling is not None and schooling not in self.schooling:
            self.schooling.append(schooling)

    def enrolled(self, activity_id, day):
        """The Enrolment in an activity that covers a day, or None."""
        return next((row for first, last, row in self.periods.get(activity_id, ()) if first <= day <= last), None)

    def lives_here(self, day):
        """Whether a day is in this household's weeks, by the number of the ISO week."""
        return self.weeks is not None and self.weeks.include(day)


class Service:
    """An activity's columns as plain values: a page of the agenda reads them some thousand times."""

    def __init__(self, activity):
        vars(self).update({column.key: getattr(activity, column.key) for column in Activity.__table__.columns})
        self.groups = []


#: Which children's rows: built once, the statement takes longer to build than to run.
_HOUSEHOLD = (Household.child_id == Enrolment.child_id) & (Household.family_id == Enrolment.family_id) & Household.ended_on.is_(None)
_YEARS = select(SchoolYear.id).where(SchoolYear.starts_on <= bindparam("last"), SchoolYear.ends_on >= bindparam("summer"))
_LESSONS = (SchoolEnrolment.child_id == Enrolment.child_id) & SchoolEnrolment.school_year_id.in_(_YEARS)
CHILDREN = (
    select(Enrolment, Household.weeks, SchoolEnrolment, Activity)
    .join(Activity, Activity.id == Enrolment.activity_id)
    .outerjoin(Household, _HOUSEHOLD)
    .outerjoin(SchoolEnrolment, _LESSONS)
    .options(joinedload(SchoolEnrolment.school_year))
    .where(Enrolment.child_id.in_(bindparam("children", expanding=True)), Enrolment.family_id == bindparam("family"))
    .where(Enrolment.starts_on <= bindparam("last"), Enrolment.ends_on >= bindparam("first"))
    .where(Activity.open | bindparam("by_clerk", type_=Boolean))
    .order_by(Activity.position, Activity.id, Enrolment.starts_on, Enrolment.id)
)
_OF_THE_DAYS = Places.day.is_(None) | Places.day.between(bindparam("first"), bindparam("last"))
UNITS = (
    select(Unit, ActivityGroup, Places, UnitConflict.unit_id, UnitConflict.other_id)
    .outerjoin(ActivityGroup, ActivityGroup.activity_id == Unit.activity_id)
    .outerjoin(Places, (Places.group_id == ActivityGroup.id) & or_(Places.unit_id == Unit.id, Places.unit_id.is_(None)) & _OF_THE_DAYS)
    .outerjoin(UnitConflict, or_(UnitConflict.unit_id == Unit.id, UnitConflict.other_id == Unit.id))
    .where(Unit.activity_id.in_(bindparam("activities", expanding=True)))
)


class Plan:
    """Children, what they are enrolled in, and the calendar of a stretch of days. Five queries at most, the calendar's two included."""

    def __init__(self, children, first, last, family_id, *, by_clerk=False):
        self.first, self.last, self.family_id, self.by_clerk = first, last, family_id, by_clerk
        self.calendar = Calendar.between(first, last)
        self.of = {child.id: OfChild(child) for child in children}
        self.activities, self.units, self.service_of = [], {}, {}
        self.conflicts = {}
        self._groups, self._schooling = {}, {}
        self._read_children()
        #: {activity_id: Service}
        self.services = {activity.id: Service(activity) for activity in self.activities}
        self._read_units()

    @classmethod
    def load(cls, children, first, last, family_id, *, by_clerk=False):
        return cls(children, first, last, family_id, by_clerk=by_clerk)

    def _read_children(self):
        wanted = {
            "children": list(self.of),
            "family": self.family_id,
            "first": self.first,
            "last": self.last,
            "summer": self.first - SUMMER,
            "by_clerk": self.by_clerk,
        }
        for enrolment, weeks, schooling, activity in db.session.execute(CHILDREN, wanted):
            self.of[enrolment.child_id].take(enrolment, weeks, schooling)
            if activity not in self.activities:
                self.activities.append(activity)

    def _read_units(self):
        """Units, groups, places and pairs that exclude each other, with one query; no more is asked for afterwards."""
        wanted = {"activities": list(self.services), "first": self.first, "last": self.last}
        units, groups, places = {}, {}, set()
        for unit, group, row, one, other in db.session.execute(UNITS, wanted) if self.activities else ():
            units[unit] = None
            if group is not None:
                groups[group] = None
            if row is not None:
                places.add((unit.id, row))
            if one is not None:
                self.conflicts.setdefault(one, set()).add(other)
                self.conflicts.setdefault(other, set()).add(one)
        for activity in self.activities:
            mine = sorted((unit for unit in units if unit.activity_id == activity.id), key=lambda unit: (unit.position, unit.id))
            set_committed_value(activity, "units", mine)
            for unit in mine:
                set_committed_value(unit, "activity", activity)
                self.units[unit.id] = unit
                self.service_of[unit.id] = self.services[activity.id]
        for group in sorted(groups, key=lambda group: (group.position, group.id)):
            self.services[group.activity_id].groups.append(group)
        self.capacities = Capacities(places, self.conflicts)

    # -- answers ----------------------------------------------------------------------------------------------------------------------

    def units_of(self, child_id):
        """The units of all that a child is enrolled in, in the order of the agenda."""
        mine = {row.activity_id for row in self.of[child_id].enrolments}
        return [unit for activity in self.activities if activity.id in mine for unit in activity.units]

    def schooling(self, child_id, day):
        """The child's SchoolEnrolment on a day, or None."""
        key = child_id, day
        if key not in self._schooling:
            self._schooling[key] = schooling_on(self.of[child_id].schooling, day)
        return self._schooling[key]

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
            self._groups[key] = group_for(self.services[activity.id].groups, of.child, day, self.schooling(child_id, day), chosen)
        return self._groups[key]

    def group_ids(self, children, first, last):
        """The ids of the groups with a limit that take one of these children on one of these days, by what it is enrolled in."""
        days = days_between(first, last)
        groups = (
            self.group(child, service, day)
            for child in children
            for service in {self.service_of[unit.id] for unit in self.units_of(child) if unit.id in self.capacities.unit_ids}
            for day in days
        )
        return list({group.id for group in groups if group is not None})

    def why_closed(self, child_id, activity, day):
        """Why an activity is closed for a child on a day, as families read it; None where it is open."""
        return self.calendar.closed_because(activity, day, self.school_id(child_id, day))

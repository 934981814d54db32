"""How does a child come to take part in an activity? The enrolment, and the bookings that its usual week makes."""

from dataclasses import dataclass, field
from datetime import timedelta

from flask import g
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload, selectinload

from app.activities import deadlines, places
from app.activities.calendar import Calendar, days_between
from app.activities.models import (
    Activity,
    Booking,
    BookingState,
    Enrolment,
    PlaceAsked,
    Rank,
    Unit,
    UnitConflict,
)
from app.activities.regrouping import regroup
from app.activities.rooms import Rooms
from app.activities.waiting import offer_all
from app.audit.operations import record
from app.children.models import SchoolYear
from app.children.queries import child_of, household_of
from app.core import clock
from app.core.db import in_unit_of_work
from app.core.errors import DomainError
from app.core.i18n import _, date_text
from app.extensions import db
from app.mail.operations import queue_mail
from app.security.queries import reader_of

#: An enrolment ends with the last school year that the town knows; where it knows none, after so many days.
LONGEST = timedelta(days=366)


# -- what may be asked ----------------------------------------------------------------------------------------------------------


def activity_of(activity_id):
    """An activity with its units, groups and papers, or None. All are few: one query of their product."""
    loads = (joinedload(Activity.units), joinedload(Activity.groups), joinedload(Activity.papers))
    query = select(Activity).where(Activity.id == activity_id).options(*loads)
    return db.session.scalars(query).unique().one_or_none() if activity_id else None


def child_to_enrol(family_id, child_id):
    """The child if it lives in this family, else None; read once a request where nothing is written yet."""
    if in_unit_of_work():
        return child_of(family_id, child_id)
    kept = g.setdefault("children_to_enrol", {})
    if (family_id, child_id) not in kept:
        kept[family_id, child_id] = child_of(family_id, child_id)
    return kept[family_id, child_id]


def open_activities():
    """The activities that families may ask for, in the town's order."""
    today = clock.today()
    going_on = or_(Activity.ends_on.is_(None), Activity.ends_on >= today)
    query = select(Activity).where(Activity.open, going_on).order_by(Activity.position, Activity.id)
    return db.session.scalars(query.options(selectinload(Activity.papers))).all()


def _year_ends():
    """The last days of the school years, soonest first; read once a page."""
    if "school_year_ends" not in g:
        g.school_year_ends = db.session.scalars(select(SchoolYear.ends_on).order_by(SchoolYear.ends_on)).all()
    return g.school_year_ends


def last_possible_day(activity):
    """The last day on which an enrolment in this activity may end."""
    last = max(_year_ends(), default=clock.today() + LONGEST)
    return min(last, activity.ends_on) if activity.ends_on is not None else last


def usual_period(activity):
    """(first, last) day that a new enrolment begins with: from today to the end of this school year, within the activity's own dates."""
    first = max(clock.today(), activity.starts_on or clock.today())
    limit = last_possible_day(activity)
    return first, min(next((last for last in _year_ends() if last >= first), limit), limit)


def too_young_or_old(activity, child, first, last):
    """Why an activity never takes a child in a period because of its age, as families read it; None where it does on some day."""
    if activity.min_age is not None and clock.age(child.birth_date, last) < activity.min_age:
        return _("%(activity)s takes children from %(age)s years on.", activity=activity.name, age=activity.min_age)
    if activity.max_age is not None and clock.age(child.birth_date, first) > activity.max_age:
        return _("%(activity)s takes children up to %(age)s years.", activity=activity.name, age=activity.max_age)
    return None


def overlapping(child_id, activity_id, family_id, first, last, *, but=None):
    """This household's enrolment of the child in the activity that shares a day with a period, or None."""
    query = select(Enrolment).filter_by(child_id=child_id, activity_id=activity_id, family_id=family_id)
    query = query.where(Enrolment.starts_on <= last, Enrolment.ends_on >= first)
    return db.session.scalar(query.where(Enrolment.id != but) if but is not None else query)


def refuse_bad_week(week, activity):
    """Raise DomainError where a usual week has days, units or pairs of units that cannot be."""
    own = {unit.id: unit for unit in activity.units}
    clashing = conflicts()
    for day, unit_ids in (week or {}).items():
        if not set(unit_ids) <= set(own) or int(day) not in activity.weekdays:
            raise DomainError(_("The usual week has a day or a unit that the activity does not have: choose again."))
        for one in unit_ids:
            if pair := clashing.get(one, set()) & set(unit_ids):
                names = {"one": own[one].name, "other": own[pair.pop()].name}
                raise DomainError(_("%(one)s and %(other)s cannot be had on the same day: choose one of them.", **names))


def conflicts():
    """{unit: units that a child cannot have on the same day}."""
    found = {}
    for one, other in db.session.execute(select(UnitConflict.unit_id, UnitConflict.other_id)):
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return found


# -- which days -----------------------------------------------------------------------------------------------------------------


@dataclass
class WeekPlan:
    """What a usual week comes to: places to book, and days that cannot be had."""

    #: (unit_id, group_id, day)
    bookable: list = field(default_factory=list)
    #: Those of them of which there are only so many.
    limited: list = field(default_factory=list)
    #: (unit_id, group_id, day) without a place
    full: list = field(default_factory=list)
    #: (unit_id, day) whose deadline had passed
    late: list = field(default_factory=list)
    #: On some day the unit has places by group, and no group takes the child.
    ungrouped: bool = False
    #: Days that were booked before, and for which the new group has no place.
    overfull: list = field(default_factory=list)

    @property
    def full_days(self):
        return sorted({day for _unit, _group, day in self.full})

    def said(self):
        """What became of it, for the log."""
        sentence = _("%(number)s bookings made from the usual week.", number=len(self.bookable))
        if self.full:
            sentence += " " + _("No place on: %(days)s.", days=", ".join(day.isoformat() for day in self.full_days))
        if self.late:
            sentence += " " + _("Too late for: %(days)s.", days=", ".join(sorted({day.isoformat() for _unit, day in self.late})))
        return sentence


def pattern(week, first, last):
    """{(unit_id, day)} of a usual week in a period."""
    wanted = {int(day): unit_ids for day, unit_ids in (week or {}).items()}
    return {(unit_id, day) for day in days_between(first, last) for unit_id in wanted.get(day.isoweekday(), ())} if wanted else set()


def plan_week(child, activity, family_id, cells, *, asked_at=None, group_id=None, request_id=None, left=()):
    """The WeekPlan of the cells {(unit_id, day)} for a child; `asked_at` judges the deadline, None: the town itself asks.

    `request_id`: of the request that asks, which keeps the places that it holds. `left`: (unit_id, group_id, day) that the child has just
    left for these. About a dozen queries, however many days. Exact within a
    unit of work that has locked the units.
    """
    found, household = WeekPlan(), household_of(child.id, family_id)
    cells = sorted((cell for cell in cells if cell[1] >= clock.today()), key=lambda cell: (cell[1], cell[0]))
    if not cells or household is None:
        return found
    first, last = cells[0][1], cells[-1][1]
    calendar, rooms = Calendar.between(first, last), Rooms(activity, child, first, last, group_id, request_id, left)
    has = _had(child.id, first, last, request_id)
    clashing = conflicts()
    for unit_id, day in cells:
        if not household.weeks.include(day) or not calendar.is_open(activity, day, rooms.school_on(day)) or rooms.cancelled(day):
            continue
        if not _right_age(activity, child, day) or has.get(day, set()) & {unit_id, *clashing.get(unit_id, ())}:
            continue
        if asked_at is not None and deadlines.passed(activity.booking_rule, day, calendar, asked_at):
            found.late.append((unit_id, day))
        elif rooms.take(unit_id, day):
            found.bookable.append((unit_id, rooms.group_on(day), day))
            if rooms.limited(unit_id, day):
                found.limited.append(found.bookable[-1])
            found.ungrouped |= rooms.group_on(day) is None and unit_id in rooms.capacities.unit_ids
            has.setdefault(day, set()).add(unit_id)
        else:
            found.full.append((unit_id, rooms.group_on(day), day))
    return found


def _right_age(activity, child, day):
    age = clock.age(child.birth_date, day)
    return (activity.min_age is None or age >= activity.min_age) and (activity.max_age is None or age <= activity.max_age)


def _had(child_id, first, last, request_id):
    """{day: units that the child has, had, or that an open request is about, but for one}."""
    found = {}
    booked = select(Booking.unit_id, Booking.day).where(Booking.child_id == child_id, Booking.day.between(first, last))
    asked = select(PlaceAsked.unit_id, PlaceAsked.day).where(
        PlaceAsked.child_id == child_id, PlaceAsked.day.between(first, last), PlaceAsked.rank != Rank.closed
    )
    if request_id is not None:
        asked = asked.where(PlaceAsked.request_id != request_id)
    for unit_id, day in (*db.session.execute(booked), *db.session.execute(asked)):
        found.setdefault(day, set()).add(unit_id)
    return found


# -- acts -----------------------------------------------------------------------------------------------------------------------


def enrol(child, activity, family_id, values, *, by, asked_at=None, request_id=None):
    """Enrol a child within the open unit of work, and book its usual week; returns (Enrolment, WeekPlan).

    `values`: starts_on, ends_on, week, group_id. `asked_at` as in plan_week().
    """
    if overlapping(child.id, activity.id, family_id, values["starts_on"], values["ends_on"]) is not None:
        raise DomainError(_("%(child)s is already enrolled in %(activity)s on some of these days.", child=child, activity=activity.name))
    enrolment = Enrolment(child=child, activity=activity, family_id=family_id, **{**values, "week": values.get("week") or {}})
    db.session.add(enrolment)
    db.session.flush()
    cells = pattern(enrolment.week, enrolment.starts_on, enrolment.ends_on)
    places.lock(unit.id for unit in activity.units)
    return enrolment, _book(enrolment, activity, cells, by=by, asked_at=asked_at, request_id=request_id)


def change(enrolment, values, *, by, asked_at=None, request_id=None):
    """Change the period, the usual week or the group within the open unit of work; returns the WeekPlan of what was booked anew.

    Days that the new week has and the old one had not are booked, those that it has no more are given back while their deadline
    allows: what the family booked or cancelled beside its usual week stays.
    """
    before, activity = pattern(enrolment.week, enrolment.starts_on, enrolment.ends_on), activity_of(enrolment.activity_id)
    places.lock(unit.id for unit in activity.units)
    group_id = enrolment.group_id
    for name, value in values.items():
        setattr(enrolment, name, value)
    enrolment.week = enrolment.week or {}
    if enrolment.ends_on < enrolment.starts_on:
        raise DomainError(_("The last day lies before the first."))
    first, last = enrolment.starts_on, enrolment.ends_on
    if overlapping(enrolment.child_id, activity.id, enrolment.family_id, first, last, but=enrolment.id) is not None:
        raise DomainError(_("Another enrolment in this activity has some of these days."))
    db.session.flush()
    after = pattern(enrolment.week, first, last)
    given_back = _give_back(enrolment, before - after, by=by, asked_at=asked_at)
    overfull = regroup(enrolment.child_id, by=by) if enrolment.group_id != group_id else []
    found = _book(enrolment, activity, after - before, by=by, asked_at=asked_at, request_id=request_id, left=given_back)
    found.overfull = overfull
    # Last: the place in the morning of a child that now comes for the day is its own first.
    offer_all(given_back)
    return found


def _book(enrolment, activity, cells, *, by, asked_at, request_id, left=()):
    how = {"asked_at": asked_at, "group_id": enrolment.group_id, "request_id": request_id, "left": left}
    found = plan_week(enrolment.child, activity, enrolment.family_id, cells, **how)
    whose = {"child_id": enrolment.child_id, "family_id": enrolment.family_id, "request_id": request_id}
    at = asked_at or clock.now()
    db.session.add_all(
        Booking(unit_id=unit_id, group_id=group_id, day=day, asked_at=at, **whose) for unit_id, group_id, day in found.bookable
    )
    db.session.flush()
    if cells:
        record("enrolment.booked", enrolment, by=by, note=found.said())
    if found.full or found.late:
        _tell_left_out(enrolment, found)
    return found


def _tell_left_out(enrolment, found):
    """The family hears which days of its usual week could not be booked: it would look for them in vain on the day itself."""
    reader = reader_of(None, enrolment.family_id)
    if reader is not None:
        queue_mail(
            reader.email,
            "days_without_place",
            locale=reader.locale,
            family_id=enrolment.family_id,
            account_id=reader.account_id,
            child=enrolment.child.first_name,
            activity=enrolment.activity.name,
            full=found.full_days,
            late=sorted({day for _unit, day in found.late}),
            waits=enrolment.activity.waiting_list,
            signs_in=reader.account_id is not None,
        )


def _give_back(enrolment, cells, *, by, asked_at):
    """Give the bookings of these cells, and those after the last day, back while they may still be cancelled; returns their places."""
    units = select(Unit.id).where(Unit.activity_id == enrolment.activity_id)
    query = select(Booking).where(
        Booking.child_id == enrolment.child_id,
        Booking.family_id == enrolment.family_id,
        Booking.unit_id.in_(units),
        Booking.state == BookingState.booked,
        Booking.day > clock.today(),
    )
    rows = [row for row in db.session.scalars(query) if (row.unit_id, row.day) in cells or row.day > enrolment.ends_on]
    if not rows:
        return []
    calendar = Calendar.between(min(row.day for row in rows), max(row.day for row in rows))
    rule, given = enrolment.activity.cancelling_rule, []
    for row in rows:
        if asked_at is None or not deadlines.passed(rule, row.day, calendar, asked_at):
            given.append((row.unit_id, row.group_id, row.day))
            db.session.delete(row)
    db.session.flush()
    note = _("%(number)s bookings given back.", number=len(given))
    if len(given) < len(rows):
        note += " " + _(
            "Too late for: %(days)s.",
            days=", ".join(sorted({row.day.isoformat() for row in rows} - {place[2].isoformat() for place in given})),
        )
    record("enrolment.given_back", enrolment, by=by, note=note)
    return given


def days_in_words(days, most=6):
    """Some days as people read them: "3 December, 4 December and 5 more"."""
    shown = ", ".join(date_text(day, "d MMMM") for day in days[:most])
    return shown if len(days) <= most else _("%(days)s and %(number)s more", days=shown, number=len(days) - most)

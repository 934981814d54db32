"""Which days does the town take away, from whom, and what comes back when it gives one back? One act for a strike, one mail a family."""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy import exists, func, select
from sqlalchemy.orm import joinedload

from app.activities.calendar import Calendar
from app.activities.models import (
    Activity,
    Booking,
    BookingState,
    DayCancellation,
    Enrolment,
    PlaceAsked,
    Rank,
    Unit,
    UnitConflict,
    Wish,
)
from app.activities.places import Capacities, lock, taken
from app.audit.operations import record
from app.changes.decisions import refuse_at_once
from app.changes.models import ChangeRequest, RequestState
from app.children.models import SchoolEnrolment
from app.children.queries import year_of
from app.core import clock
from app.core.errors import DomainError
from app.core.i18n import _, date_text
from app.extensions import db
from app.mail.operations import queue_mail
from app.security.queries import readers_of


@dataclass(frozen=True)
class Days:
    """Which days of which activities the town takes away, and from whom: everybody, a school, a class."""

    activities: list
    days: list
    school_id: int | None = None
    school_class_id: int | None = None
    #: Those alone on which the calendar closes the activity: what was booked before it said so.
    closed_alone: bool = False

    @cached_property
    def pairs(self):
        """{(activity's id, day): whether it is open} of what is meant."""
        calendar = Calendar.between(min(self.days), max(self.days))
        found = {
            (activity.id, day): calendar.is_open(activity, day, self.school_id)
            for activity in self.activities
            for day in sorted(set(self.days))
        }
        return {pair: is_open for pair, is_open in found.items() if not (self.closed_alone and is_open)}

    @cached_property
    def activity_of(self):
        """{unit's id: its Activity}."""
        by_id = {activity.id: activity for activity in self.activities}
        query = select(Unit.id, Unit.activity_id).where(Unit.activity_id.in_(by_id)).order_by(Unit.id)
        return {unit_id: by_id[activity_id] for unit_id, activity_id in db.session.execute(query)}

    def of(self, model, *conditions, options=()):
        """The rows of Booking or PlaceAsked that these days are about, by id."""
        query = select(model).where(model.day.in_({day for _activity, day in self.pairs}), model.unit_id.in_(self.activity_of), *conditions)
        if self.school_id is not None or self.school_class_id is not None:
            query = query.where(self._at_school(model))
        rows = db.session.scalars(query.options(*options).order_by(model.id))
        return [row for row in rows if self.pair(row) in self.pairs]

    def pair(self, row):
        return self.activity_of[row.unit_id].id, row.day

    def _at_school(self, model):
        """That a row's child goes to the school or class in the school year of its day."""
        same = [SchoolEnrolment.child_id == model.child_id, SchoolEnrolment.school_year_id == year_of(model.day)]
        same += [SchoolEnrolment.school_id == self.school_id] if self.school_id is not None else []
        same += [SchoolEnrolment.school_class_id == self.school_class_id] if self.school_class_id is not None else []
        return exists().where(*same)


# -- a day without --------------------------------------------------------------------------------------------------------------------


def cancel_days(which, reason, *, by, charged=False):
    """Take Days away within the open unit of work: an outing, a strike. Returns the DayCancellations: one an activity and day.

    Bookings are cancelled, absences of these days too, requests that wait are refused with the reason, each family hears of all in one
    mail. A day on which an activity is closed and nobody is booked is left out.
    """
    if not reason.strip():
        raise DomainError(_("Say why: families read it."))
    if min(which.days) < clock.today():
        raise DomainError(_("This day has passed: %(day)s.", day=date_text(min(which.days), "full")))
    # The order that everybody keeps: first the requests, then the units, then what is written.
    asked = _requests(_asked(which), lock=True)
    lock(which.activity_of)
    rows, asks = _booked(which), _asked(which)
    # Nobody is charged for an absence of a day that did not take place; of one that is charged all the same, it counts as it was told.
    absent = [] if charged else which.of(Booking, Booking.state == BookingState.absent)
    made = _cancellations(which, {which.pair(row) for row in (*rows, *absent, *asks)}, reason, charged, by)
    for row in (*rows, *absent):
        row.move_to(BookingState.cancelled)
        row.cancellation_id = made[which.pair(row)].id
    for row in rows:
        made[which.pair(row)].bookings_count += 1
    db.session.flush()
    for request in _left_without_a_day(asked, asks):
        refuse_at_once(request, reason.strip()[:120], by=by)
    _tell("day_cancelled", rows, lambda own: {"lines": _lines(own)}, reason=reason.strip()[:120], charged=charged)
    for row in made.values():
        record("day.cancelled", row, by=by, note=f"{row.activity.name}: {row.bookings_count}")
    return list(made.values())


def concerned(which):
    """(the bookings, the requests) that cancel_days() would take away: what the staff reads before it does."""
    asked = [ask for ask in _asked(which) if ask.wish is Wish.book]
    return _booked(which), [one for one in _requests(asked, lock=False) if one.kind == "booking"]


def _booked(which):
    return which.of(
        Booking,
        Booking.state == BookingState.booked,
        options=[joinedload(Booking.child), joinedload(Booking.unit).joinedload(Unit.activity)],
    )


def _asked(which):
    return which.of(PlaceAsked, PlaceAsked.rank != Rank.closed)


def _cancellations(which, touched, reason, charged, by):
    """{(activity's id, day): its DayCancellation}, where the activity is open or somebody is touched. Raises DomainError where none is."""
    activities = {activity.id: activity for activity in which.activities}
    made = {
        (activity_id, day): DayCancellation(
            day=day,
            activity=activities[activity_id],
            school_id=which.school_id,
            school_class_id=which.school_class_id,
            reason=reason.strip()[:120],
            charged=charged,
            bookings_count=0,
            cancelled_by=str(by),
        )
        for (activity_id, day), is_open in which.pairs.items()
        if is_open or (activity_id, day) in touched
    }
    if not made:
        raise DomainError(_("Nothing takes place on these days, and nobody is booked."))
    db.session.add_all(made.values())
    db.session.flush()
    return made


def _requests(asks, *, lock):
    """The requests of these PlaceAsked that wait on somebody, locked in the order of their ids."""
    waiting = ChangeRequest.state.in_((RequestState.pending, RequestState.sent_back))
    query = select(ChangeRequest).where(ChangeRequest.id.in_({ask.request_id for ask in asks}), waiting).order_by(ChangeRequest.id)
    return db.session.scalars(query.with_for_update() if lock else query).all()


def _left_without_a_day(requests, asks):
    """The requests of which nothing is left without these days; they are taken out of the others, absences and enrolments of many days."""
    kinds = select(ChangeRequest.id, ChangeRequest.kind).where(ChangeRequest.id.in_({ask.request_id for ask in asks}))
    kinds = dict(map(tuple, db.session.execute(kinds)))
    for ask in asks:
        if kinds[ask.request_id] != "booking":
            ask.move_to(Rank.closed)
    db.session.flush()
    more = select(PlaceAsked.request_id).where(PlaceAsked.request_id.in_(kinds), PlaceAsked.rank != Rank.closed)
    go_on = set(db.session.scalars(more))
    return [one for one in requests if one.kind == "booking" or (one.kind == "absence" and one.id not in go_on)]


def _tell(mail, bookings, about, **more):
    """One mail a family, whatever the number of its children, activities and days; `about`: its bookings → what the mail says of them."""
    by_family = defaultdict(list)
    for row in bookings:
        by_family[row.family_id].append(row)
    readers = readers_of([(None, family_id) for family_id in by_family])
    for family_id, rows in by_family.items():
        reader = readers[None, family_id]
        if reader is not None:
            queue_mail(
                reader.email,
                mail,
                locale=reader.locale,
                family_id=family_id,
                account_id=reader.account_id,
                activity=", ".join(dict.fromkeys(row.unit.activity.name for row in rows)),
                days=sorted({row.day for row in rows}),
                **about(rows),
                **more,
            )


def _lines(rows):
    """[(activity, days, names of children)]: who is concerned, an activity and day each, days of the same children together."""
    names = defaultdict(dict)
    for row in sorted(rows, key=lambda row: row.day):
        names[row.unit.activity.name, row.day][row.child_id] = row.child.first_name
    found = {}
    for (activity, day), children in names.items():
        found.setdefault((activity, tuple(children.values())), []).append(day)
    return [(activity, days, list(children)) for (activity, children), days in found.items()]


def _names(rows):
    return list({row.child_id: row.child.first_name for row in rows}.values())


# -- what was booked before the calendar said no ----------------------------------------------------------------------------------------


def standing(first, last, holidays=None):
    """{(activity's id, day): how many bookings} of days to come on which the calendar closes an activity for the school of the child.

    `holidays`: {day: name} of school holidays that are not written yet. Two queries and the calendar's.
    """
    first = max(first, clock.today())
    if last < first:
        return {}
    calendar = Calendar.between(first, last).with_holidays(holidays or {})
    school = select(SchoolEnrolment.school_id).where(
        SchoolEnrolment.child_id == Booking.child_id, SchoolEnrolment.school_year_id == year_of(Booking.day)
    )
    columns = (Unit.activity_id, Booking.day, school.scalar_subquery().label("school_id"))
    query = select(*columns, func.count().label("number")).join(Unit, Unit.id == Booking.unit_id)
    query = query.where(Booking.state == BookingState.booked, Booking.day.between(first, last))
    activities = {row.id: row for row in db.session.scalars(select(Activity))}
    found = defaultdict(int)
    for row in db.session.execute(query.group_by(*columns)):
        if not calendar.is_open(activities[row.activity_id], row.day, row.school_id):
            found[row.activity_id, row.day] += row.number
    return dict(found)


# -- a day given back -------------------------------------------------------------------------------------------------------------------


@dataclass
class GivenBack:
    """What giving a day back comes to, booking by booking."""

    #: They count again, or are absences again.
    booked: list = field(default_factory=list)
    absent: list = field(default_factory=list)
    #: [(booking, why it cannot come back)]
    lost: list = field(default_factory=list)
    #: [(booking, the DayCancellation that keeps it away)]
    kept_away: list = field(default_factory=list)
    #: Why the calendar closes the day, for one of the schools at least: then nothing comes back.
    closed: str = ""


def given_back(cancellation):
    """The GivenBack of a DayCancellation: those who asked first come first where places have become fewer."""
    loads = (joinedload(Booking.child), joinedload(Booking.unit).joinedload(Unit.activity).selectinload(Activity.units))
    query = select(Booking).where(Booking.cancellation_id == cancellation.id, Booking.state == BookingState.cancelled)
    rows = db.session.scalars(query.options(*loads).order_by(Booking.asked_at, Booking.id)).all()
    found, judge = GivenBack(), _Judge(cancellation, rows)
    for row in rows:
        other = judge.other_cancellation(row)
        found.closed = found.closed or judge.closed(row) or ""
        if other is not None:
            found.kept_away.append((row, other))
        elif row.absence_id is not None:
            found.absent.append(row)
        elif why := judge.why_not(row):
            found.lost.append((row, why))
        else:
            found.booked.append(row)
            judge.count(row)
    return found


def restore_day(cancellation, *, by):
    """Give a day back that was taken away, within the open unit of work; returns the GivenBack.

    What cannot be booked again is no booking any more. The cancellation itself goes: the log keeps it. Each family hears of it once.
    """
    if cancellation.day < clock.today():
        raise DomainError(_("This day has passed: %(day)s.", day=date_text(cancellation.day, "full")))
    units = {unit.id: cancellation.activity for unit in cancellation.activity.units}
    lock(units)
    found = given_back(cancellation)
    if found.closed:
        raise DomainError(_("The calendar closes this day: %(reason)s. Open it there first.", reason=found.closed))
    for row in (*found.booked, *found.absent):
        row.move_to(BookingState.absent if row.absence_id is not None else BookingState.booked)
        row.cancellation_id = None
    for row, other in found.kept_away:
        row.cancellation_id = other.id
    lost = [row for row, _why in found.lost]
    _tell(
        "day_restored",
        [*found.booked, *lost],
        lambda own: {"again": _names(row for row in own if row not in lost), "lost": _names(row for row in own if row in lost)},
    )
    for row in lost:
        db.session.delete(row)
    record("day.restored", cancellation, by=by, note=f"{cancellation.activity.name}: {len(found.booked)}")
    db.session.flush()
    db.session.delete(cancellation)
    db.session.flush()
    return found


class _Judge:
    """What may stand in the way of a booking that comes back."""

    def __init__(self, cancellation, rows):
        self.day, self.activity = cancellation.day, cancellation.activity
        units, children = {row.unit_id for row in rows}, {row.child_id for row in rows}
        here = (DayCancellation.activity_id == cancellation.activity_id) & (DayCancellation.day == self.day)
        self.others = db.session.scalars(select(DayCancellation).where(here, DayCancellation.id != cancellation.id)).all()
        school = select(SchoolEnrolment).where(SchoolEnrolment.child_id.in_(children), SchoolEnrolment.school_year_id == year_of(self.day))
        self.schooling = {row.child_id: row for row in db.session.scalars(school)}
        enrolled = select(Enrolment.child_id, Enrolment.family_id).where(
            Enrolment.activity_id == cancellation.activity_id, Enrolment.starts_on <= self.day, Enrolment.ends_on >= self.day
        )
        self.enrolled = set(map(tuple, db.session.execute(enrolled.where(Enrolment.child_id.in_(children)))))
        pairs = db.session.execute(select(UnitConflict.unit_id, UnitConflict.other_id)).all()
        self.conflicts = {*map(tuple, pairs), *((other, unit) for unit, other in pairs)}
        booked = select(Booking.child_id, Booking.unit_id).where(Booking.day == self.day, Booking.state == BookingState.booked)
        self.booked = defaultdict(set)
        for child_id, unit_id in db.session.execute(booked.where(Booking.child_id.in_(children))):
            self.booked[child_id].add(unit_id)
        self.capacities = Capacities.load(units, self.day, self.day)
        self.taken = defaultdict(int, taken(self.capacities.unit_ids, self.day, self.day))
        self.calendar = Calendar.between(self.day, self.day)

    def other_cancellation(self, row):
        """The DayCancellation that takes the day away from this child as well, or None."""
        here = self.schooling.get(row.child_id)
        school, classroom = (here.school_id, here.school_class_id) if here is not None else (None, None)
        return next((one for one in self.others if one.school_id in (None, school) and one.school_class_id in (None, classroom)), None)

    def closed(self, row):
        """Why the calendar closes the day for this child's school, or None."""
        here = self.schooling.get(row.child_id)
        return self.calendar.closed_because(self.activity, self.day, here.school_id if here is not None else None)

    def why_not(self, row):
        """Why this booking cannot come back; "" where it can."""
        if row.child.archived_at is not None or (row.child_id, row.family_id) not in self.enrolled:
            return _("Not enrolled on this day")
        if any((row.unit_id, unit_id) in self.conflicts for unit_id in self.booked[row.child_id]):
            return _("Booked for something else meanwhile")
        return _("No place is left") if self.capacities.full(row.unit_id, row.group_id, self.day, self.taken) else ""

    def count(self, row):
        self.taken[row.unit_id, row.group_id, self.day] += 1
        self.booked[row.child_id].add(row.unit_id)

"""What does the home page say of the children's days? Today, places that are offered, and the next deadline with nothing booked."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from flask import url_for
from sqlalchemy import Date, Integer, String, bindparam, cast, literal, null, select, union_all
from sqlalchemy.orm import aliased

from app.activities.calendar import Calendar, days_between
from app.activities.deadlines import deadline
from app.activities.models import Activity, Booking, BookingState, Enrolment, PlaceAsked, Rank, Unit, Wish
from app.children.models import Household, Weeks
from app.core import clock
from app.core.db import Instant
from app.core.i18n import _
from app.extensions import db
from app.portal.agenda_cells import LOOKS, moment
from app.portal.agenda_cells import S as States
from app.portal.agenda_weeks import WEEK, between, week_name
from app.portal.sections import Task
from app.security.scope import may, standing
from app.security.who_sees_what import Noun

#: A deadline that is further away is no news.
SOON = timedelta(days=7)


@dataclass(frozen=True)
class Sign:
    """A service of today, and how it stands."""

    title: str
    state: str
    icon: str
    label: object


@dataclass(frozen=True)
class Offer:
    """A freed place that is kept for the family for a while."""

    request_id: int
    child: str
    title: str
    day: date
    until: datetime


class Days:
    """Two weeks of the family's children, this one included, in one query; the calendar only where a week has nothing booked."""

    def __init__(self, children):
        self.children, self.today = {child.id: child for child in children}, clock.today()
        self.monday = self.today - timedelta(days=self.today.weekday())
        self.rows = self._read() if children and may(Noun.booking, "read") else []

    def _read(self):
        last = self.monday + 2 * WEEK - timedelta(days=1)
        values = {"children": list(self.children), "family": standing().family_id, "today": self.today, "monday": self.monday, "last": last}
        return db.session.execute(_query(), values).all()

    # -- what it says -----------------------------------------------------------------------------------------------------------------

    def now(self):
        """[(child, [Sign])] of today, for children that take part in something."""
        found = {row.child_id: [] for row in self.rows}
        for row in self.rows:
            if row.day == self.today:
                state = STATES.get(row.state, States.booked)
                found[row.child_id].append(Sign(_title(row), *LOOKS[state], state.label))
        return [(child, found[child.id]) for child in self.children.values() if child.id in found]

    def offers(self):
        """The places that are offered, the most pressing first."""
        rows = [row for row in self.rows if row.state == Rank.offered.value and row.until and row.until > clock.now()]
        found = [Offer(row.request_id, self.children[row.child_id].first_name, _title(row), row.day, row.until) for row in rows]
        return sorted(found, key=lambda offer: offer.until)

    def tasks(self):
        """One task: the next deadline of a week for which a usual week is known and nothing is booked."""
        if may(Noun.booking, "ask") and (empty := self._empty_weeks()):
            first, last = min(monday for _row, monday in empty), max(monday for _row, monday in empty) + WEEK
            calendar = Calendar.between(first, last)
            found = [one for row, monday in empty if (one := self._next(row, monday, calendar))]
            if found:
                at, row, monday = min(found, key=lambda one: one[0])
                words = {"service": row.Activity.name, "week": between(monday, monday + timedelta(days=4)), "moment": moment(at)}
                yield Task(
                    _("%(service)s: nothing is booked for %(week)s", **words),
                    _("You may ask until %(moment)s.", **words),
                    url_for("AgendaView.usual", week=week_name(monday)),
                    _("Use my usual week"),
                )

    def _empty_weeks(self):
        """[(row of an enrolment with a usual week, the Monday of a week with nothing)]."""
        filled = {(row.child_id, row.activity_id, row.day - timedelta(days=row.day.weekday())) for row in self.rows if row.day}
        rows = [row for row in self.rows if row.Enrolment is not None and row.Activity.open and any(row.Enrolment.week.values())]
        mondays = (self.monday, self.monday + WEEK)
        return [(row, monday) for row in rows for monday in mondays if (row.child_id, row.Activity.id, monday) not in filled]

    def _next(self, row, monday, calendar):
        """(the next deadline, the row, the Monday) of a week, or None where nothing can be asked there soon."""
        for day in days_between(max(monday, self.today), monday + timedelta(days=6)):
            usual = row.Enrolment.week.get(str(day.isoweekday()))
            runs = row.Enrolment.starts_on <= day <= row.Enrolment.ends_on
            if not usual or not runs or not _here(row.weeks, day) or calendar.closed_because(row.Activity, day) is not None:
                continue
            at = deadline(row.Activity.booking_rule, day, calendar)
            if at is not None and clock.now() < at <= clock.now() + SOON:
                return at, row, monday
        return None


#: How a row of the query reads on the page.
STATES = {
    BookingState.absent.value: States.absent,
    Rank.holds.value: States.waiting,
    Rank.queued.value: States.queued,
    Rank.offered.value: States.offered,
}
#: By name, for the index: "not closed" would be looked for in all that was ever asked.
OPEN_RANKS = [rank for rank in Rank if rank is not Rank.closed]
FAMILY, MONDAY, LAST = bindparam("family"), bindparam("monday"), bindparam("last")
NAMES = ("child_id", "activity_id", "enrolment_id", "unit_id", "day", "state", "request_id", "until")


# -- the query: put together once, since that costs more than asking it ----------------------------------------------------------------


@cache
def _query():
    """Enrolments, bookings and open requests of :children in :family, of the days from :monday to :last."""
    parts = union_all(_enrolled(), _booked(), _asked()).subquery()
    household = (Household.child_id == parts.c.child_id) & (Household.family_id == FAMILY) & Household.ended_on.is_(None)
    # The rules are read beside the enrolments alone: decoded once for each booking they would cost more than all the rest.
    service = aliased(Activity)
    query = select(Activity, Enrolment, service.name.label("service"), Unit.name.label("unit"), Household.weeks, parts)
    query = query.select_from(parts).join(service, service.id == parts.c.activity_id)
    query = query.outerjoin(Enrolment, Enrolment.id == parts.c.enrolment_id).outerjoin(Activity, Activity.id == Enrolment.activity_id)
    query = query.outerjoin(Unit, Unit.id == parts.c.unit_id).outerjoin(Household, household)
    return query.order_by(service.position, service.id, parts.c.unit_id)


def _enrolled():
    now = (Enrolment.starts_on <= LAST) & (Enrolment.ends_on >= bindparam("today"))
    nothing = (cast(null(), Integer), cast(null(), Date), literal("enrolled", String), cast(null(), Integer), cast(null(), Instant))
    return _part(Enrolment, (Enrolment.activity_id, Enrolment.id, *nothing)).where(_mine(Enrolment), now)


def _booked():
    state, nobody = cast(Booking.state, String), cast(null(), Integer)
    columns = (Unit.activity_id, nobody, Booking.unit_id, Booking.day, state, nobody, cast(null(), Instant))
    query = _part(Booking, columns).join(Unit, Unit.id == Booking.unit_id)
    return query.where(_mine(Booking), Booking.day.between(MONDAY, LAST), Booking.state != BookingState.cancelled)


def _asked():
    how = cast(PlaceAsked.rank, String)
    columns = (Unit.activity_id, cast(null(), Integer), PlaceAsked.unit_id, PlaceAsked.day, how, PlaceAsked.request_id)
    query = _part(PlaceAsked, (*columns, PlaceAsked.offered_until)).join(Unit, Unit.id == PlaceAsked.unit_id)
    soon = PlaceAsked.day.between(MONDAY, LAST) | (PlaceAsked.rank == Rank.offered)
    return query.where(_mine(PlaceAsked), PlaceAsked.wish == Wish.book, PlaceAsked.rank.in_(OPEN_RANKS), soon)


def _mine(model):
    return (model.family_id == FAMILY) & model.child_id.in_(bindparam("children", expanding=True))


def _part(model, columns):
    return select(*(column.label(name) for name, column in zip(NAMES, (model.child_id, *columns), strict=True)))


def _title(row):
    return row.service if not row.unit or row.unit == row.service else f"{row.service}, {row.unit}"


def _here(weeks, day):
    """Whether a day is in this household's weeks."""
    return weeks not in (Weeks.even, Weeks.odd) or (day.isocalendar().week % 2 == 0) == (weeks is Weeks.even)

"""What does the home page say of the children's days? Today, places that are offered, and the next deadline with nothing booked."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from flask import url_for
from sqlalchemy import Date, Integer, String, bindparam, case, cast, exists, literal, null, select, union_all
from sqlalchemy.orm import aliased

from app.activities.calendar import LOOK_AHEAD, Calendar, days_between
from app.activities.deadlines import to_come
from app.activities.models import Activity, Booking, BookingState, Enrolment, PlaceAsked, Rank, Season, Unit, Wish
from app.children.models import Household
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

    @property
    def until_words(self):
        """Until when, with the day of the week: it is a matter of hours."""
        return moment(self.until)


class Days:
    """Two weeks of the family's children, this one included, in one query; what closes further ahead only where somebody asks for tasks."""

    def __init__(self, children):
        self.children, self.today = {child.id: child for child in children}, clock.today()
        self.monday = self.today - timedelta(days=self.today.weekday())
        self.rows = self._read() if children and may(Noun.booking, "read") else []

    def _read(self):
        enrolled = {"today": self.today, "furthest": self.today + LOOK_AHEAD}
        return db.session.execute(_query(), self._values(self.monday, self.monday + 2 * WEEK) | enrolled).all()

    def _values(self, monday, end):
        last = end - timedelta(days=1)
        return {"children": list(self.children), "family": standing().family_id, "monday": monday, "last": last}

    # -- what it says -----------------------------------------------------------------------------------------------------------------

    def now(self):
        """[(child, [Sign])] of today, for children that take part in something."""
        found, today = {row.child_id: [] for row in self.rows}, [row for row in self.rows if row.day == self.today]
        told = {(row.child_id, row.unit_id) for row in today if row.state == TOLD}
        for row in today:
            # The booking stays until the town hall has read the absence; the family has told it.
            if row.state == TOLD or (row.child_id, row.unit_id) not in told:
                state = STATES.get(row.state, States.booked)
                found[row.child_id].append(Sign(_title(row), *LOOKS[state], state.label))
        return [(child, found[child.id]) for child in self.children.values() if child.id in found]

    def offers(self):
        """The places that are offered, the most pressing first."""
        rows = [row for row in self.rows if row.state == Rank.offered.value and row.until and row.until > clock.now()]
        found = [Offer(row.request_id, self.children[row.child_id].first_name, _title(row), row.day, row.until) for row in rows]
        return sorted(found, key=lambda offer: offer.until)

    def tasks(self):
        """One task: the next deadline of a week in which children could come as they usually do, and nothing is booked."""
        if not may(Noun.booking, "ask") or not (empty := self._empty()):
            return
        at, row, monday = min(empty, key=lambda one: one[0])
        same = {one.child_id for _at, one, week in empty if (one.Activity.id, week) == (row.Activity.id, monday)}
        names = ", ".join(child.first_name for child in self.children.values() if child.id in same)
        week = between(monday, monday + timedelta(days=4))
        title = _("%(service)s, %(children)s: nothing is booked for %(week)s", service=row.Activity.name, children=names, week=week)
        usual = _comes(row.Enrolment)
        url = url_for("AgendaView.usual" if usual else "AgendaView.agenda", week=week_name(monday))
        button = _("Use my usual week") if usual else _("Choose the days")
        yield Task(title, _("You may ask until %(moment)s.", moment=moment(at)), url, button)

    def _empty(self):
        """[(the deadline, a row of an enrolment, the Monday)] of weeks that close soon, with nothing that is booked or asked for."""
        closing = self._closing()
        taken = {(row.child_id, row.activity_id, _monday(row.day)) for row in (*self.rows, *self._further(closing)) if row.day}
        return [one for key, one in closing.items() if key not in taken]

    def _closing(self):
        """{(child, activity, Monday): (the first deadline, row, Monday)} of the weeks that must be booked soon."""
        rows = [row for row in self.rows if row.Enrolment is not None and row.Activity.open]
        calendar, found, soon = Calendar.between(self.today, self.today + LOOK_AHEAD) if rows else None, {}, clock.now() + SOON
        for row in rows:
            for until, day in to_come(row.Activity.booking_rule, self._days(row, calendar), calendar):
                # Within a week a table's deadlines may be in any order.
                if until > soon + WEEK:
                    break
                key = row.child_id, row.Activity.id, _monday(day)
                if until <= soon and (key not in found or until < found[key][0]):
                    found[key] = until, row, _monday(day)
        return found

    def _days(self, row, calendar):
        """The days on which a child usually comes; where it has no usual week, those of the holidays in which it may."""
        enrolment, activity = row.Enrolment, row.Activity
        for day in days_between(max(enrolment.starts_on, self.today), min(enrolment.ends_on, self.today + LOOK_AHEAD)):
            comes = enrolment.week.get(str(day.isoweekday())) if _comes(enrolment) else activity.season is Season.holidays
            if comes and _here(row.weeks, day) and calendar.is_open(activity, day):
                yield day

    def _further(self, closing):
        """What is booked and asked for in those of these weeks that come after the two that are read."""
        mondays = [monday for _child, _activity, monday in closing if monday > self.monday + WEEK]
        if not mondays:
            return []
        return db.session.execute(_of_days(), self._values(min(mondays), max(mondays) + WEEK)).all()


TOLD = "told"
#: How a row of the query reads on the page.
STATES = {
    BookingState.absent.value: States.absent,
    TOLD: States.absence_waiting,
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
    """Bookings and open requests of :children in :family, of the days from :monday to :last, and enrolments from :today to :furthest."""
    parts = union_all(_enrolled(), _booked(), _asked()).subquery()
    household = (Household.child_id == parts.c.child_id) & (Household.family_id == FAMILY) & Household.ended_on.is_(None)
    # The rules are read beside the enrolments alone: decoded once for each booking they would cost more than all the rest.
    service = aliased(Activity)
    # As everywhere, a unit has a name of its own only where its service has several.
    other = aliased(Unit)
    unit = case((exists().where(other.activity_id == Unit.activity_id, other.id != Unit.id), Unit.name))
    query = select(Activity, Enrolment, service.name.label("service"), unit.label("unit"), Household.weeks, parts)
    query = query.select_from(parts).join(service, service.id == parts.c.activity_id)
    query = query.outerjoin(Enrolment, Enrolment.id == parts.c.enrolment_id).outerjoin(Activity, Activity.id == Enrolment.activity_id)
    query = query.outerjoin(Unit, Unit.id == parts.c.unit_id).outerjoin(Household, household)
    return query.order_by(service.position, service.id, parts.c.unit_id)


@cache
def _of_days():
    """The bookings and open requests alone."""
    return select(union_all(_booked(), _asked()).subquery())


def _enrolled():
    now = (Enrolment.starts_on <= bindparam("furthest")) & (Enrolment.ends_on >= bindparam("today"))
    nothing = (cast(null(), Integer), cast(null(), Date), literal("enrolled", String), cast(null(), Integer), cast(null(), Instant))
    return _part(Enrolment, (Enrolment.activity_id, Enrolment.id, *nothing)).where(_mine(Enrolment), now)


def _booked():
    state, nobody = cast(Booking.state, String), cast(null(), Integer)
    columns = (Unit.activity_id, nobody, Booking.unit_id, Booking.day, state, nobody, cast(null(), Instant))
    query = _part(Booking, columns).join(Unit, Unit.id == Booking.unit_id)
    return query.where(_mine(Booking), Booking.day.between(MONDAY, LAST), Booking.state != BookingState.cancelled)


def _asked():
    how = case((PlaceAsked.wish == Wish.absence, literal(TOLD, String)), else_=cast(PlaceAsked.rank, String))
    columns = (Unit.activity_id, cast(null(), Integer), PlaceAsked.unit_id, PlaceAsked.day, how, PlaceAsked.request_id)
    query = _part(PlaceAsked, (*columns, PlaceAsked.offered_until)).join(Unit, Unit.id == PlaceAsked.unit_id)
    soon = PlaceAsked.day.between(MONDAY, LAST) | (PlaceAsked.rank == Rank.offered)
    return query.where(_mine(PlaceAsked), PlaceAsked.rank.in_(OPEN_RANKS), soon)


def _mine(model):
    return (model.family_id == FAMILY) & model.child_id.in_(bindparam("children", expanding=True))


def _part(model, columns):
    return select(*(column.label(name) for name, column in zip(NAMES, (model.child_id, *columns), strict=True)))


def _title(row):
    return f"{row.service}, {row.unit}" if row.unit else row.service


def _monday(day):
    return day - timedelta(days=day.weekday())


def _comes(enrolment):
    """Whether a usual week is known."""
    return any(enrolment.week.values())


def _here(weeks, day):
    """Whether a day is in this household's weeks."""
    return weeks is None or weeks.include(day)

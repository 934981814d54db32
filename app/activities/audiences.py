"""Which groups of families can the town write to by the activities that their children take part in?"""

from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import select

from app.activities.calendar import LOOK_AHEAD, Calendar
from app.activities.deadlines import to_come
from app.activities.models import Activity, Booking, BookingState, Enrolment, PlaceAsked, Rank, Unit, Wish
from app.core import clock
from app.core.i18n import _, _l, date_text
from app.extensions import db
from app.messages.audiences import register

#: Deadlines this close together are one call to the families: those of a week of canteen days.
TOGETHER = timedelta(days=7)


class Call(NamedTuple):
    """The days of an activity whose deadline to book comes next, and that deadline, an instant in UTC."""

    activity: Activity
    first: date
    last: date
    until: object

    @property
    def value(self):
        return f"{self.activity.id}:{self.first}:{self.last}"

    def __str__(self):
        words = {
            "activity": self.activity.name,
            "first": date_text(self.first, "short"),
            "last": date_text(self.last, "short"),
            "until": date_text(self.until, "short"),
            "hour": f"{clock.local(self.until):%H:%M}",
        }
        if self.first == self.last:
            return _("%(activity)s, %(first)s (deadline: %(until)s at %(hour)s)", **words)
        return _("%(activity)s, %(first)s to %(last)s (deadline: %(until)s at %(hour)s)", **words)


def _activities():
    return [(str(row.id), row.name) for row in db.session.scalars(_in_order())]


def _in_order():
    return select(Activity).order_by(Activity.position, Activity.name)


def _enrolled(value):
    return _enrolled_between(int(value), clock.today(), clock.today())


def _enrolled_between(activity_id, first, last):
    query = select(Enrolment.family_id).where(Enrolment.activity_id == activity_id)
    return query.where(Enrolment.starts_on <= last, Enrolment.ends_on >= first)


def calls():
    """A Call for each open activity that families can still book in time."""
    calendar = Calendar.between(clock.today(), clock.today() + LOOK_AHEAD)
    found = (_call(activity, calendar) for activity in db.session.scalars(_in_order().where(Activity.open)))
    return [call for call in found if call is not None]


def _call(activity, calendar):
    days = calendar.open_days(activity, clock.today(), clock.today() + LOOK_AHEAD)
    ahead = list(to_come(activity.booking_rule, days, calendar))
    if not ahead:
        return None
    next_one = min(until for until, _day in ahead)
    together = [day for until, day in ahead if until < next_one + TOGETHER]
    return Call(activity, min(together), max(together), next_one)


def _without_booking(value):
    """Families enrolled for the days of a Call that have neither booked any of them nor asked for one, nor told an absence."""
    activity_id, *days = value.split(":")
    first, last = map(date.fromisoformat, days)
    booked = _of_days(Booking, activity_id, first, last).where(Booking.state.in_((BookingState.booked, BookingState.absent)))
    asked = _of_days(PlaceAsked, activity_id, first, last).where(PlaceAsked.wish == Wish.book, PlaceAsked.rank != Rank.closed)
    silent = _enrolled_between(int(activity_id), first, last)
    return silent.where(Enrolment.family_id.not_in(booked), Enrolment.family_id.not_in(asked))


def _of_days(model, activity_id, first, last):
    query = select(model.family_id).join(Unit, Unit.id == model.unit_id)
    return query.where(Unit.activity_id == int(activity_id), model.day.between(first, last))


def _calls():
    return [(call.value, str(call)) for call in calls()]


register("activity", _l("an activity"), _enrolled, choices=_activities, position=20)
register("without_booking", _l("nothing booked before the deadline"), _without_booking, choices=_calls, position=21)

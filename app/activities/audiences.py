"""Which groups of families can the town write to by the activities that their children take part in?"""

from datetime import timedelta

from sqlalchemy import select

from app.activities.models import Activity, Booking, BookingState, Enrolment, Unit
from app.core import clock
from app.core.i18n import _l
from app.extensions import db
from app.messages.audiences import register


def _activities():
    return [(str(row.id), row.name) for row in db.session.scalars(select(Activity).order_by(Activity.position, Activity.name))]


def _enrolled(value):
    today = clock.today()
    return select(Enrolment.family_id).where(Enrolment.activity_id == int(value), Enrolment.starts_on <= today, Enrolment.ends_on >= today)


def next_week():
    """(Monday, Sunday) of the week that comes."""
    today = clock.today()
    monday = today + timedelta(days=7 - today.weekday())
    return monday, monday + timedelta(days=6)


def _without_booking(value):
    """Families of an activity that have booked nothing of it for the week that comes."""
    booked = (
        select(Booking.family_id)
        .join(Unit, Unit.id == Booking.unit_id)
        .where(Unit.activity_id == int(value), Booking.day.between(*next_week()), Booking.state == BookingState.booked)
    )
    return _enrolled(value).where(Enrolment.family_id.not_in(booked))


register("activity", _l("an activity"), _enrolled, choices=_activities, position=20)
register("without_booking", _l("an activity, nothing booked for next week"), _without_booking, choices=_activities, position=21)

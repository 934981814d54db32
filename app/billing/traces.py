"""Has anything changed of what the places of some days, and their prices, are made of? Counted in one query, whatever the town."""

from sqlalchemy import BigInteger, String, cast, func, literal, null, select, union_all

from app.activities.models import Absence, Attendance, Booking, BookingState, Enrolment, Mark, Unit
from app.billing.models import Exemption, RateGrant, ThirdPartyShare
from app.children.models import Household
from app.extensions import db
from app.families.models import FormerPlace, IncomeQuotient

#: So many numbers are taken of each table, beside how many rows it has.
NUMBERS = 4


def traces(activity_id, first, last):
    """[row of numbers] that is another one when a booking, an absence, what was noted on site or what prices see of a household changes."""
    rows = union_all(*_of_days(activity_id, first, last), *_of_households(activity_id, first, last))
    return [tuple(row) for row in db.session.execute(rows)]


def _of_days(activity_id, first, last):
    units = select(Unit.id).where(Unit.activity_id == activity_id)
    booked, noted = (one.unit_id.in_(units) & one.day.between(first, last) for one in (Booking, Attendance))
    bookings = [Booking.state == BookingState.booked, Booking.late, Booking.told_in_time]
    yield _counted(Booking, [*map(_many, bookings), func.sum(Booking.cancellation_id)], booked)
    absences = [func.count(Absence.certificate_id), func.sum(Absence.reason_id), func.sum(Absence.id)]
    told = (Absence.first_day <= last) & (Absence.last_day >= first) & Absence.bookings.any(Booking.unit_id.in_(units))
    yield _counted(Absence, absences, told)
    marks = [_many(Attendance.state == mark) for mark in (Mark.present, Mark.left, Mark.absent)]
    yield _counted(Attendance, marks, noted, func.max(Attendance.marked_at))


def _of_households(activity_id, first, last):
    yield _counted(IncomeQuotient, [], IncomeQuotient.counts_from <= last, func.max(IncomeQuotient.recorded_at))
    # A change of residence or fund leaves one for the days before.
    former = [func.sum(FormerPlace.id), _many(FormerPlace.resident)]
    yield _counted(FormerPlace, former, FormerPlace.last_day >= first, func.max(FormerPlace.last_day))
    lived = (Household.started_on <= last) & (Household.ended_on.is_(None) | (Household.ended_on >= first))
    yield _counted(Household, [func.sum(Household.id), _many(Household.pays)], lived, func.max(Household.ended_on))
    for model, *numbers in (
        (RateGrant, func.sum(func.length(RateGrant.category))),
        (ThirdPartyShare, func.sum(ThirdPartyShare.percent), func.sum(ThirdPartyShare.amount)),
        (Enrolment,),
    ):
        counts = (model.starts_on <= last) & (model.ends_on.is_(None) | (model.ends_on >= first))
        mine = counts & (Enrolment.activity_id == activity_id) if model is Enrolment else counts
        yield _counted(model, [func.sum(model.id), *numbers], mine, func.max(model.ends_on))
    yield _counted(Exemption, [func.sum(Exemption.id)], (Exemption.first_day <= last) & (Exemption.last_day >= first))


def _many(condition):
    """How many rows fulfil a condition."""
    return func.count().filter(condition)


def _counted(model, numbers, where, latest=None):
    padded = [*numbers, *[null()] * (NUMBERS - len(numbers))]
    columns = [literal(model.__tablename__), func.count(), *(cast(one, BigInteger) for one in padded), cast(latest, String)]
    return select(*(column.label(f"c{place}") for place, column in enumerate(columns))).select_from(model).where(where)

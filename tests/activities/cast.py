"""Which activities do the tests play with? A canteen, evening care and Wednesdays, and who of the cast takes part.

`load()` is behind the fixture `activities`: it returns a Town of ids, at Monday 23 November 2026, 9 o'clock, an even week. The functions
below it make one row each, inside their own unit of work.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlalchemy import select

from app.activities.models import (
    Absence,
    AbsenceReason,
    Activity,
    ActivityGroup,
    ActivityKind,
    Booking,
    BookingState,
    Enrolment,
    PaperType,
    PaperValidity,
    Places,
    Unit,
    UnitConflict,
    UnitKind,
    Whose,
)
from app.children.models import Child
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db

#: Monday, 23 November 2026, 9:00 in Paris.
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
YEAR = (date(2026, 9, 1), date(2027, 7, 3))
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (date(2026, 11, 23 + place) for place in range(5))
NEXT_MONDAY, NEXT_TUESDAY, NEXT_WEDNESDAY, NEXT_THURSDAY, NEXT_FRIDAY = (
    date(2026, 11, 30),
    date(2026, 12, 1),
    date(2026, 12, 2),
    date(2026, 12, 3),
    date(2026, 12, 4),
)
#: "D-2 at 12:00, weekends and holidays not counted."
TWO_DAYS_BEFORE = {"mode": "days", "days": 2, "at": "12:00", "skip": ["weekends", "holidays"]}
#: "Thursday noon for the next week."
THURSDAY_NOON = {"mode": "week", "weekday": 4, "at": "12:00", "weeks": 1}


@dataclass
class Town:
    """Ids of what load() made. Families: 1 Galbert, 2 Martin, 3 Petit. Hugo's weeks with Martin are the even ones."""

    lea: int
    tom: int
    hugo: int
    #: Activities.
    canteen: int
    evening: int
    wednesday: int
    #: Units: the meal, the hour after school, two half-days and the whole day, of which one at most.
    meal: int
    care: int
    morning: int
    afternoon: int
    day: int
    #: Groups: the canteen's only one, and two of Wednesday (12 and 24 places); evening care has none.
    table: int
    little: int
    big: int
    #: Reasons of absence.
    ill: int
    trip: int
    other: int
    #: Papers: insurance of each child (asked for Wednesdays), vaccination (health), proof of address (family).
    insurance: int
    vaccination: int
    address: int
    galbert: int = 1
    martin: int = 2
    petit: int = 3


def load():
    """Make the activities and the enrolments of Léa, Tom and Hugo; returns their Town, and sets the clock to NOW."""
    clock.set_to(NOW)
    with unit_of_work():
        made = {**_activities(), **_lists()}
        children = {child.first_name: child for child in db.session.scalars(select(Child))}
        made |= {"lea": children["Léa"], "tom": children["Tom"], "hugo": children["Hugo"]}
        made["wednesday"].papers.append(made["insurance"])
        db.session.flush()
        town = Town(**{name: row.id for name, row in made.items()})
        meals = {str(day): [town.meal] for day in (1, 2, 4, 5)}
        for child, family, activity, week in (
            (town.lea, 1, town.canteen, meals),
            (town.lea, 1, town.evening, {"1": [town.care], "2": [town.care]}),
            (town.lea, 1, town.wednesday, {"3": [town.day]}),
            (town.tom, 1, town.canteen, {"1": [town.meal], "4": [town.meal]}),
            (town.hugo, 2, town.canteen, meals),
            (town.hugo, 2, town.wednesday, {"3": [town.morning]}),
        ):
            db.session.add(_enrolment(child, family, activity, week))
    return town


def _activities():
    canteen = Activity(name="Canteen", kind=ActivityKind.canteen, position=1, booking_rule=TWO_DAYS_BEFORE, cancelling_rule=TWO_DAYS_BEFORE)
    evening = Activity(name="Evening care", kind=ActivityKind.evening, position=2)
    wednesday = Activity(
        name="Wednesdays",
        kind=ActivityKind.wednesday,
        position=3,
        weekdays=[3],
        min_age=3,
        max_age=11,
        booking_rule=THURSDAY_NOON,
        cancelling_rule=THURSDAY_NOON,
        late_requests=True,
    )
    made = {
        "canteen": canteen,
        "evening": evening,
        "wednesday": wednesday,
        "meal": Unit(activity=canteen, name="Meal", kind=UnitKind.meal, with_meal=True, starts_at=time(11, 45), ends_at=time(13, 30)),
        "care": Unit(activity=evening, name="After school", kind=UnitKind.hour, starts_at=time(16, 30), ends_at=time(18, 30)),
        "morning": Unit(activity=wednesday, name="Morning", kind=UnitKind.half_day, position=1),
        "afternoon": Unit(activity=wednesday, name="Afternoon", kind=UnitKind.half_day, position=2),
        "day": Unit(activity=wednesday, name="Day", kind=UnitKind.day, with_meal=True, position=3),
        "table": ActivityGroup(activity=canteen, name="Everybody"),
        "little": ActivityGroup(activity=wednesday, name="3 to 5 years", max_age=5, position=1),
        "big": ActivityGroup(activity=wednesday, name="6 to 11 years", min_age=6, position=2),
    }
    db.session.add_all(made.values())
    db.session.flush()
    for half in ("morning", "afternoon"):
        low, high = sorted((made[half].id, made["day"].id))
        db.session.add(UnitConflict(unit_id=low, other_id=high))
    for unit in ("morning", "afternoon", "day"):
        db.session.add(Places(group=made["little"], unit=made[unit], places=12))
        db.session.add(Places(group=made["big"], unit=made[unit], places=24))
    return made


def _lists():
    made = {
        "ill": AbsenceReason(rank=1, title="Ill", title_en="Ill", takes_certificate=True),
        "trip": AbsenceReason(rank=2, title="School trip", title_en="School trip", never_charged=True),
        "other": AbsenceReason(rank=3, title="Other", title_en="Other", needs_text=True),
        "insurance": PaperType(name="Insurance (test)", name_en="Insurance", whose=Whose.child, validity=PaperValidity.school_year),
        "vaccination": PaperType(
            name="Vaccination (test)", name_en="Vaccination", whose=Whose.child, validity=PaperValidity.months, months=12, health=True
        ),
        "address": PaperType(name="Proof of address (test)", name_en="Proof of address", whose=Whose.family, validity=PaperValidity.stated),
    }
    db.session.add_all(made.values())
    return made


def _enrolment(child_id, family_id, activity_id, week, first=YEAR[0], last=YEAR[1]):
    return Enrolment(child_id=child_id, family_id=family_id, activity_id=activity_id, week=week, starts_on=first, ends_on=last)


# -- one row each ---------------------------------------------------------------------------------------------------------------------


def enrol(child_id, family_id, activity_id, week=None, first=YEAR[0], last=YEAR[1]):
    """Enrol a child; returns the enrolment's id."""
    return _keep(_enrolment(child_id, family_id, activity_id, week or {}, first, last))


def book(child_id, family_id, unit_id, day, group_id=None, state=BookingState.booked):
    """A booking as it stands after acceptance; returns its id."""
    return _keep(Booking(child_id=child_id, family_id=family_id, unit_id=unit_id, group_id=group_id, day=day, state=state))


def absent(booking_id, reason_id, told_in_time=True):
    """Declare a booking's day absent; returns the absence's id."""
    with unit_of_work():
        booking = db.session.get(Booking, booking_id)
        row = Absence(
            child_id=booking.child_id, family_id=booking.family_id, first_day=booking.day, last_day=booking.day, reason_id=reason_id
        )
        db.session.add(row)
        db.session.flush()
        booking.state, booking.absence_id, booking.told_in_time = BookingState.absent, row.id, told_in_time
        return row.id


def places(group_id, unit_id, count, day=None):
    """How many places a group has for a unit, on every day or on one."""
    with unit_of_work():
        row = db.session.scalar(select(Places).filter_by(group_id=group_id, unit_id=unit_id, day=day))
        if row is None:
            row = Places(group_id=group_id, unit_id=unit_id, day=day)
            db.session.add(row)
        row.places = count


def another_child(first_name, family_id, born=date(2018, 5, 5)):
    """One more child in a family; returns its id."""
    from app.children.models import Household, Weeks

    with unit_of_work():
        child = Child(first_name=first_name, last_name="Galbert", birth_date=born)
        db.session.add(child)
        db.session.add(Household(child=child, family_id=family_id, weeks=Weeks.all, started_on=date(2024, 9, 1)))
        db.session.flush()
        return child.id


def _keep(row):
    with unit_of_work():
        db.session.add(row)
        db.session.flush()
        return row.id

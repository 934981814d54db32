"""How many meals does the kitchen cook, school by school? Live until frozen; then every version, and what it changed."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import and_, distinct, exists, func, select
from sqlalchemy.dialects import postgresql, sqlite

from app.activities.models import Booking, BookingState, KitchenSheet, PlaceAsked, Rank, StaffMeals, Unit, Wish
from app.audit.operations import record
from app.children.models import Child, ComplementaryData, Diet, HealthRecord, School, SchoolClass, SchoolEnrolment
from app.children.queries import year_of
from app.core import clock, settings
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.i18n import _, _l
from app.extensions import db

#: Who brings a lunch of its own: a child whose care plan (PAI) says so, whatever its diet.
OWN_LUNCH = "pai"
#: The meals of a sheet, in its order.
COLUMNS = (*(diet.value for diet in Diet), OWN_LUNCH, "adults")
#: How many of those who eat what is cooked have a care plan: they are in the column of their diet, and no meal more.
PLAN_EATS = "pai_eats"
#: The key of children who have no school this year.
NO_SCHOOL = "0"
MOST_ADULTS = 500

settings.declare(
    "kitchen_hour",
    int,
    9,
    _l("Hour at which the kitchen sheet is frozen by itself"),
    hint=_l("The numbers of that moment are kept as version 1. Somebody may freeze it earlier."),
    group=_l("Kitchen"),
    minimum=0,
    maximum=23,
)
settings.declare(
    "kitchen_days",
    int,
    0,
    _l("How many days before the meal the kitchen sheet is frozen"),
    hint=_l("0: on the day itself. Weekends count: 3 freezes Monday's meals on Friday."),
    group=_l("Kitchen"),
    minimum=0,
    maximum=7,
)


@dataclass(frozen=True)
class Meal:
    """One child who eats: where, what, whether by a care plan (PAI), and the initials for those who must know."""

    school_id: int | None
    column: str
    initials: str
    classroom: str
    planned: bool


def meals(day):
    """The Meals of a day: a child once, however many units with a meal it has; who is absent does not eat. One query."""
    query = (
        select(
            Child.id,
            Child.first_name,
            Child.last_name,
            SchoolEnrolment.school_id,
            SchoolEnrolment.level,
            SchoolClass.name,
            ComplementaryData.diet,
            HealthRecord.pai,
            HealthRecord.pai_until,
            HealthRecord.own_lunch,
        )
        .join(Booking, and_(Booking.child_id == Child.id, Booking.day == day, Booking.state == BookingState.booked))
        .join(Unit, and_(Unit.id == Booking.unit_id, Unit.with_meal))
        .outerjoin(SchoolEnrolment, and_(SchoolEnrolment.child_id == Child.id, SchoolEnrolment.school_year_id == year_of(day)))
        .outerjoin(SchoolClass, SchoolClass.id == SchoolEnrolment.school_class_id)
        .outerjoin(ComplementaryData, ComplementaryData.child_id == Child.id)
        .outerjoin(HealthRecord, HealthRecord.child_id == Child.id)
        .order_by(Child.last_name, Child.first_name, Child.id)
    )
    return {row.id: _meal(row, day) for row in db.session.execute(query)}


def _meal(row, day):
    planned = bool(row.pai) and (row.pai_until is None or row.pai_until >= day)
    column = OWN_LUNCH if planned and row.own_lunch else (row.diet or Diet.standard).value
    classroom = row.name or (str(row.level.label) if row.level is not None else "")
    return Meal(row.school_id, column, f"{row.first_name[:1]}. {row.last_name[:1]}.".upper(), classroom, planned)


def counts_of(found, day):
    """{school id as text: {column: n}} of Meals, with the adults of the schools where children eat, or that say so for the day."""
    counts = defaultdict(lambda: dict.fromkeys((*COLUMNS, PLAN_EATS), 0))
    for meal in found:
        row = counts[str(meal.school_id or NO_SCHOOL)]
        row[meal.column] += 1
        row[PLAN_EATS] += meal.planned and meal.column != OWN_LUNCH
    every_day, one_day = adults(day)
    for school_id in {*every_day, *one_day}:
        if str(school_id) in counts or one_day.get(school_id):
            counts[str(school_id)]["adults"] = one_day.get(school_id, every_day.get(school_id, 0))
    return dict(counts)


@dataclass(frozen=True)
class Undecided:
    """What families have sent about the meals of a day and nobody has decided yet, in children: a sheet counts none of it."""

    absences: int
    meals: int

    def __bool__(self):
        return bool(self.absences or self.meals)


def undecided(day):
    """The Undecided of a day. One query."""
    query = (
        select(PlaceAsked.wish, func.count(distinct(PlaceAsked.child_id)))
        .join(Unit, and_(Unit.id == PlaceAsked.unit_id, Unit.with_meal))
        .where(PlaceAsked.day == day, PlaceAsked.rank == Rank.holds)
        .group_by(PlaceAsked.wish)
    )
    found = dict(map(tuple, db.session.execute(query)))
    return Undecided(found.get(Wish.absence, 0), found.get(Wish.book, 0))


def adults(day):
    """({school id: meals on every day}, {school id: meals on this day}) of the adults."""
    rows = db.session.execute(
        select(StaffMeals.school_id, StaffMeals.day, StaffMeals.meals)
        .where((StaffMeals.day == day) | StaffMeals.day.is_(None))
        .order_by(StaffMeals.id)
    ).all()
    return {row.school_id: row.meals for row in rows if row.day is None}, {row.school_id: row.meals for row in rows if row.day is not None}


def total(counts, column=None):
    """All meals of a sheet, or the numbers of one column."""
    return sum(row.get(name, 0) for row in counts.values() for name in (COLUMNS if column is None else (column,)))


def differences(before, after):
    """{school id as text: {column: +n or −n}} of what changed, without what did not; PLAN_EATS too, though it is no meal more."""
    found = {}
    for school in {*before, *after}:
        old, new = before.get(school, {}), after.get(school, {})
        moved = {name: new.get(name, 0) - old.get(name, 0) for name in (*COLUMNS, PLAN_EATS) if new.get(name, 0) != old.get(name, 0)}
        if moved:
            found[school] = moved
    return found


def moves(changed):
    """(meals that came, meals that went) of differences()."""
    numbers = [row.get(name, 0) for row in changed.values() for name in COLUMNS]
    return sum(number for number in numbers if number > 0), -sum(number for number in numbers if number < 0)


def versions(day):
    """The frozen KitchenSheets of a day, first to last."""
    return db.session.scalars(select(KitchenSheet).where(KitchenSheet.day == day).order_by(KitchenSheet.version)).all()


def school_names(ids):
    """{school id as text: name} of these schools, by name; children without one come last."""
    wanted = [int(number) for number in ids if number != NO_SCHOOL]
    found = {
        str(school.id): school.name for school in db.session.scalars(select(School).where(School.id.in_(wanted)).order_by(School.name))
    }
    return found | ({NO_SCHOOL: _("No school")} if NO_SCHOOL in ids else {})


def freeze(day, *, by):
    """Keep the numbers of now as the next version, within the open unit of work; the last version where nothing has changed since.

    Two at the same moment make one version: the second finds the number taken.
    """
    counts = counts_of(meals(day).values(), day)
    last = next(iter(reversed(versions(day))), None)
    if last is not None and not differences(last.counts, counts):
        return last
    if not counts:
        raise DomainError(_("Nobody eats on this day: there is nothing to freeze."))
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    number = last.version + 1 if last is not None else 1
    row = {"day": day, "version": number, "counts": counts, "frozen_by": str(by)[:120]}
    made = db.session.execute(dialect.insert(KitchenSheet).values(**row).on_conflict_do_nothing(index_elements=["day", "version"])).rowcount
    sheet = db.session.scalar(select(KitchenSheet).where(KitchenSheet.day == day, KitchenSheet.version == number))
    if made:
        record("kitchen.freeze", sheet, by=by)
    return sheet


def freeze_due():
    """Freeze the sheets whose hour has come and that nobody froze: a job, which finds nothing to do a second time."""
    due = [day for day in _days_due() if not db.session.scalar(select(exists().where(KitchenSheet.day == day)))]
    frozen = 0
    for day in due:
        if not meals(day):
            continue
        with unit_of_work():
            if not versions(day):
                frozen += freeze(day, by=_("the system")).version == 1
    return frozen


def _days_due():
    """Today and the days ahead whose hour has come."""
    before, at = settings.get("kitchen_days"), time(settings.get("kitchen_hour"))
    for ahead in range(before + 1):
        day = clock.today() + timedelta(days=ahead)
        if clock.now() >= datetime.combine(day - timedelta(days=before), at, clock.zone()):
            yield day


def set_adults(numbers, day, *, by):
    """Say how many adults eat in schools: {school id: meals}; on one day, or (day None) on every day that has no number of its own."""
    for school_id, number in numbers.items():
        if not 0 <= number <= MOST_ADULTS:
            raise DomainError(_("How many adults? A number from 0 to %(most)d.", most=MOST_ADULTS))
        row = db.session.scalar(select(StaffMeals).filter_by(school_id=school_id, day=day).order_by(StaffMeals.id.desc()).limit(1))
        before = row.meals if row is not None else None
        if before == number:
            continue
        if row is None:
            row = StaffMeals(school_id=school_id, day=day, meals=number)
            db.session.add(row)
            db.session.flush()
        row.meals = number
        record("staff_meals.edit", row, by=by, changes={"meals": (before, number)})

"""What does Saint-Exemple offer its children, and who takes part? Activities, closures, papers, enrolments with usual weeks."""

from dataclasses import dataclass, field
from datetime import date, time, timedelta

from sqlalchemy import insert, select

from app.activities.models import (
    AbsenceReason,
    Activity,
    ActivityGroup,
    ActivityKind,
    CalendarException,
    Enrolment,
    PaperType,
    Season,
    StaffMeals,
    Unit,
    UnitConflict,
    UnitKind,
)
from app.activities.seed import seed
from app.children.models import Child, Household, Level, SchoolEnrolment, Weeks
from app.core import clock
from app.extensions import db

TWO_DAYS_BEFORE = {"mode": "days", "days": 2, "at": "12:00", "skip": ["weekends", "holidays"]}
THE_DAY_BEFORE = {"mode": "days", "days": 1, "at": "18:00", "skip": []}
THURSDAY_NOON = {"mode": "week", "weekday": 4, "at": "12:00", "weeks": 1, "skip": []}
TEN_DAYS_BEFORE = {"mode": "days", "days": 10, "at": "23:59", "skip": []}
SCHOOL_DAYS = [1, 2, 4, 5]
LEVELS = list(Level)


@dataclass
class Offer:
    """The activities, units, groups and lists of the town, by short names."""

    activities: dict = field(default_factory=dict)
    units: dict = field(default_factory=dict)
    groups: dict = field(default_factory=dict)
    reasons: list = field(default_factory=list)
    papers: dict = field(default_factory=dict)


@dataclass
class Pupil:
    """A child in one of its households."""

    id: int
    family_id: int
    weeks: Weeks
    born: date
    level: int | None
    school_id: int | None
    #: The household that asks for more than the canteen.
    first: bool = True
    #: {activity: usual week}
    weeks_of: dict = field(default_factory=dict)

    def is_here(self, day):
        """Whether the day is in this household's weeks."""
        return self.weeks.include(day)


def offer_activities(world):
    """Make what the town offers, within the open unit of work; returns the Offer."""
    offer = Offer()
    seed()
    db.session.flush()
    _activities(offer)
    db.session.flush()
    _groups(world, offer)
    _conflicts(offer)
    _lists(offer)
    db.session.flush()
    _closures(world, offer)
    for key, adults in (("nursery", 6), ("primary", 8), ("both", 5)):
        db.session.add(StaffMeals(school=world.schools[key], meals=adults))
    db.session.flush()
    return offer


def _activities(offer):
    rows = (
        ("canteen", "Restauration scolaire", ActivityKind.canteen, SCHOOL_DAYS, TWO_DAYS_BEFORE, "Le repas de midi, sur place."),
        ("morning", "Accueil du matin", ActivityKind.morning, SCHOOL_DAYS, THE_DAY_BEFORE, "De 7 h 30 à l’ouverture de l’école."),
        ("evening", "Accueil du soir", ActivityKind.evening, SCHOOL_DAYS, THE_DAY_BEFORE, "Goûter et jeux après l’école."),
        ("study", "Étude surveillée", ActivityKind.study, SCHOOL_DAYS, THE_DAY_BEFORE, "Les leçons, du CP au CM2."),
        ("wednesday", "Mercredis", ActivityKind.wednesday, [3], THURSDAY_NOON, "Le centre de loisirs du mercredi, de 8 h à 18 h 30."),
        ("holidays", "Centre de loisirs des vacances", ActivityKind.holidays, [1, 2, 3, 4, 5], TEN_DAYS_BEFORE, "Sorties et ateliers."),
    )  # fmt: skip
    ages = {"study": (6, 12), "wednesday": (3, 11), "holidays": (3, 11)}
    for place, (key, name, kind, weekdays, rule, description) in enumerate(rows, 1):
        youngest, eldest = ages.get(key, (None, None))
        offer.activities[key] = Activity(
            name=name,
            kind=kind,
            description=description,
            position=place,
            weekdays=weekdays,
            season=Season.holidays if key == "holidays" else Season.school,
            min_age=youngest,
            max_age=eldest,
            booking_rule=rule,
            cancelling_rule=rule,
            late_requests=key in ("canteen", "wednesday"),
        )
    for key, activity, name, kind, starts, ends, meal in (
        ("meal", "canteen", "Repas", UnitKind.meal, time(11, 45), time(13, 30), True),
        ("early", "morning", "Matin", UnitKind.hour, time(7, 30), time(8, 30), False),
        ("short", "evening", "Jusqu’à 17 h 30", UnitKind.hour, time(16, 30), time(17, 30), False),
        ("long", "evening", "Jusqu’à 18 h 30", UnitKind.hour, time(16, 30), time(18, 30), False),
        ("lessons", "study", "Étude", UnitKind.hour, time(16, 30), time(18, 0), False),
        ("half", "wednesday", "Matinée", UnitKind.half_day, time(8, 0), time(12, 0), False),
        ("other_half", "wednesday", "Après-midi", UnitKind.half_day, time(13, 30), time(18, 30), False),
        ("whole", "wednesday", "Journée", UnitKind.day, time(8, 0), time(18, 30), True),
        ("holiday", "holidays", "Journée", UnitKind.day, time(8, 0), time(18, 30), True),
    ):
        units = offer.activities[activity].units
        offer.units[key] = Unit(name=name, kind=kind, starts_at=starts, ends_at=ends, with_meal=meal, position=len(units) + 1)
        units.append(offer.units[key])
    db.session.add_all(offer.activities.values())


def _groups(world, offer):
    for activity in ("canteen", "morning", "evening", "study"):
        for place, (key, school) in enumerate(world.schools.items(), 1):
            if activity != "study" or key != "nursery":
                name = school.name.rpartition(" ")[2]
                group = ActivityGroup(activity_id=offer.activities[activity].id, name=name, school=school, position=place)
                offer.groups[activity, school.id] = group
    for activity in ("wednesday", "holidays"):
        for key, name, youngest, eldest in (("little", "3 à 5 ans", None, 5), ("big", "6 à 11 ans", 6, None)):
            group = ActivityGroup(
                activity_id=offer.activities[activity].id, name=name, min_age=youngest, max_age=eldest, position=1 + (key == "big")
            )
            offer.groups[activity, key] = group
    db.session.add_all(offer.groups.values())
    db.session.flush()


def _conflicts(offer):
    for one, other in (("short", "long"), ("short", "lessons"), ("long", "lessons"), ("half", "whole"), ("other_half", "whole")):
        low, high = sorted((offer.units[one].id, offer.units[other].id))
        db.session.add(UnitConflict(unit_id=low, other_id=high))


def _lists(offer):
    """Reasons of absence and papers, as a deployment brings them."""
    offer.reasons = list(db.session.scalars(select(AbsenceReason).order_by(AbsenceReason.rank, AbsenceReason.id)))
    papers = list(db.session.scalars(select(PaperType).order_by(PaperType.id)))
    offer.papers = {"insurance": papers[0], "vaccines": papers[1], "address": papers[2]}
    offer.papers["address"].asked_of_all = True
    for key in ("canteen", "wednesday", "holidays"):
        offer.activities[key].papers.append(offer.papers["insurance"])
    for key in ("wednesday", "holidays"):
        offer.activities[key].papers.append(offer.papers["vaccines"])


def _closures(world, offer):
    """A day of the teachers in one school, and the holiday centre's rest at the year's end."""
    ahead = world.today + timedelta(days=24)
    ahead += timedelta(days=(1 - ahead.weekday()) % 7)
    rest = date(world.year_begins, 12, 26)
    db.session.add_all(
        [
            CalendarException(first_day=ahead, last_day=ahead, reason="Journée pédagogique", school=world.schools["both"]),
            CalendarException(
                first_day=rest,
                last_day=rest + timedelta(days=7),
                reason="Fermeture de fin d’année",
                activity=offer.activities["holidays"],
            ),
        ]
    )


# -- who takes part -----------------------------------------------------------------------------------------------------------------


def enrol_children(world, offer):
    """Enrolments with usual weeks for most children, within the open unit of work; returns the Pupils, in the order of their ids."""
    pupils = _pupils(world)
    named = _named_weeks(world, offer)
    for pupil in pupils:
        pupil.weeks_of = named[pupil.id] if pupil.id in named and pupil.first else _any_weeks(world, offer, pupil)
    first, last = date(world.year_begins, 9, 1), date(world.year_begins + 1, 8, 31)
    rows = [
        {
            "child_id": pupil.id,
            "family_id": pupil.family_id,
            "activity_id": offer.activities[key].id,
            "starts_on": first,
            "ends_on": last,
            "week": week,
        }
        for pupil in pupils
        for key, week in pupil.weeks_of.items()
    ]
    if rows:
        db.session.execute(insert(Enrolment), rows)
    return pupils


def _pupils(world):
    query = (
        select(Child.id, Household.family_id, Household.weeks, Child.birth_date, SchoolEnrolment.level, SchoolEnrolment.school_id)
        .join(Household, (Household.child_id == Child.id) & Household.ended_on.is_(None))
        .outerjoin(SchoolEnrolment, (SchoolEnrolment.child_id == Child.id) & (SchoolEnrolment.school_year_id == world.years["now"].id))
        .order_by(Child.id, Household.id)
    )
    pupils, seen = [], set()
    for child_id, family_id, weeks, born, level, school_id in db.session.execute(query):
        place = LEVELS.index(level) if level is not None else None
        pupils.append(Pupil(child_id, family_id, weeks, born, place, school_id, first=child_id not in seen))
        seen.add(child_id)
    return pupils


def _named_weeks(world, offer):
    """{child: {activity: usual week}} of those that the documentation tells of."""
    unit = {key: row.id for key, row in offer.units.items()}
    meals = {str(day): [unit["meal"]] for day in SCHOOL_DAYS}
    weeks = {
        "Léa": {"canteen": meals, "evening": {day: [unit["short"]] for day in "124"}, "wednesday": {"3": [unit["whole"]]}, "holidays": {}},
        "Tom": {"canteen": {day: [unit["meal"]] for day in "14"}, "evening": {"1": [unit["short"]]}},
        "Hugo": {"canteen": meals, "study": {day: [unit["lessons"]] for day in "15"}, "wednesday": {"3": [unit["half"]]}},
    }
    families = [home.family.id for home in world.homes[:2]]
    query = select(Child.first_name, Child.id).join(Household).where(Household.family_id.in_(families)).order_by(Child.id)
    return {child_id: weeks[name] for name, child_id in db.session.execute(query) if name in weeks}


def _any_weeks(world, offer, pupil):
    """The usual weeks of a child of chance."""
    if pupil.level is None:
        return {}
    age, found = clock.age(pupil.born, world.today), {}
    if world.chance(0.86):
        found["canteen"] = _some_days(world, offer.units["meal"].id, 0.72)
    if not pupil.first:
        return found
    if world.chance(0.24):
        found["morning"] = _some_days(world, offer.units["early"].id, 0.45)
    if world.chance(0.42):
        found["evening"] = _some_days(world, offer.units[world.pick(("short", "long"))].id, 0.4)
    elif pupil.level >= LEVELS.index(Level.cp) and age >= 6 and world.chance(0.3):
        found["study"] = _some_days(world, offer.units["lessons"].id, 0.3)
    if 3 <= age <= 11 and world.chance(0.34):
        found["wednesday"] = {"3": [offer.units[world.weighted(whole=70, half=18, other_half=12)].id]}
    if 3 <= age <= 11 and world.chance(0.26):
        found["holidays"] = {}
    return found


def _some_days(world, unit_id, all_of_them):
    days = SCHOOL_DAYS if world.chance(all_of_them) else sorted(world.rng.sample(SCHOOL_DAYS, world.rng.randrange(1, 4)))
    return {str(day): [unit_id] for day in days}

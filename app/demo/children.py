"""Which children live in Saint-Exemple? Where they learn, what is allowed, what they eat, what to know about their health."""

from datetime import date, timedelta

from app.children.models import (
    Authorisation,
    Child,
    ComplementaryData,
    Diet,
    HealthRecord,
    Household,
    Level,
    PickUpPerson,
    SchoolEnrolment,
    Sex,
    Subject,
    Weeks,
)
from app.children.vaccines import Valency, required_vaccines
from app.core import clock
from app.demo import identifiers, names, pictures
from app.extensions import db
from app.families.models import Situation
from app.security.who_sees_what import Noun

#: Months after birth of the last injection, as the calendar of vaccines has it; diphtheria, tetanus, polio: a booster at six years.
MONTHS = {
    Valency.pertussis: 11,
    Valency.hib: 11,
    Valency.hepatitis_b: 11,
    Valency.pneumococcus: 11,
    Valency.meningococcus_c: 12,
    Valency.measles: 17,
    Valency.meningococcus_acwy: 12,
    Valency.meningococcus_b: 12,
}


def named_children(world, galbert, martin, petit, lefevre):
    """Léa and Tom Galbert, Hugo Martin in two households, Jules Lefèvre."""
    begins = world.year_begins
    lea = make_child(world, galbert, "Léa", "Galbert", Sex.female, date(begins - 7, 3, 4), both=False, full=True)
    make_child(world, galbert, "Tom", "Galbert", Sex.male, date(begins - 4, 6, 1), both=False, full=True)
    hugo = make_child(world, martin, "Hugo", "Martin", Sex.male, date(begins - 8, 10, 9), weeks=Weeks.even, both=False, full=True)
    _share(hugo, petit, Weeks.odd)
    make_child(world, petit, "Chloé", "Petit", Sex.female, date(begins - 5, 2, 17), both=False, full=True)
    make_child(world, lefevre, "Jules", "Lefèvre", Sex.male, date(begins - 9, 5, 23), both=True)
    lea.complementary.swims = True


def any_children(world, home):
    """As many children as chance gives a family."""
    guardian, spouse = home.family.guardian, home.family.spouse
    last_name = (spouse or guardian).last_name if world.chance(0.55) else guardian.last_name
    both, begins = world.chance(0.35), world.year_begins
    offset = world.rng.choices((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12), (2, 3, 10, 11, 11, 11, 10, 10, 9, 8, 3))[0]
    for _rank in range(world.rng.choices((1, 2, 3, 4), (34, 43, 18, 5))[0]):
        girl = world.chance(0.49)
        born = min(date(begins - offset, world.rng.randrange(1, 13), world.rng.randrange(1, 29)), world.today - timedelta(days=40))
        first_name = world.pick(names.GIRLS if girl else names.BOYS)
        make_child(world, home, first_name, last_name, Sex.female if girl else Sex.male, born, both=both)
        offset = offset + world.rng.randrange(2, 4) if offset < 6 else offset - world.rng.randrange(2, 4)


def share_some(world):
    """In some separated families, a child lives with the other parent every second week."""
    apart = [home for home in world.homes[4:] if home.family.situation in (Situation.separated, Situation.divorced)]
    for one, other in zip(apart[::4], apart[1::4], strict=False):
        household = min(one.family.households, key=lambda row: row.id)
        household.weeks = Weeks.even
        _share(household.child, other, Weeks.odd)


def _share(child, home, weeks):
    db.session.add(Household(child=child, family=home.family, weeks=weeks, started_on=clock.today(), pays=True))


def make_child(world, home, first_name, last_name, sex, born, *, weeks=Weeks.all, both=False, full=False):
    """A child with its sections, within the open unit of work; `full`: every section is filled in."""
    clock.stop_at(world.at(world.rng.randrange(30, 110), 11))
    child = Child(first_name=first_name, last_name=last_name, sex=sex, birth_date=born, birth_place=world.pick(names.BIRTH_PLACES))
    db.session.add(child)
    db.session.add(Household(child=child, family=home.family, weeks=weeks, started_on=max(born, date(world.year_begins - 2, 9, 1))))
    _schools(world, child, both)
    if full or world.chance(0.6):
        picture = world.face("child", long_hair=sex is Sex.female)
        world.keep_file(child, "photo_id", picture, "photo.jpg", Noun.photo, home.family.id, child)
    if full or world.chance(0.85):
        _authorisations(world, child, home)
    if full or world.chance(0.85):
        _complementary(world, child)
    if full or world.chance(0.78):
        _health(world, child, home)
    if full or world.chance(0.6):
        _pickups(world, child, home)
    return child


def _schools(world, child, both):
    for key, shift in (("now", 0), ("next", 1)):
        level = world.level_of(child.birth_date, shift)
        if level is None or (key == "now" and level is Level.tps and world.chance(0.7)) or (key == "next" and not world.chance(0.15)):
            continue
        school = world.school_key(level, both)
        classes = world.classes.get((school, level)) if key == "now" else None
        db.session.add(
            SchoolEnrolment(
                child=child,
                school_year=world.years[key],
                school=world.schools[school],
                level=level,
                school_class=world.pick(classes) if classes and world.chance(0.95) else None,
            )
        )


def _authorisations(world, child, home):
    age = clock.age(child.birth_date, world.today)
    likely = {
        Subject.image: 0.82,
        Subject.leaving_alone: 0.45 if age >= 8 else 0.0,
        Subject.hospital: 0.98,
        Subject.transport: 0.95,
        Subject.swimming: 0.9,
    }
    started = world.day_between(date(world.year_begins, 8, 20), max(world.today - timedelta(days=5), date(world.year_begins, 8, 22)))
    started = min(started, world.today)
    for subject, share in likely.items():
        if world.chance(0.06):
            continue
        granted = world.chance(share)
        if world.chance(0.08):
            former = Authorisation(
                child=child,
                subject=subject,
                granted=not granted,
                started_on=started - timedelta(days=360),
                ended_on=started,
                family_id=home.family.id,
            )
            db.session.add(former)
        db.session.add(Authorisation(child=child, subject=subject, granted=granted, started_on=started, family_id=home.family.id))


def _complementary(world, child):
    insured = world.chance(0.85)
    ends = date(world.year_begins + (1 if world.chance(0.92) else 0), 8, 31)
    db.session.add(
        ComplementaryData(
            child=child,
            diet=Diet[world.weighted(standard=70, no_pork=15, no_meat=5, vegetarian=10)],
            insurer=world.pick(names.INSURERS) if insured else None,
            insurance_number=identifiers.digits(world.rng, 9) if insured else None,
            insured_until=ends if insured else None,
            swims=clock.age(child.birth_date, world.today) >= 6 and world.chance(0.7),
            bus_line=world.pick(names.BUS_LINES) if world.chance(0.15) else None,
            habits=world.pick(names.HABITS) if world.chance(0.2) else None,
        )
    )


def _health(world, child, home):
    vaccines = {valency.value: _injection(world, child.birth_date, valency).isoformat() for valency in required_vaccines(child.birth_date)}
    vaccines = {name: day for name, day in vaccines.items() if date.fromisoformat(day) <= world.today}
    for name in [name for name in vaccines if world.chance(0.12)] if world.chance(0.3) else []:
        del vaccines[name]
    food = drug = other = todo = None
    if world.chance(0.14):
        food, drug, other, todo = world.pick(names.ALLERGIES)
    plan = food is not None and world.chance(0.6)
    row = HealthRecord(
        child=child,
        vaccines=vaccines,
        asthma=world.chance(0.06),
        food_allergies=food,
        drug_allergies=drug,
        other_allergies=other,
        what_to_do=todo,
        pai=plan,
        pai_until=date(world.year_begins + 1, 7, 5) if plan else None,
        own_lunch="Panier repas" in todo if plan else None,
        illnesses=world.pick(names.ILLNESSES) if world.chance(0.3) else None,
        advice=world.pick(names.ADVICE) if world.chance(0.12) else None,
        doctor=world.pick(names.DOCTORS),
        doctor_phone=identifiers.landline(world.rng),
        updated_on=clock.today(),
    )
    db.session.add(row)
    if plan:
        paper = pictures.pdf("Projet d'accueil individualisé", [f"Enfant : {child}", f"Allergie : {food}", f"Conduite : {todo}"])
        world.keep_file(row, "pai_document_id", paper, "pai.pdf", Noun.health, home.family.id, child)


def _injection(world, born, valency):
    months = MONTHS.get(valency)
    if months is None:
        # Boosters of diphtheria, tetanus and polio: at 11 months, then at six years.
        months = 73 if clock.age(born, world.today) >= 6 else 11
    return born + timedelta(days=round(30.44 * months) + world.rng.randrange(25))


def _pickups(world, child, home):
    for _person in range(world.rng.choices((1, 2), (70, 30))[0]):
        relation = world.pick(names.RELATIONS)
        woman, old = relation.endswith(("e", "mère")) and "père" not in relation, relation.startswith("grand")
        gone = world.chance(0.08)
        started = world.today - timedelta(days=world.rng.randrange(40, 400))
        person = PickUpPerson(
            child=child,
            family=home.family,
            first_name=world.pick(names.WOMEN if woman else names.MEN),
            last_name=world.pick(names.LAST_NAMES),
            relation=relation,
            phone=identifiers.mobile(world.rng),
            started_on=started,
            ended_on=started + timedelta(days=30) if gone else None,
        )
        db.session.add(person)
        if world.chance(0.5):
            picture = world.face("adult", old=old, long_hair=woman and not old)
            world.keep_file(person, "photo_id", picture, "portrait.jpg", Noun.pickup, home.family.id, child)

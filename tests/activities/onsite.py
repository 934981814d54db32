"""Who plays in the tests of what happens on site? A canteen, its children, their bookings."""

from datetime import date

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
    Places,
    Unit,
    UnitKind,
)
from app.children.models import (
    Child,
    ComplementaryData,
    Diet,
    HealthRecord,
    Household,
    Level,
    School,
    SchoolClass,
    SchoolEnrolment,
    SchoolYear,
    Subject,
)
from app.children.operations import name_pickup_person, set_authorisation
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import Adult, AdultRole
from app.families.operations import new_family
from tests.factories import make_request

#: A Tuesday in November, at 11:30 in Paris.
TUESDAY = date(2026, 11, 24)
NOON = "2026-11-24T10:30:00+00:00"


def set_clock():
    """Let it be that Tuesday before noon."""
    from datetime import datetime

    clock.set_to(datetime.fromisoformat(NOON))


def canteen(day=TUESDAY):
    """The canteen with a meal for Léa, Tom and Hugo on a day; returns {"unit", "group", "lea", "tom", "hugo"}: ids."""
    with unit_of_work():
        activity = Activity(name="Cantine", kind=ActivityKind.canteen, weekdays=[1, 2, 4, 5])
        unit = Unit(activity=activity, name="Repas", kind=UnitKind.meal, with_meal=True)
        group = ActivityGroup(activity=activity, name="Salle 1")
        db.session.add_all([activity, unit, group])
        db.session.flush()
        db.session.add(Places(group_id=group.id, unit_id=unit.id, places=40))
        ids = {"activity": activity.id, "unit": unit.id, "group": group.id}
        for child in db.session.scalars(select(Child).order_by(Child.id)):
            family_id = child.households[0].family_id
            db.session.add(Booking(child_id=child.id, unit_id=unit.id, group_id=group.id, family_id=family_id, day=day))
            ids[{"Léa": "lea", "Tom": "tom", "Hugo": "hugo"}[child.first_name]] = child.id
    return ids


def fill_lea(child_id):
    """Give Léa what the people on site must know: an allergy with a care plan, somebody who may fetch her, authorisations."""
    with unit_of_work():
        child = db.session.get(Child, child_id)
        db.session.add(HealthRecord(child_id=child_id, food_allergies="Arachide", what_to_do="Stylo d'adrénaline", pai=True))
        db.session.add(ComplementaryData(child_id=child_id, diet=Diet.no_pork))
        person = name_pickup_person(
            child_id, 1, {"first_name": "Mamie", "last_name": "Rose", "relation": "grand-mère", "phone": "06 00 00 00 01"}
        )
        set_authorisation(child, Subject.leaving_alone, False, family_id=1)
        set_authorisation(child, Subject.transport, True, family_id=1)
        db.session.flush()
        return person.id


def send_absence(child_id, family_id=1, day=TUESDAY):
    """The family has told an absence, and nobody has decided yet; returns the request's id."""
    with unit_of_work():
        reason = AbsenceReason(title="Malade")
        db.session.add(reason)
        db.session.flush()
        values = {"first_day": day, "last_day": day, "reason_id": reason.id}
    return make_request("absence", family_id, values, act="add", child_id=child_id)


def enrol(ids, *child_ids):
    """Children take part in the canteen this year."""
    with unit_of_work():
        for child_id in child_ids:
            family_id = db.session.get(Child, child_id).households[0].family_id
            year = {"starts_on": date(2026, 9, 1), "ends_on": date(2027, 7, 3)}
            db.session.add(Enrolment(child_id=child_id, activity_id=ids["activity"], family_id=family_id, **year))


def tell_absence(child_id, day=TUESDAY):
    """The family has said that a child does not come."""
    with unit_of_work():
        reason = AbsenceReason(title="Malade")
        db.session.add(reason)
        db.session.flush()
        booking = db.session.scalar(select(Booking).filter_by(child_id=child_id, day=day))
        booking.absence = Absence(child_id=child_id, family_id=booking.family_id, first_day=day, last_day=day, reason_id=reason.id)
        booking.state = BookingState.absent


def crowd(ids, many, day=TUESDAY, first=0):
    """Many more children, all of them booked, in classes of 25; returns their ids."""
    made = []
    with unit_of_work():
        year = db.session.scalar(select(SchoolYear))
        school = db.session.scalar(select(School).order_by(School.id))
        for number in range(first, first + many):
            if (number - first) % 25 == 0:
                classroom = SchoolClass(name=f"Classe {number // 25 + 1}", school=school, school_year=year)
                db.session.add(classroom)
            family = new_family(f"Famille {number}")
            family.adults.append(Adult(role=AdultRole.guardian, first_name="Camille", last_name=f"Nom{number}", mobile="06 11 22 33 44"))
            child = Child(first_name=f"Enfant{number}", last_name=f"Nom{number}", birth_date=date(2018, 1, 1 + number % 28))
            db.session.add_all([family, child])
            db.session.flush()
            db.session.add(Household(child=child, family=family, started_on=date(2026, 9, 1)))
            db.session.add(SchoolEnrolment(child=child, school=school, school_year=year, level=Level.ce1, school_class=classroom))
            db.session.add(
                Booking(
                    child_id=child.id, unit_id=ids["unit"], group_id=ids["group"], family_id=family.id, day=day, state=BookingState.booked
                )
            )
            if number % 5 == 0:
                db.session.add(HealthRecord(child_id=child.id, food_allergies="Lait", pai=number % 10 == 0))
            name_pickup_person(child.id, family.id, {"first_name": "Papi", "last_name": f"Nom{number}"})
            made.append(child.id)
    return made

"""Who has no access to the portal yet, and to which class would the letter go?"""

from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import exists, select

from app.children.models import Child, Household, School, SchoolClass, SchoolEnrolment
from app.children.queries import this_year
from app.core import clock, search
from app.extensions import db
from app.families.models import Adult, Family
from app.security.models import FamilyLink, Invitation


@dataclass(frozen=True)
class Wanted:
    """Which of them a clerk means; nothing means all."""

    school_id: int | None = None
    class_id: int | None = None
    #: Families known since that day.
    since: date | None = None
    #: True: who has an e-mail address, False: who has none.
    with_email: bool | None = None


@dataclass(frozen=True)
class Invitee:
    """An adult without an access, and where the eldest child of the house goes to school."""

    adult_id: int
    name: str
    email: str | None
    family: str
    code: str
    school: str | None
    place: str | None


def without_access():
    """The SQL condition that an adult of a current family has no account for it, and no open code."""
    account = exists().where(FamilyLink.adult_id == Adult.id, FamilyLink.family_id == Adult.family_id, FamilyLink.ended_at.is_(None))
    code = exists().where(Invitation.adult_id == Adult.id, Invitation.used_at.is_(None), Invitation.expires_at > clock.now())
    current = exists().where(Family.id == Adult.family_id, Family.archived_at.is_(None)).correlate(Adult)
    return current & ~account & ~code


def pupils():
    """The children of current files that go to school this year, as a sub-query of (family_id, names, school and class)."""
    query = (
        select(
            Household.family_id,
            Child.first_name,
            Child.birth_date,
            SchoolEnrolment.school_id,
            SchoolEnrolment.school_class_id,
            SchoolEnrolment.level,
            School.name.label("school"),
            SchoolClass.name.label("classroom"),
        )
        .join(Child, Child.id == Household.child_id)
        .join(SchoolEnrolment, SchoolEnrolment.child_id == Child.id)
        .join(School, School.id == SchoolEnrolment.school_id)
        .outerjoin(SchoolClass, SchoolClass.id == SchoolEnrolment.school_class_id)
        .where(Household.ended_on.is_(None), Child.archived_at.is_(None), SchoolEnrolment.school_year_id == this_year())
    )
    return query.subquery()


def invitees(wanted):
    """The Invitees that are meant, class by class, then by the families' names; those without a school last. One query."""
    pupil = pupils()
    query = (
        select(Adult, Family.name, Family.code, pupil.c.school, pupil.c.classroom, pupil.c.level)
        .join(Family, Family.id == Adult.family_id)
        .outerjoin(pupil, pupil.c.family_id == Family.id)
        .where(without_access(), *_conditions(wanted, pupil))
        .order_by(Adult.role, Adult.id, pupil.c.birth_date)
    )
    found = {}
    for adult, family, code, school, classroom, level in db.session.execute(query):
        # The eldest child's class carries the letter.
        place = classroom or (str(level.label) if level is not None else None)
        found.setdefault(adult.id, Invitee(adult.id, str(adult), adult.email or None, family, code, school, place))
    return sorted(found.values(), key=_in_the_pile)


def _conditions(wanted, pupil):
    if wanted.school_id is not None:
        yield pupil.c.school_id == wanted.school_id
    if wanted.class_id is not None:
        yield pupil.c.school_class_id == wanted.class_id
    if wanted.since is not None:
        yield Family.created_at >= datetime.combine(wanted.since, time.min, clock.zone())
    if wanted.with_email is not None:
        address = Adult.email.is_not(None) & (Adult.email != "")
        yield address if wanted.with_email else ~address


def _in_the_pile(row):
    return row.school is None, search.fold(row.school or ""), search.fold(row.place or ""), search.fold(row.family), row.code


def classes_of(family_ids):
    """{family_id: [(first name, class or level, school)]} of the children at school, eldest first: for whoever hands letters out."""
    pupil = pupils()
    query = select(pupil).where(pupil.c.family_id.in_(family_ids)).order_by(pupil.c.birth_date)
    found = {}
    for row in db.session.execute(query):
        found.setdefault(row.family_id, []).append((row.first_name, row.classroom or str(row.level.label), row.school))
    return found

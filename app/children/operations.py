"""How do children's files change, beyond plain edits? Versions are ended, never overwritten."""

from sqlalchemy import select

from app.audit.operations import record
from app.changes.models import OPEN, ChangeRequest
from app.children.models import Authorisation, Child, Household, PickUpPerson, SchoolEnrolment, Subject
from app.core import clock
from app.core.errors import DomainError
from app.core.i18n import _
from app.extensions import db


def add_child(family_id, values):
    """A new child in a household, within the open unit of work; returns it."""
    child = Child(**values)
    child.households.append(Household(family_id=family_id, started_on=clock.today()))
    db.session.add(child)
    return child


def set_authorisation(child, subject, granted, *, family_id=None):
    """Give or refuse an authorisation from today on; None withdraws it. The former version is ended and kept."""
    today = clock.today()
    current = next((row for row in child.authorisations if row.subject is subject and row.ended_on is None), None)
    if current is not None:
        if current.granted is granted:
            return
        current.ended_on = today
        db.session.flush()
    if granted is not None:
        child.authorisations.append(Authorisation(subject=Subject(subject), granted=granted, started_on=today, family_id=family_id))


def name_pickup_person(child_id, family_id, values):
    """A household lets somebody fetch its child from today on; returns the PickUpPerson."""
    person = PickUpPerson(child_id=child_id, family_id=family_id, started_on=clock.today(), **values)
    db.session.add(person)
    return person


def withdraw_pickup_person(person):
    """From now on this person may not fetch the child any more."""
    person.ended_on = clock.today()


#: What else changes with a child's school, level, class or age: higher rooms announce it with after_schooling().
_AFTER_SCHOOLING = []


def after_schooling(act):
    """Decorator: call act(child id) where a child's place in a school or its date of birth has changed; it returns the days to look at."""
    _AFTER_SCHOOLING.append(act)
    return act


def schooling_changed(child_id):
    """A child's place in a school or date of birth is another one, within the open unit of work; returns the days to look at."""
    db.session.flush()
    return sorted({day for act in _AFTER_SCHOOLING for day in act(child_id)})


def enrol_in_school(child, *, year_id, school_id, level):
    """Set a child's school and level in a year; another school leaves the class open."""
    enrolment = next((row for row in child.school_enrolments if row.school_year_id == year_id), None)
    if enrolment is None:
        enrolment = SchoolEnrolment(school_year_id=year_id)
        child.school_enrolments.append(enrolment)
    elif enrolment.school_id != school_id or enrolment.level is not level:
        enrolment.school_class_id = None
    enrolment.school_id, enrolment.level = school_id, level
    schooling_changed(child.id)
    return enrolment


def share_child(child, family_id, *, weeks):
    """Let a second household have the child, within the open unit of work."""
    if any(row.family_id == family_id and row.ended_on is None for row in child.households):
        raise DomainError(_("The child already lives in this household."))
    household = Household(family_id=family_id, weeks=weeks, started_on=clock.today())
    child.households.append(household)
    return household


def end_household(household):
    """The child does not live there any more: the household loses sight of it, and the persons whom it named may not fetch the child.

    Raises DomainError for its only one.
    """
    others = [row for row in household.child.households if row.ended_on is None and row is not household]
    if not others:
        raise DomainError(_("This is the child's only household: add the other one first, or archive the child."))
    household.ended_on = clock.today()
    for person in household.child.pickup_persons:
        if person.family_id == household.family_id and person.ended_on is None:
            withdraw_pickup_person(person)


def archive_child(child, *, by):
    """Put a child's file away; nothing is deleted, and restore_child() brings it back. Raises DomainError while requests about it wait."""
    waiting = select(ChangeRequest.id).where(ChangeRequest.child_id == child.id, ChangeRequest.state.in_(OPEN)).limit(1)
    if db.session.scalar(waiting) is not None:
        raise DomainError(_("Requests about this child still wait: decide them first."))
    if child.archived_at is None:
        child.archived_at = clock.now()
        record("child.archived", child, by=by)


def restore_child(child, *, by):
    """Take a child's file out of the archive."""
    if child.archived_at is not None:
        child.archived_at = None
        record("child.restored", child, by=by)

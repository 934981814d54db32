"""What does the page of a child show? What each role needs: for the people on site, who may come and what to do."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from app.audit.models import LogEntry
from app.children.models import Child, HealthRecord, Household, Subject
from app.children.queries import SCHOOLS
from app.children.vaccines import missing_vaccines
from app.core import clock
from app.extensions import db
from app.families.models import Family
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.taking_part import Part, part_of_child


@dataclass
class ChildPage:
    """A child, and what belongs to it as far as the person may see it."""

    child: Child
    households: list
    authorisations: dict
    pickups: list
    health: HealthRecord | None
    log: list
    part: Part

    @classmethod
    def of(cls, child_id):
        """The page of a child, or None where there is none."""
        child = _child(child_id)
        if child is None:
            return None
        granted = {row.subject: row for row in child.authorisations if row.ended_on is None} if may(Noun.authorisations, "read") else {}
        people = [row for row in child.pickup_persons if row.ended_on is None] if may(Noun.pickup, "read") else []
        health = child.health if may(Noun.allergies, "read") else None
        homes = child.households if may(Noun.household, "read") else []
        part = part_of_child(child_id)
        part.papers = [(row, state) for row, state in part.papers if row.child_id]
        return cls(child, homes, granted, people, health, _log(child_id), part)

    @property
    def age(self):
        return clock.age(self.child.birth_date, clock.today())

    @property
    def subjects(self):
        """[(subject, the Authorisation in force or None)]."""
        return [(subject, self.authorisations.get(subject)) for subject in Subject]

    @property
    def shows_health(self):
        """Whether the page tells anything of the child's health: the reading is noted."""
        return self.health is not None and (self.health.has_allergy or bool(self.health.pai) or may(Noun.health, "read"))

    @property
    def missing_vaccines(self):
        """The required vaccines without a date, for those who may see health data."""
        return (
            missing_vaccines(self.child.birth_date, self.health.vaccines if self.health is not None else {})
            if may(Noun.health, "read")
            else ()
        )

    @property
    def contacts(self):
        """[(adult, their telephones)] of the homes the child lives in: whom to call."""
        homes = [row.family for row in self.child.households if row.ended_on is None] if may(Noun.contacts, "read") else []
        return [
            (adult, [number for number in (adult.mobile, adult.phone, adult.work_phone) if number])
            for home in homes
            for adult in home.adults
        ]

    @property
    def running(self):
        return [row for row in self.households if row.ended_on is None]

    @property
    def former(self):
        return [row for row in self.households if row.ended_on is not None]


def _child(child_id):
    loads = [joinedload(Child.complementary), SCHOOLS]
    if may(Noun.allergies, "read"):
        loads.append(joinedload(Child.health))
    if may(Noun.contacts, "read"):
        loads.append(selectinload(Child.households).joinedload(Household.family).joinedload(Family.adults))
    if may(Noun.authorisations, "read"):
        loads.append(selectinload(Child.authorisations))
    if may(Noun.pickup, "read"):
        loads.append(selectinload(Child.pickup_persons))
    return db.session.scalars(select(Child).where(Child.id == child_id).options(*loads)).unique().first()


def _log(child_id):
    if not may(Noun.log, "read"):
        return []
    return db.session.scalars(
        select(LogEntry).where(LogEntry.child_id == child_id).order_by(LogEntry.at.desc(), LogEntry.id.desc()).limit(8)
    ).all()

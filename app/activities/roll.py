"""Who is expected, who came, who may fetch them? What the sheets on site read: a constant number of queries for any number of children."""

from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from app.activities.models import Activity, ActivityGroup, Attendance, Booking, BookingState, Mark, Unit
from app.children.models import Child, HealthRecord, Household, School, SchoolClass, SchoolEnrolment, SchoolYear, Subject
from app.extensions import db
from app.families.models import Family
from app.security.who_sees_what import Noun


def year_of(day):
    """The id of the school year that a day lies in, in the summer of the one that has ended, as a sub-query."""
    query = select(SchoolYear.id).where(SchoolYear.starts_on <= day)
    return query.order_by(SchoolYear.starts_on.desc()).limit(1).scalar_subquery()


@dataclass(frozen=True)
class Which:
    """Which children a sheet is about: those of a unit on a day, perhaps of one group or one school."""

    unit_id: int
    day: date
    group_id: int | None = None
    school_id: int | None = None

    def select(self, *columns):
        """The SELECT of these columns: a row a child who is booked, or whom somebody noted."""
        booking = and_(Booking.child_id == Child.id, Booking.unit_id == self.unit_id, Booking.day == self.day)
        attendance = and_(Attendance.child_id == Child.id, Attendance.unit_id == self.unit_id, Attendance.day == self.day)
        school = and_(SchoolEnrolment.child_id == Child.id, SchoolEnrolment.school_year_id == year_of(self.day))
        query = (
            select(*columns)
            .select_from(Child)
            .outerjoin(Booking, booking)
            .outerjoin(Attendance, attendance)
            .outerjoin(SchoolEnrolment, school)
            .where(
                or_(
                    Booking.state.in_((BookingState.booked, BookingState.absent)),
                    Attendance.state.in_((Mark.present, Mark.left, Mark.absent)),
                )
            )
        )
        if self.group_id:
            query = query.where(func.coalesce(Booking.group_id, Attendance.group_id, self.group_id) == self.group_id)
        if self.school_id:
            query = query.where(SchoolEnrolment.school_id == self.school_id)
        return query


@dataclass
class Seat:
    """One child of a sheet: the booking, what was noted, the school of the year. What the reader may not read is not loaded."""

    child: Child
    booking: Booking | None
    attendance: Attendance | None
    enrolment: SchoolEnrolment | None
    nouns: frozenset = field(default_factory=frozenset)

    @property
    def state(self):
        """What was noted last; nothing noted and an absence told beforehand is an absence."""
        if self.attendance is not None and self.attendance.state is not Mark.cleared:
            return self.attendance.state
        return Mark.absent if self.told else Mark.cleared

    @property
    def told(self):
        """Whether the family said beforehand that the child does not come."""
        return self.booking is not None and self.booking.state is BookingState.absent

    @property
    def expected(self):
        return self.booking is not None and self.booking.state is BookingState.booked

    @property
    def classroom(self):
        """The class, else the level, as people say it."""
        if self.enrolment is None or Noun.school not in self.nouns:
            return ""
        return str(self.enrolment.school_class or self.enrolment.level.label)

    @property
    def school(self):
        return self.enrolment.school if self.enrolment is not None and Noun.school in self.nouns else None

    @property
    def health(self):
        """The health record where it tells of something dangerous, to those who may read it."""
        record = self.child.health if Noun.allergies in self.nouns else None
        return record if record is not None and (record.has_allergy or record.pai or record.what_to_do) else None

    @property
    def pickups(self):
        """The persons whom the households let fetch the child."""
        homes = {home.family_id for home in self.homes} if Noun.contacts in self.nouns else None
        people = self.child.pickup_persons if Noun.pickup in self.nouns else ()
        return [person for person in people if person.ended_on is None and (homes is None or person.family_id in homes)]

    @property
    def homes(self):
        return [home for home in self.child.households if home.ended_on is None] if Noun.contacts in self.nouns else []

    @property
    def adults(self):
        """[(adult, telephones)] of the homes that the child lives in."""
        return [
            (adult, [number for number in (adult.mobile, adult.phone, adult.work_phone) if number])
            for home in self.homes
            for adult in home.family.adults
        ]

    def allowed(self, subject):
        """Whether the parents said yes, said no, or (None) have not answered."""
        rows = self.child.authorisations if Noun.authorisations in self.nouns else ()
        return next((row.granted for row in rows if row.subject is Subject(subject) and row.ended_on is None), None)

    def subjects(self, answer, among=tuple(Subject)):
        """The subjects that the parents answered with yes (True), no (False) or not at all (None)."""
        return [subject for subject in among if self.allowed(subject) is answer]

    @property
    def sort_key(self):
        return str(self.school or ""), self.classroom, self.child.last_name.lower(), self.child.first_name.lower(), self.child.id


def loads_for(nouns):
    """Loader options for what the holder of these nouns may read of a child on site."""
    dangerous = (HealthRecord.asthma, HealthRecord.food_allergies, HealthRecord.drug_allergies, HealthRecord.other_allergies)
    options = {
        Noun.allergies: joinedload(Child.health).load_only(
            *dangerous, HealthRecord.what_to_do, HealthRecord.pai, HealthRecord.pai_until, HealthRecord.own_lunch, raiseload=True
        ),
        Noun.pickup: selectinload(Child.pickup_persons),
        Noun.authorisations: selectinload(Child.authorisations),
        Noun.contacts: selectinload(Child.households).joinedload(Household.family).joinedload(Family.adults),
    }
    return [option for noun, option in options.items() if noun in nouns]


def seats(which, nouns):
    """The Seats of a sheet, by school, class and name."""
    query = which.select(Child, Booking, Attendance, SchoolEnrolment).options(
        *loads_for(nouns), joinedload(SchoolEnrolment.school), joinedload(SchoolEnrolment.school_class)
    )
    found = [Seat(*row, nouns=nouns) for row in db.session.execute(query).unique()]
    return sorted(found, key=lambda seat: seat.sort_key)


def seat_of(which, child_id, nouns):
    """The Seat of one child, booked or not; None where there is no such child."""
    query = (
        select(Child, Booking, Attendance, SchoolEnrolment)
        .outerjoin(Booking, and_(Booking.child_id == Child.id, Booking.unit_id == which.unit_id, Booking.day == which.day))
        .outerjoin(Attendance, and_(Attendance.child_id == Child.id, Attendance.unit_id == which.unit_id, Attendance.day == which.day))
        .outerjoin(SchoolEnrolment, and_(SchoolEnrolment.child_id == Child.id, SchoolEnrolment.school_year_id == year_of(which.day)))
        .options(*loads_for(nouns), joinedload(SchoolEnrolment.school), joinedload(SchoolEnrolment.school_class))
    )
    row = db.session.execute(query.where(Child.id == child_id)).unique().first()
    return Seat(*row, nouns=nouns) if row is not None else None


def states(which):
    """[(child id, booking state or None, Attendance or None)] of a sheet: what a tablet asks for again and again, in one query."""
    return db.session.execute(which.select(Child.id, Booking.state, Attendance)).all()


def unit_of(unit_id):
    """A unit with its activity, that one's units and its groups, or None."""
    query = select(Unit).where(Unit.id == unit_id).join(Unit.activity).options(contains_eager(Unit.activity).selectinload(Activity.units))
    return db.session.scalars(query.options(contains_eager(Unit.activity).selectinload(Activity.groups))).first()


def schools_of(unit_id, day):
    """The schools of the children who are booked, by name."""
    booked = select(Booking.child_id).where(Booking.unit_id == unit_id, Booking.day == day)
    inside = select(SchoolEnrolment.school_id).where(SchoolEnrolment.school_year_id == year_of(day), SchoolEnrolment.child_id.in_(booked))
    return db.session.scalars(select(School).where(School.id.in_(inside)).order_by(School.name)).all()


def classes_of(unit_id, day):
    """The classes of the children who are booked, by name."""
    booked = select(Booking.child_id).where(Booking.unit_id == unit_id, Booking.day == day)
    inside = select(SchoolEnrolment.school_class_id).where(
        SchoolEnrolment.school_year_id == year_of(day), SchoolEnrolment.child_id.in_(booked)
    )
    return db.session.scalars(select(SchoolClass).where(SchoolClass.id.in_(inside)).order_by(SchoolClass.name)).all()


def groups_of_activity(activity_id):
    """The groups of an activity, in their order."""
    query = select(ActivityGroup).where(ActivityGroup.activity_id == activity_id)
    return db.session.scalars(query.order_by(ActivityGroup.position, ActivityGroup.id)).all()


def day_of_units(day):
    """[(unit, children expected, children there or gone home)] of a day: every unit of the town, in two queries."""
    expected = (
        select(Booking.unit_id, func.count()).where(Booking.day == day, Booking.state == BookingState.booked).group_by(Booking.unit_id)
    )
    came = (
        select(Attendance.unit_id, func.count())
        .where(Attendance.day == day, Attendance.state.in_((Mark.present, Mark.left)))
        .group_by(Attendance.unit_id)
    )
    units = db.session.scalars(
        select(Unit)
        .join(Unit.activity)
        .options(contains_eager(Unit.activity).selectinload(Activity.units))
        .order_by(Activity.position, Activity.id, Unit.position, Unit.id)
    ).all()
    many, there = (dict(map(tuple, db.session.execute(query))) for query in (expected, came))
    return [(unit, many.get(unit.id, 0), there.get(unit.id, 0)) for unit in units]

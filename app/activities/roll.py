"""Who is expected, who came, who may fetch them? What the sheets on site read: a constant number of queries for any number of children."""

from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import and_, exists, func, literal, or_, select, union_all
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from app.activities.models import (
    Activity,
    ActivityGroup,
    Attendance,
    Booking,
    BookingState,
    Enrolment,
    Mark,
    PlaceAsked,
    Rank,
    Unit,
    Wish,
)
from app.children.models import Child, HealthRecord, Household, School, SchoolClass, SchoolEnrolment, Subject
from app.children.queries import year_of
from app.extensions import db
from app.families.models import Family
from app.security.who_sees_what import Noun


@dataclass(frozen=True)
class Which:
    """Which children a sheet is about: those of a unit on a day, perhaps of one group or one school."""

    unit_id: int
    day: date
    group_id: int | None = None
    school_id: int | None = None

    def select(self, *columns):
        """The SELECT of these columns: a row a child who is booked, or whom somebody noted."""
        query = self._of_children(columns).where(
            or_(
                Booking.state.in_((BookingState.booked, BookingState.absent)),
                Attendance.state.in_((Mark.present, Mark.left, Mark.absent)),
            )
        )
        if self.group_id:
            query = query.where(func.coalesce(Booking.group_id, Attendance.group_id, self.group_id) == self.group_id)
        if self.school_id:
            query = query.where(SchoolEnrolment.school_id == self.school_id)
        return query

    def select_child(self, child_id, *columns):
        """The SELECT of these columns of one child, whatever is known of it."""
        return self._of_children(columns).where(Child.id == child_id)

    def select_others(self, *columns):
        """The SELECT of these columns: a row a child who is enrolled on that day and stands on no row of select()."""
        activity = select(Unit.activity_id).where(Unit.id == self.unit_id).scalar_subquery()
        enrolled = (Enrolment.child_id == Child.id) & (Enrolment.activity_id == activity)
        enrolled &= (Enrolment.starts_on <= self.day) & (Enrolment.ends_on >= self.day)
        if self.group_id:
            enrolled &= func.coalesce(Enrolment.group_id, self.group_id) == self.group_id
        query = self._of_children(columns).where(Child.archived_at.is_(None), exists().where(enrolled))
        query = query.where(or_(Booking.id.is_(None), Booking.state == BookingState.cancelled))
        query = query.where(or_(Attendance.id.is_(None), Attendance.state == Mark.cleared))
        return query.where(SchoolEnrolment.school_id == self.school_id) if self.school_id else query

    def _of_children(self, columns):
        """The SELECT of these columns of every child: its booking, what was noted, what an open request says of the day, its school."""
        here = [
            (row.child_id == Child.id) & (row.unit_id == self.unit_id) & (row.day == self.day) for row in (Booking, Attendance, PlaceAsked)
        ]
        school = and_(SchoolEnrolment.child_id == Child.id, SchoolEnrolment.school_year_id == year_of(self.day))
        query = select(*columns).select_from(Child).outerjoin(Booking, here[0]).outerjoin(Attendance, here[1])
        return query.outerjoin(PlaceAsked, here[2] & (PlaceAsked.rank != Rank.closed)).outerjoin(SchoolEnrolment, school)


@dataclass
class Seat:
    """One child of a sheet: the booking, what was noted, what waits, the school of the year. What the reader may not read is not loaded."""

    child: Child
    booking: Booking | None
    attendance: Attendance | None
    #: What an open request says of this day.
    asked: PlaceAsked | None
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
    def sent(self):
        """Whether an absence was sent that nobody has decided yet: the child is booked, and will hardly come."""
        return self.expected and self.asked is not None and self.asked.wish is Wish.absence

    @property
    def wanted(self):
        """Whether a place was asked for that nobody has decided yet."""
        return not self.expected and self.asked is not None and self.asked.wish is Wish.book

    @property
    def unnoted(self):
        """Whether somebody must still be looked for: expected, and nobody has said anything."""
        return self.expected and not self.sent and self.state is Mark.cleared

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


SEAT = (Child, Booking, Attendance, PlaceAsked, SchoolEnrolment)


def seats(which, nouns):
    """The Seats of a sheet, by school, class and name."""
    return _seats(which.select(*SEAT), nouns)


def others(which, nouns):
    """The Seats of the children who are enrolled and not expected: somebody of them may come all the same."""
    return _seats(which.select_others(*SEAT), nouns)


def seat_of(which, child_id, nouns):
    """The Seat of one child, booked or not; None where there is no such child."""
    row = next(iter(_loaded(which.select_child(child_id, *SEAT), nouns)), None)
    return Seat(*row, nouns=nouns) if row is not None else None


def _seats(query, nouns):
    return sorted((Seat(*row, nouns=nouns) for row in _loaded(query, nouns)), key=lambda seat: seat.sort_key)


def _loaded(query, nouns):
    options = (*loads_for(nouns), joinedload(SchoolEnrolment.school), joinedload(SchoolEnrolment.school_class))
    return db.session.execute(query.options(*options)).unique()


def states(which):
    """[(child id, booking state or None, wish of an open request or None, Attendance or None)] of a sheet: what a tablet asks for again
    and again, in one query."""
    return db.session.execute(which.select(Child.id, Booking.state, PlaceAsked.wish, Attendance)).all()


def unit_of(unit_id):
    """A unit with its activity, that one's units and its groups, or None."""
    query = select(Unit).where(Unit.id == unit_id).join(Unit.activity).options(contains_eager(Unit.activity).selectinload(Activity.units))
    return db.session.scalars(query.options(contains_eager(Unit.activity).selectinload(Activity.groups))).first()


def schools_of(unit_id, day):
    """The schools of the children who are booked, by name."""
    booked = select(Booking.child_id).where(Booking.unit_id == unit_id, Booking.day == day)
    inside = select(SchoolEnrolment.school_id).where(SchoolEnrolment.school_year_id == year_of(day), SchoolEnrolment.child_id.in_(booked))
    return db.session.scalars(select(School).where(School.id.in_(inside)).order_by(School.name)).all()


def classes_of(which):
    """The classes of the children who are booked, by name; those of a sheet's school where it is about one."""
    booked = select(Booking.child_id).where(Booking.unit_id == which.unit_id, Booking.day == which.day)
    inside = select(SchoolEnrolment.school_class_id).where(
        SchoolEnrolment.school_year_id == year_of(which.day), SchoolEnrolment.child_id.in_(booked)
    )
    query = select(SchoolClass).join(SchoolClass.school).options(contains_eager(SchoolClass.school)).where(SchoolClass.id.in_(inside))
    query = query.where(SchoolClass.school_id == which.school_id) if which.school_id else query
    return db.session.scalars(query.order_by(SchoolClass.name, School.name)).all()


def groups_of_activity(activity_id):
    """The groups of an activity, in their order."""
    query = select(ActivityGroup).where(ActivityGroup.activity_id == activity_id)
    return db.session.scalars(query.order_by(ActivityGroup.position, ActivityGroup.id)).all()


def schools_of_day(day):
    """{unit id: [(school id, name, children expected, children there or gone home)]} of a day, by name; in one query."""
    place = and_(SchoolEnrolment.school_year_id == year_of(day), SchoolEnrolment.school_id == School.id)
    expected = select(Booking.unit_id, Booking.child_id, literal(1).label("expected"), literal(0).label("came")).where(
        Booking.day == day, Booking.state == BookingState.booked
    )
    came = select(Attendance.unit_id, Attendance.child_id, literal(0), literal(1)).where(
        Attendance.day == day, Attendance.state.in_((Mark.present, Mark.left))
    )
    both = union_all(expected, came).subquery()
    query = (
        select(both.c.unit_id, School.id, School.name, func.sum(both.c.expected), func.sum(both.c.came))
        .join(SchoolEnrolment, SchoolEnrolment.child_id == both.c.child_id)
        .join(School, place)
        .group_by(both.c.unit_id, School.id, School.name)
        .order_by(School.name, School.id)
    )
    found = {}
    for unit_id, *school in db.session.execute(query):
        found.setdefault(unit_id, []).append(tuple(school))
    return found


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

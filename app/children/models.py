"""What does the town know of a child? Identity, households, school, and the sections that parents fill in."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String, Text, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core import clock
from app.core.db import Instant, enum_column
from app.core.encryption import Encrypted
from app.core.enums import Labelled
from app.core.i18n import _l
from app.documents.models import StoredFile
from app.extensions import Model
from app.families.models import Family


class Sex(Labelled):
    """As the State's register of pupils has it."""

    female = "female", _l("girl")
    male = "male", _l("boy")


class Weeks(Labelled):
    """Which weeks of the ISO calendar a child spends in a household."""

    all = "all", _l("every week")
    even = "even", _l("even weeks")
    odd = "odd", _l("odd weeks")
    other = "other", _l("as the parents agree")

    def include(self, day):
        """Whether the child is here in the week of a day; where parents agree by themselves, nobody can tell."""
        return self not in (Weeks.even, Weeks.odd) or (day.isocalendar().week % 2 == 0) == (self is Weeks.even)


class Level(Labelled):
    """The levels of French nursery and primary school."""

    tps = "tps", _l("TPS")
    ps = "ps", _l("PS")
    ms = "ms", _l("MS")
    gs = "gs", _l("GS")
    cp = "cp", _l("CP")
    ce1 = "ce1", _l("CE1")
    ce2 = "ce2", _l("CE2")
    cm1 = "cm1", _l("CM1")
    cm2 = "cm2", _l("CM2")


class Subject(Labelled):
    """What parents allow or not."""

    image = "image", _l("photographs and films")
    leaving_alone = "leaving_alone", _l("leaving alone")
    hospital = "hospital", _l("hospital care in an emergency")
    transport = "transport", _l("transport by bus or car")
    swimming = "swimming", _l("swimming and water games")


class Diet(Labelled):
    """Meals that the kitchen makes. Named by what is on the plate, never by a belief."""

    standard = "standard", _l("standard")
    no_pork = "no_pork", _l("without pork")
    no_meat = "no_meat", _l("without meat")
    vegetarian = "vegetarian", _l("vegetarian")


class Child(Model):
    """A child known to the town. It may live in two households."""

    __tablename__ = "child"
    __table_args__ = (Index("ix_child_name", "last_name", "first_name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    last_name: Mapped[str] = mapped_column(String(80))
    first_name: Mapped[str] = mapped_column(String(80))
    birth_date: Mapped[date] = mapped_column(Date)
    birth_place: Mapped[str | None] = mapped_column(String(80))
    sex: Mapped[Sex | None] = mapped_column(enum_column(Sex, "ck_child_sex"))
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id", ondelete="SET NULL"))
    archived_at: Mapped[datetime | None] = mapped_column(Instant)

    photo: Mapped[StoredFile | None] = relationship(StoredFile, foreign_keys=[photo_id])
    households: Mapped[list["Household"]] = relationship(back_populates="child", order_by="Household.id", passive_deletes=True)
    school_enrolments: Mapped[list["SchoolEnrolment"]] = relationship(back_populates="child", passive_deletes=True)
    authorisations: Mapped[list["Authorisation"]] = relationship(back_populates="child", order_by="Authorisation.id", passive_deletes=True)
    pickup_persons: Mapped[list["PickUpPerson"]] = relationship(back_populates="child", order_by="PickUpPerson.id", passive_deletes=True)
    complementary: Mapped["ComplementaryData | None"] = relationship(back_populates="child", passive_deletes=True)
    health: Mapped["HealthRecord | None"] = relationship(back_populates="child", passive_deletes=True)

    @property
    def school_places(self):
        """Its SchoolEnrolments of this year and of those to come, the soonest first."""
        running = [row for row in self.school_enrolments if row.school_year.ends_on >= clock.today()]
        return sorted(running, key=lambda row: row.school_year.starts_on)

    @classmethod
    def of_family(cls, family_id):
        """The SQL condition that a child lives in this family, today or by an open custody link."""
        return cls.id.in_(cls.ids_of(family_id))

    @classmethod
    def ids_of(cls, family_id):
        """A sub-query for their ids: the few links of one family are read, where a condition on each child reads the whole town's."""
        return select(Household.child_id).where(Household.family_id == family_id, Household.ended_on.is_(None))

    def __repr__(self):
        return f"{self.first_name} {self.last_name}"


class Household(Model):
    """A child lives in a family: which weeks, and whether this household pays then."""

    __tablename__ = "household"
    __table_args__ = (
        Index(
            "uq_household_open",
            "child_id",
            "family_id",
            unique=True,
            sqlite_where=text("ended_on IS NULL"),
            postgresql_where=text("ended_on IS NULL"),
        ),
        Index("ix_household_child", "child_id"),
        CheckConstraint("ended_on IS NULL OR ended_on >= started_on", name="ck_household_dates"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    child_id: Mapped[int] = mapped_column(ForeignKey("child.id", ondelete="CASCADE"))
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"), index=True)
    weeks: Mapped[Weeks] = mapped_column(enum_column(Weeks, "ck_household_weeks"), default=Weeks.all)
    pays: Mapped[bool] = mapped_column(default=True)
    started_on: Mapped[date] = mapped_column(Date, default=clock.today)
    ended_on: Mapped[date | None] = mapped_column(Date)
    child: Mapped[Child] = relationship(back_populates="households")
    family: Mapped[Family] = relationship(Family, backref="households")

    def __repr__(self):
        return f"{self.child} – {self.family}"


class School(Model):
    """A school of the commune, or one that its children go to."""

    __tablename__ = "school"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    #: Unité administrative immatriculée, the State's identifier: 7 digits and a letter.
    uai: Mapped[str | None] = mapped_column(String(8), unique=True)
    address: Mapped[str | None] = mapped_column(String(120))
    phone: Mapped[str | None] = mapped_column(String(20))
    open: Mapped[bool] = mapped_column(default=True)

    def __repr__(self):
        return self.name


class SchoolYear(Model):
    """A school year; children are enrolled in one at a time."""

    __tablename__ = "school_year"
    __table_args__ = (CheckConstraint("ends_on > starts_on", name="ck_school_year_dates"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(9), unique=True)
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date] = mapped_column(Date)
    #: Families may ask for a place in it.
    enrolling: Mapped[bool] = mapped_column(default=False)

    def __repr__(self):
        return self.name


class SchoolClass(Model):
    """A class of a school in one year."""

    __tablename__ = "school_class"
    __table_args__ = (UniqueConstraint("school_id", "school_year_id", "name", name="uq_school_class_name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    school_id: Mapped[int] = mapped_column(ForeignKey("school.id"))
    school_year_id: Mapped[int] = mapped_column(ForeignKey("school_year.id"), index=True)
    name: Mapped[str] = mapped_column(String(40))
    teacher: Mapped[str | None] = mapped_column(String(80))
    school: Mapped[School] = relationship(School)
    school_year: Mapped[SchoolYear] = relationship(SchoolYear)

    def __repr__(self):
        return self.name


class SchoolEnrolment(Model):
    """A child's school, level and class in one year."""

    __tablename__ = "school_enrolment"
    __table_args__ = (UniqueConstraint("child_id", "school_year_id", name="uq_school_enrolment_year"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    child_id: Mapped[int] = mapped_column(ForeignKey("child.id", ondelete="CASCADE"))
    school_year_id: Mapped[int] = mapped_column(ForeignKey("school_year.id"), index=True)
    school_id: Mapped[int] = mapped_column(ForeignKey("school.id"), index=True)
    school_class_id: Mapped[int | None] = mapped_column(ForeignKey("school_class.id"), index=True)
    level: Mapped[Level] = mapped_column(enum_column(Level, "ck_school_enrolment_level"))
    child: Mapped[Child] = relationship(back_populates="school_enrolments")
    school_year: Mapped[SchoolYear] = relationship(SchoolYear)
    school: Mapped[School] = relationship(School)
    school_class: Mapped[SchoolClass | None] = relationship(SchoolClass)

    @property
    def to_come(self):
        """Whether its year has not begun."""
        return self.school_year.starts_on > clock.today()

    def __repr__(self):
        return f"{self.school}, {self.level.label}"


class Authorisation(Model):
    """A yes or no of the parents on one subject, from a day on. A new one ends the former: all versions are kept."""

    __tablename__ = "authorisation"
    __table_args__ = (
        Index(
            "uq_authorisation_open",
            "child_id",
            "subject",
            unique=True,
            sqlite_where=text("ended_on IS NULL"),
            postgresql_where=text("ended_on IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    child_id: Mapped[int] = mapped_column(ForeignKey("child.id", ondelete="CASCADE"))
    subject: Mapped[Subject] = mapped_column(enum_column(Subject, "ck_authorisation_subject"))
    granted: Mapped[bool]
    started_on: Mapped[date] = mapped_column(Date, default=clock.today)
    ended_on: Mapped[date | None] = mapped_column(Date)
    #: The household that gave or withdrew it; null: the town entered it.
    family_id: Mapped[int | None] = mapped_column(ForeignKey("family.id", ondelete="SET NULL"))
    child: Mapped[Child] = relationship(back_populates="authorisations")

    def __repr__(self):
        return f"{self.subject.label}: {self.granted}"


class PickUpPerson(Model):
    """Somebody whom a household lets fetch the child. Withdrawn, never deleted."""

    __tablename__ = "pickup_person"
    id: Mapped[int] = mapped_column(primary_key=True)
    child_id: Mapped[int] = mapped_column(ForeignKey("child.id", ondelete="CASCADE"), index=True)
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"), index=True)
    last_name: Mapped[str] = mapped_column(String(80))
    first_name: Mapped[str] = mapped_column(String(80))
    relation: Mapped[str | None] = mapped_column(String(60))
    phone: Mapped[str | None] = mapped_column(String(20))
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id", ondelete="SET NULL"))
    started_on: Mapped[date] = mapped_column(Date, default=clock.today)
    ended_on: Mapped[date | None] = mapped_column(Date)
    child: Mapped[Child] = relationship(back_populates="pickup_persons")
    family: Mapped[Family] = relationship(Family)

    @classmethod
    def of_family(cls, family_id):
        """The SQL condition that this household named the person, the child still lives there, and it is not withdrawn."""
        return (cls.family_id == family_id) & cls.ended_on.is_(None) & cls.child_id.in_(Child.ids_of(family_id))

    def __repr__(self):
        return f"{self.first_name} {self.last_name}"


class ComplementaryData(Model):
    """What the services need to know and what is not health."""

    __tablename__ = "complementary_data"
    id: Mapped[int] = mapped_column(primary_key=True)
    child_id: Mapped[int] = mapped_column(ForeignKey("child.id", ondelete="CASCADE"), unique=True)
    diet: Mapped[Diet] = mapped_column(enum_column(Diet, "ck_complementary_data_diet"), default=Diet.standard)
    insurer: Mapped[str | None] = mapped_column(String(80))
    insurance_number: Mapped[str | None] = mapped_column(String(40))
    insured_until: Mapped[date | None] = mapped_column(Date)
    swims: Mapped[bool | None]
    bus_line: Mapped[str | None] = mapped_column(String(60))
    habits: Mapped[str | None] = mapped_column(Text)
    child: Mapped[Child] = relationship(back_populates="complementary")

    def __repr__(self):
        return "complementary"


class HealthRecord(Model):
    """The fiche sanitaire (Cerfa 10008*02), encrypted whole."""

    __tablename__ = "health_record"
    id: Mapped[int] = mapped_column(primary_key=True)
    child_id: Mapped[int] = mapped_column(ForeignKey("child.id", ondelete="CASCADE"), unique=True)
    #: {valency: ISO date of the last injection}; valencies in children/vaccines.py.
    vaccines: Mapped[dict | None] = mapped_column(Encrypted(dict))
    vaccine_exemption: Mapped[str | None] = mapped_column(Encrypted(str))
    asthma: Mapped[bool | None] = mapped_column(Encrypted(bool))
    food_allergies: Mapped[str | None] = mapped_column(Encrypted(str))
    drug_allergies: Mapped[str | None] = mapped_column(Encrypted(str))
    other_allergies: Mapped[str | None] = mapped_column(Encrypted(str))
    what_to_do: Mapped[str | None] = mapped_column(Encrypted(str))
    #: Projet d'accueil individualisé: an agreed care plan.
    pai: Mapped[bool | None] = mapped_column(Encrypted(bool))
    pai_until: Mapped[date | None] = mapped_column(Encrypted(date))
    #: The family brings the child's lunch, as the care plan says: some tariffs ask.
    own_lunch: Mapped[bool | None] = mapped_column(Encrypted(bool))
    pai_document_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id", ondelete="SET NULL"))
    treatment: Mapped[str | None] = mapped_column(Encrypted(str))
    illnesses: Mapped[str | None] = mapped_column(Encrypted(str))
    difficulties: Mapped[str | None] = mapped_column(Encrypted(str))
    advice: Mapped[str | None] = mapped_column(Encrypted(str))
    doctor: Mapped[str | None] = mapped_column(Encrypted(str))
    doctor_phone: Mapped[str | None] = mapped_column(Encrypted(str))
    updated_on: Mapped[date] = mapped_column(Date, default=clock.today)
    child: Mapped[Child] = relationship(back_populates="health")

    @property
    def has_allergy(self):
        return bool(self.asthma or self.food_allergies or self.drug_allergies or self.other_allergies)

    def __repr__(self):
        return "health"

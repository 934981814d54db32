"""What can children be booked for? An activity, its units, its groups and their places."""

from datetime import date, time
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, Date, ForeignKey, Index, String, Table, Text, Time, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.children.models import School, SchoolClass
from app.core.db import enum_column
from app.core.enums import Labelled
from app.core.i18n import _l
from app.extensions import Model


class ActivityKind(Labelled):
    """The services of a commune; the icon and the attendance sheet follow."""

    canteen = "canteen", _l("canteen")
    morning = "morning", _l("morning care")
    evening = "evening", _l("evening care")
    study = "study", _l("supervised study")
    wednesday = "wednesday", _l("Wednesday")
    holidays = "holidays", _l("holiday centre")


class Season(Labelled):
    """In which part of the year an activity opens."""

    school = "school", _l("during school weeks")
    holidays = "holidays", _l("during school holidays")
    all_year = "all_year", _l("all year round")


class UnitKind(Labelled):
    """What is booked and, later, billed."""

    meal = "meal", _l("meal")
    quarter_hour = "quarter_hour", _l("quarter-hour")
    half_hour = "half_hour", _l("half-hour")
    hour = "hour", _l("hour")
    half_day = "half_day", _l("half-day")
    day = "day", _l("day")


#: The minutes of what may be charged by the time spent.
MINUTES = {UnitKind.quarter_hour: 15, UnitKind.half_hour: 30, UnitKind.hour: 60}

#: Which papers an activity asks for.
activity_paper = Table(
    "activity_paper",
    Model.metadata,
    Column("activity_id", ForeignKey("activity.id", ondelete="CASCADE"), primary_key=True),
    Column("paper_type_id", ForeignKey("paper_type.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Activity(Model):
    """A service that children are enrolled in and booked for."""

    __tablename__ = "activity"
    __table_args__ = (
        CheckConstraint("max_age IS NULL OR min_age IS NULL OR max_age >= min_age", name="ck_activity_ages"),
        CheckConstraint("ends_on IS NULL OR starts_on IS NULL OR ends_on >= starts_on", name="ck_activity_dates"),
        CheckConstraint("offer_hours > 0", name="ck_activity_offer_hours"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60), unique=True)
    kind: Mapped[ActivityKind] = mapped_column(enum_column(ActivityKind, "ck_activity_kind"))
    #: What parents read before they enrol.
    description: Mapped[str] = mapped_column(Text, default="")
    position: Mapped[int] = mapped_column(default=1)
    #: Families see it and may ask; otherwise staff alone.
    open: Mapped[bool] = mapped_column(default=True)
    season: Mapped[Season] = mapped_column(enum_column(Season, "ck_activity_season"), default=Season.school)
    #: ISO numbers of the days of the week on which it opens: Monday is 1.
    weekdays: Mapped[list[int]] = mapped_column(JSON, default=lambda: [1, 2, 4, 5])
    #: First and last day, where it does not go on for ever.
    starts_on: Mapped[date | None] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
    #: Completed years on the day.
    min_age: Mapped[int | None]
    max_age: Mapped[int | None]
    #: Until when a family may book, and cancel: values of activities/deadlines.py.
    booking_rule: Mapped[dict[str, Any]] = mapped_column(JSON, default=lambda: {"mode": "none"})
    cancelling_rule: Mapped[dict[str, Any]] = mapped_column(JSON, default=lambda: {"mode": "none"})
    #: After the deadline a family may still ask, with a reason; a clerk looks at it.
    late_requests: Mapped[bool] = mapped_column(default=False)
    #: A full day has a waiting list, and a freed place is offered for so many hours.
    waiting_list: Mapped[bool] = mapped_column(default=True)
    offer_hours: Mapped[int] = mapped_column(default=24)

    units: Mapped[list["Unit"]] = relationship(back_populates="activity", order_by="Unit.position, Unit.id", passive_deletes=True)
    groups: Mapped[list["ActivityGroup"]] = relationship(
        back_populates="activity", order_by="ActivityGroup.position, ActivityGroup.id", passive_deletes=True
    )
    papers: Mapped[list["PaperType"]] = relationship("PaperType", secondary=activity_paper, order_by="PaperType.id")  # noqa: F821

    def __repr__(self):
        return self.name


class Unit(Model):
    """What one cell of the agenda books: the meal, the hour after school, the whole Wednesday."""

    __tablename__ = "activity_unit"
    __table_args__ = (
        Index("uq_activity_unit_name", "activity_id", "name", unique=True),
        CheckConstraint("meal_percent BETWEEN 0 AND 100", name="ck_activity_unit_meal_percent"),
        CheckConstraint("NOT by_time OR kind IN ('hour', 'half_hour', 'quarter_hour')", name="ck_activity_unit_by_time"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    activity_id: Mapped[int] = mapped_column(ForeignKey("activity.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(40))
    kind: Mapped[UnitKind] = mapped_column(enum_column(UnitKind, "ck_activity_unit_kind"))
    starts_at: Mapped[time | None] = mapped_column(Time)
    ends_at: Mapped[time | None] = mapped_column(Time)
    #: The kitchen counts it.
    with_meal: Mapped[bool] = mapped_column(default=False)
    #: Which part of the price is food, where one price covers care and a meal: a percentage. The tax certificate leaves it out.
    meal_percent: Mapped[int] = mapped_column(default=0)
    #: The price is for every hour, or half-hour, that has begun, of the time that the child was there; else for the whole.
    by_time: Mapped[bool] = mapped_column(default=False)
    position: Mapped[int] = mapped_column(default=1)
    activity: Mapped[Activity] = relationship(back_populates="units")

    @property
    def title(self):
        """The unit as a family reads it."""
        return title_of_unit(self.activity.name, self.name, alone=len(self.activity.units) == 1)

    def __repr__(self):
        return f"{self.activity} · {self.name}"


def title_of_unit(activity_name, name, *, alone):
    """A unit as a family reads it: the activity's name, and its own where there are several."""
    return activity_name if alone else f"{activity_name}, {name}"


class UnitConflict(Model):
    """Two units that one child cannot have on one day: the whole day and its morning."""

    __tablename__ = "unit_conflict"
    __table_args__ = (CheckConstraint("unit_id < other_id", name="ck_unit_conflict_order"),)
    unit_id: Mapped[int] = mapped_column(ForeignKey("activity_unit.id", ondelete="CASCADE"), primary_key=True)
    other_id: Mapped[int] = mapped_column(ForeignKey("activity_unit.id", ondelete="CASCADE"), primary_key=True)
    unit: Mapped[Unit] = relationship(Unit, foreign_keys=[unit_id])
    other: Mapped[Unit] = relationship(Unit, foreign_keys=[other_id])

    def __repr__(self):
        return f"{self.unit} / {self.other}"


class ActivityGroup(Model):
    """A part of an activity's children: by age, by school or by class. An empty criterion takes everybody."""

    __tablename__ = "activity_group"
    __table_args__ = (
        Index("uq_activity_group_name", "activity_id", "name", unique=True),
        CheckConstraint("max_age IS NULL OR min_age IS NULL OR max_age >= min_age", name="ck_activity_group_ages"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    activity_id: Mapped[int] = mapped_column(ForeignKey("activity.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(40))
    min_age: Mapped[int | None]
    max_age: Mapped[int | None]
    school_id: Mapped[int | None] = mapped_column(ForeignKey("school.id", ondelete="SET NULL"))
    school_class_id: Mapped[int | None] = mapped_column(ForeignKey("school_class.id", ondelete="SET NULL"))
    position: Mapped[int] = mapped_column(default=1)
    activity: Mapped[Activity] = relationship(back_populates="groups")
    school: Mapped[School | None] = relationship(School)
    school_class: Mapped[SchoolClass | None] = relationship(SchoolClass)
    places: Mapped[list["Places"]] = relationship(back_populates="group", passive_deletes=True)

    def __repr__(self):
        return f"{self.activity}, {self.name}"


class Places(Model):
    """How many children a group takes, on every day or on one: for a unit, or of all who are there at the same time. No row: no limit."""

    __tablename__ = "places"
    __table_args__ = (
        CheckConstraint("places >= 0", name="ck_places_count"),
        Index(
            "uq_places_every_day",
            "group_id",
            "unit_id",
            unique=True,
            sqlite_where=text("day IS NULL"),
            postgresql_where=text("day IS NULL"),
        ),
        Index(
            "uq_places_one_day",
            "group_id",
            "unit_id",
            "day",
            unique=True,
            sqlite_where=text("day IS NOT NULL"),
            postgresql_where=text("day IS NOT NULL"),
        ),
        Index(
            "uq_places_shared_every_day",
            "group_id",
            unique=True,
            sqlite_where=text("unit_id IS NULL AND day IS NULL"),
            postgresql_where=text("unit_id IS NULL AND day IS NULL"),
        ),
        Index(
            "uq_places_shared_one_day",
            "group_id",
            "day",
            unique=True,
            sqlite_where=text("unit_id IS NULL AND day IS NOT NULL"),
            postgresql_where=text("unit_id IS NULL AND day IS NOT NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("activity_group.id", ondelete="CASCADE"))
    #: Null: all units of the activity share them; those that exclude each other are there at the same time.
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("activity_unit.id", ondelete="CASCADE"), index=True)
    #: The one day that it is about; null: every day.
    day: Mapped[date | None] = mapped_column(Date)
    places: Mapped[int]
    group: Mapped[ActivityGroup] = relationship(back_populates="places")
    unit: Mapped[Unit | None] = relationship(Unit)

    def __repr__(self):
        return f"{self.group}, {self.unit or '*'}: {self.places}"

"""Who came, who left with whom, and what does the kitchen cook?"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.activities.models.activity import ActivityGroup, Unit
from app.children.models import Child, School
from app.core import clock
from app.core.db import Instant, enum_column
from app.core.encryption import Encrypted
from app.core.enums import Labelled
from app.core.i18n import _l
from app.extensions import Model


class Mark(Labelled):
    """What somebody on site noted of a child."""

    present = "present", _l("present")
    absent = "absent", _l("absent")
    left = "left", _l("gone home")
    #: The note was a mistake.
    cleared = "cleared", _l("nothing noted")


class AttendanceMark(Model):
    """One tap on a tablet, as the tablet noted it: append-only, so that two tablets offline lose nothing."""

    __tablename__ = "attendance_mark"
    __table_args__ = (Index("ix_attendance_mark_place", "day", "unit_id", "child_id"),)
    #: Made by the tablet: the same tap twice is one mark.
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    child_id: Mapped[int] = mapped_column(ForeignKey("child.id", ondelete="CASCADE"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("activity_unit.id"))
    day: Mapped[date] = mapped_column(Date)
    mark: Mapped[Mark] = mapped_column(enum_column(Mark, "ck_attendance_mark_mark"))
    #: When it was tapped, by the tablet's clock; never later than received.
    at: Mapped[datetime] = mapped_column(Instant)
    received_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    pickup_person_id: Mapped[int | None] = mapped_column(ForeignKey("pickup_person.id", ondelete="SET NULL"))
    #: Who fetched the child, as read at the door, and what was noted.
    left_with: Mapped[str | None] = mapped_column(Encrypted(str))
    note: Mapped[str | None] = mapped_column(Encrypted(str))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))
    by: Mapped[str] = mapped_column(String(120))

    def __repr__(self):
        return f"{self.mark.value} {self.child_id} {self.day.isoformat()}"


class Attendance(Model):
    """What the marks of a child, unit and day come to: the last one of each sort. Billing reads it."""

    __tablename__ = "attendance"
    __table_args__ = (
        UniqueConstraint("child_id", "unit_id", "day", name="uq_attendance_place"),
        Index("ix_attendance_day", "day", "unit_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    child_id: Mapped[int] = mapped_column(ForeignKey("child.id", ondelete="CASCADE"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("activity_unit.id"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("activity_group.id", ondelete="SET NULL"))
    day: Mapped[date] = mapped_column(Date)
    state: Mapped[Mark] = mapped_column(enum_column(Mark, "ck_attendance_state"))
    #: There was no booking: an arrival that nobody expected is normal.
    unexpected: Mapped[bool] = mapped_column(default=False)
    arrived_at: Mapped[datetime | None] = mapped_column(Instant)
    left_at: Mapped[datetime | None] = mapped_column(Instant)
    left_with: Mapped[str | None] = mapped_column(Encrypted(str))
    note: Mapped[str | None] = mapped_column(Encrypted(str))
    marked_at: Mapped[datetime] = mapped_column(Instant)
    marked_by: Mapped[str] = mapped_column(String(120))
    child: Mapped[Child] = relationship(Child)
    unit: Mapped[Unit] = relationship(Unit)
    group: Mapped[ActivityGroup | None] = relationship(ActivityGroup)

    def __repr__(self):
        return f"{self.child_id} {self.unit_id} {self.day.isoformat()}"


class KitchenSheet(Model):
    """The numbers that the kitchen was given for a day, frozen; a later version says what changed."""

    __tablename__ = "kitchen_sheet"
    __table_args__ = (UniqueConstraint("day", "version", name="uq_kitchen_sheet_version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date)
    version: Mapped[int]
    #: {school id as text: {"standard": n, "no_pork": n, …, "pai": n, "adults": n}}: counts alone, no names.
    counts: Mapped[dict[str, Any]] = mapped_column(JSON)
    frozen_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    frozen_by: Mapped[str] = mapped_column(String(120))

    def __repr__(self):
        return f"{self.day.isoformat()} v{self.version}"


class StaffMeals(Model):
    """How many adults eat in a school: on every day, or on one."""

    __tablename__ = "staff_meals"
    __table_args__ = (
        UniqueConstraint("school_id", "day", name="uq_staff_meals_day"),
        # A null is like no other, so that the constraint above would take a second number of every day.
        Index("uq_staff_meals_always", "school_id", unique=True, sqlite_where=text("day IS NULL"), postgresql_where=text("day IS NULL")),
        CheckConstraint("meals >= 0", name="ck_staff_meals_count"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    school_id: Mapped[int] = mapped_column(ForeignKey("school.id", ondelete="CASCADE"))
    #: Null: every day that has no number of its own.
    day: Mapped[date | None] = mapped_column(Date)
    meals: Mapped[int]
    school: Mapped[School] = relationship(School)

    def __repr__(self):
        return f"{self.school}: {self.meals}"

"""On which days is the town closed, or open although it should not be?"""

from datetime import date

from sqlalchemy import CheckConstraint, Date, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.activities.models.activity import Activity
from app.children.models import School
from app.core.db import enum_column
from app.core.enums import Labelled
from app.core.i18n import _l
from app.extensions import Model


class HolidaySource(Labelled):
    """Where the dates of a school holiday come from; the official file wins."""

    official = "official", _l("official calendar")
    rule = "rule", _l("worked out")
    town = "town", _l("entered by the town")


class SchoolHoliday(Model):
    """A school holiday of a zone: its first and last day without lessons."""

    __tablename__ = "school_holiday"
    __table_args__ = (
        UniqueConstraint("zone", "first_day", name="uq_school_holiday_zone"),
        CheckConstraint("last_day >= first_day", name="ck_school_holiday_dates"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    zone: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(60))
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date] = mapped_column(Date)
    source: Mapped[HolidaySource] = mapped_column(enum_column(HolidaySource, "ck_school_holiday_source"))

    def __repr__(self):
        return f"{self.name} ({self.zone})"


class CalendarException(Model):
    """Days on which the town closes, or opens although the calendar says no. The later one that is more precise wins."""

    __tablename__ = "calendar_exception"
    __table_args__ = (CheckConstraint("last_day >= first_day", name="ck_calendar_exception_dates"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    first_day: Mapped[date] = mapped_column(Date, index=True)
    last_day: Mapped[date] = mapped_column(Date)
    #: Open, or closed.
    open: Mapped[bool] = mapped_column(default=False)
    #: What families read.
    reason: Mapped[str] = mapped_column(String(80))
    #: The one activity, or school, that it is about; null: all of them.
    activity_id: Mapped[int | None] = mapped_column(ForeignKey("activity.id", ondelete="CASCADE"))
    school_id: Mapped[int | None] = mapped_column(ForeignKey("school.id", ondelete="CASCADE"))
    activity: Mapped[Activity | None] = relationship(Activity)
    school: Mapped[School | None] = relationship(School)

    def __repr__(self):
        return self.reason

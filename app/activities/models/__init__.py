"""What does the town keep of its activities? One module a noun; they are imported from here."""

from app.activities.models.activity import (
    MINUTES,
    Activity,
    ActivityGroup,
    ActivityKind,
    Places,
    Season,
    Unit,
    UnitConflict,
    UnitKind,
    title_of_unit,
)
from app.activities.models.attendance import Attendance, AttendanceMark, KitchenSheet, Mark, StaffMeals
from app.activities.models.booking import (
    Absence,
    AbsenceReason,
    Booking,
    BookingState,
    DayCancellation,
    Enrolment,
    PlaceAsked,
    Rank,
    Wish,
)
from app.activities.models.calendar import CalendarException, HolidaySource, SchoolHoliday
from app.activities.models.paper import Paper, PaperType, PaperValidity, Whose

__all__ = [
    "MINUTES",
    "Absence",
    "AbsenceReason",
    "Activity",
    "ActivityGroup",
    "ActivityKind",
    "Attendance",
    "AttendanceMark",
    "Booking",
    "BookingState",
    "CalendarException",
    "DayCancellation",
    "Enrolment",
    "HolidaySource",
    "KitchenSheet",
    "Mark",
    "Paper",
    "PaperType",
    "PaperValidity",
    "PlaceAsked",
    "Places",
    "Rank",
    "SchoolHoliday",
    "Season",
    "StaffMeals",
    "Unit",
    "UnitConflict",
    "UnitKind",
    "Whose",
    "Wish",
    "title_of_unit",
]

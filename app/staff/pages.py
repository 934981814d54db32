"""Which pages does the staff have beside the generated screens?"""

from app.staff.acting import ActingView
from app.staff.attendance import AttendanceView
from app.staff.bookings_cancel import CancelDayView
from app.staff.bookings_enter import EnterView
from app.staff.desk import DeskView
from app.staff.family_papers import FamilyPapersView
from app.staff.forecast import ForecastView
from app.staff.kitchen import KitchenView
from app.staff.letterhead import LetterheadView
from app.staff.outing import OutingView
from app.staff.period_papers import PapersOfPeriodView
from app.staff.queue import QueueView
from app.staff.queue_aside import LotView
from app.staff.queue_bulk import BulkView
from app.staff.queue_files import StaffFileView
from app.staff.queue_preregistration import QueuePreregistrationView
from app.staff.sheet import ChildSheetView
from app.staff.tasks import FamilyTaskView

VIEWS = (
    DeskView,
    QueueView,
    BulkView,
    LotView,
    QueuePreregistrationView,
    ActingView,
    StaffFileView,
    ChildSheetView,
    AttendanceView,
    OutingView,
    KitchenView,
    ForecastView,
    EnterView,
    CancelDayView,
    FamilyPapersView,
    FamilyTaskView,
    LetterheadView,
    PapersOfPeriodView,
)

"""Which generated screens does the staff have?"""

from flask import redirect, request, url_for
from flask_login import current_user

from app.core.i18n import _
from app.core.web import show_error
from app.security.scope import staff_role
from app.staff import nav, sentences
from app.staff.accounts import AccountsView
from app.staff.activities import ActivityView, UnitView
from app.staff.activities_calendar import CalendarImportView, ExceptionView, MonthView, SchoolHolidayView
from app.staff.activities_lists import AbsenceReasonView, PaperTypeView
from app.staff.activities_places import GroupView, PlacesView
from app.staff.adjustments import AdjustmentView
from app.staff.all_requests import AllRequestsView
from app.staff.billing import BillingView
from app.staff.bills import BillView
from app.staff.bookings import AbsencesView, BookingsView, CancellationsView
from app.staff.broadcasts import BroadcastView
from app.staff.child_records import AuthorisationView, ComplementaryView, HealthReadView, HealthRecordView, PickUpView
from app.staff.children import ChildView, HouseholdView
from app.staff.choices import ChoiceView
from app.staff.enrolments import ActivityEnrolmentView, PaperView
from app.staff.exemptions import ExemptionView
from app.staff.families import AdultView, FamilyView
from app.staff.family_account import FamilyAccountView
from app.staff.grants import GrantView, ShareView
from app.staff.income import BankView, CafView, MandateView, QuotientView, TaxView
from app.staff.invoices import InvoiceView
from app.staff.letters import LettersView
from app.staff.log import LogView
from app.staff.mail_texts import MailTextView
from app.staff.mails import MailView
from app.staff.message_lists import CannedView, NewsView, TopicView
from app.staff.payments import PaymentView
from app.staff.quotients import ProofView
from app.staff.reminders import ReminderStepView, ReminderView
from app.staff.school_places import EnrolmentView
from app.staff.schools import ClassView, RefusalReasonView, SchoolView, YearView
from app.staff.sections import SectionView
from app.staff.separation import SeparationView
from app.staff.settings import SettingsView
from app.staff.simulator import SimulatorView
from app.staff.suspense import AttemptView, SuspenseView
from app.staff.tariffs import TariffView
from app.staff.threads import ThreadsView
from app.staff.waiting_lists import WaitingView

VIEWS = (
    AllRequestsView,
    FamilyView,
    AdultView,
    ChildView,
    HouseholdView,
    SectionView,
    ChoiceView,
    EnrolmentView,
    ActivityEnrolmentView,
    PaperView,
    AuthorisationView,
    PickUpView,
    ComplementaryView,
    HealthRecordView,
    HealthReadView,
    TaxView,
    CafView,
    QuotientView,
    ProofView,
    BankView,
    MandateView,
    SchoolView,
    YearView,
    ClassView,
    RefusalReasonView,
    ActivityView,
    UnitView,
    GroupView,
    PlacesView,
    SchoolHolidayView,
    CalendarImportView,
    ExceptionView,
    MonthView,
    AbsenceReasonView,
    PaperTypeView,
    MailView,
    MailTextView,
    PaymentView,
    AttemptView,
    SuspenseView,
    ThreadsView,
    BroadcastView,
    NewsView,
    TopicView,
    CannedView,
    AccountsView,
    LettersView,
    SeparationView,
    LogView,
    SettingsView,
    BookingsView,
    AbsencesView,
    CancellationsView,
    WaitingView,
    GrantView,
    ShareView,
    BillingView,
    BillView,
    AdjustmentView,
    ExemptionView,
    InvoiceView,
    FamilyAccountView,
    ReminderView,
    ReminderStepView,
    SimulatorView,
    TariffView,
)

__all__ = ["VIEWS", "init_app", "sentences"]


def init_app(app):
    """The staff's menu, and the door before every address of the staff."""
    nav.init_app(app)
    app.before_request(_door)


def _door():
    """Under /mairie/: anonymous people sign in, families are refused, whatever the view behind it checks."""
    if not request.path.startswith("/mairie/"):
        return None
    if not current_user.is_authenticated:
        return redirect(url_for("LoginView.login", next=request.full_path.rstrip("?")))
    if staff_role() is None:
        return show_error(403, _("You may not open this page with this account."))
    return None

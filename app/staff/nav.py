"""What stands in the staff's menu? The screens that the person may open, and how many requests wait."""

from functools import lru_cache

from flask import current_app, g, request, url_for
from flask_babel import get_locale
from flask_login import current_user
from markupsafe import Markup
from sqlalchemy import bindparam, func, select

from app.changes.kinds import KINDS
from app.changes.models import ChangeLot, ChangeRequest, Lane, RequestState
from app.core import clock
from app.core.i18n import _l
from app.extensions import db
from app.mail.models import MailState, OutgoingMail
from app.messages.queries import count_waiting
from app.payments.queries import count_suspended
from app.security.scope import may, staff_role
from app.security.who_sees_what import Noun
from app.staff.accounts import role_label

ON_SITE = _l("On site")
BILLING = _l("Billing")
#: [(group, [(title, endpoint, icon, noun)])]
MENU = (
    (
        _l("Every day"),
        (
            (_l("Desk"), "DeskView.desk", "home", None),
            (_l("Requests"), "QueueView.queue", "inbox", Noun.request),
            (_l("All requests"), "AllRequestsView.list", "search", Noun.request),
            (_l("Messages"), "ThreadsView.list", "mail", Noun.message),
            (_l("Families"), "FamilyView.list", "users", Noun.family),
            (_l("Children"), "ChildView.list", "user", Noun.child),
            (_l("Adults"), "AdultView.list", "user", Noun.guardian),
        ),
    ),
    (
        ON_SITE,
        (
            (_l("Attendance"), "AttendanceView.choose", "check", Noun.attendance),
            (_l("Lists for an outing"), "OutingView.list", "list", Noun.attendance),
            (_l("Kitchen"), "KitchenView.sheet", "utensils", Noun.kitchen),
            (_l("Forecast"), "ForecastView.forecast", "calendar", Noun.attendance),
        ),
    ),
    (
        _l("Bookings"),
        (
            (_l("Bookings"), "BookingsView.list", "calendar", Noun.booking),
            (_l("Absences"), "AbsencesView.list", "x", Noun.booking),
            (_l("Waiting lists"), "WaitingView.list", "hourglass", Noun.booking),
            (_l("Days taken away"), "CancellationsView.list", "alert", Noun.booking),
        ),
    ),
    (
        BILLING,
        (
            (_l("Bills by month"), "BillingView.periods", "receipt", Noun.bill),
            (_l("Invoices"), "InvoiceView.list", "file", Noun.bill),
            (_l("Receipts journal"), "PaymentView.list", "receipt", Noun.payment),
            (_l("Payments online"), "AttemptView.list", "bank", Noun.payment),
            (_l("Payments to look at"), "SuspenseView.list", "alert", Noun.payment),
            (_l("Reminders"), "ReminderView.list", "send", Noun.bill),
            (_l("Texts and logo"), "LetterheadView.edit", "pencil", Noun.bill),
            (_l("Days nobody pays"), "ExemptionView.list", "x", Noun.bill),
            (_l("Adjustments"), "AdjustmentView.list", "pencil", Noun.bill),
            (_l("Tariffs"), "TariffView.list", "list", Noun.tariff),
            (_l("Simulate a tariff"), "SimulatorView.household", "search", Noun.bill),
            (_l("Granted rates"), "GrantView.list", "check", Noun.grant),
            (_l("Paid by others"), "ShareView.list", "users", Noun.grant),
        ),
    ),
    (
        _l("Children's files"),
        (
            (_l("School enrolments"), "EnrolmentView.list", "school", Noun.school),
            (_l("Enrolments in activities"), "ActivityEnrolmentView.list", "calendar", Noun.enrolment),
            (_l("Papers"), "PaperView.list", "file", Noun.paper),
            (_l("Authorisations"), "AuthorisationView.list", "check", Noun.authorisations),
            (_l("Persons who may pick up"), "PickUpView.list", "shield", Noun.pickup),
            (_l("Complementary data"), "ComplementaryView.list", "list", Noun.complementary),
            (_l("Health data"), "HealthRecordView.list", "heart-pulse", Noun.health),
            (_l("Households"), "HouseholdView.list", "users", Noun.household),
        ),
    ),
    (
        _l("Income and bank"),
        (
            (_l("Tax"), "TaxView.list", "receipt", Noun.tax),
            (_l("CAF"), "CafView.list", "receipt", Noun.caf),
            (_l("Quotients"), "QuotientView.list", "list", Noun.caf),
            (_l("Quotients missing or old"), "ProofView.list", "alert", Noun.caf),
            (_l("Bank"), "BankView.list", "bank", Noun.bank),
            (_l("Mandates"), "MandateView.list", "file", Noun.bank),
        ),
    ),
    (
        _l("Activities"),
        (
            (_l("Activities"), "ActivityView.list", "calendar", Noun.reference),
            (_l("What can be booked"), "UnitView.list", "list", Noun.reference),
            (_l("Groups"), "GroupView.list", "users", Noun.reference),
            (_l("Places"), "PlacesView.list", "hourglass", Noun.reference),
            (_l("Calendar of the activities"), "MonthView.month", "calendar", Noun.reference),
            (_l("Closed and open days"), "ExceptionView.list", "x", Noun.reference),
            (_l("School holidays"), "SchoolHolidayView.list", "school", Noun.reference),
            (_l("Reasons for an absence"), "AbsenceReasonView.list", "pencil", Noun.reference),
            (_l("Types of paper"), "PaperTypeView.list", "file", Noun.reference),
        ),
    ),
    (
        _l("Lists of the town"),
        (
            (_l("Schools"), "SchoolView.list", "school", Noun.reference),
            (_l("School years"), "YearView.list", "calendar", Noun.reference),
            (_l("Classes"), "ClassView.list", "list", Noun.reference),
            (_l("Reasons for a refusal"), "RefusalReasonView.list", "pencil", Noun.reference),
        ),
    ),
    (
        _l("To many families"),
        (
            (_l("Messages to many families"), "BroadcastView.list", "mail", Noun.broadcast),
            (_l("News of the town"), "NewsView.list", "info", Noun.broadcast),
            (_l("Topics of messages"), "TopicView.list", "list", Noun.reference),
            (_l("Sentences for answers"), "CannedView.list", "pencil", Noun.reference),
        ),
    ),
    (
        _l("The portal"),
        (
            (_l("Mails"), "MailView.list", "mail", Noun.mail),
            (_l("Accounts"), "AccountsView.list", "lock", Noun.account),
            (_l("Invite families"), "LettersView.choose", "send", Noun.account),
            (_l("Log"), "LogView.list", "history", Noun.log),
            (_l("Who read health data"), "HealthReadView.list", "eye", Noun.health_reads),
            (_l("Settings"), "SettingsView.edit", "settings", Noun.setting),
        ),
    ),
)

#: Views whose pages lie below those of another in the menu.
BELOW = {"BillView": "BillingView", "MailTextView": "MailView", "ReminderStepView": "ReminderView"}

#: Menus that are kept rendered: five roles, two languages, some sixty places, and the numbers of the day.
MENUS_KEPT = 1000


def init_app(app):
    """Give the staff's pages their menu."""
    app.context_processor(menu_of_request)


def menu_of_request():
    """What staff/base.html shows of the person and the menu; nothing on other pages."""
    if not request or not request.path.startswith("/mairie/") or staff_role() is None:
        return {}
    if "staff_menu" not in g:
        g.staff_menu = {
            "staff_menu": _menu,
            "staff_groups": _groups,
            "person": {"name": str(current_user), "role": role_label(current_user)},
            "logout_url": url_for("LoginView.logout"),
            "home_url": url_for("IndexView.index"),
        }
    return g.staff_menu


def _menu():
    """The menu as HTML. Sixty links in ten groups take longer than most pages below them, and few menus differ."""
    kept = current_app.extensions.setdefault("preau.menus", {})
    # All that staff/menu.html shows depends on these alone.
    key = staff_role(), get_locale(), request.script_root, _here(), tuple(sorted(_counts().items()))
    if key not in kept:
        if len(kept) >= MENUS_KEPT:
            kept.clear()
        kept[key] = Markup(current_app.jinja_env.get_template("staff/menu.html").render(groups=_groups()))
    return kept[key]


def _groups():
    return [group for title, entries in MENU if (group := _group(title, entries))["links"]]


def _here():
    """The view of the request, or the one of the menu that it lies below."""
    name = (request.endpoint or "").split(".")[0]
    return BELOW.get(name, name)


def _group(title, entries):
    return {
        "title": title,
        "folded": title not in (MENU[0][0], ON_SITE),
        "links": [_link(*entry) for entry in entries if _open(entry[1], entry[3])],
    }


def _open(endpoint, noun):
    return endpoint in current_app.view_functions and (noun is None or may(noun, "read"))


def _link(title, endpoint, icon, _noun):
    current = _here() == endpoint.split(".")[0]
    return {"title": title, "url": url_for(endpoint), "icon": icon, "current": current, "count": _counts().get(endpoint, 0)}


def _counts():
    """How many lots can be decided by this person, how many mails were given up, how many messages wait: one query."""
    if "staff_counts" not in g:
        if _kinds() or may(Noun.mail, "read") or may(Noun.message, "read"):
            counted()
        else:
            g.staff_counts = {}
    return g.staff_counts


def counted(*columns):
    """The values of further columns, scalar sub-queries, asked in one query with what the menu counts.

    They may have the parameters "kinds" (those that the person decides), "now" and "today". Who gives the same ones each time has the
    query built once: SQLAlchemy takes longer to build it than to run it.
    """
    values = {"kinds": _kinds(), "now": clock.now(), "today": clock.today()}
    requests, mails, threads, odd, *more = db.session.execute(_counting(*columns), values).one()
    g.staff_counts = {"QueueView.queue": requests, "MailView.list": mails, "ThreadsView.list": threads, "SuspenseView.list": odd}
    return more


@lru_cache(maxsize=32)
def _counting(*columns):
    waiting = (
        select(func.count(ChangeLot.id.distinct()))
        .select_from(ChangeRequest)
        .join(ChangeLot, ChangeLot.id == ChangeRequest.lot_id)
        .where(ChangeRequest.state == RequestState.pending, ChangeRequest.kind.in_(bindparam("kinds", expanding=True)))
        .where(ChangeRequest.lane != Lane.queued, ChangeLot.seals_at <= bindparam("now"))
        .scalar_subquery()
    )
    failed = select(func.count()).select_from(OutgoingMail).where(OutgoingMail.state == MailState.failed).scalar_subquery()
    return select(waiting, failed, count_waiting(), count_suspended(), *columns)


def _kinds():
    return [kind.name for kind in KINDS.values() if may(kind.noun, "decide")]

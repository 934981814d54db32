"""What stands around every page of a family: the guide's bar, the other families of the account, for whom a clerk acts?"""

from dataclasses import dataclass
from functools import lru_cache

from babel.dates import format_date as short_date
from flask import g, has_request_context, request, session, url_for
from flask_babel import get_locale

from app.changes.kinds import KINDS
from app.changes.models import Channel
from app.core import clock
from app.core.i18n import _, _lp, date_text
from app.messages.queries import news, unpack_news
from app.portal.pay import may_pay, pays_apart
from app.portal.queries import count_sent_back, family_name
from app.portal.sections import has_screen
from app.security.scope import in_portal, is_family, may, standing
from app.security.who_sees_what import Noun

#: The guide's seven names in its order, the agenda and the list of enrolments.
#: Endpoint, name, short name on a phone, icon, on the phone's bottom bar.
ENTRIES = (
    ("HomeView.home", _lp("bar", "Home"), _lp("bar", "Home"), "home", True),
    ("AccountView.account", _lp("bar", "My account"), _lp("bar, short", "Account"), "user", False),
    ("ChildrenView.children", _lp("bar", "My children"), _lp("bar, short", "Children"), "users", True),
    ("AgendaView.agenda", _lp("bar", "Agenda"), "", "calendar", True),
    ("EnrolmentsView.enrolments", _lp("bar", "Enrolments"), "", "pencil", False),
    ("StatementView.statement", _lp("bar", "Account statement"), "", "receipt", False),
    ("InboxView.inbox", _lp("bar", "Inbox"), "", "inbox", False),
    ("RequestsView.requests", _lp("bar", "List of requests"), _lp("bar, short", "Requests"), "list", True),
)
#: What is asked from the list of enrolments.
OF_ENROLMENTS = (Noun.enrolment, Noun.paper)
#: Pages that belong to an entry of the bar without being its own.
OTHER_PAGES = {"PapersView": "EnrolmentsView", "BillPapersView": "StatementView", "EstimateView": "StatementView"}
FOOTER = (
    ("AccessibilityView.statement", _lp("footer", "Accessibility")),
    ("PrivacyView.privacy", _lp("footer", "Personal data")),
    # The guide has its sheet among the documents.
    ("PreregistrationView.start", _lp("footer", "Pre-registration of a family")),
)


@dataclass(frozen=True)
class Entry:
    """One entry of the bar."""

    title: str
    endpoint_url: str
    icon: str
    short_title: str = ""
    primary: bool = False
    current: bool = False
    count: int = 0
    count_label: str = ""


def around():
    """The context of the pages of a family; nothing elsewhere."""
    if not has_request_context() or not (in_portal() or (request.path.startswith("/compte/") and is_family())) or standing() is None:
        return {}
    if "portal_around" not in g:
        g.portal_around = {
            "bar": _bar(),
            "acting": _acting(),
            "families": _families(),
            "home_url": url_for("HomeView.home"),
            "logout_url": url_for("LoginView.logout"),
            "footer_links": _footer(),
            "news": unpack_news(standing().counts.get("news")),
            "new_messages": standing().counts.get("new_messages", 0),
            "may_pay": may_pay(),
            "may_write": may(Noun.message, "ask"),
            # Called where it matters: it reads the settings.
            "pays_apart": pays_apart,
        }
    return g.portal_around


def _bar():
    counts = {
        "RequestsView.requests": (count_sent_back(), _("to be corrected")),
        "InboxView.inbox": (standing().counts.get("new_messages", 0), _("new")),
    }
    return [
        Entry(str(title), url_for(endpoint), icon, str(short), primary, _is_current(endpoint), *counts.get(endpoint, ()))
        for endpoint, title, short, icon, primary in ENTRIES
        if has_screen(endpoint)
    ]


def _is_current(endpoint):
    view, _dot, _name = (request.endpoint or "").partition(".")
    if view.startswith("Ask_"):
        kind = KINDS.get(view.removeprefix("Ask_"))
        if kind is not None and kind.noun in OF_ENROLMENTS:
            return endpoint == "EnrolmentsView.enrolments"
        return endpoint == ("AccountView.account" if kind is not None and kind.tab.group == "account" else "ChildrenView.children")
    return endpoint.partition(".")[0] == OTHER_PAGES.get(view, view)


def _acting():
    if not standing().by_clerk:
        return None
    family = family_name(standing().family_id)
    stop = url_for("ActingView.stop") if has_screen("ActingView.stop") else ""
    return {"family_name": family, "channel_label": Channel(session["acting"]["channel"]).label, "stop_url": stop}


def _families():
    names, current = standing().families, standing().family_id
    return [{"id": number, "name": name, "current": number == current} for number, name in names.items()] if len(names) > 1 else []


def _footer():
    return [{"title": title, "url": url_for(endpoint)} for endpoint, title in FOOTER if has_screen(endpoint)]


def day(instant):
    """An instant's local day, or a date, as people write it: 23/11/2026."""
    return _short(clock.local(instant).date() if hasattr(instant, "hour") else instant, get_locale()) if instant else ""


@lru_cache(maxsize=2048)
def _short(found, locale):
    return short_date(found, "short", locale=locale)


def long_day(found):
    """A date in full: Thursday, 26 November 2026."""
    return date_text(found, "full")


def moment(instant):
    """An instant's local day and hour: "on 23/11/2026 at 08:41"."""
    return _("%(day)s at %(hour)s", day=day(instant), hour=hour(instant))


def hour(instant):
    """An instant's local hour: 10:42."""
    return clock.local(instant).strftime("%H:%M")


def init_app(app):
    """Give templates the bar and the words for time."""
    app.context_processor(around)
    app.jinja_env.globals["town_news"] = news
    app.jinja_env.filters.update(day=day, long_day=long_day, moment=moment, hour=hour, age=lambda born: clock.age(born, clock.today()))

"""What does a family see first? Who it is, at most three things to do, what was decided, its children."""

from itertools import chain, islice

from flask import abort, redirect, request, session, url_for
from flask_appbuilder import expose
from flask_login import current_user

from app.activities.changes.words import child_name
from app.changes.kinds import KINDS
from app.changes.models import DECIDED, Act, RequestState
from app.children.vaccines import missing_vaccines
from app.core.i18n import _
from app.families.models import AdultRole
from app.portal.kinds import ask_url
from app.portal.papers import paper_tasks
from app.portal.queries import family_account_and_waiting, own_children_and_vaccines, recent_requests
from app.portal.sections import Task, Told, additions, has_screen
from app.portal.statement import bill_tasks
from app.portal.today import Days
from app.portal.views import PortalView
from app.security.guard import writes
from app.security.scope import may, standing
from app.security.who_sees_what import Noun, Viewer

#: More things to do than this are not read.
MOST = 3


class HomeView(PortalView):
    """The home page, and the switch for an account with several families."""

    class_permission_name = Noun.family.value
    method_permission_name = {"home": "read", "switch": "read"}

    @expose("/")
    def home(self):
        self.enter(Noun.family)
        decided = [row for row in recent_requests() if row.state in DECIDED][:MOST]
        (family, account, waiting), children = family_account_and_waiting(), own_children_and_vaccines()
        days = Days(children)
        return self.render_template(
            "portal/home.html",
            title=_("Home"),
            family=family,
            children=children,
            account=account if may(Noun.bill, "read") else None,
            tasks=list(islice(tasks(family, children, days, account), MOST)),
            days=days.now(),
            offers=days.offers(),
            may_book=may(Noun.booking, "ask"),
            told=[_told(row) for row in decided],
            name=display_name(),
            waiting=waiting,
            added=additions("new_child"),
            password_url=password_url(),
        )

    @expose("/famille/", methods=["POST"])
    @writes(frozenset())
    def switch(self):
        self.enter(Noun.family)
        wanted = request.form.get("family", type=int)
        if wanted not in standing().families:
            abort(404)
        session["family"] = wanted
        return redirect(url_for("HomeView.home"), code=303)


def _told(row):
    """A request with whom it is about, which this page knows without asking for the record itself."""
    return Told(row, KINDS[row.kind].about(row, None) or child_name(row.child_id))


def display_name():
    """The guide's way: Christelle GALBERT."""
    return f"{current_user.first_name} {current_user.last_name.upper()}".strip()


def password_url():
    """Where the password is changed, once there is such a screen."""
    return url_for("PasswordView.change") if has_screen("PasswordView.change") and not standing().by_clerk else None


def tasks(family, children, days, account):
    """What the family should do, the most pressing first; what comes after the last one that is shown is never looked for."""
    bills = list(bill_tasks(account))
    late, soon = (bills, ()) if account.overdue else ((), bills)
    return chain(_corrections(), late, days.tasks(), soon, _health(children), paper_tasks(children), _contact(family))


def _corrections():
    for told in (_told(row) for row in recent_requests() if row.state is RequestState.sent_back):
        if told.change_url:
            yield Task(_("To be corrected: %(section)s", section=told.heading), told.request.reason, told.change_url, _("Correct"))


def _health(children):
    kind = KINDS["health"]
    if not may(Noun.health, "ask"):
        return
    asked = {row.target_id for row in recent_requests() if row.kind == kind.name and row.open}
    for child in children:
        if child.id in asked or (child.health is not None and not missing_vaccines(child.birth_date, child.health.vaccines)):
            continue
        sentence = (
            _("The town needs the health record before the first day.")
            if child.health is None
            else _("Dates of required vaccines are missing.")
        )
        yield Task(_("Health data of %(child)s", child=child.first_name), sentence, ask_url(kind, Act.edit, child.id), _("Fill in"))


def _contact(family):
    role = AdultRole.spouse if standing().viewer is Viewer.spouse else AdultRole.guardian
    kind, adult = KINDS[role.value], family.adult(role)
    waits = any(row.kind == kind.name and row.open for row in recent_requests())
    if adult is not None and not (adult.mobile and adult.email) and may(kind.noun, "ask") and not waits:
        missing = _("The town has no mobile number of yours.") if not adult.mobile else _("The town has no e-mail address of yours.")
        yield Task(_("How can we reach you?"), missing, ask_url(kind, Act.edit, family.id), _("Fill in"))

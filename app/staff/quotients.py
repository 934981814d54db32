"""Whose proof of income is missing or old? The funds are asked, one household or all; the others are reminded."""

from flask import abort, flash, redirect, url_for
from flask_appbuilder import expose
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.billing import proofs
from app.billing.models import TaskKind
from app.billing.tasks import ask_task, last_task
from app.core import clock
from app.core.errors import DomainError
from app.core.i18n import _, _l, number
from app.families import asking
from app.families.models import AskingState, CafData, Family
from app.families.particulier import NoAnswer, configured
from app.families.quotients import quotient_ends, quotient_months
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.choices import family_matches
from app.staff.interface import actor, saving
from app.staff.parts import Facet
from app.staff.tasks import shown
from app.staff.views import StaffView, screen


def _agrees(value):
    agreeing = Family.caf.has(CafData.consent)
    return {"yes": agreeing, "no": ~agreeing}.get(value)


def _kinds_of_proof():
    if quotient_months():
        return [("missing", _("missing")), ("old", _("counts no more")), ("ending", _("ends within two months"))]
    return [("missing", _("missing")), ("old", _("older than a year"))]


def said(row):
    """How far the asking of all is, in words."""
    return _("%(done)s of %(total)s households", done=number(row.done), total=number(row.total))


class ProofView(StaffView):
    """Households that take part and have no quotient of the last year; values stand on the families' pages alone."""

    noun, model, route_base = Noun.caf, Family, "/mairie/quotients/sans-preuve"
    route_methods = ("list", "export")
    method_permission_name = {
        **StaffView.method_permission_name,
        "ask": "edit",
        "ask_all": "edit",
        "progress": "read",
        "stop": "edit",
        "remind": "edit",
    }
    list_template = "staff/proofs.html"
    list_title = _l("Quotients missing or old")
    labels = {
        "name": _l("Family"),
        "code": _l("Code"),
        "last": _l("Last quotient from"),
        "until": _l("Counts until"),
        "consent": _l("Lets the town ask"),
        "answer": _l("Answer of the fund"),
        "reminded": _l("Reminded"),
    }
    list_columns = ["name", "code", "last", "until", "consent", "answer", "reminded"]
    search_hint = _l("Name of an adult or a child, or code")
    matches = staticmethod(family_matches)
    facets = (
        Facet(
            "proof",
            _l("Proof"),
            _kinds_of_proof,
            lambda value: {"missing": proofs.missing(), "old": proofs.old(), "ending": proofs.ending()}.get(value),
        ),
        Facet("agrees", _l("Lets the town ask"), lambda: [("yes", _("yes")), ("no", _("no"))], _agrees),
    )
    loads = (joinedload(Family.caf),)
    first_sort = (Family.name, Family.code)

    @classmethod
    def more_routes(cls):
        return ("ask", "ask_all", "progress", "stop", "remind")

    def query(self):
        return super().query().filter(proofs.without_proof())

    def decorate(self, rows):
        query = select(Family.id, proofs.last_month(), proofs.last_reminder()).where(Family.id.in_([row.id for row in rows]))
        known = {family_id: more for family_id, *more in self.datamodel.session.execute(query)}
        for row in rows:
            row.last_quotient, row.last_reminder = known[row.id]

    def cell_last(self, row):
        return row.last_quotient

    def cell_until(self, row):
        return quotient_ends(row.last_quotient) if row.last_quotient else None

    def shown_columns(self):
        return [name for name in self.list_columns if name != "until" or quotient_months()]

    def cell_reminded(self, row):
        return clock.local(row.last_reminder).date() if row.last_reminder else None

    def cell_consent(self, row):
        return row.caf is not None and row.caf.consent

    def cell_answer(self, row):
        return row.caf.answer if row.caf is not None else None

    def row_url(self, row):
        return url_for("FamilyView.family", family_id=row.id)

    def render_template(self, template, **context):
        if template == self.list_template:
            agreeing, to_remind, last = proofs.at_a_glance()
            context |= {
                "asking": last,
                "said": said(last) if last is not None else "",
                "running": AskingState.running,
                "agreeing": agreeing,
                "configured": configured(),
                "shown": shown(last_task(TaskKind.proofs)),
                "to_remind": to_remind,
                "may_edit": may(Noun.caf, "edit"),
            }
        return super().render_template(template, **context)

    @expose("/<int(max=2147483647):family_id>/demander", methods=["POST"])
    @screen
    def ask(self, family_id):
        self.row(family_id)
        answer = asking.answer_for(family_id)
        with saving():
            new = asking.note_answer(family_id, answer, by=actor())
        if isinstance(answer, NoAnswer):
            flash(str(answer), "warning")
        else:
            flash(_("The fund's quotient was entered.") if new else _("The fund says the same quotient as the file."), "success")
        return redirect(url_for("FamilyView.family", family_id=family_id))

    @expose("/demander", methods=["POST"])
    @screen
    def ask_all(self):
        try:
            with saving():
                asking.ask_all(by=actor())
        except DomainError as problem:
            flash(str(problem), "warning")
        return redirect(url_for("ProofView.list"))

    @expose("/progression")
    @screen
    def progress(self):
        last = asking.last_asking() or abort(404)
        return {"running": last.state is AskingState.running, "done": last.done, "total": last.total, "said": said(last)}

    @expose("/arreter", methods=["POST"])
    @screen
    def stop(self):
        with saving():
            asking.stop_asking(by=actor())
        return redirect(url_for("ProofView.list"))

    @expose("/relancer", methods=["POST"])
    @screen
    def remind(self):
        try:
            with saving():
                ask_task(TaskKind.proofs, proofs.to_remind(), by=actor())
        except DomainError as refusal:
            flash(str(refusal), "warning")
        return redirect(url_for("ProofView.list"), 303)

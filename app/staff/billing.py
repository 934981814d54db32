"""What is billed and what is not? The months at a glance; opening one, computing it, issuing it, stopping."""

from flask import abort, flash, jsonify, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from wtforms import DateField

from app.billing import operations, settings
from app.billing.models import BillingPeriod, BillingRun, RunKind
from app.billing.overview import RUNNING, months, next_period, overview
from app.core import clock
from app.core.errors import DomainError
from app.core.forms import Required, Text
from app.core.heartbeat import is_silent
from app.core.i18n import _, _l
from app.extensions import db
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.activities import NotBefore
from app.staff.forms import StaffForm
from app.staff.interface import actor, saving
from app.staff.invoices import ReasonForm
from app.staff.views import screen

READ, EDIT = ("periods", "progress"), ("prepare", "open", "compute", "issue", "correct", "stop")


def period_url(period_id):
    """The page of a period."""
    return url_for("BillView.period", period_id=period_id)


class PeriodForm(StaffForm):
    """Days that are billed together."""

    title = Text(_l("Name"), longest=60, required=True, description=_l("Families read it on their invoices."))
    first_day = DateField(_l("First day"), [Required()])
    last_day = DateField(_l("Last day"), [Required(), NotBefore("first_day", _l("The last day does not lie before the first."))])
    due_on = DateField(
        _l("To be paid until"), [Required(), NotBefore("last_day", _l("The day to pay does not lie before the last day that is billed."))]
    )


class BillingView(BaseView):
    """Periods, and what the worker is asked to do with them."""

    noun = Noun.bill
    route_base = "/mairie/facturation"
    default_view = "periods"
    class_permission_name = noun.value
    method_permission_name = {**dict.fromkeys(READ, "read"), **dict.fromkeys(EDIT, "edit")}

    @expose("/")
    @screen
    def periods(self):
        found, ahead = months(), next_period()
        return self.render_template(
            "staff/billing/months.html",
            title=_("Bills by month"),
            months=found,
            ahead=ahead,
            todo=next((month for month in reversed(found) if month.run or month.waiting or not month.counts), None),
            may_edit=may(Noun.bill, "edit"),
        )

    @expose("/preparer", methods=["POST"])
    @screen
    def prepare(self):
        """Open the next period and compute it, in one click."""
        with saving():
            ahead = next_period()
            period = operations.open_period(ahead.first_day, ahead.last_day, title=ahead.title, due_on=ahead.due_on, by=actor())
            operations.ask_run(period, RunKind.dry, by=actor())
            period_id = period.id
        return redirect(period_url(period_id), 303)

    @expose("/ouvrir", methods=["GET", "POST"])
    @screen
    def open(self):
        ahead = next_period()
        begin = {"title": ahead.title, "first_day": ahead.first_day, "last_day": ahead.last_day, "due_on": ahead.due_on}
        form = PeriodForm(key="period", data=begin)
        if form.validate_on_submit() and (period_id := self._opened(form)):
            return redirect(period_url(period_id), 303)
        return self.render_template(
            "staff/form.html",
            title=_("Bill other days"),
            form=form,
            back_url=url_for("BillingView.periods"),
            button=_("Compute the bills"),
            intro=_("Mostly a month; also a holiday, or two months together. No day is billed twice. Nothing leaves yet."),
        ), 422 if request.method == "POST" else 200

    @staticmethod
    def _opened(form):
        try:
            with saving():
                period = operations.open_period(
                    form.first_day.data, form.last_day.data, title=form.title.data, due_on=form.due_on.data, by=actor()
                )
                operations.ask_run(period, RunKind.dry, by=actor())
                return period.id
        except DomainError as refusal:
            form.refuse(refusal)
        return None

    # -- runs -------------------------------------------------------------------------------------------------------------------------

    @expose("/<int(max=2147483647):period_id>/calculer", methods=["POST"])
    @screen
    def compute(self, period_id):
        """All bills, or the one of a household that was looked at."""
        family_id = request.form.get("family", type=int)
        if family_id is None:
            return self._ask(period_id, RunKind.dry)
        self._ask(period_id, RunKind.dry, families=[family_id])
        flash(_("This bill is computed again within seconds."), "success")
        return redirect(url_for("BillView.bill", period_id=period_id, family_id=family_id), 303)

    @expose("/<int(max=2147483647):period_id>/emettre", methods=["GET", "POST"])
    @screen
    def issue(self, period_id):
        page = overview(period_id) or abort(404)
        if page.running or not (page.ready or page.small):
            flash(_("There is nothing to issue now."), "info")
            return redirect(period_url(period_id))
        if request.method == "POST":
            return self._ask(period_id, RunKind.issue)
        return self.render_template(
            "staff/billing/issue.html",
            title=_("Issue: %(period)s", period=page.period.title),
            page=page,
            due_on=page.period.due_on if page.period.due_on > clock.today() else clock.today() + settings.time_to_pay(),
            minimum=settings.minimum(),
            back_url=period_url(period_id),
        )

    @expose("/<int(max=2147483647):period_id>/corriger", methods=["GET", "POST"])
    @screen
    def correct(self, period_id):
        page, form = overview(period_id) or abort(404), ReasonForm(key=f"correct:{period_id}")
        if form.validate_on_submit():
            try:
                return self._ask(period_id, RunKind.correct, reason=form.reason.data)
            except DomainError as refusal:
                form.refuse(refusal)
        return self.render_template(
            "staff/form.html",
            title=_("Correct what has changed: %(period)s", period=page.period.title),
            form=form,
            back_url=period_url(period_id),
            button=_("Correct"),
            intro=_("Each invoice whose days have changed gets a credit note and a new invoice. The others stay as they are."),
        ), 422 if request.method == "POST" else 200

    def _ask(self, period_id, kind, **more):
        with saving():
            period = db.session.get(BillingPeriod, period_id) or abort(404)
            operations.ask_run(period, kind, by=actor(), **more)
        return redirect(period_url(period_id), 303)

    @expose("/<int(max=2147483647):period_id>/arreter/<int(max=2147483647):run_id>", methods=["POST"])
    @screen
    def stop(self, period_id, run_id):
        with saving():
            run = db.session.get(BillingRun, run_id)
            if run is None or run.period_id != period_id:
                abort(404)
            operations.stop_run(run, by=actor())
        flash(_("Stopped. What was issued stays issued; nothing is lost."), "success")
        return redirect(period_url(period_id), 303)

    @expose("/<int(max=2147483647):period_id>/avancement/<int(max=2147483647):run_id>")
    @screen
    def progress(self, period_id, run_id):
        """What the script of the page asks: how far the run is."""
        run = db.session.get(BillingRun, run_id)
        if run is None or run.period_id != period_id:
            abort(404)
        return jsonify(running=run.state in RUNNING, done=run.done, total=run.total, said=said(run), silent=is_silent())


def said(run):
    """How far a run is, in words."""
    if not run.total:
        return _("It begins in a moment.")
    return _("%(done)d of %(total)d households", done=run.done, total=run.total)

"""Which days does nobody pay? A strike, a teacher's absence: who is concerned is seen first, and what was billed is put right."""

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from wtforms import DateField

from app.billing import operations
from app.billing.exemptions import concerned
from app.billing.models import Bill, BillingPeriod, BillState, Exemption
from app.children.models import Household
from app.core import clock
from app.core.errors import DomainError
from app.core.forms import Required, Text
from app.core.i18n import _, _l, _n
from app.extensions import db
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.activities import NotBefore, activity_facet
from app.staff.bookings_enter import activities, classes, schools
from app.staff.forms import RowChoice, RowNamed, StaffForm
from app.staff.interface import actor, saving
from app.staff.parts import Deed
from app.staff.views import StaffView, screen

#: More days than a school year has is a slip.
MOST_DAYS = 366


class ExemptionForm(StaffForm):
    """Which days, of what, for whom, and why."""

    first_day = DateField(_l("First day"), [Required()])
    last_day = DateField(_l("Last day"), [Required(), NotBefore("first_day", _l("The last day does not lie before the first."))])
    activity_id = RowChoice(_l("Activity"), rows=activities, blank=_l("all activities"))
    school_id = RowChoice(_l("Only this school"), rows=schools, blank=_l("all schools"))
    school_class_id = RowChoice(_l("Only this class"), rows=classes, blank=_l("all classes"))
    child_id = RowNamed(_l("Only this child"), of="enfant")
    reason = Text(_l("Why? Families read it"), longest=120, required=True)

    def validate(self, extra_validators=None):
        valid = super().validate(extra_validators)
        first, last = self.first_day.data, self.last_day.data
        if first and last and (last - first).days > MOST_DAYS:
            self.refuse(_("At most one year."), "last_day")
            return False
        return valid

    @property
    def about(self):
        return {name: self[name].data for name in ("activity_id", "school_id", "school_class_id", "child_id")}


class ExemptionView(StaffView):
    """Days that nobody pays."""

    noun, model, route_base = Noun.bill, Exemption, "/mairie/exonerations"
    route_methods = ("list", "export", "delete")
    method_permission_name = {**StaffView.method_permission_name, "enter": "edit"}
    list_title = _l("Days nobody pays")
    labels = {
        "first_day": _l("First day"),
        "last_day": _l("Last day"),
        "activity": _l("Activity"),
        "who": _l("For whom"),
        "reason": _l("Why"),
        "made_by": _l("By"),
        "made_at": _l("Entered"),
    }
    list_columns = ["first_day", "last_day", "activity", "who", "reason", "made_by", "made_at"]
    search_columns = ["first_day", "last_day", "reason", "made_by"]
    facets = (activity_facet(Exemption.activity_id),)
    loads = tuple(joinedload(getattr(Exemption, name)) for name in ("activity", "school", "school_class", "child"))
    first_sort = (Exemption.first_day.desc(), Exemption.id.desc())

    @classmethod
    def more_routes(cls):
        return ("enter",)

    def cell_activity(self, row):
        return row.activity.name if row.activity is not None else _("all")

    def cell_who(self, row):
        return ", ".join(str(one) for one in (row.school, row.school_class, row.child) if one is not None) or _("everybody")

    def row_url(self, row):
        return ""

    def deeds_of_list(self):
        return [Deed(_("Exempt days…"), url_for("ExemptionView.enter"), "plus", "primary")] if may(self.noun, "edit") else []

    # -- a new one --------------------------------------------------------------------------------------------------------------------

    @expose("/ajouter", methods=["GET", "POST"])
    @screen
    def enter(self):
        form = ExemptionForm(key="exemption", data={"first_day": clock.today(), "last_day": clock.today()})
        if not form.validate_on_submit():
            return self._form(form)
        try:
            return self._done(form) if request.form.get("step") == "exempt" else self._recap(form)
        except DomainError as refusal:
            form.refuse(refusal)
            return self._form(form)

    def _form(self, form):
        intro = _("The bills to come leave these days out. What is billed already gets a credit note and a new invoice.")
        back, button = url_for("ExemptionView.list"), _("See whom it concerns")
        title, status = _("Days nobody pays"), 422 if request.method == "POST" else 200
        return self.render_template("staff/form.html", title=title, form=form, intro=intro, button=button, back_url=back), status

    def _recap(self, form):
        found = concerned(form.first_day.data, form.last_day.data, **form.about)
        corrected = found.families
        titles = dict(db.session.execute(select(BillingPeriod.id, BillingPeriod.title).where(BillingPeriod.id.in_(corrected))).all())
        typed = [(name, value) for name, value in request.form.items(multi=True) if name not in ("csrf_token", "step")]
        return self.render_template(
            "staff/billing/exempt.html",
            title=_("Days nobody pays"),
            form=form,
            found=found,
            invoices=len({line.invoice_id for line in found.lines}),
            periods=[(titles[period_id], len(families)) for period_id, families in corrected.items()],
            typed=typed,
            back_url=url_for("ExemptionView.enter"),
        )

    @staticmethod
    def _done(form):
        with saving():
            days = form.first_day.data, form.last_day.data
            families = concerned(*days, **form.about).families
            operations.exempt(*days, form.reason.data, by=actor(), families=families, **form.about)
            count = sum(map(len, families.values()))
        told = _n("%(num)d invoice is being corrected.", "%(num)d invoices are being corrected.", count) if count else ""
        flash(" ".join(filter(None, (_("Nobody pays these days."), told))), "success")
        return redirect(url_for("ExemptionView.list"), 303)

    # -- taken back -------------------------------------------------------------------------------------------------------------------

    @expose("/<int(max=2147483647):pk>/supprimer", methods=["GET", "POST"])
    @screen
    def delete(self, pk):
        row, back = self.row(pk), url_for("ExemptionView.list")
        if request.method == "GET":
            title = _("Charge these days again? “%(reason)s”", reason=row.reason)
            sentence = _("Invoices that leave them out get a credit note and a new invoice.")
            return self.render_template("staff/confirm.html", title=title, sentence=sentence, button=_("Charge them again"), back_url=back)
        try:
            with saving():
                row = db.session.get(Exemption, pk)
                operations.withdraw_exemption(row, by=actor(), families=_issued_of(row))
        except DomainError as refusal:
            flash(str(refusal), "danger")
            return redirect(back, 303)
        flash(_("These days are charged again."), "success")
        return redirect(back, 303)


def _issued_of(row):
    """{period's id: [ids of households]} whose issued bills may charge the days of an Exemption again."""
    about = {name: getattr(row, name) for name in ("activity_id", "school_id", "school_class_id", "child_id")}
    children = concerned(row.first_day, row.last_day, **about).children
    query = select(Bill.period_id, Bill.family_id).join(BillingPeriod, BillingPeriod.id == Bill.period_id).distinct()
    query = query.join(Household, Household.family_id == Bill.family_id)
    query = query.where(BillingPeriod.first_day <= row.last_day, BillingPeriod.last_day >= row.first_day)
    found = {}
    for period_id, family_id in db.session.execute(query.where(Bill.state == BillState.issued, Household.child_id.in_(children))):
        found.setdefault(period_id, []).append(family_id)
    return found

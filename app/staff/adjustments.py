"""What does the town add to a household's next bill, or take off it? Each amount with the words that the family reads."""

from datetime import date

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose
from sqlalchemy.orm import joinedload
from wtforms import DateField, RadioField

from app.billing import operations
from app.billing.models import Adjustment
from app.core import clock
from app.core.amounts import AmountField, MoreThanNothing
from app.core.errors import DomainError
from app.core.forms import Required, Text
from app.core.i18n import _, _l
from app.extensions import db
from app.security.who_sees_what import Noun
from app.staff.forms import RowNamed, StaffForm, safe_back
from app.staff.grants import lives_in
from app.staff.income import OfFamily
from app.staff.interface import actor, saving
from app.staff.views import screen


class AdjustmentForm(StaffForm):
    """An amount, its way, and why."""

    family_id = RowNamed(_l("Family"), of="famille", required=True)
    child_id = RowNamed(_l("For this child"), of="enfant", description=_l("Leave empty where it is the household's."))
    way = RadioField(_l("What it does"), [Required()], choices=[("off", _l("takes off the bill")), ("on", _l("adds to the bill"))])
    amount = AmountField(_l("Euros"), [MoreThanNothing()], required=True)
    title = Text(_l("Why? The family reads it"), longest=120, required=True)
    day = DateField(_l("Day"), [Required()], description=_l("It goes with the bill of the period that has this day."))

    @property
    def signed(self):
        return -self.amount.data if self.way.data == "off" else self.amount.data


class AdjustmentView(OfFamily):
    """Amounts by hand."""

    noun, model, route_base = Noun.bill, Adjustment, "/mairie/ajustements"
    route_methods = ("list", "export", "add", "delete")
    list_title, add_title = _l("Adjustments"), _l("Add or take off an amount")
    labels = {
        "title": _l("Why"),
        "amount": _l("Amount"),
        "day": _l("Day"),
        "child": _l("Child"),
        "made_by": _l("By"),
        "made_at": _l("Entered"),
    }
    list_columns = ["family", "code", "title", "amount", "day", "child", "made_by", "made_at"]
    search_columns = ["title", "day", "made_by", "made_at"]
    loads = (joinedload(Adjustment.child),)
    first_sort = (Adjustment.day.desc(), Adjustment.id.desc())

    def cell_child(self, row):
        return str(row.child) if row.child is not None else None

    def _begin(self):
        try:
            day = date.fromisoformat(request.args.get("day", ""))
        except ValueError:
            day = clock.today()
        return {"family_id": request.args.get("family", type=int), "day": day, "way": "off"}

    @expose("/ajouter", methods=["GET", "POST"])
    @screen
    def add(self):
        form = AdjustmentForm(key="adjustment", data=self._begin())
        if form.validate_on_submit() and self._tried(form, lambda: self._adjust(form)):
            flash(_("Added: it goes with the next bill."), "success")
            return redirect(safe_back(form.back.data) or url_for("AdjustmentView.list"), 303)
        return self._show_form(form, self.add_title, self.back_url())

    @staticmethod
    def _adjust(form):
        family_id, child_id = form.family_id.data, form.child_id.data
        lives_in(family_id, child_id)
        operations.adjust(family_id, form.day.data, form.title.data, form.signed, by=actor(), child_id=child_id)

    @staticmethod
    def _tried(form, act):
        try:
            with saving():
                act()
            return True
        except DomainError as refusal:
            form.refuse(refusal)
        return False

    @expose("/<int(max=2147483647):pk>/supprimer", methods=["GET", "POST"])
    @screen
    def delete(self, pk):
        row, back = self.row(pk), url_for("AdjustmentView.list")
        if request.method == "GET":
            title = _("Take “%(title)s” back?", title=row.title)
            sentence = _("It is on no invoice yet: the next bill comes without it.")
            return self.render_template("staff/confirm.html", title=title, sentence=sentence, button=_("Take back"), back_url=back)
        try:
            with saving():
                operations.withdraw_adjustment(db.session.get(Adjustment, pk), by=actor())
        except DomainError as refusal:
            flash(str(refusal), "danger")
            return redirect(back, 303)
        flash(_("Taken back."), "success")
        return redirect(back, 303)

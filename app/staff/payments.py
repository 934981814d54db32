"""What came in at the desk? The receipts journal, a payment entered for a family, its receipt, a slip put right."""

from datetime import timedelta
from uuid import uuid4

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from wtforms import DateField, HiddenField, SelectField

from app.billing.queries import account
from app.core import clock
from app.core.amounts import AmountField, MoreThanNothing
from app.core.encryption import seal, unseal
from app.core.errors import DomainError
from app.core.forms import Form, Required, Text, option
from app.core.i18n import _, _l, _lp, _p
from app.documents.pdf import pdf_response
from app.extensions import db
from app.families.models import Family
from app.payments.models import Means, Payment
from app.payments.operations import receive, take_back
from app.payments.queries import paid_by, totals
from app.payments.receipts import receipt_pdf
from app.payments.settings import taken
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.activities_fields import Ticked
from app.staff.income import OfFamily
from app.staff.interface import actor, saving
from app.staff.parts import Facet
from app.staff.views import screen

PAYMENT = "<int(max=2147483647):payment_id>"


def _since(days):
    return Payment.received_on >= clock.today() - timedelta(days=days)


WHEN = {
    "today": (_l("today"), 0),
    "week": (_l("the last 7 days"), 6),
    "month": (_l("the last 31 days"), 30),
    "year": (_l("the last 365 days"), 364),
}


class ReceiveForm(Form):
    """What a family brings."""

    base = HiddenField()
    amount = AmountField(_l("Amount, in euros"), [MoreThanNothing()], required=True)
    means = SelectField(_l("Means of payment"), [Required()])
    received_on = DateField(_lp("payment", "Received on"), [Required()])
    reference = Text(_l("Number and bank of the cheque, or reference"), longest=60)
    payer = Text(_l("Who pays, if it is not the household"), longest=120)
    invoices = Ticked(_l("For these invoices"))

    def __init__(self, family_id, unpaid, **kwargs):
        super().__init__(**kwargs)
        self.family_id = family_id
        self.means.choices = [option("", _("choose")), *(option(means.name, str(means.label)) for means in taken())]
        self.invoices.choices = [(one.invoice.id, one.invoice.number) for one in unpaid]
        if request.method != "POST":
            self.base.data = seal({"payment": family_id, "key": uuid4().hex})

    @property
    def key(self):
        try:
            token = unseal(self.base.data or "")
        except ValueError:
            return None
        return token.get("key") if token.get("payment") == self.family_id else None


class ReasonForm(Form):
    """Why a payment is taken back."""

    reason = Text(_l("Why? It stands in the journal"), longest=200, required=True)


class PaymentView(OfFamily):
    """The receipts journal."""

    noun, model, route_base = Noun.payment, Payment, "/mairie/encaissements"
    route_methods = ("list", "export")
    list_title = _l("Receipts journal")
    labels = {
        "number": _lp("payment", "Receipt"),
        "received_on": _lp("payment", "Received on"),
        "means": _l("Means of payment"),
        "amount": _l("Amount"),
        "reference": _l("Reference"),
        "payer": _l("Paid by"),
        "made_by": _l("By"),
    }
    list_columns = ["number", "received_on", "family", "code", "means", "amount", "reference", "payer", "made_by"]
    search_columns = ["received_on", "reference", "made_by"]
    first_sort = (Payment.id.desc(),)
    list_template = "staff/payments.html"
    facets = (
        Facet(
            "means",
            _l("Means of payment"),
            lambda: [(means.name, means.label) for means in Means],
            lambda value: Payment.means == Means[value] if value in Means.__members__ else None,
        ),
        Facet(
            "when",
            _l("Received"),
            lambda: [(name, label) for name, (label, _days) in WHEN.items()],
            lambda value: _since(WHEN[value][1]) if value in WHEN else None,
        ),
    )
    method_permission_name = {**OfFamily.method_permission_name, "payment": "read", "receipt": "read", "enter": "edit", "take_back": "edit"}

    @classmethod
    def more_routes(cls):
        return ("payment", "receipt", "enter", "take_back")

    def render_template(self, template, **kwargs):
        if template == self.list_template:
            ids = self.narrowed().order_by(None).with_entities(Payment.id)
            kwargs["totals"] = totals(Payment.id.in_(ids))
        return super().render_template(template, **kwargs)

    def row_url(self, row):
        return url_for("PaymentView.payment", payment_id=row.id)

    @expose(f"/{PAYMENT}/")
    @screen
    def payment(self, payment_id):
        row = _payment(payment_id)
        taken_back = db.session.scalar(select(Payment).filter_by(cancels_id=row.id))
        return self.render_template(
            "staff/payment.html",
            title=_("Counter-entry %(number)s", number=row.number)
            if row.cancels_id
            else _p("payment", "Receipt %(number)s", number=row.number),
            row=row,
            paid=paid_by(row),
            taken_back=taken_back,
            may_take_back=may(Noun.payment, "edit") and taken_back is None and row.cancels_id is None,
        )

    @expose(f"/{PAYMENT}/recu.pdf")
    @screen
    def receipt(self, payment_id):
        row = _payment(payment_id)
        return pdf_response(receipt_pdf(row), f"{row.number}.pdf")

    @expose("/nouveau/<int(max=2147483647):family_id>", methods=["GET", "POST"])
    @screen
    def enter(self, family_id):
        family = db.session.get(Family, family_id) or abort(404)
        owed = account(family_id)
        form = ReceiveForm(family_id, owed.unpaid, data={"received_on": clock.today(), "amount": owed.left or None})
        if request.method == "POST" and form.validate():
            payment_id = self._receive(form)
            if payment_id is not None:
                flash(_("Received. The receipt can be printed."), "success")
                return redirect(url_for("PaymentView.payment", payment_id=payment_id), code=303)
        page = self.render_template(
            "staff/payment_enter.html", title=_("Receive a payment: %(family)s", family=family.name), family=family, form=form, owed=owed
        )
        return page, 422 if form.errors else 200

    @staticmethod
    def _receive(form):
        try:
            with saving():
                return receive(
                    form.family_id,
                    Means[form.means.data],
                    form.amount.data,
                    by=actor(),
                    received_on=form.received_on.data,
                    reference=form.reference.data or "",
                    payer=form.payer.data or "",
                    invoices=form.invoices.data or None,
                    key=form.key,
                ).id
        except DomainError as refusal:
            form.refuse(refusal)
            return None

    @expose(f"/{PAYMENT}/reprendre", methods=["GET", "POST"])
    @screen
    def take_back(self, payment_id):
        row, form = _payment(payment_id), ReasonForm()
        if request.method == "POST" and form.validate():
            try:
                with saving():
                    counter = take_back(db.session.get(Payment, payment_id), form.reason.data, by=actor()).id
                flash(_("Taken back by a counter-entry. What it had paid is owed again."), "success")
                return redirect(url_for("PaymentView.payment", payment_id=counter), code=303)
            except DomainError as refusal:
                form.refuse(refusal)
        page = self.render_template(
            "staff/form.html",
            title=_("Take back receipt %(number)s", number=row.number),
            intro=_("A counter-entry takes the whole payment back; nothing is deleted. What it had paid is owed again."),
            button=_("Take back"),
            form=form,
            back_url=url_for("PaymentView.payment", payment_id=payment_id),
        )
        return page, 422 if form.errors else 200


def _payment(payment_id):
    query = select(Payment).where(Payment.id == payment_id).options(joinedload(Payment.family), joinedload(Payment.cancels))
    return db.session.scalar(query) or abort(404)

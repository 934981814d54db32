"""What do invoices say, and what do they look like? The town's texts and logo on one screen, with a sample to look at."""

from datetime import date, timedelta
from decimal import Decimal

from flask import flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose

from app.audit.operations import record
from app.billing.documents import invoice_page
from app.billing.letterhead import LOGO, TEXTS, letterhead
from app.billing.models import ChargeKind, Invoice, InvoiceKind
from app.billing.paper import Paper, Part, Row
from app.core import clock, settings
from app.core.forms import LongText, Text
from app.core.i18n import _, _l
from app.documents.forms import UploadField
from app.documents.operations import keep, release
from app.documents.pdf import pdf_response, print_page
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.forms import StaffForm
from app.staff.interface import actor, saving
from app.staff.views import screen

ONE_LINE = ("invoice_issuer", "invoice_payee")


def _field(key):
    label, hint = TEXTS[key]
    return Text(label, longest=120, description=hint) if key in ONE_LINE else LongText(label, longest=1200, description=hint)


class LetterheadForm(StaffForm):
    """The texts and the logo."""

    noun = Noun.bill
    layout = (
        (_l("Who writes"), ["invoice_issuer", "invoice_address", LOGO]),
        (_l("How to pay"), ["invoice_payee", "invoice_payment", "invoice_payment_en"]),
        (_l("The law"), ["invoice_legal", "invoice_legal_en"]),
    )
    invoice_logo = UploadField(_l("Logo"), pictures_only=True, description=_l("PNG or JPEG, on white. Printed 6 cm wide at most."))


for _key in TEXTS:
    setattr(LetterheadForm, _key, _field(_key))


class LetterheadView(BaseView):
    """The texts and the logo of invoices."""

    noun = Noun.bill
    route_base = "/mairie/factures/modele"
    default_view = "edit"
    class_permission_name = noun.value
    method_permission_name = {"edit": "edit", "sample": "read"}

    @expose("/", methods=["GET", "POST"])
    @screen
    def edit(self):
        values = {key: settings.get(key) or None for key in (*TEXTS, LOGO)}
        form = LetterheadForm(key="letterhead", shown=values, data=values)
        if form.validate_on_submit() and _saved(form, values):
            return redirect(url_for("LetterheadView.edit"), 303)
        return self.render_template(
            "staff/billing/letterhead.html", title=_("Texts and logo of invoices"), form=form, may_edit=may(Noun.bill, "edit")
        ), 422 if request.method == "POST" else 200

    @expose("/exemple.pdf")
    @screen
    def sample(self):
        return pdf_response(print_page(invoice_page(sample_paper(), letterhead())).content, _("sample") + ".pdf")


def _saved(form, before):
    if any((before[key] or None) != (form.shown.get(key) or None) for key in before):
        form.show_again(before)
        form.refuse(_("Somebody changed these texts since you opened this page. Compare, then save again."))
        return False
    values = form.values()
    changed = {key: (before[key], values[key]) for key in before if (values[key] or None) != before[key]}
    with saving():
        for key, (_old, value) in changed.items():
            settings.put(key, value or (0 if key == LOGO else ""))
        if LOGO in changed:
            keep([changed[LOGO][1]] if changed[LOGO][1] else [])
            release([changed[LOGO][0]] if changed[LOGO][0] else [])
        if changed:
            record("setting.edit", by=actor(), noun="setting", changes=changed)
    flash(_("Saved.") if changed else _("Nothing was changed."), "success" if changed else "info")
    return True


def sample_paper():
    """An invoice of nobody, with all that may stand on one."""
    today = clock.today()
    first = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    days = [first + timedelta(days=number) for number in range(21)]
    days = [day for day in days if day.isoweekday() in (1, 2, 4, 5)]
    parts = [
        Part("Camille Exemple", [_row(_("School canteen"), "3.77", days), _row(_("School canteen"), "4.77", days[:1], ChargeKind.late)]),
        Part("Sacha Exemple", [_row(_("Evening care"), "1.92", days[:6])]),
    ]
    total = sum((part.amount for part in parts), Decimal(0))
    invoice = Invoice(kind=InvoiceKind.invoice, number=today.year * 1000000 + 123, issued_on=today, due_on=today + timedelta(days=30))
    invoice.period, invoice.total, invoice.reason = {"title": _("Sample")}, total, ""
    invoice.earlier_balance = Decimal("12.00")
    invoice.addressee = {"name": "Camille Exemple", "lines": ["3 rue des Lilas", "77181 Exemple"], "code": "EX123"}
    return Paper(invoice, None, parts, sum((row.amount for row in parts[0].rows), Decimal(0)))


def _row(service, price, days: list[date], charge=ChargeKind.booked):
    return Row(service, charge, Decimal(price), list(days), len(days), Decimal(price) * len(days))

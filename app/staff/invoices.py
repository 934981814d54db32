"""Which invoices were issued, what is left of them, and why does each line cost what it costs? Read here; put right by a credit note."""

from contextlib import suppress
from dataclasses import dataclass, field

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose
from sqlalchemy import exists, or_, select
from sqlalchemy.orm import aliased, joinedload, selectinload

from app.billing.detail import parts_of
from app.billing.documents import print_again
from app.billing.models import (
    Allocation,
    Bill,
    BillingPeriod,
    BillState,
    DocumentState,
    Invoice,
    InvoiceDocument,
    InvoiceKind,
    InvoiceLine,
    LedgerEntry,
    Reminder,
)
from app.billing.queries import left_of
from app.billing.reasons import explain
from app.core import clock, search
from app.core.errors import DomainError
from app.core.forms import Text
from app.core.i18n import _, _l
from app.core.money import parse_amount
from app.extensions import db
from app.families.models import Family
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.forms import StaffForm
from app.staff.interface import actor, saving
from app.staff.parts import Deed, Facet, by_id
from app.staff.views import StaffView, screen

_note = aliased(Invoice)
#: How many rows a list may ask for by their ids; more, and it asks for all.
MANY = 1000


def _is_cancelled():
    return exists().where(_note.corrects_id == Invoice.id)


def _is_over():
    """SQL: the bill of this invoice was cancelled, and no other was made."""
    mine = (Bill.period_id == Invoice.period_id) & (Bill.family_id == Invoice.family_id)
    return exists().where(mine, Bill.state == BillState.cancelled)


def _is_invoice():
    return Invoice.kind == InvoiceKind.invoice


STANDINGS = {
    "unpaid": (_l("unpaid"), lambda: _is_invoice() & (left_of() > 0)),
    "late": (_l("overdue"), lambda: _is_invoice() & (left_of() > 0) & (Invoice.due_on < clock.today())),
    "paid": (_l("paid"), lambda: _is_invoice() & (left_of() <= 0) & ~_is_cancelled()),
    "cancelled": (_l("cancelled"), lambda: _is_invoice() & _is_cancelled()),
    "credit_note": (_l("credit note"), lambda: Invoice.kind == InvoiceKind.credit_note),
    "unready": (_l("PDF not ready"), lambda: Invoice.document.has(InvoiceDocument.state != DocumentState.done)),
}


def standing(invoice, left, cancelled):
    """How things are with an invoice: a key of STANDINGS."""
    if invoice.kind is InvoiceKind.credit_note:
        return "credit_note"
    if cancelled:
        return "cancelled"
    if left <= 0:
        return "paid"
    return "late" if invoice.due_on is not None and invoice.due_on < clock.today() else "unpaid"


def periods():
    """The periods that there are, the newest first."""
    return db.session.scalars(select(BillingPeriod).order_by(BillingPeriod.first_day.desc())).all()


def period_facet(column):
    """A list narrowed to one period."""
    return Facet(
        "period",
        _l("Period"),
        lambda: [(str(row.id), row.title) for row in periods()],
        by_id(lambda number: column == number),
        blank=_l("All periods"),
    )


def _matches(word):
    """A word of the quick search: a number, an amount, a household."""
    found = [Invoice.family.has(search.contains(Family.name, word) | search.contains(Family.code, word))]
    if word.isdecimal() and len(word) < 16:
        found.append(Invoice.number == int(word))
    with suppress(ValueError):
        found.append(Invoice.total == parse_amount(word))
    return or_(*found)


class ReasonForm(StaffForm):
    """Why an invoice is put right."""

    reason = Text(_l("Why? The family reads it"), longest=200, required=True)


class InvoiceView(StaffView):
    """Invoices and credit notes, as they were issued."""

    noun, model, route_base = Noun.bill, Invoice, "/mairie/factures"
    route_methods = ("list", "export", "show")
    method_permission_name = {**StaffView.method_permission_name, "credit": "edit", "correct": "edit", "again": "edit"}
    list_title = _l("Invoices")
    labels = {
        "number": _l("Number"),
        "family": _l("Family"),
        "code": _l("Code"),
        "kind": _l("Kind"),
        "period": _l("Period"),
        "issued_on": _l("Issued on"),
        "due_on": _l("To be paid until"),
        "total": _l("Total"),
        "left": _l("Left to pay"),
        "standing": _l("State"),
    }
    list_columns = ["number", "family", "code", "period", "issued_on", "due_on", "total", "left", "standing"]
    search_columns = ["number", "kind", "issued_on", "due_on"]
    search_hint = _l("Name or code of a family, number, amount")
    matches = staticmethod(_matches)
    facets = (
        Facet(
            "state",
            _l("State"),
            lambda: [(name, label) for name, (label, _where) in STANDINGS.items()],
            lambda value: STANDINGS[value][1]() if value in STANDINGS else None,
        ),
        period_facet(Invoice.period_id),
    )
    loads = (joinedload(Invoice.family),)
    sorts = {
        "number": [Invoice.number],
        "family": [search.folded(select(Family.name).where(Family.id == Invoice.family_id).scalar_subquery())],
        "period": [Invoice.period_id],
        "left": [left_of()],
    }
    first_sort = (Invoice.issued_on.desc(), Invoice.number.desc())
    show_template = "staff/billing/invoice.html"

    @classmethod
    def more_routes(cls):
        return ("credit", "correct", "again")

    def decorate(self, rows):
        ids = [row.id for row in rows]
        query = select(Invoice.id, left_of(), _is_cancelled())
        query = query.where(Invoice.id.in_(ids)) if len(ids) <= MANY else query
        found = {row_id: (left, cancelled) for row_id, left, cancelled in db.session.execute(query)} if ids else {}
        for row in rows:
            left, cancelled = found[row.id]
            row.standing = standing(row, left, cancelled)
            row.left = left if row.kind is InvoiceKind.invoice else None

    def cell_number(self, row):
        return str(row.number)

    def cell_family(self, row):
        return row.family.name

    def cell_code(self, row):
        return row.family.code

    def cell_period(self, row):
        return row.period["title"]

    def cell_standing(self, row):
        return str(STANDINGS[row.standing][0])

    def deeds_of_list(self):
        return [Deed(_("Reminders"), url_for("ReminderView.due"), "send")]

    # -- one of them ------------------------------------------------------------------------------------------------------------------

    @expose("/<int(max=2147483647):pk>/")
    @screen
    def show(self, pk):
        page = InvoicePage.of(self.row(pk))
        title = _("Credit note %(number)s") if page.standing == "credit_note" else _("Invoice %(number)s")
        return self.render_template(
            self.show_template,
            title=title % {"number": page.invoice.number},
            page=page,
            label=STANDINGS[page.standing][0],
            explain=explain,
            may_print=may(Noun.bill, "edit"),
            may_edit=may(Noun.bill, "edit") and page.standing not in ("cancelled", "credit_note"),
            back_url=self.back_url(),
        )

    @expose("/<int(max=2147483647):pk>/avoir", methods=["GET", "POST"])
    @screen
    def credit(self, pk):
        row = self.row(pk)
        title = _("Cancel invoice %(number)s", number=row.number)
        intro = _("A credit note takes the whole invoice back. The family gets it, and its account says why. Nothing is billed anew.")
        return self._put_right(row, title, intro, _("Cancel with a credit note"), "credit", _("The credit note is issued."))

    @expose("/<int(max=2147483647):pk>/corriger", methods=["GET", "POST"])
    @screen
    def correct(self, pk):
        row = self.row(pk)
        title = _("Correct invoice %(number)s", number=row.number)
        intro = _("A credit note takes the invoice back, and a new one is made of what is known today: bookings, attendance, tariffs.")
        done = _("The credit note and the new invoice are issued.")
        look = url_for("BillView.bill", period_id=row.period_id, family_id=row.family_id)
        return self._put_right(row, title, intro, _("Correct"), "correct", done, look)

    @expose("/<int(max=2147483647):pk>/imprimer", methods=["POST"])
    @screen
    def again(self, pk):
        with saving():
            print_again(self.row(pk), by=actor())
        flash(_("The PDF is being made again."), "success")
        return redirect(url_for("InvoiceView.show", pk=pk), 303)

    def _put_right(self, row, title, intro, button, act, done, look=None):
        from app.billing import operations

        form, back = ReasonForm(key=f"{act}:{row.id}"), url_for("InvoiceView.show", pk=row.id)
        if form.validate_on_submit():
            try:
                with saving():
                    made = getattr(operations, act)(db.session.get(Invoice, row.id), form.reason.data, by=actor())
                    made_id, alone = made.id, act == "correct" and made.kind is InvoiceKind.credit_note
                flash(_("The credit note is issued: nothing is left to be paid for this bill.") if alone else done, "success")
                return redirect(url_for("InvoiceView.show", pk=made_id), 303)
            except DomainError as refusal:
                form.refuse(refusal)
        status = 422 if request.method == "POST" else 200
        page = {"title": title, "intro": intro, "button": button, "back_url": back, "look_url": look}
        return self.render_template("staff/form.html", form=form, **page), status


@dataclass
class InvoicePage:
    """An invoice with all that hangs on it, in seven queries."""

    invoice: Invoice
    left: object
    #: The credit note that cancelled it, and the invoice that took its place.
    note: Invoice | None = None
    #: [Part] of billing.detail.
    parts: list = field(default_factory=list)
    #: [(Allocation, LedgerEntry)]
    payments: list = field(default_factory=list)
    reminders: list = field(default_factory=list)
    #: Whether the household's bill of the period was cancelled and can be made anew.
    again: bool = False

    @classmethod
    def of(cls, row):
        loads = (joinedload(Invoice.family), joinedload(Invoice.document), joinedload(Invoice.corrects))
        lines = selectinload(Invoice.lines).joinedload(InvoiceLine.reason)
        invoice, left, again = db.session.execute(
            select(Invoice, left_of(), _is_over())
            .where(Invoice.id == row.id)
            .options(*loads, lines)
            .execution_options(populate_existing=True)
        ).one()
        paid = select(Allocation, LedgerEntry).join(LedgerEntry, LedgerEntry.id == Allocation.entry_id)
        return cls(
            invoice,
            left,
            db.session.scalar(select(Invoice).where(Invoice.corrects_id == row.id)),
            parts_of(invoice.lines),
            db.session.execute(paid.where(Allocation.invoice_id == row.id).order_by(LedgerEntry.day, LedgerEntry.id)).all(),
            db.session.scalars(select(Reminder).where(Reminder.invoice_id == row.id).options(joinedload(Reminder.step))).all(),
            again,
        )

    @property
    def standing(self):
        return standing(self.invoice, self.left, self.note is not None)

    @property
    def meal(self):
        return sum(line.meal for line in self.invoice.lines)

    @property
    def third_party(self):
        return sum(line.third_party for line in self.invoice.lines)

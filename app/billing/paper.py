"""What stands on the paper of an invoice? Its lines by child, service and price, with their dates in one cell."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import aliased

from app.billing.detail import service_title
from app.billing.models import ChargeKind, Invoice, InvoiceKind, InvoiceLine
from app.core.i18n import _, date_text, language
from app.core.money import format_money
from app.extensions import db

ZERO = Decimal("0.00")


@dataclass
class Row:
    """Lines of one child, service and price together."""

    service: str
    charge: ChargeKind
    unit_price: Decimal
    days: list[date] = field(default_factory=list)
    quantity: int = 0
    amount: Decimal = ZERO
    third_party: Decimal = ZERO
    third_party_name: str = ""

    @property
    def dates(self):
        """The days, month by month: "1, 2, 5, 6 October"."""
        return days_in_words(self.days)

    @property
    def small(self):
        """What stands small below the service: why it is charged, where that does not go without saying; who else pays."""
        told = [] if self.charge in (ChargeKind.booked, ChargeKind.adjustment) else [str(self.charge.label)]
        if self.third_party:
            told.append(_("%(payer)s pays %(amount)s beside", payer=self.third_party_name, amount=format_money(self.third_party)))
        return "; ".join(told)


@dataclass
class Part:
    """What is charged for one child; a name that is empty: for the household."""

    child: str
    rows: list[Row]

    @property
    def amount(self):
        return sum((row.amount for row in self.rows), ZERO)


@dataclass
class Paper:
    """An invoice or a credit note as it is printed."""

    invoice: Invoice
    #: The number of the invoice that a credit note cancels.
    corrects: int | None
    parts: list[Part]
    meal: Decimal

    @property
    def credit(self):
        return self.invoice.kind is InvoiceKind.credit_note

    @property
    def to_pay(self):
        return ZERO if self.credit else self.invoice.total

    @property
    def care(self):
        return self.invoice.total - self.meal


def papers_of(invoice_ids):
    """[Paper] of invoices, in the order of the ids; two queries, however many."""
    cancelled = aliased(Invoice)
    query = select(Invoice, cancelled.number).outerjoin(cancelled, cancelled.id == Invoice.corrects_id).where(Invoice.id.in_(invoice_ids))
    found = {invoice.id: (invoice, corrects) for invoice, corrects in db.session.execute(query)}
    lines = {
        invoice_id: list(of_one) for invoice_id, of_one in groupby(db.session.execute(_lines(found)), key=lambda line: line.invoice_id)
    }
    return [paper(*found[number], lines.get(number, [])) for number in invoice_ids if number in found]


def _lines(invoice_ids):
    columns = ("invoice_id", "child", "activity", "unit", "charge", "day", "quantity", "unit_price", "amount", "meal", "third_party")
    wanted = [getattr(InvoiceLine, name) for name in (*columns, "third_party_name")]
    return select(*wanted).where(InvoiceLine.invoice_id.in_(invoice_ids)).order_by(InvoiceLine.invoice_id, InvoiceLine.position)


def paper(invoice, corrects, lines):
    """The Paper of an invoice and its lines, in the lines' order."""
    parts = {}
    for line in lines:
        service = service_title(line.activity, line.unit)
        rows = parts.setdefault(line.child, {})
        key = (service, line.charge, line.unit_price, line.third_party_name)
        row = rows.get(key)
        if row is None:
            row = rows[key] = Row(service, line.charge, line.unit_price, third_party_name=line.third_party_name)
        if line.day is not None:
            row.days.append(line.day)
        row.quantity += line.quantity
        row.amount += line.amount
        row.third_party += line.third_party
    found = [Part(child, list(rows.values())) for child, rows in parts.items()]
    return Paper(invoice, corrects, found, sum((line.meal for line in lines), ZERO))


def days_in_words(days):
    """Days of a row, month by month: "29, 30 September; 1, 2 October"."""
    months = []
    for _month, same in groupby(sorted(set(days)), key=lambda day: (day.year, day.month)):
        same = list(same)
        months.append(_("%(days)s %(month)s", days=", ".join(str(day.day) for day in same), month=_month_name(same[0].month, language())))
    return "; ".join(months)


@lru_cache(maxsize=64)
def _month_name(month, _language):
    return date_text(date(2024, month, 1), "MMMM")

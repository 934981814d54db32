"""What can a household prove by its bills? What it paid for the care of its youngest, and when its children were there."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy import case, extract, func, select, type_coerce
from sqlalchemy.orm import aliased

from app.billing.addressees import addressees
from app.billing.letterhead import letterhead
from app.billing.models import Allocation, ChargeKind, EntryKind, Invoice, InvoiceKind, InvoiceLine, LedgerEntry, PriceReason
from app.billing.queries import statement
from app.children.models import Child
from app.core import clock
from app.core.i18n import date_text
from app.core.money import Money, round_cents
from app.documents.pdf import render_pdf
from app.extensions import db

ZERO = Decimal("0.00")
#: Days on which a child was there, as far as the town knows.
THERE = (ChargeKind.booked, ChargeKind.late, ChargeKind.missing)
#: Steps of a price that are asked for a fault: they pay for no care.
PENALTIES = ("late", "missing", "unannounced", "told_late")


@dataclass
class Cared:
    """A child, and what was paid for its care."""

    name: str
    born: date | None
    amount: Decimal = ZERO
    services: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class TaxCertificate:
    """What a household paid in a year for the care of children under 6 on 1 January of it (CGI, art. 200 quater B)."""

    year: int
    children: list[Cared]

    @property
    def total(self):
        return sum((child.amount for child in self.children), ZERO)

    @property
    def final(self):
        """Whether the year is over."""
        return self.year < clock.today().year


def paid_years(family_id):
    """The years in which a household paid something, the newest first."""
    year = extract("year", LedgerEntry.day)
    query = select(year).where(LedgerEntry.family_id == family_id, LedgerEntry.kind == EntryKind.payment).distinct()
    return sorted((int(found) for found in db.session.scalars(query)), reverse=True)


def tax_certificate(family_id, year):
    """The TaxCertificate of a household. Of what paid an invoice in part, each line has its share; four queries.

    What was paid until the end of the year less what was paid until its beginning: over the years the cents add up.
    """
    paid = _paid(family_id, year)
    lines = _lines([invoice_id for invoice_id, (before, until) in paid.items() if until > before])
    reasons, born = _reasons(lines), _birth_dates(lines)
    charged, found = {}, {}
    for line in lines:
        charged[line.invoice_id] = charged.get(line.invoice_id, ZERO) + max(line.amount, ZERO)
    shares = {}
    for line in lines:
        if _counts(line, born.get(line.child_id), year):
            shares.setdefault((line.invoice_id, line.child), []).append(line)
    for (invoice_id, name), of_child in shares.items():
        care = sum((care_of(line, reasons.get(line.reason_id)) for line in of_child), ZERO)
        before, until = (round_cents(care * part / charged[invoice_id]) for part in paid[invoice_id])
        cared = found.setdefault(name, Cared(name, born.get(of_child[0].child_id)))
        cared.amount += until - before
        cared.services = list(dict.fromkeys([*cared.services, *(line.activity for line in of_child if line.amount > line.meal)]))
    return TaxCertificate(year, sorted((child for child in found.values() if child.amount > 0), key=lambda child: child.name))


def _paid(family_id, year):
    """{invoice's id: (paid before the year, until its end)}, by payments alone: no credit note, no debt that was given up."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    before = type_coerce(func.sum(case((LedgerEntry.day < first, Allocation.amount), else_=0)), Money)
    query = select(Allocation.invoice_id, before, func.sum(Allocation.amount)).join(LedgerEntry, LedgerEntry.id == Allocation.entry_id)
    mine = (LedgerEntry.family_id == family_id) & (LedgerEntry.kind == EntryKind.payment) & (LedgerEntry.day <= last)
    return {row[0]: (row[1], row[2]) for row in db.session.execute(query.where(mine).group_by(Allocation.invoice_id))}


def _lines(invoice_ids):
    names = ("invoice_id", "charge", "child_id", "child", "under_six", "activity", "day", "quantity", "amount", "meal", "reason_id")
    query = select(*(getattr(InvoiceLine, name) for name in names)).where(InvoiceLine.invoice_id.in_(invoice_ids))
    return db.session.execute(query.order_by(InvoiceLine.invoice_id, InvoiceLine.position)).all() if invoice_ids else []


def _reasons(lines):
    """{id: reason} of the lines in which a surcharge may hide."""
    wanted = {line.reason_id for line in lines if line.charge in (ChargeKind.late, ChargeKind.missing) and line.reason_id}
    return {row.id: row.content for row in db.session.scalars(select(PriceReason).where(PriceReason.id.in_(wanted)))} if wanted else {}


def _birth_dates(lines):
    wanted = {line.child_id for line in lines if line.child_id}
    return dict(db.session.execute(select(Child.id, Child.birth_date).where(Child.id.in_(wanted))).all()) if wanted else {}


def _counts(line, born, year):
    """Whether a line is care of a child that counts: it was there, and was under 6 on 1 January of the year of the payment."""
    young = clock.age(born, date(year, 1, 1)) < 6 if born is not None else line.under_six
    return line.charge in THERE and young and line.amount > 0


def care_of(line, reason):
    """What of a line's amount pays for care: no meal, no surcharge for a booking that was late or missing."""
    care = line.amount - line.meal
    whole, fair = _prices(reason)
    if not care or fair >= whole:
        return care
    surcharge = min(line.quantity * (whole - fair), line.amount)
    return care * (line.amount - surcharge) / line.amount


def _prices(reason):
    """(the price as it was charged, what it would have been without penalties), in euros."""
    steps = (reason or {}).get("steps") or ()
    if not reason or "base" not in reason or not any(step["kind"] in PENALTIES for step in steps):
        return ZERO, ZERO
    fair = Decimal(reason["base"])
    for step in steps:
        if step["kind"] not in PENALTIES:
            value = Decimal(step["value"])
            fair = {"add": fair + value, "factor": fair * value, "set": value}.get(step["effect"], fair)
    return Decimal(reason["price"]), round_cents(max(fair, ZERO))


@dataclass(frozen=True)
class Presence:
    """On how many days a child was there, by month and service, as the household was billed for it."""

    child: Child
    first: date
    last: date
    #: [(first day of the month, {service: days})]
    months: list
    services: list[str]

    def total(self, service):
        return sum(days.get(service, 0) for _month, days in self.months)


def school_year_of(day):
    """The year in which the school year of a day begins."""
    return day.year if day.month >= 9 else day.year - 1


def presence(family_id, child, year):
    """The Presence of a child of a household in the school year that begins in `year`; days of cancelled invoices do not count."""
    first, last = date(year, 9, 1), date(year + 1, 8, 31)
    note = aliased(Invoice)
    cancelled = select(note.id).where(note.corrects_id == Invoice.id).exists()
    query = select(InvoiceLine.day, InvoiceLine.activity).join(Invoice, Invoice.id == InvoiceLine.invoice_id).distinct()
    query = query.where(Invoice.family_id == family_id, Invoice.kind == InvoiceKind.invoice, ~cancelled, InvoiceLine.child_id == child.id)
    query = query.where(InvoiceLine.charge.in_(THERE), InvoiceLine.day.between(first, last)).order_by(InvoiceLine.day)
    months, services = {}, {}
    for day, service in db.session.execute(query):
        found = months.setdefault(day.replace(day=1), {})
        found[service] = found.get(service, 0) + 1
        services[service] = True
    return Presence(child, first, max(first, min(last, clock.today())), list(months.items()), list(services))


# -- on paper -------------------------------------------------------------------------------------------------------------------------


def _letter(family_id):
    return {"head": letterhead(), "to": addressees([family_id])[family_id], "today": clock.today()}


def tax_pdf(family_id, year):
    """The tax certificate of a household as a PDF, outside any unit of work."""
    return render_pdf("tax_certificate", certificate=tax_certificate(family_id, year), **_letter(family_id))


def presence_pdf(family_id, child, year):
    """The attestation of a child's presence as a PDF."""
    month = lambda day: date_text(day, "MMMM yyyy")  # noqa: E731
    return render_pdf("presence", presence=presence(family_id, child, year), month=month, **_letter(family_id))


def statement_pdf(family_id, year):
    """The movements of a household's account in a year as a PDF."""
    return render_pdf("statement", statement=statement(family_id, year), **_letter(family_id))

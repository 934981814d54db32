"""What does a household owe, and how did it come to that? Balance, unpaid invoices, movements, one invoice with its lines."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache

from sqlalchemy import bindparam, extract, func, select, type_coerce
from sqlalchemy.orm import aliased, joinedload, selectinload

from app.billing.models import Allocation, DocumentState, EntryKind, Invoice, InvoiceDocument, InvoiceKind, InvoiceLine, LedgerEntry
from app.core import clock
from app.core.errors import NotFound
from app.core.i18n import _
from app.core.money import Money
from app.extensions import db
from app.families.models import Family

ZERO = Decimal("0.00")


@dataclass(frozen=True)
class Unpaid:
    """An invoice of which something is left to pay."""

    invoice: Invoice
    left: Decimal

    @property
    def overdue(self):
        return is_late(self.invoice)


def is_late(invoice):
    """Whether the day until which an invoice was to be paid has passed."""
    return invoice.due_on is not None and invoice.due_on < clock.today()


@dataclass(frozen=True)
class Account:
    """What a household owes now: above zero it owes, below zero it is owed."""

    balance: Decimal = ZERO
    unpaid: tuple[Unpaid, ...] = ()

    @property
    def left(self):
        """What its invoices still ask for, together."""
        return sum((one.left for one in self.unpaid), ZERO)

    @property
    def overdue(self):
        """Whether the day until which one of them was to be paid has passed."""
        return self.balance > 0 and any(one.overdue for one in self.unpaid)

    @property
    def unassigned(self):
        """What was paid and pays no invoice yet."""
        return max(self.left - self.balance, ZERO) if self.unpaid else ZERO


@dataclass(frozen=True)
class Movement:
    """One entry of the ledger, what the account stood at after it, and of an invoice or credit note its document."""

    id: int
    kind: EntryKind
    day: date
    amount: Decimal
    title: str
    balance: Decimal
    #: Of an invoice or a credit note; None for the other kinds.
    invoice_id: int | None = None
    number: int | None = None
    #: As it was called, with its days: {"title", "first_day", "last_day"}.
    period: dict = field(default_factory=dict)
    #: The invoice that a credit note cancels.
    corrects: int | None = None
    document_state: DocumentState | None = None
    file_id: int | None = None


@dataclass(frozen=True)
class Statement:
    """The movements of a year, oldest first, between what the account stood at before and after them."""

    year: int
    #: Those that have a movement, and this one, the newest first.
    years: tuple[int, ...]
    opening: Decimal
    movements: tuple[Movement, ...]
    account: Account = field(default_factory=Account)

    @property
    def first_day(self):
        return date(self.year, 1, 1)

    @property
    def closing(self):
        return self.movements[-1].balance if self.movements else self.opening


def balance(family_id):
    """What a household owes, in euros: below zero the town owes it."""
    return db.session.scalar(select(func.sum(LedgerEntry.amount)).filter_by(family_id=family_id)) or ZERO


def unpaid(family_id):
    """[Unpaid] of a household, the oldest first."""
    return list(account(family_id).unpaid)


def account(family_id):
    """The Account of a household, in one query."""
    return account_in(db.session.execute(_account(), {"family": family_id}).all())


# What every page asks is put together once: SQLAlchemy takes as long to recognise a new statement as to run it.


@cache
def _account():
    query = with_account(select(Family.id).where(Family.id == bindparam("family")))
    return query.options(joinedload(Invoice.document))


def with_account(query):
    """A select of families with, beside each, its unpaid invoices: their rows are for account_in()."""
    left = left_of()
    asked = (Invoice.family_id == Family.id) & (Invoice.kind == InvoiceKind.invoice) & (left > 0)
    owed = select(func.sum(LedgerEntry.amount)).where(LedgerEntry.family_id == Family.id).correlate(Family)
    query = query.add_columns(Invoice, left.label("left"), owed.scalar_subquery().label("balance"))
    return query.outerjoin(Invoice, asked).order_by(Invoice.issued_on, Invoice.id)


def account_in(rows):
    """The Account of the one family that with_account() was asked for."""
    found = {row.Invoice.id: Unpaid(row.Invoice, row.left) for row in rows if row.Invoice is not None}
    return Account((rows[0].balance if rows else None) or ZERO, tuple(found.values()))


def left_of():
    """The SQL expression of what is left to pay of an Invoice, in euros."""
    paid = select(func.coalesce(func.sum(Allocation.amount), 0)).where(Allocation.invoice_id == Invoice.id).correlate(Invoice)
    return type_coerce(Invoice.total - paid.scalar_subquery(), Money)


def statement(family_id, year=None):
    """The Statement of a household for a year (this one, where none is said), in three queries."""
    year = year or clock.today().year
    sums = {int(found): total for found, total in db.session.execute(_sums_by_year(), {"family": family_id})}
    opening = sum((total for found, total in sums.items() if found < year), ZERO)
    years = tuple(sorted({*sums, clock.today().year}, reverse=True))
    return Statement(year, years, opening, tuple(_movements(family_id, year, opening)), account(family_id))


@cache
def _sums_by_year():
    year = extract("year", LedgerEntry.day)
    return select(year, func.sum(LedgerEntry.amount)).where(LedgerEntry.family_id == bindparam("family")).group_by(year)


def _movements(family_id, year, opening):
    values = {"family": family_id, "first": date(year, 1, 1), "last": date(year, 12, 31)}
    now = opening
    for row in db.session.execute(_entries(), values):
        now += row.amount
        yield Movement(**{**row._mapping, "title": row.title or "", "period": row.period or {}, "balance": now})


@cache
def _entries():
    cancelled = aliased(Invoice)
    of_entry = (getattr(LedgerEntry, name) for name in ("id", "kind", "day", "amount", "title", "invoice_id"))
    columns = (*of_entry, Invoice.number, Invoice.period)
    document = (InvoiceDocument.state.label("document_state"), InvoiceDocument.file_id)
    query = select(*columns, cancelled.number.label("corrects"), *document).outerjoin(Invoice, Invoice.id == LedgerEntry.invoice_id)
    query = query.outerjoin(cancelled, cancelled.id == Invoice.corrects_id)
    query = query.outerjoin(InvoiceDocument, InvoiceDocument.invoice_id == Invoice.id)
    mine = (LedgerEntry.family_id == bindparam("family")) & LedgerEntry.day.between(bindparam("first"), bindparam("last"))
    return query.where(mine).order_by(LedgerEntry.day, LedgerEntry.id)


def invoice_of(number, family_id):
    """A household's invoice or credit note of this number with lines, reasons and document, in three queries.

    Raises NotFound, for another household's too.
    """
    found = db.session.scalars(_invoice_of(), {"number": number, "family": family_id}).one_or_none()
    if found is None:
        raise NotFound(_("There is no such invoice."))
    return found


@cache
def _invoice_of():
    # A reason is decrypted once, not once a line.
    reasons = selectinload(Invoice.lines).selectinload(InvoiceLine.reason)
    mine = (Invoice.number == bindparam("number")) & (Invoice.family_id == bindparam("family"))
    query = select(Invoice).where(mine).options(joinedload(Invoice.document), joinedload(Invoice.corrects), reasons)
    return query.order_by(Invoice.id).limit(1)


@dataclass(frozen=True)
class Payment:
    """What pays a part of an invoice."""

    kind: EntryKind
    day: date
    title: str
    amount: Decimal
    #: Of a credit note, and of the invoice that it cancels.
    number: int | None
    corrects_id: int | None


@dataclass(frozen=True)
class Paid:
    """How an invoice stands: what pays it, what is left, the credit note that cancels it."""

    payments: tuple[Payment, ...]
    left: Decimal
    cancelled_by: int | None = None


def paid(invoice):
    """The Paid of an Invoice, in one query."""
    payments = tuple(Payment(*row) for row in db.session.execute(_paid(), {"invoice": invoice.id}))
    cancelled_by = next((row.number for row in payments if row.corrects_id == invoice.id), None)
    if not invoice.total:
        # Nothing was to be paid, so nothing is noted to have paid it.
        cancelled_by = db.session.scalar(select(Invoice.number).filter_by(corrects_id=invoice.id))
    return Paid(payments, invoice.total - sum((row.amount for row in payments), ZERO), cancelled_by)


@cache
def _paid():
    columns = (LedgerEntry.kind, LedgerEntry.day, LedgerEntry.title, Allocation.amount, Invoice.number, Invoice.corrects_id)
    query = select(*columns).join(Allocation, Allocation.entry_id == LedgerEntry.id)
    query = query.outerjoin(Invoice, Invoice.id == LedgerEntry.invoice_id).where(Allocation.invoice_id == bindparam("invoice"))
    return query.order_by(LedgerEntry.day, LedgerEntry.id)

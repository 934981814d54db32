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

ZERO = Decimal("0.00")


@dataclass(frozen=True)
class Unpaid:
    """An invoice of which something is left to pay."""

    invoice: Invoice
    left: Decimal

    @property
    def overdue(self):
        """Whether the day until which it was to be paid has passed."""
        return self.invoice.due_on is not None and self.invoice.due_on < clock.today()


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
    number: int | None = None
    period: str = ""
    #: The invoice that a credit note cancels.
    corrects: int | None = None
    document_state: DocumentState | None = None
    file_id: int | None = None


@dataclass(frozen=True)
class Statement:
    """The movements of a year, oldest first, between what the account stood at before and after them."""

    year: int
    #: Those that have a movement, the newest first, and this one.
    years: tuple[int, ...]
    opening: Decimal
    movements: tuple[Movement, ...]
    account: Account = field(default_factory=Account)

    @property
    def closing(self):
        return self.movements[-1].balance if self.movements else self.opening


def balance(family_id):
    """What a household owes, in euros: below zero the town owes it."""
    return db.session.scalar(select(func.sum(LedgerEntry.amount)).filter_by(family_id=family_id)) or ZERO


def unpaid(family_id):
    """[Unpaid] of a household, the oldest first."""
    return [Unpaid(invoice, left) for invoice, left in db.session.execute(_unpaid(), {"family": family_id})]


def account(family_id):
    """The Account of a household, in two queries."""
    return Account(balance(family_id), tuple(unpaid(family_id)))


def left_of():
    """The SQL expression of what is left to pay of an Invoice, in euros."""
    paid = select(func.coalesce(func.sum(Allocation.amount), 0)).where(Allocation.invoice_id == Invoice.id).correlate(Invoice)
    return type_coerce(Invoice.total - paid.scalar_subquery(), Money)


@cache
def _unpaid():
    left = left_of()
    mine = (Invoice.family_id == bindparam("family")) & (Invoice.kind == InvoiceKind.invoice)
    return select(Invoice, left.label("left")).where(mine, left > 0).order_by(Invoice.issued_on, Invoice.id)


def statement(family_id, year=None):
    """The Statement of a household for a year (this one, where none is said), in three queries."""
    year = year or clock.today().year
    sums = {int(found): total for found, total in db.session.execute(_sums_by_year(), {"family": family_id})}
    opening = sum((total for found, total in sums.items() if found < year), ZERO)
    owed = Account(sum(sums.values(), ZERO), tuple(unpaid(family_id)))
    years = tuple(sorted({*sums, year}, reverse=True))
    return Statement(year, years, opening, tuple(_movements(family_id, year, opening)), owed)


@cache
def _sums_by_year():
    year = extract("year", LedgerEntry.day)
    return select(year, func.sum(LedgerEntry.amount)).where(LedgerEntry.family_id == bindparam("family")).group_by(year)


def _movements(family_id, year, opening):
    values = {"family": family_id, "first": date(year, 1, 1), "last": date(year, 12, 31)}
    now = opening
    for row in db.session.execute(_entries(), values):
        now += row.amount
        yield Movement(**{**row._mapping, "title": row.title or "", "period": (row.period or {}).get("title", ""), "balance": now})


@cache
def _entries():
    cancelled = aliased(Invoice)
    columns = (LedgerEntry.id, LedgerEntry.kind, LedgerEntry.day, LedgerEntry.amount, LedgerEntry.title, Invoice.number, Invoice.period)
    document = (InvoiceDocument.state.label("document_state"), InvoiceDocument.file_id)
    query = select(*columns, cancelled.number.label("corrects"), *document).outerjoin(Invoice, Invoice.id == LedgerEntry.invoice_id)
    query = query.outerjoin(cancelled, cancelled.id == Invoice.corrects_id)
    query = query.outerjoin(InvoiceDocument, InvoiceDocument.invoice_id == Invoice.id)
    mine = (LedgerEntry.family_id == bindparam("family")) & LedgerEntry.day.between(bindparam("first"), bindparam("last"))
    return query.where(mine).order_by(LedgerEntry.day, LedgerEntry.id)


def invoice_of(number, family_id):
    """A household's invoice or credit note of this number with lines, reasons and document. Raises NotFound for another household's too."""
    mine = (Invoice.number == number) & (Invoice.family_id == family_id)
    loads = (joinedload(Invoice.document), joinedload(Invoice.corrects), selectinload(Invoice.lines).joinedload(InvoiceLine.reason))
    found = db.session.scalars(select(Invoice).where(mine).options(*loads).order_by(Invoice.id).limit(1)).one_or_none()
    if found is None:
        raise NotFound(_("There is no such invoice."))
    return found

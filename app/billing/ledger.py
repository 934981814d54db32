"""How does an account move? Entries that never change, and which of them pays which invoice, under the household's lock."""

from decimal import Decimal

from sqlalchemy import delete, func, select

from app.billing.models import Allocation, EntryKind, Invoice, InvoiceKind, LedgerEntry
from app.changes.operations import lock_family
from app.core import clock
from app.core.errors import DomainError
from app.core.i18n import _
from app.core.money import format_money
from app.extensions import db

ZERO = Decimal("0.00")
#: Below zero: what pays invoices.
PAYING = (EntryKind.payment, EntryKind.credit_note, EntryKind.write_off)


def post(family_id, kind, amount, *, by, day=None, invoice=None, title="", undoes=None):
    """A movement of a household's account, within the open unit of work; returns the LedgerEntry.

    `amount` as the account moves: below zero for payments, credit notes and debts given up. Allocate or settle it afterwards.
    """
    lock_family(family_id)
    entry = LedgerEntry(
        family_id=family_id,
        kind=kind,
        amount=amount,
        day=day or clock.today(),
        invoice_id=invoice.id if invoice is not None else None,
        title=title[:120],
        undoes_id=undoes.id if undoes is not None else None,
        made_by=str(by)[:120],
    )
    db.session.add(entry)
    db.session.flush()
    return entry


def unused(entry):
    """What of a payment or credit note pays nothing yet and was not taken back, in euros."""
    if entry.kind not in PAYING:
        return ZERO
    allocated = db.session.scalar(select(func.sum(Allocation.amount)).filter_by(entry_id=entry.id)) or ZERO
    undone = db.session.scalar(select(func.sum(LedgerEntry.amount)).filter_by(undoes_id=entry.id)) or ZERO
    return -entry.amount - allocated - undone


def left(invoice):
    """What is left to pay of an invoice, in euros."""
    return invoice.total - (db.session.scalar(select(func.sum(Allocation.amount)).filter_by(invoice_id=invoice.id)) or ZERO)


def allocate(entry, invoice, amount):
    """Let so much of a payment or credit note pay an invoice. Raises DomainError for more than either has left, or another household's."""
    lock_family(entry.family_id)
    if invoice.family_id != entry.family_id or invoice.kind is not InvoiceKind.invoice:
        raise DomainError(_("This invoice is not one of the household's."))
    if amount <= 0:
        raise DomainError(_("Give an amount above zero."))
    if amount > unused(entry):
        raise DomainError(_("Only %(amount)s of this payment is left.", amount=format_money(unused(entry))))
    if amount > left(invoice):
        raise DomainError(_("Only %(amount)s of this invoice is left to pay.", amount=format_money(left(invoice))))
    return _allocate(entry, invoice, amount)


def _allocate(entry, invoice, amount):
    row = Allocation(entry_id=entry.id, invoice_id=invoice.id, amount=amount)
    db.session.add(row)
    db.session.flush()
    return row


def settle(entry):
    """Let what is unused of a payment or credit note pay the oldest unpaid invoices; returns the Allocations."""
    lock_family(entry.family_id)
    rest, made = unused(entry), []
    for invoice, open_part in _unpaid(entry.family_id) if rest > 0 else ():
        part = min(rest, open_part)
        made.append(_allocate(entry, invoice, part))
        rest -= part
        if not rest:
            break
    return made


def settle_all(family_id):
    """Let all that a household has paid and that pays nothing yet pay its oldest unpaid invoices."""
    lock_family(family_id)
    query = select(LedgerEntry).where(LedgerEntry.family_id == family_id, LedgerEntry.kind.in_(PAYING))
    for entry in db.session.scalars(query.order_by(LedgerEntry.day, LedgerEntry.id)).all():
        if unused(entry) > 0:
            settle(entry)


def _unpaid(family_id):
    """[(Invoice, what is left of it)], the oldest first."""
    query = select(Invoice).filter_by(family_id=family_id, kind=InvoiceKind.invoice).order_by(Invoice.issued_on, Invoice.id)
    paid = select(Allocation.invoice_id, func.sum(Allocation.amount)).join(Invoice, Invoice.id == Allocation.invoice_id)
    sums = dict(db.session.execute(paid.where(Invoice.family_id == family_id).group_by(Allocation.invoice_id)).all())
    rows = [(invoice, invoice.total - sums.get(invoice.id, ZERO)) for invoice in db.session.scalars(query)]
    return [(invoice, rest) for invoice, rest in rows if rest > 0]


def release(invoice):
    """Take from an invoice what pays it, so that it may pay others; returns the entries it came from."""
    lock_family(invoice.family_id)
    entries = db.session.scalars(
        select(LedgerEntry).where(LedgerEntry.id.in_(select(Allocation.entry_id).filter_by(invoice_id=invoice.id))).order_by(LedgerEntry.id)
    ).all()
    db.session.execute(delete(Allocation).where(Allocation.invoice_id == invoice.id))
    return entries


def reject(payment, *, by, title=""):
    """The bank took a payment back: what it paid is owed again. Returns the entry; DomainError for what is no payment, or a second time."""
    lock_family(payment.family_id)
    undone = db.session.scalar(select(func.sum(LedgerEntry.amount)).filter_by(undoes_id=payment.id)) or ZERO
    if payment.kind is not EntryKind.payment or undone:
        raise DomainError(_("This is no payment that can be taken back."))
    db.session.execute(delete(Allocation).where(Allocation.entry_id == payment.id))
    entry = post(payment.family_id, EntryKind.rejected, -payment.amount, by=by, title=title or payment.title, undoes=payment)
    settle_all(payment.family_id)
    return entry


def refund(entry, amount, *, by, title=""):
    """Give back what a household has paid too much; returns the entry. Raises DomainError for more than is unused of it."""
    lock_family(entry.family_id)
    if not 0 < amount <= unused(entry):
        raise DomainError(_("Only %(amount)s of this payment is left.", amount=format_money(unused(entry))))
    return post(entry.family_id, EntryKind.refund, amount, by=by, title=title, undoes=entry)

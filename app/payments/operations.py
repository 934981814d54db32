"""How is money received, and a slip put right? Receipt, ledger and allocation in one transaction, under the household's lock."""

from datetime import timedelta

from sqlalchemy import select

from app.audit.operations import record
from app.billing import ledger
from app.billing.models import EntryKind, Invoice
from app.changes.operations import lock_family
from app.core import clock, constraints
from app.core.errors import DomainError, Stale
from app.core.i18n import _, _l
from app.core.numbering import next_number
from app.extensions import db
from app.payments.models import Payment
from app.payments.settings import taken

#: What is entered later than this after it was received is a slip of the year, or of the month.
LONGEST_DELAY = timedelta(days=366)

constraints.declare({"uq_payment_cancels": _l("This payment was taken back already.")})


def receive(family_id, means, amount, *, by, received_on=None, reference="", payer="", invoices=None, key=None):
    """A household has paid at the desk, or by letter, within the open unit of work; returns the Payment.

    `amount` in euros above zero; `invoices`: the ids that it is for, in this order; None: the oldest first. What is left over stays
    as credit on the account, and pays the next invoices. The same `key` again gives the payment that it made.
    """
    known = db.session.scalar(select(Payment).where(Payment.key == key)) if key else None
    if known is not None:
        return known
    received_on = received_on or clock.today()
    _refuse(means, amount, received_on)
    lock_family(family_id)
    entry = ledger.post(family_id, EntryKind.payment, -amount, by=by, day=received_on, title=str(means.label))
    payment = write_journal(
        family_id, entry, means, amount, by=by, received_on=received_on, reference=reference[:60], payer=payer[:120], key=key
    )
    _allocate(entry, invoices)
    record("payment.received", payment, by=by, changes={"amount": (None, amount)})
    return payment


def _refuse(means, amount, received_on):
    if means not in taken():
        raise DomainError(_("The town does not take this means of payment."))
    if amount <= 0:
        raise DomainError(_("Give an amount above zero."))
    if received_on > clock.today():
        raise DomainError(_("This day is still to come."))
    if clock.today() - received_on > LONGEST_DELAY:
        raise DomainError(_("This day is more than a year ago."))


def _allocate(entry, invoices):
    if invoices is None:
        ledger.settle(entry)
        return
    for invoice_id in invoices:
        invoice = db.session.scalar(select(Invoice).filter_by(id=invoice_id, family_id=entry.family_id))
        if invoice is None:
            raise DomainError(_("This invoice is not one of the household's."))
        part = min(ledger.unused(entry), ledger.left(invoice))
        if part > 0:
            ledger.allocate(entry, invoice, part)


def write_journal(family_id, entry, means, amount, *, by, received_on, **more):
    """The next line of the receipts journal: numbered by the year in which it is written."""
    year, regie = clock.today().year, 1
    rank = next_number(f"receipt.{regie}.{year}")
    payment = Payment(
        number=year * 1_000_000 + rank,
        regie=regie,
        year=year,
        rank=rank,
        family_id=family_id,
        entry_id=entry.id,
        means=means,
        amount=amount,
        received_on=received_on,
        made_by=str(by)[:120],
        **more,
    )
    db.session.add(payment)
    db.session.flush()
    return payment


def take_back(payment, reason, *, by):
    """Put a slip right, or a cheque that the bank refused, within the open unit of work: a counter-entry; returns it.

    What the payment had paid is owed again. Raises DomainError without a reason, Stale where it was taken back already.
    """
    if not reason.strip():
        raise DomainError(_("Say why: it stands in the journal."))
    lock_family(payment.family_id)
    if payment.cancels_id is not None:
        raise DomainError(_("A counter-entry cannot be taken back: enter the payment anew."))
    if db.session.scalar(select(Payment.id).filter_by(cancels_id=payment.id)) is not None:
        raise Stale(_("This payment was taken back already."))
    title = _("%(means)s, taken back", means=payment.means.label)
    entry = ledger.reject(payment.entry, by=by, title=title)
    counter = write_journal(
        payment.family_id,
        entry,
        payment.means,
        -payment.amount,
        by=by,
        received_on=clock.today(),
        reference=payment.reference,
        payer=payment.payer,
        cancels_id=payment.id,
        reason=reason.strip()[:200],
    )
    record("payment.taken_back", counter, by=by, note=f"{payment.number}: {reason}"[:200])
    return counter

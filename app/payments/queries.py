"""What was received? Totals of the receipts journal by means, what a payment paid."""

from decimal import Decimal

from sqlalchemy import func, select

from app.billing.models import Allocation, Invoice
from app.extensions import db
from app.payments.models import Means, Payment, Suspense

ZERO = Decimal("0.00")


def totals(condition=None):
    """{Means: (how many, euros)} of the journal's lines where an SQL condition holds, counter-entries taken off; one query."""
    query = select(Payment.means, func.count(Payment.id), func.sum(Payment.amount)).group_by(Payment.means)
    query = query if condition is None else query.where(condition)
    found = {means: (count, amount) for means, count, amount in db.session.execute(query)}
    return {means: found[means] for means in Means if means in found}


def paid_by(payment):
    """[(Invoice, euros)] that a payment paid, the oldest first."""
    query = select(Invoice, func.sum(Allocation.amount)).join(Allocation, Allocation.invoice_id == Invoice.id)
    rows = db.session.execute(
        query.where(Allocation.entry_id == payment.entry_id).group_by(Invoice.id).order_by(Invoice.issued_on, Invoice.id)
    )
    return [(invoice, amount) for invoice, amount in rows]


def payment_of(payment_id, family_id):
    """A household's payment, or None."""
    return db.session.scalar(select(Payment).filter_by(id=payment_id, family_id=family_id))


def receipts(entries):
    """{ledger entry's id: Payment's id} of those entries that have a receipt; one query, none where there is none."""
    query = select(Payment.entry_id, Payment.id).where(Payment.entry_id.in_(entries), Payment.cancels_id.is_(None))
    return dict(db.session.execute(query).all()) if entries else {}


def count_suspended():
    """A scalar subquery: how many payments wait for somebody to look at them."""
    return select(func.count(Suspense.id)).where(Suspense.closed_at.is_(None)).scalar_subquery()

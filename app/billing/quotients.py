"""Which quotients may still be put right? Those by which nobody was billed, and those whose invoices were cancelled."""

from sqlalchemy import func, select

from app.billing.issued import in_force
from app.billing.models import Invoice, InvoiceLine
from app.changes.operations import lock_family
from app.core.errors import DomainError
from app.core.i18n import _, date_text
from app.extensions import db
from app.families.models import IncomeQuotient


def billed_with(row):
    """The last day that was billed while an IncomeQuotient counted, of an invoice in force; None for no day."""
    later = IncomeQuotient.family_id == row.family_id, IncomeQuotient.counts_from > row.counts_from
    following = select(func.min(IncomeQuotient.counts_from)).where(*later).scalar_subquery()
    query = select(func.max(InvoiceLine.day)).join(Invoice, Invoice.id == InvoiceLine.invoice_id)
    query = query.where(in_force(), Invoice.family_id == row.family_id, InvoiceLine.unit_id.is_not(None))
    return db.session.scalar(query.where(InvoiceLine.day >= row.counts_from, following.is_(None) | (InvoiceLine.day < following)))


def refuse_if_billed(row):
    """Raise DomainError where an invoice in force rests on an IncomeQuotient; within the open unit of work, its household locked."""
    lock_family(row.family_id)
    last = billed_with(row)
    if last is not None:
        day = date_text(last, "long")
        raise DomainError(_("Days up to %(day)s were billed with it: cancel those invoices with a credit note, then bill again.", day=day))

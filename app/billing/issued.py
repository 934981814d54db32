"""Which invoices are in force?"""

from sqlalchemy import select
from sqlalchemy.orm import aliased

from app.billing.models import Invoice, InvoiceKind


def in_force():
    """The SQL condition that an Invoice is one, and was not cancelled by a credit note."""
    note = aliased(Invoice)
    return (Invoice.kind == InvoiceKind.invoice) & ~select(note.id).where(note.corrects_id == Invoice.id).exists()

"""How do the invoices of a period go to the printer? All of them, or those that no mail reaches: one PDF, or a ZIP."""

import io
import tempfile
import zipfile
from dataclasses import dataclass

from flask import current_app
from pypdf import PdfReader, PdfWriter
from pypdf.errors import PyPdfError
from sqlalchemy import select

from app.billing.models import DocumentState, Invoice, InvoiceDocument
from app.core.errors import DomainError, NotFound
from app.core.i18n import _
from app.documents.models import StoredFile
from app.documents.operations import content_of
from app.extensions import db
from app.families.models import Family
from app.security.queries import readers_of

#: What stays in memory of a bundle; a larger one lies on the disk while it is sent.
IN_MEMORY = 8 * 1024 * 1024
#: One PDF is made while the browser waits, about 5 ms an invoice.
MOST_TOGETHER = 4000


@dataclass(frozen=True)
class Item:
    """An invoice that is to be printed."""

    invoice: Invoice
    family: str
    file: StoredFile | None
    pages: int
    #: Whether the household is told by mail.
    reached: bool


@dataclass(frozen=True)
class Bundle:
    """The invoices of a period as they are handed out."""

    items: list[Item]

    def ready(self, *, unreached_only=False):
        """Those whose PDF is there, by the households' names."""
        return [item for item in self.items if item.file is not None and not (unreached_only and item.reached)]

    @property
    def unready(self):
        return [item for item in self.items if item.file is None]

    @property
    def unreached(self):
        return [item for item in self.items if not item.reached]


def bundle(period_id):
    """The Bundle of a period: what is in force, no invoice that a credit note cancelled, no credit note. Five queries."""
    cancelled = select(Invoice.corrects_id).where(Invoice.corrects_id.is_not(None))
    query = (
        select(Invoice, Family.name, StoredFile, InvoiceDocument.pages)
        .join(Family, Family.id == Invoice.family_id)
        .outerjoin(InvoiceDocument, (InvoiceDocument.invoice_id == Invoice.id) & (InvoiceDocument.state == DocumentState.done))
        .outerjoin(StoredFile, StoredFile.id == InvoiceDocument.file_id)
        .where(Invoice.period_id == period_id, Invoice.corrects_id.is_(None), Invoice.id.not_in(cancelled))
        .order_by(Family.name, Invoice.number)
    )
    rows = db.session.execute(query).all()
    readers = readers_of((None, row.Invoice.family_id) for row in rows)
    return Bundle(
        [Item(row.Invoice, row.name, row.StoredFile, row.pages or 0, readers[None, row.Invoice.family_id] is not None) for row in rows]
    )


def one_pdf(items, *, both_sides=False):
    """An open file with all invoices in one PDF; on paper printed on both sides each begins on a sheet of its own."""
    if len(items) > MOST_TOGETHER:
        raise DomainError(_("These are too many for one PDF: take the ZIP."))
    writer = PdfWriter()
    for item, content in _contents(items):
        try:
            pages = PdfReader(io.BytesIO(content)).pages
            for page in pages:
                writer.add_page(page)
        except PyPdfError:
            current_app.logger.exception("the PDF of invoice %s cannot be read", item.invoice.number)
            continue
        if both_sides and len(pages) % 2:
            writer.add_blank_page()
    out = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 (whoever sends it closes it)
    writer.write(out)
    out.seek(0)
    return out


def zip_of(items):
    """An open file with each invoice as a PDF of its own, by the households' names: a PDF is packed already."""
    out = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 (whoever sends it closes it)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as packed:
        for item, content in _contents(items):
            name = "".join(char for char in item.family if char.isalnum() or char in " -'") or "-"
            packed.writestr(f"{name} {item.invoice.number}.pdf", content)
    out.seek(0)
    return out


def _contents(items):
    """(Item, its bytes) of those whose bytes are there."""
    for item in items:
        try:
            yield item, content_of(item.file)
        except NotFound:
            current_app.logger.error("the bytes of invoice %s are gone", item.invoice.number)

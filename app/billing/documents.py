"""How does an invoice become paper? What waits is printed once from the snapshot, and its bytes kept."""

from datetime import timedelta

from flask import current_app
from sqlalchemy import select, update

from app.audit.operations import record
from app.billing.letterhead import letterhead, town_logo
from app.billing.models import DocumentState, Invoice, InvoiceDocument, InvoiceKind
from app.billing.paper import papers_of
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError, NotFound
from app.core.files import Upload
from app.core.i18n import _, _p, in_locale
from app.documents.models import FileState, StoredFile
from app.documents.operations import content_of, store
from app.documents.pdf import page_of
from app.documents.press import print_all
from app.extensions import db
from app.security.queries import readers_of
from app.security.who_sees_what import Noun

#: Minutes until a document that was taken is tried again, by how often it was: a worker that was killed gives back what it had.
TRY_AGAIN = (2, 5, 15, 60)
#: A full disk is nobody's fault but the disk's: looked at again so often.
DISK_PAUSE = timedelta(minutes=2)


def render_due(limit=60):
    """The worker's job: print the documents that wait; returns how many it made.

    Nothing needs to be put right after a kill: taking a document says when it is tried again.
    """
    taken = _take(limit)
    if not taken:
        return 0
    made = 0
    for invoice_id, printed in print_all(_pages(taken)):
        if printed is None:
            continue
        try:
            made += _keep(invoice_id, printed)
        except OSError as problem:
            current_app.logger.error("no room for documents: %s", problem)
            _give_back(taken)
            break
    return made


def _take(limit):
    """Take documents that wait for ourselves; what was tried too often has failed. Returns the invoices' ids."""
    now = clock.now()
    due = select(InvoiceDocument).where(InvoiceDocument.state == DocumentState.waiting, InvoiceDocument.try_at <= now)
    with unit_of_work():
        rows = db.session.scalars(due.order_by(InvoiceDocument.invoice_id).limit(limit).with_for_update(skip_locked=True)).all()
        for row in rows:
            if row.tries >= len(TRY_AGAIN):
                row.move_to(DocumentState.failed)
            else:
                row.try_at, row.tries = now + timedelta(minutes=TRY_AGAIN[row.tries]), row.tries + 1
        return [row.invoice_id for row in rows if row.state is DocumentState.waiting]


def _give_back(invoice_ids):
    """The disk is full: what is not printed yet waits, and none has been tried in vain."""
    waits = InvoiceDocument.invoice_id.in_(invoice_ids) & (InvoiceDocument.state == DocumentState.waiting)
    values = {"tries": InvoiceDocument.tries - 1, "try_at": clock.now() + DISK_PAUSE}
    with unit_of_work():
        db.session.execute(update(InvoiceDocument).where(waits).values(**values))


def _pages(invoice_ids):
    """{invoice's id: its page}, each in the language of its reader."""
    papers = papers_of(invoice_ids)
    readers = readers_of((None, paper.invoice.family_id) for paper in papers)
    logo, heads, pages = town_logo(), {}, {}
    for paper in papers:
        reader = readers[None, paper.invoice.family_id]
        locale = reader.locale if reader is not None else current_app.config["BABEL_DEFAULT_LOCALE"]
        with in_locale(locale):
            heads[locale] = heads.get(locale) or letterhead(logo)
            try:
                pages[paper.invoice.id] = invoice_page(paper, heads[locale])
            except Exception:
                # One that cannot be written holds up nobody else.
                current_app.logger.exception("invoice %s cannot be written", paper.invoice.number)
    db.session.rollback()
    return pages


def invoice_page(paper, head):
    """The page of a Paper, ready to print, in the language of the moment."""
    return page_of("invoice", paper=paper, head=head)


def _keep(invoice_id, printed):
    """Keep what was printed of an invoice; returns 1, or 0 where another worker was faster."""
    with unit_of_work():
        document = db.session.get(InvoiceDocument, invoice_id, with_for_update=True)
        if document.state is DocumentState.done:
            return 0
        invoice = db.session.get(Invoice, invoice_id)
        upload = Upload(filename_of(invoice), "application/pdf", printed.content)
        row = store(upload, noun=Noun.bill, family_id=invoice.family_id, state=FileState.kept)
        document.move_to(DocumentState.done)
        document.file_id, document.pages = row.id, printed.pages
        document.rendered_at = document.try_at = clock.now()
    return 1


def filename_of(invoice):
    """How the PDF of an invoice is called."""
    credit = invoice.kind is InvoiceKind.credit_note
    return (_p("file name", "credit-note") if credit else _p("file name", "invoice")) + f"-{invoice.number}.pdf"


def pdf_of(invoice):
    """The bytes of an invoice's PDF. Raises NotFound until it is made."""
    document = invoice.document
    row = db.session.get(StoredFile, document.file_id) if document is not None and document.file_id else None
    if row is None:
        raise NotFound(_("This PDF is being prepared. Look again in a few minutes."))
    return content_of(row)


def print_again(invoice, *, by):
    """Print what could not be printed once more, within the open unit of work. Raises DomainError where it is there, or on its way."""
    document = invoice.document
    if document.state is not DocumentState.failed:
        raise DomainError(_("This PDF is there, or on its way."))
    document.move_to(DocumentState.waiting)
    document.tries, document.try_at = 0, clock.now()
    record("invoice.print_again", invoice, by=by)

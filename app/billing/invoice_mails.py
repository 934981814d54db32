"""Who hears of an invoice? The household, once, when all that was issued for it can be read: a correction is one mail, not two."""

from datetime import timedelta

from flask import current_app
from sqlalchemy import exists, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import aliased, joinedload

from app.billing.letterhead import letterhead
from app.billing.models import DocumentState, Invoice, InvoiceDocument, InvoiceKind
from app.core import clock
from app.core.db import unit_of_work
from app.core.i18n import in_locale
from app.extensions import db
from app.mail.operations import queue_mail
from app.security.queries import readers_of

#: Who has no address today may give one tomorrow; after these days the paper has long come.
LOOK_AGAIN = timedelta(days=1)
GIVE_UP = timedelta(days=14)


def tell_families(limit=100):
    """The worker's job: one mail a household about invoices that are ready; returns how many households were told."""
    families = _ready(limit)
    if not families:
        return 0
    told, readers = 0, readers_of((None, family_id) for family_id in families)
    for family_id in families:
        try:
            with unit_of_work():
                told += _tell(family_id, readers[None, family_id])
        except OperationalError:
            raise
        except Exception:
            current_app.logger.exception("family %s could not be told of its invoices", family_id)
    return told


def _untold():
    now = clock.now()
    return (
        (InvoiceDocument.state == DocumentState.done)
        & InvoiceDocument.mailed_at.is_(None)
        & InvoiceDocument.try_at.between(now - GIVE_UP, now)
        & (InvoiceDocument.rendered_at > now - GIVE_UP)
    )


def _ready(limit):
    """Households that can be told: nothing of theirs is still being printed."""
    other, document = aliased(Invoice), aliased(InvoiceDocument)
    waits = exists().where(other.family_id == Invoice.family_id, document.invoice_id == other.id, document.state == DocumentState.waiting)
    query = select(Invoice.family_id).join(InvoiceDocument, InvoiceDocument.invoice_id == Invoice.id)
    query = query.where(_untold(), ~waits).distinct().order_by(Invoice.family_id)
    return db.session.scalars(query.limit(limit)).all()


def _tell(family_id, reader):
    """Tell a household, within the open unit of work; returns 1, or 0 where nobody can be written to or another worker was faster."""
    query = select(InvoiceDocument).join(Invoice).where(_untold(), Invoice.family_id == family_id).order_by(Invoice.id)
    loads = joinedload(InvoiceDocument.invoice).joinedload(Invoice.corrects)
    documents = db.session.scalars(query.options(loads).with_for_update(of=InvoiceDocument, skip_locked=True)).all()
    for document in documents:
        if reader is None:
            document.try_at = clock.now() + LOOK_AGAIN
        else:
            document.mailed_at = clock.now()
    if reader is None or not documents:
        return 0
    invoices = [document.invoice for document in documents]
    with in_locale(reader.locale):
        payment = letterhead().payment
    queue_mail(
        reader.email,
        "invoices",
        locale=reader.locale,
        family_id=family_id,
        account_id=reader.account_id,
        invoices=invoices,
        newest=[invoice for invoice in invoices if invoice.kind is InvoiceKind.invoice][-1:],
        to_pay=any(invoice.kind is InvoiceKind.invoice and invoice.total for invoice in invoices),
        payment=payment,
        signs_in=reader.account_id is not None,
    )
    return 1

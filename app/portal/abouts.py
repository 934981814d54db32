"""What can a family's message be about, how is it called, and where does the family see it?"""

from flask import url_for
from sqlalchemy import select

from app.billing.models import Invoice
from app.changes.kinds import KINDS
from app.core.i18n import _
from app.extensions import db
from app.messages.models import About
from app.portal.queries import own_request
from app.security.scope import may, standing
from app.security.who_sees_what import Noun


def title_of(kind, number):
    """The title of what the acting family may read, or None: another family's is nothing."""
    find = _TITLES.get(kind)
    return find(number) if find is not None else None


def url_of(kind, number):
    """Where the family sees it, or None."""
    page = _PAGES.get(kind)
    return page(number) if page is not None else None


def _request(number):
    row = own_request(number)
    kind = KINDS.get(row.kind) if row is not None else None
    return _("Request: %(section)s", section=kind.title) if kind is not None else None


def _invoice(number):
    found = _number_of(number)
    return _("Invoice %(number)s", number=found) if found is not None else None


def _invoice_page(number):
    found = _number_of(number)
    return url_for("StatementView.invoice", number=found) if found is not None else None


def _number_of(invoice_id):
    if not may(Noun.bill, "read"):
        return None
    return db.session.scalar(select(Invoice.number).where(Invoice.id == invoice_id, Invoice.family_id == standing().family_id))


def _lot(number):
    row = own_request(number)
    return url_for("RequestsView.lot", lot_id=row.lot_id) if row is not None else None


_TITLES = {About.request: _request, About.invoice: _invoice}
_PAGES = {About.request: _lot, About.invoice: _invoice_page}

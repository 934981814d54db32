"""What can a family's message be about, how is it called, and where does the family see it?"""

from flask import url_for
from sqlalchemy import select

from app.activities.changes.words import child_name, day_in_words, unit_title
from app.activities.models import Booking
from app.billing.detail import around
from app.billing.models import Invoice, InvoiceLine
from app.billing.queries import invoice_of
from app.changes.kinds import KINDS
from app.core.i18n import _, date_text
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


def _booking(number):
    row = _own_booking(number)
    if row is None:
        return None
    return _("Booking: %(what)s", what=", ".join((child_name(row.child_id), unit_title(row.unit_id), day_in_words(row.day))))


def _booking_page(number):
    row = _own_booking(number)
    return url_for("AgendaView.cell", spot=f"{row.child_id}.{row.unit_id}.{row.day.isoformat()}") if row is not None else None


def _own_booking(number):
    mine = select(Booking).where(Booking.id == number, Booking.family_id == standing().family_id)
    return db.session.scalar(mine) if may(Noun.booking, "read") else None


def booking_questions(child_id, day):
    """{unit's id: where the family asks about its booking of that day}; none for whom may not write for it."""
    if not may(Noun.message, "ask"):
        return {}
    mine = select(Booking.unit_id, Booking.id).where(Booking.child_id == child_id, Booking.day == day)
    rows = db.session.execute(mine.where(Booking.family_id == standing().family_id))
    return {unit_id: url_for("InboxView.contact", about=f"{About.booking.name}-{number}") for unit_id, number in rows}


def _line(number):
    found = _shown(number)
    if found is None:
        return None
    invoice, part, group = found
    title = _("Invoice %(number)s: %(what)s", number=invoice.number, what=", ".join(filter(None, (part.child, group.title))))
    return f"{title}, {_day(group.dated[0])}" if len(group.dated) == 1 else title


def _line_page(number):
    query = select(Invoice.number).join(InvoiceLine).where(InvoiceLine.id == number, Invoice.family_id == standing().family_id)
    found = db.session.scalar(query) if may(Noun.bill, "read") else None
    return url_for("StatementView.invoice", number=found, _anchor=f"line{number}") if found is not None else None


def _shown(line_id):
    """(Invoice, Part, Group) in which the acting family reads a line; None for another's."""
    query = select(Invoice.number).join(InvoiceLine).where(InvoiceLine.id == line_id, Invoice.family_id == standing().family_id)
    number = db.session.scalar(query) if may(Noun.bill, "read") else None
    if number is None:
        return None
    invoice = invoice_of(number, standing().family_id)
    return invoice, *around(invoice.lines, line_id)


def days_of(kind, number):
    """[(line's id, its day in words)] where a question about a line may be about one of several days; else none."""
    found = _shown(number) if kind is About.line else None
    lines = found[2].dated if found is not None else []
    return [(line.id, _day(line)) for line in lines] if len(lines) > 1 else []


def _day(line):
    return date_text(line.day, "EEE d MMMM y")


def _lot(number):
    row = own_request(number)
    return url_for("RequestsView.lot", lot_id=row.lot_id) if row is not None else None


_TITLES = {About.request: _request, About.booking: _booking, About.invoice: _invoice, About.line: _line}
_PAGES = {About.request: _lot, About.booking: _booking_page, About.invoice: _invoice_page, About.line: _line_page}

"""How does a test of what families see get invoices without a billing run? Rows as issuing leaves them, one function a movement."""

from datetime import date, timedelta
from decimal import Decimal

from app.billing.models import (
    Allocation,
    BillingPeriod,
    ChargeKind,
    DocumentState,
    EntryKind,
    Invoice,
    InvoiceDocument,
    InvoiceKind,
    InvoiceLine,
    LedgerEntry,
    PriceReason,
)
from app.core.db import unit_of_work
from app.documents.models import FileState, StoredFile
from app.extensions import db

BY = "Agent Mairie"
PDF = b"%PDF-1.4 of an invoice"
REASON = {"charge": "booked", "row": "601 to 900", "column": "Meal", "base": "3.80", "price": "3.80", "quotient": "812.00"}
REASON |= {"quotient_from": "2026-09-01", "tariff": "Council of 12 June 2026", "tariff_from": "2026-09-01"}


def school_days(first, last):
    """Mondays, Tuesdays, Thursdays and Fridays."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [day for day in days if day.isoweekday() in (1, 2, 4, 5)]


def lines_of(child, days, price, *, activity="Canteen", unit="Canteen", charge="booked", child_id=None, reason=None, **more):
    """A dictionary a line, as InvoiceLine takes them, and `why`."""
    charge, why = ChargeKind(charge), {**REASON, "base": price, "price": price, "charge": charge, **(reason or {})}
    common = {"child": child, "child_id": child_id, "activity": activity, "unit": unit, "charge": charge, "unit_price": Decimal(price)}
    return [{**common, "day": day, "amount": Decimal(price), "why": why, **more} for day in days]


def issue(family_id, year, month, lines, *, rank, earlier="0", file=False, issued_on=None, due_on=None):
    """An invoice of a month with its ledger entry; returns its id. `file`: its PDF is ready."""
    first = date(year, month, 1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    with unit_of_work():
        issued_on = issued_on or last + timedelta(days=3)
        period = _period(first, last)
        common = {"regie": 1, "year": issued_on.year, "rank": rank, "number": issued_on.year * 1000000 + rank, "family_id": family_id}
        words = {"title": period.title, "first_day": first.isoformat(), "last_day": last.isoformat()}
        invoice = Invoice(**common, period_id=period.id, period=words, issued_on=issued_on, issued_by=BY, addressee=ADDRESSEE)
        invoice.due_on, invoice.earlier_balance = due_on or issued_on + timedelta(days=30), Decimal(earlier)
        invoice.total = sum((line["amount"] for line in lines), Decimal(0))
        return _save(invoice, lines, file)


ADDRESSEE = {"name": "Christelle Galbert", "lines": ["3 rue des Lilas", "77181 Saint-Exemple"], "code": "G1"}


def _period(first, last):
    found = db.session.scalar(db.select(BillingPeriod).filter_by(first_day=first))
    if found is None:
        found = BillingPeriod(title=f"{first:%B %Y}", first_day=first, last_day=last, due_on=last + timedelta(days=33))
        db.session.add(found)
        db.session.flush()
    return found


def _save(invoice, lines, file):
    db.session.add(invoice)
    db.session.flush()
    reasons = {}
    for position, line in enumerate(lines, 1):
        why, row = line["why"], {name: value for name, value in line.items() if name != "why"}
        key = str(why)
        if key not in reasons:
            reasons[key] = PriceReason(invoice_id=invoice.id, content=why)
            db.session.add(reasons[key])
            db.session.flush()
        db.session.add(InvoiceLine(invoice_id=invoice.id, position=position, reason_id=reasons[key].id, **row))
    kind = EntryKind.invoice if invoice.kind is InvoiceKind.invoice else EntryKind.credit_note
    entry = LedgerEntry(
        family_id=invoice.family_id, kind=kind, day=invoice.issued_on, amount=invoice.total, invoice_id=invoice.id, made_by=BY
    )
    db.session.add(entry)
    _document(invoice, file)
    db.session.flush()
    return invoice.id


def _document(invoice, file):
    document = InvoiceDocument(invoice_id=invoice.id)
    if file:
        from app.core.files import Upload
        from app.documents.operations import store
        from app.security.who_sees_what import Noun

        upload = Upload(f"{invoice.number}.pdf", "application/pdf", PDF)
        row = store(upload, noun=Noun.bill, family_id=invoice.family_id, state=FileState.kept)
        assert isinstance(row, StoredFile)
        document.state, document.file_id = DocumentState.done, row.id
    db.session.add(document)


def cancel(invoice_id, *, rank, day, reason="Lea was at home that week."):
    """A credit note of a whole invoice, which it pays; returns its id."""
    with unit_of_work():
        old = db.session.get(Invoice, invoice_id)
        common = {"regie": 1, "year": day.year, "rank": rank, "number": day.year * 1000000 + rank, "family_id": old.family_id}
        note = Invoice(**common, kind=InvoiceKind.credit_note, period_id=old.period_id, period=old.period, issued_on=day, issued_by=BY)
        note.addressee, note.total, note.corrects_id, note.reason = old.addressee, -old.total, old.id, reason
        note_id = _save(note, [], False)
        entry = db.session.scalar(db.select(LedgerEntry).filter_by(invoice_id=note_id))
        db.session.add(Allocation(entry_id=entry.id, invoice_id=old.id, amount=old.total))
        return note_id


def pay(family_id, amount, day, *invoices, title="Cheque", kind="payment"):
    """A payment; `invoices`: (id, amount) that it pays. Returns its id."""
    with unit_of_work():
        entry = LedgerEntry(family_id=family_id, kind=EntryKind(kind), day=day, amount=-Decimal(amount), title=title, made_by=BY)
        db.session.add(entry)
        db.session.flush()
        db.session.add_all([Allocation(entry_id=entry.id, invoice_id=number, amount=Decimal(part)) for number, part in invoices])
        return entry.id


def autumn(town):
    """Galbert's September paid, October unpaid and ready as PDF; Petit owes 7.60 for Hugo. {name: invoice's id}; it is 23 November 2026."""
    september, october = (school_days(date(2026, month, 1), date(2026, month, 30)) for month in (9, 10))
    lea, tom = {"child_id": town.lea}, {"child_id": town.tom}
    first = issue(1, 2026, 9, lines_of("Léa", september, "3.80", **lea), rank=1)
    pay(1, Decimal("3.80") * len(september), date(2026, 10, 20), (first, Decimal("3.80") * len(september)))
    october = october[:10]
    lines = lines_of("Léa", october, "3.80", **lea) + lines_of("Léa", october[:2], "5.70", charge="late", **lea)
    lines += lines_of("Léa", october[:4], "1.90", activity="Evening care", unit="Evening care", **lea)
    lines += lines_of("Tom", october[:3], "2.10", **tom)
    second = issue(1, 2026, 10, lines, rank=2, file=True)
    hugo = issue(3, 2026, 10, lines_of("Hugo", october[:2], "3.80", child_id=town.hugo), rank=3, file=True)
    return {"september": first, "october": second, "petit": hugo}

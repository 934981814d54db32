"""How does a draft become an invoice? In one short transaction of its household: number, snapshot, ledger entry, bill."""

import json
from functools import cache, lru_cache

from sqlalchemy import bindparam, func, insert, select, true, update

from app.billing import ledger, settings
from app.billing.computing import bills_of, comes_with, compute
from app.billing.lines import ZERO, Line
from app.billing.models import (
    Bill,
    BillingPeriod,
    BillState,
    EntryKind,
    Invoice,
    InvoiceDocument,
    InvoiceKind,
    InvoiceLine,
    LedgerEntry,
    PriceReason,
)
from app.billing.queries import balance
from app.core import clock
from app.core.db import PreparedInsert
from app.core.money import LARGEST, to_cents
from app.core.numbering import next_number
from app.extensions import db
from app.families.models import Family

#: The town's only one for now.
REGIE = 1
#: Digits only, since public accounting takes nothing else: 2026000123.
NUMBERS_OF_A_YEAR = 1_000_000
#: What an InvoiceLine copies of a Line, in the order of both.
COPIED = Line._fields[:-1]


# Lines are nine tenths of what issuing writes: they go to the driver as it wants them, which halves their time.
_DAY, MONEY = COPIED.index("day"), tuple(COPIED.index(name) for name in ("unit_price", "amount", "meal", "third_party"))
cents = lru_cache(4096)(to_cents)


def _insert_lines(numbered):
    """Write [(invoice's id, position, reason's id, Line)]."""
    connection, columns = db.session.connection(), ("invoice_id", "position", "reason_id", *COPIED)
    rows, names = [], ", ".join(columns)
    for invoice_id, position, reason_id, line in numbered:
        values = [invoice_id, position, reason_id, line.charge.name, *line[1:-1]]
        for place in MONEY:
            values[3 + place] = cents(line[place])
        if line.day is not None:
            values[3 + _DAY] = line.day.isoformat()
        rows.append(tuple(values))
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"INSERT INTO invoice_line ({names}) VALUES ({', '.join('?' * len(columns))})", rows)
        return
    # As one value: the driver would send a statement a row.
    made = json.dumps([dict(zip(columns, values, strict=True)) for values in rows])
    source = f"SELECT {names} FROM json_populate_recordset(null::invoice_line, %s::json)"
    connection.exec_driver_sql(f"INSERT INTO invoice_line ({names}) {source}", (made,))


insert_invoice, insert_bill, insert_reason = PreparedInsert(Invoice), PreparedInsert(Bill), PreparedInsert(PriceReason)
insert_entry, insert_document = PreparedInsert(LedgerEntry), PreparedInsert(InvoiceDocument)


def _run(statement, *values):
    """Execute one of the statements below, which are built once: building one takes longer than running it."""
    return db.session.connection().execute(statement, *values)


LOCK_FAMILY = select(Family.__table__.c.id).where(Family.__table__.c.id == bindparam("family")).with_for_update()
FIGURES = ("state", "total", "previous", "lines", "anomalies", "blocked", "computed_at", "invoice_id")
UPDATE_BILL = update(Bill.__table__).where(Bill.__table__.c.id == bindparam("bill")).values({name: bindparam(name) for name in FIGURES})


@cache
def _standing():
    """The household's newest invoice, its balance, and its bills: this period's, and what was carried forward before it."""
    family = bindparam("family")
    newest = select(func.max(Invoice.id)).where(Invoice.family_id == family)
    owed = select(func.coalesce(func.sum(LedgerEntry.amount), ZERO)).where(LedgerEntry.family_id == family)
    columns = (Bill.id, Bill.period_id, Bill.state, Bill.invoice_id, Bill.carried_to_id, Bill.total)
    bills = select(*columns).join(BillingPeriod, BillingPeriod.id == Bill.period_id).where(Bill.family_id == family)
    before = (Bill.state == BillState.carried) & (BillingPeriod.first_day < bindparam("first"))
    bills = bills.where((Bill.period_id == bindparam("period")) | before).subquery()
    query = select(newest.scalar_subquery().label("newest"), owed.scalar_subquery().label("owed"), *bills.c)
    return query.select_from(Family).outerjoin(bills, true()).where(Family.id == family)


def _lock(family_id):
    """Let those who bill a household wait for each other. SQLite needs it not: its units of work come one after the other."""
    if db.session.connection().dialect.name != "sqlite":
        _run(LOCK_FAMILY, {"family": family_id})


def issue(period, computed, addressee, *, by, even_small=False, reason=""):
    """Make a household's bill, within the open unit of work; returns what became of it.

    "issued", "carried", "held", "blocked", "nothing"; "there" where it was issued before or is over. What was computed before the lock
    was taken and has become stale is computed again.
    """
    _lock(computed.family_id)
    computed, owed = _fresh(period, computed)
    if computed is None or (computed.bill is not None and computed.bill.invoice_id):
        return "there"
    if not computed.draft.lines and not computed.draft.anomalies:
        _forget(computed)
        return "nothing"
    if computed.bill is not None and computed.bill.state is BillState.held:
        return "held"
    if computed.draft.blocked or not computed.draft.lines:
        save_bill(period, computed, BillState.draft)
        return "blocked"
    if computed.too_small and (not even_small or computed.draft.total < 0):
        carry(period, computed)
        return "carried"
    write_invoice(period, computed, addressee, owed, by=by, reason=reason)
    return "issued"


def _fresh(period, computed):
    """(the Computed, or another one where something has happened since it was made; what the household owes). None: its bill is over."""
    found = _run(_standing(), {"family": computed.family_id, "period": period.id, "first": period.first_day}).all()
    newest, owed, rows = found[0].newest, found[0].owed, [row for row in found if row.id is not None]
    mine = next((row for row in rows if row.period_id == period.id), None)
    carried = {row.id for row in rows if row.period_id != period.id and comes_with(row, mine)}
    if _state(mine) != _state(computed.bill) or newest != computed.newest_invoice or carried != set(computed.carried):
        computed = compute(period, [computed.family_id]).get(computed.family_id)
    return computed, owed


def _state(bill):
    return bill and (bill.id, bill.state, bill.invoice_id, bill.carried_to_id)


def carry(period, computed):
    """Carry a bill forward, within the open unit of work: what had come with it comes with the next one too."""
    bill_id, bill = save_bill(period, computed, BillState.carried), Bill.__table__
    if computed.carried:
        db.session.execute(update(bill).where(bill.c.carried_to_id == bill_id).values(carried_to_id=None))


def _forget(computed):
    """Of a household that owes nothing any more no bill is left that says so."""
    if computed.bill is not None and computed.bill.state in (BillState.draft, BillState.carried):
        db.session.execute(Bill.__table__.delete().where(Bill.__table__.c.id == computed.bill.id))


def save_drafts(period, found):
    """Keep what a dry run has computed ({family_id: Computed}), within the open unit of work; returns what each one is."""
    db.session.execute(select(Family.id).where(Family.id.in_(list(found))).order_by(Family.id).with_for_update())
    now, outcomes = {row.family_id: row for row in bills_of(period, list(found)) if row.period_id == period.id}, []
    for family_id, one in found.items():
        if _state(now.get(family_id)) != _state(one.bill):
            # Issued, held back or cancelled meanwhile: the next dry run sees it.
            outcomes.append("there")
        elif one.bill is not None and one.bill.invoice_id:
            _note_issued(one)
            outcomes.append("changed" if one.changed else "unchanged")
        elif not one.draft.lines and not one.draft.anomalies:
            _forget(one)
            outcomes.append("nothing")
        else:
            state = one.bill.state if one.bill is not None else BillState.draft
            if state is BillState.carried and not one.too_small:
                state = BillState.draft
            save_bill(period, one, state)
            outcomes.append("blocked" if one.draft.blocked else "small" if one.too_small else "ready")
    return outcomes


def _note_issued(one):
    """Of an issued bill the figures stay, and what is odd about it now is said."""
    bill = Bill.__table__
    values = {"anomalies": one.draft.anomalies, "blocked": one.draft.blocked, "computed_at": clock.now()}
    db.session.execute(update(bill).where(bill.c.id == one.bill.id).values(**values))


def save_bill(period, computed, state, invoice_id=None):
    """Keep the figures of a household's bill; returns the bill's id."""
    values = {
        "state": state,
        "total": _within(computed.draft.total),
        "previous": computed.previous,
        "lines": len(computed.draft.lines),
        "anomalies": computed.draft.anomalies,
        "blocked": computed.draft.blocked,
        "computed_at": clock.now(),
        "invoice_id": invoice_id,
    }
    if computed.bill is not None:
        if state is not computed.bill.state:
            Bill.check(computed.bill.state, state)
        _run(UPDATE_BILL, {"bill": computed.bill.id, **values})
        return computed.bill.id
    return insert_bill(period_id=period.id, family_id=computed.family_id, **values)


def _within(total):
    """What is too large to be kept is kept as the largest: its bill is blocked."""
    return max(-LARGEST, min(LARGEST, total))


def write_invoice(period, computed, addressee, owed, *, by, reason=""):
    """The invoice of a draft, with its number, lines, reasons, ledger entry and document; the bill follows. Returns the invoice's id."""
    today, draft = clock.today(), computed.draft
    made = {"family_id": draft.family_id, "period_id": period.id, "period": _period_of(period, computed), "addressee": addressee}
    due_on = period.due_on if period.due_on > today else today + settings.time_to_pay()
    invoice_id = _insert(InvoiceKind.invoice, draft.total, owed, by=by, due_on=due_on, reason=reason, **made)
    reasons = _keep_reasons(invoice_id, draft.lines)
    _insert_lines([(invoice_id, position, reasons.get(id(line.reason)), line) for position, line in enumerate(draft.lines, 1)])
    bill_id = save_bill(period, computed, BillState.issued, invoice_id)
    if computed.carried:
        bill = Bill.__table__
        db.session.execute(update(bill).where(bill.c.id.in_(computed.carried)).values(carried_to_id=bill_id))
    if owed < 0:
        # It has paid in advance, or a credit note paid more than there was.
        ledger.settle_all(draft.family_id)
    return invoice_id


def _period_of(period, computed):
    """What an invoice copies of its period, and of those that were carried forward to it."""
    days = {"first_day": period.first_day.isoformat(), "last_day": period.last_day.isoformat()}
    return {"title": period.title, **days} | ({"carried": list(computed.carried_from)} if computed.carried_from else {})


def _insert(kind, total, owed, *, by, **values):
    """An Invoice with the next number, its entry in the ledger and the row of its document; returns its id."""
    today = clock.today()
    rank = next_number(f"invoice.{REGIE}.{today.year}")
    numbered = {"regie": REGIE, "year": today.year, "rank": rank, "number": today.year * NUMBERS_OF_A_YEAR + rank}
    issued = {"issued_on": today, "issued_by": str(by)[:120], "earlier_balance": owed, "total": total, "kind": kind}
    invoice_id = insert_invoice(**numbered, **issued, **values)
    entry = {"kind": EntryKind(kind.value), "day": today, "amount": total, "made_by": str(by)[:120]}
    insert_entry(family_id=values["family_id"], invoice_id=invoice_id, **entry)
    insert_document(invoice_id=invoice_id)
    return invoice_id


def _keep_reasons(invoice_id, lines):
    """{id() of a reason: id of its row}: one row for all lines that share it."""
    reasons = {id(line.reason): line.reason for line in lines if line.reason is not None}
    if not reasons:
        return {}
    ids = insert_reason.many([{"invoice_id": invoice_id, "content": reason} for reason in reasons.values()], by="content")
    return dict(zip(reasons, ids, strict=True))


def write_credit_note(invoice, reason, *, by):
    """Cancel an invoice whole, within the open unit of work and under its household's lock; returns the credit note's id.

    What had been paid for it is free again; the credit note pays it.
    """
    ledger.release(invoice)
    copied = {name: getattr(invoice, name) for name in ("family_id", "period_id", "period", "addressee")}
    owed = balance(invoice.family_id)
    note_id = _insert(InvoiceKind.credit_note, -invoice.total, owed, by=by, corrects_id=invoice.id, reason=reason, **copied)
    lines = InvoiceLine.__table__
    signed = {"unit_price", "amount", "meal", "third_party"}
    names = ("position", *COPIED, "reason_id")
    columns = [-lines.c[name] if name in signed else lines.c[name] for name in names]
    source = select(bindparam("note", note_id), *columns).where(lines.c.invoice_id == invoice.id)
    db.session.execute(insert(lines).from_select(["invoice_id", *names], source))
    entry = db.session.scalar(select(LedgerEntry).filter_by(invoice_id=note_id))
    if invoice.total:
        ledger.allocate(entry, invoice, invoice.total)
    return note_id

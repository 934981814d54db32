"""What is the bill of each household for a period? Its draft, with what was carried forward, beside what was issued already."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import func, select

from app.billing import anomalies, settings
from app.billing.issued import in_force
from app.billing.lines import ZERO, Draft, drafts
from app.billing.models import Bill, BillingPeriod, BillState, Invoice, InvoiceLine
from app.extensions import db

#: So many bills before this one say what is usual.
USUAL_OF = 3


@dataclass
class Computed:
    """A household's bill as it would be issued, and what it rests on."""

    family_id: int
    draft: Draft
    #: The Bill that is there (id, state, invoice_id, total), or None.
    bill: object = None
    #: Ids of the bills carried forward whose days are in the draft, and what their periods are called.
    carried: tuple = ()
    carried_from: tuple = ()
    #: The household's newest invoice when this was read: a newer one makes it stale.
    newest_invoice: int | None = None
    previous: Decimal = ZERO
    #: Whether an issued bill says something else than its invoice.
    changed: bool = False

    @property
    def too_small(self):
        """Whether it is to be carried forward: under the minimum, or below zero. What a credit has paid to the cent is issued."""
        total = self.draft.total
        return total < settings.minimum() and (bool(total) or not any(line.amount for line in self.draft.lines)) and bool(self.draft.lines)


@dataclass
class _Known:
    """The bills of a household that matter for a period."""

    bill: object = None
    carried: list = field(default_factory=list)


def compute(period, family_ids, *, again=False):
    """{family_id: Computed} of the households whose bill is still to be made or can be compared: not cancelled, not on a later bill.

    `again`: also of those whose invoice was cancelled, as they would be billed anew.
    """
    known, newest = _bills(period, family_ids), _newest_invoices(family_ids)
    wanted = [family_id for family_id in family_ids if not _is_over(known[family_id].bill, again)]
    own = (period.first_day, period.last_day)
    spans = {family_id: (*((row.first_day, row.last_day) for row in known[family_id].carried), own) for family_id in wanted}
    instead = {family_id: known[family_id].bill.invoice_id for family_id in wanted if known[family_id].bill is not None}
    made = drafts(wanted, *own, spans=spans, instead=instead)
    _note_billed_elsewhere(made, instead)
    earlier, found = _earlier(period, wanted), {}
    for family_id in wanted:
        mine = known[family_id]
        found[family_id] = one = Computed(family_id, made[family_id], mine.bill, tuple(row.id for row in mine.carried))
        one.carried_from = tuple(row.title for row in mine.carried)
        one.newest_invoice = newest.get(family_id)
        one.previous = earlier[family_id].get(0, ZERO)
        _note_of_total(one, list(earlier[family_id].values()))
    _note_changes([one for one in found.values() if one.bill is not None and one.bill.invoice_id])
    return found


def _is_over(bill, again):
    return bill is not None and ((bill.state is BillState.cancelled and not again) or bill.carried_to_id is not None)


def bills_of(period, family_ids):
    """Rows of the bills of some households that belong to a period, or may have been carried forward to it."""
    columns = (Bill.id, Bill.family_id, Bill.period_id, Bill.state, Bill.invoice_id, Bill.total, Bill.carried_to_id)
    days = (BillingPeriod.title, BillingPeriod.first_day, BillingPeriod.last_day)
    query = select(*columns, *days).join(BillingPeriod, BillingPeriod.id == Bill.period_id)
    before = (Bill.state == BillState.carried) & (BillingPeriod.first_day < period.first_day)
    query = query.where(Bill.family_id.in_(family_ids), (Bill.period_id == period.id) | before).order_by(BillingPeriod.first_day)
    return db.session.execute(query).all()


def _bills(period, family_ids):
    """{family_id: _Known}"""
    known, rows = defaultdict(_Known), bills_of(period, family_ids)
    for row in rows:
        if row.period_id == period.id:
            known[row.family_id].bill = row
    for row in rows:
        if row.period_id != period.id and comes_with(row, known[row.family_id].bill):
            known[row.family_id].carried.append(row)
    return known


def comes_with(row, bill):
    """Whether what was carried forward is on this bill, or comes with it where it is not issued; a bill of nothing is not carried on."""
    if row.carried_to_id is None:
        return bool(row.total) and (bill is None or bill.state is not BillState.issued)
    return bill is not None and row.carried_to_id == bill.id


def _newest_invoices(family_ids):
    query = select(Invoice.family_id, func.max(Invoice.id)).where(Invoice.family_id.in_(family_ids)).group_by(Invoice.family_id)
    return dict(db.session.execute(query).all())


def _earlier(period, family_ids):
    """{family_id: {how many periods ago, from 0: total}} of what was issued for the periods just before this one."""
    query = select(BillingPeriod.id).where(BillingPeriod.last_day < period.first_day)
    places = {
        number: place for place, number in enumerate(db.session.scalars(query.order_by(BillingPeriod.last_day.desc()).limit(USUAL_OF)))
    }
    found = defaultdict(dict)
    if places:
        query = select(Bill.family_id, Bill.period_id, Bill.total)
        query = query.where(Bill.period_id.in_(places), Bill.family_id.in_(family_ids), Bill.state == BillState.issued)
        for family_id, period_id, total in db.session.execute(query):
            found[family_id][places[period_id]] = total
    return found


def _note_of_total(one, earlier):
    if not one.draft.lines:
        return
    odd = anomalies.unusual(one.draft.total, earlier)
    if odd is not None:
        one.draft.anomalies.append(odd)
    if one.too_small and (one.bill is None or one.bill.state is not BillState.issued):
        one.draft.anomalies.append({"code": "carried", "carried": str(one.draft.total)})


def _note_billed_elsewhere(made, instead):
    """A child's day is billed once: one that is on another invoice in force keeps the bill from being issued."""
    places = {(line.child_id, line.unit_id, line.day): draft for draft in made.values() for line in draft.lines if line.unit_id}
    if not places:
        return
    days, mine = [day for _child, _unit, day in places], set(filter(None, instead.values()))
    query = select(
        InvoiceLine.child_id, InvoiceLine.unit_id, InvoiceLine.day, InvoiceLine.child, InvoiceLine.unit, Invoice.id, Invoice.number
    )
    query = query.join(Invoice, Invoice.id == InvoiceLine.invoice_id).where(in_force(), InvoiceLine.unit_id.is_not(None))
    query = query.where(InvoiceLine.child_id.in_({child for child, _unit, _day in places}), InvoiceLine.day.between(min(days), max(days)))
    found = defaultdict(list)
    for row in db.session.execute(query):
        draft = places.get((row.child_id, row.unit_id, row.day))
        if draft is not None and row.id not in mine:
            found[draft.family_id, row.child, row.unit, row.number].append(row.day.isoformat())
    for (family_id, child, unit, number), dates in found.items():
        odd = {"code": "elsewhere", "child": child, "unit": unit, "number": number, "days": sorted(dates)}
        made[family_id].anomalies.append(odd)


def _note_changes(issued):
    """Say of issued bills whether what happened differs from what their invoices say."""
    ids = [one.bill.invoice_id for one in issued]
    names = ("charge", "child_id", "activity_id", "unit_id", "day", "quantity", "unit_price", "third_party", "unit")
    billed = defaultdict(Counter)
    query = select(InvoiceLine.invoice_id, *(getattr(InvoiceLine, name) for name in names)).where(InvoiceLine.invoice_id.in_(ids))
    for invoice_id, charge, *rest, unit in db.session.execute(query) if ids else ():
        billed[invoice_id][charge.value, *rest, unit if charge.value == "adjustment" else ""] += 1
    for one in issued:
        one.changed = billed[one.bill.invoice_id] != Counter(line.what for line in one.draft.lines)
        if one.changed:
            one.draft.anomalies.append({"code": "changed", "was": str(one.bill.total), "now": str(one.draft.total)})

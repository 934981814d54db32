"""What is billed and what is not? Periods at a glance, and one of them with its bills, anomalies and documents."""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cache

from sqlalchemy import Text, bindparam, cast, func, select, type_coerce

from app.billing import settings
from app.billing.anomalies import BLOCKING, TITLES
from app.billing.models import (
    Allocation,
    Bill,
    BillingPeriod,
    BillingRun,
    BillState,
    DocumentState,
    Invoice,
    InvoiceDocument,
    InvoiceKind,
    LedgerEntry,
    RunKind,
    RunState,
)
from app.billing.queries import left_of
from app.core import clock
from app.core.i18n import date_text
from app.core.money import Money
from app.extensions import db

ZERO = Decimal("0.00")
#: So many periods are shown at a glance, and drawn beside one of them.
SHOWN, DRAWN = 24, 13
RUNNING = (RunState.waiting, RunState.running)


@dataclass
class Month:
    """A period at a glance."""

    period: BillingPeriod
    counts: Counter = field(default_factory=Counter)
    totals: dict = field(default_factory=dict)
    left: Decimal = ZERO
    run: BillingRun | None = None

    @property
    def households(self):
        """How many bills there are to issue or issued: those carried forward are another period's."""
        return sum(self.counts[state] for state in (BillState.draft, BillState.held, BillState.issued))

    @property
    def issued(self):
        return self.counts[BillState.issued]

    @property
    def waiting(self):
        """How many bills still wait."""
        return self.counts[BillState.draft] + self.counts[BillState.held]

    @property
    def billed(self):
        return self.totals.get(BillState.issued, ZERO)

    @property
    def over(self):
        """Whether its last day has passed: before, more may happen."""
        return self.period.last_day < clock.today()


def months():
    """The last SHOWN periods as Months, the newest first, in four queries."""
    periods = db.session.scalars(select(BillingPeriod).order_by(BillingPeriod.first_day.desc()).limit(SHOWN)).all()
    found = {period.id: Month(period) for period in periods}
    if not found:
        return []
    bills = select(Bill.period_id, Bill.state, func.count(), func.sum(Bill.total)).where(Bill.period_id.in_(found))
    for period_id, state, count, total in db.session.execute(bills.group_by(Bill.period_id, Bill.state)):
        found[period_id].counts[state], found[period_id].totals[state] = count, total
    for period_id, left in _left(found):
        found[period_id].left = left
    for run in db.session.scalars(select(BillingRun).where(BillingRun.period_id.in_(found), BillingRun.state.in_(RUNNING))):
        found[run.period_id].run = run
    return list(found.values())


def _left(period_ids):
    """(period, what is left to pay of its invoices)."""
    paid = (
        select(Allocation.invoice_id, func.sum(Allocation.amount).label("paid"))
        .join(Invoice, Invoice.id == Allocation.invoice_id)
        .where(Invoice.period_id.in_(period_ids))
        .group_by(Allocation.invoice_id)
        .subquery()
    )
    left = type_coerce(func.sum(Invoice.total) - func.coalesce(func.sum(paid.c.paid), ZERO), Money)
    query = select(Invoice.period_id, left).outerjoin(paid, paid.c.invoice_id == Invoice.id)
    query = query.where(Invoice.period_id.in_(period_ids), Invoice.kind == InvoiceKind.invoice)
    return db.session.execute(query.group_by(Invoice.period_id))


@dataclass(frozen=True)
class Ahead:
    """A period that is not opened yet."""

    title: str
    first_day: date
    last_day: date
    due_on: date

    @property
    def over(self):
        return self.last_day < clock.today()


def next_period(last=None):
    """The Ahead that follows the last period: to the end of its month. Where there is none, the last month that is over."""
    last = last or db.session.scalar(select(func.max(BillingPeriod.last_day)))
    first = last + timedelta(days=1) if last is not None else (clock.today().replace(day=1) - timedelta(days=1)).replace(day=1)
    end = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return Ahead(month_title(first), first, end, due_day(end))


def month_title(day):
    """What the period of a month is called: Octobre 2026."""
    title = date_text(day, "LLLL yyyy")
    return title[:1].upper() + title[1:]


def due_day(last_day):
    """Until when invoices of a period are to be paid that is billed as soon as it is over."""
    return max(last_day, clock.today()) + settings.time_to_pay()


# -- in a few figures -------------------------------------------------------------------------------------------------------------------


@cache
def columns_of_town():
    """Scalar sub-queries for the desk of :today: bills to issue, what is overdue of all in euros, the last day that a period has."""
    to_issue = select(func.count()).select_from(Bill).where(Bill.state.in_((BillState.draft, BillState.held)))
    late = (Invoice.kind == InvoiceKind.invoice) & (Invoice.due_on < bindparam("today"))
    billed = select(func.coalesce(func.sum(Invoice.total), ZERO)).where(late).scalar_subquery()
    paid = select(func.coalesce(func.sum(Allocation.amount), ZERO)).join(Invoice, Invoice.id == Allocation.invoice_id).where(late)
    overdue = type_coerce(billed - paid.scalar_subquery(), Money)
    return to_issue.scalar_subquery(), overdue, select(func.max(BillingPeriod.last_day)).scalar_subquery()


def columns_of_family(family_id):
    """Scalar sub-queries for a household's page of :today: balance, unpaid invoices, overdue ones, what is left of them in euros."""
    balance = select(func.coalesce(func.sum(LedgerEntry.amount), ZERO)).where(LedgerEntry.family_id == family_id).scalar_subquery()
    left = left_of().label("left")
    unpaid = (
        select(Invoice.due_on, left).where(Invoice.family_id == family_id, Invoice.kind == InvoiceKind.invoice, left_of() > 0).subquery()
    )
    count, overdue = select(func.count()).select_from(unpaid), select(func.count()).where(unpaid.c.due_on < bindparam("today"))
    total = type_coerce(select(func.coalesce(func.sum(unpaid.c.left), ZERO)).scalar_subquery(), Money)
    return type_coerce(balance, Money), count.scalar_subquery(), overdue.scalar_subquery(), total


# -- one period -------------------------------------------------------------------------------------------------------------------------


@dataclass
class Kind:
    """One kind of anomaly in a period: how many bills have it."""

    code: str
    count: int

    @property
    def title(self):
        return TITLES.get(self.code, self.code)

    @property
    def blocks(self):
        return self.code in BLOCKING


@dataclass
class Overview(Month):
    """A period with what its dashboard shows."""

    #: The last run of the period, whatever its state.
    last_run: BillingRun | None = None
    lines: int = 0
    computed_at: object = None
    #: Bills that would be issued now, and their total.
    ready: int = 0
    ready_total: Decimal = ZERO
    blocked: int = 0
    #: Under the minimum: they would be carried forward.
    small: int = 0
    held: int = 0
    #: Issued bills whose days have changed since.
    changed: int = 0
    previous: Decimal = ZERO
    documents: Counter = field(default_factory=Counter)
    mailed: int = 0
    anomalies: Counter = field(default_factory=Counter)
    history: list = field(default_factory=list)

    @property
    def running(self):
        return self.last_run if self.last_run is not None and self.last_run.state in RUNNING else None

    @property
    def total(self):
        """What the period comes to: issued and still to be issued."""
        return sum((self.totals.get(state, ZERO) for state in (BillState.draft, BillState.held, BillState.issued)), ZERO)

    @property
    def difference(self):
        return self.total - self.previous

    @property
    def kinds(self):
        """[Kind], those first that keep bills from being issued."""
        kinds = [Kind(code, count) for code, count in self.anomalies.items()]
        return sorted(kinds, key=lambda kind: (not kind.blocks, -kind.count, kind.code))

    @property
    def blocking(self):
        return [kind for kind in self.kinds if kind.blocks]

    @property
    def unready(self):
        """How many PDFs are still to be made."""
        return self.documents[DocumentState.waiting]

    @property
    def step(self):
        """Which of the four steps is the next: 1 compute, 2 look, 3 issue, 4 documents and mails; 5: all is done."""
        if self.running is not None:
            return 3 if self.running.kind is RunKind.issue else 1
        if not self.counts:
            return 1
        if (self.ready or self.small) and not self.blocked:
            return 3
        if self.waiting:
            return 2
        return 4 if self.unready else 5


def overview(period_id):
    """The Overview of a period, or None, in three queries."""
    last_run = select(func.max(BillingRun.id)).where(BillingRun.period_id == period_id).scalar_subquery()
    query = select(BillingPeriod, BillingRun).outerjoin(BillingRun, BillingRun.id == last_run)
    found = db.session.execute(query.where(BillingPeriod.id == period_id)).one_or_none()
    if found is None:
        return None
    page = Overview(found.BillingPeriod, last_run=found.BillingRun)
    for row in db.session.execute(_bills(period_id)):
        _count(page, row)
    page.history = _history(page.period)
    before = [one for one in page.history if one.period.last_day < page.period.first_day]
    page.previous = before[-1].total if before else ZERO
    return page


def _bills(period_id):
    """Alike bills are counted where they lie: a row for the many of which nothing is to be said, however many they are."""
    # PostgreSQL compares no JSON; as a text it does.
    alike = (
        *(Bill.state, Bill.blocked, cast(Bill.anomalies, Text).label("anomalies")),
        *(InvoiceDocument.state.label("document"), InvoiceDocument.mailed_at.is_not(None).label("mailed")),
    )
    sums = (
        *(func.count().label("bills"), func.sum(Bill.total).label("total"), func.sum(Bill.lines).label("lines")),
        *(func.max(Bill.computed_at).label("computed_at"), type_coerce(func.sum(left_of()), Money).label("left")),
    )
    query = select(*alike, *sums).outerjoin(Invoice, Invoice.id == Bill.invoice_id)
    query = query.outerjoin(InvoiceDocument, InvoiceDocument.invoice_id == Invoice.id)
    return query.where(Bill.period_id == period_id).group_by(*alike)


def _count(page, row):
    page.counts[row.state] += row.bills
    page.totals[row.state] = page.totals.get(row.state, ZERO) + row.total
    page.computed_at = max(filter(None, (page.computed_at, row.computed_at)))
    page.lines += row.lines
    codes = {one["code"] for one in json.loads(row.anomalies or "null") or ()}
    page.anomalies.update(dict.fromkeys(codes, row.bills))
    if row.state is BillState.issued:
        page.documents[row.document] += row.bills
        page.mailed += row.bills if row.mailed else 0
        page.left += row.left or ZERO
        page.changed += row.bills if "changed" in codes else 0
    elif row.state is BillState.held:
        page.held += row.bills
    elif row.state is BillState.draft and row.blocked:
        page.blocked += row.bills
    elif row.state is BillState.draft and "carried" in codes:
        page.small += row.bills
    elif row.state is BillState.draft:
        page.ready, page.ready_total = page.ready + row.bills, page.ready_total + row.total


@dataclass
class Bar:
    """A period in the drawing: what was issued, and what is still to be."""

    period: BillingPeriod
    issued: Decimal = ZERO
    waiting: Decimal = ZERO

    @property
    def total(self):
        return self.issued + self.waiting


def _history(period):
    """[Bar] of the periods up to this one, the oldest first."""
    near = select(BillingPeriod.id).where(BillingPeriod.first_day <= period.first_day).order_by(BillingPeriod.first_day.desc()).limit(DRAWN)
    query = select(BillingPeriod, Bill.state, func.sum(Bill.total)).outerjoin(Bill, Bill.period_id == BillingPeriod.id)
    query = query.where(BillingPeriod.id.in_(near.scalar_subquery())).group_by(BillingPeriod.id, Bill.state)
    bars = {}
    for found, state, total in db.session.execute(query.order_by(BillingPeriod.first_day)):
        bar = bars.setdefault(found.id, Bar(found))
        if state is BillState.issued:
            bar.issued = total
        elif state in (BillState.draft, BillState.held):
            bar.waiting += total
    return list(bars.values())

"""How does a price table come into force, and go? Dated versions of an activity; invoices stay as they were issued."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from app.audit.operations import record
from app.billing import validator
from app.billing.grids import grid_to_json
from app.billing.issued import in_force
from app.billing.models import BillingPeriod, Invoice, InvoiceLine, RunKind, TariffGrid
from app.billing.operations import ask_run, open_run
from app.core.errors import DomainError, Stale
from app.core.i18n import _, _n
from app.extensions import db


@dataclass(frozen=True)
class Billed:
    """Which invoices that still count hold days of an activity."""

    #: {period's id: (its title, how many invoices)}, the earliest first.
    periods: dict
    #: The last of these days.
    last: date | None

    @property
    def count(self):
        return sum(count for _title, count in self.periods.values())


class AlreadyBilled(DomainError):
    """Invoices hold what is to change: a person says first that it knows which ones."""

    def __init__(self, billed):
        super().__init__(_n("%(num)d invoice was made with these prices.", "%(num)d invoices were made with these prices.", billed.count))
        self.billed = billed


def billed_in(activity_id, first, before=None):
    """The Billed of an activity's days from `first` on and before `before`."""
    columns = (BillingPeriod.id, BillingPeriod.title, func.count(Invoice.id.distinct()), func.max(InvoiceLine.day))
    query = select(*columns).join(Invoice, Invoice.period_id == BillingPeriod.id).join(InvoiceLine, InvoiceLine.invoice_id == Invoice.id)
    query = query.where(in_force(), InvoiceLine.activity_id == activity_id, InvoiceLine.day >= first)
    query = query if before is None else query.where(InvoiceLine.day < before)
    query = query.group_by(BillingPeriod.id, BillingPeriod.title, BillingPeriod.first_day).order_by(BillingPeriod.first_day)
    rows = db.session.execute(query).all()
    return Billed({row[0]: (row[1], row[2]) for row in rows}, max((row[3] for row in rows), default=None))


def next_start(activity_id, starts_on):
    """The day from which the version after this day counts, or None."""
    query = select(func.min(TariffGrid.starts_on)).where(
        TariffGrid.activity_id == activity_id, TariffGrid.starts_on > starts_on, ~TariffGrid.draft
    )
    return db.session.scalar(query)


def billed_by(row):
    """The Billed of a version's own days; a draft has none."""
    return Billed({}, None) if row.draft else billed_in(row.activity_id, row.starts_on, next_start(row.activity_id, row.starts_on))


def save(activity, starts_on, title, grid, *, by, row=None, shown="", despite=0, draft=False):
    """Make a version, or change one, within the open unit of work. Returns (the TariffGrid, the Billed that it reaches).

    `shown` is the `changed_at` of the version that the person saw, as text. Invoices stay as they were issued; the worker looks which of
    them would be others now. Raises AlreadyBilled where that are others than the `despite` that the person knows of. A draft counts on no
    day until it is saved without `draft`.
    """
    if wrong := validator.problems(grid, activity.units):
        raise DomainError(wrong[0])
    values = {"starts_on": starts_on, "title": title, "content": grid_to_json(grid), "draft": draft}
    if row is None:
        billed = _reached(activity, None, None if draft else starts_on, despite)
        row = TariffGrid(activity_id=activity.id, **values)
        db.session.add(row)
        db.session.flush()
        record("tariff.add", row, by=by, changes={name: (None, value) for name, value in values.items()})
    else:
        billed = _change(row.id, activity, values, shown, despite, by=by)
    _look_again(billed, by=by)
    return row, billed


def _change(row_id, activity, values, shown, despite, *, by):
    """Change a version; returns the Billed that it reaches."""
    row = _locked(row_id)
    if shown and row.changed_at.isoformat() != shown:
        raise Stale(_("Somebody changed this price table since you opened it. Your text is still here: compare, then save again."))
    if values["draft"] and not row.draft:
        raise DomainError(_("This price table counts already: copy it to make a draft."))
    changes = {name: (getattr(row, name), value) for name, value in values.items() if getattr(row, name) != value}
    billed = Billed({}, None)
    if changes.keys() & {"starts_on", "content", "draft"}:
        before, after = (None if draft else day for draft, day in ((row.draft, row.starts_on), (values["draft"], values["starts_on"])))
        billed = _reached(activity, before, after, despite)
    for name, (_before, value) in changes.items():
        setattr(row, name, value)
    if changes:
        record("tariff.edit", row, by=by, changes=changes)
    return billed


def _reached(activity, before, after, despite):
    """The Billed of the days whose prices change where a version that began on a day begins on another; None: it counts on no day."""
    if after != before and after is not None:
        _refuse_day(activity, after)
    days = [day for day in (before, after) if day is not None]
    if not days:
        return Billed({}, None)
    ends = [next_start(activity.id, day) for day in days]
    return _known(billed_in(activity.id, min(days), None if None in ends else max(ends)), despite)


def _known(billed, despite):
    if billed.count != despite:
        raise AlreadyBilled(billed)
    return billed


def _look_again(billed, *, by):
    """Let the worker mark the invoices that would be others now; where a run is under way, the next one does."""
    for period_id in billed.periods:
        if open_run(period_id) is None:
            ask_run(db.session.get(BillingPeriod, period_id), RunKind.dry, by=by)


def rename(row, title, *, by):
    """Change the decision that a version rests on: its prices stay, so it may be done at any time."""
    row = _locked(row.id)
    if row.title != title:
        record("tariff.edit", row, by=by, changes={"title": (row.title, title)})
        row.title = title
    return row


def remove(row, *, by, despite=0):
    """Take a version away: its days fall to the one before it. Returns the Billed that it reaches. Raises AlreadyBilled as save() does."""
    row = _locked(row.id)
    billed = _known(billed_by(row), despite)
    record("tariff.delete", row, by=by, changes={"content": (row.content, None)})
    db.session.delete(row)
    db.session.flush()
    _look_again(billed, by=by)
    return billed


def _locked(row_id):
    row = db.session.scalar(
        select(TariffGrid).where(TariffGrid.id == row_id).with_for_update(of=TariffGrid).execution_options(populate_existing=True)
    )
    if row is None:
        raise Stale(_("This price table does not exist any more."))
    return row


def _refuse_day(activity, starts_on):
    same = select(TariffGrid.id).where(TariffGrid.activity_id == activity.id, TariffGrid.starts_on == starts_on, ~TariffGrid.draft)
    if db.session.scalar(same) is not None:
        raise DomainError(_("A price table of this activity begins on this day already: choose another day, or change that one."))
    if not date(2000, 1, 1) <= starts_on <= date(2100, 1, 1):
        raise DomainError(_("This day is too far away."))

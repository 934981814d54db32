"""How does a price table come into force, and go? Dated versions of an activity; what families were billed by stays as it is."""

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from app.audit.operations import record
from app.billing import validator
from app.billing.grids import grid_to_json
from app.billing.models import Invoice, InvoiceLine, TariffGrid
from app.core.errors import DomainError, Stale
from app.core.i18n import _, date_text
from app.extensions import db


def last_billed(activity_id, first, before=None):
    """The last day, from `first` on and before `before`, of an activity that an invoice which still counts holds; None for no day."""
    credit = aliased(Invoice)
    cancelled = select(credit.id).where(credit.corrects_id == Invoice.id).exists()
    query = (
        select(func.max(InvoiceLine.day))
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .where(InvoiceLine.activity_id == activity_id, InvoiceLine.day >= first, Invoice.corrects_id.is_(None), ~cancelled)
    )
    return db.session.scalar(query if before is None else query.where(InvoiceLine.day < before))


def next_start(activity_id, starts_on):
    """The day from which the version after this day counts, or None."""
    query = select(func.min(TariffGrid.starts_on)).where(TariffGrid.activity_id == activity_id, TariffGrid.starts_on > starts_on)
    return db.session.scalar(query)


def billed_by(row):
    """The last day that was billed by a version, or None: then it may still change."""
    return last_billed(row.activity_id, row.starts_on, next_start(row.activity_id, row.starts_on))


def save(activity, starts_on, title, grid, *, by, row=None, shown=""):
    """Make a version, or change one that nothing was billed by. Returns the TariffGrid. Raises DomainError.

    `shown` is the `changed_at` of the version that the person saw, as text.
    """
    if wrong := validator.problems(grid, activity.units):
        raise DomainError(wrong[0])
    content = grid_to_json(grid)
    if row is None:
        _refuse_day(activity, starts_on)
        _refuse_billed(activity.id, starts_on)
        row = TariffGrid(activity_id=activity.id, starts_on=starts_on, title=title, content=content)
        db.session.add(row)
        db.session.flush()
        record("tariff.add", row, by=by, changes={"starts_on": (None, starts_on), "title": (None, title), "content": (None, content)})
        return row
    row = _locked(row.id)
    if shown and row.changed_at.isoformat() != shown:
        raise Stale(_("Somebody changed this price table since you opened it. Your text is still here: compare, then save again."))
    _refuse_billed_by(row)
    if starts_on != row.starts_on:
        _refuse_day(activity, starts_on)
        _refuse_billed(activity.id, min(starts_on, row.starts_on), max(starts_on, row.starts_on))
        _refuse_billed(activity.id, starts_on)
    changes = {"starts_on": starts_on, "title": title, "content": content}
    changes = {name: (getattr(row, name), value) for name, value in changes.items() if getattr(row, name) != value}
    for name, (_before, value) in changes.items():
        setattr(row, name, value)
    if changes:
        record("tariff.edit", row, by=by, changes=changes)
    return row


def rename(row, title, *, by):
    """Change the decision that a version rests on: its prices stay, so it may be done at any time."""
    row = _locked(row.id)
    if row.title != title:
        record("tariff.edit", row, by=by, changes={"title": (row.title, title)})
        row.title = title
    return row


def remove(row, *, by):
    """Take a version away that nothing was billed by. Raises DomainError."""
    row = _locked(row.id)
    _refuse_billed_by(row)
    record("tariff.delete", row, by=by, changes={"content": (row.content, None)})
    db.session.delete(row)


def _locked(row_id):
    row = db.session.scalar(
        select(TariffGrid).where(TariffGrid.id == row_id).with_for_update(of=TariffGrid).execution_options(populate_existing=True)
    )
    if row is None:
        raise Stale(_("This price table does not exist any more."))
    return row


def _refuse_day(activity, starts_on):
    same = select(TariffGrid.id).where(TariffGrid.activity_id == activity.id, TariffGrid.starts_on == starts_on)
    if db.session.scalar(same) is not None:
        raise DomainError(_("A price table of this activity begins on this day already: choose another day, or change that one."))
    if not date(2000, 1, 1) <= starts_on <= date(2100, 1, 1):
        raise DomainError(_("This day is too far away."))


def _refuse_billed(activity_id, first, before=None):
    """No version may reach over days that were billed by another."""
    last = last_billed(activity_id, first, before or next_start(activity_id, first))
    if last is not None:
        raise DomainError(_("Days up to %(day)s are billed already: choose a later first day.", day=_day(last)))


def _refuse_billed_by(row):
    last = billed_by(row)
    if last is not None:
        raise DomainError(_("Families were billed by this price table up to %(day)s: make a new one from a later day on.", day=_day(last)))


def _day(day):
    return date_text(day, "long")

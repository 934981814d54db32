"""What does the town do about bills? Periods, runs, one bill, credit notes and corrections, exemptions, adjustments."""

from babel.lists import format_list
from flask import current_app
from flask_babel import get_locale
from sqlalchemy import delete, select

from app.audit.operations import record
from app.billing import ledger, settings
from app.billing.addressees import addressees
from app.billing.anomalies import sentence
from app.billing.computing import compute
from app.billing.issuing import carry, issue, write_credit_note, write_invoice
from app.billing.models import (
    Adjustment,
    Bill,
    BillingPeriod,
    BillingRun,
    BillState,
    Exemption,
    Invoice,
    InvoiceKind,
    RunKind,
    RunState,
)
from app.billing.queries import balance
from app.changes.operations import lock_family
from app.core import clock, constraints
from app.core.errors import DomainError, Stale
from app.core.i18n import _, _l, date_text, in_locale
from app.core.numbering import next_number
from app.extensions import db

OPEN_RUN = (RunState.waiting, RunState.running)

constraints.declare(
    {
        "uq_billing_run_open": _l("A run of this period is under way already."),
        "uq_bill_family": _l("Somebody else is at this bill right now: look again."),
        "uq_invoice_corrects": _l("This invoice was cancelled already."),
        "billing_period_first_day_key": _l("A period begins on this day already."),
    }
)


# -- periods and runs -------------------------------------------------------------------------------------------------------------------


def open_period(first_day, last_day, *, by, title="", due_on=None):
    """The days that are billed together, within the open unit of work. Raises DomainError where they are another period's already."""
    if last_day < first_day:
        raise DomainError(_("The last day lies before the first one."))
    # Two at once come one after the other: no constraint knows that stretches of days do not meet.
    next_number("billing.period")
    query = select(BillingPeriod).where(BillingPeriod.first_day <= last_day, BillingPeriod.last_day >= first_day)
    other = db.session.scalar(query.order_by(BillingPeriod.first_day).limit(1))
    if other is not None:
        raise DomainError(_("These days are billed with %(period)s already.", period=other.title))
    due_on = due_on or max(last_day, clock.today()) + settings.time_to_pay()
    period = BillingPeriod(title=title.strip()[:60] or _month(first_day), first_day=first_day, last_day=last_day, due_on=due_on)
    db.session.add(period)
    db.session.flush()
    record("period.opened", period, by=by)
    return period


def _month(day):
    """As families read it on their bills, whatever the language of the clerk."""
    with in_locale(current_app.config["BABEL_DEFAULT_LOCALE"]):
        return date_text(day, "LLLL y").capitalize()


def ask_run(period, kind, *, by, families=None, reason=""):
    """Let the worker compute, issue or correct the bills of a period, of all households or of some; returns the BillingRun.

    Raises DomainError while another run of the period is under way. A correction says what for: families read it.
    """
    if kind is RunKind.correct and not reason.strip():
        raise DomainError(_("Say why: families read it."))
    if open_run(period.id) is not None:
        raise DomainError(_("A run of %(period)s is under way: wait until it has finished, or stop it.", period=period.title))
    run = BillingRun(
        period_id=period.id,
        kind=kind,
        families=sorted(set(families)) if families is not None else None,
        reason=reason.strip()[:200],
        asked_by=str(by)[:120],
        asked_by_id=getattr(by, "id", None),
    )
    db.session.add(run)
    db.session.flush()
    record(f"run.{kind.value}", run, by=by, note=run.reason)
    return run


def open_run(period_id):
    """The run of a period that waits or is under way, or None."""
    return db.session.scalar(select(BillingRun).where(BillingRun.period_id == period_id, BillingRun.state.in_(OPEN_RUN)))


def stop_run(run, *, by):
    """Stop a run after the household that it is at; what was issued stays. Raises Stale where it has finished."""
    db.session.refresh(run, with_for_update=True)
    if run.state not in OPEN_RUN:
        raise Stale(_("This run has finished already."))
    run.move_to(RunState.stopped)
    run.finished_at = clock.now()
    record("run.stopped", run, by=by)


# -- one bill ---------------------------------------------------------------------------------------------------------------------------


def issue_bill(bill, *, by):
    """Issue one household's bill now, however small, within the open unit of work; returns the Invoice.

    None: it is below zero, and carried forward to the next bill. Raises DomainError where it is issued, held back, empty or blocked,
    with the sentence why.
    """
    period, family_id = bill.period, bill.family_id
    lock_family(family_id)
    db.session.refresh(bill, with_for_update=True)
    if bill.carried_to_id is not None:
        raise DomainError(_("Its days were billed with a later bill."))
    if bill.state is BillState.held:
        raise DomainError(_("This bill is held back: release it first."))
    if bill.state is BillState.cancelled:
        bill.move_to(BillState.draft)
        db.session.flush()
    computed = compute(period, [family_id])[family_id]
    outcome = issue(period, computed, addressees([family_id])[family_id], by=by, even_small=True)
    if outcome == "there":
        raise Stale(_("This bill is issued already."))
    if outcome == "blocked":
        raise DomainError(_why_blocked(computed.draft))
    if outcome not in ("issued", "carried"):
        raise DomainError(_("There is nothing to bill."))
    db.session.refresh(bill)
    if outcome == "carried":
        record("bill.carried", bill, by=by)
        return None
    record("bill.issued", bill.invoice, by=by)
    return bill.invoice


def _why_blocked(draft):
    sentences = [sentence(one) for one in draft.anomalies]
    return " ".join(sentences[:3]) or _("This bill cannot be issued as it is.")


def hold(bill, *, by):
    """Keep a bill back: runs leave it alone until it is released."""
    db.session.refresh(bill, with_for_update=True)
    if bill.state is BillState.issued or bill.carried_to_id is not None:
        raise Stale(_("This bill is issued already."))
    bill.move_to(BillState.held)
    record("bill.held", bill, by=by)


def release(bill, *, by):
    """Let a bill that was kept back be issued again."""
    db.session.refresh(bill, with_for_update=True)
    if bill.state is not BillState.held:
        raise Stale(_("This bill is not held back any more."))
    bill.move_to(BillState.draft)
    record("bill.released", bill, by=by)


# -- what was issued --------------------------------------------------------------------------------------------------------------------


def credit(invoice, reason, *, by):
    """Cancel an invoice with a credit note, within the open unit of work; returns it. What had been paid is free for other invoices."""
    bill = _lock_issued(invoice, reason)
    note = _credit(invoice, bill, reason, by=by)
    ledger.settle_all(invoice.family_id)
    return note


def correct(invoice, reason, *, by):
    """Cancel an invoice and issue what is right today, within the open unit of work; returns the new Invoice, or the credit note where
    nothing is left to bill, or less than nothing: that is carried forward.

    Raises DomainError where nothing has changed, or the new one cannot be issued.
    """
    bill = _lock_issued(invoice, reason)
    if bill is None:
        raise DomainError(_("Another invoice has taken the place of this one."))
    computed = compute(bill.period, [invoice.family_id])[invoice.family_id]
    if not computed.changed:
        raise DomainError(_("Nothing has changed since this invoice was issued: a new one would say the same."))
    return _correct(invoice, bill, computed, reason, by=by)


def correct_if_changed(period, family_id, reason, *, by):
    """What a run does for one household: "corrected", "blocked", or "nothing" where there is nothing to correct."""
    lock_family(family_id)
    computed = compute(period, [family_id]).get(family_id)
    if computed is None or not computed.changed:
        return "nothing"
    if computed.draft.blocked:
        return "blocked"
    bill = db.session.get(Bill, computed.bill.id, populate_existing=True)
    _correct(bill.invoice, bill, computed, reason, by=by)
    return "corrected"


def _correct(invoice, bill, computed, reason, *, by):
    if computed.draft.blocked:
        raise DomainError(_why_blocked(computed.draft))
    note = _credit(invoice, bill, reason, by=by)
    db.session.expire(bill)
    if not computed.draft.lines or computed.draft.total < 0:
        ledger.settle_all(invoice.family_id)
        if computed.draft.lines:
            _carry(bill)
        return note
    computed.draft.anomalies[:] = [one for one in computed.draft.anomalies if one["code"] != "changed"]
    owed, addressee = balance(invoice.family_id), addressees([invoice.family_id])[invoice.family_id]
    made = write_invoice(bill.period, computed, addressee, owed, by=by, reason=reason.strip())
    db.session.expire(bill)
    ledger.settle_all(invoice.family_id)
    fresh = db.session.get(Invoice, made)
    record("invoice.corrected", fresh, by=by, note=f"{invoice.number}: {reason}")
    return fresh


def _carry(bill):
    """Of a bill whose invoice was just cancelled less than nothing is left: it comes off the next one."""
    bill.move_to(BillState.draft)
    db.session.flush()
    carry(bill.period, compute(bill.period, [bill.family_id])[bill.family_id])
    db.session.expire(bill)


def _lock_issued(invoice, reason):
    """The Bill whose invoice in force this is (None: of none any more), its household locked. Raises DomainError where it is cancelled."""
    if not reason.strip():
        raise DomainError(_("Say why: the family reads it."))
    if invoice.kind is not InvoiceKind.invoice:
        raise DomainError(_("A credit note cannot be cancelled."))
    lock_family(invoice.family_id)
    if db.session.scalar(select(Invoice.id).filter_by(corrects_id=invoice.id)) is not None:
        raise Stale(_("This invoice was cancelled already."))
    return db.session.scalar(select(Bill).filter_by(invoice_id=invoice.id).with_for_update().execution_options(populate_existing=True))


def _credit(invoice, bill, reason, *, by):
    if bill is not None:
        bill.move_to(BillState.cancelled)
        bill.invoice_id, bill.anomalies, bill.blocked = None, [], False
        db.session.flush()
    note = db.session.get(Invoice, write_credit_note(invoice, reason.strip(), by=by))
    record("invoice.credited", note, by=by, note=f"{invoice.number}: {reason}")
    return note


# -- what changes bills -----------------------------------------------------------------------------------------------------------------


def exempt(first_day, last_day, reason, *, by, activity_id=None, school_id=None, school_class_id=None, child_id=None, families=None):
    """Days that nobody of a class, a school, an activity, or one child pays, within the open unit of work; returns the Exemption.

    Bills to come leave the days out; of what is billed already the worker makes credit notes and new invoices: `families`, as
    exemptions.concerned() names them ({period_id: [family ids]}). Raises DomainError while a run of such a period is under way.
    """
    if not reason.strip():
        raise DomainError(_("Say why: families read it."))
    if last_day < first_day:
        raise DomainError(_("The last day lies before the first one."))
    about = {"activity_id": activity_id, "school_id": school_id, "school_class_id": school_class_id, "child_id": child_id}
    exemption = Exemption(first_day=first_day, last_day=last_day, reason=reason.strip()[:120], made_by=str(by)[:120], **about)
    db.session.add(exemption)
    db.session.flush()
    record("exemption.made", exemption, by=by, note=exemption.reason)
    _correct_periods(families or {}, exemption.reason, by=by)
    return exemption


def withdraw_exemption(exemption, *, by, families=None):
    """The days are charged again, within the open unit of work; `families` as of exempt()."""
    record("exemption.withdrawn", exemption, by=by, note=exemption.reason)
    db.session.execute(delete(Exemption).where(Exemption.id == exemption.id))
    with in_locale(current_app.config["BABEL_DEFAULT_LOCALE"]):
        reason = _("Withdrawn: %(reason)s", reason=exemption.reason)
    _correct_periods(families or {}, reason, by=by)


def _correct_periods(families, reason, *, by):
    busy = [period for period in map(_period, families) if open_run(period.id) is not None]
    if busy:
        titles = format_list([period.title for period in busy], locale=get_locale())
        raise DomainError(_("A run is under way: %(periods)s. Wait until it has finished.", periods=titles))
    for period_id, ids in families.items():
        ask_run(_period(period_id), RunKind.correct, by=by, families=ids, reason=reason)


def _period(period_id):
    return db.session.get(BillingPeriod, period_id)


def adjust(family_id, day, title, amount, *, by, child_id=None):
    """Add an amount to a household's bill of the period that has a day, or take it off, within the open unit of work.

    Returns the Adjustment. Raises DomainError where that bill is issued: it would never be seen.
    """
    if not title.strip():
        raise DomainError(_("Say why: the family reads it."))
    if not amount:
        raise DomainError(_("Give an amount other than zero."))
    lock_family(family_id)
    _refuse_issued(family_id, day)
    row = Adjustment(family_id=family_id, child_id=child_id, day=day, title=title.strip()[:120], amount=amount, made_by=str(by)[:120])
    db.session.add(row)
    db.session.flush()
    record("adjustment.made", row, by=by, note=row.title, changes={"amount": (None, amount)})
    return row


def withdraw_adjustment(adjustment, *, by):
    """Take an adjustment back before it is billed, within the open unit of work."""
    lock_family(adjustment.family_id)
    _refuse_issued(adjustment.family_id, adjustment.day)
    record("adjustment.withdrawn", adjustment, by=by, note=adjustment.title)
    db.session.delete(adjustment)


def _refuse_issued(family_id, day):
    query = select(BillingPeriod.title).join(Bill, Bill.period_id == BillingPeriod.id)
    query = query.where(Bill.family_id == family_id, BillingPeriod.first_day <= day, BillingPeriod.last_day >= day)
    title = db.session.scalar(query.where((Bill.state == BillState.issued) | Bill.carried_to_id.is_not(None)))
    if title is not None:
        raise DomainError(_("The bill of %(period)s is issued: choose a later day, or correct the invoice.", period=title))

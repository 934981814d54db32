"""How does the worker compute, issue or correct the bills of a period? A few households at a time; killed at any moment, it goes on."""

from functools import partial

from flask import current_app
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.exc import OperationalError

from app.billing.computing import compute
from app.billing.issuing import addressees, issue, save_drafts
from app.billing.models import BillingPeriod, BillingRun, RunKind, RunState
from app.billing.operations import OPEN_RUN, correct_if_changed
from app.core import clock
from app.core.db import committed_lazily, unit_of_work
from app.extensions import db
from app.families.models import Family

#: So many households are computed together; each is issued in a transaction of its own.
AT_ONCE = 100


class Over(Exception):
    """Somebody stopped the run, or another worker has done this household."""


def run_due(limit=AT_ONCE):
    """Go on with the oldest run that is asked for, for so many households; returns how much there was to do."""
    run = db.session.scalar(select(BillingRun).where(BillingRun.state.in_(OPEN_RUN)).order_by(BillingRun.id).limit(1))
    if run is None:
        return 0
    run_id, kind, period = run.id, run.kind, db.session.get(BillingPeriod, run.period_id)
    if run.state is RunState.waiting:
        _begin(run_id)
    families = db.session.scalars(_to_do(run).limit(limit)).all()
    # Units of work come and go: what is known of the period need not be read again for each household.
    db.session.refresh(period)
    db.session.expunge(period)
    if not families:
        _finish(run_id)
        return 1
    try:
        ACTS[kind](run_id, period, families)
    except Over:
        current_app.logger.info("billing run %s: stopped, or done by another worker", run_id)
    return len(families)


def _families(run):
    query = select(Family.id)
    return query if run.families is None else query.where(Family.id.in_(run.families))


def _to_do(run):
    return _families(run).where(Family.id > run.after_family_id).order_by(Family.id)


def _begin(run_id):
    with unit_of_work():
        run = db.session.get(BillingRun, run_id, with_for_update=True, populate_existing=True)
        if run.state is RunState.waiting:
            run.state = RunState.running
            run.total = db.session.scalar(select(func.count()).select_from(_families(run).subquery()))


def _finish(run_id):
    with unit_of_work():
        over = update(BillingRun).where(BillingRun.id == run_id, BillingRun.state == RunState.running)
        db.session.execute(over.values(state=RunState.done, finished_at=clock.now()))


# -- the three kinds --------------------------------------------------------------------------------------------------------------------


def _dry(run_id, period, families):
    """The figures of some households, in one transaction."""
    found = _computed(period, families)
    with unit_of_work():
        made = _lock(run_id, families[-1])
        outcomes = save_drafts(period, {number: one for number, one in found.items() if one is not None})
        outcomes += ["failed" for one in found.values() if one is None]
        _advance(run_id, families[-1], len(families), made, outcomes)


def _issue(run_id, period, families):
    """Invoices: priced outside, then one short transaction a household."""
    found, envelopes = _computed(period, families), addressees(families)
    by = db.session.scalar(select(BillingRun.asked_by).where(BillingRun.id == run_id))
    with committed_lazily():
        for family_id in families[:-1]:
            _one(run_id, family_id, partial(_issue_one, period, found, envelopes, family_id, by))
    _one(run_id, families[-1], partial(_issue_one, period, found, envelopes, families[-1], by))


def _issue_one(period, found, envelopes, family_id, by):
    if family_id not in found:
        return "there"
    if found[family_id] is None:
        return "failed"
    return issue(period, found[family_id], envelopes[family_id], by=by)


def _correct(run_id, period, families):
    """Credit notes and new invoices, where what was billed has changed."""
    found = _computed(period, families)
    by, reason = db.session.execute(select(BillingRun.asked_by, BillingRun.reason).where(BillingRun.id == run_id)).one()
    for family_id in families:
        one = found.get(family_id)
        act = (
            (lambda family_id=family_id: correct_if_changed(period, family_id, reason, by=by)) if one and one.changed else lambda: "nothing"
        )
        _one(run_id, family_id, act)


ACTS = {RunKind.dry: _dry, RunKind.issue: _issue, RunKind.correct: _correct}


def _computed(period, families):
    """{family_id: Computed, or None where it cannot be computed}: what is wrong with one household does not stop the others."""
    try:
        return compute(period, families)
    except OperationalError:
        raise
    except Exception:
        current_app.logger.exception("bills of %s: one by one", period.id)
    found = {}
    for family_id in families:
        try:
            found |= compute(period, [family_id])
        except OperationalError:
            raise
        except Exception:
            current_app.logger.exception("bill of household %s cannot be computed", family_id)
            found[family_id] = None
    return found


def _one(run_id, family_id, act):
    """Do one household and say so, in one transaction; what fails there is noted, and the run goes on."""
    try:
        with unit_of_work():
            made = _lock(run_id, family_id)
            _advance(run_id, family_id, 1, made, [act()])
    except (Over, OperationalError):
        raise
    except Exception:
        current_app.logger.exception("billing run %s: household %s", run_id, family_id)
        with unit_of_work():
            _advance(run_id, family_id, 1, _lock(run_id, family_id), ["failed"])


_run = BillingRun.__table__
_mine = (_run.c.id == bindparam("run")) & (_run.c.state == RunState.running) & (_run.c.after_family_id < bindparam("family"))
LOCK_RUN = select(_run.c.made).where(_mine).with_for_update()
ADVANCE_RUN = update(_run).where(_run.c.id == bindparam("run"))
ADVANCE_RUN = ADVANCE_RUN.values(after_family_id=bindparam("family"), done=_run.c.done + bindparam("count"), made=bindparam("made"))


def _lock(run_id, family_id):
    """What the run has made so far, its row locked. Raises Over where it was stopped, or a household is done already."""
    made = db.session.connection().scalar(LOCK_RUN, {"run": run_id, "family": family_id})
    if made is None:
        raise Over
    return made


def _advance(run_id, family_id, count, made, outcomes):
    for outcome in outcomes:
        made[outcome] = made.get(outcome, 0) + 1
    db.session.connection().execute(ADVANCE_RUN, {"run": run_id, "family": family_id, "count": count, "made": made})

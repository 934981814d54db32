"""How does the worker compute, issue or correct the bills of a period? A few households at a time; killed at any moment, it goes on."""

import time
from collections import Counter
from dataclasses import dataclass
from functools import partial

from flask import current_app
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.exc import OperationalError

from app.billing.addressees import addressees
from app.billing.computing import compute
from app.billing.issuing import issue, save_drafts
from app.billing.models import BillingPeriod, BillingRun, RunKind, RunState
from app.billing.operations import OPEN_RUN, correct_if_changed
from app.core import clock
from app.core.db import committed_lazily, unit_of_work
from app.extensions import db
from app.families.models import Family

#: So many households are computed together; each is issued in a transaction of its own.
AT_ONCE = 100
#: Seconds: no longer, or a worker that is told to stop keeps people waiting.
A_WHILE = 3


class Over(Exception):
    """Somebody stopped the run, or another worker has done this household."""


def run_for_a_while():
    """The worker's job: some chunks in a row, so that a town's month is issued before the printing of its first bills takes its turns."""
    done, until = 0, time.monotonic() + A_WHILE
    while some := run_due():
        done += some
        if time.monotonic() > until:
            break
    return done


def run_due(limit=AT_ONCE):
    """Go on with the oldest run that is asked for, for so many households; returns how much there was to do."""
    run = db.session.scalar(select(BillingRun).where(BillingRun.state.in_(OPEN_RUN)).order_by(BillingRun.id).limit(1))
    if run is None:
        return 0
    if run.state is RunState.waiting:
        _begin(run.id)
    period = db.session.get(BillingPeriod, run.period_id)
    # Units of work come and go: what is known of both need not be read again for each household.
    for row in (run, period):
        db.session.refresh(row)
        db.session.expunge(row)
    families = db.session.scalars(_to_do(run).limit(limit)).all()
    if not families:
        _finish(run.id)
        return 1
    try:
        ACTS[run.kind](run, _Progress(run.id, run.after_family_id, run.made), period, families)
    except Over:
        current_app.logger.info("billing run %s: stopped, or another worker is at it", run.id)
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
            run.move_to(RunState.running)
            run.total = db.session.scalar(select(func.count()).select_from(_families(run).subquery()))


def _finish(run_id):
    with unit_of_work():
        over = update(BillingRun).where(BillingRun.id == run_id, BillingRun.state == RunState.running)
        # Households may have come in meanwhile.
        db.session.execute(over.values(state=RunState.done, finished_at=clock.now(), total=BillingRun.done))


# -- the three kinds --------------------------------------------------------------------------------------------------------------------


@dataclass
class _Progress:
    """Where a run stands. It moves only from where it was seen: of two workers at one run, one goes on and the other looks again."""

    run_id: int
    after: int
    made: dict

    def move(self, family_id, outcomes):
        """Note what was done up to a household, in the transaction in which it was. Raises Over where the run was stopped or has moved."""
        made = Counter(self.made) + Counter(outcomes)
        given = {"run": self.run_id, "before": self.after, "now": family_id, "count": len(outcomes), "made": dict(made)}
        if db.session.connection().execute(MOVE, given).rowcount != 1:
            raise Over
        return made

    def moved(self, family_id, made):
        """What move() has noted is committed."""
        self.after, self.made = family_id, made


_run = BillingRun.__table__
MOVE = update(_run).where(_run.c.id == bindparam("run"), _run.c.state == RunState.running, _run.c.after_family_id == bindparam("before"))
MOVE = MOVE.values(after_family_id=bindparam("now"), done=_run.c.done + bindparam("count"), made=bindparam("made"))


def _dry(run, progress, period, families):
    """The figures of some households, in one transaction."""
    found = _computed(period, families)

    def act(some):
        outcomes = save_drafts(period, {number: found[number] for number in some if found.get(number) is not None})
        # Bills that are over are not computed.
        return outcomes + ["there" if number not in found else "failed" for number in some if found.get(number) is None]

    try:
        _do(progress, families[-1], partial(act, families))
    except (Over, OperationalError):
        raise
    except Exception:
        current_app.logger.exception("billing run %s: one by one", run.id)
        for family_id in families:
            _one(progress, family_id, partial(act, [family_id]))


def _issue(run, progress, period, families):
    """Invoices: priced outside, then one short transaction a household."""
    found, envelopes = _computed(period, families), addressees(families)

    def act(family_id):
        if family_id not in found:
            return ["there"]
        if found[family_id] is None:
            return ["failed"]
        return [issue(period, found[family_id], envelopes[family_id], by=run.asked_by)]

    with committed_lazily():
        for family_id in families[:-1]:
            _one(progress, family_id, partial(act, family_id))
    _one(progress, families[-1], partial(act, families[-1]))


def _correct(run, progress, period, families):
    """Credit notes and new invoices, where what was billed has changed."""
    found = _computed(period, families)

    def act(family_id):
        if found.get(family_id) is None or not found[family_id].changed:
            return ["nothing"]
        return [correct_if_changed(period, family_id, run.reason, by=run.asked_by)]

    for family_id in families:
        _one(progress, family_id, partial(act, family_id))


ACTS = {RunKind.dry: _dry, RunKind.issue: _issue, RunKind.correct: _correct}


def _do(progress, family_id, act):
    with unit_of_work():
        made = progress.move(family_id, act())
    progress.moved(family_id, made)


def _one(progress, family_id, act):
    """Do one household and say so, in one transaction; what fails there is noted, and the run goes on."""
    try:
        _do(progress, family_id, act)
    except (Over, OperationalError):
        raise
    except Exception:
        current_app.logger.exception("billing run %s: household %s", progress.run_id, family_id)
        _do(progress, family_id, lambda: ["failed"])


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

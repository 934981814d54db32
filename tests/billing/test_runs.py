"""Are bills right where workers are killed, two of them run at once, and clerks act meanwhile?"""

import os
import random
import signal
import threading
import time

import pytest
from sqlalchemy import func, select

from tests import bench_billing
from tests.billing.test_issuing import check_books
from tests.processes import environment_of, running

BY = "Agent Mairie"
HOUSEHOLDS = range(10, 50)


@pytest.fixture
def month(app, ctx):
    """Forty households with a month of days to bill, and the period; its id."""
    from app.billing.operations import open_period
    from app.core.db import unit_of_work

    with unit_of_work():
        bench_billing._families(HOUSEHOLDS, bench_billing._activities())
    with unit_of_work():
        return open_period(bench_billing.FIRST, bench_billing.LAST, by=BY, title="November").id


def asked(period_id, kind="issue", **more):
    from app.billing.models import BillingPeriod, RunKind
    from app.billing.operations import ask_run
    from app.core.db import unit_of_work
    from app.extensions import db

    with unit_of_work():
        return ask_run(db.session.get(BillingPeriod, period_id), RunKind(kind), by=BY, **more).id


def check_issued(period_id, run_id):
    """Every household has its bill, each of them one invoice; the run knows how many."""
    from app.billing.models import Bill, BillingRun, BillState, Invoice
    from app.extensions import db

    check_books()
    run = db.session.get(BillingRun, run_id, populate_existing=True)
    assert run.state.value == "done" and run.done == run.total == len(HOUSEHOLDS) + 3
    assert run.made["issued"] == len(HOUSEHOLDS) == db.session.scalar(select(func.count(Invoice.id)))
    assert db.session.scalar(select(func.count(Bill.id)).filter_by(period_id=period_id, state=BillState.issued)) == len(HOUSEHOLDS)


def at_once(app, *acts):
    """Run functions in threads that begin together, each with a session of its own; returns what each raised, or None."""
    barrier, raised = threading.Barrier(len(acts)), [None] * len(acts)

    def one(place, act):
        from app.extensions import db

        with app.test_request_context("/"):
            barrier.wait()
            try:
                act()
            except Exception as error:
                raised[place] = error
            finally:
                db.session.remove()

    threads = [threading.Thread(target=one, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def work_off():
    from app.billing.runs import run_due

    while run_due(limit=5):
        pass


def test_two_workers_at_one_run(app, month):
    run_id = asked(month)
    assert at_once(app, work_off, work_off, work_off) == [None] * 3
    check_issued(month, run_id)


def test_two_runs_of_a_period_at_once(app, month):
    from sqlalchemy.exc import IntegrityError

    from app.billing.models import BillingRun
    from app.core.errors import DomainError
    from app.extensions import db

    raised = at_once(app, *[lambda: asked(month)] * 3)
    assert raised.count(None) == 1 and all(isinstance(one, (DomainError, IntegrityError)) for one in raised if one is not None)
    work_off()
    check_issued(month, db.session.scalar(select(BillingRun.id)))


def test_two_periods_that_meet_are_not_opened_at_once(app, ctx):
    from app.billing.models import BillingPeriod
    from app.billing.operations import open_period
    from app.core.db import unit_of_work
    from app.extensions import db

    def opens(first, last):
        def act():
            with unit_of_work():
                open_period(first, last, by=BY)

        return act

    middle = bench_billing.DAYS[5]
    raised = at_once(app, opens(bench_billing.FIRST, middle), opens(middle, bench_billing.LAST))
    assert raised.count(None) == 1 and db.session.scalar(select(func.count(BillingPeriod.id))) == 1


def test_clerks_act_while_a_run_is_under_way(app, month):
    """One issues single bills, one cancels what has been issued: numbers stay without gaps, nothing is billed twice."""
    from app.billing.models import Bill, Invoice
    from app.billing.operations import credit, issue_bill
    from app.billing.runs import run_due
    from app.core.db import unit_of_work
    from app.core.errors import DomainError
    from app.extensions import db

    asked(month, "dry")
    work_off()
    run_id, bills = asked(month), db.session.scalars(select(Bill.id).order_by(Bill.id.desc()).limit(12)).all()
    db.session.rollback()
    credited = []

    def single():
        for bill_id in bills:
            try:
                with unit_of_work():
                    issue_bill(db.session.get(Bill, bill_id), by=BY)
            except DomainError:
                pass

    def cancels():
        for _try in range(20):
            number = db.session.scalar(select(func.max(Invoice.id)).where(Invoice.kind == "invoice"))
            try:
                with unit_of_work():
                    if number:
                        credit(db.session.get(Invoice, number), "Mistake", by=BY)
                        credited.append(number)
            except DomainError:
                pass
            time.sleep(0.01)

    assert at_once(app, work_off, single, cancels) == [None] * 3
    assert run_due() == 0
    check_books()
    from app.billing.models import BillState

    assert db.session.scalar(select(func.count(Bill.id)).filter_by(state=BillState.cancelled)) <= len(credited)
    states = db.session.scalars(select(Bill.state).filter_by(period_id=month)).all()
    assert len(states) == len(HOUSEHOLDS) and set(states) <= {BillState.issued, BillState.cancelled}
    assert run_id


def test_killed_at_any_moment_it_goes_on(app, month, tmp_path):
    run_id, chance = asked(month), random.Random(20261123)
    killed = set()
    with running("-m", "tests.billing.issue_month", "3", env=environment_of(app, tmp_path)) as workers:
        for line in workers.stdout:
            word, _sign, pid = line.strip().partition(" ")
            if word == "end":
                break
            if word == "some" and len(killed) < 5 and pid not in killed:
                time.sleep(chance.uniform(0, 0.05))
                os.kill(int(pid), signal.SIGKILL)
                killed.add(pid)
        else:
            pytest.fail("the worker ended by itself")
    assert len(killed) == 5
    check_issued(month, run_id)
    # And once more: nothing is left to do.
    again = asked(month)
    work_off()
    from app.billing.models import BillingRun
    from app.extensions import db

    assert db.session.get(BillingRun, again, populate_existing=True).made == {"there": len(HOUSEHOLDS), "nothing": 3}
    check_books()


def test_one_household_that_cannot_be_billed_does_not_stop_the_others(app, month, monkeypatch):
    from app.billing import issuing
    from app.billing.models import Bill, BillingRun
    from app.billing.runs import run_for_a_while
    from app.extensions import db

    whole = issuing.write_invoice

    def breaks(period, computed, *arguments, **more):
        if computed.family_id == 20:
            whole(period, computed, *arguments, **more)
            raise RuntimeError("in the middle of it")
        return whole(period, computed, *arguments, **more)

    monkeypatch.setattr(issuing, "write_invoice", breaks)
    run_id = asked(month)
    work_off()
    run = db.session.get(BillingRun, run_id, populate_existing=True)
    assert run.made == {"issued": len(HOUSEHOLDS) - 1, "failed": 1, "nothing": 3}
    assert db.session.scalar(select(func.count(Bill.id)).filter_by(family_id=20)) == 0
    check_books()
    monkeypatch.undo()
    asked(month)
    assert run_for_a_while() > len(HOUSEHOLDS) and run_for_a_while() == 0
    assert db.session.scalar(select(func.count(Bill.id)).filter_by(family_id=20)) == 1
    check_books()


def test_commits_that_do_not_wait_are_followed_by_one_that_does(app, ctx):
    from app.core.db import committed_lazily, unit_of_work
    from app.extensions import db

    sqlite = db.engine.dialect.name == "sqlite"

    def asked_in_unit():
        with unit_of_work():
            return db.session.scalar(db.text("PRAGMA synchronous" if sqlite else "SHOW synchronous_commit"))

    before = asked_in_unit()
    with committed_lazily():
        assert asked_in_unit() == (1 if sqlite else "off")
    # The throw-away server of the tests may not wait at all.
    assert asked_in_unit() == before and (before == 2 or not sqlite)

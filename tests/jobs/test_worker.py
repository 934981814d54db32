"""Does the worker lose nothing, do nothing twice, and let no failure hold up the rest?"""

import signal
from datetime import timedelta

import pytest

from app.audit.models import LogEntry
from app.changes.decisions import Verdict, decide
from app.changes.kinds import kind_of
from app.changes.models import ChangeLot, ChangeRequest, Decision, DecisionState, Outcome, Presence, RequestState
from app.core import clock
from app.core.db import unit_of_work
from app.core.heartbeat import WorkerBeat, is_silent
from app.documents.models import StoredFile
from app.extensions import db
from app.families.models import Adult, AdultRole, Family
from app.families.operations import new_family
from app.jobs import worker
from app.mail.models import OutgoingMail
from tests.conftest import account, work
from tests.factories import make_request
from tests.processes import ended, environment_of, running, until


def many_decisions(count):
    """So many families whose new number was accepted an hour ago, and waits for the worker."""
    clock.set_to(clock.now() - timedelta(hours=1))
    clerk = account("agent")
    with unit_of_work():
        families = [new_family(f"Famille {number}") for number in range(count)]
        for family in families:
            family.adults.append(Adult(role=AdultRole.guardian, first_name="Anne", last_name=family.name, mobile="06 00 00 00 00"))
    ids = [family.id for family in db.session.scalars(db.select(Family).where(Family.name.like("Famille %")).order_by(Family.id))]
    for family_id in ids:
        make_request("guardian", family_id, {"mobile": "06 11 11 11 11"}, by=clerk, channel="desk", sealed=False)
    clock.advance(minutes=11)
    with unit_of_work():
        waiting = db.session.scalars(db.select(ChangeRequest).order_by(ChangeRequest.id)).all()
        assert decide([Verdict(request.id, request.version, Outcome.accept) for request in waiting], by=clerk).problems == {}
    clock.reset()
    return ids


def done():
    db.session.rollback()
    return db.session.scalar(db.select(db.func.count(Decision.id)).where(Decision.state == DecisionState.done))


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_is_killed_loses_nothing_and_applies_nothing_twice(app, ctx, tmp_path, end):
    many_decisions(30)
    env = environment_of(app, tmp_path)
    with running("-m", "flask", "worker", env=env) as process:
        until(lambda: done() >= 3 or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        process.send_signal(end)
        # Generous: the machine may be busy with other tests.
        assert ended(process, 30) == (0 if end is signal.SIGTERM else -signal.SIGKILL)
    work(app)
    assert done() == 30
    assert db.session.scalar(db.select(db.func.count(LogEntry.id)).where(LogEntry.verb == "guardian.edit")) == 30
    assert set(db.session.scalars(db.select(ChangeRequest.state))) == {RequestState.accepted}
    assert set(db.session.scalars(db.select(ChangeRequest.version))) == {3}
    assert db.session.scalar(db.select(db.func.count(Adult.id)).where(Adult.mobile == "06 11 11 11 11")) == 30


def test_a_day_without_a_worker_loses_nothing(app, ctx):
    request_id = make_request("guardian", 1, {"mobile": "06 99 88 77 66"})
    with unit_of_work():
        request = db.session.get(ChangeRequest, request_id)
        assert decide([Verdict(request.id, request.version, Outcome.accept)], by=account("agent")).problems == {}
    clock.advance(days=1)
    work(app)
    assert db.session.get(ChangeRequest, request_id).state is RequestState.accepted
    assert sorted(db.session.scalars(db.select(OutgoingMail.template))) == ["decided", "receipt"]


def test_a_job_that_fails_does_not_stop_the_others(app, ctx, caplog):
    called = []

    def breaks():
        raise RuntimeError("a fault of ours")

    def counts():
        called.append(1)
        return 2

    assert worker.work_once(jobs=(breaks, counts)) == 2
    assert called == [1]
    assert "job breaks failed" in caplog.text


def test_a_decision_that_cannot_be_applied_goes_back_and_holds_up_nobody(app, ctx, monkeypatch):
    first, *_others = many_decisions(3)
    kind = kind_of("guardian")
    real = kind.write

    def write(target, values, *, request):
        if target.id == first:
            raise ZeroDivisionError("a fault of ours")
        real(target, values, request=request)

    monkeypatch.setattr(kind, "write", write)
    work(app)
    assert done() == 2
    request = db.session.scalar(db.select(ChangeRequest).filter_by(family_id=first))
    assert request.state is RequestState.pending
    assert db.session.scalar(db.select(Decision).filter_by(request_id=request.id)).state is DecisionState.failed


def test_a_receipt_that_cannot_be_written_holds_up_nobody(app, ctx, monkeypatch):
    from app.changes import notices

    for family_id in (1, 2):
        make_request("guardian", family_id, {"mobile": "06 99 88 77 66"})
    real = notices.reader_of
    monkeypatch.setattr(notices, "reader_of", lambda account_id, family_id: 1 / 0 if family_id == 1 else real(account_id, family_id))
    worker.work_once()
    receipts = dict(db.session.execute(db.select(ChangeLot.family_id, ChangeLot.receipt_at.is_not(None))).all())
    assert receipts == {1: False, 2: True}


def test_it_stops_between_two_jobs(app, ctx):
    said = []
    assert worker.work_once(jobs=(lambda: said.append(1) or 1, lambda: said.append(2) or 1), go_on=lambda: not said) == 1
    assert said == [1]


def test_signs_of_life_and_housekeeping_come_from_time_to_time_only(ctx):
    agenda = worker.Agenda()
    assert agenda.jobs() == (worker.beat, *worker.JOBS, *worker.HOUSEKEEPING)
    assert agenda.jobs() == worker.JOBS
    agenda.last["beat"] -= worker.BEAT_EVERY.total_seconds()
    assert agenda.jobs() == (worker.beat, *worker.JOBS)


def test_a_silent_worker_is_noticed(app, ctx):
    assert is_silent()
    worker.one_round(jobs=(worker.beat,))
    db.session.rollback()
    assert not is_silent()
    assert db.session.scalar(db.select(db.func.count()).select_from(WorkerBeat)) == 1
    clock.advance(minutes=3)
    assert is_silent()


def test_traces_and_drafts_are_cleared_away(app, ctx):
    make_request("guardian", 1, {"mobile": "06 99 88 77 66"})
    lot_id = db.session.scalar(db.select(ChangeLot.id))
    with unit_of_work():
        db.session.add(Presence(lot_id=lot_id, account_id=account("agent").id, seen_at=clock.now()))
        db.session.add(StoredFile(noun="Photo", filename="put-aside.jpg", media_type="image/jpeg", size=1, family_id=1))
    work(app)
    assert db.session.scalar(db.select(db.func.count()).select_from(Presence)) == 1
    clock.advance(days=3)
    work(app)
    assert db.session.scalar(db.select(db.func.count()).select_from(Presence)) == 0
    assert db.session.scalar(db.select(db.func.count(StoredFile.id))) == 0

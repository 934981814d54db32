"""How does the worker do something of many households? One after the other, with progress; killed at any moment, it goes on."""

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app.audit.operations import record
from app.billing import proofs, reminders, yearly
from app.billing.models import FamilyTask, RunState, TaskKind
from app.core import clock, constraints
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.i18n import _, _l
from app.extensions import db

#: So many households in one go: other jobs take their turns between.
AT_ONCE = 20

constraints.declare({"uq_family_task_open": _l("This is under way already: wait until it has finished.")})


def last_task(kind):
    """The FamilyTask of a kind that runs, or ran last; None where none ever did."""
    return db.session.scalar(select(FamilyTask).where(FamilyTask.kind == kind).order_by(FamilyTask.id.desc()).limit(1))


def ask_task(kind, families, *, by, year=None):
    """Let the worker do something of these households, within the open unit of work; returns the FamilyTask.

    Raises DomainError where there is none, or while another one of the kind runs.
    """
    if not families:
        raise DomainError(_("There is nobody to do it for."))
    last = last_task(kind)
    if last is not None and last.running:
        raise DomainError(_("This is under way already: wait until it has finished."))
    task = FamilyTask(kind=kind, families=list(families), year=year, asked_by=str(by)[:120], asked_by_id=getattr(by, "id", None))
    db.session.add(task)
    db.session.flush()
    record(f"task.{kind.value}", task, by=by, note=str(task.total))
    return task


def go_on_with_tasks():
    """The worker's job: the next few households of the oldest task; returns how much there was to do."""
    due = FamilyTask.waits_until.is_(None) | (FamilyTask.waits_until <= clock.now())
    task = db.session.scalar(select(FamilyTask).where(FamilyTask.state == RunState.running, due).order_by(FamilyTask.id).limit(1))
    if task is None:
        return 0
    task_id, kind, seen, by = task.id, task.kind, task.done, task.asked_by
    some = task.families[seen : seen + AT_ONCE]
    if kind is TaskKind.certificates:
        return yearly.print_some(task, some) if some else yearly.finish(task)
    if not some:
        _finish(task_id)
        return 1
    act = {TaskKind.reminders: reminders.send, TaskKind.proofs: proofs.remind}[kind]
    for place, family_id in enumerate(some, seen):
        if not _one(task_id, place, family_id, act, by=by):
            break
    return len(some)


def _one(task_id, place, family_id, act, *, by):
    """Do one household and say so, in one transaction; False where another worker is at it. What fails is noted, and the task goes on."""
    try:
        with unit_of_work():
            return _moved(task_id, place, lambda: act(family_id, by=by))
    except OperationalError:
        raise
    except Exception:
        current_app.logger.exception("task %s: household %s", task_id, family_id)
    with unit_of_work():
        return _moved(task_id, place, lambda: 0)


def _moved(task_id, place, act):
    task = db.session.get(FamilyTask, task_id, with_for_update=True, populate_existing=True)
    if task.done != place or not task.running:
        return False
    task.made, task.done = task.made + int(act()), place + 1
    return True


def _finish(task_id):
    with unit_of_work():
        task = db.session.get(FamilyTask, task_id, with_for_update=True, populate_existing=True)
        if task.running:
            task.move_to(RunState.done)
            task.finished_at = clock.now()

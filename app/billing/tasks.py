"""How does the worker do something of many households? One after the other, with progress; killed at any moment, it goes on."""

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app.audit.operations import record
from app.billing import proofs, reminders, simulated, yearly
from app.billing.documents import DISK_PAUSE
from app.billing.models import FamilyTask, RunState, TaskKind
from app.billing.simulation import households
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
    return _begun(kind, families, by=by, year=year)


def ask_simulation(row, tariff, first, last, *, by):
    """Let the worker simulate a TariffGrid, which a list calls so, over some days, within the open unit of work; returns the FamilyTask.

    The one that runs, or is kept, where nothing has changed since it was asked for: the same is computed once.
    """
    known = simulated.latest(row.id, first)
    if known is not None and (known.running or not simulated.changed(known)):
        return known
    simulated.forget()
    given = {"subject": simulated.subject_of(row.id, first), "about": simulated.about(row, tariff, first, last)}
    return _begun(TaskKind.simulation, households(row.activity_id, first, last), by=by, **given)


def _begun(kind, families, *, by, **given):
    task = FamilyTask(kind=kind, families=list(families), asked_by=str(by)[:120], asked_by_id=getattr(by, "id", None), **given)
    db.session.add(task)
    db.session.flush()
    record(f"task.{kind.value}", task, by=by, note=str(task.total))
    return task


def go_on_with_tasks():
    """The worker's job: the next few households of the oldest task; returns how much there was to do."""
    due = FamilyTask.waits_until.is_(None) | (FamilyTask.waits_until <= clock.now())
    task = db.session.scalar(select(FamilyTask).where(FamilyTask.state == RunState.running, due).order_by(FamilyTask.id).limit(1))
    return go_on(task) if task is not None else 0


def go_on(task):
    """The next few households of a FamilyTask; returns how much there was to do. While the disk is full it waits, and its page says so."""
    task_id = task.id
    try:
        return _next(task, task.families[task.done : task.done + AT_ONCE])
    except OSError as problem:
        current_app.logger.error("no room for task %s: %s", task_id, problem)
    with unit_of_work():
        db.session.get(FamilyTask, task_id, with_for_update=True, populate_existing=True).waits_until = clock.now() + DISK_PAUSE
    return 0


def _next(task, some):
    if task.kind is TaskKind.simulation:
        return simulated.go_on(task)
    if task.kind is TaskKind.certificates:
        return yearly.print_some(task, some) if some else yearly.finish(task)
    task_id, seen, by = task.id, task.done, task.asked_by
    if not some:
        _finish(task_id)
        return 1
    act = {TaskKind.reminders: reminders.send, TaskKind.proofs: proofs.remind}[task.kind]
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

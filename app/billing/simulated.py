"""How is a simulation of the town computed and kept? By the worker, a round of households at a time; encrypted, for two days."""

import hashlib
import json
from dataclasses import asdict, astuple, dataclass
from datetime import date
from decimal import Decimal

from flask import current_app
from flask_babel import get_locale
from sqlalchemy import delete, select
from sqlalchemy.exc import OperationalError

from app.billing.grids import Grids
from app.billing.models import FamilyTask, RunState, TaskKind
from app.billing.simulation import AT_ONCE, Change, Simulation, Slice, simulate_some, together, version_of
from app.billing.traces import traces
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import NotFound, Stale
from app.core.files import Upload
from app.core.i18n import _, in_locale
from app.documents.models import FileState, StoredFile
from app.documents.operations import DRAFT_LIFE, content_of, release, store
from app.extensions import db
from app.security.who_sees_what import Noun

MEDIA_TYPE = "application/vnd.preau.simulation+json"


# -- what is asked ----------------------------------------------------------------------------------------------------------------------


def about(row, tariff, first, last):
    """What a FamilyTask keeps of the simulation of a TariffGrid, which a list calls so, over some days; and how all of it stands now."""
    days = {"first": first.isoformat(), "last": last.isoformat()}
    return {"grid": row.id, "activity": row.activity_id, "tariff": tariff, "locale": str(get_locale()), **days, **_stand(row, first, last)}


def subject_of(grid_id, first):
    """What tells simulations apart: two of the same do not run at once."""
    return f"{grid_id}/{first:%Y-%m}"


def latest(grid_id, first):
    """The last FamilyTask that simulated a tariff over a month and was not stopped, as long as its figures are kept; or None."""
    query = select(FamilyTask).where(FamilyTask.kind == TaskKind.simulation, FamilyTask.subject == subject_of(grid_id, first))
    query = query.where(FamilyTask.state != RunState.stopped).order_by(FamilyTask.id.desc()).limit(1)
    task = db.session.scalar(query)
    return task if task is not None and (task.running or _file_of(task) is not None) else None


def recent():
    """The simulations that run or are kept, the newest first."""
    query = select(FamilyTask).where(FamilyTask.kind == TaskKind.simulation, FamilyTask.state != RunState.stopped)
    query = query.where(FamilyTask.finished_at.is_(None) | ~_old())
    return db.session.scalars(query.order_by(FamilyTask.id.desc())).all()


def _old():
    return FamilyTask.finished_at <= clock.now() - DRAFT_LIFE


def forget():
    """Remove, within the open unit of work, the simulations whose figures are kept no more."""
    db.session.execute(delete(FamilyTask).where(FamilyTask.kind == TaskKind.simulation, _old()))


def changed(task):
    """What is no more as it was when the simulation was asked for: some of "tariffs" and "places"."""
    now = _stand(version_of(task.about["grid"]), *days_of(task))
    return {name for name, mark in now.items() if mark != task.about[name]}


def days_of(task):
    """(first, last day)."""
    return tuple(date.fromisoformat(task.about[name]) for name in ("first", "last"))


def _stand(tried, first, last):
    if tried is None:
        return {"tariffs": ""}
    versions = Grids.load([tried.activity_id]).of(tried.activity_id)
    tariffs = [tried.content, *((str(one.starts_on), one.content) for one in versions if one.starts_on <= last)]
    return {"tariffs": _mark(tariffs), "places": _mark(traces(tried.activity_id, first, last))}


def _mark(content):
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


# -- how it is computed -----------------------------------------------------------------------------------------------------------------


def go_on(task):
    """Simulate the next round of households of a FamilyTask, then put all rounds together; returns how much there was to do."""
    task_id, seen = task.id, task.done
    try:
        return _round(task, task.families[seen : seen + AT_ONCE])
    except (OSError, OperationalError):
        raise
    except Exception:
        current_app.logger.exception("simulation %s stopped", task_id)
        db.session.rollback()
    with unit_of_work():
        _end(_locked(task_id), failed=True)
    return 1


def _round(task, some):
    task_id, seen, pieces, version = task.id, task.done, list(task.files), version_of(task.about["grid"])
    if version is None:
        # Somebody deleted the tariff meanwhile.
        with unit_of_work():
            _end(_locked(task_id))
        return 1
    with in_locale(task.about["locale"]):
        found = simulate_some(version, *days_of(task), some)
    done = seen + len(some)
    over = done == task.total
    if over:
        found = together([*(_read(db.session.get(StoredFile, number)) for number in pieces), found])
    db.session.rollback()
    with unit_of_work():
        task = _locked(task_id)
        if task.running and task.done == seen:
            kept = _keep(found, FileState.draft if over else FileState.kept)
            task.files, task.done, task.waits_until = [*pieces, kept.id], done, None
            if over:
                release(pieces)
                task.files, task.made = [kept.id], len(found.changes)
                task.move_to(RunState.done)
                task.finished_at = clock.now()
    return len(some) or 1


def stop(task_id):
    """End a simulation before it has come to an end, within the open unit of work. Raises Stale where it has."""
    task = _locked(task_id)
    if not task.running:
        raise Stale(_("This simulation has finished already."))
    _end(task)


def _end(task, *, failed=False):
    if task.running:
        release(task.files)
        task.files, task.about = [], {**task.about, "failed": failed}
        task.move_to(RunState.stopped)
        task.finished_at = clock.now()


def _locked(task_id):
    return db.session.get(FamilyTask, task_id, with_for_update=True, populate_existing=True)


# -- how it is kept ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kept:
    """A Simulation with the task that made it."""

    task: FamilyTask
    found: Simulation

    @property
    def id(self):
        return self.task.id

    @property
    def first(self):
        return days_of(self.task)[0]


def keep(task, found):
    """Put the figures of a task that has done its work aside, within the open unit of work: they are swept like a form's files."""
    task.files = [_keep(found, FileState.draft).id]


def _keep(found, state):
    slices = [{**asdict(one), "families": sorted(one.families)} for one in found.slices]
    unpriced = [found.unpriced_before, found.unpriced_after]
    content = json.dumps({"unpriced": unpriced, "slices": slices, "changes": [astuple(one) for one in found.changes]}, default=str)
    return store(Upload("simulation.json", MEDIA_TYPE, content.encode()), noun=Noun.bill, state=state)


def kept(task):
    """The Kept of a FamilyTask that is done. Raises NotFound where it is kept no more."""
    row = _file_of(task)
    if row is None:
        raise NotFound(_("This simulation is not kept any more: compute it again."))
    return Kept(task, _read(row))


def _file_of(task):
    # Its number may be another file's once it is swept.
    kept_still = task.finished_at is not None and task.finished_at > clock.now() - DRAFT_LIFE
    return db.session.get(StoredFile, task.files[0]) if task.files and kept_still else None


def _read(row):
    read = json.loads(content_of(row))
    slices = [
        Slice(one["title"], set(one["families"]), one["places"], Decimal(one["before"]), Decimal(one["after"]), tuple(one["order"]))
        for one in read["slices"]
    ]
    return Simulation(slices, *read["unpriced"], [_change(*one) for one in read["changes"]])


def _change(family_id, before, after, quotient, was, becomes):
    return Change(family_id, Decimal(before), Decimal(after), None if quotient is None else Decimal(quotient), was, becomes)

"""What does the worker do, and is it alive? Rows are the queue, so a day without a worker loses nothing."""

import signal
import time
from datetime import timedelta

from flask import current_app
from sqlalchemy import select

from app.changes.decisions import accept_automatically, apply_due
from app.changes.kinds import KINDS
from app.changes.notices import send_receipts, tell_decisions
from app.core import clock
from app.core.db import unit_of_work
from app.core.i18n import in_locale
from app.documents.operations import sweep
from app.extensions import db
from app.jobs.models import WorkerBeat
from app.mail.operations import send_due

PAUSE = 2
SILENT_AFTER = timedelta(minutes=2)


def accept():
    """Accept automatically what the town lets be accepted."""
    return accept_automatically(KINDS.values())


def sweep_files():
    """Remove files that belong to nothing: rows first, bytes after the commit."""
    with unit_of_work():
        paths = sweep()
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)


#: In this order: decisions take effect, then people hear of them, then the mails leave.
JOBS = (accept, apply_due, send_receipts, tell_decisions, send_due, sweep_files)


def work_once():
    """Run every job once; returns how much there was to do. A job that fails is logged and does not stop the others."""
    done = 0
    with in_locale(current_app.config["BABEL_DEFAULT_LOCALE"]):
        for job in JOBS:
            try:
                done += job()
            except Exception:
                current_app.logger.exception("job %s failed", job.__name__)
            finally:
                db.session.remove()
    return done


def beat():
    """Note that a worker lives."""
    with unit_of_work():
        db.session.merge(WorkerBeat(name="worker", at=clock.now()))


def is_silent():
    """Whether no worker has given a sign of life for some minutes: decisions and mails wait."""
    last = db.session.scalar(select(WorkerBeat.at).where(WorkerBeat.name == "worker"))
    return last is None or last < clock.now() - SILENT_AFTER


def run():
    """Work until told to stop."""
    running = [True]
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: running.clear())
    while running:
        beat()
        db.session.remove()
        if not work_once():
            time.sleep(PAUSE)

"""What does the worker do, and is it alive? Rows are the queue, so a day without a worker loses nothing."""

import os
import signal
import time
from datetime import timedelta

from flask import current_app

from app.activities.kitchen import freeze_due
from app.activities.papers import remind_of_papers
from app.activities.waiting import end_past_wishes, lapse_offers, offer_places
from app.billing.documents import render_due
from app.billing.invoice_mails import tell_families
from app.billing.reminders import remind_unpaid
from app.billing.runs import run_for_a_while
from app.billing.tasks import go_on_with_tasks
from app.changes.decisions import accept_automatically, apply_due
from app.changes.kinds import KINDS
from app.changes.notices import send_receipts, tell_decisions
from app.children.letters import forget_letters, make_letters
from app.core import memory
from app.core.heartbeat import beat
from app.core.i18n import in_locale
from app.extensions import db
from app.families.asking import ask_due, begin_asking
from app.jobs.housekeeping import foresee_school_holidays, forget_preregistrations, forget_presences, forget_tries, sweep_files
from app.mail.digest import gather_digests
from app.mail.operations import send_due
from app.payments.online import look_up_due
from app.security.sessions import forget_sessions

#: Seconds between rounds that found nothing to do.
PAUSE = 2
BEAT_EVERY = timedelta(seconds=20)
HOUSEKEEPING_EVERY = timedelta(minutes=30)


def accept():
    """Accept automatically what the town lets be accepted."""
    return accept_automatically(KINDS.values())


def a_few(act, limit=10):
    """The job that does a few at a time: it stops soon when told to, and slow mails are still tried within their lease."""

    def job():
        return act(limit=limit)

    job.__name__ = act.__name__
    return job


#: In this order: decisions take effect, then people hear of them, then the mails leave.
JOBS = (
    accept,
    # Somebody waits for the bank's word. Each look waits for another machine.
    a_few(look_up_due, 3),
    *(
        a_few(act)
        for act in (lapse_offers, end_past_wishes, apply_due, offer_places, send_receipts, tell_decisions, gather_digests, send_due)
    ),
    freeze_due,
    run_for_a_while,
    go_on_with_tasks,
    render_due,
    tell_families,
    make_letters,
    # Each waits for another machine.
    a_few(ask_due, 3),
)
HOUSEKEEPING = (
    forget_preregistrations,
    forget_presences,
    forget_sessions,
    forget_tries,
    sweep_files,
    forget_letters,
    foresee_school_holidays,
    a_few(remind_of_papers),
    remind_unpaid,
    begin_asking,
)


def work_once(jobs=JOBS + HOUSEKEEPING, go_on=lambda: True):
    """Run every job once; returns how much there was to do. A job that fails is logged and does not stop the others."""
    done = 0
    with in_locale(current_app.config["BABEL_DEFAULT_LOCALE"]):
        for job in jobs:
            if not go_on():
                break
            try:
                done += job()
            except Exception:
                current_app.logger.exception("job %s failed", job.__name__)
            finally:
                db.session.remove()
    return done


def one_round(**more):
    """work_once() with what it needs outside of a request: fresh settings, and the address for links in mails."""
    application = current_app._get_current_object()
    # A context of the application of its own: `g` keeps settings, and what the town changes must be seen without a restart.
    with application.app_context(), application.test_request_context("/", base_url=application.config["BASE_URL"]):
        return work_once(**more)


class Stop:
    """Told by a signal, or by the end of the process that started us."""

    def __init__(self):
        self.told, self.parent = False, os.getppid()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def _note(self, *_):
        self.told = True

    def go_on(self):
        return not self.told and os.getppid() == self.parent

    def sleep(self, seconds):
        """Sleep, but wake soon after a signal: time.sleep() would go on sleeping."""
        until = time.monotonic() + seconds
        while self.go_on() and time.monotonic() < until:
            time.sleep(0.1)


class Agenda:
    """Which jobs are due? Signs of life and housekeeping need not come with every round."""

    def __init__(self):
        self.last = {}

    def jobs(self):
        return (
            ((beat,) if self._due("beat", BEAT_EVERY) else ())
            + JOBS
            + (HOUSEKEEPING if self._due("housekeeping", HOUSEKEEPING_EVERY) else ())
        )

    def _due(self, name, every):
        if name in self.last and time.monotonic() - self.last[name] < every.total_seconds():
            return False
        self.last[name] = time.monotonic()
        return True


def run():
    """Work until told to stop. A database that is away for a while is waited for."""
    stop, agenda = Stop(), Agenda()
    memory.settle()
    while stop.go_on():
        if not one_round(jobs=agenda.jobs(), go_on=stop.go_on):
            stop.sleep(PAUSE)

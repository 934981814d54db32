"""How are the tax certificates of a year printed for the whole town? A few at a time by the worker, in the end one PDF."""

from flask import current_app
from sqlalchemy import extract, select

from app.billing.addressees import addressees
from app.billing.certificates import tax_certificate
from app.billing.letterhead import letterhead
from app.billing.models import EntryKind, FamilyTask, LedgerEntry, RunState
from app.core import clock
from app.core.db import unit_of_work
from app.core.files import Upload
from app.core.i18n import _p, in_locale
from app.documents.binding import bound
from app.documents.models import FileState, StoredFile
from app.documents.operations import content_of, release, store
from app.documents.pdf import page_of
from app.documents.press import print_all
from app.extensions import db
from app.families.models import Family
from app.security.who_sees_what import Noun


def years():
    """The years in which anybody paid something, the newest first."""
    found = db.session.scalars(select(extract("year", LedgerEntry.day)).where(LedgerEntry.kind == EntryKind.payment).distinct())
    return sorted(map(int, found), reverse=True)


def payers(year):
    """Ids of the households that paid something in a year or before: what counts is known when each is computed. By name."""
    paid = select(LedgerEntry.family_id).where(LedgerEntry.kind == EntryKind.payment, extract("year", LedgerEntry.day) == year)
    return db.session.scalars(select(Family.id).where(Family.id.in_(paid)).order_by(Family.name, Family.id)).all()


def print_some(task, some):
    """Print the certificates of some households of a FamilyTask; returns how many households that were."""
    task_id, seen, year = task.id, task.done, task.year
    printed = dict(print_all(_pages(some, year)))
    contents = [printed[family_id].content for family_id in some if printed.get(family_id) is not None]
    whole = bound(contents) if contents else None
    with unit_of_work():
        task = db.session.get(FamilyTask, task_id, with_for_update=True, populate_existing=True)
        if task.running and task.done == seen:
            if whole is not None:
                task.files = [*task.files, _kept(task, whole)]
            task.done, task.made, task.waits_until = seen + len(some), task.made + len(contents), None
    return len(some)


def _pages(family_ids, year):
    """{household's id: its page} of those who paid for care that counts, in the town's language."""
    pages, whom = {}, addressees(family_ids)
    with in_locale(current_app.config["BABEL_DEFAULT_LOCALE"]):
        head = letterhead()
        for family_id in family_ids:
            try:
                certificate = tax_certificate(family_id, year)
                if certificate.children:
                    words = {"head": head, "to": whom[family_id], "today": clock.today()}
                    pages[family_id] = page_of("tax_certificate", certificate=certificate, **words)
            except Exception:
                # One that cannot be written holds up nobody else.
                current_app.logger.exception("the tax certificate of household %s cannot be written", family_id)
    db.session.rollback()
    return pages


def finish(task):
    """Bind the pieces into one PDF; returns 1."""
    task_id, pieces = task.id, list(task.files)
    whole = bound([content_of(db.session.get(StoredFile, number)) for number in pieces]) if len(pieces) > 1 else None
    with unit_of_work():
        task = db.session.get(FamilyTask, task_id, with_for_update=True, populate_existing=True)
        if task.running:
            if whole is not None:
                task.files = [_kept(task, whole)]
                release(pieces)
            task.move_to(RunState.done)
            task.finished_at, task.waits_until = clock.now(), None
    return 1


def _kept(task, content):
    name = _p("file name", "tax-certificates") + f"-{task.year}.pdf"
    return store(Upload(name, "application/pdf", content), noun=Noun.bill, state=FileState.kept).id

"""How do many adults get their codes at once? The worker makes the letters a few at a time; what was printed is what opens."""

from datetime import timedelta

from flask import current_app
from sqlalchemy import or_, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import joinedload

from app.audit.operations import record
from app.children.invitees import classes_of, without_access
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError, NotFound
from app.core.files import Upload
from app.core.i18n import _, _p, in_locale
from app.documents.binding import bound
from app.documents.models import FileState, StoredFile
from app.documents.operations import content_of, path_of, store
from app.documents.pdf import page_of, print_page
from app.extensions import db
from app.families.models import Adult, LetterBatch
from app.mail.operations import queue_mail
from app.security.models import Account
from app.security.operations import INVITATION_LIFE, invite, new_code
from app.security.who_sees_what import Noun

#: Adults that are done in one go: about two seconds of printing, and one transaction.
CHUNK = 20
#: For how long a worker keeps a batch: longer than a chunk takes. Killed, another one goes on afterwards.
LEASE = timedelta(minutes=2)
#: A printed code is a key: the file goes once it has surely been printed.
KEPT = timedelta(days=7)
#: More letters than a town sends at once; the list of their adults is one row.
MOST = 20_000


def running():
    """The LetterBatch that is being made, or None."""
    return db.session.scalar(select(LetterBatch).where(LetterBatch.finished_at.is_(None)).order_by(LetterBatch.id).limit(1))


def begin(adult_ids, *, by_mail, by):
    """Ask for the letters, or mails, of these adults in this order, within the open unit of work; returns the LetterBatch."""
    if not adult_ids:
        raise DomainError(_("Nobody is left to invite."))
    if len(adult_ids) > MOST:
        raise DomainError(_("These are too many at once: choose a school."))
    if running() is not None:
        raise DomainError(_("Other invitations are being made: wait until they are ready."))
    batch = LetterBatch(adult_ids=list(adult_ids), by_mail=by_mail, asked_by_id=getattr(by, "id", None))
    db.session.add(batch)
    db.session.flush()
    record("letters.asked", batch, by=by, note=str(len(batch.adult_ids)))
    return batch


def make_letters():
    """The worker's job: the next few of a batch; returns how much there was to do."""
    batch_id = _take()
    if batch_id is None:
        return 0
    batch = db.session.get(LetterBatch, batch_id)
    try:
        _finish(batch) if batch.done >= len(batch.adult_ids) else _go_on(batch)
    except (OSError, OperationalError) as problem:
        # A full disk, a database that is away: the lease passes, then it is tried again.
        current_app.logger.error("letters %s wait: %s", batch_id, problem)
        return 0
    except Exception:
        current_app.logger.exception("letters %s stopped", batch_id)
        db.session.rollback()
        _give_up(batch_id)
    return 1


def _take():
    now = clock.now()
    free = or_(LetterBatch.leased_until.is_(None), LetterBatch.leased_until < now)
    query = select(LetterBatch).where(LetterBatch.finished_at.is_(None), free).order_by(LetterBatch.id).limit(1)
    if db.session.scalar(query) is None:
        return None
    with unit_of_work():
        batch = db.session.scalar(query.with_for_update(skip_locked=True))
        if batch is None:
            return None
        batch.leased_until = now + LEASE
        return batch.id


def _go_on(batch):
    """The next chunk. The codes are printed first and opened with the same transaction that keeps the file: a kill leaves no dead code."""
    seen, batch_id, by_mail = batch.done, batch.id, batch.by_mail
    ids = batch.adult_ids[seen : seen + CHUNK]
    adults = _still_wanted(ids, by_mail)
    codes = {adult.id: new_code() for adult in adults}
    content = _printed(adults, codes) if codes and not by_mail else None
    with unit_of_work():
        batch = db.session.get(LetterBatch, batch_id, with_for_update=True, populate_existing=True)
        if batch.finished_at is not None or batch.done != seen or batch.adult_ids[seen : seen + CHUNK] != ids:
            # Another worker was faster.
            return
        adults = _still_wanted(ids, by_mail)
        if [adult.id for adult in adults] != list(codes):
            # Somebody came in meanwhile: their letter is not to be printed. Looked at again in the next round.
            batch.leased_until = None
            return
        _open(batch, adults, codes)
        if content is not None:
            batch.files = [*batch.files, _keep(batch, content)]
        # Those who need none any more leave the list: the page tells how many letters there are.
        batch.adult_ids = [*batch.adult_ids[:seen], *codes, *batch.adult_ids[seen + len(ids) :]]
        batch.done, batch.leased_until = seen + len(codes), None


def _still_wanted(ids, by_mail):
    """The adults of these who have no access yet, in the order of the pile."""
    query = select(Adult).where(Adult.id.in_(ids), without_access()).options(joinedload(Adult.family))
    if by_mail:
        query = query.where(Adult.email.is_not(None), Adult.email != "")
    found = {adult.id: adult for adult in db.session.scalars(query)}
    return [found[number] for number in ids if number in found]


def _printed(adults, codes):
    """The bytes of the letters, in one document: its fonts are in it once."""
    classes = classes_of({adult.family_id for adult in adults})
    letters = [(adult, codes[adult.id], classes.get(adult.family_id, ())) for adult in adults]
    with in_locale(current_app.config["BABEL_DEFAULT_LOCALE"]):
        page = page_of("invitations", letters=letters, days=INVITATION_LIFE.days, today=clock.today())
    db.session.rollback()
    return print_page(page).content


def _open(batch, adults, codes):
    """Let the codes open, and write the mails."""
    by = db.session.get(Account, batch.asked_by_id) if batch.asked_by_id else "Préau"
    for adult in adults:
        invite(adult.id, adult.family_id, by=by, code=codes[adult.id])
        if batch.by_mail:
            family, code = adult.family, codes[adult.id]
            locale = current_app.config["BABEL_DEFAULT_LOCALE"]
            words = {"adult": adult, "family_code": family.code, "code": code, "days": INVITATION_LIFE.days}
            queue_mail(adult.email, "invitation", locale=locale, family_id=family.id, **words)


def _keep(batch, content):
    name = _p("file name", "letters") + f"-{clock.local(batch.asked_at):%Y-%m-%d}.pdf"
    return store(Upload(name, "application/pdf", content), noun=Noun.account, state=FileState.kept).id


def _finish(batch):
    """Bind the pieces into one file; they go."""
    batch_id, pieces = batch.id, list(batch.files)
    rows = [db.session.get(StoredFile, number) for number in pieces]
    content = bound([content_of(row) for row in rows]) if len(pieces) > 1 else None
    with unit_of_work():
        batch = db.session.get(LetterBatch, batch_id, with_for_update=True, populate_existing=True)
        if batch.finished_at is not None:
            return
        paths = []
        if content is not None:
            batch.files = [_keep(batch, content)]
            paths = _drop(pieces)
        batch.finished_at, batch.leased_until = clock.now(), None
    _unlink(paths)


def _give_up(batch_id):
    """What cannot be made stops here. The letters that were made stay: their codes open."""
    with unit_of_work():
        batch = db.session.get(LetterBatch, batch_id, with_for_update=True, populate_existing=True)
        batch.adult_ids = batch.adult_ids[: batch.done]
        batch.problem = str(_("It stopped early: tell whoever looks after the server. Those below are good; invite the others again."))
        batch.finished_at, batch.leased_until = clock.now(), None


def pdf_of(batch):
    """The bytes of a batch's letters. Raises NotFound where they are not ready, or gone."""
    rows = [db.session.get(StoredFile, number) for number in batch.files]
    if batch.finished_at is None or not rows or None in rows:
        raise NotFound(_("These letters are not ready, or were deleted."))
    contents = [content_of(row) for row in rows]
    return bound(contents)


def forget_letters():
    """The housekeeping job: delete letters that were surely printed; returns how many files went."""
    old = select(LetterBatch).where(LetterBatch.finished_at < clock.now() - KEPT)
    with unit_of_work():
        paths = []
        for batch in db.session.scalars(old):
            if batch.files:
                paths += _drop(batch.files)
                batch.files = []
    _unlink(paths)
    return len(paths)


def _drop(file_ids):
    """Delete the rows of files; returns the paths to unlink after the commit."""
    rows = [row for number in file_ids if (row := db.session.get(StoredFile, number)) is not None]
    for row in rows:
        db.session.delete(row)
    return [path_of(row.key) for row in rows]


def _unlink(paths):
    for path in paths:
        path.unlink(missing_ok=True)

"""How does a family that the town does not know yet come in? Steps kept without an account, an address confirmed, then a request.

Nothing of a file is written here: send() makes a lot without a family, with one request of the kind "preregistration", and a clerk decides.
Its `changes`, as JSON values of core/codec:

    "guardian": {"before": None, "after": {field of AdultForm: value}}
    "spouse":   the same; absent where there is no other adult
    "children": {"before": None, "after": [{field of NewChildForm: value}, …]}
    "wishes":   {"before": None, "after": {field of WishesForm: value}}

The papers are request.files; each StoredFile's name begins with what it is. The fields' names, and how values read (lines_of), are
those of children/preregistration.py. The lot is sealed at once; both have the pre-registration's locale
and address by way of lot.preregistration. Sent again (sent back, refused, or corrected while it waits) it is a new request in the same
lot, and supersedes the one that is open.
"""

import secrets
from dataclasses import replace
from datetime import timedelta

from flask import current_app
from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import select

from app.audit.operations import record
from app.changes.kinds import kind_of
from app.changes.models import OPEN, Act, ChangeLot, ChangeRequest, Preregistration, RequestState
from app.changes.operations import inspect_request, lot_number
from app.core import clock
from app.core.errors import DomainError, Stale
from app.core.i18n import _
from app.documents.models import FileState
from app.documents.operations import release, store
from app.extensions import db
from app.mail.operations import queue_mail
from app.security.who_sees_what import Noun

KIND = "preregistration"
#: What was begun and not sent is removed after this; the pages say so.
LIFE = timedelta(days=30)
#: The papers of a household are read by whoever reads its guardian.
PAPERS_NOUN = Noun.guardian
#: Children, papers and mails of one pre-registration: more than anybody needs, and no way to fill a disk or a mailbox.
MOST_CHILDREN, MOST_PAPERS, MOST_MAILS = 12, 8, 8
#: Steps that must be filled in before it can be sent.
NEEDED = ("guardian", "children", "wishes")


# -- steps ------------------------------------------------------------------------------------------------------------------------


def begin(guardian, *, locale):
    """The Preregistration of somebody who has filled in the first step; within the open unit of work. Its key goes into the session."""
    row = Preregistration(key_hash=secrets.token_hex(32), content={}, files=[], locale=locale)
    db.session.add(row)
    keep_step(row, "guardian", guardian)
    db.session.flush()
    return row


def of_key(key, *, lock=False):
    """The Preregistration of a session's key, or None."""
    query = select(Preregistration).where(Preregistration.key_hash == key).execution_options(populate_existing=True)
    return db.session.scalar(query.with_for_update() if lock else query) if key else None


def keep_step(row, step, values):
    """Keep what a step holds: a dict of JSON values, or for "children" a list of them. Refused once a clerk has accepted or decides."""
    refuse_if_closed(row)
    if step == "children" and len(values) > MOST_CHILDREN:
        raise DomainError(_("That is too many children for one form. Please ask the town hall."))
    row.content = {**row.content, step: values}
    drop_draft(row, step)
    if step == "guardian":
        row.name = (values.get("last_name") or "")[:120]
        address = (values.get("email") or "").lower()
        if address != row.email:
            # What was to be sent is looked at once more.
            row.email, row.confirmed_at = address, None
            row.content = {name: value for name, value in row.content.items() if name != "wants_to_send"}


def keep_draft(row, step, typed):
    """Keep {field: [texts]} that was typed and is not whole yet, for whoever goes a step back."""
    refuse_if_closed(row)
    short = {name: [text[:2000] for text in texts[:40]] for name, texts in list(typed.items())[:40]}
    row.content = {**row.content, "drafts": {**drafts_of(row), step: short}}


def drop_draft(row, step):
    """What was half typed there is whole now, or not wanted."""
    row.content = {**row.content, "drafts": {name: typed for name, typed in drafts_of(row).items() if name != step}}


def drafts_of(row):
    """{step: {field: [texts]}} of what was half typed."""
    return row.content.get("drafts") or {}


def keep_paper(row, name, upload, title):
    """Put a checked Upload to the papers, in the place of the one of this name; its file's name says what it is."""
    refuse_if_closed(row)
    if name not in papers_of(row) and len(papers_of(row)) >= MOST_PAPERS:
        raise DomainError(_("That is too many papers. Please bring the others to the town hall."))
    # Not a draft, which would be swept within days: remove() lets it go.
    upload = replace(upload, filename=f"{title[:60]} - {upload.filename[-55:]}")
    stored = store(upload, noun=PAPERS_NOUN, state=FileState.asked)
    _set_papers(row, {**papers_of(row), name: stored.id})
    return stored


def drop_paper(row, name):
    """Take a paper away again."""
    refuse_if_closed(row)
    _set_papers(row, {kept: number for kept, number in papers_of(row).items() if kept != name})


def papers_of(row):
    """{field of PapersForm: id of the StoredFile}."""
    return row.content.get("papers") or {}


def _set_papers(row, papers):
    sent = {number for request in requests_of(row) for number in request.files}
    release([number for number in row.files if number not in papers.values() and number not in sent])
    row.content, row.files = {**row.content, "papers": papers}, list(papers.values())


def missing_steps(row):
    """The names of the steps that must still be filled in."""
    return [step for step in NEEDED if not row.content.get(step)]


# -- the address ------------------------------------------------------------------------------------------------------------------


def token_of(row, email=None):
    """What a link in a mail to this address carries: it opens the pre-registration as long as that is its address."""
    return _serializer().dumps([row.key_hash, (email or row.email).lower()])


def of_token(token, *, lock=False):
    """The Preregistration of a link. Raises DomainError where it was removed, or has another address by now."""
    try:
        key, email = _serializer().loads(token)
    except (BadData, TypeError, ValueError):
        key, email = None, ""
    row = of_key(key, lock=lock)
    if row is None or not row.email or row.email != email:
        raise DomainError(_("This link is too old, or the address was corrected since."))
    return row


def _serializer():
    return URLSafeSerializer(current_app.secret_key, salt="preregistration")


def write_to(row):
    """Mail the link: to confirm the address and send, once all is filled in and the person has said so; before that, to go on later."""
    if not row.email:
        raise DomainError(_("Give an e-mail address first, in the step about you."))
    mails = row.content.get("mails", 0)
    if mails >= MOST_MAILS:
        raise DomainError(_("We have written to this address several times. Please ask the town hall."))
    row.content = {**row.content, "mails": mails + 1}
    queue_mail(
        row.email,
        "preregistration" if row.content.get("wants_to_send") else "preregistration_later",
        locale=row.locale,
        token=token_of(row),
        until=clock.local(expires_at(row)).date(),
    )


def confirm(row):
    """The link was opened and its button pressed: the address is theirs. What they wanted to send is sent; the ChangeRequest or None."""
    if row.confirmed_at is None:
        row.confirmed_at = clock.now()
        record("preregistration.confirmed", row, by="visitor", secret=True)
    return send(row) if row.content.get("wants_to_send") else None


# -- sending ----------------------------------------------------------------------------------------------------------------------


def ask_to_send(row, *, locale):
    """The person says that all is right: sent at once where the address is confirmed, else a mail asks for it. The request, or None."""
    refuse_if_closed(row)
    row.locale = locale
    _refuse_if_incomplete(row)
    if not row.email:
        raise DomainError(_("Without an e-mail address, print the sheet and bring it to the town hall."))
    row.content = {**row.content, "wants_to_send": True}
    if row.confirmed_at is not None:
        return send(row)
    write_to(row)
    return None


def send(row):
    """Make the request of a confirmed pre-registration, within the open unit of work; the open one again where nothing has changed."""
    former = _open_request(row)
    refuse_if_closed(row)
    _refuse_if_incomplete(row)
    if row.confirmed_at is None:
        raise DomainError(_("Please confirm your e-mail address first: open the link in our mail."))
    changes = _changes(row)
    same = former is not None and former.changes == changes
    if same and former.state is RequestState.pending and former.files == row.files:
        return former
    if former is not None:
        former.move_to(RequestState.superseded)
    # Sent back and come again with papers alone, it keeps its rank.
    request = _new_request(row, changes, _lot(row), asked_at=former.asked_at if same else clock.now())
    if former is not None:
        former.superseded_by_id = request.id
    kind = kind_of(KIND)
    if former is not None:
        kind.closed(former)
    kind.sent(request)
    inspect_request(request, None)
    row.sent_at = clock.now()
    row.content = {name: value for name, value in row.content.items() if name != "wants_to_send"}
    record("request.submitted", request, by="visitor", note=KIND, changes=dict.fromkeys(changes, (None, None)), secret=True)
    return request


def _refuse_if_incomplete(row):
    if missing_steps(row):
        raise DomainError(_("Something is still missing: look at the steps marked below."))


def _changes(row):
    steps = {name: row.content.get(name) for name in ("guardian", "spouse", "children", "wishes")}
    return {name: {"before": None, "after": value} for name, value in steps.items() if value}


def _lot(row):
    """The lot of this pre-registration: sealed at once, since nobody has more to add, and told of again by a receipt."""
    now, lot = clock.now(), lot_of(row)
    if lot is None:
        lot = ChangeLot(number=lot_number(), preregistration_id=row.id, opened_at=now, seals_at=now)
        db.session.add(lot)
        db.session.flush()
    lot.receipt_at = None
    return lot


def _new_request(row, changes, lot, *, asked_at):
    guardian = changes["guardian"]["after"]
    request = ChangeRequest(
        lot=lot,
        kind=KIND,
        act=Act.add,
        changes=changes,
        files=list(row.files),
        asked_at=asked_at,
        asked_by=f"{guardian['first_name']} {guardian['last_name']}"[:120],
    )
    db.session.add(request)
    db.session.flush()
    return request


# -- what became of it --------------------------------------------------------------------------------------------------------------


def lot_of(row):
    """The ChangeLot of a pre-registration, or None before it was sent."""
    return db.session.scalar(select(ChangeLot).filter_by(preregistration_id=row.id))


def requests_of(row):
    """Its ChangeRequests, oldest first."""
    query = select(ChangeRequest).join(ChangeRequest.lot).where(ChangeLot.preregistration_id == row.id)
    return db.session.scalars(query.order_by(ChangeRequest.id)).all()


def latest_request(row):
    """The last ChangeRequest, or None before it was sent."""
    return next(reversed(requests_of(row)), None)


def take_back(row):
    """The family takes back what it sent, within the open unit of work; Stale where the town was faster."""
    request = _open_request(row)
    if request is None:
        raise Stale(_("There is nothing to take back any more."))
    request.move_to(RequestState.withdrawn)
    request.decided_at = clock.now()
    kind_of(KIND).closed(request)
    record("request.withdrawn", request, by="visitor", note=KIND)


def _open_request(row):
    """Its open ChangeRequest, locked: a clerk who decides at the same moment comes before or after, never in between."""
    query = select(ChangeRequest).join(ChangeRequest.lot).where(ChangeLot.preregistration_id == row.id, ChangeRequest.state.in_(OPEN))
    query = query.order_by(ChangeRequest.id.desc()).limit(1).with_for_update(of=ChangeRequest)
    return db.session.scalar(query.execution_options(populate_existing=True))


def refuse_if_closed(row):
    """Raise Stale where the town has accepted the family, or is deciding."""
    last = latest_request(row) if row.sent_at is not None else None
    if last is not None and last.state in (RequestState.accepted, RequestState.partly_accepted):
        raise Stale(_("The town hall has accepted your family: nothing can be changed here any more."))
    if last is not None and last.state is RequestState.deciding:
        raise Stale(_("The town hall is deciding: nothing can be changed now."))


def expires_at(row):
    """When it is removed, if it has not been sent by then."""
    return row.started_at + LIFE


def forget_old(limit=200):
    """Remove what was begun LIFE ago and never sent, and let its papers go; within the open unit of work. How many."""
    old = select(Preregistration).where(Preregistration.sent_at.is_(None), Preregistration.started_at < clock.now() - LIFE)
    rows = db.session.scalars(old.limit(limit).with_for_update(skip_locked=True)).all()
    for row in rows:
        remove(row)
    return len(rows)


def erase(row):
    """The family removes what it has not sent, within the open unit of work."""
    if row.sent_at is not None:
        raise Stale(_("This was sent to the town hall: take it back instead."))
    remove(row)


def remove(row):
    """Remove one that was never sent, with its papers, within the open unit of work."""
    release(row.files)
    db.session.delete(row)

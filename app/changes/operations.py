"""How does a request come to be, and how is it taken back? submit() is a family's only way to its file."""

from datetime import timedelta
from functools import cache

from flask import current_app
from sqlalchemy import bindparam, select

from app.audit.operations import record
from app.changes.kinds import kind_of
from app.changes.models import Act, ChangeLot, ChangeRequest, Channel, Lane, RequestState
from app.core import clock, settings
from app.core.db import done_so_far
from app.core.errors import DomainError, NotFound, Stale
from app.core.i18n import _, in_locale
from app.core.numbering import next_number
from app.documents.operations import keep_for_request
from app.extensions import db

#: What every save asks is built once: SQLAlchemy takes longer to build it than to run it.
SENT = select(ChangeRequest).where(ChangeRequest.idempotency_key.in_(bindparam("keys", expanding=True)))
OPEN_LOT = (
    select(ChangeLot)
    .where(ChangeLot.family_id == bindparam("family"), ChangeLot.account_id == bindparam("account"))
    .where(ChangeLot.channel == bindparam("channel"), ChangeLot.seals_at > bindparam("now"))
    .order_by(ChangeLot.id.desc())
    .limit(1)
)


def submit(kind, proposal, *, standing, by):
    """Store what a family asks; nothing of its file changes. Within the open unit of work; returns the ChangeRequest.

    `standing` says for which family, `by` is the account. A request of the same section that still waits is superseded; what it
    asked and this save leaves alone is carried over. Returns None where the save takes back all that waited. Raises NotFound for a
    row of another family or one that is gone, DomainError where nothing was changed or a rule says no.
    """
    (request,) = submit_all(kind, [proposal], standing=standing, by=by)
    return request


def submit_all(kind, proposals, *, standing, by):
    """The same of many proposals of a kind, in their order: [ChangeRequest or None]. What they write goes to the database together.

    Where one is refused, the caller rolls back those before it.
    """
    lock_family(standing.family_id)
    keys = [proposal.key for proposal in proposals if proposal.key]
    sent = {request.idempotency_key: request for request in db.session.scalars(SENT, {"keys": keys})} if keys else {}
    for proposal in proposals:
        proposal.by_clerk = standing.by_clerk
    kind.read_ahead([proposal for proposal in proposals if proposal.key not in sent], standing.family_id)
    requests, new = [], []
    for proposal in proposals:
        request = sent.get(proposal.key) if proposal.key else None
        if request is None and (request := _ask(kind, proposal, standing=standing, by=by)) is not None:
            new.append(request)
            sent[request.idempotency_key] = request
        requests.append(request)
    db.session.flush()
    for request in new:
        record("request.submitted", request, by=by, note=kind.name, changes=dict.fromkeys(request.changes, (None, None)), secret=True)
    return requests


def _ask(kind, proposal, *, standing, by):
    """The new request of a proposal, not written yet; None where it takes back all that waited."""
    target = _target(kind, proposal, standing.family_id)
    waiting = _replaced(kind, proposal, standing.family_id)
    changes = merge(kind, proposal, waiting)
    if not changes and proposal.act is Act.edit:
        if waiting is None:
            raise DomainError(_("Nothing was changed."))
        withdraw(waiting, by=by)
        return None
    kind.refuse_if_invalid(proposal, standing.family_id)
    lot, asked_at = open_lot(standing), _asked_at(kind, changes, waiting)
    if waiting is not None:
        waiting.move_to(RequestState.superseded)
        db.session.flush()
    request = _new_request(kind, proposal, changes, lot, standing=standing, by=by, asked_at=asked_at)
    if waiting is not None:
        db.session.flush()
        waiting.superseded_by_id = request.id
        kind.closed(waiting)
    kind.sent(request)
    inspect_request(request, target)
    keep_for_request(request.files, standing.family_id)
    return request


def _new_request(kind, proposal, changes, lot, *, standing, by, asked_at):
    request = ChangeRequest(
        lot=lot,
        family_id=standing.family_id,
        child_id=proposal.child_id,
        kind=kind.name,
        act=proposal.act,
        target_id=proposal.target.id if proposal.act is not Act.add else None,
        changes=changes,
        files=_files(kind, changes),
        comment=proposal.comment or None,
        received_on=standing.received_on,
        asked_by_id=by.id,
        asked_by=str(by),
        idempotency_key=proposal.key,
        asked_at=asked_at,
        state=RequestState.pending,
    )
    db.session.add(request)
    return request


def lock_family(family_id):
    """Let one save of a family wait for the other. Once a transaction: the lock lasts until its end. A new family has nothing to lock."""
    if family_id is None:
        return
    locked = done_so_far().setdefault("locked_families", set())
    if family_id in locked:
        return
    if db.session.scalar(_locked_family(), {"family": family_id}) is None:
        raise NotFound(_("This family does not exist any more."))
    locked.add(family_id)


@cache
def _locked_family():
    family = db.metadata.tables["family"]
    return select(family.c.id).where(family.c.id == bindparam("family")).with_for_update()


def _target(kind, proposal, family_id):
    if proposal.act is Act.add:
        return None
    target = kind.find(proposal.target.id, family_id)
    if target is None:
        raise NotFound(_("This record does not exist any more."))
    return target


def waiting_request(kind, act, target_id, family_id, *, lock=False):
    """The request of this household on this section that waits on somebody and is in nobody's hands, or None.

    `lock` is for those who will change it: a clerk who decides at the same moment comes before or after, never in between.
    """
    states = (RequestState.pending, RequestState.sent_back)
    query = (
        select(ChangeRequest)
        .filter_by(kind=kind.name, act=act, target_id=target_id, family_id=family_id)
        .where(ChangeRequest.state.in_(states))
    )
    query = query.order_by(ChangeRequest.id.desc()).limit(1)
    return db.session.scalar(query.with_for_update() if lock else query)


def former_request(kind, act, request_id, family_id, *, lock=False):
    """This household's request of a kind that was refused, sent back or waits, to be asked once more; None where there is none."""
    states = (RequestState.pending, RequestState.sent_back, RequestState.refused, RequestState.partly_accepted)
    query = select(ChangeRequest).filter_by(id=request_id, kind=kind.name, act=act, family_id=family_id)
    query = query.where(ChangeRequest.state.in_(states))
    return db.session.scalar(query.with_for_update() if lock else query)


def _replaced(kind, proposal, family_id):
    """The waiting request whose place a proposal takes, or None."""
    if proposal.target is not None:
        return waiting_request(kind, proposal.act, proposal.target.id, family_id, lock=True)
    former = former_request(kind, proposal.act, proposal.replaces, family_id, lock=True) if proposal.replaces else None
    return former if former is not None and former.state in (RequestState.pending, RequestState.sent_back) else None


def merge(kind, proposal, waiting):
    """{field: {"before", "after"}} of a save: what it changes of what it showed, over what already waited."""
    if proposal.act is Act.delete:
        return {name: {"before": value, "after": None} for name, value in kind.read(proposal.target).items() if value is not None}
    if proposal.act is Act.add:
        return {name: {"before": None, "after": value} for name, value in proposal.after.items() if value is not None}
    changes = dict(waiting.changes) if waiting is not None else {}
    for name, value in proposal.after.items():
        if not kind.same(name, value, proposal.shown.get(name)):
            changes[name] = {"before": proposal.before.get(name), "after": value}
    return {name: pair for name, pair in changes.items() if not kind.same(name, pair["before"], pair["after"])}


def _files(kind, changes):
    return [pair["after"] for name, pair in changes.items() if kind.is_file(name) and pair["after"]]


def _asked_at(kind, changes, waiting):
    """Now; but a request that was sent back and comes again with papers alone keeps its rank."""
    if waiting is None or waiting.state is not RequestState.sent_back:
        return clock.now()
    facts = {name: pair["after"] for name, pair in changes.items() if not kind.is_file(name)}
    former = {name: pair["after"] for name, pair in waiting.changes.items() if not kind.is_file(name)}
    return waiting.asked_at if facts == former else clock.now()


def begun_lot(standing):
    """The lot that the same person began some minutes ago, or None: it takes the next save."""
    now = clock.now()
    whose_kept, kept = done_so_far().get("open_lot", (None, None))
    if whose_kept == standing and kept.seals_at > now:
        return kept
    whose = {"family": standing.family_id, "account": standing.account_id, "channel": Channel(standing.channel), "now": now}
    return db.session.scalar(OPEN_LOT, whose)


def open_lot(standing):
    """The lot that takes this save: the one begun some minutes ago by the same person, or a new one with a number."""
    now, lot = clock.now(), begun_lot(standing)
    if lot is None:
        lot = ChangeLot(
            number=lot_number(),
            family_id=standing.family_id,
            account_id=standing.account_id,
            channel=Channel(standing.channel),
            opened_at=now,
            seals_at=now + timedelta(minutes=settings.get("lot_minutes")),
        )
        db.session.add(lot)
        db.session.flush()
    done_so_far()["open_lot"] = standing, lot
    return lot


def lot_number():
    """The next number of a lot, for its receipt; within the open unit of work."""
    year = clock.today().year
    return f"{year}-{next_number(f'lot-{year}'):04}"


def seal(lot, *, by):
    """The family says that it is done: the lot can be decided from now on."""
    if not lot.sealed:
        lot.seals_at = max(clock.now(), lot.opened_at)
        record("lot.sealed", lot, by=by)


def seal_entered(family_id, *, by):
    """What somebody of the town entered for a family is complete: no need to wait for more."""
    mine = select(ChangeLot).where(ChangeLot.family_id == family_id, ChangeLot.account_id == by.id, ChangeLot.channel != Channel.portal)
    for lot in db.session.scalars(mine.where(ChangeLot.seals_at > clock.now())):
        seal(lot, by=by)


def assign(lot, account_id, *, by):
    """Make somebody of the town answerable for a lot, or nobody (None)."""
    if lot.assigned_to_id != account_id:
        record("lot.assigned", lot, by=by, changes={"assigned_to_id": (lot.assigned_to_id, account_id)})
        lot.assigned_to_id = account_id


def withdraw(request, *, by):
    """The family takes a request back. Stale where a clerk was faster."""
    # The row alone: PostgreSQL locks no outer join, and the caller may have loaded the lot with it.
    db.session.refresh(request, with_for_update={"of": ChangeRequest})
    request.move_to(RequestState.withdrawn)
    request.decided_at = clock.now()
    kind_of(request.kind).closed(request)
    record("request.withdrawn", request, by=by, note=request.kind)


def confirm(request, *, by):
    """The family takes what was offered to it: a freed place. Stale where the offer has lapsed or went to another family."""
    db.session.refresh(request, with_for_update={"of": ChangeRequest})
    if request.state is not RequestState.pending:
        raise Stale(_("This request is already %(state)s.", state=request.state.label))
    kind = kind_of(request.kind)
    kind.confirm(request)
    request.version += 1
    inspect_request(request, None if request.act is Act.add else kind.find(request.target_id, request.family_id))
    record("request.confirmed", request, by=by, note=request.kind)


def inspect_request(request, target):
    """Run the automatic checks of its kind and sort the request into a lane."""
    # In the town's language: whoever decides reads them, not who asked.
    with in_locale(current_app.config["BABEL_DEFAULT_LOCALE"]):
        findings = kind_of(request.kind).check(request, target)
    request.findings = [{"lane": finding.lane.name, "sentence": str(finding.sentence)} for finding in findings]
    request.lane = max((finding.lane for finding in findings), key=list(Lane).index, default=Lane.green)

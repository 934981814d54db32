"""How does a clerk's word take effect? Claimed at once, held back for the undo window, applied in one transaction."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import joinedload, selectinload

from app.audit.operations import record
from app.changes.kinds import kind_of
from app.changes.models import Act, ChangeLot, ChangeRequest, Decision, DecisionState, Lane, Outcome, RequestState
from app.changes.operations import lock_family, waiting_request
from app.changes.settings import auto_accept_key
from app.core import clock, settings
from app.core.db import unit_of_work
from app.core.errors import DomainError, Forbidden, Stale
from app.core.i18n import _
from app.documents.operations import keep, release
from app.extensions import db
from app.security.scope import role_of
from app.security.who_sees_what import permissions


@dataclass
class Verdict:
    """What a clerk says of one request, as it stood on the screen."""

    request_id: int
    version: int
    outcome: Outcome
    #: The fields to apply; None: all.
    fields: list | None = None
    #: {field: value in the file} as shown; None: as the family saw it.
    seen: dict | None = None
    #: The clerk has read that the file changed since, and accepts all the same.
    despite_conflict: bool = False
    reason: str = ""
    #: What the clerk adds to what was asked, for a kind that takes it: the family that a new one turns out to be.
    added: dict | None = None


@dataclass
class Result:
    """How each verdict of a batch fared."""

    batch: str
    #: Ids of the requests whose verdict was taken.
    taken: list = field(default_factory=list)
    #: {id of a request: the DomainError that says why not}.
    problems: dict = field(default_factory=dict)

    @property
    def status(self):
        """The HTTP status that sums the batch up."""
        return max((problem.status for problem in self.problems.values() if problem.status != 422), default=422 if self.problems else 200)


def decide(verdicts, *, by, bulk=False):
    """Take verdicts, each by itself, within the open unit of work; returns a Result.

    A verdict on a version that is no longer the present one, on a lot that is not sealed, without a reason where one is due, or by somebody
    who may not, becomes a problem with its sentence; the others are taken. `by` is an Account, or None for the system.
    """
    result = Result(batch=uuid4().hex)
    requests = _claimable([verdict.request_id for verdict in verdicts])
    with db.session.no_autoflush:
        for verdict in verdicts:
            try:
                _take(verdict, requests.get(verdict.request_id), result.batch, by=by, bulk=bulk)
                result.taken.append(verdict.request_id)
            except DomainError as problem:
                result.problems[verdict.request_id] = problem
    db.session.flush()
    return result


def _claimable(ids):
    """{id: request}, fresh and locked: two clerks at once come one after the other, and a lane of 200 is one query."""
    query = select(ChangeRequest).where(ChangeRequest.id.in_(ids)).options(joinedload(ChangeRequest.lot)).order_by(ChangeRequest.id)
    locked = query.with_for_update(of=ChangeRequest).execution_options(populate_existing=True)
    return {request.id: request for request in db.session.scalars(locked)}


def _take(verdict, request, batch, *, by, bulk):
    if request is None:
        raise Stale(_("This request does not exist any more."))
    kind = kind_of(request.kind)
    _refuse_unless_allowed(request, kind, verdict, by=by, bulk=bulk)
    if request.state is not RequestState.pending or request.version != verdict.version:
        raise Stale(_("Somebody was faster: this request is %(state)s. Look at it again.", state=request.state.label))
    request.move_to(RequestState.deciding)
    now = clock.now()
    window = settings.get("undo_seconds") if by is not None else 0
    db.session.add(
        Decision(
            batch=batch,
            request_id=request.id,
            outcome=verdict.outcome,
            fields=verdict.fields,
            seen=_seen(request, verdict),
            reason=verdict.reason.strip(),
            decided_at=now,
            effective_at=now + timedelta(seconds=window),
            decided_by_id=getattr(by, "id", None),
            decided_by=str(by) if by else "Préau",
        )
    )
    record(f"request.decided.{verdict.outcome.value}", request, by=by or "system", note=kind.name)


def _refuse_unless_allowed(request, kind, verdict, *, by, bulk):
    if by is not None and "decide" not in permissions(kind.noun, role_of(by)):
        raise Forbidden(_("Your role does not decide requests of this kind."))
    if not request.lot.sealed:
        raise DomainError(_("The family may still add to this lot: it can be decided in a few minutes."))
    if verdict.outcome is not Outcome.accept and not verdict.reason.strip():
        raise DomainError(_("Say why: the family reads it."))
    if request.lane is Lane.queued and verdict.outcome is Outcome.accept:
        raise DomainError(_("No place is free: this request is on the waiting list."))
    if request.lane is Lane.queued and verdict.outcome is Outcome.send_back:
        raise DomainError(_("This request is on the waiting list: let it wait, or refuse it."))
    if bulk and not (kind.bulk and request.lane is Lane.green and not request.conflict):
        raise DomainError(_("Requests of this kind are decided one by one."))
    if verdict.fields is not None and not set(verdict.fields) & set(request.changes):
        raise DomainError(_("Choose at least one field, or refuse the request."))
    if _left_out(request, kind, verdict.fields) and not verdict.reason.strip():
        raise DomainError(_("Say why the rest is not accepted: the family reads it."))
    if verdict.outcome is Outcome.accept and request.act is Act.add:
        _refuse_without_required(request, kind, verdict)
    if verdict.outcome is Outcome.accept and not verdict.despite_conflict and conflicting(request, kind, verdict):
        raise Stale(_("The file has changed since the family saw it: look at it, then accept all the same or refuse."))


def _refuse_without_required(request, kind, verdict):
    left_out = [name for name in kind.form.required_names() if name in request.changes and name not in _chosen(request, verdict.fields)]
    if left_out:
        raise DomainError(_("A new record cannot do without: %(fields)s.", fields=", ".join(str(kind.label(name)) for name in left_out)))


def conflicting(request, kind, verdict):
    """The fields whose value the clerk saw is not the one that the family saw."""
    if verdict.seen is None or request.act is not Act.edit:
        return []
    return [
        name for name in _chosen(request, verdict.fields) if not kind.same(name, verdict.seen.get(name), request.changes[name]["before"])
    ]


def _seen(request, verdict):
    if request.act is not Act.edit:
        return verdict.added or {}
    return {name: (verdict.seen if verdict.seen is not None else {}).get(name, pair["before"]) for name, pair in request.changes.items()}


def _chosen(request, fields):
    return [name for name in request.changes if fields is None or name in fields]


def _left_out(request, kind, fields):
    """The fields that are not accepted; a proof is no part of what is asked."""
    return set() if fields is None else set(request.changes) - set(kind.form.proofs) - set(fields)


def refuse_at_once(request, reason, *, by):
    """Refuse a request that waits, sealed or not: what it asks for does not exist any more. The family hears of it."""
    if request.state is RequestState.pending:
        request.move_to(RequestState.deciding)
    request.notified_at = None
    request.move_to(RequestState.refused)
    request.decided_at, request.decided_by, request.reason = clock.now(), str(by or "Préau"), reason
    db.session.flush()
    kind_of(request.kind).closed(request)
    record("request.decided.refuse", request, by=by or "system", note=request.kind)


def undo(batch, *, by):
    """Take a batch of decisions back while the window is open; returns how many requests are in the queue again."""
    held = select(Decision).where(Decision.batch == batch, Decision.state == DecisionState.held, Decision.effective_at > clock.now())
    decisions = db.session.scalars(held.options(selectinload(Decision.request)).with_for_update()).all()
    if not decisions:
        raise Stale(_("Too late: the decision has taken effect."))
    for decision in decisions:
        if decision.decided_by_id != by.id:
            raise Forbidden(_("Only the person who decided can undo it."))
        decision.move_to(DecisionState.undone)
        record("request.undone", decision.request, by=by, note=decision.request.kind)
        _reopen(decision.request)
    return len(decisions)


def _reopen(request):
    """Put a request back into the queue; returns the one that waits.

    The household may have asked for the same section again meanwhile: then both become one request, the later word on top.
    """
    lock_family(request.family_id)
    later = (
        waiting_request(kind_of(request.kind), request.act, request.target_id, request.family_id, lock=True)
        if request.target_id is not None
        else None
    )
    if later is None or later.state is not RequestState.pending:
        request.move_to(RequestState.pending)
        return request
    for former in (request, later):
        former.move_to(RequestState.superseded)
    db.session.flush()
    both = _both(request, later)
    db.session.add(both)
    db.session.flush()
    request.superseded_by_id = later.superseded_by_id = both.id
    db.session.flush()
    kind = kind_of(both.kind)
    for former in (request, later):
        kind.closed(former)
    kind.sent(both)
    return both


def _both(request, later):
    """One request for what two have asked for, as the later one came."""
    as_it_came = ("lot", "family_id", "child_id", "kind", "act", "target_id", "received_on", "asked_by_id", "asked_by", "asked_at")
    return ChangeRequest(
        **{name: getattr(later, name) for name in as_it_came},
        changes={**request.changes, **later.changes},
        files=sorted({*request.files, *later.files}),
        comment=later.comment or request.comment,
        lane=max(request.lane, later.lane, key=list(Lane).index),
        findings=[*later.findings, *(one for one in request.findings if one not in later.findings)],
    )


def apply_due(limit=100, batch=None):
    """Give effect to the decisions whose window has passed; returns how many. Each in a transaction of its own, safe to run twice.

    `batch` names one act of a clerk, for towns without an undo window: it takes effect at once.
    """
    due = select(Decision.id).where(Decision.state == DecisionState.held, Decision.effective_at <= clock.now())
    if batch is not None:
        due = due.where(Decision.batch == batch)
    ids = db.session.scalars(due.order_by(Decision.id).limit(limit)).all()
    for decision_id in ids:
        with unit_of_work():
            apply_decision(decision_id)
    return len(ids)


def apply_decision(decision_id):
    """Give effect to one decision within the open unit of work: a conflict or a rule sends the request back to the queue."""
    query = select(Decision).where(Decision.id == decision_id, Decision.state == DecisionState.held, Decision.effective_at <= clock.now())
    decision = db.session.scalar(query.with_for_update(skip_locked=True).execution_options(populate_existing=True))
    if decision is None:
        return
    request = db.session.scalar(select(ChangeRequest).where(ChangeRequest.id == decision.request_id).with_for_update())
    try:
        with db.session.begin_nested():
            _apply(decision, request, kind_of(request.kind))
        decision.move_to(DecisionState.done)
    except Conflict as conflict:
        decision.move_to(DecisionState.conflict)
        _back_to_queue(decision, request, conflict).conflict = conflict.fields
    except (DomainError, IntegrityError) as problem:
        decision.move_to(DecisionState.failed)
        _back_to_queue(decision, request, problem if isinstance(problem, DomainError) else _("The file has a rule against it."))
    except OperationalError:
        # The database, not the decision: tried again as it is.
        raise
    except Exception:
        # A fault of ours must not hold up the decisions behind it.
        current_app.logger.exception("decision %s could not be applied", decision_id)
        decision.move_to(DecisionState.failed)
        _back_to_queue(decision, request, _("It could not be applied because of a fault of the software. Please tell your administrator."))


class Conflict(DomainError):
    """Fields of the file are no longer what the clerk saw."""

    def __init__(self, fields):
        super().__init__(_("The file has changed since."))
        self.fields = fields


def _back_to_queue(decision, request, problem):
    decision.problem = str(problem)[:300]
    record("request.returned", request, by="system", note=f"{request.kind}: {decision.problem}")
    waiting = _reopen(request)
    if waiting.lane is not Lane.queued:
        waiting.lane = Lane.look
    told = {"lane": Lane.look.name, "sentence": _("It was decided, and that could not take effect: %(why)s", why=decision.problem)}
    waiting.findings = [*(one for one in waiting.findings if one != told), told]
    return waiting


def _apply(decision, request, kind):
    if decision.outcome is Outcome.accept:
        _write(decision, request, kind)
        partly = _left_out(request, kind, decision.fields)
        request.move_to(RequestState.partly_accepted if partly else RequestState.accepted)
        request.accepted_fields = [name for name in request.changes if name in decision.fields] if partly else None
    else:
        request.move_to(RequestState.refused if decision.outcome is Outcome.refuse else RequestState.sent_back)
    request.decided_at, request.decided_by = decision.decided_at, decision.decided_by
    request.reason, request.conflict = decision.reason, []
    db.session.flush()
    if not request.open:
        kind.closed(request)


def _write(decision, request, kind):
    target = None
    if request.act is not Act.add:
        target = kind.find(request.target_id, request.family_id, lock=True)
        if target is None:
            raise DomainError(_("The record does not exist any more."))
    names = _chosen(request, decision.fields)
    values = {name: request.changes[name]["after"] for name in names if name not in kind.form.proofs}
    replaced = []
    if request.act is Act.edit:
        current = kind.read(target)
        conflicts = [name for name in names if not kind.same(name, current.get(name), decision.seen.get(name))]
        if conflicts:
            raise Conflict(conflicts)
        replaced = [current[name] for name in names if kind.is_file(name) and current.get(name)]
        kind.write(target, values, request=request)
    elif request.act is Act.add:
        target = kind.create({**values, **decision.seen}, request=request)
        db.session.flush()
        request.target_id = target.id
        request.child_id = request.child_id or kind.child_id(target)
    else:
        kind.remove(target, request=request)
    db.session.flush()
    if request.act is not Act.delete and kind.find(target.id, request.family_id) is None:
        raise DomainError(_("The record would leave the family."))
    keep([value for name, value in values.items() if kind.is_file(name) and value], child_id=request.child_id)
    release(replaced)
    record(
        f"{kind.name}.{request.act.value}",
        target,
        by=(decision.decided_by_id and _Actor(decision)) or "system",
        family_id=request.family_id,
        child_id=request.child_id,
        secret=kind.secret,
        note=f"{request.lot.number}",
        changes={name: (request.changes[name]["before"], request.changes[name]["after"]) for name in names},
    )


class _Actor:
    """The clerk who decided, as the log names actors."""

    def __init__(self, decision):
        self.id, self._name = decision.decided_by_id, decision.decided_by

    def __str__(self):
        return self._name


def accept_automatically(kinds, limit=100):
    """Accept sealed green requests of the kinds for which the town has switched it on; returns how many were taken."""
    names = [kind.name for kind in kinds if kind.bulk and settings.get(auto_accept_key(kind))]
    if not names:
        return 0
    query = (
        select(ChangeRequest.id, ChangeRequest.version)
        .join(ChangeRequest.lot)
        .where(
            ChangeRequest.state == RequestState.pending,
            ChangeRequest.kind.in_(names),
            ChangeRequest.lane == Lane.green,
            ChangeLot.seals_at <= clock.now(),
        )
    )
    with unit_of_work():
        waiting = db.session.execute(query.order_by(ChangeRequest.asked_at, ChangeRequest.id).limit(limit)).all()
        return len(decide([Verdict(*row, Outcome.accept) for row in waiting], by=None, bulk=True).taken)

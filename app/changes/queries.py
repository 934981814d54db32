"""What do clerks read of requests? What they may decide, who looks at the same, what was decided, the sentences kept ready."""

from datetime import UTC, datetime, timedelta
from functools import cache

from sqlalchemy import BigInteger, bindparam, cast, exists, extract, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import defer, joinedload, selectinload

from app.changes.kinds import KINDS
from app.changes.models import OPEN, Act, ChangeLot, ChangeRequest, Decision, DecisionState, Presence, RefusalReason, RequestState
from app.core import clock
from app.core.db import own_transaction
from app.extensions import db
from app.security.who_sees_what import FAMILY_VIEWERS, permissions

KIND_NAMES = bindparam("kinds", expanding=True)
#: Somebody who has not asked for a lot's page for so long does not look at it any more.
LOOKING = timedelta(minutes=2)


def kinds_for(role, permission="decide"):
    """The kinds about which a role may do this, in the order of the registry."""
    return [kind for kind in KINDS.values() if permission in permissions(kind.noun, role)]


def kinds_of_families():
    """The kinds that somebody of a household may ask for; a new family has no household yet."""
    return [kind for kind in KINDS.values() if any("ask" in permissions(kind.noun, viewer) for viewer in FAMILY_VIEWERS)]


def waits_for_decision(kind, target_id):
    """Whether a change of this record waits for a clerk, whichever household asked for it."""
    waits = exists().where(ChangeRequest.target_id == target_id, ChangeRequest.state == RequestState.pending)
    return db.session.scalar(select(waits.where(ChangeRequest.kind == kind.name, ChangeRequest.act == Act.edit)))


def refusal_reasons():
    """The sentences that the town keeps ready, on keys 1 to 9."""
    return db.session.scalars(select(RefusalReason).order_by(RefusalReason.rank, RefusalReason.id).limit(9)).all()


def requests_around(lot_id, kinds, limit=40):
    """The requests of a lot, and those of the same family that wait or were asked last, newest first; of these kinds alone."""
    family = select(ChangeLot.family_id).where(ChangeLot.id == lot_id).scalar_subquery()
    mine, waits = ChangeRequest.lot_id == lot_id, ChangeRequest.state.in_(OPEN)
    lot = joinedload(ChangeRequest.lot)
    # A new family's lot has no family yet.
    query = (
        select(ChangeRequest)
        .where(mine | (ChangeRequest.family_id == family), ChangeRequest.kind.in_([kind.name for kind in kinds]))
        .options(lot.joinedload(ChangeLot.assigned_to), lot.joinedload(ChangeLot.preregistration))
        .options(lot.joinedload(ChangeLot.presences).joinedload(Presence.account))
        .order_by(mine.desc(), waits.desc(), ChangeRequest.id.desc())
        .limit(limit)
    )
    return db.session.scalars(query).unique().all()


def lookers(lot, me):
    """The Presences of colleagues who look at a lot."""
    return [row for row in lot.presences if row.account_id != me.id and row.seen_at > clock.now() - LOOKING]


def lookers_at(lot_id, me):
    """The same, freshly read."""
    query = select(Presence).where(Presence.lot_id == lot_id, Presence.account_id != me.id, Presence.seen_at > clock.now() - LOOKING)
    return db.session.scalars(query.options(joinedload(Presence.account)).order_by(Presence.seen_at.desc())).all()


def note_presence(lot_id, me):
    """Note, in a short transaction of its own, that somebody has a lot open."""
    insert = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}[db.engine.dialect.name]
    row = insert(Presence).values(lot_id=lot_id, account_id=me.id, seen_at=clock.now())
    with own_transaction("presence") as connection:
        connection.execute(row.on_conflict_do_update(index_elements=["lot_id", "account_id"], set_={"seen_at": clock.now()}))


def last_decided(kinds, limit=8):
    """The latest decisions that stand, newest first, of these kinds alone."""
    return db.session.scalars(_last_decided(), {"kinds": [kind.name for kind in kinds], "limit": limit}).unique().all()


def decisions_of(batch):
    """The decisions of one act of a clerk."""
    query = select(Decision).where(Decision.batch == batch).options(selectinload(Decision.request)).order_by(Decision.id)
    return db.session.scalars(query.execution_options(populate_existing=True)).all()


@cache
def columns_of_sent_back():
    """Scalar sub-queries: how many requests of :kinds wait for their family, and since when the first of them does."""
    back = (ChangeRequest.state == RequestState.sent_back) & ChangeRequest.kind.in_(KIND_NAMES)
    return [select(column).where(back).scalar_subquery() for column in (func.count(ChangeRequest.id), func.min(ChangeRequest.decided_at))]


@cache
def _last_decided():
    """Built once, as all that the desk asks: SQLAlchemy takes longer to build it than to run it."""
    standing = Decision.state.in_((DecisionState.held, DecisionState.done))
    query = select(Decision).join(Decision.request).where(standing, ChangeRequest.kind.in_(KIND_NAMES))
    lot = joinedload(Decision.request).load_only(ChangeRequest.kind, ChangeRequest.lot_id).joinedload(ChangeRequest.lot)
    return query.options(defer(Decision.seen), lot).order_by(Decision.id.desc()).limit(bindparam("limit"))


_HOUR = cast(extract("epoch", ChangeRequest.asked_at), BigInteger) // 3600
_RECEIVED = (
    select(_HOUR, func.count()).where(ChangeRequest.asked_at > bindparam("since"), ChangeRequest.kind.in_(KIND_NAMES)).group_by(_HOUR)
)


def received_by_day(kinds, days=14):
    """[(local date, how many requests came in)] of the last days, today last."""
    today = clock.today()
    wanted = [today - timedelta(days=back) for back in reversed(range(days))]
    given = {"kinds": [kind.name for kind in kinds], "since": clock.now() - timedelta(days=days + 1)}
    counts = dict.fromkeys(wanted, 0)
    for number, many in db.session.execute(_RECEIVED, given):
        day = clock.local(datetime.fromtimestamp(int(number) * 3600, UTC)).date()
        if day in counts:
            counts[day] += many
    return list(counts.items())

"""What do clerks read of requests? What they may decide, who looks at the same, what was decided, the sentences kept ready."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, cast, exists, extract, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import defer, joinedload, selectinload

from app.changes.kinds import KINDS
from app.changes.models import OPEN, Act, ChangeLot, ChangeRequest, Decision, DecisionState, Presence, RefusalReason, RequestState
from app.core import clock
from app.core.db import own_transaction
from app.extensions import db
from app.security.who_sees_what import FAMILY_VIEWERS, permissions

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
    standing = Decision.state.in_((DecisionState.held, DecisionState.done))
    query = select(Decision).join(Decision.request).where(standing, ChangeRequest.kind.in_([kind.name for kind in kinds]))
    lot = joinedload(Decision.request).load_only(ChangeRequest.kind, ChangeRequest.lot_id).joinedload(ChangeRequest.lot)
    return db.session.scalars(query.options(defer(Decision.seen), lot).order_by(Decision.id.desc()).limit(limit)).unique().all()


def decisions_of(batch):
    """The decisions of one act of a clerk."""
    query = select(Decision).where(Decision.batch == batch).options(selectinload(Decision.request)).order_by(Decision.id)
    return db.session.scalars(query.execution_options(populate_existing=True)).all()


def columns_of_sent_back(kinds):
    """Scalar sub-queries: how many requests of these kinds wait for their family, and since when the first of them does."""
    back = (ChangeRequest.state == RequestState.sent_back) & ChangeRequest.kind.in_([kind.name for kind in kinds])
    return [select(column).where(back).scalar_subquery() for column in (func.count(ChangeRequest.id), func.min(ChangeRequest.decided_at))]


def received_by_day(kinds, days=14):
    """[(local date, how many requests came in)] of the last days, today last."""
    today = clock.today()
    wanted = [today - timedelta(days=back) for back in reversed(range(days))]
    hour = cast(extract("epoch", ChangeRequest.asked_at), BigInteger) // 3600
    since = clock.now() - timedelta(days=days + 1)
    query = (
        select(hour, func.count())
        .where(ChangeRequest.asked_at > since, ChangeRequest.kind.in_([kind.name for kind in kinds]))
        .group_by(hour)
    )
    counts = dict.fromkeys(wanted, 0)
    for number, many in db.session.execute(query):
        day = clock.local(datetime.fromtimestamp(int(number) * 3600, UTC)).date()
        if day in counts:
            counts[day] += many
    return list(counts.items())

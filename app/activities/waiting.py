"""Who gets a place that becomes free? Whoever asked first, by mail, for a limited time; and the wishes that end."""

from datetime import datetime, time, timedelta

from sqlalchemy import select

from app.activities.models import PlaceAsked, Places, Rank, Wish
from app.activities.places import Capacities, line, lock, room, taken
from app.changes.decisions import Verdict, decide
from app.changes.models import ChangeLot, ChangeRequest, Outcome, RequestState
from app.changes.operations import inspect_request
from app.core import clock
from app.core.db import unit_of_work
from app.core.i18n import _
from app.extensions import db
from app.mail.operations import queue_mail
from app.security.queries import reader_of


def offer_freed(unit_id, group_id, day):
    """Offer the free places of a day to those who have waited longest, within the open unit of work; returns how many.

    Safe to run at any time, and twice. Nothing is offered on the day itself: nobody would read it in time.
    """
    if group_id is None or day <= clock.today():
        return 0
    lock([unit_id])
    here = room(unit_id, group_id, day)
    if not here.queued:
        return 0
    waiting = line(unit_id, group_id, day)
    offered = 0
    for ask in waiting if here.free is None else waiting[: here.free]:
        if not _offer(ask):
            # Somebody is about to decide or withdraw it. Nobody is passed over: the next round looks again.
            break
        offered += 1
    return offered


def _offer(ask):
    query = select(ChangeRequest).where(ChangeRequest.id == ask.request_id).with_for_update(skip_locked=True)
    request = db.session.scalar(query.execution_options(populate_existing=True))
    if request is None or request.state is not RequestState.pending:
        return False
    ask.rank, ask.offered_until = Rank.offered, _kept_until(ask)
    db.session.flush()
    request.version += 1
    inspect_request(request, None)
    _tell(ask, request)
    return True


def _kept_until(ask):
    """So many hours as the activity says, but not into the day itself."""
    begins = datetime.combine(ask.day, time(0), clock.zone()) - timedelta(seconds=1)
    return min(clock.now() + timedelta(hours=ask.unit.activity.offer_hours), begins)


def _tell(ask, request):
    reader = reader_of(request.lot.account_id, ask.family_id)
    if reader is not None:
        queue_mail(
            reader.email,
            "place_offered",
            locale=reader.locale,
            family_id=ask.family_id,
            account_id=reader.account_id,
            child=ask.child.first_name,
            unit=ask.unit.title,
            day=ask.day,
            until=ask.offered_until,
            signs_in=reader.account_id is not None,
        )


# -- jobs -----------------------------------------------------------------------------------------------------------------------------


def offer_places(limit=50):
    """Look where places have become free although nobody noticed: the staff gave a group more of them. Returns how many were offered."""
    query = (
        select(PlaceAsked.unit_id, PlaceAsked.group_id, PlaceAsked.day)
        .where(PlaceAsked.rank == Rank.queued, PlaceAsked.day > clock.today(), PlaceAsked.group_id.is_not(None))
        .distinct()
        .order_by(PlaceAsked.day, PlaceAsked.unit_id)
    )
    waited_for = db.session.execute(query).all()
    offered = 0
    for place in _with_room(waited_for) if waited_for else ():
        if offered >= limit:
            break
        with unit_of_work():
            offered += offer_freed(*place)
    return offered


def _with_room(places):
    """Those of these (unit_id, group_id, day) that have a free place, or no limit any more. Two queries."""
    groups = {group_id for _unit_id, group_id, _day in places}
    capacities = Capacities(db.session.scalars(select(Places).where(Places.group_id.in_(groups))).all())
    days = [day for _unit_id, _group_id, day in places]
    counts = taken({unit_id for unit_id, _group_id, _day in places}, min(days), max(days))
    for place in places:
        capacity = capacities.of(*place)
        if capacity is None or counts.get(place, 0) < capacity:
            yield tuple(place)


def lapse_offers(limit=50):
    """End the offers that nobody took in time; the place goes to the next. Returns how many."""
    lapsed = (PlaceAsked.rank == Rank.offered) & (PlaceAsked.offered_until < clock.now())
    return _end(lapsed, limit, lambda: _("The place that was offered to you was not taken in time."))


def end_past_wishes(limit=50):
    """End the wishes of the waiting list whose day has come. Returns how many."""
    past = (PlaceAsked.rank == Rank.queued) & (PlaceAsked.day <= clock.today())
    return _end(past, limit, lambda: _("No place became free for this day."))


def _end(condition, limit, why):
    """Refuse, as the system, the requests whose wish for a place fulfils a condition."""
    query = select(ChangeRequest).join(PlaceAsked, PlaceAsked.request_id == ChangeRequest.id).join(ChangeRequest.lot)
    query = query.where(condition, PlaceAsked.wish == Wish.book, ChangeRequest.state == RequestState.pending)
    query = query.where(ChangeLot.seals_at <= clock.now()).order_by(PlaceAsked.id).limit(limit)
    with unit_of_work():
        requests = db.session.scalars(query).all()
        result = decide([Verdict(one.id, one.version, Outcome.refuse, reason=why()) for one in requests], by=None)
    return len(result.taken)

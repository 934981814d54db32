"""Who gets a place that becomes free? Whoever asked first, by mail, for a limited time; and the wishes that end."""

from datetime import datetime, time, timedelta

from sqlalchemy import select

from app.activities.models import PlaceAsked, Places, Rank, Wish
from app.activities.places import Capacities, line, lock, room, taken
from app.changes.decisions import Verdict, decide, refuse_at_once
from app.changes.kinds import kind_of
from app.changes.models import Act, ChangeLot, ChangeRequest, Outcome, RequestState
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
    offered = 0
    for ask in line(unit_id, group_id, day):
        if here.free is not None and offered >= here.free:
            break
        if ask.request.kind == "enrolment":
            # It is a day of a usual week: nobody is asked again.
            _keep(ask)
            offered += 1
            continue
        request = _locked(ask)
        if request is not None and request.state is RequestState.sent_back:
            # The family has the word, for as long as it likes: those behind it go on.
            continue
        if request is None or request.state is not RequestState.pending:
            # Somebody is about to decide or withdraw it. Nobody is passed over: the next round looks again.
            break
        _offer(ask, request)
        offered += 1
    return offered


def offer_all(places):
    """Offer what has become free of many places, (unit_id, group_id, day); one query says of which of them anybody waits."""
    places = {place for place in places if place[1] is not None and place[2] > clock.today()}
    if not places:
        return 0
    units, _groups, days = (set(column) for column in zip(*places, strict=True))
    query = select(PlaceAsked.unit_id, PlaceAsked.group_id, PlaceAsked.day).where(
        PlaceAsked.rank == Rank.queued, PlaceAsked.unit_id.in_(units), PlaceAsked.day.between(min(days), max(days))
    )
    waited_for = {tuple(row) for row in db.session.execute(query.distinct())}
    return sum(offer_freed(*place) for place in sorted(waited_for & places, key=lambda place: (place[0], place[2])))


def _keep(ask):
    """Give a place to an enrolment that waits; the clerk reads it, where nobody has the request in hand."""
    ask.move_to(Rank.holds)
    db.session.flush()
    request = _locked(ask)
    if request is not None and request.state is RequestState.pending:
        inspect_request(request, kind_of(request.kind).find(request.target_id, request.family_id) if request.act is not Act.add else None)


def _locked(ask):
    """The request of a wish, fresh and locked; None where somebody else holds it."""
    query = select(ChangeRequest).where(ChangeRequest.id == ask.request_id).with_for_update(skip_locked=True)
    return db.session.scalar(query.execution_options(populate_existing=True))


def _offer(ask, request):
    ask.move_to(Rank.offered, until=_kept_until(ask))
    db.session.flush()
    request.version += 1
    inspect_request(request, None)
    _tell(ask, request)


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
    """End the wishes of the waiting list whose day has come, and those sent back that nobody corrected. Returns how many."""
    come = PlaceAsked.day <= clock.today()
    queued = come & (PlaceAsked.rank == Rank.queued) & _asked_by(ChangeRequest.kind == "booking")
    forgotten = come & (PlaceAsked.rank != Rank.closed) & _asked_by(ChangeRequest.state == RequestState.sent_back)
    return _end(queued, limit, lambda: _("No place became free for this day.")) + _end(
        forgotten, limit, lambda: _("The request was not corrected before its first day.")
    )


def _asked_by(condition):
    return PlaceAsked.request.has(condition)


def _end(condition, limit, why):
    """Refuse, as the system, the requests whose wish for a place fulfils a condition, those that were sent back too."""
    wished = select(PlaceAsked.request_id).where(condition, PlaceAsked.wish == Wish.book)
    query = select(ChangeRequest).join(ChangeRequest.lot).where(ChangeRequest.id.in_(wished), ChangeLot.seals_at <= clock.now())
    query = query.order_by(ChangeRequest.id).limit(limit)
    with unit_of_work():
        waiting = db.session.scalars(query.where(ChangeRequest.state == RequestState.pending)).all()
        result = decide([Verdict(one.id, one.version, Outcome.refuse, reason=why()) for one in waiting], by=None)
        corrected = query.where(ChangeRequest.state == RequestState.sent_back).with_for_update(of=ChangeRequest, skip_locked=True)
        given_up = db.session.scalars(corrected.execution_options(populate_existing=True)).all()
        for request in given_up:
            refuse_at_once(request, why(), by=None)
    return len(result.taken) + len(given_up)

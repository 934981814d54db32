"""Who gets a place that becomes free? Whoever asked first, by mail, for a limited time; and the wishes that end."""

from datetime import datetime, time, timedelta

from sqlalchemy import select

from app.activities.models import PlaceAsked, Rank, Wish
from app.activities.places import Capacities, line, lock, taken
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
    """Offer the free places of a group's day to those who have waited longest, within the open unit of work; returns how many.

    To those who wait for any unit of the activity: the morning that became free may be what a whole day lacked. Safe to run at any time,
    and twice. Nothing is offered on the day itself: nobody would read it in time.
    """
    if group_id is None or day <= clock.today():
        return 0
    lock([unit_id])
    waiting = line([group_id], [day])
    if not waiting:
        return 0
    capacities, offered = Capacities.load([unit_id], day, day), 0
    counts = taken(capacities.unit_ids, day, day, group_ids=[group_id])
    for ask in first_come(waiting, capacities, counts):
        # It is a day of a usual week: nobody is asked again.
        take = _keep if ask.request.kind == "enrolment" else _offer
        offered += take(ask)
    return offered


def first_come(waiting, capacities, counts):
    """Those who wait and for whom a place is free, of some in the order in which they asked; `counts` as taken() gives them, and grow.

    Whoever finds none is counted before those behind it all the same. So a day is not passed over for ever by half-days, which need less;
    and where somebody is about to decide or withdraw a request, its place is kept until the next round.
    """
    for ask in waiting:
        place = ask.unit_id, ask.group_id, ask.day
        if not capacities.full(*place, counts):
            yield ask
        if ask.request.kind == "enrolment" or ask.request.state is not RequestState.sent_back:
            counts[place] = counts.get(place, 0) + 1
        # Else the family has the word, for as long as it likes: those behind it go on.


def offer_all(places):
    """Offer what has become free of many places, (unit_id, group_id, day); one query says in which groups anybody waits."""
    freed = {place[1:]: place[0] for place in places if place[1] is not None and place[2] > clock.today()}
    if not freed:
        return 0
    groups, days = (set(column) for column in zip(*freed, strict=True))
    query = select(PlaceAsked.group_id, PlaceAsked.day).where(
        PlaceAsked.rank == Rank.queued, PlaceAsked.group_id.in_(groups), PlaceAsked.day.between(min(days), max(days))
    )
    waited_for = {tuple(row) for row in db.session.execute(query.distinct())}
    return sum(offer_freed(unit_id, *place) for place, unit_id in sorted(freed.items()) if place in waited_for)


def _keep(ask):
    """Give a place to an enrolment that waits; the clerk reads it, where nobody has the request in hand."""
    ask.move_to(Rank.holds)
    db.session.flush()
    request = _locked(ask)
    if request is not None and request.state is RequestState.pending:
        inspect_request(request, kind_of(request.kind).find(request.target_id, request.family_id) if request.act is not Act.add else None)
    return True


def _locked(ask):
    """The request of a wish, fresh and locked; None where somebody else holds it."""
    query = select(ChangeRequest).where(ChangeRequest.id == ask.request_id).with_for_update(skip_locked=True)
    return db.session.scalar(query.execution_options(populate_existing=True))


def _offer(ask):
    """Offer a place, where the request waits for it and nobody has it in hand; returns whether."""
    request = _locked(ask)
    if request is None or request.state is not RequestState.pending:
        return False
    ask.move_to(Rank.offered, until=_kept_until(ask))
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
    for place in _to_offer(waited_for) if waited_for else ():
        if offered >= limit:
            break
        with unit_of_work():
            offered += offer_freed(*place)
    return offered


def _to_offer(places):
    """(unit_id, group_id, day), one a group and day, where one of those who wait for these would be offered a place. Three queries."""
    units, groups, days = (set(column) for column in zip(*places, strict=True))
    capacities = Capacities.load(units, min(days), max(days))
    counts = taken(capacities.unit_ids, min(days), max(days), group_ids=groups)
    free = {(group_id, day) for unit_id, group_id, day in places if not capacities.full(unit_id, group_id, day, counts)}
    waiting = [ask for ask in line(groups, {day for _group_id, day in free}) if (ask.group_id, ask.day) in free]
    found = {(ask.group_id, ask.day): (ask.unit_id, ask.group_id, ask.day) for ask in first_come(waiting, capacities, counts)}
    return sorted(found.values(), key=lambda place: (place[2], place[0]))


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

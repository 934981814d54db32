"""Which places does an enrolment keep while it waits? One for each day of its usual week, in the order in which families asked."""

from flask import g
from sqlalchemy import delete, insert, select, update

from app.activities.enrolling import plan_week
from app.activities.models import PlaceAsked, Rank, Wish
from app.activities.places import lock
from app.activities.waiting import offer_all
from app.changes.models import ChangeRequest, RequestState
from app.core import clock
from app.extensions import db


def hold(request, child, activity, cells, *, asked_at, group_id):
    """Keep the places of the cells {(unit_id, day)} that have a limit, within the open unit of work; returns the WeekPlan.

    A full day waits in line until the town decides. What an earlier request, which this one replaces, kept is taken over. However many
    days there are, the queries are the same.
    """
    lock(unit.id for unit in activity.units)
    _take_over(request)
    found = look_again(request, child, activity, cells, asked_at=asked_at, group_id=group_id)
    kept = {(row.unit_id, row.group_id, row.day, row.rank): row.id for row in _of(request.id)}
    wanted = {(*place, Rank.holds) for place in found.limited} | {(*place, Rank.queued) for place in found.full}
    left = {key: number for key, number in kept.items() if key not in wanted}
    if left:
        db.session.execute(delete(PlaceAsked).where(PlaceAsked.id.in_(left.values())))
    if new := sorted(wanted - kept.keys(), key=lambda key: (key[2], key[0])):
        whose = {"request_id": request.id, "child_id": child.id, "family_id": request.family_id}
        whose |= {"wish": Wish.book, "asked_at": request.asked_at}
        rows = [{**whose, "unit_id": unit, "group_id": group, "day": day, "rank": rank} for unit, group, day, rank in new]
        db.session.execute(insert(PlaceAsked), rows)
    offer_all(key[:3] for key in left)
    return found


def look_again(request, child, activity, cells, *, asked_at, group_id):
    """The WeekPlan of the same cells as things stand now."""
    return plan_week(child, activity, request.family_id, cells, asked_at=asked_at, group_id=group_id, request_id=request.id)


def _take_over(request):
    """Make what the requests before this one kept its own; a later word has a later place in line."""
    former = select(ChangeRequest.id).where(ChangeRequest.superseded_by_id == request.id)
    mine = update(PlaceAsked).where(PlaceAsked.request_id.in_(former), PlaceAsked.rank != Rank.closed)
    db.session.execute(mine.values(request_id=request.id, asked_at=request.asked_at))


def let_go(request):
    """Give back what a request that is over has kept, within the open unit of work; others are offered what nobody has booked."""
    if request.state is RequestState.superseded and request.superseded_by_id is not None:
        # The later one takes it over.
        return
    kept = _of(request.id)
    if kept:
        lock({row.unit_id for row in kept})
        db.session.execute(delete(PlaceAsked).where(PlaceAsked.request_id == request.id))
        offer_all((row.unit_id, row.group_id, row.day) for row in kept)


def _of(request_id):
    columns = (PlaceAsked.id, PlaceAsked.unit_id, PlaceAsked.group_id, PlaceAsked.day, PlaceAsked.rank)
    return db.session.execute(select(*columns).where(PlaceAsked.request_id == request_id, PlaceAsked.rank != Rank.closed)).all()


def days_without_place(request):
    """The days to come that an enrolment waits for in line, in order; those of all the family's requests are read once a page."""
    if "days_without_place" not in g:
        query = select(PlaceAsked.request_id, PlaceAsked.day).join(ChangeRequest, ChangeRequest.id == PlaceAsked.request_id)
        query = query.where(PlaceAsked.family_id == request.family_id, PlaceAsked.rank == Rank.queued, PlaceAsked.day >= clock.today())
        query = query.where(ChangeRequest.kind == request.kind).distinct().order_by(PlaceAsked.day)
        g.days_without_place = {}
        for number, day in db.session.execute(query):
            g.days_without_place.setdefault(number, []).append(day)
    return g.days_without_place.get(request.id, [])

"""What is there already? Bookings, open requests, days taken away and places taken, of a stretch of days, in one query."""

from collections import defaultdict
from datetime import timedelta
from functools import cache
from typing import NamedTuple

from sqlalchemy import Date, Integer, String, bindparam, cast, literal, null, select, type_coerce, union_all

from app.activities.models import Booking, DayCancellation, PlaceAsked, Rank
from app.activities.places import OCCUPIES, number_in_line, taken_query
from app.changes.models import ChangeRequest, RequestState
from app.core import clock
from app.core.db import Instant
from app.extensions import db

#: For so long a refusal stands beside the day that it is about.
FRESH = timedelta(days=30)
COLUMNS = ("child_id", "unit_id", "group_id", "day", "family_id", "id", "state", "wish", "rank", "until", "number", "says", "kind")
TYPES = (Integer, Integer, Integer, Date, Integer, Integer, String, String, String, Instant, Integer, String, String)


class Fact(NamedTuple):
    """One thing that is known of a day. Of a cancellation `unit_id` is the activity, `group_id` the school and `id` the class."""

    what: str
    child_id: int | None
    unit_id: int
    group_id: int | None
    day: object
    family_id: int | None
    id: int | None
    state: str | None
    wish: str | None
    rank: str | None
    until: object
    number: int | None
    says: str | None
    #: Of what is asked: the kind of its request.
    kind: str | None


def _columns(what, **given):
    """The columns of one part of the union; what it does not give is null, of the right type for PostgreSQL."""
    return [
        literal(what).label("what"),
        *(
            (type_coerce(given[name], kind()) if name in given else cast(null(), kind())).label(name)
            for name, kind in zip(COLUMNS, TYPES, strict=True)
        ),
    ]


CHILDREN, DAYS = bindparam("children", expanding=True), (bindparam("first"), bindparam("last"))


def _booked():
    columns = _columns(
        "booking",
        **{name: getattr(Booking, name) for name in ("child_id", "unit_id", "group_id", "day", "family_id", "state")},
        id=Booking.absence_id,
        says=DayCancellation.reason,
    )
    query = select(*columns).outerjoin(DayCancellation, DayCancellation.id == Booking.cancellation_id)
    return query.where(Booking.child_id.in_(CHILDREN), Booking.day.between(*DAYS))


def _asked():
    columns = _columns(
        "asked",
        **{name: getattr(PlaceAsked, name) for name in ("child_id", "unit_id", "group_id", "day", "family_id", "wish", "rank")},
        id=PlaceAsked.request_id,
        state=ChangeRequest.state,
        until=PlaceAsked.offered_until,
        number=number_in_line(),
        says=ChangeRequest.reason,
        kind=ChangeRequest.kind,
    )
    fresh = (ChangeRequest.state == RequestState.refused) & (ChangeRequest.decided_at > bindparam("fresh", type_=Instant))
    query = select(*columns).join(ChangeRequest, ChangeRequest.id == PlaceAsked.request_id)
    query = query.where(PlaceAsked.child_id.in_(CHILDREN), PlaceAsked.day.between(*DAYS))
    return query.where((PlaceAsked.rank != Rank.closed) | fresh)


def _cancelled():
    columns = _columns(
        "cancelled",
        unit_id=DayCancellation.activity_id,
        group_id=DayCancellation.school_id,
        id=DayCancellation.school_class_id,
        day=DayCancellation.day,
        says=DayCancellation.reason,
    )
    activities = bindparam("activities", expanding=True)
    return select(*columns).where(DayCancellation.day.between(*DAYS), DayCancellation.activity_id.in_(activities))


def _taken():
    units, groups = (bindparam(name, expanding=True) for name in ("units", "groups"))
    rows = taken_query(units, bindparam("counted_from"), bindparam("last"), groups, ranks=(*OCCUPIES, Rank.queued)).subquery()
    return select(*_columns("taken", **{name: rows.c[name] for name in ("unit_id", "group_id", "day", "rank", "number")}))


@cache
def everything():
    """The one statement; built once, since that takes longer than running it."""
    return union_all(_booked(), _asked(), _cancelled(), _taken())


class Facts:
    """What is known of some children's days."""

    def __init__(self):
        self.bookings, self.asked, self.refused, self.cancellations = {}, {}, {}, defaultdict(list)
        #: {(unit, group, day): how many places are taken}, and how many stand in line.
        self.counts, self.queued = defaultdict(int), defaultdict(int)
        #: {(child, day): {unit: Fact}} of bookings and wishes, for units that exclude each other.
        self.by_day = defaultdict(dict)

    @classmethod
    def load(cls, plan, children, first, last):
        """Of these children, from first to last; places are counted from today on, where there is a limit, in the groups that take them."""
        wanted = {
            "children": children,
            "first": first,
            "last": last,
            "fresh": clock.now() - FRESH,
            "activities": list(plan.services),
            "units": list(plan.capacities.unit_ids),
            "counted_from": max(first, clock.today()),
            "groups": plan.group_ids(children, max(first, clock.today()), last),
        }
        facts = cls()
        for row in db.session.execute(everything(), wanted):
            facts._take(Fact(*row))
        return facts

    def _take(self, fact):
        place = fact.child_id, fact.unit_id, fact.day
        if fact.what == "booking":
            self.bookings[place] = fact
            self.by_day[fact.child_id, fact.day].setdefault(fact.unit_id, fact)
        elif fact.what == "asked" and fact.rank != Rank.closed.value:
            self.asked[place] = fact
            self.by_day[fact.child_id, fact.day][fact.unit_id] = fact
        elif fact.what == "asked":
            self.refused[place] = max(fact, self.refused.get(place, fact), key=lambda one: one.id)
        elif fact.what == "cancelled":
            self.cancellations[fact.unit_id, fact.day].append(fact)
        else:
            counted = self.queued if fact.rank == Rank.queued.value else self.counts
            counted[fact.unit_id, fact.group_id, fact.day] += fact.number

    def cancellation(self, activity_id, day, schooling):
        """The Fact of a day that the town took away from whoever goes to this school and class, or None."""
        school, class_ = (schooling.school_id, schooling.school_class_id) if schooling is not None else (None, None)
        rows = self.cancellations.get((activity_id, day), ())
        return next((row for row in rows if row.group_id in (None, school) and row.id in (None, class_)), None)

    def forget_request(self, request_id):
        """Judge as if this request had not been sent."""
        for place, fact in list(self.asked.items()):
            if fact.id == request_id:
                del self.asked[place]
                self.by_day[place[0], place[2]].pop(place[1], None)

    def note_asked(self, ask):
        """Count a place that was just asked for, or the rank in its line."""
        values = (ask.child_id, ask.unit_id, ask.group_id, ask.day, ask.family_id, None, "pending", ask.wish.value, ask.rank.value)
        self._take(Fact("asked", *values, None, None, None, "booking"))
        counted = self.queued if ask.rank is Rank.queued else self.counts
        counted[ask.unit_id, ask.group_id, ask.day] += 1

    def note_booking(self, child_id, unit_id, group_id, day, family_id):
        """Count a booking that was just made."""
        fact = Fact("booking", child_id, unit_id, group_id, day, family_id, None, "booked", None, None, None, None, None, None)
        self._take(fact)
        self.counts[unit_id, group_id, day] = self.counts.get((unit_id, group_id, day), 0) + 1

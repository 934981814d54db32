"""How does a family ask for a place on a day? One request a cell; it holds its place, or waits in line, until it is decided."""

from datetime import date, timedelta

from flask import g
from sqlalchemy import bindparam, select
from wtforms import DateField, SelectField

from app.activities import deadlines
from app.activities.changes.paper import lack_of
from app.activities.changes.words import child_name, day_in_words, days_in_words, unit_title
from app.activities.models import Booking, BookingState, PlaceAsked, Rank, Unit, Wish
from app.activities.papers import lacking
from app.activities.places import is_late, lock, room
from app.activities.plan import Plan
from app.activities.timetable import Timetable
from app.activities.waiting import offer_freed
from app.changes.forms import SectionForm
from app.changes.kinds import Finding, Kind, Tab, register
from app.changes.models import Act, Channel, Lane, RequestState
from app.children.models import Child
from app.children.queries import child_of, children_of
from app.core import clock
from app.core.db import done_so_far, in_unit_of_work, read_once
from app.core.errors import DomainError, Stale
from app.core.forms import Required, option
from app.core.i18n import _, _l
from app.extensions import db
from app.security.who_sees_what import Noun

#: For how long after a day a lot's plan is read.
AHEAD = timedelta(days=35)
#: Built once: SQLAlchemy takes longer to build it than to run it.
ASK_OF = select(PlaceAsked).where(PlaceAsked.request_id == bindparam("request"), PlaceAsked.rank != Rank.closed)


def ask_of(request):
    """The row that a booking request occupies while it is open, or None."""
    return db.session.scalar(ASK_OF, {"request": request.id})


def judge(child_id, family_id, unit_id, day, *, by_clerk=False, reason=""):
    """The one judge, for one cell: its Cell, or DomainError."""
    table = _table([(child_id, unit_id, day)], family_id, by_clerk)
    if child_id not in table.plan.of:
        raise DomainError(_("This child is not in your file."))
    return table.judge(table.plan.of[child_id].child, unit_id, day, reason=reason)


def _table(cells, family_id, by_clerk):
    """The Timetable of some cells, (child, unit, day), as this transaction leaves them: sent() notes in it what it has asked."""
    whose, known, table = done_so_far().get("booking_table", (None, frozenset(), None))
    if whose == (family_id, by_clerk) and known.issuperset(cells):
        return table
    wanted, units, days = zip(*cells, strict=True)
    plan = _plan_of(family_id, min(days), max(days), by_clerk)
    limited = plan.capacities.unit_ids.intersection(units)
    if in_unit_of_work() and limited:
        # Before the places are counted, and before the instant of the request: their order is that of the waiting list.
        lock(limited)
    children = [of.child for number, of in plan.of.items() if number in wanted]
    table = Timetable.load(children, min(days), max(days), family_id, by_clerk=by_clerk, plan=plan)
    done_so_far()["booking_table"] = (family_id, by_clerk), frozenset(cells), table
    return table


def timetable_after(first, last, family_id, *, by_clerk=False):
    """The Timetable of a family's days as this transaction leaves them: what the judge has read of the family serves once more."""
    plan = _plan_of(family_id, first, last, by_clerk)
    return Timetable.load([of.child for of in plan.of.values()], first, last, family_id, by_clerk=by_clerk, plan=plan)


def _plan_of(family_id, first, last, by_clerk):
    """A Plan of the family that covers these days, kept for the transaction: later it may be out of date."""
    whose, kept = read_once().get("booking_plan", (None, None))
    if whose == (family_id, by_clerk) and kept.first <= first and last <= kept.last:
        return kept
    today = clock.today()
    # The other taps of a lot are mostly within some weeks.
    plan = Plan.load(children_of(family_id), min(first, today), max(last, today) + AHEAD, family_id, by_clerk=by_clerk)
    read_once()["booking_plan"] = (family_id, by_clerk), plan
    return plan


def _lacking(family_id, children=None):
    """The papers that the family should have sent long ago, as Asked; read once for all requests of a transaction."""
    whose, found = read_once().get("lacking_papers", (None, None))
    if whose != family_id:
        found = lacking(family_id, children_of(family_id) if children is None else children)
        read_once()["lacking_papers"] = family_id, found
    return found


class BookingForm(SectionForm):
    """Which service, on which day."""

    unit_id = SelectField(_l("For what?"), [Required()], coerce=int)
    day = DateField(_l("Day"), [Required()])

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.unit_id.choices = [option(unit.id, unit.title) for unit in self._units()]
        self.comment.label.text = _("A word for the town; after the deadline, say why")

    def _units(self):
        if self.token is None:
            return []
        today = clock.today()
        child = child_of(self.token["family"], self.token["child"])
        return Plan.load([child], today, date(today.year + 1, 8, 31), self.token["family"]).units_of(child.id) if child else []


@register
class BookingKind(Kind):
    """A place for a child, in a unit, on a day."""

    name, noun, tab = "booking", Noun.booking, Tab.bookings
    title = _l("Booking")
    model = Booking
    form = BookingForm
    acts = frozenset({Act.add})
    gathers = True
    hint = _l("A booking counts when the town hall has accepted it. Until then your place is kept.")

    def of_family(self, family_id):
        return (Booking.family_id == family_id) & Booking.child_id.in_(Child.ids_of(family_id))

    def parent(self, child_id, family_id):
        return child_of(family_id, child_id) if child_id else None

    # -- rules ------------------------------------------------------------------------------------------------------------------------

    def read_ahead(self, proposals, family_id):
        new = [one for one in proposals if one.replaces is None and one.after.get("unit_id") and one.after.get("day")]
        if new:
            cells = [(one.child_id, one.after["unit_id"], date.fromisoformat(one.after["day"])) for one in new]
            table = _table(cells, family_id, new[0].by_clerk)
            _lacking(family_id, [of.child for of in table.plan.of.values()])

    def refuse_if_invalid(self, proposal, family_id):
        unit_id, day = proposal.after.get("unit_id"), proposal.after.get("day")
        if not unit_id or not day:
            raise DomainError(_("Choose what to book, and the day."))
        if proposal.replaces is None or not self._asks_again(proposal, family_id):
            reason = proposal.comment or ""
            judge(proposal.child_id, family_id, unit_id, date.fromisoformat(day), by_clerk=proposal.by_clerk, reason=reason)

    def _asks_again(self, proposal, family_id):
        """Whether it corrects a request that waits for the same cell: its place is its own."""
        query = select(PlaceAsked.id).where(PlaceAsked.request_id == proposal.replaces, PlaceAsked.rank != Rank.closed)
        query = query.where(PlaceAsked.family_id == family_id, PlaceAsked.child_id == proposal.child_id)
        day = date.fromisoformat(proposal.after["day"])
        return db.session.scalar(query.where(PlaceAsked.unit_id == proposal.after["unit_id"], PlaceAsked.day == day)) is not None

    def sent(self, request):
        """Take a place, or the next rank of the waiting list; the judge has locked the unit."""
        if g.pop("handed_on", None) is request:
            return
        child_id, (unit_id, day) = request.child_id, self._cell(request)
        table = _table([(child_id, unit_id, day)], request.family_id, request.lot.channel is not Channel.portal)
        unit, service = table.plan.units[unit_id], table.plan.service_of[unit_id]
        group, here = table.plan.group(child_id, service, day), table.room(child_id, unit_id, day)
        rank = Rank.holds if here.takes_one_more else Rank.queued
        if rank is Rank.queued and not service.waiting_list:
            raise DomainError(_("No place is left: %(unit)s, %(day)s.", unit=unit.title, day=day_in_words(day)))
        ask = PlaceAsked(
            request=request,
            child_id=child_id,
            family_id=request.family_id,
            unit_id=unit_id,
            group_id=group.id if group is not None else None,
            day=day,
            wish=Wish.book,
            rank=rank,
            asked_at=request.asked_at,
            late=deadlines.passed(service.booking_rule, day, table.plan.calendar, request.asked_at),
        )
        db.session.add(ask)
        table.facts.note_asked(ask)
        # check() comes next, in the same lock: it need not count again.
        g.place_just_asked = request, ask, table.room(child_id, unit_id, day)

    @staticmethod
    def _cell(request):
        return request.changes["unit_id"]["after"], date.fromisoformat(request.changes["day"]["after"])

    def confirm(self, request):
        """The family takes the place that is offered to it."""
        ask = ask_of(request)
        if ask is None or ask.rank is not Rank.offered or ask.offered_until < clock.now():
            raise Stale(_("This place is not offered any more."))
        ask.move_to(Rank.holds)
        db.session.flush()

    def closed(self, request):
        """Give the place to the next one; but a request that asks for the same cell once more takes it over."""
        done_so_far().pop("booking_table", None)
        ask = ask_of(request)
        if ask is None:
            return
        lock([ask.unit_id])
        if request.state is RequestState.superseded and self._handed_on(ask, request):
            return
        ask.move_to(Rank.closed)
        db.session.flush()
        offer_freed(ask.unit_id, ask.group_id, ask.day)

    def _handed_on(self, ask, request):
        later = db.session.get(type(request), request.superseded_by_id) if request.superseded_by_id else None
        if later is None or later.kind != self.name or later.child_id != ask.child_id or self._cell(later) != (ask.unit_id, ask.day):
            return False
        ask.request_id, ask.asked_at = later.id, later.asked_at
        db.session.flush()
        # sent() comes next: it takes no second place.
        g.handed_on = later
        return True

    # -- what the clerk reads ---------------------------------------------------------------------------------------------------------

    def check(self, request, target):
        just_asked, ask, here = g.pop("place_just_asked", None) or (None, None, None)
        if just_asked is not request:
            ask = ask_of(request)
            here = room(ask.unit_id, ask.group_id, ask.day, child_id=ask.child_id) if ask is not None else None
        if ask is None:
            return [Finding(Lane.look, _("This request occupies no place any more."))]
        findings = []
        if ask.rank is Rank.queued:
            findings.append(Finding(Lane.queued, self._why_it_waits(here)))
        elif ask.rank is Rank.offered:
            findings.append(Finding(Lane.queued, _("A freed place is offered to the family, which has not answered yet.")))
        elif here.capacity is not None:
            full = here.taken > here.capacity
            findings.append(Finding(Lane.look if full else Lane.green, _("%(taken)d of %(places)d places are taken.", **self._words(here))))
        if here.ungrouped:
            findings.append(Finding(Lane.look, _("No group of the activity takes the child: its place is not counted.")))
        if ask.late:
            findings.append(Finding(Lane.look, _("Asked after the deadline.")))
        name, missing = db.session.get(Unit, ask.unit_id).activity.name, _lacking(request.family_id)
        return [*findings, *lack_of([one for one in missing if name in one.activities and one.child_id in (None, request.child_id)])]

    def _why_it_waits(self, here):
        if here.capacity is not None and here.taken < here.capacity:
            return _("Waiting list: the free places are kept for those who asked earlier.")
        return _("Waiting list: %(taken)d of %(places)d places are taken.", **self._words(here))

    @staticmethod
    def _words(here):
        return {"taken": here.taken, "places": here.capacity or 0}

    # -- what acceptance does ---------------------------------------------------------------------------------------------------------

    def create(self, values, *, request):
        """The booking; everything is looked at once more, those who asked earlier come first."""
        unit_id, day = self._cell(request)
        self._refuse_if_gone(request, unit_id)
        lock([unit_id])
        ask = ask_of(request)
        if ask is None or ask.rank is not Rank.holds:
            raise DomainError(_("No place is free: this request is on the waiting list."))
        self._judge_again(request, ask)
        booking = db.session.scalar(select(Booking).filter_by(child_id=request.child_id, unit_id=unit_id, day=day).with_for_update())
        if booking is None:
            booking = Booking(child_id=request.child_id, unit_id=unit_id, day=day)
            db.session.add(booking)
        else:
            booking.move_to(BookingState.booked)
        booking.family_id, booking.group_id = request.family_id, ask.group_id
        booking.asked_at, booking.late, booking.request_id = request.asked_at, ask.late, request.id
        booking.absence_id = booking.told_in_time = booking.cancellation_id = None
        return booking

    @staticmethod
    def _refuse_if_gone(request, unit_id):
        if child_of(request.family_id, request.child_id) is None:
            raise DomainError(_("The child does not live in this household any more."))
        if db.session.get(Unit, unit_id) is None:
            raise DomainError(_("This service does not exist any more."))

    def _judge_again(self, request, ask):
        """Whether nothing but time has passed: the deadline was judged by when the family asked."""
        plan = _plan_of(request.family_id, ask.day, ask.day, True)
        child = plan.of[request.child_id].child
        table = Timetable.load([child], ask.day, ask.day, request.family_id, by_clerk=True, plan=plan)
        table.facts.forget_request(request.id)
        table.today, table.for_good = min(table.today, ask.day), True
        table.facts.counts.clear()
        table.facts.queued.clear()
        table.judge(child, ask.unit_id, ask.day, reason="-")
        group = plan.group(child.id, plan.units[ask.unit_id].activity, ask.day)
        ask.group_id = group.id if group is not None else None
        db.session.flush()
        if is_late(ask, plan.capacities):
            raise DomainError(_("No place is left: other children were booked or asked for earlier."))

    # -- words ------------------------------------------------------------------------------------------------------------------------

    def type_of(self, name):
        return {"unit_id": int, "day": date}[name]

    def show(self, name, value):
        if value and name == "unit_id":
            return unit_title(value) or _("a service that does not exist any more")
        return day_in_words(value) if value else ""

    def gathered(self, requests):
        """ "Léa: Canteen, Monday 23, Tuesday 24 November", a line for each child and service."""
        found = {}
        for request in requests:
            unit_id, day = self._cell(request)
            found.setdefault((request.child_id, unit_id), []).append((day, request))
        return [
            (
                _(
                    "%(section)s: %(name)s",
                    section=child_name(child_id),
                    name=f"{unit_title(unit_id)}, {days_in_words([day for day, _one in cells])}",
                ),
                [request for _day, request in cells],
            )
            for (child_id, unit_id), cells in ((key, sorted(cells, key=lambda cell: cell[0])) for key, cells in found.items())
        ]

    def about(self, request, target):
        if request is None:
            return ""
        unit_id, day = self._cell(request)
        what = f"{unit_title(unit_id)}, {day_in_words(day)}"
        return _("%(section)s: %(name)s", section=child_name(request.child_id), name=what)

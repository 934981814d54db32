"""May this be asked? The agenda's cells, one a child, unit and day, and the one judge of all that families ask about days."""

from dataclasses import dataclass
from datetime import date, datetime

from app.activities import deadlines
from app.activities.calendar import days_between
from app.activities.facts import Facts
from app.activities.models import BookingState, Rank, Unit, Wish
from app.activities.plan import Plan
from app.changes.models import RequestState
from app.core import clock
from app.core.enums import Labelled
from app.core.errors import DomainError
from app.core.i18n import _, _l, date_text


class CellState(Labelled):
    """What a cell of the agenda shows."""

    free = "free", _l("free")
    booked = "booked", _l("booked")
    waiting = "waiting", _l("waiting for the town hall")
    deciding = "deciding", _l("being processed")
    queued = "queued", _l("on the waiting list")
    offered = "offered", _l("a place is offered")
    absent = "absent", _l("absent")
    absence_waiting = "absence_waiting", _l("absence sent")
    refused = "refused", _l("refused")
    too_late = "too_late", _l("too late")
    closed = "closed", _l("closed")
    full = "full", _l("full")
    cancelled = "cancelled", _l("cancelled by the town")
    other_household = "other_household", _l("the other household’s week")
    past = "past", _l("past")


S = CellState


@dataclass(slots=True)
class Cell:
    """One child, one unit, one day. `may_book` and `may_cancel` say what a tap can do."""

    child_id: int
    unit: Unit
    unit_id: int
    day: date
    state: CellState = S.free
    #: Why: a closure, a refusal, the unit that it cannot go together with.
    says: str = ""
    #: Until when it may be booked or, where it is booked, cancelled. None: it may not any more.
    deadline: datetime | None = None
    may_book: bool = False
    may_cancel: bool = False
    #: The deadline has passed: asking needs a reason, cancelling may be charged.
    late: bool = False
    #: Asking leads to the waiting list.
    waiting_list: bool = False
    request_id: int | None = None
    withdrawable: bool = False
    #: The rank on the waiting list.
    number: int | None = None
    #: Until when an offered place is kept.
    until: datetime | None = None
    absence_id: int | None = None
    past: bool = False

    @property
    def key(self):
        return self.child_id, self.unit_id, self.day


class Timetable:
    """The cells of a family's children from a day to a day.

    `cells` is {(child_id, unit_id, day): Cell} of all units of the activities that a child is enrolled in; `units_of(child_id)` gives them
    in the order of the agenda. `by_clerk`: somebody of the town asks, whom neither deadlines nor the weeks of the household stop.
    """

    def __init__(self, plan, facts, children, first, last):
        self.plan, self.facts, self.children, self.first, self.last = plan, facts, children, first, last
        self.now, self.today = clock.now(), clock.today()
        #: What is judged becomes a booking now: an absence that nobody has accepted yet leaves nothing free.
        self.for_good = False
        self._deadlines, self._nevers, self._units, self._cells = {}, {}, {}, None

    @classmethod
    def load(cls, children, first, last, family_id, *, by_clerk=False, plan=None):
        """Read all that the cells need: five queries at most; with a Plan that covers the days, one."""
        plan = plan or Plan.load(children, first, last, family_id, by_clerk=by_clerk)
        facts = Facts.load(plan, [child.id for child in children], first, last)
        return cls(plan, facts, children, first, last)

    @property
    def days(self):
        return days_between(self.first, self.last)

    def units_of(self, child_id):
        """The units that a child may be booked for, in the order of the agenda."""
        if child_id not in self._units:
            self._units[child_id] = self.plan.units_of(child_id)
        return self._units[child_id]

    @property
    def cells(self):
        if self._cells is None:
            days = list(self.days)
            # An id is asked of the row once: SQLAlchemy's attributes cost as much as half a cell.
            rows = [(child.id, unit.id) for child in self.children for unit in self.units_of(child.id)]
            self._cells = {(child, unit, day): self.cell(child, unit, day) for child, unit in rows for day in days}
        return self._cells

    def cell(self, child_id, unit_id, day):
        """The cell of a child, unit and day."""
        cell, key = Cell(child_id, self.plan.units[unit_id], unit_id, day, past=day < self.today), (child_id, unit_id, day)
        booking, asked = self.facts.bookings.get(key), self.facts.asked.get(key)
        if asked is not None and asked.family_id == self.plan.family_id:
            self._asked(cell, asked)
        elif booking is not None and (booking.family_id == self.plan.family_id or self._here(cell)):
            self._booked(cell, booking)
        else:
            self._free(cell)
            refused = self.facts.refused.get(key)
            if refused is not None and refused.family_id == self.plan.family_id and cell.state in (S.free, S.full, S.too_late):
                cell.state, cell.says, cell.request_id = S.refused, refused.says or "", refused.id
        return cell

    # -- what is there ----------------------------------------------------------------------------------------------------------------

    def _asked(self, cell, asked):
        waits = asked.state in (RequestState.pending.value, RequestState.sent_back.value)
        # An enrolment is taken back as a whole, in the list of requests.
        cell.request_id, cell.withdrawable = asked.id, waits and asked.kind != "enrolment"
        activity = self.plan.service_of[cell.unit_id]
        cell.deadline = self.deadline(activity, "cancelling" if asked.wish == Wish.absence.value else "booking", cell.day)
        if asked.wish == Wish.absence.value:
            cell.state = S.absence_waiting
        elif asked.rank == Rank.queued.value:
            cell.state, cell.number = S.queued, asked.number
        elif asked.rank == Rank.offered.value:
            cell.state, cell.until = S.offered, asked.until
        else:
            cell.state = S.waiting
        if asked.state == RequestState.deciding.value:
            cell.state = S.deciding

    def _booked(self, cell, booking):
        mine = booking.family_id == self.plan.family_id
        if booking.state == BookingState.booked.value:
            cell.state, cell.deadline = S.booked, self.deadline(self.plan.service_of[cell.unit_id], "cancelling", cell.day)
            cell.may_cancel = mine and not cell.past
            cell.late = self._passed(cell.deadline)
            cell.says = "" if mine else _("Booked by the other household")
            return
        self._free(cell)
        if booking.state == BookingState.absent.value:
            cell.state, cell.absence_id, cell.may_book = S.absent, booking.id if mine else None, cell.may_book and mine
        elif cell.state not in (S.free, S.full, S.too_late):
            cell.state, cell.says, cell.may_book = S.cancelled, booking.says or cell.says, False

    def _here(self, cell):
        return self.plan.by_clerk or self.plan.of[cell.child_id].lives_here(cell.day)

    # -- what may be asked ------------------------------------------------------------------------------------------------------------

    def _free(self, cell):
        """What stands in the way of booking, the worst first; where nothing does, the cell is free."""
        activity = self.plan.service_of[cell.unit_id]
        cell.deadline = self.deadline(activity, "booking", cell.day)
        found = self._never(cell.child_id, activity, cell.day)
        if found is None and self.facts.asked and cell.key in self.facts.asked:
            found = S.other_household, ""
        if found is None and cell.unit_id in self.plan.conflicts:
            found = self._not_together(cell)
        if found is not None:
            cell.state, cell.says = found
            return
        cell.may_book = True
        self._room(cell, activity)
        if self._passed(cell.deadline) and not self.plan.by_clerk:
            cell.state, cell.late, cell.may_book = S.too_late, True, cell.may_book and activity.late_requests

    def _never(self, child_id, activity, day):
        """Why no unit of an activity can be booked: (state, words) or None."""
        key = child_id, activity.id, day
        if key not in self._nevers:
            self._nevers[key] = self._look(child_id, activity, day)
        return self._nevers[key]

    def _look(self, child_id, activity, day):
        if day < self.today:
            return S.past, ""
        of = self.plan.of[child_id]
        if not (self.plan.by_clerk or of.lives_here(day)):
            return S.other_household, ""
        if of.enrolled(activity.id, day) is None:
            return S.closed, _("Not enrolled on this day")
        if (activity.id, day) in self.facts.cancellations:
            taken_away = self.facts.cancellation(activity.id, day, self.plan.schooling(child_id, day))
            if taken_away is not None:
                return S.cancelled, taken_away.says
        closed = self.plan.why_closed(child_id, activity, day)
        if closed is not None:
            return S.closed, closed
        if activity.min_age is None and activity.max_age is None:
            return None
        return self._wrong_age(activity, clock.age(of.child.birth_date, day))

    def _wrong_age(self, activity, age):
        if activity.min_age is not None and age < activity.min_age:
            return S.closed, _("From %(age)d years on", age=activity.min_age)
        if activity.max_age is not None and age > activity.max_age:
            return S.closed, _("Up to %(age)d years", age=activity.max_age)
        return None

    def _not_together(self, cell):
        others = self.facts.by_day.get((cell.child_id, cell.day), {})
        for unit_id in self.plan.conflicts[cell.unit_id]:
            there = others.get(unit_id)
            if there is not None and (there.wish == Wish.book.value or there.state == BookingState.booked.value):
                return S.closed, _("Not together with: %(unit)s", unit=self._title(unit_id))
            booked = self.facts.bookings.get((cell.child_id, unit_id, cell.day)) if self.for_good else None
            if booked is not None and booked.state == BookingState.booked.value:
                return S.closed, _("accept the absence first: %(unit)s", unit=self._title(unit_id))
        return None

    def _title(self, unit_id):
        return self.plan.units[unit_id].title if unit_id in self.plan.units else ""

    def _room(self, cell, activity):
        if cell.unit_id not in self.plan.capacities.unit_ids:
            return
        if not self.room(cell.child_id, cell.unit_id, cell.day).takes_one_more:
            cell.state, cell.waiting_list, cell.may_book = S.full, activity.waiting_list, activity.waiting_list

    def room(self, child_id, unit_id, day):
        """The Room of the group that takes a child, from today on; exact where the unit is locked."""
        group, facts = self.plan.group(child_id, self.plan.service_of[unit_id], day), self.facts
        group_id = group.id if group is not None else None
        others = {one: facts.bookings.get((child_id, one, day)) for one in self.plan.conflicts.get(unit_id, ())}
        # Booked, and not in the way: the child means to leave it for this one, its morning for the day.
        has = {one for one, row in others.items() if row and row.state == BookingState.booked.value and row.group_id == group_id}
        return self.plan.capacities.room(unit_id, group_id, day, facts.counts, facts.queued, has)

    def deadline(self, activity, what, day):
        """Until when an activity may be booked, or cancelled (`what`: "booking", "cancelling"), for a day."""
        key = activity.id, what, day
        if key not in self._deadlines:
            rule = activity.booking_rule if what == "booking" else activity.cancelling_rule
            self._deadlines[key] = deadlines.deadline(rule, day, self.plan.calendar)
        return self._deadlines[key]

    def _passed(self, deadline):
        return deadline is None or self.now > deadline

    # -- the judge --------------------------------------------------------------------------------------------------------------------

    def judge(self, child, unit_id, day, *, reason=""):
        """The Cell where this may be booked now; raises DomainError with the sentence why not. `reason`: of a late request."""
        words = {"child": child.first_name, "day": date_text(day, "full")}
        if unit_id not in self.plan.units or unit_id not in {unit.id for unit in self.units_of(child.id)}:
            raise DomainError(_("%(child)s is not enrolled in this activity.", **words))
        cell = self.cell(child.id, unit_id, day)
        words["unit"] = cell.unit.title
        if cell.may_book and cell.late and not reason.strip():
            raise DomainError(_("It is past the deadline for %(unit)s on %(day)s. Say why you ask so late.", **words))
        if cell.may_book:
            return cell
        raise DomainError(self._why_not(cell, words))

    def _why_not(self, cell, words):
        if cell.state is S.closed and self.plan.of[cell.child_id].enrolled(cell.unit.activity_id, cell.day) is None:
            return _("%(child)s is not enrolled in %(unit)s on %(day)s.", **words)
        sentences = {
            S.booked: _("%(child)s is already booked: %(unit)s, %(day)s.", **words),
            S.too_late: _("It is past the deadline: %(unit)s, %(day)s.", **words),
            S.full: _("No place is left: %(unit)s, %(day)s.", **words),
            S.past: _("This day has passed: %(day)s.", **words),
            S.other_household: _("%(day)s: this day cannot be booked by your household.", **words),
            S.cancelled: _("%(unit)s does not take place on %(day)s: %(why)s", **words, why=cell.says),
            S.absence_waiting: _("You have told an absence for %(day)s: take it back instead.", **words),
            S.closed: _("%(unit)s cannot be booked on %(day)s: %(why)s.", **words, why=cell.says),
        }
        return sentences.get(cell.state) or _("You have already asked for this: %(unit)s, %(day)s.", **words)

"""What would a wide act ask? The usual week, every week until a day, a copy for a sibling: what is asked, what is left out and why."""

from dataclasses import dataclass, field
from datetime import timedelta

from app.activities.changes.words import days_in_words
from app.activities.timetable import CellState
from app.core import clock
from app.core.errors import DomainError
from app.portal.agenda_cells import TAKEN, sentence
from app.portal.agenda_prices import AgendaPrices
from app.portal.agenda_taps import Spot
from app.portal.agenda_weeks import family_timetable

S = CellState
#: So far ahead "every week until…" goes at most.
FURTHEST = timedelta(days=370)
#: What it proposes before the family says otherwise.
USUAL = timedelta(weeks=4)
#: What counts as "this day" when it is repeated or copied.
WANTED = frozenset({S.booked, S.waiting, S.deciding, S.queued, S.offered})


@dataclass
class Plan:
    """What a wide act comes to: cells to ask for, those already asked, and those left out with the reason."""

    ask: list = field(default_factory=list)
    already: int = 0
    left_out: list = field(default_factory=list)
    children: dict = field(default_factory=dict)
    prices: AgendaPrices = field(default_factory=lambda: AgendaPrices(None))

    @classmethod
    def of(cls, timetable):
        """An empty one, with the prices of the days."""
        return cls(prices=AgendaPrices.load(timetable))

    def add(self, timetable, child, unit_id, day):
        """Consider one day of one child."""
        self.children[child.id] = child
        try:
            cell = timetable.judge(child, unit_id, day)
        except DomainError as problem:
            known = unit_id in {unit.id for unit in timetable.units_of(child.id)}
            cell = timetable.cell(child.id, unit_id, day) if known else None
            if known and cell.state in TAKEN:
                self.already += 1
            elif not known or cell.state is not S.past:
                self.left_out.append((child, day, sentence(cell) if known else str(problem), cell.unit.title if known else ""))
            return
        self.ask.append(cell)

    def by_child(self):
        """[(child, [(service, days in words, what they cost)])] of what is asked."""
        found = {}
        for cell in self.ask:
            found.setdefault(cell.child_id, {}).setdefault(cell.unit.title, []).append(cell)
        return [
            (self.children[child_id], [(title, days_of(cells), self.prices.sum_in_words(cells)) for title, cells in services.items()])
            for child_id, services in found.items()
        ]

    def by_reason(self):
        """[(why, [(service, days in words)])] of what is left out; children are named where they differ."""
        found = {}
        for child, day, why, service in self.left_out:
            found.setdefault(why, {}).setdefault(service, {}).setdefault(child.first_name, []).append(day)
        return [
            (why, [line for service, days in services.items() for line in self._lines(service, days)]) for why, services in found.items()
        ]

    def _lines(self, service, days):
        if len(days) == len(self.children) and len({*map(tuple, days.values())}) == 1:
            days = {"": next(iter(days.values()))}
        return [(", ".join(filter(None, (name, service))), in_short(of)) for name, of in days.items()]

    @property
    def price(self):
        """What it comes to, in words; "" where a price is not known."""
        return self.prices.sum_in_words(self.ask)

    @property
    def spots(self):
        return [str(Spot(*cell.key)) for cell in self.ask]

    @property
    def waiting_list(self):
        """How many of them only get onto a waiting list."""
        return sum(cell.waiting_list for cell in self.ask)


def days_of(cells):
    """The days of cells in words."""
    return in_short([cell.day for cell in cells])


def in_short(days):
    """Mon 30 Nov, Tue 1, Thu 3 Dec."""
    return days_in_words(days, weekday="EEE", month="MMM")


def usual_week(stretch):
    """The usual weeks of the children, laid over the weeks that the agenda shows."""
    children, timetable = family_timetable(stretch.monday, stretch.last)
    plan = Plan.of(timetable)
    for child in children:
        if stretch.child in (None, child.id):
            for day in timetable.days:
                for unit_id in _usual(timetable, child, day):
                    plan.add(timetable, child, unit_id, day)
    return plan


def _usual(timetable, child, day):
    """The units of a child's usual week on a day."""
    units, of = timetable.units_of(child.id), timetable.plan.of[child.id]
    for unit in units:
        enrolment = of.enrolled(unit.activity_id, day)
        if enrolment is not None and unit.id in enrolment.week.get(str(day.isoweekday()), ()):
            yield unit.id


def has_usual_week(timetable, children):
    """Whether a usual week is known of one of these children."""
    return any(any(row.week.values()) for child in children for row in timetable.plan.of[child.id].enrolments)


def until_of(spot, text):
    """The day until which a day is repeated: what was typed, else four weeks on; at most a year."""
    first = max(spot.day, clock.today())
    return min(text or first + USUAL, first + FURTHEST)


def every_week(spot, until):
    """A day of a child, or one of its units, on the same day of every week until a day."""
    child, timetable = _timetable(spot, spot.day, max(until, spot.day))
    plan, units = Plan.of(timetable), _units_of_day(timetable, child, spot)
    day = spot.day if spot.unit_id else spot.day + timedelta(days=7)
    while day <= until:
        for unit_id in units:
            plan.add(timetable, child, unit_id, day)
        day += timedelta(days=7)
    return child, plan


def copy_for(spot, sibling, *, week):
    """What a child has on a day, or in its week, for a sibling."""
    first = spot.day - timedelta(days=spot.day.weekday()) if week else spot.day
    child, timetable = _timetable(spot, first, first + timedelta(days=6 if week else 0))
    plan = Plan.of(timetable)
    for day in timetable.days:
        for unit_id in _units_of_day(timetable, child, Spot(child.id, 0 if week else spot.unit_id, day)):
            plan.add(timetable, sibling, unit_id, day)
    return child, plan


def _timetable(spot, first, last):
    children, timetable = family_timetable(first, last)
    child = next((one for one in children if one.id == spot.child_id), None)
    if child is None:
        raise LookupError(spot)
    return child, timetable


def _units_of_day(timetable, child, spot):
    """The unit that a spot names; of a whole day, those for which there is a place or a request."""
    if spot.unit_id:
        return [spot.unit_id]
    units = timetable.units_of(child.id)
    return [unit.id for unit in units if timetable.cell(child.id, unit.id, spot.day).state in WANTED]

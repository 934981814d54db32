"""Which days does the agenda show? One week or four, a card a day, with what is closed folded away."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta

from flask import request

from app.activities import deadlines
from app.activities.timetable import CellState, Timetable
from app.core import clock
from app.core.i18n import _, date_text
from app.portal.agenda_cells import TAKEN, day_name, show
from app.portal.agenda_prices import AgendaPrices
from app.portal.agenda_taps import Spot
from app.portal.queries import children_and_lot, own_children
from app.security.scope import standing

S = CellState
WEEK = timedelta(days=7)
SPANS = (1, 4)
#: Nobody books further ahead, or looks further back.
FURTHEST = timedelta(days=550)
IDLE = frozenset({S.closed, S.past})
CHANGEABLE = frozenset({S.free, S.waiting, S.booked, S.refused, S.full})


@dataclass(frozen=True)
class Stretch:
    """What the address asks for: the first Monday, how many weeks, which child."""

    monday: date
    span: int
    child: int | None

    @classmethod
    def asked(cls):
        """The Stretch of this request's address; nonsense is read as "this week"."""
        span, child = request.args.get("weeks", 1, type=int), request.args.get("child", type=int)
        return cls(_monday(request.args.get("week")), span if span in SPANS else 1, child)

    @property
    def last(self):
        """Its last day, a Sunday."""
        return self.monday + self.span * WEEK - timedelta(days=1)

    def address(self, **other):
        """Arguments of an address: of this stretch, with something changed."""
        found = {"week": week_name(self.monday), "weeks": self.span if self.span > 1 else None, "child": self.child, **other}
        return {name: value for name, value in found.items() if value}


def this_monday():
    """The Monday that the agenda opens on: from Saturday on, the next one."""
    today = clock.today()
    return today - timedelta(days=today.weekday()) + (WEEK if today.weekday() > 4 else timedelta())


def _monday(text):
    try:
        found = date.fromisoformat(text or "")
        monday = found - timedelta(days=found.weekday())
    except (ValueError, OverflowError):
        return this_monday()
    return monday if abs(monday - clock.today()) < FURTHEST else this_monday()


def week_name(day):
    """2026-W48."""
    year, week, _day = day.isocalendar()
    return f"{year}-W{week:02}"


def family_timetable(first, last, children=None):
    """(the family's children, their Timetable) of a stretch of days."""
    children = own_children() if children is None else children
    found = standing()
    return children, Timetable.load(children, first, last, found.family_id, by_clerk=found.by_clerk)


@dataclass(frozen=True)
class Column:
    """A child on a day: its name, and the way to all that may be done on that day."""

    name: str
    spot: str
    more: bool


@dataclass(frozen=True)
class Row:
    """A service on a day: its name, until when it may be changed and what it costs, a cell a child (None: not for this child)."""

    title: str
    says: str
    cells: list


@dataclass
class Day:
    """One day of the agenda."""

    date: date
    title: str
    today: bool
    past: bool
    closed: str = ""
    columns: list = field(default_factory=list)
    rows: list = field(default_factory=list)

    @property
    def id(self):
        return self.date.isoformat()


@dataclass
class Week:
    """A week of the agenda."""

    monday: date
    days: list

    @property
    def id(self):
        return week_name(self.monday)

    @property
    def title(self):
        return _("Week of %(first)s", first=between(self.monday, self.days[-1].date))


def between(first, last):
    """23 – 27 November."""
    if first.month == last.month:
        return f"{first.day} – {date_text(last, 'd MMMM')}"
    return f"{date_text(first, 'd MMM')} – {date_text(last, 'd MMM')}"


class Agenda:
    """The weeks that a page shows."""

    def __init__(self, stretch):
        self.stretch = stretch
        children, self.lot = children_and_lot()
        self.children, self.timetable = family_timetable(stretch.monday, stretch.last, children)
        self.prices = AgendaPrices.load(self.timetable)
        known = [child for child in self.children if self.timetable.units_of(child.id)]
        self.enrolled = known
        self.rows = [child for child in known if child.id == stretch.child] or known
        self.weeks = [self._week(stretch.monday + WEEK * number) for number in range(stretch.span)] if self.rows else []

    @property
    def cells(self):
        """The cells of the children on the page."""
        shown = {child.id for child in self.rows}
        return [cell for cell in self.timetable.cells.values() if cell.child_id in shown]

    @property
    def brief(self):
        """Whether there are so many days that each says its deadlines under the sign alone."""
        return self.stretch.span > 1

    @property
    def deadlines(self):
        """[(a service, until when it may be asked)], said once where the days do not."""
        shown = {unit.activity.id: unit.activity for child in self.rows for unit in self._units(child)} if self.brief else {}
        return [(activity.name, deadlines.describe(activity.booking_rule)) for activity in shown.values()]

    def _week(self, monday):
        days = [self._day(monday + timedelta(days=number)) for number in range(7)]
        return Week(monday, [day for day in days if day.date.weekday() < 5 or not day.closed])

    def _day(self, day):
        cells = {child.id: [self.timetable.cells[child.id, unit.id, day] for unit in self._units(child)] for child in self.rows}
        flat = [cell for mine in cells.values() for cell in mine]
        wanted = {cell.unit_id for cell in flat if cell.state not in IDLE or self._kept_out(cell)}
        found = Day(day, day_name(day, "EEEE d"), day == self.timetable.today, day < self.timetable.today)
        if not any(cell.unit_id in wanted and (cell.state is not S.too_late or cell.may_book) for cell in flat):
            found.closed = _why_nothing(flat)
            return found
        here = {(cell.child_id, cell.unit_id): cell for cell in flat}
        found.rows = [self._row(unit, here) for unit in self._all_units() if unit.id in wanted]
        found.columns = [self._column(child, day, found.rows, rank) for rank, child in enumerate(self.rows)]
        return found

    def _kept_out(self, cell):
        """Whether a cell is closed only because the child has another unit of that day."""
        others = self.timetable.plan.conflicts.get(cell.unit_id, ())
        there = (self.timetable.cells.get((cell.child_id, other, cell.day)) for other in others)
        return cell.state is S.closed and any(other is not None and other.state in TAKEN for other in there)

    def _row(self, unit, here):
        cells = [here.get((child.id, unit.id)) for child in self.rows]
        prices = [self.prices.words(cell) if cell is not None else "" for cell in cells]
        shown = [
            show(cell, child, price) if cell is not None and cell.state is not S.past else None
            for cell, child, price in zip(cells, self.rows, prices, strict=True)
        ]
        title = unit.name if len(unit.activity.units) > 1 else unit.activity.name
        there = [cell for cell in cells if cell is not None]
        # One price where it is the same for all children, else each of them.
        price = " / ".join(dict.fromkeys(filter(None, prices)))
        return Row(title, " · ".join(filter(None, ("" if self.brief else until(there), price))), shown)

    def _column(self, child, day, rows, rank):
        more = any(row.cells[rank] is not None and row.cells[rank].act for row in rows)
        return Column(child.first_name, str(Spot(child.id, 0, day)), more)

    def _units(self, child):
        return self.timetable.units_of(child.id)

    def _all_units(self):
        return list({unit.id: unit for unit in self.timetable.plan.units.values()}.values())


def _why_nothing(cells):
    """Why a day is folded away: what most of its cells say."""
    if all(cell.past for cell in cells):
        return _("over, nothing was booked")
    if any(cell.state is S.too_late for cell in cells):
        return _("too late to ask for anything")
    reasons = Counter(cell.says for cell in cells if cell.says)
    return reasons.most_common(1)[0][0] if reasons else _("closed")


def until(cells):
    """Until when something may be changed in a row of cells; "" where nothing may."""
    open_ones = [cell for cell in cells if cell.state in CHANGEABLE and cell.deadline and not cell.late and not cell.past]
    if not open_ones:
        return ""
    at = clock.local(min(cell.deadline for cell in open_ones))
    day = day_name(at.date(), "EEE d" if open_ones[0].day - at.date() < WEEK else "EEE d MMM")
    return _("until %(day)s, %(hour)s", day=day, hour=f"{at:%H:%M}")

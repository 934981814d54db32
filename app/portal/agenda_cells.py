"""How does a family read a day of a child? Its sign, its name for those who hear it, and what a tap does."""

from functools import lru_cache
from typing import NamedTuple

from babel.dates import format_date
from flask import g
from flask_babel import get_locale
from markupsafe import Markup

from app.activities.timetable import CellState
from app.core import clock
from app.core.i18n import _, _l, first_of_month
from app.portal.agenda_taps import Spot

S = CellState
#: What a state looks like: (class of the style, icon). Several states may share a look.
LOOKS = {
    S.free: ("free", "plus"),
    S.booked: ("booked", "check"),
    S.waiting: ("waiting", "clock"),
    S.deciding: ("waiting", "hourglass"),
    S.queued: ("queued", "list"),
    S.offered: ("offered", "mail"),
    S.absent: ("absent", "x"),
    S.absence_waiting: ("away", "x"),
    S.refused: ("refused", "alert"),
    S.too_late: ("late", "lock"),
    S.closed: ("closed", "minus"),
    S.full: ("full", "users"),
    S.cancelled: ("cancelled", "minus"),
    S.other_household: ("locked", "lock"),
    S.past: ("past", "minus"),
}
#: The legend under the agenda, in the order in which families meet them.
LEGEND = (
    (S.free, _l("free: tap to ask")),
    (S.waiting, _l("waiting for the town hall")),
    (S.booked, _l("booked")),
    (S.absence_waiting, _l("absence sent")),
    (S.absent, _l("absence accepted")),
    (S.refused, _l("refused")),
    (S.full, _l("full: waiting list")),
    (S.queued, _l("on the waiting list")),
    (S.offered, _l("a place is offered")),
    (S.too_late, _l("too late")),
    (S.closed, _l("not possible that day")),
)
#: States in which there is a place, or one is asked for.
TAKEN = frozenset({S.booked, S.waiting, S.deciding, S.queued, S.offered, S.absent, S.absence_waiting})


class Shown(NamedTuple):
    """A cell on the page."""

    spot: str
    state: str
    icon: str
    name: str
    #: "book", "withdraw", "open" (the menu), or "" where nothing can be done.
    act: str
    pressed: bool
    request_id: int | None


def act_of(cell):
    """What a tap does. A booked day is never cancelled in silence, and a late one needs a reason: the menu opens."""
    if cell.state in (S.free, S.full) and cell.may_book:
        return "book"
    if cell.state in (S.waiting, S.queued) and cell.withdrawable:
        return "withdraw"
    if cell.state in (S.past, S.closed, S.other_household):
        return ""
    return "open"


def show(cell, child, price=""):
    """A Cell of the timetable as the page shows it; `price` as families read it."""
    look, icon = LOOKS[cell.state]
    act = act_of(cell)
    spot = Spot(cell.child_id, cell.unit_id, cell.day)
    return Shown(str(spot), look, icon, name_of(cell, child, price), act, act != "book" and cell.state in TAKEN, cell.request_id)


def name_of(cell, child, price=""):
    """Léa, Canteen, Thursday 26 Nov.: free, until 24/11 at 12:00, €3.80."""
    titles = g.setdefault("cell_titles", {})
    if cell.unit_id not in titles:
        titles[cell.unit_id] = cell.unit.title
    where = f"{child.first_name}, {titles[cell.unit_id]}, {day_name(cell.day)}"
    return where + _(": ") + f"{sentence(cell)}{', ' if price else ''}{price}"


def sentence(cell):
    """The state in words, with why and until when. Most cells of a page share theirs with others."""
    kept = g.setdefault("sentences", {})
    key = cell.state, cell.says, cell.number, cell.until, cell.deadline, cell.late, cell.past
    if key not in kept:
        kept[key] = _sentence(cell)
    return kept[key]


def _sentence(cell):
    if cell.state is S.closed and cell.says:
        return cell.says
    words = [str(cell.state.label), *([cell.says] if cell.says else [])]
    if cell.number:
        words.append(_("number %(rank)s", rank=cell.number))
    if cell.until:
        words.append(_("kept for you until %(moment)s", moment=moment(cell.until)))
    elif cell.state in (S.free, S.waiting) and cell.deadline and not cell.late and not cell.past:
        words.append(_("until %(moment)s", moment=moment(cell.deadline)))
    elif cell.state is S.booked and cell.deadline and not cell.late and not cell.past:
        words.append(_("may be cancelled until %(moment)s", moment=moment(cell.deadline)))
    elif cell.state is S.booked and cell.late and not cell.past:
        words.append(_("too late to cancel in time"))
    return ", ".join(words)


def day_name(day, form="EEEE d MMM"):
    """Thursday 26 Nov. The same few days are named for every cell: each is worded once."""
    kept = g.setdefault("day_names", {})
    if (day, form) not in kept:
        kept[day, form] = _worded(day, form, str(get_locale() or "en"))
    return kept[day, form]


@lru_cache(maxsize=4096)
def _worded(day, form, locale):
    return first_of_month(format_date(day, form, locale), locale)


def moment(instant):
    """Tue 24 Nov at 12:00."""
    kept = g.setdefault("moments", {})
    if instant not in kept:
        at = clock.local(instant)
        kept[instant] = _("%(day)s at %(hour)s", day=day_name(at.date(), "EEE d MMM"), hour=f"{at:%H:%M}")
    return kept[instant]


class Signs(dict):
    """{name: the icon as HTML}, each made once a page: a page shows hundreds, of a dozen kinds."""

    def __init__(self, sprite):
        super().__init__()
        self.sprite = sprite

    def __missing__(self, name):
        self[name] = Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>').format(self.sprite, name)
        return self[name]


def legend(cells):
    """The legend's lines: the first four always, the others where the page has them."""
    present = {cell.state for cell in cells}
    lines = [(state, label) for rank, (state, label) in enumerate(LEGEND) if rank < 4 or state in present]
    return [{"state": LOOKS[state][0], "icon": LOOKS[state][1], "label": label} for state, label in lines]

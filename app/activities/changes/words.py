"""How are units and children named in requests? Read once a page, not once a request."""

from collections import Counter
from datetime import date

from flask import g
from sqlalchemy import select

from app.activities.models import Activity, Unit, title_of_unit
from app.children.models import Child
from app.core import clock
from app.core.i18n import date_text
from app.extensions import db

NAMES = select(Unit.id, Activity.id, Activity.name, Unit.name).join(Activity, Activity.id == Unit.activity_id)


def unit_title(unit_id):
    """The name of a unit, as families read it; "" for one that is gone."""
    if "unit_titles" not in g:
        rows = db.session.execute(NAMES).all()
        units = Counter(activity_id for _id, activity_id, _service, _name in rows)
        g.unit_titles = {row[0]: title_of_unit(row[2], row[3], alone=units[row[1]] == 1) for row in rows}
    return g.unit_titles.get(unit_id, "")


def know_children(children):
    """Hold on to children: the session forgets what nobody holds, and the next request is mostly about one of them."""
    g.setdefault("named_children", {}).update({child.id: child for child in children})


def child_name(child_id):
    """The first name of a child; "" for nobody."""
    child = db.session.get(Child, child_id) if child_id else None
    if child is not None:
        know_children([child])
    return child.first_name if child is not None else ""


def day_in_words(day):
    """Thursday 26 November 2026, as the reader's language has it, from a date or its JSON value."""
    return date_text(date.fromisoformat(day) if isinstance(day, str) else day, "full")


def days_in_words(days, *, weekday="EEEE", month="MMMM"):
    """Monday 23, Tuesday 24 November, Wednesday 2 December: the month once, after its last day; the year where it is another one."""
    said, days = [], sorted(days)
    for day, following in zip(days, [*days[1:], None], strict=True):
        last = following is None or (following.year, following.month) != (day.year, day.month)
        year = " y" if day.year != clock.today().year else ""
        said.append(date_text(day, f"{weekday} d {month}{year}" if last else f"{weekday} d"))
    return ", ".join(said)

"""How is a usual week chosen, and how is it read? Boxes by day and unit; "Meal: Monday, Tuesday"."""

from typing import NamedTuple

from babel.dates import get_day_names
from flask import g
from flask_babel import get_locale
from sqlalchemy import func, select
from sqlalchemy.orm import aliased
from wtforms import Field

from app.activities.models import Unit
from app.core.i18n import _
from app.extensions import db

Other = aliased(Unit)


class UsualWeek(Field):
    """Units by day of the week, as boxes to tick. Data is {"1": [ids of units]}, None for none."""

    template = "portal/widgets/week.html"
    activity = None

    def process_data(self, value):
        self.data = week_of((day, unit_id) for day, unit_ids in (value or {}).items() for unit_id in unit_ids)

    def process_formdata(self, valuelist):
        pairs = [value.partition("-") for value in valuelist]
        self.data = week_of((int(day), int(unit)) for day, _dash, unit in pairs if day in "1234567" and day and unit.isdecimal())

    @property
    def only_unit(self):
        """The unit of an activity that has but one."""
        units = self.activity.units if self.activity is not None else []
        return units[0] if len(units) == 1 else None

    @property
    def rows(self):
        """[(name of the day, [(value, unit, ticked)])] of the activity's days."""
        ticked, units = self.data or {}, self.activity.units if self.activity is not None else []
        days = sorted(self.activity.weekdays) if self.activity is not None else []
        return [
            (capital(weekday(day)), [(f"{day}-{unit.id}", unit, unit.id in ticked.get(str(day), ())) for unit in units]) for day in days
        ]


def week_of(pairs):
    """The JSON of a usual week: days and units in order, None for an empty one."""
    found = {}
    for day, unit_id in sorted((int(day), int(unit_id)) for day, unit_id in pairs):
        found.setdefault(str(day), []).append(unit_id)
    return {day: sorted(set(unit_ids)) for day, unit_ids in found.items()} or None


def weekday(number):
    """The name of a day of the week, Monday is 1."""
    return get_day_names("wide", locale=str(get_locale() or "fr"))[int(number) - 1]


def capital(text):
    """A text that begins a line."""
    return text[:1].upper() + text[1:]


def days_of(activity):
    """The days of the week on which an activity opens: "Monday, Tuesday"."""
    return capital(", ".join(weekday(day) for day in sorted(activity.weekdays)))


def week_of_row(target):
    """An enrolment's usual week as the form has it."""
    return week_of((day, unit_id) for day, unit_ids in (target.week or {}).items() for unit_id in unit_ids)


def week_in_words(week, units=None):
    """A usual week as people read it: "Meal: Monday, Tuesday", or the days alone where the activity has one unit.

    `units` are the activity's, where the page has read them.
    """
    days_by_unit = {}
    for day, unit_ids in sorted((week or {}).items()):
        for unit_id in unit_ids:
            days_by_unit.setdefault(unit_id, []).append(weekday(day))
    names = _unit_names() if units is None else {unit.id: Named(unit.name, len(units) > 1) for unit in units}
    known = sorted((unit_id for unit_id in days_by_unit if unit_id in names), key=list(names).index)
    if len(known) == 1 and not names[known[0]].several:
        return capital(", ".join(days_by_unit[known[0]]))
    return "\n".join(_("%(section)s: %(name)s", section=names[one].name, name=", ".join(days_by_unit[one])) for one in known)


class Named(NamedTuple):
    """A unit's name, and whether its activity has several."""

    name: str
    several: bool


def know_units(activities):
    """Take from a page the activities that it has read with their units, so that _unit_names() need not ask."""
    ordered = sorted(activities, key=lambda activity: activity.id)
    g.unit_names = {unit.id: Named(unit.name, len(activity.units) > 1) for activity in ordered for unit in activity.units}
    #: The session forgets rows that nobody holds.
    g.known_activities = ordered


def _unit_names():
    """{id: row with the name of a unit, and whether its activity has several}, in the town's order; read once a page."""
    if "unit_names" not in g:
        others = select(func.count()).where(Other.activity_id == Unit.activity_id).scalar_subquery()
        query = select(Unit.id, Unit.name, (others > 1).label("several")).order_by(Unit.activity_id, Unit.position, Unit.id)
        g.unit_names = {row.id: row for row in db.session.execute(query)}
    return g.unit_names

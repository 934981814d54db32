"""How full will the next open days be? Booked, asked for and waiting against the places, by group, for units and those that share them."""

from dataclasses import dataclass
from datetime import timedelta

from flask import request
from flask_appbuilder import BaseView, expose
from sqlalchemy import case, func, literal, select, union_all
from sqlalchemy.orm import selectinload

from app.activities.calendar import Calendar
from app.activities.models import Activity, Booking, BookingState, PlaceAsked, Rank, Wish
from app.activities.places import OCCUPIES, Capacities
from app.core import clock
from app.core.forms import named_id
from app.core.i18n import _, date_text
from app.extensions import db
from app.security.who_sees_what import Noun
from app.staff.views import screen

#: How many open days are shown, and how far ahead they are looked for: the summer is eight weeks long.
DAYS, HORIZON = 10, timedelta(days=120)
#: The drawing: its size, a bar and the gap beside it.
WIDTH, HEIGHT, BAR, STEP = 520, 190, 34, 52


@dataclass(frozen=True)
class Day:
    """One day of a group: how many are booked, hold a place until it is decided, or stand in line; how many places there are and remain."""

    day: object
    booked: int
    asked: int
    waiting: int
    #: None: no limit, or none of its own.
    places: int | None
    #: The fewest of all limits; None: no limit.
    free: int | None

    @property
    def full(self):
        return self.free is not None and self.free <= 0


@dataclass
class Chart:
    """A unit, or some that share their places, and a group over the days, as a drawing."""

    title: str
    days: list
    #: Which waiting lists are its own; of several units, those of the group.
    unit_id: int | None
    group_id: int | None

    @property
    def top(self):
        """The number that reaches the top of the drawing."""
        return max([1, *(max(day.booked + day.asked + day.waiting, day.places or 0) for day in self.days)])

    @property
    def bars(self):
        """[{day, x, y, height, ask_y, ask_height, wait_y, wait_height, cap}] in units of the drawing: the parts stand on each other."""
        scale = HEIGHT / self.top
        for place, day in enumerate(self.days):
            height, ask, wait = (round(number * scale) for number in (day.booked, day.asked, day.waiting))
            cap = None if day.places is None else HEIGHT - round(day.places * scale)
            yield {"day": day, "x": place * STEP + (STEP - BAR) // 2, "y": HEIGHT - height, "height": height} | {
                "ask_y": HEIGHT - height - ask,
                "ask_height": ask,
                "wait_y": HEIGHT - height - ask - wait,
                "wait_height": wait,
                "cap": cap,
                "short": date_text(day.day, "EEE d"),
            }

    @property
    def limited(self):
        return any(day.places is not None for day in self.days)

    @property
    def in_words(self):
        """What the drawing says, for those who do not see it."""
        full = sum(day.full for day in self.days)
        most = max(self.days, key=lambda day: day.booked, default=None)
        if most is None:
            return ""
        return _(
            "Most are booked on %(day)s: %(booked)d. Full days: %(full)d.", day=date_text(most.day, "full"), booked=most.booked, full=full
        )


class ForecastView(BaseView):
    """The next days against the places."""

    noun = Noun.attendance
    route_base = "/mairie/previsions"
    default_view = "forecast"
    class_permission_name = noun.value
    method_permission_name = {"forecast": "read"}

    @expose("/")
    @screen
    def forecast(self):
        activities = db.session.scalars(
            select(Activity).options(selectinload(Activity.units), selectinload(Activity.groups)).order_by(Activity.position, Activity.id)
        ).all()
        wanted = named_id(request.args.get("activity"))
        chosen = next((one for one in activities if one.id == wanted), activities[0] if activities else None)
        return self.render_template(
            "staff/forecast.html",
            title=_("Forecast"),
            activities=activities,
            chosen=chosen,
            charts=charts_of(chosen) if chosen is not None else [],
            width=WIDTH,
            height=HEIGHT,
            bar=BAR,
            step=STEP,
        )


def charts_of(activity):
    """The Charts of an activity; queries do not grow with the units."""
    first = clock.today()
    days = Calendar.between(first, first + HORIZON).open_days(activity, first, first + HORIZON)[:DAYS]
    if not days:
        return []
    units = [unit.id for unit in activity.units]
    counts = _counts(units, (first, days[-1]))
    capacities = Capacities.load(units, days[0], days[-1])
    charts = []
    for group in activity.groups:
        charts += [_chart(activity, there, group, days, counts, capacities) for there in _together(activity, group, capacities)]
    for unit in activity.units:
        loose = any(unit_id == unit.id and group_id is None for unit_id, group_id, _day in counts)
        for group in [*activity.groups, *([None] if loose or not activity.groups else [])]:
            charts.append(_chart(activity, [unit], group, days, counts, capacities))
    return charts


def _together(activity, group, capacities):
    """[units that share the places of a group, in the order of the activity] where there are several."""
    found = [[unit for unit in activity.units if unit.id in units] for units in capacities.at_once.get(group.id, ())]
    return sorted((units for units in found if len(units) > 1), key=lambda units: [activity.units.index(unit) for unit in units])


def _chart(activity, units, group, days, counts, capacities):
    ids, group_id = {unit.id for unit in units}, group.id if group is not None else None
    taken = {place: booked + asked for place, (booked, asked, _waiting) in counts.items()}
    rows = []
    for day in days:
        numbers = [counts.get((one, group_id, day), (0, 0, 0)) for one in ids]
        booked, asked, waiting = (sum(column) for column in zip(*numbers, strict=True))
        own = min((number for their, number in capacities.limits(units[0].id, group_id, day) if their == ids), default=None)
        free = capacities.left(units[0].id, group_id, day, taken) if len(units) == 1 else None if own is None else own - booked - asked
        rows.append(Day(day, booked, asked, waiting, own, free))
    service = " + ".join(unit.name for unit in units) if len(activity.units) > 1 else units[0].title
    name = group.name if group is not None else _("No group") if activity.groups else ""
    return Chart(", ".join(filter(None, (service, name))), rows, units[0].id if len(units) == 1 else None, group_id)


def _counts(units, span):
    """{(unit, group, day): (booked, asked, waiting)} of a stretch of days, in one query."""
    wanted = (PlaceAsked.wish == Wish.book, PlaceAsked.rank.in_((*OCCUPIES, Rank.queued)))
    parts = [
        _rows(Booking, literal(0), units, span, Booking.state == BookingState.booked),
        _rows(PlaceAsked, case((PlaceAsked.rank == Rank.queued, 2), else_=1), units, span, *wanted),
    ]
    found = {}
    for unit_id, group_id, day, what, number in db.session.execute(union_all(*parts)):
        found.setdefault((unit_id, group_id, day), [0, 0, 0])[what] += number
    return found


def _rows(model, what, units, span, *conditions):
    place = (model.unit_id, model.group_id, model.day)
    rows = select(*place, what.label("what")).where(*conditions)
    rows = rows.where(model.unit_id.in_(units), model.day.between(*span)).subquery()
    return select(rows, func.count()).group_by(*rows.c)

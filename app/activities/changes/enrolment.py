"""How does a family enrol a child in an activity? The period, the usual week, the papers; and how does it change or end that?"""

from datetime import date
from functools import cached_property
from typing import NamedTuple

from babel.dates import get_day_names
from flask import g, has_request_context
from flask import request as http
from flask_babel import get_locale
from sqlalchemy import func, select
from sqlalchemy.orm import aliased
from wtforms import DateField, Field, HiddenField

from app.activities import deadlines
from app.activities.changes.paper import lack_of
from app.activities.enrolling import (
    activity_of,
    change,
    child_to_enrol,
    days_in_words,
    enrol,
    last_possible_day,
    open_activities,
    overlapping,
    pattern,
    plan_week,
    refuse_bad_week,
    too_young_or_old,
    usual_period,
)
from app.activities.models import Activity, Enrolment, Unit
from app.activities.papers import asked_for_activity
from app.changes.forms import SectionForm
from app.changes.kinds import Finding, Kind, Tab, register
from app.changes.models import OPEN, Act, ChangeRequest, Channel, Lane
from app.children.models import Child
from app.children.queries import child_of
from app.core import clock
from app.core.codec import encode
from app.core.errors import DomainError
from app.core.forms import Required, row_id
from app.core.i18n import _, _l
from app.extensions import db
from app.security.scope import family_id, standing
from app.security.who_sees_what import Noun

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


class EnrolmentForm(SectionForm):
    """`?child=` and `?activity=` name whom and what; the activity of an enrolment does not change."""

    activity_id = HiddenField(_l("Activity"), [Required()], filters=[lambda value: int(value) if str(value or "").isdecimal() else None])
    starts_on = DateField(_l("First day"), [Required()])
    ends_on = DateField(_l("Last day"), [Required()])
    week = UsualWeek(_l("Usual week"))

    _kept = None
    intro_template, stylesheet = "portal/widgets/activity.html", "enrolments.css"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        token = self.token or {}
        self.activity = self._activity(token.get("activity"))
        self.week.activity = self.activity
        if self.activity is not None:
            self.activity_id.data = self.activity.id
        if not token.get("shown") and self.activity is not None and http.method != "POST" and self.former is None:
            self.starts_on.data, self.ends_on.data = usual_period(self.activity)
        self.begun = token.get("act") == Act.edit.name and token["before"]["starts_on"] <= clock.today().isoformat()
        if self.begun:
            self.starts_on.data = date.fromisoformat(token["before"]["starts_on"])

    def _snapshot(self, target):
        return {**super()._snapshot(target), "activity": target.activity_id}

    def _blank(self):
        token = super()._blank()
        wanted = self._again().get("activity_id") or http.args.get("activity", type=row_id)
        return {**token, "activity": wanted if self._activity(wanted) is not None else self._first_to_offer(token["child"])}

    def _activity(self, number):
        """An activity, read once."""
        if (self._kept is None or self._kept.id != number) and number:
            self._kept = activity_of(number)
        return self._kept if number else None

    @staticmethod
    def _first_to_offer(child_id):
        """The first activity that the child could begin with: a form that was opened without one still shows something to ask."""
        child, found = child_of(family_id(), child_id), None
        for activity in open_activities():
            period = usual_period(activity)
            if too_young_or_old(activity, child, *period) is None:
                found = found or activity.id
                if overlapping(child_id, activity.id, family_id(), *period) is None:
                    return activity.id
        return found

    @cached_property
    def child(self):
        """Whom the form is about."""
        return child_to_enrol(family_id(), self.token["child"]) if self.token else None

    @property
    def subject(self):
        """Child and activity, above the form."""
        if self.child is None:
            return ""
        return _("%(section)s: %(name)s", section=self.activity, name=self.child) if self.activity is not None else str(self.child)

    @property
    def rule(self):
        """Until when days can be booked, in words."""
        return deadlines.describe(self.activity.booking_rule)

    @property
    def days(self):
        """The days of the week on which the activity opens, in words."""
        return days_of(self.activity)

    @cached_property
    def papers(self):
        """What the activity asks of the child, as Asked."""
        return asked_for_activity(self.activity, self.child, family_id()) if self.activity is not None and self.child is not None else []

    @property
    def visible_parts(self):
        (part,) = super().visible_parts
        left_out = {"activity_id", "starts_on"} if self.begun else {"activity_id"}
        return [part._replace(fields=[field for field in part.fields if field.name not in left_out])]

    def proposal(self, target):
        """What the post asks; the activity is the one that the form was opened for, and the rules need to know the enrolment."""
        found = super().proposal(target)
        if target is None and self.token.get("target"):
            found.target = db.session.get(Enrolment, self.token["target"])
        found.after["activity_id"] = self.token.get("activity")
        return found


def days_of(activity):
    """The days of the week on which an activity opens: "Monday, Tuesday"."""
    return capital(", ".join(weekday(day) for day in sorted(activity.weekdays)))


@register
class EnrolmentAsked(Kind):
    """A child takes part in an activity for a time; accepted, its usual week becomes bookings."""

    name, noun, tab = "enrolment", Noun.enrolment, Tab.enrolments
    title = _l("Enrolment in an activity")
    model = Enrolment
    form = EnrolmentForm
    acts = frozenset({Act.add, Act.edit})

    def parent(self, child_id, family_id):
        return child_to_enrol(family_id, child_id) if child_id else None

    def type_of(self, name):
        return None if name == "week" else super().type_of(name)

    def read(self, target):
        return {name: (week_of_row(target) if name == "week" else encode(getattr(target, name))) for name in self.fields}

    # -- rules ------------------------------------------------------------------------------------------------------------------

    def refuse_if_invalid(self, proposal, family_id):
        child, activity = self.parent(proposal.child_id, family_id), activity_of(proposal.after.get("activity_id"))
        if child is None:
            raise DomainError(_("This child is not in your file."))
        if activity is None or (proposal.act is Act.add and not activity.open):
            raise DomainError(_("This activity takes no enrolments at present."))
        first, last = self._period(proposal, activity)
        if sentence := too_young_or_old(activity, child, first, last):
            raise DomainError(sentence)
        but = proposal.target.id if proposal.target is not None else None
        if taken := overlapping(child.id, activity.id, family_id, first, last, but=but):
            names = {"child": child.first_name, "activity": activity.name}
            raise DomainError(
                _("%(child)s is already enrolled in %(activity)s until %(day)s.", **names, day=self.show("ends_on", encode(taken.ends_on)))
            )
        if proposal.act is Act.add:
            self._refuse_twice(proposal, child, activity, family_id)
        refuse_bad_week(proposal.after.get("week"), activity)

    def _period(self, proposal, activity):
        first, last = (self.decode(name, proposal.after.get(name)) for name in ("starts_on", "ends_on"))
        if first is None or last is None:
            raise DomainError(_("Say from which day to which day."))
        if last < first:
            raise DomainError(_("The last day lies before the first."))
        began = self.decode("starts_on", proposal.before.get("starts_on"))
        if first != began and began is not None and began <= clock.today():
            raise DomainError(_("The enrolment has begun: its first day cannot be changed any more."))
        if first != began and first < clock.today() and not by_clerk():
            raise DomainError(_("The first day lies in the past."))
        if last < clock.today() and not by_clerk():
            raise DomainError(_("The last day lies in the past."))
        if activity.starts_on is not None and first < activity.starts_on:
            raise DomainError(_("This activity begins on %(day)s.", day=self.show("starts_on", encode(activity.starts_on))))
        limit = max(last_possible_day(activity), self.decode("ends_on", proposal.before.get("ends_on")) or date.min)
        if last > limit:
            raise DomainError(_("An enrolment can go until %(day)s.", day=self.show("ends_on", encode(limit))))
        return first, last

    def _refuse_twice(self, proposal, child, activity, family_id):
        waiting = select(ChangeRequest).where(
            ChangeRequest.family_id == family_id,
            ChangeRequest.child_id == child.id,
            ChangeRequest.kind == self.name,
            ChangeRequest.act == Act.add,
            ChangeRequest.state.in_(OPEN),
        )
        for other in db.session.scalars(waiting):
            if other.id == proposal.replaces or (proposal.key and other.idempotency_key == proposal.key):
                continue
            asked = {name: pair["after"] for name, pair in other.changes.items()}
            apart = asked["ends_on"] < proposal.after["starts_on"] or asked["starts_on"] > proposal.after["ends_on"]
            if asked["activity_id"] == activity.id and not apart:
                raise DomainError(_("You have already asked for this: your request waits. You may change it in the list of requests."))

    def check(self, request, target):
        child, wanted = db.session.get(Child, request.child_id), self._wanted(request, target)
        activity = activity_of(wanted["activity_id"])
        if child is None or activity is None:
            return [Finding(Lane.look, _("The child or the activity does not exist any more."))]
        return [
            *self._papers(request, child, activity),
            *self._ages(child, activity, wanted),
            *self._room(request, child, activity, wanted, target),
        ]

    def _wanted(self, request, target):
        """{field: value} as the file would have it after acceptance."""
        values = {**(self.read(target) if target is not None else {}), **{name: pair["after"] for name, pair in request.changes.items()}}
        return {name: self.decode(name, values.get(name)) for name in self.fields}

    def _papers(self, request, child, activity):
        if request.act is not Act.add:
            return
        yield from lack_of([one for one in asked_for_activity(activity, child, request.family_id) if one.lacking])

    @staticmethod
    def _ages(child, activity, wanted):
        first, last = (clock.age(child.birth_date, wanted[name]) for name in ("starts_on", "ends_on"))
        if (activity.min_age is not None and first < activity.min_age) or (activity.max_age is not None and last > activity.max_age):
            yield Finding(Lane.look, _("The child has the right age on a part of these days only."))

    @staticmethod
    def _room(request, child, activity, wanted, target):
        cells = pattern(wanted["week"], max(wanted["starts_on"], clock.today()), wanted["ends_on"])
        if target is not None:
            cells -= pattern(target.week, target.starts_on, target.ends_on)
        group_id = target.group_id if target is not None else None
        found = plan_week(child, activity, request.family_id, cells, asked_at=asked_at(request), group_id=group_id)
        if found.ungrouped:
            yield Finding(Lane.look, _("No group of the activity takes the child: its place is not counted."))
        if found.full:
            days = found.full_days
            yield Finding(
                Lane.look, _("No place on %(number)s days of the usual week: %(days)s.", number=len(days), days=days_in_words(days))
            )

    # -- effect -----------------------------------------------------------------------------------------------------------------

    def create(self, values, *, request):
        child, activity = self.parent(request.child_id, request.family_id), activity_of(values["activity_id"])
        if child is None or activity is None:
            raise DomainError(_("The child or the activity does not exist any more."))
        decoded = {name: self.decode(name, values.get(name)) for name in ("starts_on", "ends_on", "week")}
        row, _found = enrol(child, activity, request.family_id, decoded, by="system", asked_at=asked_at(request), request_id=request.id)
        return row

    def write(self, target, values, *, request):
        decoded = {name: self.decode(name, value) for name, value in values.items() if name != "activity_id"}
        change(target, decoded, by="system", asked_at=asked_at(request), request_id=request.id)

    # -- words ------------------------------------------------------------------------------------------------------------------

    def about(self, request, target):
        child_id = request.child_id if request is not None else target.child_id
        child = db.session.get(Child, child_id) if child_id else None
        return str(child) if child is not None else ""

    def same(self, name, one, other):
        return (one or None) == (other or None) if name == "week" else super().same(name, one, other)

    def show(self, name, value):
        if name == "week":
            return week_in_words(value)
        if name == "activity_id" and value is not None:
            found = db.session.get(Activity, value)
            return found.name if found is not None else ""
        return super().show(name, value)


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


def asked_at(request):
    """The instant that judges the deadline; None where the town entered the request: it may ask late."""
    return request.asked_at if request.lot.channel is Channel.portal else None


def by_clerk():
    """Whether a clerk acts for the family: paper that came in may be about days that have passed."""
    found = standing() if has_request_context() else None
    return found is not None and found.by_clerk

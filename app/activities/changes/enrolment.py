"""How does a family enrol a child in an activity? The period, the usual week, the papers; and how does it change or end that?"""

from datetime import date
from functools import cached_property

from flask import g, has_request_context
from flask import request as http
from sqlalchemy import select
from wtforms import DateField, HiddenField

from app.activities import deadlines
from app.activities.changes.paper import lack_of
from app.activities.changes.week import UsualWeek, days_of, week_in_words, week_of_row
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
    refuse_bad_week,
    too_young_or_old,
    usual_period,
)
from app.activities.holding import days_without_place, hold, let_go, look_again
from app.activities.models import Activity, Enrolment
from app.activities.papers import asked_for_activity
from app.activities.places import lock
from app.changes.forms import SectionForm
from app.changes.kinds import Finding, Kind, Tab, register
from app.changes.models import OPEN, Act, ChangeRequest, Channel, Lane
from app.children.models import Child
from app.children.queries import child_of
from app.core import clock
from app.core.codec import encode
from app.core.db import in_unit_of_work
from app.core.errors import DomainError
from app.core.forms import Required, row_id
from app.core.i18n import _, _l
from app.extensions import db
from app.security.scope import family_id, standing
from app.security.who_sees_what import Noun


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
        if in_unit_of_work():
            # Before the instant of the request: the order of both is that of the places.
            lock(unit.id for unit in activity.units)

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
        kept = g.pop("week_just_kept", None)
        found = kept[1] if kept is not None and kept[0] is request else self._plan(look_again, request, child, activity, wanted, target)
        return [*self._papers(request, child, activity), *self._ages(child, activity, wanted), *self._room(found)]

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
    def _plan(how, request, child, activity, wanted, target):
        """The WeekPlan of the days that a request adds, as `how` finds it: by looking, or by keeping their places."""
        cells = pattern(wanted["week"], max(wanted["starts_on"], clock.today()), wanted["ends_on"])
        if target is not None:
            cells -= pattern(target.week, target.starts_on, target.ends_on)
        group_id = target.group_id if target is not None else None
        return how(request, child, activity, cells, asked_at=asked_at(request), group_id=group_id)

    @staticmethod
    def _room(found):
        if found.ungrouped:
            yield Finding(Lane.look, _("No group of the activity takes the child: its place is not counted."))
        if found.full:
            days = found.full_days
            yield Finding(
                Lane.look, _("No place on %(number)s days of the usual week: %(days)s.", number=len(days), days=days_in_words(days))
            )

    # -- its places while it waits ------------------------------------------------------------------------------------------------

    def sent(self, request):
        """Keep the places of the usual week."""
        db.session.flush()
        target = self.find(request.target_id, request.family_id) if request.act is not Act.add else None
        child, wanted = db.session.get(Child, request.child_id), self._wanted(request, target)
        # check() comes next, in the same lock: it need not look again.
        g.week_just_kept = request, self._plan(hold, request, child, activity_of(wanted["activity_id"]), wanted, target)

    def closed(self, request):
        let_go(request)

    def remark(self, request):
        """Which days have no place yet; once enrolled, the family may ask to wait for them."""
        days = days_without_place(request) if request.open else []
        return _("No place is left yet on: %(days)s.", days=days_in_words(days)) if days else ""

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


def asked_at(request):
    """The instant that judges the deadline; None where the town entered the request: it may ask late."""
    return request.asked_at if request.lot.channel is Channel.portal else None


def by_clerk():
    """Whether a clerk acts for the family: paper that came in may be about days that have passed."""
    found = standing() if has_request_context() else None
    return found is not None and found.by_clerk

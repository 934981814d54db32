"""How does the staff book for a child or a class? A recap first, then what became of each day."""

from dataclasses import dataclass, field
from datetime import timedelta

from flask import request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload, selectinload
from wtforms import BooleanField, DateField

from app.activities.calendar import days_between
from app.activities.changes.words import days_in_words
from app.activities.models import Activity, Enrolment
from app.activities.operations import book
from app.activities.timetable import CellState, Timetable
from app.children.models import Child, Household, School, SchoolClass, SchoolEnrolment
from app.children.queries import this_year, year_of
from app.core import clock
from app.core.errors import DomainError
from app.core.forms import Form, Required
from app.core.i18n import _, _l, _n
from app.extensions import db
from app.security.scope import require
from app.security.who_sees_what import Noun
from app.staff.activities_fields import OneAtLeast, Ticked, Weekdays
from app.staff.forms import RowChoice, RowNamed
from app.staff.interface import actor, saving

#: More than a class for two months is a slip.
MOST_CELLS, MOST_DAYS = 3000, 92


def activities():
    return db.session.scalars(select(Activity).options(selectinload(Activity.units)).order_by(Activity.position, Activity.id)).all()


def classes():
    """The classes of this year; over the summer those of the one that has ended and of the next to come: both have days."""
    either = or_(SchoolClass.school_year_id == this_year(), SchoolClass.school_year_id == year_of(clock.today()))
    query = select(SchoolClass).where(either).options(selectinload(SchoolClass.school), joinedload(SchoolClass.school_year))
    return db.session.scalars(query.join(SchoolClass.school).order_by(SchoolClass.school_year_id, School.name, SchoolClass.name)).all()


def class_in_words(row):
    """A class; with its year where that is not today's."""
    year = row.school_year
    return str(row) if year.starts_on <= clock.today() <= year.ends_on else f"{row}, {year}"


def schools():
    return db.session.scalars(select(School).order_by(School.name)).all()


class EnterForm(Form):
    """Whom, for what, when."""

    child = RowNamed(_l("Child"), of="enfant")
    school_class = RowChoice(_l("Or a whole class"), rows=classes, called=class_in_words, blank=_l("no class"))
    units = Ticked(_l("For what?"), [OneAtLeast()])
    first_day = DateField(_l("First day"), [Required()])
    last_day = DateField(_l("Last day"), [Required()])
    weekdays = Weekdays(_l("On these days of the week"), [OneAtLeast()])
    over = BooleanField(_l("Although no place is free"))

    def __init__(self, activity, **kwargs):
        self.activity = activity
        super().__init__(**kwargs)
        self.units.choices = [(unit.id, unit.name) for unit in activity.units]
        self.weekdays.choices = [choice for choice in self.weekdays.choices if choice.value in activity.weekdays]

    def validate(self, extra_validators=None):
        valid = super().validate(extra_validators)
        if bool(self.child.data) == bool(self.school_class.data) and not self.child.errors:
            self.refuse(_("Name a child, or choose a class."), "child")
            valid = False
        if valid and not self.first_day.data <= self.last_day.data <= self.first_day.data + timedelta(days=MOST_DAYS):
            self.refuse(_("From the first day to the last: three months at most."), "last_day")
            valid = False
        return valid

    @property
    def days(self):
        return [day for day in days_between(self.first_day.data, self.last_day.data) if day.isoweekday() in self.weekdays.data]

    @property
    def wanted_units(self):
        return [unit for unit in self.activity.units if unit.id in self.units.data]

    def children(self):
        """The child, or those of the class, by name."""
        query = select(Child).order_by(Child.last_name, Child.first_name, Child.id).where(Child.archived_at.is_(None))
        if self.child.data:
            return db.session.scalars(query.where(Child.id == self.child.data)).all()
        same = (SchoolEnrolment.child_id == Child.id) & (SchoolEnrolment.school_class_id == self.school_class.data)
        return db.session.scalars(query.join(SchoolEnrolment, same)).all()


@dataclass
class Outcome:
    """How it goes with one child: days to book or booked, and why not the others."""

    child: Child
    good: list = field(default_factory=list)
    #: {sentence: days}
    bad: dict = field(default_factory=dict)

    @property
    def days(self):
        return days_in_words(sorted({day for _unit, day in self.good}))

    @property
    def problems(self):
        return [(sentence, days_in_words(sorted(set(days)))) for sentence, days in self.bad.items()]


def households(children, activity, days):
    """{child: {family: its days}}: the household that enrolled the child, in its own weeks where two did."""
    query = (
        select(Enrolment, Household.weeks)
        .join(Household, (Household.child_id == Enrolment.child_id) & (Household.family_id == Enrolment.family_id))
        .where(Household.ended_on.is_(None), Enrolment.activity_id == activity.id, Enrolment.child_id.in_([child.id for child in children]))
    )
    rows = db.session.execute(query.order_by(Enrolment.id)).all()
    found = {}
    for child in children:
        mine = [(enrolment, weeks) for enrolment, weeks in rows if enrolment.child_id == child.id]
        for day in days:
            running = [(one, weeks) for one, weeks in mine if one.starts_on <= day <= one.ends_on]
            chosen = next((one for one, weeks in running if _is_here(weeks, day)), running[0][0] if running else None)
            if chosen is not None:
                found.setdefault(child.id, {}).setdefault(chosen.family_id, []).append(day)
    return found


def _is_here(weeks, day):
    return weeks is None or weeks.include(day)


def outcomes(form, *, by=None):
    """An Outcome for each child: foreseen, or with `by` done within the open unit of work."""
    children, days = form.children(), form.days
    if len(children) * len(days) * len(form.wanted_units) > MOST_CELLS:
        raise DomainError(_("This is too much at once: choose fewer days."))
    homes, found = households(children, form.activity, days), []
    for child in children:
        outcome = Outcome(child)
        for family_id, own in homes.get(child.id, {}).items():
            act = _book if by is not None else _foresee
            act(outcome, form, family_id, own, by)
        enrolled = {day for own in homes.get(child.id, {}).values() for day in own}
        if left_out := [day for day in days if day not in enrolled]:
            outcome.bad.setdefault(_("Not enrolled on this day"), []).extend(left_out)
        found.append(outcome)
    return found


def _book(outcome, form, family_id, days, by):
    results = book(outcome.child, form.wanted_units, days, family_id=family_id, by=by, over=form.over.data)
    left = [result for result in results if result.booking is None]
    # As it stands now: what was booked in this act may be what excludes the rest.
    table = Timetable.load([outcome.child], days[0], days[-1], family_id, by_clerk=True) if left else None
    for result in results:
        if result.booking is not None:
            outcome.good.append((result.unit, result.day))
        else:
            outcome.bad.setdefault(_why(table.cell(outcome.child.id, result.unit.id, result.day)), []).append(result.day)


def _foresee(outcome, form, family_id, days, _by):
    table = Timetable.load([outcome.child], days[0], days[-1], family_id, by_clerk=True)
    for unit in form.wanted_units:
        for day in days:
            cell = table.cell(outcome.child.id, unit.id, day)
            if (form.over.data and _is_full(cell)) or (cell.may_book and not cell.waiting_list):
                outcome.good.append((unit, day))
            else:
                outcome.bad.setdefault(_why(cell), []).append(day)


def _is_full(cell):
    """Whether a free place is all that is missing; a request that was refused lately is shown instead of it."""
    return cell.waiting_list or cell.state is CellState.full


def _why(cell):
    """Why a day cannot be booked, in the few words that stand before all such days."""
    if _is_full(cell):
        return _("No place is left")
    words = str(cell.state.label)
    if cell.state is CellState.closed and cell.says:
        words = str(cell.says)
    elif cell.state is CellState.cancelled and cell.says:
        words = _("%(section)s: %(name)s", section=words, name=cell.says)
    return words[:1].upper() + words[1:]


class EnterView(BaseView):
    """Bookings that the staff enters itself."""

    route_base = "/mairie/reservations"
    class_permission_name = Noun.booking.value
    method_permission_name = {"enter": "edit"}

    @expose("/saisir/", methods=["GET", "POST"])
    @has_access
    def enter(self):
        require(Noun.booking, "edit")
        known = activities()
        activity = next((one for one in known if one.id == request.args.get("activity", type=int)), None)
        if activity is None:
            return self.render_template("staff/bookings/choose.html", title=_("Book for a child or a class"), activities=known)
        form = EnterForm(activity, data=_beginning(activity))
        if not form.validate_on_submit():
            return self._form(form, 422 if form.is_submitted() else 200)
        try:
            return self._recap(form) if request.form.get("step") != "book" else self._book(form)
        except DomainError as refusal:
            form.refuse(refusal)
            return self._form(form, 422)

    def _form(self, form, status):
        title = _("Book: %(activity)s", activity=form.activity.name)
        return self.render_template("staff/bookings/enter.html", title=title, form=form, back_url=url_for("EnterView.enter")), status

    def _recap(self, form):
        found = outcomes(form)
        count = sum(len(one.good) for one in found)
        return self.render_template(
            "staff/bookings/recap.html",
            title=_n("%(num)d booking to make", "%(num)d bookings to make", count),
            form=form,
            found=found,
            count=count,
            done=False,
            typed=typed(),
        )

    def _book(self, form):
        with saving():
            found = outcomes(form, by=actor())
            count = sum(len(one.good) for one in found)
        return self.render_template(
            "staff/bookings/recap.html",
            title=_n("%(num)d booking made", "%(num)d bookings made", count),
            form=form,
            found=found,
            count=count,
            done=True,
        )


def typed():
    """What was typed, to be sent once more."""
    return [(name, value) for name, value in request.form.items(multi=True) if name not in ("csrf_token", "step")]


def _beginning(activity):
    tomorrow = clock.today() + timedelta(days=1)
    child_id = request.args.get("child", type=int) or None
    return {
        "child": child_id if child_id and child_id < 2**31 else None,
        "units": [unit.id for unit in activity.units[:1]],
        "weekdays": activity.weekdays,
        "first_day": tomorrow,
        "last_day": tomorrow,
    }

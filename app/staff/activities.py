"""Which activities does the town have? What they are, when they open, until when families may ask; their units."""

from datetime import timedelta

from flask import request, url_for
from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import joinedload, selectinload
from wtforms import BooleanField, DateField, IntegerField, TimeField
from wtforms.validators import NumberRange, Optional, ValidationError

from app.activities import deadlines
from app.activities.calendar import Calendar
from app.activities.models import (
    MINUTES,
    Activity,
    ActivityGroup,
    ActivityKind,
    Booking,
    DayCancellation,
    Enrolment,
    PaperType,
    Places,
    Season,
    Unit,
    UnitConflict,
    UnitKind,
)
from app.core import clock, search
from app.core.forms import Choice, LongText, Required, Text
from app.core.i18n import _, _l, _n
from app.extensions import db
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.activities_fields import DeadlineField, OneAtLeast, Ticked, TickedRows, Weekdays
from app.staff.forms import RowChoice, StaffForm
from app.staff.parts import Deed, Facet, by_id
from app.staff.schools import ReferenceEditor
from app.staff.views import StaffView

AGE = NumberRange(0, 25, _l("Between 0 and 25."))
#: How many days the page of an activity tells the deadlines of, and how far it looks for them.
SHOWN_DAYS, AHEAD = 6, timedelta(days=70)


def activities():
    return db.session.scalars(select(Activity).order_by(Activity.position, Activity.name)).all()


def enrolments(number):
    return _n("%(num)d enrolment", "%(num)d enrolments", number)


def bookings(number):
    return _n("%(num)d booking", "%(num)d bookings", number)


def _cancelled_days(number):
    return _n("%(num)d day that the town cancelled", "%(num)d days that the town cancelled", number)


def _paper_types():
    return db.session.scalars(select(PaperType).order_by(PaperType.name)).all()


class NotBefore:
    """A day or a time that does not lie before another field's."""

    def __init__(self, name, sentence):
        self.name, self.sentence = name, sentence

    def __call__(self, form, field):
        other = form[self.name].data
        if field.data is not None and other is not None and field.data < other:
            raise ValidationError(str(self.sentence))


class ActivityForm(StaffForm):
    """An activity."""

    layout = (
        (_l("What it is"), ["name", "kind", "description", "position", "open"]),
        (_l("When it opens"), ["season", "weekdays", "starts_on", "ends_on"]),
        (_l("For whom"), ["min_age", "max_age", "papers"]),
        (_l("Until when families may ask"), ["booking_rule", "cancelling_rule", "late_requests"]),
        (_l("When it is full"), ["waiting_list", "offer_hours"]),
    )
    name = Text(_l("Name"), longest=60, required=True)
    kind = Choice(_l("Kind"), of=ActivityKind, required=True)
    description = LongText(_l("What parents read before they enrol"), longest=2000)
    position = IntegerField(_l("Rank in lists"), [Required(), NumberRange(1, 99, _l("Between 1 and 99."))])
    open = BooleanField(_l("Families see it and may ask"))
    season = Choice(_l("Part of the year"), of=Season, required=True)
    weekdays = Weekdays(_l("Days of the week"), [OneAtLeast()])
    starts_on = DateField(_l("First day"), [Optional()], description=_l("Leave empty if it goes on every year."))
    ends_on = DateField(_l("Last day"), [Optional(), NotBefore("starts_on", _l("The last day does not lie before the first."))])
    min_age = IntegerField(_l("Least age"), [Optional(), AGE], description=_l("Completed years on the day."))
    max_age = IntegerField(_l("Greatest age"), [Optional(), AGE, NotBefore("min_age", _l("The greatest age is not below the least."))])
    papers = TickedRows(_l("Papers that it asks for"), rows=_paper_types)
    booking_rule = DeadlineField(_l("To book"))
    cancelling_rule = DeadlineField(_l("To cancel without being charged"))
    late_requests = BooleanField(
        _l("Families may still ask after the deadline, with a reason"), description=_l("A clerk looks at each late request.")
    )
    waiting_list = BooleanField(_l("A full day has a waiting list"))
    offer_hours = IntegerField(
        _l("Hours for which a freed place is offered to a family"), [Required(), NumberRange(1, 240, _l("Between 1 and 240."))]
    )


class ActivityEditor(ReferenceEditor):
    """An activity with its papers; days and deadlines are JSON as they are."""

    def decode(self, name, value):
        return value if name in ("weekdays", "booking_rule", "cancelling_rule", "papers") else super().decode(name, value)

    def read(self, row):
        return {**super().read(row), "papers": sorted(paper.id for paper in row.papers)}

    def create(self, values):
        papers = self._papers(values.pop("papers", []))
        row = super().create(values)
        row.papers = papers
        return row

    def write(self, row, values):
        if "papers" in values:
            row.papers = self._papers(values.pop("papers"))
        super().write(row, values)

    @staticmethod
    def _papers(ids):
        return list(db.session.scalars(select(PaperType).where(PaperType.id.in_(ids))))


class ActivityView(StaffView):
    """Activities."""

    noun, model, route_base = Noun.reference, Activity, "/mairie/activites"
    list_title, add_title = _l("Activities"), _l("New activity")
    labels = {
        "name": _l("Activity"),
        "kind": _l("Kind"),
        "season": _l("Part of the year"),
        "weekdays": _l("Days"),
        "ages": _l("Ages"),
        "booking_rule": _l("To book"),
        "cancelling_rule": _l("To cancel"),
        "open": _l("Open to families"),
        "description": _l("What parents read"),
        "papers": _l("Papers"),
        "dates": _l("First and last day"),
        "late_requests": _l("Late requests with a reason"),
        "waiting_list": _l("Waiting list"),
        "offer_hours": _l("Hours to take a freed place"),
    }
    list_columns = ["name", "kind", "season", "weekdays", "ages", "booking_rule", "cancelling_rule", "open"]
    show_columns = [
        *list_columns[1:5],
        "dates",
        "booking_rule",
        "cancelling_rule",
        "late_requests",
        "waiting_list",
        "offer_hours",
        "papers",
        "open",
        "description",
    ]
    search_columns = ["name", "kind", "season", "open"]
    search_hint = _l("Name of an activity")
    matches = staticmethod(lambda word: search.contains(Activity.name, word))
    first_sort = (Activity.position, search.folded(Activity.name))
    show_template = "staff/activity.html"
    editor = ActivityEditor(
        Activity,
        ActivityForm,
        ((Enrolment.activity_id, enrolments), (DayCancellation.activity_id, _cancelled_days)),
    )

    def cell_weekdays(self, row):
        return ", ".join(deadlines.weekday_name(number) for number in row.weekdays)

    def cell_ages(self, row):
        return years(row.min_age, row.max_age)

    def cell_booking_rule(self, row):
        return deadlines.describe(row.booking_rule)

    def cell_cancelling_rule(self, row):
        return deadlines.describe(row.cancelling_rule)

    def cell_dates(self, row):
        return [self.words(day) for day in (row.starts_on, row.ends_on)] if row.starts_on or row.ends_on else None

    def beginning(self):
        last = db.session.scalar(select(func.max(Activity.position))) or 0
        return {
            "position": min(last + 1, 99),
            "open": True,
            "season": Season.school,
            "weekdays": [1, 2, 4, 5],
            "waiting_list": True,
            "offer_hours": 24,
        }

    def after_add(self, row_id, form):
        return url_for("ActivityView.show", pk=row_id)

    def deeds(self, row):
        month = Deed(_("Calendar"), url_for("MonthView.month", activity=row.id), "calendar")
        prices = [Deed(_("Prices"), f"{url_for('TariffView.list')}#activity-{row.id}", "receipt")] if may(Noun.tariff, "read") else []
        if not may(self.noun, "edit"):
            return [month, *prices]
        return [
            month,
            *prices,
            Deed(_("New unit"), url_for("UnitView.add", activity=row.id), "plus"),
            Deed(_("New group"), url_for("GroupView.add", activity=row.id), "plus"),
            *super().deeds(row),
        ]

    def render_template(self, template, **kwargs):
        if template == self.show_template:
            kwargs.update(_parts(kwargs["row"]))
        return super().render_template(template, **kwargs)


def _parts(activity):
    """What the page of an activity shows beside its values: units, groups with places, and the deadlines of the next days."""
    groups = db.session.scalars(
        select(ActivityGroup)
        .where(ActivityGroup.activity_id == activity.id)
        .options(
            joinedload(ActivityGroup.school),
            joinedload(ActivityGroup.school_class),
            selectinload(ActivityGroup.places).joinedload(Places.unit),
        )
        .order_by(ActivityGroup.position, ActivityGroup.id)
    ).all()
    today = clock.today()
    calendar = Calendar.between(today, today + AHEAD)
    days = [
        (day, *(deadlines.deadline(rule, day, calendar) for rule in (activity.booking_rule, activity.cancelling_rule)))
        for day in calendar.open_days(activity, today, today + AHEAD)[:SHOWN_DAYS]
    ]
    return {"units": activity.units, "groups": groups, "days": days, "now": clock.now()}


def years(least, greatest):
    """An age from–to, in words; None for every age."""
    if least is None and greatest is None:
        return None
    if greatest is None:
        return _("from %(age)d", age=least)
    return _("up to %(age)d", age=greatest) if least is None else _("%(least)d to %(greatest)d", least=least, greatest=greatest)


def activity_facet(column):
    """A list narrowed to one activity."""
    where = by_id(lambda number: column == number)
    return Facet("activity", _l("Activity"), lambda: [(str(row.id), row.name) for row in activities()], where, _l("All activities"))


def asked_activity():
    """The activity that an address names, if the town has it."""
    number = request.args.get("activity", type=int) or 0
    return number if 0 < number < 2**31 and db.session.get(Activity, number) is not None else None


class TimedKind:
    """Time counts for units that are hours or parts of them."""

    def __call__(self, form, field):
        if field.data and form.kind.data not in [kind.name for kind in MINUTES]:
            raise ValidationError(_("Time counts for an hour, a half-hour or a quarter-hour alone: choose that kind, or untick this."))


class UnitForm(StaffForm):
    """What is booked."""

    activity_id = RowChoice(_l("Activity"), rows=activities, required=True)
    name = Text(_l("Name"), longest=40, required=True, description=_l("Families read it where an activity has several."))
    kind = Choice(_l("Kind"), of=UnitKind, required=True)
    starts_at = TimeField(_l("Begins at"), [Optional()])
    ends_at = TimeField(_l("Ends at"), [Optional(), NotBefore("starts_at", _l("It does not end before it begins."))])
    with_meal = BooleanField(_l("With a meal: the kitchen counts it"))
    meal_percent = IntegerField(
        _l("Part of the price that is food, in percent"),
        [NumberRange(0, 100, _l("Between 0 and 100."))],
        default=0,
        description=_l("Where one price covers care and a meal. The tax certificate counts care alone. A meal is food anyway."),
    )
    by_time = BooleanField(
        _l("The price is for each hour, half-hour or quarter-hour that has begun"),
        [TimedKind()],
        description=_l("For units that are an hour, a half-hour or a quarter-hour. Else the price is for the whole."),
    )
    position = IntegerField(_l("Rank in lists"), [Required(), NumberRange(1, 99, _l("Between 1 and 99."))])
    conflicts = Ticked(_l("Not on the same day as"), description=_l("A child cannot have both: the whole day and its morning."), choices=[])


class UnitEditor(ReferenceEditor):
    """A unit and those that exclude it."""

    def decode(self, name, value):
        return value if name == "conflicts" else super().decode(name, value)

    def read(self, row):
        return {**super().read(row), "conflicts": sorted(conflicting(row.id))}

    def create(self, values):
        others = values.pop("conflicts", [])
        row = super().create(values)
        db.session.add(row)
        db.session.flush()
        self._exclude(row.id, others)
        return row

    def write(self, row, values):
        if "conflicts" in values:
            db.session.execute(delete(UnitConflict).where(or_(UnitConflict.unit_id == row.id, UnitConflict.other_id == row.id)))
            self._exclude(row.id, values.pop("conflicts"))
        super().write(row, values)

    @staticmethod
    def _exclude(unit_id, others):
        pairs = [sorted((unit_id, other)) for other in others]
        db.session.add_all(UnitConflict(unit_id=least, other_id=greatest) for least, greatest in pairs)


def conflicting(unit_id):
    """The ids of the units that exclude one."""
    rows = db.session.execute(
        select(UnitConflict.unit_id, UnitConflict.other_id).where(or_(UnitConflict.unit_id == unit_id, UnitConflict.other_id == unit_id))
    )
    return {one for row in rows for one in row} - {unit_id}


def units():
    query = select(Unit).join(Unit.activity).options(joinedload(Unit.activity))
    return db.session.scalars(query.order_by(Activity.position, Activity.name, Unit.position, Unit.id)).all()


class UnitView(StaffView):
    """What can be booked of an activity."""

    noun, model, route_base = Noun.reference, Unit, "/mairie/unites"
    route_methods = ("list", "export", "add", "edit", "delete")
    list_title, add_title = _l("What can be booked"), _l("New unit")
    labels = {
        "activity": _l("Activity"),
        "name": _l("Name"),
        "kind": _l("Kind"),
        "hours": _l("Hours"),
        "with_meal": _l("With a meal"),
        "price": _l("Its price"),
        "by_time": _l("By the time spent"),
        "conflicts": _l("Not on the same day as"),
    }
    list_columns = ["name", "activity", "kind", "hours", "with_meal", "price", "conflicts"]
    search_columns = ["name", "kind", "with_meal", "by_time"]
    loads = (joinedload(Unit.activity),)
    sorts = {"activity": [Unit.activity_id]}
    first_sort = (Unit.activity_id, Unit.position)
    facets = (activity_facet(Unit.activity_id),)
    editor = UnitEditor(Unit, UnitForm, ((Booking.unit_id, bookings),))

    def form_for(self, row=None):
        form = super().form_for(row)
        form.conflicts.choices = [(unit.id, str(unit)) for unit in units() if row is None or unit.id != row.id]
        return form

    def decorate(self, rows):
        pairs = db.session.execute(select(UnitConflict.unit_id, UnitConflict.other_id)).all()
        names = {unit.id: str(unit) for unit in units()} if pairs else {}
        for row in rows:
            others = {one for pair in pairs if row.id in pair for one in pair} - {row.id}
            row.excluded = [names[other] for other in sorted(others)]

    def cell_hours(self, row):
        return f"{row.starts_at:%H:%M} – {row.ends_at:%H:%M}" if row.starts_at and row.ends_at else None

    def cell_price(self, row):
        parts = [_("by the time spent")] if row.by_time else []
        if row.meal_percent:
            parts.append(_("%(percent)d %% food", percent=row.meal_percent))
        return ", ".join(parts) or None

    def cell_conflicts(self, row):
        return ", ".join(row.excluded) or None

    def beginning(self):
        return {"activity_id": asked_activity(), "position": 1, "meal_percent": 0, "conflicts": []}

    def back_url(self, row=None):
        return url_for("ActivityView.show", pk=row.activity_id) if row is not None else super().back_url()

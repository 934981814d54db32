"""How many children does an activity take? Its groups, and the places of each for a unit, every day or on one."""

from flask import flash, url_for
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload
from wtforms import DateField, IntegerField
from wtforms.validators import InputRequired, NumberRange, Optional

from app.activities.models import Activity, ActivityGroup, Booking, Enrolment, Places, Unit
from app.activities.regrouping import misplaced
from app.children.models import SchoolClass
from app.children.queries import all_schools, this_year
from app.core import clock
from app.core.errors import DomainError
from app.core.forms import Required, Text
from app.core.i18n import _, _l, _n
from app.extensions import db
from app.security.who_sees_what import Noun
from app.staff.activities import AGE, NotBefore, activities, activity_facet, asked_activity, bookings, enrolments, units, years
from app.staff.forms import RowChoice, StaffForm
from app.staff.parts import Facet, by_id
from app.staff.schools import ReferenceEditor
from app.staff.views import StaffView

#: What says whom a group takes.
CRITERIA = {"min_age", "max_age", "school_id", "school_class_id"}


def _classes():
    query = select(SchoolClass).where(SchoolClass.school_year_id == this_year()).options(joinedload(SchoolClass.school))
    return db.session.scalars(query.order_by(SchoolClass.school_id, SchoolClass.name)).all()


class GroupForm(StaffForm):
    """A part of an activity's children. What is left empty takes everybody."""

    activity_id = RowChoice(_l("Activity"), rows=activities, required=True)
    name = Text(_l("Name"), longest=40, required=True)
    min_age = IntegerField(_l("Least age"), [Optional(), AGE], description=_l("Completed years on the day."))
    max_age = IntegerField(_l("Greatest age"), [Optional(), AGE, NotBefore("min_age", _l("The greatest age is not below the least."))])
    school_id = RowChoice(_l("School"), rows=all_schools, blank=_l("every school"))
    school_class_id = RowChoice(_l("Class"), rows=_classes, blank=_l("every class"))
    position = IntegerField(
        _l("Rank"),
        [Required(), NumberRange(1, 99, _l("Between 1 and 99."))],
        description=_l("A child comes into the first group that takes it."),
    )


class GroupEditor(ReferenceEditor):
    """A group; what was booked there stays, and whoever changes whom it takes reads how much of it does not fit any more."""

    def write(self, row, values):
        super().write(row, values)
        db.session.flush()
        if CRITERIA & set(values) and (number := misplaced(row)):
            said = _n(
                "%(num)d booking to come is of a child whom this group does not take: it stays.",
                "%(num)d bookings to come are of children whom this group does not take: they stay.",
                number,
            )
            flash(said, "warning")


class GroupView(StaffView):
    """Groups of the activities."""

    noun, model, route_base = Noun.reference, ActivityGroup, "/mairie/groupes"
    route_methods = ("list", "export", "add", "edit", "delete")
    list_title, add_title = _l("Groups of activities"), _l("New group")
    labels = {
        "activity": _l("Activity"),
        "name": _l("Name"),
        "ages": _l("Ages"),
        "school": _l("School"),
        "school_class": _l("Class"),
        "position": _l("Rank"),
    }
    list_columns = ["name", "activity", "ages", "school", "school_class", "position"]
    search_columns = ["name", "min_age", "max_age"]
    loads = (
        joinedload(ActivityGroup.activity),
        joinedload(ActivityGroup.school),
        joinedload(ActivityGroup.school_class).joinedload(SchoolClass.school),
    )
    sorts = {"activity": [ActivityGroup.activity_id], "ages": [ActivityGroup.min_age]}
    first_sort = (ActivityGroup.activity_id, ActivityGroup.position)
    facets = (activity_facet(ActivityGroup.activity_id),)
    editor = GroupEditor(ActivityGroup, GroupForm, ((Enrolment.group_id, enrolments), (Booking.group_id, bookings)))
    form_intro = _l("A group has places; without a group, an activity takes every child.")

    def cell_ages(self, row):
        return years(row.min_age, row.max_age)

    def beginning(self):
        return {"activity_id": asked_activity(), "position": 1}

    def back_url(self, row=None):
        return url_for("ActivityView.show", pk=row.activity_id) if row is not None else super().back_url()


def _groups():
    query = select(ActivityGroup).join(ActivityGroup.activity).options(joinedload(ActivityGroup.activity))
    return db.session.scalars(query.order_by(Activity.position, Activity.name, ActivityGroup.position)).all()


#: Places of no unit in particular.
ALL_UNITS = _l("all units together")


class PlacesForm(StaffForm):
    """How many children a group takes: for a unit, or of all who are there at the same time."""

    group_id = RowChoice(_l("Group"), rows=_groups, required=True)
    unit_id = RowChoice(
        _l("Unit"),
        rows=units,
        blank=ALL_UNITS,
        description=_l(
            "Together: units that exclude each other share the places. A child of the day counts in the morning and in the afternoon."
        ),
    )
    day = DateField(_l("On one day alone"), [Optional()], description=_l("Empty: every day that has no number of its own."))
    places = IntegerField(_l("Places"), [InputRequired(_l("Please fill this in.")), NumberRange(0, 10000, _l("Between 0 and 10,000."))])


class PlacesEditor(ReferenceEditor):
    """Places of a group, for a unit of the same activity or for all."""

    def create(self, values):
        self._refuse_strangers(values["group_id"], values.get("unit_id"))
        return super().create(values)

    def write(self, row, values):
        self._refuse_strangers(values.get("group_id", row.group_id), values.get("unit_id", row.unit_id))
        super().write(row, values)

    @staticmethod
    def _refuse_strangers(group_id, unit_id):
        group, unit = db.session.get(ActivityGroup, group_id), db.session.get(Unit, unit_id) if unit_id else None
        if unit is not None and group.activity_id != unit.activity_id:
            raise DomainError(_("The group and the unit belong to different activities."))


class PlacesView(StaffView):
    """Places."""

    noun, model, route_base = Noun.reference, Places, "/mairie/places"
    route_methods = ("list", "export", "add", "edit", "delete")
    list_title, add_title = _l("Places"), _l("New number of places")
    labels = {"group": _l("Group"), "unit": _l("Unit"), "day": _l("Day"), "places": _l("Places")}
    list_columns = ["group", "unit", "day", "places"]
    search_columns = ["day", "places"]
    loads = (joinedload(Places.group).joinedload(ActivityGroup.activity), joinedload(Places.unit).joinedload(Unit.activity))
    sorts = {"group": [Places.group_id], "unit": [Places.unit_id]}
    first_sort = (Places.group_id, Places.unit_id, Places.day)
    facets = (
        Facet(
            "activity",
            _l("Activity"),
            lambda: [(str(row.id), row.name) for row in activities()],
            by_id(lambda number: Places.group.has(activity_id=number)),
            blank=_l("All activities"),
        ),
        Facet(
            "past",
            _l("Days"),
            lambda: [("", _("To come, and every day")), ("yes", _("Past days too"))],
            lambda value: None if value == "yes" else or_(Places.day.is_(None), Places.day >= clock.today()),
            blank=None,
        ),
    )
    editor = PlacesEditor(Places, PlacesForm)
    form_intro = _l("Without a number, a group takes every child.")

    def cell_unit(self, row):
        return row.unit or _("all units together")

    def cell_day(self, row):
        return row.day or _("every day")

"""In which school is a child, year by year? The staff's list of school places, and what changes with one."""

from flask import flash, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.activities.enrolling import days_in_words
from app.children.models import Level, School, SchoolClass, SchoolEnrolment, SchoolYear
from app.children.operations import schooling_changed
from app.core import clock
from app.core.errors import DomainError
from app.core.forms import Choice
from app.core.i18n import _, _l
from app.extensions import db
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.child_records import OfChild
from app.staff.editors import Editor
from app.staff.forms import RowChoice, RowNamed, StaffForm
from app.staff.parts import Facet, by_id


def _years():
    return db.session.scalars(select(SchoolYear).order_by(SchoolYear.starts_on.desc())).all()


def _schools():
    return db.session.scalars(select(School).order_by(School.name)).all()


class _Room:
    """A class as a choice: its school and year with it."""

    def __init__(self, row):
        self.id, self.text = row.id, f"{row.school} – {row.name} ({row.school_year})"

    def __str__(self):
        return self.text


def _rooms():
    query = (
        select(SchoolClass)
        .join(SchoolClass.school)
        .join(SchoolClass.school_year)
        .options(joinedload(SchoolClass.school), joinedload(SchoolClass.school_year))
    )
    return [_Room(row) for row in db.session.scalars(query.order_by(SchoolYear.starts_on.desc(), School.name, SchoolClass.name))]


class EnrolmentForm(StaffForm):
    """A child's place in a school."""

    school_year_id = RowChoice(_l("School year"), rows=_years, required=True)
    school_id = RowChoice(_l("School"), rows=_schools, required=True)
    level = Choice(_l("Level"), of=Level, required=True)
    school_class_id = RowChoice(_l("Class"), rows=_rooms, blank=_l("none yet"))

    def validate(self, extra_validators=None):
        valid = super().validate(extra_validators)
        room = db.session.get(SchoolClass, self.school_class_id.data) if valid and self.school_class_id.data else None
        if room is not None and (room.school_id, room.school_year_id) != (self.school_id.data, self.school_year_id.data):
            self.refuse(_("This class belongs to another school or another year."), "school_class_id")
            return False
        return valid


class NewEnrolmentForm(EnrolmentForm):
    """A place for a child."""

    layout = (("", ["child", "school_year_id", "school_id", "level", "school_class_id"]),)
    child = RowNamed(_l("Child"), of="enfant", required=True)


def tell_overfull(days):
    """Say for which booked days a child's new group has no place: they stay booked, and somebody must look."""
    if days:
        flash(_("The new group has no place on: %(days)s. The days stay booked.", days=days_in_words(days)), "warning")


class NewEnrolmentEditor(Editor):
    """A new place in a school."""

    def create(self, values):
        child_id = values.pop("child")
        row = SchoolEnrolment(child_id=child_id, **{name: self.decode(name, value) for name, value in values.items()})
        db.session.add(row)
        tell_overfull(schooling_changed(child_id))
        return row


class EnrolmentEditor(Editor):
    """A place in a school: deleted where it was a slip."""

    def refuse_to_delete(self, row):
        if row.school_year.ends_on < clock.today():
            raise DomainError(_("This school year is over: it stays in the child's file."))

    def write(self, row, values):
        super().write(row, values)
        tell_overfull(schooling_changed(row.child_id))

    def remove(self, row):
        super().remove(row)
        tell_overfull(schooling_changed(row.child_id))


class EnrolmentView(OfChild):
    """School places, year by year."""

    noun, model, route_base = Noun.school, SchoolEnrolment, "/mairie/inscriptions-scolaires"
    route_methods = ("list", "export", "add", "edit", "delete")
    list_title, add_title = _l("School enrolments"), _l("New school enrolment")
    labels = {"school_year": _l("School year"), "school": _l("School"), "level": _l("Level"), "school_class": _l("Class")}
    list_columns = ["child", "school_year", "school", "level", "school_class"]
    search_columns = ["level"]
    facets = (
        Facet(
            "year",
            _l("School year"),
            lambda: [(str(row.id), row.name) for row in _years()],
            by_id(lambda number: SchoolEnrolment.school_year_id == number),
            blank=_l("All years"),
        ),
        Facet(
            "school",
            _l("School"),
            lambda: [(str(row.id), row.name) for row in _schools()],
            by_id(lambda number: SchoolEnrolment.school_id == number),
            blank=_l("All schools"),
        ),
    )
    loads = (joinedload(SchoolEnrolment.school_year), joinedload(SchoolEnrolment.school), joinedload(SchoolEnrolment.school_class))
    first_sort = (SchoolEnrolment.school_year_id.desc(), SchoolEnrolment.id.desc())
    editor = EnrolmentEditor(SchoolEnrolment, EnrolmentForm)

    def row_url(self, row):
        return url_for("EnrolmentView.edit", pk=row.id) if may(Noun.school, "edit") else super().row_url(row)

    def name_of(self, row):
        return f"{row.child}, {row.school_year}"

    def form_for(self, row=None):
        return (
            super().form_for(row)
            if row is not None
            else NewEnrolmentForm(key="new-enrolment", data={"child": request.args.get("child", type=int)})
        )

    def _try(self, form, write):
        if isinstance(form, NewEnrolmentForm):
            return super()._try(form, lambda: self.datamodel.add(NewEnrolmentEditor(SchoolEnrolment, NewEnrolmentForm), form))
        return super()._try(form, write)

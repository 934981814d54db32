"""Which children does the town know? The list, a new child, its identity, its page, its households."""

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_login import current_user
from sqlalchemy import exists, select
from sqlalchemy.orm import joinedload, selectinload
from wtforms import BooleanField, DateField

from app.audit.operations import note_health_read, record
from app.children.changes import NewChildForm
from app.children.models import Child, Household, Level, School, SchoolClass, SchoolEnrolment, Weeks
from app.children.operations import add_child, archive_child, end_household, restore_child, schooling_changed, share_child
from app.children.queries import this_year
from app.core import clock, search
from app.core.errors import DomainError
from app.core.forms import Choice, Required
from app.core.i18n import _, _l
from app.extensions import db
from app.families.models import Family
from app.security.scope import may, require
from app.security.who_sees_what import Noun
from app.staff.child_page import ChildPage
from app.staff.choices import child_matches
from app.staff.editors import Editor
from app.staff.families import archive_facet
from app.staff.forms import RowNamed, StaffForm, staff_form
from app.staff.interface import actor, saving
from app.staff.parts import Facet, by_id
from app.staff.school_places import tell_overfull
from app.staff.sections import section_url
from app.staff.taking_part import state_label
from app.staff.views import StaffView
from app.staff.words import said

ChildForm = staff_form(NewChildForm)


class NewChildOfFamilyForm(ChildForm):
    """A child and the household that it lives in."""

    layout = ((_l("Child"), ["first_name", "last_name", "birth_date", "birth_place", "sex"]), (_l("Household"), ["family", "anyway"]))
    family = RowNamed(_l("Family"), of="famille", required=True)
    anyway = BooleanField(_l("It is another child than the one that the town already knows"))


class ChildEditor(Editor):
    """A child's identity."""

    def about(self, row):
        return {"child_id": row.id}

    def write(self, row, values):
        super().write(row, values)
        if "birth_date" in values:
            tell_overfull(schooling_changed(row.id))


class NewChildEditor(Editor):
    """A new child in a household."""

    def create(self, values):
        family_id, anyway = values.pop("family"), values.pop("anyway", False)
        values = {name: self.decode(name, value) for name, value in values.items()}
        if not anyway and (twin := self._twin(values)) is not None:
            raise DomainError(
                _("The town already knows %(child)s, born on the same day. If it is another child, say so below.", child=twin)
            )
        return add_child(family_id, values)

    def _twin(self, values):
        same = search.folded(Child.first_name) == search.fold(values["first_name"])
        return db.session.scalar(select(Child).where(Child.birth_date == values["birth_date"], same).limit(1))


def _schools():
    return [(str(row.id), row.name) for row in db.session.scalars(select(School).order_by(School.name))]


def _classes():
    query = (
        select(SchoolClass)
        .where(SchoolClass.school_year_id == this_year())
        .options(joinedload(SchoolClass.school))
        .order_by(SchoolClass.name)
    )
    return [(str(row.id), f"{row.name} – {row.school}") for row in db.session.scalars(query)]


def _enrolled(*conditions):
    return exists().where(SchoolEnrolment.child_id == Child.id, SchoolEnrolment.school_year_id == this_year(), *conditions)


def _in(column):
    return by_id(lambda number: _enrolled(column == number))


def _enrolment_value(column, *joins):
    query = select(column).where(SchoolEnrolment.child_id == Child.id, SchoolEnrolment.school_year_id == this_year())
    for target, on in joins:
        query = query.join(target, on)
    return query.correlate(Child).scalar_subquery()


class ChildView(StaffView):
    """Children: list, page, identity."""

    noun, model, route_base = Noun.child, Child, "/mairie/enfants"
    route_methods = ("list", "export", "add", "edit")
    list_title, add_title = _l("Children"), _l("New child")
    labels = {
        "last_name": _l("Last name"),
        "first_name": _l("First name"),
        "age": _l("Age"),
        "birth_date": _l("Date of birth"),
        "school": _l("School"),
        "level": _l("Level"),
        "school_class": _l("Class"),
        "families": _l("Families"),
        "sex": _l("Girl or boy"),
        "birth_place": _l("Place of birth"),
    }
    list_columns = ["last_name", "first_name", "age", "birth_date", "school", "level", "school_class", "families"]
    search_columns = ["last_name", "first_name", "birth_date", "sex"]
    search_hint = _l("First name or last name")
    matches = staticmethod(child_matches)
    facets = (
        Facet("school", _l("School"), _schools, _in(SchoolEnrolment.school_id), blank=_l("All schools")),
        Facet("class", _l("Class"), _classes, _in(SchoolEnrolment.school_class_id), blank=_l("All classes")),
        Facet(
            "level",
            _l("Level"),
            lambda: [(level.name, level.label) for level in Level],
            lambda value: _enrolled(SchoolEnrolment.level == Level[value]) if value in Level.__members__ else None,
        ),
        archive_facet(Child),
    )
    first_sort = (search.folded(Child.last_name), search.folded(Child.first_name))
    sorts = {
        "last_name": [search.folded(Child.last_name), search.folded(Child.first_name)],
        "first_name": [search.folded(Child.first_name)],
        "age": [Child.birth_date],
        "school": [_enrolment_value(School.name, (School, School.id == SchoolEnrolment.school_id))],
        "school_class": [_enrolment_value(SchoolClass.name, (SchoolClass, SchoolClass.id == SchoolEnrolment.school_class_id))],
    }
    loads = (selectinload(Child.households).joinedload(Household.family),)
    editor = ChildEditor(Child, ChildForm)

    @classmethod
    def more_routes(cls):
        return ("child", "archive", "restore")

    def shown_columns(self):
        return self.list_columns if may(Noun.household, "read") else [name for name in self.list_columns if name != "families"]

    def decorate(self, rows):
        query = (
            select(SchoolEnrolment)
            .where(SchoolEnrolment.school_year_id == this_year())
            .options(joinedload(SchoolEnrolment.school), joinedload(SchoolEnrolment.school_class))
        )
        if len(rows) <= 100:
            query = query.where(SchoolEnrolment.child_id.in_([row.id for row in rows]))
        found = {enrolment.child_id: enrolment for enrolment in db.session.scalars(query)}
        for row in rows:
            row.this_enrolment = found.get(row.id)

    def cell_age(self, row):
        return clock.age(row.birth_date, clock.today())

    def cell_school(self, row):
        return row.this_enrolment and row.this_enrolment.school.name

    def cell_level(self, row):
        return row.this_enrolment and row.this_enrolment.level

    def cell_school_class(self, row):
        return row.this_enrolment and row.this_enrolment.school_class and row.this_enrolment.school_class.name

    def cell_families(self, row):
        return ", ".join(str(link.family) for link in row.households if link.ended_on is None)

    def row_url(self, row):
        return url_for("ChildView.child", child_id=row.id)

    def after_edit(self, row):
        return self.row_url(row)

    def after_add(self, row_id, form):
        return url_for("ChildView.child", child_id=row_id)

    def form_for(self, row=None):
        if row is not None:
            return super().form_for(row)
        family_id = request.args.get("family", type=int)
        family = db.session.get(Family, family_id) if family_id and family_id < 2**31 else None
        return NewChildOfFamilyForm(key="new-child", data={"family": family.id, "last_name": family.name} if family is not None else {})

    def _try(self, form, write):
        if isinstance(form, NewChildOfFamilyForm):
            return super()._try(form, lambda: self.datamodel.add(NewChildEditor(Child, NewChildOfFamilyForm), form))
        return super()._try(form, write)

    @expose("/<int(max=2147483647):child_id>/")
    def child(self, child_id):
        require(Noun.child, "read")
        page = ChildPage.of(child_id) or abort(404)
        if page.shows_health:
            note_health_read(child_id, by=current_user, screen="child")
        return self.render_template(
            "staff/child.html",
            title=str(page.child),
            page=page,
            may=may,
            Noun=Noun,
            section_url=section_url,
            said=said,
            state_label=state_label,
        )

    @expose("/<int(max=2147483647):child_id>/archiver", methods=["POST"])
    def archive(self, child_id):
        return self._move(child_id, archive_child, _("The child is in the archive. “Restore” brings it back."))

    @expose("/<int(max=2147483647):child_id>/restaurer", methods=["POST"])
    def restore(self, child_id):
        return self._move(child_id, restore_child, _("The child is back."))

    def _move(self, child_id, act, said):
        require(Noun.child, "edit")
        self.row(child_id)
        with saving():
            act(db.session.get(Child, child_id), by=actor())
        flash(said, "success")
        return redirect(url_for("ChildView.child", child_id=child_id))


class CustodyForm(StaffForm):
    """When a child lives in a household, and whether this one pays."""

    weeks = Choice(_l("Weeks"), of=Weeks, required=True)
    pays = BooleanField(_l("This household pays when the child is with it"))
    started_on = DateField(_l("Since"), [Required()])


class ShareForm(StaffForm):
    """Another household for a child."""

    child = RowNamed(_l("Child"), of="enfant", required=True)
    family = RowNamed(_l("Second household"), of="famille", required=True)
    weeks = Choice(_l("Weeks"), of=Weeks, required=True)


class ShareEditor(Editor):
    """A child goes to live in a second household too."""

    def create(self, values):
        return share_child(db.session.get(Child, values["child"]), values["family"], weeks=Weeks[values["weeks"]])


class HouseholdView(StaffView):
    """Which child lives in which household, and when."""

    noun, model, route_base = Noun.household, Household, "/mairie/foyers"
    route_methods = ("list", "export", "add", "edit")
    list_title, add_title = _l("Households of the children"), _l("Share a child with a second household")
    labels = {
        "child": _l("Child"),
        "family": _l("Family"),
        "weeks": _l("Weeks"),
        "pays": _l("Pays"),
        "started_on": _l("Since"),
        "ended_on": _l("Until"),
    }
    list_columns = ["child", "family", "weeks", "pays", "started_on", "ended_on"]
    search_columns = ["weeks", "pays", "started_on", "ended_on"]
    search_hint = _l("Name of a child")
    matches = staticmethod(lambda word: Household.child.has(child_matches(word)))
    loads = (joinedload(Household.child), joinedload(Household.family))
    first_sort = (Household.id.desc(),)
    form_intro = _l("Both households see the child's data; neither sees the other's address, income or bills.")
    editor = Editor(Household, CustodyForm)

    @classmethod
    def more_routes(cls):
        return ("end",)

    def row_url(self, row):
        return url_for("ChildView.child", child_id=row.child_id)

    def back_url(self, row=None):
        return url_for("ChildView.child", child_id=row.child_id) if row is not None else super().back_url()

    def after_edit(self, row):
        return self.back_url(row)

    def form_for(self, row=None):
        return (
            super().form_for(row)
            if row is not None
            else ShareForm(key="share", data={"child": request.args.get("child", type=int), "weeks": Weeks.even})
        )

    def _try(self, form, write):
        if isinstance(form, ShareForm):
            return super()._try(form, lambda: self.datamodel.add(ShareEditor(Household, ShareForm), form))
        return super()._try(form, write)

    @expose("/<int(max=2147483647):pk>/terminer", methods=["GET", "POST"])
    def end(self, pk):
        require(Noun.household, "edit")
        row = self.row(pk)
        back = self.back_url(row)
        if request.method == "GET":
            question = _(
                "%(child)s no longer lives with %(family)s: the household loses sight of the child at once.",
                child=row.child,
                family=row.family,
            )
            return self.render_template(
                "staff/confirm.html", title=_("End this household?"), back_url=back, sentence=question, button=_("End it")
            )
        with saving():
            household = db.session.get(Household, pk)
            end_household(household)
            record("household.ended", household, by=actor())
        flash(_("Ended."), "success")
        return redirect(back)

"""Which records belong to children? Authorisations, pick-up persons, complementary data, health."""

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.audit.models import HealthRead
from app.audit.operations import note_health_read, record
from app.changes.kinds import KINDS
from app.children.changes import PickUpForm
from app.children.models import (
    Authorisation,
    Child,
    ComplementaryData,
    HealthRecord,
    Household,
    PickUpPerson,
)
from app.children.operations import name_pickup_person, withdraw_pickup_person
from app.core import search
from app.core.errors import DomainError
from app.core.i18n import _, _l
from app.extensions import db
from app.security.scope import require
from app.security.who_sees_what import Noun
from app.staff.choices import child_matches
from app.staff.editors import Editor
from app.staff.forms import RowNamed, staff_form
from app.staff.interface import actor, saving
from app.staff.parts import Facet
from app.staff.sections import section_url
from app.staff.views import StaffView


class OfChild(StaffView):
    """Records that belong to a child: searched by its name, and the child's page is where they lead."""

    search_hint = _l("Name of a child")
    section = ""
    labels = {"child": _l("Child"), "born": _l("Date of birth")}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if cls.model is not None:
            cls.matches = staticmethod(lambda word, model=cls.model: model.child.has(child_matches(word)))
            cls.labels = {**OfChild.labels, **cls.labels}
            cls.loads = (joinedload(cls.model.child), *cls.loads)

    def cell_born(self, row):
        return row.child.birth_date

    def row_url(self, row):
        return url_for("ChildView.child", child_id=row.child_id)

    def back_url(self, row=None):
        return url_for("ChildView.child", child_id=row.child_id) if row is not None else super().back_url()

    def after_edit(self, row):
        return self.back_url(row)


class AuthorisationView(OfChild):
    """Every version of every authorisation: read here, set on the child's page."""

    noun, model, route_base = Noun.authorisations, Authorisation, "/mairie/autorisations"
    route_methods = ("list", "export")
    list_title = _l("Authorisations")
    labels = {"subject": _l("Subject"), "granted": _l("Granted"), "started_on": _l("Since"), "ended_on": _l("Until"), "by": _l("Given by")}
    list_columns = ["child", "subject", "granted", "started_on", "ended_on"]
    search_columns = ["subject", "granted", "started_on", "ended_on"]
    facets = (
        Facet(
            "all",
            _l("Versions"),
            lambda: [("", _("In force")), ("yes", _("All versions"))],
            lambda value: None if value == "yes" else Authorisation.ended_on.is_(None),
            blank=None,
        ),
    )
    first_sort = (Authorisation.id.desc(),)


_PickUpFields = staff_form(PickUpForm, noun=Noun.pickup)


class NewPickUpForm(_PickUpFields):
    """A person, the child and the household that names them."""

    layout = ((_l("Person"), ["first_name", "last_name", "relation", "phone", "photo_id"]), (_l("For whom"), ["child", "family"]))
    child = RowNamed(_l("Child"), of="enfant", required=True)
    family = RowNamed(_l("Household that names the person"), of="famille", required=True)


class NewPickUpEditor(Editor):
    """Somebody whom a household lets fetch its child."""

    def create(self, values):
        child_id, family_id = values.pop("child"), values.pop("family")
        if db.session.scalar(select(Household.id).filter_by(child_id=child_id, family_id=family_id, ended_on=None)) is None:
            raise DomainError(_("The child does not live in this household."))
        return name_pickup_person(child_id, family_id, {name: self.decode(name, value) for name, value in values.items()})


class PickUpView(OfChild):
    """Who may fetch which child."""

    noun, model, route_base = Noun.pickup, PickUpPerson, "/mairie/personnes-autorisees"
    route_methods = ("list", "export", "add", "edit")
    list_title, add_title = _l("Persons who may pick up"), _l("Person who may pick up")
    labels = {
        "name": _l("Person"),
        "relation": _l("Relation"),
        "phone": _l("Telephone"),
        "started_on": _l("Since"),
        "ended_on": _l("Until"),
        "first_name": _l("First name"),
        "last_name": _l("Last name"),
    }
    list_columns = ["name", "child", "relation", "phone", "started_on", "ended_on"]
    search_columns = ["first_name", "last_name", "phone", "ended_on"]
    sorts = {"name": [search.folded(PickUpPerson.last_name), search.folded(PickUpPerson.first_name)]}
    facets = (
        Facet(
            "all",
            _l("Versions"),
            lambda: [("", _("In force")), ("yes", _("All versions"))],
            lambda value: None if value == "yes" else PickUpPerson.ended_on.is_(None),
            blank=None,
        ),
    )
    first_sort = (search.folded(PickUpPerson.last_name), search.folded(PickUpPerson.first_name))
    editor = Editor(PickUpPerson, _PickUpFields, "pickup")

    @classmethod
    def more_routes(cls):
        return ("withdraw",)

    def cell_name(self, row):
        return str(row)

    def form_for(self, row=None):
        if row is not None:
            form = super().form_for(row)
            form.child_id = row.child_id
            return form
        child_id = request.args.get("child", type=int) or 0
        homes = (
            db.session.scalars(select(Household.family_id).filter_by(child_id=child_id, ended_on=None)).all()
            if 0 < child_id < 2**31
            else []
        )
        return NewPickUpForm(key="new-pickup", data={"child": child_id or None, "family": homes[0] if len(homes) == 1 else None})

    def _try(self, form, write):
        if isinstance(form, NewPickUpForm):
            return super()._try(form, lambda: self.datamodel.add(NewPickUpEditor(PickUpPerson, NewPickUpForm, "pickup"), form))
        return super()._try(form, write)

    @expose("/<int(max=2147483647):pk>/retirer", methods=["GET", "POST"])
    def withdraw(self, pk):
        require(Noun.pickup, "edit")
        row = self.row(pk)
        if request.method == "GET":
            question = _("%(person)s may no longer pick up %(child)s, from now on.", person=row, child=row.child)
            return self.render_template(
                "staff/confirm.html", title=_("Withdraw this person?"), back_url=self.back_url(row), sentence=question, button=_("Withdraw")
            )
        with saving():
            person = db.session.get(PickUpPerson, pk)
            withdraw_pickup_person(person)
            record("pickup.ended", person, by=actor())
        flash(_("Withdrawn."), "success")
        return redirect(self.back_url(row))


class ComplementaryView(OfChild):
    """Diet, insurance, habits."""

    noun, model, route_base = Noun.complementary, ComplementaryData, "/mairie/donnees-complementaires"
    route_methods = ("list", "export")
    list_title = _l("Complementary data")
    labels = {name: KINDS["complementary"].label(name) for name in ("diet", "insurer", "insured_until", "swims", "bus_line")}
    list_columns = ["child", "diet", "insurer", "insured_until", "swims", "bus_line"]
    search_columns = ["diet", "insurer", "insured_until", "swims", "bus_line"]


class HealthRecordView(OfChild):
    """Health records: that they exist, never what they say. The page notes who opened it."""

    noun, model, route_base = Noun.health, HealthRecord, "/mairie/sante"
    route_methods = ("list", "show")
    list_title = _l("Health data")
    labels = {"updated_on": _l("Last changed")}
    list_columns = ["child", "born", "updated_on"]
    search_columns = ["updated_on"]
    form_intro = _l("Who opens a health record is noted, and the parents may see it.")

    def row_url(self, row):
        return url_for("HealthRecordView.show", pk=row.id)

    def read_by_somebody(self, row):
        note_health_read(row.child_id, by=current_user, screen="health.show")

    def name_of(self, row):
        return _("Health data: %(child)s", child=row.child)

    @expose("/<int(max=2147483647):pk>/")
    def show(self, pk):
        require(Noun.health, "read")
        row, kind = self.row(pk), KINDS["health"]
        self.read_by_somebody(row)
        values = kind.read(row.child)
        parts = [
            (title, [(kind.label(name), kind.show(name, values[name]) if not kind.is_file(name) else None, values[name]) for name in names])
            for title, names in kind.form.layout
        ]
        return self.render_template(
            "staff/health.html",
            title=self.name_of(row),
            row=row,
            parts=parts,
            back_url=self.back_url(row),
            edit_url=section_url("health", row.child_id),
        )


#: Where health data are read, by the first word that note_health_read() keeps.
SCREENS = {
    "child": _l("page of the child"),
    "family": _l("page of the family"),
    "health": _l("health record"),
    "sheet": _l("printed sheet"),
    "queue": _l("request in the queue"),
    "request": _l("request in the queue"),
    "file": _l("file of a request"),
    "portal": _l("screens of the family"),
    "attendance": _l("attendance sheet"),
    "kitchen": _l("kitchen sheet"),
}


class HealthReadView(StaffView):
    """Who of the town opened a child's health data."""

    noun, model, route_base = Noun.health_reads, HealthRead, "/mairie/lectures-sante"
    route_methods = ("list", "export")
    list_title = _l("Who read health data")
    labels = {"at": _l("When"), "actor": _l("Who"), "child": _l("Child"), "screen": _l("Screen")}
    list_columns = ["at", "actor", "child", "screen"]
    search_columns = ["at", "actor"]
    search_hint = _l("Name of a child or of a colleague")
    matches = staticmethod(
        lambda word: search.contains(HealthRead.actor, word) | HealthRead.child_id.in_(select(Child.id).where(child_matches(word)))
    )
    first_sort = (HealthRead.at.desc(),)

    def decorate(self, rows):
        ids = {row.child_id for row in rows}
        found = {child.id: child for child in db.session.scalars(select(Child).where(Child.id.in_(ids)))}
        for row in rows:
            row.child = found.get(row.child_id)

    def cell_child(self, row):
        return row.child

    def cell_screen(self, row):
        return SCREENS.get(row.screen.partition(".")[0], row.screen)

    def row_url(self, row):
        return url_for("ChildView.child", child_id=row.child_id) if row.child is not None else ""

"""Which families does the town know? The list, a new family, its own data, its page, and its adults."""

from datetime import date

from flask import abort, flash, redirect, url_for
from flask_appbuilder import expose
from flask_login import current_user
from sqlalchemy import func, select
from sqlalchemy.orm import aliased, joinedload, selectinload
from wtforms import BooleanField, DateField
from wtforms.validators import Optional

from app.audit.operations import note_first_reads
from app.changes.kinds import KINDS
from app.children.models import Household
from app.core import clock, search
from app.core.errors import DomainError
from app.core.forms import Choice, LongText, PersonName, Text
from app.core.i18n import _, _l
from app.extensions import db
from app.families.changes import AdultForm
from app.families.models import Adult, AdultRole, Family, Situation
from app.families.operations import archive_family, new_family, restore_family, set_resident
from app.families.rules import mask_iban
from app.security.models import FamilyLink
from app.security.scope import may, require
from app.security.who_sees_what import Noun
from app.staff.choices import adult_matches, family_matches
from app.staff.editors import Editor
from app.staff.family_page import FamilyPage
from app.staff.forms import StaffForm, staff_form
from app.staff.interface import actor, saving
from app.staff.parts import Deed, Facet
from app.staff.sections import section_url
from app.staff.taking_part import state_label
from app.staff.views import StaffView
from app.staff.words import said


class FamilyForm(StaffForm):
    """What the town notes of the household itself."""

    name = Text(_l("Name of the family"), [PersonName()], required=True)
    situation = Choice(_l("Situation"), of=Situation)
    resident = BooleanField(_l("Lives in the commune"))
    resident_since = DateField(
        _l("If it has moved: from which day on"),
        [Optional()],
        description=_l("Days before cost what they cost. Empty: from the first of this month."),
    )
    private_note = LongText(_l("Private note"), description=_l("For the staff only: the family never sees it."))


_AdultFields = staff_form(AdultForm)


class NewFamilyForm(_AdultFields):
    """A family and its guardian."""

    layout = ((_l("Family"), ["name", "situation", "resident", "anyway"]), *AdultForm.layout)
    name = Text(_l("Name of the family"), [PersonName()], required=True)
    situation = Choice(_l("Situation"), of=Situation)
    resident = BooleanField(_l("Lives in the commune"), default=True)
    anyway = BooleanField(_l("It is another family than the one that the town already knows"))


class FamilyEditor(Editor):
    """A family's own columns."""

    def decode(self, name, value):
        return (value or "") if name == "private_note" else super().decode(name, value)

    def write(self, row, values):
        own = {name: value for name, value in values.items() if name not in ("resident", "resident_since")}
        super().write(row, own)
        if "resident" in values:
            since = values.get("resident_since")
            set_resident(row, values["resident"], since and date.fromisoformat(since))

    def about(self, row):
        return {"family_id": row.id}


class NewFamilyEditor(Editor):
    """A new family with its guardian."""

    def create(self, values):
        anyway, own = values.pop("anyway", False), Editor(Family, FamilyForm)
        if not anyway and (twin := self._twin(values)) is not None:
            raise DomainError(
                _(
                    "The town already knows %(adult)s, of the family %(family)s. If it is another person, say so below.",
                    adult=twin,
                    family=twin.family,
                )
            )
        family = new_family(
            values.pop("name"), **{name: own.decode(name, values.pop(name)) for name in ("situation", "resident") if name in values}
        )
        adult = KINDS["guardian"]
        family.adults.append(Adult(role=AdultRole.guardian, **{name: adult.decode(name, value) for name, value in values.items()}))
        return family

    def _twin(self, values):
        same = (
            search.folded(column) == search.fold(values[name])
            for name, column in (("first_name", Adult.first_name), ("last_name", Adult.last_name))
        )
        return db.session.scalar(select(Adult).where(*same).limit(1))


def _restored(accounts):
    """What restoring a family says: who can sign in for it again."""
    if not accounts:
        return _("The family is back. Nobody has an access: invite its adults.")
    return _("The family is back. These accounts act for it again: %(names)s.", names=", ".join(map(str, accounts)))


def archive_facet(model):
    """A choice between current and archived records."""
    return Facet(
        "archive",
        _l("Records"),
        lambda: [("", _("Current")), ("yes", _("Archived")), ("all", _("All"))],
        lambda value: {"all": None, "yes": model.archived_at.is_not(None)}.get(value, model.archived_at.is_(None)),
        blank=None,
    )


_guardian = aliased(Adult)


def _children_of():
    return select(func.count()).where(Household.family_id == Family.id, Household.ended_on.is_(None)).correlate(Family).scalar_subquery()


def _city_of():
    return (
        select(_guardian.city)
        .where(_guardian.family_id == Family.id, _guardian.role == AdultRole.guardian)
        .correlate(Family)
        .scalar_subquery()
    )


class FamilyView(StaffView):
    """Families: list, page, own data."""

    noun, model, route_base = Noun.family, Family, "/mairie/familles"
    route_methods = ("list", "export", "add", "edit")
    list_title, add_title = _l("Families"), _l("New family")
    labels = {
        "code": _l("Code"),
        "name": _l("Name"),
        "adults": _l("Adults"),
        "city": _l("Town"),
        "children": _l("Children"),
        "situation": _l("Situation"),
        "resident": _l("Resident"),
        "created_at": _l("Known since"),
    }
    list_columns = ["name", "code", "adults", "city", "children"]
    search_columns = ["name", "code", "situation", "resident", "created_at"]
    search_hint = _l("Name of an adult or a child, code, telephone or e-mail")
    matches = staticmethod(family_matches)
    facets = (archive_facet(Family),)
    sorts = {"children": [_children_of()], "city": [search.folded(_city_of())], "name": [search.folded(Family.name)]}
    first_sort = (search.folded(Family.name),)
    loads = (selectinload(Family.adults),)
    editor = FamilyEditor(Family, FamilyForm)

    @classmethod
    def more_routes(cls):
        return ("family", "archive", "restore")

    def deeds_of_list(self):
        return [Deed(_("Invite families"), url_for("LettersView.choose"), "send")] if may(Noun.account, "edit") else []

    def decorate(self, rows):
        counts = select(Household.family_id, func.count()).where(
            Household.family_id.in_([row.id for row in rows]), Household.ended_on.is_(None)
        )
        found = (
            dict(db.session.execute(counts.group_by(Household.family_id)).all()) if len(rows) <= self.page_size * 2 else self._all_counts()
        )
        for row in rows:
            row.children_count = found.get(row.id, 0)

    @staticmethod
    def _all_counts():
        return dict(
            db.session.execute(
                select(Household.family_id, func.count()).where(Household.ended_on.is_(None)).group_by(Household.family_id)
            ).all()
        )

    def cell_children(self, row):
        return row.children_count

    def cell_adults(self, row):
        return ", ".join(str(adult) for adult in row.adults)

    def cell_city(self, row):
        return row.guardian.city if row.guardian is not None else None

    def row_url(self, row):
        return url_for("FamilyView.family", family_id=row.id)

    def after_edit(self, row):
        return url_for("FamilyView.family", family_id=row.id)

    def after_add(self, row_id, form):
        return url_for("FamilyView.family", family_id=row_id)

    def form_for(self, row=None):
        return super().form_for(row) if row is not None else NewFamilyForm(key="new-family", data={"resident": True})

    def _try(self, form, write):
        if isinstance(form, NewFamilyForm):
            return super()._try(form, lambda: self.datamodel.add(NewFamilyEditor(Family, NewFamilyForm), form))
        return super()._try(form, write)

    @expose("/<int(max=2147483647):family_id>/")
    def family(self, family_id):
        require(Noun.family, "read")
        page = FamilyPage.of(family_id) or abort(404)
        note_first_reads(page.health_told, by=current_user, screen="family")
        return self.render_template(
            "staff/family.html",
            title=str(page.family),
            page=page,
            may=may,
            Noun=Noun,
            section_url=section_url,
            kinds=KINDS,
            said=said,
            mask_iban=mask_iban,
            state_label=state_label,
            today=clock.today(),
        )

    @expose("/<int(max=2147483647):family_id>/archiver", methods=["POST"])
    def archive(self, family_id):
        sentence = _("The family is in the archive, and its accesses have ended. “Restore” brings both back.")
        return self._move(family_id, archive_family, lambda _nothing: sentence)

    @expose("/<int(max=2147483647):family_id>/restaurer", methods=["POST"])
    def restore(self, family_id):
        return self._move(family_id, restore_family, _restored)

    def _move(self, family_id, act, sentence_of):
        require(Noun.family, "edit")
        self.row(family_id)
        with saving():
            sentence = sentence_of(act(db.session.get(Family, family_id), by=actor()))
        flash(sentence, "success")
        return redirect(url_for("FamilyView.family", family_id=family_id))


class AdultEditor(Editor):
    """An adult of a household: the guardian stays, a spouse goes where no account acts for the family as this person."""

    def refuse_to_delete(self, row):
        if row.role is AdultRole.guardian:
            raise DomainError(_("A family keeps its guardian: change the data of the person instead."))
        if db.session.scalar(select(FamilyLink.id).filter_by(adult_id=row.id, ended_at=None)) is not None:
            raise DomainError(_("This person still has an access to the family's file: end it first, on the account."))


class AdultView(StaffView):
    """Adults of all families."""

    noun, model, route_base = Noun.guardian, Adult, "/mairie/adultes"
    route_methods = ("list", "export", "edit", "delete")
    list_title = _l("Adults")
    labels = {
        "last_name": _l("Last name"),
        "first_name": _l("First name"),
        "role": _l("Role"),
        "family": _l("Family"),
        "mobile": _l("Mobile telephone"),
        "email": _l("E-mail address"),
        "city": _l("Town"),
        "postcode": _l("Postcode"),
        "birth_name": _l("Birth name"),
    }
    list_columns = ["last_name", "first_name", "role", "family", "mobile", "email", "city"]
    search_columns = ["last_name", "first_name", "birth_name", "role", "email", "mobile", "postcode", "city"]
    search_hint = _l("Name, telephone or e-mail address")
    matches = staticmethod(adult_matches)
    sorts = {
        "last_name": [search.folded(Adult.last_name), search.folded(Adult.first_name)],
        "first_name": [search.folded(Adult.first_name)],
    }
    first_sort = (search.folded(Adult.last_name), search.folded(Adult.first_name))
    loads = (joinedload(Adult.family),)
    editor = AdultEditor(Adult, _AdultFields)

    def row_url(self, row):
        return url_for("FamilyView.family", family_id=row.family_id) if may(Noun.family, "read") else ""

    def back_url(self, row=None):
        return url_for("FamilyView.family", family_id=row.family_id) if row is not None else super().back_url()

    def after_edit(self, row):
        return self.back_url(row)

"""How does the staff change a section of a file itself? One form a kind, from the register: the fields and rules of the family's own."""

from functools import cache

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_login import current_user

from app.audit.operations import note_health_read
from app.changes.kinds import KINDS, Proposal
from app.changes.models import Act
from app.changes.queries import waits_for_decision
from app.children.models import Child, Household
from app.core.errors import DomainError
from app.core.i18n import _
from app.extensions import db
from app.families.models import Family
from app.security.scope import may, require
from app.security.who_sees_what import Noun
from app.staff.forms import safe_back, staff_form
from app.staff.interface import AuditedInterface, Moved
from app.staff.sheets import SectionSheet

#: Kinds that are acts or have screens of their own.
NOT_SECTIONS = ("new_child", "pickup", "school")


@cache
def sheet_of(name):
    """The sheet of a kind's section, or None where it is no section."""
    kind = KINDS.get(name)
    if kind is None or name in NOT_SECTIONS or Act.edit not in kind.acts or kind.model not in (Family, Child):
        return None
    return SectionSheet(kind, staff_form(kind.form, noun=kind.noun))


def section_url(name, target_id):
    """Where a section is changed, "" for those who may not."""
    sheet = sheet_of(name)
    return url_for("SectionView.edit", name=name, target_id=target_id) if sheet is not None and may(sheet.kind.noun, "edit") else ""


def family_of(kind, target):
    """The family in whose name the rules of a section are asked: of a child, one that it lives in."""
    if kind.model is Family:
        return target.id
    return db.session.scalar(db.select(Household.family_id).filter_by(child_id=target.id, ended_on=None).order_by(Household.id).limit(1))


class SectionView(BaseView):
    """Change one section of a family's or a child's file."""

    route_base = "/mairie/dossier"
    default_view = "edit"

    @expose("/<name>/<int(max=2147483647):target_id>/", methods=["GET", "POST"])
    def edit(self, name, target_id):
        sheet = sheet_of(name) or abort(404)
        require(sheet.kind.noun, "edit")
        target = AuditedInterface(sheet.model).get(target_id) or abort(404)
        if sheet.kind.noun is Noun.health:
            note_health_read(target.id, by=current_user, screen="health.edit")
        form, back = self._form(sheet, target), self._page_of(sheet.kind, target)
        if form.validate_on_submit() and self._saved(sheet, form, target_id):
            return redirect(safe_back(form.back.data) or back)
        return self._page(sheet, target, form, safe_back(form.back.data) or back)

    @staticmethod
    def _form(sheet, target):
        shown, child_id = sheet.read(target), sheet.kind.child_id(target)
        data = {name: sheet.decode(name, value) for name, value in shown.items()}
        return sheet.form(
            key=f"{sheet.name}:{target.id}", shown=shown, data=data, family_id=None if child_id else target.id, child_id=child_id
        )

    @staticmethod
    def _page_of(kind, target):
        return url_for("ChildView.child", child_id=target.id) if kind.model is Child else url_for("FamilyView.family", family_id=target.id)

    def _page(self, sheet, target, form, back):
        waits = waits_for_decision(sheet.kind, target.id)
        title = _("%(section)s: %(name)s", section=sheet.kind.title, name=target)
        return self.render_template(
            "staff/form.html", title=title, form=form, back_url=back, intro=sheet.kind.hint, waits=waits
        ), 422 if request.method == "POST" else 200

    @staticmethod
    def _saved(sheet, form, target_id):
        target = db.session.get(sheet.model, target_id)
        child_id, family_id = sheet.kind.child_id(target), family_of(sheet.kind, target)
        try:
            sheet.kind.refuse_if_invalid(
                Proposal(act=Act.edit, target=target, child_id=child_id, before=form.shown, shown=form.shown, after=form.values()),
                family_id,
            )
            changed = AuditedInterface(sheet.model).edit(target_id, sheet, form)
        except Moved as moved:
            form.show_again(moved.current)
            form.refuse(moved)
            return False
        except DomainError as refusal:
            form.refuse(refusal)
            return False
        flash(_("Saved.") if changed else _("Nothing was changed."), "success" if changed else "info")
        return True

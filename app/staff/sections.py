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
from app.staff.editors import SectionEditor
from app.staff.forms import safe_back, staff_form
from app.staff.interface import AuditedInterface, Moved

#: Kinds that are acts or have screens of their own.
NOT_SECTIONS = ("new_child", "pickup", "school")


@cache
def editor_of(name):
    """The editor of a kind's section, or None where it is no section."""
    kind = KINDS.get(name)
    if kind is None or name in NOT_SECTIONS or Act.edit not in kind.acts or kind.model not in (Family, Child):
        return None
    return SectionEditor(kind, staff_form(kind.form, noun=kind.noun))


def section_url(name, target_id):
    """Where a section is changed, "" for those who may not."""
    editor = editor_of(name)
    return url_for("SectionView.edit", name=name, target_id=target_id) if editor is not None and may(editor.kind.noun, "edit") else ""


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
        editor = editor_of(name) or abort(404)
        require(editor.kind.noun, "edit")
        target = AuditedInterface(editor.model).get(target_id) or abort(404)
        if editor.kind.noun is Noun.health:
            note_health_read(target.id, by=current_user, screen="health.edit")
        form, back = self._form(editor, target), self._page_of(editor.kind, target)
        if form.validate_on_submit() and self._saved(editor, form, target_id):
            return redirect(safe_back(form.back.data) or back)
        return self._page(editor, target, form, safe_back(form.back.data) or back)

    @staticmethod
    def _form(editor, target):
        shown, child_id = editor.read(target), editor.kind.child_id(target)
        data = {name: editor.decode(name, value) for name, value in shown.items()}
        return editor.form(
            key=f"{editor.name}:{target.id}", shown=shown, data=data, family_id=None if child_id else target.id, child_id=child_id
        )

    @staticmethod
    def _page_of(kind, target):
        return url_for("ChildView.child", child_id=target.id) if kind.model is Child else url_for("FamilyView.family", family_id=target.id)

    def _page(self, editor, target, form, back):
        waits = waits_for_decision(editor.kind, target.id)
        title = _("%(section)s: %(name)s", section=editor.kind.title, name=target)
        return self.render_template(
            "staff/form.html", title=title, form=form, back_url=back, intro=editor.kind.hint, waits=waits
        ), 422 if request.method == "POST" else 200

    @staticmethod
    def _saved(editor, form, target_id):
        target = db.session.get(editor.model, target_id)
        child_id, family_id = editor.kind.child_id(target), family_of(editor.kind, target)
        try:
            editor.kind.refuse_if_invalid(
                Proposal(act=Act.edit, target=target, child_id=child_id, before=form.shown, shown=form.shown, after=form.values()),
                family_id,
            )
            changed = AuditedInterface(editor.model).edit(target_id, editor, form)
        except Moved as moved:
            form.show_again(moved.current)
            form.refuse(moved)
            return False
        except DomainError as refusal:
            form.refuse(refusal)
            return False
        flash(_("Saved.") if changed else _("Nothing was changed."), "success" if changed else "info")
        return True

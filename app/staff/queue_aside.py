"""What else is done around a lot? Whose it is, the note, who looks at it, putting it off, the keys."""

from flask import abort, jsonify, redirect, request, session, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from sqlalchemy import select

from app.changes.models import ChangeRequest, RequestState
from app.changes.operations import assign
from app.changes.queries import lookers_at, note_presence
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.forms import named_id
from app.core.i18n import _
from app.extensions import db
from app.families.models import Family
from app.families.operations import write_note
from app.security.models import Account
from app.security.queries import staff_with
from app.security.scope import require
from app.security.who_sees_what import STAFF_ROLES, Noun, permissions
from app.staff.queue_base import LOT, QueueBase
from app.staff.queue_lot import looking_sentence, lot_page, stamp_of

NOTE_LENGTH = 4000


class LotView(QueueBase):
    """Small acts on one lot."""

    method_permission_name = dict.fromkeys(("colleagues", "assign", "note", "presence", "later", "keys"), "decide")

    @expose(f"/{LOT}/attribuer")
    @has_access
    def colleagues(self, lot_id):
        page = lot_page(lot_id, self.kinds(), self.me(), noting=False)
        people = staff_with([role for role in STAFF_ROLES if "decide" in permissions(Noun.request, role)])
        return self.render_template(
            "staff/queue/assign.html",
            title=_("Who looks after it?"),
            lot=page.lot,
            lot_page=page,
            people=people,
            filters=self.filters(request.args),
        )

    @expose(f"/{LOT}/attribuer", methods=["POST"])
    @has_access
    def assign(self, lot_id):
        with unit_of_work():
            assign(self.lot_of(lot_id), self._person(request.form.get("to", "")), by=self.me())
        return self._back(lot_id)

    @expose(f"/{LOT}/note", methods=["POST"])
    @has_access
    def note(self, lot_id):
        require(Noun.family, "edit")
        text = request.form.get("note", "").strip()
        if len(text) > NOTE_LENGTH:
            raise DomainError(_("At most %(max)d characters.", max=NOTE_LENGTH))
        with unit_of_work():
            family_id = self.lot_of(lot_id).family_id or abort(404)
            write_note(db.session.get(Family, family_id), text, by=self.me())
        return self._back(lot_id)

    @expose(f"/{LOT}/presence")
    @has_access
    def presence(self, lot_id):
        query = select(ChangeRequest.id, ChangeRequest.version).where(
            ChangeRequest.lot_id == lot_id, ChangeRequest.state != RequestState.superseded
        )
        requests = db.session.execute(query.where(ChangeRequest.kind.in_([kind.name for kind in self.kinds()]))).all()
        if not requests:
            abort(404)
        note_presence(lot_id, self.me())
        return jsonify(also=looking_sentence(lookers_at(lot_id, self.me())), stamp=stamp_of(requests))

    @expose(f"/{LOT}/plus-tard", methods=["POST"])
    @has_access
    def later(self, lot_id):
        filters = self.filters(request.args)
        target = self.skip(filters, lot_id, self.key_of(filters, lot_id))
        session["later"] = [*(number for number in session.get("later", ()) if number != lot_id), lot_id][-60:]
        return redirect(target, 303)

    @expose("/touches", methods=["POST"])
    @has_access
    def keys(self):
        with unit_of_work():
            db.session.get(Account, self.me().id).shortcuts = request.form.get("on") == "1"
        lot = named_id(request.form.get("lot"))
        return self._back(lot) if lot else redirect(url_for("QueueView.queue", **self.filters(request.args).args()), 303)

    def _person(self, text):
        if text in ("me", "nobody"):
            return self.me().id if text == "me" else None
        people = {
            str(person.id): person.id
            for person in staff_with([role for role in STAFF_ROLES if "decide" in permissions(Noun.request, role)])
        }
        if text not in people:
            raise DomainError(_("Choose a colleague who decides requests."))
        return people[text]

    def _back(self, lot_id):
        return redirect(url_for("QueueView.lot", lot_id=lot_id, **self.filters(request.args).args()), 303)

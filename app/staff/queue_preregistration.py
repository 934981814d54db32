"""What if the town knows a new family, or a child of it? As a clerk's explicit act, children join a file or are shared with it."""

from flask import abort, redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access

from app.changes.decisions import Verdict, decide
from app.changes.models import Outcome
from app.children.preregistration_request import children_asked
from app.core.db import unit_of_work
from app.core.encryption import seal, unseal
from app.core.errors import Stale
from app.core.i18n import _, in_locale
from app.extensions import db
from app.families.models import Family
from app.security.who_sees_what import Noun
from app.staff.queue_base import QueueBase, remember, settle
from app.staff.queue_lot import lot_page

#: The lot of a pre-registration, and the family that it is said to be.
PLACE = "/<int(max=2147483647):preregistration_id>/famille/<int(max=2147483647):family_id>"


class QueuePreregistrationView(QueueBase):
    """A pre-registration and a family that the town knows."""

    class_permission_name = Noun.preregistration.value
    method_permission_name = dict.fromkeys(("join", "add"), "decide")

    @expose(PLACE)
    @has_access
    def join(self, preregistration_id, family_id):
        return self._page(preregistration_id, family_id)

    @expose(PLACE, methods=["POST"])
    @has_access
    def add(self, preregistration_id, family_id):
        lot, filters = self.lot_of(preregistration_id), self.filters(request.args)
        key, shown = self.key_of(filters, preregistration_id), opened(request.form.get("shown", ""), preregistration_id, family_id)
        added = added_by(request.form, shown, family_id)
        if added is None:
            return self._page(preregistration_id, family_id, _("Choose at least one child, or refuse the request.")), 422
        verdict = Verdict(shown["request"], shown["version"], Outcome.accept, added=added)
        with unit_of_work():
            result = decide([verdict], by=self.me())
        settle(result)
        remember(result, Outcome.accept, lot)
        if result.problems:
            return self._page(preregistration_id, family_id, next(iter(result.problems.values()))), result.status
        return redirect(self.onward(filters, preregistration_id, key), 303)

    def _page(self, lot_id, family_id, problem=""):
        page, filters = lot_page(lot_id, self.kinds(), self.me(), noting=False), self.filters(request.args)
        family = db.session.get(Family, family_id)
        if family is None or page.lot.preregistration is None:
            abort(404)
        one = next((one for one in page.waiting if page.lot.sealed), None)
        children = children_asked(one.request, family_id) if one else []
        return self.render_template(
            "staff/queue/join.html",
            title=_("Is it the family %(family)s?", family=family.name),
            lot=page.lot,
            lot_page=page,
            one=one,
            family=family,
            reasons=next((found.reasons for found in page.alike if found.family.id == family_id), []),
            children=children,
            token=sealed(one.request, family_id, children) if one else "",
            refuse_url=refuse_url(page.lot, one.request, filters) if one else "",
            filters=filters,
            problem=problem,
        )


def sealed(row, family_id, children):
    """What the page showed, for the post: this request as it stood, and which of its children the file has or has not."""
    known = [[place, child_id] for place, _name, child_id in children if child_id]
    new = [place for place, _name, child_id in children if not child_id]
    return seal({"lot": row.lot_id, "family": family_id, "request": row.id, "version": row.version, "new": new, "known": known})


def added_by(form, shown, family_id):
    """What the clerk adds to the request: another household of the known children, or new children of the family; None for nothing."""
    if "share" in form:
        return {"shares": shown["known"], "with": family_id} if shown["known"] else None
    chosen = [place for place in shown["new"] if str(place) in form.getlist("child")]
    return {"joins": family_id, "only": chosen} if chosen else None


def opened(text, lot_id, family_id):
    """What sealed() was given for this lot and this family. Raises Stale."""
    try:
        shown = unseal(text)
    except ValueError as forged:
        raise Stale(_("This page is too old: reload it and decide again.")) from forged
    if (shown.get("lot"), shown.get("family")) != (lot_id, family_id):
        raise Stale(_("This page is too old: reload it and decide again."))
    return shown


def refuse_url(lot, row, filters):
    """The form of the refusal, with the sentence for who is known already in that person's language."""
    with in_locale(lot.preregistration.locale):
        reason = _("The town hall knows your family already. Sign in, or ask us for a letter with your code.")
    at = f"{row.id}.{row.version}"
    return url_for("QueueView.refuse", lot_id=lot.id, at=at, **{"as": "refuse"}, reason=reason, **filters.args(page=1))

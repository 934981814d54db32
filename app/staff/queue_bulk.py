"""How are many requests accepted with one act? Counted first, confirmed, each checked again as it applies, a result per item."""

from flask import redirect, request, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access
from sqlalchemy import select

from app.changes.decisions import Verdict, decide
from app.changes.kinds import KINDS
from app.changes.models import ChangeLot, ChangeRequest, Lane, Outcome, Preregistration, RequestState
from app.changes.operations import assign
from app.core.db import unit_of_work
from app.core.encryption import seal, unseal
from app.core.errors import DomainError, Stale
from app.core.forms import named_id
from app.core.i18n import _
from app.extensions import db
from app.families.models import Family
from app.staff.queue_base import QueueBase, remember, settle
from app.staff.queue_rows import WHOSE_NAME, in_lane

#: Requests of one act: so many are decided well within two seconds.
MOST = 200


class BulkView(QueueBase):
    """Accepting the green lane, or some lots of it; taking several lots."""

    method_permission_name = dict.fromkeys(("confirm", "accept", "take"), "decide")

    @expose("/accepter")
    @has_access
    def confirm(self):
        filters = self.filters(request.args)
        ready, left = sorted_out(waiting_requests(self._chosen(filters), self.kinds()))
        token = seal({"by": self.me().id, "items": [[item.id, item.version] for item in ready[:MOST]]})
        found = {"ready": ready, "left": left, "token": token, "most": MOST}
        return self.render_template("staff/queue/bulk.html", title=_("Accept together"), filters=filters, kinds=KINDS, **found)

    def _chosen(self, filters):
        """The ids of the sealed lots that were ticked, or of the whole green lane."""
        if "all" in request.args:
            return [lot.id for lot in in_lane(self.lots(filters), "green") if lot.sealed]
        wanted = set(request.args.getlist("lot"))
        return [lot.id for lot in in_lane(self.lots(filters), filters.lane) if lot.sealed and str(lot.id) in wanted]

    @expose("/accepter", methods=["POST"])
    @has_access
    def accept(self):
        items = self._items(request.form.get("items", ""))
        with unit_of_work():
            result = decide([Verdict(number, version, Outcome.accept) for number, version in items], by=self.me(), bulk=True)
        settle(result)
        remember(result, Outcome.accept)
        rows = named_requests([number for number, _version in items])
        return self.render_template(
            "staff/queue/result.html",
            title=_("Accepted together"),
            filters=self.filters(request.args),
            rows=rows,
            result=result,
            kinds=KINDS,
        )

    @expose("/prendre", methods=["POST"])
    @has_access
    def take(self):
        wanted = list(filter(None, map(named_id, request.form.getlist("lot"))))
        visible = ChangeLot.requests.any(ChangeRequest.kind.in_([kind.name for kind in self.kinds()]))
        with unit_of_work():
            for lot in db.session.scalars(select(ChangeLot).where(ChangeLot.id.in_(wanted), visible).limit(MOST)):
                assign(lot, self.me().id, by=self.me())
        return redirect(url_for("QueueView.queue", **self.filters(request.args).args()), 303)

    def _items(self, text):
        try:
            token = unseal(text)
        except ValueError as forged:
            raise Stale(_("This page is too old: go back to the queue and choose again.")) from forged
        if token.get("by") != self.me().id:
            raise DomainError(_("This page was opened by somebody else."))
        return token["items"]


def waiting_requests(lot_ids, kinds):
    """[(request, family's name)] that wait in these lots, in their order; without what was asked, which bulk does not look at."""
    place = {lot_id: number for number, lot_id in enumerate(lot_ids)}
    query = _with_names().where(ChangeRequest.lot_id.in_(lot_ids), ChangeRequest.state == RequestState.pending)
    rows = db.session.execute(query.where(ChangeRequest.kind.in_([kind.name for kind in kinds]))).all()
    return sorted(rows, key=lambda row: (place[row.lot_id], row.id))


def named_requests(ids):
    """[(id, kind, lot, family…)] of requests, in this order."""
    rows = {row.id: row for row in db.session.execute(_with_names().where(ChangeRequest.id.in_(ids)))}
    return [rows[number] for number in ids if number in rows]


def _with_names():
    columns = (
        ChangeRequest.id,
        ChangeRequest.version,
        ChangeRequest.kind,
        ChangeRequest.lane,
        ChangeRequest.conflict,
        ChangeRequest.lot_id,
        ChangeLot.number,
        WHOSE_NAME.label("family"),
    )
    named = select(*columns).join(ChangeLot, ChangeLot.id == ChangeRequest.lot_id)
    named = named.outerjoin(Preregistration, Preregistration.id == ChangeLot.preregistration_id)
    return named.outerjoin(Family, Family.id == ChangeRequest.family_id)


def sorted_out(rows):
    """(what one act may accept, what needs a look of its own): never bank details, health, custody, income or names."""
    fit = [row for row in rows if KINDS[row.kind].bulk and row.lane is Lane.green and not row.conflict]
    return fit, [row for row in rows if row not in fit]

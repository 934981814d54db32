"""What do the screens of the queue share? Who decides what, the filters of the address, the undo bar."""

from flask import abort, session, url_for
from flask_appbuilder import BaseView
from flask_login import current_user
from sqlalchemy import select

from app.changes.decisions import apply_due
from app.changes.kinds import KINDS
from app.changes.models import ChangeLot, ChangeRequest, Outcome
from app.changes.queries import decisions_of, kinds_for
from app.core import clock, settings
from app.core.errors import Stale
from app.core.i18n import _
from app.extensions import db
from app.security.scope import may, staff_role
from app.security.who_sees_what import Noun
from app.staff.queue_lot import looking_sentence
from app.staff.queue_rows import Filters, age_of, in_lane, neighbours, next_to_decide, waiting_lots

#: The largest id that the databases hold: a larger one names nothing.
LOT = "<int(max=2147483647):lot_id>"


def family_url(family_id):
    """The page that shows the whole family."""
    return url_for("FamilyView.family", family_id=family_id)


class QueueBase(BaseView):
    """A screen of those who decide requests."""

    route_base = "/mairie/demandes"
    class_permission_name = Noun.request.value

    @staticmethod
    def me():
        return current_user._get_current_object()

    @staticmethod
    def kinds():
        """The kinds that this role decides: others it does not see here."""
        return kinds_for(staff_role())

    @staticmethod
    def filters(args):
        return Filters.read(args)

    def lots(self, filters):
        """All that waits under the filters but the lane."""
        return waiting_lots(filters, self.kinds(), self.me(), session.get("later", ()))

    def render_template(self, template, **kwargs):
        words = {
            "family_url": family_url,
            "age_of": age_of,
            "looking": looking_sentence,
            "kind_title": lambda name: KINDS[name].title if name in KINDS else name,
        }
        return super().render_template(
            template,
            undo_bar=undo_bar(),
            shortcuts=self.me().shortcuts,
            may_note=may(Noun.family, "edit"),
            may_invite=may(Noun.account, "edit"),
            **words,
            **kwargs,
        )

    def onward(self, filters, lot_id, key):
        """Where a decision leads: to what is left of the lot, to the next one, or to the empty queue."""
        lots = in_lane(self.lots(filters), filters.lane)
        if any(lot.id == lot_id for lot in lots):
            return url_for("QueueView.lot", lot_id=lot_id, **filters.args(page=1))
        found = next_to_decide(lots, lot_id, key)
        return (
            url_for("QueueView.lot", lot_id=found.id, **filters.args(page=1))
            if found
            else url_for("QueueView.queue", **filters.args(page=1))
        )

    def skip(self, filters, lot_id, key):
        """Where "later" leads: to the next lot, never to this one."""
        lots = in_lane(self.lots(filters), filters.lane)
        _before, after = neighbours(lots, lot_id, key)
        return (
            url_for("QueueView.lot", lot_id=after.id, **filters.args(page=1))
            if after
            else url_for("QueueView.queue", **filters.args(page=1))
        )

    def lot_of(self, lot_id):
        """The lot, if something of it is of the kinds that this role decides; else 404."""
        kinds = [kind.name for kind in self.kinds()]
        found = db.session.scalar(select(ChangeLot).where(ChangeLot.id == lot_id, ChangeLot.requests.any(ChangeRequest.kind.in_(kinds))))
        return found or abort(404)

    def key_of(self, filters, lot_id):
        """Where a lot stands in the queue, None where it does not wait there."""
        return next((lot.key for lot in self.lots(filters) if lot.id == lot_id), None)


def settle(result):
    """Where the town has no undo window, give effect at once; what then goes wrong joins the problems."""
    if settings.get("undo_seconds") or not result.taken:
        return
    apply_due(limit=len(result.taken), batch=result.batch)
    for decision in decisions_of(result.batch):
        if decision.problem:
            result.taken.remove(decision.request_id)
            result.problems[decision.request_id] = Stale(decision.problem)


def remember(result, outcome, lot=None):
    """Keep in the session what the undo bar shows: no name, the cookie can be read."""
    session.pop("undo", None)
    if result.taken:
        seconds = settings.get("undo_seconds")
        session["undo"] = {
            "batch": result.batch,
            "until": clock.now().timestamp() + seconds if seconds else 0,
            "outcome": outcome.value,
            "count": len(result.taken),
            "lot": lot.id if lot is not None else None,
            "number": lot.number if lot is not None else "",
        }


def undo_bar():
    """What the bar after a decision says, and for how many seconds it can be taken back; None without one."""
    kept = session.get("undo")
    if not kept:
        return None
    left = int(kept["until"] - clock.now().timestamp()) if kept["until"] else 0
    if left <= 0:
        session.pop("undo")
        if kept["until"]:
            return None
    return {**kept, "left": max(left, 0), "sentence": _sentence(kept)}


def _sentence(kept):
    many, number = kept["count"], kept["number"]
    said = Outcome(kept["outcome"])
    if number:
        words = {
            Outcome.accept: _("Lot %(number)s: accepted.", number=number),
            Outcome.refuse: _("Lot %(number)s: refused.", number=number),
            Outcome.send_back: _("Lot %(number)s: sent back to be corrected.", number=number),
        }
        return words[said]
    return _("%(count)d requests accepted.", count=many)

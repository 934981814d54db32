"""How does a clerk decide? The queue, a page a lot, accept, refuse, send back, undo."""

from flask import flash, redirect, request, session, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access

from app.changes.decisions import decide, undo
from app.changes.models import Outcome
from app.changes.notices import unreachable
from app.changes.queries import refusal_reasons
from app.core.db import unit_of_work
from app.core.i18n import _, _n
from app.staff.queue_base import LOT, QueueBase, remember, settle
from app.staff.queue_lot import lot_page
from app.staff.queue_rows import LANES, in_lane, lane_counts, name_fields, neighbours, numbered_lots, page_of, schools
from app.staff.queue_verdicts import REASON_LENGTH, Chosen, verdicts_from


class QueueView(QueueBase):
    """The queue of lots, oldest first, and one lot beside it."""

    default_view = "queue"
    method_permission_name = dict.fromkeys(("queue", "lot", "decide", "refuse", "undo"), "decide")

    @expose("/")
    @has_access
    def queue(self):
        around = self._list(filters := self.filters(request.args))
        name_fields(around["lots"], self.kinds())
        numbered = numbered_lots(filters, self.kinds(), around["all_lots"])
        found = {"schools": schools(), "numbered": numbered, "unreached": unreachable(around["lots"])}
        return self.render_template("staff/queue/list.html", title=_("Requests"), **found, **around)

    @expose(f"/{LOT}/")
    @has_access
    def lot(self, lot_id):
        return self._page(lot_id, self.filters(request.args))

    @expose(f"/{LOT}/decider", methods=["POST"])
    @has_access
    def decide(self, lot_id):
        filters, chosen = self.filters(request.args), Chosen.read(request.form)
        if chosen.lacks_reason:
            return self._refusal(lot_id, filters, chosen), 422 if chosen.posted else 200
        wanted = verdicts_from(request.form, chosen)
        if not wanted:
            flash(_("Nothing was chosen that can be decided now."), "warning")
            return redirect(url_for("QueueView.lot", lot_id=lot_id, **filters.args(page=1)), 303)
        lot, key = self.lot_of(lot_id), self.key_of(filters, lot_id)
        with unit_of_work():
            result = decide(wanted, by=self.me())
        settle(result)
        remember(result, chosen.outcome, lot)
        if result.problems:
            return self._page(lot_id, filters, result.problems, request.form), result.status
        return redirect(self.onward(filters, lot_id, key), 303)

    @expose(f"/{LOT}/refuser")
    @has_access
    def refuse(self, lot_id):
        return self._refusal(lot_id, self.filters(request.args), Chosen.read(request.args))

    @expose("/annuler", methods=["POST"])
    @has_access
    def undo(self):
        kept = session.pop("undo", None) or {}
        batch = request.form.get("batch", "")
        with unit_of_work():
            count = undo(batch, by=self.me())
        flash(_n("Undone: %(num)d request waits again.", "Undone: %(num)d requests wait again.", count), "success")
        lot_id, filters = kept.get("lot") if kept.get("batch") == batch else None, self.filters(request.args)
        return redirect(
            url_for("QueueView.lot", lot_id=lot_id, **filters.args(page=1)) if lot_id else url_for("QueueView.queue", **filters.args()), 303
        )

    # -- pages ---------------------------------------------------------------------------------------------------------------------

    def _list(self, filters, lot_id=None):
        lots = self.lots(filters)
        shown = in_lane(lots, filters.lane)
        page, number, pages = page_of(shown, filters, lot_id)
        return {
            "filters": filters,
            "counts": lane_counts(lots),
            "lanes": LANES,
            "lots": page,
            "all_lots": shown,
            "page": number,
            "pages": pages,
            "tabs": list(dict.fromkeys(kind.tab for kind in self.kinds())),
            "me": self.me(),
        }

    def _page(self, lot_id, filters, problems=None, typed=None):
        """The split view; with what was refused of a decision, the sentence why, and the form that brought it."""
        page = lot_page(lot_id, self.kinds(), self.me())
        around = self._list(filters, lot_id)
        key = next((lot.key for lot in around["all_lots"] if lot.id == lot_id), (lot_id in session.get("later", ()), page.asked_at, lot_id))
        before, after = neighbours(around["all_lots"], lot_id, key)
        for one in page.shown:
            one.problem, one.typed = str((problems or {}).get(one.request.id, "")), typed
        place = next((place for place, lot in enumerate(around["all_lots"], 1) if lot.id == lot_id), None)
        return self.render_template(
            "staff/queue/lot.html",
            title=_("%(family)s, lot %(number)s", family=page.name, number=page.lot.number),
            lot_page=page,
            lot=page.lot,
            before=before,
            after=after,
            place=place,
            typed=(typed or {}).get("reason", "").strip(),
            problems=problems,
            unreached=() if page.reader else (lot_id,),
            **around,
        )

    def _refusal(self, lot_id, filters, chosen):
        """The form that says why; every reason is a link that fills it, so that no script is needed."""
        page = lot_page(lot_id, self.kinds(), self.me(), noting=False)
        wanted = [one for one in page.waiting if not chosen.at or one.request.id in chosen.ids]
        english = page.reader is not None and page.reader.locale.startswith("en")
        reasons = [(reason, (english and reason.sentence_en) or reason.sentence) for reason in refusal_reasons()]
        text = chosen.reason or next((sentence for reason, sentence in reasons if reason.id == chosen.reason_id), "")
        back = chosen.outcome is Outcome.send_back
        return self.render_template(
            "staff/queue/refuse.html",
            title=_("Send back to be corrected") if back else _("Refuse"),
            lot_page=page,
            lot=page.lot,
            wanted=wanted,
            reasons=reasons,
            text=text,
            chosen=chosen,
            filters=filters,
            back=back,
            longest=REASON_LENGTH,
            sealed=page.lot.sealed,
        )

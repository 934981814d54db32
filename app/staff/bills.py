"""Which bills does a period have, and what is odd about them? The dashboard of a month, and one bill before it is issued."""

from types import SimpleNamespace

from flask import abort, flash, g, redirect, request, url_for
from flask_appbuilder import expose
from flask_babel import format_decimal, format_percent
from markupsafe import Markup
from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import aliased, joinedload

from app.billing import operations
from app.billing.anomalies import BLOCKING, TITLES, sentence
from app.billing.computing import compute
from app.billing.detail import parts_of
from app.billing.models import Bill, BillingPeriod, BillState
from app.billing.overview import overview
from app.billing.reasons import explain
from app.core import search
from app.core.errors import DomainError
from app.core.heartbeat import is_silent
from app.core.i18n import _, _l
from app.extensions import db
from app.families.models import Family
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.billing import period_url, said
from app.staff.billing_mend import mend
from app.staff.interface import actor, saving
from app.staff.invoices import period_facet
from app.staff.parts import Facet
from app.staff.views import StaffView, screen

#: The drawing of the last periods: the width of a bar, of a bar with its gap, the height of the highest.
BAR, STEP, HEIGHT = 40, 56, 130


def has(code):
    """The SQL condition that a Bill has an anomaly of this code."""
    return cast(Bill.anomalies, String).contains(f'"code": "{code}"', autoescape=True)


def _odd(value):
    if value == "any":
        return cast(Bill.anomalies, String) != "[]"
    return has(value) if value in TITLES else None


class BillView(StaffView):
    """The bills of a period."""

    noun, model, route_base = Noun.bill, Bill, "/mairie/facturation/mois"
    route_methods = ("list", "export")
    method_permission_name = {
        **StaffView.method_permission_name,
        **dict.fromkeys(("period", "download", "bill"), "read"),
        **dict.fromkeys(("issue", "hold", "release"), "edit"),
    }
    list_title = _l("Bills of all periods")
    labels = {
        "period": _l("Period"),
        "family": _l("Family"),
        "code": _l("Code"),
        "total": _l("Total"),
        "previous": _l("Period before"),
        "difference": _l("Difference"),
        "lines": _l("Lines"),
        "state": _l("State"),
        "odd": _l("What is odd"),
        "computed_at": _l("Computed"),
    }
    list_columns = ["family", "code", "period", "total", "previous", "difference", "lines", "state", "odd"]
    search_columns = ["computed_at"]
    search_hint = _l("Name or code of a family")
    matches = staticmethod(lambda word: Bill.family.has(search.contains(Family.name, word) | search.contains(Family.code, word)))
    facets = (
        Facet(
            "state",
            _l("State"),
            lambda: [(state.name, state.label) for state in BillState],
            lambda value: Bill.state == BillState[value] if value in BillState.__members__ else None,
        ),
        Facet("odd", _l("What is odd"), lambda: [("any", _("whatever it is")), *TITLES.items()], _odd),
        period_facet(Bill.period_id),
    )
    loads = (joinedload(Bill.family), joinedload(Bill.period))
    _name = search.folded(select(Family.name).where(Family.id == Bill.family_id).scalar_subquery())
    sorts = {"family": [_name], "period": [Bill.period_id], "previous": [Bill.previous], "difference": [Bill.total - Bill.previous]}
    first_sort = (Bill.blocked.desc(), _name)

    @classmethod
    def more_routes(cls):
        return ("period", "download", "bill", "issue", "hold", "release")

    def query(self):
        period_id = request.view_args.get("period_id")
        return super().query() if period_id is None else super().query().filter(Bill.period_id == period_id)

    def shown_columns(self):
        return [name for name in self.list_columns if name != "period" or "period_id" not in request.view_args]

    def _open_facets(self):
        return [found for found in super()._open_facets() if found[0].name != "period" or "period_id" not in request.view_args]

    def cell_period(self, row):
        return row.period.title

    def cell_family(self, row):
        return row.family.name

    def cell_code(self, row):
        return row.family.code

    def cell_previous(self, row):
        return row.previous or None

    def cell_difference(self, row):
        return row.total - row.previous if row.previous else None

    def cell_state(self, row):
        if row.state is BillState.draft and row.blocked:
            return _("cannot be issued")
        if row.state is BillState.draft and any(one["code"] == "carried" for one in row.anomalies):
            return _("too small") if row.total >= 0 else _("below zero")
        return str(row.state.label)

    def cell_odd(self, row):
        """What is odd, each with where it is mended; in files as text."""
        if g.get("plain"):
            return " ".join(map(sentence, row.anomalies))
        items = Markup("").join(_said(one, row) for one in row.anomalies)
        return Markup('<ul class="odd">{}</ul>').format(items) if items else None

    def row_url(self, row):
        narrowed = {name: request.args[name] for name in ("state", "odd", "q") if request.args.get(name)}
        return url_for("BillView.bill", period_id=row.period_id, family_id=row.family_id, **narrowed)

    def back_url(self, row=None):
        return url_for("BillingView.periods")

    # -- the dashboard ----------------------------------------------------------------------------------------------------------------

    @expose("/<int(max=2147483647):period_id>/")
    @screen
    def period(self, period_id):
        page = overview(period_id) or abort(404)
        return self.render_template(
            "staff/billing/period.html",
            title=page.period.title,
            page=page,
            run=page.last_run,
            said=said(page.last_run) if page.last_run else "",
            silent=page.running is not None and is_silent(),
            percent=format_percent(page.difference / page.previous) if page.previous else "",
            bars=drawing(page.history),
            widgets=self._list() if page.counts else None,
            view=self,
            facets=self._open_facets(),
            may_edit=may(Noun.bill, "edit"),
        )

    def as_file(self, kind):
        g.plain = True
        return super().as_file(kind)

    def file_title(self):
        period_id = request.view_args.get("period_id")
        if period_id is None:
            return super().file_title()
        return _("Bills of %(period)s", period=(db.session.get(BillingPeriod, period_id) or abort(404)).title)

    @expose("/<int(max=2147483647):period_id>/avis.<any(csv, xlsx):kind>")
    @screen
    def download(self, period_id, kind):
        return self.as_file(kind)

    # -- one bill ---------------------------------------------------------------------------------------------------------------------

    def _bill(self, period_id, family_id):
        loads = (joinedload(Bill.period), joinedload(Bill.family), joinedload(Bill.invoice))
        return db.session.scalar(select(Bill).filter_by(period_id=period_id, family_id=family_id).options(*loads)) or abort(404)

    @staticmethod
    def _id(period_id, family_id):
        """What is written is read anew, without what a page joins to it: PostgreSQL locks no outer join."""
        return db.session.scalar(select(Bill.id).filter_by(period_id=period_id, family_id=family_id)) or abort(404)

    @expose("/<int(max=2147483647):period_id>/famille/<int(max=2147483647):family_id>/")
    @screen
    def bill(self, period_id, family_id):
        row = self._bill(period_id, family_id)
        found = compute(row.period, [family_id], again=True).get(family_id)
        odd = [] if found is None else found.draft.anomalies
        previous, position, following, count = self._neighbours(row.id)
        return self.render_template(
            "staff/billing/bill.html",
            title=_("%(period)s: %(family)s", period=row.period.title, family=row.family),
            bill=row,
            found=found,
            parts=parts_of(map(_as_issued, found.draft.lines)) if found is not None else [],
            odd=[(TITLES.get(one["code"], one["code"]), sentence(one), one["code"] in BLOCKING, mend(one, row)) for one in odd],
            explain=explain,
            may_edit=may(Noun.bill, "edit"),
            pager=(previous, following, position, count),
            back_url=period_url(period_id) + "#bills",
        )

    def _neighbours(self, bill_id):
        """(address of the bill before in the list that one comes from, its place, address of the one after, how many there are)."""
        order = list(self.orders())
        beside = func.lag(Bill.id).over(order_by=order).label("before"), func.lead(Bill.id).over(order_by=order).label("after")
        places = func.row_number().over(order_by=order).label("place"), func.count().over().label("bills")
        listed = self.narrowed().with_entities(Bill.id, *beside, *places).subquery()
        before, after = aliased(Bill), aliased(Bill)
        query = select(before, listed.c.place, after, listed.c.bills).select_from(listed).where(listed.c.id == bill_id)
        query = query.outerjoin(before, before.id == listed.c.before).outerjoin(after, after.id == listed.c.after)
        previous, place, following, count = db.session.execute(query).one_or_none() or (None, 0, None, 0)
        return self.row_url(previous) if previous else "", place, self.row_url(following) if following else "", count

    @expose("/<int(max=2147483647):period_id>/famille/<int(max=2147483647):family_id>/emettre", methods=["POST"])
    @screen
    def issue(self, period_id, family_id):
        bill_id = self._id(period_id, family_id)
        try:
            with saving():
                invoice = operations.issue_bill(db.session.get(Bill, bill_id), by=actor())
                invoice_id = invoice.id if invoice is not None else None
        except DomainError as refusal:
            flash(str(refusal), "danger")
            return redirect(url_for("BillView.bill", period_id=period_id, family_id=family_id), 303)
        if invoice_id is None:
            flash(_("Below zero: carried forward, it comes off the next bill."), "success")
            return redirect(url_for("BillView.bill", period_id=period_id, family_id=family_id), 303)
        flash(_("The invoice is issued. Its PDF is made now, then the family is told."), "success")
        return redirect(url_for("InvoiceView.show", pk=invoice_id), 303)

    @expose("/<int(max=2147483647):period_id>/famille/<int(max=2147483647):family_id>/retenir", methods=["POST"])
    @screen
    def hold(self, period_id, family_id):
        return self._move(period_id, family_id, operations.hold, _("Held back: it is not issued until you release it."))

    @expose("/<int(max=2147483647):period_id>/famille/<int(max=2147483647):family_id>/liberer", methods=["POST"])
    @screen
    def release(self, period_id, family_id):
        return self._move(period_id, family_id, operations.release, _("Released: it is issued with the others."))

    def _move(self, period_id, family_id, act, done):
        bill_id = self._id(period_id, family_id)
        try:
            with saving():
                act(db.session.get(Bill, bill_id), by=actor())
            flash(done, "success")
        except DomainError as refusal:
            flash(str(refusal), "danger")
        return redirect(url_for("BillView.bill", period_id=period_id, family_id=family_id), 303)


def _said(one, bill):
    """An anomaly of a list: what it is, and where it is mended."""
    url, label = mend(one, bill)
    link = Markup(' <a href="{}">{}</a>').format(url, label) if url else ""
    blocks = Markup(' class="is-blocking"') if one["code"] in BLOCKING else ""
    return Markup("<li{}>{}{}</li>").format(blocks, sentence(one), link)


def _as_issued(line):
    """A line of a draft, with its reason where an InvoiceLine has it."""
    reason = SimpleNamespace(content=line.reason) if line.reason is not None else None
    return SimpleNamespace(**{**line._asdict(), "reason": reason, "reason_id": id(line.reason)})


def _short(amount):
    """An amount as it stands on a bar: 860, or 15,9 k."""
    if amount < 10_000:
        return format_decimal(amount, format="#,##0")
    return _("%(amount)s k", amount=format_decimal(amount / 1000, format="#,##0.#"))


def drawing(history):
    """[{…}]: a bar a period, what was issued below what is still to be, the highest as high as the drawing."""
    most = max((bar.total for bar in history), default=0) or 1
    bars = []
    for place, bar in enumerate(history):
        issued, waiting = (max(round(amount / most * HEIGHT), 0) for amount in (bar.issued, bar.waiting))
        about = {"x": place * STEP, "width": BAR, "issued": issued, "waiting": waiting, "top": HEIGHT - issued - waiting}
        bars.append({**about, "bar": bar, "label": _short(bar.total), "foot": HEIGHT - issued, "last": place == len(history) - 1})
    return bars

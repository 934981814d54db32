"""Which payments online were tried, and what must somebody look at? Money that fits nothing is posted or given back by a person."""

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from sqlalchemy.orm import joinedload

from app.core.errors import DomainError
from app.core.forms import Form, Text
from app.core.i18n import _, _l
from app.extensions import db
from app.payments.models import AttemptState, Means, PaymentAttempt, Suspense
from app.payments.online import accept_suspense, dismiss_suspense
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.income import OfFamily
from app.staff.interface import actor, saving
from app.staff.parts import Facet
from app.staff.views import screen


class AttemptView(OfFamily):
    """Payments online, as the bank answered."""

    noun, model, route_base = Noun.payment, PaymentAttempt, "/mairie/paiements-en-ligne"
    route_methods = ("list", "export")
    list_title = _l("Payments online")
    labels = {
        "reference": _l("Reference"),
        "started_at": _l("Begun"),
        "amount": _l("Amount"),
        "state": _l("State"),
        "provider": _l("By"),
        "trouble": _l("Trouble"),
    }
    list_columns = ["reference", "started_at", "family", "code", "amount", "state", "provider", "trouble"]
    search_columns = ["reference", "started_at"]
    first_sort = (PaymentAttempt.id.desc(),)
    facets = (
        Facet(
            "state",
            _l("State"),
            lambda: [(state.name, state.label) for state in AttemptState],
            lambda value: PaymentAttempt.state == AttemptState[value] if value in AttemptState.__members__ else None,
        ),
    )

    def row_url(self, row):
        return url_for("FamilyView.family", family_id=row.family_id)


class OutcomeForm(Form):
    """What was done about money that fits nothing."""

    outcome = Text(_l("What was done? For instance: given back by transfer on 3 December"), longest=200)


class SuspenseView(OfFamily):
    """Money that waits for somebody."""

    noun, model, route_base = Noun.payment, Suspense, "/mairie/paiements-a-voir"
    route_methods = ("list",)
    list_title = _l("Payments to look at")
    labels = {
        "found_at": _l("Found"),
        "amount": _l("Amount"),
        "reason": _l("What is odd"),
        "outcome": _l("What was done"),
        "closed_by": _l("By"),
    }
    list_columns = ["found_at", "family", "code", "amount", "reason", "outcome", "closed_by"]
    first_sort = (Suspense.id.desc(),)
    facets = (
        Facet(
            "which",
            _l("Shown"),
            lambda: [("open", _l("to be looked at")), ("closed", _l("looked after"))],
            lambda value: {"open": Suspense.closed_at.is_(None), "closed": Suspense.closed_at.is_not(None)}.get(value),
            default="open",
        ),
    )
    method_permission_name = {**OfFamily.method_permission_name, "suspense": "read", "close": "edit"}

    @classmethod
    def more_routes(cls):
        return ("suspense", "close")

    def row_url(self, row):
        return url_for("SuspenseView.suspense", suspense_id=row.id)

    @expose("/<int(max=2147483647):suspense_id>/")
    @screen
    def suspense(self, suspense_id):
        return self._page(suspense_id, OutcomeForm())

    def _page(self, suspense_id, form, status=200):
        row = db.session.get(Suspense, suspense_id, options=[joinedload(Suspense.family), joinedload(Suspense.attempt)]) or abort(404)
        page = self.render_template(
            "staff/suspense.html",
            title=_("Payment to look at"),
            row=row,
            means=Means[row.means],
            form=form,
            may_close=may(Noun.payment, "edit") and row.closed_at is None,
        )
        return page, status

    @expose("/<int(max=2147483647):suspense_id>/clore", methods=["POST"])
    @screen
    def close(self, suspense_id):
        form = OutcomeForm()
        if db.session.get(Suspense, suspense_id) is None:
            abort(404)
        try:
            with saving():
                row = db.session.get(Suspense, suspense_id)
                if request.form.get("do") == "post":
                    accept_suspense(row, by=actor())
                else:
                    dismiss_suspense(row, form.outcome.data or "", by=actor())
        except DomainError as refusal:
            form.refuse(refusal)
            return self._page(suspense_id, form, 422)
        flash(_("Looked after."), "success")
        return redirect(url_for("SuspenseView.list"), code=303)

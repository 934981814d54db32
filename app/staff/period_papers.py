"""How does the town hand out the invoices of a period? One PDF for the printer, or a ZIP; those that no mail reaches, or all."""

from flask import abort, request, send_file
from flask_appbuilder import BaseView, expose
from flask_login import current_user

from app.audit.operations import note_export
from app.billing.bundle import bundle, one_pdf, zip_of
from app.billing.models import BillingPeriod
from app.core.errors import DomainError
from app.core.files import clean_name
from app.core.i18n import _, _p
from app.extensions import db
from app.security.who_sees_what import Noun
from app.staff.views import screen


class PapersOfPeriodView(BaseView):
    """The papers of a period."""

    noun = Noun.bill
    route_base = "/mairie/facturation"
    default_view = "papers"
    class_permission_name = noun.value
    method_permission_name = dict.fromkeys(("papers", "together", "packed"), "read")

    @expose("/<int(max=2147483647):period_id>/papiers")
    @screen
    def papers(self, period_id):
        period = db.session.get(BillingPeriod, period_id) or abort(404)
        found = bundle(period_id)
        return self.render_template(
            "staff/billing/papers.html",
            title=_("Print: %(period)s", period=period.title),
            period=period,
            found=found,
            ready=found.ready(),
            unreached=found.ready(unreached_only=True),
        )

    @expose("/<int(max=2147483647):period_id>/factures.pdf")
    @screen
    def together(self, period_id):
        period, items = self._asked(period_id)
        return _sent(one_pdf(items, both_sides=request.args.get("sides") == "2"), "application/pdf", f"{period.title}.pdf")

    @expose("/<int(max=2147483647):period_id>/factures.zip")
    @screen
    def packed(self, period_id):
        period, items = self._asked(period_id)
        return _sent(zip_of(items), "application/zip", f"{period.title}.zip")

    @staticmethod
    def _asked(period_id):
        """(the period, the Items that the address asks for); what leaves the house in bulk is noted."""
        period = db.session.get(BillingPeriod, period_id) or abort(404)
        items = bundle(period_id).ready(unreached_only=request.args.get("whose") == "unreached")
        if not items:
            raise DomainError(_("No PDF is ready yet. Look again in a few minutes."))
        note_export(Noun.bill, len(items), _("Invoices: %(period)s", period=period.title), by=current_user)
        return period, items


def _sent(content, media_type, filename):
    name = clean_name(_p("file name", "invoices") + f" {filename}")
    return send_file(content, mimetype=media_type, as_attachment=True, download_name=name, max_age=0)

"""What would a month cost? An estimate (devis) of the usual weeks, as a page and as a document to print."""

from datetime import date, timedelta

from flask import request
from flask_appbuilder import expose

from app.billing.addressees import addressees
from app.billing.estimate import estimate
from app.billing.letterhead import letterhead
from app.core import clock
from app.core.i18n import _, date_text
from app.documents.pdf import pdf_response, render_pdf
from app.portal.queries import children_and_lot
from app.portal.views import PortalView
from app.security.who_sees_what import Noun

#: So many months are offered, this one first.
MONTHS = 12


class EstimateView(PortalView):
    """The estimate of a month."""

    class_permission_name = Noun.bill.value
    method_permission_name = {"estimate": "read", "pdf": "read"}

    @expose("/devis/")
    def estimate(self):
        family_id, month = self.enter(Noun.bill).family_id, asked_month()
        return self.render_template(
            "portal/estimate.html",
            title=_("Estimate of a month"),
            found=of_month(family_id, month),
            month=month,
            months=[(f"{first:%Y-%m}", date_text(first, "LLLL yyyy")) for first in coming_months()],
        )

    @expose("/devis.pdf")
    def pdf(self):
        family_id, month = self.enter(Noun.bill).family_id, asked_month()
        title = _("Estimate %(month)s", month=date_text(month, "LLLL yyyy"))
        found, whom = of_month(family_id, month), addressees([family_id])[family_id]
        days = {"month": month, "last": last_of(month), "today": clock.today()}
        content = render_pdf("estimate", title=title, found=found, whom=whom, head=letterhead(), **days)
        return pdf_response(content, f"{title}.pdf")


def of_month(family_id, month):
    """The Estimate of the family's children for the month that begins on a day."""
    return estimate(children_and_lot()[0], family_id, month, last_of(month))


def coming_months():
    """The first days of the months that are offered."""
    first, found = clock.today().replace(day=1), []
    for _month in range(MONTHS):
        found.append(first)
        first = last_of(first) + timedelta(days=1)
    return found


def last_of(first):
    """The last day of the month that begins on a day."""
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def asked_month():
    """The first day of the month that the address asks for; the next one where it makes no sense."""
    offered = coming_months()
    try:
        first = date.fromisoformat(f"{request.args.get('month', '')}-01")
    except ValueError:
        return offered[1]
    return first if first in offered else offered[1]

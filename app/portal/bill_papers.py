"""Which papers can a household take from its account? Tax certificate, attestations of presence, the statement of a year."""

from flask import abort
from flask_appbuilder import expose

from app.billing.certificates import paid_years, presence_pdf, school_year_of, statement_pdf, tax_pdf
from app.billing.queries import statement
from app.children.queries import child_of
from app.core import clock
from app.core.i18n import _, _p
from app.documents.pdf import pdf_response
from app.portal.queries import own_children
from app.portal.views import PortalView
from app.security.who_sees_what import Noun

#: An address names years that there may be.
YEAR = "<int(min=2000,max=2999):year>"


class BillPapersView(PortalView):
    """Papers for the taxes, an employer, the fund: each made when it is asked for."""

    class_permission_name = Noun.bill.value
    method_permission_name = dict.fromkeys(("papers", "tax", "presence", "year"), "read")

    @expose("/documents/")
    def papers(self):
        family_id, this = self.enter(Noun.bill).family_id, school_year_of(clock.today())
        return self.render_template(
            "portal/statement/papers.html",
            title=_("Documents"),
            tax_years=paid_years(family_id),
            years=statement(family_id).years,
            children=own_children(archived=True),
            school_years=(this, this - 1),
            this_year=clock.today().year,
        )

    @expose(f"/documents/impots-{YEAR}.pdf")
    def tax(self, year):
        content = tax_pdf(self.enter(Noun.bill).family_id, year)
        return pdf_response(content, _p("file name", "tax-certificate") + f"-{year}.pdf")

    @expose(f"/documents/releve-{YEAR}.pdf")
    def year(self, year):
        content = statement_pdf(self.enter(Noun.bill).family_id, year)
        return pdf_response(content, _p("file name", "statement") + f"-{year}.pdf")

    @expose(f"/documents/presence-<int(max=2147483647):child_id>-{YEAR}.pdf")
    def presence(self, child_id, year):
        family_id = self.enter(Noun.bill).family_id
        child = child_of(family_id, child_id) or abort(404)
        return pdf_response(presence_pdf(family_id, child, year), _p("file name", "presence") + f"-{child}-{year}.pdf")

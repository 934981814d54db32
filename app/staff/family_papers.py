"""Which papers does the town give a household at the desk? Tax certificate, attestation of presence, statement of a year."""

from flask import abort
from flask_appbuilder import BaseView, expose

from app.billing.certificates import paid_years, presence_pdf, school_year_of, statement_pdf, tax_pdf
from app.billing.queries import statement
from app.children.queries import child_of, children_of
from app.core import clock
from app.core.i18n import _, _p
from app.documents.pdf import pdf_response
from app.extensions import db
from app.families.models import Family
from app.security.who_sees_what import Noun
from app.staff.views import screen

FAMILY = "/<int(max=2147483647):family_id>/documents"
YEAR = "<int(min=2000,max=2999):year>"


class FamilyPapersView(BaseView):
    """The papers of a household's account, as it sees them itself."""

    noun = Noun.bill
    route_base = "/mairie/familles"
    default_view = "papers"
    class_permission_name = noun.value
    method_permission_name = dict.fromkeys(("papers", "tax", "year", "presence"), "read")

    @expose(f"{FAMILY}/")
    @screen
    def papers(self, family_id):
        family, this = _family(family_id), school_year_of(clock.today())
        return self.render_template(
            "staff/billing/family_papers.html",
            title=_("Papers for %(family)s", family=family.name),
            family=family,
            tax_years=paid_years(family_id),
            years=statement(family_id).years,
            children=children_of(family_id),
            school_years=(this, this - 1),
        )

    @expose(f"{FAMILY}/impots-{YEAR}.pdf")
    @screen
    def tax(self, family_id, year):
        family = _family(family_id)
        return pdf_response(tax_pdf(family_id, year), _p("file name", "tax-certificate") + f"-{year}-{family.name}.pdf")

    @expose(f"{FAMILY}/releve-{YEAR}.pdf")
    @screen
    def year(self, family_id, year):
        family = _family(family_id)
        return pdf_response(statement_pdf(family_id, year), _p("file name", "statement") + f"-{year}-{family.name}.pdf")

    @expose(f"{FAMILY}/presence-<int(max=2147483647):child_id>-{YEAR}.pdf")
    @screen
    def presence(self, family_id, child_id, year):
        child = child_of(_family(family_id).id, child_id) or abort(404)
        return pdf_response(presence_pdf(family_id, child, year), _p("file name", "presence") + f"-{child}-{year}.pdf")


def _family(family_id):
    return db.session.get(Family, family_id) or abort(404)

"""How did a household come to what it owes? Its account as a clerk reads it: entries of a year, the balance after each, as a file."""

from flask import abort, request, url_for
from flask_appbuilder import BaseView, expose

from app.billing.models import EntryKind
from app.billing.queries import statement
from app.core.forms import named_id
from app.core.i18n import _
from app.extensions import db
from app.families.models import Family
from app.payments.queries import receipts
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.exports import exported
from app.staff.views import screen

ACCOUNT = "/<int(max=2147483647):family_id>/compte"


class FamilyAccountView(BaseView):
    """The account of a household."""

    noun = Noun.bill
    route_base = "/mairie/familles"
    default_view = "account"
    class_permission_name = noun.value
    method_permission_name = {"account": "read", "download": "read"}

    @expose(f"{ACCOUNT}/")
    @screen
    def account(self, family_id):
        family, found = _asked(family_id)
        paid = [row.id for row in found.movements if row.kind is EntryKind.payment]
        return self.render_template(
            "staff/billing/account.html",
            title=_("Account of %(family)s", family=family.name),
            family=family,
            statement=found,
            receipts=receipts(paid) if may(Noun.payment, "read") else {},
            tabs=[(str(year), url_for("FamilyAccountView.account", family_id=family.id, annee=year), None) for year in found.years],
            what=what,
            may_receive=may(Noun.payment, "edit") and family.archived_at is None,
        )

    @expose(f"{ACCOUNT}.<any(csv, xlsx):kind>")
    @screen
    def download(self, family_id, kind):
        family, found = _asked(family_id)
        title = _("Account of %(family)s, %(year)s", family=family.name, year=found.year)
        labels = [_("Day"), _("What"), _("Charged"), _("Paid"), _("Balance")]
        rows = [(row.day, what(row), *_sides(row.amount), row.balance) for row in found.movements]
        return exported(
            kind, title, labels, [(found.first_day, _("Balance on 1 January"), None, None, found.opening), *rows], noun=self.noun
        )


def _asked(family_id):
    """(the Family, its Statement of the year that the address asks for)."""
    family = db.session.get(Family, family_id) or abort(404)
    year = named_id(request.args.get("annee"))
    return family, statement(family_id, year if year and 2000 <= year < 3000 else None)


def _sides(amount):
    """(charged, paid)"""
    return (amount, None) if amount >= 0 else (None, -amount)


def what(row):
    """A Movement in words."""
    if row.number and row.corrects:
        return _("Credit note %(number)s, cancels invoice %(other)s", number=row.number, other=row.corrects)
    if row.number:
        return _("Invoice %(number)s, %(period)s", number=row.number, period=row.period["title"])
    kind = str(row.kind.label).capitalize()
    return f"{kind}, {row.title}" if row.title else kind

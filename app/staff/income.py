"""What does the town keep of a household's income and bank? Lists that say no value; pages for those who may see them."""

from flask import request, url_for
from sqlalchemy.orm import joinedload
from wtforms import DateField

from app.billing.quotients import refuse_if_billed
from app.core import clock, search
from app.core.amounts import AmountField, AmountRange
from app.core.forms import Choice, Required, Text
from app.core.i18n import _, _l, date_text
from app.documents.forms import UploadField
from app.documents.models import StoredFile
from app.documents.operations import release
from app.extensions import db
from app.families.models import BankDetails, CafData, Family, IncomeQuotient, Mandate, QuotientSource, TaxData
from app.families.operations import enter_quotient
from app.families.rules import first_of_next_month, mask_iban
from app.security.who_sees_what import Noun
from app.staff.editors import Editor
from app.staff.forms import RowNamed, StaffForm
from app.staff.parts import Deed
from app.staff.sections import section_url
from app.staff.views import StaffView


class OfFamily(StaffView):
    """Records that belong to a family: searched by its name or code, and the family's page is where they lead."""

    search_hint = _l("Name or code of a family")
    labels = {"family": _l("Family"), "code": _l("Code")}
    section = ""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if cls.model is not None:
            family = cls.model.family
            cls.matches = staticmethod(lambda word: family.has(search.contains(Family.name, word) | search.contains(Family.code, word)))
            cls.labels = {**OfFamily.labels, **cls.labels}
            cls.loads = (joinedload(family), *cls.loads)

    def cell_family(self, row):
        return row.family.name

    def cell_code(self, row):
        return row.family.code

    def row_url(self, row):
        return url_for("FamilyView.family", family_id=row.family_id)

    def back_url(self, row=None):
        return url_for("FamilyView.family", family_id=row.family_id) if row is not None else super().back_url()

    def back_label(self, row=None):
        return str(row.family) if row is not None else super().back_label()

    def deeds(self, row):
        url = section_url(self.section, row.family_id) if self.section else ""
        return [Deed(_("Change"), url, "pencil", "primary")] if url else []


class TaxView(OfFamily):
    """Tax notices: which year, never how much."""

    noun, model, route_base, section = Noun.tax, TaxData, "/mairie/impots", "tax"
    route_methods = ("list",)
    list_title = _l("Tax information")
    labels = {"proof": _l("Tax notice in the file")}
    list_columns = ["family", "code", "proof"]

    def cell_proof(self, row):
        return row.proof_id is not None


class CafView(OfFamily):
    """Funds of the households."""

    noun, model, route_base, section = Noun.caf, CafData, "/mairie/caf", "caf"
    route_methods = ("list", "export")
    list_title = _l("CAF information")
    labels = {"fund": _l("Fund"), "consent": _l("Lets the town ask"), "proof": _l("Proof in the file")}
    list_columns = ["family", "code", "fund", "consent", "proof"]
    search_columns = ["fund", "consent"]

    def cell_proof(self, row):
        return row.proof_id is not None


class QuotientForm(StaffForm):
    """A quotient and the month from which it counts."""

    noun = Noun.caf
    family = RowNamed(_l("Family"), of="famille", required=True)
    value = AmountField(_l("Income quotient (quotient familial), in euros"), [AmountRange(0, 99_999)], required=True)
    counts_from = DateField(
        _l("Counts from (a month)"),
        [Required()],
        description=_l("From the first of this month on. Never backwards, unless it is the family's first one."),
    )
    source = Choice(_l("Where it was read"), of=QuotientSource, required=True)
    proof_id = UploadField(_l("Proof (scan or photograph)"))


class CorrectionForm(StaffForm):
    """A quotient that was mistyped. Its month stays."""

    noun = Noun.caf
    value = AmountField(_l("Income quotient (quotient familial), in euros"), [AmountRange(0, 99_999)], required=True)
    source = Choice(_l("Where it was read"), of=QuotientSource, required=True)
    proof_id = UploadField(_l("Proof (scan or photograph)"))
    reason = Text(_l("Why is it corrected? It is kept in the log"), longest=200, required=True)


class QuotientEditor(Editor):
    """A quotient, entered by the rules of families.operations; corrected or taken away as long as nobody was billed by it."""

    secret = True

    def create(self, values):
        family, proof_id = db.session.get(Family, values["family"]), values.get("proof_id")
        value, month = (self.decode(name, values[name]) for name in ("value", "counts_from"))
        if proof_id:
            db.session.get(StoredFile, proof_id).family_id = family.id
        return enter_quotient(family, value, month, QuotientSource[values["source"]], proof_id)

    def write(self, row, values):
        refuse_if_billed(row)
        row.why = values.get("reason", "")
        super().write(row, {name: value for name, value in values.items() if name != "reason"})

    def about(self, row):
        return {"note": getattr(row, "why", "")}

    def refuse_to_delete(self, row):
        refuse_if_billed(row)

    def remove(self, row):
        release([row.proof_id] if row.proof_id else [])
        super().remove(row)


class QuotientView(OfFamily):
    """Quotients by month; the values stand on the families' pages."""

    noun, model, route_base = Noun.caf, IncomeQuotient, "/mairie/quotients"
    route_methods = ("list", "export", "add", "edit", "delete")
    list_title, add_title = _l("Income quotients"), _l("New quotient")
    form_intro = _l("Only as long as no invoice rests on it. Who corrected it, and why, is kept in the log.")
    labels = {"counts_from": _l("Counts from"), "source": _l("Source"), "recorded_at": _l("Entered")}
    list_columns = ["family", "code", "counts_from", "source", "recorded_at"]
    search_columns = ["counts_from", "source", "recorded_at"]
    first_sort = (IncomeQuotient.counts_from.desc(),)
    editor = QuotientEditor(IncomeQuotient, CorrectionForm)

    def form_for(self, row=None):
        if row is None:
            return QuotientForm(key="new-quotient", data=self.beginning())
        shown = self.editor.read(row)
        data = {name: self.editor.decode(name, value) for name, value in shown.items()}
        return CorrectionForm(key=f"{self.editor.name}:{row.id}", shown=shown, data=data, family_id=row.family_id)

    def _try(self, form, write):
        if isinstance(form, QuotientForm):
            return super()._try(form, lambda: self.datamodel.add(QuotientEditor(IncomeQuotient, QuotientForm), form))
        return super()._try(form, write)

    def name_of(self, row):
        return _("quotient from %(month)s", month=date_text(row.counts_from, "LLLL yyyy"))

    def beginning(self):
        return {
            "family": request.args.get("family", type=int),
            "counts_from": first_of_next_month(clock.today()),
            "source": QuotientSource.proof,
        }


class BankView(OfFamily):
    """Bank details: that they exist, never which account."""

    noun, model, route_base, section = Noun.bank, BankDetails, "/mairie/banque", "bank"
    route_methods = ("list",)
    list_title = _l("Bank information")
    labels = {"direct_debit": _l("Direct debit"), "proof": _l("Bank slip in the file")}
    list_columns = ["family", "code", "direct_debit", "proof"]
    search_columns = ["direct_debit"]

    def cell_proof(self, row):
        return row.proof_id is not None


class MandateView(OfFamily):
    """SEPA mandates: read only, a change of the bank details ends one and signs another."""

    noun, model, route_base = Noun.bank, Mandate, "/mairie/mandats"
    route_methods = ("list", "export", "show")
    list_title = _l("SEPA mandates")
    labels = {"reference": _l("Reference"), "signed_on": _l("Signed on"), "ended_on": _l("Ended on"), "account": _l("Account")}
    list_columns = ["reference", "family", "code", "signed_on", "ended_on"]
    show_columns = ["reference", "family", "account", "signed_on", "ended_on"]
    search_columns = ["reference", "signed_on", "ended_on"]
    first_sort = (Mandate.id.desc(),)

    def cell_account(self, row):
        return mask_iban(row.iban)

    def row_url(self, row):
        return url_for("MandateView.show", pk=row.id)

"""What may a family ask about itself? Guardian, spouse, tax, CAF, bank details."""

from decimal import Decimal

from flask import request, url_for
from flask_login import current_user
from markupsafe import Markup
from wtforms import BooleanField, DateField, DecimalField, IntegerField
from wtforms.validators import NumberRange, Optional

from app.changes.forms import ProvenForm, SectionForm
from app.changes.kinds import Finding, Kind, Tab, register
from app.changes.models import Lane
from app.core import clock
from app.core.amounts import AmountField, AmountRange
from app.core.codec import encode
from app.core.errors import DomainError
from app.core.forms import Choice, Email, InThePast, PersonName, Phone, Postcode, Required, Text
from app.core.i18n import _, _l, date_text
from app.core.money import format_quotient
from app.documents.forms import UploadField
from app.families.models import Adult, AdultRole, BankDetails, CafData, Civility, Family, Fund, QuotientSource, TaxData
from app.families.operations import enter_quotient, set_bank_details, set_fund
from app.families.rules import BirthCode, Digits, Iban, NoticeReference, first_of_next_month, group_iban, mask_iban
from app.security.queries import address_of
from app.security.scope import standing
from app.security.who_sees_what import Noun

NAMES = {"civility", "last_name", "birth_name", "first_name", "birth_date"}


class AdultForm(ProvenForm):
    """Who an adult is and how to reach them."""

    proof_hint = _l("For another name, an identity document. For another address, a recent bill.")

    layout = (
        (_l("Identity"), ["civility", "last_name", "birth_name", "first_name", "birth_date"]),
        (_l("Address"), ["address", "address_more", "postcode", "city"]),
        (_l("Telephone and e-mail"), ["mobile", "phone", "work_phone", "email"]),
        (_l("Work"), ["profession", "employer"]),
    )
    civility = Choice(_l("Title"), of=Civility)
    last_name = Text(_l("Last name"), [PersonName()], required=True, render_kw={"autocomplete": "family-name"})
    birth_name = Text(_l("Birth name"), [PersonName()])
    first_name = Text(_l("First name"), [PersonName()], required=True, render_kw={"autocomplete": "given-name"})
    birth_date = DateField(_l("Date of birth"), [Optional(), InThePast()])
    address = Text(_l("Address"), longest=120, render_kw={"autocomplete": "address-line1"})
    address_more = Text(_l("Building, floor"), longest=120, render_kw={"autocomplete": "address-line2"})
    postcode = Text(_l("Postcode"), [Postcode()], longest=5, render_kw={"autocomplete": "postal-code", "inputmode": "numeric"})
    city = Text(_l("Town"), render_kw={"autocomplete": "address-level2"})
    mobile = Text(_l("Mobile telephone"), [Phone()], longest=20, render_kw={"autocomplete": "tel", "inputmode": "tel"})
    phone = Text(_l("Home telephone"), [Phone()], longest=20, render_kw={"inputmode": "tel"})
    work_phone = Text(_l("Telephone at work"), [Phone()], longest=20, render_kw={"inputmode": "tel"})
    email = Text(_l("E-mail address"), [Email()], longest=254, render_kw={"autocomplete": "email", "inputmode": "email"})
    profession = Text(_l("Profession"))
    employer = Text(_l("Employer"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        found = standing()
        if found.viewer.value == self.kind.role.value and not found.by_clerk and address_of(current_user) is not None:
            link = Markup('<a href="{}">{}</a>').format(url_for("OwnAccountView.address"), _("Change it there too."))
            self.email.description = Markup("{} {}").format(_("Our mails go to your sign-in address."), link)


class FamilyKind(Kind):
    """A section of the household's file: the row is the family's, the fields those of what belongs to it."""

    model = Family

    def of_family(self, family_id):
        return Family.id == family_id

    def child_id(self, target):
        return None


class AdultKind(FamilyKind):
    """An adult of the household."""

    form = AdultForm
    role: AdultRole

    def section_model(self):
        return Adult

    def section(self, target):
        return target.adult(self.role)

    def new_section(self, target):
        adult = Adult(role=self.role)
        target.adults.append(adult)
        return adult

    def check(self, request, target):
        findings = []
        if NAMES & set(request.changes):
            findings.append(
                Finding(Lane.look, _("A name or a date of birth changes: compare it with the proof."))
                if request.files
                else Finding(Lane.papers, _("A name or a date of birth changes, and no proof of identity came with it."))
            )
        if {"address", "postcode", "city"} & set(request.changes):
            findings.append(
                Finding(Lane.look, _("The address changes: school district, tariff of residents and a proof of address may depend on it."))
            )
        return findings

    def about(self, request, target):
        return str(target.adult(self.role) or "") if target is not None else ""


@register
class Guardian(AdultKind):
    """The guardian, in whose name the file is."""

    name, noun, tab, role = "guardian", Noun.guardian, Tab.guardian, AdultRole.guardian
    title = _l("Guardian information")


@register
class Spouse(AdultKind):
    """The other adult of the household."""

    name, noun, tab, role = "spouse", Noun.spouse, Tab.spouse, AdultRole.spouse
    title = _l("Spouse information")


class TaxForm(SectionForm):
    """The last tax notice."""

    tax_number = Text(
        _l("Tax number"),
        [Digits((13,), _l("A tax number has 13 digits; it stands on the notice."))],
        longest=20,
        render_kw={"inputmode": "numeric"},
    )
    notice_reference = Text(
        _l("Reference of the notice"),
        [NoticeReference()],
        longest=20,
        render_kw={"autocapitalize": "characters"},
    )
    income_year = IntegerField(_l("Year of the income"), [Optional(), NumberRange(2000, 2100, _l("A year, for instance 2025."))])
    reference_income = IntegerField(
        _l("Reference income (revenu fiscal de référence), in euros"),
        [Optional(), NumberRange(0, 9_999_999, _l("An amount in whole euros, not negative."))],
    )
    parts = DecimalField(_l("Number of parts"), [Optional(), NumberRange(1, 30, _l("Between 1 and 30."))], places=2)
    proof_id = UploadField(_l("Tax notice (photograph or PDF)"))


@register
class Tax(FamilyKind):
    """Income data. Never in bulk."""

    name, noun, tab = "tax", Noun.tax, Tab.tax
    title = _l("Tax information")
    form = TaxForm
    bulk, secret = False, True

    def section_model(self):
        return TaxData

    def section(self, target):
        return target.tax

    def new_section(self, target):
        target.tax = TaxData()
        return target.tax

    def refuse_if_invalid(self, proposal, family_id):
        year = proposal.after.get("income_year")
        if year and year > clock.today().year:
            raise DomainError(_("The year of the income lies in the future."))

    def check(self, request, target):
        return [] if request.files else [Finding(Lane.papers, _("No tax notice came with it."))]


class CafForm(SectionForm):
    """The household's fund."""

    layout = (
        (_l("Fund"), ["fund", "allocataire"]),
        (_l("Income quotient"), ["quotient", "proof_id"]),
        (_l("The town asks the fund itself"), ["consent", "holder", "birth_code"]),
    )
    fund = Choice(_l("Fund"), of=Fund, required=True)
    allocataire = Text(
        _l("Number at the fund (numéro allocataire)"),
        [Digits((7, 13, 15), _l("7 digits at the CAF, 13 or 15 at the MSA."))],
        longest=20,
        render_kw={"inputmode": "numeric"},
    )
    quotient = AmountField(_l("Income quotient (quotient familial), in euros"), [AmountRange(0, 99_999)])
    consent = BooleanField(
        _l("I agree that the town asks the fund for my quotient"),
        description=_l("Then no proof is needed. You can take it back here at any time."),
    )
    holder = Choice(_l("In whose name is the file at the fund?"), of=AdultRole)
    birth_code = Text(
        _l("Where that person was born (5 characters)"),
        [BirthCode()],
        longest=7,
        description=_l("As in the social security number, after the month: 77284 in 2 84 05 77 284 123 45."),
        render_kw={"autocomplete": "off"},
    )
    proof_id = UploadField(_l("Proof of the quotient (photograph or PDF)"))


@register
class Caf(FamilyKind):
    """Fund, number and quotient. A new quotient counts from the next month."""

    name, noun, tab = "caf", Noun.caf, Tab.caf
    title = _l("CAF information")
    form = CafForm
    bulk, secret = False, True
    hint = _l("A new quotient counts from the month after it has been accepted, never backwards.")

    def section_model(self):
        return CafData

    def section(self, target):
        return target.caf

    def new_section(self, target):
        target.caf = CafData()
        return target.caf

    def type_of(self, name):
        return Decimal if name == "quotient" else super().type_of(name)

    def read(self, target):
        row = self.section(target)
        values = {name: None if row is None else encode(getattr(row, name)) for name in self.fields if name != "quotient"}
        return values | {"quotient": encode(target.quotients[-1].value) if target.quotients else None}

    def write(self, target, values, *, request):
        values = dict(values)
        if "quotient" in values and (value := values.pop("quotient")) is not None:
            enter_quotient(target, self.decode("quotient", value), first_of_next_month(clock.today()), QuotientSource.proof)
        if "fund" in values and self.section(target) is not None:
            set_fund(self.section(target), self.decode("fund", values.pop("fund")))
        super().write(target, values, request=request)

    def refuse_if_invalid(self, proposal, family_id):
        after = proposal.after
        if after.get("consent") and not (after.get("holder") and after.get("birth_code")):
            raise DomainError(_("So that the town can ask the fund: say in whose name the file is, and where that person was born."))

    def show(self, name, value):
        if name == "quotient" and value is not None:
            return f"{format_quotient(self.decode(name, value))}\u00a0€"
        return super().show(name, value)

    def stands(self, name, value, target):
        if name != "quotient" or not target.quotients:
            return super().stands(name, value, target)
        today = clock.today()
        begun = [row for row in target.quotients if row.counts_from <= today][-1:]
        said = [_("%(value)s since %(day)s", value=self._amount(row), day=date_text(row.counts_from)) for row in begun]
        to_come = [row for row in target.quotients if row.counts_from > today]
        return ", ".join(said + [_("%(value)s from %(day)s", value=self._amount(row), day=date_text(row.counts_from)) for row in to_come])

    def _amount(self, row):
        return self.show("quotient", encode(row.value))

    def check(self, request, target):
        if "quotient" in request.changes and not request.files:
            return [Finding(Lane.papers, _("A quotient without a proof."))]
        return []


class BankForm(SectionForm):
    """The account for direct debits."""

    holder = Text(_l("Account holder"), [PersonName()], longest=70, required=True)
    iban = Text(_l("IBAN"), [Required(), Iban()], longest=42, render_kw={"autocomplete": "off", "spellcheck": "false"})
    direct_debit = BooleanField(_l("I want my bills to be paid by direct debit (this signs a SEPA mandate)"))
    proof_id = UploadField(_l("Bank details slip, RIB (photograph or PDF)"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if request.method != "POST":
            self.iban.data = mask_iban(self.iban.data)

    def validate(self, extra_validators=None):
        """The masked number, left as it was shown, means the number itself."""
        shown = (self.token or {}).get("shown", {}).get("iban")
        untouched = bool(shown) and self.iban.data == mask_iban(shown)
        if untouched:
            self.iban.data = shown
        valid = super().validate(extra_validators)
        if untouched and not valid:
            self.iban.data = mask_iban(shown)
        return valid


@register
class Bank(FamilyKind):
    """The account and the mandate. Never in bulk; the family types its password again."""

    name, noun, tab = "bank", Noun.bank, Tab.bank
    title = _l("Bank information")
    form = BankForm
    bulk, secret, needs_password = False, True, True

    def section_model(self):
        return BankDetails

    def section(self, target):
        return target.bank

    def write(self, target, values, *, request):
        set_bank_details(target, {name: self.decode(name, value) for name, value in values.items()})

    def show(self, name, value):
        return mask_iban(value) if name == "iban" else super().show(name, value)

    def reveal(self, name, value):
        return group_iban(value) if name == "iban" and value else super().show(name, value)

    def check(self, request, target):
        return [] if request.files else [Finding(Lane.papers, _("No bank slip came with it."))]

"""What may a family ask about a child? A new one, authorisations, pick-up persons, complementary and health data, photo, school."""

from datetime import date

from flask import g
from sqlalchemy import select, true
from sqlalchemy.orm.util import identity_key
from wtforms import DateField, SelectField
from wtforms.validators import Optional

from app.changes.forms import ProvenForm, SectionForm
from app.changes.kinds import Finding, Kind, Tab, register
from app.changes.models import Act, Lane
from app.children.models import Child, ComplementaryData, Diet, HealthRecord, Level, PickUpPerson, School, SchoolYear, Sex, Subject
from app.children.operations import add_child, enrol_in_school, name_pickup_person, set_authorisation, withdraw_pickup_person
from app.children.queries import child_of, enrolment_to_come, open_schools, years_to_enrol
from app.children.vaccines import Valency, missing_vaccines, required_vaccines
from app.core import clock
from app.core.codec import encode
from app.core.errors import DomainError
from app.core.forms import Choice, InThePast, LongText, PersonName, Phone, Required, Text, YesNo, option
from app.core.i18n import _, _l
from app.documents.forms import UploadField
from app.extensions import db
from app.security.who_sees_what import Noun


class ChildKind(Kind):
    """A section of a child's file: the row is the child."""

    model = Child

    def child_id(self, target):
        return target.id if target is not None else None

    def about(self, request, target):
        return str(target) if target is not None else ""


class NewChildForm(ProvenForm):
    """Who the child is."""

    proof_hint = _l("The family record book (the child's page and yours), or the birth certificate.")

    first_name = Text(_l("First name"), [PersonName()], required=True)
    last_name = Text(_l("Last name"), [PersonName()], required=True)
    birth_date = DateField(_l("Date of birth"), [Required(), InThePast(20)])
    birth_place = Text(_l("Place of birth"))
    sex = Choice(_l("Girl or boy"), of=Sex)


@register
class NewChild(ChildKind):
    """A child that the town does not know yet."""

    name, noun, tab = "new_child", Noun.child, Tab.new_child
    title = _l("New child")
    form = NewChildForm
    acts = frozenset({Act.add})
    bulk = False

    def create(self, values, *, request):
        return add_child(request.family_id, {name: self.decode(name, value) for name, value in values.items()})

    def about(self, request, target):
        return " ".join(str(request.changes[name]["after"]) for name in ("first_name", "last_name") if name in request.changes)

    def check(self, request, target):
        wanted = {name: request.changes.get(name, {}).get("after") for name in ("first_name", "last_name", "birth_date")}
        born = date.fromisoformat(wanted["birth_date"])
        twin = select(Child.id).where(Child.birth_date == born, db.func.lower(Child.first_name) == wanted["first_name"].lower()).limit(1)
        findings = [
            Finding(Lane.look, _("Identity and custody: look at the family record book or the birth certificate."))
            if request.files
            else Finding(Lane.papers, _("Neither the family record book nor a birth certificate came with it."))
        ]
        if db.session.scalar(twin) is not None:
            findings.append(Finding(Lane.look, _("The town already knows a child of this first name, born on the same day.")))
        return findings


class AuthorisationsForm(SectionForm):
    """Yes or no on each subject."""

    image = YesNo(_l("My child may be photographed and filmed"))
    leaving_alone = YesNo(_l("My child may leave alone"))
    hospital = YesNo(_l("In an emergency, my child may be taken to hospital and treated"))
    transport = YesNo(_l("My child may travel by bus or car with the service"))
    swimming = YesNo(_l("My child may swim and play in water"))


@register
class Authorisations(ChildKind):
    """What the parents allow; every answer is dated, and the former ones are kept."""

    name, noun, tab = "authorisations", Noun.authorisations, Tab.authorisations
    title = _l("Authorisations")
    form = AuthorisationsForm
    hint = _l("Each answer counts from the day on which it is accepted. You may change it whenever you like.")

    def type_of(self, name):
        return bool

    def read(self, target):
        current = {row.subject.name: row.granted for row in target.authorisations if row.ended_on is None}
        return {name: current.get(name) for name in self.fields}

    def write(self, target, values, *, request):
        for name, value in values.items():
            set_authorisation(target, Subject[name], value, family_id=request.family_id)

    def check(self, request, target):
        findings = []
        if request.changes.get("leaving_alone", {}).get("after") and clock.age(target.birth_date, clock.today()) < 8:
            findings.append(Finding(Lane.look, _("A child under 8 would leave alone.")))
        given = [row for row in target.authorisations if row.ended_on is None and row.family_id not in (None, request.family_id)]
        if others := [str(row.subject.label) for row in given if row.subject.name in request.changes]:
            findings.append(Finding(Lane.look, _("The other household has answered otherwise: %(subjects)s.", subjects=", ".join(others))))
        return findings


class PickUpForm(SectionForm):
    """Who may fetch the child."""

    first_name = Text(_l("First name"), [PersonName()], required=True)
    last_name = Text(_l("Last name"), [PersonName()], required=True)
    relation = Text(_l("Who is it to the child?"), longest=60, render_kw={"placeholder": _l("grandmother, neighbour…")})
    phone = Text(_l("Telephone"), [Phone()], longest=20, required=True, render_kw={"inputmode": "tel"})
    photo_id = UploadField(_l("Photograph"), pictures_only=True)


@register
class PickUp(Kind):
    """A person whom this household lets fetch the child. Never in bulk."""

    name, noun, tab = "pickup", Noun.pickup, Tab.authorisations
    title = _l("Persons who may pick up")
    model = PickUpPerson
    form = PickUpForm
    acts = frozenset({Act.add, Act.edit, Act.delete})
    bulk = False

    def parent(self, child_id, family_id):
        return child_of(family_id, child_id) if child_id else None

    def refuse_if_invalid(self, proposal, family_id):
        if proposal.act is Act.add and self.parent(proposal.child_id, family_id) is None:
            raise DomainError(_("This child is not in your file."))

    def create(self, values, *, request):
        return name_pickup_person(request.child_id, request.family_id, {name: self.decode(name, value) for name, value in values.items()})

    def remove(self, target, *, request):
        withdraw_pickup_person(target)

    def about(self, request, target):
        return (
            str(target)
            if target is not None
            else " ".join(request.changes[name]["after"] for name in ("first_name", "last_name") if name in request.changes)
        )


class ComplementaryForm(SectionForm):
    """What the services need to know."""

    diet = Choice(_l("Meals at the canteen"), of=Diet, required=True)
    insurer = Text(_l("School insurance: company"))
    insurance_number = Text(_l("Policy number"), longest=40)
    insured_until = DateField(_l("Insured until"), [Optional()])
    swims = YesNo(_l("Can swim"))
    bus_line = Text(_l("School bus line and stop"), longest=60)
    habits = LongText(_l("What we should know (sleep, comforter, glasses at the desk…)"), longest=1000)


@register
class Complementary(ChildKind):
    """Diet, insurance, habits."""

    name, noun, tab = "complementary", Noun.complementary, Tab.complementary
    title = _l("Complementary data")
    form = ComplementaryForm

    def section_model(self):
        return ComplementaryData

    def section(self, target):
        return target.complementary

    def new_section(self, target):
        target.complementary = ComplementaryData()
        return target.complementary

    def check(self, request, target):
        until = request.changes.get("insured_until", {}).get("after")
        if until and date.fromisoformat(until) < clock.today():
            return [Finding(Lane.papers, _("The insurance has run out."))]
        return []


def vaccine_field(valency):
    """The date of the last injection against something."""
    return DateField(valency.label, [Optional(), InThePast(25)])


class HealthForm(SectionForm):
    """The fiche sanitaire."""

    layout = (
        (_l("Vaccines: date of the last injection"), [valency.name for valency in Valency] + ["vaccine_exemption"]),
        (_l("Allergies"), ["asthma", "food_allergies", "drug_allergies", "other_allergies", "what_to_do"]),
        (_l("Care plan (PAI)"), ["pai", "pai_until", "own_lunch", "pai_document_id"]),
        (_l("Treatment and illnesses"), ["treatment", "illnesses", "difficulties", "advice"]),
        (_l("Doctor"), ["doctor", "doctor_phone"]),
    )
    diphtheria, tetanus, polio = (vaccine_field(item) for item in (Valency.diphtheria, Valency.tetanus, Valency.polio))
    pertussis, hib, hepatitis_b = (vaccine_field(item) for item in (Valency.pertussis, Valency.hib, Valency.hepatitis_b))
    pneumococcus, meningococcus_c, measles = (
        vaccine_field(item) for item in (Valency.pneumococcus, Valency.meningococcus_c, Valency.measles)
    )
    meningococcus_acwy, meningococcus_b = (vaccine_field(item) for item in (Valency.meningococcus_acwy, Valency.meningococcus_b))
    vaccine_exemption = LongText(_l("If a vaccine is missing: why (a doctor's certificate)"), longest=500)
    asthma = YesNo(_l("Asthma"))
    food_allergies = LongText(_l("Food allergies"), longest=500)
    drug_allergies = LongText(_l("Drug allergies"), longest=500)
    other_allergies = LongText(_l("Other allergies"), longest=500)
    what_to_do = LongText(_l("What to do in case of a reaction"), longest=1000)
    pai = YesNo(_l("My child has a care plan agreed with the school doctor (PAI)"))
    pai_until = DateField(_l("Care plan valid until"), [Optional()])
    own_lunch = YesNo(_l("My child brings its own lunch, as the care plan says"))
    pai_document_id = UploadField(_l("The care plan (photograph or PDF)"))
    treatment = LongText(_l("Treatment under way"), longest=1000)
    illnesses = LongText(_l("Illnesses that the child has had (chickenpox, ear infections…)"), longest=1000)
    difficulties = LongText(_l("Health difficulties, operations, what to take care of"), longest=1000)
    advice = LongText(_l("Useful advice (glasses, hearing aid, dental brace…)"), longest=1000)
    doctor = Text(_l("Doctor"))
    doctor_phone = Text(_l("Doctor's telephone"), [Phone()], longest=20, render_kw={"inputmode": "tel"})

    @property
    def visible_parts(self):
        """The vaccines that the law asks of this child first; the others on demand."""
        first, *others = super().visible_parts
        child = db.session.get(Child, self.token["target"]) if self.token is not None else None
        if child is None:
            return [first, *others]
        required = {valency.name for valency in required_vaccines(child.birth_date)}
        asked = [field for field in first.fields if field.name in required or field.name == "vaccine_exemption"]
        return [
            first._replace(fields=asked, folded=[field for field in first.fields if field not in asked], folded_title=_("Other vaccines")),
            *others,
        ]


@register
class Health(ChildKind):
    """The fiche sanitaire (Cerfa 10008*02). Never in bulk; its values are in no log."""

    name, noun, tab = "health", Noun.health, Tab.health
    title = _l("Health data")
    form = HealthForm
    bulk, secret = False, True
    vaccines = tuple(valency.name for valency in Valency)
    #: What the people on site act by.
    urgent = {"food_allergies", "drug_allergies", "other_allergies", "asthma", "what_to_do", "pai", "pai_until", "own_lunch"}

    def section_model(self):
        return HealthRecord

    def section(self, target):
        return target.health

    def new_section(self, target):
        target.health = HealthRecord()
        return target.health

    def type_of(self, name):
        return date if name in self.vaccines else super().type_of(name)

    def read(self, target):
        row = self.section(target)
        dates = (row.vaccines or {}) if row is not None else {}
        return {name: dates.get(name) if name in self.vaccines else encode(getattr(row, name, None)) for name in self.fields}

    def write(self, target, values, *, request):
        row = self.section(target) or self.new_section(target)
        dates = {**(row.vaccines or {}), **{name: value for name, value in values.items() if name in self.vaccines}}
        row.vaccines = {name: value for name, value in dates.items() if value}
        row.updated_on = clock.today()
        super().write(target, {name: value for name, value in values.items() if name not in self.vaccines}, request=request)

    def refuse_if_invalid(self, proposal, family_id):
        child = child_of(family_id, proposal.child_id)
        given = [value for name, value in proposal.after.items() if name in self.vaccines and value]
        if child is not None and any(date.fromisoformat(value) < child.birth_date for value in given):
            raise DomainError(_("A vaccine cannot be older than the child: look at the dates again."))
        if proposal.after.get("food_allergies") and not proposal.after.get("what_to_do"):
            raise DomainError(_("Say what to do in case of a reaction: the people on site read it."))
        if proposal.after.get("own_lunch") and not proposal.after.get("pai"):
            raise DomainError(_("A lunch of one's own needs a care plan (PAI)."))

    def check(self, request, target):
        after = {**self.read(target), **{name: pair["after"] for name, pair in request.changes.items()}}
        findings = []
        if missing := missing_vaccines(target.birth_date, {name: after[name] for name in self.vaccines}):
            names = ", ".join(str(valency.label) for valency in missing)
            findings.append(
                Finding(Lane.papers, _("Required vaccines without a date: %(names)s. Provisional admission for 3 months.", names=names))
            )
        if after["pai"] and not after["pai_document_id"]:
            findings.append(Finding(Lane.papers, _("A care plan (PAI) without its document.")))
        if after["pai"] and after["pai_until"] and date.fromisoformat(after["pai_until"]) < clock.today():
            findings.append(Finding(Lane.papers, _("The care plan (PAI) has run out: ask for the new one.")))
        if self.urgent & set(request.changes):
            findings.append(Finding(Lane.look, _("Allergies or a care plan change: tell the people on site.")))
        return findings


class PhotoForm(SectionForm):
    """The child's photograph."""

    photo_id = UploadField(_l("Photograph"), pictures_only=True)


@register
class Photo(ChildKind):
    """The photograph on the child's sheet."""

    name, noun, tab = "photo", Noun.photo, Tab.complementary
    title = _l("Photograph")
    form = PhotoForm


class SchoolForm(ProvenForm):
    """A place in a school."""

    proof_hint = _l("What the town asks for, often a proof of address.")

    school_year_id = SelectField(_l("School year"), [Required()], coerce=lambda value: int(value) if value else None)
    school_id = SelectField(_l("School"), [Required()], coerce=lambda value: int(value) if value else None)
    level = Choice(_l("Level"), of=Level, required=True)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.school_year_id.choices = [option("", _("choose"))] + [option(year.id, year.name) for year in years_to_enrol()]
        self.school_id.choices = [option("", _("choose"))] + [option(school.id, school.name) for school in open_schools()]


@register
class SchoolPlace(ChildKind):
    """School enrolment: a place in a school for a year that takes enrolments."""

    name, noun, tab = "school", Noun.school, Tab.enrolments
    title = _l("School enrolment")
    form = SchoolForm
    bulk = False

    def type_of(self, name):
        return Level if name == "level" else int

    def read(self, target):
        row = enrolment_to_come(target.id)
        return {name: None if row is None else encode(getattr(row, name)) for name in self.fields}

    def refuse_if_invalid(self, proposal, family_id):
        if proposal.after.get("school_year_id") not in {year.id for year in years_to_enrol()}:
            raise DomainError(_("Enrolments for this school year are not open."))
        if proposal.after.get("school_id") not in {school.id for school in open_schools()}:
            raise DomainError(_("This school takes no children."))

    def write(self, target, values, *, request):
        wanted = {**self.read(target), **values}
        if not all(wanted.get(name) for name in self.fields):
            raise DomainError(_("School year, school and level go together: accept them together."))
        enrol_in_school(target, year_id=wanted["school_year_id"], school_id=wanted["school_id"], level=Level[wanted["level"]])

    def show(self, name, value):
        if value is None or name == "level":
            return super().show(name, value)
        row = _year_or_school(SchoolYear if name == "school_year_id" else School, value)
        return str(row) if row is not None else ""

    def check(self, request, target):
        return [Finding(Lane.look, _("School enrolments are decided one by one: school district, places, papers."))]


def _year_or_school(model, number):
    """A school year or a school. A request names both, so what is not known yet is read with all others, in one query."""
    if identity_key(model, number) not in db.session.identity_map:
        # The session forgets what nobody holds.
        g.years_and_schools = db.session.execute(select(SchoolYear, School).outerjoin(School, true())).all()
    return db.session.get(model, number)

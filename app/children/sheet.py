"""What is printed on a child's sheet? What its reader may see, of the reader's household alone; simple or full."""

from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from app.audit.operations import note_health_read
from app.changes.kinds import kind_of
from app.children.models import Child, Household, SchoolEnrolment, Subject
from app.children.vaccines import Valency, required_vaccines
from app.core import clock
from app.core.errors import NotFound
from app.core.i18n import _
from app.documents.operations import content_of
from app.documents.pdf import pdf_response, portrait, render_pdf
from app.extensions import db
from app.families.models import Family
from app.security.scope import may
from app.security.who_sees_what import Noun


class Version(StrEnum):
    """How much is printed."""

    #: One page for those who look after the child: whom to call, what is allowed, what is dangerous.
    simple = "simple"
    #: All that the reader may see: what the parents sign (after the Cerfa 10008*02).
    full = "full"


@dataclass
class Sheet:
    """What stands on the paper. A part that the reader may not see is None, and does not stand there at all."""

    child: Child
    version: Version
    #: Printed for the services: both households, no address.
    for_staff: bool
    age: int
    shows_school: bool = False
    school: SchoolEnrolment | None = None
    photo: str | None = None
    shows_photo: bool = False
    homes: list | None = None
    elsewhere: list = field(default_factory=list)
    pickups: list | None = None
    authorisations: list | None = None
    diet: str | None = None
    allergies: dict | None = None
    complementary: list | None = None
    vaccines: list | None = None
    health: list | None = None

    @property
    def full(self):
        return self.version is Version.full

    @property
    def tells_health(self):
        """Whether somebody who reads it reads health data."""
        return self.allergies is not None or self.health is not None

    @property
    def addresses(self):
        """Where the reader's own household lives, each address once; the paper of the services has none."""
        adults = [adult for home in self.homes or () if not self.for_staff for adult in home.family.adults]
        places = [
            ", ".join(filter(None, (adult.address, adult.address_more, f"{adult.postcode or ''} {adult.city or ''}".strip())))
            for adult in adults
        ]
        return list(dict.fromkeys(filter(None, places)))

    @property
    def refuses_care(self):
        """Whether the parents have said no to care in hospital: then nothing else may be printed over their signature."""
        return any(subject is Subject.hospital and row is not None and not row.granted for subject, row in self.authorisations or ())


@dataclass(frozen=True)
class Vaccine:
    """One line of the table of vaccines."""

    valency: Valency
    required: bool
    date: str

    @property
    def missing(self):
        return self.required and not self.date


def readable_nouns():
    """The nouns that the person of this request may read."""
    return frozenset(noun for noun in Noun if may(noun, "read"))


def sheet_of(child_id, version, *, family_id, nouns):
    """The Sheet of a child for a reader who may read `nouns`, as the household `family_id` sees it; None: as the town sees it.

    Raises NotFound where there is no such child, or it lives in another family.
    """
    child = _load(child_id, family_id, nouns)
    sheet = Sheet(child, Version(version), family_id is None, clock.age(child.birth_date, clock.today()))
    _add_basics(sheet, family_id, nouns)
    if Noun.complementary in nouns:
        _add_complementary(sheet)
    if Noun.allergies in nouns:
        sheet.allergies = _allergies(child)
    if Noun.health in nouns and sheet.full:
        _add_health(sheet)
    return sheet


def sheet_pdf(sheet):
    """The sheet as a PDF, outside any unit of work."""
    return render_pdf("child_sheet", guess=2 if sheet.full else 1, sheet=sheet, child=sheet.child, printed_on=clock.today())


def print_sheet(child_id, version, *, family_id, town_reader=None):
    """The answer to somebody who wants the sheet; who of the town reads health data on it is noted. 404 for an unknown version."""
    if version not in list(Version):
        raise NotFound(_("There is no such sheet."))
    sheet = sheet_of(child_id, version, family_id=family_id, nouns=readable_nouns())
    if town_reader is not None and sheet.tells_health:
        note_health_read(child_id, by=town_reader, screen=f"sheet.{sheet.version}")
    return pdf_response(sheet_pdf(sheet), f"{sheet.child}.pdf")


def _load(child_id, family_id, nouns):
    """The child with what is printed of it, in four queries, and nothing that the reader may not read."""
    homes = joinedload(Child.households).joinedload(Household.family).joinedload(Family.adults)
    school = (joinedload(SchoolEnrolment.school_year), joinedload(SchoolEnrolment.school), joinedload(SchoolEnrolment.school_class))
    loads = {
        Noun.school: selectinload(Child.school_enrolments).options(*school),
        Noun.photo: joinedload(Child.photo),
        Noun.authorisations: selectinload(Child.authorisations),
        Noun.pickup: selectinload(Child.pickup_persons),
        Noun.complementary: joinedload(Child.complementary),
        Noun.allergies: joinedload(Child.health),
    }
    query = select(Child).where(Child.id == child_id).options(homes, *(load for noun, load in loads.items() if noun in nouns))
    if family_id is not None:
        query = query.where(Child.of_family(family_id))
    child = db.session.scalars(query).unique().one_or_none()
    if child is None:
        raise NotFound(_("There is no such child in your file."))
    return child


def _add_basics(sheet, family_id, nouns):
    child, homes = sheet.child, [home for home in sheet.child.households if home.ended_on is None]
    if Noun.school in nouns:
        sheet.shows_school, sheet.school = True, next(iter(child.school_places), None)
    if Noun.photo in nouns:
        sheet.shows_photo, sheet.photo = True, _photo(child)
    if Noun.contacts in nouns:
        sheet.homes = [home for home in homes if family_id in (None, home.family_id)]
    if family_id is not None and Noun.household in nouns:
        sheet.elsewhere = [home.weeks for home in homes if home.family_id != family_id]
    if Noun.pickup in nouns:
        open_homes = {home.family_id for home in homes}
        seen = open_homes if family_id is None else {family_id}
        sheet.pickups = [person for person in child.pickup_persons if person.ended_on is None and person.family_id in seen]
    if Noun.authorisations in nouns:
        answers = {row.subject: row for row in child.authorisations if row.ended_on is None}
        sheet.authorisations = [(subject, answers.get(subject)) for subject in Subject]


def _photo(child):
    if child.photo is None:
        return None
    try:
        return portrait(content_of(child.photo))
    except NotFound:
        return None


def _lines(kind_name, child, names=None):
    """[(label, words)] of the filled fields of a section, in the order of its form."""
    kind = kind_of(kind_name)
    values = kind.read(child)
    shown = [(kind.label(name), kind.show(name, values[name])) for name in (names or kind.fields) if not kind.is_file(name)]
    return [line for line in shown if line[1]]


def _add_complementary(sheet):
    row = sheet.child.complementary
    sheet.diet = str(row.diet.label) if row is not None else ""
    if sheet.full:
        sheet.complementary = [line for line in _lines("complementary", sheet.child) if line[1] != sheet.diet]


def _allergies(child):
    """What is dangerous and what to do; `known` is False where nobody has filled in the health data yet."""
    row = child.health
    if row is None:
        return {"known": False, "lines": [], "what_to_do": ""}
    lines = [(_("Asthma"), _("yes"))] if row.asthma else []
    lines += _lines("health", child, ("food_allergies", "drug_allergies", "other_allergies"))
    if row.pai:
        lines.append((_("Care plan (PAI)"), _lines_until(child) or _("yes")))
        if row.own_lunch:
            lines.append((_("Lunch"), _("brings its own lunch")))
    return {"known": True, "lines": lines, "what_to_do": row.what_to_do or ""}


def _lines_until(child):
    kind = kind_of("health")
    until = kind.show("pai_until", kind.read(child)["pai_until"])
    return _("until %(day)s", day=until) if until else ""


def _add_health(sheet):
    kind, child = kind_of("health"), sheet.child
    values, required = kind.read(child), required_vaccines(child.birth_date)
    sheet.vaccines = [Vaccine(valency, valency in required, kind.show(valency.name, values[valency.name])) for valency in Valency]
    told = {*kind.vaccines, "asthma", "food_allergies", "drug_allergies", "other_allergies", "what_to_do", "pai", "pai_until", "own_lunch"}
    sheet.health = _lines("health", child, [name for name in kind.fields if name not in told])

"""What do families ask for? Each wish names a kind of request and what it changes; None where the family cannot wish it."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from app.changes.kinds import kind_of
from app.changes.models import Act
from app.children.models import Diet, Level, PickUpPerson
from app.children.queries import children_of
from app.core import clock
from app.core.codec import encode
from app.demo import identifiers, names, pictures
from app.extensions import db

WISHES = {}


@dataclass
class Wish:
    """One request as the form would send it. Values of `files` are called with (world, kind, home) when it is sent."""

    kind: object
    target: object
    after: dict
    act: Act = Act.edit
    child_id: int | None = None
    files: dict = field(default_factory=dict)
    #: What the family says with it; "" leaves it to chance.
    comment: str = ""


def wish(share):
    """Decorator: families wish this, with this share among all wishes."""

    def add(make):
        WISHES[make.__name__] = (make, share)
        return make

    return add


def of_family(home, kind, files=None, **after):
    return Wish(kind_of(kind), home.family, encode(after), files=files or {})


def of_child(child, kind, files=None, **after):
    return None if child is None else Wish(kind_of(kind), child, encode(after), child_id=child.id, files=files or {})


def a_child(world, home, youngest=0, eldest=17):
    """One of the family's children of this age, or None."""
    fitting = [child for child in children_of(home.family.id) if youngest <= clock.age(child.birth_date, world.today) <= eldest]
    return world.pick(fitting) if fitting else None


def scan(title, *lines, as_pdf=False):
    """A paper that is drawn when it is sent."""

    def make(world, kind, home, child_id):
        content = pictures.pdf(title, lines) if as_pdf else pictures.paper(title, lines)
        return world.sent_file(content, f"{identifiers.plain(title)[:30]}.{'pdf' if as_pdf else 'jpg'}", kind, home, child_id)

    return make


def portrait(who, **traits):
    def make(world, kind, home, child_id):
        return world.sent_file(world.face(who, **traits), "IMG_2041.jpg", kind, home, child_id)

    return make


# -- the household ------------------------------------------------------------------------------------------------------------------


@wish(8)
def mobile(world, home):
    return of_family(home, "guardian", mobile=identifiers.mobile(world.rng))


@wish(5)
def new_email(world, home):
    guardian = home.family.guardian
    return of_family(
        home, "guardian", email=f"{identifiers.plain(guardian.last_name)}.{world.rng.randrange(100)}@{world.pick(names.DOMAINS)}"
    )


@wish(6)
def work(world, home):
    return of_family(
        home,
        "guardian",
        profession=world.pick(names.PROFESSIONS),
        employer=world.pick(names.EMPLOYERS),
        work_phone=identifiers.landline(world.rng),
    )


@wish(10)
def move(world, home):
    return of_family(
        home,
        "guardian",
        address=f"{world.rng.randrange(1, 60)} {world.pick(names.STREETS)}",
        address_more=None,
        postcode=names.POSTCODE,
        city=names.TOWN,
    )


@wish(2)
def new_name(world, home):
    return of_family(home, "guardian", last_name=world.pick(names.LAST_NAMES))


@wish(5)
def spouse_phone(world, home):
    if home.family.spouse is None:
        return None
    return of_family(home, "spouse", mobile=identifiers.mobile(world.rng))


@wish(6)
def quotient(world, home):
    value, guardian = world.rng.randrange(300, 2400), home.family.guardian
    paper = scan(
        "Attestation de quotient familial", f"Allocataire : {guardian}", f"Quotient familial : {value} €", as_pdf=world.chance(0.4)
    )
    allocataire = identifiers.digits(world.rng, 7)
    return of_family(home, "caf", {"proof_id": paper}, fund="caf", allocataire=allocataire, quotient=value)


@wish(5)
def quotient_without_proof(world, home):
    return of_family(home, "caf", quotient=world.rng.randrange(300, 2400))


@wish(6)
def tax_notice(world, home):
    income = world.rng.randrange(9_000, 68_000)
    files = (
        {"proof_id": scan("Avis d’impôt", f"Déclarant : {home.family.guardian}", f"Revenu fiscal de référence : {income} €")}
        if world.chance(0.7)
        else {}
    )
    return of_family(
        home, "tax", files, income_year=world.today.year - 1, reference_income=income, notice_reference=identifiers.digits(world.rng, 13)
    )


@wish(7)
def bank_account(world, home):
    iban, holder = identifiers.iban(world.rng), str(home.family.guardian)
    files = {"proof_id": scan("Relevé d’identité bancaire", f"Titulaire : {holder}", f"IBAN : {iban}")} if world.chance(0.8) else {}
    return of_family(home, "bank", files, holder=holder, iban=iban, direct_debit=True)


# -- the children -------------------------------------------------------------------------------------------------------------------


@wish(6)
def new_child(world, home):
    girl, born = world.chance(0.5), world.day_between(date(world.year_begins - 5, 1, 5), date(world.year_begins - 3, 12, 28))
    after = {
        "first_name": world.pick(names.GIRLS if girl else names.BOYS),
        "last_name": home.family.guardian.last_name,
        "birth_date": born,
        "birth_place": world.pick(names.BIRTH_PLACES),
        "sex": "female" if girl else "male",
    }
    return Wish(kind_of("new_child"), None, encode(after), act=Act.add)


@wish(4)
def photographs(world, home):
    child = a_child(world, home, 2, 12)
    kind = kind_of("authorisations")
    return child and of_child(child, "authorisations", image=not kind.read(child)["image"])


@wish(4)
def leaving_alone(world, home):
    return of_child(a_child(world, home, 7, 12), "authorisations", leaving_alone=True)


@wish(7)
def somebody_picks_up(world, home):
    child = a_child(world, home, 2, 11)
    relation = world.pick(names.RELATIONS)
    woman = relation.endswith(("e", "mère")) and "père" not in relation
    after = {
        "first_name": world.pick(names.WOMEN if woman else names.MEN),
        "last_name": world.pick(names.LAST_NAMES),
        "relation": relation,
        "phone": identifiers.mobile(world.rng),
    }
    files = {"photo_id": portrait("adult", old=relation.startswith("grand"), long_hair=woman)} if world.chance(0.7) else {}
    return child and Wish(kind_of("pickup"), None, after, act=Act.add, child_id=child.id, files=files)


def _named_person(home):
    query = db.select(PickUpPerson).where(PickUpPerson.of_family(home.family.id)).order_by(PickUpPerson.id).limit(1)
    return db.session.scalar(query)


@wish(2)
def nobody_picks_up(world, home):
    person = _named_person(home)
    return person and Wish(kind_of("pickup"), person, {}, act=Act.delete, child_id=person.child_id)


@wish(2)
def picker_has_new_phone(world, home):
    person = _named_person(home)
    return person and Wish(kind_of("pickup"), person, {"phone": identifiers.mobile(world.rng)}, child_id=person.child_id)


@wish(7)
def diet(world, home):
    child = a_child(world, home, 2, 12)
    current = child is not None and kind_of("complementary").read(child)["diet"]
    return child and of_child(child, "complementary", diet=world.pick([item.name for item in Diet if item.name != current]))


@wish(5)
def insurance(world, home):
    ends = world.today - timedelta(days=60) if world.chance(0.2) else date(world.year_begins + 1, 8, 31)
    company, number = world.pick(names.INSURERS), identifiers.digits(world.rng, 9)
    child = a_child(world, home, 3, 12)
    standard = {} if child is None or kind_of("complementary").read(child)["diet"] else {"diet": "standard"}
    return of_child(child, "complementary", insurer=company, insurance_number=number, insured_until=ends, **standard)


@wish(4)
def habits(world, home):
    child = a_child(world, home, 2, 6)
    standard = {} if child is None or kind_of("complementary").read(child)["diet"] else {"diet": "standard"}
    return of_child(child, "complementary", habits=world.pick(names.HABITS), **standard)


@wish(5)
def vaccines(world, home):
    child = a_child(world, home, 6, 8)
    day = child and world.day_between(world.today - timedelta(days=50), world.today)
    return of_child(child, "health", diphtheria=day, tetanus=day, polio=day)


@wish(7)
def allergy(world, home):
    food, drug, other, todo = world.pick(names.ALLERGIES)
    return of_child(a_child(world, home, 2, 11), "health", food_allergies=food, drug_allergies=drug, other_allergies=other, what_to_do=todo)


@wish(3)
def care_plan(world, home):
    child = a_child(world, home, 3, 11)
    files = {"pai_document_id": scan("Projet d’accueil individualisé", f"Enfant : {child}", as_pdf=True)} if world.chance(0.5) else {}
    return of_child(
        child,
        "health",
        files,
        pai=True,
        pai_until=date(world.year_begins + 1, 7, 5),
        what_to_do="Inhalateur : 2 bouffées, à répéter après 10 minutes ; puis le 15.",
    )


@wish(6)
def photograph(world, home):
    return of_child(a_child(world, home, 2, 12), "photo", {"photo_id": portrait("child")})


@wish(9)
def school_place(world, home):
    child = a_child(world, home, 2, 9)
    level = child and world.level_of(child.birth_date, 1)
    if level is None:
        return None
    nursery_ends = level is Level.cp
    key = world.school_key(level, both=not nursery_ends and world.chance(0.4))
    return of_child(child, "school", school_year_id=world.years["next"].id, school_id=world.schools[key].id, level=level)

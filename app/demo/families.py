"""Who lives in Saint-Exemple? Households of every sort: their adults, income, quotient, bank details, accounts."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import uuid4

from sqlalchemy import select

from app.core import clock
from app.core.numbering import next_number
from app.demo import identifiers, names, pictures
from app.demo.world import Home
from app.extensions import db
from app.families.models import (
    Adult,
    AdultRole,
    BankDetails,
    CafData,
    Civility,
    Fund,
    IncomeQuotient,
    Mandate,
    QuotientSource,
    Situation,
    TaxData,
)
from app.families.operations import new_family
from app.families.rules import bic_of, parse_iban
from app.security.manager import AccountManager
from app.security.models import Account, FamilyLink, LoginAddress
from app.security.operations import invite
from app.security.who_sees_what import FAMILY_ROLE, Noun

COUPLES = (Situation.married, Situation.civil_union, Situation.living_together)


def named_families(world):
    """Those that the documentation tells of: the guide's, the two that share a child, the one without e-mail."""
    galbert = make_home(
        world, "Galbert", Situation.married, ("Christelle", Civility.mrs), ("Marc", Civility.mr, None), usernames=("galbert", "marc")
    )
    martin = make_home(world, "Martin", Situation.separated, ("Sophie", Civility.mrs), usernames=("martin",))
    petit = make_home(world, "Petit", Situation.separated, ("Paul", Civility.mr), usernames=("petit",))
    lefevre = make_home(world, "Lefèvre", Situation.widowed, ("Odette", Civility.mrs), email=False)
    lefevre.family.private_note = "Grand-mère, tutrice de Jules. Ne lit pas ses courriels : téléphoner ou écrire."
    return galbert, martin, petit, lefevre


def any_family(world):
    """A family of chance."""
    name = world.pick(names.LAST_NAMES)
    situation = Situation[world.weighted(married=38, civil_union=14, living_together=20, single=9, separated=9, divorced=8, widowed=2)]
    woman = world.chance(0.72)
    guardian = (world.pick(names.WOMEN), Civility.mrs) if woman else (world.pick(names.MEN), Civility.mr)
    spouse = None
    if situation in COUPLES:
        first_name, civility = (world.pick(names.MEN), Civility.mr) if woman else (world.pick(names.WOMEN), Civility.mrs)
        keeps_name = situation is not Situation.married or world.chance(0.3)
        spouse = (first_name, civility, world.pick(names.LAST_NAMES) if keeps_name else None)
    return make_home(world, name, situation, guardian, spouse, email=world.chance(0.95))


def make_home(world, name, situation, guardian, spouse=None, *, usernames=None, email=True):
    """A household and its adults, within the open unit of work; settle_in() gives it the rest once it has an id."""
    clock.stop_at(world.at(world.rng.randrange(120, 1500), 10))
    resident = usernames is not None or world.chance(0.93)
    family = new_family(name, situation=situation, resident=resident, created_at=clock.now())
    town, postcode = (names.TOWN, names.POSTCODE) if resident else world.pick(names.AROUND)
    address = {
        "address": f"{world.rng.randrange(1, 88)} {world.pick(names.STREETS)}",
        "postcode": postcode,
        "city": town,
        "address_more": world.pick(names.MORE) if world.chance(0.25) else None,
    }
    family.adults.append(_adult(world, AdultRole.guardian, guardian[0], name, guardian[1], address, email))
    if spouse is not None:
        family.adults.append(_adult(world, AdultRole.spouse, spouse[0], spouse[2] or name, spouse[1], address, world.chance(0.9)))
    return Home(family=family, usernames=usernames)


def settle_in(world, home):
    """The sections of a household that is written, and its accounts."""
    _income(world, home.family)
    if home.usernames is not None or world.chance(0.6):
        _bank(world, home.family)
    _accounts(world, home)


def _adult(world, role, first_name, last_name, civility, address, email):
    born = date(world.today.year - world.rng.randrange(27, 49), world.rng.randrange(1, 13), world.rng.randrange(1, 29))
    works = world.chance(0.85)
    mail = f"{identifiers.plain(first_name)}.{identifiers.plain(last_name)}@{world.pick(names.DOMAINS)}" if email else None
    return Adult(
        role=role,
        civility=civility,
        first_name=first_name,
        last_name=last_name,
        birth_date=born,
        mobile=identifiers.mobile(world.rng),
        email=mail,
        birth_name=world.pick(names.LAST_NAMES) if civility is Civility.mrs and world.chance(0.4) else None,
        phone=identifiers.landline(world.rng) if world.chance(0.3) else None,
        work_phone=identifiers.landline(world.rng, "01 99 00") if world.chance(0.4) else None,
        profession=world.pick(names.PROFESSIONS) if works else None,
        employer=world.pick(names.EMPLOYERS) if works and world.chance(0.7) else None,
        **address,
    )


def _income(world, family):
    value = max(180, min(3200, round(world.rng.lognormvariate(6.85, 0.5))))
    fund = Fund[world.weighted(caf=86, msa=8, none=6)]
    if fund is not Fund.none:
        number = identifiers.digits(world.rng, 7 if fund is Fund.caf else 13)
        family.caf = CafData(fund=fund, allocataire=number, consent=world.chance(0.6))
        if family.caf.consent:
            family.caf.holder, family.caf.birth_code = AdultRole.guardian, identifiers.birth_code(world.rng)
    elif world.chance(0.8):
        family.caf = CafData(fund=fund, consent=False)
    if world.chance(0.9):
        for back in range(world.rng.randrange(1, 4)):
            month = date(world.today.year - back, 1, 1)
            source = QuotientSource[world.weighted(proof=70, hand=30)]
            recorded = min(datetime.combine(month, time(10), UTC), world.present)
            family.quotients.append(
                IncomeQuotient(value=Decimal(round(value * (1 - 0.04 * back))), counts_from=month, source=source, recorded_at=recorded)
            )
    if world.chance(0.65):
        parts = Decimal(len(family.adults)) + world.pick((Decimal("0.5"), Decimal(1), Decimal(2)))
        family.tax = TaxData(
            tax_number=identifiers.digits(world.rng, 13),
            notice_reference=identifiers.digits(world.rng, 13),
            income_year=world.today.year - 2,
            reference_income=value * 24,
            parts=parts,
        )


def _bank(world, family):
    """Bank details; with a direct debit a mandate, and sometimes a former one that ended."""
    holder, iban, debit = str(family.adults[0]), identifiers.iban(world.rng), world.chance(0.6)
    changed = world.today - timedelta(days=world.rng.randrange(60, 600))
    if world.chance(0.15):
        _mandate(family, holder, identifiers.iban(world.rng), changed - timedelta(days=world.rng.randrange(100, 900)), changed)
    if debit:
        _mandate(family, holder, iban, changed)
    family.bank = BankDetails(holder=holder, iban=iban, bic=bic_of(parse_iban(iban)), direct_debit=debit)
    slip = pictures.pdf("Relevé d’identité bancaire", [f"Titulaire : {holder}", f"IBAN : {iban}"])
    world.keep_file(family.bank, "proof_id", slip, "rib.pdf", Noun.bank, family.id)


def _mandate(family, holder, iban, signed_on, ended_on=None):
    reference = f"PREAU-{family.code}-{next_number('mandate'):06}"
    family.mandates.append(
        Mandate(reference=reference, iban=iban, bic=bic_of(parse_iban(iban)) or "", holder=holder, signed_on=signed_on, ended_on=ended_on)
    )


def _accounts(world, home):
    """A login for most guardians and some spouses; an invitation on paper for some of the others."""
    for place, adult in enumerate(home.family.adults):
        named = home.usernames is not None and place < len(home.usernames)
        if named or (adult.email and world.chance(0.86 if place == 0 else 0.4)):
            clock.stop_at(world.at(world.rng.randrange(20, 120), 18, world.rng.randrange(60)))
            account = _account(world, home.usernames[place] if named else _free_username(world, adult), adult)
            if place == 0:
                home.account, home.adult_id = account, adult.id
        elif world.chance(0.3):
            clock.stop_at(world.present - timedelta(days=world.rng.randrange(1, 25)))
            invite(adult.id, home.family.id, by=world.staff["agent"])


def _account(world, username, adult):
    """What new_account() and link_family() write, without asking the database each time."""
    if world.family_role is None:
        world.family_role = db.session.scalar(select(AccountManager.role_model).filter_by(name=FAMILY_ROLE))
    account = Account(
        username=username,
        first_name=adult.first_name,
        last_name=adult.last_name,
        email=f"{uuid4().hex}@account.invalid",
        active=True,
        password=world.password_hash,
        roles=[world.family_role],
    )
    db.session.add(account)
    db.session.add(FamilyLink(account=account, family_id=adult.family_id, standing=adult.role.value, adult_id=adult.id, since=clock.now()))
    if adult.email:
        db.session.add(LoginAddress(account=account, email=adult.email, confirmed_at=clock.now()))
    return account


def _free_username(world, adult):
    name = f"{identifiers.plain(adult.first_name)}.{identifiers.plain(adult.last_name)}"[:50]
    world.taken[name] = world.taken.get(name, 0) + 1
    return name if world.taken[name] == 1 else f"{name}{world.taken[name]}"

"""Who lives in Saint-Exemple? Households of every sort: their adults, income, quotient, bank details, accounts."""

from datetime import date, timedelta
from decimal import Decimal

from app.core import clock
from app.demo import identifiers, names, pictures
from app.demo.world import Home
from app.extensions import db
from app.families.models import Adult, AdultRole, CafData, Civility, Fund, IncomeQuotient, QuotientSource, Situation, TaxData
from app.families.operations import new_family, set_bank_details
from app.security.operations import invite, link_family, new_account
from app.security.who_sees_what import FAMILY_ROLE, Noun

COUPLES = (Situation.married, Situation.civil_union, Situation.living_together)


def named_families(world):
    """Those that the documentation tells of: the guide's, the two that share a child, the one without e-mail."""
    galbert = make_home(world, "Galbert", Situation.married, ("Christelle", Civility.mrs), ("Marc", Civility.mr, None), usernames=("galbert", "marc"))
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
    """A household with all its sections, within the open unit of work."""
    clock.stop_at(world.at(world.rng.randrange(120, 1500), 10))
    resident = usernames is not None or world.chance(0.93)
    family = new_family(name, situation=situation, resident=resident)
    town, postcode = (names.TOWN, names.POSTCODE) if resident else world.pick(names.AROUND)
    address = {"address": f"{world.rng.randrange(1, 88)} {world.pick(names.STREETS)}", "postcode": postcode, "city": town,
               "address_more": world.pick(names.MORE) if world.chance(0.25) else None}  # fmt: skip
    adults = [_adult(world, AdultRole.guardian, guardian[0], name, guardian[1], address, email)]
    if spouse is not None:
        adults.append(_adult(world, AdultRole.spouse, spouse[0], spouse[2] or name, spouse[1], address, world.chance(0.9)))
    family.adults.extend(adults)
    db.session.flush()
    home = Home(family=family)
    _income(world, home)
    if usernames is not None or world.chance(0.6):
        _bank(world, family, adults[0])
    _accounts(world, home, adults, usernames)
    return home


def _adult(world, role, first_name, last_name, civility, address, email):
    born = date(world.today.year - world.rng.randrange(27, 49), world.rng.randrange(1, 13), world.rng.randrange(1, 29))
    works = world.chance(0.85)
    mail = f"{identifiers.plain(first_name)}.{identifiers.plain(last_name)}@{world.pick(names.DOMAINS)}" if email else None
    return Adult(
        role=role, civility=civility, first_name=first_name, last_name=last_name, birth_date=born, mobile=identifiers.mobile(world.rng), email=mail,
        birth_name=world.pick(names.LAST_NAMES) if civility is Civility.mrs and world.chance(0.4) else None,
        phone=identifiers.landline(world.rng) if world.chance(0.3) else None, work_phone=identifiers.landline(world.rng, "01 99 00") if world.chance(0.4) else None,
        profession=world.pick(names.PROFESSIONS) if works else None, employer=world.pick(names.EMPLOYERS) if works and world.chance(0.7) else None, **address,
    )  # fmt: skip


def _income(world, home):
    family = home.family
    value = max(180, min(3200, round(world.rng.lognormvariate(6.85, 0.5))))
    fund = Fund[world.weighted(caf=86, msa=8, none=6)]
    if fund is not Fund.none:
        number = identifiers.digits(world.rng, 7 if fund is Fund.caf else 13)
        family.caf = CafData(family=family, fund=fund, allocataire=number, consent=world.chance(0.6))
    elif world.chance(0.8):
        family.caf = CafData(family=family, fund=fund, consent=False)
    if world.chance(0.9):
        for back in range(world.rng.randrange(1, 4)):
            month = date(world.today.year - back, 1, 1)
            source = QuotientSource[world.weighted(proof=70, hand=30)]
            db.session.add(IncomeQuotient(family=family, value=round(value * (1 - 0.04 * back)), counts_from=month, source=source))
    if world.chance(0.65):
        parts = Decimal(len(family.adults)) + world.pick((Decimal("0.5"), Decimal(1), Decimal(2)))
        family.tax = TaxData(family=family, tax_number=identifiers.digits(world.rng, 13), notice_reference=identifiers.digits(world.rng, 13),
                             income_year=world.today.year - 2, reference_income=value * 12 * 2, parts=parts)  # fmt: skip


def _bank(world, family, adult):
    """Bank details; with a direct debit, a mandate, and sometimes a former one that ended."""
    if world.chance(0.15):
        clock.stop_at(world.at(world.rng.randrange(700, 1500), 10))
        set_bank_details(family, {"holder": str(adult), "iban": identifiers.iban(world.rng), "direct_debit": True})
        clock.stop_at(world.at(world.rng.randrange(60, 600), 10))
    iban = identifiers.iban(world.rng)
    slip = pictures.paper("Relevé d’identité bancaire", [f"Titulaire : {adult}", f"IBAN : {iban}"])
    row = world.kept_file(slip, "rib.jpg", Noun.bank, family.id)
    db.session.flush()
    set_bank_details(family, {"holder": str(adult), "iban": iban, "direct_debit": world.chance(0.6), "proof_id": row.id})


def _accounts(world, home, adults, usernames):
    """A login for most guardians and some spouses; an invitation on paper for some of the others."""
    for place, adult in enumerate(adults):
        named = usernames is not None and place < len(usernames)
        if named or (adult.email and world.chance(0.86 if place == 0 else 0.4)):
            clock.stop_at(world.at(world.rng.randrange(20, 120), 18, world.rng.randrange(60)))
            username = usernames[place] if named else _free_username(world, adult)
            account = new_account(username, adult.first_name, adult.last_name, FAMILY_ROLE, world.password_hash, email=adult.email)
            link_family(account, home.family.id, adult.role.value, adult_id=adult.id)
            if place == 0:
                home.account_id, home.adult_id = account.id, adult.id
            else:
                home.spouse_account_id = account.id
        elif world.chance(0.3):
            clock.stop_at(world.present - timedelta(days=world.rng.randrange(1, 25)))
            invite(adult.id, home.family.id, by=world.staff["agent"])


def _free_username(world, adult):
    name = f"{identifiers.plain(adult.first_name)}.{identifiers.plain(adult.last_name)}"[:50]
    world.taken[name] = world.taken.get(name, 0) + 1
    return name if world.taken[name] == 1 else f"{name}{world.taken[name]}"

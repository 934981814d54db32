"""How do households change, beyond plain edits?"""

from app.core import clock
from app.core.numbering import next_number
from app.extensions import db
from app.families.models import BankDetails, Family, Mandate
from app.families.rules import bic_of, parse_iban


def new_family(name, **more):
    """A new family with the next code (F00042), within the open unit of work."""
    family = Family(name=name, code=f"F{next_number('family'):05}", **more)
    db.session.add(family)
    return family


def set_bank_details(family, values):
    """Change the account; a mandate is signed, ended or replaced with it. Mandates themselves never change."""
    bank = family.bank
    if bank is None:
        bank = family.bank = BankDetails()
    for name, value in values.items():
        setattr(bank, name, value)
    if "iban" in values:
        bank.bic = bic_of(parse_iban(bank.iban)) if bank.iban else None
    db.session.flush()
    renew_mandate(family, bank)


def renew_mandate(family, bank):
    """End the open mandate unless it is for this account and still wanted; sign a new one where one is wanted."""
    current = next((mandate for mandate in family.mandates if mandate.ended_on is None), None)
    wanted = bank.direct_debit and bank.iban
    if current is not None and not (wanted and current.iban == bank.iban and current.holder == bank.holder):
        current.ended_on = clock.today()
        db.session.flush()
        current = None
    if wanted and current is None:
        number = next_number("mandate")
        family.mandates.append(Mandate(
            reference=f"PREAU-{family.code}-{number:06}", iban=bank.iban, bic=bank.bic or "", holder=bank.holder or "", signed_on=clock.today(),
        ))  # fmt: skip

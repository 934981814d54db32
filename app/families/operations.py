"""How do households change, beyond plain edits?"""

from datetime import timedelta

from sqlalchemy import select

from app.audit.operations import record
from app.changes.models import OPEN, ChangeRequest
from app.core import clock
from app.core.errors import DomainError
from app.core.i18n import _
from app.core.numbering import next_number
from app.extensions import db
from app.families.models import BankDetails, Family, FormerPlace, Fund, IncomeQuotient, Mandate
from app.families.rules import bic_of, first_of_next_month, parse_iban
from app.security.models import FamilyLink
from app.security.operations import end_link, lapse_codes, link_family


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
        family.mandates.append(
            Mandate(
                reference=f"PREAU-{family.code}-{number:06}",
                iban=bank.iban,
                bic=bank.bic or "",
                holder=bank.holder or "",
                signed_on=clock.today(),
            )
        )


def write_note(family, text, *, by):
    """Change what clerks note about a family, and never show it."""
    if family.private_note != text:
        record("family.note", family, by=by, changes={"private_note": (None, None)}, secret=True)
        family.private_note = text


def archive_family(family, *, by):
    """Put a family's file away; nothing is deleted, and restore_family() brings it back. Raises DomainError while requests of it wait."""
    waiting = select(ChangeRequest.id).where(ChangeRequest.family_id == family.id, ChangeRequest.state.in_(OPEN)).limit(1)
    if db.session.scalar(waiting) is not None:
        raise DomainError(_("Requests of this family still wait: decide them first."))
    if family.archived_at is None:
        family.archived_at = clock.now()
        record("family.archived", family, by=by)
        _end_accesses(family, by=by)


def _end_accesses(family, *, by):
    """Nobody acts for a file that was put away, from the next click on; letters that were not used open nothing."""
    for adult in family.adults:
        lapse_codes(adult.id)
    for link in db.session.scalars(select(FamilyLink).filter_by(family_id=family.id, ended_at=None)):
        end_link(link, _("The family was put in the archive"), by=by)
        # By this restore_family() knows those that the archive ended.
        link.ended_at = family.archived_at


def restore_family(family, *, by):
    """Take a family's file out of the archive; returns the accounts that act for it again: those whose access the archive ended."""
    if family.archived_at is None:
        return []
    ended = select(FamilyLink).where(FamilyLink.family_id == family.id, FamilyLink.ended_at == family.archived_at).order_by(FamilyLink.id)
    links = db.session.scalars(ended).all()
    for former in links:
        link = link_family(former.account, family.id, former.standing, adult_id=former.adult_id)
        db.session.flush()
        record("account.link_given_back", link, by=by)
    family.archived_at = None
    record("family.restored", family, by=by)
    return [link.account for link in links]


def enter_quotient(family, value, counts_from, source, proof_id=None):
    """A quotient that counts from a month on; returns the row. Never backwards, unless it is the family's first or a slip of today.

    A quotient for a month to come replaces the one that was entered for it.
    """
    month, today = counts_from.replace(day=1), clock.today()
    row = next((row for row in family.quotients if row.counts_from == month), None)
    slip = row is not None and clock.local(row.recorded_at).date() == today
    if family.quotients and month < first_of_next_month(today) and not slip:
        raise DomainError(_("A new quotient counts from the next month on, never backwards."))
    if row is None:
        row = IncomeQuotient(counts_from=month)
        family.quotients.append(row)
    row.value, row.source, row.recorded_at, row.proof_id = value, source, clock.now(), proof_id
    return row


# -- where a household lives, and at which fund it is -------------------------------------------------------------------------------------


def set_resident(family, resident, since=None):
    """Whether a household lives in the commune, from a day on (the first of this month); for the days before stays what was."""
    if family.resident != resident:
        _keep_former(family.id, since, "resident", family.resident, resident)
        family.resident = resident


def set_fund(caf, fund, since=None):
    """At which fund a household is, from a day on (the first of this month); for the days before stays what was."""
    before, now = caf.fund or Fund.none, fund or Fund.none
    if before is not now:
        _keep_former(caf.family_id, since, "fund", before, now)
    caf.fund = fund


def _keep_former(family_id, since, name, before, now):
    """Note what holds until the day before `since`; what was noted for later days was never so."""
    last = (since or clock.today().replace(day=1)) - timedelta(days=1)
    later = (FormerPlace.last_day >= last) & getattr(FormerPlace, name).is_not(None)
    query = select(FormerPlace).where(FormerPlace.family_id == family_id, later).order_by(FormerPlace.last_day)
    rows = db.session.scalars(query).all()
    # The first of them covers the last day itself.
    kept = getattr(rows[0], name) if rows else before
    for row in rows:
        db.session.delete(row)
    if kept != now:
        db.session.add(FormerPlace(family_id=family_id, last_day=last, **{name: kept}))

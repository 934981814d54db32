"""Who holds which account, and where do we write to them?"""

from collections import defaultdict
from dataclasses import dataclass

from flask import current_app
from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import null, select, union_all

from app.extensions import db
from app.security.models import Account, FamilyLink, LoginAddress


@dataclass(frozen=True)
class Reader:
    """Somebody who reads our mails."""

    email: str
    locale: str
    account_id: int | None


def write_to_file_addresses(rows_of):
    """Register where adults are reached who have no account, or none with an address; called by the room that keeps the families' files.

    `rows_of(family_ids)` is a query for (family_id, adult_id, e-mail, rank), the guardian of a family first.
    """
    _file_addresses.append(rows_of)


_file_addresses = []


def reader_of(account_id, family_id):
    """The Reader that a household's mail goes to; None where there is nobody to write to."""
    return readers_of([(account_id, family_id)])[account_id, family_id]


#: What is known of a link of a household: whose it is, and where that account is written to.
LINK = (FamilyLink.family_id, FamilyLink.account_id, FamilyLink.adult_id, FamilyLink.standing, LoginAddress.email, Account.locale)
CONFIRMED = (LoginAddress.account_id == FamilyLink.account_id) & LoginAddress.confirmed_at.is_not(None)


def readers_of(askers):
    """{(account_id, family_id): Reader or None} for who asked something for a household, in one query.

    The household's own account that asked, at its address or at the one in the file; for what a clerk entered, the guardian.
    """
    askers = list(askers)
    families = {family_id for _account_id, family_id in askers}
    links = (
        select(*LINK, FamilyLink.id.label("rank"))
        .join(Account, Account.id == FamilyLink.account_id)
        .outerjoin(LoginAddress, CONFIRMED)
        .where(FamilyLink.family_id.in_(families), FamilyLink.ended_at.is_(None))
    )
    files = [rows_of(families).subquery().c for rows_of in _file_addresses]
    adults = [select(file.family_id, null(), file.adult_id, null(), file.email, null(), file.rank) for file in files]
    of_family, in_file = defaultdict(list), defaultdict(dict)
    for row in db.session.execute(union_all(links, *adults).order_by("rank")):
        if row.account_id is not None:
            of_family[row.family_id].append(row)
        else:
            in_file[row.family_id][row.adult_id] = row.email
    return {(account_id, family_id): reader_among(account_id, of_family[family_id], in_file[family_id]) for account_id, family_id in askers}


def reader_among(account_id, links, kept):
    """The Reader among the links of a household, and {adult_id: e-mail} of its file, the guardian first; None where there is none."""
    own = [link for link in links if link.account_id == account_id]
    for link in own or [link for link in links if link.standing == "guardian"]:
        email = link.email or kept.get(link.adult_id)
        if email:
            return Reader(email, link.locale, link.account_id)
    email = next(iter(kept.values()), None)
    return None if own or not email else Reader(email, current_app.config["BABEL_DEFAULT_LOCALE"], None)


def find_account(identifier):
    """The account that signs in with this identifier: its name, or an address that only one account has. Known or not, one query."""
    identifier = identifier.lower()
    named = select(Account.id).where(Account.username == identifier)
    found = db.session.scalars(select(Account).where(Account.id.in_(named.union_all(_ids_at(identifier)))).order_by(Account.id)).all()
    by_name = next((account for account in found if account.username == identifier), None)
    return by_name or (found[0] if len(found) == 1 else None)


def _ids_at(email):
    """The ids of the active accounts with this confirmed address, small letters; a query."""
    query = select(LoginAddress.account_id).join(Account, Account.id == LoginAddress.account_id)
    return query.where(LoginAddress.email == email, LoginAddress.confirmed_at.is_not(None), Account.active)


def address_of(account):
    """The confirmed LoginAddress of an account, or None."""
    return db.session.scalar(select(LoginAddress).where(LoginAddress.account_id == account.id, LoginAddress.confirmed_at.is_not(None)))


def accounts_at(email):
    """All active accounts with this confirmed address: a shared one resets each."""
    return db.session.scalars(select(Account).where(Account.id.in_(_ids_at(email.lower()))).order_by(Account.id)).all()


def staff_with(roles):
    """The active accounts that hold one of these roles of the staff, by name."""
    query = select(Account).where(Account.active.is_(True), Account.roles.any(Role.name.in_([role.value for role in roles])))
    return db.session.scalars(query.order_by(Account.first_name, Account.last_name)).all()


def families_of(account_id):
    """(family_id, code, name, standing, since) of the families that an account may act for."""
    family = db.metadata.tables["family"]
    query = select(family.c.id, family.c.code, family.c.name, FamilyLink.standing, FamilyLink.since).join(
        FamilyLink, FamilyLink.family_id == family.c.id
    )
    return db.session.execute(query.where(FamilyLink.account_id == account_id, FamilyLink.ended_at.is_(None)).order_by(FamilyLink.id)).all()

"""Who holds which account, and where do we write to them?"""

from dataclasses import dataclass

from sqlalchemy import select

from app.extensions import db
from app.security.models import Account, FamilyLink, LoginAddress


@dataclass(frozen=True)
class Reader:
    """Somebody who reads our mails."""

    email: str
    locale: str
    account_id: int


def reader_of(account_id, family_id):
    """The Reader that a household's mail goes to: the account that asked if it is the household's, else its guardian; None without an address."""
    query = (
        select(FamilyLink.account_id, LoginAddress.email, Account.locale)
        .join(LoginAddress, LoginAddress.account_id == FamilyLink.account_id)
        .join(Account, Account.id == FamilyLink.account_id)
        .where(FamilyLink.family_id == family_id, FamilyLink.ended_at.is_(None), LoginAddress.confirmed_at.is_not(None))
    )
    rows = db.session.execute(query.order_by(FamilyLink.standing, FamilyLink.id)).all()
    row = next((row for row in rows if row.account_id == account_id), None)
    if row is None and not any(link == account_id for link in _linked(family_id)):
        row = rows[0] if rows else None
    return Reader(row.email, row.locale, row.account_id) if row else None


def _linked(family_id):
    return db.session.scalars(select(FamilyLink.account_id).filter_by(family_id=family_id, ended_at=None)).all()


def find_account(identifier):
    """The account that signs in with this identifier: its name, or an address that only one account has."""
    account = db.session.scalar(select(Account).where(Account.username == identifier))
    if account is None:
        matches = db.session.scalars(
            select(Account).join(LoginAddress, LoginAddress.account_id == Account.id).where(LoginAddress.email == identifier.lower(), LoginAddress.confirmed_at.is_not(None))
        ).all()
        account = matches[0] if len(matches) == 1 else None
    return account


def accounts_at(email):
    """All active accounts with this confirmed address: a shared one resets each."""
    query = select(Account).join(LoginAddress, LoginAddress.account_id == Account.id)
    return db.session.scalars(query.where(LoginAddress.email == email.lower(), LoginAddress.confirmed_at.is_not(None), Account.active)).all()

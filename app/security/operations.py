"""How do accounts come to be, change hands and end? Hashes are made before the unit of work, by the caller."""

import hashlib
import hmac
import secrets
from datetime import timedelta
from uuid import uuid4

from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import func, select

from app.audit.operations import record
from app.core import clock
from app.core.errors import DomainError, Forbidden, NotFound
from app.core.i18n import _
from app.extensions import db
from app.mail.operations import queue_mail
from app.security.manager import AccountManager
from app.security.models import Account, FamilyLink, Invitation, LoginAddress
from app.security.scope import role_of
from app.security.who_sees_what import FAMILY_ROLE, STAFF_ROLES, Viewer

#: Letters and digits that nobody takes for one another.
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
INVITATION_LIFE = timedelta(days=60)
#: Wrong codes for one invitation; then the town makes a new one.
INVITATION_ATTEMPTS = 10
RESET_LIFE = timedelta(minutes=30)


def new_account(username, first_name, last_name, role, password_hash, *, email=None, locale="fr", must_change=False):
    """An account with one role and, where there is one, its confirmed address; within the open unit of work."""
    if db.session.scalar(select(Account.id).where(func.lower(Account.username) == username.lower())) is not None:
        raise DomainError(_("This identifier is taken: choose another one."))
    account = Account(
        username=username, first_name=first_name[:64], last_name=last_name[:64], email=f"{uuid4().hex}@account.invalid", active=True,
        password=password_hash, locale=locale, must_change_password=must_change,
    )  # fmt: skip
    account.roles = [db.session.scalar(select(AccountManager.role_model).filter_by(name=role))]
    db.session.add(account)
    db.session.flush()
    if email:
        db.session.add(LoginAddress(account_id=account.id, email=email.lower(), confirmed_at=clock.now()))
    return account


def link_family(account, family_id, standing, *, adult_id=None):
    """Let an account act for a family as its "guardian" or "spouse"."""
    link = FamilyLink(account_id=account.id, family_id=family_id, standing=standing, adult_id=adult_id)
    db.session.add(link)
    return link


def end_link(link, because, *, by):
    """An account no longer acts for a family, from the next click on (separation, court order)."""
    link.ended_at, link.ended_because = clock.now(), because[:200]
    record("account.link_ended", link, by=by, note=because)


def refuse_unless_manages(account, *, by):
    """Raise Forbidden unless `by` may manage an account: those of the staff are for administrators, the own one is for the account page."""
    if account.id == by.id:
        raise Forbidden(_("This is your own account: somebody else must do this."))
    if role_of(account) is not None and role_of(by) is not Viewer.administrator:
        raise Forbidden(_("Only an administrator manages accounts of the staff."))


def new_staff_account(username, first_name, last_name, role, password_hash, *, by, email=None):
    """An account of the staff whose first password must be changed at the first login; within the open unit of work."""
    if role_of(by) is not Viewer.administrator:
        raise Forbidden(_("Only an administrator manages accounts of the staff."))
    if role not in STAFF_ROLES:
        raise DomainError(_("This is no role of the staff."))
    account = new_account(username, first_name, last_name, role.value, password_hash, email=email, must_change=True)
    record("account.created", account, by=by, note=role.value)
    return account


def set_active(account, active, *, by):
    """Let an account sign in again, or no more: its open sessions end at once."""
    refuse_unless_manages(account, by=by)
    if account.active is not active:
        account.active = active
        if not active:
            account.session_token = secrets.token_urlsafe(12)
        record("account.activated_again" if active else "account.deactivated", account, by=by)


def one_time_password():
    """A password to hand over on paper, changed at the first login."""
    return "-".join("".join(secrets.choice(ALPHABET) for _i in range(4)) for _j in range(4))


def invite(adult_id, family_id, *, by):
    """A code for an adult's first login, to be handed over on paper; former ones of the adult lapse. Returns the code, which is kept nowhere."""
    now = clock.now()
    for former in db.session.scalars(select(Invitation).filter_by(adult_id=adult_id, used_at=None)):
        former.expires_at = min(former.expires_at, now)
    code = "-".join("".join(secrets.choice(ALPHABET) for _i in range(4)) for _j in range(3))
    row = Invitation(family_id=family_id, adult_id=adult_id, code_hash=_hash(code), expires_at=now + INVITATION_LIFE)
    db.session.add(row)
    db.session.flush()
    record("account.invited", row, by=by)
    return code


def _hash(code):
    plain = "".join(char for char in code.upper() if char.isalnum())
    return hmac.new(current_app.secret_key.encode(), plain.encode(), hashlib.sha256).hexdigest()


def find_invitation(family_code, code):
    """The open Invitation of this family code and code, or None; wrong ones are counted, within the open unit of work."""
    family = db.metadata.tables["family"]
    open_ones = (
        select(Invitation).join(family, family.c.id == Invitation.family_id)
        .where(func.upper(family.c.code) == (family_code or "").strip().upper(), Invitation.used_at.is_(None))
        .where(Invitation.expires_at > clock.now(), Invitation.attempts < INVITATION_ATTEMPTS).with_for_update(of=Invitation)
    )  # fmt: skip
    rows = db.session.scalars(open_ones).all()
    found = next((row for row in rows if hmac.compare_digest(row.code_hash, _hash(code or ""))), None)
    if found is None:
        for row in rows:
            row.attempts += 1
    return found


def activate(invitation_id, username, password_hash, *, email=None, locale="fr"):
    """Use an invitation: its adult gets an account for the family, or their existing one a new password. Within the open unit of work.

    An address is confirmed by a mail before it signs in or resets. Raises NotFound where the invitation was used meanwhile.
    """
    query = select(Invitation).where(Invitation.id == invitation_id, Invitation.used_at.is_(None), Invitation.expires_at > clock.now())
    invitation = db.session.scalar(query.with_for_update())
    if invitation is None:
        raise NotFound(_("This code has been used or is too old: ask the town for a new one."))
    invitation.used_at = clock.now()
    link = db.session.scalar(select(FamilyLink).filter_by(adult_id=invitation.adult_id, ended_at=None))
    if link is not None:
        set_password(link.account, password_hash, by=link.account)
        return link.account
    adult = db.metadata.tables["adult"]
    row = db.session.execute(select(adult.c.first_name, adult.c.last_name, adult.c.role).where(adult.c.id == invitation.adult_id)).one()
    account = new_account(username, row.first_name, row.last_name, FAMILY_ROLE, password_hash, locale=locale)
    standing = getattr(row.role, "name", row.role)
    link_family(account, invitation.family_id, standing, adult_id=invitation.adult_id)
    record("account.activated", account, by=account, family_id=invitation.family_id)
    if email:
        ask_to_confirm(account, email)
    return account


def set_password(account, password_hash, *, by):
    """A new password; every open session of the account ends, the caller signs its own in again."""
    account.password, account.must_change_password = password_hash, False
    account.fail_login_count, account.blocked_until = 0, None
    close_sessions(account, by=by)
    record("account.password", account, by=by)


def close_sessions(account, *, by):
    """Sign the account out everywhere, from the next click on."""
    account.session_token = secrets.token_urlsafe(12)
    record("account.sessions_closed", account, by=by)


# -- addresses and tokens ---------------------------------------------------------------------------------------------------------


def _serializer(purpose):
    return URLSafeTimedSerializer(current_app.secret_key, salt=purpose)


def reset_token(account):
    """A token that resets the password once, for half an hour: it dies with the password that it was made for."""
    return _serializer("reset").dumps([account.id, account.password[-12:]])


def account_to_reset(token):
    """The account that a reset token is for. Raises DomainError where it is too old or used."""
    try:
        account_id, tail = _serializer("reset").loads(token, max_age=int(RESET_LIFE.total_seconds()))
    except BadData as bad:
        raise DomainError(_("This link is too old or has been used: ask for a new one.")) from bad
    account = db.session.get(Account, account_id)
    if account is None or not account.is_active or not hmac.compare_digest(account.password[-12:], tail):
        raise DomainError(_("This link is too old or has been used: ask for a new one."))
    return account


def ask_to_confirm(account, email):
    """Send a link to an address; only once opened does it become the account's. Within the open unit of work."""
    token = _serializer("address").dumps([account.id, email.lower(), account.session_token])
    queue_mail(email, "confirm_address", locale=account.locale, account_id=account.id, account=account, token=token)


def confirm_address(token):
    """Make the address of a token the account's, with a notice to the old one; within the open unit of work. Returns the account."""
    try:
        account_id, email, session_token = _serializer("address").loads(token, max_age=3 * 24 * 3600)
    except BadData as bad:
        raise DomainError(_("This link is too old or has been used: ask for a new one.")) from bad
    account = db.session.get(Account, account_id)
    if account is None or account.session_token != session_token:
        raise DomainError(_("This link is too old or has been used: ask for a new one."))
    address = db.session.scalar(select(LoginAddress).filter_by(account_id=account.id))
    if address is None:
        db.session.add(LoginAddress(account_id=account.id, email=email, confirmed_at=clock.now()))
    elif address.email != email:
        queue_mail(address.email, "address_changed", locale=account.locale, account_id=account.id, account=account)
        address.email, address.confirmed_at = email, clock.now()
    record("account.address", account, by=account)
    return account

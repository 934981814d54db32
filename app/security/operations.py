"""How do accounts come to be, change hands and end? Hashes are made before the unit of work, by the caller."""

import hashlib
import hmac
import itertools
import re
import secrets
import unicodedata
from datetime import timedelta
from uuid import uuid4

from flask import current_app
from itsdangerous import BadData
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.audit.operations import record
from app.core import clock
from app.core.errors import DomainError, Forbidden, NotFound
from app.core.i18n import _
from app.extensions import db
from app.mail.operations import queue_mail
from app.security.links import serializer
from app.security.manager import AccountManager
from app.security.models import Account, FamilyLink, Invitation, LoginAddress
from app.security.queries import address_of
from app.security.scope import role_of
from app.security.sessions import end_rows
from app.security.who_sees_what import FAMILY_ROLE, STAFF_ROLES, Viewer

#: Letters and digits that nobody takes for one another.
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
INVITATION_LIFE = timedelta(days=60)
#: Wrong codes for one invitation; then the town makes a new one. One address cannot type so many before the letter is too old: nobody
#: locks a neighbour's letter. And a code has 60 bits: so many guesses are as good as none.
INVITATION_ATTEMPTS = 20_000
CONFIRM_LIFE = timedelta(days=3)


#: What an identifier may be made of; no "@", so that nobody takes somebody else's address for a name.
IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9._-]{2,39}")


def check_identifier(username):
    """The identifier as it is kept, in small letters. Raises DomainError where it is badly made or taken."""
    username = (username or "").strip().lower()
    if not IDENTIFIER.fullmatch(username):
        raise DomainError(_("An identifier has 3 to 40 letters without accents, digits, dots or hyphens."))
    if db.session.scalar(select(Account.id).where(Account.username == username)) is not None:
        raise DomainError(_("This identifier is taken: choose another one."))
    return username


def new_account(username, first_name, last_name, role, password_hash, *, email=None, locale="fr", must_change=False):
    """An account with one role and, where there is one, its confirmed address; within the open unit of work."""
    account = Account(
        username=check_identifier(username),
        first_name=first_name[:64],
        last_name=last_name[:64],
        email=f"{uuid4().hex}@account.invalid",
        active=True,
        password=password_hash,
        locale=locale,
        must_change_password=must_change,
    )
    granted = db.session.scalar(select(AccountManager.role_model).filter_by(name=role))
    try:
        with db.session.begin_nested():
            db.session.add(account)
            account.roles = [granted]
    except IntegrityError as faster:
        raise DomainError(_("This identifier is taken: choose another one.")) from faster
    if email:
        db.session.add(LoginAddress(account_id=account.id, email=email.lower(), confirmed_at=clock.now()))
    return account


def link_family(account, family_id, standing, *, adult_id=None):
    """Let an account act for a family as its "guardian" or "spouse"."""
    link = FamilyLink(account_id=account.id, family_id=family_id, standing=standing, adult_id=adult_id)
    db.session.add(link)
    return link


def end_link(link, because, *, by):
    """An account no longer acts for a family, from the next click on (separation, court order); a letter in a drawer opens nothing."""
    link.ended_at, link.ended_because = clock.now(), because[:200]
    lapse_codes(link.adult_id)
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
            _sign_out(account)
        record("account.activated_again" if active else "account.deactivated", account, by=by)


def one_time_password():
    """A password to hand over on paper, changed at the first login."""
    return "-".join("".join(secrets.choice(ALPHABET) for _i in range(4)) for _j in range(4))


def new_code():
    """A code for a letter."""
    return "-".join("".join(secrets.choice(ALPHABET) for _i in range(4)) for _j in range(3))


def invite(adult_id, family_id, *, by, code=None):
    """A code for an adult's first login, to be handed over; former ones lapse. Returns the code, which is kept nowhere.

    `code`: one of new_code() that is printed already.
    """
    now = clock.now()
    lapse_codes(adult_id)
    code = code or new_code()
    row = Invitation(family_id=family_id, adult_id=adult_id, code_hash=_hash(code), expires_at=now + INVITATION_LIFE)
    db.session.add(row)
    db.session.flush()
    record("account.invited", row, by=by)
    return code


def lapse_codes(adult_id):
    """An adult's letters in drawers open nothing any more."""
    now = clock.now()
    for former in db.session.scalars(select(Invitation).filter_by(adult_id=adult_id, used_at=None)):
        former.expires_at = min(former.expires_at, now)


def _hash(code):
    plain = "".join(char for char in code.upper() if char.isalnum())
    return hmac.new(current_app.secret_key.encode(), plain.encode(), hashlib.sha256).hexdigest()


def find_invitation(family_code, code):
    """The open Invitation of this family code and code, or None; wrong ones are counted, within the open unit of work."""
    rows = db.session.scalars(_invitations(family_code).with_for_update(of=Invitation)).all()
    open_ones = [row for row in rows if row.used_at is None and row.expires_at > clock.now() and row.attempts < INVITATION_ATTEMPTS]
    typed = _hash(code or "")
    found = next((row for row in open_ones if hmac.compare_digest(row.code_hash, typed)), None)
    if not any(hmac.compare_digest(row.code_hash, typed) for row in rows):
        for row in open_ones:
            row.attempts += 1
    return found


def why_no_invitation(family_code, code):
    """The sentence for codes that open nothing. Only who holds the right code learns what became of it."""
    typed = _hash(code or "")
    row = next((row for row in db.session.scalars(_invitations(family_code)) if hmac.compare_digest(row.code_hash, typed)), None)
    if row is None:
        return _("These two codes do not go together. Compare them with your letter.")
    if row.used_at is not None:
        return _("This code has been used: you have an account. Sign in, or ask for a new password.")
    if row.expires_at <= clock.now():
        return _("This code is too old: ask the town hall for a new one.")
    return _("Too many wrong codes were typed for this letter: ask the town hall for a new one.")


def _invitations(family_code):
    family = db.metadata.tables["family"]
    plain = (family_code or "").replace(" ", "").upper()
    return select(Invitation).join(family, family.c.id == Invitation.family_id).where(family.c.code == plain).order_by(Invitation.id)


def activate(invitation_id, username, password_hash, *, email=None, locale="fr"):
    """Use an invitation: its adult gets an account for the family, or their existing one a new password. Within the open unit of work.

    An address is confirmed by a mail before it signs in or resets. Raises NotFound where the invitation was used meanwhile.
    """
    invitation = open_invitation(invitation_id, lock=True)
    if invitation is None:
        raise NotFound(_("This code has been used or is too old: ask the town for a new one."))
    invitation.used_at = clock.now()
    link = link_of(invitation)
    if link is not None:
        set_password(link.account, password_hash, by=link.account)
        return link.account
    adult = adult_of(invitation)
    account = new_account(username, adult.first_name, adult.last_name, FAMILY_ROLE, password_hash, locale=locale)
    link_family(account, invitation.family_id, getattr(adult.role, "name", adult.role), adult_id=invitation.adult_id)
    record("account.activated", account, by=account, family_id=invitation.family_id)
    if email:
        ask_to_confirm(account, email)
    return account


def open_invitation(invitation_id, *, lock=False):
    """The Invitation of this id while it can be used, or None."""
    query = select(Invitation).where(Invitation.id == invitation_id, Invitation.used_at.is_(None), Invitation.expires_at > clock.now())
    return db.session.scalar(query.with_for_update() if lock else query)


def link_of(invitation):
    """The FamilyLink of the adult who is invited, where they already have an account; or None."""
    return db.session.scalar(select(FamilyLink).filter_by(adult_id=invitation.adult_id, family_id=invitation.family_id, ended_at=None))


def adult_of(invitation):
    """(first_name, last_name, role, email) of the adult who is invited, as the file has them."""
    adult = db.metadata.tables["adult"]
    return db.session.execute(
        select(adult.c.first_name, adult.c.last_name, adult.c.role, adult.c.email).where(adult.c.id == invitation.adult_id)
    ).one()


def suggest_identifier(first_name, last_name):
    """A free identifier made of a name: christelle.galbert, then christelle.galbert2."""
    plain = unicodedata.normalize("NFKD", f"{first_name}.{last_name}".lower()).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^a-z0-9.]+", "-", plain).strip("-.")[:36] or "compte"
    taken = set(db.session.scalars(select(Account.username).where(Account.username.startswith(stem, autoescape=True))))
    numbered = (f"{stem}{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([stem], numbered) if name not in taken)


def set_password(account, password_hash, *, by):
    """A new password; every open session of the account ends, the caller signs its own in again. The account's address is told."""
    account.password, account.must_change_password = password_hash, False
    account.fail_login_count, account.blocked_until = 0, None
    close_sessions(account, by=by)
    record("account.password", account, by=by)
    if address := address_of(account):
        queue_mail(address.email, "password_changed", locale=account.locale, account_id=account.id, account=account, at=clock.now())


def close_sessions(account, *, by):
    """Sign the account out everywhere, from the next click on."""
    _sign_out(account)
    record("account.sessions_closed", account, by=by)


def _sign_out(account):
    account.session_token = secrets.token_urlsafe(12)
    end_rows(account.id)


def close_session(account, session_id, *, by):
    """Sign the account out of one browser. Raises NotFound where it has no such open session."""
    if not end_rows(account.id, only=session_id):
        raise NotFound(_("This device is signed out already."))
    record("account.session_closed", account, by=by)


# -- addresses and tokens ---------------------------------------------------------------------------------------------------------


def ask_to_confirm(account, email):
    """Send a link to an address; only once opened does it become the account's. Within the open unit of work."""
    token = serializer("address").dumps([account.id, email.lower(), account.session_token])
    queue_mail(email, "confirm_address", locale=account.locale, account_id=account.id, account=account, token=token)


def address_to_confirm(token):
    """(account, address) of a confirmation token. Raises DomainError where it is too old, or a later password has ended it."""
    try:
        account_id, email, session_token = serializer("address").loads(token, max_age=int(CONFIRM_LIFE.total_seconds()))
    except BadData as bad:
        raise DomainError(_("This link is too old or has been used: ask for a new one.")) from bad
    account = db.session.get(Account, account_id)
    if account is None or not account.is_active or account.session_token != session_token:
        raise DomainError(_("This link is too old or has been used: ask for a new one."))
    return account, email


def confirm_address(token):
    """Make the address of a token the account's, with a notice to the old one; within the open unit of work. Returns the account."""
    account, email = address_to_confirm(token)
    address = db.session.scalar(select(LoginAddress).filter_by(account_id=account.id).with_for_update())
    if address is None:
        db.session.add(LoginAddress(account_id=account.id, email=email, confirmed_at=clock.now()))
    elif address.email != email or address.confirmed_at is None:
        if address.email != email:
            queue_mail(address.email, "address_changed", locale=account.locale, account_id=account.id, account=account, at=clock.now())
        address.email, address.confirmed_at = email, clock.now()
    else:
        return account
    record("account.address", account, by=account)
    return account


def prefer_language(account, locale, *, by):
    """Speak another language to an account, on screens and in mails."""
    former, account.locale = account.locale, locale
    record("account.language", account, by=by, changes={"locale": (former, locale)})

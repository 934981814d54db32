"""Is it really their telephone? One-time codes for the staff (TOTP, RFC 6238), and codes on paper for the day it is lost."""

import hashlib
import hmac
import secrets

import pyotp
import segno
from flask import current_app
from sqlalchemy import delete, exists, func, select

from app.audit.operations import record
from app.core import clock, settings
from app.core.encryption import seal, unseal
from app.core.errors import DomainError
from app.core.i18n import _
from app.extensions import db
from app.mail.operations import queue_mail
from app.security.models import LoginAddress, RecoveryCode, SecondFactor
from app.security.settings import AskedOf
from app.security.who_sees_what import Viewer

#: RFC 6238, 5.2: one step before and after the present one, for clocks that are not quite right and people who type slowly.
DRIFT = 1
STEP_SECONDS = 30
RECOVERY_CODES = 10
#: Letters and digits that nobody takes for one another.
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
#: Seconds that a secret waits for its first code; then the page makes another one.
SETUP_PATIENCE = 3600

ASKED = {
    AskedOf.nobody: frozenset(),
    AskedOf.administrators: frozenset({Viewer.administrator}),
    AskedOf.money: frozenset({Viewer.administrator, Viewer.regisseur}),
    AskedOf.everybody: None,
}


def is_asked_of(role, asked=None):
    """Whether the town asks a role of the staff for a second step; `asked` is its setting, where somebody has read it already."""
    roles = ASKED[AskedOf(asked or settings.get("second_step"))]
    return roles is None or role in roles


def factor_of(account_id):
    """The SecondFactor of an account that is in force, or None."""
    return db.session.scalar(select(SecondFactor).where(SecondFactor.account_id == account_id, SecondFactor.confirmed_at.is_not(None)))


def is_on(account_id):
    """Whether an account signs in with a second step."""
    return db.session.scalar(select(is_on_for(account_id)))


def is_on_for(account_id):
    """The same as a condition, for the query that reads the account: `account_id` is its column."""
    return exists().where(SecondFactor.account_id == account_id, SecondFactor.confirmed_at.is_not(None))


def codes_left(account_id):
    """How many recovery codes have not been used."""
    return db.session.scalar(
        select(func.count()).select_from(RecoveryCode).where(RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None))
    )


# -- set up -----------------------------------------------------------------------------------------------------------------------


def new_secret(account):
    """A secret for an account, sealed: it travels in the form that confirms it, and is written once it is confirmed."""
    return seal({"second factor": pyotp.random_base32(), "account": account.id, "at": int(clock.now().timestamp())})


def secret_in(sealed, account):
    """The secret that was sealed for this account, or None where it is too old or somebody else's."""
    try:
        found = unseal(sealed or "")
    except ValueError:
        return None
    fresh = isinstance(found, dict) and 0 <= clock.now().timestamp() - found.get("at", 0) <= SETUP_PATIENCE
    return found.get("second factor") if fresh and found.get("account") == account.id else None


def address_for(secret, account):
    """The otpauth address that an application on a telephone reads."""
    issuer = f"Préau {current_app.config['TOWN_NAME']}"
    return pyotp.TOTP(secret).provisioning_uri(name=account.username, issuer_name=issuer)


def picture_of(address):
    """The address as a QR code, an SVG without a style of its own."""
    return segno.make(address, error="m", micro=False).svg_inline(border=4, light="#fff", svgclass="qr", lineclass=None, omitsize=True)


def switch_on(account, secret, typed, *, by):
    """Ask the account for the codes of this secret from now on. Returns ten recovery codes, kept nowhere. Within the open unit of work.

    Raises DomainError where the first code does not fit.
    """
    step = _step(secret, typed, after=0)
    if step is None:
        raise DomainError(_("This code does not fit. Type the one that the application shows now."))
    row = db.session.scalar(select(SecondFactor).filter_by(account_id=account.id).with_for_update())
    if row is not None and row.confirmed_at is not None:
        raise DomainError(_("The second step is on already."))
    if row is None:
        row = SecondFactor(account_id=account.id)
        db.session.add(row)
    row.secret, row.confirmed_at, row.last_step = secret, clock.now(), step
    record("account.second_step_on", account, by=by, noun="account")
    return new_codes(account, by=by)


def new_codes(account, *, by):
    """Ten recovery codes in the place of the former ones. Within the open unit of work."""
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account.id))
    codes = ["-".join("".join(secrets.choice(ALPHABET) for _i in range(4)) for _j in range(2)) for _k in range(RECOVERY_CODES)]
    db.session.add_all(RecoveryCode(account_id=account.id, code_hash=_hash(account.id, code)) for code in codes)
    record("account.recovery_codes", account, by=by, noun="account")
    return codes


def switch_off(account, *, by):
    """Ask the account for no code any more, and tell its address. Within the open unit of work."""
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account.id))
    gone = db.session.execute(delete(SecondFactor).where(SecondFactor.account_id == account.id)).rowcount
    if not gone:
        return
    record("account.second_step_off", account, by=by, noun="account")
    address = db.session.scalar(
        select(LoginAddress.email).where(LoginAddress.account_id == account.id, LoginAddress.confirmed_at.is_not(None))
    )
    if address is not None:
        queue_mail(address, "second_step_off", locale=account.locale, account_id=account.id, account=account, at=clock.now())


# -- check ------------------------------------------------------------------------------------------------------------------------


def accept(account, typed):
    """Whether this is the code of the moment, or a recovery code that was never used; it is used up. Within the open unit of work."""
    row = db.session.scalar(
        select(SecondFactor).filter_by(account_id=account.id).with_for_update().execution_options(populate_existing=True)
    )
    if row is None or row.confirmed_at is None:
        return False
    step = _step(row.secret, typed, after=row.last_step)
    if step is not None:
        row.last_step = step
        return True
    return _accept_on_paper(account, typed)


def _accept_on_paper(account, typed):
    hashed = _hash(account.id, typed)
    rows = db.session.scalars(select(RecoveryCode).filter_by(account_id=account.id, used_at=None).with_for_update()).all()
    found = next((row for row in rows if hmac.compare_digest(row.code_hash, hashed)), None)
    if found is None:
        return False
    found.used_at = clock.now()
    record("account.recovery_code_used", account, by=account, noun="account")
    return True


def _step(secret, typed, *, after):
    """The half-minute whose code this is, of those after the last one that was taken; None for no such."""
    plain = "".join(char for char in typed or "" if char.isascii() and char.isdigit())
    if len(plain) != 6 or len((typed or "").replace(" ", "")) != 6:
        return None
    now, totp = int(clock.now().timestamp()) // STEP_SECONDS, pyotp.TOTP(secret)
    steps = range(now - DRIFT, now + DRIFT + 1)
    return next((step for step in steps if step > after and hmac.compare_digest(totp.at(step * STEP_SECONDS), plain)), None)


def _hash(account_id, code):
    plain = "".join(char for char in (code or "").upper() if char.isalnum())
    return hmac.new(current_app.secret_key.encode(), f"{account_id}.{plain}".encode(), hashlib.sha256).hexdigest()

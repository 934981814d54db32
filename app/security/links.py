"""Which links by mail let somebody in who is locked out? One for a new password, one to sign in once."""

import hashlib
import hmac
from datetime import timedelta

from flask import current_app
from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer
from sqlalchemy import select

from app.audit.operations import record
from app.core import clock
from app.core.errors import DomainError
from app.core.i18n import _
from app.extensions import db
from app.mail.operations import queue_mail
from app.security import second_factor, throttle
from app.security.manager import note_signed_in
from app.security.models import Account
from app.security.queries import accounts_at, address_of, find_account

RESET_LIFE = timedelta(minutes=30)
LINK_LIFE = timedelta(minutes=15)


class _Signer(TimestampSigner):
    """Signs with our clock's time."""

    def get_timestamp(self):
        return int(clock.now().timestamp())


def serializer(purpose):
    """Makes and reads tokens of one purpose."""
    return URLSafeTimedSerializer(current_app.secret_key, salt=purpose, signer=_Signer)


def reset_token(account):
    """A token that resets the password once, for half an hour: it dies with the password that it was made for."""
    return serializer("reset").dumps([account.id, account.password[-12:]])


def sign_in_token(account):
    """A token that signs in once, for a quarter of an hour: it dies with the next sign-in, the password and closed sessions."""
    return serializer("sign in").dumps([account.id, _since_last_sign_in(account)])


def _since_last_sign_in(account):
    return hashlib.sha256(f"{account.password} {account.session_token} {account.login_count or 0}".encode()).hexdigest()[:24]


#: What somebody who is locked out may ask for: the mail, and the token in it.
WISHES = {"reset": reset_token, "sign_in_link": sign_in_token}


def ask(typed, wish, *, locale):
    """Send a link to each account with this address, or with this identifier and an address. Within the open unit of work.

    Whoever asks learns nothing: for an unknown address the same mail is written, and taken back.
    """
    accounts = (
        accounts_at(typed) if "@" in typed else [account for account in [find_account(typed)] if account is not None and account.is_active]
    )
    told = [(account, address) for account in accounts if (address := address_of(account)) is not None]
    for account, address in told:
        # Whose password is the town's chooses one before anything else, and would be asked for the town's.
        mail = "reset" if account.must_change_password else wish
        queue_mail(address.email, mail, locale=account.locale, account_id=account.id, account=account, token=WISHES[mail](account))
    if not told:
        nobody = Account(id=0, username="", first_name="", last_name="", password="-" * 12)
        with db.session.begin_nested() as taken_back:
            queue_mail("nobody@account.invalid", wish, locale=locale, account=nobody, token=WISHES[wish](nobody))
            db.session.flush()
            taken_back.rollback()
    record(f"account.{wish}_asked", by="visitor", noun="account", row_id=told[0][0].id if told else None)
    return len(told)


def account_to_reset(token, *, lock=False):
    """The account that a reset token is for. Raises DomainError where it is too old or used."""
    return _account_of(token, "reset", RESET_LIFE, lambda account: account.password[-12:], lock=lock)


def account_to_sign_in(token, *, lock=False):
    """The account that a sign-in token is for. Raises DomainError where it is too old or used."""
    return _account_of(token, "sign in", LINK_LIFE, _since_last_sign_in, lock=lock)


def use_sign_in_token(token):
    """The account that signs in by a link; the link is used up, even where a second step is still to come. Within the open unit of work."""
    # In the order in which whoever types a password locks the two.
    throttle.wait(throttle.SIGN_IN, lock=True)
    account = account_to_sign_in(token, lock=True)
    if second_factor.is_on(account.id):
        account.login_count = (account.login_count or 0) + 1
    else:
        note_signed_in(account)
    return account


def _account_of(token, purpose, life, proof, *, lock):
    try:
        account_id, proved = serializer(purpose).loads(token, max_age=int(life.total_seconds()))
    except BadData as bad:
        raise DomainError(_("This link is too old or has been used: ask for a new one.")) from bad
    query = select(Account).where(Account.id == account_id).execution_options(populate_existing=True)
    account = db.session.scalar(query.with_for_update() if lock else query)
    if account is None or not account.is_active or not hmac.compare_digest(proof(account), proved):
        raise DomainError(_("This link is too old or has been used: ask for a new one."))
    return account

"""How does Flask-AppBuilder ask us who signs in?"""

from datetime import timedelta

from flask import current_app, g
from flask_appbuilder.security.sqla.manager import SecurityManager
from sqlalchemy import literal, select, update
from werkzeug.security import check_password_hash

from app.audit.operations import record
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.security import second_factor, sessions, throttle
from app.security.models import Account
from app.security.queries import find_account
from app.security.scope import account_with_links
from app.security.views import LoginView

#: Wrong passwords in a row that cost nothing; each further one doubles the wait, up to an hour (CNIL 2022, case 2).
FREE_ATTEMPTS = 5


class AccountManager(SecurityManager):
    """Accounts of ours, a back-off per account, sessions that can be closed, and no screens but our own."""

    user_model = Account
    authdbview = LoginView
    userstatschartview = None

    def register_views(self):
        self.auth_view = self.appbuilder.add_view_no_menu(self.authdbview())

    def load_user(self, pk):
        """The account of a session, with its roles and links in the same query, unless the session was closed."""
        account_id, _, key = str(pk).partition(".")
        if not account_id.isdigit() or not key:
            return None
        account = account_with_links(int(account_id), sessions.hash_of(key))
        return account if account is not None and account.is_active and g.login_session is not None else None

    def get_user_roles(self, user):
        return user.roles if user.is_authenticated else []

    def auth_user_db(self, username, password):
        """The account that signs in, or None. An unknown name costs what a wrong password costs: one hash, one transaction that writes.

        Raises TooOften where too many wrong passwords have come from the address; that one costs nothing.
        """
        throttle.refuse_who_waits(throttle.SIGN_IN)
        account = find_account((username or "").strip())
        stored = account.password if account is not None else current_app.config["AUTH_DB_FAKE_PASSWORD_HASH_CHECK"]
        good = check_password_hash(stored, password or "") and account is not None
        account_id = account.id if account is not None else None
        with unit_of_work():
            throttle.refuse_who_waits(throttle.SIGN_IN, lock=True)
            account = self._admit(account_id) if good else None
            if account is None:
                throttle.count(throttle.SIGN_IN)
                rests = not good and _note_wrong(account_id)
                verb = "account.blocked" if rests else "account.sign_in_failed"
                record(verb, by="system" if rests else "visitor", noun="account", row_id=account_id)
                return None
        return account

    def _admit(self, account_id):
        """The account whose right password was typed, or None where it may not enter now. Under a lock, one by one."""
        query = select(Account, second_factor.is_on_for(Account.id)).where(Account.id == account_id)
        account, second_step = db.session.execute(
            query.with_for_update(of=Account).execution_options(populate_existing=True)
        ).one_or_none() or (None, False)
        if account is None or not account.is_active or is_blocked(account):
            return None
        # Who owes a second step is not in yet: a right password between wrong codes must not begin the count anew.
        if not second_step:
            note_signed_in(account)
            sessions.add_row(account)
        return account


def note_signed_in(account):
    """The account has proved all that it must: its wrong attempts are forgotten. Within the open unit of work."""
    throttle.forgive(throttle.SIGN_IN, account.fail_login_count or 0)
    account.login_count, account.last_login = (account.login_count or 0) + 1, clock.now().replace(tzinfo=None)
    account.fail_login_count, account.blocked_until = 0, None
    record("account.signed_in", account, by=account, noun="account")


def count_wrong(account):
    """One more wrong password or code: past a handful the account rests, longer each time. Within the open unit of work."""
    account.fail_login_count, account.blocked_until = _after_wrong(account)
    if account.blocked_until is not None:
        record("account.blocked", account, by="system", noun="account")


def _note_wrong(account_id):
    """Count a wrong password of somebody who is not signed in; whether the account rests from now on.

    The same two statements for every name that was typed, so that the time does not tell whether somebody has it.
    """
    mine = Account.id == (account_id or 0)
    columns = Account.active, Account.fail_login_count, Account.blocked_until
    account = db.session.execute(select(*columns).where(mine).with_for_update()).one_or_none()
    counts = account is not None and account.active and not is_blocked(account)
    wrong, until = _after_wrong(account) if counts else (0, None)
    db.session.execute(
        update(Account).where(mine, literal(counts)).values(fail_login_count=wrong, blocked_until=until),
        execution_options={"synchronize_session": False},
    )
    return until is not None


def _after_wrong(account):
    """(wrong ones in a row, when the account has rested) after one more."""
    wrong = (account.fail_login_count or 0) + 1
    beyond = wrong - FREE_ATTEMPTS
    return wrong, clock.now() + timedelta(minutes=min(2 ** min(beyond, 6), 60)) if beyond >= 0 else None


def note_wrong_password(account_id):
    """Count a wrong password that somebody who is signed in typed to prove who they are."""
    with unit_of_work():
        count_wrong(db.session.get(Account, account_id, populate_existing=True))


def is_blocked(account):
    """Whether an account rests after too many wrong passwords: even the right one is refused."""
    return account.blocked_until is not None and account.blocked_until > clock.now()

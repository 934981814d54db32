"""What do tests of accounts share? A visitor who reads English, a token from a page, the mails that wait."""

import re

import pytest

from tests.conftest import account


@pytest.fixture
def visitor(app):
    """Somebody who has not signed in and whose browser asks for English."""

    def visiting():
        client = app.test_client()
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
        return client

    return visiting


def token_of(page):
    """The token against forged posts in a page."""
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text).group(1)


def mails(template=None):
    """The mails that wait, oldest first; inside an application context."""
    from app.extensions import db
    from app.mail.models import OutgoingMail

    rows = db.session.scalars(db.select(OutgoingMail).order_by(OutgoingMail.id)).all()
    return [row for row in rows if template in (None, row.template)]


def link_in(mail):
    """The path of the first link in a mail."""
    return re.search(r"https?://[^/\s]+(/\S+)", mail.body).group(1)


def who(client):
    """The name of the account that a client is signed in with, or None."""
    with client.session_transaction() as session:
        identity = session.get("_user_id")
    if identity is None:
        return None
    from app.extensions import db
    from app.security.models import Account, LoginSession
    from app.security.sessions import hash_of

    with client.application.app_context():
        number, _dot, key = identity.partition(".")
        query = db.select(Account.username).join(LoginSession, LoginSession.account_id == Account.id)
        return db.session.scalar(
            query.where(Account.id == int(number), LoginSession.key_hash == hash_of(key), LoginSession.ended_at.is_(None))
        )


__all__ = ["account", "link_in", "mails", "token_of", "who"]

"""Where are the two families of the walker signed in? A browser each, with the canary for its name."""

from secrets import token_urlsafe

from app.extensions import db
from app.security.models import LoginSession
from app.security.sessions import hash_of


def enter(account, canary):
    """A session of an account; returns {argument: id}."""
    row = LoginSession(account_id=account.id, key_hash=hash_of(token_urlsafe(18)), device=canary)
    db.session.add(row)
    db.session.flush()
    return {"session_id": row.id}

"""Who may read a family's bookings as a calendar, without signing in? Whoever holds a secret address, until it is revoked."""

from hashlib import sha256
from secrets import token_urlsafe

from sqlalchemy import select

from app.audit.operations import record
from app.core import clock
from app.extensions import db
from app.security.models import Account, CalendarFeed, FamilyLink


def feed_of(account_id, family_id):
    """The address that an account has for a family, or None."""
    mine = select(CalendarFeed).filter_by(account_id=account_id, family_id=family_id, revoked_at=None)
    return db.session.scalar(mine.order_by(CalendarFeed.id.desc()).limit(1))


def new_feed(account_id, family_id, *, by):
    """Make a new secret address; the former one leads nowhere from now on."""
    revoke_feed(account_id, family_id, by=by)
    secret = token_urlsafe(24)
    feed = CalendarFeed(account_id=account_id, family_id=family_id, secret=secret, secret_hash=_hash(secret))
    db.session.add(feed)
    db.session.flush()
    record("feed.made", feed, by=by)
    return feed


def revoke_feed(account_id, family_id, *, by):
    """Close an account's address for a family; whether there was one."""
    mine = select(CalendarFeed).filter_by(account_id=account_id, family_id=family_id, revoked_at=None)
    open_ones = db.session.scalars(mine).all()
    for feed in open_ones:
        feed.revoked_at = clock.now()
        record("feed.revoked", feed, by=by)
    return bool(open_ones)


def find_feed(secret):
    """(the account, the family's id) of a secret; None where it is revoked, or the account no longer acts for the family."""
    linked = (FamilyLink.account_id == CalendarFeed.account_id) & (FamilyLink.family_id == CalendarFeed.family_id)
    query = (
        select(Account, CalendarFeed.family_id)
        .join(CalendarFeed, CalendarFeed.account_id == Account.id)
        .join(FamilyLink, linked & FamilyLink.ended_at.is_(None))
        .where(CalendarFeed.secret_hash == _hash(secret), CalendarFeed.revoked_at.is_(None), Account.active.is_(True))
    )
    return db.session.execute(query.limit(1)).one_or_none()


def _hash(secret):
    return sha256(secret.encode()).hexdigest()

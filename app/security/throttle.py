"""Who has tried too often from one place? Counted in the database, so that every process knows it.

Each door lets so many tries in vain pass at once; then one more each time its pause is over. Nobody waits longer for what others
typed behind the same address, a telephone company's for instance, and whoever guesses gets no further than that.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address, ip_network

from flask import current_app, request
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from app.core import clock
from app.core.errors import DomainError
from app.core.i18n import _
from app.extensions import db
from app.security.models import SignInThrottle


@dataclass(frozen=True)
class Door:
    """What is counted: `free` tries in vain at once, then one for each `pause`."""

    name: str
    free: int
    pause: timedelta


#: Wrong passwords from one address, whatever the accounts.
SIGN_IN = Door("sign in", 50, timedelta(minutes=2))
#: Wrong codes of letters from one address: fewer in the sixty days of a letter than operations.INVITATION_ATTEMPTS.
LETTERS = Door("letters", 30, timedelta(minutes=5))
#: Mails that one address asks for: new passwords, links to sign in.
MAILS = Door("mails", 10, timedelta(minutes=5))
#: Mails that anybody asks for to one recipient, known or not.
RECIPIENT = Door("recipient", 5, timedelta(minutes=10))
#: Forms of pre-registration from one address: what is sent counts, each mail of confirmation too.
PREREGISTRATIONS = Door("pre-registrations", 20, timedelta(minutes=3))
#: A row that nobody counted in for so long says nothing any more, whatever its door.
FORGOTTEN_AFTER = timedelta(days=1)


class TooOften(DomainError):
    """Too many tries from one place: it waits."""

    status = 429


def wait(door, who=None, *, lock=False):
    """The timedelta that `who` must wait at a door, or None. `who` is a text; left out, it is the address of the request.

    With `lock`, within an open unit of work and before any other row is locked: who comes at the same time waits for this one.
    """
    row = _held(door, who) if lock else db.session.scalar(_rows(door, who))
    left = row.blocked_until - clock.now() if row is not None and row.blocked_until is not None else timedelta()
    return left if left > timedelta() else None


def refuse_who_waits(door, who=None, *, lock=False):
    """Raise TooOften, with a sentence that accuses nobody, where wait() says so."""
    left = wait(door, who, lock=lock)
    if left is not None:
        raise TooOften(sentence(door, left))


def sentence(door, left):
    """What a person reads who has to wait: it accuses nobody, since many may share an address."""
    minutes = max(1, -int(-left.total_seconds() // 60))
    if door is RECIPIENT:
        return _(
            "We have written there several times already. Look into your mails, or wait %(minutes)d min and ask again.", minutes=minutes
        )
    return _("Too many attempts came from your internet connection. Wait %(minutes)d min, then try again.", minutes=minutes)


def count(door, who=None):
    """One more in vain, within the open unit of work."""
    row, now = _held(door, who), clock.now()
    _keep(row, door, _level(row, door, now) + 1, now)


def take(door, who=None):
    """Let one more pass that counts whatever becomes of it, within the open unit of work; raises TooOften where it has to wait."""
    row, now = _held(door, who), clock.now()
    if row.blocked_until is not None and row.blocked_until > now:
        raise TooOften(sentence(door, row.blocked_until - now))
    _keep(row, door, _level(row, door, now) + 1, now)


def forgive(door, times, who=None):
    """Take so many back, within the open unit of work: the person who typed wrong has now typed right."""
    if times > 0:
        row, now = _held(door, who), clock.now()
        _keep(row, door, max(0, _level(row, door, now) - times), now)


def forget():
    """Remove the rows that say nothing any more, within the open unit of work; returns how many."""
    return db.session.execute(delete(SignInThrottle).where(SignInThrottle.since < clock.now() - FORGOTTEN_AFTER)).rowcount


def network_of(address):
    """The network that one customer holds: an address of IPv4, the /64 of IPv6."""
    try:
        found = ip_address((address or "").partition("%")[0])
    except ValueError:
        return "nowhere"
    if found.version == 6 and found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(found) if found.version == 4 else str(ip_network((int(found), 64), strict=False))


def _key(door, who):
    who = network_of(request.remote_addr) if who is None else who
    return hmac.new(current_app.secret_key.encode(), f"throttle {door.name} {who}".encode(), hashlib.sha256).hexdigest()


def _rows(door, who):
    return select(SignInThrottle).filter_by(address_hash=_key(door, who)).execution_options(populate_existing=True)


def _held(door, who):
    """The row, made where there is none, and locked: of two who come at once, one waits for the other."""
    dialect = {"sqlite": sqlite, "postgresql": postgresql}[db.engine.dialect.name]
    new = dialect.insert(SignInThrottle).values(address_hash=_key(door, who), wrong=0, since=clock.now())
    # It changes nothing in a row that is there, but locks it and gives it back.
    held = new.on_conflict_do_update(index_elements=["address_hash"], set_={"address_hash": new.excluded.address_hash})
    return db.session.scalar(held.returning(SignInThrottle), execution_options={"populate_existing": True})


def _level(row, door, now):
    """How many still count: one is forgotten with each pause."""
    return max(0, row.wrong - _passed(row, door, now))


def _passed(row, door, now):
    return max(0, int((now - row.since) / door.pause))


def _keep(row, door, level, now):
    """`since` moves on by whole pauses, so that nobody who tries all the time keeps the clock from running."""
    passed = _passed(row, door, now)
    row.since = now if row.wrong <= passed else row.since + passed * door.pause
    row.wrong = level
    row.blocked_until = row.since + (level - door.free + 1) * door.pause if level >= door.free else None

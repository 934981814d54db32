"""How is the log written? record() inside the unit of work of the act, note_health_read() beside a reading."""

from sqlalchemy import insert, inspect, select

from app.audit.models import HealthRead, LogEntry
from app.core import clock
from app.core.codec import encode
from app.core.db import own_transaction
from app.core.encryption import Encrypted
from app.extensions import db

#: Fields whose values stay out of the log whatever their table: secrets.
SECRET_FIELDS = {"password", "code_hash", "session_token", "private_note"}


def record(verb, row=None, *, by, changes=None, noun=None, row_id=None, family_id=None, child_id=None, secret=False, note=""):
    """Log an act within the open unit of work.

    `by` is the account that acts, or a text for the system itself. `changes` is {field: (before, after)}; the values of encrypted
    columns, and all values where `secret` is true, are left out: only their names are kept.
    """
    if row is not None:
        noun, row_id = noun or row.__tablename__, row_id or (inspect(row).identity and inspect(row).identity[0])
        family_id = family_id or getattr(row, "family_id", None) or (row_id if noun == "family" else None)
        child_id = child_id or getattr(row, "child_id", None) or (row_id if noun == "child" else None)
    entry = LogEntry(
        account_id=getattr(by, "id", None),
        actor=str(by)[:120],
        verb=verb,
        noun=noun or "",
        row_id=row_id,
        family_id=family_id,
        child_id=child_id,
        label=str(row)[:200] if row is not None and not secret else "",
        note=note,
        changes={
            field: {} if secret or is_secret(row, field) else {"before": encode(pair[0]), "after": encode(pair[1])}
            for field, pair in (changes or {}).items()
        },
    )
    db.session.add(entry)
    return entry


def is_secret(row, field):
    """Whether a field's values must stay out of logs, searches and exports."""
    if field in SECRET_FIELDS:
        return True
    column = inspect(type(row)).columns.get(field) if row is not None else None
    return column is not None and isinstance(column.type, Encrypted)


def note_health_read(child_id, *, by, screen):
    """Note that `by`, of the town, has opened a child's health data; in a short transaction of its own."""
    with own_transaction("health_read") as connection:
        connection.execute(
            insert(HealthRead).values(child_id=child_id, account_id=by.id, actor=str(by)[:120], screen=screen, at=clock.now())
        )


def note_health_reads(child_ids, *, by, screen):
    """Note that `by` reads what is dangerous for many children on one screen: once a child, screen and day, however often it is opened."""
    note_first_reads(set(child_ids) - set(db.session.scalars(read_today(by, screen))) if child_ids else (), by=by, screen=screen)


def read_today(by, screen):
    """The ids of the children whose health data `by` has read on a screen since midnight, as a sub-query."""
    return read_since(by.id, screen, midnight())


def midnight():
    """The instant at which the town's day has begun."""
    return clock.local(clock.now()).replace(hour=0, minute=0, second=0, microsecond=0)


def read_since(account_id, screen, instant):
    """The same of an account and an instant, or parameters of a query."""
    return select(HealthRead.child_id).where(HealthRead.account_id == account_id, HealthRead.screen == screen, HealthRead.at >= instant)


def note_first_reads(new, *, by, screen):
    """The same of children whom read_today() does not know."""
    if new:
        about = {"account_id": by.id, "actor": str(by)[:120], "screen": screen, "at": clock.now()}
        with own_transaction("health_read") as connection:
            connection.execute(insert(HealthRead), [{"child_id": child_id, **about} for child_id in sorted(new)])


def note_export(noun, rows, title, *, by):
    """Note that `by` took a list of records away as a file; in a short transaction of its own."""
    with own_transaction("log_entry") as connection:
        connection.execute(
            insert(LogEntry).values(
                at=clock.now(),
                account_id=by.id,
                actor=str(by)[:120],
                verb="list.exported",
                noun=noun.value,
                label=str(title)[:200],
                changes={},
                note=str(rows),
            )
        )

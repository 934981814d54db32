"""What does the log keep? Every change of a record, and every reading of a child's health data."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, Text, event
from sqlalchemy.orm import Mapped, mapped_column

from app.core import clock
from app.core.db import Instant
from app.extensions import Model


class LogEntry(Model):
    """One thing that somebody did. Never changed; purged after the town's retention only."""

    __tablename__ = "log_entry"
    __table_args__ = (Index("ix_log_entry_row", "noun", "row_id"), Index("ix_log_entry_family_at", "family_id", "at"))
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant, default=clock.now, index=True)
    account_id: Mapped[int | None] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(120))
    verb: Mapped[str] = mapped_column(String(60))
    noun: Mapped[str] = mapped_column(String(60))
    row_id: Mapped[int | None]
    family_id: Mapped[int | None]
    child_id: Mapped[int | None]
    label: Mapped[str] = mapped_column(String(200), default="")
    #: {field: {"before": …, "after": …}}; for sensitive fields {field: {}}, the name alone.
    changes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    note: Mapped[str] = mapped_column(Text, default="")

    def __repr__(self):
        return f"{self.verb} {self.noun} {self.row_id}"


class HealthRead(Model):
    """Somebody of the town opened a child's health data; the parents may see who (art. 15 GDPR)."""

    __tablename__ = "health_read"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant, default=clock.now, index=True)
    child_id: Mapped[int] = mapped_column(index=True)
    account_id: Mapped[int]
    actor: Mapped[str] = mapped_column(String(120))
    screen: Mapped[str] = mapped_column(String(80))

    def __repr__(self):
        return f"{self.actor}, {self.at:%Y-%m-%d %H:%M}"


def _append_only(_mapper, _connection, row):
    raise TypeError(f"{row.__tablename__} is append-only")


for _model in (LogEntry, HealthRead):
    event.listen(_model, "before_update", _append_only)
    event.listen(_model, "before_delete", _append_only)

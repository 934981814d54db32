"""Does a worker live? It leaves a sign of life; without one, decisions and mails wait and the staff is told."""

from datetime import datetime, timedelta

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, mapped_column

from app.core import clock
from app.core.db import Instant, unit_of_work
from app.extensions import Model, db

SILENT_AFTER = timedelta(minutes=2)


class WorkerBeat(Model):
    """The last sign of life of a worker."""

    __tablename__ = "worker_beat"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)

    def __repr__(self):
        return self.name


def beat():
    """Note that a worker lives."""
    with unit_of_work():
        db.session.merge(WorkerBeat(name="worker", at=clock.now()))
    return 0


def is_silent():
    """Whether no worker has given a sign of life for some minutes: decisions and mails wait."""
    last = db.session.scalar(select(WorkerBeat.at).where(WorkerBeat.name == "worker"))
    return last is None or last < clock.now() - SILENT_AFTER

"""When did a worker last live?"""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Instant
from app.extensions import Model


class WorkerBeat(Model):
    """The last sign of life of a worker."""

    __tablename__ = "worker_beat"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)

    def __repr__(self):
        return self.name

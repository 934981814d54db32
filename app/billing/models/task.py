"""What does the worker do household after household, beside the runs of a period?"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.billing.models.run import RunState
from app.core import clock
from app.core.db import Instant, enum_column
from app.core.enums import Labelled
from app.core.i18n import _l
from app.core.states import Moving
from app.extensions import Model


class TaskKind(Labelled):
    """What is done of each household."""

    reminders = "reminders", _l("reminders")
    proofs = "proofs", _l("requests for a proof of income")
    certificates = "certificates", _l("tax certificates")
    simulation = "simulation", _l("simulation of a tariff")


class FamilyTask(Moving, Model):
    """What a clerk asks the worker to do of many households: killed at any moment, it goes on after the last that is `done`."""

    TRANSITIONS = {RunState.running: {RunState.done, RunState.stopped}}
    __tablename__ = "family_task"
    __table_args__ = (
        #: Two of a kind about the same at once: the second is refused.
        Index(
            "uq_family_task_open",
            "kind",
            "subject",
            unique=True,
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[TaskKind] = mapped_column(enum_column(TaskKind, "ck_family_task_kind"))
    state: Mapped[RunState] = mapped_column(enum_column(RunState, "ck_family_task_state"), default=RunState.running)
    #: Ids of the households, in the order in which they are done; those that are done are the first `done` of them.
    families: Mapped[list[int]] = mapped_column(JSON, default=list)
    done: Mapped[int] = mapped_column(default=0)
    #: How many reminders, mails, certificates or changed bills came of it.
    made: Mapped[int] = mapped_column(default=0)
    #: Of a simulation: what tells it from others, and what it is of (billing/simulated.py).
    subject: Mapped[str] = mapped_column(String(40), default="", server_default="")
    about: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    #: Of certificates: for which year.
    year: Mapped[int | None]
    #: The pieces of a PDF or a simulation, then the whole of it.
    files: Mapped[list[int]] = mapped_column(JSON, default=list)
    #: While the disk is full: when it is looked at again.
    waits_until: Mapped[datetime | None] = mapped_column(Instant)
    asked_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    asked_by: Mapped[str] = mapped_column(String(120))
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))
    finished_at: Mapped[datetime | None] = mapped_column(Instant)

    @property
    def running(self):
        return self.state is RunState.running

    @property
    def total(self):
        return len(self.families)

    def __repr__(self):
        return f"{self.kind.value} {self.done}/{self.total}"

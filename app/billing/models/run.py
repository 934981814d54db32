"""What is billed together? Periods, the bill of each household in them, runs of the worker, days that nobody pays."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.activities.models import Activity
from app.billing.models.invoice import Invoice
from app.children.models import Child, School, SchoolClass
from app.core import clock
from app.core.db import Instant, enum_column
from app.core.enums import Labelled
from app.core.i18n import _l
from app.core.money import Money
from app.core.states import Moving
from app.extensions import Model
from app.families.models import Family


class BillingPeriod(Model):
    """The days that are billed together, mostly a month. No two share a day."""

    __tablename__ = "billing_period"
    __table_args__ = (CheckConstraint("last_day >= first_day", name="ck_billing_period_dates"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(60))
    first_day: Mapped[date] = mapped_column(Date, unique=True)
    last_day: Mapped[date] = mapped_column(Date)
    #: Until when its invoices are to be paid.
    due_on: Mapped[date] = mapped_column(Date)

    def __repr__(self):
        return self.title


class BillState(Labelled):
    """Where the bill of a household stands."""

    draft = "draft", _l("to be issued")
    issued = "issued", _l("issued")
    #: Too small, or below zero: its days and amounts are billed with the next period's.
    carried = "carried", _l("carried forward")
    #: A clerk keeps it back, or it cannot be issued as it is.
    held = "held", _l("held back")
    #: Cancelled by a credit note, without a new invoice.
    cancelled = "cancelled", _l("cancelled")


class Bill(Moving, Model):
    """What a household owes for a period: figures of the last dry run, then its invoice. One row for both, so none is billed twice."""

    #: What a run writes without loading the row (issuing.save_bill) follows the same arrows.
    TRANSITIONS = {
        BillState.draft: {BillState.issued, BillState.carried, BillState.held},
        BillState.carried: {BillState.draft, BillState.issued, BillState.held},
        BillState.held: {BillState.draft},
        BillState.issued: {BillState.cancelled},
        #: By hand alone: no run bills again what was cancelled.
        BillState.cancelled: {BillState.draft},
    }
    __tablename__ = "bill"
    __table_args__ = (
        UniqueConstraint("period_id", "family_id", name="uq_bill_family"),
        Index("ix_bill_state", "period_id", "state"),
        CheckConstraint("(state = 'issued') = (invoice_id IS NOT NULL)", name="ck_bill_issued"),
        CheckConstraint("carried_to_id IS NULL OR state = 'carried'", name="ck_bill_carried"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    period_id: Mapped[int] = mapped_column(ForeignKey("billing_period.id"))
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id"), index=True)
    state: Mapped[BillState] = mapped_column(enum_column(BillState, "ck_bill_state"), default=BillState.draft)
    #: In euros, with what earlier periods carried forward.
    total: Mapped[Decimal] = mapped_column(Money, default=Decimal(0))
    #: What the household was billed for the period before.
    previous: Mapped[Decimal] = mapped_column(Money, default=Decimal(0))
    lines: Mapped[int] = mapped_column(default=0)
    #: [{"code": …, …}]: billing/anomalies.py words them.
    anomalies: Mapped[list[Any]] = mapped_column(JSON, default=list)
    #: Whether one of them keeps it from being issued.
    blocked: Mapped[bool] = mapped_column(default=False)
    computed_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    #: The invoice in force: a correction puts the new one here.
    invoice_id: Mapped[int | None] = mapped_column(ForeignKey("invoice.id"), index=True)
    #: Of one that was carried forward: the later bill that has its days.
    carried_to_id: Mapped[int | None] = mapped_column(ForeignKey("bill.id"), index=True)
    period: Mapped[BillingPeriod] = relationship(BillingPeriod)
    family: Mapped[Family] = relationship(Family)
    invoice: Mapped[Invoice | None] = relationship(Invoice)

    def __repr__(self):
        return f"{self.period}, {self.family}"


class RunKind(Labelled):
    """What a clerk asks the worker to do for a whole period."""

    dry = "dry", _l("dry run")
    issue = "issue", _l("issue")
    #: Credit notes and new invoices where what was billed has changed since.
    correct = "correct", _l("correction")


class RunState(Labelled):
    """Where a run stands."""

    waiting = "waiting", _l("waiting")
    running = "running", _l("running")
    done = "done", _l("done")
    #: A clerk stopped it; what was issued stays.
    stopped = "stopped", _l("stopped")


class BillingRun(Moving, Model):
    """A run over a period, done by the worker a few households at a time: killed at any moment, it goes on from `after_family_id`."""

    TRANSITIONS = {
        RunState.waiting: {RunState.running, RunState.stopped},
        RunState.running: {RunState.done, RunState.stopped},
    }
    __tablename__ = "billing_run"
    __table_args__ = (
        #: Two runs of a period at once: the second is refused.
        Index(
            "uq_billing_run_open",
            "period_id",
            unique=True,
            sqlite_where=text("state IN ('waiting', 'running')"),
            postgresql_where=text("state IN ('waiting', 'running')"),
        ),
        Index("ix_billing_run_state", "state"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    period_id: Mapped[int] = mapped_column(ForeignKey("billing_period.id"), index=True)
    kind: Mapped[RunKind] = mapped_column(enum_column(RunKind, "ck_billing_run_kind"))
    state: Mapped[RunState] = mapped_column(enum_column(RunState, "ck_billing_run_state"), default=RunState.waiting)
    #: Which households, for a run over some of them: [ids]; null: all.
    families: Mapped[list[int] | None] = mapped_column(JSON)
    #: What a correction is for; families read it.
    reason: Mapped[str] = mapped_column(String(200), default="")
    asked_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    asked_by: Mapped[str] = mapped_column(String(120))
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    #: How many households it is about, how many are done, and the last of them.
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    after_family_id: Mapped[int] = mapped_column(default=0)
    #: How many invoices, credit notes and bills carried forward it made.
    made: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    period: Mapped[BillingPeriod] = relationship(BillingPeriod)

    def __repr__(self):
        return f"{self.kind.value} {self.period}"


class Exemption(Model):
    """Days that nobody of a class, a school or an activity pays: a strike, a teacher's absence."""

    __tablename__ = "exemption"
    __table_args__ = (CheckConstraint("last_day >= first_day", name="ck_exemption_dates"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    first_day: Mapped[date] = mapped_column(Date, index=True)
    last_day: Mapped[date] = mapped_column(Date)
    #: Null: all of them.
    activity_id: Mapped[int | None] = mapped_column(ForeignKey("activity.id", ondelete="CASCADE"), index=True)
    school_id: Mapped[int | None] = mapped_column(ForeignKey("school.id", ondelete="CASCADE"), index=True)
    school_class_id: Mapped[int | None] = mapped_column(ForeignKey("school_class.id", ondelete="CASCADE"), index=True)
    child_id: Mapped[int | None] = mapped_column(ForeignKey("child.id", ondelete="CASCADE"), index=True)
    #: What families read on the corrected invoice.
    reason: Mapped[str] = mapped_column(String(120))
    made_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    made_by: Mapped[str] = mapped_column(String(120))
    activity: Mapped[Activity | None] = relationship(Activity)
    school: Mapped[School | None] = relationship(School)
    school_class: Mapped[SchoolClass | None] = relationship(SchoolClass)
    child: Mapped[Child | None] = relationship(Child)

    def __repr__(self):
        return f"{self.first_day.isoformat()} {self.reason}"


class Adjustment(Model):
    """An amount that the town adds to a household's next bill, or takes off it, with its reason."""

    __tablename__ = "adjustment"
    __table_args__ = (CheckConstraint("amount != 0", name="ck_adjustment_amount"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id"), index=True)
    child_id: Mapped[int | None] = mapped_column(ForeignKey("child.id", ondelete="SET NULL"), index=True)
    #: It goes with the bill of the period that has this day.
    day: Mapped[date] = mapped_column(Date)
    #: What the family reads.
    title: Mapped[str] = mapped_column(String(120))
    amount: Mapped[Decimal] = mapped_column(Money)
    made_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    made_by: Mapped[str] = mapped_column(String(120))
    family: Mapped[Family] = relationship(Family)
    child: Mapped[Child | None] = relationship(Child)

    def __repr__(self):
        return f"{self.title}: {self.family}"

"""Who tried to pay online, what did the bank say, and what must a clerk look at?"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core import clock
from app.core.db import Instant, enum_column
from app.core.enums import Labelled
from app.core.i18n import _l, _lp
from app.core.money import Money
from app.extensions import Model
from app.families.models import Family


class AttemptState(Labelled):
    """Where an attempt stands. Only the town's own look-up at the bank moves it."""

    #: Saved before the bank is told of it.
    created = "created", _l("being prepared")
    pending = "pending", _l("at the bank")
    paid = "paid", _lp("payment online", "paid")
    refused = "refused", _l("refused by the bank")
    abandoned = "abandoned", _l("given up")
    #: The bank knows nothing of it any more.
    expired = "expired", _l("expired")
    #: Money came that does not fit: a clerk looks at it.
    suspense = "suspense", _l("to be looked at")


LIVE = (AttemptState.created, AttemptState.pending)


class PaymentAttempt(Model):
    """One try of a family to pay some invoices at once. Saved before anybody is sent to the bank."""

    __tablename__ = "payment_attempt"
    __table_args__ = (
        Index("ix_payment_attempt_due", "state", "look_at"),
        Index("ix_payment_attempt_family", "family_id", "id"),
        Index("uq_payment_attempt_token", "provider", "token", unique=True),
        CheckConstraint("amount > 0", name="ck_payment_attempt_amount"),
        CheckConstraint("state != 'pending' OR token IS NOT NULL", name="ck_payment_attempt_token"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"), index=True)
    #: A name of payments/providers.
    provider: Mapped[str] = mapped_column(String(20))
    #: Ours, letters and digits, fresh for each attempt (PayFiP's refdet: 6 to 30).
    reference: Mapped[str] = mapped_column(String(30), unique=True)
    #: The bank's (PayFiP's idOp).
    token: Mapped[str | None] = mapped_column(String(80))
    #: Where the family pays.
    url: Mapped[str | None] = mapped_column(String(500))
    #: In euros; and of which invoices: [[invoice's id, cents]].
    amount: Mapped[Decimal] = mapped_column(Money)
    parts: Mapped[list[Any]] = mapped_column(JSON)
    state: Mapped[AttemptState] = mapped_column(enum_column(AttemptState, "ck_payment_attempt_state"), default=AttemptState.created)
    started_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    #: When the bank is asked next; null: never again.
    look_at: Mapped[datetime | None] = mapped_column(Instant)
    looks: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    #: The last thing that went wrong while asking; for the staff.
    trouble: Mapped[str] = mapped_column(String(300), default="")
    family: Mapped[Family] = relationship(Family)

    @property
    def live(self):
        return self.state in LIVE

    def __repr__(self):
        return self.reference


class SuspenseReason(Labelled):
    """Why money waits for a clerk instead of being posted."""

    amount = "amount", _l("the amount is not the one that was asked")
    reference = "reference", _l("the bank names another reference or creditor")
    mode = "mode", _l("a test answer for a real payment")
    not_due = "not_due", _l("its invoices were paid or cancelled meanwhile")


class Suspense(Model):
    """Money that the bank says it took, and that fits nothing: a task for a clerk, never lost."""

    __tablename__ = "suspense"
    __table_args__ = (
        Index("uq_suspense_attempt", "attempt_id", unique=True),
        Index("ix_suspense_open", "closed_at", sqlite_where=text("closed_at IS NULL"), postgresql_where=text("closed_at IS NULL")),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("payment_attempt.id"))
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id"), index=True)
    reason: Mapped[SuspenseReason] = mapped_column(enum_column(SuspenseReason, "ck_suspense_reason"))
    #: In euros, as the bank says.
    amount: Mapped[Decimal] = mapped_column(Money)
    means: Mapped[str] = mapped_column(String(20), default="online")
    found_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_by: Mapped[str] = mapped_column(String(120), default="")
    #: What was done about it.
    outcome: Mapped[str] = mapped_column(String(200), default="")
    attempt: Mapped[PaymentAttempt] = relationship(PaymentAttempt)
    family: Mapped[Family] = relationship(Family)

    def __repr__(self):
        return f"suspense {self.attempt_id}"


class DemoTransaction(Model):
    """What the demonstration's own bank knows of a payment."""

    __tablename__ = "demo_transaction"
    token: Mapped[str] = mapped_column(String(80), primary_key=True)
    reference: Mapped[str] = mapped_column(String(30))
    amount: Mapped[Decimal] = mapped_column(Money)
    #: "", "paid", "refused" or "abandoned".
    answer: Mapped[str] = mapped_column(String(20), default="")

    def __repr__(self):
        return self.token

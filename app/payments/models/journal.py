"""What came in? Payments, each with a numbered receipt, never changed: a slip is put right by a counter-entry."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.billing.models import LedgerEntry
from app.core import clock
from app.core.db import Instant, enum_column
from app.core.enums import Labelled
from app.core.i18n import _l
from app.core.money import Money
from app.extensions import Model
from app.families.models import Family


class Means(Labelled):
    """How somebody pays. A régie takes only what its founding act names."""

    cash = "cash", _l("cash")
    cheque = "cheque", _l("cheque")
    transfer = "transfer", _l("bank transfer")
    card = "card", _l("bank card")
    cesu = "cesu", _l("CESU voucher")
    ancv = "ancv", _l("ANCV holiday voucher")
    online = "online", _l("payment online")
    #: PayFiP offers it too; the bank may still reject it.
    debit = "debit", _l("direct debit online")


#: What comes in over the counter, or by letter.
DESK = (Means.cash, Means.cheque, Means.transfer, Means.card, Means.cesu, Means.ancv)


class Payment(Model):
    """One line of the receipts journal: what was received, or a counter-entry below zero that takes one back."""

    __tablename__ = "payment"
    __table_args__ = (
        UniqueConstraint("regie", "year", "rank", name="uq_payment_rank"),
        UniqueConstraint("cancels_id", name="uq_payment_cancels"),
        CheckConstraint("(cancels_id IS NULL AND amount > 0) OR (cancels_id IS NOT NULL AND amount < 0)", name="ck_payment_amount"),
        Index("ix_payment_day", "received_on", "means"),
        Index("ix_payment_family", "family_id", "received_on"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    #: The receipt's number, digits only: year and rank, 2026000123. Without a gap in a year and régie.
    number: Mapped[int] = mapped_column(BigInteger)
    regie: Mapped[int] = mapped_column(default=1)
    year: Mapped[int]
    rank: Mapped[int]
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id"))
    entry_id: Mapped[int] = mapped_column(ForeignKey("ledger_entry.id"), unique=True)
    means: Mapped[Means] = mapped_column(enum_column(Means, "ck_payment_means"))
    #: In euros.
    amount: Mapped[Decimal] = mapped_column(Money)
    #: The local day on which it was received.
    received_on: Mapped[date] = mapped_column(Date)
    #: Number and bank of a cheque, reference of a transfer.
    reference: Mapped[str] = mapped_column(String(60), default="")
    #: Who paid, where it is not the household.
    payer: Mapped[str] = mapped_column(String(120), default="")
    cancels_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    #: Why a counter-entry.
    reason: Mapped[str] = mapped_column(String(200), default="")
    made_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    made_by: Mapped[str] = mapped_column(String(120))
    #: The attempt online that it comes from: posted once, however often the bank says so.
    attempt_id: Mapped[int | None] = mapped_column(ForeignKey("payment_attempt.id"), unique=True)
    #: The form that it was entered in: sent twice, it is one payment.
    key: Mapped[str | None] = mapped_column(String(36), unique=True)
    family: Mapped[Family] = relationship(Family)
    entry: Mapped[LedgerEntry] = relationship(LedgerEntry)
    cancels: Mapped["Payment | None"] = relationship(remote_side=[id])

    def __repr__(self):
        return str(self.number)

"""What does a family owe now? Entries that are never changed, and which entry pays which invoice."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.billing.models.invoice import Invoice
from app.core import clock
from app.core.db import Instant, enum_column
from app.core.enums import Labelled
from app.core.i18n import _l
from app.core.money import Money
from app.extensions import Model
from app.families.models import Family


class EntryKind(Labelled):
    """What moved an account."""

    invoice = "invoice", _l("invoice")
    credit_note = "credit_note", _l("credit note")
    payment = "payment", _l("payment")
    #: A payment that the bank took back.
    rejected = "rejected", _l("payment rejected")
    refund = "refund", _l("refund")
    #: The council gives the debt up.
    write_off = "write_off", _l("written off")


class LedgerEntry(Model):
    """One movement of a family's account, never changed: above zero the family owes, below zero it has paid or is owed."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        Index("ix_ledger_entry_family", "family_id", "day"),
        CheckConstraint("kind NOT IN ('invoice', 'rejected', 'refund') OR amount >= 0", name="ck_ledger_entry_owed"),
        CheckConstraint("kind NOT IN ('credit_note', 'payment', 'write_off') OR amount <= 0", name="ck_ledger_entry_paid"),
        CheckConstraint("kind NOT IN ('invoice', 'credit_note') OR invoice_id IS NOT NULL", name="ck_ledger_entry_invoice"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id"))
    kind: Mapped[EntryKind] = mapped_column(enum_column(EntryKind, "ck_ledger_entry_kind"))
    day: Mapped[date] = mapped_column(Date)
    amount: Mapped[Decimal] = mapped_column(Money)
    #: The invoice or credit note that it is.
    invoice_id: Mapped[int | None] = mapped_column(ForeignKey("invoice.id"), unique=True)
    #: Of a rejection or a refund: the payment that was taken back, or what was too much and is given back.
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_entry.id"), index=True)
    #: What the family reads beside it: the means of a payment.
    title: Mapped[str] = mapped_column(String(120), default="")
    made_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    made_by: Mapped[str] = mapped_column(String(120))
    family: Mapped[Family] = relationship(Family)
    invoice: Mapped[Invoice | None] = relationship(Invoice)

    def __repr__(self):
        return f"{self.kind.value} {self.amount}"


class Allocation(Model):
    """So much of a payment or credit note pays this invoice."""

    __tablename__ = "allocation"
    __table_args__ = (CheckConstraint("amount > 0", name="ck_allocation_amount"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("ledger_entry.id"), index=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"), index=True)
    #: In euros.
    amount: Mapped[Decimal] = mapped_column(Money)
    made_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    entry: Mapped[LedgerEntry] = relationship(LedgerEntry)
    invoice: Mapped[Invoice] = relationship(Invoice)

    def __repr__(self):
        return f"{self.entry_id} → {self.invoice_id}"

"""What was billed? Invoices and credit notes as they were issued, their documents, and the reminders sent."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Date, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core import clock
from app.core.db import Instant, enum_column
from app.core.encryption import Encrypted
from app.core.enums import Labelled
from app.core.i18n import _l
from app.core.money import Money
from app.core.states import Moving
from app.extensions import Model
from app.families.models import Family


class InvoiceKind(Labelled):
    """Both are numbered in the same series."""

    invoice = "invoice", _l("invoice")
    credit_note = "credit_note", _l("credit note")


class Invoice(Model):
    """A snapshot: issued once, never changed (core.db refuses it). A mistake is put right by a credit note."""

    __tablename__ = "invoice"
    __table_args__ = (
        UniqueConstraint("regie", "year", "rank", name="uq_invoice_rank"),
        UniqueConstraint("regie", "number", name="uq_invoice_number"),
        #: An invoice is cancelled once, whole.
        UniqueConstraint("corrects_id", name="uq_invoice_corrects"),
        CheckConstraint("(kind = 'credit_note') = (corrects_id IS NOT NULL)", name="ck_invoice_corrects"),
        CheckConstraint("kind = 'invoice' AND total >= 0 OR kind = 'credit_note' AND total <= 0", name="ck_invoice_total"),
        Index("ix_invoice_family", "family_id", "issued_on"),
        Index("ix_invoice_period", "period_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[InvoiceKind] = mapped_column(enum_column(InvoiceKind, "ck_invoice_kind"), default=InvoiceKind.invoice)
    #: Digits only, since public accounting takes nothing else: year and rank, 2026000123. Without a gap in a year and régie.
    number: Mapped[int] = mapped_column(BigInteger)
    regie: Mapped[int] = mapped_column(default=1)
    year: Mapped[int]
    rank: Mapped[int]
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id"))
    #: As it was called, with its days: {"title", "first_day", "last_day"}.
    period_id: Mapped[int] = mapped_column(ForeignKey("billing_period.id"))
    period: Mapped[dict[str, Any]] = mapped_column(JSON)
    issued_on: Mapped[date] = mapped_column(Date)
    issued_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    issued_by: Mapped[str] = mapped_column(String(120))
    due_on: Mapped[date | None] = mapped_column(Date)
    #: To whom, as it is written on the envelope: {"name", "lines": […], "code"}.
    addressee: Mapped[dict[str, Any]] = mapped_column(JSON)
    total: Mapped[Decimal] = mapped_column(Money)
    #: What the family owed before, for information: below zero where the town owes.
    earlier_balance: Mapped[Decimal] = mapped_column(Money, default=Decimal(0))
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("invoice.id"))
    #: Why a credit note, or the invoice that replaces another.
    reason: Mapped[str] = mapped_column(Text, default="")
    family: Mapped[Family] = relationship(Family)
    corrects: Mapped["Invoice | None"] = relationship(remote_side=[id])
    lines: Mapped[list["InvoiceLine"]] = relationship(back_populates="invoice", order_by="InvoiceLine.position", passive_deletes=True)
    document: Mapped["InvoiceDocument | None"] = relationship(back_populates="invoice", passive_deletes=True)

    def __repr__(self):
        return str(self.number)


class ChargeKind(Labelled):
    """Why a line is on a bill."""

    booked = "booked", _l("booked")
    late = "late", _l("booked late")
    #: Came without a booking.
    missing = "missing", _l("came without a booking")
    #: Booked, did not come, and nobody said so.
    unannounced = "unannounced", _l("absent without a word")
    #: The absence was told after the deadline.
    told_late = "told_late", _l("absence told too late")
    #: The town took the day away, and charges it.
    cancelled = "cancelled", _l("cancelled by the town, charged")
    membership = "membership", _l("yearly membership")
    adjustment = "adjustment", _l("adjustment")


class PriceReason(Model):
    """Why lines of an invoice cost what they cost. Apart, because it is encrypted (income, own lunch) and many lines share one."""

    __tablename__ = "price_reason"
    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"), index=True)
    #: billing.pricing.Priced.reason, with the grid's title and first day: billing/reasons.py words it.
    content: Mapped[dict] = mapped_column(Encrypted(dict))

    def __repr__(self):
        return f"reason {self.id}"


class InvoiceLine(Model):
    """One day of one child, with its price and why. Names are copies: what they name may change later."""

    __tablename__ = "invoice_line"
    __table_args__ = (
        UniqueConstraint("invoice_id", "position", name="uq_invoice_line_position"),
        Index("ix_invoice_line_child", "child_id", "day"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    position: Mapped[int]
    charge: Mapped[ChargeKind] = mapped_column(enum_column(ChargeKind, "ck_invoice_line_charge"))
    child_id: Mapped[int | None] = mapped_column(ForeignKey("child.id", ondelete="SET NULL"))
    child: Mapped[str] = mapped_column(String(160), default="")
    #: Under 6 on 1 January of the day's year: counts for the tax certificate (CGI, art. 200 quater B).
    under_six: Mapped[bool] = mapped_column(default=False)
    activity_id: Mapped[int | None] = mapped_column(ForeignKey("activity.id", ondelete="SET NULL"), index=True)
    activity: Mapped[str] = mapped_column(String(60), default="")
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("activity_unit.id", ondelete="SET NULL"))
    unit: Mapped[str] = mapped_column(String(120), default="")
    #: Null: a membership, which is of no day.
    day: Mapped[date | None] = mapped_column(Date)
    #: Half-hours or hours where time counts, else 1.
    quantity: Mapped[int] = mapped_column(default=1)
    unit_price: Mapped[Decimal] = mapped_column(Money)
    #: What the family owes: quantity × unit price.
    amount: Mapped[Decimal] = mapped_column(Money)
    #: Which part of the amount is food, not care.
    meal: Mapped[Decimal] = mapped_column(Money, default=Decimal(0))
    #: What somebody else owes beside the amount.
    third_party: Mapped[Decimal] = mapped_column(Money, default=Decimal(0))
    third_party_name: Mapped[str] = mapped_column(String(60), default="")
    reason_id: Mapped[int | None] = mapped_column(ForeignKey("price_reason.id"), index=True)
    invoice: Mapped[Invoice] = relationship(back_populates="lines")
    reason: Mapped["PriceReason | None"] = relationship("PriceReason")

    def __repr__(self):
        return f"{self.invoice_id}/{self.position}"


class DocumentState(Labelled):
    """Where the PDF of an invoice stands."""

    waiting = "waiting", _l("being prepared")
    done = "done", _l("ready")
    #: Tried several times; the technical console says why.
    failed = "failed", _l("could not be made")


class InvoiceDocument(Moving, Model):
    """The PDF of an invoice: rendered once from the snapshot, its bytes kept; then the mail leaves."""

    TRANSITIONS = {
        DocumentState.waiting: {DocumentState.done, DocumentState.failed},
        #: A slow worker may bring what another has given up; a clerk lets it be tried again.
        DocumentState.failed: {DocumentState.done, DocumentState.waiting},
    }
    __tablename__ = "invoice_document"
    __table_args__ = (Index("ix_invoice_document_state", "state", "try_at"),)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"), primary_key=True)
    state: Mapped[DocumentState] = mapped_column(enum_column(DocumentState, "ck_invoice_document_state"), default=DocumentState.waiting)
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id", ondelete="SET NULL"))
    pages: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0)
    try_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    rendered_at: Mapped[datetime | None] = mapped_column(Instant)
    #: When its mails were put in the queue.
    mailed_at: Mapped[datetime | None] = mapped_column(Instant)
    invoice: Mapped[Invoice] = relationship(back_populates="document")

    def __repr__(self):
        return f"document {self.invoice_id}"


class ReminderStep(Model):
    """A reminder that the town sends of what is unpaid: when, and in which words."""

    __tablename__ = "reminder_step"
    __table_args__ = (CheckConstraint("days >= 1", name="ck_reminder_step_days"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    #: Days after the day until which the invoice was to be paid.
    days: Mapped[int] = mapped_column(unique=True)
    title: Mapped[str] = mapped_column(String(120))
    title_en: Mapped[str] = mapped_column(String(120), default="")
    text: Mapped[str] = mapped_column(Text)
    text_en: Mapped[str] = mapped_column(Text, default="")
    open: Mapped[bool] = mapped_column(default=True)

    def __repr__(self):
        return self.title


class Reminder(Model):
    """A reminder that was sent, once an invoice and step."""

    __tablename__ = "reminder"
    __table_args__ = (UniqueConstraint("invoice_id", "step_id", name="uq_reminder_step"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    step_id: Mapped[int] = mapped_column(ForeignKey("reminder_step.id"))
    sent_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    #: What was unpaid then, in euros.
    amount: Mapped[Decimal] = mapped_column(Money)
    invoice: Mapped[Invoice] = relationship(Invoice)
    step: Mapped[ReminderStep] = relationship(ReminderStep)

    def __repr__(self):
        return f"{self.invoice_id}: {self.step}"

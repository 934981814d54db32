"""Which mails wait, went or failed? The rows are the queue."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core import clock
from app.core.db import Instant, enum_column
from app.core.enums import Labelled
from app.core.i18n import _l
from app.extensions import Model


class MailState(Labelled):
    """Where a mail stands."""

    queued = "queued", _l("waiting")
    sent = "sent", _l("sent")
    failed = "failed", _l("given up")
    #: Its words went out in a daily digest.
    gathered = "gathered", _l("in a digest")


class OutgoingMail(Model):
    """One mail to one address. It never carries health, bank or income data."""

    __tablename__ = "outgoing_mail"
    __table_args__ = (Index("ix_outgoing_mail_due", "state", "not_before"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    #: Stable, so that a mail that is sent twice after a crash is recognised as one.
    message_id: Mapped[str] = mapped_column(String(120), unique=True)
    recipient: Mapped[str] = mapped_column(String(254))
    locale: Mapped[str] = mapped_column(String(5))
    template: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[MailState] = mapped_column(enum_column(MailState, "ck_outgoing_mail_state"), default=MailState.queued)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    not_before: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    leased_until: Mapped[datetime | None] = mapped_column(Instant)
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    family_id: Mapped[int | None] = mapped_column(ForeignKey("family.id", ondelete="SET NULL"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"), index=True)

    def __repr__(self):
        return self.subject


class MailText(Model):
    """A mail's words as the town has rewritten them, in one language; without a row, those of the house."""

    __tablename__ = "mail_text"
    __table_args__ = (UniqueConstraint("template", "locale", name="uq_mail_text"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    template: Mapped[str] = mapped_column(String(60))
    locale: Mapped[str] = mapped_column(String(5))
    subject: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    edited_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    edited_by: Mapped[str] = mapped_column(String(120), default="")

    def __repr__(self):
        return f"{self.template} {self.locale}"

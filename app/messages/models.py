"""Who wrote what to whom? Threads of a family with the town, what was sent to many, the town's news."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core import clock
from app.core.db import Instant, enum_column
from app.core.encryption import Encrypted
from app.core.enums import Labelled
from app.core.i18n import _l
from app.documents.models import StoredFile
from app.extensions import Model
from app.security.models import Account


class Topic(Model):
    """What a message can be about, from the town's list, and which service answers."""

    __tablename__ = "message_topic"
    id: Mapped[int] = mapped_column(primary_key=True)
    rank: Mapped[int] = mapped_column(default=1)
    title: Mapped[str] = mapped_column(String(60))
    title_en: Mapped[str] = mapped_column(String(60), default="")
    service: Mapped[str] = mapped_column(String(60), default="")
    open: Mapped[bool] = mapped_column(default=True)

    def __repr__(self):
        return self.title


class ThreadState(Labelled):
    """Where a conversation stands."""

    #: The family wrote last.
    waiting = "waiting", _l("waits for an answer")
    answered = "answered", _l("answered")
    closed = "closed", _l("closed")


class About(Labelled):
    """What a conversation can be tied to; the rooms that keep it say how it is called and where it is seen (messages/abouts.py)."""

    request = "request", _l("request")
    booking = "booking", _l("booking")
    invoice = "invoice", _l("invoice")
    line = "line", _l("line of an invoice")


class Thread(Model):
    """A conversation of a family, or of one adult of it, with the town."""

    __tablename__ = "message_thread"
    __table_args__ = (
        Index("ix_message_thread_family", "family_id", "last_at"),
        Index("ix_message_thread_state", "state", "last_at"),
        CheckConstraint("(about_kind IS NULL) = (about_id IS NULL)", name="ck_message_thread_about"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"))
    #: The one adult who reads it; null: every adult of the family.
    account_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"), index=True)
    topic_id: Mapped[int | None] = mapped_column(ForeignKey("message_topic.id", ondelete="SET NULL"))
    subject: Mapped[str] = mapped_column(String(120))
    about_kind: Mapped[About | None] = mapped_column(enum_column(About, "ck_message_thread_about_kind"))
    about_id: Mapped[int | None]
    #: As it was called then: "Facture 2026000118, Léa, cantine, 3 novembre".
    about_title: Mapped[str] = mapped_column(String(160), default="")
    state: Mapped[ThreadState] = mapped_column(enum_column(ThreadState, "ck_message_thread_state"), default=ThreadState.waiting)
    assigned_to_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"), index=True)
    broadcast_id: Mapped[int | None] = mapped_column(ForeignKey("broadcast.id", ondelete="SET NULL"), index=True)
    opened_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    last_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    topic: Mapped[Topic | None] = relationship(Topic)
    assigned_to: Mapped[Account | None] = relationship(Account, foreign_keys=[assigned_to_id])
    messages: Mapped[list["Message"]] = relationship(back_populates="thread", order_by="Message.id", passive_deletes=True)

    @property
    def service(self):
        return self.topic.service if self.topic is not None else ""

    def __repr__(self):
        return self.subject


class Message(Model):
    """One message, never changed. Encrypted: people write of health and money."""

    __tablename__ = "message"
    __table_args__ = (Index("ix_message_thread", "thread_id", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    thread_id: Mapped[int] = mapped_column(ForeignKey("message_thread.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))
    author: Mapped[str] = mapped_column(String(120))
    from_family: Mapped[bool]
    #: For the staff alone.
    note: Mapped[bool] = mapped_column(default=False)
    text: Mapped[str] = mapped_column(Encrypted(str))
    #: The form that it was written in: sent twice on a bad network, it is one message.
    key: Mapped[str | None] = mapped_column(String(36), unique=True)
    thread: Mapped[Thread] = relationship(back_populates="messages")
    files: Mapped[list["MessageFile"]] = relationship(order_by="MessageFile.file_id", passive_deletes=True)

    def __repr__(self):
        return f"message {self.id}"


class MessageFile(Model):
    """A file that came with a message."""

    __tablename__ = "message_file"
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id", ondelete="CASCADE"), primary_key=True)
    file: Mapped[StoredFile] = relationship(StoredFile)

    def __repr__(self):
        return f"{self.message_id}: {self.file_id}"


class ThreadReading(Model):
    """Up to which message an adult has read a conversation."""

    __tablename__ = "thread_reading"
    thread_id: Mapped[int] = mapped_column(ForeignKey("message_thread.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True)
    read_to: Mapped[int]

    def __repr__(self):
        return f"{self.account_id} read {self.thread_id}"


class Broadcast(Model):
    """What the town sent to many families at once: a conversation with each, so that an answer is private."""

    __tablename__ = "broadcast"
    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(120))
    text: Mapped[str] = mapped_column(Encrypted(str))
    #: {"name": an audience of messages/audiences.py, "value": what was chosen}, and in words.
    audience: Mapped[dict[str, Any]] = mapped_column(JSON)
    audience_title: Mapped[str] = mapped_column(String(200))
    by_mail: Mapped[bool] = mapped_column(default=True)
    families: Mapped[int]
    mails: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    sent_by: Mapped[str] = mapped_column(String(120))
    #: The form that it was written in: sent twice, it is one broadcast.
    key: Mapped[str | None] = mapped_column(String(36), unique=True)

    def __repr__(self):
        return self.subject


class CannedAnswer(Model):
    """A sentence that clerks begin an answer with."""

    __tablename__ = "canned_answer"
    id: Mapped[int] = mapped_column(primary_key=True)
    rank: Mapped[int] = mapped_column(default=1)
    title: Mapped[str] = mapped_column(String(60))
    text: Mapped[str] = mapped_column(Text)

    def __repr__(self):
        return self.title


class News(Model):
    """What the town says to everybody for some days, on the home page and at the door."""

    __tablename__ = "news"
    __table_args__ = (CheckConstraint("last_day >= first_day", name="ck_news_dates"), Index("ix_news_days", "first_day", "last_day"))
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(120))
    title_en: Mapped[str] = mapped_column(String(120), default="")
    text: Mapped[str] = mapped_column(Text, default="")
    text_en: Mapped[str] = mapped_column(Text, default="")
    first_day: Mapped[date] = mapped_column(Date, default=clock.today)
    last_day: Mapped[date] = mapped_column(Date)
    #: It warns: a strike, a closure.
    urgent: Mapped[bool] = mapped_column(default=False)

    def __repr__(self):
        return self.title

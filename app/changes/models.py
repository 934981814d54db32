"""What is a request, a lot, a decision, and which way may each go?"""

from datetime import date, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core import clock
from app.core.db import Instant, enum_column
from app.core.encryption import Encrypted
from app.core.enums import Labelled
from app.core.errors import Stale
from app.core.i18n import _, _l
from app.core.states import Moving
from app.extensions import Model
from app.security.models import Account


class Act(Labelled):
    """What a request asks to do with a record."""

    add = "add", _l("add")
    edit = "edit", _l("change")
    delete = "delete", _l("remove")


class RequestState(Labelled):
    """Where a request stands."""

    pending = "pending", _l("waiting")
    deciding = "deciding", _l("being processed")
    accepted = "accepted", _l("accepted")
    partly_accepted = "partly_accepted", _l("partly accepted")
    refused = "refused", _l("refused")
    withdrawn = "withdrawn", _l("withdrawn")
    superseded = "superseded", _l("replaced by a later one")
    sent_back = "sent_back", _l("to be corrected")


S = RequestState
TRANSITIONS = {
    S.pending: {S.deciding, S.withdrawn, S.superseded},
    #: Superseded where the household asked again meanwhile, and the decision was undone or met a conflict.
    S.deciding: {S.pending, S.accepted, S.partly_accepted, S.refused, S.sent_back, S.superseded},
    #: Refused where what it asks for is gone: the town has taken the day away.
    S.sent_back: {S.superseded, S.withdrawn, S.refused},
}
#: States in which a request waits on somebody.
OPEN = (S.pending, S.deciding, S.sent_back)
DECIDED = (S.accepted, S.partly_accepted, S.refused)


class Lane(Labelled):
    """What the automatic checks found, worst first last."""

    green = "green", _l("Nothing to report")
    look = "look", _l("To look at")
    papers = "papers", _l("Papers")
    #: Nothing to decide before a place is free.
    queued = "queued", _l("Waiting list")


class Channel(Labelled):
    """How a request came in."""

    portal = "portal", _l("portal")
    post = "post", _l("post")
    fax = "fax", _l("fax")
    phone = "phone", _l("phone")
    desk = "desk", _l("desk")


class Preregistration(Model):
    """What a family that the town does not know yet fills in, step by step, without an account; once sent, a lot asks for the family."""

    __tablename__ = "preregistration"
    id: Mapped[int] = mapped_column(primary_key=True)
    #: The random name by which a browser's session and the link in the mail know it; both carry it signed.
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    #: {step: {field: JSON value of core/codec}}; "children" holds a list.
    content: Mapped[dict[str, Any]] = mapped_column(Encrypted(dict), default=dict)
    #: Ids of the papers that came with it.
    files: Mapped[list[int]] = mapped_column(JSON, default=list)
    #: The family's name as the queue shows it before there is a family.
    name: Mapped[str] = mapped_column(String(120), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    locale: Mapped[str] = mapped_column(String(5), default="fr")
    started_at: Mapped[datetime] = mapped_column(Instant, default=clock.now, index=True)
    #: The link in the mail was opened: only then does a clerk see it.
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    sent_at: Mapped[datetime | None] = mapped_column(Instant)

    def __repr__(self):
        return self.name or f"pre-registration {self.id}"


class ChangeLot(Model):
    """The requests that a family sent within some minutes: one receipt, one item for the clerk, one mail."""

    __tablename__ = "change_lot"
    __table_args__ = (
        CheckConstraint("seals_at >= opened_at", name="ck_change_lot_seal"),
        CheckConstraint("family_id IS NOT NULL OR preregistration_id IS NOT NULL", name="ck_change_lot_whose"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    #: Year and rank, "2026-0412": on the receipt.
    number: Mapped[str] = mapped_column(String(12), unique=True)
    #: Of a pre-registration none, until it is accepted.
    family_id: Mapped[int | None] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"), index=True)
    preregistration_id: Mapped[int | None] = mapped_column(ForeignKey("preregistration.id", ondelete="CASCADE"), unique=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))
    channel: Mapped[Channel] = mapped_column(enum_column(Channel, "ck_change_lot_channel"), default=Channel.portal)
    opened_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    #: From then on it takes no more requests and can be decided.
    seals_at: Mapped[datetime] = mapped_column(Instant, index=True)
    receipt_at: Mapped[datetime | None] = mapped_column(Instant)
    assigned_to_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"), index=True)
    requests: Mapped[list["ChangeRequest"]] = relationship(back_populates="lot", order_by="ChangeRequest.id")
    assigned_to: Mapped[Account | None] = relationship(Account, foreign_keys=[assigned_to_id])
    preregistration: Mapped[Preregistration | None] = relationship(Preregistration)
    presences: Mapped[list["Presence"]] = relationship("Presence", viewonly=True, order_by="Presence.seen_at.desc()")

    @property
    def sealed(self):
        return self.seals_at <= clock.now()

    def __repr__(self):
        return self.number


class ChangeRequest(Model):
    """What somebody asks for one section of a file. Its content never changes once sent."""

    __tablename__ = "change_request"
    __table_args__ = (
        Index(
            "uq_change_request_pending",
            "family_id",
            "kind",
            "act",
            "target_id",
            unique=True,
            sqlite_where=text("state = 'pending' AND target_id IS NOT NULL"),
            postgresql_where=text("state = 'pending' AND target_id IS NOT NULL"),
        ),
        Index("ix_change_request_queue", "state", "asked_at"),
        Index("ix_change_request_family", "family_id", "state", "decided_at"),
        #: How many came in each day.
        Index("ix_change_request_asked", "asked_at", "kind"),
        CheckConstraint("act = 'add' OR target_id IS NOT NULL", name="ck_change_request_target"),
        CheckConstraint("state NOT IN ('refused', 'sent_back') OR reason != ''", name="ck_change_request_reason"),
        CheckConstraint("family_id IS NOT NULL OR kind = 'preregistration'", name="ck_change_request_whose"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("change_lot.id", ondelete="CASCADE"), index=True)
    family_id: Mapped[int | None] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"))
    #: The child that it is about, if any.
    child_id: Mapped[int | None] = mapped_column(ForeignKey("child.id", ondelete="SET NULL"), index=True)
    kind: Mapped[str] = mapped_column(String(30))
    act: Mapped[Act] = mapped_column(enum_column(Act, "ck_change_request_act"))
    target_id: Mapped[int | None]
    #: {field: {"before": …, "after": …}}, as JSON values of core/codec.
    changes: Mapped[dict[str, Any]] = mapped_column(Encrypted(dict))
    #: Ids of the files that came with it, its proofs.
    files: Mapped[list[int]] = mapped_column(JSON, default=list)
    comment: Mapped[str] = mapped_column(Encrypted(str), nullable=True)
    asked_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    #: The date on the letter, for what came by post, fax, phone or at the desk.
    received_on: Mapped[date | None] = mapped_column(Date)
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))
    asked_by: Mapped[str] = mapped_column(String(120))
    #: The form's send: the same one twice is one request.
    idempotency_key: Mapped[str | None] = mapped_column(String(40), unique=True)

    state: Mapped[RequestState] = mapped_column(enum_column(RequestState, "ck_change_request_state"), default=S.pending)
    #: Grows with every change of state: a decision posts the one that its clerk saw.
    version: Mapped[int] = mapped_column(default=1)
    lane: Mapped[Lane] = mapped_column(enum_column(Lane, "ck_change_request_lane"), default=Lane.green)
    #: [{"level", "code", "text": {locale: sentence}}] of the automatic checks.
    findings: Mapped[list[Any]] = mapped_column(Encrypted(list), default=list)
    #: Fields that somebody else changed after the family saw them, found when the request was applied.
    conflict: Mapped[list[Any]] = mapped_column(JSON, default=list)
    superseded_by_id: Mapped[int | None] = mapped_column(ForeignKey("change_request.id", ondelete="SET NULL"))
    decided_at: Mapped[datetime | None] = mapped_column(Instant, index=True)
    decided_by: Mapped[str] = mapped_column(String(120), default="")
    #: What the family reads of a refusal or a sending back.
    reason: Mapped[str] = mapped_column(Text, default="")
    #: The fields that were accepted, where not all were.
    accepted_fields: Mapped[list[str] | None] = mapped_column(JSON)
    notified_at: Mapped[datetime | None] = mapped_column(Instant)
    lot: Mapped[ChangeLot] = relationship(back_populates="requests")

    @property
    def open(self):
        return self.state in OPEN

    def move_to(self, state):
        """Change state; Stale where the request has gone another way meanwhile."""
        if state not in TRANSITIONS.get(self.state, ()):
            raise Stale(_("This request is already %(state)s.", state=self.state.label))
        self.state, self.version = state, self.version + 1

    def __repr__(self):
        return f"{self.kind} {self.act.value} {self.target_id or ''}".strip()


class Outcome(Labelled):
    """What a clerk says of a request."""

    accept = "accept", _l("accepted")
    refuse = "refuse", _l("refused")
    send_back = "send_back", _l("to be corrected")


class DecisionState(Labelled):
    """Where a decision stands: held back for the undo window, then done."""

    held = "held", _l("held back")
    done = "done", _l("done")
    undone = "undone", _l("undone")
    conflict = "conflict", _l("back in the queue: the file had changed")
    failed = "failed", _l("back in the queue: it could not be applied")


class Decision(Moving, Model):
    """A clerk's word on one request; it takes effect when the undo window has passed."""

    TRANSITIONS = {DecisionState.held: {DecisionState.done, DecisionState.undone, DecisionState.conflict, DecisionState.failed}}

    __tablename__ = "decision"
    __table_args__ = (
        Index("uq_decision_held", "request_id", unique=True, sqlite_where=text("state = 'held'"), postgresql_where=text("state = 'held'")),
        Index("ix_decision_due", "state", "effective_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    #: One act of the clerk, undone as a whole.
    batch: Mapped[str] = mapped_column(String(32), index=True, default=lambda: uuid4().hex)
    request_id: Mapped[int] = mapped_column(ForeignKey("change_request.id", ondelete="CASCADE"), index=True)
    outcome: Mapped[Outcome] = mapped_column(enum_column(Outcome, "ck_decision_outcome"))
    #: The fields to apply; null: all of them.
    fields: Mapped[list[str] | None] = mapped_column(JSON)
    #: {field: the value in the file that the clerk saw}; compared again when it is applied. Of a new record, what the clerk added.
    seen: Mapped[dict[str, Any]] = mapped_column(Encrypted(dict))
    reason: Mapped[str] = mapped_column(Text, default="")
    decided_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))
    decided_by: Mapped[str] = mapped_column(String(120))
    effective_at: Mapped[datetime] = mapped_column(Instant)
    state: Mapped[DecisionState] = mapped_column(enum_column(DecisionState, "ck_decision_state"), default=DecisionState.held)
    #: Why it could not be applied.
    problem: Mapped[str] = mapped_column(String(300), default="")
    request: Mapped[ChangeRequest] = relationship(ChangeRequest)

    def __repr__(self):
        return f"{self.outcome.value} {self.request_id}"


class RefusalReason(Model):
    """A sentence that the town keeps ready for refusals, on keys 1 to 9."""

    __tablename__ = "refusal_reason"
    id: Mapped[int] = mapped_column(primary_key=True)
    rank: Mapped[int] = mapped_column(default=1)
    title: Mapped[str] = mapped_column(String(60))
    #: What the family reads; in the town's language.
    sentence: Mapped[str] = mapped_column(Text)
    sentence_en: Mapped[str] = mapped_column(Text, default="")

    def __repr__(self):
        return self.title


class Presence(Model):
    """A clerk has this lot open: the others see it."""

    __tablename__ = "presence"
    lot_id: Mapped[int] = mapped_column(ForeignKey("change_lot.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    account: Mapped[Account] = relationship(Account)

    def __repr__(self):
        return f"{self.account_id} {self.lot_id}"

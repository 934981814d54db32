"""Who has an account, for which families, and how do they prove who they are?"""

from datetime import datetime
from secrets import token_urlsafe

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core import clock
from app.core.db import Instant
from app.core.encryption import Encrypted
from app.extensions import Model


class Account(User):
    """Somebody who can sign in. Flask-AppBuilder's e-mail column is unique and required: it holds a made-up address of ours;
    real ones, which may be shared or absent, are LoginAddress rows."""

    #: Part of the links that we send to confirm an address: a new value ends them.
    session_token: Mapped[str] = mapped_column(String(32), default=lambda: token_urlsafe(12), server_default="")
    locale: Mapped[str] = mapped_column(String(5), default="fr", server_default="fr")
    #: Wrong passwords block for a growing time (CNIL 2022: limited attempts).
    blocked_until: Mapped[datetime | None] = mapped_column(Instant)
    must_change_password: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    #: Single-letter keys in the queue can be switched off (WCAG 2.1.4).
    shortcuts: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    #: Mails that can wait come once a day, together.
    daily_digest: Mapped[bool] = mapped_column(default=False, server_default=text("false"))

    #: The secret of the LoginSession that begins in this browser; the database knows its hash.
    session_key = ""

    def get_id(self):
        return f"{self.id}.{self.session_key}"

    def __str__(self):
        return f"{self.first_name} {self.last_name}".strip() or self.username

    __repr__ = __str__


class LoginAddress(Model):
    """A real e-mail address of an account. Two accounts may share one (a couple's): such a one resets, but does not sign in."""

    __tablename__ = "login_address"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), unique=True)
    email: Mapped[str] = mapped_column(String(254), index=True)
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    account: Mapped[Account] = relationship(Account)

    def __repr__(self):
        return self.email


class FamilyLink(Model):
    """An account may act for a family, as its guardian or as the spouse, until the link ends (separation, court order)."""

    __tablename__ = "family_link"
    __table_args__ = (
        CheckConstraint("standing IN ('guardian', 'spouse')", name="ck_family_link_standing"),
        Index(
            "uq_family_link_open",
            "account_id",
            "family_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), index=True)
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"), index=True)
    adult_id: Mapped[int | None] = mapped_column(ForeignKey("adult.id", ondelete="SET NULL"))
    standing: Mapped[str] = mapped_column(String(10))
    since: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_because: Mapped[str] = mapped_column(String(200), default="")
    account: Mapped[Account] = relationship(Account)

    def __repr__(self):
        return f"{self.account}"


class Invitation(Model):
    """A code of the town for one adult's first login, handed over on paper; kept as a keyed hash, used once."""

    __tablename__ = "invitation"
    id: Mapped[int] = mapped_column(primary_key=True)
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"), index=True)
    adult_id: Mapped[int] = mapped_column(ForeignKey("adult.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64), index=True)
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)
    #: Wrong codes typed for this family since it was made; past operations.INVITATION_ATTEMPTS, the town makes a new one.
    attempts: Mapped[int] = mapped_column(default=0)

    def __repr__(self):
        return f"invitation {self.id}"


class CalendarFeed(Model):
    """The secret address at which an adult's calendar reads the bookings of a family, until it is revoked."""

    __tablename__ = "calendar_feed"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), index=True)
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"))
    #: Shown to its owner alone.
    secret: Mapped[str] = mapped_column(Encrypted(str))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)

    def __repr__(self):
        return f"feed {self.id}"


class LoginSession(Model):
    """A browser in which somebody is signed in, until its row says otherwise; its owner sees it, and may close it from afar."""

    __tablename__ = "login_session"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), index=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    #: "Firefox, Android": for its owner to know it by.
    device: Mapped[str] = mapped_column(String(80), default="")
    begun_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    #: Within some minutes: not every click writes.
    seen_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)

    def __repr__(self):
        return self.device or f"session {self.id}"


class SecondFactor(Model):
    """The application on a telephone that makes an account's one-time codes (TOTP, RFC 6238)."""

    __tablename__ = "second_factor"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), unique=True)
    secret: Mapped[str] = mapped_column(Encrypted(str))
    #: In force once its owner has typed a first code.
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    #: The thirty seconds of the last code that was taken: none is taken twice.
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)

    def __repr__(self):
        return f"second factor {self.id}"


class RecoveryCode(Model):
    """A code on paper that opens once in place of the telephone's; kept as a keyed hash."""

    __tablename__ = "recovery_code"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None] = mapped_column(Instant)

    def __repr__(self):
        return f"recovery code {self.id}"


class SignInThrottle(Model):
    """Tries in vain at one door (wrong passwords, wrong codes, mails asked for) from one address of the network; read by every process."""

    __tablename__ = "sign_in_throttle"
    #: A keyed hash of door and address: we do not keep who came from where.
    address_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    wrong: Mapped[int] = mapped_column(default=0)
    since: Mapped[datetime] = mapped_column(Instant, default=clock.now, index=True)
    blocked_until: Mapped[datetime | None] = mapped_column(Instant)

    def __repr__(self):
        return f"throttle of {self.wrong}"

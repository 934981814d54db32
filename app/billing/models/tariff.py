"""What does a place cost? Dated grids of the activities, and what households have been granted."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.activities.models import Activity
from app.children.models import Child
from app.core import clock
from app.core.db import Instant
from app.core.money import Money
from app.extensions import Model
from app.families.models import Family


class TariffGrid(Model):
    """One version of an activity's prices. The day of the meal decides which one counts: the last that has begun."""

    __tablename__ = "tariff_grid"
    __table_args__ = (
        Index(
            "uq_tariff_grid_start",
            "activity_id",
            "starts_on",
            unique=True,
            sqlite_where=text("NOT draft"),
            postgresql_where=text("NOT draft"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    activity_id: Mapped[int] = mapped_column(ForeignKey("activity.id", ondelete="CASCADE"))
    starts_on: Mapped[date] = mapped_column(Date)
    #: The decision that it rests on, as parents read it: "Délibération du 12 juin 2026".
    title: Mapped[str] = mapped_column(String(120), default="")
    #: billing.grid.Grid as JSON: rows, columns, cells, modifiers.
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: Neither families nor bills see it; it is simulated and compared until it is put into force.
    draft: Mapped[bool] = mapped_column(default=False, server_default=false())
    changed_at: Mapped[datetime] = mapped_column(Instant, default=clock.now, onupdate=clock.now)
    activity: Mapped[Activity] = relationship(Activity)

    def __repr__(self):
        return f"{self.activity} {self.starts_on.isoformat()}"


class RateGrant(Model):
    """A household, or one child, pays by a named row of the grids for a time: "CCAS", "agents de la commune"."""

    __tablename__ = "rate_grant"
    __table_args__ = (CheckConstraint("ends_on >= starts_on", name="ck_rate_grant_dates"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"), index=True)
    #: Null: all its children.
    child_id: Mapped[int | None] = mapped_column(ForeignKey("child.id", ondelete="CASCADE"), index=True)
    #: The row's name in the grids, whatever its capitals.
    category: Mapped[str] = mapped_column(String(40))
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
    family: Mapped[Family] = relationship(Family)
    child: Mapped[Child | None] = relationship(Child)

    def __repr__(self):
        return f"{self.category}: {self.family}"


class ThirdPartyShare(Model):
    """Somebody else (CCAS, CAF, an employer) pays a part of what a household would owe."""

    __tablename__ = "third_party_share"
    __table_args__ = (
        CheckConstraint("ends_on >= starts_on", name="ck_third_party_share_dates"),
        CheckConstraint("(percent IS NULL) != (amount IS NULL)", name="ck_third_party_share_one"),
        CheckConstraint("percent IS NULL OR percent BETWEEN 1 AND 10000", name="ck_third_party_share_percent"),
        CheckConstraint("amount IS NULL OR amount > 0", name="ck_third_party_share_amount"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"), index=True)
    child_id: Mapped[int | None] = mapped_column(ForeignKey("child.id", ondelete="CASCADE"), index=True)
    #: Null: every activity.
    activity_id: Mapped[int | None] = mapped_column(ForeignKey("activity.id", ondelete="CASCADE"), index=True)
    payer: Mapped[str] = mapped_column(String(60))
    #: Of the price of a place, kept in hundredths as money is; or so many euros of each.
    percent: Mapped[Decimal | None] = mapped_column(Money)
    amount: Mapped[Decimal | None] = mapped_column(Money)
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
    family: Mapped[Family] = relationship(Family)
    child: Mapped[Child | None] = relationship(Child)
    activity: Mapped[Activity | None] = relationship(Activity)

    def __repr__(self):
        return f"{self.payer}: {self.family}"

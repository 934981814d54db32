"""Who has a place, who asked for one, who does not come?"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.activities.models.activity import Activity, ActivityGroup, Unit
from app.changes.models import ChangeRequest
from app.children.models import Child, School, SchoolClass
from app.core import clock
from app.core.db import Instant, enum_column
from app.core.encryption import Encrypted
from app.core.enums import Labelled
from app.core.errors import Stale
from app.core.i18n import _, _l
from app.extensions import Model
from app.families.models import Family


class Enrolment(Model):
    """A child takes part in an activity for a time. Ended, never deleted."""

    __tablename__ = "enrolment"
    __table_args__ = (
        CheckConstraint("ends_on >= starts_on", name="ck_enrolment_dates"),
        Index("ix_enrolment_child", "child_id", "activity_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    child_id: Mapped[int] = mapped_column(ForeignKey("child.id", ondelete="CASCADE"))
    activity_id: Mapped[int] = mapped_column(ForeignKey("activity.id"), index=True)
    #: The household that enrolled it, and that books.
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"), index=True)
    #: Null: the group that takes the child on the day.
    group_id: Mapped[int | None] = mapped_column(ForeignKey("activity_group.id", ondelete="SET NULL"), index=True)
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date] = mapped_column(Date)
    #: The usual week: {ISO day of the week as text: [ids of units]}.
    week: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    child: Mapped[Child] = relationship(Child)
    activity: Mapped[Activity] = relationship(Activity)
    family: Mapped[Family] = relationship(Family)
    group: Mapped[ActivityGroup | None] = relationship(ActivityGroup)

    @classmethod
    def of_family(cls, family_id):
        """The SQL condition that this household enrolled the child, and that it still lives there."""
        return (cls.family_id == family_id) & cls.child_id.in_(Child.ids_of(family_id))

    def __repr__(self):
        return f"{self.child}, {self.activity}"


class BookingState(Labelled):
    """Where a booking stands."""

    booked = "booked", _l("booked")
    #: The family says that the child does not come.
    absent = "absent", _l("absent")
    #: The town took it away: an outing, a strike.
    cancelled = "cancelled", _l("cancelled by the town")


BOOKING_TRANSITIONS = {
    BookingState.booked: {BookingState.absent, BookingState.cancelled},
    BookingState.absent: {BookingState.booked, BookingState.cancelled},
    #: The town gives the day back: whoever was absent still is.
    BookingState.cancelled: {BookingState.booked, BookingState.absent},
}


class AbsenceReason(Model):
    """A reason that a family may choose from the town's list."""

    __tablename__ = "absence_reason"
    id: Mapped[int] = mapped_column(primary_key=True)
    rank: Mapped[int] = mapped_column(default=1)
    title: Mapped[str] = mapped_column(String(60))
    title_en: Mapped[str] = mapped_column(String(60), default="")
    #: "autre": the family says what, in its own words.
    needs_text: Mapped[bool] = mapped_column(default=False)
    #: A certificate may follow, and lifts the charge of an absence that was told too late.
    takes_certificate: Mapped[bool] = mapped_column(default=False)
    #: Not charged, however late it was told: the school was closed.
    never_charged: Mapped[bool] = mapped_column(default=False)
    open: Mapped[bool] = mapped_column(default=True)

    def __repr__(self):
        return self.title


class Absence(Model):
    """A child does not come, from a day to a day, and why."""

    __tablename__ = "absence"
    __table_args__ = (CheckConstraint("last_day >= first_day", name="ck_absence_dates"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    child_id: Mapped[int] = mapped_column(ForeignKey("child.id", ondelete="CASCADE"), index=True)
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"), index=True)
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date] = mapped_column(Date)
    reason_id: Mapped[int] = mapped_column(ForeignKey("absence_reason.id"))
    explanation: Mapped[str | None] = mapped_column(Encrypted(str))
    certificate_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id", ondelete="SET NULL"))
    #: When the family said so: judges the deadline.
    declared_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    request_id: Mapped[int | None] = mapped_column(ForeignKey("change_request.id", ondelete="SET NULL"))
    child: Mapped[Child] = relationship(Child)
    reason: Mapped[AbsenceReason] = relationship(AbsenceReason)
    bookings: Mapped[list["Booking"]] = relationship(back_populates="absence", order_by="Booking.day")

    def __repr__(self):
        return f"{self.child} {self.first_day.isoformat()}"


class DayCancellation(Model):
    """The town takes a day away from a class, a school or everybody: an outing, a strike."""

    __tablename__ = "day_cancellation"
    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, index=True)
    activity_id: Mapped[int] = mapped_column(ForeignKey("activity.id", ondelete="CASCADE"))
    school_id: Mapped[int | None] = mapped_column(ForeignKey("school.id", ondelete="SET NULL"))
    school_class_id: Mapped[int | None] = mapped_column(ForeignKey("school_class.id", ondelete="SET NULL"))
    #: What families read.
    reason: Mapped[str] = mapped_column(String(120))
    #: Billed all the same.
    charged: Mapped[bool] = mapped_column(default=False)
    #: How many bookings it took away.
    bookings_count: Mapped[int] = mapped_column(default=0)
    cancelled_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    cancelled_by: Mapped[str] = mapped_column(String(120))
    activity: Mapped[Activity] = relationship(Activity)
    school: Mapped[School | None] = relationship(School)
    school_class: Mapped[SchoolClass | None] = relationship(SchoolClass)

    def __repr__(self):
        return f"{self.activity} {self.day.isoformat()}"


class Booking(Model):
    """A fact: this child has a place in this unit on this day. Only acceptance, or the staff, makes one."""

    __tablename__ = "booking"
    __table_args__ = (
        Index("uq_booking_place", "child_id", "unit_id", "day", unique=True),
        Index("ix_booking_day", "day", "unit_id", "group_id", "state", "child_id"),
        #: A page asks for a household's next days.
        Index("ix_booking_family", "family_id", "day"),
        #: Places are counted from it alone: without the day, SQLite would read a unit's whole year.
        Index("ix_booking_unit", "unit_id", "group_id", "day", "state"),
        CheckConstraint("state != 'absent' OR absence_id IS NOT NULL", name="ck_booking_absence"),
        CheckConstraint("state != 'cancelled' OR cancellation_id IS NOT NULL", name="ck_booking_cancellation"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    child_id: Mapped[int] = mapped_column(ForeignKey("child.id", ondelete="CASCADE"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("activity_unit.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("activity_group.id", ondelete="SET NULL"))
    #: The household that asked, and that pays.
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"))
    day: Mapped[date] = mapped_column(Date)
    state: Mapped[BookingState] = mapped_column(enum_column(BookingState, "ck_booking_state"), default=BookingState.booked)
    asked_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    #: Asked after the deadline: a tariff may say more.
    late: Mapped[bool] = mapped_column(default=False)
    absence_id: Mapped[int | None] = mapped_column(ForeignKey("absence.id", ondelete="SET NULL"), index=True)
    #: Whether the absence was told in time; null: not absent.
    told_in_time: Mapped[bool | None]
    cancellation_id: Mapped[int | None] = mapped_column(ForeignKey("day_cancellation.id", ondelete="SET NULL"), index=True)
    request_id: Mapped[int | None] = mapped_column(ForeignKey("change_request.id", ondelete="SET NULL"))
    child: Mapped[Child] = relationship(Child)
    unit: Mapped[Unit] = relationship(Unit)
    group: Mapped[ActivityGroup | None] = relationship(ActivityGroup)
    family: Mapped[Family] = relationship(Family)
    absence: Mapped[Absence | None] = relationship(Absence, back_populates="bookings")
    cancellation: Mapped[DayCancellation | None] = relationship(DayCancellation)

    def move_to(self, state):
        """Change state; Stale where the booking has gone another way meanwhile."""
        if state not in BOOKING_TRANSITIONS[self.state]:
            raise Stale(_("This booking is already %(state)s.", state=self.state.label))
        self.state = state

    def __repr__(self):
        return f"{self.child_id} {self.unit_id} {self.day.isoformat()}"


class Wish(Labelled):
    """What a request asks for a day."""

    book = "book", _l("book")
    absence = "absence", _l("absence")


class Rank(Labelled):
    """Where a wish for a place stands while its request is open."""

    #: It occupies a place, or asks for none.
    holds = "holds", _l("holds a place")
    queued = "queued", _l("on the waiting list")
    offered = "offered", _l("a place is offered")
    #: Its request was decided, withdrawn or lapsed.
    closed = "closed", _l("closed")


RANK_TRANSITIONS = {
    Rank.holds: {Rank.closed},
    #: Held without an offer where it is a day of an enrolment's usual week.
    Rank.queued: {Rank.offered, Rank.holds, Rank.closed},
    Rank.offered: {Rank.holds, Rank.closed},
    Rank.closed: set(),
}


class PlaceAsked(Model):
    """A day that an open request is about: what the agenda shows as waiting, and what occupies a place. Made from the request."""

    __tablename__ = "place_asked"
    __table_args__ = (
        Index(
            "uq_place_asked_open",
            "child_id",
            "unit_id",
            "day",
            unique=True,
            sqlite_where=text("rank != 'closed'"),
            postgresql_where=text("rank != 'closed'"),
        ),
        Index("ix_place_asked_day", "day", "unit_id", "group_id"),
        Index("ix_place_asked_child", "child_id", "day"),
        #: Open ones come first: of what a family has asked in its years, nearly all is closed.
        Index("ix_place_asked_family", "family_id", "rank", "day"),
        Index("ix_place_asked_offer", "rank", "offered_until"),
        CheckConstraint("rank != 'offered' OR offered_until IS NOT NULL", name="ck_place_asked_offer"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("change_request.id", ondelete="CASCADE"), index=True)
    child_id: Mapped[int] = mapped_column(ForeignKey("child.id", ondelete="CASCADE"))
    family_id: Mapped[int] = mapped_column(ForeignKey("family.id", ondelete="CASCADE"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("activity_unit.id", ondelete="CASCADE"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("activity_group.id", ondelete="SET NULL"))
    day: Mapped[date] = mapped_column(Date)
    wish: Mapped[Wish] = mapped_column(enum_column(Wish, "ck_place_asked_wish"))
    rank: Mapped[Rank] = mapped_column(enum_column(Rank, "ck_place_asked_rank"), default=Rank.holds)
    #: The order in which families asked.
    asked_at: Mapped[datetime] = mapped_column(Instant)
    late: Mapped[bool] = mapped_column(default=False)
    #: Until when an offered place is kept for this family.
    offered_until: Mapped[datetime | None] = mapped_column(Instant)
    request: Mapped[ChangeRequest] = relationship(ChangeRequest)
    child: Mapped[Child] = relationship(Child)
    unit: Mapped[Unit] = relationship(Unit)
    group: Mapped[ActivityGroup | None] = relationship(ActivityGroup)
    family: Mapped[Family] = relationship(Family)

    def move_to(self, rank, *, until=None):
        """Change rank, an offered place until an instant; Stale where the wish has gone another way meanwhile."""
        if rank not in RANK_TRANSITIONS[self.rank]:
            raise Stale(_("This wish is already: %(rank)s.", rank=self.rank.label))
        self.rank, self.offered_until = rank, until

    def __repr__(self):
        return f"{self.wish.value} {self.child_id} {self.unit_id} {self.day.isoformat()}"

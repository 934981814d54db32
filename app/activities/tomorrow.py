"""How many children come on the next day that anybody is booked for? For the staff's desk."""

from dataclasses import dataclass
from datetime import date
from functools import cache

from sqlalchemy import bindparam, distinct, func, select

from app.activities.models import Booking, BookingState, PlaceAsked, Rank, Unit, Wish
from app.core import clock


@dataclass(frozen=True)
class NextDay:
    """The next day on which children come, and how many; `day` None: nobody is booked."""

    day: date | None
    children: int
    meals: int
    #: Children for whom a request waits.
    waiting: int

    @property
    def is_tomorrow(self):
        return self.day is not None and (self.day - clock.today()).days == 1


@cache
def columns_of_next_day():
    """Scalar sub-queries for a NextDay after :today, in the order of its fields."""
    ahead = select(func.min(Booking.day)).where(Booking.day > bindparam("today"), Booking.state == BookingState.booked).scalar_subquery()
    booked = (Booking.day == ahead) & (Booking.state == BookingState.booked)
    children = select(func.count(distinct(Booking.child_id))).where(booked)
    # A child who is booked for two units with a meal eats once.
    meals = children.join(Unit, Unit.id == Booking.unit_id).where(Unit.with_meal)
    waits = (PlaceAsked.day == ahead) & (PlaceAsked.rank != Rank.closed) & (PlaceAsked.wish == Wish.book)
    waiting = select(func.count(distinct(PlaceAsked.child_id))).where(waits)
    return ahead, children.scalar_subquery(), meals.scalar_subquery(), waiting.scalar_subquery()

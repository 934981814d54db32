"""Is the cast of activities there, and can a test add to it?"""

from app.activities.models import Booking, BookingState, Enrolment
from app.core import clock
from app.extensions import db
from tests.activities import cast


def test_the_cast_takes_part(app, activities):
    with app.app_context():
        assert clock.today() == cast.MONDAY
        assert db.session.scalar(db.select(db.func.count()).select_from(Enrolment)) == 6
        booking = cast.book(activities.lea, activities.galbert, activities.meal, cast.NEXT_MONDAY)
        cast.absent(booking, activities.ill)
        assert db.session.get(Booking, booking).state is BookingState.absent
        cast.places(activities.big, activities.day, 1, day=cast.NEXT_WEDNESDAY)

"""Does the town reach the families that have nothing booked, for the days whose deadline comes next?"""

from datetime import date

from app.activities.audiences import calls
from app.activities.models import Activity, HolidaySource, SchoolHoliday, Season
from app.core.db import unit_of_work
from app.core.i18n import in_locale
from app.extensions import db
from app.messages.audiences import families_in, title_of
from tests.activities.cast import NEXT_THURSDAY, NEXT_TUESDAY, NEXT_WEDNESDAY, THURSDAY, THURSDAY_NOON, absent, book
from tests.factories import make_request


def call_of(activity_id):
    return next((call for call in calls() if call.activity.id == activity_id), None)


def silent(activity_id):
    """The families that a call to book this activity goes to."""
    return sorted(db.session.scalars(families_in("without_booking", call_of(activity_id).value)))


def test_the_days_are_those_whose_deadlines_lie_in_the_week_of_the_next_one(ctx, activities):
    # Monday, 9:00. Thursday's meal may be booked until Tuesday noon; that of Thursday week until the Tuesday after, which is another call.
    meals = call_of(activities.canteen)
    assert (meals.first, meals.last) == (THURSDAY, NEXT_TUESDAY)
    wednesdays = call_of(activities.wednesday)
    assert (wednesdays.first, wednesdays.last) == (NEXT_WEDNESDAY, NEXT_WEDNESDAY)
    with in_locale("en"):
        assert title_of("without_booking", wednesdays.value).endswith("Wednesdays, 02/12/2026 (deadline: 26/11/2026 at 12:00)")


def test_a_holiday_centre_is_called_for_weeks_ahead(ctx, activities):
    with unit_of_work():
        centre = db.session.get(Activity, activities.wednesday)
        centre.season, centre.weekdays, centre.booking_rule = Season.holidays, [1, 2, 3, 4, 5], THURSDAY_NOON | {"weeks": 3}
        db.session.add(
            SchoolHoliday(zone="c", source=HolidaySource.official, name="Noël", first_day=date(2026, 12, 19), last_day=date(2027, 1, 3))
        )
    call = call_of(activities.wednesday)
    # The 25th is a public holiday; the week after has its own deadline.
    assert (call.first, call.last) == (date(2026, 12, 21), date(2026, 12, 24))


def test_who_has_booked_or_asked_or_told_an_absence_is_left_alone(ctx, activities):
    town = activities
    assert silent(town.canteen) == [town.galbert, town.martin]
    book(town.hugo, town.martin, town.meal, NEXT_THURSDAY, town.table)
    assert silent(town.canteen) == [town.galbert, town.martin]
    absent(book(town.hugo, town.martin, town.meal, NEXT_TUESDAY, town.table), town.ill)
    make_request("booking", town.galbert, {"unit_id": town.meal, "day": THURSDAY}, act="add", child_id=town.lea, sealed=False)
    assert silent(town.canteen) == []


def test_an_activity_that_is_closed_to_families_is_not_called_for(ctx, activities):
    with unit_of_work():
        db.session.get(Activity, activities.canteen).open = False
    assert call_of(activities.canteen) is None

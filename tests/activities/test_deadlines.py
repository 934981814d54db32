"""Is a family in time? The rules that towns publish, on ordinary days and on those that trip a program."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask_babel import force_locale

from app.activities import deadlines
from app.activities.calendar import Calendar
from app.activities.models import CalendarException
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.extensions import db

PARIS = ZoneInfo("Europe/Paris")

#: The rules of real towns.
THURSDAY_NOON = {"mode": "week", "weekday": 4, "at": "12:00", "weeks": 1}
TWO_DAYS = {"mode": "table", "days": {"1": [5, "11:00"], "2": [1, "11:00"], "4": [3, "11:00"], "5": [4, "11:00"]}}
WORKING_DAYS = {"mode": "days", "days": 3, "at": "23:59", "skip": ["weekends", "holidays", "closed"]}
TUESDAY_NIGHT = {"mode": "week", "weekday": 2, "at": "23:59", "weeks": 1}
EVENING_BEFORE = {"mode": "days", "days": 1, "at": "18:00", "skip": []}
NOON_D2 = {"mode": "days", "days": 2, "at": "12:00", "skip": ["weekends"]}
NOON_D2_HOLIDAYS = {"mode": "days", "days": 2, "at": "12:00", "skip": ["weekends", "holidays"]}
SAME_MORNING = {"mode": "days", "days": 0, "at": "08:30", "skip": []}
NONE = {"mode": "none"}
THURSDAY_MOVED = {**THURSDAY_NOON, "skip": ["holidays"]}
FRIDAY_MOVED = {**TWO_DAYS, "skip": ["holidays", "closed"]}
FORTNIGHT = {"mode": "week", "weekday": 1, "at": "09:00", "weeks": 2}
SCHOOL_DAYS = {"mode": "days", "days": 2, "at": "10:00", "skip": ["weekends", "holidays", "school_holidays"]}
TWO_LINES = {"mode": "table", "days": {"1": [5, "11:00"], "2": [1, "11:00"]}}
SMALL_HOURS = {"mode": "days", "days": 1, "at": "02:30", "skip": []}

#: (rule, day that is booked, last moment by the town's clock)
CASES = [
    # Thursday noon for the next week
    (THURSDAY_NOON, "2026-11-30", "2026-11-26 12:00"),  # a Monday
    (THURSDAY_NOON, "2026-12-04", "2026-11-26 12:00"),  # the Friday of that week: the same Thursday
    (THURSDAY_NOON, "2026-12-06", "2026-11-26 12:00"),  # its Sunday still belongs to the week
    (THURSDAY_NOON, "2027-01-04", "2026-12-31 12:00"),  # across the year's end
    (THURSDAY_NOON, "2027-01-01", "2026-12-24 12:00"),  # the year ends inside the week
    (THURSDAY_NOON, "2026-05-18", "2026-05-14 12:00"),  # Ascension: the portal is open, the rule says Thursday
    (THURSDAY_MOVED, "2026-05-18", "2026-05-13 12:00"),  # the same, where the town counts the day before
    (THURSDAY_NOON, "2028-03-06", "2028-03-02 12:00"),  # a leap year: the week after 29 February
    (THURSDAY_NOON, "2024-02-29", "2024-02-22 12:00"),
    # Friday 11:00 for Monday, Monday 11:00 for Tuesday
    (TWO_DAYS, "2026-11-23", "2026-11-20 11:00"),
    (TWO_DAYS, "2026-11-24", "2026-11-23 11:00"),
    (TWO_DAYS, "2026-11-26", "2026-11-25 11:00"),
    (TWO_DAYS, "2026-11-27", "2026-11-26 11:00"),
    (TWO_DAYS, "2026-11-25", "2026-11-24 23:59:59.999999"),  # a Wednesday has no line: until it begins
    (TWO_DAYS, "2027-01-04", "2027-01-01 11:00"),  # the Friday is New Year's Day
    (FRIDAY_MOVED, "2027-01-04", "2026-12-31 11:00"),  # where the town counts the day before
    (FRIDAY_MOVED, "2026-05-18", "2026-05-13 11:00"),  # Friday is the town's bridge, Thursday is Ascension
    (FRIDAY_MOVED, "2026-04-07", "2026-04-05 11:00"),  # for the Tuesday after Easter Monday: its Sunday
    # three working days before
    (WORKING_DAYS, "2026-11-27", "2026-11-24 23:59:59.999999"),
    (WORKING_DAYS, "2026-11-24", "2026-11-19 23:59:59.999999"),  # over a weekend
    (WORKING_DAYS, "2026-11-13", "2026-11-09 23:59:59.999999"),  # over 11 November
    (WORKING_DAYS, "2026-05-18", "2026-05-11 23:59:59.999999"),  # over Ascension and the bridge that the town closes
    (WORKING_DAYS, "2026-04-08", "2026-04-02 23:59:59.999999"),  # over Easter
    (WORKING_DAYS, "2027-01-04", "2026-12-29 23:59:59.999999"),  # over New Year
    (WORKING_DAYS, "2028-03-01", "2028-02-25 23:59:59.999999"),  # 29 February is a Tuesday and counts
    (WORKING_DAYS, "2026-07-16", "2026-07-10 23:59:59.999999"),  # over 14 July
    # until Tuesday 23:59 for the next week
    (TUESDAY_NIGHT, "2026-11-30", "2026-11-24 23:59:59.999999"),
    (TUESDAY_NIGHT, "2026-12-04", "2026-11-24 23:59:59.999999"),
    (TUESDAY_NIGHT, "2027-01-08", "2026-12-29 23:59:59.999999"),
    (TUESDAY_NIGHT, "2024-03-04", "2024-02-27 23:59:59.999999"),
    # until 18:00 the day before
    (EVENING_BEFORE, "2026-11-24", "2026-11-23 18:00"),
    (EVENING_BEFORE, "2026-11-23", "2026-11-22 18:00"),  # a Sunday counts
    (EVENING_BEFORE, "2027-01-01", "2026-12-31 18:00"),
    (EVENING_BEFORE, "2028-03-01", "2028-02-29 18:00"),
    (EVENING_BEFORE, "2027-03-01", "2027-02-28 18:00"),
    # the day before the day before at noon, weekends not counted
    (NOON_D2, "2026-11-26", "2026-11-24 12:00"),
    (NOON_D2, "2026-11-23", "2026-11-19 12:00"),
    (NOON_D2, "2026-11-24", "2026-11-20 12:00"),
    (NOON_D2, "2026-11-28", "2026-11-26 12:00"),  # a Saturday
    (NOON_D2, "2026-11-12", "2026-11-10 12:00"),  # 11 November counts here
    (NOON_D2_HOLIDAYS, "2026-11-12", "2026-11-09 12:00"),  # and not here
    (NOON_D2_HOLIDAYS, "2026-05-11", "2026-05-06 12:00"),  # Friday 8 May and a weekend
    (NOON_D2_HOLIDAYS, "2026-12-28", "2026-12-23 12:00"),  # Christmas is a Friday
    # the clock changes: summer time begins on 29 March 2026, ends on 25 October 2026
    (EVENING_BEFORE, "2026-03-30", "2026-03-29 18:00"),
    (EVENING_BEFORE, "2026-10-26", "2026-10-25 18:00"),
    (THURSDAY_NOON, "2026-03-30", "2026-03-26 12:00"),
    (THURSDAY_NOON, "2026-10-26", "2026-10-22 12:00"),
    (NOON_D2, "2026-03-30", "2026-03-26 12:00"),
    (NONE, "2026-03-30", "2026-03-29 23:59:59.999999"),
    (NONE, "2026-10-26", "2026-10-25 23:59:59.999999"),
    # others
    (NONE, "2026-11-26", "2026-11-25 23:59:59.999999"),
    (SAME_MORNING, "2026-11-26", "2026-11-26 08:30"),
    (FORTNIGHT, "2026-12-04", "2026-11-16 09:00"),
    (SCHOOL_DAYS, "2026-11-02", "2026-10-15 10:00"),  # over the autumn holidays
]


@pytest.fixture
def bridge(ctx):
    """The town closes on the Friday after Ascension; a school alone, or an activity alone, does not close the town."""
    from app.activities.models import HolidaySource, SchoolHoliday

    with unit_of_work() as session:
        session.add(CalendarException(first_day=date(2026, 5, 15), last_day=date(2026, 5, 15), reason="Pont de l'Ascension"))
        session.add(
            SchoolHoliday(
                zone="c", name="Toussaint", first_day=date(2026, 10, 17), last_day=date(2026, 11, 1), source=HolidaySource.official
            )
        )


@pytest.mark.parametrize(("rule", "day", "last"), CASES)
def test_the_last_moment(bridge, rule, day, last):
    day = date.fromisoformat(day)
    calendar = Calendar.between(day, day)
    expected = datetime.fromisoformat(last).replace(tzinfo=PARIS)
    found = deadlines.deadline(rule, day, calendar)
    assert found.utcoffset() == timedelta(0) and found.astimezone(PARIS) == expected
    assert not deadlines.passed(rule, day, calendar, found)
    assert deadlines.passed(rule, day, calendar, found + timedelta(microseconds=1))


def test_there_are_forty_cases_at_least():
    assert len(CASES) >= 40


def test_a_minute_lasts_until_it_ends(ctx):
    day = date(2026, 11, 30)
    calendar = Calendar.between(day, day)
    assert not deadlines.passed(TUESDAY_NIGHT, day, calendar, datetime(2026, 11, 24, 22, 59, 59, tzinfo=UTC))
    assert deadlines.passed(TUESDAY_NIGHT, day, calendar, datetime(2026, 11, 24, 23, 0, tzinfo=UTC))


def test_the_hour_that_the_clock_skips_or_shows_twice_is_read_in_the_familys_favour(ctx):
    calendar = Calendar.between(date(2026, 3, 1), date(2026, 11, 1))
    # 02:30 does not exist: 03:30 of summer time.
    assert deadlines.deadline(SMALL_HOURS, date(2026, 3, 30), calendar) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    # 02:30 comes twice: the second one.
    assert deadlines.deadline(SMALL_HOURS, date(2026, 10, 26), calendar) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_a_town_overseas_reads_its_own_clock(ctx, app, monkeypatch):
    monkeypatch.setitem(app.config, "TIMEZONE", "Indian/Reunion")
    day = date(2026, 11, 24)
    assert deadlines.deadline(EVENING_BEFORE, day, Calendar.between(day, day)) == datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


def test_a_rule_that_counts_nothing_has_no_deadline_and_is_too_late(ctx):
    with unit_of_work() as session:
        session.add(CalendarException(first_day=date(2026, 1, 1), last_day=date(2027, 1, 1), reason="Travaux"))
    day = date(2026, 11, 24)
    calendar = Calendar.between(day, day)
    rule = {**WORKING_DAYS, "days": 1}
    assert deadlines.deadline(rule, day, calendar) is None
    assert deadlines.passed(rule, day, calendar, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (NONE, "Until midnight, the evening before."),
        (THURSDAY_NOON, "Until Thursday 12:00 for the next week."),
        (THURSDAY_MOVED, "Until Thursday 12:00 for the next week. Not on public holidays: then the day before."),
        (TUESDAY_NIGHT, "Until Tuesday 23:59 for the next week."),
        (FORTNIGHT, "Until Monday 09:00, 2 weeks before."),
        ({**THURSDAY_NOON, "weeks": 0}, "Until Thursday 12:00 of the same week."),
        (EVENING_BEFORE, "Until 18:00 the day before."),
        (SAME_MORNING, "Until 08:30 on the day itself."),
        (NOON_D2, "Until 12:00, 2 days before. Weekends are not counted."),
        (NOON_D2_HOLIDAYS, "Until 12:00, 2 working days before."),
        (WORKING_DAYS, "Until 23:59, 3 working days before. Days when the town is closed are not counted."),
        (
            {"mode": "table", "days": {"1": [5, "11:00"], "2": [1, "11:00"]}},
            "For Monday: until Friday 11:00. For Tuesday: until Monday 11:00.",
        ),
    ],
)
def test_the_sentence(ctx, rule, sentence):
    with force_locale("en"):
        assert deadlines.describe(rule) == sentence


def test_days_of_the_week_are_in_the_readers_language(ctx):
    with force_locale("fr"):
        assert "jeudi" in deadlines.describe(THURSDAY_NOON)


@pytest.mark.parametrize("rule", [THURSDAY_NOON, TWO_DAYS, WORKING_DAYS, NOON_D2, NONE, SAME_MORNING, FRIDAY_MOVED])
def test_a_good_rule_stays_what_it_is(ctx, rule):
    kept = deadlines.checked(rule)
    assert {name: value for name, value in kept.items() if name != "skip" or value} == {
        name: value for name, value in rule.items() if name != "skip" or value
    }


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"mode": "soon"},
        {"mode": "days", "days": -1, "at": "12:00"},
        {"mode": "days", "days": 31, "at": "12:00"},
        {"mode": "days", "days": 2, "at": "24:00"},
        {"mode": "days", "days": 2, "at": "9:00"},
        {"mode": "days", "days": 2, "at": None},
        {"mode": "days", "at": "12:00"},
        {"mode": "week", "weekday": 8, "at": "12:00", "weeks": 1},
        {"mode": "week", "weekday": 4, "at": "12:00", "weeks": 9},
        {"mode": "table", "days": {}},
        {"mode": "table", "days": {"1": [5, "noon"]}},
        {"mode": "table", "days": {"8": [5, "11:00"]}},
    ],
)
def test_a_rule_that_cannot_be_understood_is_refused_with_a_sentence(ctx, rule):
    with pytest.raises(DomainError) as refusal:
        deadlines.checked(rule)
    assert str(refusal.value)


def test_deadlines_ask_the_database_nothing(ctx):
    from tests.conftest import counted_queries

    calendar = Calendar.between(date(2026, 11, 1), date(2026, 11, 30))
    with counted_queries() as asked:
        for number in range(1, 31):
            for rule in (THURSDAY_NOON, WORKING_DAYS, SCHOOL_DAYS, TWO_DAYS):
                deadlines.deadline(rule, date(2026, 11, number), calendar)
    assert not asked
    assert db.session.is_active

"""Which days are open? School weeks, holidays, public holidays, the town's own decisions, and the State's file."""

from datetime import date

import pytest
from flask_babel import force_locale
from sqlalchemy import select

from app.activities import school_calendar as school
from app.activities.calendar import Calendar
from app.activities.models import (
    AbsenceReason,
    Activity,
    ActivityKind,
    CalendarException,
    HolidaySource,
    PaperType,
    SchoolHoliday,
    Season,
)
from app.activities.seed import seed
from app.activities.settings import Zone
from app.children.models import School
from app.core import clock, settings
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.extensions import db
from tests.conftest import counted_queries

CHRISTMAS = {"name": "Vacances de Noël", "first_day": date(2026, 12, 19), "last_day": date(2027, 1, 3)}


@pytest.fixture
def town(ctx):
    """A canteen, a Wednesday, a holiday centre; Christmas in zone C and another week in zone A."""
    with unit_of_work() as session:
        rows = {
            "canteen": Activity(name="Cantine B", kind=ActivityKind.canteen, weekdays=[1, 2, 4, 5]),
            "wednesday": Activity(name="Mercredi B", kind=ActivityKind.wednesday, weekdays=[3], season=Season.all_year),
            "centre": Activity(name="Centre B", kind=ActivityKind.holidays, weekdays=[1, 2, 3, 4, 5], season=Season.holidays),
        }
        session.add_all(rows.values())
        session.add(SchoolHoliday(zone="c", source=HolidaySource.official, **CHRISTMAS))
        session.add(
            SchoolHoliday(zone="a", source=HolidaySource.official, name="Hiver", first_day=date(2027, 2, 13), last_day=date(2027, 2, 28))
        )
    return rows


def except_on(first, last=None, **values):
    with unit_of_work() as session:
        session.add(CalendarException(first_day=first, last_day=last or first, **values))


def closed(activity, day, school_id=None):
    with force_locale("en_GB"):
        return Calendar.between(day, day).closed_because(activity, day, school_id)


def test_a_canteen_opens_on_its_days_in_school_weeks(town):
    canteen = town["canteen"]
    assert closed(canteen, date(2026, 11, 23)) is None
    assert closed(canteen, date(2026, 11, 25)) == "Closed on this day of the week"
    assert closed(canteen, date(2026, 12, 21)) == "Vacances de Noël"
    assert closed(canteen, date(2027, 1, 4)) is None, "back on the morning of the end date"
    assert closed(canteen, date(2027, 2, 15)) is None, "the holidays of another zone"


def test_the_zone_is_a_setting(town):
    with unit_of_work():
        settings.put("school_zone", "a")
    assert closed(town["canteen"], date(2027, 2, 15)) == "Hiver"
    assert closed(town["canteen"], date(2026, 12, 21)) is None


def test_a_holiday_centre_opens_in_the_holidays_alone(town):
    centre = town["centre"]
    assert closed(centre, date(2026, 12, 21)) is None
    assert closed(centre, date(2026, 12, 23)) is None
    assert closed(centre, date(2026, 12, 25)) == "Christmas Day"
    assert closed(centre, date(2026, 12, 26)) == "Closed on this day of the week"
    assert closed(centre, date(2026, 11, 23)) == "Open in the school holidays only"


def test_all_year_means_in_the_holidays_too(town):
    assert closed(town["wednesday"], date(2026, 12, 23)) is None
    assert closed(town["wednesday"], date(2026, 11, 25)) is None
    assert closed(town["wednesday"], date(2026, 11, 11)) == "Armistice Day" or closed(town["wednesday"], date(2026, 11, 11))


def test_public_holidays_close_and_are_named_in_the_readers_language(town):
    day = date(2026, 5, 14)
    with force_locale("fr"):
        assert Calendar.between(day, day).closed_because(town["canteen"], day) == "Ascension"
    assert Calendar.between(day, day).is_public_holiday(day) and closed(town["canteen"], date(2026, 5, 15)) is None


@pytest.mark.parametrize(
    ("place", "day", "holiday"),
    [
        ("metropolitan", date(2026, 4, 3), False),
        ("6ae", date(2026, 4, 3), True),  # Good Friday in Alsace and Moselle
        ("6ae", date(2026, 12, 26), True),
        ("974", date(2026, 12, 20), True),  # the end of slavery on La Réunion
        ("972", date(2026, 5, 22), True),
        ("metropolitan", date(2026, 5, 22), False),
        ("metropolitan", date(2028, 2, 29), False),
        ("metropolitan", date(2027, 1, 1), True),
    ],
)
def test_where_the_town_lies_decides_about_public_holidays(town, place, day, holiday):
    with unit_of_work():
        settings.put("public_holidays", place)
    assert Calendar.between(day, day).is_public_holiday(day) is holiday


def test_an_activity_has_a_first_and_a_last_day(town):
    with unit_of_work() as session:
        canteen = session.get(Activity, town["canteen"].id)
        canteen.starts_on, canteen.ends_on = date(2026, 9, 7), date(2026, 11, 30)
    assert closed(canteen, date(2026, 9, 4)) == "Begins on 7 September 2026"
    assert closed(canteen, date(2026, 9, 7)) is None
    assert closed(canteen, date(2026, 11, 30)) is None
    assert closed(canteen, date(2026, 12, 1)) == "Ended on 30 November 2026"


def test_the_town_closes_and_opens_days(town):
    except_on(date(2026, 11, 23), reason="Grève")
    assert closed(town["canteen"], date(2026, 11, 23)) == "Grève"
    assert closed(town["canteen"], date(2026, 11, 24)) is None
    except_on(date(2026, 11, 25), open=True, reason="Mercredi travaillé", activity_id=town["canteen"].id)
    assert closed(town["canteen"], date(2026, 11, 25)) is None
    assert closed(town["centre"], date(2026, 11, 25)) == "Open in the school holidays only"


def test_the_more_precise_decision_wins_whichever_came_first(town):
    day, school_id = date(2026, 11, 24), db.session.scalar(select(School.id))
    except_on(day, open=True, reason="La cantine ouvre", activity_id=town["canteen"].id)
    except_on(day, reason="Travaux")
    assert closed(town["canteen"], day) is None
    assert closed(town["centre"], day) == "Travaux"
    except_on(day, reason="Sans cuisine ici", activity_id=town["canteen"].id, school_id=school_id)
    assert closed(town["canteen"], day, school_id) == "Sans cuisine ici"
    assert closed(town["canteen"], day) is None
    assert closed(town["canteen"], day, school_id + 1000) is None


def test_of_decisions_alike_the_later_one_wins(town):
    day = date(2026, 11, 24)
    except_on(day, reason="Grève")
    except_on(day, open=True, reason="La grève est levée")
    assert closed(town["canteen"], day) is None
    except_on(day, reason="Verglas")
    assert closed(town["canteen"], day) == "Verglas"


def test_only_what_closes_everything_closes_the_town(town):
    day = date(2026, 11, 24)
    except_on(day, reason="Pour une activité", activity_id=town["canteen"].id)
    assert Calendar.between(day, day).town_closed(day) is None
    except_on(day, reason="Pont")
    assert Calendar.between(day, day).town_closed(day) == "Pont"


def test_a_month_for_everything_costs_two_queries(town):
    settings.get("school_zone")
    with counted_queries() as asked:
        calendar = Calendar.between(date(2026, 12, 1), date(2026, 12, 31))
        for activity in town.values():
            assert calendar.open_days(activity, date(2026, 12, 1), date(2026, 12, 31)) is not None
    assert len([query for query in asked if "FROM activity " not in query]) <= 2


# -- where holidays come from ---------------------------------------------------------------------------------------------------------

HEADER = "description;population;start_date;end_date;location;zones;annee_scolaire"
LINES = [
    "Vacances de la Toussaint;-;2026-10-16T22:00:00+00:00;2026-11-01T23:00:00+00:00;Créteil;Zone C;2026-2027",
    "Vacances de la Toussaint;-;2026-10-16T22:00:00+00:00;2026-11-01T23:00:00+00:00;Paris;Zone C;2026-2027",
    "Vacances de Noël;Élèves;2026-12-18T23:00:00+00:00;2027-01-03T23:00:00+00:00;Créteil;Zone C;2026-2027",
    "Vacances d'été;Enseignants;2027-07-02T22:00:00+00:00;2027-08-29T22:00:00+00:00;Créteil;Zone C;2026-2027",
    "Vacances d'été;Élèves;2027-07-02T22:00:00+00:00;2027-08-31T22:00:00+00:00;Créteil;Zone C;2026-2027",
    "Début des Vacances d'Été;-;2028-07-04T22:00:00+00:00;2028-07-04T22:00:00+00:00;Créteil;Zone C;2027-2028",
    "Vacances de Noël;-;2026-12-18T20:00:00+00:00;2027-01-17T20:00:00+00:00;Réunion;Réunion;2026-2027",
    "Vacances de Noël;-;2026-12-18T04:00:00+00:00;2027-01-04T04:00:00+00:00;Guadeloupe;Guadeloupe;2026-2027",
    "Vacances de Noël;-;2026-12-18T04:00:00+00:00;2027-01-04T04:00:00+00:00;Ailleurs;Lune;2026-2027",
]


def official(lines=LINES, header=HEADER, encoding="utf-8-sig"):
    return school.read_official("\r\n".join([header, *lines]).encode(encoding))


def dates(holidays):
    return [(one.zone.value, one.first_day.isoformat(), one.last_day.isoformat()) for one in holidays]


def test_days_off_lie_between_the_evening_of_leaving_and_the_morning_of_return(ctx):
    assert dates(official()) == [
        ("c", "2026-10-18", "2026-11-01"),
        ("c", "2026-12-20", "2027-01-03"),
        ("c", "2027-07-04", "2027-08-31"),
        ("c", "2028-07-06", "2028-09-03"),
        ("guadeloupe", "2026-12-19", "2027-01-03"),
        ("reunion", "2026-12-20", "2027-01-17"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_the_file_may_have_been_opened_with_excel(ctx, encoding):
    assert "Vacances de Noël" in {one.name for one in official(encoding=encoding)}


def test_commas_titles_and_plain_days_are_understood_too(ctx):
    header = "Description,Population,Date de début,Date de fin,Académies,Zones,annee_scolaire"
    found = official(["Pont,-,2026-10-17,2026-11-02,Paris,Zone A,2026-2027"], header)
    assert dates(found) == [("a", "2026-10-18", "2026-11-01")]


def test_what_most_academies_of_a_zone_say_counts(ctx):
    odd = "Vacances de la Toussaint;-;2026-10-20T22:00:00+00:00;2026-11-01T23:00:00+00:00;Ailleurs;Zone C;2026-2027"
    assert dates(official([odd, *LINES[:2]])) == [("c", "2026-10-18", "2026-11-01")]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"PK\x03\x04 a workbook",
        b"name;first;last\r\na;b;c",
        HEADER.encode(),
        f"{HEADER}\r\nVacances;-;soon;later;Paris;Zone C;2026-2027".encode(),
        f"{HEADER}\r\nVacances;-".encode() + b";2026-13-45;2026-11-01;Paris;Zone C;x",
        f'{HEADER}\r\n"'.encode() + b"x" * 200_000,
        b"x" * 5_000_001,
    ],
)
def test_a_wrong_file_is_refused_with_a_sentence(ctx, content):
    with pytest.raises(DomainError) as refusal:
        school.read_official(content)
    assert str(refusal.value)


def kept(zone="c", source=None):
    query = select(SchoolHoliday).where(SchoolHoliday.zone == zone).order_by(SchoolHoliday.first_day)
    return db.session.scalars(query if source is None else query.where(SchoolHoliday.source == source)).all()


@pytest.fixture
def autumn(ctx):
    from datetime import UTC, datetime

    clock.stop_at(datetime(2026, 11, 23, 9, tzinfo=UTC))
    yield
    clock.reset()


def test_a_new_town_has_holidays_reasons_and_papers_and_keeps_what_it_changes(autumn):
    with unit_of_work():
        seed()
    assert {row.title for row in db.session.scalars(select(AbsenceReason))} >= {"Maladie", "Autre"}
    assert db.session.scalar(select(PaperType).where(PaperType.health)) is not None
    days = [(row.name, row.first_day.isoformat(), row.last_day.isoformat()) for row in kept()]
    assert ("Vacances de Noël", "2026-12-19", "2027-01-03") in days and ("Vacances de la Toussaint", "2026-10-17", "2026-11-01") in days
    assert [row.zone for row in kept("a")] and not kept("corse")
    before = db.session.query(SchoolHoliday).count()
    with unit_of_work() as session:
        session.delete(session.scalar(select(AbsenceReason).where(AbsenceReason.title == "Autre")))
        seed()
    assert db.session.query(SchoolHoliday).count() == before
    assert db.session.scalar(select(AbsenceReason).where(AbsenceReason.title == "Autre")) is None


def test_the_official_calendar_wins_over_what_was_worked_out_and_over_the_town(autumn):
    with unit_of_work() as session:
        school.work_out()
        rule = session.scalar(select(SchoolHoliday).where(SchoolHoliday.zone == "c", SchoolHoliday.name == "Vacances de Noël"))
        rule.source, rule.name = HolidaySource.town, "Noël"
    with unit_of_work():
        assert school.take_over(official(), by="test") == 6
    year = [row for row in kept() if date(2026, 9, 1) <= row.first_day <= date(2027, 8, 31)]
    assert {row.source for row in year} == {HolidaySource.official}
    assert dates([school._as_holiday(row) for row in year]) == dates(official())[:3]
    assert kept("a", HolidaySource.rule), "the file said nothing of zone A"
    with unit_of_work():
        assert school.work_out() == 0, "nothing worked out comes back beside the official dates"
        assert school.take_over(official(), by="test") == 0, "twice is once"


def test_a_year_without_its_summer_keeps_the_summer_that_was_worked_out(autumn):
    with unit_of_work():
        school.work_out()
        school.take_over(official(LINES[:3]), by="test")
    rules = [row.name for row in kept("c", HolidaySource.rule) if row.first_day < date(2027, 9, 1)]
    assert rules == ["Vacances d'été"]


def test_years_gone_by_are_left_out(autumn):
    past = "Vacances de Noël;-;2019-12-20T23:00:00+00:00;2020-01-05T23:00:00+00:00;Créteil;Zone C;2019-2020"
    assert [one.what for one in school.differences(official([past, LINES[2]]))] == ["new"]


def test_holidays_travel_through_a_form(ctx):
    found = official()
    assert school.unsealed(school.sealed(found)) == found and {one.zone for one in found} == {Zone.c, Zone.guadeloupe, Zone.reunion}


def test_the_worker_foresees_the_holidays(autumn):
    from app.jobs.housekeeping import foresee_school_holidays

    assert foresee_school_holidays() > 0 and foresee_school_holidays() == 0

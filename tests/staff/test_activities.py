"""Can a clerk set up an activity: its days, deadlines, units, groups, places, its calendar?"""

import io
from datetime import date

import pytest
from sqlalchemy import select

from app.activities.models import (
    AbsenceReason,
    Activity,
    ActivityGroup,
    CalendarException,
    HolidaySource,
    PaperType,
    PaperValidity,
    Places,
    SchoolHoliday,
    Season,
    Unit,
    UnitConflict,
    Whose,
)
from app.audit.models import LogEntry
from app.children.models import School
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from tests.conftest import base_of, counted_queries

CANTEEN = {
    "name": "Cantine neuve",
    "kind": "canteen",
    "season": "school",
    "position": "1",
    "open": "y",
    "weekdays": ["1", "2", "4", "5"],
    "booking_rule": "week",
    "booking_rule-weekday": "4",
    "booking_rule-week-at": "12:00",
    "booking_rule-weeks": "1",
    "cancelling_rule": "days",
    "cancelling_rule-days": "2",
    "cancelling_rule-days-at": "12:00",
    "cancelling_rule-skip": ["weekends", "holidays"],
    "offer_hours": "24",
}


@pytest.fixture
def clerk(sign_in):
    return sign_in("agent")


@pytest.fixture
def look(app):
    """Read the database after a request, apart from it."""

    def read(query):
        with app.test_request_context("/"):
            return db.session.scalars(query).unique().all()

    return read


@pytest.fixture
def write(app):
    """Rows that a test begins with; returns their ids."""

    def rows(*made):
        with app.test_request_context("/"), unit_of_work() as session:
            session.add_all(made)
            session.flush()
            return [row.id for row in made]

    return rows


def save(client, path, **values):
    return client.post(path, data={"base": base_of(client.get(path).text), **values})


def activity(**more):
    from app.activities.models import ActivityKind

    return Activity(**{"name": "Cantine neuve", "kind": ActivityKind.canteen, **more})


def test_a_new_activity_with_its_deadlines(clerk, look, write):
    (paper,) = write(PaperType(name="Assurance", whose=Whose.child, validity=PaperValidity.unlimited))
    answer = save(clerk, "/mairie/activites/ajouter", **CANTEEN, papers=[str(paper)])
    assert answer.status_code == 302
    page = clerk.get(answer.location).text
    assert "Until Thursday 12:00 for the next week." in page and "Until 12:00, 2 working days before." in page and "Assurance" in page
    (row,) = look(select(Activity).where(Activity.name == "Cantine neuve"))
    assert row.weekdays == [1, 2, 4, 5] and row.season is Season.school and row.waiting_list is False
    assert row.booking_rule == {"mode": "week", "weekday": 4, "at": "12:00", "weeks": 1, "skip": []}
    assert row.cancelling_rule == {"mode": "days", "days": 2, "at": "12:00", "skip": ["weekends", "holidays"]}
    (entry,) = look(select(LogEntry).where(LogEntry.verb == "activity.add"))
    assert entry.actor == "Agent Mairie"


def test_a_table_of_deadlines(clerk, look):
    lines = {"booking_rule": "table", "booking_rule-1-weekday": "5", "booking_rule-1-at": "11:00", "booking_rule-2-weekday": "1"}
    assert save(clerk, "/mairie/activites/ajouter", **{**CANTEEN, **lines}).status_code == 422, "a line without a time"
    answer = save(clerk, "/mairie/activites/ajouter", **{**CANTEEN, **lines, "booking_rule-2-at": "11:00"})
    assert answer.status_code == 302
    (row,) = look(select(Activity).where(Activity.name == "Cantine neuve"))
    assert row.booking_rule == {"mode": "table", "days": {"1": [5, "11:00"], "2": [1, "11:00"]}, "skip": []}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": ""}, "Please fill this in."),
        ({"weekdays": []}, "Choose one at least."),
        ({"min_age": "9", "max_age": "3"}, "The greatest age is not below the least."),
        ({"starts_on": "2026-09-01", "ends_on": "2026-08-01"}, "The last day does not lie before the first."),
        ({"offer_hours": "0"}, "Between 1 and 240."),
        ({"booking_rule-week-at": ""}, "Until what time? For instance 12:00."),
        ({"booking_rule-weeks": "99"}, "How many weeks before? Between 0 and 8."),
        ({"cancelling_rule-days": "many"}, "How many days before? Between 0 and 30."),
        ({"booking_rule": "whenever"}, "Choose how the deadline is counted."),
    ],
)
def test_bad_input_gets_a_sentence_and_loses_nothing(clerk, look, wrong, sentence):
    typed = {**CANTEEN, "description": "Un repas chaud chaque midi", **wrong}
    answer = save(clerk, "/mairie/activites/ajouter", **typed)
    assert answer.status_code == 422 and sentence in answer.text and "Un repas chaud chaque midi" in answer.text
    assert 'value="days" checked' in answer.text and not look(select(Activity).where(Activity.name == "Cantine neuve"))


def test_the_form_shows_what_an_activity_has_and_changes_what_was_changed(clerk, sign_in, look, write):
    rule = {"mode": "table", "days": {"1": [5, "11:00"]}, "skip": ["closed"]}
    (number,) = write(activity(booking_rule=rule))
    path = f"/mairie/activites/{number}/modifier"
    page = clerk.get(path).text
    assert 'value="table" checked' in page and 'value="11:00"' in page and "For Monday: until Friday 11:00." in page
    sent = {**CANTEEN, "booking_rule": "table", "booking_rule-1-weekday": "5", "booking_rule-1-at": "11:00", "booking_rule-skip": "closed"}
    assert save(clerk, path, **{**sent, "offer_hours": "6"}).status_code == 302
    (row,) = look(select(Activity).where(Activity.id == number))
    assert row.booking_rule == rule and row.offer_hours == 6 and row.cancelling_rule["mode"] == "days"
    (entry,) = look(select(LogEntry).where(LogEntry.verb == "activity.edit"))
    assert "booking_rule" not in entry.changes and "cancelling_rule" in entry.changes
    log = sign_in("admin").get(f"/mairie/journal/{entry.id}/").text
    assert "Until 12:00, 2 working days before." in log and "{" not in log.split("To cancel without being charged")[1][:600]


def test_two_activities_of_one_name_are_refused(clerk, write):
    write(activity())
    assert "Another activity has this name." in save(clerk, "/mairie/activites/ajouter", **CANTEEN).text


def test_units_and_those_that_exclude_each_other(clerk, look, write):
    (number,) = write(activity())
    unit = {"activity_id": str(number), "kind": "half_day", "position": "1"}
    assert save(clerk, "/mairie/unites/ajouter", **unit, name="Matin", starts_at="08:00", ends_at="12:00").status_code == 302
    (morning,) = look(select(Unit.id).where(Unit.name == "Matin"))
    whole = {**unit, "kind": "day", "name": "Journée", "conflicts": [str(morning)], "with_meal": "y"}
    assert save(clerk, "/mairie/unites/ajouter", **whole).status_code == 302
    (row,) = look(select(Unit).where(Unit.name == "Journée"))
    assert row.with_meal and len(look(select(UnitConflict))) == 1
    page = clerk.get(f"/mairie/unites/?activity={number}").text
    assert "Cantine neuve · Journée" in page and "08:00 – 12:00" in page
    assert save(clerk, f"/mairie/unites/{row.id}/modifier", **{**whole, "conflicts": []}).status_code == 302
    assert not look(select(UnitConflict))
    assert (
        "It does not end before it begins."
        in save(clerk, "/mairie/unites/ajouter", **unit, name="Soir", starts_at="18:00", ends_at="16:30").text
    )
    assert "This activity has a unit of this name already." in save(clerk, "/mairie/unites/ajouter", **unit, name="Matin").text


def test_groups_and_places(clerk, look, write):
    first, second = write(activity(), activity(name="Mercredi neuf"))
    (unit, other) = write(
        Unit(activity_id=first, name="Repas", kind=_kind("meal")), Unit(activity_id=second, name="Journée", kind=_kind("day"))
    )
    group = {"activity_id": str(first), "name": "Maternelle", "min_age": "3", "max_age": "5", "position": "1"}
    assert save(clerk, "/mairie/groupes/ajouter", **group).status_code == 302
    (number,) = look(select(ActivityGroup.id))
    places = {"group_id": str(number), "unit_id": str(unit), "places": "40"}
    assert save(clerk, "/mairie/places/ajouter", **places).status_code == 302
    assert "already: change that one" in save(clerk, "/mairie/places/ajouter", **places).text
    assert save(clerk, "/mairie/places/ajouter", **{**places, "day": "2027-01-05", "places": "0"}).status_code == 302
    assert "different activities" in save(clerk, "/mairie/places/ajouter", **{**places, "unit_id": str(other)}).text
    assert [row.places for row in look(select(Places).order_by(Places.id))] == [40, 0]
    together = {"group_id": str(number), "unit_id": "", "places": "55"}
    assert save(clerk, "/mairie/places/ajouter", **together).status_code == 302
    assert "for all units together already" in save(clerk, "/mairie/places/ajouter", **together).text
    assert save(clerk, "/mairie/places/ajouter", **{**together, "day": "2027-01-05"}).status_code == 302
    page = clerk.get("/mairie/places/").text
    assert page.count("all units together") == 2
    shared = look(select(Places).filter_by(unit_id=None, day=None))[0].id
    assert save(clerk, f"/mairie/places/{shared}/modifier", **{**together, "unit_id": str(other)}).status_code == 422
    assert save(clerk, f"/mairie/places/{shared}/modifier", **{**together, "places": "50"}).status_code == 302
    page = clerk.get(f"/mairie/activites/{first}/").text
    assert "Maternelle" in page and "Repas: 40 places" in page
    assert "every day" in clerk.get("/mairie/places/").text
    assert "3 to 5" in clerk.get("/mairie/groupes/").text


def _kind(name):
    from app.activities.models import UnitKind

    return UnitKind[name]


def test_what_is_used_is_not_deleted_and_what_is_not_is(clerk, look, write):
    number, free = write(activity(), activity(name="Jamais ouverte"))
    with_unit = write(Unit(activity_id=number, name="Repas", kind=_kind("meal")))
    assert clerk.post(f"/mairie/activites/{free}/supprimer").status_code == 302
    assert clerk.post(f"/mairie/activites/{number}/supprimer").status_code == 302
    assert not look(select(Activity).where(Activity.id.in_([number, free]))) and not look(select(Unit).where(Unit.id.in_(with_unit)))


def test_closed_and_open_days_show_in_the_month(clerk, look, write, app):
    (number,) = write(activity())
    with app.test_request_context("/"):
        school = db.session.scalar(select(School.id))
    days = {"first_day": "2027-01-11", "last_day": "2027-01-12", "reason": "Grève de la cantine", "activity_id": str(number)}
    assert save(clerk, "/mairie/jours-fermes/ajouter", **days, school_id=str(school)).status_code == 302
    assert look(select(CalendarException))[0].open is False
    month = f"/mairie/calendrier/?activity={number}&month=2027-01"
    assert "Grève de la cantine" in clerk.get(f"{month}&school={school}").text
    assert "Grève de la cantine" not in clerk.get(month).text
    answer = save(clerk, "/mairie/jours-fermes/ajouter", **{**days, "last_day": "2027-01-10"})
    assert answer.status_code == 422 and "does not lie before the first" in answer.text
    assert "Grève de la cantine" in clerk.get("/mairie/jours-fermes/").text


@pytest.mark.parametrize("month", ["", "soon", "2026-13", "0001-01", "9999-12", "2026-11", "2028-02"])
def test_any_month_can_be_asked_for(clerk, write, month):
    (number,) = write(activity())
    assert clerk.get(f"/mairie/calendrier/?month={month}&activity={number}&school=x").status_code == 200


def test_a_month_without_an_activity(sign_in):
    assert sign_in("lecteur").get("/mairie/calendrier/").status_code == 200


def test_a_month_costs_few_queries(clerk, write, app):
    (number,) = write(activity())
    with app.test_request_context("/"), counted_queries() as asked:
        clerk.get(f"/mairie/calendrier/?activity={number}")
    assert len(asked) <= 9, asked


CSV = (
    "description;population;start_date;end_date;location;zones;annee_scolaire\r\n"
    "Vacances de Noël;-;2026-12-18T23:00:00+00:00;2027-01-03T23:00:00+00:00;Créteil;Zone C;2026-2027\r\n"
)


@pytest.fixture
def autumn():
    from datetime import UTC, datetime

    clock.stop_at(datetime(2026, 11, 23, 9, tzinfo=UTC))


def upload(client, content, name="fr-en-calendrier-scolaire.csv"):
    return client.post("/mairie/calendrier-officiel/", data={"file": (io.BytesIO(content), name)}, content_type="multipart/form-data")


def token_of(page):
    import re

    return re.search(r'name="token" value="([^"]+)"', page).group(1)


def test_the_official_calendar_is_shown_first_and_written_after(clerk, look, write, autumn):
    write(SchoolHoliday(zone="c", name="Noël", first_day=date(2026, 12, 19), last_day=date(2027, 1, 3), source=HolidaySource.rule))
    page = upload(clerk, CSV.encode("utf-8-sig")).text
    assert "1 holiday will be written." in page and "worked out" in page
    assert [row.name for row in look(select(SchoolHoliday))] == ["Noël"], "nothing is written before"
    answer = clerk.post("/mairie/calendrier-officiel/reprendre", data={"token": token_of(page)}, follow_redirects=True)
    assert "1 holiday taken over." in answer.text and "official calendar" in answer.text
    (row,) = look(select(SchoolHoliday))
    assert (row.first_day, row.last_day, row.source) == (date(2026, 12, 20), date(2027, 1, 3), HolidaySource.official)
    assert look(select(LogEntry).where(LogEntry.verb == "school_holiday.imported"))
    assert "Everything in this file is known already." in upload(clerk, CSV.encode()).text


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"a;b;c;d\r\n1;2;3;4", CSV.encode().replace(b"2026-12-18T", b"someday-")])
def test_a_wrong_file_gets_a_sentence(clerk, look, autumn, content):
    answer = upload(clerk, content)
    assert answer.status_code == 422 and "field-error" in answer.text and not look(select(SchoolHoliday))


def test_no_file_and_a_forged_token(clerk, look, autumn):
    assert "Choose the file first." in clerk.post("/mairie/calendrier-officiel/", data={}).text
    assert "Choose the file again." in clerk.post("/mairie/calendrier-officiel/reprendre", data={"token": "x"}, follow_redirects=True).text
    assert not look(select(SchoolHoliday))


def test_who_may_not_edit_does_not_import(sign_in):
    for name in ("lecteur", "animateur"):
        assert upload(sign_in(name), CSV.encode()).status_code == 403
        assert sign_in(name).post("/mairie/calendrier-officiel/reprendre", data={"token": "x"}).status_code == 403


def test_a_holiday_written_by_hand_is_the_towns(clerk, look):
    values = {"zone": "c", "name": "Pont", "first_day": "2027-05-07", "last_day": "2027-05-07"}
    assert save(clerk, "/mairie/vacances-scolaires/ajouter", **values).status_code == 302
    assert look(select(SchoolHoliday))[0].source is HolidaySource.town
    assert "entered by the town" in clerk.get("/mairie/vacances-scolaires/?zone=c").text
    assert "Pont" not in clerk.get("/mairie/vacances-scolaires/?zone=a").text


def test_a_paper_for_some_months_says_how_many(clerk, look):
    values = {"name": "Certificat", "whose": "child", "validity": "months"}
    answer = save(clerk, "/mairie/types-de-pieces/ajouter", **values)
    assert answer.status_code == 422 and "For how many months is this paper good?" in answer.text
    assert save(clerk, "/mairie/types-de-pieces/ajouter", **values, months="6", health="y").status_code == 302
    assert look(select(PaperType).where(PaperType.name == "Certificat"))[0].health
    assert "6 months" in clerk.get("/mairie/types-de-pieces/").text


def test_a_reason_for_an_absence(clerk, look):
    values = {"title": "Maladie", "rank": "1", "takes_certificate": "y", "open": "y"}
    assert save(clerk, "/mairie/motifs-absence/ajouter", **values).status_code == 302
    (row,) = look(select(AbsenceReason).where(AbsenceReason.title == "Maladie"))
    assert row.takes_certificate and not row.never_charged and row.title_en == ""


def test_the_settings_have_the_zone(sign_in):
    page = sign_in("admin").get("/mairie/reglages/").text
    assert "School zone" in page and "Zone A" in page and "Nouvelle Calédonie" in page


def test_lists_cost_few_queries(clerk, write, app):
    for number in range(8):
        (one,) = write(activity(name=f"Activité {number}"))
        (unit,) = write(Unit(activity_id=one, name="Repas", kind=_kind("meal")))
        (group,) = write(ActivityGroup(activity_id=one, name="Tous"))
        write(Places(group_id=group, unit_id=unit, places=3))
    for path in ("activites", "unites", "groupes", "places", "jours-fermes", "vacances-scolaires", "types-de-pieces", "motifs-absence"):
        with app.test_request_context("/"), counted_queries() as asked:
            assert clerk.get(f"/mairie/{path}/").status_code == 200
        assert len(asked) <= 10, (path, asked)

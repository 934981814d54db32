"""Does a clerk read who stands in line for a day, in which order, and does the forecast count them?"""

import re
from datetime import date

import pytest

from app.changes.operations import withdraw
from app.core import clock
from app.core.db import unit_of_work
from app.core.i18n import in_locale
from tests.activities import cast
from tests.activities.cast import NEXT_MONDAY
from tests.conftest import account, counted_queries
from tests.factories import make_request, request_of

LISTS = "/mairie/listes-attente/"


@pytest.fixture
def line(app, activities):
    """Of a day with one place Tom has it, Léa and two others wait; ids of their requests, in that order."""
    with app.test_request_context("/"), in_locale("en"):
        cast.places(activities.table, activities.meal, 1, NEXT_MONDAY)
        others = [cast.another_child(name, activities.galbert) for name in ("Zoé", "Ugo")]
        for number in others:
            cast.enrol(number, activities.galbert, activities.canteen)
        found, day = [], {"unit_id": activities.meal, "day": NEXT_MONDAY}
        for child in (activities.tom, activities.lea, *others):
            found.append(make_request("booking", activities.galbert, day, act="add", child_id=child))
            clock.advance(minutes=1)
        return found


def of_monday(town):
    return f"?unit={town.meal}&group={town.table}&day={NEXT_MONDAY}"


def numbers(page):
    """[first name, rank] of the rows of a page."""
    return re.findall(r">(Léa|Tom|Zoé|Ugo) Galbert<.*?<td[^>]*>.*?(\d|empty)", page, re.S)


def test_a_day_has_its_list(app, sign_in, activities, line):
    page = sign_in("agent").get(LISTS + of_monday(activities)).text
    assert "Places taken: 1 of 1." in page and "Everybody, Monday" in page
    assert numbers(page) == [("Léa", "1"), ("Zoé", "2"), ("Ugo", "3")]
    assert "Tom Galbert" not in page


def test_who_has_the_word_stands_first(app, sign_in, activities, line):
    with app.test_request_context("/"), in_locale("en"), unit_of_work():
        withdraw(request_of(line[0]), by=account("galbert"))
    page = sign_in("agent").get(LISTS + of_monday(activities)).text
    assert "offered until" in page
    assert numbers(page) == [("Léa", "empty"), ("Zoé", "1"), ("Ugo", "2")]


def test_the_household_and_the_request_are_for_those_who_may(app, sign_in, activities, line):
    with app.app_context():
        number = request_of(line[1]).lot.number
    shown = {name: sign_in(name).get(LISTS).text for name in ("agent", "regisseur", "animateur", "lecteur")}
    assert all("Léa" in page for page in shown.values())
    assert [name for name, page in shown.items() if number in page] == ["agent"]
    assert [name for name, page in shown.items() if ">Family<" in page] == ["agent", "regisseur"]


def test_a_list_leaves_as_a_file_and_may_be_empty(app, sign_in, activities, line):
    client = sign_in("agent")
    text = client.get(f"{LISTS}export.csv{of_monday(activities)}").text
    assert "Léa" in text and "waits" in text and "<a" not in text
    assert "Nobody waits for a place." in client.get(f"{LISTS}?day={cast.NEXT_TUESDAY}&unit={activities.meal}").text
    assert client.get(f"{LISTS}?day=tomorrow&unit=x&group=99999").status_code == 200


def test_it_is_reached_from_the_request_and_from_the_forecast(app, sign_in, activities, line):
    client = sign_in("agent")
    with app.app_context():
        lot = request_of(line[1]).lot_id
    clock.advance(minutes=11)
    assert f"{LISTS}?unit={activities.meal}&amp;day={NEXT_MONDAY}" in client.get(f"/mairie/demandes/{lot}/").text
    assert f"{LISTS}{of_monday(activities)}".replace("&", "&amp;") in client.get("/mairie/previsions/").text


def test_the_forecast_counts_booked_asked_and_waiting(app, sign_in, activities, line):
    with app.app_context():
        cast.book(activities.hugo, activities.martin, activities.meal, NEXT_MONDAY, group_id=activities.table)
    page = sign_in("agent").get(f"/mairie/previsions/?activity={activities.canteen}").text
    (row,) = re.findall(r'<th scope="row">Mon,? 30 Nov</th>(.*?)</tr>|<th scope="row">Mon,? Nov 30</th>(.*?)</tr>', page)
    cells = [re.sub(r"<[^>]+>", "", cell).split()[:1] for cell in re.findall(r"<td>(.*?)</td>", "".join(row), re.S)]
    assert cells == [["1"], ["1"], ["3"], ["1"], ["full"]]


def test_the_forecast_counts_units_that_share_their_places(app, sign_in, activities):
    with app.app_context():
        cast.places(activities.big, None, 2)
        children = [cast.another_child(name, activities.galbert, born=date(2018, 5, 5)) for name in ("Ada", "Bo")]
        cast.book(children[0], activities.galbert, activities.morning, cast.NEXT_WEDNESDAY, group_id=activities.big)
        cast.book(children[1], activities.galbert, activities.day, cast.NEXT_WEDNESDAY, group_id=activities.big)
    client = sign_in("agent")
    page = client.get(f"/mairie/previsions/?activity={activities.wednesday}").text
    sections = dict(re.findall(r'<h2 id="chart-\d+">(.*?)</h2>(.*?)</section>', page, re.S))
    assert {"Morning + Day, 6 to 11 years", "Afternoon + Day, 6 to 11 years"} <= set(sections)
    assert _numbers(sections["Morning + Day, 6 to 11 years"]) == ["2", "0", "0", "2", "full"]
    assert _numbers(sections["Afternoon + Day, 6 to 11 years"]) == ["1", "0", "0", "2", "1"]
    assert _numbers(sections["Day, 6 to 11 years"]) == ["1", "0", "0", "24", "full"], "the least of all"
    client.get("/mairie/previsions/")
    with app.app_context(), counted_queries() as statements:
        client.get(f"/mairie/previsions/?activity={activities.wednesday}")
    assert len(statements) <= 8


def _numbers(section):
    (row,) = re.findall(r'<th scope="row">Wed,? (?:2 Dec|Dec 2)</th>(.*?)</tr>', section, re.S)
    return [re.sub(r"<[^>]+>", "", cell).split()[0] for cell in re.findall(r"<td>(.*?)</td>", row, re.S)]


def test_it_costs_few_queries(app, sign_in, activities, line):
    client = sign_in("agent")
    for path in (LISTS, LISTS + of_monday(activities), "/mairie/previsions/"):
        client.get(path)
        with app.app_context(), counted_queries() as statements:
            client.get(path)
        assert len(statements) <= 8, path

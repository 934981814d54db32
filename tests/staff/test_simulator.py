"""Can a clerk try a tariff on a household and on the town, and take the figures away?"""

import re

import pytest

from app.core import clock
from app.jobs import housekeeping
from tests.billing import cast

PAGE, TOWN = "/mairie/tarifs/simulateur/", "/mairie/tarifs/simulateur/commune"


@pytest.fixture
def clerk(sign_in, billed):
    return sign_in("agent")


def base(client, url=PAGE):
    from tests.conftest import base_of

    return base_of(client.get(url).text)


def tried(client, **typed):
    return client.post(PAGE, data={"base": base(client), "day": "2026-11-26", **typed})


def cells(page):
    """The rows of the answer as texts."""
    section = page.text.partition('id="result"')[2]
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", section, re.S)
    return [re.sub(r"\s+", " ", re.sub(r"<details.*?</details>|<[^>]+>", " ", row, flags=re.S)).strip() for row in rows]


def test_a_household_that_is_described(clerk, billed):
    page = tried(clerk, grid_id=billed.canteen_grid, quotient="500", residence="exterior")
    assert page.status_code == 200
    assert cells(page) == ["A child Meal €5.00 €5.00 €0.00"]
    assert "Family quotient 500." in page.text


def test_every_child_of_a_family_by_a_tariff_that_is_not_in_force(app, clerk, billed):
    with app.app_context():
        tomorrow = cast.grid(billed.canteen, cast.table([cast.Column("Meal")], [("all", "0", None, ["3.00"])]), cast.date(2027, 1, 1))
    page = tried(clerk, grid_id=tomorrow, family_id="Galbert", day="2027-01-05")
    assert cells(page) == ["Léa Galbert Meal €3.00 €3.00 €0.00", "Tom Galbert Meal €3.00 €3.00 €0.00"]
    page = tried(clerk, grid_id=tomorrow, family_id="Galbert")
    assert cells(page) == ["Léa Galbert Meal €3.80 €3.00 -€0.80", "Tom Galbert Meal €3.80 €3.00 -€0.80"]


def test_what_is_typed_counts_instead_of_the_file(clerk, billed):
    page = tried(clerk, grid_id=billed.canteen_grid, family_id="Galbert", quotient="100")
    assert cells(page)[0].startswith("Léa Galbert Meal €1.00")


@pytest.mark.parametrize(
    "typed", [{}, {"grid_id": "999999"}, {"grid_id": "abc"}, {"children": "0"}, {"quotient": "much"}, {"day": "2026-13-45"}]
)
def test_nonsense_gets_a_sentence_and_loses_nothing(clerk, billed, typed):
    page = tried(
        clerk, **{"grid_id": billed.canteen_grid, "rank": "3", **typed} if "grid_id" not in typed and typed else {"rank": "3", **typed}
    )
    assert page.status_code == 422
    assert 'value="3"' in page.text


def test_the_page_begins_with_the_tariff_that_it_was_opened_for(clerk, billed):
    page = clerk.get(f"{PAGE}?grid={billed.evening_grid}")
    assert f'<option selected value="{billed.evening_grid}">' in page.text


def computed(client, grid_id, month="2026-10"):
    """The address of a simulation of the town."""
    answer = client.post(TOWN, data={"grid": grid_id, "month": month})
    assert answer.status_code == 303
    return answer.headers["Location"]


def cheaper():
    """A table of the canteen that takes a euro of everybody below a quotient of 800, and three of everybody else."""
    rows = [("jusqu'à 800", "0", "800", ["1.00"]), ("plus de 800", "800.01", None, ["3.00"])]
    return cast.table([cast.Column("Meal")], rows)


def test_the_town(clerk, billed):
    page = clerk.get(computed(clerk, billed.canteen_grid))
    assert page.status_code == 200
    assert page.text.count("€51.50") >= 2
    assert "de 400,01 à 800" in page.text
    assert "No household would pay anything else." in page.text


def test_page_and_files_come_of_one_computation(clerk, billed, monkeypatch):
    from app.staff import simulator

    url = computed(clerk, billed.canteen_grid)
    monkeypatch.setattr(simulator, "simulate", None)
    assert clerk.get(url).status_code == 200
    for name in ("tranches", "familles"):
        assert [clerk.get(f"{url}{name}.{kind}").status_code for kind in ("csv", "xlsx")] == [200, 200]


def test_whose_bill_would_change_most(app, clerk, billed):
    with app.app_context():
        tried = cast.grid(billed.canteen, cheaper(), cast.date(2027, 1, 1))
    url = computed(clerk, tried)
    section = clerk.get(url).text.partition('id="changes"')[2]
    rows = [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)).strip() for row in re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", section)]
    assert rows == [
        "Galbert F00001 €25.50 €9.00 -€16.50 de 400,01 à 800 → jusqu&#39;à 800 720",
        "Petit F00003 €21.00 €9.00 -€12.00 plus de 1 200 → plus de 800 none",
        "Martin F00002 €5.00 €2.00 -€3.00 de 400,01 à 800 → jusqu&#39;à 800 450",
    ]
    # No file says what a household earns.
    assert clerk.get(f"{url}familles.csv").text.splitlines()[1:] == [
        "F00001;Galbert;25.50;9.00;-16.50",
        "F00003;Petit;21.00;9.00;-12.00",
        "F00002;Martin;5.00;2.00;-3.00",
    ]


def test_a_simulation_is_kept_for_two_days(app, clerk, billed):
    url = computed(clerk, billed.canteen_grid)
    clock.advance(days=3)
    with app.app_context():
        housekeeping.sweep_files()
    assert clerk.get(url).status_code == 404


@pytest.mark.parametrize("query", ["", "?grid=999999", "?grid=abc", "?grid=99999999999999"])
def test_an_address_without_sense_shows_the_form(clerk, query):
    assert clerk.get(TOWN + query).status_code == 200


@pytest.mark.parametrize(
    "typed", [{}, {"grid": "999999", "month": "2026-10"}, {"grid": "abc"}, {"month": "2026-99"}, {"grid": "99999999999999", "month": "x"}]
)
def test_what_cannot_be_computed_gets_a_sentence(clerk, typed):
    page = clerk.post(TOWN, data=typed)
    assert page.status_code == 422
    assert "Choose a tariff and a month." in page.text


def test_a_month_without_places_says_so(clerk, billed):
    assert "Nobody had a place" in clerk.get(computed(clerk, billed.canteen_grid, "2026-07")).text


def test_the_figures_leave_as_a_file(clerk, billed):
    answer = clerk.get(computed(clerk, billed.canteen_grid) + "tranches.csv")
    assert answer.status_code == 200
    assert "de 400,01 à 800;2;11;30.50;30.50;0.00" in answer.text
    assert "Together;3;14;51.50;51.50;0.00" in answer.text


def test_no_other_file_is_taken_for_a_simulation(clerk, billed):
    assert clerk.get(f"{TOWN}/999999/").status_code == 404


@pytest.mark.parametrize(
    ("who", "status"), [("lecteur", 403), ("animateur", 403), ("regisseur", 200), ("admin", 200), ("galbert", 403), (None, 302)]
)
def test_who_may_try(sign_in, billed, who, status):
    client = sign_in(who)
    assert client.get(PAGE).status_code == status
    assert client.get(TOWN).status_code == status

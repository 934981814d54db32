"""Can a clerk try a tariff on a household and on the town, and take the figures away?"""

import errno
import re

import pytest
from sqlalchemy import select

from app.activities.models import Mark
from app.billing import simulated
from app.billing.grids import grid_to_json
from app.billing.models import FamilyTask, RunState, TariffGrid
from app.billing.tasks import go_on_with_tasks
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.jobs import housekeeping
from tests.billing import cast
from tests.conftest import counted_queries

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
    url = computed(clerk, billed.canteen_grid)
    monkeypatch.setattr(simulated, "simulate_some", None)
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


# -- by the worker, a round of households at a time -------------------------------------------------------------------------------------


@pytest.fixture
def rounds(monkeypatch):
    """A town of which one round is not enough."""
    monkeypatch.setattr(simulated, "AT_ONCE", 1)


def the_task(app):
    with app.app_context():
        (task,) = db.session.scalars(select(FamilyTask)).all()
        db.session.expunge(task)
        return task


def work(app):
    """One round of the worker."""
    with app.test_request_context("/"):
        return go_on_with_tasks()


def test_a_large_town_is_simulated_by_the_worker_with_progress(app, clerk, billed, rounds):
    url = computed(clerk, billed.canteen_grid)
    page = clerk.get(url).text
    assert "Canteen, since 1 September 2026, October 2026: being computed" in page and "1 of 3 households" in page
    assert 'http-equiv="refresh"' in page and "You may leave this page" in page
    assert "being computed" in clerk.get(TOWN).text
    progress = re.search(r'data-progress="([^"]+)"', page).group(1)
    assert clerk.get(progress).json["said"] == "1 of 3 households"
    assert clerk.get(f"{url}tranches.csv").status_code == 404
    work(app)
    assert clerk.get(progress).json == {"done": 2, "running": True, "said": "2 of 3 households", "silent": True, "total": 3}
    work(app)
    assert clerk.get(url).text.count("€51.50") >= 2
    assert "Together;3;14;51.50;51.50;0.00" in clerk.get(f"{url}tranches.csv").text
    assert url in clerk.get(TOWN).text and "being computed" not in clerk.get(TOWN).text


def test_the_same_simulation_is_computed_once(app, clerk, billed, rounds):
    url = computed(clerk, billed.canteen_grid)
    assert computed(clerk, billed.canteen_grid) == url
    assert the_task(app).done == 1
    # Another one waits for its turn.
    assert computed(clerk, billed.canteen_grid, "2026-11") != url
    while work(app):
        pass
    assert computed(clerk, billed.canteen_grid) == url
    assert "Compute again" not in clerk.get(url).text


def booked_since(town):
    cast.booked(town.lea, town.galbert, town.meal, cast.date(2026, 10, 15))


def noted_since(town):
    cast.attended(town.hugo, town.meal, cast.date(2026, 10, 13), Mark.absent)


def granted_since(town):
    cast.helped(town.galbert, percent=50, first=cast.date(2026, 10, 1))


@pytest.mark.parametrize("change", [booked_since, noted_since, granted_since])
def test_a_month_that_changed_since_says_so_and_is_computed_again(app, clerk, billed, change):
    url = computed(clerk, billed.canteen_grid)
    with app.app_context():
        change(billed)
    page = clerk.get(url).text
    assert "Bookings, attendance or what households are granted have changed since." in page and "Compute again" in page
    assert "The tariffs have changed" not in page
    again = computed(clerk, billed.canteen_grid)
    assert again != url and "have changed since" not in clerk.get(again).text


def test_what_happens_in_another_month_changes_nothing(app, clerk, billed):
    url = computed(clerk, billed.canteen_grid)
    with app.app_context():
        cast.booked(billed.lea, billed.galbert, billed.meal, cast.date(2026, 11, 9))
        cast.quotient(billed.martin, "900", cast.date(2026, 11, 1))
    assert "have changed since" not in clerk.get(url).text


def test_a_tariff_that_changed_since_says_so(app, clerk, billed):
    with app.app_context():
        tried = cast.grid(billed.canteen, cheaper(), cast.date(2027, 1, 1))
    url = computed(clerk, tried)
    with app.app_context(), unit_of_work():
        db.session.get(TariffGrid, tried).content = grid_to_json(cast.canteen_grid())
    page = clerk.get(url).text
    assert "The tariffs have changed since." in page and "Bookings, attendance" not in page
    with app.app_context(), unit_of_work():
        db.session.delete(db.session.get(TariffGrid, tried))
    page = clerk.get(url).text
    assert "The tariff tried was deleted since." in page and "Compute again" not in page


def test_a_simulation_can_be_stopped(app, clerk, billed, rounds):
    url = computed(clerk, billed.canteen_grid)
    assert clerk.post(f"{url}arreter").status_code == 303
    assert "This simulation was stopped" in clerk.get(url).text
    assert work(app) == 0
    assert (the_task(app).state, the_task(app).files) == (RunState.stopped, [])
    again = computed(clerk, billed.canteen_grid)
    assert again != url
    while work(app):
        pass
    assert clerk.post(f"{again}arreter").status_code == 409
    assert "€51.50" in clerk.get(again).text


def test_a_tariff_that_is_deleted_meanwhile_ends_its_simulation(app, clerk, billed, rounds):
    url = computed(clerk, billed.canteen_before)
    with app.app_context(), unit_of_work():
        db.session.delete(db.session.get(TariffGrid, billed.canteen_before))
    assert work(app) == 1 and work(app) == 0
    assert "The tariff tried was deleted since." in clerk.get(url).text


def test_a_simulation_that_fails_says_so_and_holds_up_nobody(app, clerk, billed, rounds, monkeypatch):
    def fails(*_given):
        raise ValueError("broken")

    url = computed(clerk, billed.canteen_grid)
    monkeypatch.setattr(simulated, "simulate_some", fails)
    work(app)
    assert "could not be computed" in clerk.get(url).text
    assert work(app) == 0


def test_a_simulation_waits_while_the_disk_is_full(app, clerk, billed, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(simulated, "store", full)
        url = computed(clerk, billed.canteen_grid)
        assert "disk is full" in clerk.get(url).text
    clock.advance(minutes=3)
    work(app)
    assert "€51.50" in clerk.get(url).text


def test_a_page_of_figures_costs_few_queries(app, clerk, billed):
    url = computed(clerk, billed.canteen_grid)
    with app.app_context(), counted_queries() as statements:
        clerk.get(url)
    assert len(statements) <= 8, "\n".join(statements)

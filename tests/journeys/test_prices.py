"""Does a parent see what a day costs before asking for it, and read why?"""

import os

import pytest
from playwright.sync_api import expect

from tests.activities import cast

AGENDA = "/portail/agenda/"


@pytest.fixture
def town(billed, english):
    return billed


def look(page, name):
    """Keep a picture, where PREAU_LOOK names a folder: for whoever works on the screens."""
    if folder := os.environ.get("PREAU_LOOK"):
        page.screenshot(path=f"{folder}/{name}-{page.viewport_size['width']}.png", full_page=True)


def test_a_childs_page_says_what_each_service_costs_and_why(person, town, size):
    one = person("galbert", size)
    page = one.visit(f"/portail/enfants/{town.lea}/#prices")
    meal = page.locator("#prices details").first
    expect(meal).to_contain_text("€3.80")
    one.check()
    meal.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(meal.get_by_text("Family quotient 1,050.50, counted since November 2026.")).to_be_visible()
    expect(meal.get_by_text("Booked after the deadline: €4.80.")).to_be_visible()
    one.check()
    look(page, "child")


def test_the_agenda_says_what_a_day_costs_and_sums_what_was_asked(person, town, size):
    one = person("galbert", size)
    page = one.visit(AGENDA)
    meal = page.locator(f'[value="{town.lea}.{town.meal}.{cast.THURSDAY.isoformat()}"]')
    assert meal.get_attribute("aria-label").endswith(", €3.80")
    look(page, "agenda")
    meal.click()
    expect(page.locator("#tally")).to_contain_text("1 sent · +€3.80")
    page.locator(f'[value="{town.tom}.{town.meal}.{cast.THURSDAY.isoformat()}"]').click()
    expect(page.locator("#tally")).to_contain_text("2 sent · +€7.60")
    one.check()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#tally")).not_to_contain_text("€")


def test_a_day_says_its_late_price_before_it_is_sent(app, person, town):
    with app.app_context():
        from tests.billing.cast import canteen_grid, grid

        grid(town.canteen, canteen_grid(), cast.MONDAY, "A new one")
        from app.activities.models import Activity
        from app.core.db import unit_of_work
        from app.extensions import db

        with unit_of_work():
            db.session.get(Activity, town.canteen).late_requests = True
    one = person("galbert", "phone")
    page = one.visit(f"/portail/agenda/jour/?spot={town.lea}.{town.meal}.{cast.TUESDAY.isoformat()}")
    price = page.locator("details.price")
    expect(price).to_contain_text("€4.80, booked late")
    price.locator("summary").click()
    expect(price.get_by_text("Booked after the deadline: €1.00 more.")).to_be_visible()
    one.check()
    look(page, "day-late")
    page.goto(f"/portail/agenda/jour/?spot={town.lea}.{town.meal}.{cast.FRIDAY.isoformat()}")
    expect(page.locator("main")).to_contain_text("Booked after the deadline: €4.80.")
    one.check()


def test_many_days_at_once_say_what_they_come_to(person, town):
    one = person("galbert", "phone")
    page = one.visit(f"{AGENDA}semaine-type/?week=2026-W49")
    expect(page.locator("main")).to_contain_text("In all €")
    one.check()
    look(page, "recap")


def test_an_absence_told_too_late_says_what_is_charged(app, person, town):
    with app.app_context():
        cast.book(town.lea, 1, town.meal, cast.TUESDAY)
    one = person("galbert", "phone")
    page = one.visit(f"/portail/agenda/absence/?spot={town.lea}.{town.meal}.{cast.TUESDAY.isoformat()}")
    expect(page.locator("main")).to_contain_text("too late to be free of charge: Tue 24 Nov (€3.80)")
    one.check()
    look(page, "absence")


def test_before_an_enrolment_the_prices_are_shown(person, town, size):
    one = person("galbert", size)
    page = one.visit(f"/portail/demande/enrolment/add?child={town.tom}&activity={town.evening}")
    expect(page.locator(".prices")).to_contain_text("€2.10")
    one.check()
    look(page, "enrolment")

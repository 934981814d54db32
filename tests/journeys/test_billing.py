"""Can a clerk enter the prices, try them, bill a month, correct a bill? At a desk, on a telephone, without a script, by keys alone."""

import re
from datetime import date

import pytest
from playwright.sync_api import expect
from sqlalchemy import update

from app.activities.models import Booking
from app.core.db import unit_of_work
from app.extensions import db
from tests.journeys.test_tariffs import WAVRIN, press, write
from tests.journeys.test_ways import tab_to

#: Whether every table fits the screen: amounts stand in the last column.
NOTHING_CUT = "[...document.querySelectorAll('.table-wrap')].every(wrap => wrap.scrollWidth <= wrap.clientWidth)"


@pytest.fixture
def town(billed):
    return billed


def heading(page, text, level=2):
    return page.get_by_role("heading", level=level, name=text)


def compute(page):
    """From the menu to the bills of October, which the worker is asked for."""
    page.goto("/mairie/facturation/")
    page.get_by_role("button", name="Compute the bills of October 2026").click()
    expect(heading(page, "The bills are being computed")).to_be_visible()


def issue(page, worker):
    """Confirm, and let the worker issue them."""
    page.get_by_role("link", name=re.compile("^Issue 2 invoices")).click()
    expect(page.get_by_text("€76.10")).to_be_visible()
    page.get_by_role("button", name="Issue 2 invoices").click()
    expect(heading(page, "The invoices are being issued")).to_be_visible()
    worker()


def test_a_clerk_enters_prices_tries_them_bills_a_month_and_corrects_a_bill(app, person, worker, town):
    nadia = person("agent")
    page = nadia.visit(f"/mairie/tarifs/nouveau?activity={town.canteen}")
    write(page, WAVRIN)
    page.get_by_label("Counts from").fill("2026-11-01")
    press(page, "Put into force")
    expect(heading(page, re.compile("Canteen, from 1 November 2026 on"), level=1)).to_be_visible()
    page.goto("/mairie/tarifs/simulateur/")
    page.get_by_label("Tariff to try").select_option(label="Canteen, since 1 November 2026")
    page.get_by_label("Family", exact=False).first.fill("Galbert")
    page.get_by_role("button", name="Compute").click()
    # 1 050.50 €, the first of two children enrolled.
    expect(page.locator("#result").get_by_role("row", name="Léa Galbert")).to_contain_text("€9.14")

    compute(page)
    worker()
    # The script of the page sees that the run has finished.
    expect(heading(page, "2 invoices are ready: €76.10")).to_be_visible(timeout=15000)
    nadia.check()
    page.get_by_role("link", name="Came without a booking").click()
    expect(page.locator("#bills").get_by_role("row")).to_have_count(2)
    page.locator("#bills").get_by_role("link", name="Galbert").click()
    nadia.check()
    page.get_by_text("Why this price? Canteen").first.click()
    expect(page.get_by_text("Family quotient 720").first).to_be_visible()
    page.get_by_role("link", name="The sheet of that day").click()
    expect(page).to_have_url(re.compile(r"/mairie/pointage/enfant/\d+\?unit=\d+&day=2026-10-06"))
    page.goto("/mairie/facturation/mois/1/")
    issue(page, worker)
    expect(heading(page, re.compile("Everything is billed|PDF"))).to_be_visible(timeout=15000)
    nadia.check()

    with app.app_context(), unit_of_work():
        # The booking of the 6th was a mistake.
        mine = (Booking.child_id == town.lea) & (Booking.day == date(2026, 10, 6))
        db.session.execute(update(Booking).where(mine).values(day=date(2026, 9, 29)))
    page.get_by_role("link", name="Invoices", exact=True).last.click()
    page.get_by_role("row", name=re.compile("Galbert")).get_by_role("link").click()
    nadia.check()
    page.get_by_role("link", name="Correct…").click()
    page.get_by_role("button", name="Correct").click()
    expect(page.get_by_text("Please fill this in.").first).to_be_visible()
    page.get_by_label("Why? The family reads it").fill("Léa was not there on the 6th")
    page.get_by_role("button", name="Correct").click()
    expect(page.get_by_text("The credit note and the new invoice are issued.").first).to_be_visible()
    expect(page.get_by_text("€52.60").first).to_be_visible()
    nadia.check()


def test_a_month_on_a_telephone_without_a_script(person, worker, town):
    nadia = person("agent", "phone", scripts=False)
    page = nadia.visit("/mairie/facturation/")
    compute(page)
    expect(page.locator("meta[http-equiv=refresh]")).to_have_count(1)
    worker()
    page.get_by_role("link", name="Look again").click()
    expect(heading(page, "2 invoices are ready: €76.10")).to_be_visible()
    assert not nadia.too_wide()
    issue(page, worker)
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_text("2 invoices issued.")).to_be_visible()
    assert not nadia.too_wide()


def test_every_screen_of_bills_on_a_telephone(app, person, worker, town):
    nadia = person("agent", "phone")
    page = nadia.visit("/mairie/facturation/")
    nadia.check()
    compute(page)
    nadia.check()
    worker()
    expect(heading(page, "2 invoices are ready: €76.10")).to_be_visible(timeout=15000)
    for path in ("mois/1/", "mois/1/famille/1/", "1/emettre", "ouvrir", "mois/"):
        nadia.visit(f"/mairie/facturation/{path}")
        nadia.check()
        assert page.evaluate(NOTHING_CUT), path
    nadia.visit("/mairie/facturation/mois/1/")
    issue(page, worker)
    expect(page.get_by_text("2 invoices issued.")).to_be_visible(timeout=15000)
    nadia.visit("/mairie/facturation/")
    nadia.check()
    desk = page.viewport_size
    page.set_viewport_size({"width": 1024, "height": 768})
    nadia.visit("/mairie/factures/")
    assert page.evaluate(NOTHING_CUT)
    page.set_viewport_size(desk)
    screens = ("factures/", "factures/1/", "factures/1/avoir", "exonerations/ajouter", "ajustements/ajouter", "relances/a-envoyer/")
    for path in (*screens, "relances/etapes/ajouter", "tarifs-accordes/ajouter", "prises-en-charge/ajouter", "familles/1/", ""):
        nadia.visit(f"/mairie/{path}")
        nadia.check()
        assert page.evaluate(NOTHING_CUT), path


def test_a_month_is_billed_with_keys_alone(person, worker, town):
    page = person("agent").visit("/mairie/facturation/")
    tab_to(page, page.get_by_role("button", name="Compute the bills of October 2026"))
    page.keyboard.press("Enter")
    expect(heading(page, "The bills are being computed")).to_be_visible()
    worker()
    expect(heading(page, "2 invoices are ready: €76.10")).to_be_visible(timeout=15000)
    tab_to(page, page.get_by_role("link", name=re.compile("^Issue 2 invoices")))
    page.keyboard.press("Enter")
    expect(heading(page, "Issue: October 2026", level=1)).to_be_visible()
    tab_to(page, page.get_by_role("button", name="Issue 2 invoices"))
    page.keyboard.press("Enter")
    expect(heading(page, "The invoices are being issued")).to_be_visible()

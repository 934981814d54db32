"""How does a parent pay on a telephone, in two taps and the bank; and how does the desk receive what comes on paper?"""

import re

import pytest
from playwright.sync_api import expect

from tests.conftest import work
from tests.journeys import steps
from tests.payments.test_desk import an_invoice


@pytest.fixture
def owed(app, fresh):
    """Christelle owes 30 and 20 euros."""
    with app.test_request_context("/"):
        an_invoice(1, "30.00", rank=1, month=9)
        an_invoice(1, "20.00", rank=2, month=10)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_two_taps_and_the_bank(app, person, owed, scripts):
    parent = person("galbert", "phone", scripts=scripts)
    page = parent.page
    page.goto("/portail/")
    page.get_by_role("button", name="Pay €50.00").click()
    expect(page).to_have_url(re.compile("/portail/banque/"))
    expect(page.get_by_role("heading", name="Bank of the demonstration")).to_be_visible()
    if scripts:
        parent.check()
    page.get_by_role("button", name="Pay €50.00").click()
    expect(page.get_by_text("We ask the bank")).to_be_visible()
    work(app)
    expect(page.get_by_text("€50.00 received")).to_be_visible(timeout=15000)
    if scripts:
        parent.check()
    assert page.request.get(page.get_by_role("link", name="Receipt (PDF)").get_attribute("href")).body().startswith(b"%PDF")
    page.goto("/portail/")
    expect(page.get_by_role("button", name="Pay")).to_have_count(0)


def test_one_invoice_is_chosen_refused_and_tried_again(app, person, owed):
    parent = person("galbert", "phone")
    page = parent.visit("/portail/payer/")
    parent.check()
    page.get_by_role("checkbox", name=re.compile("September")).uncheck()
    page.get_by_role("button", name="Pay what is ticked").click()
    page.get_by_role("button", name="Have it refused").click()
    work(app)
    expect(page.get_by_text("Nothing was paid")).to_be_visible(timeout=15000)
    parent.check()
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("button", name="Pay what is ticked")).to_be_visible()


def test_the_desk_receives_a_cheque_and_takes_it_back(person, owed):
    desk = person("regisseur", "desk")
    page = desk.visit("/mairie/encaissements/nouveau/1")
    desk.check()
    page.get_by_label("Amount, in euros").fill("30,00")
    page.get_by_label("Means of payment").select_option("cheque")
    page.get_by_label("Number and bank of the cheque").fill("BNP 0042")
    page.get_by_role("button", name="Receive").click()
    steps.told(page, "Received. The receipt can be printed.")
    desk.check()
    page.get_by_role("link", name="Take back…").click()
    page.get_by_label("Why?").fill("The bank refused the cheque")
    page.get_by_role("button", name="Take back").click()
    expect(page.get_by_text("What it had paid is owed again.").first).to_be_visible()
    page.goto("/mairie/encaissements/")
    desk.check()

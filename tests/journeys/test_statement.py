"""How does a parent find out what is owed and why, and take the invoice home? From the home page, on a telephone first."""

import re

import pytest
from playwright.sync_api import expect

from tests.activities import cast
from tests.billing.bills import PDF, autumn, cancel

OCTOBER = "/portail/releve/facture/2026000002/"


@pytest.fixture
def bills(app, fresh):
    """September paid, October unpaid with its PDF."""
    with app.app_context():
        return autumn(cast.load())


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_parent_reads_why_a_line_costs_what_it_costs(person, bills, scripts):
    parent = person("galbert", "phone", scripts=scripts)
    page = parent.page
    page.goto("/portail/")
    expect(page.get_by_role("region", name="Left to pay")).to_contain_text("€63.30")
    page.get_by_role("link", name="See October 2026: €63.30 to pay").click()
    expect(page.get_by_role("heading", level=1, name="Invoice 2026000002")).to_be_visible()
    lea = page.get_by_role("region", name="Léa")
    expect(lea).to_contain_text("Thu 1, Fri 2, Mon 5, ")
    expect(lea.get_by_text("Family quotient 812").first).not_to_be_visible()
    lea.get_by_text("Why €3.80?").click()
    expect(lea.get_by_text("Family quotient 812, counted since September 2026.").first).to_be_visible()
    expect(page.get_by_role("button", name="Print this page")).to_have_count(1 if scripts else 0)
    if scripts:
        parent.check()


def test_the_keyboard_alone_opens_a_reason(person, bills):
    page = person("galbert", "desk").visit(OCTOBER)
    reason = page.get_by_role("region", name="Tom").locator("summary")
    reason.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Tom").get_by_text("Family quotient 812", exact=False)).to_be_visible()


def test_a_parent_takes_the_pdf_from_the_statement(person, bills, size):
    parent = person("galbert", size)
    page = parent.page
    if size == "phone":
        page.goto("/portail/")
        page.get_by_text("More", exact=True).click()
        page.locator(".dock").get_by_role("link", name="Account statement").click()
    else:
        page.goto("/portail/")
        page.get_by_role("link", name="Account statement", exact=True).first.click()
    expect(page.get_by_role("region", name="Left to pay")).to_contain_text("€63.30")
    parent.check()
    link = page.get_by_role("link", name="PDF of invoice 2026000002")
    assert page.request.get(link.get_attribute("href")).body() == PDF
    page.get_by_role("link", name="Invoice 2026000001").click()
    expect(page.get_by_text("The PDF is being prepared.")).to_be_visible()
    expect(page.get_by_text("paid", exact=True).first).to_be_visible()
    parent.check()
    page.get_by_role("link", name="Account statement").first.click()
    expect(page.get_by_role("heading", level=1, name="Account statement")).to_be_visible()


def test_a_cancelled_invoice_leads_to_its_credit_note_and_back(app, person, bills):
    with app.app_context():
        cancel(bills["october"], rank=4, day=cast.MONDAY)
    parent = person("galbert", "phone")
    page = parent.visit(OCTOBER)
    parent.check()
    page.get_by_role("region", name="In short").get_by_role("link", name="Credit note 2026000004").click()
    expect(page.get_by_text("Lea was at home that week.")).to_be_visible()
    parent.check()
    page.get_by_role("link", name="Invoice 2026000002").click()
    expect(page).to_have_url(re.compile(OCTOBER))


def test_printed_reasons_are_open(person, bills):
    page = person("galbert", "desk").visit(OCTOBER)
    page.emulate_media(media="print")
    shown = page.get_by_role("region", name="Tom").locator(".why")
    assert shown.evaluate("list => list.getBoundingClientRect().height") > 20
    assert page.locator(".help").evaluate("box => getComputedStyle(box).display") == "none"


def test_the_other_household_of_a_shared_child_finds_nothing(person, bills):
    page = person("martin", "phone").page
    answer = page.goto("/portail/releve/facture/2026000003/")
    assert answer.status == 404
    page.goto("/portail/releve/")
    expect(page.get_by_text("You owe nothing.")).to_be_visible()
    assert "7.60" not in page.content()

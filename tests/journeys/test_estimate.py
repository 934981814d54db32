"""Can a parent see what a month will cost, and keep it?"""

import pytest
from playwright.sync_api import expect

from tests.journeys.test_prices import look


@pytest.fixture
def town(billed, english):
    return billed


def test_a_parent_reads_what_a_month_costs_and_keeps_it(person, town, size):
    one = person("galbert", size)
    page = one.visit("/portail/releve/")
    page.get_by_role("link", name="Estimate of a month").first.click()
    expect(page.get_by_role("heading", name="Estimate of a month")).to_be_visible()
    expect(page.locator(".total")).to_contain_text("€212.47")
    one.check()
    look(page, "estimate")
    page.get_by_label("Month").select_option("2027-01")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", level=2)).to_contain_text("January 2027")
    one.check()
    page.goto("/portail/devis/")
    href = page.get_by_role("link", name="Estimate (PDF)").get_attribute("href")
    assert page.request.get(href).headers["content-type"] == "application/pdf"


def test_a_family_without_usual_weeks_is_told_where_they_are_made(person, english, activities, app):
    from app.activities.models import Enrolment
    from app.core.db import unit_of_work
    from app.extensions import db

    with app.app_context(), unit_of_work():
        db.session.execute(db.update(Enrolment).values(week={}))
    one = person("galbert", "phone")
    page = one.visit("/portail/devis/")
    expect(page.locator("main")).to_contain_text("No usual week of your children falls into this month.")
    one.check()

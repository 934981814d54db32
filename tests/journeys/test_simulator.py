"""Does a clerk see what another tariff would bring, for a household and for the town, on a desk and on a telephone?"""

from playwright.sync_api import expect

from tests.billing import cast
from tests.journeys.test_prices import look, town  # noqa: F401


def test_a_clerk_tries_a_tariff_on_a_household(app, person, town):  # noqa: F811
    with app.app_context():
        cast.grid(town.canteen, cast.canteen_grid(), cast.date(2027, 1, 1), "Délibération du 3 décembre 2026")
    one = person("agent", "desk")
    page = one.visit("/mairie/tarifs/simulateur/")
    one.check()
    page.get_by_label("Tariff to try").select_option(label="Canteen, since 1 January 2027")
    page.get_by_label("Family", exact=False).first.fill("Galbert")
    page.get_by_role("button", name="Compute").click()
    result = page.locator("#result")
    expect(result.get_by_role("row", name="Léa Galbert")).to_contain_text("€3.80")
    expect(result).to_be_focused()
    one.check()
    result.locator("summary").first.click()
    expect(result.get_by_text("Family quotient 1,050.50, counted since November 2026.").first).to_be_visible()
    look(page, "simulator")


def test_a_clerk_sees_what_it_would_bring_by_bracket(app, person, town, size):  # noqa: F811
    from dataclasses import replace

    prices = cast.canteen_grid()
    cells = tuple(tuple(cell and replace(cell, amount=cell.amount + number) for cell in row) for number, row in enumerate(prices.cells))
    with app.app_context():
        cast.quotient(town.martin, "1250", cast.date(2026, 10, 1))
        cast.grid(town.canteen, replace(prices, cells=cells), cast.date(2027, 1, 1), "Délibération du 3 décembre 2026")
    one = person("agent", size)
    page = one.visit("/mairie/tarifs/simulateur/commune")
    one.check()
    page.get_by_label("Tariff to try").select_option(label="Canteen, since 1 January 2027")
    page.get_by_label("Month").select_option("2026-10")
    page.get_by_role("button", name="Compute").click()
    expect(page.get_by_role("row", name="Together")).to_contain_text("+€")
    one.check()
    look(page, "town")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").first.click()
    assert download.value.suggested_filename.startswith("simulation-2026-10")

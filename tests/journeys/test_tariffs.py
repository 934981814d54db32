"""Can a clerk write the town's prices as they are published, see what is wrong where it is wrong, and what a family pays?"""

import re

import pytest
from playwright.sync_api import expect

WAVRIN = {
    "CCAS": ["2,00", "1,00", "0,50", "0,50", ""],
    "de 0 à 308": ["3,77", "3,42", "3,10", "2,82", "12,00"],
    "de 308,01 à 500": ["5,53", "5,00", "4,53", "4,10", "13,00"],
    "de 500,01 à 800": ["7,86", "7,10", "6,42", "5,80", "14,00"],
    "de 800,01 à 1100": ["9,14", "8,25", "7,45", "6,73", "15,00"],
    "de 1100,01 à 1400": ["10,19", "9,20", "8,30", "7,50", "16,00"],
    "1400,01 et plus": ["10,63", "9,60", "8,66", "7,82", "17,00"],
}
COLUMNS = ["1er enfant", "2e enfant", "3e enfant", "4e enfant et plus", "Extérieurs"]


@pytest.fixture
def town(billed):
    return billed


def write(page, rows):
    """Type Wavrin's table as it is published, with the buttons that add rows and columns."""
    for _column in COLUMNS[1:]:
        page.get_by_role("button", name="Column", exact=True).click()
    while page.locator(".price-grid tbody tr:not(.said)").count() < len(rows):
        page.get_by_role("button", name="Row", exact=True).click()
    for number, title in enumerate(COLUMNS):
        page.get_by_label(f"Title of column {number + 1}", exact=True).fill(title)
    for row, (title, cells) in enumerate(rows.items()):
        page.get_by_label(f"Title of row {row + 1}", exact=True).fill(title)
        for column, text in enumerate(cells):
            page.locator(f"#cell-{row}-{column}").fill(text)


def press(page, name):
    page.locator(".save-bar").get_by_role("button", name=name, exact=True).click()


@pytest.mark.parametrize("scripts", [False, True])
def test_a_table_is_written_put_right_and_saved(person, town, scripts):
    clerk = person("agent", scripts=scripts)
    page = clerk.visit("/mairie/tarifs/")
    if scripts:
        clerk.check()
    page.get_by_role("link", name="New table (Canteen)").click()
    wrong = {**WAVRIN, "de 500,01 à 800": ["7,86", "sept", "6,42", "5,80", "14,00"]}
    wrong = {"de 308,01 à 450" if title == "de 308,01 à 500" else title: cells for title, cells in wrong.items()}
    write(page, wrong)
    page.get_by_label("Counts from").fill("2027-01-04")
    press(page, "Put into force")
    # The sentence stands beside the cell, and all that was typed is still there.
    expect(page.locator("#cell-3-1")).to_have_value("sept")
    expect(page.locator("#cell-3-1")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#cell-3-1-error")).to_contain_text("“de 500,01 à 800”, “2e enfant”: write a price")
    if scripts:
        clerk.check()
    page.locator("#cell-3-1").fill("7,10")
    press(page, "Check")
    expect(page.locator("#row-3-error")).to_contain_text("No bracket for quotients between 450 (“de 308,01 à 450”) and 500.01")
    page.get_by_label("Title of row 3").fill("de 308,01 à 500")
    press(page, "Check")
    expect(page.get_by_text("The table is whole")).to_be_visible()
    if scripts:
        clerk.check()
    press(page, "Put into force")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Canteen, from 4 January 2027 on"))
    expect(page.get_by_text("child number 4+")).to_be_visible()
    if scripts:
        clerk.check()
    # What a third child of a family with 900 € pays.
    page.get_by_role("textbox", name="Quotients").fill("900")
    page.get_by_label("Which child").fill("3")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".tried")).to_contain_text("€7.45")


def test_a_table_is_copied_raised_and_compared(person, town):
    clerk = person("agent")
    page = clerk.visit(f"/mairie/tarifs/{town.canteen_grid}/")
    clerk.check()
    page.get_by_role("link", name="Copy to a new table").click()
    expect(page.get_by_label("Counts from")).to_have_value("2027-09-01")
    page.get_by_text("Change all prices by a percentage").click()
    page.get_by_label("By how many percent").fill("2")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.locator("#cell-0-0")).to_have_value("1,02")
    press(page, "Put into force")
    page.get_by_role("combobox", name="With the table").select_option(str(town.canteen_grid))
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".compared")).to_contain_text("+2")
    clerk.check()


def test_a_block_of_a_spreadsheet_spreads_over_the_cells(person, town):
    page = person("agent").visit(f"/mairie/tarifs/nouveau?activity={town.wednesday}")
    page.locator("#cell-0-0").focus()
    page.evaluate(
        """() => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", "1,00\\t2,00\\n3,00\\t4,00\\n");
            const pasted = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
            document.querySelector("#cell-0-0").dispatchEvent(pasted);
        }"""
    )
    expect(page.locator("#cell-1-1")).to_have_value("4,00")


def test_a_whole_table_is_pasted(person, town):
    clerk = person("agent", "phone", scripts=False)
    page = clerk.visit(f"/mairie/tarifs/nouveau?activity={town.canteen}")
    page.get_by_text("Paste a table from a spreadsheet").click()
    lines = [
        "Tarifs 2027",
        "\t".join(["QF", *COLUMNS]),
        *("\t".join([title, *cells]) for title, cells in WAVRIN.items()),
        "Paiement sous 30 jours.",
    ]
    page.locator("#pasted").fill("\n".join(lines))
    page.get_by_role("button", name="Put it in the table").click()
    expect(page.locator("#cell-6-4")).to_have_value("17,00")
    expect(page.get_by_text("Paiement sous 30 jours.")).to_be_visible()
    expect(page.get_by_text("child number 4+")).to_be_visible()


PUBLISHED = """
<h2>Tarifs de la cantine</h2>
<table>
  <tr><td rowspan="2"><p>Quotient</p></td><td colspan="2"><p>Commune</p></td><td rowspan="2"><p>Hors<br>commune</p></td></tr>
  <tr><td><p>1<sup>er</sup> enfant</p></td><td><p>2<sup>e</sup> enfant et plus</p></td></tr>
  <tr><td><p>De 0 à 440 €</p></td><td><p>1,10<sup>1</sup></p></td><td><p>1 €</p></td><td rowspan="2"><p>4,50 €</p></td></tr>
  <tr><td><p>441 € et plus</p></td><td colspan="2"><p>2,40 €</p></td></tr>
</table>
<p>1 : aidé par l’État</p>"""


def test_a_table_of_a_page_keeps_the_cells_that_span_others(person, town):
    page = person("agent").visit(f"/mairie/tarifs/nouveau?activity={town.canteen}")
    page.get_by_text("Paste a table from a spreadsheet").click()
    page.evaluate(
        """(html) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/html", html);
            const pasted = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
            document.querySelector("#pasted").dispatchEvent(pasted);
        }""",
        PUBLISHED,
    )
    page.get_by_role("button", name="Put it in the table").click()
    cells = [[page.locator(f"#cell-{row}-{column}").input_value() for column in range(3)] for row in range(2)]
    assert cells == [["1,10", "1 €", "4,50 €"], ["2,40 €", "2,40 €", "4,50 €"]]
    expect(page.get_by_label("Title of column 2", exact=True)).to_have_value("Commune, 2e enfant et plus")
    expect(page.get_by_label("Title of column 3", exact=True)).to_have_value("Hors commune")
    expect(page.get_by_text("1 : aidé par l’État")).to_be_visible()
    expect(page.get_by_text("The table is whole")).to_be_visible()

"""Does the screen of a price table keep what was typed, refuse what is wrong beside its place, and leave billed prices alone?"""

import re
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.activities.models import Unit, UnitKind
from app.audit.models import LogEntry
from app.billing.grid import Cell, Membership
from app.billing.grids import Grids
from app.billing.issued import in_force
from app.billing.models import Invoice, TariffGrid
from app.core.db import unit_of_work
from app.extensions import db
from app.staff.tariffs_words import compared
from tests.billing import cast
from tests.billing.price_table import Screen, kept, upload
from tests.conftest import base_of, counted_queries, work


@pytest.fixture
def clerk(sign_in):
    return sign_in("agent")


def new(clerk, activity, **typed):
    screen = Screen(clerk, activity).table(["Prix"], {"de 0 à 300": ["1,00"], "300,01 et plus": ["2,00"]})
    return screen.press("save", starts_on="2027-01-01", **typed)


def test_who_may_look_and_who_may_write(sign_in, billed):
    assert sign_in().get("/mairie/tarifs/").status_code == 302
    assert sign_in("galbert").get("/mairie/tarifs/").status_code == 403
    assert sign_in("animateur").get("/mairie/tarifs/").status_code == 403
    reader = sign_in("lecteur")
    page = reader.get(f"/mairie/tarifs/{billed.canteen_grid}/")
    assert page.status_code == 200 and "/modifier" not in page.text
    assert reader.get(f"/mairie/tarifs/nouveau?activity={billed.canteen}").status_code == 403
    assert reader.post(f"/mairie/tarifs/{billed.canteen_grid}/supprimer").status_code == 403
    assert sign_in("agent").get("/mairie/tarifs/999/").status_code == 404
    assert sign_in("agent").get("/mairie/tarifs/nouveau?activity=999").status_code == 404


def test_a_table_is_saved_and_the_log_says_so(app, clerk, billed):
    assert new(clerk, billed.canteen, title="Délibération du 3 décembre").response.status_code == 303
    grid = kept(app, billed.canteen)["2027-01-01"]
    assert [row.lowest for row in grid.rows] == [0, Decimal("300.01")]
    with app.test_request_context("/"):
        assert db.session.scalar(select(LogEntry.verb).where(LogEntry.verb == "tariff.add")) == "tariff.add"


def test_nothing_typed_is_lost(clerk, billed):
    screen = Screen(clerk, billed.canteen).table(
        ["Prix", "PAI"], {"de 0 à 300": ["un euro", ""], "de 400 à …": ["2", "1€50"], "": ["", "9"]}
    )
    screen.rule("rank", "percent_less", "la moitié", least="x")
    for button, status in (("check", 200), ("save", 422), ("add-row", 200), ("add-column", 200), ("add-rule", 200), ("paste", 422)):
        screen.press(button, starts_on="demain", membership="dix", title="<b>Délibération</b>", try__quotients="300 abc")
        assert screen.response.status_code == status, button
        sent = {name: values[0] for name, values in screen.fields.items()}
        assert (
            sent["cell-0-0"] == "un euro" and sent["cell-1-1"] == "1€50" and sent["row-1-title"] == "de 400 à …" and sent["cell-2-1"] == "9"
        )
        assert sent["rule-0-value"] == "la moitié" and sent["rule-0-least"] == "x" and sent["membership"] == "dix"
        assert sent["starts_on"] == "demain" and sent["title"] == "<b>Délibération</b>" and sent["try-quotients"] == "300 abc"
    errors = " ".join(screen.press("check").errors)
    for words in ("write a price", "“dix” is no amount", "“la moitié” is no number", "from which day on", "Give it a title"):
        assert words in errors
    assert "<b>Délibération" not in screen.response.text


def test_a_hole_is_refused_beside_its_row(app, clerk, billed):
    screen = (
        Screen(clerk, billed.canteen).table(["Prix"], {"de 0 à 300": ["1"], "400 et plus": ["2"]}).press("save", starts_on="2027-01-01")
    )
    assert screen.response.status_code == 422 and len(kept(app, billed.canteen)) == 2
    assert screen.errors == ["No bracket for quotients between 300 (“de 0 à 300”) and 400 (“400 et plus”)."]
    assert screen.page.xpath('//*[@id="row-1-error"]') and screen.page.get_element_by_id("row-1").get("aria-describedby") == "row-1-error"


def test_two_tables_of_one_day(app, clerk, billed):
    assert new(clerk, billed.canteen).response.status_code == 303
    screen = new(clerk, billed.canteen)
    assert screen.response.status_code == 422 and "begins on this day already" in screen.errors[0]
    with app.test_request_context("/"), pytest.raises(Exception, match=r"uq_tariff_grid_start|UNIQUE"), unit_of_work() as session:
        session.add(TariffGrid(activity_id=billed.canteen, starts_on=date(2027, 1, 1), content={}))


def test_whom_a_row_is_for_can_be_set_by_hand(app, clerk, billed):
    screen = Screen(clerk, billed.canteen).table(["Prix"], {"Tous": ["3"], "Petits gourmands": ["2"]}).press("check")
    assert any("by name: “Petits gourmands”" in words for words in screen.meanings)
    # What a person changed counts, though the box "as the title says" is still ticked.
    screen.press("check", **{"row-1-ages": "3-5", "row-1-name": ""})
    assert any("3–5 years" in words and "by hand" in words for words in screen.meanings)
    assert screen.press("save", starts_on="2027-01-01").response.status_code == 303
    row = kept(app, billed.canteen)["2027-01-01"].rows[1]
    assert row.ages == (3, 5) and row.category == ""
    screen = Screen(clerk, billed.canteen).table(["Prix"], {"Tous": ["3"], "Autres": ["2"]}).press("check", **{"row-1-ranks": "le dernier"})
    assert "“le dernier” cannot be read" in screen.errors[0] and screen.fields["row-1-ranks"] == ["le dernier"]


def test_a_table_is_changed_and_somebody_elses_change_is_not_lost(app, clerk, billed):
    one, other = (Screen(clerk, billed.canteen, f"/mairie/tarifs/{billed.canteen_before}/modifier") for _clerk in range(2))
    assert one.press("save", **{"cell-0-0": "3,10"}).response.status_code == 303
    other.press("save", **{"cell-0-0": "3,20"})
    assert other.response.status_code == 409 and "Somebody changed this price table" in other.errors[0]
    assert other.fields["cell-0-0"] == ["3,20"] and kept(app, billed.canteen)["2025-09-01"].cells[0][0].amount == Decimal("3.10")


@pytest.fixture
def october(app, billed, clerk):
    """October is issued: invoices of 55.10 and 21.00."""
    clerk.post("/mairie/facturation/preparer")
    work(app)
    clerk.post("/mairie/facturation/1/emettre")
    work(app)
    return billed


def totals(app):
    with app.test_request_context("/"):
        query = select(Invoice.family_id, Invoice.total).where(in_force()).order_by(Invoice.family_id)
        return [tuple(row) for row in db.session.execute(query)]


def test_a_wrong_price_that_was_billed_is_changed_and_its_invoices_corrected(app, clerk, october):
    before, url = totals(app), f"/mairie/tarifs/{october.canteen_grid}"
    assert "Families were billed by it up to" in clerk.get(f"{url}/").text
    screen = Screen(clerk, october.canteen, f"{url}/modifier").press("save", **{f"cell-{row}-0": "9" for row in range(5)})
    page = screen.response.text
    assert screen.response.status_code == 422 and "2 invoices were made with these prices" in page and "October 2026" in page
    assert "/mairie/factures/?period=1" in page and screen.fields["cell-0-0"] == ["9"]
    assert screen.press("save-1").response.status_code == 422, "others than the person knows of"
    assert screen.press("save-2").response.location.endswith("/mairie/facturation/mois/1/")
    assert {row[0] for row in kept(app, october.canteen)["2026-09-01"].cells} == {Cell(Decimal("9"))}
    work(app)
    assert totals(app) == before, "an invoice is a snapshot"
    page = clerk.get("/mairie/facturation/mois/1/").text
    assert "1 invoice has changed since it was issued" in page and "Correct them…" in page
    assert "1 invoice is ready" in page, "what was too small no longer is"
    correct = "/mairie/facturation/1/corriger"
    clerk.post(correct, data={"base": base_of(clerk.get(correct).text), "reason": "The price was wrong"})
    work(app)
    assert totals(app)[0][1] > before[0][1] and totals(app)[1] == before[1], "the other costs the same by its own rule"
    assert "1 invoice corrected." in clerk.get("/mairie/facturation/mois/1/").text


def test_a_table_that_reaches_over_billed_days_says_so_first(app, clerk, october):
    between = Screen(clerk, october.canteen).table(["Prix"], {"Tous": ["9"]}).press("save", starts_on="2026-10-02")
    assert "2 invoices were made with these prices" in between.response.text
    assert between.press("save", starts_on="2026-11-01").response.status_code == 303
    # Of its name alone nothing depends.
    url = f"/mairie/tarifs/{october.canteen_grid}"
    assert Screen(clerk, october.canteen, f"{url}/modifier").press("save", title="Décision 7").response.status_code == 303
    assert clerk.post(f"{url}/nom", data={"title": "Décision 8"}).status_code == 303


def test_a_table_by_which_families_were_billed_is_deleted_after_a_look(app, clerk, october):
    url = f"/mairie/tarifs/{october.canteen_grid}/supprimer"
    page = clerk.get(url).text
    assert "2 invoices were made with these prices" in page and "Delete all the same" in page
    assert "2 invoices were made" in clerk.post(url, follow_redirects=True).text and len(kept(app, october.canteen)) == 2
    assert clerk.post(url, data={"despite": "2"}).status_code == 303 and len(kept(app, october.canteen)) == 1


def test_a_table_that_nothing_was_billed_by_is_deleted(app, clerk, billed):
    assert "cannot be taken back" in clerk.get(f"/mairie/tarifs/{billed.canteen_grid}/supprimer").text
    assert clerk.post(f"/mairie/tarifs/{billed.canteen_grid}/supprimer").status_code == 303
    assert list(kept(app, billed.canteen)) == ["2025-09-01"]


def test_a_copy_begins_in_september_with_the_same_table(app, clerk, billed):
    screen = Screen(clerk, billed.canteen, f"/mairie/tarifs/nouveau?activity={billed.canteen}&from={billed.canteen_grid}")
    assert screen.fields["starts_on"] == ["2027-09-01"]
    assert screen.press("save").response.status_code == 303
    grids = kept(app, billed.canteen)
    assert grids["2027-09-01"] == grids["2026-09-01"]


def test_all_prices_change_by_a_percentage(clerk, billed):
    screen = Screen(clerk, billed.evening, f"/mairie/tarifs/nouveau?activity={billed.evening}&from={billed.evening_grid}")
    screen.press("raise", percent="10")
    assert screen.fields["cell-0-0"] == ["0,25 % (0,88 – 3,30)"]
    screen.press("raise", percent="-1,5", fives="1")
    assert screen.fields["cell-0-0"] == ["0,25 % (0,85 – 3,25)"]
    assert screen.press("raise", percent="beaucoup").errors == ["Say by how many percent, for instance 2 or 1,5."]


def test_a_file_that_is_no_table(clerk, billed):
    for content, words in (("", "There is no table"), ("bonjour", "There is no table"), ("x" * 300_000, "too large")):
        screen = upload(clerk, billed.canteen, content)
        assert screen.response.status_code == 422 and any(words in error for error in screen.errors), content[:20]
    picture = clerk.post(f"/mairie/tarifs/nouveau/fichier?activity={billed.canteen}", data={})
    assert picture.status_code == 422 and "Choose a file first" in picture.text


def test_a_service_that_came_after_the_table_is_named_on_its_page(app, clerk, billed):
    assert "no longer whole" not in clerk.get(f"/mairie/tarifs/{billed.wednesday_grid}/").text
    with app.test_request_context("/"), unit_of_work() as session:
        session.add(Unit(activity_id=billed.wednesday, name="Evening", kind=UnitKind.hour, position=9))
    page = clerk.get(f"/mairie/tarifs/{billed.wednesday_grid}/").text
    assert "no longer whole" in page and "No price for Evening" in page
    assert f"/mairie/tarifs/#activity-{billed.wednesday}" in clerk.get(f"/mairie/activites/{billed.wednesday}/").text


def test_forged_fields_break_nothing(clerk, billed):
    data = {"rows": "99999", "columns": "-3", "rules": "x", "do": "drop-row-7", "without": "evil", "bounds": "evil", "rule-0-kind": "evil"}
    assert clerk.post(f"/mairie/tarifs/nouveau?activity={billed.canteen}", data=data).status_code == 200
    many = {"rows": "999", "columns": "999", "do": "add-row"}
    screen = Screen(clerk, billed.canteen)
    screen.fields = many
    screen.press("add-row")
    assert (screen.count("rows"), screen.count("columns")) == (60, 30)


def test_pages_cost_few_queries(app, clerk, billed):
    clerk.get("/mairie/tarifs/")
    with app.app_context():
        for path in ("/", f"/{billed.canteen_grid}/", f"/{billed.canteen_grid}/modifier", f"/nouveau?activity={billed.wednesday}"):
            with counted_queries() as statements:
                assert clerk.get(f"/mairie/tarifs{path}").status_code == 200
            assert len(statements) <= 8, path


def test_a_table_is_copied_to_another_activity(app, clerk, billed):
    with app.test_request_context("/"), unit_of_work() as session:
        session.add(Unit(activity_id=billed.evening, name="Meal", kind=UnitKind.meal, position=2))
    assert f'<option value="{billed.evening}"' in clerk.get(f"/mairie/tarifs/{billed.canteen_grid}/").text
    screen = Screen(clerk, billed.evening, f"/mairie/tarifs/nouveau?activity={billed.evening}&from={billed.canteen_grid}")
    before = kept(app, billed.canteen)
    assert screen.press("save").response.status_code == 303, screen.errors
    copied = kept(app, billed.evening)
    assert copied[max(copied)].cells == before[max(before)].cells
    assert clerk.get(f"/mairie/tarifs/nouveau?activity={billed.evening}&from=999").status_code == 404


DRAFTED = {"de 0 à 300": ["1,00"], "300,01 et plus": ["9,99"]}


def draft(clerk, activity, **typed):
    """The address of a draft that was saved."""
    screen = Screen(clerk, activity).table(["Prix"], DRAFTED).press("draft", **typed)
    assert screen.response.status_code == 303, screen.errors
    return screen.response.location


def starts(app, activity):
    with app.test_request_context("/"):
        return [version.starts_on.isoformat() for version in Grids.load([activity]).of(activity)]


def test_a_draft_counts_on_no_day_until_it_is_put_into_force(app, clerk, sign_in, billed):
    before = starts(app, billed.canteen)
    page = draft(clerk, billed.canteen, starts_on=before[-1], title="Variante 1")
    other = draft(clerk, billed.canteen, starts_on=before[-1], title="Variante 2")
    assert starts(app, billed.canteen) == before
    assert "9,99" not in sign_in("galbert").get(f"/portail/enfants/{billed.lea}").text.replace(".", ",")
    clerk = sign_in("agent")
    assert "neither families nor bills" in clerk.get(page).text.casefold() and clerk.get("/mairie/tarifs/").text.count("Variante") == 2
    pk = int(page.rstrip("/").rsplit("/")[-1])
    town = clerk.get(f"/mairie/tarifs/simulateur/commune?grid={pk}&month=2026-11")
    assert town.status_code == 200 and f'<option value="{pk}" selected' in town.text
    assert clerk.get(f"/mairie/tarifs/comparer?one={pk}&other={billed.canteen_grid}").status_code == 200
    screen = Screen(clerk, billed.canteen, f"{page}modifier").press("save")
    assert screen.response.status_code == 422 and "begins on this day already" in " ".join(screen.errors)
    assert screen.press("draft", starts_on="2027-09-01").response.status_code == 303 and starts(app, billed.canteen) == before
    screen = Screen(clerk, billed.canteen, f"{page}modifier").press("save")
    assert screen.response.status_code == 303 and starts(app, billed.canteen) == [*before, "2027-09-01"]
    screen = Screen(clerk, billed.canteen, f"{page}modifier").press("draft")
    assert screen.response.status_code == 422 and starts(app, billed.canteen)[-1] == "2027-09-01"
    assert clerk.post(f"{other}supprimer", data={}).status_code == 303 and clerk.get(other).status_code == 404


def test_a_draft_over_billed_days_names_the_invoices_only_when_it_is_put_into_force(app, clerk, october):
    page = draft(clerk, october.canteen, starts_on="2026-10-02")
    screen = Screen(clerk, october.canteen, f"{page}modifier").press("save")
    assert screen.response.status_code == 422 and 'name="do" value="save-' in screen.response.text


def test_two_tables_are_compared_below_the_table_too(clerk, billed):
    page = draft(clerk, billed.canteen, starts_on="2027-09-01", membership="12,34", without="refuse")
    text = clerk.get(f"/mairie/tarifs/comparer?one={page.rstrip('/').rsplit('/')[-1]}&other={billed.canteen_grid}").text
    assert "€12.34, for each child" in text and "no price: the bill waits" in text and "the highest bracket" in text
    assert "the next one begins a cent later" in text


def test_a_membership_in_the_table_is_understood_shown_and_kept(app, clerk, billed):
    screen = Screen(clerk, billed.canteen)
    screen.press("paste", pasted="QF;Repas;Adhésion annuelle\n0 à 800;2,00;5\n801 et plus;4,00;10\nHors commune;6,00;20\n")
    screen.press("save", starts_on="2027-09-01", per_family="1", shared="1")
    assert screen.response.status_code == 303
    page = clerk.get(screen.response.headers["Location"]).text
    assert "as the table says, once a family, once for all activities whose tables say so" in page
    assert re.findall(r"<strong class=\"num\">(€[\d.]+)", page) == ["€2.00", "€5.00", "€4.00", "€10.00", "€4.00", "€10.00"]
    grid = kept(app, billed.canteen)["2027-09-01"]
    assert grid.membership == Membership(None, per_family=True, shared=True) and grid.columns[1].is_membership


def test_a_bracket_that_was_renamed_is_compared_by_its_limits():
    before = cast.table([cast.Column("Repas")], [("T1", "0", "400", ["1.00"]), ("T2", "400.01", None, ["2.00"])])
    after = cast.table(
        [cast.Column("Prix")], [("A", "0", "399.99", ["1.10"]), ("B", "400", "900", ["2.00"]), ("T3", "900.01", None, ["3.00"])]
    )
    columns, rows = compared(before, after)
    assert [(line.title, line.formerly) for line in columns] == [("Prix", "Repas")]
    said = [(line.title, line.formerly, pair.change) for line, (pair,) in rows]
    assert said == [("A", "T1", "up"), ("T2", "", "gone"), ("B", "", "new"), ("T3", "", "new")]

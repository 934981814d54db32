"""Are price tables understood as French towns publish them: titles, brackets, cells, whole tables that were copied?"""

from decimal import Decimal

import pytest
from flask_babel import force_locale

from app.activities.models import UnitKind
from app.billing import reading
from app.billing.brackets import Limits, bracket
from app.billing.exchange import from_csv
from app.billing.grid import Bounds, Cell, Residence, Stage
from app.billing.modifiers import TypedRule
from app.billing.table import read, typed_of
from app.billing.titles import read as read_title
from app.billing.validator import problems
from app.core.errors import DomainError
from tests.billing.tables import pay
from tests.billing.units import CARE, LEISURE, MEAL, services

#: Rules and words, without a database.
pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def english(ctx):
    with force_locale("en"):
        yield


def number(text):
    return None if text is None else Decimal(text)


@pytest.mark.parametrize(
    ("text", "low", "high", "above", "below"),
    [
        ("de 0 à 308", "0", "308", False, False),
        ("de 308,01 à 500", "308.01", "500", False, False),
        ("1400,01 et plus", "1400.01", None, False, False),
        ("1 400 €  et +", "1400", None, False, False),
        ("> 1400", "1400", None, True, False),
        ("QF supérieur à 1 400", "1400", None, True, False),
        ("plus de 1.400 €", "1400", None, True, False),
        ("moins de 450", None, "450", False, True),
        ("QF < 450", None, "450", False, True),
        ("QF inférieur ou égal à 450", None, "450", False, False),
        ("jusqu’à 450 €", None, "450", False, False),
        ("450 ≤ QF < 550", "450", "550", False, True),
        ("450 < QF <= 550", "450", "550", True, False),
        ("de 450 à moins de 550", "450", "550", False, True),
        ("supérieur à 450 et inférieur ou égal à 550", "450", "550", True, False),
        ("Tranche 1 : de 0 à 308", "0", "308", False, False),
        ("T2 (309-500)", "309", "500", False, False),
        ("QF1 : 0 - 300", "0", "300", False, False),
        ("1ère tranche : 0 à 300", "0", "300", False, False),
        ("B – 301 à 500 €", "301", "500", False, False),
        ("QF compris entre 301 et 500", "301", "500", False, False),
        ("≥ 1500", "1500", None, False, False),
        ("à partir de 1500", "1500", None, False, False),
    ],
)
def test_brackets(text, low, high, above, below):
    assert bracket(text) == Limits(number(low), number(high), above, below)


@pytest.mark.parametrize(
    "text", ["CCAS", "Extérieurs", "Tranche A", "T4", "2e enfant", "3-6 ans", "moins de 6 ans", "1/2 journée", "Tous", ""]
)
def test_what_is_no_bracket(text):
    assert bracket(text) is None


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("3,77", Cell(Decimal("3.77"))),
        ("3.77 €", Cell(Decimal("3.77"))),
        ("3€77", Cell(Decimal("3.77"))),
        ("12", Cell(Decimal(12))),
        ("gratuit", Cell(Decimal(0))),
        ("–", None),
        ("", None),
        ("0,36 %", Cell(rate=Decimal("0.36"))),
        ("0,36 % (2,60 – 4,50)", Cell(rate=Decimal("0.36"), floor=Decimal("2.60"), ceiling=Decimal("4.50"))),
        ("0,36 % du QF mini 2,60 € maxi 4,50 €", Cell(rate=Decimal("0.36"), floor=Decimal("2.60"), ceiling=Decimal("4.50"))),
        ("Plancher : 2,60 Taux : 0,36 % Plafond : 4,50", Cell(rate=Decimal("0.36"), floor=Decimal("2.60"), ceiling=Decimal("4.50"))),
        ("QF x 0,0036, max 4,50", Cell(rate=Decimal("0.36"), ceiling=Decimal("4.50"))),
        ("0,5 % (min 1,00)", Cell(rate=Decimal("0.5"), floor=Decimal(1))),
    ],
)
def test_cells(text, cell):
    assert reading.cell(text) == cell
    assert reading.cell(reading.cell_text(cell)) == cell


@pytest.mark.parametrize("text", ["sept", "3,775", "-3", "0,36 % (5 – 4)", "0,36 % (1 – 2 – 3)", "99999999999"])
def test_cells_that_say_nothing(text):
    with pytest.raises(ValueError, match=r"\w"):
        reading.cell(text)


@pytest.mark.parametrize(
    ("title", "units", "meant"),
    [
        ("Extérieurs", MEAL, {"residence": Residence.exterior}),
        ("Hors Saint-Exemple", MEAL, {"residence": Residence.exterior}),
        ("Non-résidents", MEAL, {"residence": Residence.exterior}),
        ("Saint-Exemple", MEAL, {"residence": Residence.resident}),
        ("Habitants de la commune", MEAL, {"residence": Residence.resident}),
        ("Agents communaux", MEAL, {"category": "Agents communaux"}),
        ("Repas adulte", MEAL, {"category": "Repas adulte"}),
        ("Repas PAI", MEAL, {"own_lunch": True}),
        ("Panier repas", MEAL, {"own_lunch": True}),
        ("Repas non réservé", MEAL, {"charges": frozenset({"missing"})}),
        ("Hors délai", MEAL, {"charges": frozenset({"late"})}),
        ("Absence injustifiée", MEAL, {"charges": frozenset({"unannounced", "told_late"})}),
        ("Maternelle", MEAL, {"stage": Stage.nursery}),
        ("Élémentaire", MEAL, {"stage": Stage.primary}),
        ("Maternelle et élémentaire", MEAL, {}),
        ("3-5 ans", MEAL, {"ages": (3, 5)}),
        ("moins de 6 ans", MEAL, {"ages": (0, 5)}),
        ("6 ans et plus", MEAL, {"ages": (6, None)}),
        ("1er enfant", MEAL, {"ranks": (1, 1)}),
        ("2ème et 3ème enfant", MEAL, {"ranks": (2, 3)}),
        ("à partir du 3e enfant", MEAL, {"ranks": (3, None)}),
        ("Troisième enfant et suivants", MEAL, {"ranks": (3, None)}),
        ("Famille de 2 enfants", MEAL, {"children": (2, 2)}),
        ("3 enfants et plus", MEAL, {"children": (3, None)}),
        ("CAF", MEAL, {"funds": frozenset({"caf"})}),
        ("Régime agricole (MSA)", MEAL, {"funds": frozenset({"msa"})}),
        ("Accueil du soir", CARE, {"units": frozenset({2})}),
        ("½ journée avec repas", LEISURE, {"units": frozenset({3})}),
        ("1/2 journée sans repas", LEISURE, {"units": frozenset({2})}),
        ("Journée", LEISURE, {"units": frozenset({1})}),
        ("Journée extérieurs", LEISURE, {"units": frozenset({1}), "residence": Residence.exterior}),
        ("Prix", MEAL, {}),
    ],
)
def test_titles(title, units, meant):
    head = read_title(title, units, town="Saint-Exemple").head
    assert {name: value for name, value in vars(head).items() if value and name != "title"} == meant


def taken(text, units, **more):
    """The Grid of a table that was copied, which the validator finds whole."""
    found = from_csv(text, units)
    for name, value in more.items():
        setattr(found.typed, name, value)
    result = read(found.typed, units)
    assert result.problems == [] and problems(result.grid, units) == []
    assert all(head.auto for head in (*typed_of(result.grid, units).rows, *typed_of(result.grid, units).columns))
    return result.grid


def test_two_lines_of_titles_and_cells_that_span():
    grid = taken(
        "\tRésidents\t\tExtérieurs\t\nQF\tMatin\tSoir\tMatin\tSoir\n"
        "Moins de 400\t1,00\t1,20\t2\t2,20\n400 à 799\t1,10\t1,30\t2,10\t2,30\n800 et plus\t1,20\t1,40\t2,20\t2,40\n"
        "Sans justificatif\t1,50\t1,60\t3\t3,00\n",
        CARE,
    )
    assert grid.bounds is Bounds.to_euro
    assert [pay(grid, 2, quotient="399.99"), pay(grid, 1, quotient=400), pay(grid, 2), pay(grid, 1, residence=Residence.exterior)] == [
        "1.20",
        "1.10",
        "1.60",
        "3.00",
    ]


def test_limits_in_columns_of_their_own():
    grid = taken("Tranche;De;À;Maternelle;Élémentaire\nT1;0;300;2;2,2\nT2;301;600;3;3,2\nT3;601;;4;4,20\nHors commune;;;6;6\n", MEAL)
    assert [pay(grid, quotient=600, stage="nursery"), pay(grid, quotient=601, stage="primary")] == ["3.00", "4.20"]
    assert pay(grid, quotient=10, stage="primary", residence=Residence.exterior) == "6.00"


def test_names_of_brackets_in_a_column_before_them():
    grid = taken("A\tQF\tMaternelle\tÉlémentaire\nA\t0 à 290\t0,82\t0,95\nB\t291 et plus\t1,20\t1,30\nHors commune\t\t6,5\t6,7", MEAL)
    assert [pay(grid, quotient=290, stage="nursery"), pay(grid, quotient=291, stage="primary")] == ["0.82", "1.30"]


def test_services_down_and_places_across():
    text = "Prestation;Commune;Hors commune\nRepas enfant;3,50;5\nRepas PAI;1,50;2\nRepas adulte;6;6\nRepas non réservé;7;7,00\n"
    grid = taken(text, MEAL)
    assert [pay(grid), pay(grid, residence=Residence.exterior), pay(grid, own_lunch=True), pay(grid, charge="missing")] == [
        "3.50",
        "5.00",
        "1.50",
        "7.00",
    ]
    assert pay(grid, categories=frozenset({"repas adulte"})) == "6.00"


def test_brackets_across_and_services_down():
    grid = taken("Service;QF 0-600;QF 601-1200;QF > 1200;Hors commune\nMatin;1;2;3;4\nSoir;1,5;2,5;3,5;4,5\n", CARE)
    assert [pay(grid, 2, quotient=600), pay(grid, 1, quotient=1201), pay(grid, 2, residence=Residence.exterior)] == ["1.50", "3.00", "4.50"]


def test_half_price_from_the_third_child_and_a_late_surcharge():
    rules = [TypedRule("rank", "percent_less", "50", "3"), TypedRule("late", "more", "1,00"), TypedRule("unannounced", "times", "2")]
    grid = taken(";Prix\nTarif unique;4,20\n", MEAL, rules=rules)
    assert [pay(grid, rank=2), pay(grid, rank=3), pay(grid, rank=3, charge="late"), pay(grid, charge="unannounced")] == [
        "4.20",
        "2.10",
        "3.10",
        "8.40",
    ]


def test_upper_limits_alone_and_lower_limits_alone():
    upper = taken("QF;Prix\nQF ≤ 800;1\nQF ≤ 1000;2\nQF > 1000;3\n", MEAL)
    assert [pay(upper, quotient=value) for value in (800, "800.01", 1000, "1000.01")] == ["1.00", "2.00", "2.00", "3.00"]
    lower = taken("QF;Prix\nà partir de 0;1\nà partir de 450;2\nà partir de 900;3\n", MEAL)
    assert [pay(lower, quotient=value) for value in (0, "449.99", 450, 900)] == ["1.00", "1.00", "2.00", "3.00"]


def test_a_quotient_that_two_careless_brackets_leave_out_belongs_to_one_of_them():
    careless = taken("QF;Prix\nInférieur à 350 €;1\nDe 351 € à 450 €;2\nSupérieur à 451 €;3\n", MEAL)
    assert [pay(careless, quotient=value) for value in (350, 351, 450, 451)] == ["1.00", "2.00", "2.00", "3.00"]
    strict = taken("QF;Prix\nQF < 500;1\n500 < QF < 1000;2\nQF > 1000;3\n", MEAL)
    assert [pay(strict, quotient=value) for value in ("499.99", 500, 1000)] == ["1.00", "2.00", "3.00"]


def test_brackets_from_the_highest_down():
    grid = taken("QF;Prix\nplus de 1000;3\nde 501 à 1000;2\nde 0 à 500;1\n", MEAL)
    assert [pay(grid, quotient=value) for value in (500, 501, 1000, 1001, None)] == ["1.00", "2.00", "2.00", "3.00", "3.00"]


def test_lines_around_a_table_are_handed_back():
    found = from_csv("Tarifs 2027;;\nQF;Prix;\nTous;3,50;\nPaiement sous 30 jours;;\n", MEAL)
    assert found.left_out == ["Tarifs 2027", "Paiement sous 30 jours"] and [row.title for row in found.typed.rows] == ["Tous"]


@pytest.mark.parametrize("text", ["", "bonjour", "a;b\nc;d\n", "1;2\n3;4\n", "\x00\x01"])
def test_what_is_no_table(text):
    with pytest.raises(DomainError):
        from_csv(text, MEAL)


@pytest.mark.parametrize(
    "text",
    [
        ";;Prix\n;pour;unité=Piscine\nTous;tous;3\n",
        ";;Prix\n;pour;couleur=bleu\nTous;tous;3\n",
        ";;Prix\n;pour;tous\nTous;tous;3\n\nLimites des tranches;au hasard\n",
    ],
)
def test_a_file_of_ours_with_a_word_that_nobody_knows(text):
    with pytest.raises(DomainError, match="“"):
        from_csv(text, CARE)


def test_surcharges_in_rows_become_rules():
    grid = taken("QF;Prix\n≤ 500;2\n> 500;4\nMajoration hors délai;+ 1,00 €\nHors commune;+50 %\n3e enfant et plus;-50%\n", MEAL)
    assert len(grid.rows) == 2 and len(grid.modifiers) == 3
    assert [pay(grid, charge="late"), pay(grid, residence=Residence.exterior), pay(grid, rank=3, quotient=100)] == ["5.00", "6.00", "1.00"]


def test_a_rate_with_its_floor_and_ceiling_in_columns():
    grid = taken("Service;Taux d'effort;Plancher;Plafond\nMatin;0,10 %;0,50 €;2,00 €\nSoir;0,0025;0,80;3\n", CARE)
    assert [pay(grid, 1, quotient=1000), pay(grid, 1, quotient=100)] == ["1.00", "0.50"]
    assert [pay(grid, 2, quotient=1000), pay(grid, 2)] == ["2.50", "3.00"]


def test_one_title_for_two_services_of_a_kind():
    halves = services(("Matin", UnitKind.half_day), ("Après-midi", UnitKind.half_day), ("Journée", UnitKind.day))
    grid = taken("QF;Demi-journée;Journée entière\nTous;4;9\n", halves)
    assert [pay(grid, number) for number in (1, 2, 3)] == ["4.00", "4.00", "9.00"]
    english = services(("Morning", UnitKind.half_day), ("Afternoon", UnitKind.half_day), ("Day", UnitKind.day))
    grid = taken("QF;Matin;Après-midi;Journée\nTous;4;5;9\n", english)
    assert [pay(grid, number) for number in (1, 2, 3)] == ["4.00", "5.00", "9.00"]


def test_a_surcharge_in_a_cell_is_sent_below_the_table():
    for text in ("+2,00 €", "+ 20 %", "-50 %", "x 2"):
        with pytest.raises(ValueError, match="below the table"):
            reading.cell(text)

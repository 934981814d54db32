"""Is what real towns write read rightly, or refused with a sentence: brackets, prices, formulas, titles, whole tables?"""

from decimal import Decimal

import pytest
from flask_babel import force_locale

from app.activities.models import UnitKind
from app.billing import reading
from app.billing.brackets import Limits, bracket
from app.billing.exchange import from_csv
from app.billing.grid import Cell, Column, Grid, Residence, Row
from app.billing.modifiers import TypedRule
from app.billing.pricing import Situation, price
from app.billing.reasons import explain
from app.billing.table import Typed, TypedHead, moved, read, typed_of
from app.billing.validator import findings, problems
from app.core.errors import DomainError
from tests.billing.tables import pay, taken, whole
from tests.billing.units import CARE, MEAL, services

#: Rules and words, without a database.
pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def english(ctx):
    with force_locale("en"):
        yield


def limits(text):
    """Limits of “400..600”; a parenthesis leaves the limit out."""
    low, high = text.split("..")
    return Limits(
        Decimal(low.strip("[(")) if low.strip("[(") else None,
        Decimal(high.strip("])")) if high.strip("])") else None,
        low.endswith("("),
        high.startswith(")"),
    )


@pytest.mark.parametrize(
    ("meant", "texts"),
    [
        (
            "..)400",
            "- de 400|– de 400|moins de 400 €|inf. à 400|Inf à 400|inférieur à 400|QF < à 400|QF<400|400 > QF|T1 - de 400|A : - de 400",
        ),
        ("..)400", "T1 (- de 400)|strictement inférieur à 400|quotient inférieur à 400 €|Quotient familial < 400|QF inférieur à 400 euros"),
        (
            "..400",
            "< ou = 400|≤400|QF ≤ 400|QF <= 400|QF =< 400|jusqu'à 400|jusqu’à 400 €|400 et moins|400 € et moins|inférieur ou égal à 400",
        ),
        ("..400", "Inf ou égal à 400|inf. ou égal à 400|égal ou inférieur à 400|QF max 400|maximum 400|T1 : QF<=400|au plus 400|400 >= QF"),
        ("1200(..", "+ de 1200|plus de 1 200 €|sup. à 1200|supérieur à 1 200|QF > 1200|>1200|1200 < QF|au-delà de 1200|T6: QF > 1 200"),
        (
            "1200..",
            "> ou = 1200|≥ 1200|QF >= 1200|=> 1200|à partir de 1200|à compter de 1200|dès 1200|1200 et plus|1 200 € et plus|1200+|1200 +",
        ),
        (
            "1200..",
            "1 200 et +|1200 et au-delà|supérieur ou égal à 1200|sup ou égal à 1200|égal ou supérieur à 1200|1200 <= QF|T5 : 1200 et plus",
        ),
        (
            "401..600",
            "de 401 € à 600 €|401 à 600|401-600|401 – 600|401—600|401/600|401 → 600|entre 401 et 600|compris entre 401 et 600|401 < 600",
        ),
        (
            "401..600",
            "QF 401-600|QF : 401 à 600|T2 : 401-600|T2 401-600|Tranche B : 401-600|B 401-600|QF2 : 401 à 600|QF2 401-600|Cat. 2 : 401-600",
        ),
        (
            "401..600",
            "401≤QF≤600|401 <= QF <= 600|600 >= QF >= 401|≥ 401 et ≤ 600|2 - 401 à 600|Tranche n°2 : de 401 à 600|Tarif 2 (QF 401 à 600)",
        ),
        (
            "401..600",
            "QF compris entre 401 € et 600 €|[401-600]|401 à 600 inclus|2ème tranche : 401 à 600|T2 (de 401 à 600 €)|401,00 à 600,00",
        ),
        ("1001..1200", "de 1 001 à 1 200|1\u00a0001 à 1\u00a0200|1\u202f001 – 1\u202f200 €|QF 1.001 à 1.200|de 1001€ à 1200€"),
        ("400(..600", "400 < QF ≤ 600|> 400 et ≤ 600|supérieur à 400 et jusqu'à 600|<= 600 et > 400|plus de 400 à 600|600 ≥ QF > 400"),
        ("400..)600", "400 ≤ QF < 600|de 400 à moins de 600|à partir de 400 et inférieur à 600"),
        ("400(..)600", "400 < QF < 600|QF > 400 et < 600"),
    ],
)
def test_brackets(meant, texts):
    assert {text: bracket(text) for text in texts.split("|")} == dict.fromkeys(texts.split("|"), limits(meant))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "1/4 heure",
            "1/2 journée",
            "2-3e enfant",
            "2 enfants et plus",
            "3 enfants et +",
            "à partir du 3e",
            "5 à 10 repas",
            "4 jours",
            "T4",
        ),
        *(
            "7h30-8h30",
            "16h30 à 18h30",
            "16 - 18 h",
            "de 16h à 18h",
            "avant 8h",
            "Tarif 2025-2026",
            "2025/26",
            "Année 2025",
            "au 01/09/2025",
        ),
        *("à partir du 1er septembre 2025", "Semaine 5 jours", "moins de 6 ans", "de 3 à 6 ans"),
    ],
)
def test_other_numbers_are_no_bracket(text):
    assert bracket(text) is None


def cell(rate=None, constant=None, floor=None, ceiling=None, amount=None):
    return Cell(*(None if one is None else Decimal(one) for one in (amount, rate, floor, ceiling, constant)))


@pytest.mark.parametrize(
    ("meant", "texts"),
    [
        (cell(amount="2.50"), "2,50 (1)|2,50*|2,50 ¹|2,50 €/enfant|2,50 € TTC|2,500|2.50|2€50|2,50 € (a)"),
        (cell(amount="0.50"), ".50|,50|0,5 €"),
        (cell(amount="3.77"), "3,770|3,77|3.77 €"),
        (cell(amount="1250"), "1 250|1\u00a0250,00 €|1.250,00|1250"),
        (cell(amount=0), "Gratuit|Gratuité|gratuité (1)|Gratuit*|exonéré|0 €"),
        (cell("0.5"), "QF/200|QF / 200|0,5 %|0,5 % du QF|QF x 0,5 %|0,005 QF|QF * 0,005|0.5 % du quotient familial|taux : 0,5 %"),
        (cell("0.357"), "0.357 %|0,357 %|QF x 0.00357"),
        (
            cell("0.3", "1.20"),
            "QF x 0,003 + 1,20|(QF x 0,003) + 1,20|1,20 + QF x 0,003|1,20 € + (0,003 × QF)|0,3 % + 1,20|0,003 QF + 1,20 €",
        ),
        (cell("0.3", "-1.20"), "QF x 0,003 - 1,20|QF × 0,003 – 1,20|(QF - 400) x 0,003"),
        (cell("-0.2", "5.40", "1.20", "5.40"), "5,40 - 0,2 % du QF (min 1,20 max 5,40)|5,40 – QF x 0,002, mini 1,20 € et maxi 5,40 €"),
        (
            cell("0.3", "1.20", "2", "5"),
            "QF x 0,003 + 1,20 (2 – 5)|QF x 0,003 + 1,20, minimum 2 €, maximum 5 €|min 2 max 5 : 1,20 + 0,3 % QF",
        ),
        (
            cell("0.35", None, "1.20", "5.40"),
            "0,35 % (1,20 – 5,40)|0,35 % entre 1,20 et 5,40|0,35 % min 1,20 max 5,40|0,35 % 1,20 mini 5,40 maxi",
        ),
        (cell("0.35", None, "1.20", "5.40"), "0,35 % avec un minimum de 1,20 € et un maximum de 5,40 €|1,20 mini – 0,35 % – 5,40 maxi"),
        (
            cell("0.35", None, "1.20", "5.40"),
            "0,35 % (mini 1,20 €, maxi 5,40 €)|plancher 1,20 / plafond 5,40 / taux 0,35 %|0,35 % de 1,20 à 5,40",
        ),
        (cell("0.35", None, None, "5.40"), "0,35 % (max 5,40)|0,35 %, plafonné à 5,40 €|0,35 % (– 5,40)|≤ 5,40 : 0,35 %"),
    ],
)
def test_prices_and_formulas(meant, texts):
    for text in texts.split("|"):
        assert reading.cell(text) == meant, text
        assert reading.cell(reading.cell_text(meant)) == meant


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1.250", "“1.250” may be 1250 or 1,25"),
        ("0.357", "write a price"),
        ("2,505", "write a price"),
        ("min 1,20 max 5,40", "write a price"),
        ("3,5/2,5", "write a price"),
        ("45 €/mois", "would be charged for each booking"),
        ("30 € par semaine", "would be charged for each booking"),
        ("majoration de 50 %", "is a rule"),
        ("5 % de réduction", "is a rule"),
        ("demi-tarif", "is a rule"),
        ("QF x QF", "write a rate"),
        ("QF/0", "write a rate"),
        ("QF", "write a rate"),
        ("QF x 1.250", "write a rate"),
        ("0,36 % (2,60)", "write a rate"),
        ("0,36 % QF (2,60)", "write a rate"),
        ("0,06 % des ressources", "write a rate"),
        ("0,36 % (5,40 – 1,20)", "the least price is above the greatest"),
    ],
)
def test_cells_that_are_refused(text, words):
    with pytest.raises(ValueError, match=words):
        reading.cell(text)


def test_a_constant_is_added_to_the_rate_and_said():
    grid = whole("QF;Prix\nTous;QF x 0,003 + 1,20 (max 9)\n")
    assert [pay(grid, quotient=value) for value in (0, 1000, 1001, 5000, None)] == ["1.20", "4.20", "4.20", "9.00", "9.00"]
    reason = price(grid, 1, Situation(Decimal(1000))).reason
    assert "0.3 % of the quotient, and €1.20, at most €9.00." in explain(reason)


def test_a_price_that_falls_with_the_quotient_between_two_bounds():
    grid = whole("QF;Prix\nTous;5,40 - 0,2 % QF (min 1,20 max 5)\n")
    assert [pay(grid, quotient=value) for value in (0, 200, 1000, 3000, None)] == ["5.00", "5.00", "3.40", "1.20", "5.00"]
    assert "€5.40 less 0.2 % of the quotient, from €1.20 to €5.00." in explain(price(grid, 1, Situation(Decimal(1000))).reason)


def test_a_third_of_a_percent_is_rounded_half_up():
    grid = whole("QF;Prix\nTous;QF / 300 (max 9)\n")
    assert [pay(grid, quotient=value) for value in (900, "901.50", 901)] == ["3.00", "3.01", "3.00"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (cell("-0.2"), "begins above zero"),
        (cell("-0.2", "5.40"), "write the least price"),
        (cell("0.3", "-1.20"), "write the least price"),
        (cell("-12", "5.40", "1"), "between 0 and 10 percent"),
    ],
)
def test_formulas_that_the_validator_refuses(given, words):
    grid = Grid((Row("all"),), (Column("Price"),), ((given,),))
    assert [problem.place for problem in findings(grid, MEAL)] == ["cell-0-0"] and words in problems(grid, MEAL)[0]


@pytest.mark.parametrize(
    ("row", "kinds"),
    [
        ("Majoration hors commune;+ 1,50 €", ["residence"]),
        ("Majoration extérieurs;+ 1,50 €", ["residence"]),
        ("Majoration hors commune;1,50 €", ["residence"]),
        ("Hors commune;majoration de 50 %", ["residence"]),
        ("Hors commune;double", ["residence"]),
        ("Majoration PAI;+ 1,50 €", ["own_lunch"]),
        ("Majoration 2e enfant;+ 1,50 €", ["rank"]),
        ("Réduction 2e enfant;10 %", ["rank"]),
        ("2e enfant;remise de 10 %", ["rank"]),
        ("Pénalité hors délai;2 €", ["late"]),
        ("Majoration;+ 1,50 €", ["late", "missing"]),
    ],
)
def test_a_surcharge_is_for_those_whom_its_title_names(row, kinds):
    grid, wrong = taken(f"Tarif;Prix\nTous;3\n{row}\n")
    assert wrong == [] and [modifier.kind.value for modifier in grid.modifiers] == kinds
    assert pay(grid, charge="late") == pay(grid) or "late" in kinds


def test_a_raised_price_for_those_from_elsewhere_is_not_one_for_latecomers():
    grid = whole("QF;Tarif commune;Tarif majoré hors commune\n0-400;1;2\n401 et plus;2;3\n")
    exterior = {"residence": Residence.exterior}
    assert [pay(grid, quotient=0), pay(grid, quotient=0, charge="late"), pay(grid, quotient=0, **exterior)] == ["1.00", "1.00", "2.00"]
    raised = whole("QF;Tarif;Tarif majoré\n0-400;1;2\n401 et plus;2;3\n")
    assert [pay(raised, quotient=0), pay(raised, quotient=0, charge="late")] == ["1.00", "2.00"]


@pytest.mark.parametrize(
    "text",
    [
        "QF    Matin    Soir\n0 à 400    3,77    2,20\n401 et plus    4,10    2,50\n",
        "Matin    Soir\n0 à 400    3,77    2,20\n401 et plus    4,10    2,50\n",
        "| QF | Matin | Soir |\n|---|---|---|\n| 0 à 400 | 3,77 | 2,20 |\n| 401 et plus | 4,10 | 2,50 |\n",
        "QF | Matin | Soir\n0 à 400 | 3,77 | 2,20\n401 et plus | 4,10 | 2,50\n",
        "QF\tMatin\tSoir\n0 à 400\t3,77\t2,20\n401 et plus\t4,10\t2,50\n",
        'QF,Matin,Soir\n0 à 400,"3,77","2,20"\n401 et plus,"4,10","2,50"\n',
        "QF, Matin, Soir\n0 à 400, 3.77, 2.20\n401 et plus, 4.10, 2.50\n",
    ],
)
def test_a_table_that_was_copied_from_a_pdf_or_a_page(text):
    grid = whole(text, CARE)
    assert [pay(grid, unit, quotient=value) for unit in (1, 2) for value in (0, 401)] == ["3.77", "4.10", "2.20", "2.50"]


def test_a_line_with_fewer_cells_is_not_moved_to_the_left():
    with pytest.raises(DomainError, match="“CCAS 1,20”: it is not clear which prices"):
        from_csv("QF    Matin    Soir\n0 à 400    3,77    2,20\n401 et plus    4,10    2,50\nCCAS        1,20\n", CARE)


def test_one_price_needs_no_title():
    assert pay(whole("Tarif unique;3,50")) == "3.50"
    assert taken("Tarif unique;3,50;4", CARE)[1] == ["Give it a title, or take it away."] * 2


def test_other_funds_are_those_that_no_title_names():
    grid = whole("QF;MSA;Autres régimes\nTous;3;4\n")
    assert [pay(grid, fund=fund) for fund in ("msa", "caf", "none")] == ["3.00", "4.00", "4.00"]
    grid = whole("QF;CAF;MSA;Autres régimes\nTous;2;3;4\n")
    assert [pay(grid, fund=fund) for fund in ("caf", "msa", "none")] == ["2.00", "3.00", "4.00"]


def test_a_membership_is_no_row():
    grid = whole("QF;Prix\nTous;3\nAdhésion annuelle;15\n")
    assert (str(grid.membership.amount), grid.membership.per_family, len(grid.rows)) == ("15", False, 1)
    grid = whole("QF;Commune;Hors commune\nTous;3;4\nAdhésion familiale;15;20\n")
    assert (str(grid.membership.amount), str(grid.membership.exterior), grid.membership.per_family) == ("15", "20", True)
    assert taken("QF;Matin;Soir\nTous;3;4\nAdhésion;15;20\n", CARE)[1] == ["No price for the yearly membership."]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("QF;Forfait mensuel\nTous;45", "for each booking"),
        ("QF;Prix\nSemaine 5 jours;45", "for each booking"),
        ("QF;Annuel\nTous;45", "for each booking"),
        ("QF;Forfait\nTous;45", "for each booking"),
        ("QF;Carte de 10 repas\nTous;45", "for each booking"),
        ("QF;1 enfant à charge;2 enfants à charge\nTous;3;2", "not dependants"),
        ("QF;Prix\nMoins de 20 000 € de revenus;3\nPlus de 20 000 € de revenus;4", "is an income"),
        ("QF;Prix\nTous;3\nMajoration samedi;+ 1 €", "write it as a rule"),
        ("QF;Prix;Tarif majoré samedi\nTous;3;4", "who pays more"),
        ("QF;Prix\nTous;3\nDépart tardif;10", "fetched late"),
        ("QF;Prix\nTous;3\nRetard après 18h30;10", "fetched late"),
        ("QF;Prix\nTous;2,50 €/h", "what is booked: Repas (meal)"),
        ("QF;Demi-heure\nTous;2", "by this length of time"),
        ("QF;Prix 57\nTous;2", "the number 57 was not understood"),
        ("QF;Prix\nTous;1.250", "“Tous”, “Prix”: “1.250” may be 1250 or 1,25"),
    ],
)
def test_what_would_be_read_wrongly_is_refused(table, words):
    assert words in taken(table)[1][0]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("Revenus annuels;Prix\nmoins de 20 000;3", "is an income"),
        ("Nombre d'enfants à charge;Prix\n1 enfant;3\n2 enfants;2", "not dependants"),
    ],
)
def test_a_table_that_goes_by_something_else_is_refused(table, words):
    with pytest.raises(DomainError, match=words):
        from_csv(table, MEAL)


def test_a_doubt_is_lifted_by_hand_or_by_a_service_of_that_name():
    typed = Typed([TypedHead("Tous")], [TypedHead("Forfait mensuel")], [["45"]])
    assert len(read(typed, MEAL).problems) == 1
    typed.columns[0].auto = False
    found = read(typed, MEAL)
    assert found.problems == [] and read(typed_of(found.grid, MEAL), MEAL).grid == found.grid
    weeks = services(("Semaine 5 jours", UnitKind.day), ("Semaine 4 jours", UnitKind.day))
    grid = whole("QF;Semaine 5 jours;Semaine 4 jours\nTous;45;40\n", weeks)
    assert [pay(grid, 1), pay(grid, 2)] == ["45.00", "40.00"]


def test_days_and_times_beside_a_title_change_nothing():
    grid = whole("QF;Matin 7h30-8h30;Soir (16h30 à 18h30)\nTarifs à partir du 1er septembre 2025;1;2\n", CARE)
    assert [pay(grid, 1), pay(grid, 2), pay(grid, 2, rank=2)] == ["1.00", "2.00", "2.00"]


def test_a_table_moves_to_an_activity_with_other_services():
    grid = whole("QF;Matin;Soir\nTous;1;2\nMajoration hors commune;+1\n", CARE)
    typed = typed_of(grid, CARE)
    typed.columns[0].auto = False
    typed.rules += [TypedRule("late", "more", "1", units=["2"]), TypedRule("missing", "more", "2", units=["1"])]
    others = services(("Soir", UnitKind.hour), ("Nuit", UnitKind.hour))
    assert moved(typed, CARE, others) == ["came without a booking: adds (€) 2"]
    assert (typed.columns[0].auto, typed.columns[1].details.units, typed.rules[-1].units) == (True, ["1"], ["1"])

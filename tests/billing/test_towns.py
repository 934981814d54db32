"""Are tables read rightly as towns published them, with their sections, careless limits, footnotes and people's names?"""

from dataclasses import dataclass

import pytest
from flask_babel import force_locale

from app.activities.models import UnitKind
from app.billing import titles
from app.billing.exchange import from_csv
from app.billing.grid import Residence
from app.billing.validator import hints
from app.core.errors import DomainError
from tests.billing.tables import pay, taken, whole
from tests.billing.units import MEAL, services

#: Rules and words, without a database.
pytestmark = pytest.mark.once

SESSIONS = services(("Matin", UnitKind.half_day), ("Soir", UnitKind.half_day))
DAY = services(("Journée", UnitKind.day))
HALF_HOURS = services(("Accueil du matin", UnitKind.half_hour), ("Accueil du soir", UnitKind.half_hour))
DAYS = services(
    ("Journée avec repas", UnitKind.day, True),
    ("Demi-journée sans repas", UnitKind.half_day),
    ("Demi-journée avec repas", UnitKind.half_day, True),
)
LUNCH_AND_CARE = services(("Repas", UnitKind.meal, True), ("Accueil périscolaire", UnitKind.half_hour))
THREE = services(("CLAE matin", UnitKind.half_day), ("CLAE soir", UnitKind.half_day), ("Repas", UnitKind.meal, True))


@dataclass(frozen=True)
class Table:
    """A table as it was published (figures are those of real towns, rows were left out), and what some children pay.

    Cells are parted by ; or, where it was copied from a page, by ⇥. A case: service, quotient (- for none), what else there is = price.
    """

    name: str
    services: list
    text: str
    cases: str
    town: str = "Saint-Exemple"


FLAGS = {
    "ext": {"residence": Residence.exterior},
    "pai": {"own_lunch": True},
    **{fund: {"fund": fund} for fund in ("caf", "msa")},
    **{stage: {"stage": stage} for stage in ("nursery", "primary")},
    **{charge: {"charge": charge} for charge in ("late", "missing", "unannounced")},
}


def situation(words):
    """(unit, what pay() takes) of “2 400 ext rank=3”."""
    unit, quotient, *rest = words.split()
    given = {"quotient": None if quotient == "-" else quotient}
    for word in rest:
        name, equals, value = word.partition("=")
        given |= {name: int(value)} if equals else FLAGS[word]
    if "rank" in given:
        given.setdefault("children", given["rank"])
    return int(unit), given


TABLES = [
    Table(
        "sections of residents and others, a surcharge in words, own lunch beside care",
        LUNCH_AND_CARE,
        """⇥Quotient familial mensuel⇥Prix du repas⇥Accueil PAI⇥Accueil périscolaire demi-heure
RONCQUOIS
1⇥< 400€⇥0,50 €*⇥0,50 €⇥0,16€***
2⇥de 400€ à < 1 900€⇥1,75 €⇥0,80 €⇥0,70 €
8⇥> 1 900€⇥4,90 €⇥1,00 €⇥1,45 €
NON RONCQUOIS
1⇥< 800€⇥6,50 €⇥1,00 €⇥1,95 €
3⇥> 800€⇥6,50 €⇥1,00 €⇥2,05 €
Majoration en cas de non pré-inscription dans le délai requis⇥2,50 € au tarif appliqué""",
        "1 399 = 0.50; 1 400 = 1.75; 1 1900 = 4.90; 1 500 pai = 0.80; "
        "2 500 pai = 0.70; 1 500 ext = 6.50; 2 900 ext = 2.05; 1 500 missing = 4.25",
        "Roncq",
    ),
    Table(
        "a section whose price asks for no quotient",
        MEAL,
        "QF;Prix\nEnfants de la commune;\n0 à 400;1\n401 et plus;2\nEnfants hors commune;\nTarif unique;5\nPAI;0,50",
        "1 10 = 1.00; 1 500 = 2.00; 1 10 ext = 5.00; 1 500 ext = 5.00; 1 500 pai = 0.50; 1 500 ext pai = 0.50",
    ),
    Table(
        "sections of services",
        DAYS,
        "QF;Commune;Extérieur\nJOURNÉE AVEC REPAS\n0 à 400;8;12\n401 et +;10;14\nDEMI-JOURNÉE SANS REPAS\n0 à 400;3;5\n401 et +;4;6\n"
        "DEMI-JOURNÉE AVEC REPAS\n0 à 400;6;8\n401 et +;7;9",
        "1 0 = 8.00; 2 401 = 4.00; 3 401 ext = 9.00; 3 0 = 6.00",
    ),
    Table(
        "below and above the same quotient, outside a regroupement",
        SESSIONS,
        "Enfant du regroupement\n;Périscolaire Matin (7h30- 8h45);Périscolaire du Soir (16h45 – 18h30)\nQuotient Familial < 799;2€;3€\n"
        "Quotient Familial > 800;2.20€;3.20€\nEnfant hors regroupement\nQuotient Familial < 799;3€;4€\nQuotient Familial > 800;3.20€;4.20€",
        "1 799 = 2.00; 1 800 = 2.20; 2 800 ext = 4.20",
    ),
    Table(
        "one title over both limits, a lower price for the third child, a medical protocol",
        MEAL,
        "Restauration scolaire – tarifs 2023\nRepas régulier;Tranche;Quotient familial;;Tarif;3ème enfant\n;1;0;599;1.00 €;1.00 €\n"
        ";2;600;999;3.05 €;1.53 €\n;4;1000;et +;3.15 €;1.58 €\nRepas occasionnel;;;;3.70 €;\nEnfant avec protocole médical;;;;0.64 €;",
        "1 599 = 1.00; 1 600 = 3.05; 1 700 rank=3 = 1.53; 1 1500 rank=2 = 3.15; 1 700 pai = 0.64",
    ),
    Table(
        "limits in columns with longer titles",
        MEAL,
        "Quotient familial CAF minimum (€);Quotient familial CAF maximum (€);Tarif d’un repas\n0 à;600;1,15\n"
        "600,01;840,00;1,55\n840,01;;5,95",
        "1 600 = 1.15; 1 600.01 = 1.55; 1 3000 = 5.95",
    ),
    Table(
        "funds above brackets",
        DAY,
        ";Régime général et MSA;;Autres régimes\n;QF 0<300;QF >301;\nJournée de 9h00 à 17h00*;6,73 €;7.13 €;18.89 €",
        "1 300 caf = 6.73; 1 301 msa = 7.13; 1 301 = 18.89; 1 - caf = 7.13",
    ),
    Table(
        "a title once for two rows",
        services(("Journée avec repas", UnitKind.day, True), ("Journée sans repas", UnitKind.day)),
        "QUOTIENT FAMILIAL;;De 0 à 400€;Plus de 401€\nJOURNEE AVEC REPAS;Allocataires CAF;2,00 €;7,00 €\n"
        ";Allocataires MSA et non allocataires;4,00 €;7.50 €\nJOURNEE SANS REPAS;Allocataires CAF;1,00 €;6,00 €\n"
        ";Allocataires MSA et non allocataires;3,00 €;6.00 €",
        "1 400 caf = 2.00; 1 400 msa = 4.00; 1 400 = 4.00; 2 100 caf = 1.00; 2 100 = 3.00; 2 401 msa = 6.00",
    ),
    Table(
        "the same, copied from a page, which leaves out the cells that others span",
        services(("Journée avec repas", UnitKind.day, True), ("Journée sans repas", UnitKind.day)),
        "⇥⇥De 0 à 400€⇥Plus de 401€\nJOURNEE AVEC REPAS⇥Allocataires CAF⇥2,00 €⇥7,00 €\nAutres régimes⇥4,00 €⇥7.50 €\n"
        "JOURNEE SANS REPAS⇥Allocataires CAF⇥1,00 €⇥6,00 €\nAutres régimes⇥3,00 €⇥6.00 €",
        "1 400 caf = 2.00; 1 400 msa = 4.00; 2 100 caf = 1.00; 2 100 = 3.00",
    ),
    Table(
        "titles that span, copied from a page",
        SESSIONS,
        "QF⇥Commune⇥Hors commune\nMatin⇥Soir⇥Matin⇥Soir\n0 à 400⇥1⇥2⇥3⇥4\n401 et +⇥2⇥3⇥4⇥5",
        "1 0 = 1.00; 2 0 = 2.00; 1 0 ext = 3.00; 2 0 ext = 4.00; 2 401 = 3.00",
    ),
    Table(
        "one title over all columns, copied from a page",
        DAY,
        "Quotient familial⇥CENTRES DE LOISIRS PETITES VACANCES MATERNELLE ET ELEMENTAIRE\n1er ENF⇥2ème ENF⇥3ème ENF⇥EXTERIEUR\n"
        "0 à 308⇥3,77 €⇥3,42 €⇥3,10 €⇥12,00 €\n308,01 et +⇥5,53 €⇥5,00 €⇥4,53 €⇥13,00 €",
        "1 308 = 3.77; 1 308.01 = 5.53; 1 500 rank=4 = 4.53; 1 300 ext = 12.00",
    ),
    Table(
        "services beside brackets across, in one line",
        SESSIONS,
        ";Matin QF<500;Matin QF>=500;Soir QF<500;Soir QF>=500\nTarif;1;2;3;4",
        "1 499 = 1.00; 1 500 = 2.00; 2 499 = 3.00; 2 500 = 4.00",
    ),
    Table(
        "the numbers of brackets above their limits",
        MEAL,
        "Tranche tarifaire;1;2;3\nQuotient familial;< ou = à 234 €;> 234 € et < ou = à 548 €;> 548 €\n"
        "Restauration scolaire;0,13 €;0,85 €;2,28 €",
        "1 234 = 0.13; 1 234.01 = 0.85; 1 548 = 0.85; 1 549 = 2.28; 1 - = 2.28",
    ),
    Table(
        "upper limits that are said to be in it, though the next begins there",
        services(("Journée", UnitKind.day), ("Demi-journée", UnitKind.half_day)),
        ";la journée;la demi-journée*\nTarif solidaire (< ou = à 650 euros);7 euros;4 euros\n"
        "QF1 (entre 650 et < ou = à 999 euros ) :;9.20;6.10\n"
        "QF3 ( supérieur à 999 euros );15 euros;8 euros",
        "1 650 = 7.00; 1 651 = 9.20; 1 999 = 9.20; 2 999.01 = 8.00",
    ),
    Table(
        "each limit belongs to the next bracket, but for the last",
        DAY,
        "Quotient Familial;Tarif Journalier\n< 450 €;5,78 €\n450 € – 650 €;6,20€\n650 € – 1500 €;6,83 €\n> 1500 €;14,18 €",
        "1 449.99 = 5.78; 1 450 = 6.20; 1 650 = 6.83; 1 1500 = 6.83; 1 1500.01 = 14.18",
    ),
    Table(
        "whole euros, and more than the last of them",
        MEAL,
        "Quotient familial;Prix du repas\nDe 0 à 440€;1,10€\nDe 441 à 2000€;3,50€\nSupérieur à 2000€;3,60€",
        "1 440 = 1.10; 1 440.5 = 1.10; 1 441 = 3.50; 1 2000 = 3.50; 1 2000.01 = 3.60",
    ),
    Table(
        "an end that nobody reaches, a service by one of its words",
        THREE,
        "Tranche de QF;ALAE matin;ALAE soir;Repas\nT1 < 400;0,02 €;0,05 €;0,00 €\nT2 401-600;0,10 €;0,15 €;0,65 €\n"
        "T3 601-9999;0,20 €;0,45 €;1,95 €\n"
        "Hors Toulouse;0,60;1,20;6,80",
        "1 399 = 0.02; 2 401 = 0.15; 3 601 = 1.95; 3 10000 = 1.95; 3 601 ext = 6.80; 3 - = 1.95",
        "Toulouse",
    ),
    Table(
        "less than, with a sign alone",
        DAY,
        "- 500;1.65 €\n501 à 900;1.75 €\n+ 900;2.00 €",
        "1 499 = 1.65; 1 501 = 1.75; 1 900 = 1.75; 1 901 = 2.00",
    ),
    Table(
        "people by the name of their town",
        MEAL,
        "Quotient familial;Tarif\nDe 0 à 250;0,80 €\nPlus de 250;4,20 €\nNon Lyonnais;7,35 €",
        "1 250 = 0.80; 1 251 = 4.20; 1 100 ext = 7.35",
        "Lyon",
    ),
    Table(
        "people and others, each with a rate of effort in three columns",
        MEAL,
        ";Taux d’effort;Plancher;Plafond\nNantais;0,38 %;1,00 €;6,80 €\nNon Nantais;0,45 %;2,00 €;8,00 €",
        "1 100 = 1.00; 1 833 = 3.17; 1 1000 ext = 4.50; 1 - = 6.80; 1 - ext = 8.00",
    ),
    Table(
        "outside a community that has a name of letters and digits",
        HALF_HOURS,
        "Quotient familial;Tarif ½ Heure 2C2R;Tarif ½ Heure hors 2C2R\n0 – 650;0,30 €;0,60 €\n651 et plus;0,48 €;0,96 €",
        "1 650 = 0.30; 2 651 = 0.48; 2 651 ext = 0.96",
    ),
    Table("outside a community, as a row", DAY, "QF;Prix\n0 à 500;5\n501 et plus;7\nHors CCVE;10", "1 500 = 5.00; 1 501 ext = 10.00"),
    Table(
        "a formula that begins above the lowest quotient",
        MEAL,
        "QF;Tarif\nQF < 381;0,76 €\n381 ≤ QF ≤ 1600;(QF x 0,00465) - 1,01\nQF > 1600;6,43 €",
        "1 380 = 0.76; 1 381 = 0.76; 1 1000 = 3.64; 1 1600 = 6.43; 1 1601 = 6.43",
    ),
    Table(
        "a rate of effort of the fund's quotient; a lunch that the family provides",
        MEAL,
        "Prix du repas;0.36% du QF CAF (mini : 2.60 €, maxi : 4.50 €)\nRepas fourni par la famille (PAI);1.75€\n"
        "Prix du repas adulte;4.80 €",
        "1 700 = 2.60; 1 1000 = 3.60; 1 1300 pai = 1.75; 1 - = 4.50",
    ),
    Table(
        "a lunch that is not provided, a surcharge in a sentence",
        MEAL,
        "par enfant résident dans la commune;2,85€\npar enfant domicilié hors commune;4€\npar adulte;5,05€\n"
        "pour l'encadrement et le couvert des repas non fournis (PAI);1,45\n"
        "Majoration de 2€ par repas pris sans inscription réalisée conformément au règlement intérieur;2€",
        "1 - = 2.85; 1 - ext = 4.00; 1 - pai = 1.45; 1 - missing = 4.85; 1 - ext missing = 6.00",
    ),
    Table(
        "those who show no quotient",
        MEAL,
        "QF;Prix\n0 à 500;1\n501 et plus;3\nSans présentation du quotient familial;4",
        "1 501 = 3.00; 1 - = 4.00",
    ),
    Table(
        "children by ordinal signs",
        MEAL,
        "Nbre d’enfants;Elémentaire et maternelle\nTarif plein pour 1° et 2° enfant;5,20 €\nTarif réduit à compter du 3° enfant;4,80 €",
        "1 - = 5.20; 1 - rank=2 = 5.20; 1 - rank=4 = 4.80",
    ),
    Table(
        "ages as titles are no prices",
        DAY,
        "QF;3-6 ans;6-11 ans;12 ans et +\n0-600;5;6;7\n601-1200;8;9;10\n>1200;11;12;13",
        "1 600 age=5 = 5.00; 1 601 age=6 = 9.00; 1 1201 age=12 = 13.00; 1 1200 age=11 = 9.00",
    ),
    Table(
        "half a day and a meal",
        DAYS,
        "Tranche;Quotient;Journée;Demi journée;Demi journée + repas\n1;< 450;7,20 €;3,60 €;6,35 €\n"
        "2;451 à 550;7,70 €;3,85 €;6,60 €\n3;>550;8,50;4,25;7,00",
        "1 449 = 7.20; 2 550 = 3.85; 3 551 = 7.00; 1 - = 8.50",
    ),
    Table(
        "a PDF with spaces before its lines",
        MEAL,
        "Tranches      Quotient familial          Prix du repas\n   1          de 0 à 400 €                 1,00 €\n"
        "   2          plus de 400 €                3,00 €",
        "1 400 = 1.00; 1 401 = 3.00",
    ),
    Table(
        "late and missing in columns, places and quotients in rows",
        MEAL,
        "Tranche;Tarif normal;Tarif majoré (réservation hors délai);Tarif sans réservation\nA (QF 0 à 450);1,00;2,00;3,00\n"
        "B (QF > 450);2,00;4,00;5,00\nHors commune;5,00;8,00;9,00",
        "1 450 = 1.00; 1 451 late = 4.00; 1 451 missing = 5.00; 1 451 missing ext = 9.00; 1 451 unannounced = 2.00",
    ),
    Table(
        "brothers and sisters, places and percentages as rows",
        DAY,
        "QF;Tarif journée\n< 500;8 €\n≥ 500;10 €\nRéduction 2ème enfant;-10%\nRéduction 3ème enfant et plus;-20%\n"
        "Majoration hors commune;+50%",
        "1 499 = 8.00; 1 500 rank=2 = 9.00; 1 500 rank=4 = 8.00; 1 500 ext = 15.00; 1 500 ext rank=2 = 13.50",
    ),
    Table(
        "titles of columns that come again above each part",
        SESSIONS,
        "MATIN\nQF;Commune;Hors commune\n0-500;1;3\n>500;2;4\nSOIR\nQF;Commune;Hors commune\n0-500;5;7\n>500;6;8",
        "1 0 = 1.00; 1 501 ext = 4.00; 2 0 = 5.00; 2 501 ext = 8.00",
    ),
    Table(
        "names of brackets that look like formulas, so much a month",
        MEAL,
        "Tarif 1 : QF < 500 €/mois;1\nTarif 2 : QF entre 500 et 999 €/mois;2\nTarif 3 : QF ≥ 1000 €/mois;3",
        "1 499 = 1.00; 1 500 = 2.00; 1 999 = 2.00; 1 1000 = 3.00",
    ),
    Table(
        "fewer and more children",
        DAY,
        "QF;moins de 3 enfants;plus de 2 enfants\n0-500;10;8\n>500;12;9",
        "1 0 children=2 = 10.00; 1 501 children=3 = 9.00",
    ),
    Table(
        "three zones: those of the community are granted its name",
        DAY,
        "QF;Prix\nCommune;5\nCCVE;6\nHors CCVE;8",
        "1 0 = 5.00; 1 0 ext = 8.00",
    ),
    Table(
        "schools above places",
        MEAL,
        "Quotient familial;Maternelle;;Élémentaire;\n;Commune;Extérieur;Commune;Extérieur\n"
        "Moins de 300 €;1,00;4,00;1,20;4,20\n300 € et plus;2,00;4,50;2,20;4,60",
        "1 299 nursery = 1.00; 1 300 primary = 2.20; 1 300 primary ext = 4.60; 1 - nursery ext = 4.50",
    ),
]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_published_table(ctx, table):
    with force_locale("en"):
        grid = whole(table.text.replace("⇥", "\t"), table.services, table.town)
    wanted = dict(case.strip().rsplit(" = ", 1) for case in table.cases.split(";"))
    found = {words: pay(grid, unit, **given) for words, (unit, given) in ((words, situation(words)) for words in wanted)}
    assert found == wanted


@pytest.mark.parametrize(
    ("units", "text", "words"),
    [
        (MEAL, "QF;Prix\n0 à 500;1\n501 et plus;2\nNon adhérents;4", "does not say who pays it"),
        (MEAL, "QF;Prix\n0 à 500;1\n501 et plus;2\nAutres enfants;4", "Nobody ever pays “Autres enfants”"),
        (MEAL, "Tranche;Prix\nA;1\nB;2", "without its limits"),
        (MEAL, "QF;Prix\n0 à 500;1\n501 et plus;3\nQF non communiqué ou supérieur à 2000;4", "is for two"),
        (MEAL, "QF;Prix\nQF ≤ 500;1\nQF ≥ 500;3", "a quotient of exactly 500 is in both"),
        (MEAL, "QF;Prix\nQF ≤ 500;1\nde 501 à 1200;2\nde 1200 à 9999;3", "a quotient of exactly 1,200 is in both"),
        (MEAL, ";Prix\nRepas occasionnel;4", "only for those to whom it was granted"),
        (MEAL, "QF;Prix\nTous;QF x 0,0027", "Write the greatest price"),
        (MEAL, "1 enfant;18€ /mois\n2 enfants;16€ /enfant /mois", "for each booking"),
        (MEAL, "du matin;Forfait mensuel de 12.00 €", "for each booking"),
        (MEAL, "QF;Prix\nTous;3\nPénalité hors délai (par famille);25", "for each booking"),
        (MEAL, "Tarif;QF x 0,0027 (QF plancher 200, QF plafond 2500)", "write a rate"),
        (HALF_HOURS, "QF;Tarif horaire\n0-500;1\n>500;2", "by this length of time"),
        (SESSIONS, "Matin;1,00 €\nSoir;2,00 €\nMatin et soir;2,50 €", "none of the services"),
        (SESSIONS, "QF;Matin;Soir\n0-500;1;2\n>500;2;3\nGoûter;;0,50", "none of the services"),
        (SESSIONS, "QF;Prix\nTous;3\nPénalité de retard;5", "fetched late"),
        (SESSIONS, "QF;Matin;Soir;Matin + soir\nTous;1;2;2,50", "Nobody ever pays “Matin + soir”"),
        (DAY, "QF;Adhérents;Non adhérents\nTous;5;8", "Two prices"),
        (DAY, "QF;Vacances;Hors vacances\nTous;5;8", "Two prices"),
    ],
)
def test_what_might_be_read_wrongly_is_refused(ctx, units, text, words):
    with force_locale("en"):
        assert words in taken(text, units)[1][0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "QF\tCommune\tHors commune\nMatin\tMidi\tSoir\tTous\n0 à 400\t1\t2\t3\t4\n401 et +\t2\t3\t4\t5",
            "“QF Commune Hors commune”: it is not clear",
        ),
        ("Quotient familial annuel;Prix\n0 à 4500;1\n4501 et +;2", "Divide the limits by twelve"),
        ("QF;Maternelle\nTous;1\nQF;Élémentaire\nTous;2", "There are two tables in it"),
        ("QF\tMatin\tSoir\n0 à 400\t1\t2\n401 et +\t3", "“401 et \\+ 3”: it is not clear"),
        ("Quotient familial\n\nPrix du repas\n\nDe 0 à 440€\n\n1,10€\n\nDe 441 à 526€\n\n2,40€\n", "on a line of its own"),
        (f"QF;Prix\n{'Tarif ' * 21};3", "120 letters at most"),
    ],
)
def test_what_is_no_table_as_it_was_copied(ctx, text, words):
    with force_locale("en"), pytest.raises(DomainError, match=words):
        from_csv(text, SESSIONS)


def test_a_price_of_all_children_together_is_pointed_out(ctx):
    with force_locale("en"):
        grid = whole("pour un seul enfant;2,80 €\npour 2 enfants d’une même fratrie;4,65 €\npour 3 enfants et plus;6,70 €")
        assert ["costs more than" in str(hint) for hint in hints(grid, MEAL)] == [True, True]
        assert hints(whole("1 enfant;3 €\n2 enfants et plus;2,80 €"), MEAL) == []


def test_who_is_no_fund_and_no_place(ctx):
    with force_locale("en"):
        heads = [
            titles.read(title, MEAL).head
            for title in ("QF CAF", "Tarif (réduc CAF appliquée)", "Tarif hors délai", "Sans condition de quotient")
        ]
    assert [(head.funds, head.residence, head.category) for head in heads] == [(frozenset(), None, "")] * 4

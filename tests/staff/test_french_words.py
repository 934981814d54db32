"""Does a word that has two meanings say the right one in French, and does a number say what it counts?"""

import re
from datetime import date
from decimal import Decimal

import pytest

from app.billing.models import BillingPeriod, RateGrant
from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import TaxData
from app.payments.models import Means
from app.payments.operations import receive
from tests.conftest import account


@pytest.fixture
def clerk(sign_in):
    client = sign_in("agent")
    with client.session_transaction() as session:
        session["locale"] = "fr"
    return client


@pytest.mark.parametrize(("path", "label"), [("/mairie/facturation/ouvrir", "Nom"), ("/mairie/actualites/ajouter", "Titre")])
def test_only_a_person_has_a_civility(clerk, path, label):
    page = clerk.get(path).text
    assert "Civilité" not in page and label in page


def test_a_unit_begins_and_ends_at_an_hour(clerk):
    page = clerk.get("/mairie/unites/ajouter").text
    assert "Commence à" in page and "Finit à" in page


def test_money_gets_a_receipt_and_no_acknowledgement(app, clerk):
    with app.test_request_context("/"), unit_of_work():
        number = receive(1, Means.cheque, Decimal("12.00"), by=account("regisseur")).id
    page = clerk.get(f"/mairie/encaissements/{number}/").text
    assert "Reçu 2026000001" in page and "Accusé de réception" not in page


def test_a_rate_of_all_children_says_all_of_them(app, clerk, billed):
    with app.test_request_context("/"), unit_of_work():
        db.session.add(RateGrant(family_id=1, category="CCAS", starts_on=date(2026, 9, 1)))
    assert "tous ses enfants" in clerk.get("/mairie/tarifs-accordes/?when=all").text


def test_the_parts_of_a_tax_notice_are_no_euros(app, clerk):
    with app.test_request_context("/"), unit_of_work():
        db.session.add(TaxData(family_id=1, reference_income=20000, parts=Decimal("2.5")))
    page = clerk.get("/mairie/familles/1/").text
    assert "20\u00a0000 €" in page and re.search(r"<dt>Parts</dt><dd>(\S+)</dd>", page)[1] == "2,5"


def test_a_file_is_called_what_it_holds(app, clerk):
    with app.test_request_context("/"), unit_of_work():
        first, last = date(2026, 10, 1), date(2026, 10, 31)
        db.session.add(BillingPeriod(title="Octobre 2026", first_day=first, last_day=last, due_on=date(2026, 12, 8)))
    for path, name in (
        ("reservations/export.csv", "reservations"),
        ("inscriptions/export.xlsx", "inscriptions-aux-activites"),
        ("facturation/mois/1/avis.csv", "factures-octobre-2026"),
        ("facturation/mois/export.csv", "factures-de-toutes-les-periodes"),
    ):
        assert re.search(rf'filename="{name}-\d{{4}}-', clerk.get(f"/mairie/{path}").headers["Content-Disposition"]), path
    assert clerk.get("/mairie/facturation/mois/2/avis.csv").status_code == 404

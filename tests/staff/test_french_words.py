"""Does a word that has two meanings say the right one in French, and does a number say what it counts?"""

import re
from datetime import date
from decimal import Decimal

import pytest

from app.billing.models import RateGrant
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

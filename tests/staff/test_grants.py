"""Can a clerk grant a rate, or note that somebody else pays, and until when?"""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.billing.models import RateGrant, ThirdPartyShare
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from tests.conftest import base_of, counted_queries


@pytest.fixture
def clerk(sign_in):
    return sign_in("agent")


@pytest.fixture
def town(billed):
    return billed


@pytest.fixture
def look(app):
    def read(query):
        with app.test_request_context("/"):
            return db.session.scalars(query).unique().all()

    return read


def save(client, path, **values):
    return client.post(path, data={"base": base_of(client.get(path).text), **values})


def test_a_rate_is_granted_to_a_household_and_to_one_child(clerk, town, look):
    page = clerk.get("/mairie/tarifs-accordes/ajouter?family=1").text
    assert '<option value="CCAS">' in page and "Galbert (F" in page
    assert save(clerk, "/mairie/tarifs-accordes/ajouter", family_id="Galbert", category="CCAS", starts_on="2026-11-01").status_code == 302
    sent = {"family_id": "Galbert", "child_id": "Léa", "category": "CCAS", "starts_on": "2026-11-01", "ends_on": "2026-12-31"}
    assert save(clerk, "/mairie/tarifs-accordes/ajouter", **sent).status_code == 302
    whole, one = look(select(RateGrant).order_by(RateGrant.id))
    assert whole.child_id is None and one.child_id == town.lea and one.category == "CCAS"
    listed = clerk.get("/mairie/tarifs-accordes/").text
    assert listed.count("CCAS") >= 2 and "Léa" in listed
    assert "Léa" not in clerk.get("/mairie/tarifs-accordes/?when=past").text


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"family_id": ""}, "Please fill this in."),
        ({"category": "ZZZ"}, "Not a valid choice."),
        ({"child_id": "Hugo", "family_id": "Galbert"}, "This child does not live in this family."),
        ({"ends_on": "2026-01-01"}, "The last day does not lie before the first."),
        ({"starts_on": "yesterday"}, "Not a valid date value."),
    ],
)
def test_what_cannot_be_granted(clerk, town, look, wrong, sentence):
    answer = save(
        clerk, "/mairie/tarifs-accordes/ajouter", **{"family_id": "Galbert", "category": "CCAS", "starts_on": "2026-11-01", **wrong}
    )
    assert answer.status_code == 422 and sentence in answer.text and not look(select(RateGrant))


def test_a_share_is_a_percentage_or_an_amount(clerk, town, look):
    sent = {"family_id": "F00002", "payer": "CCAS", "starts_on": "2026-11-01"}
    for both in ({}, {"percent": "50", "amount": "1,50"}):
        answer = save(clerk, "/mairie/prises-en-charge/ajouter", **sent, **both)
        assert answer.status_code == 422 and "Give a percentage or an amount" in answer.text
    for wrong, sentence in (("-2", "More than 0."), ("1,505", "An amount is written like 12,50."), ("99999999999", "An amount is written")):
        answer = save(clerk, "/mairie/prises-en-charge/ajouter", **sent, amount=wrong)
        assert answer.status_code == 422 and sentence in answer.text and f'value="{wrong}"' in answer.text
    assert save(clerk, "/mairie/prises-en-charge/ajouter", **sent, amount="1,50").status_code == 302
    assert save(clerk, "/mairie/prises-en-charge/ajouter", **sent, percent="60", activity_id=str(town.canteen)).status_code == 302
    first, second = look(select(ThirdPartyShare).order_by(ThirdPartyShare.id))
    assert first.amount == Decimal("1.50") and second.percent == 60 and second.activity_id == town.canteen
    listed = clerk.get("/mairie/prises-en-charge/").text
    assert "60\u00a0%" in listed and "€1.50" in listed and "Canteen" in listed
    page = clerk.get(f"/mairie/prises-en-charge/{first.id}/modifier").text
    assert 'value="1.50"' in page
    assert save(clerk, f"/mairie/prises-en-charge/{first.id}/modifier", **sent, amount="2", ends_on="2027-01-31").status_code == 302
    assert look(select(ThirdPartyShare.amount).where(ThirdPartyShare.id == first.id)) == [Decimal("2.00")]


def test_a_percentage_has_decimals(clerk, town, look):
    path, sent = "/mairie/prises-en-charge/", {"family_id": "F00002", "payer": "CAF", "starts_on": "2026-11-01"}
    for wrong, sentence in (
        ("33,333", "A percentage is written like"),
        ("0", "More than 0."),
        ("100,01", "100 at most."),
        ("half", "A perc"),
    ):
        answer = save(clerk, f"{path}ajouter", **sent, percent=wrong)
        assert answer.status_code == 422 and sentence in answer.text and f'value="{wrong}"' in answer.text
    for typed in ("33,33 %", "12.5", "100", "0,01"):
        assert save(clerk, f"{path}ajouter", **sent, percent=typed).status_code == 302
    assert look(select(ThirdPartyShare.percent).order_by(ThirdPartyShare.id)) == [Decimal(one) for one in ("33.33", "12.5", "100", "0.01")]
    exported = clerk.get(f"{path}export.csv").text
    assert all(one in exported for one in ("33.33\u00a0%", "12.50\u00a0%", ";100\u00a0%", "0.01\u00a0%"))
    assert 'value="33.33"' in clerk.get(f"{path}1/modifier").text


def test_what_has_begun_ends_and_is_not_deleted(app, clerk, town, look):
    with app.app_context(), unit_of_work() as session:
        begun, ahead = (RateGrant(family_id=1, category="CCAS", starts_on=day) for day in (clock.today(), date(2027, 1, 1)))
        session.add_all([begun, ahead])
        session.flush()
        ids = begun.id, ahead.id
    assert "give it a last day instead" in clerk.post(f"/mairie/tarifs-accordes/{ids[0]}/supprimer", follow_redirects=True).text
    clerk.post(f"/mairie/tarifs-accordes/{ids[1]}/supprimer")
    assert look(select(RateGrant.id)) == [ids[0]]


def test_a_regisseur_reads_grants_and_an_animator_does_not(sign_in, town):
    regisseur = sign_in("regisseur")
    assert regisseur.get("/mairie/tarifs-accordes/").status_code == 200
    assert regisseur.get("/mairie/tarifs-accordes/ajouter").status_code == 403
    assert sign_in("animateur").get("/mairie/prises-en-charge/").status_code == 403


def test_lists_ask_little(app, clerk, town):
    with app.app_context(), unit_of_work() as session:
        session.add_all(RateGrant(family_id=1 + number % 3, category="CCAS", starts_on=clock.today()) for number in range(60))
    with app.app_context(), counted_queries() as statements:
        assert clerk.get("/mairie/tarifs-accordes/").status_code == 200
    assert len(statements) <= 8, statements

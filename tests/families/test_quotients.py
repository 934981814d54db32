"""Are quotients amounts, typed as people type them, from the form to the file? And is a lunch of one's own told with its care plan?"""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from app.changes.decisions import Verdict, decide
from app.changes.models import ChangeRequest, Outcome
from app.children.models import HealthRecord
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import CafData, Family, IncomeQuotient, QuotientSource
from tests.conftest import account, base_of, work

CAF, HEALTH, ADD = "/portail/demande/caf/edit/1", "/portail/demande/health/edit/1", "/mairie/quotients/ajouter"


def ask(client, url, **form):
    return client.post(url, data={**form, "base": base_of(client.get(url).text)}, content_type="multipart/form-data")


def accepted(app):
    clock.advance(minutes=11)
    with app.test_request_context("/"), unit_of_work():
        request = db.session.scalar(db.select(ChangeRequest))
        assert decide([Verdict(request.id, request.version, Outcome.accept)], by=account("agent")).problems == {}
    clock.advance(seconds=11)
    work(app)


@pytest.mark.parametrize(
    ("typed", "kept"), [("812", "812"), ("812,5", "812.50"), ("1 050.50", "1050.50"), ("1 050,50 €", "1050.50"), ("0", "0")]
)
def test_a_parent_types_it_with_or_without_cents(app, sign_in, typed, kept):
    client = sign_in("galbert")
    assert ask(client, CAF, fund="caf", quotient=typed).status_code == 302
    accepted(app)
    with app.app_context():
        row = db.session.scalar(db.select(IncomeQuotient))
        assert isinstance(row.value, Decimal) and row.value == Decimal(kept) and row.counts_from.day == 1
    # The form shows what it can read again: the same amount, so nothing is asked.
    page = client.get(CAF).text
    answer = ask(client, CAF, fund="caf", quotient=page.partition('name="quotient"')[2].partition('value="')[2].partition('"')[0])
    assert answer.status_code == 422 and "is written like" not in answer.text


@pytest.mark.parametrize("typed", ["abc", "12,345", "-5", "100000", "1e3", "∞", "NaN"])
def test_what_is_no_quotient_gets_a_sentence_and_stays(app, sign_in, typed):
    answer = ask(sign_in("galbert"), CAF, fund="caf", quotient=typed)
    assert answer.status_code == 200 and ("is written like 12,50" in answer.text or "between 0 and 99999" in answer.text)
    assert f'value="{typed}"' in answer.text


def test_a_clerk_types_it_with_cents(app, sign_in):
    client = sign_in("agent")
    form = {"family": "F00001", "value": "450,75", "counts_from": "2026-12-01", "source": "hand"}
    with app.app_context():
        from app.families.models import Family

        form["family"] = db.session.get(Family, 1).code
    page = client.get(ADD)
    client.post(ADD, data={**form, "base": base_of(page.text)})
    with app.app_context():
        row = db.session.scalar(db.select(IncomeQuotient))
        assert row is not None and row.value == Decimal("450.75")
    clock.set_to(clock.now().replace(year=2027, month=1, day=5))
    assert "450.75 €" in client.get("/mairie/familles/1/").text


def test_whoever_agrees_says_whose_file_it_is_and_where_they_were_born(app, sign_in):
    client = sign_in("galbert")
    answer = ask(client, CAF, fund="caf", consent="y")
    assert answer.status_code == 200 and "in whose name the file is" in answer.text
    answer = ask(client, CAF, fund="caf", consent="y", holder="guardian", birth_code="77 28")
    assert "Five characters" in answer.text
    assert ask(client, CAF, fund="caf", consent="y", holder="guardian", birth_code="2a 004").status_code == 302
    accepted(app)
    with app.app_context():
        assert (db.session.scalar(db.select(CafData.birth_code)), db.session.scalar(db.select(CafData.consent))) == ("2A004", True)


def test_a_lunch_of_ones_own_needs_a_care_plan(app, sign_in):
    client = sign_in("galbert")
    assert "needs a care plan" in ask(client, HEALTH, own_lunch="yes").text
    answer = ask(client, HEALTH, own_lunch="yes", pai="yes", pai_until=date(2027, 7, 3).isoformat())
    assert answer.status_code == 302
    accepted(app)
    with app.app_context():
        assert db.session.scalar(db.select(HealthRecord)).own_lunch is True
    assert "brings its own lunch" in sign_in("agent").get("/mairie/enfants/1/").text
    assert "brings its own lunch" in client.get("/portail/enfants/1/").text


def test_my_account_says_since_when_a_quotient_counts_and_what_comes(app, sign_in):
    clock.set_to(datetime(2026, 11, 24, 9, tzinfo=UTC))
    with app.app_context(), unit_of_work():
        family = db.session.get(Family, 1)
        for month, value in ((date(2026, 10, 1), "612.50"), (date(2026, 12, 1), "580")):
            family.quotients.append(IncomeQuotient(counts_from=month, value=Decimal(value), source=QuotientSource.proof))
    page = " ".join(sign_in("galbert").get("/portail/compte/").text.replace("\xa0", " ").split())
    assert "612.50 € since 1 Oct 2026, 580 € from 1 Dec 2026" in page, page[page.index("Income quotient (") :][:400]

"""Is every cent that comes in at the desk received once, posted once, and put right by a counter-entry alone?"""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from app.billing import ledger
from app.billing.models import Invoice, LedgerEntry
from app.billing.queries import account
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError, Stale, WriteRefused
from app.extensions import db
from app.payments.models import Means, Payment
from app.payments.operations import receive, take_back
from app.payments.queries import paid_by, totals
from tests.billing.bills import issue, lines_of
from tests.conftest import account as person
from tests.conftest import base_of

GALBERT = 1


def take(amount, means=Means.cheque, **more):
    with unit_of_work():
        return receive(GALBERT, means, Decimal(amount), by=person("regisseur"), **more).id


def back(number, reason="Bounced"):
    with unit_of_work():
        return take_back(db.session.get(Payment, number), reason, by=person("regisseur")).id


@pytest.fixture
def invoices(ctx):
    """Two invoices of the Galberts: 30 and 20 euros."""
    return [an_invoice(GALBERT, "30.00", rank=1, month=9), an_invoice(GALBERT, "20.00", rank=2, month=10)]


def an_invoice(family_id, total, *, rank, month=9):
    """An invoice of one line; its id."""
    return issue(family_id, 2026, month, lines_of("Léa", [date(2026, month, 1)], total), rank=rank)


def left():
    return [str(ledger.left(invoice)) for invoice in db.session.scalars(select(Invoice).order_by(Invoice.id))]


def test_the_oldest_is_paid_first_and_the_rest_is_credit(invoices):
    number = take("40.00")
    assert left() == ["0.00", "10.00"]
    assert [str(amount) for _invoice, amount in paid_by(db.session.get(Payment, number))] == ["30.00", "10.00"]
    take("15.00", Means.cash)
    assert left() == ["0.00", "0.00"] and account(GALBERT).balance == Decimal("-5.00")


def test_the_invoices_that_are_named_are_paid(invoices):
    take("20.00", invoices=[invoices[1]])
    assert left() == ["30.00", "0.00"]


def test_another_familys_invoice_is_refused_and_nothing_is_kept(invoices):
    theirs = an_invoice(2, "9.00", rank=3)
    with pytest.raises(DomainError):
        take("9.00", invoices=[theirs])
    assert db.session.scalar(select(func.count(Payment.id))) == 0


def test_the_same_form_twice_is_one_payment(invoices):
    assert take("10.00", key="the-form") == take("10.00", key="the-form")
    assert db.session.scalar(select(func.count(LedgerEntry.id)).filter_by(kind="payment")) == 1


def test_receipts_are_numbered_without_a_gap(invoices):
    numbers = [take("1.00") for _time in range(3)]
    with pytest.raises(DomainError):
        take("0.00")
    numbers.append(take("1.00"))
    ranks = [db.session.get(Payment, number).rank for number in numbers]
    assert ranks == [1, 2, 3, 4] and db.session.get(Payment, numbers[0]).number == clock.today().year * 1_000_000 + 1


def test_a_counter_entry_takes_a_payment_back_once(invoices):
    number = take("30.00")
    counter = db.session.get(Payment, back(number))
    assert (counter.amount, left(), account(GALBERT).balance) == (Decimal("-30.00"), ["30.00", "20.00"], Decimal("50.00"))
    with pytest.raises(Stale):
        back(number)
    with pytest.raises(DomainError):
        back(counter.id)
    assert totals() == {Means.cheque: (2, Decimal("0.00"))}


def test_a_payment_is_never_changed(invoices):
    number = take("30.00")
    with pytest.raises(WriteRefused), unit_of_work():
        db.session.get(Payment, number).reference = "other"
    with pytest.raises(WriteRefused), unit_of_work():
        db.session.delete(db.session.get(Payment, number))


@pytest.mark.parametrize("ahead", [1, -400])
def test_a_day_to_come_or_long_gone_is_refused(invoices, ahead):
    with pytest.raises(DomainError):
        take("1.00", received_on=clock.today() + timedelta(days=ahead))


def test_a_means_that_the_town_does_not_take_is_refused(invoices):
    from app.core import settings

    with unit_of_work():
        settings.put("takes_ancv", False)
    with pytest.raises(DomainError):
        take("1.00", Means.ancv)


def test_a_regisseur_receives_prints_and_takes_back(app, sign_in):
    with app.test_request_context("/"):
        an_invoice(GALBERT, "30.00", rank=1)
    regisseur = sign_in("regisseur")
    page = regisseur.get("/mairie/encaissements/nouveau/1")
    typed = {"base": base_of(page.text), "amount": "30,00", "means": "cheque", "received_on": date.today().isoformat()}
    wrong = regisseur.post("/mairie/encaissements/nouveau/1", data={**typed, "amount": "trente"})
    assert wrong.status_code == 422 and 'value="trente"' in wrong.text
    sent = regisseur.post("/mairie/encaissements/nouveau/1", data={**typed, "reference": "BNP 123"})
    assert sent.status_code == 303
    shown = regisseur.get(sent.location).text
    assert "BNP 123" in shown and "€30.00" in shown
    assert regisseur.get(f"{sent.location}recu.pdf").data.startswith(b"%PDF")
    assert "€30.00" in regisseur.get("/mairie/encaissements/").text
    counter = regisseur.post(f"{sent.location}reprendre", data={"reason": "Chèque refusé"})
    assert counter.status_code == 303 and "Chèque refusé" in regisseur.get(counter.location).text
    assert sign_in("lecteur").get(sent.location).status_code == 403

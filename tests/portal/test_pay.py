"""Does a family pay what is due in two taps, see what became of it, and nothing of anybody else's?"""

import re
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from app.core import clock, settings
from app.core.db import unit_of_work
from app.extensions import db
from app.payments.models import AttemptState, Means, Payment, PaymentAttempt
from app.payments.online import look_up_due
from app.payments.operations import receive
from tests.conftest import counted_queries
from tests.payments.test_desk import an_invoice

PAY = "/portail/payer/"


@pytest.fixture
def galbert(app, sign_in):
    """Christelle, who owes 30 and 20 euros."""
    with app.test_request_context("/"):
        an_invoice(1, "30.00", rank=1, month=9)
        an_invoice(1, "20.00", rank=2, month=10)
    return sign_in("galbert")


def to_the_bank(client, **typed):
    """Tap "Pay" and follow to the bank: its address."""
    sent = client.post(PAY, data=typed)
    assert sent.status_code == 303, sent.text
    return re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', client.get(sent.location).text).group(1)


def the_worker(app):
    with app.test_request_context("/"):
        look_up_due()
        db.session.remove()


def test_one_tap_and_the_bank(app, galbert):
    assert "Pay €50.00" in galbert.get("/portail/").text and "Pay €50.00" in galbert.get("/portail/releve/").text
    bank = to_the_bank(galbert)
    back = galbert.post(bank, data={"answer": "paid"})
    assert "We ask the bank" in galbert.get(back.location).text
    the_worker(app)
    page = galbert.get(back.location).text
    assert "€50.00 received" in page
    receipt = re.search(r'href="(/portail/payer/recu-\d+\.pdf)"', page).group(1)
    assert galbert.get(receipt).data.startswith(b"%PDF")
    assert "You owe nothing." in galbert.get(PAY).text


def test_what_is_ticked_alone(app, galbert):
    page = galbert.get(PAY).text
    second = re.findall(r'name="invoice" value="(\d+)"', page)[-1]
    to_the_bank(galbert, invoice=second)
    with app.app_context():
        assert str(db.session.scalars(select(PaymentAttempt)).one().amount) == "20.00"


def test_refused_and_tried_again(app, galbert):
    back = galbert.post(to_the_bank(galbert), data={"answer": "refused"})
    the_worker(app)
    assert "Nothing was paid" in galbert.get(back.location).text
    to_the_bank(galbert)


def test_two_tabs(app, galbert):
    to_the_bank(galbert)
    second = galbert.post(PAY)
    assert second.status_code == 422 and "A payment of these invoices is under way" in second.text and "Go on at the bank" in second.text
    with app.app_context():
        assert db.session.scalar(select(func.count(PaymentAttempt.id))) == 1


def test_nobody_else_sees_or_pays_it(app, galbert, sign_in):
    bank = to_the_bank(galbert)
    back = galbert.post(bank, data={"answer": "paid"}).location
    the_worker(app)
    receipt = re.search(r'href="(/portail/payer/recu-\d+\.pdf)"', galbert.get(back).text).group(1)
    petit = sign_in("petit")
    assert [petit.get(url).status_code for url in (bank, back, receipt)] == [404, 404, 404]
    assert petit.post(bank, data={"answer": "paid"}).status_code == 404
    assert sign_in("marc").get(receipt).status_code == 200


def test_forged_amounts_and_invoices_change_nothing(app, galbert):
    with app.test_request_context("/"):
        theirs = an_invoice(2, "9.00", rank=3)
    assert galbert.post(PAY, data={"invoice": theirs, "amount": "1.00"}).status_code == 422
    with app.app_context():
        assert db.session.scalar(select(func.count(PaymentAttempt.id))) == 0


def test_a_forged_notification_posts_nothing(app, galbert):
    to_the_bank(galbert)
    with app.app_context():
        token = db.session.scalar(select(PaymentAttempt.token))
    for _time in range(3):
        assert app.test_client().post("/paiement/notification", data={"idop": token}).status_code == 204
    assert app.test_client().post("/paiement/notification", data={"IDOP": "x" * 500}).status_code == 204
    the_worker(app)
    with app.app_context():
        assert db.session.scalar(select(func.count(Payment.id))) == 0
        assert db.session.scalars(select(PaymentAttempt)).one().state is AttemptState.pending


def test_a_browser_that_never_comes_back(app, galbert):
    galbert.post(to_the_bank(galbert), data={"answer": "paid"})
    clock.advance(minutes=5)
    the_worker(app)
    assert "You owe nothing." in galbert.get(PAY).text


def test_few_queries(app, galbert):
    back = galbert.post(to_the_bank(galbert), data={"answer": "paid"}).location
    with app.app_context():
        for url in (PAY, back, "/portail/", "/portail/releve/"):
            galbert.get(url)
            with counted_queries() as few:
                assert galbert.get(url).status_code == 200
            assert len(few) <= 8, (url, few)


def test_what_the_treasury_books_is_paid_invoice_by_invoice(app, galbert):
    with app.app_context(), unit_of_work():
        settings.put("payment_mode", "titre")
    home, statement = galbert.get("/portail/").text, galbert.get("/portail/releve/").text
    assert "Pay €50.00" not in home + statement
    assert "Choose an invoice to pay" in home and "The Treasury books each invoice by itself" in statement and "Pay €30.00" in statement
    page = galbert.get(PAY).text
    assert "The Treasury books each invoice by itself" in page and "Pay €30.00" in page and "Pay €20.00" in page
    assert "Each invoice is paid by itself: choose one." in galbert.post(PAY).text
    first, second = re.findall(r'name="invoice" value="(\d+)"', page)
    to_the_bank(galbert, invoice=first)
    # A part of one was paid at the desk: the Treasury takes no part.
    with app.test_request_context("/"), unit_of_work():
        receive(1, Means.cheque, Decimal("5.00"), by="Régisseur", invoices=[int(second)])
    assert "Pay the rest at the town hall." in galbert.get(PAY).text
    refused = galbert.post(PAY, data={"invoice": second})
    assert refused.status_code == 422 and "A part of this invoice is paid already" in refused.text

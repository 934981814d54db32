"""Is money of a bank that cannot be asked posted by its signed word alone: once, to the cent, and for us?"""

import re
from decimal import Decimal

import pytest
from eopayment import Payment as Service
from sqlalchemy import select

from app.core.db import unit_of_work
from app.extensions import db
from app.payments.models import AttemptState, Payment, PaymentAttempt, Suspense, SuspenseReason
from app.payments.operations import receive
from tests.payments.test_desk import an_invoice

VADS = {"vads_site_id": "12345678", "vads_ctx_mode": "PRODUCTION", "secret_production": "abcdef123456", "secret_test": "fedcba654321"}
SIPS = {"merchant_id": "211000021310001", "secret_key": "a-secret-of-the-bank", "platform": "prod"}


class Bank:
    """The server of a bank: what the family's browser posts to it, and what it says to ours."""

    def __init__(self, app, client, name, options):
        self.app, self.client, self.name, self.options = app, client, name, options

    def opened(self, **typed):
        """Tap "Pay"; the fields of the form that leads to the bank."""
        sent = self.client.post("/portail/payer/", data=typed)
        assert sent.status_code == 303, sent.text
        page = self.client.get(sent.location)
        origin = re.search(r'action="(https://[^/]+)', page.text)[1]
        assert f"form-action 'self' {origin};" in page.headers["Content-Security-Policy"]
        return dict(re.findall(r'<input type="hidden" name="((?:vads_|Data)[^"]*)" value="([^"]*)"', page.text))

    def says(self, fields, *, code="00", cents=None, secret=None, **more):
        """Its notification about a form; `secret` is another's. The answer's status."""
        return (
            self.app.test_client()
            .post("/paiement/banque", data=getattr(self, f"_{self.name}")(fields, code, cents, secret, **more))
            .status_code
        )

    def _sips2(self, fields, code, cents, secret, **more):
        asked = dict(part.split("=", 1) for part in fields["Data"].split("|"))
        said = {name: asked[name] for name in ("merchantId", "currencyCode", "transactionReference", "amount")}
        said |= {"responseCode": code, **({"amount": str(cents)} if cents else {}), **more}
        service = Service("sips2", {**self.options, "secret_key": secret or self.options["secret_key"]}).backend
        return {"Data": service.encode_data(said), "Seal": service.seal_data(said), "InterfaceVersion": "HP_2.3"}

    def _systempayv2(self, fields, code, cents, secret, **more):
        said = {**fields, "vads_result": code, "vads_auth_result": code, "vads_extra_result": "", "vads_trans_status": "AUTHORISED"}
        said |= {"vads_amount": str(cents)} if cents else {}
        said |= more
        options = {**self.options, "signature_algo": "hmac_sha256"} | ({"secret_production": secret} if secret else {})
        return {**said, "signature": Service("systempayv2", options).backend.signature(said)}


@pytest.fixture(params=["systempayv2", "sips2"])
def bank(app, sign_in, request, monkeypatch):
    """Such a bank, at which Christelle owes 30 and 20 euros."""
    options = VADS if request.param == "systempayv2" else SIPS
    monkeypatch.setitem(app.config, "PAYMENT_PROVIDER", request.param)
    monkeypatch.setitem(app.config, "PAYMENT_OPTIONS", options)
    with app.test_request_context("/"):
        an_invoice(1, "30.00", rank=1, month=9)
        an_invoice(1, "20.00", rank=2, month=10)
    return Bank(app, sign_in("galbert"), request.param, options)


def what_became(app):
    """(the attempt's state, [amounts posted], [reasons of what waits for a clerk])."""
    with app.app_context():
        states = db.session.scalars(select(PaymentAttempt.state).order_by(PaymentAttempt.id)).all()
        return states[-1], db.session.scalars(select(Payment.amount)).all(), db.session.scalars(select(Suspense.reason)).all()


def test_its_signed_word_posts_once_however_often(app, bank):
    fields = bank.opened()
    assert what_became(app) == (AttemptState.pending, [], [])
    assert [bank.says(fields) for _time in range(5)] == [200] * 5
    assert what_became(app) == (AttemptState.paid, [Decimal("50.00")], [])
    assert "You owe nothing." in bank.client.get("/portail/payer/").text


def test_what_is_not_signed_by_it_posts_nothing(app, bank):
    fields = bank.opened()
    assert bank.says(fields, secret="somebodyelse") == 400
    post = app.test_client().post
    assert [
        post("/paiement/banque", data=data).status_code for data in ({}, fields, {"Data": "x", "Seal": "y", "InterfaceVersion": "z"})
    ] == [400] * 3
    assert what_became(app) == (AttemptState.pending, [], [])


# Sips has another secret on its test platform.
@pytest.mark.once
@pytest.mark.parametrize("bank", ["systempayv2"], indirect=True)
def test_a_test_answer_and_one_without_a_secret_settle_nothing(app, sign_in, bank, monkeypatch):
    fields = bank.opened()
    monkeypatch.setitem(app.config, "PAYMENT_OPTIONS", {name: value for name, value in VADS.items() if name != "secret_test"})
    assert bank.says(fields, vads_ctx_mode="TEST") == 400
    monkeypatch.setitem(app.config, "PAYMENT_OPTIONS", VADS)
    assert bank.says(fields, vads_ctx_mode="TEST") == 200
    assert what_became(app) == (AttemptState.suspense, [], [SuspenseReason.mode])


def test_another_amount_waits_for_a_clerk(app, bank):
    assert bank.says(bank.opened(), cents=4999) == 200
    assert what_became(app) == (AttemptState.suspense, [], [SuspenseReason.amount])


def test_another_merchant_waits_for_a_clerk(app, bank):
    other = {"vads_site_id": "87654321"} if bank.name == "systempayv2" else {"merchantId": "000000000000001"}
    assert bank.says(bank.opened(), **other) == 200
    assert what_became(app) == (AttemptState.suspense, [], [SuspenseReason.reference])


def test_refused_and_then_paid_on_the_same_page(app, bank):
    fields = bank.opened()
    assert bank.says(fields, code="05") == 200
    assert what_became(app) == (AttemptState.refused, [], [])
    assert bank.says(fields) == 200
    assert what_became(app) == (AttemptState.paid, [Decimal("50.00")], [])


def test_paid_at_the_desk_meanwhile_waits_for_a_clerk(app, bank):
    from app.payments.models import Means

    fields = bank.opened()
    with app.test_request_context("/"), unit_of_work():
        receive(1, Means.cash, Decimal("50.00"), by="Régisseur")
    assert bank.says(fields) == 200
    assert what_became(app)[2] == [SuspenseReason.not_due]


@pytest.mark.once
def test_a_town_without_a_secret_sends_nobody_to_the_bank(app, bank, monkeypatch):
    monkeypatch.setitem(app.config, "PAYMENT_OPTIONS", {})
    assert bank.client.post("/portail/payer/").status_code == 422
    assert app.test_client().post("/paiement/banque", data={"Data": "x"}).status_code == 400


@pytest.mark.once
def test_the_form_of_one_attempt_is_one_payment_at_the_bank(app, bank):
    first = bank.opened()
    with app.app_context():
        reference = db.session.scalar(select(PaymentAttempt.reference))
    again = bank.client.get(f"/portail/payer/{reference}/").text
    number = first.get("vads_trans_id") or re.search(r"transactionReference=(\w+)", first["Data"])[1]
    assert number in again and (len(number) == 6 or number == reference)

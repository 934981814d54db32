"""Does PayFiP take what we ask, and do we understand what it answers?"""

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import pytest

from app.billing.models import Invoice
from app.core import settings
from app.core.db import unit_of_work
from app.extensions import db
from app.payments import online
from app.payments.models import SuspenseReason
from app.payments.providers import Found, ProviderDown, Refused
from app.payments.providers.payfip import PayFipProvider, plain
from tests.payments.payfip import payfip
from tests.payments.test_desk import an_invoice

URLS = {"notify_url": "https://portail.example/paiement/notification", "return_url": "https://portail.example/retour"}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with payfip(tmp_path_factory.mktemp("wsdl")) as found:
        yield found


@pytest.fixture
def bank(service):
    """The provider as a town configures it, and the local PayFiP."""
    server, config = service
    server.payments.clear()
    server.broken = False
    return PayFipProvider(config), server


def an_attempt(amount="64.20", reference="20261123ABCDEFGHIJ"):
    return SimpleNamespace(amount=Decimal(amount), reference=reference, token=None)


def announced(bank, **more):
    attempt = an_attempt(**more)
    started = bank.start(attempt, email="christelle@famille.example", title="Factures de la famille L’Hénaff – n° 3", **URLS)
    attempt.token = started.token
    return attempt, started


def test_a_payment_is_announced_and_paid(app, bank):
    provider, server = bank
    with app.app_context():
        attempt, started = announced(provider)
    told = server.payments[attempt.token]
    assert (told["montant"], told["refdet"], told["saisie"], told["urlnotif"]) == ("6420", attempt.reference, "W", URLS["notify_url"])
    assert started.url.endswith(f"/pay?idop={attempt.token}") and started.url.startswith(provider.origin)
    assert provider.look_up(attempt).found is Found.unknown
    server.pay(attempt.token, "P")
    answer = provider.look_up(attempt)
    assert (answer.found, answer.amount, answer.reference, answer.fits, answer.real) == (
        Found.paid,
        Decimal("64.20"),
        attempt.reference,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("said", "found"), [("V", Found.debit), ("R", Found.refused), ("Z", Found.refused), ("A", Found.abandoned), ("?", Found.unknown)]
)
def test_what_it_answers(app, bank, said, found):
    provider, server = bank
    with app.app_context():
        attempt, _started = announced(provider)
    server.pay(attempt.token, said)
    assert provider.look_up(attempt).found is found


def test_another_creditor_a_test_and_a_wrong_amount_are_seen(app, bank):
    provider, server = bank
    with app.app_context():
        attempt, _started = announced(provider)
    server.pay(attempt.token, "P", numcli="111111", saisie="T", montant="6419")
    answer = provider.look_up(attempt)
    assert (answer.fits, answer.real, answer.amount) == (False, False, Decimal("64.19"))


def test_an_amount_that_is_none_is_not_understood(app, bank):
    provider, server = bank
    with app.app_context():
        attempt, _started = announced(provider)
    server.pay(attempt.token, "P", montant="beaucoup")
    with pytest.raises(ProviderDown):
        provider.look_up(attempt)


def test_an_idop_that_it_has_forgotten(bank):
    provider, _server = bank
    attempt = an_attempt()
    attempt.token = "gone"
    assert provider.look_up(attempt).found is Found.gone


@pytest.mark.parametrize("wrong", [{"amount": "0.50"}, {"reference": "A-1"}])
def test_what_it_does_not_take_is_refused(app, bank, wrong):
    provider, _server = bank
    with app.app_context(), pytest.raises(Refused):
        announced(provider, **wrong)


def test_a_service_that_is_away(app, bank):
    provider, server = bank
    with app.app_context():
        attempt, _started = announced(provider)
        server.broken = True
        with pytest.raises(ProviderDown):
            provider.look_up(attempt)
        with pytest.raises(ProviderDown):
            announced(provider)


def test_titles_are_letters_digits_and_spaces():
    assert plain("Factures de la famille L’Hénaff – n° 3") == "Factures de la famille L Henaff n 3"
    assert len(plain("x" * 300)) == 100


def test_a_titre_is_named_by_its_own_number_and_year(ctx, bank, monkeypatch):
    provider, server = bank
    invoice = db.session.get(Invoice, an_invoice(1, "30.00", rank=7))
    monkeypatch.setattr(online, "provider", lambda: provider)
    with unit_of_work():
        settings.put("payment_mode", "titre")
        attempt = online.begin(1, {invoice.id}, by=None)
    attempt.token = provider.start(attempt, email="christelle@famille.example", title="Facture", **URLS).token
    told = server.payments[attempt.token]
    assert (told["refdet"], told["exer"]) == (str(invoice.number), str(invoice.year)) != (attempt.reference, "")
    server.pay(attempt.token, "P")
    answer = provider.look_up(attempt)
    # What the bank calls it fits, and another invoice's number does not.
    assert online._oddness(attempt, answer) is None
    assert online._oddness(attempt, replace(answer, reference="2026999999")) is SuspenseReason.reference

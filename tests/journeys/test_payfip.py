"""Does a family pay at PayFiP, whatever the bank, the notification and the network do; and does a clerk read what happened?"""

import re
from decimal import Decimal

import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select

from app.billing.models import EntryKind, LedgerEntry
from app.core import clock
from app.extensions import db
from app.payments.models import AttemptState, PaymentAttempt, Suspense
from tests.conftest import work
from tests.payments.payfip import payfip
from tests.payments.test_desk import an_invoice

S = AttemptState
TEN = Decimal("10.00")


@pytest.fixture
def bank(app, server, english, tmp_path, monkeypatch):
    """A local PayFiP that knows the way back to the portal of the journeys."""
    with payfip(tmp_path) as (found, config):
        for name, value in {**config, "PAYMENT_PROVIDER": "payfip", "BASE_URL": server.url}.items():
            monkeypatch.setitem(app.config, name, value)
        yield found


class Family:
    """Christelle at her telephone, who owes ten euros more each time."""

    def __init__(self, app, parent, bank):
        self.app, self.page, self.bank, self.owed = app, parent.page, bank, 0

    def owes(self):
        self.owed += 1
        with self.app.test_request_context("/"):
            return an_invoice(1, "10.00", rank=self.owed, month=9)

    def to_the_bank(self, invoice):
        """From the page of what is due to the bank's own."""
        self.page.goto("/portail/payer/")
        for box in self.page.get_by_role("checkbox").all():
            box.set_checked(box.get_attribute("value") == str(invoice))
        self.page.get_by_role("button", name="Pay what is ticked").click()
        expect(self.page.get_by_role("heading", name="PayFiP")).to_be_visible()
        return re.search("idop=(.+)", self.page.url)[1]

    def press(self, result):
        self.page.get_by_role("button", name=result, exact=True).click()
        expect(self.page.get_by_role("heading", level=1, name="Your payment")).to_be_visible()

    def reads(self, sentence):
        """What her page says once the worker has asked the bank."""
        work(self.app)
        self.page.reload()
        expect(self.page.get_by_text(sentence).first).to_be_visible()


def books(app):
    """(the last attempt's state, euros posted, euros that wait for a clerk)."""
    with app.app_context():
        state = db.session.scalar(select(PaymentAttempt.state).order_by(PaymentAttempt.id.desc()).limit(1))
        posted = -(db.session.scalar(select(func.sum(LedgerEntry.amount)).filter_by(kind=EntryKind.payment)) or 0)
        return state, posted, db.session.scalar(select(func.sum(Suspense.amount))) or 0


def test_whatever_the_bank_does_the_ledger_is_right(app, person, bank):
    family = Family(app, person("galbert", "phone"), bank)

    # Paid, and the notification came; then a debit.
    for result, posted in (("P", TEN), ("V", 2 * TEN)):
        family.to_the_bank(family.owes())
        family.press(result)
        family.reads("€10.00 received")
        assert books(app) == (S.paid, posted, 0)
    # Refused, a debit refused, given up: nothing, and she tries again.
    invoice = family.owes()
    for result, state in (("R", S.refused), ("Z", S.refused), ("A", S.abandoned)):
        family.to_the_bank(invoice)
        family.press(result)
        family.reads("Nothing was paid")
        assert books(app) == (state, 2 * TEN, 0)
    # No notification: the worker asks by itself.
    bank.notifications = 0
    family.to_the_bank(invoice)
    family.press("P")
    family.reads("We ask the bank")
    clock.advance(seconds=11)
    family.reads("€10.00 received")
    assert books(app) == (S.paid, 3 * TEN, 0)
    # Late: the bank does not know yet; then it does.
    bank.late = True
    idop = family.to_the_bank(family.owes())
    family.press("P")
    clock.advance(minutes=1)
    family.reads("We ask the bank")
    bank.late = False
    bank.pay(idop, bank.payments[idop]["later"])
    clock.advance(minutes=10)
    family.reads("€10.00 received")
    # Doubled: three notifications, and one a day later.
    bank.notifications = 3
    idop = family.to_the_bank(family.owes())
    family.press("P")
    family.reads("€10.00 received")
    clock.advance(days=1)
    bank.notify(idop)
    family.reads("€10.00 received")
    assert books(app) == (S.paid, 5 * TEN, 0)


def test_forgeries_lies_and_a_bank_that_is_away(app, person, bank):
    family = Family(app, person("galbert", "phone"), bank)

    # Down before it was told: nothing began, and she reads so.
    invoice = family.owes()
    bank.broken = True
    family.page.goto("/portail/payer/")
    family.page.get_by_role("button", name="Pay what is ticked").click()
    expect(family.page.get_by_role("alert")).to_be_visible()
    bank.broken = False
    # A forged notification, before anybody paid: nothing.
    idop = family.to_the_bank(invoice)
    for _time in range(5):
        bank.notify(idop)
    work(app)
    assert books(app) == (S.pending, 0, 0)
    # Paid, and the bank is away when it is asked: later.
    family.press("P")
    bank.broken = True
    family.reads("We ask the bank")
    bank.broken = False
    clock.advance(minutes=1)
    family.reads("€10.00 received")
    assert books(app) == (S.paid, TEN, 0)
    # Another amount, another creditor, a test's answer: a clerk looks at it.
    for number, lies in enumerate(({"montant": "900"}, {"numcli": "111111"}, {"saisie": "T"}), 1):
        bank.lies = lies
        family.to_the_bank(family.owes())
        family.press("P")
        family.reads("The town hall looks at your payment")
        state, posted, waits = books(app)
        assert (state, posted, waits) == (S.suspense, TEN, number * TEN - Decimal("1.00"))
    clerk = person("regisseur")
    page = clerk.visit("/mairie/paiements-a-voir/")
    for reason in (
        "the amount is not the one that was asked",
        "the bank names another reference or creditor",
        "a test answer for a real payment",
    ):
        expect(page.get_by_text(reason).first).to_be_visible()

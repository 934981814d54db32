"""Whatever the order of notifications, returns, looks, kills and reversals: is money in what was posted and what waits for a clerk?"""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.billing.models import Allocation, Invoice
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.extensions import db
from app.payments.models import Means, Payment, PaymentAttempt, Suspense
from app.payments.online import accept_suspense, announce, begin, hurry, look_up, look_up_due
from app.payments.operations import receive, take_back
from tests.conftest import account as person
from tests.payments.bank import bank_open
from tests.payments.test_desk import GALBERT, an_invoice

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["begin", "pay", "pay wrong", "refuse", "notify", "look", "killed look", "wait", "down", "up", "desk", "reverse", "accept"]
        ),
        st.integers(0, 3),
    ),
    max_size=14,
)


class Killed(BaseException):
    """The process ends in the middle of a look."""


class History:
    """What happens to one family's account."""

    def __init__(self, bank, monkeypatch):
        self.bank, self.monkeypatch = bank, monkeypatch
        #: What the bank took, and what came over the counter.
        self.taken, self.desk = {}, Decimal(0)

    def attempts(self):
        db.session.rollback()
        return db.session.scalars(select(PaymentAttempt).where(PaymentAttempt.token.is_not(None)).order_by(PaymentAttempt.id)).all()

    def pick(self, number):
        found = self.attempts()
        return found[number % len(found)] if found else None

    def step(self, what, number):
        one = self.pick(number)
        if what == "begin":
            self.begin(number)
        elif what == "wait":
            clock.advance(minutes=(1, 7, 20, 300)[number])
            look_up_due()
        elif what in ("down", "up"):
            self.bank.down = what == "down"
        elif what == "desk":
            with unit_of_work():
                self.desk += receive(GALBERT, Means.cash, Decimal(5 + number), by=person("regisseur")).amount
        elif one is not None:
            getattr(self, what.replace(" ", "_"))(one)

    def begin(self, number):
        wanted = {1: {1}, 2: {2}}.get(number)
        try:
            with unit_of_work():
                made = begin(GALBERT, wanted, by=person("galbert")).id
            announce(made, email="c@famille.example", notify_url="https://x", return_url="https://x", title="Invoices")
        except DomainError:
            db.session.rollback()

    def pay(self, one):
        if one.token not in self.taken:
            self.bank.says(one)
            self.taken[one.token] = one.amount

    def pay_wrong(self, one):
        if one.token not in self.taken:
            self.bank.says(one, amount="7.00")
            self.taken[one.token] = Decimal("7.00")

    def refuse(self, one):
        if one.token not in self.taken:
            self.bank.says(one, "refused")

    def notify(self, one):
        with unit_of_work():
            hurry("payfip", one.token)
        look_up_due()

    def look(self, one):
        look_up(one.id)

    def killed_look(self, one):
        with self.monkeypatch.context() as patch:
            patch.setattr("app.payments.online.write_journal", _die)
            try:
                look_up(one.id)
            except Killed:
                db.session.rollback()

    def reverse(self, one):
        payment = db.session.scalar(select(Payment).filter_by(attempt_id=one.id))
        try:
            with unit_of_work():
                if payment is not None:
                    take_back(db.session.merge(payment), "Rejected", by=person("regisseur"))
                    self.taken[one.token] = Decimal(0)
        except DomainError:
            db.session.rollback()

    def accept(self, one):
        odd = db.session.scalar(select(Suspense).where(Suspense.attempt_id == one.id, Suspense.closed_at.is_(None)))
        if odd is not None:
            with unit_of_work():
                accept_suspense(db.session.merge(odd), by=person("regisseur"))

    def settle(self):
        """In the end the bank answers again, and everybody has waited long enough."""
        self.bank.down = False
        for one in self.attempts():
            look_up(one.id)


def _die(*_args, **_more):
    raise Killed


def total(column, *conditions):
    db.session.rollback()
    return db.session.scalar(select(func.sum(column)).where(*conditions)) or Decimal(0)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_money_in_is_money_posted_and_money_in_suspense(app, stage, steps):
    with app.app_context():
        db.session.remove()
        stage.begin(db.engine)
    clock.reset()
    with app.test_request_context("/"), pytest.MonkeyPatch.context() as monkeypatch, bank_open(monkeypatch) as bank:
        an_invoice(GALBERT, "30.00", rank=1, month=9)
        an_invoice(GALBERT, "20.00", rank=2, month=10)
        history = History(bank, monkeypatch)
        for what, number in steps:
            history.step(what, number)
        history.settle()
        watched = {one.token for one in history.attempts() if one.look_at is not None}
        came = sum((amount for token, amount in history.taken.items() if token not in watched), Decimal(0)) + history.desk
        assert total(Payment.amount) + total(Suspense.amount, Suspense.closed_at.is_(None)) == came
        for invoice in db.session.scalars(select(Invoice)).all():
            assert total(Allocation.amount, Allocation.invoice_id == invoice.id) <= invoice.total
        assert not watched & set(history.taken)
        db.session.remove()

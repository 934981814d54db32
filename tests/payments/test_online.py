"""Is what a family pays online posted once, to the cent, by the bank's own word alone; and what is odd never lost?"""

from decimal import Decimal

import pytest
from sqlalchemy import func, select

from app.billing import ledger
from app.billing.models import EntryKind, Invoice, LedgerEntry
from app.billing.queries import account
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError, Stale
from app.extensions import db
from app.mail.models import OutgoingMail
from app.payments.models import AttemptState, Means, Payment, PaymentAttempt, Suspense, SuspenseReason
from app.payments.online import accept_suspense, announce, begin, dismiss_suspense, hurry, look_up, look_up_due
from app.payments.operations import receive
from tests.billing.bills import cancel
from tests.conftest import account as person
from tests.payments.bank import bank_open
from tests.payments.test_desk import GALBERT, an_invoice

S = AttemptState


@pytest.fixture
def bank(ctx, monkeypatch):
    """A bank, and two invoices of the Galberts: 30 and 20 euros."""
    an_invoice(GALBERT, "30.00", rank=1, month=9)
    an_invoice(GALBERT, "20.00", rank=2, month=10)
    with bank_open(monkeypatch) as found:
        yield found


def invoices():
    return db.session.scalars(select(Invoice.id).order_by(Invoice.id)).all()


def to_the_bank(wanted=None):
    """An attempt that has been announced; its id."""
    with unit_of_work():
        number = begin(GALBERT, wanted, by=person("galbert")).id
    announce(number, email="c@famille.example", notify_url="https://x", return_url="https://x", title="Invoices")
    return number


def attempt(number):
    return db.session.get(PaymentAttempt, number, populate_existing=True)


def posted():
    db.session.rollback()
    return -(db.session.scalar(select(func.sum(LedgerEntry.amount)).filter_by(kind=EntryKind.payment)) or Decimal(0))


def suspended():
    return db.session.scalar(select(func.sum(Suspense.amount)).where(Suspense.closed_at.is_(None))) or Decimal(0)


def test_all_that_is_due_is_paid_at_once_and_told(bank):
    number = to_the_bank()
    assert (attempt(number).state, attempt(number).amount) == (S.pending, Decimal("50.00"))
    bank.says(attempt(number))
    for _time in range(100):
        look_up(number)
    assert attempt(number).state is S.paid and posted() == Decimal("50.00") and account(GALBERT).balance == 0
    payment = db.session.scalars(select(Payment)).one()
    assert (payment.means, payment.attempt_id) == (Means.online, number)
    assert "50.00" in db.session.scalars(select(OutgoingMail).filter_by(template="payment")).one().body.replace(",", ".")


def test_chosen_invoices_alone_are_paid(bank):
    number = to_the_bank({invoices()[1]})
    bank.says(attempt(number))
    look_up(number)
    assert [str(ledger.left(db.session.get(Invoice, one))) for one in invoices()] == ["30.00", "0.00"]


def test_another_familys_invoice_is_not_payable(bank):
    theirs = an_invoice(2, "9.00", rank=3)
    with pytest.raises(DomainError):
        to_the_bank({theirs})


def test_a_notification_alone_posts_nothing(bank):
    number = to_the_bank()
    with unit_of_work():
        assert hurry("payfip", attempt(number).token)
        assert not hurry("payfip", "forged")
    assert posted() == 0
    look_up_due()
    assert bank.looked == 1 and attempt(number).state is S.pending and posted() == 0


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"amount": "49.99"}, SuspenseReason.amount),
        ({"reference": "SOMEBODYELSE"}, SuspenseReason.reference),
        ({"fits": False}, SuspenseReason.reference),
        ({"real": False}, SuspenseReason.mode),
    ],
)
def test_what_does_not_fit_waits_for_a_clerk(bank, answer, reason):
    number = to_the_bank()
    bank.says(attempt(number), **answer)
    look_up(number)
    look_up(number)
    odd = db.session.scalars(select(Suspense)).one()
    assert (odd.reason, attempt(number).state, posted()) == (reason, S.suspense, 0)


def test_a_second_success_waits_for_a_clerk(bank):
    first = to_the_bank()
    clock.advance(minutes=16)
    second = to_the_bank()
    for number in (first, second):
        bank.says(attempt(number))
        look_up(number)
    assert (attempt(first).state, attempt(second).state) == (S.paid, S.suspense)
    assert posted() == Decimal("50.00") and suspended() == Decimal("50.00")


def test_paid_at_the_desk_meanwhile_waits_for_a_clerk(bank):
    number = to_the_bank()
    with unit_of_work():
        receive(GALBERT, Means.cash, Decimal("30.00"), by=person("regisseur"))
    bank.says(attempt(number))
    look_up(number)
    assert db.session.scalars(select(Suspense)).one().reason is SuspenseReason.not_due


def test_paid_for_an_invoice_that_was_cancelled_meanwhile_waits_for_a_clerk(bank):
    first = invoices()[0]
    number = to_the_bank({first})
    cancel(first, rank=9, day=clock.today())
    bank.says(attempt(number))
    look_up(number)
    assert db.session.scalars(select(Suspense)).one().reason is SuspenseReason.not_due
    assert (posted(), suspended()) == (Decimal(0), Decimal("30.00"))


def test_a_clerk_posts_it_or_says_what_was_done_once(bank):
    number = to_the_bank()
    bank.says(attempt(number), amount="60.00")
    look_up(number)
    odd = db.session.scalars(select(Suspense)).one()
    with pytest.raises(DomainError), unit_of_work():
        dismiss_suspense(db.session.merge(odd), " ", by=person("regisseur"))
    with unit_of_work():
        accept_suspense(db.session.scalars(select(Suspense)).one(), by=person("regisseur"))
    assert posted() == Decimal("60.00") and account(GALBERT).balance == Decimal("-10.00") and suspended() == 0
    with pytest.raises(Stale), unit_of_work():
        dismiss_suspense(db.session.scalars(select(Suspense)).one(), "Given back", by=person("regisseur"))


def test_one_attempt_at_the_bank_for_an_invoice(bank):
    to_the_bank({invoices()[0]})
    with pytest.raises(DomainError):
        to_the_bank()
    to_the_bank({invoices()[1]})
    clock.advance(minutes=16)
    to_the_bank()


def test_refused_or_given_up_may_be_tried_again_at_once(bank):
    for found in ("refused", "abandoned"):
        number = to_the_bank()
        bank.says(attempt(number), found)
        look_up(number)
        assert attempt(number).state.value == found and posted() == 0


def test_who_goes_back_to_the_banks_page_and_pays_is_seen(bank):
    number = to_the_bank()
    bank.says(attempt(number), "refused")
    look_up(number)
    bank.says(attempt(number))
    clock.advance(minutes=6)
    look_up_due()
    assert attempt(number).state is S.paid and posted() == Decimal("50.00")


def test_a_bank_that_is_down_at_the_start_takes_nothing(bank):
    bank.down = True
    with pytest.raises(DomainError):
        to_the_bank()
    assert db.session.scalars(select(PaymentAttempt)).one().state is S.refused
    bank.down = False
    to_the_bank()


def test_a_bank_that_is_down_is_asked_again(bank):
    number = to_the_bank()
    bank.says(attempt(number))
    bank.down = True
    clock.advance(minutes=1)
    look_up_due()
    assert attempt(number).state is S.pending and attempt(number).trouble == "no route"
    bank.down = False
    clock.advance(minutes=6)
    look_up_due()
    assert attempt(number).state is S.paid


def test_an_attempt_is_asked_about_for_a_week_and_no_longer(bank):
    number = to_the_bank()
    for _day in range(7):
        for _hour in range(5):
            clock.advance(hours=5)
            look_up_due()
    assert attempt(number).state is S.expired
    looked = bank.looked
    clock.advance(days=3)
    look_up_due()
    assert bank.looked == looked


def test_a_debit_that_was_accepted_may_be_rejected_later(bank):
    from app.payments.operations import take_back

    number = to_the_bank()
    bank.says(attempt(number), "debit")
    look_up(number)
    payment = db.session.scalars(select(Payment)).one()
    assert payment.means is Means.debit
    with unit_of_work():
        take_back(db.session.merge(payment), "Rejected by the bank", by=person("regisseur"))
    assert account(GALBERT).balance == Decimal("50.00")


def test_a_server_that_stopped_before_telling_the_bank(bank):
    with unit_of_work():
        number = begin(GALBERT, None, by=person("galbert")).id
    clock.advance(minutes=16)
    look_up_due()
    assert attempt(number).state is S.expired and bank.looked == 0
    to_the_bank()

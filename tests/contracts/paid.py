"""How did the two families of the walker pay? A receipt, an attempt at the bank, money that a clerk must look at."""

from decimal import Decimal

from app.core import clock
from app.extensions import db
from app.payments.models import AttemptState, DemoTransaction, Means, Payment, PaymentAttempt, Suspense, SuspenseReason


def pay(family_id, canary, invoice, entry):
    """Rows of payments, by an entry of the ledger that is there; returns {argument: id}."""
    half = Decimal("10.00")
    received = Payment(
        number=invoice.number,
        year=invoice.year,
        rank=invoice.rank,
        family_id=family_id,
        entry_id=entry.id,
        means=Means.cheque,
        amount=half,
        received_on=entry.day,
        reference=canary,
        made_by="Régisseur Mairie",
    )
    token = f"{canary}-token-of-the-bank"
    attempt = PaymentAttempt(
        family_id=family_id,
        provider="demo",
        reference=f"{canary}{family_id}",
        token=token,
        url=f"/portail/banque/{token}/",
        amount=half,
        parts=[[invoice.id, 1000]],
        state=AttemptState.pending,
        look_at=clock.now(),
    )
    db.session.add_all([received, attempt, DemoTransaction(token=token, reference=attempt.reference, amount=half)])
    db.session.flush()
    odd = Suspense(attempt_id=attempt.id, family_id=family_id, reason=SuspenseReason.amount, amount=half)
    db.session.add(odd)
    db.session.flush()
    return {"payment_id": received.id, "reference": attempt.reference, "token": token, "suspense_id": odd.id, "attempt_id": attempt.id}

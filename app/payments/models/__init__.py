"""What do payments keep?"""

from app.core.db import FROZEN
from app.payments.models.attempt import AttemptState, DemoTransaction, PaymentAttempt, Suspense, SuspenseReason
from app.payments.models.journal import DESK, Means, Payment

__all__ = ["DESK", "AttemptState", "DemoTransaction", "Means", "Payment", "PaymentAttempt", "Suspense", "SuspenseReason"]

FROZEN.add(Payment.__tablename__)

"""What does billing keep?"""

from app.billing.models.invoice import (
    ChargeKind,
    DocumentState,
    Invoice,
    InvoiceDocument,
    InvoiceKind,
    InvoiceLine,
    PriceReason,
    Reminder,
    ReminderStep,
)
from app.billing.models.ledger import Allocation, EntryKind, LedgerEntry
from app.billing.models.run import Adjustment, Bill, BillingPeriod, BillingRun, BillState, Exemption, RunKind, RunState
from app.billing.models.tariff import RateGrant, TariffGrid, ThirdPartyShare
from app.billing.models.task import FamilyTask, TaskKind
from app.core.db import FROZEN

#: Issued once: a mistake is put right by a credit note or another entry.
FROZEN |= {Invoice.__tablename__, InvoiceLine.__tablename__, PriceReason.__tablename__, LedgerEntry.__tablename__}

__all__ = [
    "Adjustment",
    "Allocation",
    "Bill",
    "BillState",
    "BillingPeriod",
    "BillingRun",
    "ChargeKind",
    "DocumentState",
    "EntryKind",
    "Exemption",
    "FamilyTask",
    "Invoice",
    "InvoiceDocument",
    "InvoiceKind",
    "InvoiceLine",
    "LedgerEntry",
    "PriceReason",
    "RateGrant",
    "Reminder",
    "ReminderStep",
    "RunKind",
    "RunState",
    "TariffGrid",
    "TaskKind",
    "ThirdPartyShare",
]

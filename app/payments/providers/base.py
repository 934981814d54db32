"""What does the application ask of whoever takes payments online? To start one, and what became of it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Found(StrEnum):
    """What the bank says of a payment."""

    paid = "paid"
    #: A direct debit was accepted; the debtor's bank may still reject it.
    debit = "debit"
    refused = "refused"
    abandoned = "abandoned"
    #: Not known yet: ask again.
    unknown = "unknown"
    #: The bank has never heard of it, or has forgotten it.
    gone = "gone"


@dataclass(frozen=True)
class Started:
    """A payment that the bank waits for: its own name of it, and where the family pays."""

    token: str
    url: str


@dataclass(frozen=True)
class Answer:
    """What became of a payment, as the bank says it. `fits` is false where it names another creditor, `real` for a test."""

    found: Found
    amount: Decimal | None = None
    reference: str | None = None
    fits: bool = True
    real: bool = True


class ProviderDown(Exception):
    """The bank cannot be reached, or answers what we do not understand: try again later."""


class Refused(Exception):
    """The bank does not accept what we ask: trying again would not help."""


class Provider:
    """A way to pay online. Both methods use the network: never inside a unit of work."""

    name = ""
    #: Whether one payment may pay several invoices.
    grouped = True
    least, most = Decimal("1.00"), Decimal("99999.99")
    #: Where a browser may be sent to, for the page's policy; None: to ourselves.
    origin = None

    def __init__(self, config):
        self.config = config

    def missing(self):
        """What the configuration lacks: names of settings."""
        return []

    @property
    def for_tests(self):
        """Whether no real money moves."""
        return False

    def start(self, attempt, *, email, notify_url, return_url, title):
        """Announce an attempt to the bank: Started. Raises ProviderDown or Refused."""
        raise NotImplementedError

    def look_up(self, attempt):
        """The bank's Answer about an attempt. Raises ProviderDown."""
        raise NotImplementedError

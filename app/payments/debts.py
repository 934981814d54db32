"""How does the bank know what is paid? By a reference of ours, or by that of the one debt that the Treasury has booked."""

from dataclasses import dataclass

from app.billing.models import Invoice
from app.core import clock, settings
from app.core.enums import Labelled
from app.core.errors import DomainError
from app.core.i18n import _, _l
from app.extensions import db


class PaymentMode(Labelled):
    """Where money that is paid online goes, as the town has agreed with its trésorerie."""

    regie = "regie", _l("to the régie: several invoices in one payment")
    titre = "titre", _l("to the Treasury (titres): each invoice by itself")


settings.declare(
    "payment_mode",
    str,
    PaymentMode.regie.value,
    _l("Money that is paid online goes"),
    hint=_l("As it was agreed with the trésorerie. An invoice of the Treasury is paid whole, and must be known there."),
    group=_l("Payments online"),
    choices=PaymentMode,
)


@dataclass(frozen=True)
class Debt:
    """What the bank is told: whose year it is, and by which letters and digits it is known."""

    year: int
    reference: str


def by_titre():
    """Whether each invoice is a debt that the Treasury has booked."""
    return settings.get("payment_mode") == PaymentMode.titre.value


def debt_of(attempt, pattern="{number}"):
    """The Debt that an attempt pays."""
    if by_titre():
        invoice = _invoice(attempt)
        return Debt(invoice.year, titre_reference(invoice, pattern))
    return Debt(clock.today().year, attempt.reference)


def titre_reference(invoice, pattern="{number}"):
    """How the Treasury knows an invoice: by its number alone, or as the trésorerie has it written."""
    return pattern.format(number=invoice.number, year=invoice.year, rank=invoice.rank)


def names_of(attempt, pattern="{number}"):
    """What the bank may call an attempt: ours, and that of its invoice where it is but one; the mode may have changed since."""
    one = len(attempt.parts) == 1
    return {attempt.reference, titre_reference(_invoice(attempt), pattern)} if one else {attempt.reference}


def _invoice(attempt):
    return db.session.get(Invoice, attempt.parts[0][0])


def refuse_part(unpaid):
    """An invoice that the Treasury has booked is paid whole."""
    if by_titre() and unpaid.left != unpaid.invoice.total:
        raise DomainError(_("A part of this invoice is paid already. Pay the rest at the town hall."))

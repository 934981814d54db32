"""How does a receipt look on paper? One page: who paid, how, how much, for which invoices."""

from app.billing.addressees import addressees
from app.billing.letterhead import letterhead
from app.core import clock
from app.documents.pdf import render_pdf
from app.payments.queries import paid_by


def receipt_pdf(payment):
    """The bytes of a payment's receipt, in the reader's language."""
    return render_pdf(
        "receipt",
        payment=payment,
        paid=paid_by(payment),
        head=letterhead(),
        to=addressees([payment.family_id])[payment.family_id],
        today=clock.today(),
    )

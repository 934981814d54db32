"""How does somebody pay at a bank that says by itself, signed, what became of a payment? By a form that we sign; through eopayment.

These banks offer no look-up: their server's notification, signed with a secret that only they and the town have, is it. What a browser
brings back is not read. Paybox is left out on purpose: it signs for all its merchants with one key, and the message does not say whose
account was paid.
"""

from dataclasses import dataclass
from decimal import Decimal

from flask import url_for

from app.core.money import from_cents
from app.payments.providers.base import Answer, Found, Provider, Refused, Started


@dataclass(frozen=True)
class BankForm:
    """What the family's browser posts to the bank."""

    url: str
    fields: dict[str, str]

    @property
    def origin(self):
        return "/".join(self.url.split("/")[:3])


class SignedProvider(Provider):
    """A bank of eopayment, with the options of PAYMENT_OPTIONS."""

    #: Without one of these options anybody could sign: eopayment has defaults that are published.
    needed = ()

    def start(self, attempt, *, email, notify_url, return_url, title):
        self.form(attempt, email=email, notify_url=notify_url, return_url=return_url)
        return Started(attempt.reference, url_for("PayView.bank", reference=attempt.reference))

    def look_up(self, attempt):
        """It cannot be asked: it says so by itself."""
        return Answer(Found.unknown)

    def form(self, attempt, *, email, notify_url, return_url):
        """The BankForm of an attempt, signed anew. Raises Refused where the options are not good."""
        service = self._service(automatic_return_url=notify_url, normal_return_url=return_url)
        self._once(service.backend, attempt)
        try:
            _reference, _kind, form = service.request(
                attempt.amount, transaction_id=attempt.reference, orderid=attempt.reference, email=email
            )
        except (ValueError, TypeError, AttributeError) as problem:
            raise Refused(f"PAYMENT_OPTIONS: {problem}"[:200]) from problem
        return BankForm(form.url, {field["name"]: field["value"] for field in form.fields})

    def heard(self, text):
        """(our reference, Answer) of what the bank posts to us. Raises Refused where it is not signed by the bank, or makes no sense."""
        from eopayment import PaymentException

        service = self._service()
        try:
            said = service.response(text)
            if not said.signed:
                raise Refused("not signed by the bank")
            answer = Answer(self._found(said), self._amount(said.bank_data), said.order_id, self._fits(said.bank_data), self._real(said))
        except (PaymentException, KeyError, ValueError, TypeError, AttributeError) as problem:
            raise Refused(f"{type(problem).__name__}: {problem}"[:200]) from problem
        return said.order_id, answer

    @property
    def options(self):
        return self.config["PAYMENT_OPTIONS"]

    def missing(self):
        return [f"PAYMENT_OPTIONS {name}" for name in self.needed if not self.options.get(name)]

    def _service(self, **urls):
        from eopayment import Payment

        if self.missing():
            raise Refused(f"not set: {', '.join(self.missing())}")
        return Payment(self.name, {**self.defaults, **self.options, **urls})

    #: Options that a town need not name.
    defaults = {}

    def _once(self, backend, attempt):
        """Make the bank take one payment for an attempt, however often its page is opened."""

    def _found(self, said):
        import eopayment

        known = {eopayment.PAID: Found.paid, eopayment.DENIED: Found.refused, eopayment.CANCELLED: Found.abandoned}
        # An error takes no money; should it be mended, the bank says that it is paid.
        return {**known, eopayment.ERROR: Found.refused}.get(said.result, Found.unknown)


class SystemPay(SignedProvider):
    """Banque Populaire and Caisse d'Épargne."""

    name = "systempayv2"
    defaults = {"signature_algo": "hmac_sha256", "vads_ctx_mode": "TEST"}
    #: What `vads_trans_status` says of money that came.
    received = ("", "AUTHORISED", "CAPTURED", "ACCEPTED")

    @property
    def for_tests(self):
        return self._mode == "TEST"

    @property
    def needed(self):
        return ("vads_site_id", f"secret_{self._mode.lower()}")

    @property
    def _mode(self):
        return self.options.get("vads_ctx_mode", "TEST")

    def heard(self, text):
        # The mode that the message names chooses the secret: one that the town has not set signs nothing.
        from urllib.parse import parse_qs

        mode = parse_qs(text).get("vads_ctx_mode", [""])[0]
        if mode not in ("TEST", "PRODUCTION") or not self.options.get(f"secret_{mode.lower()}"):
            raise Refused("a mode without a secret")
        return super().heard(text)

    def _once(self, backend, attempt):
        # Six letters and digits, unique in a day; those that begin with 9 are the bank's own.
        backend._vads_trans_id = attempt.reference[-6:].replace("9", "X", 1) if attempt.reference[-6] == "9" else attempt.reference[-6:]

    def _found(self, said):
        found, fields = super()._found(said), said.bank_data
        credit = fields.get("vads_operation_type", "DEBIT") != "DEBIT"
        paid = found is Found.paid and fields.get("vads_trans_status", "") in self.received and not credit
        return Found.unknown if found is Found.paid and not paid else found

    def _amount(self, fields):
        return _euros(fields["vads_amount"])

    def _fits(self, fields):
        return fields.get("vads_site_id") == str(self.options["vads_site_id"]) and fields.get("vads_currency") == "978"

    def _real(self, said):
        return not said.test or self.for_tests


class PayZen(SystemPay):
    """The same service under another name."""

    name = "payzen"


class Sips(SignedProvider):
    """Worldline Sips 2: BNP Paribas, Crédit Agricole, La Banque Postale, LCL, Société Générale and others."""

    name = "sips2"
    needed = ("merchant_id", "secret_key")

    @property
    def for_tests(self):
        return self.options.get("platform", "test") != "prod"

    def _amount(self, fields):
        return _euros(fields["amount"])

    def _fits(self, fields):
        return fields.get("merchantId") == self.options["merchant_id"] and fields.get("currencyCode") == "978"

    def _real(self, said):
        return not said.test or self.for_tests


def _euros(cents) -> Decimal:
    """Euros of a text of cents; ValueError for what is none."""
    if not str(cents).isdecimal() or len(str(cents)) > 9:
        raise ValueError(f"no amount: {cents}")
    return from_cents(int(cents))

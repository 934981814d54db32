"""How does somebody pay by PayFiP, the State's service for communes? By its web service, through eopayment.

`creerPaiementSecurise` gives an idOp, the browser goes to PayFiP's page with it, and `recupererDetailPaiementSecurise` says what
became of it.
"""

import re
import unicodedata
from functools import cached_property

from app.core.money import from_cents, to_cents
from app.payments.debts import debt_of
from app.payments.providers.base import Answer, Found, Provider, ProviderDown, Refused, Started

#: What `resultrans` says: card paid, debit accepted, card refused, debit refused, given up.
RESULTS = {"P": Found.paid, "V": Found.debit, "R": Found.refused, "Z": Found.refused, "A": Found.abandoned}
#: Faults that a second try would not mend: a value that PayFiP does not accept. The others may pass.
OUR_FAULT = re.compile(r"[RMAND]\d")
#: The idOp is not known (any more); the result is not known yet.
UNKNOWN_IDOP, NOT_YET = "P1", "P5"
SECONDS = 15


class PayFipProvider(Provider):
    """PayFiP for a régie (one payment for several invoices, under a reference of ours), or for titres (an invoice, under its own)."""

    name = "payfip"

    @property
    def origin(self):
        return "/".join(self.config["PAYFIP_PAGE"].split("/")[:3])

    def missing(self):
        good = {"PAYFIP_NUMCLI": r"\d{6}", "PAYFIP_SAISIE": "[TXW]"}
        return [name for name, pattern in good.items() if not re.fullmatch(pattern, self.config[name])]

    @property
    def for_tests(self):
        return self.config["PAYFIP_SAISIE"] != "W"

    def start(self, attempt, *, email, notify_url, return_url, title):
        debt = debt_of(attempt, self.config.get("PAYFIP_REFDET", "{number}"))
        answer = self._call(
            "get_idop",
            numcli=self.config["PAYFIP_NUMCLI"],
            saisie=self.config["PAYFIP_SAISIE"],
            exer=f"{debt.year}",
            refdet=debt.reference,
            montant=str(to_cents(attempt.amount)),
            mel=email,
            url_notification=notify_url,
            url_redirect=return_url,
            objet=plain(title),
        )
        return Started(str(answer), f"{self.config['PAYFIP_PAGE']}?idop={answer}")

    def look_up(self, attempt):
        try:
            answer = self._call("get_info_paiement", idop=attempt.token)
        except Refused as fault:
            if str(fault) == UNKNOWN_IDOP:
                return Answer(Found.gone)
            if str(fault) == NOT_YET:
                return Answer(Found.unknown)
            raise ProviderDown(str(fault)) from fault
        if answer.resultrans in ("P", "V") and _amount(answer.montant) is None:
            raise ProviderDown(f"an amount that is none: {answer.montant}"[:200])
        return Answer(
            RESULTS.get(answer.resultrans, Found.unknown),
            _amount(answer.montant),
            answer.refdet,
            # `exer` is not compared: the recorded answer says "20".
            fits=answer.numcli == self.config["PAYFIP_NUMCLI"],
            real=answer.saisie == "W" or self.config["PAYFIP_SAISIE"] != "W",
        )

    @cached_property
    def _service(self):
        # Loads a SOAP client: slow to import, and a town without PayFiP never needs it.
        from eopayment.payfip_ws import PayFiP

        return PayFiP(wsdl_url=self.config["PAYFIP_WSDL"] or None)

    def _call(self, operation, **values):
        """Call the web service. Raises Refused with the code of a fault that is about what we ask, else ProviderDown."""
        from eopayment.payfip_ws import PayFiPError

        try:
            return getattr(self._service, operation)(timeout=SECONDS, **values)
        except PayFiPError as fault:
            if fault.code in (UNKNOWN_IDOP, NOT_YET) or OUR_FAULT.fullmatch(fault.code):
                raise Refused(fault.code) from fault
            raise ProviderDown(f"{fault.code}: {fault.message}"[:200]) from fault


def plain(title):
    """A title as PayFiP takes it: at most 100 letters, digits and spaces."""
    letters = "".join(sign for sign in unicodedata.normalize("NFKD", title) if not unicodedata.combining(sign))
    return re.sub(r"\s+", " ", re.sub(r"[^A-Za-z0-9 ]", " ", letters)).strip()[:100]


def _amount(cents):
    """Euros of a text of cents; None for what is no number."""
    return from_cents(int(cents)) if re.fullmatch(r"\d{1,9}", str(cents or "")) else None

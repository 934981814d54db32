"""Which bank do tests pay at? One that answers what the test says, and can be away."""

from contextlib import contextmanager
from decimal import Decimal

from app.payments import online
from app.payments.providers import Answer, Found, Provider, ProviderDown, Started


class Bank(Provider):
    """A bank by the name of PayFiP's provider; `answers` is {token: Answer}."""

    name = "payfip"

    def __init__(self):
        super().__init__({})
        self.answers, self.down, self.started, self.looked = {}, False, [], 0

    def start(self, attempt, *, email, notify_url, return_url, title):
        if self.down:
            raise ProviderDown("no route")
        token = f"idop-{len(self.started) + 1}"
        self.started.append(attempt.reference)
        return Started(token, f"https://bank.example/?idop={token}")

    def look_up(self, attempt):
        self.looked += 1
        if self.down:
            raise ProviderDown("no route")
        return self.answers.get(attempt.token, Answer(Found.unknown))

    def says(self, attempt, found=Found.paid, *, amount=None, reference=None, **more):
        """Let it answer for an attempt: by default what was asked."""
        asked = attempt.amount if amount is None else Decimal(amount)
        self.answers[attempt.token] = Answer(Found(found), asked, reference or attempt.reference, **more)


@contextmanager
def bank_open(monkeypatch):
    """The Bank in the place of the town's."""
    bank = Bank()
    monkeypatch.setattr(online, "provider", lambda: bank)
    monkeypatch.setattr(online, "provider_named", lambda _name: bank)
    yield bank

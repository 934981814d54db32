"""Who takes payments online? The provider that the configuration names; each starts a payment and says what became of it."""

from flask import current_app

from app.payments.providers.base import Answer, Found, Provider, ProviderDown, Refused, Started
from app.payments.providers.demo import DemoProvider
from app.payments.providers.payfip import PayFipProvider
from app.payments.providers.signed import PayZen, SignedProvider, Sips, SystemPay

__all__ = ["PROVIDERS", "Answer", "Found", "Provider", "ProviderDown", "Refused", "SignedProvider", "Started", "provider", "provider_named"]

PROVIDERS = {kind.name: kind for kind in (DemoProvider, PayFipProvider, SystemPay, PayZen, Sips)}


def provider():
    """The Provider of the town, or None where nobody can pay online."""
    return provider_named(current_app.config["PAYMENT_PROVIDER"])


def provider_named(name):
    """The Provider of this name with its configuration, or None."""
    kind = PROVIDERS.get(name)
    if kind is None or (kind is DemoProvider and current_app.config["MODE"] == "production"):
        return None
    return kind(current_app.config)

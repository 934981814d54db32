"""Which means of payment does the régie take? Those that its founding act names."""

from app.core import settings
from app.core.i18n import _l
from app.payments.models import DESK

_GROUP = _l("Payments at the desk")
for _means in DESK:
    settings.declare(f"takes_{_means.value}", bool, True, _means.label, group=_GROUP)


def taken():
    """The Means that the town takes, in their order."""
    return [means for means in DESK if settings.get(f"takes_{means.value}")]

"""What can a town set about its bills?"""

from datetime import timedelta
from decimal import Decimal

from app.core import settings
from app.core.i18n import _l

GROUP = _l("Bills")

settings.declare(
    "bill_minimum",
    int,
    15,
    _l("Smallest bill, in euros"),
    hint=_l("Less is carried forward to the next bill (art. D1611-1 CGCT). 0 bills everything."),
    group=GROUP,
    minimum=0,
    maximum=1000,
)
settings.declare("days_to_pay", int, 30, _l("Days to pay a bill"), hint=_l("From the day of issue."), group=GROUP, minimum=1, maximum=365)
settings.declare(
    "certificate_carence",
    int,
    0,
    _l("Days of an absence charged in spite of a certificate"),
    hint=_l("Days of carence: the first ones of an absence that was told too late."),
    group=GROUP,
    minimum=0,
    maximum=30,
)
settings.declare(
    "school_year_month",
    int,
    9,
    _l("Month in which yearly memberships begin"),
    hint=_l("9 is September."),
    group=GROUP,
    minimum=1,
    maximum=12,
)


def minimum():
    """The smallest bill in euros; what is below it is carried forward."""
    return Decimal(settings.get("bill_minimum"))


def time_to_pay():
    """How long a family has to pay a bill."""
    return timedelta(days=settings.get("days_to_pay"))


def carence():
    """How many days of an absence are charged although a certificate came."""
    return settings.get("certificate_carence")


def year_month():
    """The month in which a year of memberships begins."""
    return settings.get("school_year_month")

"""For how long does a quotient count?"""

from datetime import timedelta

from sqlalchemy import select

from app.core import settings
from app.core.i18n import _l
from app.families.rules import months_after

settings.declare(
    "quotient_months",
    int,
    0,
    _l("Months for which a quotient counts"),
    hint=_l("From its first month on; then the household pays as one without a proof. 0: until the next one."),
    group=_l("Bills"),
    minimum=0,
    maximum=60,
)


def quotient_months():
    """For how many months a quotient counts; 0: until the next one."""
    return settings.get("quotient_months")


def column_of_months():
    """SQL: the same, None where the town has set nothing; for a page that has no query to spare."""
    return select(settings.Setting.value).where(settings.Setting.key == "quotient_months").scalar_subquery()


def quotient_ends(first, months=None):
    """The last day on which a quotient counts that begins on a day; None: for ever. `months`: where a page knows them already."""
    months = quotient_months() if months is None else months
    return months_after(first, months) - timedelta(days=1) if months else None

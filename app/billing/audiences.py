"""Which groups of families can the town write to by what they owe?"""

from decimal import Decimal

from sqlalchemy import func, select

from app.billing.models import LedgerEntry
from app.core.i18n import _l
from app.messages.audiences import register


def _owing(_value):
    return select(LedgerEntry.family_id).group_by(LedgerEntry.family_id).having(func.sum(LedgerEntry.amount) > Decimal(0))


register("unpaid", _l("families that owe something"), _owing, position=30)

"""What do screens read of a family?"""

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.extensions import db
from app.families.models import Family, IncomeQuotient


def whole_family(family_id):
    """The family with every section, in a constant number of queries; None where there is none."""
    loads = (Family.adults, Family.tax, Family.caf, Family.bank, Family.quotients)
    return db.session.scalar(select(Family).where(Family.id == family_id).options(*(selectinload(attribute) for attribute in loads)))


def quotient_on(family_id, day):
    """The IncomeQuotient that counts on a day, or None."""
    query = select(IncomeQuotient).where(IncomeQuotient.family_id == family_id, IncomeQuotient.counts_from <= day)
    return db.session.scalar(query.order_by(IncomeQuotient.counts_from.desc()).limit(1))

"""What do screens read of a family?"""

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.extensions import db
from app.families.models import Family


def whole_family(family_id):
    """The family with every section, in a constant number of queries; None where there is none."""
    loads = (Family.adults, Family.tax, Family.caf, Family.bank, Family.quotients)
    return db.session.scalar(select(Family).where(Family.id == family_id).options(*(selectinload(attribute) for attribute in loads)))

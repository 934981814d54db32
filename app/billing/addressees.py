"""To whom are bills and papers sent?"""

from flask import current_app
from sqlalchemy import select

from app.core.i18n import in_locale
from app.extensions import db
from app.families.models import Adult, AdultRole, Family


def addressees(family_ids):
    """{family_id: {"name", "lines", "code"}}: to whom bills are sent, in the guardian's name, as it is written on an envelope."""
    query = select(Family.id, Family.name, Family.code, Adult).outerjoin(
        Adult, (Adult.family_id == Family.id) & (Adult.role == AdultRole.guardian)
    )
    with in_locale(current_app.config["BABEL_DEFAULT_LOCALE"]):
        return {row.id: _addressee(row) for row in db.session.execute(query.where(Family.id.in_(family_ids)))}


def _addressee(row):
    adult = row.Adult
    if adult is None:
        return {"name": row.name, "lines": [], "code": row.code}
    name = " ".join(filter(None, (str(adult.civility or ""), adult.first_name, adult.last_name)))
    town = " ".join(filter(None, (adult.postcode, adult.city)))
    return {"name": name, "lines": [line for line in (adult.address, adult.address_more, town) if line], "code": row.code}

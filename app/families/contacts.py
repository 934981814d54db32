"""Where is an adult reached who has no account, or none with an address? At the address in the file."""

from sqlalchemy import select

from app.extensions import db
from app.families.models import Adult, AdultRole
from app.security.queries import write_to_file_addresses


def file_addresses(family_ids):
    """(family_id, adult_id, e-mail) of the adults of these families, the guardian first."""
    query = select(Adult.family_id, Adult.id, Adult.email).where(Adult.family_id.in_(family_ids))
    return db.session.execute(query.order_by(Adult.role != AdultRole.guardian, Adult.id)).all()


write_to_file_addresses(file_addresses)

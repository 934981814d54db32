"""Where is an adult reached who has no account, or none with an address? At the address in the file."""

from sqlalchemy import case, select

from app.families.models import Adult, AdultRole
from app.security.queries import write_to_file_addresses


def file_addresses(family_ids):
    """The query for (family_id, adult_id, e-mail, rank) of the adults of these families; the guardian's rank is the first."""
    rank = case((Adult.role == AdultRole.guardian, 0), else_=Adult.id)
    return select(Adult.family_id, Adult.id.label("adult_id"), Adult.email, rank.label("rank")).where(Adult.family_id.in_(family_ids))


write_to_file_addresses(file_addresses)

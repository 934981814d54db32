"""Which pre-registration does the walker ask for? A family that the town does not know, alike to one that it knows."""

from app.changes import preregistration
from app.core import clock


def preregister(family, child, canary):
    """A pre-registration that waits in the queue, like this family; {name of an address argument: id}."""
    guardian = family.guardian
    named = {"first_name": guardian.first_name, "last_name": canary, "email": guardian.email, "mobile": "06 98 76 54 32"}
    row = preregistration.begin({**named, "address": canary}, locale="fr")
    known = {"first_name": child.first_name, "last_name": child.last_name, "birth_date": child.birth_date.isoformat()}
    baby = {"first_name": canary, "last_name": canary, "birth_date": "2024-01-09"}
    preregistration.keep_step(row, "children", [known, baby])
    preregistration.keep_step(row, "wishes", {"note": canary})
    row.confirmed_at = clock.now()
    return {"preregistration_id": preregistration.send(row).lot_id}

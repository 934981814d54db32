"""How is a simulation kept for a while? Encrypted, so that its page and its files say the same and nothing is computed twice."""

import json
from dataclasses import asdict, astuple, dataclass
from datetime import date
from decimal import Decimal

from app.billing.simulation import Change, Simulation, Slice
from app.core.errors import NotFound
from app.core.files import Upload
from app.core.i18n import _
from app.documents.models import StoredFile
from app.documents.operations import content_of, store
from app.extensions import db
from app.security.who_sees_what import Noun

MEDIA_TYPE = "application/vnd.preau.simulation+json"


@dataclass(frozen=True)
class Kept:
    """A Simulation with what it was made of."""

    id: int
    grid_id: int
    #: As the list of tariffs named it then.
    tariff: str
    first: date
    made_at: object
    found: Simulation


def keep(found, grid_id, tariff, first, *, by):
    """Put a Simulation aside within the open unit of work: it is swept like a form's files. Returns the StoredFile."""
    about = {"grid_id": grid_id, "tariff": tariff, "first": first.isoformat(), "unpriced": [found.unpriced_before, found.unpriced_after]}
    slices = [{**asdict(one), "families": sorted(one.families)} for one in found.slices]
    content = json.dumps({**about, "slices": slices, "changes": [astuple(one) for one in found.changes]}, default=str)
    return store(Upload("simulation.json", MEDIA_TYPE, content.encode()), noun=Noun.bill, by=by)


def kept(file_id):
    """The Kept of a file's id. Raises NotFound where there is none, or no more."""
    row = db.session.get(StoredFile, file_id)
    if row is None or row.media_type != MEDIA_TYPE:
        raise NotFound(_("This simulation is not kept any more: compute it again."))
    read = json.loads(content_of(row))
    slices = [
        Slice(one["title"], set(one["families"]), one["places"], Decimal(one["before"]), Decimal(one["after"])) for one in read["slices"]
    ]
    found = Simulation(slices, *read["unpriced"], [_change(*one) for one in read["changes"]])
    return Kept(row.id, read["grid_id"], read["tariff"], date.fromisoformat(read["first"]), row.created_at, found)


def _change(family_id, before, after, quotient, was, becomes):
    return Change(family_id, Decimal(before), Decimal(after), None if quotient is None else Decimal(quotient), was, becomes)

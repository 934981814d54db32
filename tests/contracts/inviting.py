"""Which letters does the walker ask for? A batch that is being made."""

from app.extensions import db
from app.families.models import LetterBatch


def invite_many(family_id):
    """A batch that waits for the worker; returns {argument: id}."""
    batch = LetterBatch(adult_ids=[family_id])
    db.session.add(batch)
    db.session.flush()
    return {"batch_id": batch.id}

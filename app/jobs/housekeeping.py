"""What is kept in order by itself? Files, presences and forms that nobody needs any more, the school holidays to come."""

from datetime import timedelta

from sqlalchemy import delete

from app.activities.school_calendar import work_out
from app.changes.models import Presence
from app.changes.preregistration import forget_old
from app.core import clock
from app.core.db import unit_of_work
from app.documents.operations import sweep
from app.extensions import db
from app.security.throttle import forget

#: A clerk who has not been seen at a lot for so long is gone; the queue itself looks at the last minutes only.
PRESENCE_LIFE = timedelta(hours=1)


def forget_presences():
    """Remove the traces of who looked at which lot."""
    with unit_of_work():
        gone = db.session.execute(delete(Presence).where(Presence.seen_at < clock.now() - PRESENCE_LIFE)).rowcount
    return gone


def forget_tries():
    """Remove what was counted of wrong passwords and codes, address by address, and says nothing any more."""
    with unit_of_work():
        return forget()


def forget_preregistrations():
    """Remove the forms of new families that were begun a month ago and never sent; their papers are swept with the other files."""
    with unit_of_work():
        return forget_old()


def sweep_files():
    """Remove files that belong to nothing: rows first, bytes after the commit."""
    with unit_of_work():
        paths = sweep()
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)


def foresee_school_holidays():
    """Work out the holidays of the next school year, where nobody has told them."""
    with unit_of_work():
        return work_out()

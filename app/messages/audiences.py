"""Who can a broadcast go to? Higher rooms register groups of families: an activity's, a class's, those with unpaid bills."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from app.core.i18n import _, _l
from app.extensions import db


@dataclass(frozen=True)
class Audience:
    """A group of families that a clerk can write to."""

    name: str
    title: Any
    #: (value chosen) → a SELECT of families' ids
    families: Any
    #: () → [(value as text, label)] to choose from; None: nothing is chosen.
    choices: Any = None
    #: Rank in the list.
    position: int = 50
    more: dict = field(default_factory=dict)


#: {name: Audience}
AUDIENCES = {}


def register(name, title, families, *, choices=None, position=50):
    """Offer a group of families to broadcasts; called by rooms when they are imported."""
    AUDIENCES[name] = Audience(name, title, families, choices, position)


def _everybody(_value):
    family = db.metadata.tables["family"]
    return select(family.c.id).where(family.c.archived_at.is_(None))


register("everybody", _l("all families"), _everybody, position=1)


def in_order():
    """The groups as a clerk sees them."""
    return sorted(AUDIENCES.values(), key=lambda audience: (audience.position, audience.name))


def families_in(name, value):
    """A SELECT of the ids of the families of a group that are not archived. KeyError for a group that is not there."""
    family = db.metadata.tables["family"]
    chosen = AUDIENCES[name].families(value)
    return select(family.c.id).where(family.c.archived_at.is_(None), family.c.id.in_(chosen))


def title_of(name, value):
    """A group in the reader's words: "class: CE1 A"."""
    audience = AUDIENCES[name]
    if audience.choices is None:
        return str(audience.title)
    return said(audience, dict(audience.choices()).get(value, value))


def said(audience, which):
    """A group and which one of them: "class: CE1 A"."""
    return _("%(group)s: %(which)s", group=audience.title, which=which)

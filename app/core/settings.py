"""What can a town set by itself, and what is set now? Rooms declare settings, the database keeps what differs."""

from dataclasses import dataclass
from typing import Any

from flask import g
from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model, db

DECLARED = {}


class Setting(Model):
    """A value that the town has set; absent means the declared default."""

    __tablename__ = "setting"
    key: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)

    def __repr__(self):
        return self.key


@dataclass(frozen=True)
class Declared:
    """One thing a town can set: its type, its default, the words beside it."""

    key: str
    kind: type
    default: Any
    title: Any
    hint: Any = ""
    group: Any = ""
    minimum: int | None = None
    maximum: int | None = None
    #: A Labelled enum, where the value is one of a list.
    choices: Any = None
    #: Set on a screen of its own, not among all others.
    apart: bool = False


def declare(key, kind, default, title, **more):
    """Announce a setting; called by rooms when they are imported."""
    DECLARED[key] = Declared(key, kind, default, title, **more)


def get(key):
    """The value in force. All settings cost one query a request."""
    if "settings" not in g:
        g.settings = dict(db.session.execute(db.select(Setting.key, Setting.value)).all())
    return g.settings.get(key, DECLARED[key].default)


def keep(values):
    """Take the {key: value} of all that the town has set from whoever has just read it with something else."""
    g.settings = values


def put(key, value):
    """Set a value, inside a unit of work; the caller audits it."""
    if key not in DECLARED:
        raise KeyError(key)
    db.session.merge(Setting(key=key, value=value))
    g.pop("settings", None)

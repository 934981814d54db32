"""Which prices of an activity count on a day? Its dated grids, read with one query; and how a grid is kept as JSON."""

from bisect import bisect_right
from collections import defaultdict
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cache, cached_property
from types import UnionType
from typing import Union, get_args, get_origin, get_type_hints

from sqlalchemy import select

from app.billing.grid import Grid
from app.billing.models import TariffGrid
from app.extensions import db


def grid_to_json(grid):
    """A Grid as what JSON can hold, decimals as text; what is as always is left out."""
    return _written(grid)


def grid_from_json(content):
    """The Grid of what grid_to_json() made: its exact inverse."""
    return _reader(Grid)(content)


def _written(value):
    if is_dataclass(value):
        return {
            field.name: _written(getattr(value, field.name))
            for field in fields(value)
            if field.init and (field.default is MISSING or getattr(value, field.name) != field.default)
        }
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset):
        return sorted(value)
    return [_written(one) for one in value] if isinstance(value, tuple) else value


@cache
def _reader(hint):
    """A function that reads a value of a type from JSON."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        inner = _reader(next(argument for argument in arguments if argument is not type(None)))
        return lambda value: None if value is None else inner(value)
    if origin is frozenset:
        return frozenset
    if origin is tuple:
        inner = _reader(arguments[0])
        return tuple if arguments[0] is int else lambda value: tuple(map(inner, value))
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        readers = {field.name: _reader(hints[field.name]) for field in fields(hint) if field.init}
        return lambda content: hint(**{name: readers[name](value) for name, value in content.items()})
    return hint if hint is Decimal or issubclass(hint, Enum) else lambda value: value


@dataclass(frozen=True)
class Version:
    """A grid with the day from which it counts. `id` is None for one that is being tried."""

    id: int | None
    activity_id: int
    starts_on: date
    title: str
    #: The Grid as JSON.
    content: dict
    draft: bool = False

    @classmethod
    def of(cls, row):
        """A row of TariffGrid, read."""
        return cls(row.id, row.activity_id, row.starts_on, row.title, row.content, row.draft)

    @classmethod
    def trial(cls, activity_id, starts_on, grid, title=""):
        """A Grid that nothing keeps yet."""
        return cls(None, activity_id, starts_on, title, grid_to_json(grid))

    @cached_property
    def grid(self):
        return grid_from_json(self.content)


class Grids:
    """The versions of some activities, the day of the meal deciding which one counts: the last that has begun."""

    def __init__(self, versions, trials=()):
        self.trials = {version.activity_id: version for version in trials}
        self._versions = defaultdict(list)
        for version in sorted(versions, key=lambda version: version.starts_on):
            self._versions[version.activity_id].append(version)

    @classmethod
    def load(cls, activity_ids=None):
        """The grids of some activities, or of all, without drafts. One query."""
        query = select(TariffGrid.id, TariffGrid.activity_id, TariffGrid.starts_on, TariffGrid.title, TariffGrid.content, TariffGrid.draft)
        query = query.where(~TariffGrid.draft)
        if activity_ids is not None:
            query = query.where(TariffGrid.activity_id.in_(activity_ids))
        return cls([Version.of(row) for row in db.session.execute(query)])

    def at(self, activity_id, day):
        """The Version in force on a day, or None. One that is tried counts on every day."""
        if activity_id in self.trials:
            return self.trials[activity_id]
        versions = self._versions.get(activity_id, [])
        place = bisect_right(versions, day, key=lambda version: version.starts_on)
        return versions[place - 1] if place else None

    def of(self, activity_id):
        """All versions of an activity, the oldest first."""
        return list(self._versions.get(activity_id, []))

    def with_trial(self, version):
        """These grids, with one in the place of its activity's on every day: what would it bring?"""
        every = [one for versions in self._versions.values() for one in versions]
        return Grids(every, [*self.trials.values(), version])

"""How does a value become JSON and come back? Used for encrypted columns, requests and the audit."""

from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum


def encode(value):
    """A JSON-able form of a value: dates and times in ISO, decimals as text, enums by name, empty text as None."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [encode(item) for item in value]
    return None if value == "" else value


def decode(kind, value):
    """The value of type `kind` that encode() made `value` of."""
    if value is None or kind is None:
        return value
    if issubclass(kind, Enum):
        return kind[value]
    if kind in (date, datetime, time):
        return kind.fromisoformat(value)
    return value if isinstance(value, kind) else kind(value)

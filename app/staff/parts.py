"""What is a generated screen made of, beside its columns? Deeds, facets, choices; and what must never stand in a list."""

from dataclasses import dataclass

from sqlalchemy import inspect
from wtforms import SelectField

from app.audit.operations import SECRET_FIELDS
from app.core.encryption import Encrypted
from app.core.forms import named_id, option
from app.core.i18n import _l


@dataclass(frozen=True)
class Deed:
    """Something to do from a page: a link, or a button that posts."""

    label: object
    url: str
    icon: str = ""
    kind: str = ""
    post: bool = False
    confirm: object = ""


@dataclass(frozen=True)
class Facet:
    """A choice beside the quick search: its argument in the address, its options, what each means in SQL."""

    name: str
    label: object
    #: () → [(value, label)]
    options: object
    #: value → SQL condition, or None for no condition
    where: object
    blank: object = _l("All")
    default: str = ""


def by_id(condition):
    """A facet's `where` of a row's number; no condition where the address has something else."""
    return lambda value: None if (number := named_id(value)) is None else condition(number)


def refuse_secrets(model, names):
    """Raise TypeError at the start where something secret would be listed, searched or exported."""
    for name in names:
        if name in inspect(model).columns and is_secret_column(model, name):
            raise TypeError(f"{model.__name__}.{name} is secret and stands in a list")


def is_secret_column(model, name):
    """Whether a column of a model must stay out of lists, searches and exports."""
    return name in SECRET_FIELDS or isinstance(inspect(model).columns[name].type, Encrypted)


def enum_of(model, name):
    column = inspect(model).columns.get(name)
    kind = getattr(column, "type", None)
    return getattr(kind, "enum_class", None)


def enum_choice(model, name, label):
    return SelectField(label, choices=[option(member.name, member.label) for member in enum_of(model, name)])

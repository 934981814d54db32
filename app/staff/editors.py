"""What does a form of the staff read and write? A record's columns, or a section of a file with its own rules."""

from dataclasses import dataclass

from sqlalchemy import inspect

from app.core.codec import decode, encode
from app.core.errors import DomainError
from app.core.i18n import _
from app.documents.forms import UploadField
from app.extensions import db


class Editor:
    """A record of one table; its fields are those of the form. Values are JSON values of core/codec."""

    secret = False

    def __init__(self, model, form, name=None):
        self.model, self.form, self.name = model, form, name or model.__tablename__

    @property
    def fields(self):
        return tuple(name for name in self.form.field_names() if name not in self.form.aside)

    def column(self, name):
        return inspect(self.model).columns.get(name)

    def decode(self, name, value):
        column = self.column(name)
        if column is None:
            return value
        if value is None and not column.nullable and column.type.python_type is str:
            return ""
        return decode(column.type.python_type, value)

    def same(self, name, one, other):
        return self.decode(name, one) == self.decode(name, other)

    def read(self, row):
        return {name: encode(getattr(row, name, None)) for name in self.fields}

    def create(self, values):
        return self.model(**{name: self.decode(name, value) for name, value in values.items()})

    def write(self, row, values):
        for name, value in values.items():
            setattr(row, name, self.decode(name, value))

    def refuse_to_delete(self, row):
        """Raise DomainError where others belong to a row."""
        raise DomainError(_("Records of this kind are not deleted."))

    def remove(self, row):
        db.session.delete(row)

    def about(self, row):
        """What the log and the files must know beside the row."""
        return {"child_id": getattr(row, "child_id", None)}

    def label(self, name):
        return self.form.label_of(name)

    def is_file(self, name):
        return issubclass(dict(self.form.unbound())[name].field_class, UploadField)


@dataclass(frozen=True)
class Entry:
    """What a section of the file asks of a request, where the town itself writes."""

    family_id: int | None = None
    child_id: int | None = None


class SectionEditor(Editor):
    """A section of a family's or a child's file: the same fields, checks and operations as in a family's request."""

    def __init__(self, kind, form):
        super().__init__(kind.model, form, kind.name)
        self.kind, self.secret = kind, kind.secret

    @property
    def fields(self):
        return tuple(self.kind.fields)

    def decode(self, name, value):
        return self.kind.decode(name, value)

    def read(self, row):
        return self.kind.read(row)

    def write(self, row, values):
        self.kind.write(row, values, request=Entry(child_id=self.kind.child_id(row)))

    def about(self, row):
        return {"child_id": self.kind.child_id(row)}

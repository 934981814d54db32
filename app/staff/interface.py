"""How do the staff's screens write? In one unit of work, logged, refused where the record has changed meanwhile."""

from contextlib import contextmanager

from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_login import current_user
from sqlalchemy import func, inspect, select
from sqlalchemy.exc import IntegrityError

from app.audit.operations import record
from app.core.constraints import sentence_for
from app.core.db import unit_of_work
from app.core.errors import DomainError, NotFound, Stale
from app.core.i18n import _
from app.documents.operations import keep, release
from app.extensions import db
from app.staff.filters import Conditions, StaffFilters

#: The largest id that the database can hold: a larger one in an address names nothing.
LARGEST_ID = 2**31 - 1


def actor():
    """The account that acts, as the log wants it."""
    return current_user._get_current_object()


@contextmanager
def saving():
    """A unit of work whose broken constraints become sentences."""
    try:
        with unit_of_work() as session:
            yield session
    except IntegrityError as error:
        raise DomainError(sentence_for(error)) from error


class Moved(Stale):
    """The record is no longer what the form showed; `current` is what it holds now."""

    def __init__(self, sentence, current):
        super().__init__(sentence)
        self.current = current


class AuditedInterface(SQLAInterface):
    """A datamodel that reads with the staff's filters and writes through an editor: what was typed against what was shown."""

    filter_converter_class = Conditions

    def get_filters(self, search_columns=None, search_filters=None):
        return StaffFilters(self.filter_converter_class, self, search_columns or [], search_filters)

    def get(self, id, filters=None, select_columns=None, outer_default_load=False):
        if not str(id).isdecimal() or int(id) > LARGEST_ID:
            return None
        return super().get(int(id), filters)

    def page_of(self, query, orders, number, size):
        """(how many rows there are, the rows of a page, the number of the page: the last one where it lies beyond)."""
        count = db.session.scalar(select(func.count()).select_from(query.with_entities(self.get_pk()).order_by(None).subquery()))
        last = max(0, (count - 1) // size)
        number = min(number or 0, last)
        return count, query.order_by(*orders).limit(size).offset(number * size).all(), number

    def add(self, editor, form):
        """Make the record that a form describes; returns its id."""
        with saving() as session:
            values = form.values()
            row = editor.create({name: value for name, value in values.items() if value is not None})
            session.add(row)
            session.flush()
            self._settle_files(editor, row, values, {})
            record(
                f"{editor.name}.add",
                row,
                by=actor(),
                secret=editor.secret,
                changes={name: (None, value) for name, value in values.items() if value is not None},
            )
            return row.id

    def edit(self, row_id, editor, form):
        """Write what a form changed of a record; returns the names of the fields. Raises Moved where somebody was faster."""
        with saving() as session:
            row = self._locked(session, row_id)
            before, shown = editor.read(row), form.shown
            moved = [name for name in editor.fields if not editor.same(name, before.get(name), shown.get(name))]
            if moved:
                labels = ", ".join(str(editor.label(name)) for name in moved)
                raise Moved(
                    _(
                        "Somebody changed this record since you opened it (%(fields)s). Your text is still here: compare, then save again.",
                        fields=labels,
                    ),
                    before,
                )
            values = {name: value for name, value in form.values().items() if not editor.same(name, value, before.get(name))}
            if values:
                editor.write(row, values)
                session.flush()
                self._settle_files(editor, row, values, before)
                record(
                    f"{editor.name}.edit",
                    row,
                    by=actor(),
                    secret=editor.secret,
                    **editor.about(row),
                    changes={name: (before.get(name), value) for name, value in values.items()},
                )
            return list(values)

    def delete(self, row_id, editor):
        """Remove a record. Raises DomainError where others belong to it."""
        with saving() as session:
            row = self._locked(session, row_id)
            editor.refuse_to_delete(row)
            record(f"{editor.name}.delete", row, by=actor(), secret=editor.secret)
            editor.remove(row)
            session.flush()

    def delete_all(self, items):
        raise PermissionError("the staff deletes one record at a time")

    def _locked(self, session, row_id):
        key = inspect(self.obj).primary_key[0]
        row = session.scalar(select(self.obj).where(key == row_id).with_for_update(of=self.obj).execution_options(populate_existing=True))
        if row is None:
            raise NotFound(_("This record does not exist any more."))
        return row

    def _settle_files(self, editor, row, values, before):
        files = [name for name in values if editor.is_file(name)]
        keep([values[name] for name in files if values[name]], child_id=editor.about(row).get("child_id"))
        release([before[name] for name in files if before.get(name)])

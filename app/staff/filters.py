"""How do the staff's lists narrow down? Conditions that read what is typed, and find nothing where it cannot be read."""

from datetime import UTC, date, datetime, time, timedelta

from flask import flash
from flask_appbuilder.models.filters import BaseFilter, Filters
from flask_appbuilder.models.sqla.filters import SQLAFilterConverter
from sqlalchemy import JSON, false

from app.core import clock, search
from app.core.encryption import Encrypted
from app.core.i18n import _, _l


class Condition(BaseFilter):
    """A column and what was typed beside it."""

    @property
    def column(self):
        return getattr(self.model, self.column_name)

    def read(self, text):
        """The value that a text stands for; ValueError where it stands for none."""
        return text

    def where(self, value):
        raise NotImplementedError(type(self).__name__)

    def apply(self, query, value):
        try:
            return query.filter(self.where(self.read(str(value).strip())))
        except (ValueError, OverflowError):
            return query.filter(false())


class TextContains(Condition):
    name, arg_name = _l("contains"), "ct"

    def where(self, value):
        return search.contains(self.column, search.fold(value))


class TextBegins(Condition):
    name, arg_name = _l("begins with"), "sw"

    def where(self, value):
        return search.folded(self.column).startswith(search.fold(value), autoescape=True)


class TextIs(Condition):
    name, arg_name = _l("is exactly"), "eq"

    def where(self, value):
        return search.folded(self.column) == search.fold(value)


class _Number(Condition):
    def read(self, text):
        number = int(text.replace("\u00a0", "").replace(" ", ""))
        if abs(number) >= 2**31:
            raise ValueError(text)
        return number


class NumberIs(_Number):
    name, arg_name = _l("is"), "eq"

    def where(self, value):
        return self.column == value


class NumberFrom(_Number):
    name, arg_name = _l("at least"), "gt"

    def where(self, value):
        return self.column >= value


class NumberTo(_Number):
    name, arg_name = _l("at most"), "lt"

    def where(self, value):
        return self.column <= value


class _Day(Condition):
    def read(self, text):
        return read_day(text)


class DayIs(_Day):
    name, arg_name = _l("on"), "eq"

    def where(self, value):
        return self.column == value


class DayFrom(_Day):
    name, arg_name = _l("from"), "gt"

    def where(self, value):
        return self.column >= value


class DayTo(_Day):
    name, arg_name = _l("until"), "lt"

    def where(self, value):
        return self.column <= value


class InstantFrom(_Day):
    name, arg_name = _l("from"), "gt"

    def where(self, value):
        return self.column >= midnight(value)


class InstantTo(_Day):
    name, arg_name = _l("until"), "lt"

    def where(self, value):
        return self.column < midnight(value + timedelta(days=1))


class FlagIs(Condition):
    name, arg_name = _l("is"), "eq"

    def where(self, value):
        return self.column.is_(True)


class FlagIsNot(Condition):
    name, arg_name = _l("is not"), "neq"

    def where(self, value):
        return self.column.is_not(True)


class _Choice(Condition):
    def read(self, text):
        kind = self.column.type.python_type
        if text not in kind.__members__:
            raise ValueError(text)
        return kind[text]


class ChoiceIs(_Choice):
    name, arg_name = _l("is"), "eq"

    def where(self, value):
        return self.column == value


class ChoiceIsNot(_Choice):
    name, arg_name = _l("is not"), "neq"

    def where(self, value):
        return (self.column != value) | self.column.is_(None)


def read_day(text):
    """A day as browsers send it, or as people type it: 2026-11-23, 23/11/2026."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return datetime.strptime(text, "%d/%m/%Y").date()


def midnight(day):
    """The instant at which a local day begins."""
    return datetime.combine(day, time.min, tzinfo=clock.zone()).astimezone(UTC)


class Conditions(SQLAFilterConverter):
    """Which conditions a column offers. Encrypted ones and those with JSON offer none."""

    conversion_table = (
        ("is_enum", [ChoiceIs, ChoiceIsNot]),
        ("is_boolean", [FlagIs, FlagIsNot]),
        ("is_text", [TextContains, TextBegins, TextIs]),
        ("is_string", [TextContains, TextBegins, TextIs]),
        ("is_integer", [NumberIs, NumberFrom, NumberTo]),
        ("is_date", [DayIs, DayFrom, DayTo]),
        ("is_datetime", [InstantFrom, InstantTo]),
    )

    def convert(self, col_name):
        column = self.datamodel.list_columns.get(col_name)
        return None if column is None or isinstance(column.type, (Encrypted, JSON)) else super().convert(col_name)


class StaffFilters(Filters):
    """The filters of one request: none that the address invents, and a sentence for what cannot be read."""

    def _get_filters(self, cols):
        return super()._get_filters([col for col in cols if col in self.search_columns])

    def add_filter_index(self, column_name, filter_instance_index, value):
        offered = self._search_filters.get(column_name, [])
        if filter_instance_index >= len(offered):
            return
        condition, typed = offered[filter_instance_index], [text for text in value if text.strip()]
        for text in typed:
            try:
                condition.read(text.strip())
            except (ValueError, OverflowError):
                flash(_("“%(text)s” cannot be searched for here: nothing is found.", text=text[:40]), "warning")
        if typed:
            self._add_filter(condition, typed)

    def get_joined_filters(self, filters):
        joined = StaffFilters(self.filter_converter, self.datamodel)
        joined.filters, joined.values = self.filters + filters.filters, self.values + filters.values
        return joined

    def copy(self):
        return self.get_joined_filters(StaffFilters(self.filter_converter, self.datamodel))

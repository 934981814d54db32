"""How does the staff set what an activity needs? Days of the week, ticked rows, and the deadline as a town writes it."""

from wtforms import Field, SelectMultipleField
from wtforms.validators import ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from app.activities import deadlines
from app.core.errors import DomainError
from app.core.forms import option
from app.core.i18n import _

WEEKDAYS = range(1, 8)


class Ticked(SelectMultipleField):
    """Some of a short list, each with a box. Data is a list of numbers, in order."""

    widget, option_widget = ListWidget(prefix_label=False), CheckboxInput()

    def __init__(self, label=None, validators=(), **kwargs):
        super().__init__(label, list(validators), coerce=int, **kwargs)

    def process_formdata(self, valuelist):
        super().process_formdata(valuelist)
        self.data = sorted(set(self.data))


class Weekdays(Ticked):
    """Days of the week, Monday first."""

    def __init__(self, label=None, validators=(), **kwargs):
        super().__init__(label, validators, **kwargs)
        self.choices = [option(number, deadlines.weekday_name(number)) for number in WEEKDAYS]


class TickedRows(Ticked):
    """Some rows of a small table. Data is the list of their ids."""

    def __init__(self, label=None, validators=(), *, rows, **kwargs):
        super().__init__(label, validators, **kwargs)
        self.choices = [option(row.id, str(row)) for row in rows()]


class OneAtLeast:
    """Something must be ticked."""

    field_flags = {"required": True}

    def __call__(self, form, field):
        if not field.data:
            raise ValidationError(_("Choose one at least."))


class DeadlineField(Field):
    """A rule of activities/deadlines.py. What was typed for every way of counting is kept while the form is corrected."""

    def __init__(self, label=None, validators=(), **kwargs):
        super().__init__(label, list(validators), **kwargs)
        self.typed = {}

    def process(self, formdata, *args, **kwargs):
        self._sent = formdata
        super().process(formdata, *args, **kwargs)
        if not self.typed:
            self.typed = self._as_typed(self.data or {"mode": "none"})

    def process_formdata(self, valuelist):
        if not valuelist:
            return
        self.typed = self._read(self._sent, valuelist[0])
        try:
            self.data = deadlines.checked(self._rule(self.typed))
        except DomainError as problem:
            raise ValueError(str(problem)) from problem

    def _read(self, sent, mode):
        def one(name):
            return (sent.get(f"{self.name}-{name}") or "").strip()[:5]

        return {
            "mode": mode,
            "days": one("days"),
            "weekday": one("weekday"),
            "weeks": one("weeks"),
            "at": {"days": one("days-at"), "week": one("week-at")}.get(mode) or one("days-at") or one("week-at"),
            "skip": sent.getlist(f"{self.name}-skip"),
            "table": {str(day): (one(f"{day}-weekday"), one(f"{day}-at")) for day in WEEKDAYS},
        }

    @staticmethod
    def _rule(typed):
        lines = {day: list(line) for day, line in typed["table"].items() if any(line)}
        return {**typed, "days": lines if typed["mode"] == "table" else typed["days"]}

    @staticmethod
    def _as_typed(rule):
        lines = rule["days"] if rule["mode"] == "table" else {}
        return {
            "days": "2",
            "weekday": "4",
            "weeks": "1",
            "at": "12:00",
            "skip": ["weekends", "holidays"],
            **{name: value if name == "skip" else str(value) for name, value in rule.items() if rule["mode"] != "table" or name == "skip"},
            "mode": rule["mode"],
            "table": {str(day): tuple(map(str, lines.get(str(day), ("", "")))) for day in WEEKDAYS},
        }

    @property
    def sentence(self):
        """The rule in words, as parents read it; "" while it cannot be understood."""
        return deadlines.describe(self.data) if self.data and not self.errors else ""

    @property
    def modes(self):
        return list(deadlines.MODES.items())

    @property
    def skips(self):
        return [(name, label) for name, (label, _test) in deadlines.SKIPS.items()]

    @property
    def weekdays(self):
        return [(str(number), deadlines.weekday_name(number)) for number in WEEKDAYS]

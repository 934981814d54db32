"""What stands in the form of a price table? Every text that was typed, however wrong; buttons that add and take away; a try-out."""

import json
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from app.billing import doubts, exchange, reading
from app.billing.grid import HIGHEST, MEMBERSHIP, REFUSE, Bounds, ModifierKind, Residence, Stage
from app.billing.modifiers import Change, TypedRule
from app.billing.table import LONGEST_CELL, LONGEST_TITLE, MOST_COLUMNS, MOST_ROWS, MOST_RULES, Details, Problem, Typed, TypedHead, read
from app.billing.validator import findings, hints
from app.core.errors import DomainError
from app.core.i18n import _
from app.families.models import Fund
from app.staff.tariffs_sample import CHARGES, Sample, one_of, text_of

RANGES = ("low", "high", "name", "ranks", "children", "ages")
#: A raise of more than this is a slip.
MOST_PERCENT = Decimal(50)


@dataclass
class Editor:
    """The page of a price table that is being written."""

    activity: object
    units: list
    town: str
    typed: Typed
    title: str = ""
    starts_on: str = ""
    #: The version that is changed, as it was shown; "" for a new one.
    shown: str = ""
    sample: Sample = field(default_factory=Sample)
    #: Problem → shown only once the person asked for the check.
    problems: list = field(default_factory=list)
    hints: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    pasted: str = ""
    focus: str = ""
    reading: object = None
    #: The tariffs.Billed that saving would reach, once it was refused for it.
    billed: object = None

    @property
    def day(self):
        """The first day, or None where it is no date."""
        try:
            return date.fromisoformat(self.starts_on)
        except ValueError:
            return None

    def look(self):
        """Read what was typed; the titles say whom rows and columns are for, unless that was set by hand."""
        self.reading = read(self.typed, self.units, self.town)
        for heads, meanings, places in (
            (self.typed.rows, self.reading.rows, self.reading.row_places),
            (self.typed.columns, self.reading.columns, self.reading.column_places),
        ):
            for meaning, place in zip(meanings, places, strict=True):
                if heads[place].auto:
                    heads[place].details = Details.of(meaning.head, meaning.no_proof)
        return self

    def check(self):
        """Judge the table: what must be put right, and what to look at."""
        self.problems = list(self.reading.problems)
        if not self.problems:
            grid = self.reading.grid
            self.problems = self._placed(findings(grid, self.units))
            self.hints = self._placed(hints(grid, self.units))
        if self.day is None:
            self.problems.append(Problem("starts_on", _("Say from which day on these prices count.")))
        return not self.problems

    def refuse(self, refusal, place="grid"):
        """Show a sentence at a place."""
        self.problems.append(Problem(place, str(refusal)))

    def _placed(self, found):
        return [Problem(self.reading.typed_place(problem.place), problem.sentence) for problem in found]

    def at(self, *places):
        """The sentences that belong to places: "row-0", or all cells of a row with "cell-0-"."""
        return [
            problem
            for problem in (*self.problems, *self.hints)
            if any(problem.place == place or (place.endswith("-") and problem.place.startswith(place)) for place in places)
        ]

    def wrong(self, place):
        return any(problem.place == place for problem in self.problems)

    def meaning(self, what, number):
        """The Meaning of a row or column, None for an empty one."""
        places, found = (
            (self.reading.row_places, self.reading.rows) if what == "row" else (self.reading.column_places, self.reading.columns)
        )
        return found[places.index(number)] if number in places else None

    @property
    def priced(self):
        """Whether any price is written."""
        return any(cell is not None for row in self.reading.grid.cells for cell in row)

    @property
    def prices(self):
        return self.sample.prices(self.reading.grid, self.units, self.title, self.day)


def key_of(details):
    """Details as one text: whether a person changed them since they were shown."""
    return json.dumps(asdict(details), sort_keys=True, separators=(",", ":"))


# -- what was sent ----------------------------------------------------------------------------------------------------------------------


def sent(form, activity, units, town):
    """The Editor of what was sent."""
    return Editor(
        activity,
        units,
        town,
        _typed(form, {str(unit.id) for unit in units}),
        title=text_of(form, "title", 120),
        starts_on=text_of(form, "starts_on", 10),
        shown=text_of(form, "shown", 40),
        sample=Sample.sent(form),
        pasted=(form.get("pasted") or "")[: exchange.LARGEST_TEXT],
    ).look()


def _some_of(form, name, values):
    return [value for value in form.getlist(name) if value in values]


def _count(form, name, most):
    text = form.get(name, "")
    return min(int(text), most) if text.isdecimal() and len(text) < 4 else 0


def _typed(form, unit_ids):
    rows, columns = _count(form, "rows", MOST_ROWS), _count(form, "columns", MOST_COLUMNS)
    return Typed(
        rows=[_head(form, f"row-{number}", unit_ids) for number in range(rows)],
        columns=[_head(form, f"column-{number}", unit_ids) for number in range(columns)],
        cells=[[text_of(form, f"cell-{row}-{column}", LONGEST_CELL) for column in range(columns)] for row in range(rows)],
        bounds=one_of(form, "bounds", [bounds.value for bounds in Bounds]),
        without=one_of(form, "without", (HIGHEST, REFUSE)) or HIGHEST,
        rules=[_rule(form, f"rule-{number}", unit_ids) for number in range(_count(form, "rules", MOST_RULES))],
        membership=text_of(form, "membership", 20),
        membership_exterior=text_of(form, "membership_exterior", 20),
        per_family=form.get("per_family") == "1",
        shared="shared" in form,
    )


def _head(form, name, unit_ids):
    details = Details(
        **{part: text_of(form, f"{name}-{part}", 40) for part in RANGES},
        residence=one_of(form, f"{name}-residence", [residence.value for residence in Residence]),
        stage=one_of(form, f"{name}-stage", [stage.value for stage in Stage]),
        own_lunch=f"{name}-own_lunch" in form,
        no_proof=f"{name}-no_proof" in form,
        units=sorted(_some_of(form, f"{name}-units", unit_ids)),
        funds=sorted(_some_of(form, f"{name}-funds", [fund.value for fund in Fund])),
        charges=sorted(_some_of(form, f"{name}-charges", [*CHARGES, MEMBERSHIP])),
    )
    # What a person changed is meant, whether or not the box "as the title says" was cleared.
    auto = f"{name}-shown" not in form or (f"{name}-auto" in form and form[f"{name}-shown"] == key_of(details))
    return TypedHead(text_of(form, f"{name}-title", LONGEST_TITLE), auto, details)


def _rule(form, name, unit_ids):
    return TypedRule(
        one_of(form, f"{name}-kind", [kind.value for kind in ModifierKind]),
        one_of(form, f"{name}-change", [change.value for change in Change]),
        text_of(form, f"{name}-value", 20),
        text_of(form, f"{name}-least", 4),
        _some_of(form, f"{name}-units", unit_ids),
        _some_of(form, f"{name}-funds", [fund.value for fund in Fund]),
    )


# -- buttons ----------------------------------------------------------------------------------------------------------------------------


def act(editor, what, form):
    """What a button does to the table: "add-row", "drop-column-2", "paste", "raise". Raises DomainError."""
    typed = editor.typed
    deed, _dash, number = what.rpartition("-") if what.startswith("drop-") else (what, "", "")
    place = int(number) if number.isdecimal() and len(number) < 4 else -1
    if what == "add-row" and len(typed.rows) < MOST_ROWS:
        typed.rows.append(TypedHead())
        typed.cells.append([""] * len(typed.columns))
        editor.focus = f"row-{len(typed.rows) - 1}"
    elif what == "add-column" and len(typed.columns) < MOST_COLUMNS:
        typed.columns.append(TypedHead())
        for row in typed.cells:
            row.append("")
        editor.focus = f"column-{len(typed.columns) - 1}"
    elif what == "add-rule" and len(typed.rules) < MOST_RULES:
        typed.rules.append(TypedRule())
        editor.focus = f"rule-{len(typed.rules) - 1}"
    elif deed == "drop-row" and 0 <= place < len(typed.rows):
        del typed.rows[place], typed.cells[place]
        editor.focus = f"row-{max(0, place - 1)}"
    elif deed == "drop-column" and 0 <= place < len(typed.columns):
        del typed.columns[place]
        for row in typed.cells:
            del row[place]
        editor.focus = f"column-{max(0, place - 1)}"
    elif deed == "drop-rule" and 0 <= place < len(typed.rules):
        del typed.rules[place]
        editor.focus = "add-rule"
    elif what == "paste":
        take(editor, editor.pasted)
        editor.pasted = ""
    elif what == "raise":
        _raise(typed, _percent(form.get("percent")), 5 if "fives" in form else 1)
    return editor.look()


def take(editor, text):
    """Put a table that was pasted or uploaded in the place of the one that stands there; its rules stay where the text has none."""
    taken = exchange.from_csv(text, editor.units)
    former, editor.typed, editor.notes = editor.typed, taken.typed, taken.left_out
    if not editor.typed.rules:
        editor.typed.rules = former.rules
    heads = [*editor.typed.rows, *editor.typed.columns]
    if not editor.typed.membership and not any(doubts.membership(head.title) or MEMBERSHIP in head.details.charges for head in heads):
        editor.typed.membership, editor.typed.membership_exterior = former.membership, former.membership_exterior
        editor.typed.per_family, editor.typed.shared = former.per_family, former.shared
    return editor


def _percent(text):
    said = reading.plain(text).replace("%", "").replace("+", "").strip()
    sign = -1 if said.startswith("-") else 1
    try:
        value = sign * reading.number(said.removeprefix("-"))
    except ValueError:
        raise DomainError(_("Say by how many percent, for instance 2 or 1,5.")) from None
    if abs(value) > MOST_PERCENT:
        raise DomainError(_("A price table changes by at most 50 percent at once."))
    return value


def _raise(typed, percent, cents):
    """All prices of the table by so many percent, to the cent or to five cents. Rates stay, their floors and ceilings do not."""
    step = Decimal(cents) / 100

    def raised(amount):
        if amount is None:
            return None
        return (amount * (100 + percent) / 100 / step).quantize(Decimal(1), ROUND_HALF_UP) * step

    for row in typed.cells:
        for place, text in enumerate(row):
            try:
                cell = reading.cell(text, once=True)
            except ValueError:
                continue
            if cell is not None:
                changed = type(cell)(raised(cell.amount), cell.rate, raised(cell.floor), raised(cell.ceiling), raised(cell.constant))
                row[place] = reading.cell_text(changed)

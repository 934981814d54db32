"""How is a price table typed? The texts of a screen or a file in, a Grid out with a sentence at each place; and back, losing nothing."""

import re
from dataclasses import dataclass, field, replace

from app.billing import reading, titles
from app.billing.grid import HIGHEST, REFUSE, Bounds, Column, Grid, Membership, ModifierKind, Residence, Row, Stage
from app.billing.modifiers import Change, modifier_of, typed_rule
from app.billing.titles import Meaning
from app.core.errors import DomainError
from app.core.i18n import _

#: More than a town ever published.
MOST_ROWS, MOST_COLUMNS, MOST_RULES = 60, 30, 30
LONGEST_TITLE, LONGEST_CELL = 120, 80


@dataclass(frozen=True)
class Problem:
    """What is wrong or to be looked at, and where: "row-0", "column-1", "cell-0-1", "rule-2", "membership" or "grid"."""

    place: str
    sentence: str

    def __str__(self):
        return self.sentence


@dataclass
class Details:
    """Whom and what a row or column is for, as texts: what a clerk sets by hand where the title does not say it."""

    low: str = ""
    high: str = ""
    name: str = ""
    residence: str = ""
    stage: str = ""
    ranks: str = ""
    children: str = ""
    ages: str = ""
    own_lunch: bool = False
    no_proof: bool = False
    units: list = field(default_factory=list)
    funds: list = field(default_factory=list)
    charges: list = field(default_factory=list)

    @classmethod
    def of(cls, head, no_proof=False):
        """The details of a row or column that was read."""
        return cls(
            low="" if head.lowest is None else reading.decimal_text(head.lowest),
            high="" if head.highest is None else reading.decimal_text(head.highest),
            name=head.category,
            residence=head.residence.value if head.residence else "",
            stage=head.stage.value if head.stage else "",
            **{name: range_text(getattr(head, name)) for name in ("ranks", "children", "ages")},
            own_lunch=head.own_lunch,
            no_proof=no_proof,
            units=sorted(map(str, head.units)),
            funds=sorted(head.funds),
            charges=sorted(head.charges),
        )


@dataclass
class TypedHead:
    """A title, and the details: those of the title where `auto`, else those set by hand."""

    title: str = ""
    auto: bool = True
    details: Details = field(default_factory=Details)


@dataclass
class Typed:
    """A whole price table as it stands in the form."""

    rows: list = field(default_factory=list)
    columns: list = field(default_factory=list)
    cells: list = field(default_factory=list)
    #: A value of Bounds; "": as the brackets are written.
    bounds: str = ""
    without: str = HIGHEST
    rules: list = field(default_factory=list)
    membership: str = ""
    membership_exterior: str = ""
    per_family: bool = False
    shared: bool = False


@dataclass
class Reading:
    """What was understood: the Grid as far as it goes, and what could not be read."""

    grid: Grid
    problems: list
    #: The Meanings of rows and columns, and their places in what was typed: empty ones were left out.
    rows: list
    columns: list
    row_places: list
    column_places: list

    def typed_place(self, place):
        """Where a place of the Grid stands in what was typed."""
        what, *numbers = place.split("-")
        maps = {"row": [self.row_places], "column": [self.column_places], "cell": [self.row_places, self.column_places]}.get(what)
        return place if maps is None else "-".join([what, *(str(one[int(number)]) for one, number in zip(maps, numbers, strict=True))])


def read(typed, units, town=""):
    """The Reading of a Typed table for an activity's units; rows and columns with nothing in them are left out."""
    row_places = [number for number, row in enumerate(typed.rows) if row.title.strip() or any(map(str.strip, typed.cells[number]))]
    column_places = [
        number for number, column in enumerate(typed.columns) if column.title.strip() or any(row[number].strip() for row in typed.cells)
    ]
    kept = replace(
        typed,
        rows=[typed.rows[number] for number in row_places],
        columns=[typed.columns[number] for number in column_places],
        cells=[[typed.cells[row][column] for column in column_places] for row in row_places],
    )
    found = Reading(*_read(kept, units, town), row_places, column_places)
    found.problems = [replace(problem, place=found.typed_place(problem.place)) for problem in found.problems]
    return found


def _read(typed, units, town):
    """(Grid, problems, Meanings of the rows, of the columns)."""
    problems = []
    rows = _side(typed.rows, Row, "row", units, town, problems)
    columns = _side(typed.columns, Column, "column", units, town, problems)
    bounds, (row_heads, column_heads) = titles.settle([rows, columns], Bounds(typed.bounds) if typed.bounds else None)
    grid = Grid(
        tuple(row_heads),
        tuple(column_heads),
        _cells(typed, (row_heads, column_heads), units, problems),
        bounds=bounds,
        modifiers=_modifiers(typed.rules, problems),
        without_quotient=next((one.head.category for one in (*rows, *columns) if one.no_proof), typed.without),
        membership=_membership(typed, [*row_heads, *column_heads], problems),
    )
    return grid, problems, rows, columns


def _side(typed, kind, place, units, town, problems):
    """[Meaning] of one side: the titles read, and what was set by hand in their place."""
    found = titles.heads([head.title for head in typed], units, kind, town)
    for number, head in enumerate(typed):
        if not head.title.strip() and len(typed) > 1:
            problems.append(Problem(f"{place}-{number}", _("Give it a title, or take it away.")))
        if not head.auto:
            try:
                found[number] = by_hand(head.title, head.details, kind)
            except DomainError as problem:
                problems.append(Problem(f"{place}-{number}", str(problem)))
    problems += [Problem(f"{place}-{number}", meaning.doubt) for number, meaning in enumerate(found) if meaning.doubt]
    return found


def by_hand(title, details, kind):
    """The Meaning of Details. Raises DomainError with the sentence."""
    low, high = _limit(details.low), _limit(details.high)
    name = details.name.strip() or (title.strip() if details.no_proof else "")
    head = kind(
        title,
        low,
        high,
        name[: titles.LONGEST_NAME],
        units=frozenset(map(int, details.units)),
        residence=Residence(details.residence) if details.residence else None,
        funds=frozenset(details.funds),
        ranks=_range(details.ranks),
        children=_range(details.children),
        own_lunch=details.own_lunch,
        ages=_range(details.ages),
        stage=Stage(details.stage) if details.stage else None,
        charges=frozenset(details.charges),
    )
    limits = titles.Limits(low, high) if low is not None or high is not None else None
    return Meaning(head, limits, details.no_proof, fixed=True)


def _limit(text):
    try:
        return reading.number(text.replace("€", "")) if text.strip() else None
    except ValueError:
        raise DomainError(_("“%(text)s” is no quotient: write it like 308,01.", text=text.strip())) from None


def _range(text):
    """(from, to) of "2", "2-3", "3+"; None for nothing."""
    said = reading.plain(text)
    if not said:
        return None
    match = re.fullmatch(r"(\d{1,2})\s*(?:(\+|et plus|ou plus|and more)|(?:-|–|a|to|/)\s*(\d{1,2}))?", said)
    if match is None or (match[3] and int(match[3]) < int(match[1])):
        raise DomainError(_("“%(text)s” cannot be read: write 2, 2-3 or 3+.", text=text.strip()))
    return int(match[1]), None if match[2] else int(match[3] or match[1])


def range_text(limits):
    """What _range() reads."""
    if limits is None:
        return ""
    low, high = limits
    return f"{low}+" if high is None else str(low) if low == high else f"{low}-{high}"


def _cells(typed, sides, units, problems):
    rows = []
    for number, row_head in enumerate(sides[0]):
        row = []
        for column, column_head in enumerate(sides[1]):
            text = typed.cells[number][column]
            try:
                once = row_head.is_membership or column_head.is_membership
                row.append(reading.cell(text, once))
                if not once:
                    _refuse_kind(text, [unit for unit in units if unit.id in (row_head.units or column_head.units)] or units)
            except ValueError as problem:
                where = {"row": typed.rows[number].title, "column": typed.columns[column].title}
                sentence = _("“%(row)s”, “%(column)s”: %(problem)s", problem=str(problem), **where)
                problems.append(Problem(f"cell-{number}-{column}", sentence))
                row[column:] = [None]
        rows.append(tuple(row))
    return tuple(rows)


def _refuse_kind(text, units):
    """A price by the hour is none of what is booked by the half-hour. ValueError with the sentence."""
    kind = reading.kind_named(text)
    fitting = (kind, "meal") if kind == "day" else (kind,)
    if kind and any(unit.kind.value not in fitting for unit in units):
        offered = ", ".join(f"{unit.name} ({unit.kind.label})" for unit in units)
        raise ValueError(_("the price is for something else than what is booked: %(offered)s.", offered=offered))


# -- what stands below the table --------------------------------------------------------------------------------------------------------


def _modifiers(rules, problems):
    found = []
    for number, rule in enumerate(rules):
        try:
            if (modifier := modifier_of(rule)) is not None:
                found.append(modifier)
        except DomainError as problem:
            problems.append(Problem(f"rule-{number}", str(problem)))
    return tuple(found)


def _membership(typed, heads, problems):
    amounts = []
    if any(head.is_membership for head in heads):
        if typed.membership.strip() or typed.membership_exterior.strip():
            problems.append(Problem("membership", _("The membership stands in the table: leave these amounts empty.")))
        return Membership(None, typed.per_family, shared=typed.shared)
    for text in (typed.membership, typed.membership_exterior):
        try:
            amounts.append(reading.euros(text) if text.strip() else None)
        except reading.Doubtful as doubt:
            problems.append(Problem("membership", str(doubt)))
            return None
        except ValueError:
            problems.append(Problem("membership", _("“%(text)s” is no amount: write it like 12,50.", text=text.strip())))
            return None
    amount, exterior = amounts
    if amount is None and exterior is not None:
        problems.append(Problem("membership", _("Say what those pay who live in the commune: 0 if it is free.")))
    return Membership(amount, typed.per_family, exterior, typed.shared) if amount is not None else None


# -- and back ---------------------------------------------------------------------------------------------------------------------------


def typed_of(grid, units, town=""):
    """The Typed of a Grid: read() makes the same Grid of it. A title that says all of its row or column is left to say it."""
    named = grid.without_quotient not in (HIGHEST, REFUSE)

    def head(one):
        return TypedHead(one.title, details=Details.of(one, named and one.category.casefold() == grid.without_quotient.casefold()))

    typed = Typed(
        rows=[head(row) for row in grid.rows],
        columns=[head(column) for column in grid.columns],
        cells=[[reading.cell_text(cell) for cell in row] for row in grid.cells],
        without=HIGHEST if named else grid.without_quotient,
        rules=[typed_rule(modifier) for modifier in grid.modifiers],
        per_family=grid.membership is not None and grid.membership.per_family,
        shared=grid.membership is not None and grid.membership.shared,
    )
    if grid.membership is not None and grid.membership.amount is not None:
        typed.membership = reading.decimal_text(grid.membership.amount, 2)
        typed.membership_exterior = "" if grid.membership.exterior is None else reading.decimal_text(grid.membership.exterior, 2)
    _leave_to_titles(typed, grid, units, town)
    return typed


def _leave_to_titles(typed, grid, units, town):
    """Set by hand what the titles do not say; all of it where one by hand changes what others say."""
    if read(typed, units, town).grid.bounds is not grid.bounds:
        typed.bounds = grid.bounds.value
    heads = list(zip([*typed.rows, *typed.columns], [*grid.rows, *grid.columns], strict=True))
    for _again in range(3):
        found = read(typed, units, town)
        for (head, wanted), meaning in zip(heads, [*found.rows, *found.columns], strict=True):
            if meaning.head != wanted or meaning.no_proof != head.details.no_proof or meaning.doubt:
                head.auto = False
        if read(typed, units, town).grid == grid:
            return
    typed.bounds = grid.bounds.value
    for head, _wanted in heads:
        head.auto = False


def moved(typed, former, units):
    """What of a Typed is lost in another activity, whose units take the places of those of the same names: titles of rules, in a list.

    A row or column for a service that the activity has not is left to its title, which the reader then sees.
    """
    ids = {reading.plain(unit.name): str(unit.id) for unit in units}
    there = {str(unit.id): ids.get(reading.plain(unit.name)) for unit in former}
    for head in (*typed.rows, *typed.columns):
        head.auto = head.auto or None in map(there.get, head.details.units)
        head.details.units = sorted(filter(None, map(there.get, head.details.units)))
    lost = [rule for rule in typed.rules if None in map(there.get, rule.units)]
    typed.rules = [replace(rule, units=sorted(map(there.get, rule.units))) for rule in typed.rules if rule not in lost]
    return [f"{ModifierKind(rule.kind).label}: {Change(rule.change).label} {rule.value}" for rule in lost]


def blank(units, rows=6):
    """The table to begin with: a column for every unit, empty rows."""
    columns = [TypedHead(unit.name) for unit in units[:MOST_COLUMNS]] or [TypedHead(_("Price"))]
    return Typed([TypedHead() for _row in range(rows)], columns, [[""] * len(columns) for _row in range(rows)])

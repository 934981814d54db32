"""Is a price grid whole? What it leaves out, says twice or cannot mean, each as a sentence that names the place."""

from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from itertools import islice, pairwise, product
from typing import NamedTuple

from flask_babel import format_decimal, get_locale

from app.billing.cases import cases
from app.billing.grid import (
    HIGHEST,
    MEMBERSHIP,
    ONE_CENT,
    ONE_EURO,
    REFUSE,
    Bounds,
    Effect,
    ModifierKind,
    Residence,
    Stage,
    groups_of,
)
from app.billing.modifiers import COUNTED
from app.billing.table import Problem
from app.core.i18n import _
from app.core.money import format_money
from app.families.models import Fund

#: A rate above it is a slip: 10 % of a quotient of 800 is 80 €.
HIGHEST_RATE = 10
HIGHEST_FACTOR = 10
#: So many sentences of one sort are said.
MOST_SENTENCES = 5
AFTER_THE_DAY = (ModifierKind.late, ModifierKind.missing)


def problems(grid, units):
    """The sentences of what must be put right before families pay by a grid; `units` are the activity's."""
    return [problem.sentence for problem in findings(grid, units)]


def findings(grid, units):
    """What must be put right, as Problems with their places."""
    return list(_found(grid, tuple(Named(unit.id, unit.name) for unit in units), str(get_locale())))


class Named(NamedTuple):
    """What the validator knows of a unit."""

    id: int
    name: str


@lru_cache(maxsize=64)
def _found(grid, units, _language):
    """The findings of a Grid. Thousands of situations are tried once, not on every page, nor again while a save holds the database."""
    if not grid.rows or not grid.columns:
        return [Problem("grid", _("The table is empty: it needs a row and a column with a price."))]
    if not any(cell is not None for row in grid.cells for cell in row):
        return [Problem("grid", _("No price is written in the table."))]
    found = [*_heads(grid, units), *_brackets(grid), *_cells(grid), *_rules(grid, units), *_rest(grid)]
    return found or [*_tried(grid, units)]


def quotient(value):
    """A quotient in a sentence."""
    return format_decimal(value, format="#,##0.##")


def named(grid, place):
    """The title of a row or column in a sentence."""
    what, number = place.split("-")
    head = (grid.rows if what == "row" else grid.columns)[int(number)]
    return head.title or (_("row %(number)d", number=int(number) + 1) if what == "row" else _("column %(number)d", number=int(number) + 1))


def _sides(grid):
    return (("row", grid.rows), ("column", grid.columns))


# -- rows and columns -------------------------------------------------------------------------------------------------------------------


def _heads(grid, units):
    known = {unit.id for unit in units}
    for what, heads in _sides(grid):
        for number, head in enumerate(heads):
            place = f"{what}-{number}"
            if head.units - known:
                yield Problem(place, _("“%(name)s” names something that this activity does not offer any more.", name=named(grid, place)))
            if head.lowest is not None and head.highest is not None and _reversed(grid, head):
                limits = {"low": quotient(head.lowest), "high": quotient(head.highest)}
                yield Problem(place, _("“%(name)s” ends before it begins: %(low)s, %(high)s.", name=named(grid, place), **limits))


def _reversed(grid, head):
    return head.lowest > head.highest or (grid.bounds is Bounds.below and head.lowest == head.highest)


def _brackets(grid):
    """Gaps and overlaps of the brackets that continue one another."""
    for what, heads in _sides(grid):
        for group, places in groups_of(heads).items():
            found = _chain(grid, heads, [f"{what}-{number}" for number in places], places)
            # A row for everybody takes those whom the brackets leave out.
            filled = any(not head.is_bracket and head.group == group for head in heads)
            yield from (problem for problem, gap in found if not (gap and filled))


def _chain(grid, heads, names, places):
    """(Problem, whether it is a gap) of brackets that continue one another."""
    first, last = heads[places[0]], heads[places[-1]]
    if first.lowest and first.lowest > 0:
        words = {"low": quotient(first.lowest), "name": named(grid, names[0])}
        yield Problem(names[0], _("No bracket for quotients below %(low)s: “%(name)s” is the lowest.", **words)), True
    for (one, name), (other, next_name) in pairwise(zip((heads[place] for place in places), names, strict=True)):
        sentence, gap = _between(grid, one, other, {"one": named(grid, name), "other": named(grid, next_name)})
        if sentence:
            yield Problem(next_name, sentence), gap
    if last.highest is not None:
        words = {"high": quotient(last.highest), "name": named(grid, names[-1])}
        yield Problem(names[-1], _("No bracket for quotients above %(high)s: “%(name)s” is the highest.", **words)), True


def _between(grid, one, other, titles):
    """(what is wrong between a bracket and the next, or "", whether it is a gap)."""
    if one.highest is None:
        return _("“%(one)s” and “%(other)s” overlap: the first has no upper limit.", **titles), False
    if other.lowest is None:
        return _("“%(one)s” and “%(other)s” overlap: the second has no lower limit.", **titles), False
    step = {Bounds.to_cent: ONE_CENT, Bounds.to_euro: ONE_EURO, Bounds.below: 0}[grid.bounds]
    wanted = one.highest + step
    if other.lowest > wanted:
        limits = {"high": quotient(one.highest), "low": quotient(other.lowest)}
        return _("No bracket for quotients between %(high)s (“%(one)s”) and %(low)s (“%(other)s”).", **limits, **titles), True
    if other.lowest < wanted and not (grid.bounds is Bounds.to_euro and other.lowest == one.highest + ONE_CENT):
        low = quotient(other.lowest)
        if other.lowest == one.highest:
            return _("“%(one)s” and “%(other)s” overlap: a quotient of exactly %(low)s is in both.", low=low, **titles), False
        return _("“%(one)s” and “%(other)s” overlap: quotients from %(low)s on are in both.", low=low, **titles), False
    return "", False


# -- cells ------------------------------------------------------------------------------------------------------------------------------


def _cells(grid):
    for row, cells in enumerate(grid.cells):
        for column, cell in enumerate(cells):
            if cell is not None and (sentence := _cell(cell, (grid.rows[row], grid.columns[column]))):
                where = {"row": named(grid, f"row-{row}"), "column": named(grid, f"column-{column}")}
                yield Problem(f"cell-{row}-{column}", _("“%(row)s”, “%(column)s”: %(problem)s", problem=sentence, **where))


def _cell(cell, heads):
    if any(value is not None and value < 0 for value in (cell.amount, cell.floor, cell.ceiling)):
        return _("a price is not below zero.")
    if cell.amount is not None:
        return ""
    if cell.rate is None or abs(cell.rate) > HIGHEST_RATE or cell.rate == 0:
        return _("a rate lies between 0 and 10 percent.")
    if cell.rate < 0 and (cell.constant is None or cell.constant <= 0):
        return _("a price that falls with the quotient begins above zero: 5,40 - 0,2 % QF (min 1,20 max 5,40).")
    if cell.floor is None and _lowest(cell, heads) < 0:
        return _("this price reaches zero and less: write the least price after it, for instance (min 1,20 max 5,40).")
    if cell.floor is not None and cell.ceiling is not None and cell.floor > cell.ceiling:
        return _("the least price is above the greatest.")
    return ""


def _lowest(cell, heads):
    """The least price of a formula in the bracket that it stands in, without a floor."""
    lows = [head.lowest for head in heads if head.lowest is not None]
    highs = [head.highest for head in heads if head.highest is not None]
    if cell.rate > 0:
        return max(lows, default=Decimal(0)) * cell.rate / 100 + (cell.constant or 0)
    return min(highs) * cell.rate / 100 + cell.constant if highs else Decimal(-1)


# -- rules below the table --------------------------------------------------------------------------------------------------------------


def _rules(grid, units):
    known, seen = {unit.id for unit in units}, {}
    for number, modifier in enumerate(grid.modifiers):
        place, label = f"rule-{number}", modifier.kind.label
        if modifier.units - known:
            yield Problem(place, _("The rule “%(rule)s” names something that this activity does not offer any more.", rule=label))
        if sentence := _rule(grid, modifier):
            yield Problem(place, _("Rule “%(rule)s”: %(problem)s", rule=label, problem=sentence))
        for other in seen.setdefault((modifier.kind, modifier.least), []):
            if _same_reach(modifier, other):
                yield Problem(place, _("The rule “%(rule)s” is there twice: only one of the two can count.", rule=label))
        seen[modifier.kind, modifier.least].append(modifier)


def _same_reach(one, other):
    units = bool(one.units) == bool(other.units) and (not one.units or one.units & other.units)
    return units and (one.kind is not ModifierKind.fund or one.funds & other.funds)


def _rule(grid, modifier):
    """What is wrong with a rule by itself, or ""."""
    value, effect = modifier.value, modifier.effect
    if modifier.kind in COUNTED and modifier.least < 2:
        return _("it would change the price of every child: count from 2 on.")
    if modifier.kind is ModifierKind.fund and not modifier.funds:
        return _("it names no fund.")
    if effect is Effect.shift:
        return _shift(grid, modifier)
    if effect in (Effect.factor, Effect.set) and value < 0:
        return _("the price would be below zero.")
    if effect is Effect.factor and value > HIGHEST_FACTOR:
        return _("it would make the price more than ten times as high.")
    if (effect is Effect.add and value == 0) or (effect is Effect.factor and value == 1):
        return _("it changes nothing.")
    cheaper = (effect is Effect.add and value < 0) or (effect is Effect.factor and value < 1)
    if cheaper and modifier.kind in AFTER_THE_DAY:
        return _("who does not keep to the rules would pay less.")
    if cheaper and modifier.kind is ModifierKind.residence:
        return _("who lives outside the commune would pay less than who lives in it.")
    return ""


def _shift(grid, modifier):
    if modifier.kind not in (ModifierKind.residence, ModifierKind.fund, *COUNTED, ModifierKind.own_lunch):
        return _("a bracket is lowered for a family, not for one day.")
    if modifier.value < 1 or modifier.value != modifier.value.to_integral_value():
        return _("a bracket is lowered by 1, 2… places.")
    if not any(groups_of(heads) for _what, heads in _sides(grid)):
        return _("the table has no brackets to lower.")
    return ""


def _rest(grid):
    names = {head.category.casefold() for _what, heads in _sides(grid) for head in heads if head.category}
    if grid.without_quotient not in (HIGHEST, REFUSE) and grid.without_quotient.casefold() not in names:
        yield Problem("grid", _("Without a proof of income: no row or column is called “%(name)s”.", name=grid.without_quotient))
    if grid.membership is not None and min(grid.membership.amount or 0, grid.membership.exterior or 0) < 0:
        yield Problem("membership", _("The yearly membership is not below zero."))


# -- trying it out ----------------------------------------------------------------------------------------------------------------------


def _tried(grid, units):
    """Situations for which the table has no price, or two; prices that nobody ever pays."""
    missing, doubled, without, paid, passed = {}, {}, set(), set(), {}
    for case in cases(grid, units):
        found = grid.found(case.unit_id, case.situation, case.charge)
        if not found or found[0].cell.at(case.situation.quotient) is None:
            unnamed = replace(case, situation=replace(case.situation, categories=frozenset()))
            if unnamed not in without:
                missing.setdefault(_where(grid, case), case)
            without.add(unnamed)
            continue
        paid.update(_names(found[0]))
        others = [other for other in found[1:] if other.cell != found[0].cell]
        if rivals := [other for other in others if other.weight == found[0].weight]:
            doubled.setdefault((found[0].place, rivals[0].place), case)
        passed |= {name: case for other in others for name in _names(other)}
    for place, case in islice(missing.items(), MOST_SENTENCES):
        yield Problem(place, _missing(grid, case))
    for (place, other), case in islice(doubled.items(), MOST_SENTENCES):
        where = {"one": _cell_name(grid, place), "other": _cell_name(grid, other), "whom": in_words(grid, case)}
        yield Problem(f"cell-{other[0]}-{other[1]}", _("Two prices for %(whom)s: %(one)s and %(other)s.", **where))
    if not missing and not doubled:
        yield from _never_paid(grid, {place: case for place, case in passed.items() if place not in paid})


def _names(found):
    """The places of a Found's row and column."""
    return f"row-{found.place[0]}", f"column-{found.place[1]}"


def _never_paid(grid, passed):
    """Rows and columns that are passed over, also where neither age nor school is known."""
    for place, case in passed.items():
        found = grid.find(case.unit.id, replace(case.situation, age=None, stage=""), case.charge)
        if found is not None and place in _names(found):
            continue
        sentence = _(
            "Nobody ever pays “%(name)s”: the other titles name everybody more closely. Write for whom it is, or take it away.",
            name=named(grid, place),
        )
        yield Problem(place, sentence)


def _where(grid, case):
    """The cell that should hold the price that is missing."""
    best = next(iter(grid.found(case.unit_id, case.situation, case.charge, empty=True)), None)
    return "cell-{}-{}".format(*best.place) if best is not None else "grid"


def _missing(grid, case):
    sentence = _("No price for %(whom)s.", whom=in_words(grid, case))
    names = next((heads for _what, heads in _sides(grid) if all(head.category for head in heads)), ())
    if names and not case.situation.categories:
        way_out = _("“%(name)s” counts only for those to whom it was granted: if it is for everybody, set it by hand.", name=names[0].title)
        return " ".join((sentence, way_out))
    if case.situation.quotient is None and any(cell is not None and cell.rate is not None for row in grid.cells for cell in row):
        return " ".join((sentence, _("Write the greatest price after the rate, or choose what those pay who give no proof.")))
    return sentence


def _cell_name(grid, place):
    return _("“%(row)s”, “%(column)s”", row=named(grid, f"row-{place[0]}"), column=named(grid, f"column-{place[1]}"))


def in_words(grid, case):
    """A Case as people say it; without the quotient where the table has no use for it."""
    situation, words = case.situation, [case.unit.name if case.unit_id is not None else _("the yearly membership")]
    if _by_quotient(grid):
        words.append(
            _("quotient %(value)s", value=quotient(situation.quotient)) if situation.quotient is not None else _("no proof of income")
        )
    if situation.residence is Residence.exterior:
        words.append(_("outside the commune"))
    if situation.rank > 1:
        words.append(_("child number %(number)d", number=situation.rank))
    if situation.children > situation.rank:
        words.append(_("%(number)d children enrolled", number=situation.children))
    if situation.fund != "none":
        words.append(str(Fund(situation.fund).label))
    if situation.stage:
        words.append(str(Stage(situation.stage).label))
    if situation.age is not None and situation.age > 1:
        words.append(_("%(age)d years old", age=situation.age))
    if situation.own_lunch:
        words.append(_("own lunch"))
    words += [f"“{name}”" for name in situation.categories]
    return ", ".join([*words, *([_charge(case.charge)] if case.charge not in ("booked", MEMBERSHIP) else [])])


def _by_quotient(grid):
    rates = any(cell is not None and cell.rate is not None for row in grid.cells for cell in row)
    return rates or any(head.is_bracket for _what, heads in _sides(grid) for head in heads)


def _charge(charge):
    return str(next(kind.label for kind in ModifierKind if kind.value == charge))


def hints(grid, units):
    """Problems that stop nobody: what a clerk may have mistyped."""
    found = [*_of_all_children(grid)]
    for places in groups_of(grid.rows).values():
        for column, (one, other) in product(range(len(grid.columns)), pairwise(places)):
            cells = grid.cells[one][column], grid.cells[other][column]
            if all(cell is not None and cell.amount is not None for cell in cells) and cells[1].amount < cells[0].amount:
                words = {"row": named(grid, f"row-{other}"), "column": named(grid, f"column-{column}")}
                words["price"] = format_money(cells[1].amount)
                sentence = _("“%(row)s”, “%(column)s” costs less than the bracket before it: %(price)s.", **words)
                found.append(Problem(f"cell-{other}-{column}", sentence))
    return found[:MOST_SENTENCES]


def _of_all_children(grid):
    """Prices that rise with the number of children: they may be meant for all of them together."""
    for what, heads in _sides(grid):
        many = sorted((head.children[0], number) for number, head in enumerate(heads) if head.children)
        for (_least, one), (_more, other) in pairwise(many):
            lines = [grid.cells[number] if what == "row" else [row[number] for row in grid.cells] for number in (one, other)]
            pairs = [(first.amount, second.amount) for first, second in zip(*lines, strict=True) if first and second]
            if any(None not in pair and pair[1] > pair[0] for pair in pairs):
                words = {"one": heads[one].title, "other": heads[other].title}
                sentence = _("“%(other)s” costs more than “%(one)s”: a price is for one child, not for all of them together.", **words)
                yield Problem(f"{what}-{other}", sentence)

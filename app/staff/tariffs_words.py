"""How do staff read a price table? Whom a row or column is for, what the rules below it say, and how two tables differ."""

from dataclasses import dataclass
from decimal import Decimal

from flask_babel import format_decimal

from app.billing.grid import HIGHEST, REFUSE, Bounds, ModifierKind, Residence
from app.billing.modifiers import COUNTED, Change, said
from app.billing.reasons import formula
from app.billing.table import range_text
from app.core.i18n import _
from app.core.money import format_money, format_quotient
from app.families.models import Fund


def whom(head, units, bounds=Bounds.to_cent, no_proof=False):
    """Whom and what a row or column is for, in words."""
    words = []
    if head.is_bracket or head.lowest is not None or head.highest is not None:
        words.append(_limits(head, bounds))
    if no_proof:
        words.append(_("those who give no proof of income"))
    elif head.category:
        words.append(_("by name: “%(name)s”", name=head.category))
    if head.residence:
        words.append(_("in the commune") if head.residence is Residence.resident else _("outside the commune"))
    words += [unit.name for unit in units if unit.id in head.units] if len(units) > 1 else []
    words += [_children(head)] if head.ranks or head.children else []
    words += [_("%(ages)s years", ages=range_text(head.ages).replace("-", "–"))] if head.ages else []
    words += [str(head.stage.label)] if head.stage else []
    words += [str(Fund(fund).label) for fund in sorted(head.funds)]
    words += [_("own lunch (PAI)")] if head.own_lunch else []
    words += [str(kind.label) for kind in ModifierKind if kind.value in head.charges]
    words += [_("Yearly membership")] if head.is_membership else []
    return " · ".join(words) or _("everybody")


def _limits(head, bounds):
    if head.highest is None:
        return _("quotient from %(low)s on", low=format_quotient(head.lowest or Decimal(0)))
    limits = {"low": format_quotient(head.lowest or Decimal(0)), "high": format_quotient(head.highest)}
    if bounds is Bounds.below:
        return _("quotient %(low)s to less than %(high)s", **limits)
    return _("quotient %(low)s to %(high)s", **limits)


def _children(head):
    words = []
    if head.ranks:
        words.append(_("child number %(number)s", number=range_text(head.ranks).replace("-", "–")))
    if head.children:
        one = head.children == (1, 1)
        many = _("%(number)s children enrolled", number=range_text(head.children).replace("-", "–"))
        words.append(_("one child enrolled") if one else many)
    return " · ".join(words)


def rule(modifier, units):
    """A rule below the table as a sentence."""
    when = str(modifier.kind.label)
    if modifier.kind in COUNTED:
        when = (
            _("%(number)d children enrolled or more", number=modifier.least)
            if modifier.kind is ModifierKind.children
            else _("from child number %(number)d on", number=modifier.least)
        )
    if modifier.kind is ModifierKind.fund:
        when = ", ".join(str(Fund(fund).label) for fund in sorted(modifier.funds))
    if modifier.units:
        when += f" ({', '.join(unit.name for unit in units if unit.id in modifier.units)})"
    return when, effect(modifier)


def effect(modifier):
    """What a rule does to the price."""
    change, value = said(modifier)
    number = format_decimal(value, format="#,##0.####")
    match change:
        case Change.more:
            return _("%(amount)s more", amount=format_money(value))
        case Change.less:
            return _("%(amount)s less", amount=format_money(value))
        case Change.percent_more:
            return _("%(number)s %% more", number=number)
        case Change.percent_less:
            return _("free") if value == 100 else _("%(number)s %% less", number=number)
        case Change.times:
            return _("%(number)s times the price", number=number)
        case Change.set:
            return _("%(amount)s instead", amount=format_money(value))
    return _("the bracket below") if value == 1 else _("%(number)s brackets lower", number=number)


def without_proof(grid):
    """What those pay who give no proof of income."""
    if grid.without_quotient == HIGHEST:
        return _("the highest bracket")
    return _("no price: the bill waits for a clerk") if grid.without_quotient == REFUSE else f"“{grid.without_quotient}”"


def besides(grid, units):
    """[(what, how)] of all that stands below the table: rules, what those without a proof pay, the limits of brackets, the membership."""
    found = [rule(modifier, units) for modifier in grid.modifiers]
    found.append((_("Who gives no proof of income pays"), without_proof(grid)))
    if any(head.is_bracket for head in (*grid.rows, *grid.columns)):
        found.append((_("The upper limit of a bracket"), str(grid.bounds.label)))
    if grid.membership is not None:
        amounts = [_("as the table says") if grid.membership.amount is None else format_money(grid.membership.amount)]
        if grid.membership.exterior is not None:
            amounts.append(_("%(amount)s outside the commune", amount=format_money(grid.membership.exterior)))
        amounts.append(_("once a family") if grid.membership.per_family else _("for each child"))
        amounts += [_("once for all activities whose tables say so")] if grid.membership.shared else []
        found.append((_("Yearly membership"), ", ".join(amounts)))
    return found


def price_text(cell):
    """A cell as families read it."""
    if cell is None:
        return ""
    if cell.amount is not None:
        return format_money(cell.amount)
    text = formula(cell.rate, cell.constant)
    if cell.floor is not None and cell.ceiling is not None:
        return _("%(rate)s, from %(least)s to %(most)s", rate=text, least=format_money(cell.floor), most=format_money(cell.ceiling))
    if cell.floor is not None:
        return _("%(rate)s, at least %(least)s", rate=text, least=format_money(cell.floor))
    return _("%(rate)s, at most %(most)s", rate=text, most=format_money(cell.ceiling)) if cell.ceiling is not None else text


# -- two tables ---------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """A cell in two tables."""

    before: str
    after: str
    #: "up", "down", "new", "gone", "other" or "" for the same.
    change: str = ""
    note: str = ""


@dataclass(frozen=True)
class Line:
    """A row or column in two tables: its places there, None where it is not."""

    title: str
    before: int | None
    after: int | None
    #: What it was called, where it was called otherwise.
    formerly: str = ""


def compared(one, other):
    """([Line] of columns, [(Line of the row, [Pair])]) of two Grids, matched by titles, else by whom they are for."""
    columns, rows = _lines(one.columns, other.columns), _lines(one.rows, other.rows)
    return columns, [
        (row, [_pair(_cell(one, row.before, column.before), _cell(other, row.after, column.after)) for column in columns]) for row in rows
    ]


def _lines(before, after):
    """The Lines of both, those of the later in their order, what it lost where it was."""
    partners, left = {}, dict(enumerate(before))
    for alike in (lambda head, former: head.title == former.title, _is_for_the_same):
        for place, head in enumerate(after):
            found = None if place in partners else next((number for number, former in left.items() if alike(head, former)), None)
            if found is not None:
                partners[place] = found
                del left[found]
    lines = []
    for place, head in enumerate(after):
        former = partners.get(place)
        renamed = former is not None and before[former].title != head.title
        lines.append(Line(head.title, former, place, before[former].title if renamed else ""))
    for number, head in left.items():
        lines.insert(min(number, len(lines)), Line(head.title, number, None))
    return lines


def _is_for_the_same(head, former):
    """Whether they differ in their title alone: limits that are a euro apart are written otherwise ("308" and "308,01", "moins de 450")."""
    if head.group != former.group or (head.highest is None) is not (former.highest is None):
        return False
    limits = ((head.lowest, former.lowest), (head.highest, former.highest))
    return all(abs((limit or 0) - (other or 0)) <= 1 for limit, other in limits)


def _cell(grid, row, column):
    return grid.cells[row][column] if row is not None and column is not None else None


def _pair(before, after):
    texts = price_text(before), price_text(after)
    if before == after:
        return Pair(*texts)
    if before is None or after is None:
        return Pair(*texts, "new" if before is None else "gone", _("new") if before is None else _("no longer"))
    if before.amount is None or after.amount is None:
        return Pair(*texts, "other", _("changed"))
    change = "up" if after.amount > before.amount else "down"
    if not before.amount:
        return Pair(*texts, change, _("was free"))
    percent = format_decimal((after.amount - before.amount) * 100 / before.amount, format="+#,##0.#;-#,##0.#")
    return Pair(*texts, change, f"{percent}\u00a0%")

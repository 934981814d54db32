"""How do towns write what changes a price? The lines below a table as texts in, Modifiers out; and back."""

from dataclasses import dataclass, field

from app.billing import reading
from app.billing.grid import Effect, Modifier, ModifierKind
from app.core.enums import Labelled
from app.core.errors import DomainError
from app.core.i18n import _, _l


class Change(Labelled):
    """How towns say what changes a price."""

    more = "more", _l("adds (€)")
    less = "less", _l("takes off (€)")
    percent_more = "percent_more", _l("raises by (%)")
    percent_less = "percent_less", _l("lowers by (%)")
    times = "times", _l("multiplies by")
    set = "set", _l("makes the price (€)")
    shift = "shift", _l("takes a lower bracket, by")


@dataclass
class TypedRule:
    """A line below the table: when, how, how much."""

    kind: str = ""
    change: str = ""
    value: str = ""
    least: str = ""
    units: list = field(default_factory=list)
    funds: list = field(default_factory=list)


COUNTED = (ModifierKind.children, ModifierKind.rank)


def modifier_of(rule):
    """The Modifier of a line, None for an empty one."""
    if not rule.kind and not rule.value.strip():
        return None
    if not rule.kind or not rule.change:
        raise DomainError(_("Say when the price changes, and how."))
    kind, change = ModifierKind(rule.kind), Change(rule.change)
    effect, value = _effect(change, _amount(rule.value, change))
    least = 0
    if kind in COUNTED:
        if not rule.least.strip().isdecimal():
            raise DomainError(_("Say from which child on, as a number."))
        least = int(rule.least)
    if kind is ModifierKind.fund and not rule.funds:
        raise DomainError(_("Say for which fund."))
    funds = frozenset(rule.funds) if kind is ModifierKind.fund else frozenset()
    return Modifier(kind, effect, value, least, funds, frozenset(map(int, rule.units)))


def _amount(text, change):
    said = reading.plain(text)
    for sign in ("+", "-", "x", "*", "=", "€", "%", "euros"):
        said = said.removeprefix(sign).removesuffix(sign).strip()
    try:
        value = reading.exact(said)
    except reading.Doubtful as doubt:
        raise DomainError(str(doubt)) from None
    except ValueError:
        raise DomainError(_("“%(text)s” is no number: write it like 2 or 1,50.", text=text.strip())) from None
    if change is Change.shift and value != value.to_integral_value():
        raise DomainError(_("A bracket is lowered by whole places: 1, 2…"))
    return value


def _effect(change, value):
    """(Effect, value) of a way of saying it."""
    match change:
        case Change.more:
            return Effect.add, value
        case Change.less:
            return Effect.add, -value
        case Change.percent_more:
            return Effect.factor, 1 + value / 100
        case Change.percent_less:
            return Effect.factor, 1 - value / 100
        case Change.times:
            return Effect.factor, value
    return Effect(change.value), value


def said(modifier):
    """(Change, value) in which a town says a Modifier."""
    value = modifier.value
    match modifier.effect:
        case Effect.add:
            return (Change.less, -value) if value < 0 else (Change.more, value)
        case Effect.factor if 0 <= value < 1:
            return Change.percent_less, (1 - value) * 100
        case Effect.factor if 1 < value < 2:
            return Change.percent_more, (value - 1) * 100
        case Effect.factor:
            return Change.times, value
    return Change(modifier.effect.value), value


def typed_rule(modifier):
    change, value = said(modifier)
    least = str(modifier.least) if modifier.kind in COUNTED else ""
    text = reading.decimal_text(value, 2 if change in (Change.more, Change.less, Change.set) else 0)
    return TypedRule(modifier.kind.value, change.value, text, least, sorted(map(str, modifier.units)), sorted(modifier.funds))

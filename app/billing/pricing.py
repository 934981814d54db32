"""What does one place cost this child, and why? A grid, a situation and a charge make a unit price with its reason. Pure rules."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from app.billing.grid import MEMBERSHIP, REFUSE, Effect, Residence
from app.core.money import round_cents

ZERO = Decimal("0.00")


@dataclass(frozen=True)
class Share:
    """What somebody else pays of each place: a percentage, or at most so many euros."""

    payer: str
    percent: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True)
class Situation:
    """All that a price may depend on, of a child in a household on a day."""

    #: The quotient in force that day in euros, and from which month on; None: no proof of income.
    quotient: Decimal | None = None
    quotient_from: date | None = None
    residence: Residence = Residence.resident
    #: A name of families.models.Fund; "none" where nothing is known.
    fund: str = "none"
    #: How many children of the household are enrolled in the activity that day, and which of them this one is, the eldest being 1.
    children: int = 1
    rank: int = 1
    own_lunch: bool = False
    #: Completed years; a value of grid.Stage, "" where nothing is known.
    age: int | None = None
    stage: str = ""
    #: Names that were granted, casefolded.
    categories: frozenset[str] = frozenset()
    shares: tuple[Share, ...] = ()
    #: Until when the quotient counts, or counted; None: until the next one.
    quotient_until: date | None = None


class NoPrice(Exception):
    """The grid has no price for this; `code` names the anomaly: "no_tariff", "no_quotient" or "no_cell"."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Priced:
    """The unit price that the household owes, what others pay beside it, in euros, and why (JSON: billing/reasons.py words it)."""

    unit_price: Decimal
    third_party: Decimal
    third_party_name: str
    reason: dict


def price(grid, unit_id, situation, charge="booked"):
    """The Priced of one unit under a Grid. `charge` is a value of ChargeKind. Raises NoPrice.

    Residence, fund, children enrolled, rank, own lunch, lateness, penalty, then the third party's share; rounded once, half a
    cent up, after all modifiers and before any quantity.
    """
    if grid is None:
        raise NoPrice("no_tariff")
    found = grid.find(unit_id, situation, charge)
    base = _base(grid, found, situation.quotient)
    if base is None:
        refused = situation.quotient is None and (found is not None or grid.without_quotient == REFUSE)
        raise NoPrice("no_quotient" if refused else "no_cell")
    applying = [modifier for modifier in grid.applying(unit_id, situation, charge) if modifier.effect is not Effect.shift or found.shifted]
    amount = base
    for modifier in applying:
        amount = modifier.apply(amount)
    whole = round_cents(max(amount, ZERO))
    third_party, name = _third_party(whole, situation.shares)
    return Priced(whole - third_party, third_party, name, _reason(grid, found, situation, base, applying, whole, charge))


def membership(grid, situation):
    """The Priced of the yearly membership of a Grid that has one: as its table says, else the amount below it. Raises NoPrice.

    It is the household's alone: what others pay is a part of the price of a place.
    """
    if grid.membership.amount is None:
        return price(grid, None, replace(situation, shares=()), MEMBERSHIP)
    return Priced(grid.membership.of(situation.residence), ZERO, "", {"charge": MEMBERSHIP})


def _base(grid, found, quotient):
    """What the cell says; a rate of effort says nothing of a household without a quotient where the town wants none without."""
    if found is None or (quotient is None and found.cell.rate is not None and grid.without_quotient == REFUSE):
        return None
    return found.cell.at(quotient)


def _third_party(whole, shares):
    """(euros, names) that others pay; together never more than the price, and rounded once: three thirds of a price are all of it."""
    wanted = sum((share.amount if share.amount is not None else whole * share.percent / 100 for share in shares), ZERO)
    paid = round_cents(min(wanted, whole))
    return paid, ", ".join(dict.fromkeys(share.payer for share in shares)) if paid else ""


def _reason(grid, found, situation, base, applying, whole, charge):
    reason = {"charge": charge, "row": found.row.title, "column": found.column.title, "base": _text(base), "price": _text(whole)}
    if found.category:
        reason["category"] = found.category
    if found.by_quotient and situation.quotient is not None:
        reason["quotient"] = _text(situation.quotient)
        reason["quotient_from"] = situation.quotient_from.isoformat() if situation.quotient_from else None
    elif situation.quotient is None and (found.by_quotient or found.category.casefold() == grid.without_quotient.casefold()):
        reason["without_quotient"] = True
        if situation.quotient_until is not None:
            reason["quotient_until"] = situation.quotient_until.isoformat()
    if found.cell.rate is not None:
        reason["rate"] = {
            name: _text(getattr(found.cell, name))
            for name in ("rate", "constant", "floor", "ceiling")
            if getattr(found.cell, name) is not None
        }
    if applying:
        reason["steps"] = [_step(modifier, situation) for modifier in applying]
    return reason


def _step(modifier, situation):
    step = {"kind": modifier.kind.value, "effect": modifier.effect.value, "value": _text(modifier.value)}
    if modifier.least:
        step["number"] = situation.rank if modifier.kind.value == "rank" else situation.children
    return step


def _text(number):
    return format(number, "f")

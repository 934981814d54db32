"""How is an invoice read? Its lines by child, service and price, each group with its days and its reason."""

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from app.billing.models import ChargeKind

ZERO = Decimal("0.00")


def service_title(activity, unit):
    """The service as people call it; a unit of several is called by its activity's name and its own already."""
    named = not unit or unit.startswith(activity)
    return unit or activity if named else f"{activity} – {unit}"


@dataclass
class Group:
    """Lines of one service that cost the same for the same reason."""

    activity: str
    unit: str
    charge: ChargeKind
    unit_price: Decimal
    #: What billing.reasons.explain() words; None where the town named the amount.
    reason: dict | None
    third_party_name: str
    lines: list = field(default_factory=list)

    @property
    def title(self):
        return service_title(self.activity, self.unit)

    @cached_property
    def quantity(self):
        return sum(line.quantity for line in self.lines)

    @cached_property
    def amount(self):
        return sum((line.amount for line in self.lines), ZERO)

    @property
    def meal(self):
        return sum((line.meal for line in self.lines), ZERO)

    @property
    def third_party(self):
        return sum((line.third_party for line in self.lines), ZERO)

    @property
    def by_time(self):
        """Whether hours or half-hours were counted."""
        return any(line.quantity != 1 for line in self.lines)

    @property
    def days(self):
        """[(day, how many)], the earliest first; a membership has none."""
        return sorted((line.day, line.quantity) for line in self.lines if line.day is not None)

    @property
    def dated(self):
        """Its lines that are of a day, the earliest first."""
        return sorted((line for line in self.lines if line.day is not None), key=lambda line: line.day)


@dataclass
class Part:
    """What an invoice asks for one child; `child` is "" for what is of the household."""

    child: str
    groups: list = field(default_factory=list)

    @property
    def total(self):
        return sum((group.amount for group in self.groups), ZERO)


def parts_of(lines):
    """[Part] of an invoice's lines, children in the order in which they stand there, the household's own last."""
    parts, groups = {}, {}
    for line in lines:
        who = (line.child_id, line.child)
        reason = line.reason.content if line.reason is not None else None
        key = (who, line.activity_id, line.activity, line.unit, line.charge, line.unit_price, line.reason_id, line.third_party_name)
        if key not in groups:
            groups[key] = Group(line.activity, line.unit, line.charge, line.unit_price, reason, line.third_party_name)
            parts.setdefault(who, Part(line.child)).groups.append(groups[key])
        groups[key].lines.append(line)
    return sorted(parts.values(), key=lambda part: part.child == "")


def around(lines, line_id):
    """(Part, Group) in which an invoice shows the line of this id."""
    return next((part, group) for part in parts_of(lines) for group in part.groups if any(line.id == line_id for line in group.lines))

"""What does a family pay by a price table? Unit prices for sample quotients and the situation that a clerk chooses, with their reasons."""

from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from app.billing import reading
from app.billing.grid import ModifierKind, Residence, Stage
from app.billing.grids import Version
from app.billing.pricing import NoPrice, Situation, membership, price
from app.billing.reasons import explain, reason_of
from app.core import clock
from app.core.forms import squeeze
from app.core.i18n import _
from app.families.models import Fund

CHARGES = [kind.value for kind in (ModifierKind.late, ModifierKind.missing, ModifierKind.told_late, ModifierKind.unannounced)]


def text_of(form, name, longest):
    return (squeeze(form.get(name)) or "")[:longest]


def one_of(form, name, values):
    value = form.get(name, "")
    return value if value in values else ""


@dataclass
class Sample:
    """For whom prices are shown beside the table."""

    quotients: str = ""
    residence: str = Residence.resident.value
    fund: str = "none"
    rank: str = "1"
    children: str = "1"
    age: str = ""
    stage: str = ""
    name: str = ""
    charge: str = "booked"
    own_lunch: bool = False

    @classmethod
    def sent(cls, form):
        return cls(
            quotients=text_of(form, "try-quotients", 80),
            residence=one_of(form, "try-residence", [one.value for one in Residence]) or Residence.resident.value,
            fund=one_of(form, "try-fund", [fund.value for fund in Fund]) or "none",
            rank=text_of(form, "try-rank", 2) or "1",
            children=text_of(form, "try-children", 2) or "1",
            age=text_of(form, "try-age", 2),
            stage=one_of(form, "try-stage", [stage.value for stage in Stage]),
            name=text_of(form, "try-name", 40),
            charge=one_of(form, "try-charge", CHARGES) or "booked",
            own_lunch="try-own_lunch" in form,
        )

    def situation(self, quotient):
        rank = int(self.rank) if self.rank.isdecimal() else 1
        children = int(self.children) if self.children.isdecimal() else 1
        return Situation(
            quotient,
            residence=Residence(self.residence),
            fund=self.fund,
            children=max(children, rank, 1),
            rank=max(rank, 1),
            own_lunch=self.own_lunch,
            age=int(self.age) if self.age.isdecimal() else None,
            stage=self.stage,
            categories=frozenset({self.name.casefold()} if self.name else ()),
        )

    def values(self, grid):
        """The quotients that were asked for, else one of each bracket; then none."""
        typed = []
        for text in self.quotients.replace(" ; ", ";").split(";") if ";" in self.quotients else self.quotients.split():
            try:
                typed.append(reading.number(text.strip(" ,€")))
            except ValueError:
                continue
        heads = [head for head in (*grid.rows, *grid.columns) if head.is_bracket]
        return typed[:12] or sorted({_inside(head) for head in heads})[:12] or [Decimal(800)]

    def prices(self, grid, units, title, day):
        """[(quotient or None, [(title of a unit or of the membership, Priced or None, sentences)])]."""
        version = Version.trial(0, day or clock.today(), grid, title)
        asked = [(unit.name, partial(price, grid, unit.id, charge=self.charge)) for unit in units]
        asked += [(_("Yearly membership"), partial(membership, grid))] if grid.membership is not None else []
        situations = [(value, self.situation(value)) for value in [*self.values(grid), None]]
        return [(value, [(name, *self._price(found, situation, version)) for name, found in asked]) for value, situation in situations]

    @staticmethod
    def _price(found, situation, version):
        try:
            priced = found(situation)
        except NoPrice as refusal:
            return None, [
                _("No price: the bill waits for a clerk.") if refusal.code == "no_quotient" else _("The table has no price for this.")
            ]
        return priced, explain(reason_of(priced, version))[:-1]


def _inside(head):
    """A round quotient of a bracket."""
    if head.highest is None:
        return (head.lowest / 100).quantize(Decimal(1), "ROUND_CEILING") * 100
    middle = ((head.lowest or 0) + head.highest) / 2
    return middle.quantize(Decimal(1))

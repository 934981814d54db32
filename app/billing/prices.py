"""What would a place cost this household, and why? Unit prices of its children, day by day, with one query."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cache, lru_cache
from json import loads

from sqlalchemy import Date, Text, bindparam, cast, func, select, union_all
from sqlalchemy.orm import aliased

from app.activities.models import MINUTES, UnitKind
from app.billing.grids import Grids, Version
from app.billing.models import TariffGrid
from app.billing.pricing import NoPrice, Priced, membership, price
from app.billing.reasons import explain, reason_of
from app.billing.situations import Fact, Situations, parameters, parts, row_of
from app.core.i18n import _
from app.core.money import format_money
from app.extensions import db


@dataclass(frozen=True)
class Price:
    """The unit price of a place for this household, with the grid that it was found in."""

    priced: Priced
    version: Version

    @property
    def amount(self):
        return self.priced.unit_price

    @property
    def why(self):
        """The sentences that say why."""
        return explain(reason_of(self.priced, self.version))


class Prices:
    """The prices of a household between two days. What the town does not price, or the household does not pay, has none."""

    def __init__(self, situations, grids, family_id):
        self.situations, self.grids, self.family_id = situations, grids, family_id
        self._found = {}

    @classmethod
    def load(cls, family_id, first, last, activity_ids):
        """Of these activities. One query: pages of families have few to spend."""
        given = {**parameters([family_id], first, last), "activities": list(activity_ids)}
        facts = [Fact(*row) for row in db.session.execute(_everything(), given)]
        versions = [_version(fact.id, fact.activity_id, fact.first, fact.text, fact.secret) for fact in facts if fact.what == "tariff"]
        return cls(Situations(fact for fact in facts if fact.what != "tariff"), Grids(versions), family_id)

    def of(self, child_id, unit, day, charge="booked"):
        """The Price of a Unit for a child on a day, or None. `charge` is a value of ChargeKind."""
        found = self.or_why_not(child_id, unit, day, charge)
        return found if isinstance(found, Price) else None

    def or_why_not(self, child_id, unit, day, charge="booked"):
        """The same, or the code of what is missing: "other_household", or that of a NoPrice."""
        if not self.situations.pays(self.family_id, child_id, day):
            return "other_household"
        version = self.grids.at(unit.activity_id, day)
        situation = self.situations.of(self.family_id, child_id, unit.activity_id, day)
        # A Situation is made once for all the days that it holds for, so its identity is enough, and quicker than its content.
        key = id(situation), version and version.starts_on, unit.id, charge
        if key not in self._found:
            self._found[key] = _priced(version, unit.id, situation, charge)
        return self._found[key]

    def membership(self, child_id, activity_id, day):
        """(euros, the Membership) of what an enrolment costs this household once a school year, or None."""
        version = self.grids.at(activity_id, day)
        due = version.grid.membership if version is not None else None
        if due is None or not self.situations.pays(self.family_id, child_id, day):
            return None
        try:
            return membership(version.grid, self.situations.of(self.family_id, child_id, activity_id, day)).unit_price, due
        except NoPrice:
            return None


def _priced(version, unit_id, situation, charge):
    try:
        return Price(price(version.grid if version is not None else None, unit_id, situation, charge), version)
    except NoPrice as problem:
        return problem.code


@lru_cache(maxsize=500)
def _version(number, activity_id, starts_on, title, content):
    """A version of a grid, read from its JSON once: the text is a part of the key, so a changed grid is another one."""
    return Version(number, activity_id, starts_on, title, loads(content))


def _tariffs():
    """Versions of `activities` that count between `first` and `last`: the one in force at first, and those that begin later."""
    before = aliased(TariffGrid)
    first, last = bindparam("first", type_=Date), bindparam("last", type_=Date)
    in_force = select(func.max(before.starts_on)).where(
        before.activity_id == TariffGrid.activity_id, before.starts_on <= first, ~before.draft
    )
    columns = row_of(
        "tariff",
        id=TariffGrid.id,
        activity_id=TariffGrid.activity_id,
        first=TariffGrid.starts_on,
        text=TariffGrid.title,
        secret=cast(TariffGrid.content, Text),
    )
    counts = (TariffGrid.starts_on == in_force.scalar_subquery()) | ((TariffGrid.starts_on > first) & (TariffGrid.starts_on <= last))
    return select(*columns).where(TariffGrid.activity_id.in_(bindparam("activities", expanding=True)), ~TariffGrid.draft, counts)


@cache
def _everything():
    return union_all(*parts(), _tariffs())


def in_words(amount, unit):
    """A unit price as families read it: €3.80, or €1.45 per hour begun."""
    if not unit.by_time:
        return format_money(amount)
    if unit.kind is UnitKind.hour:
        return _("%(price)s per hour begun", price=format_money(amount))
    if unit.kind is UnitKind.quarter_hour:
        return _("%(price)s per quarter-hour begun", price=format_money(amount))
    return _("%(price)s per half-hour begun", price=format_money(amount))


def about(amount, unit):
    """What a place comes to: where time counts, the time from the unit's beginning to its end."""
    return amount * periods(unit)


def periods(unit):
    """How many hours, half-hours or quarters a unit has from its beginning to its end; 1 where time does not count."""
    if not unit.by_time or unit.starts_at is None or unit.ends_at is None:
        return 1
    length = timedelta(hours=unit.ends_at.hour - unit.starts_at.hour, minutes=unit.ends_at.minute - unit.starts_at.minute)
    return max(1, -(-length // timedelta(minutes=MINUTES[unit.kind])))


def total(amounts):
    """The sum of amounts in euros."""
    return sum(amounts, Decimal("0.00"))

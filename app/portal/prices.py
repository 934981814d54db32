"""What do the town's services cost this family, and why? Prices beside a child, before an enrolment, and the sums of what is asked."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from app.billing.prices import Price, Prices, in_words
from app.core import clock
from app.core.i18n import _, date_text
from app.core.money import format_money
from app.security.scope import may, standing
from app.security.who_sees_what import Noun

#: So far ahead a price that will change is announced.
AHEAD = timedelta(days=130)
#: Nobody can say what a day further on will cost.
FURTHEST = timedelta(days=730)


@dataclass
class Line:
    """One unit: what it costs, why, what else is charged, and from when on it will cost something else."""

    title: str
    price: str
    why: list[str] = field(default_factory=list)
    also: list[str] = field(default_factory=list)
    change: str = ""


@dataclass
class OfActivity:
    """The prices of an activity for a child; `missing` says why there is none."""

    name: str
    lines: list[Line]
    membership: str = ""
    missing: str = ""


def may_see_prices():
    """Whether the person may: they tell the household's income to whoever knows the tariff."""
    return may(Noun.tariff, "read") and may(Noun.bill, "read")


def prices_of(child, activities):
    """[OfActivity] for a child, in one query; None for whom may not know. `activities`: pairs of an Activity and the first day meant."""
    if not may_see_prices() or not activities:
        return None
    today = clock.today()
    days = {activity.id: min(max(today, day or today), today + FURTHEST) for activity, day in activities}
    first, last = min(days.values()), max(days.values()) + AHEAD
    prices = Prices.load(standing().family_id, first, last, list(days))
    return [_of_activity(prices, child, activity, days[activity.id]) for activity in dict.fromkeys(one for one, _day in activities)]


def _of_activity(prices, child, activity, day):
    found = {unit: prices.or_why_not(child.id, unit, day) for unit in activity.units}
    lines = [_line(prices, child, unit, one, day) for unit, one in found.items() if isinstance(one, Price)]
    codes = [one for one in found.values() if not isinstance(one, Price)]
    missing = MISSING[codes[0]]() if codes and not lines else ""
    return OfActivity(activity.name, lines, _membership(prices, child, activity, day), missing)


MISSING = {
    "other_household": lambda: _("The other household pays for this activity."),
    "no_tariff": lambda: _("The town has published no price yet."),
    "no_quotient": lambda: _("The price needs your family quotient. Please send a proof to the town hall."),
    "no_cell": lambda: _("Please ask the town hall for the price."),
}
#: What else may be charged, and how families read it.
ALSO = {
    "late": lambda price: _("Booked after the deadline: %(price)s.", price=price),
    "missing": lambda price: _("Without a booking: %(price)s.", price=price),
    "told_late": lambda price: _("Absence told too late: %(price)s.", price=price),
    "unannounced": lambda price: _("Absent without a word: %(price)s.", price=price),
}


def _line(prices, child, unit, price, day):
    others = {charge: prices.of(child.id, unit, day, charge) for charge in ALSO}
    also = [ALSO[charge](in_words(one.amount, unit)) for charge, one in others.items() if one is not None and one.amount != price.amount]
    title = unit.name if len(unit.activity.units) > 1 else unit.activity.name
    return Line(title, in_words(price.amount, unit), price.why, also, _change(prices, child, unit, price, day))


def _change(prices, child, unit, price, day):
    """From which day on the price will be another one, "" where none is known. Quotients change with a month, grids on any day."""
    months = [date(day.year + (day.month + ahead - 1) // 12, (day.month + ahead - 1) % 12 + 1, 1) for ahead in range(1, 5)]
    starts = [version.starts_on for version in prices.grids.of(unit.activity_id)]
    for coming in sorted({*months, *starts}):
        later = prices.of(child.id, unit, coming) if day < coming <= day + AHEAD else None
        if later is not None and later.amount != price.amount:
            return _("From %(day)s on: %(price)s.", day=date_text(coming, "d MMMM yyyy"), price=in_words(later.amount, unit))
    return ""


def _membership(prices, child, activity, day):
    found = prices.membership(child.id, activity.id, day)
    if found is None:
        return ""
    amount, due = found
    if due.per_family:
        return _("%(amount)s once a school year for the family.", amount=format_money(amount))
    return _("%(amount)s once a school year for each child.", amount=format_money(amount))


def init_app(app):
    """Let the form of an enrolment, which knows nothing of money, show prices beside itself."""
    app.jinja_env.globals["prices_of"] = prices_of

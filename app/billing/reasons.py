"""Why does a place cost what it costs? A reason, as billing/pricing.py made it, in the reader's sentences."""

from datetime import date
from decimal import Decimal

from flask_babel import format_decimal

from app.core.i18n import _, _n, date_text
from app.core.money import format_money, format_quotient


def reason_of(priced, version=None):
    """What a line keeps of a Priced: its reason, the grid that it was found in, and what somebody else pays."""
    reason = dict(priced.reason)
    if version is not None:
        reason |= {"tariff": version.title, "tariff_from": version.starts_on.isoformat()}
    if priced.third_party:
        reason |= {"third_party": format(priced.third_party, "f"), "third_party_name": priced.third_party_name}
    return reason


def explain(reason):
    """The sentences of a reason, in the order in which the price was made. Never empty, and never an error: reasons are kept for years."""
    if not reason:
        return [_("The town set this amount.")]
    sentences = [*_quotient(reason), *_place(reason), *_charge(reason), *map(_step, reason.get("steps", ())), *_end(reason)]
    return [sentence for sentence in sentences if sentence] or [_("The town set this amount.")]


def _quotient(reason):
    if "quotient" in reason:
        value = format_quotient(Decimal(reason["quotient"]))
        if reason.get("quotient_from"):
            return [_("Family quotient %(value)s, counted since %(month)s.", value=value, month=_month(reason["quotient_from"]))]
        return [_("Family quotient %(value)s.", value=value)]
    if reason.get("quotient_until"):
        return [_("Your last quotient counted until %(day)s.", day=date_text(date.fromisoformat(reason["quotient_until"]), "long"))]
    return [_("The town has no proof of income for this day.")] if reason.get("without_quotient") else []


def _place(reason):
    """Row, column and rate: where in the grid the price stands."""
    if "base" not in reason:
        return [_("Yearly membership.")] if reason.get("charge") == "membership" else []
    titles = " – ".join(title for title in (reason.get("row"), reason.get("column")) if title)
    price = _euros(reason["base"])
    granted = "category" in reason and not reason.get("without_quotient")
    return [
        _("Rate “%(name)s”, granted by the town.", name=reason["category"]) if granted else "",
        _rate(reason["rate"], "quotient" in reason) if reason.get("rate") else "",
        _("In the tariff, “%(place)s”: %(price)s.", place=titles, price=price) if titles else _("In the tariff: %(price)s.", price=price),
    ]


def _rate(rate, known):
    if not known:
        return _("The highest price of the tariff applies.")
    given = {name: _euros(rate[name]) for name in ("floor", "ceiling") if name in rate}
    text = formula(Decimal(rate["rate"]), Decimal(rate["constant"]) if "constant" in rate else None)
    if len(given) == 2:
        return _("%(formula)s, from %(floor)s to %(ceiling)s.", formula=text, **given)
    if "floor" in given:
        return _("%(formula)s, at least %(floor)s.", formula=text, **given)
    return _("%(formula)s, at most %(ceiling)s.", formula=text, **given) if given else f"{text}."


def formula(rate, constant=None):
    """A rate of effort with the constant beside it, in words."""
    words = {"percent": format_decimal(abs(rate), format="#,##0.######")}
    if constant is None:
        return _("%(percent)s %% of the quotient", **words)
    words["amount"] = _euros(abs(constant))
    if rate < 0:
        return _("%(amount)s less %(percent)s %% of the quotient", **words)
    if constant < 0:
        return _("%(percent)s %% of the quotient, less %(amount)s", **words)
    return _("%(percent)s %% of the quotient, and %(amount)s", **words)


def _charge(reason):
    """What is charged although the child did not come as booked; where the tariff says more, a step says it."""
    charge = reason.get("charge")
    if charge in {step["kind"] for step in reason.get("steps", ())}:
        return []
    match charge:
        case "membership" if "base" in reason:
            return [_("Yearly membership.")]
        case "unannounced":
            return [_("Absent without a word: the place is charged.")]
        case "told_late":
            return [_("Absence told too late: the place is charged.")]
        case "missing":
            return [_("The child came without a booking.")]
        case "cancelled":
            return [_("Cancelled by the town, and charged.")]
    return []


def _step(step):
    number, value = step.get("number"), Decimal(step["value"])
    return _("%(why)s: %(change)s.", why=_why(step["kind"], number), change=_change(step["effect"], value))


def _why(kind, number):
    match kind:
        case "residence":
            return _("Lives outside the commune")
        case "fund":
            return _("By the family's fund")
        case "children":
            return _n("%(num)d child enrolled", "%(num)d children enrolled", number or 1)
        case "rank":
            return _("Child number %(number)d of the family", number=number or 1)
        case "own_lunch":
            return _("Brings its own lunch")
        case "late":
            return _("Booked after the deadline")
        case "missing":
            return _("Came without a booking")
        case "told_late":
            return _("Absence told too late")
        case "unannounced":
            return _("Absent without a word")
    return kind


def _change(effect, value):
    match effect:
        case "add" if value < 0:
            return _("%(amount)s less", amount=_euros(-value))
        case "add":
            return _("%(amount)s more", amount=_euros(value))
        case "factor":
            return _("multiplied by %(factor)s", factor=format_decimal(value, format="#,##0.######"))
        case "set":
            return _("%(amount)s instead", amount=_euros(value))
        case "shift":
            return _n("%(num)d bracket lower", "%(num)d brackets lower", int(value))
    return format_decimal(value)


def _end(reason):
    found = []
    if reason.get("steps") and reason.get("price"):
        found.append(_("Price: %(price)s.", price=_euros(reason["price"])))
    if "third_party" in reason:
        found.append(_("%(payer)s pays %(amount)s of it.", payer=reason["third_party_name"], amount=_euros(reason["third_party"])))
    if reason.get("tariff_from"):
        found.append(tariff(reason.get("tariff", ""), date.fromisoformat(reason["tariff_from"])))
    return found


def tariff(title, starts_on):
    """The sentence that names a grid."""
    if title:
        return _("Tariff since %(day)s: %(title)s.", day=date_text(starts_on, "long"), title=title)
    return _("Tariff since %(day)s.", day=date_text(starts_on, "long"))


def _month(text):
    return date_text(date.fromisoformat(text), "LLLL yyyy")


def _euros(amount):
    amount = Decimal(amount)
    # A rate of effort may give a part of a cent before it is rounded.
    return format_money(amount)

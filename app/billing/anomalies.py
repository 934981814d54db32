"""What is odd about a bill? Found while it is computed, and worded in the reader's language."""

from collections import defaultdict
from datetime import date
from decimal import Decimal

from sqlalchemy import bindparam, select

from app.activities.models import Attendance, BookingState
from app.billing.models import ChargeKind
from app.core import clock
from app.core.i18n import _, _l, date_text
from app.core.money import LARGEST, format_money
from app.extensions import db

#: What they are called in lists and filters. Those of BLOCKING keep a bill from being issued: it would be wrong.
TITLES = {
    "no_tariff": _l("No tariff"),
    "no_quotient": _l("No quotient"),
    "no_cell": _l("No price in the tariff"),
    "too_large": _l("Amount too large"),
    "elsewhere": _l("Billed already"),
    "unbooked": _l("Came without a booking"),
    "not_marked": _l("Booked, not noted on the sheet"),
    "unusual": _l("Far from usual"),
    "carried": _l("Carried forward"),
    "changed": _l("Changed since issue"),
}
BLOCKING = {"no_tariff", "no_quotient", "no_cell", "too_large", "elsewhere"}
#: Further from what is usual than this share and this amount.
FAR, FAR_EUROS = Decimal("0.5"), Decimal(30)


def note_of_days(drafts, facts, problems):
    """Add to Drafts what is odd about single days: no price, came without a booking, booked but not noted where the sheet was used."""
    for (family_id, code, child, unit), days in problems.items():
        drafts[family_id].anomalies.append(_days(code, child, unit, days=days))
    booked = ((row, (row.child_id, row.unit_id, row.day)) for row in facts.bookings if row.state is BookingState.booked)
    waiting = {place: row.group_id for row, place in booked if place not in facts.marks}
    used, today = _Sheets(), clock.today()
    for draft in drafts.values():
        found = defaultdict(list)
        for line in draft.lines:
            place = line.child_id, line.unit_id, line.day
            if line.charge is ChargeKind.missing:
                found["unbooked", line.child, line.unit, *place[:2]].append(line.day)
            elif place in waiting and place not in facts.marks and line.day <= today and used.on(line.unit_id, line.day, waiting[place]):
                found["not_marked", line.child, line.unit, *place[:2]].append(line.day)
        draft.anomalies += [_days(*about, days=days) for about, days in found.items()]
        if draft.total > LARGEST:
            draft.anomalies.append({"code": "too_large", "total": str(draft.total)})


def _days(code, child, unit, *ids, days):
    """`ids`: of the child and the unit, where their sheet mends it."""
    found = {"code": code, "child": child, "unit": unit, "days": [day.isoformat() for day in sorted(days)]}
    return found | dict(zip(("child_id", "unit_id"), ids, strict=False))


class _Sheets:
    """Whether anybody noted anything of a group on a day: a group that uses no sheet has no absent children."""

    def __init__(self):
        self._used = {}

    def on(self, unit_id, day, group_id):
        key = unit_id, day, group_id
        if key not in self._used:
            group = Attendance.group_id.is_(None) if group_id is None else Attendance.group_id == bindparam("group")
            query = select(1).where(Attendance.day == bindparam("day"), Attendance.unit_id == bindparam("unit"), group).limit(1)
            given = {"day": day, "unit": unit_id} | ({} if group_id is None else {"group": group_id})
            self._used[key] = db.session.scalar(query, given) is not None
        return self._used[key]


def unusual(total, earlier):
    """The anomaly of a total far from what a household's last bills came to, or None."""
    if not earlier:
        return None
    usual = sum(earlier, Decimal(0)) / len(earlier)
    if abs(total - usual) > max(FAR_EUROS, usual * FAR):
        return {"code": "unusual", "usual": f"{usual:.2f}"}
    return None


def sentence(anomaly):
    """What a clerk reads of an anomaly."""
    known = {name: anomaly.get(name, "") for name in ("child", "unit")}
    days = ", ".join(date_text(date.fromisoformat(day), "short") for day in anomaly.get("days", ()))
    amounts = {name: format_money(Decimal(anomaly[name])) for name in ("total", "usual", "carried", "was", "now") if name in anomaly}
    match anomaly["code"]:
        case "no_tariff":
            return _("%(unit)s has no tariff in force: %(child)s, %(days)s.", **known, days=days)
        case "no_quotient":
            return _("%(unit)s: the tariff asks for a quotient, none is known: %(child)s, %(days)s.", **known, days=days)
        case "no_cell":
            return _("%(unit)s: the tariff has no price for %(child)s, %(days)s.", **known, days=days)
        case "too_large":
            return _(
                "An amount is too large to be billed: %(what)s.", what=amounts.get("total") or f"{known['unit']}, {known['child']}, {days}"
            )
        case "elsewhere":
            return _("%(unit)s, %(child)s, %(days)s: on invoice %(number)s already.", **known, days=days, number=anomaly.get("number", ""))
        case "unbooked":
            return _("%(child)s came without a booking: %(unit)s, %(days)s.", **known, days=days)
        case "not_marked":
            return _("%(child)s was booked and not noted on the sheet: %(unit)s, %(days)s.", **known, days=days)
        case "unusual":
            return _("Far from what is usual: %(usual)s.", **amounts)
        case "carried":
            if Decimal(anomaly.get("carried") or 0) < 0:
                return _("Below zero: carried forward, %(rest)s come off the next bill.", rest=format_money(-Decimal(anomaly["carried"])))
            return _("Under the minimum: carried forward to the next bill.")
        case "changed":
            return _("Changed since issue: %(was)s were billed, it would be %(now)s now.", **amounts)
    return TITLES.get(anomaly["code"], anomaly["code"])

"""What does an absence change? What it takes away and whether it is told in time: before it is sent, and on its receipt."""

from collections import Counter

from sqlalchemy import select

from app.activities.changes.absence import LONGEST, reasons
from app.activities.models import PlaceAsked
from app.activities.timetable import CellState
from app.billing.settings import carence
from app.changes.models import RequestState
from app.core.i18n import _, _n
from app.extensions import db
from app.portal.agenda_cells import day_name, moment
from app.portal.agenda_prices import AgendaPrices
from app.portal.agenda_weeks import between, family_timetable

S = CellState
DAY = "EEE d MMM"
#: States in which an absence counts, or will.
COUNTS = (RequestState.pending, RequestState.deciding, RequestState.accepted, RequestState.partly_accepted)


def effects(children, chosen, first, last, only=None):
    """[(child and days, services, whether it is charged)] of what an absence of the chosen children would take away.

    `only`: the Spot of the one service that is meant.
    """
    if first is None or last is None or not first <= last <= first + LONGEST or not set(chosen) & {child.id for child in children}:
        return []
    children, timetable = family_timetable(first, last, children)
    prices, days = AgendaPrices.load(timetable), day_name(first, DAY) if first == last else between(first, last)
    return [(f"{child.first_name}, {days}", *_effect(timetable, child, prices, only)) for child in children if child.id in chosen]


def _effect(timetable, child, prices, only):
    booked = [cell for cell in timetable.cells.values() if cell.child_id == child.id and cell.state is S.booked]
    if only is not None and only.child_id == child.id:
        booked = [cell for cell in booked if cell.unit_id == only.unit_id]
    if not booked:
        return _("nothing is booked in these days"), ""
    services = " · ".join(
        title if many == 1 else f"{title} × {many}" for title, many in Counter(cell.unit.title for cell in booked).items()
    )
    late = [cell for cell in booked if cell.late]
    if late:
        days, charged = _days(cell.day for cell in late), prices.sum_in_words(late, "told_late")
        if charged:
            return services, _("too late to be free of charge: %(days)s (%(price)s)", days=days, price=charged)
        return services, _("too late to be free of charge: %(days)s", days=days)
    first = min((cell.deadline for cell in booked if cell.deadline), default=None)
    return services, _("not charged, if sent before %(moment)s", moment=moment(first)) if first else _("not charged")


def _days(days):
    return ", ".join(day_name(day, DAY) for day in sorted(set(days)))


def exceptions(known):
    """The sentences on reasons that lift the charge of an absence, however late it is told."""
    if free := ", ".join(reason.title for reason in known if reason.never_charged):
        yield _("Never charged: %(names)s.", names=free)
    if certified := ", ".join(reason.title for reason in known if reason.takes_certificate and not reason.never_charged):
        yield _with_certificate(certified)


def _with_certificate(names):
    days = carence()
    if days:
        return _n(
            "With a certificate, charged for %(num)d day only: %(names)s.",
            "With a certificate, charged for %(num)d days only: %(names)s.",
            days,
            names=names,
        )
    return _("Not charged with a certificate: %(names)s.", names=names)


def told_in_time(requests):
    """{id of a request that tells an absence: [sentences on what it changes for the bill]}, in two queries."""
    mine = {row.id: row for row in requests if row.kind == "absence" and row.state in COUNTS}
    if not mine:
        return {}
    known, late = {reason[0]: reason for reason in reasons()}, {}
    asked = select(PlaceAsked.request_id, PlaceAsked.day).where(PlaceAsked.request_id.in_(mine), PlaceAsked.late)
    for number, day in db.session.execute(asked):
        late.setdefault(number, []).append(day)
    return {number: list(_sentences(late.get(number), known.get(row.changes["reason_id"]["after"]))) for number, row in mine.items()}


def _sentences(late, reason):
    _number, title, _needs_text, takes_certificate, never_charged = reason or (0, "", False, False, False)
    if not late:
        yield _("Told in time: it is not charged.")
    elif never_charged:
        yield _("Never charged: %(names)s.", names=title)
    else:
        # A month's abbreviation has a full stop of its own.
        yield _("Too late to be free of charge: %(days)s.", days=_days(late).removesuffix("."))
        if takes_certificate:
            yield _with_certificate(title)

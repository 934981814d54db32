"""Who stands in line for a place, on which day? The waiting lists in their order: all of them, or that of one service, group and day."""

from datetime import date

from flask import request, url_for
from flask_babel import format_datetime
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.activities.changes.words import unit_title
from app.activities.models import Activity, PlaceAsked, Rank, Unit, Wish
from app.activities.places import numbers_in_line, room
from app.changes.models import ChangeRequest, RequestState
from app.core.forms import named_id
from app.core.i18n import _, _l, date_text
from app.extensions import db
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.bookings import OfFamily, rows_of, when
from app.staff.parts import Deed, Facet, by_id


def _on(value):
    day = _day(value)
    return None if day is None else PlaceAsked.day == day


def _day(text):
    """The day that an address names, or None."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _of_activity(activity_id):
    return PlaceAsked.unit.has(Unit.activity_id == activity_id)


class WaitingView(OfFamily):
    """Wishes that wait for a place, and places that are offered."""

    model, route_base = PlaceAsked, "/mairie/listes-attente"
    route_methods = ("list", "export")
    list_template = "staff/bookings/waiting.html"
    list_title = _l("Waiting lists")
    labels = {
        "number": _l("Rank"),
        "state": _l("State"),
        "asked_at": _l("Asked on"),
        "day": _l("Day"),
        "unit": _l("Service"),
        "group": _l("Group"),
        "family": _l("Family"),
        "lot": _l("Request"),
    }
    list_columns = ["child", "number", "state", "asked_at", "day", "unit", "group", "family", "lot"]
    search_columns = ["day", "asked_at"]
    facets = (
        when(PlaceAsked.day, PlaceAsked.day),
        Facet("activity", _l("Activity"), rows_of(Activity, Activity.position), by_id(_of_activity), blank=_l("All activities")),
        # One list of them: the address says which, where a page leads here.
        Facet("unit", "", lambda: None, by_id(lambda number: PlaceAsked.unit_id == number)),
        Facet("group", "", lambda: None, by_id(lambda number: PlaceAsked.group_id == number)),
        Facet("day", "", lambda: None, _on),
    )
    loads = (
        joinedload(PlaceAsked.family),
        joinedload(PlaceAsked.group),
        joinedload(PlaceAsked.request).joinedload(ChangeRequest.lot),
    )
    sorts = {"unit": [PlaceAsked.unit_id]}
    #: As the places are given: those who have the word, then those who asked first.
    first_sort = (PlaceAsked.day, PlaceAsked.unit_id, PlaceAsked.group_id, PlaceAsked.rank != Rank.offered, PlaceAsked.asked_at)

    def query(self):
        return super().query().filter(PlaceAsked.wish == Wish.book, PlaceAsked.rank.in_((Rank.queued, Rank.offered)))

    def decorate(self, rows):
        numbers = numbers_in_line(rows)
        for row in rows:
            row.number = numbers.get(row.id)

    def shown_columns(self):
        said = {name for name in ("unit", "group", "day") if request.args.get(name)}
        said |= set() if self._decides() else {"lot"}
        return [name for name in super().shown_columns() if name not in said]

    def searched(self):
        """An address that is about one day is no search: where nobody stands in line, that is what the page says."""
        return super().searched() and not (request.args.get("day") and not request.args.get("q"))

    def _open_facets(self):
        if not request.args.get("day"):
            return super()._open_facets()
        return [(facet, request.args.get(facet.name, ""), None) for facet in self.facets if facet.name in ("unit", "group", "day")]

    def deeds_of_list(self):
        every = [Deed(_("All waiting lists"), url_for("WaitingView.list"), "list")] if request.args.get("day") else []
        return [*every, Deed(_("Forecast"), url_for("ForecastView.forecast"), "calendar")]

    def one_list(self):
        """(title, its Room or None) of the one list that the address is about; None where it is about several."""
        unit_id, group_id, day = named_id(request.args.get("unit")), named_id(request.args.get("group")), _day(request.args.get("day"))
        activity = joinedload(Unit.activity)
        query = select(Unit).where(Unit.id == unit_id).options(activity.joinedload(Activity.units), activity.joinedload(Activity.groups))
        unit = db.session.scalars(query).unique().one_or_none()
        if unit is None or day is None:
            return None
        group = next((group for group in unit.activity.groups if group.id == group_id), None)
        parts = [unit.title, group.name if group is not None else "", date_text(day, "full")]
        return ", ".join(filter(None, parts)), room(unit_id, group_id, day) if group is not None else None

    # -- cells ------------------------------------------------------------------------------------------------------------------------

    @staticmethod
    def _decides():
        return may(Noun.booking, "decide")

    def cell_unit(self, row):
        return unit_title(row.unit_id)

    def cell_group(self, row):
        return row.group.name if row.group is not None else None

    def cell_state(self, row):
        if row.request.state is RequestState.sent_back:
            return _("to be corrected by the family")
        if row.rank is Rank.offered:
            return _("offered until %(when)s", when=format_datetime(row.offered_until, "short"))
        return _("waits")

    def cell_lot(self, row):
        number = row.request.lot.number
        if "export" in request.endpoint:
            return number
        return Markup('<a href="{}">{}</a>').format(url_for("QueueView.lot", lot_id=row.request.lot_id), number)

"""What became of what a family asked? The list with the guide's tabs and arrows, the receipt of a lot, taking back."""

from dataclasses import dataclass

from flask import abort, flash, request, url_for
from flask_appbuilder import expose
from flask_login import current_user

from app.audit.operations import note_health_read
from app.changes.kinds import KINDS
from app.changes.notices import implied_decision, lines_of
from app.changes.operations import seal, withdraw
from app.core.db import unit_of_work
from app.core.i18n import _, _lp
from app.extensions import db
from app.portal import queries
from app.portal.absence_effects import told_in_time
from app.portal.queries import ACCEPTED, ARCHIVE, REFUSED, WAITING, count_requests, own_lot, own_request, requests_on
from app.portal.sections import Told, tabs
from app.portal.taking_back import are_you_sure, chosen, flash_taken_back, take_back, withdrawable
from app.portal.views import PortalView, back_or
from app.security.guard import LOGS, REQUESTS, writes
from app.security.scope import require, standing
from app.security.who_sees_what import Noun

#: Links beside the request that is open; the arrows lead to the others.
NEAR = 20
SHELVES = {
    WAITING: _lp("requests", "Waiting"),
    ACCEPTED: _lp("requests", "Accepted"),
    REFUSED: _lp("requests", "Refused"),
    ARCHIVE: _lp("requests", "Archive"),
}


class RequestsView(PortalView):
    """The list of requests, a lot, and what a family may do with a request of its own."""

    class_permission_name = Noun.request.value
    method_permission_name = {"requests": "read", "lot": "read", "seal": "ask", "withdraw": "ask", "take_back": "ask"}

    @expose("/demandes/")
    def requests(self):
        self.enter(Noun.request)
        return self.render_template("portal/requests.html", title=_("List of requests"), **_read(Walk(tabs(), count_requests()).context()))

    @expose("/demandes/lot/<int:lot_id>/")
    def lot(self, lot_id):
        self.enter(Noun.request)
        lot, requests = own_lot(lot_id)
        if lot is None:
            abort(404)
        told = [Told(row, subject) for row, subject in with_subjects(requests)]
        _note_health(told)
        return self.render_template(
            "portal/lot.html",
            title=_("Receipt %(number)s", number=lot.number),
            lot=lot,
            told=[one for one in told if not one.kind.gathers],
            lines=lines_of([one.request for one in told if one.kind.gathers]),
            effects=told_in_time(requests),
            implied_on=implied_decision(lot),
            waits=any(row.open for row in requests),
            withdrawable=withdrawable(requests),
            are_you_sure=are_you_sure,
        )

    @expose("/demandes/lot/<int:lot_id>/envoyer", methods=["POST"])
    @writes(LOGS | {"change_lot"})
    def seal(self, lot_id):
        self.enter(Noun.request, "ask")
        with unit_of_work():
            lot, _requests = own_lot(lot_id)
            seal(lot or abort(404), by=current_user._get_current_object())
        flash(_("Sent: the town hall can now decide."), "success")
        return back_or("RequestsView.lot", lot_id=lot_id)

    @expose("/demandes/lot/<int:lot_id>/retirer", methods=["POST"])
    @writes(REQUESTS)
    def take_back(self, lot_id):
        self.enter(Noun.request, "ask")
        with unit_of_work():
            lot, requests = own_lot(lot_id)
            done = take_back(chosen(requests if lot else abort(404)), by=current_user._get_current_object())
        flash_taken_back(*done)
        return back_or("RequestsView.lot", lot_id=lot_id)

    @expose("/demandes/<int:request_id>/retirer", methods=["POST"])
    @writes(REQUESTS)
    def withdraw(self, request_id):
        self.enter(Noun.request, "ask")
        with unit_of_work():
            found = own_request(request_id) or abort(404)
            require(KINDS[found.kind].noun, "ask")
            withdraw(found, by=current_user._get_current_object())
        flash(_("Your request was taken back. Your file stays as it is."), "success")
        return back_or("RequestsView.requests")


def _read(found):
    """What the list shows, once it is noted."""
    _note_health([found["told"]] if found["told"] else [])
    return found


def _note_health(told):
    """Note whose health data somebody of the town, who acts for the family, reads in requests."""
    if standing().by_clerk:
        for child_id in sorted({one.request.child_id for one in told if one.kind.noun is Noun.health and one.request.child_id}):
            note_health_read(child_id, by=current_user, screen="portal")


@dataclass
class Place:
    """A tab, a filter or a neighbour: a link with its name and its count."""

    title: object
    url: str
    current: bool = False
    count: int = 0
    request: object = None


class Walk:
    """Where somebody stands in the list: the tab, the shelf, the request, and the ways on."""

    def __init__(self, found, counts):
        self.tabs, self.counts = found, counts
        shelf, tab = request.args.get("filter"), request.args.get("tab")
        self.shelf = shelf if shelf in SHELVES else WAITING
        self.tab = next((known for known in found if known.value == tab), None) or self._first_tab()
        self.total = self._count(self.tab, self.shelf)
        self.number = min(max(request.args.get("n", 1, type=int), 1), max(self.total, 1))

    def _first_tab(self):
        """The first one that has something on this shelf."""
        return next((tab for tab in self.tabs if self._count(tab, self.shelf)), next(iter(self.tabs), None))

    def _count(self, tab, shelf):
        return sum(self.counts.get((kind.name, shelf), 0) for kind in self.tabs.get(tab, ()))

    def url(self, tab=None, shelf=None, number=None):
        return url_for("RequestsView.requests", tab=(tab or self.tab).value, filter=shelf or self.shelf, n=number)

    def context(self):
        """What the page shows."""
        start = (self.number - 1) // NEAR * NEAR
        near = with_subjects(requests_on(self.shelf, self.tabs.get(self.tab, ()), start, NEAR)) if self.total else []
        links = [
            Place(self._near(row, subject), self.url(number=start + rank), start + rank == self.number, request=row)
            for rank, (row, subject) in enumerate(near, 1)
        ]
        opened = near[self.number - 1 - start] if len(near) >= self.number - start else None
        return {
            "groups": self._groups(),
            "shelves": self._shelves(),
            "tab": self.tab,
            "shelf": self.shelf,
            "total": self.total,
            "number": self.number,
            "near": links,
            "told": Told(*opened) if opened else None,
            "previous": self.url(number=self.number - 1) if self.number > 1 else None,
            "next": self.url(number=self.number + 1) if self.number < self.total else None,
            "days": queries.FRESH.days,
        }

    def _near(self, row, subject):
        """Under a tab of single days they differ by what they are about alone."""
        return subject if subject and self.tab.of_days else Told(row, subject).heading

    def _groups(self):
        titles = {"account": _("My account"), "children": _("My children")}
        return [
            (
                title,
                [
                    Place(tab.label, self.url(tab=tab), tab is self.tab, self._count(tab, self.shelf))
                    for tab in self.tabs
                    if tab.group == group
                ],
            )
            for group, title in titles.items()
        ]

    def _shelves(self):
        return [Place(title, self.url(shelf=shelf), shelf == self.shelf, self._count(self.tab, shelf)) for shelf, title in SHELVES.items()]


def with_subjects(requests):
    """[(request, whom it is about)], in one query a model, whatever their number."""
    about_children = [row for row in requests if KINDS[row.kind].tab.group == "children" and row.target_id is not None]
    targets = {}
    for model in {KINDS[row.kind].model for row in about_children}:
        ids = {row.target_id for row in about_children if KINDS[row.kind].model is model}
        targets.update({(model, found.id): found for found in db.session.scalars(db.select(model).where(model.id.in_(ids)))})
    return [(row, _subject(row, targets)) for row in requests]


def _subject(request, targets):
    kind = KINDS[request.kind]
    if kind.tab.group == "account":
        return ""
    return kind.about(request, targets.get((kind.model, request.target_id)))

"""What became of a request? Every one, waiting or decided, found by its receipt's number, the family or the child; read only."""

from flask import url_for
from sqlalchemy import or_, select
from sqlalchemy.orm import defer, joinedload

from app.changes.kinds import KINDS
from app.changes.models import Act, ChangeLot, ChangeRequest, Channel, Preregistration, RequestState
from app.changes.queries import kinds_for
from app.children.models import Child
from app.core import clock, search
from app.core.i18n import _l, _lp
from app.extensions import db
from app.families.models import Family
from app.security.scope import staff_role
from app.security.who_sees_what import Noun
from app.staff.choices import child_matches
from app.staff.parts import Facet
from app.staff.queue_rows import age_of
from app.staff.views import StaffView

#: Since when somebody waits: the family for the town, or the town for the family.
WAITS_SINCE = {RequestState.pending: "asked_at", RequestState.deciding: "asked_at", RequestState.sent_back: "decided_at"}


def sent_back_url():
    """The requests that wait for their family, those that wait longest first."""
    return url_for("AllRequestsView.list", state="sent_back", _oc_AllRequestsView="decided_at", _od_AllRequestsView="asc")


def _kinds():
    return kinds_for(staff_role())


class AllRequestsView(StaffView):
    """Every request of the kinds that the role decides: what was asked is read on the lot's page, and is in no export."""

    noun, model, route_base = Noun.request, ChangeRequest, "/mairie/toutes-les-demandes"
    route_methods = ("list", "export")
    list_title = _l("All requests")
    labels = {
        "number": _l("Lot"),
        "family": _l("Family"),
        "child": _l("Child"),
        "section": _l("Section"),
        "state": _l("State"),
        "waits": _l("Waits for"),
        "asked_at": _lp("request", "Received on"),
        "channel": _l("Came by"),
        "decided_at": _lp("request", "Decided on"),
        "decided_by": _l("By"),
    }
    list_columns = ["number", "family", "child", "section", "state", "waits", "asked_at", "channel", "decided_at", "decided_by"]
    search_columns = ["asked_at", "decided_at", "decided_by"]
    search_hint = _l("Family, child, number")
    facets = (
        Facet(
            "state",
            _l("State"),
            lambda: [(state.name, state.label) for state in RequestState],
            lambda value: ChangeRequest.state == RequestState[value] if value in RequestState.__members__ else None,
        ),
        Facet(
            "section",
            _l("Section"),
            lambda: [(kind.name, kind.title) for kind in _kinds()],
            lambda value: ChangeRequest.kind == value if value else None,
            blank=_l("All sections"),
        ),
        Facet(
            "channel",
            _l("Came by"),
            lambda: [(channel.name, channel.label) for channel in Channel],
            lambda value: ChangeRequest.lot.has(channel=Channel[value]) if value in Channel.__members__ else None,
        ),
    )
    loads = (
        *(defer(column) for column in (ChangeRequest.changes, ChangeRequest.comment, ChangeRequest.findings, ChangeRequest.reason)),
        joinedload(ChangeRequest.lot).joinedload(ChangeLot.preregistration).load_only(Preregistration.name),
    )
    sorts = {"number": [ChangeRequest.lot_id], "asked_at": [ChangeRequest.asked_at], "decided_at": [ChangeRequest.decided_at]}
    first_sort = (ChangeRequest.asked_at.desc(), ChangeRequest.id.desc())

    @staticmethod
    def matches(word):
        lots = select(ChangeLot.id).outerjoin(ChangeLot.preregistration)
        named = or_(*(search.contains(column, word) for column in (ChangeLot.number, Preregistration.name)))
        families = select(Family.id).where(search.contains(Family.name, word) | search.contains(Family.code, word))
        children = select(Child.id).where(child_matches(word))
        return or_(
            ChangeRequest.lot_id.in_(lots.where(named)),
            ChangeRequest.family_id.in_(families),
            ChangeRequest.child_id.in_(children),
        )

    def query(self):
        return super().query().filter(ChangeRequest.kind.in_([kind.name for kind in _kinds()]))

    def decorate(self, rows):
        self._name(rows, Family, "family")
        self._name(rows, Child, "child")

    @staticmethod
    def _name(rows, model, name):
        numbers = {number for row in rows if (number := getattr(row, f"{name}_id"))}
        found = dict(db.session.execute(select(model.id, model).where(model.id.in_(numbers))).all()) if numbers else {}
        for row in rows:
            setattr(row, name, found.get(getattr(row, f"{name}_id")))

    def row_url(self, row):
        return url_for("QueueView.lot", lot_id=row.lot_id)

    def cell_number(self, row):
        return row.lot.number

    def cell_family(self, row):
        return row.family.name if row.family is not None else row.lot.preregistration.name

    def cell_section(self, row):
        kind = KINDS[row.kind]
        return str(kind.title) if row.act is Act.edit or len(kind.acts) == 1 else f"{kind.title} ({row.act.label})"

    def cell_asked_at(self, row):
        return clock.local(row.asked_at).date()

    def cell_decided_at(self, row):
        return clock.local(row.decided_at).date() if row.decided_at else None

    def cell_waits(self, row):
        return age_of(getattr(row, WAITS_SINCE[row.state])) if row.state in WAITS_SINCE else None

    def cell_channel(self, row):
        return row.lot.channel

"""What does a clerk see of one lot? Each request with before, after and the file as it is now; the family around it."""

from dataclasses import dataclass, field

from flask import abort
from sqlalchemy import inspect, select
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.attributes import set_committed_value

from app.audit.operations import note_health_read
from app.changes.kinds import KINDS, Finding
from app.changes.models import Act, ChangeLot, ChangeRequest, Lane, RequestState
from app.changes.notices import implied_decision, reader_of_lot
from app.changes.queries import lookers, note_presence, requests_around
from app.children.alike import alike
from app.children.models import Child, Household
from app.children.preregistration_request import asked_of
from app.core import clock
from app.core.encryption import seal
from app.core.i18n import _
from app.documents.models import StoredFile
from app.extensions import db
from app.families.models import Family
from app.security.models import Account, FamilyLink, LoginAddress
from app.security.queries import CONFIRMED, LINK, reader_among
from app.security.who_sees_what import Noun


@dataclass
class Line:
    """One field: what the family saw, what it asks, what the file says now."""

    name: str
    label: str
    before: str
    after: str
    now: str = ""
    conflict: bool = False
    files: tuple = (None, None, None)
    #: Left out of a request of which a part was accepted.
    left_out: bool = False


@dataclass
class Shown:
    """One request of the lot on the screen. `token` carries, sealed, what the clerk saw: the decision posts it."""

    request: ChangeRequest
    kind: object
    about: str
    lines: list = field(default_factory=list)
    findings: list = field(default_factory=list)
    files: list = field(default_factory=list)
    token: str = ""
    gone: bool = False
    problem: str = ""
    #: The child's name.
    who: str = ""
    #: [(title, [(label, text)])] in the place of lines, where a table of fields does not hold it.
    parts: list = field(default_factory=list)
    #: The form of a decision that was refused: what the clerk had ticked and written is shown again.
    typed: object = None
    #: The lot of what took its place, if another.
    later: object = None

    @property
    def conflict(self):
        return any(line.conflict for line in self.lines)

    @property
    def partial(self):
        """Whether a part of it can be accepted."""
        return self.request.act is Act.edit and len(self.lines) > 1

    @property
    def waits(self):
        return self.request.state is RequestState.pending

    @property
    def line(self):
        """Which day it waits for a place on: what the address of the waiting list names."""
        return {name: self.request.changes[name]["after"] for name in ("unit_id", "day")}

    def ticks(self, name):
        """Whether the box of a field is ticked: all are, unless the clerk had chosen."""
        offered = self.typed is not None and f"parts-{self.request.id}" in self.typed
        return not offered or name in self.typed.getlist(f"part-{self.request.id}")

    def wrote(self, name):
        """What the clerk had written, or ticked, beside the fields."""
        return self.typed.get(f"{name}-{self.request.id}", "") if self.typed is not None else ""


@dataclass
class LotPage:
    """All that the detail shows."""

    lot: object
    #: None while the town does not know it.
    family: Family | None
    children: list
    shown: list
    others: list
    decided: list
    lookers: list
    implied_on: object
    #: Whom the mails about it go to, a Reader; None where somebody of the town has to tell.
    reader: object
    #: Families of the town that a new one may be.
    alike: list = field(default_factory=list)

    @property
    def name(self):
        """Whose lot it is."""
        return self.family.name if self.family is not None else self.lot.preregistration.name

    @property
    def address(self):
        """Where a family that the town does not know is reached; "" where nowhere."""
        return self.reader.email if self.reader is not None else ""

    @property
    def waiting(self):
        return [one for one in self.shown if one.waits]

    @property
    def cards(self):
        """What is shown one by one."""
        return [one for one in self.shown if one not in self.rows]

    @property
    def rows(self):
        """What is decided in one table: requests of a kind that gathers, child by child, in the order of what they ask."""
        found = [one for one in self.shown if one.kind.gathers]
        return (
            sorted(found, key=lambda one: (one.who, [str(pair["after"]) for pair in one.request.changes.values()]))
            if len(found) > 1
            else []
        )

    @property
    def asked_at(self):
        return min(one.request.asked_at for one in (self.waiting or self.shown))

    @property
    def stamp(self):
        """Changes when anything of the lot has been decided or taken back."""
        return stamp_of([one.request for one in self.shown])


def stamp_of(requests):
    """A short text that changes with the state of any of these requests."""
    return "-".join(f"{request.id}.{request.version}" for request in sorted(requests, key=lambda one: one.id))


def lot_page(lot_id, kinds, me, *, noting=True):
    """The LotPage of a lot; 404 where nothing of it is of the kinds that the role decides. Notes who looks, and at whose health.

    `noting` is false for pages that show no value of it.
    """
    around = requests_around(lot_id, kinds)
    whole = sorted((request for request in around if request.lot_id == lot_id), key=lambda one: one.id)
    if not whole:
        abort(404)
    #: What was replaced is shown where it is all that is left of a receipt.
    requests = [request for request in whole if request.state is not RequestState.superseded] or whole
    lot, kinds_here = requests[0].lot, [KINDS[request.kind] for request in requests]
    #: Read already: the receipt's date asks for them.
    set_committed_value(lot, "requests", whole)
    family, links = _family(requests[0].family_id, kinds_here) if requests[0].family_id else (None, [])
    living = [row.child for row in family.households if row.ended_on is None] if family is not None else []
    children = sorted(living, key=lambda child: child.birth_date)
    shown = [_shown(request, family, children) for request in requests]
    _name_files(shown)
    _name_later_lots(shown)
    if noting:
        _note(lot_id, shown, me)
    rest = [request for request in around if request.lot_id != lot_id]
    return LotPage(
        lot=lot,
        family=family,
        children=children,
        shown=shown,
        lookers=lookers(lot, me),
        implied_on=implied_decision(lot),
        reader=_reader(lot, family, links),
        alike=alike(asked_of(requests[-1])) if family is None and requests[-1].open else [],
        others=[request for request in rest if request.open],
        decided=[request for request in rest if request.decided_at is not None and not request.open][:4],
    )


def _reader(lot, family, links):
    if lot.preregistration is not None:
        return reader_of_lot(lot)
    return reader_among(lot.account_id, links, {adult.id: adult.email for adult in family.adults})


def _family(family_id, kinds):
    """The family with its adults, its children and the sections that these kinds are about, and its links; in one query."""
    child = joinedload(Family.households).joinedload(Household.child)
    loads = [joinedload(Family.adults), child]
    for kind in {kind.name: kind for kind in kinds if kind.model in (Family, Child)}.values():
        for relation in inspect(kind.model).relationships:
            if relation.mapper.class_ is kind.section_model() and not relation.uselist:
                section = getattr(kind.model, relation.key)
                loads.append(joinedload(section) if kind.model is Family else child.joinedload(section))
    query = (
        select(Family, *LINK)
        .outerjoin(FamilyLink, (FamilyLink.family_id == Family.id) & FamilyLink.ended_at.is_(None))
        .outerjoin(Account, Account.id == FamilyLink.account_id)
        .outerjoin(LoginAddress, CONFIRMED)
        .where(Family.id == family_id)
        .order_by(FamilyLink.id)
    )
    rows = db.session.execute(query.options(*loads)).unique().all()
    return rows[0].Family, [row for row in rows if row.account_id is not None]


def _target(request, kind, family, children):
    if request.act is Act.add:
        return None
    if kind.model is Family:
        return family
    if kind.model is Child:
        return next((child for child in children if child.id == request.target_id), None)
    return kind.find(request.target_id, request.family_id)


def _shown(request, family, children):
    kind = KINDS[request.kind]
    target = _target(request, kind, family, children)
    who = next((str(child) for child in children if child.id == request.child_id), "")
    shown = Shown(request, kind, kind.about(request, target) or who, who=who, findings=[Finding(**finding) for finding in request.findings])
    shown.gone = target is None and request.act is not Act.add
    waits = request.state is RequestState.pending
    current = kind.read(target) if request.act is Act.edit and target is not None and waits else None
    shown.parts = kind.parts(request)
    # Proofs are shown as the request's files.
    fields = [name for name in request.changes if name not in kind.form.proofs]
    for name in sorted(fields, key=_order(kind)) if not shown.parts else ():
        shown.lines.append(_line(kind, name, request.changes[name], current))
    if request.accepted_fields is not None:
        for line in shown.lines:
            line.left_out = line.name not in request.accepted_fields
    seen = {name: current.get(name) for name in request.changes} if current is not None else None
    if waits:
        queued = request.lane is Lane.queued
        token = {"request": request.id, "version": request.version, "seen": seen, "fields": fields, "queued": queued}
        shown.token = seal(token)
    return shown


def _order(kind):
    places = {name: place for place, name in enumerate(kind.fields)}
    return lambda name: places.get(name, len(places))


def _line(kind, name, pair, current):
    now = pair["before"] if current is None else current.get(name)
    conflict = current is not None and not kind.same(name, now, pair["before"])
    label, values = str(kind.label(name)), (pair["before"], pair["after"], now)
    if kind.is_file(name):
        return Line(name, label, "", "", conflict=conflict, files=values)
    before, after, now = (kind.reveal(name, value) for value in values)
    return Line(name, label, before, after, now, conflict)


def _name_files(shown):
    """Put the StoredFiles in the place of their ids, all with one query."""
    ids = {file for one in shown for line in one.lines for file in line.files if file} | {
        file for one in shown for file in one.request.files
    }
    rows = {row.id: row for row in db.session.scalars(select(StoredFile).where(StoredFile.id.in_(ids)))} if ids else {}
    for one in shown:
        for line in one.lines:
            line.files = tuple(rows.get(file) for file in line.files)
        one.files = [rows[file] for file in one.request.files if file in rows]


def _name_later_lots(shown):
    """Say where what took the place of replaced requests is found."""
    replaced = [one for one in shown if one.request.superseded_by_id]
    if replaced:
        ids = {one.request.superseded_by_id for one in replaced}
        query = select(ChangeRequest.id, ChangeLot).join(ChangeRequest.lot).where(ChangeRequest.id.in_(ids))
        lots = dict(db.session.execute(query.where(ChangeLot.id != replaced[0].request.lot_id)).all())
        for one in replaced:
            one.later = lots.get(one.request.superseded_by_id)


def _note(lot_id, shown, me):
    note_presence(lot_id, me)
    for child_id in sorted({one.request.child_id for one in shown if one.kind.noun is Noun.health and one.request.child_id}):
        note_health_read(child_id, by=me, screen="queue")


def looking_sentence(presences):
    """ "Also seen by Nadia, 1 min ago."; "" where nobody looks."""
    if not presences:
        return ""
    names = ", ".join(str(row.account) for row in presences)
    minutes = int((clock.now() - presences[0].seen_at).total_seconds() // 60)
    return (
        _("Also seen by %(names)s, %(minutes)d min ago.", names=names, minutes=minutes)
        if minutes
        else _("Also seen by %(names)s, just now.", names=names)
    )

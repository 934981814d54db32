"""How does a tap become a request? One request a day of a child, by a key of its own, so that the same tap twice is one request."""

from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from itertools import groupby
from uuid import uuid4

from sqlalchemy import select

from app.activities.models import PlaceAsked, Rank, Wish
from app.activities.places import lock_lot
from app.changes.kinds import KINDS, Proposal
from app.changes.models import Act, ChangeRequest, RequestState
from app.changes.operations import submit_all, withdraw
from app.core.errors import DomainError, NotFound
from app.core.forms import row_id
from app.core.i18n import _
from app.extensions import db

#: More days at once are no taps.
MOST = 400
KIND = "booking"


@dataclass(frozen=True)
class Spot:
    """A child, a unit and a day; unit 0 stands for the whole day."""

    child_id: int
    unit_id: int
    day: date

    @classmethod
    def read(cls, text):
        """The Spot that an address names, "3.5.2026-11-26"; ValueError for anything else."""
        child, unit, day = str(text).split(".")
        return cls(row_id(child), 0 if unit == "0" else row_id(unit), date.fromisoformat(day))

    def __str__(self):
        return f"{self.child_id}.{self.unit_id}.{self.day.isoformat()}"


@dataclass(frozen=True)
class Tap:
    """What somebody tapped: a day is asked for, or a request is taken back (that one, or whichever is open)."""

    spot: Spot
    act: str
    key: str
    request_id: int | None = None
    comment: str = ""


@dataclass
class Said:
    """What became of a tap."""

    tap: Tap
    ok: bool
    sentence: str = ""
    request_id: int | None = None
    lot_id: int | None = None


def new_key():
    """The key of a page's form."""
    return uuid4().hex


def taps_of(posted):
    """The Taps of a script's post: {"taps": [{"key", "spot", "act", "request"}]}; ValueError where it makes no sense."""
    taps = posted.get("taps") if isinstance(posted, dict) else None
    if not isinstance(taps, list) or not 0 < len(taps) <= MOST or not all(isinstance(tap, dict) for tap in taps):
        raise ValueError(_("Nothing was asked."))
    found = []
    for tap in taps:
        if tap.get("act") not in ("book", "withdraw") or not isinstance(tap.get("key"), str) or not 8 <= len(tap["key"]) <= 64:
            raise ValueError("tap")
        request = row_id(tap["request"]) if tap.get("request") else None
        found.append(Tap(Spot.read(tap.get("spot")), tap["act"], tap["key"], request))
    return found


def taps_of_form(form):
    """The Taps of a page without a script: one button, or boxes that were ticked or cleared.

    `was` says of each day that waited which request it was: sent again later, an old page takes back no newer one.
    """
    key, found, comment = form.get("key", "")[:64] or new_key(), [], form.get("comment", "").strip()[:500]
    was = dict(_named_spot(text) for text in form.getlist("was"))
    for act in ("book", "withdraw"):
        found += [Tap(Spot.read(text), act, key, was.get(text), comment) for text in form.getlist(act)]
    if not found:
        want = form.getlist("want")
        found += [Tap(Spot.read(text), "book", key) for text in want if text not in was]
        found += [Tap(Spot.read(text), "withdraw", key, request) for text, request in was.items() if text not in want]
    if len(found) > MOST:
        raise ValueError("taps")
    return found


def _named_spot(text):
    """("3.5.2026-11-26", the request's id) of "3.5.2026-11-26:17"."""
    spot, _colon, request = text.partition(":")
    return spot, row_id(request)


def carry_out(taps, *, standing, by):
    """Ask and take back, in this order, within the open unit of work; one that a rule forbids leaves the others alone. Returns [Said]."""
    lock_lot(standing.family_id, {tap.spot.unit_id for tap in taps})
    acts = {"book": _book, "withdraw": lambda run, *who: [_withdraw(tap, *who) for tap in run]}
    return [said for act, run in groupby(taps, lambda tap: tap.act) for said in _together(acts[act], list(run), standing, by)]


def _together(act, taps, standing, by):
    """All at once, which is quick; where a rule forbids one, the halves: in the end it stands alone."""
    try:
        with db.session.begin_nested():
            return act(taps, standing, by)
    except DomainError as problem:
        if len(taps) == 1:
            return [Said(taps[0], False, str(problem))]
    middle = len(taps) // 2
    return [*_together(act, taps[:middle], standing, by), *_together(act, taps[middle:], standing, by)]


def _book(taps, standing, by):
    requests = submit_all(KINDS[KIND], [_proposal(tap, standing.family_id) for tap in taps], standing=standing, by=by)
    if any(request.state is RequestState.withdrawn for request in requests):
        raise DomainError(_("You have taken this request back meanwhile."))
    return [Said(tap, True, "", request.id, request.lot_id) for tap, request in zip(taps, requests, strict=True)]


def _proposal(tap, family_id):
    after = {"unit_id": tap.spot.unit_id, "day": tap.spot.day.isoformat()}
    return Proposal(act=Act.add, child_id=tap.spot.child_id, after=after, comment=tap.comment, key=_key(tap, family_id))


def _key(tap, family_id):
    """A tap's key as the database keeps it: nobody can name another family's."""
    return sha256(f"{family_id} {tap.key} {tap.spot}".encode()).hexdigest()[:40]


def _withdraw(tap, standing, by):
    request = _named(tap, standing.family_id) if tap.request_id else _open(tap.spot, standing.family_id)
    if request is None:
        raise NotFound(_("There is no request of yours for this day."))
    if request.state in (RequestState.pending, RequestState.sent_back):
        withdraw(request, by=by)
    elif request.state is not RequestState.withdrawn:
        raise DomainError(_("The town hall has decided meanwhile."))
    return Said(tap, True, "", request.id, request.lot_id)


def _named(tap, family_id):
    mine = select(ChangeRequest).filter_by(id=tap.request_id, family_id=family_id, child_id=tap.spot.child_id, kind=KIND)
    return db.session.scalar(mine)


def _open(spot, family_id):
    """The open request for a place on this day, whoever of the family made it."""
    here = (PlaceAsked.child_id == spot.child_id) & (PlaceAsked.unit_id == spot.unit_id) & (PlaceAsked.day == spot.day)
    mine = (PlaceAsked.family_id == family_id) & (PlaceAsked.wish == Wish.book) & (PlaceAsked.rank != Rank.closed)
    query = select(ChangeRequest).join(PlaceAsked, PlaceAsked.request_id == ChangeRequest.id).where(here & mine)
    return db.session.scalar(query.where(ChangeRequest.kind == KIND))

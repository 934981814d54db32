"""How does a family take back what it has just asked, however much that is? Those of a lot that still wait, in one act."""

from flask import flash, request, url_for
from sqlalchemy import select

from app.activities.models import PlaceAsked, Rank
from app.activities.places import lock_lot
from app.changes.kinds import KINDS
from app.changes.models import RequestState
from app.changes.operations import withdraw
from app.core.errors import Stale
from app.core.i18n import _, _n
from app.extensions import db
from app.security.scope import may, standing

#: States in which a request waits and is in nobody's hands.
WAITING = (RequestState.pending, RequestState.sent_back)


def withdrawable(requests):
    """Those of a family's requests that the person may still take back."""
    return [row for row in requests if row.state in WAITING and may(KINDS[row.kind].noun, "ask")]


def chosen(requests):
    """Those of a lot that the form names, one by one or from one to another; all of them where it names none."""
    ids = set(request.form.getlist("request", type=int))
    first, last = request.form.get("first", 0, type=int), request.form.get("last", type=int)
    return [row for row in requests if (not ids or row.id in ids) and first <= row.id and (last is None or row.id <= last)]


def take_back(requests, *, by):
    """Withdraw what still waits, within the open unit of work; returns (how many, how many the town hall is deciding already)."""
    waiting, late = withdrawable(requests), sum(row.state is RequestState.deciding for row in requests)
    asked = select(PlaceAsked.unit_id).where(PlaceAsked.request_id.in_([row.id for row in waiting]), PlaceAsked.rank != Rank.closed)
    lock_lot(standing().family_id, db.session.scalars(asked.distinct()).all())
    done = 0
    for row in waiting:
        try:
            withdraw(row, by=by)
            done += 1
        except Stale:
            late += 1
    return done, late


def flash_taken_back(done, late=0):
    """Say how many were taken back, and how many could not be."""
    if done:
        flash(_n("%(num)s request taken back.", "%(num)s requests taken back.", done), "success")
    if late:
        flash(_n("%(num)s request stays: the town hall is deciding.", "%(num)s requests stay: the town hall is deciding.", late), "danger")
    if not done and not late:
        flash(_("Nothing is left to take back."), "info")


def flash_sent(said):
    """Say how many requests went out with one act, with the button that takes exactly these back."""
    many, ids = len(said), [one.request_id for one in said]
    # The family was locked meanwhile: nothing else of it lies between the first and the last.
    undo = {
        "url": url_for("RequestsView.take_back", lot_id=said[0].lot_id),
        "label": _("Take it back") if many == 1 else _("Take all back (%(num)s)", num=many),
        "confirm": are_you_sure(many),
        "fields": {"first": min(ids), "last": max(ids)},
    }
    text = _n("%(num)s request sent to the town hall.", "%(num)s requests sent to the town hall.", many)
    flash({"text": text, "undo": undo}, "success")


def are_you_sure(many):
    """What is asked before so many requests are taken back."""
    return _n("Take %(num)s request back? Your file stays as it is.", "Take %(num)s requests back? Your file stays as it is.", many)

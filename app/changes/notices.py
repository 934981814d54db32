"""What does the family hear? A receipt a lot, one mail for what was decided, with the reasons in it."""

from datetime import timedelta

from flask import current_app
from sqlalchemy import exists, func, select
from sqlalchemy.exc import OperationalError

from app.changes.kinds import KINDS
from app.changes.models import Act, ChangeLot, ChangeRequest, RequestState
from app.changes.preregistration import token_of
from app.core import clock, settings
from app.core.db import unit_of_work
from app.core.i18n import _
from app.extensions import db
from app.mail.operations import queue_mail
from app.security.queries import Reader, reader_of, readers_of

TELLING = (RequestState.accepted, RequestState.partly_accepted, RequestState.refused, RequestState.sent_back)


def send_receipts(limit=100):
    """Queue the receipt of every sealed lot that has none; returns how many lots were looked at (art. L112-11 CRPA)."""
    query = select(ChangeLot).where(ChangeLot.seals_at <= clock.now(), ChangeLot.receipt_at.is_(None)).order_by(ChangeLot.id).limit(limit)
    with unit_of_work():
        lots = db.session.scalars(query.with_for_update(skip_locked=True)).all()
        return _each(lots, _give_receipt)


def _give_receipt(lot):
    lot.receipt_at = clock.now()
    requests = [request for request in lot.requests if request.state not in (RequestState.withdrawn, RequestState.superseded)]
    about = {"received_on": received_on(lot), "implied_on": implied_decision(lot), "silence_accepts": settings.get("silence_accepts")}
    if requests and lot.preregistration is not None:
        _tell_newcomer(lot, "preregistration_receipt", **about)
    elif requests:
        _tell(lot, "receipt", requests=requests, **about)


def _each(lots, act):
    """Do it for every lot; one that cannot be told of is logged and holds up nobody else. Returns for how many it was done."""
    done = 0
    for lot in lots:
        number = lot.number
        try:
            with db.session.begin_nested():
                act(lot)
            done += 1
        except OperationalError:
            raise
        except Exception:
            current_app.logger.exception("the family of lot %s could not be told", number)
    return done


def received_on(lot):
    """The local date on which the town received a lot: of the letter, for what came on paper."""
    dates = [request.received_on for request in lot.requests if request.received_on is not None]
    return min(dates, default=clock.local(lot.opened_at).date())


def implied_decision(lot):
    """The local date on which silence becomes a decision, counted in months from the receipt (art. L231-1 and L231-4 CRPA)."""
    begun = received_on(lot)
    months = begun.month - 1 + settings.get("implied_months")
    year, month = begun.year + months // 12, months % 12 + 1
    for day in (begun.day, 30, 29, 28):
        try:
            return begun.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    raise AssertionError(begun)


def tell_decisions(limit=100):
    """Queue one mail a lot for what was decided: when nothing of it waits any more, or an hour after the first decision."""
    untold = (ChangeRequest.state.in_(TELLING)) & ChangeRequest.notified_at.is_(None)
    waits = exists().where(ChangeRequest.lot_id == ChangeLot.id, ChangeRequest.state.in_((RequestState.pending, RequestState.deciding)))
    patience = clock.now() - timedelta(minutes=settings.get("notice_minutes"))
    first = select(func.min(ChangeRequest.decided_at)).where(ChangeRequest.lot_id == ChangeLot.id, untold).scalar_subquery()
    query = select(ChangeLot).where(exists().where(ChangeRequest.lot_id == ChangeLot.id, untold), ~waits | (first < patience))
    with unit_of_work():
        lots = db.session.scalars(query.order_by(ChangeLot.id).limit(limit).with_for_update(skip_locked=True)).all()
        return _each(lots, _tell_what_was_decided)


def _tell_what_was_decided(lot):
    told = [request for request in lot.requests if request.state in TELLING and request.notified_at is None]
    for request in told:
        request.notified_at = clock.now()
    if lot.preregistration is None:
        _tell(lot, "decided", requests=told)
    elif told[-1].state in (RequestState.refused, RequestState.sent_back):
        back = told[-1].state is RequestState.sent_back
        _tell_newcomer(lot, "preregistration_sent_back" if back else "preregistration_refused", reason=told[-1].reason)


def _tell_newcomer(lot, template, **context):
    """One mail to the confirmed address of who is not known yet. What accepts it goes with its code, when it takes effect."""
    reader = reader_of_lot(lot)
    if reader is not None:
        token = token_of(lot.preregistration, reader.email)
        queue_mail(reader.email, template, locale=reader.locale, lot=lot, token=token, **context)


def reader_of_lot(lot):
    """The Reader whom a lot's mails go to; None where there is nobody to write to."""
    if lot.preregistration is None:
        return reader_of(lot.account_id, lot.family_id)
    # The address that came with the request: only a confirmed one is sent. What is typed since may be somebody else's.
    last = max(lot.requests, key=lambda request: request.id)
    address = last.changes["guardian"]["after"].get("email")
    return Reader(address, lot.preregistration.locale, None) if address else None


def lines_of(requests):
    """[(what was asked, requests)] in the reader's language: those that read better together, in one line for each answer to them."""
    found, together, rank = [], {}, {request: place for place, request in enumerate(requests)}
    for request in requests:
        kind = KINDS.get(request.kind)
        if kind is not None and kind.gathers:
            together.setdefault((kind.name, request.state, request.reason), []).append(request)
        else:
            found.append((_title(kind, request), [request]))
    for (name, _state, _reason), same in together.items():
        found += KINDS[name].gathered(same)
    return sorted(found, key=lambda line: rank[line[1][0]])


def _title(kind, request):
    """ "Guardian information", "Absence: Léa, Monday 23 November"; for a kind that is gone, its bare name."""
    if kind is None:
        return request.kind
    about = kind.about(request, None) if kind.tab.group == "children" and request.act is Act.add else ""
    title = str(kind.title) if request.act is Act.edit or about else f"{kind.title} ({request.act.label})"
    return _("%(section)s: %(name)s", section=title, name=about) if about else title


def _tell(lot, template, **context):
    """One mail to the person who asked; for what a clerk entered, to the guardian. Nobody to write to: none; the queue shows it."""
    reader = reader_of_lot(lot)
    if reader is None:
        return
    queue_mail(
        reader.email,
        template,
        locale=reader.locale,
        family_id=lot.family_id,
        account_id=reader.account_id,
        lot=lot,
        kinds=KINDS,
        states=RequestState,
        lines_of=lines_of,
        signs_in=reader.account_id is not None,
        **context,
    )


def unreachable(lots):
    """The ids of those lots that nobody gets a mail for: a clerk tells them in another way. One query, however many lots."""
    known = [lot for lot in lots if lot.preregistration_id is None]
    readers = readers_of((lot.account_id, lot.family_id) for lot in known)
    return {lot.id for lot in known if readers[lot.account_id, lot.family_id] is None}

"""What do the families' pages read, in a constant number of queries?"""

from datetime import timedelta
from functools import cache

from flask import g
from flask_login import current_user
from sqlalchemy import Boolean, bindparam, case, func, literal, select, union_all
from sqlalchemy.orm import defer, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from app.activities.changes.words import know_children
from app.audit.models import HealthRead
from app.billing.queries import account_in, with_account
from app.changes.kinds import KINDS
from app.changes.models import OPEN, ChangeLot, ChangeRequest, Channel, RequestState
from app.children.models import Authorisation, Child, HealthRecord, PickUpPerson
from app.children.queries import SCHOOLS
from app.core import clock
from app.extensions import db
from app.families.models import Family
from app.mail.models import OutgoingMail
from app.security.scope import may, standing
from app.security.who_sees_what import Noun

#: How long an answer stays beside the values and in the list, before it is archived.
FRESH = timedelta(days=30)
#: So many answers about single days stand beside the others: the agenda shows all of them.
NEWEST = 3


def readable_kinds():
    """Names of the kinds whose requests the person may read."""
    return [kind.name for kind in KINDS.values() if may(kind.noun, "read")] if may_read_requests() else []


def may_read_requests():
    """Whether the person may read requests at all."""
    return may(Noun.request, "read")


def fresh_since():
    """The instant from which an answer is fresh."""
    return clock.now() - FRESH


def recent_requests():
    """The family's requests that wait, or were answered within FRESH, newest first; read once a request.

    Of those about single days, only what was sent back and the NEWEST answers.
    """
    if "recent_requests" not in g:
        kinds = readable_kinds()
        values = {"family": standing().family_id, "since": fresh_since(), "kinds": kinds, "of_days": _of_days(kinds)}
        g.recent_requests = db.session.scalars(_recent_requests(), values).all()
    return g.recent_requests


def _of_days(kinds):
    return [name for name in kinds if KINDS[name].tab.of_days]


# What every page asks is put together once: SQLAlchemy takes as long to recognise a new statement as to run it.


@cache
def _recent_requests():
    family, state = ChangeRequest.family_id == bindparam("family"), ChangeRequest.state
    of_days = ChangeRequest.kind.in_(bindparam("of_days", expanding=True))
    answered = state.in_((RequestState.accepted, RequestState.partly_accepted, RequestState.refused))
    ids, fresh = select(ChangeRequest.id).where(family), answered & (ChangeRequest.decided_at >= bindparam("since"))
    newest = ids.where(of_days, fresh).order_by(ChangeRequest.id.desc()).limit(NEWEST).subquery()
    # Each part by its index: a family's history is long.
    waiting = ids.where(state.in_(OPEN), (state == RequestState.sent_back) | ~of_days)
    shown = union_all(waiting, ids.where(fresh, ~of_days), select(newest.c.id))
    query = select(ChangeRequest).where(ChangeRequest.id.in_(shown), ChangeRequest.kind.in_(bindparam("kinds", expanding=True)))
    # What the clerks read is not decrypted for lists of what was asked.
    return query.options(joinedload(ChangeRequest.lot), defer(ChangeRequest.findings)).order_by(ChangeRequest.id.desc())


@cache
def _family(*loads):
    return select(Family).where(Family.id == bindparam("family")).options(joinedload(Family.adults), *(joinedload(item) for item in loads))


@cache
def _family_account_and_waiting():
    mine = (ChangeRequest.family_id == Family.id) & ChangeRequest.kind.in_(bindparam("kinds", expanding=True))
    waiting = select(func.count(ChangeRequest.id)).where(mine, ChangeRequest.state.in_(OPEN)).correlate(Family).scalar_subquery()
    return with_account(_family()).add_columns(waiting.label("waiting"))


@cache
def _own_children(*, vaccines):
    more = [joinedload(Child.health).load_only(HealthRecord.vaccines)] if vaccines else []
    query = select(Child).where(Child.of_family(bindparam("family")), Child.archived_at.is_(None) | bindparam("archived", type_=Boolean))
    return query.options(SCHOOLS, *more).order_by(Child.birth_date, Child.id)


@cache
def _own_child():
    loads = (SCHOOLS, joinedload(Child.complementary), joinedload(Child.health), joinedload(Child.households))
    return select(Child).where(Child.id == bindparam("child"), Child.of_family(bindparam("family"))).options(*loads)


#: The lists of a child's page: too long to be joined with each other, too short for a query each.
BESIDE = (Authorisation, PickUpPerson, HealthRead)


@cache
def _beside():
    """The rows of BESIDE of a child, one after the other: each row of the answer holds one of them."""
    parts = union_all(*(select(literal(number).label("part")) for number in range(len(BESIDE)))).subquery()
    newest = select(HealthRead.id).filter_by(child_id=bindparam("child")).order_by(HealthRead.id.desc()).limit(bindparam("reads"))
    query = select(*BESIDE).select_from(parts)
    for number, model in enumerate(BESIDE):
        few = model.id.in_(newest) if model is HealthRead else model.child_id == bindparam("child")
        query = query.outerjoin(model, (parts.c.part == number) & few)
    return query


def _own_requests():
    return select(ChangeRequest).where(ChangeRequest.family_id == standing().family_id, ChangeRequest.kind.in_(readable_kinds()))


def count_sent_back():
    """How many requests wait for the family itself."""
    if "sent_back" in g:
        return g.sent_back
    if "recent_requests" in g:
        return sum(request.state is RequestState.sent_back for request in g.recent_requests)
    query = _own_requests().where(ChangeRequest.state == RequestState.sent_back)
    return db.session.scalar(select(func.count()).select_from(query.subquery()))


def own_request(request_id):
    """The family's request of this number if the person may read it, else None."""
    return db.session.scalar(_own_requests().where(ChangeRequest.id == request_id).options(joinedload(ChangeRequest.lot)))


def own_lot(lot_id):
    """The family's lot and those of its requests that the person may read, or (None, []); in one query with count_sent_back()."""
    sent_back = _own_requests().where(ChangeRequest.state == RequestState.sent_back).with_only_columns(func.count()).scalar_subquery()
    query = _own_requests().where(ChangeRequest.lot_id == lot_id).options(joinedload(ChangeRequest.lot)).order_by(ChangeRequest.id)
    query = query.outerjoin(Child, Child.id == ChangeRequest.child_id).add_columns(sent_back, Child)
    rows = db.session.execute(query).all()
    if not rows:
        return None, []
    g.sent_back = rows[0][1]
    know_children(row[2] for row in rows if row[2] is not None)
    return rows[0][0].lot, [row[0] for row in rows]


# -- the list of requests -----------------------------------------------------------------------------------------------------------

WAITING, ACCEPTED, REFUSED, ARCHIVE = "waiting", "accepted", "refused", "archive"


def shelf_of_requests():
    """The SQL expression that sorts a request: waiting, accepted or refused within a month, archive."""
    fresh = ChangeRequest.decided_at >= fresh_since()
    return case(
        (ChangeRequest.state.in_(OPEN), WAITING),
        (ChangeRequest.state.in_((RequestState.accepted, RequestState.partly_accepted)) & fresh, ACCEPTED),
        ((ChangeRequest.state == RequestState.refused) & fresh, REFUSED),
        else_=ARCHIVE,
    )


def count_requests():
    """{(kind's name, shelf): how many} of the family's requests."""
    mine = _own_requests().with_only_columns(ChangeRequest.kind, ChangeRequest.state, shelf_of_requests().label("shelf")).subquery()
    sent_back = func.count().filter(mine.c.state == RequestState.sent_back)
    rows = db.session.execute(select(mine.c.kind, mine.c.shelf, func.count(), sent_back).group_by(mine.c.kind, mine.c.shelf)).all()
    g.sent_back = sum(row[3] for row in rows)
    return {(kind, shelf): count for kind, shelf, count, _sent_back in rows}


def requests_on(shelf, kinds, offset, limit):
    """Some of the requests of these kinds on a shelf, newest first."""
    query = _own_requests().where(ChangeRequest.kind.in_([kind.name for kind in kinds]), shelf_of_requests() == shelf)
    return db.session.scalars(
        query.options(joinedload(ChangeRequest.lot)).order_by(ChangeRequest.id.desc()).offset(offset).limit(limit)
    ).all()


# -- families and children ----------------------------------------------------------------------------------------------------------


def whole_file():
    """The family with its adults and sections, in one query."""
    query = _family(Family.tax, Family.caf, Family.bank, Family.quotients)
    return db.session.scalars(query, {"family": standing().family_id}).unique().one()


def family_account_and_waiting():
    """(the family with its adults alone, the Account of what it owes, how many of its requests wait), in one query."""
    # Each sensitive value more would cost its decryption.
    values = {"family": standing().family_id, "kinds": readable_kinds()}
    rows = db.session.execute(_family_account_and_waiting(), values).unique().all()
    return rows[0].Family, account_in(rows), rows[0].waiting


def family_name(family_id):
    """What the family is called."""
    return db.session.scalar(select(Family.name).where(Family.id == family_id))


def own_children(*, archived=False):
    """The family's children with their schools, eldest first, in one query; those in the archive too if asked."""
    values = {"family": standing().family_id, "archived": archived}
    return db.session.scalars(_own_children(vaccines=False), values).unique().all()


def own_children_and_vaccines():
    """The same with what is known of their vaccines, and of their health no more."""
    return db.session.scalars(_own_children(vaccines=True), {"family": standing().family_id, "archived": False}).unique().all()


def children_and_lot():
    """(the family's children, eldest first; the lot that takes what is asked now, or None), in one query with count_sent_back()."""
    found = standing()
    mine = (ChangeLot.family_id == found.family_id) & (ChangeLot.account_id == found.account_id)
    begun = select(func.max(ChangeLot.id)).where(mine, ChangeLot.channel == Channel(found.channel), ChangeLot.seals_at > clock.now())
    sent_back = _own_requests().where(ChangeRequest.state == RequestState.sent_back).with_only_columns(func.count())
    query = select(Child, ChangeLot, sent_back.scalar_subquery()).outerjoin(ChangeLot, ChangeLot.id == begun.scalar_subquery())
    mine = Child.of_family(found.family_id) & Child.archived_at.is_(None)
    rows = db.session.execute(query.where(mine).order_by(Child.birth_date, Child.id)).all()
    if rows:
        g.sent_back = rows[0][2]
    return [row[0] for row in rows], rows[0][1] if rows else None


def own_child(child_id, reads=0):
    """(a child with every section, the newest of those who opened its health data), in two queries; (None, []) for another family's."""
    child = db.session.scalars(_own_child(), {"child": child_id, "family": standing().family_id}).unique().one_or_none()
    if child is None:
        return None, []
    rows = db.session.execute(_beside(), {"child": child_id, "reads": reads}).all()
    given, people, opened = (sorted(filter(None, column), key=lambda row: row.id) for column in zip(*rows, strict=True))
    set_committed_value(child, "authorisations", given)
    set_committed_value(child, "pickup_persons", people)
    return child, opened[::-1]


# -- mails --------------------------------------------------------------------------------------------------------------------------


def own_mails(limit=100):
    """What the town wrote to this account for this family, newest first."""
    return db.session.scalars(_mails().order_by(OutgoingMail.id.desc()).limit(limit)).all()


def own_mail(mail_id):
    """One of them, or None."""
    return db.session.scalar(_mails().where(OutgoingMail.id == mail_id))


def _mails():
    return select(OutgoingMail).filter_by(account_id=current_user.id, family_id=standing().family_id)

"""Which households that take part gave no proof of their income for a year, and who is reminded of it?"""

from datetime import timedelta

from sqlalchemy import false, func, literal, select

from app.activities.models import Enrolment
from app.audit.operations import record
from app.changes.operations import lock_family
from app.core import clock
from app.extensions import db
from app.families.asking import agreeing
from app.families.models import CafData, Family, FundAnswer, IncomeQuotient, QuotientAsking
from app.families.particulier import configured
from app.families.quotients import quotient_months
from app.families.rules import months_after
from app.mail.models import OutgoingMail
from app.mail.operations import queue_mail
from app.security.queries import readers_of

#: A quotient is the fund's of one year: what began earlier asks for a new proof, where the town does not say how long it counts.
GOOD_FOR = timedelta(days=365)
#: So long before it ends, a quotient that does not count for ever asks for a new proof.
AHEAD = timedelta(days=60)
#: Nobody is reminded twice in so long.
PAUSE = timedelta(days=30)
MAIL = "quotient"


def last_month():
    """SQL: the month from which a family's last quotient counts."""
    newest = select(func.max(IncomeQuotient.counts_from)).where(IncomeQuotient.family_id == Family.id)
    return newest.correlate(Family).scalar_subquery()


def last_reminder():
    """SQL: when a family was reminded last."""
    newest = select(func.max(OutgoingMail.created_at)).where(OutgoingMail.family_id == Family.id, OutgoingMail.template == MAIL)
    return newest.correlate(Family).scalar_subquery()


def takes_part():
    """SQL condition: the household has enrolled a child in an activity that goes on."""
    return select(Enrolment.id).where(Enrolment.family_id == Family.id, Enrolment.ends_on >= clock.today()).correlate(Family).exists()


def missing():
    """SQL condition: there never was a proof."""
    return last_month().is_(None)


def old():
    """SQL condition: the last proof counts no more; where proofs count for ever, it is older than a year."""
    return last_month() <= (_last_to_end(clock.today()) or clock.today() - GOOD_FOR)


def ending():
    """SQL condition: the last proof still counts, and ends soon."""
    if not quotient_months():
        return false()
    return (last_month() > _last_to_end(clock.today())) & (last_month() <= _last_to_end(clock.today() + AHEAD))


def _last_to_end(day):
    """The latest month from which a quotient may have begun that counts no more on a day; None where they count for ever."""
    months = quotient_months()
    return months_after(day, -months) if months else None


def without_proof():
    """SQL condition: a household that takes part, in the file, whose quotient is missing, old, or ends soon."""
    return Family.archived_at.is_(None) & takes_part() & (missing() | old() | ending())


def _fund_helps():
    """SQL condition: the fund can be asked, so the family need not do anything."""
    lost = CafData.answer.in_((FundAnswer.unknown, FundAnswer.incomplete))
    return Family.caf.has(CafData.consent & (lost.is_(None) | ~lost))


def _helped(query):
    """Narrow a query to the families that a reminder would help: the fund cannot be asked for them, and none was sent lately."""
    query = query.where(without_proof(), last_reminder().is_(None) | (last_reminder() <= clock.now() - PAUSE))
    return query.where(~_fund_helps()) if configured() else query


def at_a_glance():
    """(how many families let the fund be asked, how many a reminder would help, those included whom no mail reaches, and the
    QuotientAsking that runs or ran last, or None); one query."""
    helped = _helped(select(func.count(Family.id))).scalar_subquery()
    newest = select(func.max(QuotientAsking.id)).scalar_subquery()
    query = select(agreeing(), helped, QuotientAsking).select_from(select(literal(1)).subquery())
    return db.session.execute(query.outerjoin(QuotientAsking, QuotientAsking.id == newest)).one()


def to_remind():
    """Ids of the families that a reminder would help and reach."""
    found = db.session.scalars(_helped(select(Family.id)).order_by(Family.id)).all()
    readers = readers_of((None, family_id) for family_id in found)
    return [family_id for family_id in found if readers[None, family_id] is not None]


def remind(family_id, *, by):
    """Ask a household for a proof by mail, within the open unit of work; returns whether a mail was written. Not twice within PAUSE."""
    lock_family(family_id)
    if not db.session.scalar(select(Family.id).where(Family.id == family_id, without_proof())) or _reminded(family_id):
        return False
    reader = readers_of([(None, family_id)])[None, family_id]
    if reader is None:
        return False
    family = db.session.get(Family, family_id)
    queue_mail(
        reader.email,
        MAIL,
        locale=reader.locale,
        family_id=family_id,
        account_id=reader.account_id,
        signs_in=reader.account_id is not None,
        by_fund=configured(),
    )
    record("quotient.reminded", family, by=by)
    return True


def _reminded(family_id):
    recent = OutgoingMail.created_at > clock.now() - PAUSE
    return db.session.scalar(
        select(OutgoingMail.id).where(OutgoingMail.family_id == family_id, OutgoingMail.template == MAIL, recent).limit(1)
    )

"""What does a clerk need to know about the mails?"""

from functools import cache

from flask import current_app
from sqlalchemy import bindparam, func, select

from app.core import clock
from app.extensions import db
from app.mail.models import MailState, OutgoingMail
from app.mail.templates import names, template


def mails_waiting():
    """(how many mails are due, or were tried in vain, and still wait; how many were given up). A digest is waited for by choice."""
    return tuple(db.session.execute(_waiting(), {"now": clock.now()}).one())


@cache
def _waiting():
    """Built once: SQLAlchemy takes longer to build it than to run it."""
    due = (OutgoingMail.state == MailState.queued) & ((OutgoingMail.not_before <= bindparam("now")) | (OutgoingMail.last_error != ""))
    failed = OutgoingMail.state == MailState.failed
    return select(func.count().filter(due, ~for_digest()), func.count().filter(failed)).select_from(OutgoingMail)


def for_digest():
    """The condition for mails that wait for their reader's digest. What the reader chooses now counts: who leaves it gets all at once."""
    # The table of accounts belongs to a room above this one: named here as its foreign key names it.
    account = db.metadata.tables["ab_user"]
    asked_for = select(account.c.id).where(account.c.daily_digest.is_(True))
    return OutgoingMail.template.in_(patient_mails()) & OutgoingMail.account_id.is_not(None) & OutgoingMail.account_id.in_(asked_for)


def patient_mails():
    """The names of the mails that can wait for a digest."""
    if "preau.patient_mails" not in current_app.extensions:
        current_app.extensions["preau.patient_mails"] = [name for name in names() if template(name).can_wait]
    return current_app.extensions["preau.patient_mails"]


def opens_a_door(name):
    """Whether a mail of this name carries a link or a code that lets somebody in; of a mail that is no more, one does not know."""
    try:
        return template(name).opens_a_door
    except KeyError:
        return True


def column_of_failure(family_id):
    """The id of the newest mail to a family that was given up, if none has reached it since; a scalar sub-query."""
    sent = (
        select(func.max(OutgoingMail.id)).where(OutgoingMail.family_id == family_id, OutgoingMail.state == MailState.sent).scalar_subquery()
    )
    failed = select(func.max(OutgoingMail.id)).where(OutgoingMail.family_id == family_id, OutgoingMail.state == MailState.failed)
    return failed.where(OutgoingMail.id > func.coalesce(sent, 0)).scalar_subquery()

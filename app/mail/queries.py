"""What does a clerk need to know about the mails?"""

from sqlalchemy import func, select

from app.core import clock
from app.extensions import db
from app.mail.models import MailState, OutgoingMail


def mails_waiting():
    """(how many mails are due, or were tried in vain, and still wait; how many were given up)."""
    due = (OutgoingMail.state == MailState.queued) & ((OutgoingMail.not_before <= clock.now()) | (OutgoingMail.last_error != ""))
    failed = OutgoingMail.state == MailState.failed
    return tuple(db.session.execute(select(func.count().filter(due), func.count().filter(failed)).select_from(OutgoingMail)).one())

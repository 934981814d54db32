"""How does a mail come to be, and how does it leave?"""

from datetime import timedelta
from uuid import uuid4

from flask import current_app
from flask_mail import Message
from sqlalchemy import or_, select, update

from app.audit.operations import record
from app.core import clock, settings
from app.core.db import unit_of_work
from app.extensions import db
from app.mail.models import MailState, OutgoingMail
from app.mail.page import html_of
from app.mail.queries import for_digest
from app.mail.smtp import FAULTS, Line, is_broken, is_final
from app.mail.texts import LONGEST_SUBJECT, write

#: Pauses between attempts, in minutes; after the last one the mail is given up and a clerk sees it.
RETRY_AFTER = (1, 5, 15, 60, 180, 720, 1440)
#: While the server itself is down we look again at least this often.
LONGEST_OUTAGE_PAUSE = timedelta(minutes=15)
#: For how long a worker keeps the mails that it has taken: longer than a batch takes.
LEASE = timedelta(minutes=10)


def queue_mail(recipient, template, *, locale="fr", family_id=None, account_id=None, not_before=None, **context):
    """Write a mail of templates/mail/<template>.txt into the queue, within the open unit of work.

    The template's first line is the subject. `locale` is the reader's. Returns the row.
    """
    subject, body = write(template, locale, **context)
    row = queue_words(recipient, template, locale, subject, body)
    row.family_id, row.account_id, row.not_before = family_id, account_id, not_before or row.not_before
    return row


def queue_words(recipient, template, locale, subject, body):
    """Put a mail into the queue whose words are written already."""
    row = OutgoingMail(
        message_id=f"<{uuid4().hex}@{current_app.config['MAIL_DOMAIN']}>",
        recipient=recipient,
        locale=locale,
        template=template,
        subject=subject[:LONGEST_SUBJECT],
        body=body,
        not_before=clock.now(),
    )
    db.session.add(row)
    return row


def send_due(limit=50):
    """Send the mails that are due; returns how many left. Without a mail server they wait, and a clerk sees it."""
    if not current_app.config["MAIL_SERVER"]:
        return 0
    taken, sent = _lease(limit), 0
    try:
        if taken:
            with Line() as line:
                for mail_id in list(taken):
                    sent += _send(line, mail_id)
                    taken.remove(mail_id)
    except FAULTS as broken:
        # The server is down: no mail is to blame, the next one would only wait as long, and none is given up for it.
        with unit_of_work():
            for row in db.session.scalars(select(OutgoingMail).where(OutgoingMail.id.in_(taken))):
                _postpone(row, broken, server_down=True)
    return sent


def _lease(limit):
    """Take due mails for ourselves for some minutes: another worker leaves them alone, a crash gives them back."""
    now = clock.now()
    due = (
        select(OutgoingMail.id)
        .where(OutgoingMail.state == MailState.queued, OutgoingMail.not_before <= now)
        .where(or_(OutgoingMail.leased_until.is_(None), OutgoingMail.leased_until < now), ~for_digest())
        .order_by(OutgoingMail.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    with unit_of_work():
        taken = db.session.scalars(due).all()
        db.session.execute(update(OutgoingMail).where(OutgoingMail.id.in_(taken)).values(leased_until=now + LEASE))
    return taken


def _send(line, mail_id):
    """Hand one mail over. A crash after that and before the commit sends it again, under the same Message-ID."""
    row = db.session.get(OutgoingMail, mail_id)
    message = _message(row)
    db.session.rollback()
    problem = None
    try:
        line.send(message)
    except FAULTS as fault:
        if is_broken(fault):
            raise
        problem = fault
    with unit_of_work():
        row = db.session.get(OutgoingMail, mail_id)
        if problem is None:
            row.state, row.sent_at, row.leased_until, row.last_error, row.attempts = MailState.sent, clock.now(), None, "", row.attempts + 1
        else:
            _postpone(row, problem)
    if problem is not None:
        line.clear()
    return problem is None


def _message(row):
    answer_to = settings.get("contact_email") or None
    headers = {"Auto-Submitted": "auto-generated", "Content-Language": row.locale}
    page = html_of(row.subject, row.body, row.locale)
    message = Message(row.subject, recipients=[row.recipient], body=row.body, html=page, reply_to=answer_to, extra_headers=headers)
    message.msgId = row.message_id
    return message


def _postpone(row, problem, *, server_down=False):
    """Try again later, each time after a longer pause; give up after the last one, or where the server's no is for good."""
    row.attempts, row.leased_until, row.last_error = row.attempts + 1, None, _in_words(problem)
    pause = timedelta(minutes=RETRY_AFTER[min(row.attempts, len(RETRY_AFTER)) - 1])
    if server_down:
        row.not_before = clock.now() + min(pause, LONGEST_OUTAGE_PAUSE)
    elif is_final(problem) or row.attempts > len(RETRY_AFTER):
        row.state = MailState.failed
    else:
        row.not_before = clock.now() + pause


def _in_words(problem):
    """What the server said, for the clerk; passwords never stand in it."""
    return f"{type(problem).__name__}: {problem}"[:300]


def retry(row, *, by):
    """Queue a mail that was given up once more, within the open unit of work."""
    row.state, row.attempts, row.not_before, row.last_error = MailState.queued, 0, clock.now(), ""
    record("mail.retried", row, by=by)


def retry_all(*, by):
    """Queue all mails that were given up once more, within the open unit of work; returns how many."""
    rows = db.session.scalars(select(OutgoingMail).where(OutgoingMail.state == MailState.failed)).all()
    for row in rows:
        retry(row, by=by)
    return len(rows)

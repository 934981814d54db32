"""How does a mail come to be, and how does it leave?"""

import smtplib
from datetime import timedelta
from uuid import uuid4

from flask import current_app, render_template
from flask_mail import Message
from sqlalchemy import or_, select, update

from app.audit.operations import record
from app.core import clock
from app.core.db import unit_of_work
from app.core.i18n import in_locale
from app.extensions import db, mailer
from app.mail.models import MailState, OutgoingMail

#: Pauses between attempts, in minutes; after the last one the mail is given up and a clerk sees it.
RETRY_AFTER = (1, 5, 15, 60, 180, 720, 1440)
LEASE = timedelta(minutes=5)


def queue_mail(recipient, template, *, locale="fr", family_id=None, account_id=None, not_before=None, **context):
    """Write a mail of templates/mail/<template>.txt into the queue, within the open unit of work.

    The template's first line is the subject. `locale` is the reader's. Returns the row.
    """
    with in_locale(locale):
        subject, _, body = render_template(f"mail/{template}.txt", **context).strip().partition("\n")
    row = OutgoingMail(
        message_id=f"<{uuid4().hex}@{current_app.config['MAIL_DOMAIN']}>", recipient=recipient, locale=locale, template=template,
        subject=subject.strip()[:200], body=body.strip() + "\n", family_id=family_id, account_id=account_id, not_before=not_before or clock.now(),
    )  # fmt: skip
    db.session.add(row)
    return row


def send_due(limit=50):
    """Send the mails that are due; returns how many left. Without a mail server they wait, and a clerk sees it."""
    if not current_app.config["MAIL_SERVER"]:
        return 0
    return sum(_send(mail_id) for mail_id in _lease(limit))


def _lease(limit):
    """Take due mails for ourselves for some minutes: another worker leaves them alone, a crash gives them back."""
    now = clock.now()
    due = (
        select(OutgoingMail.id)
        .where(OutgoingMail.state == MailState.queued, OutgoingMail.not_before <= now)
        .where(or_(OutgoingMail.leased_until.is_(None), OutgoingMail.leased_until < now))
        .order_by(OutgoingMail.id).limit(limit).with_for_update(skip_locked=True)
    )  # fmt: skip
    with unit_of_work():
        taken = db.session.scalars(due).all()
        db.session.execute(update(OutgoingMail).where(OutgoingMail.id.in_(taken)).values(leased_until=now + LEASE))
    return taken


def _send(mail_id):
    row = db.session.get(OutgoingMail, mail_id)
    message = Message(row.subject, recipients=[row.recipient], body=row.body, extra_headers={"Message-ID": row.message_id})
    db.session.rollback()
    try:
        mailer.send(message)
        error = ""
    except (OSError, smtplib.SMTPException) as problem:
        error = f"{type(problem).__name__}: {problem}"[:300]
    with unit_of_work():
        row = db.session.get(OutgoingMail, mail_id)
        row.attempts, row.last_error, row.leased_until = row.attempts + 1, error, None
        if not error:
            row.state, row.sent_at = MailState.sent, clock.now()
        elif row.attempts > len(RETRY_AFTER):
            row.state = MailState.failed
        else:
            row.not_before = clock.now() + timedelta(minutes=RETRY_AFTER[row.attempts - 1])
    return not error


def retry(row, *, by):
    """Queue a mail that was given up once more, within the open unit of work."""

    row.state, row.attempts, row.not_before, row.last_error = MailState.queued, 0, clock.now(), ""
    record("mail.retried", row, by=by)

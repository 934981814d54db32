"""Who gets one mail a day? Whoever asked for it, at six in the evening, with all that could wait."""

import re
from datetime import datetime, time, timedelta

from sqlalchemy import select

from app.core import clock
from app.core.db import unit_of_work
from app.core.i18n import in_locale
from app.core.web import Town
from app.extensions import db
from app.mail.models import MailState, OutgoingMail
from app.mail.operations import queue_mail
from app.mail.queries import for_digest
from app.mail.templates import signature

#: When it leaves, by the town's clock.
AT = time(18)


def gather_digests(limit=20):
    """Make one mail of all that waits for each person since the last six o'clock; returns for how many people.

    The mails and the digest change hands in one transaction: killed before its end, it begins anew.
    """
    due = (OutgoingMail.state == MailState.queued) & (OutgoingMail.not_before <= last_hour()) & for_digest()
    people = select(OutgoingMail.account_id, OutgoingMail.recipient).where(due).distinct().limit(limit)
    with unit_of_work():
        found = db.session.execute(people).all()
        for account_id, recipient in found:
            theirs = select(OutgoingMail).where(due, OutgoingMail.account_id == account_id, OutgoingMail.recipient == recipient)
            _gather(db.session.scalars(theirs.order_by(OutgoingMail.id).with_for_update(skip_locked=True)).all())
    return len(found)


def last_hour():
    """The last time that digests were to leave."""
    now = clock.local(clock.now())
    today = datetime.combine(now.date(), AT, now.tzinfo)
    return today if now >= today else datetime.combine(now.date() - timedelta(days=1), AT, now.tzinfo)


def _gather(rows):
    if not rows:
        return
    last, families = rows[-1], {row.family_id for row in rows}
    queue_mail(
        last.recipient,
        "digest",
        locale=last.locale,
        account_id=last.account_id,
        family_id=families.pop() if len(families) == 1 else None,
        mails=[(row.subject, words_of(row)) for row in rows],
        last=last.subject,
    )
    for row in rows:
        row.state = MailState.gathered


def words_of(row):
    """What a mail says between its greeting and its signature."""
    with in_locale(row.locale):
        ending = signature(Town())
    text = row.body.strip().removesuffix(ending.strip()).strip()
    return re.sub(r"\A[^\n]{1,80},\n\n", "", text)


def hour():
    """When digests leave, as people read it."""
    return f"{AT:%H:%M}"

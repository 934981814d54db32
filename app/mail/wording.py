"""How does a town change the words of a mail, and have the house's back?"""

from app.audit.operations import record
from app.core import clock
from app.core.errors import DomainError
from app.core.i18n import _
from app.extensions import db
from app.mail.models import MailText
from app.mail.operations import queue_words
from app.mail.templates import check, template, tidy
from app.mail.texts import put_together


def wording_of(name, locale):
    """The town's MailText of a mail in a language, or None where the house's words are in force."""
    return db.session.scalar(db.select(MailText).filter_by(template=name, locale=locale))


def check_wording(name, locale, subject, body):
    """{"subject" or "body": sentence} of what is wrong with the words of a mail."""
    found = {}
    for field, text in (("subject", subject), ("body", body)):
        try:
            check(name, locale, text)
        except DomainError as refusal:
            found[field] = str(refusal)
    missing = [place for place in template(name).kept(locale) if f"{{{place}}}" not in subject + body]
    if missing and not found:
        places = ", ".join(f"{{{place}}}" for place in missing)
        found["body"] = _("Please keep %(places)s: without it this mail does not say what it must.", places=places)
    return found


def reword(name, locale, subject, body, *, by):
    """Put the town's words in force, within the open unit of work. The house's own words need no row."""
    body, row = tidy(body.replace("\r\n", "\n")), wording_of(name, locale)
    if (subject, body) == template(name).words(locale):
        return take_back(name, locale, by=by)
    before = {"subject": row.subject if row else "", "body": row.body if row else ""}
    if row is None:
        row = MailText(template=name, locale=locale)
    row.subject, row.body, row.edited_at, row.edited_by = subject, body, clock.now(), str(by)[:120]
    db.session.add(row)
    db.session.flush()
    changes = {"subject": (before["subject"], subject), "body": (before["body"], body)}
    record("mail_text.edit", row, by=by, changes={field: pair for field, pair in changes.items() if pair[0] != pair[1]})
    return row


def take_back(name, locale, *, by):
    """Put the house's words in force again, within the open unit of work."""
    row = wording_of(name, locale)
    if row is not None:
        record("mail_text.house", row, by=by)
        db.session.delete(row)


def try_out(recipient, name, locale, subject, body):
    """Queue a mail of these words with sample values to whoever writes them."""
    house = template(name)
    subject, body = put_together(subject, body, house.samples(locale))
    return queue_words(recipient, name, locale, _("[Test] %(subject)s", subject=subject), body)

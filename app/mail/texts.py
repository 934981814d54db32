"""How is a mail written? The town's words or the house's, the reader's language, links that lead to us whoever asked."""

from urllib.parse import urlsplit

from flask import current_app, g
from sqlalchemy import select

from app.core import clock
from app.core.i18n import _, date_text, in_locale
from app.extensions import db
from app.mail.models import MailText
from app.mail.templates import PLACE, template, tidy

LONGEST_SUBJECT = 200


def write(name, locale, **context):
    """(subject, body) of the mail of this name in a reader's language."""
    house = template(name)
    words = town_words(name, locale) or house.words(locale)
    with in_locale(locale):
        return put_together(*words, house.values(context))


def put_together(subject, body, values):
    """(subject, body) with values in their places. No value begins a new line in a subject, where a header would stand."""
    subject = " ".join(_filled(subject, values).split())[:LONGEST_SUBJECT]
    return subject, tidy("\n".join(_lines(body.replace("\r\n", "\n"), values)))


def _lines(body, values):
    for line in body.split("\n"):
        filled = _filled(line, values).rstrip()
        # A line that only held a part which is not there today goes with it.
        if filled or not PLACE.search(line):
            yield filled


def _filled(text, values):
    """Places alone are replaced, once: what stands in a value is text."""
    return PLACE.sub(lambda found: values.get(found[1], found[0]), text)


def town_words(name, locale):
    """(subject, body) as the town has rewritten a mail, or None. All of them cost one query a request."""
    if "mail_texts" not in g:
        rows = db.session.execute(select(MailText.template, MailText.locale, MailText.subject, MailText.body))
        g.mail_texts = {(row.template, row.locale): (row.subject, row.body) for row in rows}
    return g.mail_texts.get((name, locale))


def long_day(day):
    """A date in words: 23 November 2026."""
    return date_text(day, "long")


def long_days(days):
    """Dates in words, one after the other, the year at the last: 30 November, 1 December 2026."""
    return ", ".join([*(date_text(day, "d MMMM") for day in days[:-1]), long_day(days[-1])])


def moment(instant):
    """An instant as the town's clock shows it, with the day in words."""
    return _("%(day)s at %(hour)s", day=long_day(clock.local(instant).date()), hour=f"{clock.local(instant):%H:%M}")


def link(endpoint, **values):
    """An address of ours for a mail. From the configuration: the host that a request names may be made up by whoever sends it."""
    base = urlsplit(current_app.config["BASE_URL"])
    adapter = current_app.url_map.bind(base.netloc, script_name=base.path or "/", url_scheme=base.scheme)
    return adapter.build(endpoint, values, force_external=True)

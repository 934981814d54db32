"""How is a mail written? A template, the reader's language, links that lead to us whoever asked."""

import re
from urllib.parse import urlsplit

from flask import current_app
from flask_babel import format_date
from jinja2 import StrictUndefined, Undefined

from app.core import clock
from app.core.i18n import _, in_locale
from app.core.web import Town


def write(template, locale, **context):
    """(subject, body) of templates/mail/<template>.txt in a reader's language; the first line is the subject."""
    with in_locale(locale):
        words = {"town": Town(), "link": link, "long_day": long_day, "moment": moment}
        text = _environment().get_template(f"mail/{template}.txt").render(**words, **context)
    subject, _newline, body = text.strip().partition("\n")
    return subject.strip()[:200], re.sub(r"\n{3,}", "\n\n", body.strip()) + "\n"


def long_day(day):
    """A date in words: 23 November 2026."""
    return format_date(day, "long")


def moment(instant):
    """An instant as the town's clock shows it, with the day in words."""
    return _("%(day)s at %(hour)s", day=long_day(clock.local(instant).date()), hour=f"{clock.local(instant):%H:%M}")


def link(endpoint, **values):
    """An address of ours for a mail. From the configuration: the host that a request names may be made up by whoever sends it."""
    base = urlsplit(current_app.config["BASE_URL"])
    adapter = current_app.url_map.bind(base.netloc, script_name=base.path or "/", url_scheme=base.scheme)
    return adapter.build(endpoint, values, force_external=True)


def _environment():
    """The application's templates; in tests a name that is not there is an error, for a town it is a gap in a sentence."""
    kept = current_app.extensions.get("preau.mail_environment")
    if kept is None:
        undefined = StrictUndefined if current_app.testing else Undefined
        kept = current_app.jinja_env.overlay(undefined=undefined, trim_blocks=True, lstrip_blocks=True)
        current_app.extensions["preau.mail_environment"] = kept
    return kept

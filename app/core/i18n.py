"""How are texts translated? English in the code, the catalogue for the rest; `_` now, `_l` when shown."""

import re
from contextlib import contextmanager
from datetime import date, datetime
from functools import lru_cache

from flask import g, has_app_context
from flask_babel import force_locale, format_date, format_decimal, get_locale, get_translations
from flask_babel.speaklater import LazyString
from jinja2 import pass_eval_context
from markupsafe import Markup

from app.core import clock

#: A language has the dates and numbers of a country: 23/11/2026, not 11/23/26.
COUNTRIES = {"en": "en_GB"}
#: The first of a month, before its name.
FIRST = re.compile(r"\b1(?=\s(?:janv|févr|mars|avr|mai|juin|juil|août|sept|oct|nov|déc))")


def with_country(language):
    """The locale in which a language is written here."""
    return COUNTRIES.get(language, language)


def language():
    """The reader's language, as accounts keep it."""
    return get_locale().language


def date_text(day, style=None):
    """A date as the reader writes it, or the town's date of an instant: the filter `dateformat` of templates."""
    if isinstance(day, datetime) and day.tzinfo is not None:
        day = clock.local(day).date()
    if type(day) is not date:
        return first_of_month(format_date(day, style), get_locale())
    return _date_text(day, style, get_locale())


@lru_cache(maxsize=8192)
def _date_text(day, style, _locale):
    # A page shows a hundred dates, few of them different, and each takes as long as a query.
    return first_of_month(format_date(day, style), _locale)


def first_of_month(text, locale):
    """French says 1er septembre, 2 septembre; the patterns of its locale do not know."""
    return FIRST.sub("1er", text) if str(locale).startswith("fr") else text


def _catalogue():
    """The reader's catalogue. A page has hundreds of texts, and Flask-Babel would find the reader's language anew for each of them."""
    if not has_app_context():
        return get_translations()
    # The proxy is looked through once: each look costs as much as a text.
    kept = vars(g._get_current_object())
    locale = getattr(kept.get("_flask_babel"), "babel_locale", None)
    if locale is None:
        # It is not decided yet: Flask-Babel knows what to do.
        locale = get_locale()
    elif kept.get("catalogue", (None,))[0] is locale:
        return kept["catalogue"][1]
    g.catalogue = (locale, get_translations())
    return g.catalogue[1]


def _said(string):
    """A text in the reader's language, be it one that also counts: Python 3.11.2, Debian 12's, finds those by their plural alone."""
    catalogue = _catalogue()
    text = catalogue.ugettext(string)
    return text if text is not string else catalogue.ungettext(string, string, 1)


def _(string, **variables):
    """A text in the reader's language."""
    text = _said(string)
    return text % variables if variables else text


def _p(context, string, **variables):
    """A text that has several meanings."""
    text = _catalogue().upgettext(context, string)
    return text % variables if variables else text


def _n(singular, plural, num, **variables):
    """A text that counts."""
    return _catalogue().ungettext(singular, plural, num) % {"num": num, **variables}


def _l(string, **variables):
    """A text that is translated when it is shown."""
    return LazyString(_, string, **variables)


def _lp(context, string, **variables):
    """The same, of several meanings."""
    return LazyString(_p, context, string, **variables)


def init_app(app):
    """Let templates ask the same catalogue; after Flask-Babel has put its own functions there."""
    app.jinja_env.install_gettext_callables(
        gettext=_,
        ngettext=lambda one, many, count: _catalogue().ungettext(one, many, count),
        pgettext=lambda context, text: _catalogue().upgettext(context, text),
        npgettext=lambda context, one, many, count: _catalogue().unpgettext(context, one, many, count),
        newstyle=True,
    )
    # Nearly all texts of a page come this way, which is a quarter of Jinja's own.
    app.jinja_env.globals["_"] = _in_template


@pass_eval_context
def _in_template(context, string, **variables):
    """What `_` is in a template: the text may stand in HTML, what is put into it may not."""
    text = _said(string)
    if context.autoescape:
        text = Markup(text)
    return text % variables if variables else text


def number(value):
    """A number as the reader writes it. The font lacks the narrow space that French puts between thousands."""
    return format_decimal(value).replace("\u202f", "\u00a0")


@contextmanager
def in_locale(locale):
    """Speak the language of a reader who is not the one asking: mails, letters, jobs."""
    with force_locale(with_country(locale)):
        yield

"""How are texts translated? English in the code, the catalogue for the rest; `_` now, `_l` when shown."""

from contextlib import contextmanager

from flask import g
from flask_babel import force_locale, format_decimal, get_locale, get_translations
from flask_babel.speaklater import LazyString


def _catalogue():
    """The reader's catalogue. A page has hundreds of texts, and Flask-Babel would find the reader's language anew for each of them."""
    kept = vars(g._get_current_object()) if g else {}
    babel = kept.get("_flask_babel")
    locale = getattr(babel, "babel_locale", None)
    if locale is None:
        # It is not decided yet, or there is no application: Flask-Babel knows what to do.
        locale, found = get_locale(), get_translations()
    elif kept.get("catalogue", (None,))[0] is locale:
        return kept["catalogue"][1]
    else:
        found = get_translations()
    if g:
        g.catalogue = (locale, found)
    return found


def _(string, **variables):
    """A text in the reader's language."""
    text = _catalogue().ugettext(string)
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
        gettext=lambda text: _catalogue().ugettext(text),
        ngettext=lambda one, many, count: _catalogue().ungettext(one, many, count),
        pgettext=lambda context, text: _catalogue().upgettext(context, text),
        npgettext=lambda context, one, many, count: _catalogue().unpgettext(context, one, many, count),
        newstyle=True,
    )


def number(value):
    """A number as the reader writes it. The font lacks the narrow space that French puts between thousands."""
    return format_decimal(value).replace("\u202f", "\u00a0")


@contextmanager
def in_locale(locale):
    """Speak the language of a reader who is not the one asking: mails, letters, jobs."""
    with force_locale(locale):
        yield

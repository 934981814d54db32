"""How are texts translated? English in the code, the catalogue for the rest; `_` now, `_l` when shown."""

from contextlib import contextmanager

from flask_babel import force_locale, format_decimal
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _lp
from flask_babel import ngettext as _n
from flask_babel import pgettext as _p

__all__ = ["_", "_l", "_lp", "_n", "_p", "in_locale", "number"]


def number(value):
    """A number as the reader writes it. The font lacks the narrow space that French puts between thousands."""
    return format_decimal(value).replace("\u202f", "\u00a0")


@contextmanager
def in_locale(locale):
    """Speak the language of a reader who is not the one asking: mails, letters, jobs."""
    with force_locale(locale):
        yield

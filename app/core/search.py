"""How is a name found whatever its accents and capitals? "lea" finds "Léa", the same on both databases."""

import re
import unicodedata

from sqlalchemy import String, event, false, func, or_
from sqlalchemy.engine import Engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from app.core import telephones

NUMBER = re.compile(r"\+?\d{4,}")


def _plain_letters():
    """{accented letter: letter}, one for one, so that PostgreSQL's translate() can do the same."""
    for code in range(0xC0, 0x250):
        parts = unicodedata.normalize("NFD", chr(code))
        if len(parts) > 1 and parts[0].isascii() and parts[0].isalpha():
            yield chr(code), parts[0]
    yield "’", "'"
    yield "-", " "


_LETTERS = dict(_plain_letters())
_TABLE = str.maketrans(_LETTERS)


def fold(text):
    """A text without accents, capitals and hyphens."""
    return None if text is None else str(text).translate(_TABLE).lower()


class folded(GenericFunction):  # noqa: N801
    """The SQL expression of fold()."""

    type = String()
    inherit_cache = True


@compiles(folded, "postgresql")
def _in_postgresql(element, compiler, **kw):
    inner = compiler.process(element.clauses, **kw)
    source, target = ("".join(letters).replace("'", "''") for letters in (_LETTERS, _LETTERS.values()))
    return f"lower(translate({inner}, '{source}', '{target}'))"


@event.listens_for(Engine, "connect")
def _teach_sqlite(connection, _record):
    if type(connection).__module__.startswith("sqlite3"):
        connection.create_function("folded", 1, fold, deterministic=True)


def words(text, most=6):
    """The words that somebody typed to search for; a telephone number is one word, without its spaces, as is an e-mail address."""
    text = unicodedata.normalize("NFC", text or "")
    if number := telephones.sought(text):
        return [number]
    return [word for typed in text.split() for word in ([typed.lower()] if "@" in typed else fold(typed).split())][:most]


def has_number(columns, word):
    """The SQL condition that one of these columns holds the telephone number that a word is, or begins; false for another word."""
    if not NUMBER.fullmatch(word):
        return false()
    return or_(*(func.replace(column, " ", "").contains(word, autoescape=True) for column in columns))


def has_address(column, word):
    """The SQL condition that a column holds the e-mail address that a word is, or a part of; false for another word."""
    return func.lower(column).contains(word, autoescape=True) if "@" in word else false()


def contains(column, word):
    """The SQL condition that a column holds a folded word."""
    return folded(column).contains(word, autoescape=True)

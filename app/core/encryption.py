"""How is sensitive data kept? Encrypted with keys from the configuration, the first one writes, all of them read."""

import json

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from flask import current_app
from sqlalchemy import Text
from sqlalchemy.types import TypeDecorator

from app.core.codec import decode, encode


def new_key():
    """A fresh key, as text for the configuration."""
    return Fernet.generate_key().decode()


def box():
    """The keys of the running application, newest first."""
    keys = current_app.config["ENCRYPTION_KEYS"]
    cached = current_app.extensions.get("preau.box")
    if cached is None or cached[0] != keys:
        cached = (keys, MultiFernet([Fernet(key) for key in keys]))
        current_app.extensions["preau.box"] = cached
    return cached[1]


def seal(value):
    """Any JSON-able value as an opaque, authenticated text."""
    return box().encrypt(json.dumps(value, ensure_ascii=False, sort_keys=True).encode()).decode()


def unseal(token):
    """What seal() was given. Raises ValueError for a text that we did not seal."""
    try:
        return json.loads(box().decrypt(token.encode()))
    except (InvalidToken, UnicodeEncodeError) as error:
        raise ValueError("not sealed by us") from error


def seal_bytes(content):
    """The bytes of a file, encrypted."""
    return box().encrypt(content)


def unseal_bytes(content):
    """The bytes that seal_bytes() was given. Raises ValueError."""
    try:
        return box().decrypt(content)
    except InvalidToken as error:
        raise ValueError("not sealed by us") from error


#: What is handed out must not be shared.
MUTABLE = (dict, list)


class Encrypted(TypeDecorator):
    """A column whose values the database cannot read. `kind` is the Python type of the values."""

    impl = Text
    cache_ok = True

    def __init__(self, kind=str):
        super().__init__()
        self.kind = kind

    @property
    def python_type(self):
        return self.kind

    def process_bind_param(self, value, dialect):
        # Not codec's "nothing typed": a column that may not be null keeps an empty text (a mandate whose BIC no register knows).
        value = value if value == "" else encode(value)
        return None if value is None else seal(value)

    def process_result_value(self, value, dialect):
        return None if value is None else decode(self.kind, unseal(value))

    def result_processor(self, dialect, coltype):
        opened = super().result_processor(dialect, coltype)
        if self.kind in MUTABLE:
            return opened
        last = (None, None)

        def once(sealed):
            """A join repeats a value in row after row: it is decrypted once."""
            nonlocal last
            known, value = last
            if sealed != known:
                value = opened(sealed)
                last = (sealed, value)
            return value

        return once

    def coerce_compared_value(self, op, value):
        return self

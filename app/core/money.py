"""How is money kept, rounded, read and written? Whole cents in the database, Decimal euros in the code, never a float."""

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

from babel.numbers import format_currency
from flask_babel import format_decimal, get_locale
from sqlalchemy import BigInteger
from sqlalchemy.types import TypeDecorator

CENT = Decimal("0.01")
#: Euros. What a régie of a commune never reaches; it keeps sums far from what the databases hold.
LARGEST = Decimal("9999999.99")


def round_cents(amount):
    """An amount in euros to the cent, half a cent away from zero: the one rounding of the application."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def to_cents(amount):
    """Whole cents of an amount in euros (Decimal or int). ValueError for a part of a cent, or what is larger than LARGEST."""
    if isinstance(amount, float):
        raise TypeError("money is never a float")
    cents = Decimal(amount) * 100
    if cents != cents.to_integral_value() or abs(cents) > LARGEST * 100:
        raise ValueError(f"not an amount in cents: {amount}")
    return int(cents)


def from_cents(cents):
    """Euros, as a Decimal with two decimals, of whole cents."""
    return Decimal(cents).scaleb(-2)


class Money(TypeDecorator):
    """A column of euros: Decimal in the code, whole cents in the database."""

    impl = BigInteger
    cache_ok = True

    @property
    def python_type(self):
        return Decimal

    def process_bind_param(self, value, dialect):
        return None if value is None else to_cents(value)

    def process_result_value(self, value, dialect):
        return None if value is None else from_cents(int(value))


def format_money(amount):
    """An amount in euros for the reader: 1 234,50 € in French. The font lacks the narrow space that French puts between thousands."""
    return _written(amount, get_locale())


@lru_cache(maxsize=4096)
def _written(amount, locale):
    # Dozens a page, and Babel takes as long for three of them as a query does.
    return format_currency(amount, "EUR", locale=locale).replace("\u202f", "\u00a0")


def format_quotient(value):
    """A quotient familial as people say it: 812, or 812,50."""
    pattern = "#,##0" if value == int(value) else "#,##0.00"
    return format_decimal(value, format=pattern).replace("\u202f", "\u00a0")


_AMOUNT = re.compile(r"([+-]?)\s*(\d[\d\s\u00a0\u202f]*)(?:[.,](\d{1,2}))?\s*€?")


def parse_amount(text):
    """The Decimal of an amount in euros as people type it ("12", "12,5", "1 234,50 €"). ValueError for anything else."""
    match = _AMOUNT.fullmatch((text or "").strip())
    if match is None:
        raise ValueError(text)
    sign, euros, cents = match.groups()
    try:
        amount = Decimal(f"{sign}{re.sub(r'[^0-9]', '', euros)}.{(cents or '0'):0<2}")
    except InvalidOperation:
        raise ValueError(text) from None
    if abs(amount) > LARGEST:
        raise ValueError(text)
    return amount

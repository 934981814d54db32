"""Which line over the quotient does a formula draw? “QF x 0,003 + 1,20” is a rate and a constant. Text in, Decimals out."""

import re
from decimal import Decimal, DivisionByZero, InvalidOperation
from typing import NamedTuple

QUOTIENT = r"(?:\bq\.?f\b\.?|\bquotient\b(?: familial)?(?: mensuel)?)"
#: A third, as in QF / 300, has no end; what is left of it is far below half a cent.
_DECIMALS = Decimal("1e-14")
_NUMBER = r"\d{1,3}(?: \d{3})+(?:[.,]\d+)?(?![\d.,])|\d+(?:[.,]\d+)?|[.,]\d+"
_TOKEN = re.compile(rf"\s*(?:({_NUMBER})|({QUOTIENT})|([-+*/()%]))")
#: Words that say no more than the signs beside them.
_NOISE = (
    r"€|\beuros?\b|\btaux\b(?: d'effort)?|\b(?:prix|tarif|cout|montant)\b"
    r"|\b(?:du|de la|de|le|la|un|une|et|ou|avec|dans|limite|soit)\b|[:=;|]"
)


class Line(NamedTuple):
    """Euros: quotient × slope + constant."""

    slope: Decimal
    constant: Decimal

    def plus(self, other, sign):
        return Line(self.slope + sign * other.slope, self.constant + sign * other.constant)

    def times(self, other):
        if self.slope and other.slope:
            raise ValueError("no line")
        return Line(self.slope * other.constant + other.slope * self.constant, self.constant * other.constant)

    def over(self, other):
        if other.slope:
            raise ValueError("no line")
        return Line(self.slope / other.constant, self.constant / other.constant)


def is_formula(said):
    """Whether a plain text is more than a price."""
    return "%" in said or re.search(rf"{QUOTIENT}|\btaux\b", said) is not None


def line(said):
    """The Line of a plain text; a percentage alone is one of the quotient. ValueError for what draws none."""
    said = re.sub(r"(?<![a-z])[x×·](?![a-z])|\bfois\b", "*", said).replace("÷", "/")
    said = re.sub(r"[–—]", "-", re.sub(_NOISE, " ", said))
    tokens, place = [], 0
    while said[place:].strip(" ,."):
        match = _TOKEN.match(said, place)
        if match is None:
            raise ValueError(said)
        tokens.append("q" if match[2] else match[0].strip())
        place = match.end()
    try:
        found = _Parser(tokens).whole()
    except (DivisionByZero, InvalidOperation):
        raise ValueError(said) from None
    # “Tarif 1 : QF” is no product: nobody pays his quotient.
    if not found.slope or abs(found.slope) >= 1:
        raise ValueError(said)
    return Line(_short(found.slope), _short(found.constant))


def _short(value):
    value = value.quantize(_DECIMALS).normalize()
    return value if value else Decimal(0)


class _Parser:
    """Sums of products of numbers and the quotient."""

    def __init__(self, tokens):
        self.tokens, self.by_name = tokens[::-1], "q" in tokens

    def whole(self):
        found = self._sum()
        if self.tokens:
            raise ValueError(self.tokens)
        return found

    def _next(self, *wanted):
        return self.tokens.pop() if self.tokens and self.tokens[-1] in wanted else ""

    def _sum(self):
        found = Line(Decimal(0), Decimal(0)).plus(self._product(), -1) if self._next("-") else self._product()
        while sign := self._next("+", "-"):
            found = found.plus(self._product(), 1 if sign == "+" else -1)
        return found

    def _product(self):
        found = self._factor()
        while self.tokens and self.tokens[-1] not in ("+", "-", ")"):
            sign = self._next("*", "/")
            other = self._factor()
            # "0,003 QF" and "0,003 (QF – 300)" are products too; "0,36 % (2,60)" is none.
            if not sign and (found.slope or not other.slope):
                raise ValueError("no product")
            found = found.over(other) if sign == "/" else found.times(other)
        return found

    def _factor(self):
        if not self.tokens:
            raise ValueError("nothing")
        if self._next("("):
            found = self._sum()
            if not self._next(")"):
                raise ValueError("open")
            return found
        if self._next("q"):
            return Line(Decimal(1), Decimal(0))
        text = self.tokens.pop()
        percent = self._next("%")
        if not percent and re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", text):
            raise ValueError(text)
        value = Decimal(text.replace(" ", "").replace(",", "."))
        if not percent:
            return Line(Decimal(0), value)
        return Line(Decimal(0), value / 100) if self.by_name else Line(value / 100, Decimal(0))

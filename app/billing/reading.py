"""What did somebody mean who typed a price, a rate of effort or a bracket of quotients, as towns write them? Text in, values out."""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal

from app.billing.grid import Cell
from app.core.i18n import _
from app.core.money import LARGEST, format_money

#: A number with its thousands apart or not: 1400, 1 400,01, 1.400.
NUMBER = r"\d{1,3}(?: \d{3})+(?:[.,]\d{1,2})?(?!\d)|\d{1,3}(?:\.\d{3})+(?:,\d{1,2})?(?!\d)|\d+(?:[.,]\d+)?"
_AMOUNT = re.compile(rf"({NUMBER})")
_QF = r"(?:q\.?f\.?|quotient(?: familial)?)"
_FREE = {"gratuit", "gratuite", "gratuite totale", "offert", "free", "neant (gratuit)"}
_EMPTY = {"", "-", "–", "—", "/", "neant", "so", "s.o.", "n/a", "na", "sans objet", "x", "."}


def plain(text):
    """Text in small letters, without accents, doubled spaces or typographic signs: what words are compared by."""
    text = unicodedata.normalize("NFKD", text or "")
    text = "".join(char for char in text if not unicodedata.combining(char)).casefold()
    text = text.replace("’", "'").replace("œ", "oe").replace("−", "-").replace("\u2011", "-").replace("\u2044", "/")
    return re.sub(r"\s+", " ", text).strip()


def number(text):
    """The Decimal of a NUMBER; ValueError for anything else."""
    text = plain(text)
    if re.fullmatch(NUMBER, text) is None:
        raise ValueError(text)
    if re.fullmatch(r"\d{1,3}(\.\d{3})+(,\d{1,2})?", text):
        text = text.replace(".", "")
    value = Decimal(text.replace(" ", "").replace(",", "."))
    if value > LARGEST:
        raise ValueError(text)
    return value


def euros(text):
    """An amount in euros to the cent: 3,77, 3.77 €, 3€77. ValueError for anything else."""
    text = re.sub(r"\s*(€|euros?|eur)$", "", plain(text))
    text = re.sub(r"^€\s*", "", text)
    if match := re.fullmatch(r"(\d+)\s?(?:€|euros?)\s?(\d\d)", text):
        text = ",".join(match.groups())
    value = number(text)
    if value.as_tuple().exponent < -2:
        raise ValueError(text)
    return value


# -- a cell -----------------------------------------------------------------------------------------------------------------------------


def cell(text):
    """The Cell of what was typed, None for nothing. ValueError with the sentence for what is neither price nor rate."""
    said = plain(text)
    if said in _EMPTY:
        return None
    if said in _FREE:
        return Cell(Decimal(0))
    if re.match(r"(?:\+|-.*%|[x*×] ?\d)", said) and re.search(r"\d", said):
        raise ValueError(_("a surcharge or a reduction is a rule: write it below the table."))
    if said.startswith("-") and re.search(r"\d", said):
        raise ValueError(_("a price is not below zero."))
    if "%" in said or re.search(r"\bq\.?f\.?\b|quotient|taux", said):
        return _rate(said)
    try:
        return Cell(euros(said))
    except ValueError:
        raise ValueError(_("write a price, for instance 3,77, or a rate, for instance 0,36 % (2,60 – 4,50).")) from None


def _rate(said):
    """A rate of effort with what stands after it: 0,36 % (2,60 – 4,50); QF x 0,0036, mini 2,60, maxi 4,50."""
    match = re.search(rf"({NUMBER}) ?%", said)
    if match:
        rate = number(match[1])
    else:
        match = re.search(rf"{_QF} ?[x*×] ?({NUMBER})|({NUMBER}) ?[x*×] ?{_QF}", said)
        if match is None:
            raise ValueError(_("write the rate as a percentage, for instance 0,36 % (2,60 – 4,50)."))
        rate = number(match[1] or match[2]) * 100
    rest = f"{said[: match.start()]} | {said[match.end() :]}"
    try:
        floor, ceiling = _limits(rest)
    except ValueError:
        raise ValueError(_("write the least and the greatest price after the rate: 0,36 % (2,60 – 4,50).")) from None
    if floor is not None and ceiling is not None and floor > ceiling:
        limits = {"least": format_money(floor), "most": format_money(ceiling)}
        raise ValueError(_("the least price is above the greatest: %(least)s, %(most)s.", **limits))
    return Cell(rate=rate.normalize() if rate else rate, floor=floor, ceiling=ceiling)


_LEAST = r"min(?:i|imum)?\b|plancher|au moins|floor|at least|>=?|≥"
_MOST = r"max(?:i|imum)?\b|plafond|plafonne|au plus|ceiling|at most|<=?|≤"


def _limits(rest):
    """(least, most) price of the words around a rate; None where one is not said."""
    amounts = list(_AMOUNT.finditer(rest))
    if len(amounts) > 2:
        raise ValueError(rest)
    values = [euros(match[1]) for match in amounts]
    roles = [_role(rest, match, amounts[place - 1].end() if place else 0) for place, match in enumerate(amounts)]
    if len(values) == 2:
        return (values[1], values[0]) if roles == ["most", "least"] or roles[0] == "most" else tuple(values)
    if not values:
        return None, None
    return (None, values[0]) if roles[0] == "most" else (values[0], None)


def _role(rest, match, start):
    """Whether an amount is the least or the most, by the word before it, else after it; "(– 4,50)" is the most."""
    before, after = rest[start : match.start()], rest[match.end() :]
    for words in (before, re.split(r"\d", after)[0]):
        if re.search(_MOST, words):
            return "most"
        if re.search(_LEAST, words):
            return "least"
    return "most" if re.search(r"[-–—…]\s*$", before) else "least"


def cell_text(value):
    """A Cell as it is typed; "" for None."""
    if value is None:
        return ""
    if value.amount is not None:
        return decimal_text(value.amount, 2)
    limits = [None if limit is None else decimal_text(limit, 2) for limit in (value.floor, value.ceiling)]
    text = f"{decimal_text(value.rate)} %"
    if value.floor is not None and value.ceiling is not None:
        return f"{text} ({limits[0]} – {limits[1]})"
    if value.floor is not None:
        return f"{text} (min {limits[0]})"
    return f"{text} (max {limits[1]})" if value.ceiling is not None else text


def decimal_text(value, least=0):
    """A Decimal with a comma and at least so many decimals, and no thousands apart: it can be typed again."""
    text = format(value, "f")
    whole, _dot, part = text.partition(".")
    part = part.rstrip("0").ljust(least, "0")
    return f"{whole},{part}" if part else whole


# -- a bracket --------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Limits:
    """A bracket as it is written; what is not said is None. `below`: the upper limit is not in it; `above`: the lower is not."""

    low: Decimal | None = None
    high: Decimal | None = None
    above: bool = False
    below: bool = False


_N = f"({NUMBER})"
_SIGN = r"\s*(?:€|euros?)?\s*"
_LESS = r"(?:strictement )?(?:inferieure?s? a|moins de|en dessous de|less than|below|under|<)"
_UP_TO = r"(?:inferieure?s? ou egal(?:e|es)? a|jusqu'a|jusqu a|au plus|up to|at most|max(?:imum)?|<=|≤|=<)"
_MORE = r"(?:strictement )?(?:superieure?s? a|plus de|au[- ]dela de|au[- ]dessus de|a plus de|more than|above|over|>)"
_FROM = r"(?:superieure?s? ou egal(?:e|es)? a|a partir de|a compter de|des|at least|from|min(?:imum)?|>=|≥|=>)"
_AND_MORE = r"(?:et|ou|and|or)\s*(?:plus|\+|au[- ]dela|au[- ]dessus|superieure?s?|more|above|over)|\+"
#: Read in this order; each with how its numbers count: (low is above it, high is below it).
_SHAPES = (
    (rf"{_N}{_SIGN}(<|<=|≤)\s*{_QF}\s*(<|<=|≤)\s*{_N}", "signs"),
    (rf"{_MORE}\s*{_N}{_SIGN}(?:et|and|a|,|-|–)?\s*(?:{_UP_TO}|a|to)\s*{_N}", (True, False)),
    (rf"{_MORE}\s*{_N}{_SIGN}(?:et|and|,|-|–|a)?\s*{_LESS}\s*{_N}", (True, True)),
    (rf"(?:{_FROM}|de|entre|between)\s*{_N}{_SIGN}(?:et|and|a|,|-|–)?\s*(?:{_LESS}|a {_LESS})\s*{_N}", (False, True)),
    (rf"(?:{_FROM}|de|entre|between)?\s*{_N}{_SIGN}(?:{_UP_TO}|et|and|to|a|-|–|—|/|;|\.\.+|…|→|>)\s*{_N}", (False, False)),
    (rf"{_UP_TO}\s*{_N}", "high"),
    (rf"{_N}{_SIGN}(?:et|ou|and|or)\s*(?:moins|less)", "high"),
    (rf"{_LESS}\s*{_N}", "below"),
    (rf"{_N}{_SIGN}(?:{_AND_MORE})", "low"),
    (rf"{_FROM}\s*{_N}", "low"),
    (rf"{_MORE}\s*{_N}", "above"),
)
#: "Tranche 1 :", "T3 -", "QF2 (", "1re tranche", "A :": the town's name of a bracket, whose number is no quotient.
_NAMES = (
    r"^(?:tranche|niveau|categorie|palier|groupe|tarif|taux|bareme|bracket|t|q)\s*(?:n ?°?|no?\.?)?\s*"
    r"(?:\d{1,2}(?!\d)|[a-z]\b|[ivx]+\b)\s*[:=.)–—-]?\s*",
    r"^qf\s*\d{1,2}\s*[:=)(]\s*",
    r"^qf\d{1,2}\s+[-–]?\s*(?=\D*\d)",
    r"^\d{1,2}\s?(?:ere|re|er|eme|e|nde?)\s*(?:tranche|categorie|palier|bracket)\s*[:=.)–—-]?\s*",
    r"^[a-z]\s*[:=.)–—-]\s*",
    r"^\d{1,2}\s*[:=)]\s*",
)


def bracket(text):
    """The Limits of a bracket as it is written, or None where the text names none."""
    said = plain(text)
    if re.search(r"\d\s*ans\b|\byears?\b|\b1/2\b", said):
        return None
    for name in _NAMES:
        rest = re.sub(name, "", said)
        if rest != said and re.search(r"\d", rest):
            said = rest
            break
    if re.search(rf"[<≤=]\s*{_QF}", said) is None:
        said = re.sub(rf"^\W*{_QF}\s*(?:[:=]|compris|de la caf|caf|msa|mensuel)*\s*", "", said)
    said = re.sub(r"[()\[\]]", " ", said)
    said = re.sub(rf"\bet (?={_LESS}|{_UP_TO})", "", said)
    for shape, meaning in _SHAPES:
        if match := re.search(rf"(?<![\d.,a-z]){shape}", said):
            return _meant([group for group in match.groups() if group], meaning)
    return None


def _meant(groups, meaning):
    if meaning == "signs":
        low, left, right, high = groups
        return Limits(number(low), number(high), left == "<", right == "<")
    values = [number(group) for group in groups]
    if isinstance(meaning, tuple):
        return Limits(*values[:2], *meaning)
    if meaning in ("high", "below"):
        return Limits(None, values[0], below=meaning == "below")
    return Limits(values[0], None, above=meaning == "above")

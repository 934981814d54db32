"""What did somebody mean who typed a price or a rate of effort, as towns write them? Text in, values out; brackets are in brackets.py."""

import re
import unicodedata
from decimal import Decimal

from app.billing import formulas
from app.billing.grid import Cell
from app.core.i18n import _
from app.core.money import LARGEST, format_money

#: A number with its thousands apart or not: 1400, 1 400,01, 1.400, ,50. No thousands begin with a zero.
NUMBER = r"(?:[1-9]\d{0,2}(?: \d{3})+(?:[.,]\d{1,2})?(?!\d)|[1-9]\d{0,2}(?:\.\d{3})+(?:,\d{1,2})?(?!\d)|\d+(?:[.,]\d+)?|(?<!\d)[.,]\d+)"
_FREE = re.compile(
    r"(?:(?:tarif|repas|acces) )?(?:gratuite?s?|gratis|exoneree?s?|exoneration|offert|free)(?: (?:totale|complete))?|neant \(gratuit\)"
)
_EMPTY = {"", "-", "–", "—", "/", "neant", "so", "s.o.", "n/a", "na", "sans objet", "x", "."}
#: Signs that send the reader below the table.
_FOOTNOTE = re.compile(r"(?: ?(?:\((?:\d|[a-z])\)|\*+))+$")
_SUPERSCRIPTS = str.maketrans("", "", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Doubtful(ValueError):
    """A sentence: what was typed may mean two things."""


def plain(text):
    """Text in small letters, without accents, doubled spaces or typographic signs: what words are compared by."""
    text = unicodedata.normalize("NFKD", (text or "").translate(_SUPERSCRIPTS))
    text = "".join(char for char in text if not unicodedata.combining(char)).casefold()
    text = text.replace("’", "'").replace("œ", "oe").replace("−", "-").replace("\u2011", "-").replace("\u2010", "-").replace("\u2044", "/")
    return re.sub(r"\s+", " ", text).strip()


def number(text):
    """The Decimal of a NUMBER; ValueError for anything else."""
    text = plain(text)
    if re.fullmatch(NUMBER, text) is None:
        raise ValueError(text)
    if re.fullmatch(r"[1-9]\d{0,2}(\.\d{3})+(,\d{1,2})?", text):
        text = text.replace(".", "")
    value = Decimal(text.replace(" ", "").replace(",", "."))
    if value > LARGEST:
        raise ValueError(text)
    return value


def exact(text):
    """The same for what is no quotient. Doubtful for 1.250, which may be thousands or decimals."""
    if re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", plain(text)):
        whole, _point, part = plain(text).partition(".")
        numbers = {"text": plain(text), "whole": whole + part, "decimal": f"{whole},{part.rstrip('0') or '0'}"}
        raise Doubtful(_("“%(text)s” may be %(whole)s or %(decimal)s: write one of them.", **numbers))
    return number(text)


def euros(text):
    """An amount in euros to the cent: 3,77, 3.77 €, 3€77, 3,770. ValueError for anything else."""
    text = re.sub(r"\s*(€|euros?|eur)$", "", plain(text))
    text = re.sub(r"^€\s*", "", text)
    if match := re.fullmatch(r"(\d+)\s?(?:€|euros?)\s?(\d\d)", text):
        text = ",".join(match.groups())
    value = exact(text)
    if value.as_tuple().exponent < -2:
        value = value.normalize()
    if value.as_tuple().exponent < -2:
        raise ValueError(text)
    return value


# -- a cell -----------------------------------------------------------------------------------------------------------------------------

_CHANGE = re.compile(
    r"\+.*|-[^%q]*%|[x*×] ?\d.*|.*(?:\b(?:majoration|majoree?s?|supplement(?:aires?)?|surcout|augmentation|reduction|remise|rabais"
    r"|abattement|minoration|moitie|double|demi[- ]tarif)\b|\bde (?:plus|moins)\b).*"
)
#: What a price is for, as cells name it beside the number; and spans of time that are no booking.
_PER = {
    "quarter_hour": r"(?:1/4|quart) ?(?:d'|de )?(?:h(?:eures?)?)|15 ?(?:mn|min(?:utes)?)",
    "half_hour": r"(?:1/2|demi)[- ]?(?:h(?:eures?)?)|30 ?(?:mn|min(?:utes)?)|half[- ]?hour",
    "half_day": r"(?:1/2|demi)[- ]?journees?|half[- ]?day",
    "hour": r"h|heures?|hour",
    "day": r"jours?|journees?|day",
    "meal": r"repas|dejeuner|meal",
    "": r"enfants?|seances?|presences?|accueil|gouter|unite|personnes?|child",
    "package": r"mois|semaines?|ans?|annees?|trimestres?|semestres?|familles?|months?|weeks?|years?",
}
_PER_WORDS = "|".join(f"(?P<{name or 'other'}>{words})" for name, words in _PER.items())
_PRICE = re.compile(
    rf"(?P<price>.*?\d ?(?:€|euros?|eur)?) ?(?:ttc ?)?(?:/|par|le|la|l'|les|chaque|pour une?|per|an?|each)? ?(?:{_PER_WORDS})"
)
#: “2 enfants” counts, where “2 € l'enfant” is a price.
_COUNT = re.compile(rf"\d+ ?(?:{'|'.join(_PER.values())})")
_PACKAGE = r"\b(?:forfait|abonnement|carte|carnet|mensuel\w*|annuel\w*|hebdo\w*|trimestriel\w*|mois|semaines?|trimestres?|annee|an)\b"


def _parted(said):
    """(the price, name of what it is for or "") of a plain text without its footnotes."""
    said = _FOOTNOTE.sub("", said)
    if (match := _PRICE.fullmatch(said)) is None or _COUNT.fullmatch(said):
        return re.sub(r" ?(?:ttc|net)$", "", said), ""
    return match["price"], "" if match.lastgroup == "other" else match.lastgroup


def kind_named(text):
    """The kind of service that stands beside a price, as in 2,50 €/h; "" for none."""
    said = plain(text)
    return "" if formulas.is_formula(said) else _parted(said)[1]


def cell(text, once=False):
    """The Cell of what was typed, None for nothing; `once`: it may be for a year. ValueError with the sentence for what is no price."""
    said = plain(text)
    if said in _EMPTY:
        return None
    if _FREE.fullmatch(_FOOTNOTE.sub("", said)):
        return Cell(Decimal(0))
    if _CHANGE.fullmatch(said):
        raise ValueError(_("a surcharge or a reduction is a rule: write it below the table."))
    if said.startswith("-") and re.search(r"\d", said) and not formulas.is_formula(said):
        raise ValueError(_("a price is not below zero."))
    if formulas.is_formula(said):
        return _rate(said)
    said, kind = _parted(said)
    try:
        amount = euros(said)
    except Doubtful:
        raise
    except ValueError:
        if re.search(r"\d ?(?:€|euros?)", said) and re.search(_PACKAGE, said):
            raise Doubtful(package()) from None
        raise ValueError(_("write a price, for instance 3,77, or a rate, for instance 0,36 % (2,60 – 4,50).")) from None
    if kind == "package" and not once:
        raise Doubtful(package())
    return Cell(amount)


def is_price(text):
    """Whether somebody meant a price, though it may be refused."""
    try:
        return cell(text) is not None
    except Doubtful:
        return True
    except ValueError:
        said = plain(text)
        return re.search(rf"{formulas.QUOTIENT} ?[x*×]|[x*×] ?{formulas.QUOTIENT}|\d ?% (?:d[eu]s? )", said) is not None


def package():
    """Why a price by the month is refused."""
    return _(
        "a price for a week, a month or a year would be charged for each booking. Write the price of one booking, or offer the package as"
        " a service of its own that is booked once; what is paid once a school year is the membership below the table."
    )


def _rate(said):
    """A rate of effort with what stands around it: 0,36 % (2,60 – 4,50); QF x 0,003 + 1,20, mini 2,60, maxi 4,50."""
    said = re.sub(rf"({formulas.QUOTIENT})(?: ?(?:de la )?\b(?:caf|msa)\b)+", r"\1", said)
    try:
        (floor, ceiling), formula = _limits(said)
        slope, constant = formulas.line(formula)
    except Doubtful:
        raise
    except ValueError:
        raise ValueError(_("write a rate like 0,36 % (2,60 – 4,50), or a formula like QF x 0,003 + 1,20 (min 2,60 max 4,50).")) from None
    if floor is not None and ceiling is not None and floor > ceiling:
        limits = {"least": format_money(floor), "most": format_money(ceiling)}
        raise ValueError(_("the least price is above the greatest: %(least)s, %(most)s.", **limits))
    return Cell(rate=(slope * 100).normalize(), floor=floor, ceiling=ceiling, constant=constant or None)


_LEAST = r"\bmin(?:i|imum|imal)?\b\.?|\bplancher|\bau moins|\bfloor|\bat least|>=?|≥"
_MOST = r"\bmax(?:i|imum|imal)?\b\.?|\bplafonnee?|\bplafond|\bau plus|\bceiling|\bat most|<=?|≤"
_N = rf"({NUMBER})(?![\d.,]|\s?%)"
_BETWEEN = r" ?(?:de|du|d'|a|est|fixe|:|=|un|prix|tarif|€| )* ?"
_RANGE = (
    rf"(?:(?<=[%f])|(?<=familial)|(?<=[;:|])|(?<=, )|\bentre|\bde|(?<![-+*x×/ ]) ?(?=\()) ?\(? ?(?:entre|de)? ?{_N} ?(?:€|euros?)? ?"
    rf"(?:-|–|—|…|a|et|/) ?{_N} ?(?:€|euros?)? ?\)?$"
)


def _limits(said):
    """((least, most) price that stand beside a formula, the formula); None where one is not said."""
    if match := re.search(_RANGE, said):
        return (euros(match[1]), euros(match[2])), said[: match.start()]
    if match := re.search(rf"\( ?[-–—…] ?{_N} ?(?:€|euros?)? ?\)$", said):
        return (None, euros(match[1])), said[: match.start()]
    amount, word = _N.replace("(", "(?P<amount>", 1), f"(?P<word>{_LEAST}|{_MOST})"
    for shape in (rf"{word}{_BETWEEN}{amount}(?: ?(?:€|euros?\b))?", rf"{amount} ?(?:€|euros?)? ?\(?{word}"):
        found, rest = {}, said
        for match in re.finditer(shape, said):
            found.setdefault("least" if re.match(_LEAST, match["word"]) else "most", []).append(match)
            rest = rest.replace(match[0], "|", 1)
        if not re.search(f"{_LEAST}|{_MOST}", rest) and all(len(matches) == 1 for matches in found.values()):
            least, most = (euros(found[name][0]["amount"]) if name in found else None for name in ("least", "most"))
            return (least, most), _without(rest)
    raise ValueError(said)


def _without(rest):
    """A formula whose limits were taken out, without the signs and words that parted them from it."""
    rest = re.sub(r"\b(?:avec|un|une|et|mais)\b", " ", rest)
    rest = re.sub(r" *[-–—/;,]? *\|(?: *[-–—/;,|.]+)* *", " ", rest)
    return re.sub(r"\( *\)|,(?!\d)", " ", rest)


def cell_text(value):
    """A Cell as it is typed; "" for None."""
    if value is None:
        return ""
    if value.amount is not None:
        return decimal_text(value.amount, 2)
    limits = [None if limit is None else decimal_text(limit, 2) for limit in (value.floor, value.ceiling)]
    text = _formula_text(value)
    if value.floor is not None and value.ceiling is not None:
        return f"{text} ({limits[0]} – {limits[1]})" if value.constant is None else f"{text} (min {limits[0]} max {limits[1]})"
    if value.floor is not None:
        return f"{text} (min {limits[0]})"
    return f"{text} (max {limits[1]})" if value.ceiling is not None else text


def _formula_text(value):
    """“0,36 %”, “0,3 % QF + 1,20”, “5,40 - 0,2 % QF”."""
    if value.constant is None:
        return f"{decimal_text(value.rate)} %"
    if value.rate < 0:
        return f"{decimal_text(value.constant, 2)} - {decimal_text(-value.rate)} % QF"
    return f"{decimal_text(value.rate)} % QF {'-' if value.constant < 0 else '+'} {decimal_text(abs(value.constant), 2)}"


def decimal_text(value, least=0):
    """A Decimal with a comma and at least so many decimals, and no thousands apart: it can be typed again."""
    text = format(value, "f")
    whole, _dot, part = text.partition(".")
    part = part.rstrip("0").ljust(least, "0")
    return f"{whole},{part}" if part else whole

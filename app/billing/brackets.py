"""From which quotient to which does a bracket go, as towns write it: “- de 400”, “de 401 € à 600 €”, “401 <= QF”? Text in, limits out."""

import re
from dataclasses import dataclass, field, replace
from decimal import Decimal

from app.billing.formulas import QUOTIENT
from app.billing.reading import NUMBER, number, plain


@dataclass(frozen=True)
class Limits:
    """A bracket as it is written; what is not said is None. `below`: the upper limit is not in it; `above`: the lower is not."""

    low: Decimal | None = None
    high: Decimal | None = None
    above: bool = False
    below: bool = False
    #: Whether it says that a limit is in it: “≤ 400”, where “de 0 à 400” leaves it open.
    with_low: bool = field(default=False, compare=False)
    with_high: bool = field(default=False, compare=False)


_MONTHS = "janvier|fevrier|mars|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre"
#: What is counted in titles beside quotients, and written with numbers.
_COUNTED = (
    r"ans?\b|enfants?\b|jours?\b|repas\b|h\b|h\d|heures?\b|mi?n\b|minutes?|mois\b|semaines?\b|seances?\b|km\b|personnes?\b|e\b|er\b|eme\b"
)
#: Days, school years and times: numbers that are no quotients.
_DAYS = (
    rf"(?:a (?:partir|compter) du |depuis le |des le |au |du )?\b\d{{1,2}}(?:er)?[ -](?:{_MONTHS})(?: 20\d\d)?",
    r"(?:a (?:partir|compter) du |depuis le |des le |au |du )?\b\d{1,2}[/.]\d{1,2}[/.](?:20)?\d\d\b",
    r"\b20(\d)(\d) ?[-–/] ?(?:20)?(?:\1(?!\2)\d|(?!\1)\d0)\b",
    r"\b(?:annee|rentree|scolaire|tarifs?|prix|en|depuis|janvier|septembre) 20[2-9]\d\b",
    r"\b\d{1,2} ?(?:h ?\d{0,2})? ?(?:-|–|a|et) ?\d{1,2} ?h\b ?(?:\d\d\b)?",
    r"\b(?:apres|avant|jusqu'a|a partir de|des|de|a) ?\d{1,2} ?h ?(?:\d\d\b)?",
    r"\b\d{1,2} ?h ?\d\d\b",
    r"\b[13]/[24]\b",
)
#: Ages: they have words in common with brackets.
_AGES = (
    r"(?:\d{1,2} ?(?:ans)? ?(?:a|-|–|/|et|to) ?|(?:moins|plus) de |[-+] ?(?:de )?|[<>]=? ?|des |a partir de )?\b\d{1,2} ?(?:ans|years?)\b"
)

_EQUAL = r"(?: ?(?:ou|et|/) ?(?:egale?s?|egaux|=))"
_INF, _SUP = (rf"\b(?:strictement )?{word}(?:erieure?s?|er)?\b\.?" for word in ("inf", "sup"))
#: Words and signs as the signs <, <=, > and >=, in this order.
_SIGNS = (
    (rf"\begale?s? (?:ou|et) {_INF}|{_INF}{_EQUAL}|<{_EQUAL}|=<|≤|⩽|\bjusqu'?[ae]\b|\bjusqu a\b|\bau (?:plus|maximum)\b", "<="),
    (r"\bup to\b|\bat most\b|\bmax(?:i|imum)?\b\.?|\bne depassant pas\b|\bn'excedant pas\b", "<="),
    (rf"\begale?s? (?:ou|et) {_SUP}|{_SUP}{_EQUAL}|>{_EQUAL}|=>|≥|⩾|\ba (?:partir|compter) de\b|\bdes\b|\bau (?:moins|minimum)\b", ">="),
    (r"\bat least\b|\bfrom\b|\bmin(?:i|imum)?\b\.?", ">="),
    (rf"{_INF}|\bmoins de\b|\b(?:en|au)[- ]dessous de\b|(?<![\w.,])[-–] ?de\b|\bless than\b|\bbelow\b|\bunder\b", "<"),
    (rf"{_SUP}|\b(?:a )?plus de\b|\+ ?de\b|\bau[- ]del?a de\b|\bau[- ]dessus de\b|\bmore than\b|\babove\b|\bover\b", ">"),
)
_N = rf"({NUMBER})(?!\d|[.,]\d| ?(?:{_COUNTED}))"
_E = r" ?(?:€|euros?\b)? ?"
_OP = r"([<>]=?)"
_AND_LESS = r"(?:et|ou|and|or) ?(?:moins|less|-(?! ?\d)|inf(?:erieure?s?)?\b\.?(?! ?(?:a|ou|et)\b)|(?:en|au)[- ]dessous)"
_AND_MORE = r"(?:et|ou|and|or) ?(?:plus|more|\+|au[- ]del?a|au[- ]dessus|sup(?:erieure?s?)?\b\.?(?! ?(?:a|ou|et)\b)|above|over)|\+(?! ?\d)"
_TO = r"(?:et|and|to|au|a|-|–|—|/|;|\.\.+|…|→|<=|<|>)"
#: "Tranche 1 :", "T3 -", "QF2 (", "1re tranche", "A :": the town's name of a bracket, whose number is no quotient.
_AFTER = rf" ?(?:[:=.)(]|,(?= )|[–—-](?! ?de {NUMBER}{_E}$))? ?"
_NAMES = (
    r"^(?!qf\b)(?:tranche|niveau|categorie|palier|groupe|tarif|taux|bareme|bracket|cat|tr|t|q)\.? ?(?:n ?[°o]?\.?)? ?"
    rf"(?:\d{{1,2}}(?!\d)|[a-z]\b|[ivx]+\b){_AFTER}",
    r"^(?:qf|quotient(?: familial)?) ?\d{1,2} ?[:=)(] ?",
    r"^qf\d{1,2} +[-–]? ?(?=\D*\d)",
    rf"^\d{{1,2}} ?(?:ere|re|er|eme|e|nde?) ?(?:tranche|categorie|palier|bracket){_AFTER}",
    rf"^[a-z] ?(?:[:=.)(]|,(?= )|[–—-](?! ?de {NUMBER}{_E}$)) ?",
    rf"^[a-z] (?={NUMBER}{_E}{_TO})",
    r"^\d{1,2} ?(?:[:=)]|,(?= )) ?",
    rf"^\d{{1,2}} ?[–—.-] ?(?={NUMBER}{_E}{_TO} ?{NUMBER})",
)


def undated(said):
    """A plain text without its days, school years and times."""
    for words in _DAYS:
        said = re.sub(words, " ", said)
    return said


def bracket(text):
    """The Limits of a bracket as it is written, or None where the text names none."""
    return parted(text)[0]


def parted(text):
    """(Limits or None, what the text says beside them)."""
    said = re.sub(_AGES, " ", undated(plain(text))).strip()
    named = _without_name(said)
    signs = _signs(named)
    for shape, meaning in _SHAPES:
        if match := re.search(rf"(?<![\d.,a-z]){shape}", signs):
            limits = meaning(*(group for group in match.groups() if group))
            return (_opened(limits), f"{signs[: match.start()]} {signs[match.end() :]}") if limits else (None, said)
    return None, said


def _opened(limits):
    """“de 1501 à 9999”: nobody has more, so the bracket has no end."""
    endless = limits.high is not None and re.fullmatch(r"9{4,}(?:\.9+)?", str(limits.high))
    return replace(limits, high=None, below=False, with_high=False) if endless else limits


def _without_name(said):
    for name in _NAMES:
        rest = re.sub(name, "", said)
        if rest != said and re.search(r"\d", rest):
            return rest
    return said


def _signs(said):
    """The text with signs in the place of words, and § for the quotient."""
    said = re.sub(r"[()\[\]]", " ", said)
    said = re.sub(rf"^[-–] ?(?={NUMBER}{_E}$)", "<", re.sub(rf"^\+ ?(?={NUMBER}{_E}$)", ">", said.strip()))
    said = re.sub(rf"({NUMBER}){_E}(?:{_AND_LESS})", r" <= \1 ", said)
    said = re.sub(rf"({NUMBER}){_E}(?:{_AND_MORE})", r" >= \1 ", said)
    for words, sign in _SIGNS:
        said = re.sub(words, f" {sign} ", said)
    said = re.sub(rf"{QUOTIENT}(?: ?(?:caf|msa|de la caf|mensuel|familial|compris))*", " § ", said)
    said = re.sub(r"\bcompris\b", " ", said)
    said = re.sub(r"([<>]=?) *(?:(?:a|au|de)\b)? *", r"\1 ", said)
    return re.sub(r" +", " ", said).strip()


_ABOUT = {"<": ("high", "below"), "<=": ("high", "with_high"), ">": ("low", "above"), ">=": ("low", "with_low")}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _one(sign, value):
    end, said = _ABOUT[sign]
    return Limits(**{end: number(value), said: True})


def _both(sign, value, other_sign, other):
    """Two limits, each with its sign; both on one side say nothing."""
    one, two = _one(sign, value), _one(other_sign, other)
    low, high = (one, two) if one.low is not None else (two, one)
    if low.low is None or high.high is None:
        return None
    return Limits(low.low, high.high, low.above, high.below, low.with_low, high.with_high)


def _range(low, high):
    """“de 400 à 600”, which says of neither limit whether it is in it."""
    return Limits(number(low), number(high))


_SHAPES = (
    (rf"{_N}{_E}{_OP} ?§ ?{_OP} ?{_N}", lambda value, sign, other_sign, other: _both(_TURNED[sign], value, other_sign, other)),
    (rf"{_OP} ?{_N}{_E}(?:et|and|mais|a|,|-|–)? ?(?:§ ?)?{_OP} ?{_N}", _both),
    (
        rf"(?:de|du|entre|between|§)? ?{_N}{_E}(?:et|and|a|,|-|–) ?{_OP} ?{_N}",
        lambda low, sign, high: replace(_one(sign, high), low=number(low)) if "<" in sign else None,
    ),
    (rf"{_OP} ?{_N}{_E}{_TO} ?{_N}", lambda sign, low, high: replace(_one(sign, low), high=number(high)) if ">" in sign else None),
    (rf"(?:de|du|entre|between|§)? ?{_N}{_E}{_TO} ?{_N}", _range),
    (rf"{_N}{_E}{_OP} ?§", lambda value, sign: _one(_TURNED[sign], value)),
    (rf"{_OP} ?{_N}", _one),
)

"""How do towns publish a price table? Titles above and beside, limits in columns of their own, surcharges as rows, lines around."""

import re
from dataclasses import dataclass, field

from app.billing import doubts, reading
from app.billing.grid import Residence
from app.billing.modifiers import Change, TypedRule
from app.billing.reading import plain
from app.billing.table import LONGEST_CELL, LONGEST_TITLE, Typed, TypedHead
from app.billing.titles import read as read_title
from app.core.errors import DomainError
from app.core.i18n import _


@dataclass
class Taken:
    """What a file gave: the Typed table, and lines that were not understood, for a person to look at."""

    typed: Typed
    left_out: list = field(default_factory=list)


_LOW = r"^(?:de|du|from|min(?:i|imum)?|qf min(?:i|imum)?|borne (?:basse|inferieure|min)|a partir de)$"
_HIGH = r"^(?:a|au|to|max(?:i|imum)?|qf max(?:i|imum)?|borne (?:haute|superieure|max)|jusqu'a)$"
#: Columns of a rate of effort that is published in three.
_RATE, _FLOOR, _CEILING = r"\btaux\b|effort|\brate\b", r"plancher|^min|prix min|tarif min|floor", r"plafond|^max|prix max|tarif max|ceiling"


def _is_price(text):
    try:
        return reading.cell(text) is not None
    except reading.Doubtful:
        return True
    except ValueError:
        return False


def published(lines):
    """A table with titles above and beside; lines above and below it that hold no price are handed back."""
    lines = [line for line in lines if any(line)]
    width = max(map(len, lines))
    lines = [[*line, *[""] * (width - len(line))] for line in lines]
    priced = [number for number, line in enumerate(lines) if any(map(_is_price, line[1:]))]
    if not priced or any(_is_price(line[0]) for line in lines[:1]):
        raise DomainError(_("There is no table in it: titles of columns above, prices beside each row."))
    if priced[0] == 0:
        # "Tarif unique ; 3,50" needs no title above; of several prices, each wants one.
        lines, priced = [["", *[_("Price") if width == 2 else ""] * (width - 1)], *lines], [number + 1 for number in priced]
    body = [line for number, line in enumerate(lines) if number >= priced[0] and (number in priced or sum(map(bool, line)) > 1)]
    above = [line for line in lines[: priced[0]] if sum(map(bool, line)) > 1] or [lines[priced[0] - 1]]
    left_out = [line for line in lines if line not in body and line not in above]
    header, body = _one_rate(_joined(above), body)
    labels, low, high = _labels(header, body)
    if doubt := next(filter(None, (doubts.of_prices(header[number]) for number in (*labels, low, high) if number >= 0)), ""):
        raise DomainError(doubt)
    prices = [
        number for number in range(max([*labels, low, high]) + 1, len(header)) if header[number] or any(line[number] for line in body)
    ]
    body, rules = _rules_apart(body, labels, prices)
    body, membership = _membership_apart(body, labels, prices, header)
    typed = Typed(
        rules=rules,
        **membership,
        rows=[TypedHead(_row_title(line, labels, low, high)[:LONGEST_TITLE]) for line in body],
        columns=[TypedHead(header[number][:LONGEST_TITLE]) for number in prices],
        cells=[[line[number][:LONGEST_CELL] for number in prices] for line in body],
    )
    return Taken(typed, [" ".join(filter(None, line)) for line in left_out])


def _joined(above):
    """One title a column of several lines of titles: what stands once over several columns is meant for all of them."""
    lines = []
    for line in above[:-1]:
        filled, last = [], ""
        for number, cell in enumerate(line):
            last = cell or (last if number else "")
            filled.append(last)
        lines.append(filled)
    return [", ".join(dict.fromkeys(filter(None, parts))) for parts in zip(*lines, above[-1], strict=True)]


def _one_rate(header, body):
    """(header, body) with the columns rate, floor and ceiling as one: 0,36 % (2,60 – 4,50)."""
    places = [
        next((number for number, title in enumerate(header) if number and re.search(words, plain(title))), 0)
        for words in (_RATE, _FLOOR, _CEILING)
    ]
    rate, *limits = places
    if not rate or not any(limits):
        return header, body
    kept = [number for number in range(len(header)) if number not in limits or not number]
    lines = []
    for line in body:
        line = list(line)
        said = [f"{word} {line[place]}" for word, place in zip(("min", "max"), limits, strict=True) if place and line[place]]
        if "%" in line[rate] or re.fullmatch(r"[\d.,]+", line[rate]):
            share = line[rate] if "%" in line[rate] else f"QF x {line[rate]}"
            line[rate] = " ".join([share, *said])
        lines.append([line[number] for number in kept])
    return [header[number] for number in kept], lines


#: How towns say that a row changes the price; a number alone changes it where the row's title says so.
_MORE = r"(?:\+|majoration|majoree?s?|supplement|surcout|augmentation|penalite)(?: (?:de|du|tarif))* ?:? ?"
_LESS = r"(?:-|reduction|reduite?|remise|rabais|abattement|minoration|minoree?s?|degressivite)(?: (?:de|du|tarif))* ?:? ?"
_MORE_AFTER, _LESS_AFTER = (
    r" ?(?:de )?(?:plus|majoration|supplement(?:aires?)?|augmentation)",
    r" ?(?:de )?(?:moins|reduction|remise|rabais|abattement)",
)
_EUROS = r" ?(?:€|euros?)?"
_CHANGE = (
    (rf"{_MORE}(.+?) ?%|(.+?) ?%{_MORE_AFTER}", Change.percent_more),
    (rf"{_MORE}(.+?){_EUROS}|(.+?){_EUROS}{_MORE_AFTER}", Change.more),
    (rf"{_LESS}(.+?) ?%|(.+?) ?%{_LESS_AFTER}", Change.percent_less),
    (rf"{_LESS}(.+?){_EUROS}|(.+?){_EUROS}{_LESS_AFTER}", Change.less),
    (r"[x*×] ?(.+)|multiplie par (.+)", Change.times),
)
_WORDS = {
    "double": "x 2",
    "prix double": "x 2",
    "tarif double": "x 2",
    "demi-tarif": "- 50 %",
    "demi tarif": "- 50 %",
    "moitie prix": "- 50 %",
}


def _rules_apart(body, labels, prices):
    """(rows, rules): a row “Majoration hors délai: + 2 €” is a rule of the table."""
    rows, rules = [], []
    for line in body:
        title, texts = " ".join(line[number] for number in labels), {plain(line[number]) for number in prices if line[number]}
        change, value = _change(title, *texts) if len(texts) == 1 else (None, "")
        kinds = _kinds(title) if change else []
        rules += [TypedRule(kind, change.value, value, least) for kind, least in kinds]
        rows += [] if kinds else [line]
    return rows, rules


def _change(title, text):
    """(Change, the number) of a text such as “+ 1,50 €”, “majoration de 50 %”, or a number beside such a title; (None, "")."""
    text = _WORDS.get(text, text)
    signs = [sign for sign, words in (("+ ", _MORE), ("- ", _LESS)) if re.match(words, plain(title))]
    for said in (text, *(sign + text for sign in signs)):
        for pattern, change in _CHANGE:
            match = re.fullmatch(pattern, said)
            if match and re.fullmatch(reading.NUMBER, number := next(filter(None, match.groups()))):
                return change, number
    return None, ""


def _membership_apart(body, labels, prices, header):
    """(rows, what Typed says of the membership): a row “Adhésion annuelle” with one price, or one for those from elsewhere too."""
    rows, found = [], {}
    for line in body:
        title = " ".join(line[number] for number in labels)
        amounts = {}
        for number in prices:
            exterior = read_title(header[number], ()).head.residence is Residence.exterior
            amounts.setdefault("membership_exterior" if exterior else "membership", set()).add(line[number])
        if found or not doubts.membership(title) or "membership" not in amounts or any(len(texts) > 1 for texts in amounts.values()):
            rows.append(line)
            continue
        found = {name: texts.pop() for name, texts in amounts.items()} | {"per_family": re.search(r"famil", plain(title)) is not None}
    return rows, found


def _kinds(title):
    """[(kind of the rule, from which child on)] of a title such as “Majoration hors commune”."""
    head = read_title(title, ()).head
    found = [(charge, "") for charge in sorted(head.charges)]
    found += [("residence", "")] if head.residence is Residence.exterior else []
    found += [("own_lunch", "")] if head.own_lunch else []
    return found + [(kind, str(limits[0])) for kind, limits in (("rank", head.ranks), ("children", head.children)) if limits]


def _labels(header, body):
    """(columns that name the rows, the one of lower limits, of upper limits); -1 for none."""
    low = next((number for number, title in enumerate(header) if re.match(_LOW, plain(title))), -1)
    # "A" above the names of brackets is no "à".
    high = next((number for number, title in enumerate(header) if re.match(_HIGH, plain(title)) and (low >= 0 or len(title) > 2)), -1)
    first = max(low, high) + 1
    if not first:
        first = next((number for number in range(1, len(header)) if any(_is_price(line[number]) for line in body)), 1)
    return [number for number in range(first) if number not in (low, high)], low, high


def _row_title(line, labels, low, high):
    """The title of a row, its limits from columns of their own where the table has them."""
    name = " : ".join(filter(None, (line[number] for number in labels)))
    least, most = (line[number] if number >= 0 else "" for number in (low, high))
    if re.search(r"\d", least) and re.search(r"\d", most):
        limits = f"de {least} à {most}"
    elif re.search(r"\d", least):
        limits = f"{least} et plus"
    else:
        limits = f"jusqu'à {most}" if re.search(r"\d", most) else ""
    return " : ".join(filter(None, (name, limits)))

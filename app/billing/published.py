"""How do towns publish a price table? Titles above and beside, limits in columns of their own, surcharges as rows, lines around."""

import re
from dataclasses import dataclass, field

from app.billing import reading
from app.billing.grid import Residence
from app.billing.reading import plain
from app.billing.table import LONGEST_CELL, LONGEST_TITLE, Change, Typed, TypedHead, TypedRule
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
    except ValueError:
        return False


def published(lines):
    """A table with titles above and beside; lines above and below it that hold no price are handed back."""
    lines = [line for line in lines if any(line)]
    width = max(map(len, lines))
    lines = [[*line, *[""] * (width - len(line))] for line in lines]
    priced = [number for number, line in enumerate(lines) if any(map(_is_price, line[1:]))]
    if not priced or priced[0] == 0:
        raise DomainError(_("There is no table in it: titles of columns above, prices beside each row."))
    body = [line for number, line in enumerate(lines) if number >= priced[0] and (number in priced or sum(map(bool, line)) > 1)]
    above = [line for line in lines[: priced[0]] if sum(map(bool, line)) > 1] or [lines[priced[0] - 1]]
    left_out = [line for line in lines if line not in body and line not in above]
    header, body = _one_rate(_joined(above), body)
    labels, low, high = _labels(header, body)
    prices = [
        number for number in range(max([*labels, low, high]) + 1, len(header)) if header[number] or any(line[number] for line in body)
    ]
    body, rules = _rules_apart(body, labels, prices)
    typed = Typed(
        rules=rules,
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


_CHANGE = (
    (r"\+ ?(.+?) ?%", Change.percent_more),
    (r"\+ ?(.+?) ?(?:€|euros?)?", Change.more),
    (r"- ?(.+?) ?%", Change.percent_less),
    (r"- ?(.+?) ?(?:€|euros?)?", Change.less),
    (r"[x*×] ?(.+)", Change.times),
)


def _rules_apart(body, labels, prices):
    """(rows, rules): a row “Majoration hors délai: + 2 €” is a rule of the table."""
    rows, rules = [], []
    for line in body:
        texts = {plain(line[number]) for number in prices if line[number]}
        changes = [(change, match[1]) for pattern, change in _CHANGE if len(texts) == 1 and (match := re.fullmatch(pattern, *texts))]
        changes = [one for one in changes if re.fullmatch(reading.NUMBER, one[1])]
        kinds = _kinds(" ".join(line[number] for number in labels)) if changes else []
        rules += [TypedRule(kind, changes[0][0].value, changes[0][1], least) for kind, least in kinds]
        rows += [] if kinds else [line]
    return rows, rules


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

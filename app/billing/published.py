"""How do towns publish a price table? Titles above and beside, limits in columns of their own, surcharges as rows, lines around."""

import re
from dataclasses import dataclass, field

from app.billing import brackets, doubts, reading
from app.billing.formulas import QUOTIENT
from app.billing.grid import Residence
from app.billing.modifiers import Change, TypedRule
from app.billing.reading import is_price, plain
from app.billing.table import LONGEST_CELL, LONGEST_TITLE, Typed, TypedHead
from app.billing.titles import read as read_title
from app.core.errors import DomainError
from app.core.i18n import _


@dataclass
class Taken:
    """What a file gave: the Typed table, and lines that were not understood, for a person to look at."""

    typed: Typed
    left_out: list = field(default_factory=list)


#: Above limits that stand in columns of their own: “De”, “QF minimum (€)”.
_OF_QF = rf"(?:{QUOTIENT}(?: ?(?:caf|msa))*[ :]*)?"
_IN_EUROS = r"(?: ?\(?(?:€|en euros?)\)?)?"
_LOW = rf"^{_OF_QF}(?:de|du|from|min(?:i|imum|imal)?\.?|borne (?:basse|inferieure|min)|a partir de){_IN_EUROS}$"
_HIGH = rf"^{_OF_QF}(?:a|au|to|max(?:i|imum|imal)?\.?|borne (?:haute|superieure|max)|jusqu'a){_IN_EUROS}$"
_QUOTIENTS = rf"^(?:tranches? (?:de )?)?{QUOTIENT}(?: ?(?:caf|msa))*{_IN_EUROS}$"
#: Beside 1, 2, 3…, which are then no prices.
_NUMBERED = rf"(?:n ?[°o] )?(?:de )?(?:(?:tranche|categorie|palier|niveau|groupe|bareme|tarifaire|de|du|{QUOTIENT})s? ?)+"
#: Columns of a rate of effort that is published in three.
_RATE, _FLOOR, _CEILING = r"\btaux\b|effort|\brate\b", r"plancher|^min|prix min|tarif min|floor", r"plafond|^max|prix max|tarif max|ceiling"


def published(lines, units=()):
    """A table with titles above and beside; lines above and below it that hold no price are handed back."""
    lines = [line for line in lines if any(line)]
    width = max(map(len, lines))
    lines = [[*line, *[""] * (width - len(line))] for line in lines]
    priced = [number for number, line in enumerate(lines) if any(map(is_price, line[1:])) and not _only_numbers(line)]
    if not priced or any(is_price(line[0]) for line in lines[:1]):
        raise DomainError(_no_table(lines))
    if priced[0] == 0:
        # "Tarif unique ; 3,50" needs no title above; of several prices, each wants one.
        lines, priced = [["", *[_("Price") if width == 2 else ""] * (width - 1)], *lines], [number + 1 for number in priced]
    above = [line for line in lines[: priced[0]] if sum(map(bool, line)) > 1] or [lines[priced[0] - 1]]
    start = max(number for number, line in enumerate(lines[: priced[0]]) if line in above) + 1
    body, sections, left_out = _sections(_once(lines[start:], above[-1]), units)
    left_out = [" ".join(filter(None, line)) for line in lines[:start] if line not in above] + left_out
    header, body = _one_rate(_joined(above), body)
    labels, low, high = _labels(header, body)
    if doubt := next(filter(None, (doubts.of_prices(header[number]) for number in (*labels, low, high) if number >= 0)), ""):
        raise DomainError(doubt)
    prices = [
        number for number in range(max([*labels, low, high]) + 1, len(header)) if header[number] or any(line[number] for line in body)
    ]
    body = _filled(body, labels, units)
    titles = [_row_title(line, labels, low, high) for line in body]
    body = [[*line, section] for line, section in zip(body, _kept(titles, sections, units), strict=True)]
    body, rules = _rules_apart(body, labels, prices)
    body, membership = _membership_apart(body, labels, prices, header)
    typed = Typed(
        rules=rules,
        **membership,
        rows=[TypedHead(_short(", ".join(filter(None, (_row_title(line, labels, low, high), line[-1]))))) for line in body],
        columns=[TypedHead(_short(header[number])) for number in prices],
        cells=[[line[number][:LONGEST_CELL] for number in prices] for line in body],
    )
    return Taken(typed, left_out)


def _no_table(lines):
    """Why there is no table in lines."""
    if len(lines) > 3 and max(map(len, lines)) == 1 and sum(is_price(line[0]) for line in lines) > 1:
        return _("Each cell stands on a line of its own. Copy the table into a spreadsheet first, and from there.")
    return _("There is no table in it: titles of columns above, prices beside each row.")


def _short(title):
    """A title that fits; a shortened one might say something else."""
    if len(title) > LONGEST_TITLE:
        raise DomainError(_("“%(title)s” is too long for a title: %(number)d letters at most.", title=title, number=LONGEST_TITLE))
    return title


def _only_numbers(line):
    """Whether a line only counts the brackets: “Tranche ; 1 ; 2 ; 3”."""
    counted = [cell for cell in line[1:] if cell]
    return (
        len(counted) > 1
        and re.fullmatch(_NUMBERED, plain(line[0])) is not None
        and counted == [str(number) for number in range(1, len(counted) + 1)]
    )


def _once(lines, titles):
    """Lines without the titles of columns that come again above each part of a table. DomainError where they are others."""
    again = [line for line in lines if titles[0] == line[0] != "" and any(line[1:]) and not any(map(is_price, line[1:]))]
    if any(line != titles for line in again):
        raise DomainError(_("There are two tables in it, with other titles of columns. Write one, with a column for each of them."))
    return [line for line in lines if line != titles]


def _sections(lines, units):
    """(rows, what stands above each as the title of a part of the table, lines that say neither)."""
    rows, sections, left_out, section = [], [], [], ""
    for line in lines:
        texts = [cell for cell in line if cell]
        if len(texts) > 1 or any(map(is_price, line[1:])):
            rows.append(line)
            sections.append(section)
        elif _is_meant(texts[0], units):
            section = texts[0]
        else:
            section = ""
            left_out.append(texts[0])
    if section and section not in sections:
        left_out.append(section)
    return rows, sections, left_out


def _kept(titles, sections, units):
    """Sections without the last for what stands below all of them: “Repas adulte”, “Absence”, “PAI” that no other section has."""
    kept = []
    for title, section in zip(titles, sections, strict=True):
        head = read_title(title, units).head
        alone = titles.count(title) == 1 and section == sections[-1]
        kept.append("" if alone and (head.category or head.own_lunch or head.charges) else section)
    return kept


def _is_meant(title, units):
    """Whether a title says for whom or what prices are, beside any bracket."""
    meaning = read_title(title, units)
    return meaning.limits is None and (any(meaning.head.weight) or meaning.no_proof)


def _filled(body, labels, units):
    """Rows whose first title stands once for several: “Journée ; CAF”, below it “ ; MSA”."""
    filled, last = [], ""
    for line in body:
        line, outer = list(line), labels[0] if len(labels) > 1 else -1
        if outer >= 0 and not line[outer] and any(line[number] for number in labels[1:]):
            line[outer] = last if _is_meant(last, units) else ""
        last = line[outer] if outer >= 0 else ""
        filled.append(line)
    return filled


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
_EUROS = (
    r" ?(?:€|euros?)?(?: (?:au|du|sur (?:le|chaque)) (?:tarif|prix)\b.*| ?(?:/|par) ?(?:repas|enfant|jour|heure|seance|accueil|presence))*"
)
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
        if not texts and len(labels) > 1:
            title, texts = line[labels[0]], {plain(line[number]) for number in labels[1:] if line[number]}
        change, value = _change(title, *texts) if len(texts) == 1 else (None, "")
        kinds = _kinds(title) if change and not doubts.paid_once(title) else []
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
    """(rows, what Typed says of the membership): a row “Adhésion annuelle” with one price, or one for those from elsewhere too.

    Several rows, or a column, are priced in the table as everything else.
    """
    titles = [" ".join(line[number] for number in labels) for line in body]
    rows, named = [], list(filter(doubts.membership, [*titles, *(header[number] for number in prices)]))
    found = {"per_family": any("famil" in plain(title) for title in named)} if len(named) != 1 or named[0] not in titles else {}
    for line, title in zip(body, titles, strict=True):
        amounts = {}
        for number in prices:
            exterior = read_title(header[number], ()).head.residence is Residence.exterior
            amounts.setdefault("membership_exterior" if exterior else "membership", set()).add(line[number])
        if found or not doubts.membership(title) or "membership" not in amounts or any(len(texts) > 1 for texts in amounts.values()):
            rows.append(line)
            continue
        found = {name: texts.pop() for name, texts in amounts.items()} | {"per_family": "famil" in plain(title)}
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
    if low < 0 and (pair := _pair(header, body)) >= 0:
        return list(range(pair)), pair, pair + 1
    # "A" above the names of brackets is no "à".
    high = next((number for number, title in enumerate(header) if re.match(_HIGH, plain(title)) and (low >= 0 or len(title) > 2)), -1)
    first = max(low, high) + 1
    if not first:
        first = next((number for number in range(1, len(header)) if any(is_price(line[number]) for line in body)), 1)
    return [number for number in range(first) if number not in (low, high)], low, high


def _pair(header, body):
    """The column of lower limits where one title, “Quotient familial”, stands above those and the upper ones; -1 for none."""
    for number, title in enumerate(header[:-2]):
        if re.match(_QUOTIENTS, plain(title)) and header[number + 1] in ("", title):
            limits = [plain(cell) for line in body for cell in line[number : number + 2] if cell]
            if limits and all(re.fullmatch(rf"{reading.NUMBER} ?(?:€|euros?)?|{_OPEN}", cell) for cell in limits):
                return number
    return -1


#: What stands in the place of an upper limit that there is not, or of a lower one.
_OPEN = r"(?:et|ou)? ?(?:\+|plus|au[- ]dela)|rsa|-|–|—|/|…"


def _row_title(line, labels, low, high):
    """The title of a row, its limits from columns of their own where the table has them."""
    name = " : ".join(dict.fromkeys(filter(None, (line[number] for number in labels))))
    least, most = (re.sub(r"^[dD]e |\s+[àa]u?$", "", line[number]) if number >= 0 else "" for number in (low, high))
    if re.search(r"\d", least) and re.search(r"\d", most):
        limits = f"de {least} à {most}"
    elif re.search(r"\d", least):
        limits = least if brackets.bracket(least) else f"{least} et plus"
    else:
        limits = f"jusqu'à {most}" if re.search(r"\d", most) else ""
    return " : ".join(filter(None, (name, limits)))

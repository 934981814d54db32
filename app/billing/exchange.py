"""How does a price table leave and come as a file? CSV with all that a grid says; and the tables of towns, as they publish them.

Our own file has a column and a line "pour", which say whom and what each row and column is for; its words are French, as the
spreadsheets that it is edited in. A table without them is read by its titles.
"""

import csv
import io
import re

from app.billing import clippings, reading
from app.billing.grid import HIGHEST, REFUSE, Bounds, ModifierKind
from app.billing.modifiers import Change, TypedRule, said
from app.billing.published import Taken, published
from app.billing.reading import plain
from app.billing.table import LONGEST_CELL, LONGEST_TITLE, MOST_COLUMNS, MOST_ROWS, MOST_RULES, Details, Typed, TypedHead
from app.core.errors import DomainError
from app.core.i18n import _

LARGEST_TEXT = clippings.LARGEST
WHOM = "pour"
EVERYBODY = "tous"
RULES, WITHOUT, LIMITS, MEMBERSHIP = "regles", "sans justificatif", "limites des tranches", "adhesion annuelle"
SHARED = "pour toutes les activités"
_WITHOUT = {HIGHEST: "tranche la plus haute", REFUSE: "pas de prix"}
_BOUNDS = {Bounds.to_cent: "la suivante commence au centime", Bounds.to_euro: "la suivante commence à l'euro", Bounds.below: "exclues"}
_RESIDENCE = {"resident": "commune", "exterior": "hors commune"}
_STAGE = {"nursery": "maternelle", "primary": "élémentaire"}
_CHARGES = {"late": "réservé tard", "missing": "sans réservation", "told_late": "absence tardive", "unannounced": "absence non signalée"}
_KINDS = _CHARGES | {"residence": "hors commune", "fund": "caisse", "children": "enfants inscrits", "rank": "rang de l'enfant"}
_KINDS |= {"own_lunch": "panier repas (PAI)", "booked": "réservé", "membership": "adhésion annuelle"}
_CHANGES = {
    Change.more: "ajoute",
    Change.less: "retire",
    Change.percent_more: "augmente de %",
    Change.percent_less: "baisse de %",
    Change.times: "multiplie par",
    Change.set: "fixe le prix à",
    Change.shift: "tranches plus basses",
}


def _key(words, text):
    """The key of a word of a file; DomainError with a sentence for one that is not there."""
    wanted = plain(text)
    for key, word in words.items():
        if wanted in (plain(word), plain(str(key))):
            return str(getattr(key, "value", key))
    raise DomainError(_("The word “%(word)s” is not known here.", word=text[:40]))


# -- out --------------------------------------------------------------------------------------------------------------------------------


def to_csv(grid, units):
    """The text of a file that from_csv() makes the same Grid of."""
    names = {unit.id: unit.name for unit in units}
    lines = [["", "", *(column.title for column in grid.columns)]]
    lines.append(["", WHOM, *(_whom(column, grid, names) for column in grid.columns)])
    for row, cells in zip(grid.rows, grid.cells, strict=True):
        lines.append([row.title, _whom(row, grid, names), *map(reading.cell_text, cells)])
    lines += [[], ["Limites des tranches", _BOUNDS[grid.bounds]]]
    if grid.without_quotient in _WITHOUT:
        lines.append(["Sans justificatif", _WITHOUT[grid.without_quotient]])
    if grid.membership is not None:
        exterior = grid.membership.exterior
        lines.append(
            [
                "Adhésion annuelle",
                "" if grid.membership.amount is None else reading.decimal_text(grid.membership.amount, 2),
                "par famille" if grid.membership.per_family else "par enfant",
                "" if exterior is None else reading.decimal_text(exterior, 2),
                SHARED if grid.membership.shared else "",
            ]
        )
    if grid.modifiers:
        lines += [[], ["Règles", "effet", "valeur", "à partir de", "pour"], *(_rule(modifier, names) for modifier in grid.modifiers)]
    return _written(lines)


def _written(lines):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerows([[re.sub(r"^(?='*[=+\-@])", "'", cell) for cell in line] for line in lines])
    return "\ufeff" + out.getvalue()


def _whom(head, grid, names):
    """The words of a row or column: qf=308,01-500 | lieu=hors commune | unité=Journée."""
    details = Details.of(head)
    words = []
    if head.lowest is not None or head.highest is not None:
        words.append(f"qf={details.low}-{details.high}")
    if head.category:
        words.append(f"nom={head.category}")
        if head.category.casefold() == grid.without_quotient.casefold():
            words.append(WITHOUT)
    words += [f"unité={names[int(unit)]}" for unit in details.units if int(unit) in names]
    words += [f"lieu={_RESIDENCE[details.residence]}"] if details.residence else []
    words += [f"école={_STAGE[details.stage]}"] if details.stage else []
    words += [f"{word}={text}" for word, text in (("rang", details.ranks), ("enfants", details.children), ("âge", details.ages)) if text]
    words += [f"caisse={fund}" for fund in details.funds] + [f"cas={_KINDS[charge]}" for charge in details.charges]
    return " | ".join([*words, *(["pai"] if head.own_lunch else [])]) or EVERYBODY


def _rule(modifier, names):
    change, value = said(modifier)
    whom = [f"unité={names[unit]}" for unit in sorted(modifier.units) if unit in names] + [
        f"caisse={fund}" for fund in sorted(modifier.funds)
    ]
    return [
        _KINDS[modifier.kind.value],
        _CHANGES[change],
        reading.decimal_text(value),
        str(modifier.least) if modifier.least else "",
        " | ".join(whom),
    ]


# -- in ---------------------------------------------------------------------------------------------------------------------------------


def decoded(content):
    """The text of a file's bytes, whatever spreadsheet wrote it."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def from_csv(text, units):
    """The Taken of a file or of what was copied from a spreadsheet. Raises DomainError with a sentence."""
    lines = clippings.lines(text)
    if not any(map(any, lines)):
        raise DomainError(_("There is no table in it."))
    start = next((number for number, line in enumerate(lines) if plain(_at(line, 1)) == WHOM and not _at(line, 0)), None)
    taken = _ours(lines, start, units) if start else published(lines, units)
    typed = taken.typed
    if not typed.rows or not typed.columns:
        raise DomainError(_("There is no table in it: titles of columns above, prices beside each row."))
    if len(typed.rows) > MOST_ROWS or len(typed.columns) > MOST_COLUMNS or len(typed.rules) > MOST_RULES:
        raise DomainError(_("A table has at most %(rows)d rows and %(columns)d columns.", rows=MOST_ROWS, columns=MOST_COLUMNS))
    return taken


def _at(line, place):
    return line[place] if place < len(line) else ""


def _ours(lines, start, units):
    """A file of ours: titles, then the line "pour", then the rows until an empty line; then what stands below."""
    by_name = {plain(unit.name): str(unit.id) for unit in units}
    width = max(number for number, cell in enumerate(lines[start]) if cell) + 1
    titles = [_at(lines[start - 1], number)[:LONGEST_TITLE] for number in range(2, width)]
    typed = Typed(columns=[_head(title, whom, by_name) for title, whom in zip(titles, lines[start][2:width], strict=True)])
    rest = iter(lines[start + 1 :])
    for line in rest:
        if not any(line):
            break
        typed.rows.append(_head(_at(line, 0)[:LONGEST_TITLE], _at(line, 1), by_name))
        typed.cells.append([_at(line, number)[:LONGEST_CELL] for number in range(2, width)])
    left_out, rules = [], False
    for line in rest:
        what = plain(_at(line, 0))
        if rules and any(line):
            typed.rules.append(_typed_rule(line, by_name))
        elif what == RULES:
            rules = True
        elif any(line) and not _below(typed, what, line):
            left_out.append("; ".join(filter(None, line)))
    return Taken(typed, left_out)


def _below(typed, what, line):
    """Take a line that stands below the table; whether it was understood."""
    if what == LIMITS:
        typed.bounds = _key(_BOUNDS, _at(line, 1))
    elif what == WITHOUT:
        typed.without = _key(_WITHOUT, _at(line, 1))
    elif what == MEMBERSHIP:
        typed.membership, typed.membership_exterior = _at(line, 1), _at(line, 3)
        typed.per_family, typed.shared = plain(_at(line, 2)) == "par famille", plain(_at(line, 4)) == plain(SHARED)
    return what in (LIMITS, WITHOUT, MEMBERSHIP)


def _head(title, whom, by_name):
    """A TypedHead of a title and the words beside it; none: the title says it."""
    if not whom.strip():
        return TypedHead(title)
    details = Details()
    for word in filter(None, map(str.strip, whom.split(" | "))):
        _take_word(details, word, by_name)
    return TypedHead(title, auto=False, details=details)


_RANGES = {"rang": "ranks", "enfants": "children", "age": "ages"}
_CHOICES = {"lieu": ("residence", _RESIDENCE), "ecole": ("stage", _STAGE)}


def _take_word(details, word, by_name):
    name, _equals, value = (part.strip() for part in word.partition("="))
    name = plain(name)
    if name == "qf":
        details.low, _dash, details.high = (part.strip() for part in value.partition("-"))
    elif name == "nom":
        details.name = value
    elif name in _RANGES:
        setattr(details, _RANGES[name], value)
    elif name in _CHOICES:
        attribute, words = _CHOICES[name]
        setattr(details, attribute, _key(words, value))
    elif name == "unite":
        details.units.append(_unit(by_name, value))
    elif name == "caisse":
        details.funds.append(_key({"caf": "caf", "msa": "msa", "none": "aucune"}, value))
    elif name == "cas":
        details.charges.append(_key(_KINDS, value))
    elif name == "pai":
        details.own_lunch = True
    elif name == WITHOUT:
        details.no_proof = True
    elif name != EVERYBODY:
        raise DomainError(_("The word “%(word)s” is not known here.", word=word[:40]))


def _unit(by_name, value):
    if plain(value) not in by_name:
        raise DomainError(_("This activity offers no “%(name)s”.", name=value[:40]))
    return by_name[plain(value)]


def _typed_rule(line, by_name):
    whom = Details()
    for word in filter(None, map(str.strip, _at(line, 4).split(" | "))):
        _take_word(whom, word, by_name)
    kinds = {kind.value: _KINDS[kind.value] for kind in ModifierKind}
    return TypedRule(_key(kinds, _at(line, 0)), _key(_CHANGES, _at(line, 1)), _at(line, 2), _at(line, 3), whom.units, whom.funds)

"""Where does a cell end in a text that was copied from a spreadsheet, a page or a PDF? Text in, lines of cells out."""

import csv
import io
import re
from itertools import takewhile

from app.billing.reading import is_price
from app.core.errors import DomainError
from app.core.i18n import _

LARGEST = 200_000
#: What parts the cells of a line, the surest first; and a character that no text has.
_PARTED = {"\t": "\t", ";": ";", "|": r"\|", " ": r"\S\s{2,}\S", ",": r"(?:^|\D),|,(?:\D|$)"}
_DECIMAL = "\ue000"


def lines(text):
    """[[cells]] of a text, without what is around them. Raises DomainError with a sentence."""
    text = text.removeprefix("\ufeff")
    if len(text) > LARGEST:
        raise DomainError(_("This file is too large for a price table."))
    text = text.replace("\x00", "")
    first = [line for line in text.splitlines() if line.strip()][:20]
    sign = next(
        (sign for sign, words in _PARTED.items() if sum(re.search(words, line) is not None for line in first) * 2 > len(first)), ";"
    )
    if sign == " ":
        return _spaced(text)
    if sign == ",":
        # A comma between two digits is a decimal one, unless quotes tell it from those that part.
        text = re.sub(r"(?<=\d),(?=\d)", _DECIMAL, text)
    try:
        rows = [[_cleaned(cell.replace(_DECIMAL, ",")) for cell in row] for row in csv.reader(io.StringIO(text), delimiter=sign)]
    except csv.Error:
        raise DomainError(_("This file cannot be read as a table.")) from None
    return _from_page(rows) if sign == "\t" else _without_lines(rows) if sign == "|" else rows


def _cleaned(cell):
    cell = " ".join("".join(char if char.isprintable() else " " for char in cell).split())
    return re.sub(r"^'(?='*[=+\-@])", "", cell)


def _without_lines(rows):
    """A table that was drawn with | and lines, without these."""
    rows = [row for row in rows if re.search(r"[^-:=+| ]", "".join(row))]
    return [row[1 if all(not one[:1] or not one[0] for one in rows) else 0 :] for row in rows]


def _unclear(row):
    sentence = _(
        "“%(line)s”: it is not clear which prices belong to which column. Put a semicolon between the cells, or copy the table into a"
        " spreadsheet first.",
        line=" ".join(filter(None, row))[:80],
    )
    return DomainError(sentence)


def _spaced(text):
    """A table from a PDF or a page, its cells parted by spaces: where a line has more or fewer than the others, nobody can tell whose."""
    rows = [[_cleaned(cell) for cell in re.split(r"\s{2,}", line.strip())] for line in text.splitlines() if line.strip()]
    widths = [len(row) for row in rows if len(row) > 1]
    usual = max(set(widths), key=lambda width: (widths.count(width), width))
    for place, row in enumerate(rows):
        if 1 < len(row) == usual - 1 and row[0] and all(len(other) != usual for other in rows[:place]):
            # The titles of columns, and none above those of the rows.
            row.insert(0, "")
        elif len(row) not in (1, usual):
            raise _unclear(row)
    return rows


# -- a page: where a cell spans others, its line has fewer ------------------------------------------------------------------------------


def _from_page(rows):
    """Lines of one width. A spreadsheet gives them so; a page leaves out the cells over which another one spans."""
    rows = [row for row in rows if any(row)]
    width = max(map(len, rows), default=0)
    above = list(takewhile(lambda row: not any(map(is_price, row[1:])), rows))
    body = [_with_label(row, rows, width) for row in rows[len(above) :]]
    return [*_spread([row for row in above if sum(map(bool, row)) > 1], width, above), *body]


def _spread(titles, width, above):
    """Lines of titles as wide as the table: those that span others stand above the first of them."""
    if all(len(row) == width for row in titles):
        return above
    bottom = titles[-1] if len(titles[-1]) == width else ["", *titles[-1]]
    if len(bottom) != width:
        raise _unclear(titles[-1])
    spread = {id(titles[-1]): bottom}
    for row in titles[:-1]:
        size, left = divmod(width - 1, len(row) - 1)
        # “Matin, Soir, Matin, Soir” below two titles: each of them is for as many columns.
        if left or len({tuple(bottom[place : place + size]) for place in range(1, width, size)}) > 1 < len(row) - 1:
            raise _unclear(row)
        spread[id(row)] = [row[0], *(cell for title in row[1:] for cell in (title, *[""] * (size - 1)))]
    return [spread.get(id(row), row) for row in above]


def _with_label(row, rows, width):
    """A line below another whose title spans both; one that says the same of all columns, or nothing of any, is left as it is."""
    if len(row) in (1, width) or sum(map(bool, row)) < 2:
        return row
    prices = max(sum(map(is_price, other[1:])) for other in rows if len(other) == width)
    if len(row) == width - 1 and sum(map(is_price, row[1:])) == prices and not is_price(row[0]):
        return ["", *row]
    if len(row) == 2 and not is_price(row[1]):
        return row
    raise _unclear(row)

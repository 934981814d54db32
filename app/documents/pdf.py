"""How does a page become a PDF? With no sign lost in silence, and as many pages as it says."""

import io
import re
import unicodedata
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Response, render_template
from markupsafe import Markup
from PIL import Image, ImageOps

from app.core.db import in_unit_of_work
from app.core.files import clean_name

FONTS = Path(__file__).parents[1] / "static/fonts/pdf"
REGULAR = "AtkinsonHyperlegibleNext_400Regular.ttf"

#: What stands for signs that the font lacks (emoji, other scripts).
UNPRINTABLE = "[?]"
#: Where a template explains UNPRINTABLE, if it was needed.
NOTE_BEGINS, NOTE_ENDS = "<!--unprintable-->", "<!--/unprintable-->"
#: Stands for the number of pages, which is known when the page is printed.
PAGES = "<!--pages-->"
#: Around what only a document of several pages has.
MORE = re.compile("<!--more-->(.*?)<!--/more-->", re.S)
_PAGE = re.compile(rb"/Type /Page\b")
_ALIKE = {"\u202f": "\u00a0", "\u2011": "-", "\u2010": "-", "→": ">", "✓": "x", "\t": " "}


class PdfFailed(RuntimeError):
    """A document could not be made. A programming error."""


@dataclass(frozen=True)
class Printed:
    """A PDF and how many pages it has."""

    content: bytes
    pages: int


def render_pdf(template, *, guess=1, **context):
    """The bytes of templates/documents/<template>.html as a PDF, in the language of the moment (in_locale() for another reader).

    About 0.1 s of processor: never inside a unit of work, many of them in a job. `guess`: how many pages it will mostly have.
    """
    return print_page(page_of(template, **context), guess=guess).content


def page_of(template, **context):
    """The page that templates/documents/<template>.html comes to, ready for print_page()."""
    words = {"fonts": FONTS.as_posix(), "unprintable": UNPRINTABLE, "pages": Markup(PAGES)}
    return printable(render_template(f"documents/{template}.html", **words, **context))


def print_page(page, *, guess=1):
    """The Printed of a page. Asks neither the database nor the request: documents/press.py calls it in other processes.

    The number of pages is guessed: xhtml2pdf would lay out every document twice to know it, which costs half as much again.
    """
    if in_unit_of_work():
        raise RuntimeError("no PDF is made inside a unit of work")
    for _attempt in range(3):
        content = _convert(MORE.sub(r"\1" if guess > 1 else "", page).replace(PAGES, str(guess)))
        pages = len(_PAGE.findall(content))
        if pages == guess or PAGES not in page:
            break
        guess = pages
    return Printed(content, pages)


def get_ready():
    """Load what prints, half a second: for a server before it forks. Elsewhere the first page does it, and what prints none never waits."""
    from app.documents import converter

    return converter


def _convert(page):
    content, errors = get_ready().convert(page, FONTS, REGULAR)
    if errors:
        raise PdfFailed(f"{errors} errors")
    return content


def pdf_response(content, filename):
    """A PDF for the browser: shown, and kept by it under this name if the reader wants."""
    response = Response(content, mimetype="application/pdf")
    response.headers.set("Content-Disposition", "inline", filename=clean_name(filename))
    return response


def portrait(content, *, size=(450, 600)):
    """A picture's bytes as an address that a template can show, cut to a passport photograph's shape; None where they are none."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            shown = ImageOps.fit(image.convert("RGBA"), size, centering=(0.5, 0.3))
            flat = Image.new("RGB", size, "white")
            flat.paste(shown, mask=shown.getchannel("A"))
    except (OSError, ValueError):
        return None
    out = io.BytesIO()
    flat.save(out, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{b64encode(out.getvalue()).decode()}"


def printable(html):
    """The page with signs that the font has: the nearest letter, or UNPRINTABLE once for a run, with the note that explains it."""
    text = unicodedata.normalize("NFC", html)
    signs = {ord(char): _nearest(char) for char in set(text)}
    if None in signs.values():
        return _with_gaps(text)
    text = text.translate({code: near for code, near in signs.items() if near != chr(code)})
    if NOTE_BEGINS in text:
        before, _, rest = text.partition(NOTE_BEGINS)
        text = before + rest.partition(NOTE_ENDS)[2]
    return text


def _with_gaps(text):
    """The text with UNPRINTABLE for each run of signs that are nowhere near a letter of the font."""
    signs, gap = [], False
    for char in text:
        near = _nearest(char)
        if near is None:
            if not gap:
                signs.append(UNPRINTABLE)
            gap = True
        else:
            gap = gap and near == ""
            signs.append(near)
    return "".join(signs)


@cache
def _nearest(char):
    """A text that the font has for this sign; "" for what is not seen anyway; None where there is nothing near."""
    if char == "\n" or ord(char) in _glyphs():
        return char
    if char in _ALIKE:
        return _ALIKE[char]
    if unicodedata.category(char) in ("Cc", "Cf", "Mn", "Me", "Cs"):
        return ""
    letters = unicodedata.normalize("NFKD", char)
    while letters:
        near = unicodedata.normalize("NFC", letters)
        if all(ord(letter) in _glyphs() for letter in near):
            return near
        if not unicodedata.combining(letters[-1]):
            return None
        letters = letters[:-1]
    return None


@cache
def _glyphs():
    """The signs that the font has, by code point."""
    from reportlab.pdfbase.ttfonts import TTFontFile

    return frozenset(TTFontFile(str(FONTS / REGULAR)).charToGlyph)

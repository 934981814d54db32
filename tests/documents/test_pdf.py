"""Does a document read nothing but our fonts, and fail aloud?"""

import logging
import re
from pathlib import Path

import pytest

from app.documents import converter, pdf
from app.documents.pdf import PdfFailed, portrait, printable, render_pdf

pytestmark = pytest.mark.once


def write(app, monkeypatch, html):
    monkeypatch.setattr(pdf, "render_template", lambda *_names, **_context: html)
    with app.test_request_context("/"):
        return render_pdf("any")


def test_a_document_reads_no_file_of_the_machine(app, monkeypatch, tmp_path, caplog):
    from PIL import Image

    secret = tmp_path / "secret.png"
    Image.new("RGB", (10, 10)).save(secret)
    with caplog.at_level(logging.WARNING):
        made = write(app, monkeypatch, f'<img src="{secret}"><img src="http://127.0.0.1:9/x.png"><p>text</p>')
    assert b"/Image" not in made.replace(b"/ImageB", b"").replace(b"/ImageC", b"").replace(b"/ImageI", b"")


def test_a_failure_is_raised(app, monkeypatch):
    class Failed:
        err = 1

    monkeypatch.setattr(converter.pisa, "CreatePDF", lambda *_a, **_k: Failed())
    with pytest.raises(PdfFailed):
        write(app, monkeypatch, "<p>x</p>")


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Léa Œuvrard-Çelik, Łódź", "Léa Œuvrard-Çelik, Łódź"),
        ("Le\u0301a", "Léa"),
        ("Nguyễn", "Nguyên"),
        ("👨‍👩‍👧 famille", "[?] famille"),
        ("李小龙", "[?]"),
        ("1\u202f200 €", "1\u00a0200 €"),
        ("soft\u00adhyphen\u200b", "softhyphen"),
        ("→", ">"),
        ("ﬁn", "fin"),
    ],
)
def test_signs_that_the_font_lacks(text, printed):
    assert printable(text) == printed


def test_the_note_stands_only_where_it_is_needed():
    page = "<!--unprintable-->note<!--/unprintable-->"
    assert printable(f"a{page}b") == "ab"
    assert "note" in printable(f"🦄{page}")


def test_what_is_no_picture_is_not_shown():
    assert portrait(b"nothing") is None


def test_what_the_elements_of_our_documents_mean_is_said():
    known = set(re.findall(r"\w+", re.sub(r"\{[^}]*\}", " ", converter.ELEMENTS))) | {"head", "meta", "title", "style", "br", "span", "img"}
    folder = Path(pdf.__file__).parents[1] / "templates/documents"
    used = {element for path in folder.glob("*.html") for element in re.findall(r"<([a-z][a-z0-9]*)(?=[\s/>])", path.read_text())}
    assert used <= known

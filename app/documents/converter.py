"""How is a page converted to PDF? The only caller of xhtml2pdf: no network, and no file but our fonts."""

import io
from functools import cache

from reportlab import rl_config
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus.tables import CellStyle
from xhtml2pdf import pisa
from xhtml2pdf.config.resources import ResourceAccessPolicy

#: What xhtml2pdf takes for granted of the elements that our documents use: its own list of all elements is read anew for each
#: document, which costs 4 % of a page. tests/documents/test_pdf.py says which element is missing here.
ELEMENTS = """
html {
  font-family: Helvetica; font-size: 10px; font-weight: normal; color: #000000; margin: 0; padding: 0; line-height: 150%;
  border: 1px none; display: inline; width: auto; height: auto; white-space: normal;
}
b { font-weight: bold; }
h1, h2 { font-weight: bold; -pdf-outline: true; -pdf-outline-open: false; }
h1 { font-size: 138.5%; -pdf-outline-level: 0; }
h2 { font-size: 123.1%; -pdf-outline-level: 1; }
h3 { font-weight: bold; }
h1, h2, h3, p { margin: 1em 0; }
body, div, h1, h2, h3, p, table, th, tr, td { display: block; }
tr, th, td { vertical-align: middle; width: auto; }
th { text-align: center; font-weight: bold; }
"""
#: Bytes as they are: writing them as text costs time, and a quarter more room.
rl_config.useA85 = 0


def convert(page, fonts, regular):
    """(bytes, number of errors) of an HTML page whose fonts are in this folder; `regular` is the file of the one that pages begin with."""
    _begin_with(fonts / regular)
    # It reads these files and nothing else: a font elsewhere would be replaced by one that is not embedded, without a word.
    policy = ResourceAccessPolicy.server(fonts, allow_remote=False)
    out = io.BytesIO()
    result = pisa.CreatePDF(page, dest=out, encoding="utf-8", default_css=ELEMENTS, resource_policy=policy)
    return out.getvalue(), result.err


@cache
def _begin_with(font):
    """Pages and cells of tables begin with this font, not with Helvetica, which nothing is drawn in and no file embeds."""
    pdfmetrics.registerFont(TTFont(font.stem, font))
    rl_config.canvas_basefontname = CellStyle.fontname = font.stem

"""Is a PDF that somebody sends taken if it is one, and only then?"""

import io

import pytest
from pypdf import PdfWriter

from app.core.errors import DomainError
from app.core.files import accept
from app.demo.pictures import pdf

pytestmark = pytest.mark.once


def written(pages=1, password=None):
    writer = PdfWriter()
    for _page in range(pages):
        writer.add_blank_page(595, 842)
    if password:
        writer.encrypt(password)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize("content", [pdf("Relevé", ["IBAN : FR76"]), written(), written(50)])
def test_a_pdf_is_taken_as_it_is(ctx, content):
    upload = accept("../rib.pdf", content)
    assert (upload.filename, upload.media_type, upload.content) == ("rib.pdf", "application/pdf", content)


@pytest.mark.parametrize("content", [written(51), written(password="x"), b"%PDF-1.4 and nothing more", b"%PDF-"])
def test_what_cannot_be_read_is_refused_with_a_sentence(ctx, content):
    with pytest.raises(DomainError, match="PDF"):
        accept("rib.pdf", content)

"""How do many PDFs become one?"""

import io

from pypdf import PdfWriter


def bound(contents):
    """The bytes of one PDF of several."""
    if len(contents) == 1:
        return contents[0]
    writer = PdfWriter()
    for content in contents:
        writer.append(io.BytesIO(content))
    # Each piece brought the same fonts.
    writer.compress_identical_objects()
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()

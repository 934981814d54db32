"""Is an upload what it says? Looked at by its bytes, never by its name; pictures are drawn anew."""

import io
import resource
import subprocess
import sys
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps

from app.core.errors import DomainError
from app.core.i18n import _

#: What is read at its full size: 24 million pixels, and no bomb (87 KB can hold 89 million).
MAX_PIXELS = 24_000_000
#: A JPEG as cameras write it is read at a half or a quarter of its size. Measured: 74 MB for a telephone's 8,160 × 6,120, 44 MB for
#: 5,712 × 4,284; 161 MB for 24 million that come in many passes, where 50 million would take 334; 131 MB for 24 million of a PNG.
MAX_JPEG_PIXELS = 51_000_000
#: The longer side of what we keep.
EDGE = 1600
#: 10 MB; MAX_CONTENT_LENGTH refuses larger requests before they are read.
MAX_BYTES = 10 * 1024 * 1024
PICTURES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
#: What some telephones make of a photograph: a JPEG with a second picture behind it.
TWO_PICTURES = "MPO"

#: A pipe cannot be read backwards, which is how a PDF is read.
_PDF_CHECK = """
import io, sys
from pypdf import PdfReader
reader = PdfReader(io.BytesIO(sys.stdin.buffer.read()))
sys.exit(0 if 0 < len(reader.pages) <= 50 and not reader.is_encrypted else 3)
"""


@dataclass(frozen=True)
class Upload:
    """A file that passed: safe bytes, its true type, a printable name."""

    filename: str
    media_type: str
    content: bytes


def accept(filename, content, *, pictures_only=False):
    """The Upload that bytes hold: a JPEG, PNG or WebP picture, or a PDF. Raises DomainError with a sentence."""
    if not content:
        raise DomainError(_("This file is empty."))
    if len(content) > MAX_BYTES:
        raise DomainError(_("This file is larger than 10 MB."))
    name = clean_name(filename)
    if content.startswith(b"%PDF-") and not pictures_only:
        _check_pdf(content)
        return Upload(name, "application/pdf", content)
    return _picture(name, content)


def clean_name(filename):
    """A file's name without path, control characters or excess length."""
    name = (filename or "").replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(char for char in name if char.isprintable()).strip(". ")
    return name[-120:] or _("file")


def _picture(name, content):
    most = MAX_JPEG_PIXELS if _comes_line_by_line(content) else MAX_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            Image.MAX_IMAGE_PIXELS = MAX_JPEG_PIXELS
            with Image.open(io.BytesIO(content), formats=tuple(PICTURES)) as picture:
                kind = "JPEG" if picture.format == TWO_PICTURES else picture.format
                _refuse_if_larger(picture, most)
                picture.draft(None, (EDGE, EDGE))
                # What is much longer than wide is not read smaller.
                _refuse_if_larger(picture, MAX_PIXELS)
                return Upload(name, PICTURES[kind], _redraw(picture, kind))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        raise _too_large(most) from bomb
    except (OSError, ValueError, SyntaxError) as problem:
        raise DomainError(_("This is not a picture (JPEG, PNG, WebP) or a PDF that can be read.")) from problem


def _refuse_if_larger(picture, most):
    if picture.width * picture.height > most:
        raise _too_large(most)


def _too_large(most):
    return DomainError(_("This picture is too large: %(number)d million pixels at most.", number=most // 1_000_000))


def _comes_line_by_line(content):
    """Whether it is a JPEG whose first pass holds all colours. One that comes in many passes is held whole in memory while it is read."""
    place, colours = 2, 0
    while content.startswith(b"\xff\xd8") and place + 9 < len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker in (0xC0, 0xC1):
            colours = content[place + 9]
        elif marker == 0xDA:
            return content[place + 4] == colours
        place += 2 + int.from_bytes(content[place + 2 : place + 4])
    return False


def _redraw(picture, kind):
    """The same picture without place, camera and whatever else was hidden in it; upright; 1,600 pixels at most."""
    # Where it lies: a copy would take as much memory again.
    ImageOps.exif_transpose(picture, in_place=True)
    picture.thumbnail((EDGE, EDGE))
    upright = picture.convert("RGB") if kind == "JPEG" and picture.mode not in ("L", "RGB") else picture
    # Pillow writes a JPEG's comment again.
    upright.info.pop("comment", None)
    out = io.BytesIO()
    upright.save(out, kind, quality=85) if kind != "PNG" else upright.save(out, kind, optimize=True)
    return out.getvalue()


def _check_pdf(content):
    """Open the PDF in a process of its own with limits: a small one can hang a reader for minutes."""

    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
        resource.setrlimit(resource.RLIMIT_AS, (512 * 1024 * 1024,) * 2)

    try:
        check = subprocess.run([sys.executable, "-c", _PDF_CHECK], input=content, capture_output=True, timeout=15, preexec_fn=limit)
    except subprocess.TimeoutExpired as slow:
        raise DomainError(_("This PDF cannot be read.")) from slow
    if check.returncode:
        raise DomainError(_("This PDF cannot be read, is locked, or has more than 50 pages."))


def thumbnail(content, edge=192):
    """A small copy of a picture that accept() let in, for lists."""
    with Image.open(io.BytesIO(content), formats=tuple(PICTURES)) as picture:
        kind = picture.format
        picture.draft("RGB", (edge, edge))
        picture.thumbnail((edge, edge))
        out = io.BytesIO()
        picture.save(out, kind)
        return out.getvalue()

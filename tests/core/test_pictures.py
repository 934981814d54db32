"""Is a telephone's photograph taken as it is, in little memory, and is what would take much refused?"""

import io
import subprocess
import sys

import pytest
from PIL import Image

from app.core.errors import DomainError
from app.core.files import accept

pytestmark = pytest.mark.once

#: Says by how many MB taking a picture made a process grow.
GROWTH = """
import sys
from resource import RUSAGE_SELF, getrusage
from app.core.files import accept
content, before = sys.stdin.buffer.read(), getrusage(RUSAGE_SELF).ru_maxrss
accept("photo.jpg", content)
print((getrusage(RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def picture(width, height, kind="JPEG", mode="L", **how):
    out = io.BytesIO()
    Image.new(mode, (width, height), "navy" if mode == "RGB" else 90).save(out, kind, **how)
    return out.getvalue()


def size(content):
    with Image.open(io.BytesIO(accept("photo", content).content)) as kept:
        return kept.size


def test_recent_telephones(ctx):
    assert size(picture(5712, 4284)) == (1600, 1200)
    assert size(picture(8160, 6120)) == (1600, 1200)


def test_what_lies_is_put_upright(ctx):
    exif = Image.Exif()
    exif[0x0112] = 6
    assert size(picture(5712, 4284, exif=exif)) == (1200, 1600)


def test_a_large_photograph_takes_little_memory():
    """44 MB; read at its full size it took 218."""
    content = picture(5712, 4284, mode="RGB")
    growth = subprocess.run([sys.executable, "-c", GROWTH], input=content, capture_output=True, check=True).stdout
    assert int(growth) < 90, growth


@pytest.mark.parametrize(
    ("width", "height", "how", "millions"),
    [
        (8500, 6100, {}, 51),
        (5712, 4284, {"progressive": True}, 24),
        (32_000, 1_500, {}, 24),
        (5712, 4284, {"kind": "PNG"}, 24),
        (5712, 4284, {"kind": "WEBP"}, 24),
        (11_000, 9_000, {"kind": "PNG"}, 24),
    ],
)
def test_what_would_take_much_memory_is_refused(ctx, width, height, how, millions):
    with pytest.raises(DomainError, match=f"{millions} million"):
        accept("photo", picture(width, height, **how))


def test_a_jpeg_of_many_passes_is_told_by_its_first_one(ctx):
    """A baseline JPEG whose first pass holds one colour of three."""
    content = picture(5712, 4284, mode="RGB")
    place = content.index(b"\xff\xda")
    with pytest.raises(DomainError, match="24 million"):
        accept("photo", content[: place + 4] + b"\x01" + content[place + 5 :])

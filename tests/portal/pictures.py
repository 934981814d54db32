"""What do people upload? Pictures, and things that are none."""

import io

from PIL import Image


def picture(kind="JPEG", size=(60, 40)):
    """The bytes of a small picture."""
    out = io.BytesIO()
    Image.new("RGB", size, (200, 120, 40)).save(out, kind)
    return out.getvalue()


def bomb():
    """Some kilobytes that unfold into a hundred million pixels."""
    out = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(out, "PNG")
    return out.getvalue()


def upload(content, name="photo.jpg"):
    """A file as a form sends it."""
    return (io.BytesIO(content), name)

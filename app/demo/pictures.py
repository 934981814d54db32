"""What do the people of the demo town look like? Drawn faces and drawn papers: no photograph of anybody."""

import io
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

BACKGROUNDS = ("#CFE8E4", "#FDE3C8", "#DCE6FA", "#F6D9DE", "#E4E9C9", "#E7DDF3")
SKINS = ("#F7D7BE", "#EDBE98", "#D99F73", "#B97A50", "#8C5633", "#6A3F25")
HAIRS = ("#2B211C", "#4A3222", "#7A4A24", "#A8692E", "#D7A94B", "#B5482A")
GREYS = ("#8A8A8A", "#C9C5BE", "#5A5552")
CLOTHES = ("#0B5563", "#B3503B", "#6D8B3C", "#44548F", "#B98A1E", "#7D4B78")
#: Drawn twice as large, then made smaller: smooth edges.
SIZE, SCALE = 300, 2
FONT = str(Path(__file__).parents[1] / "static/fonts/pdf/AtkinsonHyperlegibleNext_400Regular.ttf")


def face(rng, *, old=False, long_hair=None):
    """A friendly drawn face, as JPEG."""
    picture = Image.new("RGB", (SIZE * SCALE,) * 2, rng.choice(BACKGROUNDS))
    pen = Pen(ImageDraw.Draw(picture))
    tone = rng.randrange(len(SKINS))
    skin, hair = SKINS[tone], rng.choice(GREYS if old else HAIRS[: len(HAIRS) - tone])
    long_hair = rng.random() < 0.5 if long_hair is None else long_hair
    if long_hair:
        pen.round(78, 70, 222, 250, hair)
    pen.circle(150, 330, 108, rng.choice(CLOTHES))
    pen.box(132, 196, 168, 244, skin)
    pen.circle(150, 145, 68, skin)
    for side in (-1, 1):
        pen.circle(150 + side * 68, 150, 12, skin)
    pen.pie(150, 132, 74, 180, 360, hair)
    if not old and rng.random() < 0.6:
        pen.pie(122 if rng.random() < 0.5 else 178, 118, 44, 150, 390, hair)
    _eyes_and_mouth(pen, rng, old)
    return _jpeg(picture.resize((SIZE, SIZE), Image.LANCZOS))


def _eyes_and_mouth(pen, rng, old):
    for side in (-1, 1):
        pen.circle(150 + side * 25, 152, 6, "#2A2320")
        pen.circle(150 + side * 25 + 2, 150, 2, "#FFFFFF")
    pen.arc(150, 168, 26, 25, 155, "#8A3B32", 5)
    if old or rng.random() < 0.25:
        for side in (-1, 1):
            pen.ring(150 + side * 25, 152, 19, "#33404A", 4)
        pen.line(144, 150, 156, 150, "#33404A", 4)


class Pen:
    """Draws on a picture whose points are counted in the size that it will have."""

    def __init__(self, draw):
        self.draw = draw

    def _around(self, x, y, r):
        return tuple(SCALE * value for value in (x - r, y - r, x + r, y + r))

    def circle(self, x, y, r, fill):
        self.draw.ellipse(self._around(x, y, r), fill=fill)

    def ring(self, x, y, r, colour, width):
        self.draw.ellipse(self._around(x, y, r), outline=colour, width=width * SCALE)

    def pie(self, x, y, r, start, end, fill):
        self.draw.pieslice(self._around(x, y, r), start, end, fill=fill)

    def arc(self, x, y, r, start, end, fill, width):
        self.draw.arc(self._around(x, y, r), start, end, fill=fill, width=width * SCALE)

    def box(self, *corners):
        *corners, fill = corners
        self.draw.rectangle([SCALE * value for value in corners], fill=fill)

    def round(self, *corners):
        *corners, fill = corners
        self.draw.rounded_rectangle([SCALE * value for value in corners], 60 * SCALE, fill=fill)

    def line(self, *corners):
        *corners, fill, width = corners
        self.draw.line([SCALE * value for value in corners], fill=fill, width=width * SCALE)


def paper(title, lines):
    """A scanned paper with a letterhead, as JPEG. It says that it is a specimen."""
    picture = Image.new("RGB", (620, 877), "#FBFAF6")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 620, 78), fill="#0B5563")
    draw.text((36, 26), title, fill="white", font=_font(26))
    for number, line in enumerate(lines):
        draw.text((36, 126 + 40 * number), line, fill="#22303A", font=_font(19))
    for number in range(7):
        width = 520 - 53 * (number * 5 % 4)
        draw.rectangle((36, 330 + 34 * number, 36 + width, 338 + 34 * number), fill="#D9D6CC")
    draw.text((150, 760), "SPÉCIMEN – Saint-Exemple", fill="#B3503B", font=_font(26))
    return _jpeg(picture, quality=70)


@cache
def _font(size):
    return ImageFont.truetype(FONT, size)


def _jpeg(picture, quality=85):
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def pdf(title, lines):
    """The same as a PDF of one page, small enough to be written by hand."""
    text = [f"BT /F1 18 Tf 60 780 Td ({_escaped(title)}) Tj ET"]
    text += [
        f"BT /F1 12 Tf 60 {740 - 24 * number} Td ({_escaped(line)}) Tj ET"
        for number, line in enumerate([*lines, "SPÉCIMEN - Saint-Exemple"])
    ]
    stream = "\n".join(text).encode("cp1252", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)


def _escaped(text):
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")

"""What does the town write on its invoices? Who issues them, how to pay, the law, its logo."""

import io
from base64 import b64encode
from dataclasses import dataclass

from flask import current_app
from PIL import Image

from app.core import settings
from app.core.errors import NotFound
from app.core.i18n import _l, language
from app.documents.models import StoredFile
from app.documents.operations import content_of
from app.extensions import db

GROUP = _l("Invoices")
#: Millimetres: what fits above the sender's address, beside the window of an envelope.
LOGO_WIDTH, LOGO_HEIGHT = 60, 20
#: Dots a millimetre: 300 an inch is what printers have.
LOGO_DOTS = 12
#: The texts: key → (label, hint). Those of LANGUAGES have one more for readers of English.
TEXTS = {
    "invoice_issuer": (_l("Who issues the invoices"), _l("As parents know it: “Régie des services périscolaires”. Empty: the town.")),
    "invoice_address": (_l("Its address"), _l("A line each, as on an envelope.")),
    "invoice_payee": (_l("Cheques are made out to"), _l("Stands on the payment slip. Empty: who issues the invoices.")),
    "invoice_payment": (_l("How to pay"), _l("Where, with what, and until when the desk is open.")),
    "invoice_payment_en": (_l("How to pay, in English"), ""),
    "invoice_legal": (_l("What the law asks to be said"), _l("Ways to contest, what happens if it is not paid.")),
    "invoice_legal_en": (_l("The same, in English"), ""),
}
LOGO = "invoice_logo"

for _key, (_title, _hint) in TEXTS.items():
    settings.declare(_key, str, "", _title, hint=_hint, group=GROUP, apart=True)
settings.declare(LOGO, int, 0, _l("Logo"), group=GROUP, apart=True)


@dataclass(frozen=True)
class Logo:
    """The town's logo as documents show it: an address with the picture in it, and its size in millimetres."""

    address: str
    width: int
    height: int


@dataclass(frozen=True)
class Letterhead:
    """What stands around the lines of every document of billing, in the reader's language."""

    issuer: str
    address: str
    contact: str
    payee: str
    payment: str
    legal: str
    logo: Logo | None = None


def letterhead(logo=None):
    """The Letterhead in the language of the moment; `logo`: the Logo, where the caller has read it already."""
    issuer = settings.get("invoice_issuer") or current_app.config["TOWN_NAME"]
    return Letterhead(
        issuer=issuer,
        address=settings.get("invoice_address"),
        contact=", ".join(filter(None, (settings.get("contact_phone"), settings.get("contact_email")))),
        payee=settings.get("invoice_payee") or issuer,
        payment=_of_language("invoice_payment"),
        legal=_of_language("invoice_legal"),
        logo=logo or town_logo(),
    )


def how_to_pay():
    """What the town says of ways to pay, in the language of the moment; "" where it says nothing."""
    return _of_language("invoice_payment")


def _of_language(key):
    return (language() == "en" and settings.get(f"{key}_en")) or settings.get(key)


def town_logo():
    """The town's Logo; None where there is none. Reads and shrinks the picture: once for many documents."""
    row = db.session.get(StoredFile, settings.get(LOGO)) if settings.get(LOGO) else None
    if row is None:
        return None
    try:
        return shrunk(content_of(row))
    except NotFound:
        return None


def shrunk(content):
    """The Logo of a picture's bytes, on white, as large as it is printed."""
    with Image.open(io.BytesIO(content)) as image:
        shown = image.convert("RGBA")
    shown.thumbnail((LOGO_WIDTH * LOGO_DOTS, LOGO_HEIGHT * LOGO_DOTS))
    flat = Image.new("RGB", shown.size, "white")
    flat.paste(shown, mask=shown.getchannel("A"))
    out = io.BytesIO()
    # A JPEG goes into a PDF as it is; a PNG is read and packed anew in every document, which takes as long as the document.
    flat.save(out, "JPEG", quality=92)
    scale = min(LOGO_WIDTH / flat.width, LOGO_HEIGHT / flat.height)
    address = f"data:image/jpeg;base64,{b64encode(out.getvalue()).decode()}"
    return Logo(address, max(1, round(flat.width * scale)), max(1, round(flat.height * scale)))

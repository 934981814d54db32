"""What does Saint-Exemple write on its invoices? An address, how to pay, the law, and the roof of its playground as a logo."""

import io

from PIL import Image, ImageDraw

from app.billing.letterhead import LOGO
from app.core import settings
from app.core.files import Upload
from app.documents.models import FileState
from app.documents.operations import store
from app.security.who_sees_what import Noun

TEXTS = {
    "invoice_issuer": "Régie des services périscolaires",
    "invoice_address": "Mairie de Saint-Exemple\n1 place de la Mairie\n77181 Saint-Exemple",
    "invoice_payee": "Régie périscolaire de Saint-Exemple",
    "invoice_payment": "Par chèque, avec le talon de la facture.\nEn espèces ou en CESU au guichet, du lundi au vendredi de 8 h 30 à 12 h.",
    "invoice_payment_en": "By cheque, with the slip of the invoice.\nIn cash or CESU at the desk, Monday to Friday, 8:30 to 12.",
    "invoice_legal": "Une question ? Écrivez à la mairie. Sans paiement à la date indiquée, le Trésor public recouvre la somme.",
    "invoice_legal_en": "A question? Write to the town hall. What is not paid by the day indicated is collected by the Trésor public.",
}
COLOUR = "#0B5563"


def write_letterhead():
    """Set the texts and the logo, within the open unit of work."""
    for key, text in TEXTS.items():
        settings.put(key, text)
    settings.put(LOGO, store(Upload("logo.jpg", "image/jpeg", logo()), noun=Noun.bill, state=FileState.kept).id)


def logo():
    """A roof on posts with a scalloped edge, as JPEG."""
    picture = Image.new("RGB", (720, 400), "white")
    draw = ImageDraw.Draw(picture)
    draw.polygon([(360, 20), (680, 190), (40, 190)], fill=COLOUR)
    draw.rectangle((40, 190, 680, 230), fill=COLOUR)
    for left in range(40, 680, 80):
        draw.pieslice((left, 190, left + 80, 270), 0, 180, fill=COLOUR)
    for left in (110, 580):
        draw.rectangle((left, 230, left + 30, 385), fill=COLOUR)
    out = io.BytesIO()
    picture.resize((360, 200)).save(out, "JPEG", quality=90)
    return out.getvalue()

"""Which identifiers of households are well formed, and from when does a quotient count?"""

import re
from datetime import date

from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException
from wtforms import ValidationError

from app.core.i18n import _


def first_of_next_month(day):
    """A new quotient counts from the next month, never backwards."""
    return months_after(day, 1)


def months_after(day, months):
    """The first of the month that lies so many months after a day's; before it where the number is below zero."""
    place = day.year * 12 + day.month - 1 + months
    return date(place // 12, place % 12 + 1, 1)


def parse_iban(text):
    """A checked IBAN; raises ValueError. Checksum and, where the country has one, the national key."""
    try:
        return IBAN(text or "", validate_bban=True)
    except SchwiftyException as problem:
        raise ValueError(str(problem)) from problem


def bic_of(iban):
    """The BIC that belongs to an IBAN, or None where no register tells."""
    try:
        return str(BIC.from_bank_code(iban.country_code, iban.bank_code))
    except (SchwiftyException, ValueError):
        return None


def mask_iban(text):
    """An IBAN as screens show it: FR76 •••• 0189."""
    return f"{text[:4]} •••• {text[-4:]}" if text else ""


def group_iban(text):
    """A whole IBAN as papers print it: FR76 3000 6000…"""
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))


class Iban:
    """The IBAN of a SEPA country, well formed."""

    def __call__(self, form, field):
        if not field.data:
            return
        try:
            field.data = str(parse_iban(field.data))
        except ValueError as problem:
            raise ValidationError(_("This IBAN is not right: compare it with your bank's paper, digit by digit.")) from problem


class Digits:
    """Digits only, of one of these lengths; spaces are dropped."""

    def __init__(self, lengths, sentence):
        self.lengths, self.sentence = lengths, sentence

    def __call__(self, form, field):
        if not field.data:
            return
        field.data = re.sub(r"\s", "", field.data)
        if not field.data.isascii() or not field.data.isdigit() or len(field.data) not in self.lengths:
            raise ValidationError(str(self.sentence))


class NoticeReference:
    """The reference of a tax notice (référence de l'avis): 13 characters, spaces dropped."""

    def __call__(self, form, field):
        if not field.data:
            return
        reference = re.sub(r"\s", "", field.data).upper()
        if not re.fullmatch(r"[0-9A-Z]{13}", reference):
            raise ValidationError(_("13 digits and letters, for instance 25 77 A123456 78; it stands on the notice."))
        field.data = reference


class BirthCode:
    """Where somebody was born: the code of a commune in France, or of a country, in the Code officiel géographique."""

    def __call__(self, form, field):
        if not field.data:
            return
        code = re.sub(r"\s", "", field.data).upper()
        if not re.fullmatch(r"(0[1-9]|[13-9]\d|2[AB1-9])\d{3}", code):
            raise ValidationError(_("Five characters, for instance 77284 or 99351."))
        field.data = code

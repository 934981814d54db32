"""How is a telephone number read, kept and found again?"""

import re

import phonenumbers
from flask import current_app

#: What somebody begins to type of a number: 0612, 06 12 34, +33 6.
BEGUN = re.compile(r"(?:\+|00?)[1-9][\d\s.()/-]*")


def kept(text):
    """A number as it is kept and shown: 06 12 34 56 78, abroad +32 470 12 34 56; None where there can be no such number."""
    try:
        number = phonenumbers.parse(text, current_app.config["PHONE_REGION"])
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    national = phonenumbers.PhoneNumberFormat.NATIONAL if number.country_code == 33 else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(number, national)


def sought(text):
    """What to look for in the kept numbers without their spaces, where a text is a number or the beginning of one; else None."""
    text = text.strip()
    if not BEGUN.fullmatch(text) or len(re.sub(r"\D", "", text)) < 4:
        return None
    whole = kept(text)
    if whole is not None:
        return whole.replace(" ", "")
    # Not whole yet: the country's own prefix is kept as a 0.
    return re.sub(r"^(?:\+|00)33", "0", re.sub(r"[^\d+]", "", text))

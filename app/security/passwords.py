"""Which passwords do we take? The CNIL's rule of 2022 for passwords with limited attempts, and none that is known."""

from flask import current_app
from werkzeug.security import generate_password_hash
from zxcvbn import zxcvbn

from app.core.errors import DomainError
from app.core.i18n import _
from app.security.known_passwords import is_known

SHORTEST, LONGEST = 8, 128
#: zxcvbn's scale goes to 4; from 2 on, guessing takes more than a million attempts, and attempts are limited.
WEAKEST_SCORE = 2


def rule():
    """The rule, as people read it beside the field."""
    return _("At least 8 characters, with three of these: small letters, capitals, digits, signs. Or 14 characters of any kind.")


def check_password(password, *about):
    """Raise DomainError with a sentence unless the password is good enough; `about` are words that it must not rest on.

    Rule: CNIL deliberation 2022-100, case 2 (8 characters of 3 types, attempts limited); long ones of one type are as good. What is
    known from leaks is refused before anything is reckoned.
    """
    if len(password) < SHORTEST:
        raise DomainError(_("A password has at least %(count)d characters.", count=SHORTEST))
    if len(password) > LONGEST:
        raise DomainError(_("A password has at most %(count)d characters.", count=LONGEST))
    types = sum(any(test(char) for char in password) for test in (str.islower, str.isupper, str.isdigit, lambda char: not char.isalnum()))
    if types < 3 and len(password) < 14:
        raise DomainError(_("Mix three of these: small letters, capitals, digits, other signs. Or take at least 14 characters."))
    if is_known(password):
        raise DomainError(_("This password is among the most used, or built on one. Take several words instead."))
    words = [str(word) for word in (*about, "cantine", "portail", "famille", "mairie", current_app.config["TOWN_NAME"]) if word]
    if zxcvbn(password[:72], user_inputs=words)["score"] < WEAKEST_SCORE:
        raise DomainError(_("This password is too easy to guess: add a word or two."))


def hash_password(password):
    """The scrypt hash of a password. Takes about 0.1 s of processor: never call it inside a unit of work."""
    return generate_password_hash(password, method=current_app.config["FAB_PASSWORD_HASH_METHOD"])

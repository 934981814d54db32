"""Is the CNIL's rule of 2022 kept, word for word?"""

import pytest

from app.core.errors import DomainError
from app.security.passwords import check_password

pytestmark = pytest.mark.once

GOOD = [
    "Cour2recre",
    "cour-de-recre1",
    "quatorze lettres",
    "Ünïcode-7x",
    "préau sous la pluie",
    "9X!fuite" + "é" * 100,
    "73!aB$29",
    "Soleil-vert42",
    "Vélo2tigre!",
]
BAD = [
    ("Ab1!xyz", "at least 8"),
    ("", "at least 8"),
    ("abcdefghijk", "Mix three"),
    ("tulipebrouil1", "Mix three"),
    ("Password1", "among the most used"),
    ("P@ssw0rd1", "among the most used"),
    ("Azerty123!", "among the most used"),
    ("Soleil2024!", "among the most used"),
    ("13-Doudou-59", "among the most used"),
    ("Léa-2019", "among the most used"),
    ("Vacancés2025!", "among the most used"),
    ("1q2w3e4R5t!", "too easy"),
    ("aaaaaaaaaaaaaaaa", "too easy"),
    ("12345678901234", "too easy"),
    ("Galbert1", "too easy"),
    ("Saint-Exemple1", "too easy"),
    ("x" * 129, "at most 128"),
]


@pytest.mark.parametrize("password", GOOD)
def test_good_passwords(ctx, password):
    check_password(password, "christelle", "galbert")


@pytest.mark.parametrize(("password", "sentence"), BAD)
def test_bad_passwords_get_a_sentence(app, password, sentence):
    with app.test_request_context("/", headers={"Accept-Language": "en"}), pytest.raises(DomainError, match=sentence):
        check_password(password, "christelle", "galbert")


def test_a_very_long_password_costs_nothing(ctx):
    with pytest.raises(DomainError):
        check_password("aB3!" * 100_000)

"""Is what people type and paste read as they mean it?"""

import unicodedata

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import DateField

from app.core.forms import Form, PersonName, Required, Text, squeeze
from app.core.search import words

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (None, None),
        (" \u00a0\u2003\t", None),
        ("12\u00a0rue  des\u202fLilas", "12 rue des Lilas"),
        ("12\u2009rue\u2028des\u3000Lilas ", "12 rue des Lilas"),
        ("Le\u0301a", "Léa"),
        ("one\r\ntwo\n\nthree", "one\ntwo\n\nthree"),
        ("zero\u200bwidth, soft\u00adhyphen, bell\x07", "zerowidth, softhyphen, bell"),
    ],
)
def test_squeeze(typed, kept):
    assert squeeze(typed) == kept


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (unicodedata.normalize("NFD", "Zoé Müller-Öztürk"), "Zoé Müller-Öztürk"),
        ("D’Ângelo\u00a0Jr.", "D’Ângelo Jr."),
        # Yoruba: no character holds both the dot and the accent.
        ("Ọlátúnjí Adé\u0323\u0301", unicodedata.normalize("NFC", "Ọlátúnjí Adé\u0323\u0301")),
        ("Anne 2", None),
        ("<b>", None),
    ],
)
def test_names(app, typed, kept):
    class NameForm(Form):
        name = Text("Name", [PersonName()], required=True)

    with app.test_request_context("/", method="POST"):
        form = NameForm(formdata=MultiDict({"name": typed}))
        assert form.validate() is (kept is not None), form.errors
        assert kept is None or form.name.data == kept


def test_a_search_with_loose_accents_finds():
    assert words(unicodedata.normalize("NFD", "Léa  Müller")) == ["lea", "muller"]


class Born(Form):
    """A date that must be given."""

    day = DateField("Date of birth", [Required()])


@pytest.mark.parametrize(("typed", "sentence"), [("", "Merci de remplir ce champ."), ("31/31/2020", "N'est pas une date valide.")])
def test_a_date_that_is_missing_or_cannot_be_read_is_said_once(app, typed, sentence):
    with app.test_request_context():
        form = Born(MultiDict({"day": typed}))
        assert not form.validate()
        assert form.day.errors == [sentence]

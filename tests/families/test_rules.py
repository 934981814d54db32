"""Are the identifiers of a household read as its papers print them?"""

import pytest
from werkzeug.datastructures import MultiDict

from app.core.forms import Form, Text
from app.families.rules import NoticeReference

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("2577A12345678", "2577A12345678"),
        ("25 77 a123456\u00a078", "2577A12345678"),
        ("", None),
        ("2577A1234567", False),
        ("2577A123456789", False),
        ("2577-12345678", False),
        ("٢٥٧٧١٢٣٤٥٦٧٨٩", False),
    ],
)
def test_the_reference_of_a_tax_notice(app, typed, kept):
    class NoticeForm(Form):
        reference = Text("Reference", [NoticeReference()], longest=20)

    with app.test_request_context("/", method="POST"):
        form = NoticeForm(formdata=MultiDict({"reference": typed}))
        assert form.validate() is (kept is not False)
        assert kept is False or form.reference.data == kept

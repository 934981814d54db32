"""Does bad input get a clear sentence, and is nothing lost of what was typed?"""

import html
import re

import pytest

from app.changes.models import ChangeRequest
from app.core import clock
from app.core.db import unit_of_work
from app.documents.models import StoredFile
from app.extensions import db
from app.security.models import LoginAddress
from tests.conftest import account, base_of
from tests.portal.asking import GUARDIAN, ask, child_id, requests
from tests.portal.pictures import bomb, picture, upload

pytestmark = pytest.mark.once

BANK = {"holder": "Christelle Galbert", "iban": "FR7630006000011234567890189", "password": "cour-de-recre-2026"}


def nothing_was_sent(app):
    with app.app_context():
        return db.session.scalar(db.select(db.func.count(ChangeRequest.id))) == 0


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("mobile", "123", "This is not a telephone number"),
        ("mobile", "06 ☎ 12", "This is not a telephone number"),
        ("postcode", "7718", "A postcode has 5 digits"),
        ("postcode", "00000", "A postcode has 5 digits"),
        ("email", "christelle@", "This is not an e-mail address"),
        ("birth_date", "2999-01-01", "This date lies in the future."),
        ("last_name", "Galbert 🦄", "A name has letters"),
        ("last_name", "G" * 300, "At most 80 characters."),
        ("address", "x" * 300, "At most 120 characters."),
    ],
)
def test_a_wrong_value_is_named_and_what_was_typed_stays(app, sign_in, field, value, sentence):
    answer = ask(sign_in("galbert"), **{"city": "Courtry", field: value})
    page = html.unescape(answer.text)
    assert answer.status_code == 200 and sentence in page and f'href="#{field}"' in page
    assert f'value="{value}"' in page and 'value="Courtry"' in page
    assert nothing_was_sent(app)


@pytest.mark.parametrize("emoji", ["12 rue des Lilas 🏡", "1️⃣ cité"])
def test_an_emoji_in_a_free_text_is_welcome(app, sign_in, emoji):
    assert ask(sign_in("galbert"), address=emoji).status_code == 302


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({**BANK, "iban": "FR7630006000011234567890188"}, "This IBAN is not right"),
        ({**BANK, "password": "wrong"}, "This is not your password."),
    ],
)
def test_bank_details_are_checked(app, sign_in, form, sentence):
    answer = ask(sign_in("galbert"), url="/portail/demande/bank/edit/1", form=form)
    assert sentence in html.unescape(answer.text) and "Christelle Galbert" in answer.text
    assert BANK["password"] not in answer.text
    assert nothing_was_sent(app)


def test_good_bank_details_are_sent(app, sign_in):
    assert ask(sign_in("galbert"), url="/portail/demande/bank/edit/1", form=BANK).status_code == 302


def test_the_form_masks_the_iban_and_leaves_it_alone(app, sign_in):
    from app.core.db import unit_of_work
    from app.families.models import BankDetails

    with app.app_context(), unit_of_work():
        db.session.add(BankDetails(family_id=1, holder="Galbert", iban="FR7630006000011234567890189", bic="AGRIFRPP"))
    client, url = sign_in("galbert"), "/portail/demande/bank/edit/1"
    assert "FR7630006000011234567890189" not in client.get(url).text
    wrong = ask(client, url=url, form={**BANK, "iban": "FR76 •••• 0189", "password": "no"}).text
    assert "FR7630006000011234567890189" not in wrong and "FR76 •••• 0189" in wrong
    assert ask(client, url=url, form={**BANK, "iban": "FR76 •••• 0189"}).status_code == 302
    with app.app_context():
        assert list(requests()[0].changes) == ["holder"]


def test_a_numero_allocataire_has_seven_digits(app, sign_in):
    answer = ask(sign_in("galbert"), url="/portail/demande/caf/edit/1", form={"fund": "caf", "allocataire": "12A4567"})
    assert "7 digits at the CAF" in answer.text and nothing_was_sent(app)


def test_a_vaccine_before_birth_is_refused(app, sign_in):
    with app.app_context():
        url = f"/portail/demande/health/edit/{child_id('Léa')}"
    answer = ask(sign_in("galbert"), url=url, form={"polio": "2019-03-03", "doctor": "Dr Petitjean"})
    assert "A vaccine cannot be older than the child" in answer.text and "Dr Petitjean" in answer.text
    assert nothing_was_sent(app)


def test_the_required_vaccines_come_first(app, sign_in):
    with app.app_context():
        url = f"/portail/demande/health/edit/{child_id('Léa')}"
    page = sign_in("galbert").get(url).text
    assert page.index('name="measles"') < page.index("Other vaccines") < page.index('name="meningococcus_b"')


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "photo.jpg", "This is not a picture"),
        (b"<html><script>alert(1)</script></html>", "photo.jpg", "This is not a picture"),
        (b"MZ" + b"\0" * 4000, "photo.png", "This is not a picture"),
        (b"", "empty.jpg", "This file is empty."),
        (b"\xff\xd8" + b"\0" * (11 * 1024 * 1024), "large.jpg", "larger than 10 MB"),
        (None, "bomb.png", "too large: 24 million pixels"),
    ],
)
def test_a_file_that_is_no_picture_is_refused(app, sign_in, content, name, sentence):
    with app.app_context():
        url = f"/portail/demande/photo/edit/{child_id('Léa')}"
    answer = ask(sign_in("galbert"), url=url, form={"photo_id": upload(bomb() if content is None else content, name)})
    assert answer.status_code == 200 and sentence in answer.text
    assert nothing_was_sent(app)


def test_thirty_megabytes_get_a_sentence(app, sign_in):
    with app.app_context():
        url = f"/portail/demande/photo/edit/{child_id('Léa')}"
    client = sign_in("galbert")
    answer = client.post(url, data={"photo_id": upload(b"\xff\xd8" + b"\0" * (33 * 1024 * 1024))}, content_type="multipart/form-data")
    assert answer.status_code == 413 and "10 MB a file at most" in answer.text


def test_a_file_is_kept_while_its_form_is_corrected(app, sign_in):
    client, url = sign_in("galbert"), "/portail/demande/pickup/add?child={}"
    with app.app_context():
        url = url.format(child_id("Léa"))
    person = {"first_name": "Paul", "last_name": "Durand", "phone": "12"}
    page = ask(client, url=url, form={**person, "photo_id": upload(picture(), "paul.jpg")}).text
    assert "Already received:" in page and "paul.jpg" in page
    kept = re.search(r'name="photo_id-kept" value="([^"]+)"', page).group(1)
    number = int(re.search(r"/portail/fichier/(\d+)", page).group(1))
    assert client.get(f"/portail/fichier/{number}").status_code == 200
    answer = client.post(url, data={**person, "phone": "06 12 34 56 78", "photo_id-kept": kept, "base": base_of(page)})
    assert answer.status_code == 302
    with app.app_context():
        assert requests()[0].files == [number]


def test_somebody_elses_kept_file_is_not_taken(app, sign_in):
    from app.core.encryption import seal

    with app.app_context():
        url, kept = f"/portail/demande/photo/edit/{child_id('Hugo')}", seal({"id": 1, "family": 1, "name": "x"})
    answer = ask(sign_in("petit"), url=url, form={"photo_id-kept": kept})
    assert nothing_was_sent(app) and answer.status_code == 422


def test_nothing_changed_is_said(app, sign_in):
    answer = ask(sign_in("galbert"))
    assert answer.status_code == 422 and "Nothing was changed." in answer.text and nothing_was_sent(app)


@pytest.mark.parametrize("base", ["", "nonsense", None])
def test_a_form_without_its_snapshot_is_shown_again(app, sign_in, base):
    data = {**GUARDIAN, "mobile": "06 99 88 77 66", **({} if base is None else {"base": base})}
    answer = sign_in("galbert").post("/portail/demande/guardian/edit/1", data=data)
    assert answer.status_code == 200 and "What you typed is still here" in answer.text and "06 99 88 77 66" in answer.text
    assert nothing_was_sent(app)


def test_the_snapshot_of_another_form_is_not_taken(app, sign_in):
    client = sign_in("galbert")
    other = base_of(client.get("/portail/demande/caf/edit/1").text)
    client.post("/portail/demande/guardian/edit/1", data={**GUARDIAN, "mobile": "06 99 88 77 66", "base": other})
    assert nothing_was_sent(app)


def test_a_form_says_what_waits(sign_in):
    client = sign_in("galbert")
    ask(client, mobile="06 99 88 77 66")
    page = client.get("/portail/demande/guardian/edit/1").text
    assert "Sending again replaces that request." in page and 'value="06 99 88 77 66"' in page
    wrong = ask(client, mobile="06 99 88 77 66", postcode="1").text
    assert "Sending again replaces that request." in wrong


def test_a_record_that_is_gone_is_404_and_nothing_breaks(app, sign_in):
    client = sign_in("galbert")
    assert client.get("/portail/demande/pickup/edit/4711").status_code == 404
    assert client.get("/portail/demande/pickup/edit/abc").status_code in (404,)
    assert client.get("/portail/demande/pickup/add?child=4711").status_code == 404
    with app.app_context():
        assert db.session.scalar(db.select(db.func.count(StoredFile.id))) == 0


def test_whoever_signs_in_with_an_address_reads_that_mails_go_there(app, sign_in):
    sentence = "Our mails go to your sign-in address."
    url = "/portail/demande/guardian/edit/1"
    with app.app_context(), unit_of_work():
        for row in db.session.scalars(db.select(LoginAddress).where(LoginAddress.account_id == account("galbert").id)):
            row.confirmed_at = None
    assert sentence not in sign_in("galbert").get(url).text
    with app.app_context(), unit_of_work():
        for row in db.session.scalars(db.select(LoginAddress).where(LoginAddress.account_id == account("galbert").id)):
            row.confirmed_at = clock.now()
    page = sign_in("galbert").get(url).text
    assert sentence in page and 'href="/compte/adresse/"' in page
    assert sentence not in sign_in("galbert").get("/portail/demande/spouse/edit/1").text

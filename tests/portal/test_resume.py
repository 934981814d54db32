"""What becomes of what somebody typed when the session had ended?"""

import html
import re

import pytest

from tests.cast import PASSWORD
from tests.conftest import base_of
from tests.portal.asking import GUARDIAN, child_id, requests
from tests.portal.pictures import picture, upload

URL = "/portail/demande/guardian/edit/1"


def token(page):
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page).group(1)


def hidden(page):
    return {name: html.unescape(value) for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)}


def typed_then_signed_out(sign_in, csrf, url=URL, **more):
    """Christelle types, her session ends, she sends; the answer is the login page of a fresh browser session."""
    base = base_of(sign_in("galbert").get(url).text)
    client = sign_in()
    client.get("/lang/en")
    return client, client.post(
        url,
        data={**GUARDIAN, "mobile": "06 99 88 77 66", "base": base, "csrf_token": "of the old session", "password": "secret-typed", **more},
        content_type="multipart/form-data",
    )


def sign_in_again(client, page, username="galbert", password=PASSWORD):
    kept = re.search(r'name="kept_form" value="([^"]+)"', page).group(1)
    return client.post(
        "/login/?next=" + URL, data={"username": username, "password": password, "csrf_token": token(page), "kept_form": kept}
    )


def test_what_was_typed_is_sent_after_signing_in(app, sign_in, csrf):
    client, page = typed_then_signed_out(sign_in, csrf)
    assert page.status_code == 401 and "What you typed is kept" in page.text and "06 99 88 77 66" not in page.text
    offer = sign_in_again(client, page.text)
    assert offer.status_code == 200 and f'action="{URL}"' in offer.text and "secret-typed" not in offer.text
    answer = client.post(URL, data=hidden(offer.text))
    assert answer.status_code == 302 and "/demandes/lot/" in answer.location
    with app.app_context():
        assert requests()[0].changes["mobile"]["after"] == "06 99 88 77 66"


def test_a_wrong_password_in_between_loses_nothing(sign_in, csrf):
    client, page = typed_then_signed_out(sign_in, csrf)
    again = sign_in_again(client, page.text, password="wrong")
    assert again.status_code == 422
    assert f'action="{URL}"' in sign_in_again(client, again.text).text


def test_somebody_else_does_not_get_it(sign_in, csrf):
    client, page = typed_then_signed_out(sign_in, csrf)
    answer = sign_in_again(client, page.text, username="marc")
    assert answer.status_code in (302, 303) and "06 99 88 77 66" not in answer.text


def test_files_must_be_chosen_again_and_the_form_says_so(app, sign_in, csrf):
    with app.app_context():
        url = f"/portail/demande/pickup/add?child={child_id('Léa')}"
    person = {"first_name": "Paul", "last_name": "Durand", "phone": "06 12 34 56 78", "photo_id": upload(picture())}
    client, page = typed_then_signed_out(sign_in, csrf, url, **person)
    offer = sign_in_again(client, page.text).text
    assert 'name="files-missing"' in offer
    answer = client.post(url, data=hidden(offer))
    assert answer.status_code == 200 and 'id="errors"' in answer.text and 'value="Durand"' in answer.text
    with app.app_context():
        assert requests() == []


@pytest.mark.parametrize("data", [{}, {"base": "nonsense"}])
def test_a_post_that_holds_nothing_leads_to_the_door(sign_in, csrf, data):
    answer = sign_in().post("/portail/demandes/1/retirer", data=data)
    assert answer.status_code == 303 and "/login/" in answer.location


def test_a_forged_post_of_somebody_signed_in_is_refused(app, sign_in, csrf):
    client = sign_in("galbert")
    base = base_of(client.get(URL).text)
    assert client.post(URL, data={**GUARDIAN, "mobile": "06 99 88 77 66", "base": base}).status_code == 400
    with app.app_context():
        assert requests() == []

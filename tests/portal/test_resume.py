"""What becomes of what somebody typed when the session had ended?"""

import html
import re

import pyotp
import pytest

from app.changes.models import Channel
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import Family
from app.security import second_factor
from tests.cast import PASSWORD
from tests.conftest import account, base_of
from tests.factories import make_request, request_of
from tests.portal.asking import GUARDIAN, child_id, requests
from tests.portal.pictures import picture, upload
from tests.security.conftest import who
from tests.security.test_second_step import code_of

URL = "/portail/demande/guardian/edit/1"
NEW = "06 99 88 77 66"


def token(page):
    """Of the page's last form: the first ones sign out, or end acting for a family."""
    return re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page)[-1]


def hidden(page):
    return {name: html.unescape(value) for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)}


def typed_then_signed_out(sign_in, csrf, url=URL, **more):
    """Christelle types, her session ends, she sends; the answer is the login page of a fresh browser session."""
    page = sign_in("galbert").get(url).text
    client = sign_in()
    client.get("/lang/en")
    return client, client.post(
        url,
        data={**GUARDIAN, "mobile": NEW, "base": base_of(page), "csrf_token": token(page), "password": "secret-typed", **more},
        content_type="multipart/form-data",
    )


def sign_in_again(client, page, username="galbert", password=PASSWORD):
    kept = re.search(r'name="kept_form" value="([^"]+)"', page).group(1)
    return client.post(
        "/login/?next=" + URL, data={"username": username, "password": password, "csrf_token": token(page), "kept_form": kept}
    )


def test_what_was_typed_is_sent_after_signing_in(app, sign_in, csrf):
    client, page = typed_then_signed_out(sign_in, csrf)
    assert page.status_code == 401 and "What you typed is kept" in page.text and NEW not in page.text
    offer = sign_in_again(client, page.text)
    assert offer.status_code == 200 and f'action="{URL}"' in offer.text and "secret-typed" not in offer.text
    answer = client.post(URL, data=hidden(offer.text))
    assert answer.status_code == 302 and "/demandes/lot/" in answer.location
    with app.app_context():
        assert requests()[0].changes["mobile"]["after"] == NEW


def test_a_wrong_password_in_between_loses_nothing(sign_in, csrf):
    client, page = typed_then_signed_out(sign_in, csrf)
    again = sign_in_again(client, page.text, password="wrong")
    assert again.status_code == 422
    assert f'action="{URL}"' in sign_in_again(client, again.text).text


def test_somebody_else_does_not_get_it(sign_in, csrf):
    client, page = typed_then_signed_out(sign_in, csrf)
    answer = sign_in_again(client, page.text, username="marc")
    assert answer.status_code in (302, 303) and NEW not in answer.text


def test_files_must_be_chosen_again_and_the_form_says_so(app, sign_in, csrf):
    with app.app_context():
        url = f"/portail/demande/pickup/add?child={child_id('Léa')}"
    person = {"first_name": "Paul", "last_name": "Durand", "phone": "06 12 34 56 78", "photo_id": upload(picture())}
    client, page = typed_then_signed_out(sign_in, csrf, url, **person)
    offer = sign_in_again(client, page.text).text
    assert 'name="photo_id-missing"' in offer
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
    for forged in ({}, {"csrf_token": "1.forged"}):
        answer = client.post(URL, data={**GUARDIAN, "mobile": NEW, "base": base, **forged})
        assert answer.status_code == 400 and NEW not in answer.text
    with app.app_context():
        assert requests() == []


def test_signed_in_again_elsewhere_the_old_tab_is_offered_its_form(app, sign_in, csrf):
    page = sign_in("galbert").get(URL).text
    client = sign_in("galbert")
    offer = client.post(URL, data={**GUARDIAN, "mobile": NEW, "base": base_of(page), "csrf_token": token(page)})
    assert offer.status_code == 400 and "Your form is still here" in offer.text
    assert client.post(URL, data=hidden(offer.text)).status_code == 302
    with app.app_context():
        assert requests()[0].changes["mobile"]["after"] == NEW


@pytest.mark.parametrize("username", ["marc", "martin", "agent"])
def test_the_old_tab_of_somebody_else_is_offered_nothing(sign_in, csrf, username):
    page = sign_in("galbert").get(URL).text
    answer = sign_in(username).post(URL, data={**GUARDIAN, "mobile": NEW, "base": base_of(page), "csrf_token": token(page)})
    assert answer.status_code == 400 and NEW not in answer.text and "Your form is still here" not in answer.text


@pytest.fixture
def noted(app, sign_in, csrf):
    """A note that a clerk typed in a session that has ended: (browser, address, answer)."""
    with app.test_request_context("/"):
        lot = request_of(make_request("guardian", 1, {"mobile": NEW})).lot_id
    page, url = sign_in("agent").get(f"/mairie/demandes/{lot}/").text, f"/mairie/demandes/{lot}/note"
    client = sign_in()
    client.get("/lang/en")
    return client, url, client.post(url, data={"note": "Rings in the evening", "csrf_token": token(page)})


def day(app):
    with app.app_context():
        return clock.today()


def note(app):
    with app.app_context():
        return db.session.get(Family, 1).private_note


def test_what_a_clerk_typed_is_sent_after_signing_in(app, noted):
    client, url, door = noted
    assert door.status_code == 401 and "What you typed is kept" in door.text and "Rings" not in door.text
    offer = sign_in_again(client, door.text, "agent")
    assert offer.status_code == 200 and f'action="{url}"' in offer.text
    client.post(url, data=hidden(offer.text))
    assert note(app) == "Rings in the evening"


def test_the_second_step_in_between_loses_nothing(app, noted):
    client, url, door = noted
    secret = pyotp.random_base32()
    with app.test_request_context("/"), unit_of_work():
        account("agent").locale = "en"
        second_factor.switch_on(account("agent"), secret, code_of(secret), by="test")
    clock.advance(minutes=2)
    step = sign_in_again(client, door.text, "agent")
    assert "Second step" in step.text and who(client) is None
    for code, status in (("000000", 422), (code_of(secret), 200)):
        step = client.post("/login/code/", data={**hidden(step.text), "csrf_token": token(step.text), "code": code})
        assert step.status_code == status
    client.post(url, data=hidden(step.text))
    assert note(app) == "Rings in the evening"


def test_the_codes_on_paper_are_a_button_that_carries_it_on(app, noted):
    client, _url, door = noted
    with app.test_request_context("/"), unit_of_work():
        secret = pyotp.random_base32()
        account("agent").locale = "en"
        second_factor.switch_on(account("agent"), secret, code_of(secret), by="test")
    step = sign_in_again(client, door.text, "agent")
    paper = client.post("/login/code/?paper=1", data={**hidden(step.text), "csrf_token": token(step.text), "other": "1"})
    assert paper.status_code == 200 and "recovery codes that you printed" in paper.text and 'name="kept_form"' in paper.text


def test_another_clerk_does_not_get_it(app, noted):
    client, _url, door = noted
    assert "Rings" not in sign_in_again(client, door.text, "agent2").text and note(app) in (None, "")


def test_a_clerk_who_typed_for_a_family_acts_for_it_again(app, sign_in, csrf):
    client, received_on = sign_in("agent"), day(app)
    begun = token(client.get("/mairie/pour/1").text)
    client.post("/mairie/pour/1", data={"channel": "phone", "received_on": received_on.isoformat(), "csrf_token": begun})
    page = client.get(URL).text
    client = sign_in()
    client.get("/lang/en")
    door = client.post(URL, data={**GUARDIAN, "mobile": NEW, "base": base_of(page), "csrf_token": token(page)})
    offer = sign_in_again(client, door.text, "agent")
    assert client.post(URL, data=hidden(offer.text)).status_code == 302
    with app.app_context():
        (request,) = requests()
        assert (request.family_id, request.lot.channel, request.received_on) == (1, Channel.phone, received_on)

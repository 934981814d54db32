"""Can somebody change the own account, with a password where it matters, and nothing else?"""

from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.security.models import LoginAddress
from app.security.operations import set_password
from tests.cast import PASSWORD
from tests.conftest import account, counted_queries
from tests.security.conftest import link_in, mails, token_of, who

GOOD = "Trois-petits-chats7"


def test_families_and_staff_have_the_page_in_their_look(app, sign_in):
    page = sign_in("galbert").get("/compte/")
    assert page.status_code == 200 and "galbert@famille.example" in page.text and "Galbert" in page.text
    page = sign_in("agent").get("/compte/")
    assert page.status_code == 200 and "My families" not in page.text


def test_a_new_password_asks_for_the_present_one_and_ends_the_other_sessions(app, sign_in):
    client, other = sign_in("galbert"), sign_in("galbert")
    page = client.post("/compte/mot-de-passe/", data={"present": "wrong", "password": GOOD})
    assert page.status_code == 422 and "not your present password" in page.text
    page = client.post("/compte/mot-de-passe/", data={"present": PASSWORD, "password": PASSWORD})
    assert page.status_code == 422 and "another password" in page.text
    assert client.post("/compte/mot-de-passe/", data={"present": PASSWORD, "password": GOOD}).location == "/compte/"
    assert who(client) == "galbert" and who(other) is None
    assert client.get("/compte/").status_code == 200
    with app.app_context():
        (mail,) = mails("password_changed")
        assert mail.recipient == "galbert@famille.example" and GOOD not in mail.body


def test_wrong_passwords_count_here_too(app, sign_in):
    client = sign_in("galbert")
    for _attempt in range(5):
        client.post("/compte/mot-de-passe/", data={"present": "wrong", "password": GOOD})
    page = client.post("/compte/mot-de-passe/", data={"present": PASSWORD, "password": GOOD})
    assert page.status_code == 422 and "Too many wrong passwords" in page.text
    clock.advance(minutes=2)
    assert client.post("/compte/mot-de-passe/", data={"present": PASSWORD, "password": GOOD}).status_code == 302


def test_another_address_needs_the_password_a_confirmation_and_a_notice(app, sign_in, visitor):
    client = sign_in("galbert")
    page = client.post("/compte/adresse/", data={"email": "new@famille.example", "password": "wrong"})
    assert page.status_code == 422 and 'value="new@famille.example"' in page.text
    assert client.post("/compte/adresse/", data={"email": "New@famille.example", "password": PASSWORD}).location == "/compte/"
    with app.app_context():
        assert db.session.scalar(db.select(LoginAddress.email).filter_by(account_id=account("galbert").id)) == "galbert@famille.example"
        (mail,) = mails("confirm_address")
        assert mail.recipient.lower() == "new@famille.example"
    link = link_in(mail)
    assert visitor().get(link).status_code == 200
    assert visitor().post(link).status_code == 302
    with app.app_context():
        assert db.session.scalar(db.select(LoginAddress.email).filter_by(account_id=account("galbert").id)) == "new@famille.example"
        (notice,) = mails("address_changed")
        assert notice.recipient == "galbert@famille.example" and "new@famille.example" not in notice.body
    assert visitor().post(link).status_code == 302, "twice is harmless"
    with app.app_context():
        assert len(mails("address_changed")) == 1


def test_a_confirmation_dies_after_three_days_and_with_the_password(app, sign_in, visitor):
    client = sign_in("galbert")
    client.post("/compte/adresse/", data={"email": "new@famille.example", "password": PASSWORD})
    with app.app_context():
        link = link_in(mails("confirm_address")[0])
    assert visitor().get(link.rpartition(".")[0] + "." + "A" * 27).status_code == 410
    with app.test_request_context("/"), unit_of_work():
        set_password(account("galbert"), "x" * 40, by="test")
    assert visitor().post(link).status_code == 410
    client = sign_in("martin")
    client.post("/compte/adresse/", data={"email": "new@famille.example", "password": PASSWORD})
    with app.app_context():
        link = link_in(mails("confirm_address")[-1])
    clock.advance(days=3, minutes=1)
    assert visitor().post(link).status_code == 410


def test_the_language_is_kept_and_makes_the_mails(app, sign_in, visitor):
    client = sign_in("galbert")
    assert client.post("/compte/langue/", data={"locale": "en"}).status_code == 302
    assert client.post("/compte/langue/", data={"locale": "xx"}).status_code == 400
    with app.app_context():
        assert account("galbert").locale == "en"
    german = visitor()
    german.environ_base["HTTP_ACCEPT_LANGUAGE"] = "fr"
    german.get("/lang/fr")
    german.post("/login/", data={"username": "galbert", "password": PASSWORD})
    assert '<html lang="en-GB"' in german.get("/compte/").text


def test_visitors_are_spoken_to_as_their_browser_asks(app):
    for asked, spoken in (("en-GB,en;q=0.8", "en-GB"), ("fr-CH", "fr"), ("de,en;q=0.5", "en-GB"), ("de", "fr"), ("", "fr")):
        page = app.test_client().get("/", headers={"Accept-Language": asked})
        assert f'<html lang="{spoken}"' in page.text, asked


def test_choosing_a_language_goes_back_to_the_page(app, visitor):
    client = visitor()
    answer = client.get("/lang/fr", headers={"Referer": "http://localhost/login/?next=/portail/"})
    assert answer.location == "/login/?next=/portail/"
    assert '<html lang="fr"' in client.get("/login/").text
    assert client.get("/lang/fr", headers={"Referer": "https://evil.example/"}).location == "/"
    assert client.get("/lang/xx").status_code == 404


def test_all_other_sessions_can_be_closed(app, sign_in):
    client, other = sign_in("galbert"), sign_in("galbert")
    assert client.post("/compte/sessions/").status_code == 302
    assert who(client) == "galbert" and who(other) is None


def test_a_family_writes_its_account_and_nobody_elses(app, sign_in, csrf):
    client = sign_in("galbert")
    for address in ("mot-de-passe", "adresse", "langue", "sessions"):
        assert client.post(f"/compte/{address}/", data={}).status_code == 400, "no token"
    token = token_of(client.get("/compte/"))
    client.post("/compte/langue/", data={"locale": "en", "account_id": "2", "id": "2", "csrf_token": token})
    with app.app_context():
        assert (account("galbert").locale, account("marc").locale) == ("en", "fr")


def test_few_queries(app, sign_in):
    for address in ("/compte/", "/compte/adresse/", "/compte/mot-de-passe/"):
        client = sign_in("galbert")
        with app.app_context(), counted_queries() as statements:
            assert client.get(address).status_code == 200
        assert len(statements) <= 8, statements

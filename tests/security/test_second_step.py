"""Does the second step keep out who knows the password alone, and nobody else?"""

import re
import threading

import pyotp
import pytest

from app.core import clock, settings
from app.core.db import unit_of_work
from app.extensions import db
from app.security import manager, second_factor
from app.security.models import LoginAddress, RecoveryCode, SecondFactor
from app.security.operations import close_sessions
from app.security.settings import AskedOf
from app.security.who_sees_what import STAFF_ROLES
from tests.cast import PASSWORD
from tests.conftest import account
from tests.security.conftest import link_in, mails, who

CODE = re.compile(r"[A-Z2-9]{4}-[A-Z2-9]{4}")


def code_of(secret, steps=0):
    return pyotp.TOTP(secret).at(int(clock.now().timestamp()) + 30 * steps)


@pytest.fixture
def factor(app):
    """The second step of "agent", on: (secret, recovery codes). The code that confirmed it was an older one."""
    secret = pyotp.random_base32()
    with app.test_request_context("/"), unit_of_work():
        account("agent").locale = "en"
        codes = second_factor.switch_on(account("agent"), secret, code_of(secret), by="test")
    clock.advance(minutes=2)
    return secret, codes


def password(client, username="agent", **more):
    return client.post("/login/", data={"username": username, "password": PASSWORD}, **more)


def test_it_is_set_up_with_password_and_first_code(app, sign_in):
    client, other = sign_in("agent"), sign_in("agent")
    assert "off: the password alone" in client.get("/compte/").text
    page = client.get("/compte/code/").text
    sealed = re.search(r'name="secret"[^>]*value="([^"]+)"', page).group(1)
    secret = re.search(r"secret=([A-Z2-7]+)", page).group(1)
    assert "<svg" in page and " style=" not in page
    for typed in ({"code": "000000", "password": PASSWORD}, {"code": code_of(secret), "password": "wrong"}):
        page = client.post("/compte/code/", data={"secret": sealed, **typed})
        assert page.status_code == 422 and f"secret={secret}" in page.text, "a mistake keeps the picture"
    with app.app_context():
        assert not second_factor.is_on(account("agent").id)
    page = client.post("/compte/code/", data={"secret": sealed, "code": code_of(secret), "password": PASSWORD})
    assert len(set(CODE.findall(page.text))) == 10
    assert who(client) == "agent" and who(other) is None
    assert "on: password and telephone" in client.get("/compte/").text
    page = client.get("/compte/code/").text
    assert secret not in page and not CODE.search(page) and "10 codes are left" in page
    with app.app_context():
        stored = db.session.execute(db.text("SELECT secret FROM second_factor")).scalar()
        assert secret not in stored


@pytest.mark.once
def test_a_secret_of_somebody_else_is_not_taken(app, sign_in):
    page = sign_in("regisseur").get("/compte/code/").text
    sealed, secret = re.search(r'name="secret"[^>]*value="([^"]+)"', page).group(1), re.search(r"secret=([A-Z2-7]+)", page).group(1)
    answer = sign_in("agent").post("/compte/code/", data={"secret": sealed, "code": code_of(secret), "password": PASSWORD})
    assert answer.status_code == 422 and secret not in answer.text


def test_the_password_alone_opens_nothing(app, visitor, factor):
    client = visitor()
    assert password(client, query_string={"next": "/mairie/familles/"}).location == "/login/code/?next=/mairie/familles/"
    assert who(client) is None
    assert client.get("/mairie/").location.startswith("/login/?")
    assert client.post("/login/code/", data={"code": "12 34"}).status_code == 422
    answer = client.post("/login/code/?next=/mairie/familles/", data={"code": f" {code_of(factor[0])} "})
    assert answer.location == "/mairie/familles/" and who(client) == "agent"
    with client.session_transaction() as session:
        assert "code_asked" not in session and session["second_step"]


def test_a_code_is_taken_once(app, visitor, factor):
    seen = code_of(factor[0])
    first, second = visitor(), visitor()
    for client in (first, second):
        password(client)
    assert first.post("/login/code/", data={"code": seen}).status_code == 302
    page = second.post("/login/code/", data={"code": seen})
    assert page.status_code == 422 and "was used already" in page.text
    assert second.post("/login/code/", data={"code": code_of(factor[0], -1)}).status_code == 422, "nor an older one"
    assert second.post("/login/code/", data={"code": code_of(factor[0], 1)}).status_code == 302, "a telephone's clock may be ahead"


def test_of_many_at_once_one_gets_in(app, visitor, factor):
    clients, typed, answers = [visitor() for _one in range(4)], code_of(factor[0]), []
    for client in clients:
        password(client)

    def post(client):
        answers.append(client.post("/login/code/", data={"code": typed}).status_code)

    threads = [threading.Thread(target=post, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [302, 422, 422, 422]


def test_a_recovery_code_opens_once(app, visitor, factor):
    for expected in (302, 422):
        client = visitor()
        password(client)
        assert client.post("/login/code/", data={"code": factor[1][0].lower().replace("-", " ")}).status_code == expected
    with app.app_context():
        assert second_factor.codes_left(account("agent").id) == 9


def test_wrong_codes_rest_the_account_and_a_right_password_between_does_not_begin_anew(app, visitor, factor):
    for _attempt in range(manager.FREE_ATTEMPTS):
        client = visitor()
        assert password(client).location.startswith("/login/code/")
        assert client.post("/login/code/", data={"code": "000000"}).status_code == 422
    page = client.post("/login/code/", data={"code": code_of(factor[0])})
    assert page.status_code == 422 and "Too many wrong codes" in page.text
    assert password(visitor()).status_code == 422, "the password rests too"
    clock.advance(minutes=2)
    password(client)
    assert client.post("/login/code/", data={"code": code_of(factor[0])}).status_code == 302
    with app.app_context():
        assert account("agent").fail_login_count == 0


@pytest.mark.once
def test_the_step_waits_for_ten_minutes_and_dies_with_the_sessions(app, visitor, factor):
    late, ended = visitor(), visitor()
    password(late)
    clock.advance(minutes=11)
    assert late.post("/login/code/", data={"code": code_of(factor[0])}).location.startswith("/login/")
    password(ended)
    with app.test_request_context("/"), unit_of_work():
        close_sessions(account("agent"), by="test")
    assert ended.post("/login/code/", data={"code": code_of(factor[0])}).location.startswith("/login/")
    assert visitor().get("/login/code/").location.startswith("/login/"), "nor does it begin without a password"


def test_a_new_password_by_mail_does_not_go_around_it(app, visitor, factor):
    with app.app_context(), unit_of_work():
        db.session.add(LoginAddress(account_id=account("agent").id, email="agent@mairie.example", confirmed_at=clock.now()))
    client = visitor()
    client.post("/mot-de-passe-oublie/", data={"username": "agent"})
    with app.app_context():
        link = link_in(mails("reset")[0])
    assert client.post(link, data={"password": "Trois-petits-chats7"}).location.startswith("/login/code/")
    assert who(client) is None
    assert client.post("/login/code/", data={"code": code_of(factor[0])}).status_code == 302 and who(client) == "agent"


@pytest.mark.once
def test_new_codes_and_the_end_need_password_and_code(app, sign_in, factor):
    client = sign_in("agent")
    for page in ("/compte/code/secours/", "/compte/code/arreter/"):
        assert client.get(page).status_code == 200
        for typed in ({"password": "wrong", "code": code_of(factor[0])}, {"password": PASSWORD, "code": "000000"}):
            assert client.post(page, data=typed).status_code == 422
    clock.advance(minutes=2)
    page = client.post("/compte/code/secours/", data={"password": PASSWORD, "code": code_of(factor[0])})
    codes = CODE.findall(page.text)
    assert len(set(codes)) == 10 and not set(codes) & set(factor[1])
    answer = client.post("/compte/code/arreter/", data={"password": PASSWORD, "code": codes[0]})
    assert answer.location == "/compte/"
    with app.app_context():
        assert not second_factor.is_on(account("agent").id) and not db.session.scalar(db.select(RecoveryCode.id))


@pytest.mark.once
def test_an_administrator_ends_it_for_who_lost_the_telephone_and_they_are_told(app, sign_in, visitor, factor):
    with app.app_context(), unit_of_work():
        number = account("agent").id
        db.session.add(LoginAddress(account_id=number, email="agent@mairie.example", confirmed_at=clock.now()))
    assert sign_in("agent2").post(f"/mairie/comptes/{number}/sans-code").status_code == 403, "a clerk does not do it to a clerk"
    client, admin = sign_in("agent"), sign_in("admin")
    assert "End the second step" in admin.get(f"/mairie/comptes/{number}/").text
    assert admin.post(f"/mairie/comptes/{number}/sans-code").status_code == 302
    assert who(client) is None
    assert password(visitor()).location == "/"
    with app.app_context():
        (mail,) = mails("second_step_off")
        assert mail.recipient == "agent@mairie.example"


@pytest.mark.once
def test_whoever_must_have_it_sets_it_up_before_anything_else(app, sign_in, visitor, factor):
    with app.app_context(), unit_of_work():
        settings.put("second_step", AskedOf.everybody.value)
    client = sign_in("regisseur")
    for answer in (client.get("/mairie/familles/"), client.post("/mairie/comptes/1/deconnecter"), client.get("/compte/")):
        assert answer.location.startswith("/compte/code/")
    page = client.get("/compte/code/?next=/mairie/familles/").text
    assert "asks you for it" in page and "Log out" in page
    sealed, secret = re.search(r'name="secret"[^>]*value="([^"]+)"', page).group(1), re.search(r"secret=([A-Z2-7]+)", page).group(1)
    data = {"secret": sealed, "code": code_of(secret), "password": PASSWORD, "next": "/mairie/familles/"}
    page = client.post("/compte/code/", data=data)
    assert 'href="/mairie/familles/"' in page.text
    assert client.get("/mairie/familles/").status_code == 200
    assert "stays on" in client.post("/compte/code/arreter/", data={}, follow_redirects=True).text
    agent = visitor()
    password(agent)
    agent.post("/login/code/", data={"code": code_of(factor[0])})
    assert agent.get("/mairie/familles/").status_code == 200
    assert sign_in("galbert").get("/portail/").status_code == 200, "families are not asked"


@pytest.mark.once
def test_roles_that_are_asked(app, ctx):
    for asked, roles in (("nobody", 0), ("administrators", 1), ("money", 2), ("everybody", 5)):
        with unit_of_work():
            settings.put("second_step", asked)
        assert sum(second_factor.is_asked_of(role) for role in STAFF_ROLES) == roles


@pytest.mark.once
def test_families_have_no_second_step(app, sign_in):
    client = sign_in("galbert")
    assert client.get("/compte/code/").status_code == 403 and "Second step" not in client.get("/compte/").text


def test_the_command_for_the_only_administrator(app, factor):
    answer = app.test_cli_runner().invoke(args=["end-second-step", "agent"])
    assert answer.exit_code == 0, answer.output
    with app.app_context():
        assert not db.session.scalar(db.select(SecondFactor.id))

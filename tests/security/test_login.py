"""Does the door let in who it should, and tell the others nothing?"""

import re

import pytest

import config
from app.audit.models import LogEntry
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.security import manager
from app.security.models import FamilyLink, LoginAddress
from app.security.operations import close_sessions, end_link
from tests.cast import PASSWORD
from tests.conftest import account, counted_queries
from tests.security.conftest import token_of, who


def sign_in(client, username="galbert", password=PASSWORD, **more):
    return client.post("/login/", data={"username": username, "password": password}, **more)


@pytest.mark.parametrize("name", ["galbert", "GALBERT", " galbert ", "galbert@famille.example", "Galbert@Famille.Example"])
def test_identifier_and_address_sign_in(app, visitor, name):
    client = visitor()
    answer = sign_in(client, name)
    assert answer.status_code == 302 and answer.location == "/"
    assert who(client) == "galbert"


def test_a_shared_address_does_not_sign_in(app, visitor):
    with app.app_context(), unit_of_work():
        db.session.execute(
            db.update(LoginAddress).where(LoginAddress.email == "marc@famille.example").values(email="galbert@famille.example")
        )
    client = visitor()
    assert sign_in(client, "galbert@famille.example").status_code == 422
    assert who(client) is None
    assert sign_in(client, "marc").status_code == 302


def test_a_wrong_password_keeps_the_identifier_and_never_the_password(app, visitor):
    page = sign_in(visitor(), "galbert", "not-this-one")
    assert page.status_code == 422
    assert 'value="galbert"' in page.text and "not-this-one" not in page.text
    assert "do not go together" in page.text


def test_unknown_and_known_names_read_alike_and_cost_alike(app, visitor, monkeypatch):
    checked = []
    monkeypatch.setattr(manager, "check_password_hash", lambda stored, typed: bool(checked.append(stored)))
    seen = {}
    for name in ("galbert", "nobody"):
        client = visitor()
        with app.app_context(), counted_queries() as statements:
            pages = [sign_in(client, name, "wrong") for _attempt in range(6)]
        writes = [line.split()[0] for line in statements if not line.startswith("SELECT")]
        seen[name] = [re.sub(rf'nonce="[^"]+"|{name}', "", page.text) for page in pages], writes.count("INSERT")
    assert len(checked) == 12
    assert seen["galbert"][0] == seen["nobody"][0]
    # At most one more: the note that the account rests now.
    assert seen["galbert"][1] - seen["nobody"][1] in (0, 1)


def test_the_hash_for_unknown_names_is_a_real_one_of_the_same_cost():
    method, salt, digest = config.AUTH_DB_FAKE_PASSWORD_HASH_CHECK.split("$")
    assert method == config.FAB_PASSWORD_HASH_METHOD
    assert len(salt) == 16 and len(bytes.fromhex(digest)) == 64


def test_five_wrong_passwords_block_for_a_growing_time(app, visitor):
    client = visitor()
    for _attempt in range(manager.FREE_ATTEMPTS):
        page = sign_in(client, password="wrong")
    assert "an account rests" in page.text
    assert sign_in(client).status_code == 422
    clock.advance(seconds=61)
    assert sign_in(client, password="wrong").status_code == 422
    clock.advance(seconds=61)
    assert sign_in(client).status_code == 422, "the second pause is longer"
    clock.advance(seconds=61)
    assert sign_in(client).status_code == 302
    with app.app_context():
        assert account("galbert").fail_login_count == 0 and account("galbert").blocked_until is None
        assert db.session.scalar(db.select(db.func.count()).select_from(LogEntry).filter_by(verb="account.blocked")) == 2


def test_the_pause_never_exceeds_an_hour(app):
    with app.test_request_context("/"):
        for _attempt in range(40):
            manager.note_wrong_password(1)
        assert (account("galbert").blocked_until - clock.now()).total_seconds() <= 3600


def test_the_next_page_survives_a_wrong_password(app, visitor):
    client = visitor()
    answer = client.get("/portail/demandes/?groupe=x")
    assert answer.status_code == 302 and answer.location == "/login/?next=/portail/demandes/?groupe%3Dx"
    page = client.post(answer.location, data={"username": "galbert", "password": "wrong"})
    assert 'action="/login/?next=/portail/demandes/?groupe%3Dx"' in page.text
    assert client.post(answer.location, data={"username": "galbert", "password": PASSWORD}).location == "/portail/demandes/?groupe=x"


ELSEWHERE = [
    "https://evil.example/",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "javascript:alert(1)",
    "http:evil.example",
    "https://localhost@evil.example/",
    "/%0d%0aSet-Cookie:x",
    "/logout/",
    "/nothing-here",
]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_the_next_page_is_one_of_ours(app, visitor, address):
    assert visitor().post("/login/", query_string={"next": address}, data={"username": "galbert", "password": PASSWORD}).location == "/"


def test_nothing_of_the_visitor_goes_into_the_session(app, visitor):
    client = visitor()
    with client.session_transaction() as session:
        session.update(
            acting={"family": 1, "channel": "post"}, family=2, first_visit=[1, 1], page_history=["x"], csrf_token="fixed", locale="en"
        )
    sign_in(client, "agent")
    with client.session_transaction() as session:
        assert set(session) <= {"_user_id", "_fresh", "_id", "locale", "csrf_token"} and session["csrf_token"] != "fixed"
        assert session["locale"] == "fr", "the account's language wins"


def test_logging_out_is_a_post_and_forgets_for_whom_one_acted(app, sign_in):
    client = sign_in("agent")
    with client.session_transaction() as session:
        session.update(acting={"family": 1, "channel": "post", "received_on": None}, family=1)
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").status_code == 302
    with client.session_transaction() as session:
        assert "acting" not in session and "family" not in session and "_user_id" not in session


def test_forged_posts_are_refused(app, visitor, csrf):
    client = visitor()
    assert sign_in(client).status_code == 400
    token = token_of(client.get("/login/"))
    assert client.post("/login/", data={"username": "galbert", "password": PASSWORD, "csrf_token": token}).status_code == 302
    assert client.post("/logout/").status_code == 400


def test_closed_sessions_and_blocked_accounts_end_at_the_next_click(app, sign_in):
    client, other = sign_in("galbert"), sign_in("martin")
    with app.test_request_context("/"), unit_of_work():
        close_sessions(account("galbert"), by="test")
        account("martin").active = False
    for stranger in (client, other):
        assert "/login/" in stranger.get("/portail/").location


def test_an_ended_link_is_403_at_the_next_click(app, sign_in):
    client = sign_in("marc")
    assert client.get("/portail/").status_code == 200
    with app.test_request_context("/"), unit_of_work():
        end_link(db.session.scalar(db.select(FamilyLink).filter_by(account_id=account("marc").id)), "separation", by=account("agent"))
    assert client.get("/portail/").status_code == 403
    page = client.get("/")
    assert page.status_code == 200 and "belongs to no family" in page.text and 'action="/logout/"' in page.text


def test_a_borrowed_password_is_changed_before_anything_else(app, sign_in):
    with app.app_context(), unit_of_work():
        for username in ("galbert", "agent"):
            account(username).must_change_password = True
    for username, page in (("galbert", "/portail/"), ("agent", "/compte/"), ("galbert", "/")):
        client = sign_in(username)
        assert client.get(page).location.startswith("/compte/mot-de-passe/")
        assert client.post(page, data={}).location.startswith("/compte/mot-de-passe/")
        assert client.get("/compte/mot-de-passe/").status_code == 200
    client = sign_in("galbert")
    answer = client.post("/compte/mot-de-passe/", data={"present": PASSWORD, "password": "Un-autre-mot-7", "next": "/portail/"})
    assert answer.location == "/portail/"
    assert client.get("/portail/").status_code == 200


def test_strangers_see_the_door_and_no_other_sentence(app, visitor):
    client = visitor()
    for address in ("/portail/", "/portail/demande/guardian/edit/1", "/compte/", "/mairie/", "/technique/"):
        assert client.get(address).location.startswith("/login/")
    page = client.get("/login/")
    assert "Access" not in page.text


def test_few_queries(app, visitor, monkeypatch):
    client = visitor()
    for address in ("/", "/login/"):
        with app.app_context(), counted_queries() as statements:
            assert client.get(address).status_code == 200
        assert len(statements) <= 2, statements
    with app.app_context(), counted_queries() as statements:
        sign_in(client)
    # It writes four rows: the account, the address, the session, the log.
    assert len(statements) <= 8, statements


def test_no_mark_of_a_cookie_before_somebody_needs_one(app, visitor):
    assert "Set-Cookie" not in visitor().get("/").headers

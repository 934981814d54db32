"""Does somebody see where they are signed in, and close it from afar?"""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.security.models import LoginSession
from app.security.sessions import SESSION_ROWS, device_of, forget_sessions
from tests.cast import PASSWORD
from tests.conftest import account, counted_queries
from tests.security.conftest import who

PHONE = "Mozilla/5.0 (Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0"
DESK = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0"


def enter(visitor, agent, username="galbert"):
    client = visitor()
    client.environ_base["HTTP_USER_AGENT"] = agent
    assert client.post("/login/", data={"username": username, "password": PASSWORD}).status_code == 302
    client.get("/lang/en")
    return client


def rows_of(app, username="galbert"):
    with app.app_context():
        query = select(LoginSession).where(LoginSession.account_id == account(username).id, LoginSession.ended_at.is_(None))
        return db.session.scalars(query.order_by(LoginSession.id.desc())).all()


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (PHONE, "Firefox, Android"),
        (DESK, "Edge, Windows"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1 Version/17.0 Mobile/15E148 Safari/604.1",
            "Safari, iPhone",
        ),
        ("curl/8.1 <script>", "curl"),
        ("", ""),
    ],
)
@pytest.mark.once
def test_a_device_is_told_in_words(agent, words):
    assert device_of(agent) == words


def test_a_device_is_seen_and_closed_from_another(app, visitor):
    phone, desk = enter(visitor, PHONE), enter(visitor, DESK)
    page = desk.get("/compte/").text
    assert "Firefox, Android" in page and page.count("This device") == 1
    there = next(row.id for row in rows_of(app) if row.device == "Firefox, Android")
    assert f"/compte/sessions/{there}/fermer" in page
    assert desk.post(f"/compte/sessions/{there}/fermer").status_code == 302
    assert who(desk) == "galbert" and who(phone) is None
    assert phone.get("/portail/").location.startswith("/login/")
    assert "Firefox, Android" not in desk.get("/compte/").text


@pytest.mark.once
def test_nobody_closes_a_strangers_session(app, visitor, sign_in):
    other = enter(visitor, PHONE, "martin")
    theirs = rows_of(app, "martin")[0].id
    assert sign_in("galbert").post(f"/compte/sessions/{theirs}/fermer").status_code == 404
    assert who(other) == "martin"


def test_all_others_are_closed_at_once(app, visitor):
    phone, desk = enter(visitor, PHONE), enter(visitor, DESK)
    assert desk.post("/compte/sessions/").status_code == 302
    assert who(desk) == "galbert" and who(phone) is None
    assert [row.device for row in rows_of(app)] == ["Edge, Windows"]


def test_logging_out_ends_the_row_and_a_copied_cookie_with_it(app, visitor):
    client = enter(visitor, PHONE)
    stolen = client.get_cookie("session").value
    assert client.post("/logout/").status_code == 302
    thief = visitor()
    thief.set_cookie("session", stolen)
    assert thief.get("/portail/").location.startswith("/login/")


@pytest.mark.once
def test_a_closed_account_does_not_come_back_with_its_sessions(app, visitor, sign_in):
    client, admin = enter(visitor, PHONE), sign_in("admin")
    with app.app_context():
        number = account("galbert").id
    assert "Firefox, Android" in admin.get(f"/mairie/comptes/{number}/").text
    for deed in ("desactiver", "reactiver"):
        assert admin.post(f"/mairie/comptes/{number}/{deed}").status_code == 302
    assert client.get("/portail/").location.startswith("/login/")


def test_a_page_is_one_query_and_writes_at_most_every_ten_minutes(app, visitor):
    client = enter(visitor, PHONE)
    with app.app_context(), counted_queries() as statements:
        client.get("/healthz")
    assert len([line for line in statements if "ab_user" in line]) == 1
    for minutes, written in ((1, 0), (10, 1), (1, 0)):
        clock.advance(minutes=minutes)
        with app.app_context(), counted_queries() as statements:
            client.get("/compte/")
        assert len([line for line in statements if line.startswith("UPDATE login_session")]) == written, minutes
    assert rows_of(app)[0].seen_at > clock.now() - timedelta(minutes=2)


def test_rows_that_nobody_uses_are_removed_and_so_is_their_access(app, visitor):
    client = enter(visitor, PHONE)
    clock.advance(seconds=SESSION_ROWS.total_seconds() + 60)
    used = enter(visitor, DESK)
    with app.app_context():
        assert forget_sessions() == 1
    assert who(client) is None and who(used) == "galbert"


@pytest.mark.once
def test_a_dead_cookies_device_is_not_shown(app, visitor):
    enter(visitor, PHONE)
    with app.app_context(), unit_of_work():
        db.session.execute(db.update(LoginSession).values(seen_at=clock.now() - timedelta(hours=13)))
    assert "Firefox, Android" not in enter(visitor, DESK).get("/compte/").text

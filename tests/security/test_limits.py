"""Is whoever tries many passwords, codes or addresses from one place slowed down, told so, and nobody else?"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from app.audit.models import LogEntry
from app.core import clock
from app.core.db import committed_lazily, unit_of_work
from app.extensions import db
from app.families.models import Adult
from app.security import manager, operations, throttle
from app.security.models import Invitation
from tests.cast import PASSWORD
from tests.conftest import account
from tests.security.conftest import mails, who

TOO_OFTEN = "Too many attempts came from your internet connection"


@pytest.fixture
def at(app, visitor):
    """at("203.0.113.9"): somebody at this address of the network."""

    def coming(address):
        client = visitor()
        client.environ_base["REMOTE_ADDR"] = address
        return client

    return coming


def sign_in(client, username="galbert", password=PASSWORD):
    return client.post("/login/", data={"username": username, "password": password})


def tries(app, address, username, password):
    """The name of who came in, or None: a try without the page around it."""
    with app.test_request_context("/login/", environ_base={"REMOTE_ADDR": address}), committed_lazily():
        found = app.appbuilder.sm.auth_user_db(username, password)
        return found and found.username


def later(**duration):
    clock.stop_at(clock.now() + timedelta(**duration))


@pytest.fixture
def hashed(monkeypatch):
    """Which passwords were compared; a comparison costs nothing, and the clock stands still, however long a slow machine takes."""
    clock.stop_at(clock.now())
    seen = []
    monkeypatch.setattr(manager, "check_password_hash", lambda _stored, typed: seen.append(typed) or typed == PASSWORD)
    return seen


@pytest.mark.once
def test_hundreds_of_wrong_passwords_from_many_addresses(app, at, hashed):
    """At one account, and at others known and unknown: none is opened, and nobody else is kept out."""
    names = ["martin", "nobody", "agent", "admin@mairie.example"]
    for number in range(400):
        name = "galbert" if number < 240 else names[number % len(names)]
        assert tries(app, f"198.51.100.{number % 40}", name, f"guess-{number}") is None
    assert tries(app, "198.51.100.7", "galbert", PASSWORD) is None, "the account rests, even for who guesses right in the end"
    assert sign_in(at("198.51.100.7"), "marc").status_code == 302, "a neighbour of the same address is let in: ten wrong ones are few"
    assert sign_in(at("203.0.113.1"), "marc").status_code == 302
    with app.app_context():
        entered = db.session.scalar(db.select(db.func.count()).select_from(LogEntry).filter_by(verb="account.signed_in"))
        assert account("galbert").fail_login_count <= manager.FREE_ATTEMPTS + 1 and entered == 2
    later(hours=1, minutes=1)
    assert sign_in(at("203.0.113.1"), "galbert").status_code == 302


def test_one_address_guesses_at_all_accounts_no_faster_than_its_pause(app, at, hashed):
    for number in range(throttle.SIGN_IN.free):
        assert tries(app, "198.51.100.7", f"nobody-{number}", "wrong") is None
    pages = {sign_in(at("198.51.100.7"), name, PASSWORD).text.count(TOO_OFTEN) for name in ("galbert", "nobody")}
    assert pages == {1} and len(hashed) == throttle.SIGN_IN.free, "known or not, no password is looked at"
    assert sign_in(at("198.51.100.8")).status_code == 302
    later(seconds=121)
    assert sign_in(at("198.51.100.7")).status_code == 302


def test_of_many_at_once_no_more_pass_than_one_by_one(app, hashed):
    def guess(name):
        try:
            return tries(app, "198.51.100.7", name, "wrong")
        except throttle.TooOften:
            return "later"

    names = [f"nobody-{number}" for number in range(throttle.SIGN_IN.free + 14)]
    with ThreadPoolExecutor(8) as people:
        answers = list(people.map(guess, names))
    assert answers.count(None) == throttle.SIGN_IN.free and answers.count("later") == 14


def test_many_parents_behind_one_address_mistype_and_come_in(app, hashed):
    for _parent in range(throttle.SIGN_IN.free):
        tried = [tries(app, "2001:db8:1:2::7", "galbert", typed) for typed in ("slip", "slip", PASSWORD)]
        assert tried == [None, None, "galbert"]


def test_who_holds_a_key_of_the_house_cannot_pay_for_guesses_with_it(app, at, hashed):
    """Only one's own slips are taken back: signing in rightly in between buys no guesses at others."""
    for number in range(throttle.SIGN_IN.free):
        assert tries(app, "198.51.100.7", f"nobody-{number}", "wrong") is None
        assert number % 10 or tries(app, "198.51.100.7", "martin", PASSWORD) == "martin"
    assert TOO_OFTEN in sign_in(at("198.51.100.7"), "martin").text


def test_a_stranger_locks_nobodys_letter(app, at):
    with app.test_request_context("/"), unit_of_work():
        adult = db.session.scalar(db.select(Adult).filter_by(last_name="Martin"))
        codes = {"family_code": adult.family.code, "code": operations.invite(adult.id, adult.family_id, by=account("agent"))}
    stranger, owner = at("198.51.100.7"), at("203.0.113.1")
    for _guess in range(throttle.LETTERS.free):
        assert "do not go together" in stranger.post("/premiere-visite/", data={**codes, "code": "AAAA-BBBB-CCCC"}).text
    page = stranger.post("/premiere-visite/", data=codes)
    assert TOO_OFTEN in page.text and f'value="{codes["code"]}"' in page.text, "what was typed is kept"
    with app.app_context():
        assert db.session.scalar(db.select(Invitation.attempts)) == throttle.LETTERS.free
    assert owner.post("/premiere-visite/", data=codes).location == "/premiere-visite/compte/"
    # Whoever goes on for the sixty days of the letter, from one address, does not reach the ceiling of the letter itself.
    most = throttle.LETTERS.free + operations.INVITATION_LIFE / throttle.LETTERS.pause
    assert most < operations.INVITATION_ATTEMPTS


@pytest.mark.parametrize("known", ["galbert@famille.example", "nobody@famille.example"])
def test_a_mailbox_is_not_filled_by_strangers(app, at, known):
    for number in range(throttle.RECIPIENT.free):
        answer = at(f"198.51.100.{number}").post("/mot-de-passe-oublie/", data={"username": known})
        assert answer.location == "/mot-de-passe-oublie/envoye/"
    page = at("203.0.113.1").post("/mot-de-passe-oublie/", data={"username": known.upper()})
    assert "several times already" in page.text and known in page.text.lower()
    clock.advance(minutes=11)
    assert at("203.0.113.1").post("/mot-de-passe-oublie/", data={"username": known}).status_code == 302
    with app.app_context():
        assert len(mails()) in (0, throttle.RECIPIENT.free + 1)


def test_one_address_asks_for_few_mails(app, at):
    client = at("198.51.100.7")
    for number in range(throttle.MAILS.free):
        assert client.post("/mot-de-passe-oublie/", data={"username": f"nobody-{number}"}).status_code == 302
    assert TOO_OFTEN in client.post("/mot-de-passe-oublie/", data={"username": "galbert"}).text
    assert who(client) is None and at("203.0.113.1").post("/mot-de-passe-oublie/", data={"username": "galbert"}).status_code == 302

"""Does the town's letter, and nothing else, open an account?"""

import pytest

from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import Adult, AdultRole
from app.security import first_visit, operations
from app.security.models import Account, FamilyLink, Invitation, LoginAddress
from tests.cast import PASSWORD
from tests.conftest import account, counted_queries
from tests.security.conftest import link_in, mails, token_of, who

GOOD = "Trois-petits-chats7"


@pytest.fixture
def letter(app):
    """The two codes of a letter to an adult who has no account: a spouse for the Martins."""
    with app.test_request_context("/"), unit_of_work():
        family = db.session.scalar(db.select(Adult).filter_by(last_name="Martin")).family
        adult = Adult(family=family, role=AdultRole.spouse, first_name="Zoé", last_name="Da Silva", email="zoe@famille.example")
        db.session.add(adult)
        db.session.flush()
        return family.code, operations.invite(adult.id, family.id, by=account("agent"))


def give(client, codes, **more):
    return client.post("/premiere-visite/", data={"family_code": codes[0], "code": codes[1]}, **more)


def test_two_codes_an_identifier_and_a_password_make_an_account(app, visitor, letter):
    client = visitor()
    assert give(client, (f" {letter[0].lower()} ", letter[1].lower().replace("-", " "))).location == "/premiere-visite/compte/"
    page = client.get("/premiere-visite/compte/").text
    assert 'value="zoe.da-silva"' in page and 'value="zoe@famille.example"' in page
    assert 'autocomplete="new-password"' in page and "At least 8 characters" in page and "onpaste" not in page
    answer = client.post("/premiere-visite/compte/", data={"username": "zoe.da-silva", "password": GOOD, "email": "zoe@famille.example"})
    assert answer.location == "/" and who(client) == "zoe.da-silva"
    assert client.get("/portail/").status_code == 200
    with app.app_context():
        made = account("zoe.da-silva")
        link = db.session.scalar(db.select(FamilyLink).filter_by(account_id=made.id))
        assert link.standing == "spouse" and made.locale == "en" and [role.name for role in made.roles] == ["famille"]
        assert db.session.scalar(db.select(LoginAddress).filter_by(account_id=made.id)) is None, "not before it is confirmed"
        (mail,) = mails("confirm_address")
    confirm = link_in(mail)
    assert client.get(confirm).status_code == 200
    with app.app_context():
        assert db.session.scalar(db.select(LoginAddress).filter_by(email="zoe@famille.example")) is None, "a GET confirms nothing"
    assert client.post(confirm).status_code == 302
    with app.app_context():
        assert db.session.scalar(db.select(LoginAddress).filter_by(email="zoe@famille.example")).confirmed_at


def test_a_letter_works_once(app, visitor, letter):
    client, late = visitor(), visitor()
    give(client, letter)
    give(late, letter)
    client.post("/premiere-visite/compte/", data={"username": "zoe", "password": GOOD})
    page = give(visitor(), letter)
    assert page.status_code == 422 and "has been used" in page.text
    assert late.post("/premiere-visite/compte/", data={"username": "zoe2", "password": GOOD}).location == "/premiere-visite/"
    with app.app_context():
        assert account("zoe2") is None


def test_only_who_holds_the_code_learns_what_became_of_it(app, visitor, letter):
    wrong = (letter[0], "ABCD-EFGH-JKLM")
    unknown = ("F99999", "ABCD-EFGH-JKLM")
    pages = [give(visitor(), codes) for codes in (wrong, unknown)]
    assert all(page.status_code == 422 and "do not go together" in page.text for page in pages)
    assert 'value="ABCD-EFGH-JKLM"' in pages[0].text, "what was typed is kept"
    clock.advance(days=61)
    assert "too old" in give(visitor(), letter).text
    assert "do not go together" in give(visitor(), wrong).text


def test_a_letter_has_a_ceiling_of_wrong_codes(app, visitor, letter, monkeypatch):
    monkeypatch.setattr(operations, "INVITATION_ATTEMPTS", 3)
    client = visitor()
    for _attempt in range(3):
        assert give(client, (letter[0], "ABCD-EFGH-JKLM")).status_code == 422
    page = give(client, letter)
    assert page.status_code == 422 and "Too many wrong codes" in page.text


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"username": "galbert", "password": GOOD}, "is taken"),
        ({"username": "GALBERT", "password": GOOD}, "is taken"),
        ({"username": "a@b.fr", "password": GOOD}, "An identifier has"),
        ({"username": "zo", "password": GOOD}, "An identifier has"),
        ({"username": "zoe", "password": "court1!"}, "at least 8"),
        ({"username": "zoe", "password": "Password1"}, "among the most used"),
        ({"username": "zoe", "password": GOOD, "email": "not an address"}, "not an e-mail address"),
        ({"username": "", "password": GOOD}, "fill this in"),
    ],
)
def test_a_bad_choice_gets_a_sentence_and_loses_nothing(app, visitor, letter, typed, sentence):
    client = visitor()
    give(client, letter)
    page = client.post("/premiere-visite/compte/", data={"email": "zoe@famille.example", **typed})
    assert page.status_code == 422 and sentence in page.text
    assert f'value="{typed["username"].strip()}"' in page.text and typed.get("email", "zoe@famille.example") in page.text
    assert f'value="{typed["password"]}"' not in page.text
    with app.app_context():
        assert db.session.scalar(db.select(Invitation.used_at)) is None and account("zoe") is None


def test_two_who_choose_the_same_name_at_once(app, visitor, letter, monkeypatch):
    client = visitor()
    give(client, letter)
    monkeypatch.setattr(operations, "check_identifier", lambda name: name)
    page = client.post("/premiere-visite/compte/", data={"username": "galbert", "password": GOOD})
    assert page.status_code == 422 and "is taken" in page.text


def test_the_hash_is_made_outside_of_the_transaction(app, visitor, letter, monkeypatch):
    from app.core.db import in_unit_of_work

    seen = []
    monkeypatch.setattr(first_visit, "hash_password", lambda password: seen.append(in_unit_of_work()) or "x" * 60)
    client = visitor()
    give(client, letter)
    client.post("/premiere-visite/compte/", data={"username": "zoe", "password": GOOD})
    assert seen == [False]


def test_who_has_an_account_already_gets_a_new_password(app, visitor, sign_in):
    with app.test_request_context("/"), unit_of_work():
        adult = db.session.get(Adult, 1)
        codes = adult.family.code, operations.invite(adult.id, adult.family_id, by=account("agent"))
    before, client = sign_in("galbert"), visitor()
    give(client, codes)
    page = client.get("/premiere-visite/compte/").text
    assert "galbert" in page and 'name="email"' not in page
    assert client.post("/premiere-visite/compte/", data={"password": GOOD}).status_code == 302
    assert who(client) == "galbert" and who(before) is None
    assert client.get("/portail/").status_code == 200
    with app.app_context():
        assert db.session.scalar(db.select(db.func.count()).select_from(Account)) == 10
    assert visitor().post("/login/", data={"username": "galbert", "password": PASSWORD}).status_code == 422


def test_a_letter_left_open_is_asked_for_again(app, visitor, letter):
    client = visitor()
    assert client.get("/premiere-visite/compte/").location == "/premiere-visite/"
    give(client, letter)
    clock.advance(minutes=31)
    assert client.get("/premiere-visite/compte/").location == "/premiere-visite/"


def test_forged_posts_are_refused(app, visitor, letter, csrf):
    client = visitor()
    assert give(client, letter).status_code == 400
    token = token_of(client.get("/premiere-visite/"))
    answer = client.post("/premiere-visite/", data={"family_code": letter[0], "code": letter[1], "csrf_token": token})
    assert answer.status_code == 302
    assert client.post("/premiere-visite/compte/", data={"username": "zoe", "password": GOOD}).status_code == 400


def test_names_become_free_identifiers(ctx):
    assert operations.suggest_identifier("Anne-Élise", "O'Connor") == "anne-elise.o-connor"
    assert operations.suggest_identifier("李", "伟") == "compte"
    with unit_of_work():
        operations.new_account("zoe.dupont", "Zoé", "Dupont", "famille", "x")
    assert operations.suggest_identifier("Zoé", "Dupont") == "zoe.dupont2"


def test_few_queries(app, visitor, letter):
    client = visitor()
    give(client, letter)
    for address in ("/premiere-visite/", "/premiere-visite/compte/"):
        with app.app_context(), counted_queries() as statements:
            assert client.get(address).status_code == 200
        assert len(statements) <= 8, statements

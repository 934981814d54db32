"""Does a link by mail work once, for half an hour, for its account alone, and tell a stranger nothing?"""

import pytest

from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.mail import texts
from app.security import links, operations
from app.security.models import LoginAddress, SecondFactor
from tests.cast import PASSWORD
from tests.conftest import account, counted_queries
from tests.security.conftest import link_in, mails, token_of, who

GOOD = "Trois-petits-chats7"


def ask(client, typed):
    return client.post("/mot-de-passe-oublie/", data={"username": typed})


def link_for(app, visitor, typed="galbert@famille.example"):
    ask(visitor(), typed)
    with app.app_context():
        return link_in(mails("reset")[-1])


@pytest.mark.parametrize("typed", ["galbert@famille.example", "GALBERT@famille.example", "galbert"])
def test_a_link_sets_a_new_password_once(app, visitor, sign_in, typed):
    before = sign_in("galbert")
    link, client = link_for(app, visitor, typed), visitor()
    page = client.get(link)
    assert page.status_code == 200 and "galbert" in page.text
    assert client.post(link, data={"password": GOOD}).location == "/"
    assert who(client) == "galbert" and who(before) is None
    assert visitor().get(link).status_code == 410
    assert visitor().post(link, data={"password": "Encore-un-mot-9"}).status_code == 410
    for password, status in ((PASSWORD, 422), (GOOD, 302)):
        assert visitor().post("/login/", data={"username": "galbert", "password": password}).status_code == status
    with app.app_context():
        assert mails("password_changed")[0].recipient == "galbert@famille.example"


def test_the_newest_link_and_the_older_one_both_die_with_the_password(app, visitor):
    links = [link_for(app, visitor), link_for(app, visitor)]
    visitor().post(links[0], data={"password": GOOD})
    assert [visitor().get(link).status_code for link in links] == [410, 410]


def test_a_link_lasts_half_an_hour(app, visitor):
    link = link_for(app, visitor)
    clock.advance(minutes=29)
    assert visitor().get(link).status_code == 200
    clock.advance(minutes=2)
    page = visitor().get(link)
    assert page.status_code == 410 and "too old or has been used" in page.text and "/mot-de-passe-oublie/" in page.text


def test_a_forged_link_is_worth_nothing(app, visitor):
    link = link_for(app, visitor)
    with app.test_request_context("/"):
        other_purpose = links.serializer("address").dumps([account("galbert").id, "x@y.example", account("galbert").session_token])
        unknown = links.serializer("reset").dumps([999, "x"])
    for forged in (
        link.rpartition(".")[0] + "." + "A" * 27,
        "/nouveau-mot-de-passe/x",
        f"/nouveau-mot-de-passe/{other_purpose}",
        f"/nouveau-mot-de-passe/{unknown}",
    ):
        assert visitor().get(forged).status_code == 410
        assert visitor().post(forged, data={"password": GOOD}).status_code == 410


def test_a_weak_password_gets_a_sentence_and_the_link_stays_good(app, visitor):
    link = link_for(app, visitor)
    page = visitor().post(link, data={"password": "azerty"})
    assert page.status_code == 422 and "at least 8" in page.text
    assert visitor().post(link, data={"password": GOOD}).status_code == 302


def test_unknown_addresses_read_alike_and_cost_alike(app, visitor, monkeypatch):
    written = []
    monkeypatch.setattr("app.mail.operations.write", lambda *args, **more: written.append(args[0]) or texts.write(*args, **more))
    seen = {}
    for typed in ("galbert@famille.example", "nobody@famille.example", "nobody"):
        with app.app_context(), counted_queries() as statements:
            answer = ask(visitor(), typed)
        seen[typed] = answer.status_code, answer.location, answer.data.replace(typed.encode(), b"")
        assert len(statements) <= 11, statements
    assert len(set(seen.values())) == 1
    assert written == ["reset"] * 3, "the same work for everybody"
    page = visitor().get("/mot-de-passe-oublie/envoye/").text
    assert "If we know this address" in page


def test_a_shared_address_gets_a_mail_for_each_account(app, visitor):
    with app.app_context(), unit_of_work():
        db.session.execute(
            db.update(LoginAddress).where(LoginAddress.email == "marc@famille.example").values(email="galbert@famille.example")
        )
    ask(visitor(), "galbert@famille.example")
    with app.app_context():
        bodies = [mail.body for mail in mails("reset")]
    assert (len(bodies) == 2 and "account galbert" in bodies[0] + bodies[1]) or "galbert" in bodies[0]
    assert sum("marc" in body for body in bodies) == 1


def test_a_link_leads_to_our_address_whatever_host_the_request_names(app, visitor, monkeypatch):
    monkeypatch.setitem(app.config, "BASE_URL", "https://portail.saint-exemple.example/enfance")
    visitor().post("/mot-de-passe-oublie/", data={"username": "galbert"}, headers={"Host": "evil.example"})
    with app.app_context():
        body = mails("reset")[0].body
    assert "https://portail.saint-exemple.example/enfance/nouveau-mot-de-passe/" in body and "evil" not in body


def test_without_an_address_the_page_says_whom_to_write_to(app, visitor):
    from app.core import settings

    with app.app_context(), unit_of_work():
        settings.put("contact_email", "enfance@saint-exemple.example")
    assert "mailto:enfance@saint-exemple.example" in visitor().get("/mot-de-passe-oublie/").text
    ask(visitor(), "agent")
    with app.app_context():
        assert mails() == []


def test_forged_posts_are_refused(app, visitor, csrf):
    client = visitor()
    assert ask(client, "galbert").status_code == 400
    token = token_of(client.get("/mot-de-passe-oublie/"))
    assert client.post("/mot-de-passe-oublie/", data={"username": "galbert", "csrf_token": token}).status_code == 302


# -- a link that signs in ---------------------------------------------------------------------------------------------------------


def sign_in_link(app, visitor, typed="galbert"):
    answer = visitor().post("/mot-de-passe-oublie/", data={"username": typed, "wish": "sign_in_link"})
    assert answer.location == "/lien-de-connexion/envoye/"
    with app.app_context():
        return link_in(mails("sign_in_link")[-1])


def test_a_link_signs_in_once_by_its_button(app, visitor):
    link, client = sign_in_link(app, visitor), visitor()
    with app.app_context(), counted_queries() as statements:
        assert visitor().get(link).status_code == visitor().head(link).status_code == 200
    assert not [line for line in statements if not line.startswith("SELECT")], "a scanner of mails uses nothing up"
    assert client.post(link).location == "/" and who(client) == "galbert"
    assert client.get("/portail/").status_code == 200
    for late in (visitor().get(link), visitor().post(link)):
        assert late.status_code == 410 and "too old or has been used" in late.text
    assert visitor().post("/login/", data={"username": "galbert", "password": PASSWORD}).status_code == 302, "the password stays"


def test_a_link_that_signs_in_lasts_a_quarter_of_an_hour_and_opens_nothing_else(app, visitor):
    link = sign_in_link(app, visitor)
    token = link.rpartition("/")[2]
    assert visitor().post(f"/nouveau-mot-de-passe/{token}", data={"password": GOOD}).status_code == 410
    reset = link_for(app, visitor).rpartition("/")[2]
    assert visitor().post(f"/lien-de-connexion/{reset}").status_code == 410
    clock.advance(minutes=14)
    assert visitor().get(link).status_code == 200
    clock.advance(minutes=2)
    assert visitor().post(link).status_code == 410


@pytest.mark.parametrize("end", ["password", "sessions", "sign in", "closed"])
def test_a_link_that_signs_in_dies_with_what_it_stood_for(app, visitor, end):
    link, other = sign_in_link(app, visitor), sign_in_link(app, visitor)
    with app.test_request_context("/"), unit_of_work():
        if end == "password":
            operations.set_password(account("galbert"), "x" * 40, by="test")
        elif end == "sessions":
            operations.close_sessions(account("galbert"), by="test")
        elif end == "closed":
            account("galbert").active = False
    if end == "sign in":
        assert visitor().post(other).status_code == 302
    assert visitor().get(link).status_code == visitor().post(link).status_code == 410


def test_a_link_ends_the_wait_that_strangers_caused(app, visitor):
    for _guess in range(6):
        visitor().post("/login/", data={"username": "galbert", "password": "wrong"})
    assert visitor().post("/login/", data={"username": "galbert", "password": PASSWORD}).status_code == 422
    client = visitor()
    assert client.post(sign_in_link(app, visitor)).location == "/" and who(client) == "galbert"


def test_a_link_does_not_spare_the_second_step(app, visitor):
    with app.test_request_context("/"), unit_of_work():
        db.session.add(LoginAddress(account_id=account("agent").id, email="nadia@mairie.example", confirmed_at=clock.now()))
        db.session.add(SecondFactor(account_id=account("agent").id, secret="JBSWY3DPEHPK3PXP", confirmed_at=clock.now()))
    link, client = sign_in_link(app, visitor, "nadia@mairie.example"), visitor()
    assert client.post(link).location.startswith("/login/code/") and who(client) is None
    assert "/login/" in client.get("/mairie/").location
    assert visitor().post(link).status_code == 410, "it is used up before the code is typed"


def test_whose_password_is_the_towns_gets_a_link_to_choose_one(app, visitor):
    with app.test_request_context("/"), unit_of_work():
        account("galbert").must_change_password = True
    assert visitor().post("/mot-de-passe-oublie/", data={"username": "galbert", "wish": "sign_in_link"}).status_code == 302
    with app.app_context():
        assert [mail.template for mail in mails()] == ["reset"]

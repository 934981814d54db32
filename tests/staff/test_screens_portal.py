"""Do the staff's screens of accounts, invitations, settings, mails and the log do what they say, and only for those who may?"""

import re

import pytest
from sqlalchemy import select

from app.audit.models import LogEntry
from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import Adult
from app.mail.models import MailState, OutgoingMail
from app.security.models import Account, FamilyLink
from app.security.operations import find_invitation
from app.security.scope import role_of
from app.security.who_sees_what import Viewer
from app.staff.settings import contrast_on_white
from tests.conftest import base_of


@pytest.fixture
def look(app):
    def read(query):
        with app.test_request_context("/"):
            return db.session.execute(query).unique().all()

    return read


@pytest.fixture
def number(look):
    """The id of the account of this name."""
    return lambda username: look(select(Account.id).filter_by(username=username))[0][0]


# -- accounts -----------------------------------------------------------------------------------------------------------------------


def test_a_clerk_closes_an_account_of_a_family_and_none_of_the_staff(sign_in, number, look):
    clerk, family = sign_in("agent"), sign_in("galbert")
    assert family.get("/portail/").status_code == 200
    clerk.post(f"/mairie/comptes/{number('galbert')}/desactiver")
    assert family.get("/portail/").status_code == 302
    assert look(select(Account.active).filter_by(username="galbert")) == [(False,)]
    clerk.post(f"/mairie/comptes/{number('galbert')}/reactiver")
    assert look(select(Account.active).filter_by(username="galbert")) == [(True,)]
    for name in ("agent2", "admin", "agent"):
        clerk.post(f"/mairie/comptes/{number(name)}/desactiver")
        assert look(select(Account.active).filter_by(username=name)) == [(True,)], name
        assert "Close the account" not in clerk.get(f"/mairie/comptes/{number(name)}/").text
    assert {verb for (verb,) in look(select(LogEntry.verb))} >= {"account.deactivated", "account.activated_again"}


def test_closing_the_sessions_signs_out_everywhere(sign_in, number):
    family = sign_in("galbert")
    sign_in("agent").post(f"/mairie/comptes/{number('galbert')}/deconnecter")
    assert family.get("/portail/").status_code == 302


def test_nobody_locks_out_themselves(sign_in, number, look):
    sign_in("admin").post(f"/mairie/comptes/{number('admin')}/desactiver")
    assert look(select(Account.active).filter_by(username="admin")) == [(True,)]


def test_only_an_administrator_makes_an_account_of_the_staff(app, sign_in, look):
    data = {"first_name": "Nadia", "last_name": "Benali", "username": "nadia", "role": "clerk"}
    assert sign_in("agent").post("/mairie/comptes/ajouter", data=data).status_code == 403
    client = sign_in("admin")
    data["base"] = base_of(client.get("/mairie/comptes/ajouter").text)
    taken = client.post("/mairie/comptes/ajouter", data={**data, "username": "agent"})
    assert taken.status_code == 422 and "This identifier is taken" in taken.text and "Nadia" in taken.text
    page = client.post("/mairie/comptes/ajouter", data=data)
    password = re.search(r"[A-Z2-9]{4}(?:-[A-Z2-9]{4}){3}", page.text).group(0)
    with app.test_request_context("/"):
        made = app.appbuilder.sm.auth_user_db("nadia", password)
        assert made is not None and made.must_change_password and role_of(made) is Viewer.clerk
    for (entry,) in look(select(LogEntry)):
        assert password not in str(entry.changes) + entry.note + entry.label
    assert password not in client.get("/mairie/comptes/").text


def test_an_access_ends_with_a_reason(sign_in, look):
    ((link,),) = look(select(FamilyLink).join(Account).where(Account.username == "marc"))
    client, spouse = sign_in("agent"), sign_in("marc")
    path = f"/mairie/comptes/acces/{link.id}/terminer"
    assert client.post(path, data={"because": ""}).status_code == 422
    assert client.post(path, data={"because": "Separation"}).status_code == 302
    assert spouse.get("/portail/").status_code == 302
    ((ended,),) = look(select(FamilyLink).filter_by(id=link.id))
    assert ended.ended_because == "Separation" and ended.ended_at is not None
    assert client.get(path).status_code == 404
    assert "Separation" in client.get(f"/mairie/comptes/{link.account_id}/").text


def test_the_letter_of_an_invitation_opens_an_account_once(app, sign_in, look):
    ((adult,),) = look(select(Adult).filter_by(first_name="Sophie"))
    client = sign_in("agent")
    path = f"/mairie/comptes/inviter/{adult.id}"
    assert "Former letters no longer work" in client.get(path).text
    letters = [client.post(path).text for _time in range(2)]
    codes = [re.search(r"[A-Z2-9]{4}(?:-[A-Z2-9]{4}){2}", letter).group(0) for letter in letters]
    assert "F00002" in letters[1] and codes[0] != codes[1]
    with app.test_request_context("/"), unit_of_work():
        assert find_invitation("F00002", codes[0]) is None
        assert find_invitation("F00002", codes[1]).adult_id == adult.id
    assert all(codes[1] not in str((entry.changes, entry.note, entry.label)) for (entry,) in look(select(LogEntry)))
    assert sign_in("lecteur").post(path).status_code == 403


# -- settings -----------------------------------------------------------------------------------------------------------------------


def settings_of(page):
    """What the form of settings would send unchanged."""
    inputs = re.findall(r'<input(?=[^>]*name="(\w+)")(?=[^>]*value="([^"]*)")(?![^>]*type="checkbox")', page)
    return {name: value for name, value in inputs if name not in ("csrf_token", "back")}


def test_settings_are_changed_by_an_administrator_and_logged(sign_in, look):
    client = sign_in("admin")
    data = settings_of(client.get("/mairie/reglages/").text)
    assert client.post("/mairie/reglages/", data={**data, "undo_seconds": "20", "auto_accept_guardian": "y"}).status_code == 302
    page = client.get("/mairie/reglages/").text
    assert settings_of(page)["undo_seconds"] == "20" and re.search(r'<input[^>]*checked[^>]*name="auto_accept_guardian"', page)
    ((entry,),) = look(select(LogEntry).filter_by(verb="setting.edit"))
    assert entry.changes["undo_seconds"] == {"before": 10, "after": 20} and entry.changes["auto_accept_guardian"]["after"] is True
    clerk = sign_in("agent")
    assert 'name="undo_seconds"' not in clerk.get("/mairie/reglages/").text
    assert clerk.post("/mairie/reglages/", data=data).status_code == 403


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"undo_seconds": "9999"}, "Between 0 and 300."),
        ({"undo_seconds": "many"}, "Not a valid integer"),
        ({"primary_colour": "#ffe680"}, "White text cannot be read"),
        ({"primary_colour": "red;}body{display:none"}, "A colour is written like"),
        ({"contact_email": "nobody"}, "This is not an e-mail address"),
    ],
)
def test_bad_settings_are_refused(sign_in, change, sentence):
    client = sign_in("admin")
    data = settings_of(client.get("/mairie/reglages/").text)
    answer = client.post("/mairie/reglages/", data={**data, **change})
    assert answer.status_code == 422 and sentence in answer.text
    assert settings_of(client.get("/mairie/reglages/").text)["undo_seconds"] == "10"


def test_stale_settings_are_refused(sign_in):
    client = sign_in("admin")
    stale = settings_of(client.get("/mairie/reglages/").text)
    client.post("/mairie/reglages/", data={**stale, "undo_seconds": "20"})
    answer = client.post("/mairie/reglages/", data={**stale, "undo_seconds": "30"})
    assert answer.status_code == 422 and "Somebody changed the settings" in answer.text


def test_contrasts_are_those_of_wcag():
    assert contrast_on_white("#ffffff") == pytest.approx(1) and contrast_on_white("#000000") == pytest.approx(21)
    assert contrast_on_white("#767676") == pytest.approx(4.54, abs=0.01)


# -- mails and log ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def mails(app):
    with app.test_request_context("/"), unit_of_work():
        rows = [
            OutgoingMail(
                message_id=f"<{name}>",
                recipient="a@b.example",
                locale="fr",
                template=name,
                subject=f"About {name}",
                body=f"Body of {name}",
                state=state,
            )
            for name, state in (("receipt", MailState.failed), ("reset", MailState.queued))
        ]
        db.session.add_all(rows)
        db.session.flush()
        return {row.template: row.id for row in rows}


def test_a_mail_that_was_given_up_is_tried_again(sign_in, mails, look):
    client = sign_in("agent")
    assert "No mail server is set" in client.get("/mairie/courriels/").text
    assert "Body of receipt" in client.get(f"/mairie/courriels/{mails['receipt']}/").text
    client.post(f"/mairie/courriels/{mails['receipt']}/relancer")
    assert look(select(OutgoingMail.state).filter_by(id=mails["receipt"])) == [(MailState.queued,)]
    assert look(select(LogEntry).filter_by(verb="mail.retried"))
    assert sign_in("regisseur").get("/mairie/courriels/").status_code == 403


def test_a_link_that_opens_an_account_is_read_in_the_demonstrations_letterbox_alone(app, sign_in, mails, monkeypatch):
    client, path, letterbox = sign_in("admin"), f"/mairie/courriels/{mails['reset']}/", "/demonstration/courriels/"
    page = client.get(path).text
    assert "Body of reset" not in page and letterbox in page
    page = sign_in().get(letterbox).text
    assert "Body of reset" in page and "Body of receipt" not in page
    for key, value in (("MODE", "production"), ("MAIL_SERVER", "smtp.example")):
        with monkeypatch.context() as town:
            town.setitem(app.config, key, value)
            assert sign_in().get(letterbox).status_code == 404
            page = client.get(path).text
            assert "Body of reset" not in page and letterbox not in page


def test_all_that_was_given_up_is_tried_again_at_once(app, sign_in, mails, look, monkeypatch):
    monkeypatch.setitem(app.config, "MAIL_SERVER", "smtp.example")
    client = sign_in("agent")
    assert "Try them all again" in client.get("/mairie/courriels/?state=failed").text
    client.post("/mairie/courriels/relancer")
    assert not look(select(OutgoingMail.id).filter_by(state=MailState.failed))
    assert "About receipt" not in client.get("/mairie/courriels/?mail=reset").text


def test_the_log_is_read_by_family_and_person(sign_in, number, look):
    client = sign_in("agent")
    base = base_of(client.get("/mairie/ecoles/ajouter").text)
    client.post("/mairie/ecoles/ajouter", data={"base": base, "name": "Nouvelle"})
    ((entry,),) = look(select(LogEntry).filter_by(verb="school.add"))
    page = client.get(f"/mairie/journal/?who={number('agent')}").text
    assert "School: added" in page and "School: added" not in client.get(f"/mairie/journal/?who={number('admin')}").text
    assert "Nouvelle" in client.get(f"/mairie/journal/{entry.id}/").text
    assert "School: added" in client.get("/mairie/journal/export.csv").text
    assert sign_in("lecteur").get("/mairie/journal/").status_code == 403
    assert sign_in("admin").post("/mairie/journal/").status_code == 405


def test_the_menu_has_what_the_person_may_open(sign_in):
    page = sign_in("animateur").get("/mairie/enfants/").text
    assert (
        "/mairie/autorisations/" in page
        and "/mairie/familles/" not in page
        and "/mairie/reglages/" not in page
        and "/mairie/banque/" not in page
    )
    assert "/mairie/reglages/" in sign_in("admin").get("/mairie/enfants/").text

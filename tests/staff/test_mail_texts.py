"""Can a town say its mails in its own words, and never break one?"""

import pytest
from sqlalchemy import select

from app.audit.models import LogEntry
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.mail.models import MailState, MailText, OutgoingMail
from app.mail.operations import queue_mail
from app.mail.templates import names, template
from app.mail.texts import put_together
from tests.conftest import account, base_of, counted_queries

PATH = "/mairie/courriels/textes/password_changed/fr/"
BODY = "Bonjour {name},\n\nMot de passe changé le {moment}. Pas vous ? {link}\n\n{signature}"


def post(client, path=PATH, **values):
    return client.post(
        path, data={"base": base_of(client.get(path).text), "step": "save", "subject": "Chez {town}", "body": BODY, **values}
    )


def mail(app, **more):
    with app.test_request_context("/"), unit_of_work():
        row = queue_mail("a@b.example", "password_changed", locale="fr", account=account("galbert"), at=clock.now(), **more)
        return row.subject, row.body


def test_the_towns_words_leave_and_the_houses_come_back(app, sign_in):
    client, (house, _body) = sign_in("agent"), mail(app)
    assert post(client).status_code == 303
    subject, body = mail(app)
    assert subject == "Chez Saint-Exemple"
    assert body.startswith("Bonjour Christelle Galbert,\n\nMot de passe changé le ") and "http" in body and "Saint-Exemple" in body
    page = client.get(PATH).text
    assert "These are your own words" in page and "your words" in client.get("/mairie/courriels/textes/").text
    with app.app_context():
        assert db.session.scalar(select(LogEntry.verb).filter_by(verb="mail_text.edit"))
    assert client.post(PATH + "maison").status_code == 303
    assert mail(app)[0] == house


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (BODY + "{iban}", "{iban} is not known in this mail"),
        (BODY + "{{ 7*7 }}", "A brace { or } stands alone"),
        (BODY.replace("{link}", ""), "Please keep {link}"),
        ("", "Please fill this in"),
    ],
)
@pytest.mark.once
def test_what_would_break_a_mail_is_refused_and_kept_on_the_page(app, sign_in, body, sentence):
    page = post(sign_in("agent"), body=body)
    assert page.status_code == 422 and sentence in page.text and "Chez {town}" in page.text
    with app.app_context():
        assert db.session.scalar(select(MailText)) is None


@pytest.mark.once
def test_values_are_text_and_begin_no_header(ctx):
    values = {"name": "{link} <b>\r\nBcc: x@y.example", "link": "https://a.example"}
    subject, body = put_together("Pour {name}", "{name}\n{nothing}", values)
    assert subject == "Pour {link} <b> Bcc: x@y.example", "one line, and no place within a value is filled"
    assert "{link}" in body and "https" not in body


def test_a_test_goes_to_whoever_writes(app, sign_in):
    client = sign_in("admin")
    page = post(client, step="test")
    with app.app_context():
        row = db.session.scalar(select(OutgoingMail))
        assert page.status_code in (200, 422) and (row is None) == ("We do not know an e-mail address of yours" in page.text)
        assert row is None or row.subject.startswith("[Test] Chez")
        assert db.session.scalar(select(MailText)) is None
    look = post(client, step="look", body=BODY + "\n\nEt <b>encore</b>.").text
    assert "Et &amp;lt;b&amp;gt;encore" in look, "what is typed is text in the page of the mail too"


@pytest.mark.once
def test_two_clerks_do_not_overwrite_each_other(sign_in):
    one, other = sign_in("agent"), sign_in("admin")
    base = base_of(one.get(PATH).text)
    assert post(other).status_code == 303
    page = one.post(PATH, data={"base": base, "step": "save", "subject": "Autre", "body": BODY})
    assert page.status_code == 422 and "Somebody changed these words" in page.text and "Autre" in page.text


@pytest.mark.once
def test_every_mail_can_be_rewritten_in_few_queries(app, sign_in):
    client = sign_in("agent")
    with app.app_context(), counted_queries() as statements:
        page = client.get("/mairie/courriels/textes/")
        texts = len(statements)
        client.get(PATH)
        words = len(statements) - texts
        client.get("/mairie/courriels/")
    assert max(texts, words, len(statements) - texts - words) <= 8, statements
    with app.test_request_context("/"):
        for name in names():
            assert f"/textes/{name}/fr/" in page.text
            for locale in ("fr", "en"):
                house = template(name)
                assert "signature" in house.places(locale) and set(house.about(locale).get("keep", [])) <= set(house.places(locale)), name
                assert "…" not in house.samples(locale).values(), f"{name}: a place has no sample, see app/mail/templates.py"
    assert sign_in("regisseur").get(PATH).status_code == 403
    assert client.get("/mairie/courriels/textes/..%2Freset/fr/").status_code == 404
    assert client.get("/mairie/courriels/textes/reset/de/").status_code == 404


def test_a_family_that_no_mail_reaches_is_seen_on_its_page(app, sign_in):
    with app.test_request_context("/"), unit_of_work():
        row = queue_mail("gone@b.example", "password_changed", locale="fr", family_id=1, account=account("galbert"), at=clock.now())
        row.state = MailState.failed
    sentence = "did not reach it"
    assert sentence in sign_in("agent").get("/mairie/familles/1/").text
    assert sentence not in sign_in("agent").get("/mairie/familles/2/").text
    assert sentence not in sign_in("regisseur").get("/mairie/familles/1/").text
    assert "could not be sent and was given up" in sign_in("agent").get("/mairie/").text
    with app.test_request_context("/"), unit_of_work():
        row = queue_mail("here@b.example", "password_changed", locale="fr", family_id=1, account=account("galbert"), at=clock.now())
        row.state = MailState.sent
    assert sentence not in sign_in("agent").get("/mairie/familles/1/").text

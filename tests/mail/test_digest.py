"""Does whoever asked for one mail a day get one, with everything in it, and nothing that cannot wait?"""

from datetime import UTC, datetime

from app.core import clock
from app.core.db import unit_of_work
from app.mail.digest import gather_digests
from app.mail.models import MailState
from app.mail.operations import queue_mail
from app.mail.queries import mails_waiting
from tests.conftest import account
from tests.mail.conftest import rows, send

#: Monday 23 November 2026, 17:00 in Paris.
AFTERNOON = datetime(2026, 11, 23, 16, tzinfo=UTC)


def write_to(username, template, **context):
    with unit_of_work():
        reader = account(username)
        queue_mail(f"{username}@famille.example", template, locale="fr", account_id=reader.id, family_id=1, **context)


def message(username, subject):
    write_to(username, "message", subject=subject, author="Nadia", text=f"Bonjour, {subject} !", thread_id=1, signs_in=True)


def gather(app):
    with app.test_request_context("/"):
        return gather_digests()


def test_one_mail_a_day_by_choice(app, sign_in, post_office):
    clock.set_to(AFTERNOON)
    assert sign_in("galbert").post("/compte/courriels/", data={"rhythm": "daily"}).status_code == 303
    with app.test_request_context("/"):
        message("galbert", "Piscine")
        message("galbert", "Cantine")
        message("marc", "Autre")
        write_to("galbert", "password_changed", account=account("galbert"), at=clock.now())
    assert gather(app) == 0 and send(app) == 2, "the other adult's mail, and the one that cannot wait"
    with app.app_context():
        assert mails_waiting() == (0, 0), "a digest is waited for by choice"
    clock.advance(minutes=61)
    assert gather(app) == 1 and gather(app) == 0
    assert send(app) == 1
    digest = post_office.received[-1]
    text = digest.get_body(("plain",)).get_content()
    assert digest["To"] == "galbert@famille.example" and digest["Subject"].startswith("2 ")
    assert (
        "Piscine !" in text
        and "Cantine !" in text
        and text.count("Saint-Exemple") == 1
        and text.count("Bonjour,\r\n") + text.count("Bonjour,\n") == 1
    )
    assert [row.state for row in rows(app)] == [MailState.gathered] * 2 + [MailState.sent] * 3
    with app.test_request_context("/"):
        message("galbert", "Demain")
    assert gather(app) == 0 and send(app) == 0, "what came after six waits for the next day"
    clock.advance(days=1)
    assert gather(app) == 1
    assert rows(app)[-1].subject.endswith("Demain"), "a digest of one mail bears its subject"


def test_leaving_the_digest_lets_everything_go(app, sign_in, post_office):
    client = sign_in("galbert")
    client.post("/compte/courriels/", data={"rhythm": "daily"})
    with app.test_request_context("/"):
        message("galbert", "Piscine")
    assert send(app) == 0
    client.post("/compte/courriels/", data={"rhythm": "each"})
    assert send(app) == 1 and rows(app)[0].state is MailState.sent


def test_a_choice_that_is_none_is_refused(sign_in):
    assert sign_in("galbert").post("/compte/courriels/", data={"rhythm": "hourly"}).status_code == 422

"""Does every mail leave, once, whatever the mail server does?"""

import socket

import pytest

from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.jobs.worker import one_round
from app.mail import operations
from app.mail.models import MailState, OutgoingMail
from app.mail.operations import RETRY_AFTER, queue_mail, retry, send_due
from app.mail.queries import mails_waiting
from tests.conftest import account, work
from tests.mail.conftest import content, rows, send
from tests.processes import environment_of, running, until


def queue(app, *recipients, **more):
    with app.test_request_context("/"), unit_of_work():
        for recipient in recipients or ["galbert@famille.example"]:
            queue_mail(recipient, "password_changed", locale="fr", account=account("galbert"), at=clock.now(), **more)


def test_a_mail_leaves_once(app, post_office):
    queue(app)
    assert send(app) == 1
    assert send(app) == 0
    (mail,), (row,) = post_office.received, rows(app)
    assert mail["To"] == "galbert@famille.example" and mail["From"] == app.config["MAIL_DEFAULT_SENDER"]
    assert mail.get_all("Message-ID") == [row.message_id]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Subject"] == row.subject and content(mail, "plain").strip() == row.body.strip()
    assert f">{row.subject}</h1>" in content(mail, "html") and 'lang="fr"' in content(mail, "html")
    assert row.state is MailState.sent and row.sent_at and row.attempts == 1


def test_an_answer_goes_to_the_town(app, post_office):
    from app.core import settings

    with app.app_context(), unit_of_work():
        settings.put("contact_email", "enfance@saint-exemple.example")
    queue(app)
    send(app)
    assert post_office.received[0]["Reply-To"] == "enfance@saint-exemple.example"


def test_one_connection_for_many_mails(app, post_office):
    queue(app, *[f"p{number}@famille.example" for number in range(12)])
    assert send(app) == 12
    assert post_office.connections == 1


def test_without_a_server_mails_wait_and_a_clerk_sees_it(app):
    queue(app)
    assert send(app) == 0
    with app.app_context():
        assert mails_waiting() == (1, 0)


def test_a_refused_connection_delays_and_never_gives_up(app, post_office, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setitem(app.config, "MAIL_PORT", closed.getsockname()[1])
        queue(app, "a@famille.example", "b@famille.example")
        for _attempt in range(len(RETRY_AFTER) + 5):
            assert send(app) == 0
            clock.advance(minutes=16)
    assert {row.state for row in rows(app)} == {MailState.queued}
    assert "ConnectionRefusedError" in rows(app)[0].last_error
    with app.app_context():
        assert mails_waiting() == (2, 0)
    monkeypatch.undo()


@pytest.mark.parametrize(
    "answers",
    [
        {"CONNECT": "hang up"},
        {"CONNECT": (421, "closed")},
        {"CONNECT": "sleep"},
        {"END": "hang up"},
        {"MAIL": (451, "later")},
        {"DATA": "hang up"},
    ],
)
def test_a_server_in_trouble_delays_all_and_blames_no_mail(app, post_office, answers):
    queue(app, "a@famille.example", "b@famille.example")
    post_office.answers = answers
    assert send(app) == 0
    assert [(row.state, row.attempts, row.leased_until, bool(row.last_error)) for row in rows(app)] == [
        (MailState.queued, 1, None, True)
    ] * 2
    assert send(app) == 0, "not before the pause is over"
    post_office.answers = {}
    clock.advance(minutes=2)
    assert send(app) == 2
    assert len(post_office.received) == 2 and rows(app)[0].last_error == ""


def test_one_timeout_a_round(app, post_office):
    queue(app, *[f"p{number}@famille.example" for number in range(5)])
    post_office.answers = {"RCPT": "sleep"}
    send(app)
    assert post_office.connections == 1


@pytest.mark.parametrize("answers", [{"RCPT": (450, "greylisted")}, {"END": (452, "full")}])
def test_a_passing_refusal_is_tried_again_with_growing_pauses_then_given_up(app, post_office, answers):
    queue(app)
    post_office.answers = answers
    for minutes in RETRY_AFTER:
        assert send(app) == 0
        assert rows(app)[0].state is MailState.queued
        clock.advance(minutes=minutes - 0.5)
        tried = post_office.connections
        assert send(app) == 0 and post_office.connections == tried, "too early"
        clock.advance(minutes=1)
    assert send(app) == 0
    (row,) = rows(app)
    assert row.state is MailState.failed and str(next(iter(answers.values()))[0]) in row.last_error
    with app.app_context():
        assert mails_waiting() == (0, 1)
    post_office.answers = {}
    with app.test_request_context("/"), unit_of_work():
        retry(db.session.get(OutgoingMail, row.id), by=account("agent"))
    assert send(app) == 1
    assert post_office.received[0]["Message-ID"] == row.message_id


@pytest.mark.parametrize("answers", [{"RCPT": (550, "no such mailbox")}, {"END": (554, "refused")}])
def test_a_final_refusal_is_given_up_at_once_and_the_next_mail_leaves(app, post_office, answers):
    queue(app, "gone@famille.example")
    post_office.answers = answers
    assert send(app) == 0
    assert rows(app)[0].state is MailState.failed
    post_office.answers = {}
    queue(app, "here@famille.example")
    assert send(app) == 1


def test_one_bad_address_does_not_stop_the_others(app, post_office):
    queue(app, "a@famille.example", "bad\naddress@famille.example", "é@famille.example", "b@famille.example")
    assert send(app) >= 2
    assert {mail["To"] for mail in post_office.received} >= {"a@famille.example", "b@famille.example"}
    assert rows(app)[1].state is MailState.failed


def test_a_crash_between_sending_and_saving_sends_the_same_mail_again(app, post_office, monkeypatch):
    queue(app)
    real = operations.Line.send

    def crash(self, message):
        real(self, message)
        raise SystemExit("killed")

    monkeypatch.setattr(operations.Line, "send", crash)
    with pytest.raises(SystemExit):
        send(app)
    monkeypatch.setattr(operations.Line, "send", real)
    assert rows(app)[0].state is MailState.queued
    assert send(app) == 0, "the lease of the dead worker holds"
    clock.advance(minutes=11)
    assert send(app) == 1
    first, second = post_office.received
    assert first["Message-ID"] == second["Message-ID"]


def test_two_workers_send_a_mail_once(app, post_office, monkeypatch):
    queue(app)
    real = operations.Line.send

    def meanwhile(self, message):
        monkeypatch.setattr(operations.Line, "send", real)
        with app.app_context():
            assert send_due() == 0
        real(self, message)

    monkeypatch.setattr(operations.Line, "send", meanwhile)
    assert send(app) == 1
    assert len(post_office.received) == 1


def test_a_day_without_a_worker_loses_nothing(app, sign_in, post_office):
    from tests.rules.test_validation import ask

    ask(sign_in("galbert"), mobile="06 99 88 77 66")
    clock.advance(days=1)
    work(app)
    assert [row.template for row in rows(app)] == ["receipt"]
    assert post_office.received[0]["Subject"].startswith(("We have received", "Nous avons"))


def test_the_worker_needs_no_request_of_its_own(app, sign_in, post_office, monkeypatch):
    from tests.rules.test_validation import ask

    monkeypatch.setitem(app.config, "BASE_URL", "https://portail.saint-exemple.example")
    ask(sign_in("galbert"), mobile="06 99 88 77 66")
    clock.advance(minutes=11)
    with app.app_context():
        one_round()
    assert "https://portail.saint-exemple.example/portail/demandes/" in rows(app)[0].body


def test_a_worker_killed_in_mid_send_sends_the_same_mail_again(app, post_office, tmp_path):
    """A process that dies after the server took the mail, before it said so."""
    queue(app)
    server = {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(app.config["MAIL_PORT"]), "MAIL_USE_TLS": "0"}
    sender = "from app import create_app\nfrom app.mail.operations import send_due\nwith create_app().test_request_context('/'): send_due()"
    post_office.answers = {"END": "taken in silence"}
    with running("-c", sender, env={**environment_of(app, tmp_path), **server}) as process:
        assert until(lambda: post_office.received or process.poll() is not None) and post_office.received, process.stdout.read()
        process.kill()
        process.wait()
    assert rows(app)[0].state is MailState.queued
    post_office.answers = {}
    assert send(app) == 0, "the lease of the dead worker holds"
    clock.advance(minutes=11)
    assert send(app) == 1 and rows(app)[0].state is MailState.sent
    first, second = post_office.received
    assert first["Message-ID"] == second["Message-ID"] == rows(app)[0].message_id


def test_a_day_without_the_server_loses_nothing(app, post_office):
    """Tried every quarter of an hour at most, all leaves soon after it is back."""
    queue(app, "a@famille.example", "b@famille.example")
    post_office.answers = {"CONNECT": (421, "down")}
    for _quarter in range(24):
        assert send(app) == 0
        clock.advance(hours=1)
    post_office.answers = {}
    assert send(app) == 2


@pytest.mark.once
def test_a_subject_carries_no_header_and_no_markup(app, post_office):
    forged = "Léa\r\nBcc: everybody@evil.example\n\n<script>alert(1)</script><b>"
    with app.test_request_context("/"), unit_of_work():
        words = {"text": "<img src=x onerror=alert(1)>\n{signature}", "author": "Nadia", "thread_id": 1, "signs_in": True}
        queue_mail("galbert@famille.example", "message", locale="fr", subject=forged, **words)
    assert send(app) == 1
    (mail,) = post_office.received
    page, text = content(mail, "html"), content(mail, "plain")
    assert mail["Bcc"] is None and "Léa Bcc: everybody@evil.example" in mail["Subject"]
    assert "<script" not in page and "<img" not in page and "&lt;img src=x" in page
    assert "<img src=x onerror=alert(1)>\n{signature}" in text, "what somebody wrote is text, its braces too"
    assert "Répondre" in page and 'href="http://localhost:8080/portail/' in page, "our own address is a button"

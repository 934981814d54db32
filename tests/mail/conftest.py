"""What do tests of mails share? A mail server, the mails in the queue, a round of sending."""

import pytest

from app.extensions import db
from app.mail.models import OutgoingMail
from app.mail.operations import send_due
from tests.mail.server import mail_server


@pytest.fixture
def post_office(app, monkeypatch):
    """A mail server, and the application set to use it."""
    with mail_server() as (port, behaviour):
        for key, value in {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": port, "MAIL_USE_TLS": False, "MAIL_TIMEOUT": 1}.items():
            monkeypatch.setitem(app.config, key, value)
        monkeypatch.setattr(app.extensions["mail"], "suppress", False)
        yield behaviour


def send(app):
    with app.test_request_context("/"):
        return send_due()


def content(mail, kind):
    """A mail's text, or its page."""
    return mail.get_body((kind,)).get_content().replace("\r\n", "\n")


def rows(app):
    with app.app_context():
        return db.session.scalars(db.select(OutgoingMail).order_by(OutgoingMail.id)).all()

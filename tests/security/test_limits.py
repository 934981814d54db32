"""Is whoever tries many passwords, codes or addresses from one place slowed down, and told so?"""

import pytest

from app import create_app
from app.extensions import db
from tests.cast import PASSWORD


@pytest.fixture
def limited(app):
    """The application as a town runs it: with limits."""
    keys = ("SECRET_KEY", "ENCRYPTION_KEYS", "SQLALCHEMY_DATABASE_URI", "FILES_FOLDER", "FAB_PASSWORD_HASH_METHOD")
    application = create_app(
        TESTING=True,
        WTF_CSRF_ENABLED=False,
        RATELIMIT_ENABLED=True,
        SESSION_COOKIE_SECURE=False,
        MAIL_SERVER="",
        **{key: app.config[key] for key in keys},
    )
    client = application.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    yield client
    with application.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.mark.parametrize(
    ("address", "typed", "allowed"),
    [
        ("/login/", {"username": "", "password": "x"}, 30),
        ("/premiere-visite/", {"family_code": "F99999", "code": "x"}, 20),
        ("/mot-de-passe-oublie/", {"username": "nobody@famille.example"}, 10),
        ("/nouveau-mot-de-passe/x", {"password": "x"}, 30),
    ],
)
def test_too_many_attempts_get_a_sentence(limited, address, typed, allowed):
    answers = [limited.post(address, data=typed).status_code for _attempt in range(allowed + 1)]
    assert answers[-1] == 429 and 429 not in answers[:-1]
    assert "Too many attempts" in limited.post(address, data=typed).text
    assert limited.get("/login/").status_code == 200


def test_signing_in_rightly_is_never_slowed_down(limited):
    for _parent in range(35):
        assert limited.post("/login/", data={"username": "galbert", "password": PASSWORD}).status_code == 302
        limited.post("/logout/")

"""Is docs/add-a-kind.md true? Its diff is applied in memory, and the kind goes from the form to the file."""

import re
from pathlib import Path
from types import ModuleType

import pytest

from app import create_app
from app.audit.models import LogEntry
from app.changes.decisions import Verdict, decide
from app.changes.kinds import KINDS
from app.changes.models import ChangeRequest, Lane, Outcome, RequestState
from app.core import clock, settings
from app.core.db import unit_of_work
from app.extensions import db
from app.families import changes
from app.families.models import Family, Situation
from tests import cast
from tests.conftest import account, base_of, work

PAGE = Path(__file__).parents[2] / "docs/add-a-kind.md"
DIFF = re.search(r"```diff\n--- a/(.*?)\n\+\+\+ b/\1\n(.*?)```", PAGE.read_text(), re.S)
pytestmark = pytest.mark.once
FORM = "/portail/demande/situation/edit/1"


def patched(source):
    """A file's text with the hunks of the page applied; each must fit in exactly one place."""
    for hunk in re.split(r"^@@.*\n", DIFF[2], flags=re.M)[1:]:
        lines = [line or " " for line in hunk.splitlines()]
        old = "\n".join(line[1:] for line in lines if line[0] in " -")
        new = "\n".join(line[1:] for line in lines if line[0] in " +")
        assert source.count(old) == 1, f"the page shows lines that are not in {DIFF[1]} (any more):\n{old}"
        source = source.replace(old, new)
    return source


@pytest.fixture(scope="module")
def town(app):
    """An application in which the kind of the page is there; made once, which takes seconds."""
    kinds, declared, file = dict(KINDS), dict(settings.DECLARED), Path(changes.__file__)
    assert file.as_posix().endswith(DIFF[1])
    # Before anything is taken away: where the page is wrong, no other test suffers.
    source = patched(file.read_text())
    for name, kind in kinds.items():
        if type(kind).__module__ == changes.__name__:
            del KINDS[name]
    module = ModuleType(changes.__name__)
    exec(compile(source, file, "exec"), vars(module))
    keys = (
        "TESTING",
        "SECRET_KEY",
        "ENCRYPTION_KEYS",
        "SQLALCHEMY_DATABASE_URI",
        "FILES_FOLDER",
        "MAIL_SERVER",
        "SESSION_COOKIE_SECURE",
        "FAB_PASSWORD_HASH_METHOD",
    )
    with_the_kind = create_app(WTF_CSRF_ENABLED=False, **{key: app.config[key] for key in keys})
    yield with_the_kind
    for now, before in ((KINDS, kinds), (settings.DECLARED, declared)):
        now.clear()
        now.update(before)


@pytest.fixture(autouse=True)
def closed(town):
    """Nobody holds the database when it is put back for the next test."""
    yield
    with town.app_context():
        db.session.remove()
        db.engine.dispose()


def signed_in(town, username):
    client = town.test_client()
    with town.app_context():
        identity = cast.identity(username)
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"], session["locale"] = identity, True, "en"
    return client


def test_the_kind_of_the_page_goes_from_the_form_to_the_file(town):
    parent = signed_in(town, "galbert")
    assert "Family situation" in parent.get("/portail/compte/").text
    page = parent.get(FORM)
    assert page.status_code == 200 and "separated" in page.text
    assert parent.post(FORM, data={"base": base_of(page.text), "situation": "separated"}).status_code == 302
    with town.app_context():
        (request,) = db.session.scalars(db.select(ChangeRequest)).all()
        assert (request.kind, request.state, request.lane) == ("situation", RequestState.pending, Lane.look)
        assert "who may fetch" in request.findings[0]["sentence"]
        assert request.changes == {"situation": {"before": None, "after": "separated"}}
        assert db.session.get(Family, 1).situation is None
    assert "separated" in parent.get("/portail/compte/").text
    clock.advance(minutes=11)
    with town.test_request_context("/"), unit_of_work():
        request = db.session.scalar(db.select(ChangeRequest))
        assert decide([Verdict(request.id, request.version, Outcome.accept)], by=account("agent")).problems == {}
    clock.advance(seconds=11)
    work(town)
    with town.app_context():
        assert db.session.get(Family, 1).situation is Situation.separated
        assert db.session.scalar(db.select(LogEntry).filter_by(verb="situation.edit")).changes == {
            "situation": {"before": None, "after": "separated"}
        }


def test_the_kind_of_the_page_keeps_the_rights(town):
    assert signed_in(town, "martin").get(FORM).status_code == 404
    assert signed_in(town, "marc").get(FORM).status_code == 403
    assert "/login/" in town.test_client().get(FORM).headers["Location"]


def test_a_kind_that_is_never_decided_by_the_handful_has_no_switch(town):
    assert "auto_accept_situation" not in settings.DECLARED and "auto_accept_guardian" in settings.DECLARED

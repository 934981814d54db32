"""Who may open a family's files, and how do they travel?"""

import pytest

from app.core.db import unit_of_work
from app.core.files import accept
from app.documents.models import FileState
from app.documents.operations import store
from app.security.who_sees_what import Noun
from tests.portal.asking import child_id
from tests.portal.pictures import picture


def stored(app, noun, *, family=1, child=None, state=FileState.kept):
    with app.test_request_context("/"), unit_of_work():
        upload = accept('vue d\'été "1".jpg', picture(size=(800, 600)))
        return store(upload, noun=noun, family_id=family, child_id=child_id(child) if child else None, state=state).id


def test_a_picture_comes_inline_and_harmless(app, sign_in):
    answer = sign_in("galbert").get(f"/portail/fichier/{stored(app, Noun.photo, child='Léa')}")
    assert answer.status_code == 200 and answer.mimetype == "image/jpeg"
    assert answer.headers["Content-Disposition"].startswith("inline")
    assert "sandbox" in answer.headers["Content-Security-Policy"] and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"].startswith("private")


def test_a_small_one_is_small_and_not_sent_twice(app, sign_in):
    client, number = sign_in("galbert"), stored(app, Noun.photo, child="Léa")
    large, small = client.get(f"/portail/fichier/{number}"), client.get(f"/portail/fichier/{number}?small=1")
    assert len(small.data) < len(large.data)
    assert client.get(f"/portail/fichier/{number}?small=1", headers={"If-None-Match": small.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    ("noun", "username", "status"),
    [
        (Noun.bank, "galbert", 200),
        (Noun.bank, "marc", 404),
        (Noun.tax, "marc", 200),
        (Noun.bank, "petit", 404),
        (Noun.photo, "petit", 404),
        (Noun.bank, None, 302),
    ],
)
def test_the_table_says_who_opens_a_file(app, sign_in, noun, username, status):
    assert sign_in(username).get(f"/portail/fichier/{stored(app, noun)}").status_code == status


@pytest.mark.parametrize(
    ("noun", "state", "status"),
    [
        (Noun.photo, FileState.kept, 200),
        (Noun.health, FileState.kept, 200),
        (Noun.pickup, FileState.kept, 404),
        (Noun.photo, FileState.asked, 404),
        (Noun.health, FileState.draft, 404),
    ],
)
def test_of_a_shared_child_the_other_household_opens_what_is_the_childs(app, sign_in, noun, state, status):
    number = stored(app, noun, family=2, child="Hugo", state=state)
    assert sign_in("petit").get(f"/portail/fichier/{number}").status_code == status
    assert sign_in("martin").get(f"/portail/fichier/{number}").status_code == 200


def test_a_file_that_is_not_there_is_404(sign_in):
    assert sign_in("galbert").get("/portail/fichier/4711").status_code == 404

"""Do many letters come out right? Who gets one, what is printed opens, a kill loses nothing, the file goes."""

import io
import re

import pytest
from pypdf import PdfReader
from sqlalchemy import func, select

from app.children import letters
from app.children.invitees import Wanted, invitees
from app.core import clock
from app.core.db import unit_of_work
from app.core.i18n import in_locale
from app.documents.models import StoredFile
from app.documents.operations import path_of
from app.extensions import db
from app.families.models import Adult, AdultRole, Family, LetterBatch
from app.families.operations import archive_family, new_family
from app.mail.models import OutgoingMail
from app.security.models import Invitation
from app.security.operations import find_invitation, invite
from tests.conftest import account, counted_queries, work

CODE = re.compile(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}\b")


@pytest.fixture
def uninvited(ctx):
    """Three adults without an account: Luc Martin (Hugo's school), two of family Nouvelle, one of them without an address; their ids."""
    with unit_of_work():
        luc = Adult(family_id=2, role=AdultRole.spouse, first_name="Luc", last_name="Martin", email="luc@famille.example")
        family = new_family("Nouvelle")
        family.adults += [
            Adult(role=AdultRole.guardian, first_name="Ada", last_name="Nouvelle", email="ada@famille.example", address="1 rue du Lac"),
            Adult(role=AdultRole.spouse, first_name="Zoé", last_name="Nouvelle"),
        ]
        db.session.add_all([luc, family])
        db.session.flush()
        return [luc.id, *(adult.id for adult in family.adults)]


def ask(ids, *, by_mail=False):
    with unit_of_work():
        return letters.begin(ids, by_mail=by_mail, by=account("agent")).id


def text_of(batch_id):
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(letters.pdf_of(db.session.get(LetterBatch, batch_id)))).pages)


def opens(family_code, code):
    with unit_of_work():
        found = find_invitation(family_code, code)
        return found.adult_id if found is not None else None


def test_who_gets_one(uninvited):
    luc, ada, zoe = uninvited
    with counted_queries() as queries:
        found = invitees(Wanted())
    assert len(queries) == 1
    # With a school first, those without last; those with an account not at all.
    assert [row.adult_id for row in found] == [luc, ada, zoe]
    assert (found[0].school, found[0].place) == ("Jacques-Prévert", "CE2")
    assert [row.adult_id for row in invitees(Wanted(with_email=False))] == [zoe]
    assert [row.adult_id for row in invitees(Wanted(school_id=1))] == [luc]
    assert invitees(Wanted(school_id=2)) == []
    assert invitees(Wanted(since=clock.today())) and not invitees(Wanted(since=clock.today().replace(year=clock.today().year + 1)))
    with unit_of_work():
        invite(luc, 2, by="test")
        archive_family(db.session.get(Adult, ada).family, by="test")
    assert invitees(Wanted()) == []
    clock.advance(days=61)
    assert [row.adult_id for row in invitees(Wanted())] == [luc]


def test_what_is_printed_opens_and_goes(app, uninvited, monkeypatch):
    monkeypatch.setattr(letters, "CHUNK", 1)
    luc, ada, zoe = uninvited
    batch_id = ask(uninvited)
    work(app)
    text, batch = text_of(batch_id), db.session.get(LetterBatch, batch_id)
    codes, (file_id,) = CODE.findall(text), batch.files
    assert batch.finished_at and batch.done == len(codes) == 3 and text.index("Luc") < text.index("Ada") < text.index("Zoé")
    assert "1 rue du Lac" in text and "CE2" in text and app.config["BASE_URL"] in text
    # The pieces went; what is kept for the printer goes after a week, and the codes go on opening.
    assert db.session.scalar(select(func.count(StoredFile.id))) == 1
    path = path_of(db.session.get(StoredFile, file_id).key)
    assert path.exists()
    clock.advance(days=8)
    work(app)
    assert not path.exists() and db.session.get(LetterBatch, batch_id, populate_existing=True).files == []
    family = db.session.get(Adult, ada).family.code
    assert [opens("F00002", codes[0]), opens(family, codes[1]), opens(family, codes[2])] == [luc, ada, zoe]


def test_a_kill_leaves_no_dead_code_and_prints_nobody_twice(uninvited, monkeypatch):
    """Killed between the printing and the commit, and after the commit: every code in the PDF opens, one for each adult."""
    monkeypatch.setattr(letters, "CHUNK", 2)
    batch_id = ask(uninvited)

    def killed(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as kill:
        kill.setattr(letters, "_keep", killed)
        with pytest.raises(KeyboardInterrupt):
            letters.make_letters()
    assert db.session.scalar(select(func.count(Invitation.id))) == 0
    # Its lease keeps other workers away, then somebody goes on.
    assert letters.make_letters() == 0
    clock.advance(minutes=3)
    assert letters.make_letters() == 1
    with monkeypatch.context() as kill:
        kill.setattr(letters, "bound", killed)
        with pytest.raises(KeyboardInterrupt):
            while letters.make_letters():
                pass
    clock.advance(minutes=3)
    while letters.make_letters():
        pass
    codes = CODE.findall(text_of(batch_id))
    assert len(codes) == len(set(codes)) == db.session.scalar(select(func.count(Invitation.id))) == 3
    assert opens("F00002", codes[0]) == uninvited[0]


def test_a_full_disk_is_waited_for_and_a_letter_that_cannot_be_made_stops_the_others(uninvited, monkeypatch):
    monkeypatch.setattr(letters, "CHUNK", 1)
    batch_id = ask(uninvited)

    def fail(problem):
        def failing(*_args):
            raise problem

        return failing

    with monkeypatch.context() as full:
        full.setattr(letters, "_keep", fail(OSError("no space left")))
        assert letters.make_letters() == 0
    clock.advance(minutes=3)
    assert letters.make_letters() == 1
    with monkeypatch.context() as broken:
        broken.setattr(letters, "_printed", fail(ValueError("a sign that no font knows")))
        with in_locale("en"):
            assert letters.make_letters() == 1
    batch = db.session.get(LetterBatch, batch_id)
    # Those that were made are handed out: their codes open.
    assert batch.finished_at and "stopped early" in batch.problem and batch.adult_ids == uninvited[:1]
    assert opens("F00002", CODE.search(text_of(batch_id))[0]) == uninvited[0]


def test_who_comes_in_meanwhile_gets_no_letter(uninvited):
    luc, ada, zoe = uninvited
    batch_id = ask(uninvited)
    with unit_of_work():
        code = invite(ada, db.session.get(Adult, ada).family_id, by="test")
        db.session.delete(db.session.get(Adult, zoe))
    while letters.make_letters():
        pass
    assert db.session.get(LetterBatch, batch_id).adult_ids == [luc]
    assert "Ada" not in text_of(batch_id) and opens(db.session.get(Adult, ada).family.code, code) == ada


def test_by_mail_each_gets_their_own_code(app, uninvited):
    luc = uninvited[0]
    ask(uninvited, by_mail=True)
    work(app)
    mails = {mail.recipient: mail.body for mail in db.session.scalars(select(OutgoingMail).filter_by(template="invitation"))}
    assert set(mails) == {"luc@famille.example", "ada@famille.example"}
    assert opens("F00002", CODE.search(mails["luc@famille.example"])[0]) == luc
    assert db.session.scalar(select(Family.code).where(Family.name == "Nouvelle")) in mails["ada@famille.example"]


def test_the_page_asks_before_and_shows_how_far(app, sign_in, uninvited):
    client = sign_in("agent")
    with counted_queries() as queries:
        page = client.get("/mairie/invitations/?school=1").text
    assert len(queries) <= 8
    assert "1 adult to invite" in page and "Luc Martin" in page and "Ada" not in page
    assert "Nobody answers to this choice" in client.get("/mairie/invitations/?school=2&since=x").text
    assert "3 adults get a code each" in client.get("/mairie/invitations/confirmer?how=letters").text
    assert db.session.scalar(select(LetterBatch.id)) is None
    answer = client.post("/mairie/invitations/confirmer?how=mail")
    assert answer.status_code == 303
    batch = answer.headers["Location"]
    assert "0 of 2" in client.get(batch).text
    # A second click makes no second letters, and leads to the first.
    assert "Other invitations are being made" in client.post("/mairie/invitations/confirmer?how=letters", follow_redirects=True).text
    work(app)
    assert "2 adults were invited by mail" in client.get(batch).text
    answer = client.post("/mairie/invitations/confirmer?how=letters")
    work(app)
    pdf = client.get(f"{answer.headers['Location']}lettres.pdf")
    assert pdf.data.startswith(b"%PDF") and "no-store" in pdf.headers["Cache-Control"]

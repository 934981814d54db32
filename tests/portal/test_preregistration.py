"""Does a family that nobody knows come as far as the town's queue, and no further? Steps, link, robots, papers, the sheet."""

import io
import re

import pytest
from PIL import Image
from pypdf import PdfReader
from sqlalchemy import func, select

from app.changes import preregistration
from app.changes.models import ChangeLot, ChangeRequest, Preregistration, RequestState
from app.core import clock
from app.core.db import unit_of_work
from app.documents.models import FileState, StoredFile
from app.extensions import db
from app.families.models import Family
from app.jobs.housekeeping import forget_preregistrations
from app.mail.models import OutgoingMail
from app.security import throttle
from tests.conftest import counted_queries

ROOM = "/preinscription"
GUARDIAN = {
    "last_name": "Nguyen",
    "first_name": "Linh",
    "mobile": "06 12 34 56 78",
    "email": "Linh@Famille.example",
    "address": "4 rue du Lavoir",
    "postcode": "77181",
    "city": "Saint-Exemple",
}
SPOUSE = {"last_name": "Nguyen", "first_name": "Paul"}
MAI = {"first_name": "Mai", "last_name": "Nguyen", "birth_date": "2020-05-04"}
ANH = {"first_name": "Anh", "last_name": "Nguyen", "birth_date": "2022-01-31"}
WISHES = {"school_year": "2026-2027", "services": ["school"], "note": "Dès janvier"}


def picture():
    """A photograph of a paper."""
    content = io.BytesIO()
    Image.new("RGB", (60, 80), "#8899aa").save(content, "JPEG")
    return content.getvalue()


def begin(client, **more):
    """Fill in the first step as a person does, who takes some seconds."""
    page = client.get(f"{ROOM}/vous/").text
    opened = re.search(r'name="opened"[^>]*value="([^"]+)"', page).group(1)
    clock.advance(seconds=20)
    return client.post(f"{ROOM}/vous/", data={**GUARDIAN, "opened": opened, **more})


def fill(client, **more):
    """All steps."""
    assert begin(client, **more).status_code == 302
    client.post(f"{ROOM}/autre-adulte/", data=SPOUSE)
    client.post(f"{ROOM}/enfants/0/", data=MAI)
    client.post(f"{ROOM}/enfants/0/", data=ANH)
    client.post(f"{ROOM}/besoins/", data=WISHES)
    client.post(f"{ROOM}/pieces/", data={"address_proof": (io.BytesIO(picture()), "facture.jpg")})


def link_in_the_mail():
    """The address in the last mail."""
    body = db.session.scalar(select(OutgoingMail.body).order_by(OutgoingMail.id.desc()))
    return re.search(rf"{ROOM}/lien/\S+", body).group(0)


def row():
    """The one pre-registration there is."""
    return db.session.scalar(select(Preregistration))


def test_from_the_first_step_to_the_queue(app, sign_in):
    client = sign_in()
    fill(client)
    with app.app_context(), counted_queries() as asked:
        page = client.get(f"{ROOM}/verifier/").text
    assert len(asked) <= 8
    assert all(word in page for word in ("Linh", "Paul", "Mai", "Anh", "2026-2027", "facture.jpg"))
    assert client.post(f"{ROOM}/envoyer").status_code == 302
    with app.test_request_context("/"):
        assert db.session.scalar(select(ChangeLot)) is None, "no clerk sees it before the address is confirmed"
        link, mail = link_in_the_mail(), db.session.scalar(select(OutgoingMail))
        assert mail.recipient == "linh@famille.example" and "Nguyen" not in mail.body
    elsewhere = sign_in()
    assert elsewhere.get(link).status_code == 200
    with app.test_request_context("/"):
        assert row().confirmed_at is None, "mail scanners open links"
    assert elsewhere.post(link).status_code == 302
    assert "2026-" in elsewhere.get(f"{ROOM}/suite/").text
    with app.test_request_context("/"):
        request = db.session.scalar(select(ChangeRequest))
        assert (request.kind, request.act.name, request.family_id) == ("preregistration", "add", None)
        assert request.lot.preregistration_id == row().id and request.lot.sealed
        asked = {name: pair["after"] for name, pair in request.changes.items()}
        assert asked["guardian"]["email"] == "Linh@famille.example" and asked["spouse"] == SPOUSE
        assert asked["children"] == [MAI, ANH] and asked["wishes"] == WISHES
        (paper,) = db.session.scalars(select(StoredFile))
        assert request.files == [paper.id] and paper.state is FileState.asked and "facture.jpg" in paper.filename
        assert db.session.scalar(select(func.count()).select_from(Family)) == 3, "nothing of a file is written"
    assert elsewhere.post(link).status_code == 302
    with app.test_request_context("/"):
        assert len(preregistration.requests_of(row())) == 1, "the same twice is one request"


def test_what_is_corrected_takes_the_place_of_what_waits(app, sign_in):
    client = sign_in()
    fill(client)
    client.post(f"{ROOM}/envoyer")
    with app.test_request_context("/"):
        link = link_in_the_mail()
    client.post(link)
    asked_at = []
    with app.test_request_context("/"), unit_of_work():
        first = preregistration.latest_request(row())
        first.move_to(RequestState.deciding)
        asked_at.append(first.asked_at)
    assert client.post(f"{ROOM}/enfants/2/", data=ANH | {"first_name": "Ann"}).status_code == 422, "the town is deciding"
    with app.test_request_context("/"), unit_of_work():
        first = preregistration.latest_request(row())
        first.reason = "La facture est illisible."
        first.move_to(RequestState.sent_back)
    assert "La facture est illisible." in client.get(f"{ROOM}/suite/").text
    client.post(f"{ROOM}/pieces/", data={"address_proof": (io.BytesIO(picture()), "lisible.jpg")})
    clock.advance(days=2)
    client.post(f"{ROOM}/envoyer")
    with app.test_request_context("/"):
        first, second = preregistration.requests_of(row())
        assert first.state is RequestState.superseded and first.superseded_by_id == second.id and first.lot_id == second.lot_id
        assert second.asked_at == asked_at[0], "papers alone keep the rank"
        assert db.session.get(StoredFile, first.files[0]) is not None and first.files != second.files
    client.post(f"{ROOM}/reprendre-ma-demande")
    with app.test_request_context("/"):
        assert preregistration.latest_request(row()).state is RequestState.withdrawn


def test_nothing_typed_is_lost_on_the_way_back(app, sign_in):
    client = sign_in()
    begin(client)
    half = {"last_name": "", "first_name": "Pau", "email": "no address", "back": "1"}
    assert client.post(f"{ROOM}/autre-adulte/", data=half).location.endswith("/vous/")
    page = client.get(f"{ROOM}/autre-adulte/").text
    assert 'value="Pau"' in page and 'value="no address"' in page
    assert client.post(f"{ROOM}/autre-adulte/", data={"skip": "1"}).location.endswith("/enfants/")
    wrong = client.post(f"{ROOM}/enfants/0/", data=MAI | {"birth_date": "2099-01-01"})
    assert wrong.status_code == 422 and 'value="Mai"' in wrong.text
    client.post(f"{ROOM}/enfants/0/", data=MAI)
    client.post(f"{ROOM}/enfants/0/", data=ANH)
    client.post(f"{ROOM}/enfants/1/enlever")
    with app.test_request_context("/"):
        assert row().content["children"] == [ANH] and row().content["spouse"] == {}
    assert client.get(f"{ROOM}/enfants/2/").status_code == 404
    assert client.post(f"{ROOM}/besoins/?to=check", data=WISHES).location.endswith("/verifier/")


def test_robots_wait_and_people_go_on(app, sign_in):
    client = sign_in()
    page = client.get(f"{ROOM}/vous/").text
    opened = re.search(r'name="opened"[^>]*value="([^"]+)"', page).group(1)
    for given in ({"opened": opened}, {}, {"opened": "forged"}):
        answer = client.post(f"{ROOM}/vous/", data={**GUARDIAN, **given})
        assert answer.status_code == 422 and 'value="Nguyen"' in answer.text
    clock.advance(seconds=20)
    trapped = client.post(f"{ROOM}/vous/", data={**GUARDIAN, "opened": opened, "website": "https://buy.example"})
    assert trapped.status_code == 422 and "buy.example" not in trapped.text
    with app.test_request_context("/"):
        assert row() is None
    assert client.post(f"{ROOM}/vous/", data={**GUARDIAN, "opened": opened}).status_code == 302
    with app.test_request_context("/"), unit_of_work():
        for _other in range(throttle.PREREGISTRATIONS.free):
            throttle.count(throttle.PREREGISTRATIONS, "127.0.0.1")
    late = begin(sign_in())
    assert late.status_code == 422 and 'value="Nguyen"' in late.text


def test_without_an_address_there_is_the_sheet(app, sign_in):
    client = sign_in()
    fill(client, email="")
    assert "ma-fiche.pdf" in client.get(f"{ROOM}/verifier/").text
    for act in ("envoyer", "courriel"):
        client.post(f"{ROOM}/{act}")
    with app.test_request_context("/"):
        assert db.session.scalar(select(OutgoingMail)) is None and preregistration.latest_request(row()) is None
    words = text_of(client.get(f"{ROOM}/ma-fiche.pdf").data)
    assert all(word in words for word in ("Linh", "06 12 34 56 78", "Mai", "Anh", "2026-2027"))


@pytest.mark.once
def test_the_blank_sheet_is_for_everybody(sign_in):
    for username in (None, "galbert"):
        answer = sign_in(username).get(f"{ROOM}/fiche.pdf")
        assert answer.mimetype == "application/pdf" and "Signature" in text_of(answer.data)
        assert len(PdfReader(io.BytesIO(answer.data)).pages) <= 2


def test_another_browser_sees_nothing(app, sign_in):
    client = sign_in()
    fill(client)
    stranger = sign_in()
    for page in ("verifier/", "suite/", "ma-fiche.pdf", "pieces/address_proof", "enfants/1/"):
        assert stranger.get(f"{ROOM}/{page}").location.endswith(f"{ROOM}/"), page
    assert client.get(f"{ROOM}/pieces/address_proof").mimetype == "image/jpeg"
    assert client.get(f"{ROOM}/pieces/custody").status_code == 404
    client.post(f"{ROOM}/courriel")
    with app.test_request_context("/"):
        link = link_in_the_mail()
    client.post(f"{ROOM}/vous/", data=GUARDIAN | {"email": "linh@other.example"})
    assert stranger.post(link).status_code == 410, "a corrected address ends the former one's link"
    assert stranger.get(f"{ROOM}/lien/forged").status_code == 410
    client.post(f"{ROOM}/quitter")
    assert client.get(f"{ROOM}/verifier/").status_code == 302


def test_what_was_never_sent_is_removed(app, sign_in):
    client = sign_in()
    fill(client)
    fill(other := sign_in())
    other.post(f"{ROOM}/envoyer")
    with app.test_request_context("/"):
        link = link_in_the_mail()
    other.post(link)
    clock.advance(days=29)
    with app.test_request_context("/"):
        assert forget_preregistrations() == 0
    clock.advance(days=2)
    with app.test_request_context("/"):
        assert forget_preregistrations() == 1
        assert row().sent_at is not None
        assert sorted(file.state for file in db.session.scalars(select(StoredFile))) == [FileState.asked, FileState.draft]
    assert client.get(f"{ROOM}/verifier/").status_code == 302


def text_of(pdf):
    """The words of a PDF."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())

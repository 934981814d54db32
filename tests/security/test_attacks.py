"""What did somebody try who wanted more than the table gives? Each attack that once worked."""

import io

import pytest
from PIL import Image

from app.audit.models import HealthRead
from app.children.models import Child, PickUpPerson
from app.children.operations import end_household, name_pickup_person
from app.core import clock
from app.core.db import unit_of_work
from app.core.encryption import seal
from app.core.files import accept
from app.documents.models import FileState, StoredFile
from app.extensions import db
from app.security.models import FamilyLink
from app.security.operations import end_link, find_invitation, invite
from app.security.who_sees_what import Noun
from tests.cast import PASSWORD
from tests.conftest import account
from tests.portal.asking import ask, child_id, requests, waiting_lot
from tests.portal.test_files import stored

BANK = {"holder": "Christelle Galbert", "iban": "FR7630006000011234567890189"}
BANK_URL = "/portail/demande/bank/edit/1"


def test_the_password_of_an_open_session_cannot_be_guessed_at_the_bank_form(app, sign_in):
    client = sign_in("galbert")
    for guess in range(5):
        assert ask(client, url=BANK_URL, form=BANK, password=f"guess-{guess}").status_code == 200
    with app.app_context():
        assert account("galbert").blocked_until > clock.now()
    answer = ask(client, url=BANK_URL, form=BANK, password=PASSWORD)
    assert answer.status_code == 200 and "Too many wrong passwords" in answer.text
    with app.app_context():
        assert requests() == []


def test_a_former_spouses_letter_opens_nothing(app):
    with app.test_request_context("/"), unit_of_work():
        link = db.session.scalar(db.select(FamilyLink).filter_by(account_id=account("marc").id))
        code, family = invite(link.adult_id, link.family_id, by=account("agent")), link.family_id
        end_link(link, "court order", by=account("agent"))
    table = db.metadata.tables["family"]
    with app.test_request_context("/"), unit_of_work():
        family_code = db.session.scalar(db.select(table.c.code).where(table.c.id == family))
        assert find_invitation(family_code, code) is None


def test_whom_a_former_household_named_may_not_fetch_the_child(app):
    with app.test_request_context("/"), unit_of_work():
        hugo = db.session.scalar(db.select(Child).filter_by(first_name="Hugo"))
        gone, stays = hugo.households
        for household in (gone, stays):
            name_pickup_person(hugo.id, household.family_id, {"first_name": "A", "last_name": "B"})
        db.session.flush()
        end_household(gone)
        left = stays.family_id
    with app.app_context():
        assert [row.family_id for row in db.session.scalars(db.select(PickUpPerson).filter_by(ended_on=None))] == [left]


def test_a_number_of_a_swept_file_never_names_another_familys(app, sign_in):
    """SQLite gives the number of a deleted row to the next one."""
    client = sign_in("galbert")
    with app.app_context():
        lea = child_id("Léa")
    theirs = stored(app, Noun.photo, family=2, child="Hugo", state=FileState.asked)
    with app.app_context():
        token = seal({"id": theirs, "family": 1, "name": "mine.jpg"})
    ask(client, url=f"/portail/demande/photo/edit/{lea}", form={}, **{"photo_id-kept": token})
    with app.app_context():
        assert requests() == [] and db.session.get(StoredFile, theirs).family_id == 2


@pytest.mark.parametrize("page", ["/portail/demandes/", "/portail/demandes/lot/{}/", "/portail/fichier/{}"])
def test_a_clerk_in_the_familys_place_reads_no_health_unnoticed(app, sign_in, page):
    with app.app_context():
        lea = child_id("Léa")
    number = stored(app, Noun.health, child="Léa")
    assert ask(sign_in("galbert"), url=f"/portail/demande/health/edit/{lea}", form={"treatment": "ventoline"}).status_code == 302
    with app.app_context():
        address = page.format(number if "fichier" in page else waiting_lot().id)
    clerk = sign_in("agent")
    with clerk.session_transaction() as session:
        session["acting"] = {"family": 1, "channel": "phone", "received_on": "2026-11-20"}
    assert clerk.get(address).status_code == 200
    with app.app_context():
        assert [row.child_id for row in db.session.scalars(db.select(HealthRead))] == [lea]


def test_a_photograph_says_nothing_beside_the_picture(app):
    picture, exif, out = Image.new("RGB", (300, 200), "red"), Image.Exif(), io.BytesIO()
    exif[0x010F] = "HIDDEN"
    picture.save(out, "JPEG", exif=exif.tobytes(), comment=b"HIDDEN", xmp=b"HIDDEN")
    with app.test_request_context("/"):
        assert b"HIDDEN" in out.getvalue() and b"HIDDEN" not in accept("x.jpg", out.getvalue()).content


def test_a_photograph_of_a_telephone_with_two_pictures_is_taken(app):
    one, two, out = Image.new("RGB", (300, 200), "red"), Image.new("RGB", (300, 200), "blue"), io.BytesIO()
    one.save(out, "MPO", save_all=True, append_images=[two])
    with app.test_request_context("/"):
        assert accept("x.jpg", out.getvalue()).media_type == "image/jpeg"


@pytest.mark.parametrize("number", ["99999999999999999999", "-1", "0", "x"])
@pytest.mark.parametrize("name", ["child", "again"])
def test_a_number_that_no_row_has_is_404(sign_in, name, number):
    assert sign_in("galbert").get(f"/portail/demande/pickup/add?{name}={number}").status_code == 404


def test_a_name_with_a_nul_is_only_a_wrong_name(app):
    assert app.test_client().post("/login/", data={"username": "galb\x00ert!", "password": "x"}).status_code == 422


def test_what_a_check_found_of_a_childs_health_is_not_read_in_the_database(app, sign_in):
    with app.app_context():
        lea = child_id("Léa")
    assert ask(sign_in("galbert"), url=f"/portail/demande/health/edit/{lea}", form={"asthma": "yes"}).status_code == 302
    with app.app_context():
        assert requests()[0].findings
        kept = db.session.scalar(db.text("SELECT findings FROM change_request"))
        assert "sentence" not in str(kept)


def test_a_failed_statement_is_logged_without_its_values(app):
    with app.app_context():
        assert db.engine.hide_parameters

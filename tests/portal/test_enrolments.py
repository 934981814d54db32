"""Do the pages of enrolments and papers show what is, ask for what is missing, and stay closed to others?"""

from datetime import date
from io import BytesIO

import pytest
from sqlalchemy import select

from app.activities.models import Activity, Paper, PaperType
from app.activities.papers import keep_paper
from app.changes.models import ChangeRequest, Outcome
from app.core.db import unit_of_work
from app.core.files import Upload
from app.documents.models import FileState, StoredFile
from app.documents.operations import store
from app.extensions import db
from app.security.who_sees_what import Noun
from tests.activities import cast
from tests.conftest import base_of, counted_queries
from tests.contracts.town import PICTURE
from tests.portal.asking import decide_all

PAGES = ("/portail/inscriptions/", "/portail/inscriptions/nouvelle/", "/portail/inscriptions/nouvelle/?child=1", "/portail/papiers/")


@pytest.fixture
def town(app, activities):
    with app.app_context(), unit_of_work():
        db.session.get(PaperType, activities.vaccination).asked_of_all = True
    return activities


def scan():
    return BytesIO(PICTURE), "scan.png"


def enrol(client, path, **values):
    page = client.get(path)
    assert page.status_code == 200, page.text
    data = {"starts_on": "2026-12-01", "ends_on": "2026-12-31", **values, "base": base_of(page.text)}
    return client.post(path, data=data, content_type="multipart/form-data")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_reads_in_a_constant_number_of_queries(app, sign_in, town, path):
    client = sign_in("galbert")
    client.get(path)
    with app.app_context(), counted_queries() as few:
        assert client.get(path).status_code == 200
    with app.app_context():
        for name in ("Zoé", "Jean", "Lou"):
            child = cast.another_child(name, 1)
            for activity in (town.canteen, town.evening, town.wednesday):
                cast.enrol(child, 1, activity)
    with app.app_context(), counted_queries() as many:
        assert client.get(path).status_code == 200
    assert len(many) <= len(few) and len(many) <= 8, "\n".join(many)


def test_the_list_names_what_every_child_takes_part_in(sign_in, town):
    page = sign_in("galbert").get("/portail/inscriptions/").text
    assert page.count("Canteen") >= 2 and "Evening care" in page and "Monday, Tuesday, Thursday, Friday" in page
    assert "Hugo" not in page


def test_it_is_in_the_bar_and_on_the_childs_page(sign_in, town):
    client = sign_in("galbert")
    assert 'href="/portail/inscriptions/"' in client.get("/portail/").text
    page = client.get(f"/portail/enfants/{town.lea}/").text
    assert "Enrolments in progress" in page and f"/portail/inscriptions/nouvelle/?child={town.lea}" in page


def test_what_waits_stands_beside_what_is(app, sign_in, town):
    client = sign_in("galbert")
    answer = enrol(client, f"/portail/demande/enrolment/add?child={town.tom}&activity={town.evening}", week=["1-2"])
    assert answer.status_code == 302, answer.text
    page = client.get("/portail/inscriptions/").text
    assert "Enrolment in an activity" in page and "Withdraw" in page
    assert "You have asked for it" in client.get(f"/portail/inscriptions/nouvelle/?child={town.tom}").text
    with app.app_context():
        number = db.session.scalar(select(ChangeRequest.id))
    again = client.get(f"/portail/demande/enrolment/add?again={number}")
    assert again.status_code == 200 and 'value="1-2" checked' in again.text and 'value="2026-12-31"' in again.text


def test_a_second_click_of_the_same_send_is_one_request(app, sign_in, town):
    client = sign_in("galbert")
    path = f"/portail/demande/enrolment/add?child={town.tom}&activity={town.evening}"
    data = {"starts_on": "2026-12-01", "ends_on": "2026-12-31", "base": base_of(client.get(path).text)}
    assert [client.post(path, data=data).status_code for _ in range(2)] == [302, 302]
    with app.app_context():
        assert db.session.scalar(select(db.func.count()).select_from(ChangeRequest)) == 1


def test_the_activity_of_a_form_cannot_be_swapped(app, sign_in, town):
    with app.app_context(), unit_of_work():
        db.session.get(Activity, town.wednesday).open = False
    client = sign_in("galbert")
    answer = enrol(client, f"/portail/demande/enrolment/add?child={town.tom}&activity={town.evening}", activity_id=town.wednesday)
    assert answer.status_code == 302
    with app.app_context():
        assert db.session.scalar(select(ChangeRequest)).changes["activity_id"]["after"] == town.evening


def test_another_familys_enrolments_and_children_are_not_there(app, sign_in, town):
    client = sign_in("martin")
    assert client.get(f"/portail/demande/enrolment/add?child={town.lea}&activity={town.evening}").status_code == 404
    assert client.get("/portail/demande/enrolment/edit/1").status_code == 404
    assert "Léa" not in client.get(f"/portail/inscriptions/nouvelle/?child={town.lea}").text
    assert client.get(f"/portail/demande/paper/add?child={town.lea}&type={town.insurance}").status_code == 404


def test_the_other_household_of_a_shared_child_reads_no_enrolment_of_this_one(sign_in, town):
    page = sign_in("petit").get("/portail/inscriptions/").text
    assert "Hugo" in page and "is enrolled in no activity" in page


def test_papers_are_asked_for_on_the_home_page_until_they_are_there(app, sign_in, town):
    client = sign_in("galbert")
    page = client.get("/portail/papiers/").text
    assert page.count("badge-refused") == 3 and "Vaccination" in page
    for child, number in ((town.lea, town.insurance), (town.lea, town.vaccination), (town.tom, town.vaccination)):
        path = f"/portail/demande/paper/add?child={child}&type={number}"
        answer = client.post(path, data={"base": base_of(client.get(path).text), "file_id": scan()}, content_type="multipart/form-data")
        assert answer.status_code == 302, answer.text
    page = client.get("/portail/papiers/").text
    assert "badge-refused" not in page and page.count("badge-pending") == 3
    decide_all(app, Outcome.accept)
    page = client.get("/portail/papiers/").text
    assert page.count("the town has it") == 3
    assert "The town hall has everything it needs." in page


def test_a_paper_without_a_file_is_not_sent_and_a_file_survives_a_correction(app, sign_in, town):
    client = sign_in("galbert")
    path = f"/portail/demande/paper/add?type={town.address}"
    page = client.get(path)
    empty = client.post(path, data={"base": base_of(page.text)}, content_type="multipart/form-data")
    assert "Choose a photograph or a PDF." in empty.text
    undated = client.post(path, data={"base": base_of(page.text), "file_id": scan()}, content_type="multipart/form-data")
    assert "Say until when the paper is good" in undated.text and "Already received" in undated.text
    with app.app_context():
        assert db.session.scalar(select(db.func.count()).select_from(ChangeRequest)) == 0


def test_a_health_paper_is_put_aside_as_one(app, sign_in, town):
    client = sign_in("galbert")
    path = f"/portail/demande/paper/add?child={town.lea}&type={town.vaccination}"
    client.post(path, data={"base": base_of(client.get(path).text), "file_id": scan()}, content_type="multipart/form-data")
    with app.app_context():
        row = db.session.scalar(select(StoredFile))
        assert (row.noun, row.child_id) == (Noun.health.value, town.lea)
        number = row.id
    assert client.get(f"/portail/fichier/{number}").status_code == 200
    assert sign_in("martin").get(f"/portail/fichier/{number}").status_code == 404
    assert sign_in("animateur").get(f"/mairie/fichier/{number}").status_code == 403
    assert sign_in("agent").get(f"/mairie/fichier/{number}").status_code == 200


def test_the_other_household_knows_that_a_paper_is_there_and_cannot_open_it(app, sign_in, town):
    with app.app_context(), unit_of_work():
        row = store(Upload("scan.png", "image/png", PICTURE), noun=Noun.paper, family_id=2, child_id=town.hugo, state=FileState.kept)
        keep_paper(db.session.get(PaperType, town.vaccination), 2, town.hugo, row.id, received_on=date(2026, 11, 1))
        number = row.id
    page = sign_in("petit").get("/portail/papiers/").text
    assert "the town has it" in page and f"/portail/fichier/{number}" not in page
    assert sign_in("petit").get(f"/portail/fichier/{number}").status_code == 404
    assert f"/portail/fichier/{number}" in sign_in("martin").get("/portail/papiers/").text


@pytest.mark.parametrize(
    "path", ["/mairie/inscriptions/", "/mairie/inscriptions/export.csv", "/mairie/pieces/", "/mairie/pieces/export.csv"]
)
def test_the_staffs_lists_read_in_a_constant_number_of_queries(app, sign_in, town, path):
    with app.app_context(), unit_of_work():
        db.session.add(Paper(paper_type_id=town.insurance, family_id=1, child_id=town.lea))
    client = sign_in("agent")
    client.get(path)
    with app.app_context(), counted_queries() as few:
        assert client.get(path).status_code == 200
    with app.app_context():
        children = [cast.another_child(name, 1) for name in ("Zoé", "Jean", "Lou")]
        for child in children:
            cast.enrol(child, 1, town.evening, {"1": [town.care]})
        with unit_of_work():
            db.session.add_all(Paper(paper_type_id=town.insurance, family_id=1, child_id=child) for child in children)
    with app.app_context(), counted_queries() as many:
        assert "Zo" in client.get(path).text
    assert len(many) <= len(few) and len(many) <= 10, many


def test_animators_read_enrolments_and_no_papers(sign_in, town):
    client = sign_in("animateur")
    assert client.get("/mairie/inscriptions/").status_code == 200
    assert client.get("/mairie/inscriptions/ajouter").status_code == 403
    assert client.get("/mairie/pieces/").status_code == 403

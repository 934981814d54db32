"""Do the sheets on site show and take what each role may see and note, with a constant number of queries?"""

import io
import json
import zipfile

import pytest
from sqlalchemy import func, select

from app.activities.models import Attendance, AttendanceMark, Booking, KitchenSheet, Mark, StaffMeals
from app.audit.models import HealthRead
from app.billing.models import Bill, BillState, Invoice
from app.children.models import Child, School, SchoolClass, SchoolEnrolment, SchoolYear
from app.core.db import unit_of_work
from app.core.files import Upload
from app.documents.models import FileState
from app.documents.operations import store
from app.extensions import db
from app.security.who_sees_what import Noun
from tests.activities import onsite
from tests.billing.bills import issue
from tests.conftest import counted_queries
from tests.contracts.town import PICTURE

SHEET = "/mairie/pointage/feuille"


@pytest.fixture
def ids(app):
    """The canteen on a Tuesday, 11:30; Léa with all that must be known of her."""
    onsite.set_clock()
    with app.test_request_context("/"):
        found = onsite.canteen()
        found["rose"] = onsite.fill_lea(found["lea"])
    return found


def at(ids, path=SHEET, **more):
    """The address of a sheet."""
    return f"{path}?unit={ids['unit']}&day={onsite.TUESDAY.isoformat()}" + "".join(f"&{name}={value}" for name, value in more.items())


def rows(app, model=Attendance):
    with app.app_context():
        return db.session.scalars(select(model)).all()


def test_the_sheet_shows_who_is_expected(sign_in, ids):
    page = sign_in("animateur").get(at(ids)).text
    for words in ("Léa Galbert", "Tom Galbert", "Hugo Martin", "CE1 A", "PAI", "Arachide", "Mamie Rose", "May not leave alone."):
        assert words in page


def test_who_may_not_read_health_sees_no_sign_of_it(sign_in, ids):
    for username in ("lecteur", "regisseur"):
        page = sign_in(username).get(at(ids)).text
        assert "Léa Galbert" in page
        for words in ("PAI", "Arachide", "Stylo", "Mamie Rose"):
            assert words not in page, (username, words)
        assert '<button class="tile-tap"' not in page


def test_reading_allergies_is_noted_once_a_day(app, sign_in, ids):
    client = sign_in("animateur")
    for _ in range(3):
        client.get(at(ids))
    client.get(at(ids, "/mairie/listes/"))
    assert [(row.child_id, row.screen) for row in rows(app, HealthRead)] == [(ids["lea"], "attendance")]
    sign_in("agent").get(at(ids))
    assert len(rows(app, HealthRead)) == 2


def test_a_tap_without_a_script(app, sign_in, ids):
    client = sign_in("animateur")
    assert client.post(at(ids), data={"tap": f"{ids['lea']}:present"}).status_code == 303
    (row,) = rows(app)
    assert (row.state, row.unexpected, row.marked_by) == (Mark.present, False, "Animateur Mairie")
    client.post(at(ids), data={"tap": f"{ids['lea']}:cleared"})
    assert rows(app)[0].state is Mark.cleared


def test_going_home_with_somebody(app, sign_in, ids):
    client = sign_in("animateur")
    path = at(ids, f"/mairie/pointage/enfant/{ids['lea']}")
    assert "Arachide" in client.get(path).text
    client.post(path, data={"mark": "left", "person": ids["rose"]})
    assert (rows(app)[0].state, rows(app)[0].left_with) == (Mark.left, "Mamie Rose")
    answer = client.post(path, data={"mark": "left", "with": " "}, follow_redirects=True)
    assert "Write the name" in answer.text
    assert len(rows(app, AttendanceMark)) == 1
    client.post(path, data={"mark": "keep", "note": "A oublié son sac"})
    (row,) = rows(app)
    assert (row.state, row.note) == (Mark.left, "A oublié son sac")


def test_a_note_does_not_say_that_somebody_came(app, sign_in, ids):
    sign_in("animateur").post(at(ids, f"/mairie/pointage/enfant/{ids['tom']}"), data={"mark": "keep", "note": "Arrive à midi"})
    assert rows(app)[0].state is Mark.cleared
    assert "Arrive à midi" in sign_in("animateur").get(at(ids)).text


def test_the_whole_group_leaves_out_who_is_absent(app, sign_in, ids):
    with app.test_request_context("/"):
        onsite.tell_absence(ids["tom"])
    client = sign_in("animateur")
    client.post(at(ids), data={"tap": f"{ids['hugo']}:absent"})
    client.post(at(ids, "/mairie/pointage/tous"))
    assert {row.child_id: row.state for row in rows(app)} == {ids["hugo"]: Mark.absent, ids["lea"]: Mark.present}
    assert "absence told" in client.get(at(ids)).text


def test_an_absence_that_nobody_has_decided_is_on_the_sheet(app, sign_in, ids):
    with app.test_request_context("/"):
        onsite.send_absence(ids["tom"])
    client = sign_in("animateur")
    for path in (SHEET, f"/mairie/pointage/enfant/{ids['tom']}", "/mairie/listes/"):
        assert "absence sent, not decided" in client.get(at(ids, path)).text
    told = client.get(at(ids, "/mairie/pointage/etat")).json["children"][str(ids["tom"])]
    assert told["sent"] and told["expected"] and told["state"] == "cleared"
    client.post(at(ids, "/mairie/pointage/tous"))
    assert ids["tom"] not in {row.child_id for row in rows(app)}
    client.post(at(ids), data={"tap": f"{ids['tom']}:present"})
    page = client.get(at(ids)).text
    assert "absence sent, not decided</span>" not in page and 'data-count="sent">0' in page


def test_who_is_enrolled_is_on_the_sheet_for_whoever_notes(app, sign_in, ids):
    with app.test_request_context("/"):
        stranger, elsewhere = onsite.crowd(ids, 2, day=onsite.date(2026, 11, 26))
        onsite.enrol(ids, stranger, ids["lea"])
    page = sign_in("animateur").get(at(ids)).text
    assert page.count(f'data-child="{stranger}"') == 1 and f'data-child="{elsewhere}"' not in page
    assert page.count(f'data-child="{ids["lea"]}"') == 1
    # The sign of an allergy, since the child may be noted without network; no telephone, nobody who may fetch it.
    hidden = page[page.index(f'data-child="{stranger}"') :]
    assert "PAI" in hidden[: hidden.index("</li>")] and f'data-panel="{stranger}"' not in page
    assert {row.child_id for row in rows(app, HealthRead)} == {ids["lea"], stranger}
    assert "Enfant0" not in sign_in("lecteur").get(at(ids)).text
    assert "Enfant0" not in sign_in("animateur").get(at(ids, group=ids["group"], school=999)).text


def test_the_town_hall_corrects_a_day_of_long_ago_until_it_is_billed(app, sign_in, ids):
    with app.test_request_context("/"):
        day = onsite.date(2026, 10, 6)
        with unit_of_work():
            db.session.add(Booking(child_id=ids["lea"], unit_id=ids["unit"], group_id=ids["group"], family_id=1, day=day))
    path, tap = f"{SHEET}?unit={ids['unit']}&day={day}", {"tap": f"{ids['lea']}:present"}
    assert "the town hall can still correct it" in sign_in("animateur").get(path).text
    assert "more than 31 days ago" in sign_in("animateur").post(path, data=tap, follow_redirects=True).text
    clerk = sign_in("agent")
    assert "tile-tap" in clerk.get(path).text and clerk.post(path, data=tap).status_code == 303
    assert [row.state for row in rows(app)] == [Mark.present]
    with app.test_request_context("/"):
        invoice = db.session.get(Invoice, issue(1, 2026, 10, [], rank=1))
        with unit_of_work():
            db.session.add(Bill(period_id=invoice.period_id, family_id=1, state=BillState.issued, invoice_id=invoice.id))
    page = clerk.post(path, data={"tap": f"{ids['lea']}:cleared"}, follow_redirects=True).text
    assert "on a bill that was issued" in page and [row.state for row in rows(app)] == [Mark.present]


def test_an_unexpected_arrival_is_found_by_name(app, sign_in, ids):
    with app.test_request_context("/"):
        stranger = onsite.crowd(ids, 1, day=onsite.date(2026, 11, 26))[0]
    client = sign_in("animateur")
    assert "Enfant0" in client.get(at(ids, "/mairie/pointage/imprevu", q="enfant0 nom0")).text
    assert "No child of the town" in client.get(at(ids, "/mairie/pointage/imprevu", q="personne")).text
    client.post(at(ids, f"/mairie/pointage/enfant/{stranger}"), data={"mark": "present"})
    (row,) = rows(app)
    assert row.unexpected
    assert "not expected" in client.get(at(ids)).text


def test_a_reader_notes_nothing(app, sign_in, ids):
    client = sign_in("lecteur")
    assert client.post(at(ids), data={"tap": f"{ids['lea']}:present"}).status_code == 403
    assert client.post("/mairie/pointage/notes", json={"notes": []}).status_code == 403
    assert not rows(app)


def test_tablets_send_notes_and_pull_the_same_state(app, sign_in, ids):
    client = sign_in("animateur")
    note = {"id": "a" * 32, "child": ids["lea"], "unit": ids["unit"], "day": "2026-11-24", "mark": "present", "at": "2026-11-24T10:29:00Z"}
    gone = {**note, "id": "b" * 32, "child": 999_999}
    for _ in range(2):
        answers = client.post("/mairie/pointage/notes", json={"notes": [note, gone]}).json["answers"]
        assert answers["a" * 32] == "" and "not in the town's files" in answers["b" * 32]
    assert len(rows(app, AttendanceMark)) == 1
    state = sign_in("agent").get(at(ids, "/mairie/pointage/etat")).json
    assert state["children"][str(ids["lea"])]["state"] == "present"
    assert state["children"][str(ids["tom"])] == {"at": 0, "expected": True, "sent": False, "state": "cleared", "told": False}
    assert "Arachide" not in json.dumps(state)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"notes": 3}', b'{"notes": [3, null, {}, {"id": 5, "at": "x"}]}', b"\xff"])
def test_nonsense_is_answered(sign_in, ids, body):
    answer = sign_in("animateur").post("/mairie/pointage/notes", data=body, content_type="application/json")
    assert answer.status_code in (200, 400)


@pytest.mark.parametrize(
    "path", [SHEET, "/mairie/pointage/enfant/1", "/mairie/pointage/imprevu", "/mairie/listes/", "/mairie/pointage/etat"]
)
def test_addresses_that_name_no_sheet(sign_in, ids, path):
    client = sign_in("animateur")
    for query in ("", "?unit=x", "?unit=999", "?unit=99999999999", "?unit=1&day=2026-13-45", "?unit=1&group=x&school=9"):
        assert client.get(path + query).status_code in (200, 302, 404), query


@pytest.mark.parametrize(
    "path",
    [
        SHEET,
        "/mairie/pointage/etat",
        "/mairie/listes/",
        "/mairie/listes/liste.xlsx",
        "/mairie/cuisine/",
        "/mairie/previsions/",
        "/mairie/pointage/",
    ],
)
def test_as_many_queries_for_many_as_for_three(app, sign_in, ids, path):
    client, found = sign_in("animateur"), []
    for many in (0, 40):
        if many:
            with app.test_request_context("/"):
                onsite.crowd(ids, many)
                onsite.enrol(ids, *onsite.crowd(ids, many, day=onsite.date(2026, 11, 26), first=100))
        client.get(at(ids, path))
        with app.app_context(), counted_queries() as statements:
            assert client.get(at(ids, path)).status_code == 200
        found.append(len(statements))
    assert found[0] == found[1], statements
    assert found[1] <= 14, "\n".join(statements)


@pytest.fixture
def schools(app, ids):
    """Tom goes to the other school, in a class of the same name as one of Léa's school; {name: id} of the classes' schools."""
    with app.test_request_context("/"), unit_of_work():
        year, (lea, tom) = (
            db.session.scalar(select(SchoolYear)),
            [db.session.scalar(select(SchoolEnrolment).filter_by(child_id=ids[name])) for name in ("lea", "tom")],
        )
        tom.school = db.session.scalar(select(School).where(School.name == "Maria-Montessori"))
        for place in (lea, tom):
            place.school_class = SchoolClass(name="Classe unique", school=place.school, school_year=year)
        db.session.flush()
        return {place.school.name: (place.school_id, place.school_class.id) for place in (lea, tom)}


@pytest.mark.parametrize("path", ["/mairie/pointage/", "/mairie/listes/"])
def test_the_sheet_of_one_school_is_one_click_away(sign_in, ids, schools, path):
    page = sign_in("animateur").get(f"{path}?day={onsite.TUESDAY}").text
    for name, (school_id, _class) in schools.items():
        assert f"school={school_id}&amp;unit={ids['unit']}&amp;day={onsite.TUESDAY}" in page and f">{name}</a>" in page
    assert "All schools together" not in page


def test_one_school_alone_is_not_chosen(sign_in, ids):
    assert "school=" not in sign_in("animateur").get(at(ids, "/mairie/pointage/")).text


def test_the_list_of_an_outing_keeps_the_school_and_says_it(sign_in, ids, schools):
    client, (school_id, class_id) = sign_in("animateur"), schools["Maria-Montessori"]
    page = client.get(at(ids, "/mairie/listes/")).text
    assert "Classe unique, Maria-Montessori" in page and "Classe unique, Jacques-Prévert" in page
    page = client.get(at(ids, "/mairie/listes/", school=school_id, **{"class": class_id})).text
    assert "· Maria-Montessori · Classe unique · 1 child" in page and "Galbert Tom" in page and "Galbert Léa" not in page
    assert f'<option value="{school_id}" selected>' in page
    # Of another school: the class is forgotten, and the list is not empty.
    page = client.get(at(ids, "/mairie/listes/", school=schools["Jacques-Prévert"][0], **{"class": class_id})).text
    assert "Galbert Léa" in page and "Galbert Tom" not in page


def test_the_workbook_carries_telephones_and_no_health(app, sign_in, ids):
    answer = sign_in("animateur").get(at(ids, "/mairie/listes/liste.xlsx"))
    book = zipfile.ZipFile(io.BytesIO(answer.data))
    text = book.read("xl/sharedStrings.xml").decode()
    for words in ("Galbert", "06 11 22 33 44", "Mamie Rose 06 00 00 00 01", "Jacques-Prévert"):
        assert words in text
    for words in ("Arachide", "PAI"):
        assert words not in text
    assert (
        "Mamie"
        not in zipfile.ZipFile(io.BytesIO(sign_in("lecteur").get(at(ids, "/mairie/listes/liste.xlsx")).data))
        .read("xl/sharedStrings.xml")
        .decode()
    )


def test_photographs_come_small_and_to_those_who_may_see_them(app, sign_in, ids):
    with app.test_request_context("/"), unit_of_work():
        photo = store(Upload("lea.png", "image/png", PICTURE), noun=Noun.photo, family_id=1, child_id=ids["lea"], state=FileState.kept)
        db.session.get(Child, ids["lea"]).photo_id = photo.id
        path = f"/mairie/fichier/{photo.id}?small=1"
    assert path in sign_in("animateur").get(at(ids)).text
    assert sign_in("animateur").get(path).mimetype == "image/png"
    assert path not in sign_in("regisseur").get(at(ids)).text
    assert sign_in("regisseur").get(path).status_code == 403


# -- kitchen and forecast -----------------------------------------------------------------------------------------------------------

KITCHEN = "/mairie/cuisine/?day=2026-11-24"


def test_the_kitchen_freezes_versions(app, sign_in, ids):
    client = sign_in("animateur")
    page = client.get(KITCHEN).text
    assert "Jacques-Prévert" in page and "L. G." in page and "Freeze version 1" in page
    assert "Frozen: version 1" in client.post("/mairie/cuisine/figer?day=2026-11-24", follow_redirects=True).text
    assert "Nothing has changed since version 1" in client.post("/mairie/cuisine/figer?day=2026-11-24", follow_redirects=True).text
    with app.test_request_context("/"):
        onsite.tell_absence(ids["tom"])
    assert "−1" in client.get(KITCHEN).text
    client.post("/mairie/cuisine/figer?day=2026-11-24")
    assert [sheet.version for sheet in rows(app, KitchenSheet)] == [1, 2]
    assert "since version 1" in client.get(KITCHEN + "&version=2").text.lower()


def test_who_may_not_read_allergies_sees_the_number_alone(app, sign_in, ids):
    page = sign_in("lecteur").get(KITCHEN).text
    assert "PAI, own lunch" in page and "PAI, eats here" in page and "L. G." not in page
    assert not rows(app, HealthRead)
    assert sign_in("lecteur").post("/mairie/cuisine/figer?day=2026-11-24").status_code == 403


def test_the_kitchen_reads_what_waits_for_a_decision(app, sign_in, ids):
    assert "Not decided yet" not in sign_in("agent").get(KITCHEN).text
    with app.test_request_context("/"):
        onsite.send_absence(ids["tom"])
    for username, linked in (("agent", True), ("animateur", False)):
        page = sign_in(username).get(KITCHEN).text
        assert "1 absence sent" in page and ("tab=absences" in page) is linked


def test_the_kitchen_sheet_on_paper(sign_in, ids):
    answer = sign_in("animateur").get("/mairie/cuisine/cuisine.pdf?day=2026-11-24")
    assert answer.mimetype == "application/pdf" and answer.data.startswith(b"%PDF")


def test_adults_of_a_day_and_of_every_day(app, sign_in, ids):
    client = sign_in("agent")
    client.post("/mairie/cuisine/adultes?day=2026-11-24", data={"adults-1": "3", "every_day": "1"})
    client.post("/mairie/cuisine/adultes?day=2026-11-24", data={"adults-1": "5"})
    assert "A number from 0" in client.post("/mairie/cuisine/adultes?day=2026-11-24", data={"adults-1": "-2"}, follow_redirects=True).text
    assert sorted((row.meals, row.day) for row in rows(app, StaffMeals)) == [(3, None), (5, onsite.TUESDAY)]


def test_the_forecast_counts_against_the_places(app, sign_in, ids):
    page = sign_in("animateur").get("/mairie/previsions/").text
    assert "Salle 1" in page and "<svg" in page and ">37<" in page.replace(" ", "").replace("\n", "")


def test_health_of_nobody_reaches_the_audit(app, sign_in, ids):
    sign_in("animateur").get(at(ids))
    with app.app_context(), unit_of_work():
        assert db.session.scalar(select(func.count()).select_from(HealthRead)) == 1

"""Does the child's sheet say what its reader may know, and nothing else?"""

import io
import subprocess
from datetime import date

import pytest
from PIL import Image
from pypdf import PdfReader

from app.audit.models import HealthRead
from app.children.models import Child, ComplementaryData, Diet, HealthRecord, PickUpPerson, Subject
from app.children.operations import name_pickup_person, set_authorisation
from app.children.sheet import Version, sheet_of, sheet_pdf
from app.core.db import unit_of_work
from app.core.files import Upload
from app.core.i18n import in_locale
from app.documents.models import FileState
from app.documents.operations import store
from app.extensions import db
from app.families.models import Adult
from app.security.who_sees_what import Noun, Viewer, permissions
from tests.conftest import counted_queries

pytestmark = pytest.mark.once

LEA, TOM, HUGO = 1, 2, 3
GALBERT, MARTIN, PETIT = 1, 2, 3


def text_of(pdf):
    """The words of a PDF, without the line breaks that depend on the width of a column."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def pages(pdf):
    return len(PdfReader(io.BytesIO(pdf)).pages)


@pytest.fixture
def filled(app):
    """Léa with everything; Hugo's two households told apart by everything that is theirs."""
    picture = io.BytesIO()
    Image.new("RGB", (600, 800), "#8899aa").save(picture, "JPEG")
    with app.app_context(), unit_of_work():
        child = db.session.get(Child, LEA)
        child.photo_id = store(
            Upload("lea.jpg", "image/jpeg", picture.getvalue()), noun=Noun.photo, family_id=GALBERT, child_id=LEA, state=FileState.kept
        ).id
        db.session.add(
            ComplementaryData(child_id=LEA, diet=Diet.no_pork, insurer="MAIF", insured_until=date(2027, 8, 31), habits="Dort avec Doudou.")
        )
        db.session.add(
            HealthRecord(
                child_id=LEA,
                vaccines={"tetanus": "2025-02-03", "polio": "2025-02-03"},
                food_allergies="Arachide",
                what_to_do="Stylo dans le sac rouge, puis le 15.",
                pai=True,
                pai_until=date(2027, 7, 1),
                treatment="Ventoline le soir",
                doctor="Dr Lefort",
                doctor_phone="01 60 00 00 00",
            )
        )
        name_pickup_person(
            LEA, GALBERT, {"first_name": "Odette", "last_name": "Galbert", "relation": "grand-mère", "phone": "06 55 44 33 22"}
        )
        for subject in Subject:
            set_authorisation(child, subject, subject is not Subject.leaving_alone, family_id=GALBERT)
        for family_id, word in ((MARTIN, "MartinVille"), (PETIT, "PetitVille")):
            adult = db.session.scalar(db.select(Adult).filter_by(family_id=family_id))
            adult.address, adult.city, adult.mobile, adult.email = (
                f"1 rue {word}",
                word,
                f"06 00 00 00 0{family_id}",
                f"{word}@famille.example",
            )
            name_pickup_person(HUGO, family_id, {"first_name": "Voisine", "last_name": word, "phone": "06 12 12 12 12"})


def fetch(client, child_id, version="simple", face="portail"):
    return client.get(f"/{face}/enfants/{child_id}/fiche.pdf?version={version}")


def test_the_simple_sheet_is_one_page_with_what_matters(sign_in, filled):
    answer = fetch(sign_in("galbert"), LEA)
    assert answer.status_code == 200 and answer.mimetype == "application/pdf" and answer.headers["Cache-Control"] == "no-store"
    assert pages(answer.data) == 1
    text = text_of(answer.data)
    for word in (
        "Léa Galbert",
        "Jacques-Prévert",
        "CE1 A",
        "Christelle Galbert",
        "06 11 22 33 44",
        "Marc Galbert",
        "Odette Galbert",
        "grand-mère",
        "06 55 44 33 22",
        "Arachide",
        "Stylo dans le sac rouge",
        "without pork",
        "YES",
        "NO",
    ):
        assert word in text
    for word in ("Ventoline", "Dr Lefort", "MAIF", "rue des Lilas"):
        assert word not in text


def test_the_full_sheet_says_all_and_can_be_signed(sign_in, filled):
    text = text_of(fetch(sign_in("galbert"), LEA, "full").data)
    for word in (
        "Ventoline le soir",
        "Dr Lefort",
        "MAIF",
        "Dort avec Doudou",
        "rue des Lilas",
        "03/02/2025",
        "required: MISSING",
        "not required",
        "R3111-17",
        "signature",
    ):
        assert word in text


def test_parents_who_refuse_hospital_care_sign_no_other_word(app, sign_in, filled):
    care = "may be given the care"
    assert care in text_of(fetch(sign_in("galbert"), LEA, "full").data)
    with app.app_context(), unit_of_work():
        set_authorisation(db.session.get(Child, LEA), Subject.hospital, False, family_id=GALBERT)
    assert care not in text_of(fetch(sign_in("galbert"), LEA, "full").data)


def test_fonts_are_embedded(tmp_path, sign_in, filled):
    pdf = fetch(sign_in("galbert"), LEA, "full").data
    (tmp_path / "sheet.pdf").write_bytes(pdf)
    lines = subprocess.run(["pdffonts", tmp_path / "sheet.pdf"], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert lines and all("Atkinson" in line.split()[0] and line.split()[-5] == "yes" for line in lines)


def test_a_photograph_is_on_it(sign_in, filled):
    assert len(PdfReader(io.BytesIO(fetch(sign_in("galbert"), LEA).data)).pages[0].images) == 1
    assert len(PdfReader(io.BytesIO(fetch(sign_in("galbert"), TOM).data)).pages[0].images) == 0


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize(
    ("username", "own", "other", "weeks", "their_weeks"),
    [
        ("martin", "MartinVille", "PetitVille", "even weeks", "odd weeks"),
        ("petit", "PetitVille", "MartinVille", "odd weeks", "even weeks"),
    ],
)
def test_a_household_reads_itself_alone(app, sign_in, filled, version, username, own, other, weeks, their_weeks):
    text = text_of(fetch(sign_in(username), HUGO, version).data)
    assert own in text and other not in text
    mobile = {"MartinVille": "06 00 00 00 02", "PetitVille": "06 00 00 00 03"}
    assert mobile[own] in text and mobile[other] not in text
    assert ("Sophie" in text, "Paul" in text) == ((True, False) if username == "martin" else (False, True))
    if version is Version.full:
        assert weeks in text and f"in the other household: {their_weeks}" in text


def test_the_towns_sheet_names_both_households_and_no_address(sign_in, filled):
    text = text_of(fetch(sign_in("agent"), HUGO, "full", "mairie").data)
    assert "Sophie" in text and "Paul" in text and "Do not hand it to a parent" in text
    assert "rue MartinVille" not in text and "rue PetitVille" not in text and "@" not in text


def test_another_familys_child_is_404(sign_in, filled):
    assert fetch(sign_in("martin"), LEA).status_code == 404
    assert fetch(sign_in("galbert"), 999).status_code == fetch(sign_in("galbert"), 10**12).status_code == 404
    assert fetch(sign_in("galbert"), LEA, "everything").status_code == 404
    assert fetch(sign_in("agent"), 999, face="mairie").status_code == 404


def test_who_may_not_look(sign_in, filled):
    assert fetch(sign_in("galbert"), LEA, face="mairie").status_code == 403
    assert fetch(sign_in("agent"), LEA).status_code == 403
    for face in ("portail", "mairie"):
        assert "/login/" in fetch(sign_in(), LEA, face=face).headers["Location"]


PARTS = {
    Noun.allergies: "Arachide",
    Noun.health: "Ventoline",
    Noun.complementary: "MAIF",
    Noun.pickup: "Odette",
    Noun.contacts: "06 11 22 33 44",
    Noun.school: "Jacques-Prévert",
    Noun.authorisations: "Leaving alone",
}


@pytest.mark.parametrize(
    ("username", "role"),
    [
        ("admin", Viewer.administrator),
        ("agent", Viewer.clerk),
        ("regisseur", Viewer.regisseur),
        ("animateur", Viewer.animator),
        ("lecteur", Viewer.reader),
    ],
)
def test_each_role_reads_what_the_table_says(sign_in, filled, username, role):
    text = text_of(fetch(sign_in(username), LEA, "full", "mairie").data)
    for noun, word in PARTS.items():
        assert (word in text) is ("read" in permissions(noun, role)), noun
    assert ("No photograph" in text) is False


def test_an_animator_reads_allergies_and_no_health_record(sign_in, filled):
    text = text_of(fetch(sign_in("animateur"), LEA, "full", "mairie").data)
    assert "Arachide" in text and "Stylo dans le sac rouge" in text
    assert "Ventoline" not in text and "Vaccines" not in text and "Lefort" not in text


def test_the_towns_readings_are_noted_and_a_familys_are_not(app, sign_in, filled):
    fetch(sign_in("galbert"), LEA, "full")
    fetch(sign_in("regisseur"), LEA, "full", "mairie")
    with app.app_context():
        assert db.session.scalars(db.select(HealthRead)).all() == []
    fetch(sign_in("agent"), LEA, "full", "mairie")
    with app.app_context():
        (read,) = db.session.scalars(db.select(HealthRead)).all()
        assert (read.child_id, read.actor, read.screen) == (LEA, "Agent Mairie", "sheet.full")


def test_who_is_withdrawn_or_gone_is_not_on_it(app, sign_in, filled):
    with app.app_context(), unit_of_work():
        db.session.scalar(db.select(PickUpPerson).filter_by(first_name="Odette")).ended_on = date(2026, 1, 1)
    assert "Odette" not in text_of(fetch(sign_in("galbert"), LEA).data)


@pytest.mark.parametrize("version", list(Version))
def test_an_empty_child_prints_nicely(app, sign_in, version):
    with app.app_context(), unit_of_work():
        for row in db.session.scalars(db.select(Child).where(Child.id == TOM)):
            for enrolment in row.school_enrolments:
                db.session.delete(enrolment)
    answer = fetch(sign_in("galbert"), TOM, version)
    text = text_of(answer.data)
    assert answer.status_code == 200 and "None" not in text
    for words in ("Not enrolled in a school yet", "have not been filled in yet", "no answer yet", "Nobody but the adults above"):
        assert words in text


def test_long_names_and_signs_that_the_font_lacks(app, sign_in, filled):
    with app.app_context(), unit_of_work():
        child = db.session.get(Child, LEA)
        child.first_name, child.last_name = "Marie-Élisabeth-Anne-" * 3 + "Zoé", "X" * 80
        child.complementary.habits = "Aime les licornes 🦄🏽‍♀️ et <b>le chat</b> & Nguyễn محمد → oui ✓"
        child.health.what_to_do = "Ligne " * 150
    simple, full = (fetch(sign_in("galbert"), LEA, version).data for version in Version)
    assert pages(simple) <= 2
    text = text_of(full)
    assert "Aime les licornes [?] et <b>le chat</b> & Nguyên [?] > oui x" in text
    assert "stands for signs that cannot be printed" in text and "stands for signs" not in text_of(simple)


def test_it_speaks_the_language_of_the_moment(app, filled):
    with app.test_request_context("/"), in_locale("fr"):
        pdf = sheet_pdf(sheet_of(LEA, "simple", family_id=GALBERT, nouns=frozenset(Noun)))
    assert "4 mars 2019" in text_of(pdf)


def test_no_pdf_inside_a_unit_of_work(app, filled):
    with app.test_request_context("/"):
        sheet = sheet_of(LEA, "simple", family_id=GALBERT, nouns=frozenset(Noun))
        with unit_of_work(), pytest.raises(RuntimeError, match="unit of work"):
            sheet_pdf(sheet)


@pytest.mark.parametrize("version", list(Version))
def test_eight_queries_at_most(app, sign_in, filled, version):
    client = sign_in("galbert")
    fetch(client, LEA, version)
    with app.app_context():
        counting = counted_queries()
        statements = counting.__enter__()
    fetch(client, LEA, version)
    with app.app_context():
        counting.__exit__(None, None, None)
    assert len(statements) <= 8, "\n".join(statements)

"""Do the staff's screens show each role what the table says, write with a log, and refuse what the rules refuse?"""

import io
import re
import zipfile
from datetime import date

import pytest
from PIL import Image
from sqlalchemy import inspect, select

from app.audit.models import HealthRead, LogEntry
from app.children.models import Child, HealthRecord, Household, School, SchoolClass, SchoolYear, Weeks
from app.core.db import unit_of_work
from app.core.encryption import Encrypted
from app.extensions import db
from app.families.models import Adult, AdultRole, BankDetails, Family, IncomeQuotient
from app.security.who_sees_what import STAFF_ROLES, permissions
from tests.conftest import base_of, counted_queries

NAMES = {"administrator": "admin", "clerk": "agent", "regisseur": "regisseur", "animator": "animateur", "reader": "lecteur"}
SECRET = "SECRET-VALUE"


def ids():
    """{name: id} of the rows that tests need, inside a request of our own."""
    return {
        "galbert": db.session.scalar(select(Family.id).where(Family.name == "Galbert")),
        "martin": db.session.scalar(select(Family.id).where(Family.name == "Martin")),
        "lea": db.session.scalar(select(Child.id).where(Child.first_name == "Léa")),
        "hugo": db.session.scalar(select(Child.id).where(Child.first_name == "Hugo")),
        "school": db.session.scalar(select(School.id).where(School.name == "Jacques-Prévert")),
        "other_school": db.session.scalar(select(School.id).where(School.name == "Maria-Montessori")),
        "year": db.session.scalar(select(SchoolYear.id)),
    }


@pytest.fixture
def rows(app):
    with app.test_request_context("/"):
        found = ids()
        with unit_of_work():
            child = db.session.get(Child, found["lea"])
            child.health = HealthRecord(food_allergies=f"{SECRET} arachides", what_to_do=f"{SECRET} stylo")
            family = db.session.get(Family, found["galbert"])
            family.bank = BankDetails(holder=SECRET, iban="FR7630006000011234567890189")
            family.quotients.append(IncomeQuotient(value=31417, counts_from=date(2020, 9, 1), source="hand"))
            db.session.flush()
            found["health"] = child.health.id
        db.session.remove()
    return found


@pytest.fixture
def look(app):
    """Read the database after a request, apart from it."""

    def read(query):
        with app.test_request_context("/"):
            return db.session.execute(query).unique().all()

    return read


def staff_views(app):
    """The generated screens of the staff."""
    from app.staff.views import StaffView

    return [view for view in app.appbuilder.baseviews if isinstance(view, StaffView)]


@pytest.mark.once
@pytest.mark.parametrize("role", STAFF_ROLES, ids=str)
def test_each_role_opens_the_lists_that_the_table_lets_it_read(app, sign_in, role):
    client = sign_in(NAMES[role.value])
    for view in staff_views(app):
        wanted = 200 if "read" in permissions(view.noun, role) else 403
        assert client.get(f"{view.route_base}/").status_code == wanted, view
        if "export" in view.include_route_methods:
            assert client.get(f"{view.route_base}/export.csv").status_code == wanted, view
        if "add" in view.include_route_methods:
            assert client.get(f"{view.route_base}/ajouter").status_code == (200 if "edit" in permissions(view.noun, role) else 403), view


@pytest.mark.once
def test_families_and_strangers_stay_outside(app, sign_in):
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/mairie/") and not rule.arguments:
            method = "get" if "GET" in rule.methods else "post"
            assert getattr(sign_in("galbert"), method)(rule.rule).status_code == 403, rule
            answer = getattr(sign_in(), method)(rule.rule)
            assert answer.status_code == 302 and "/login/" in answer.location, rule


def test_the_page_of_a_family_shows_each_role_what_it_may_see(sign_in, rows):
    path = f"/mairie/familles/{rows['galbert']}/"
    clerk, regisseur, reader = (sign_in(name).get(path).text for name in ("agent", "regisseur", "lecteur"))
    assert "31,417" in clerk and "0189" in clerk and "Allergy" in clerk and "FR7630006000011234567890189" not in clerk
    assert "31,417" in regisseur and "Allergy" not in regisseur
    assert "31,417" not in reader and "0189" not in reader and "Allergy" not in reader and "Christelle" in reader
    assert sign_in("animateur").get(path).status_code == 403


def test_an_animator_sees_what_to_do_and_no_money(sign_in, rows, look):
    page = sign_in("animateur").get(f"/mairie/enfants/{rows['lea']}/").text
    assert f"{SECRET} stylo" in page and "rue des Lilas" not in page and "31417" not in page and "F00001" not in page
    assert [read.screen for (read,) in look(select(HealthRead))] == ["child"]


def test_opening_a_health_record_is_noted(sign_in, rows, look):
    client = sign_in("agent")
    assert SECRET in client.get(f"/mairie/sante/{rows['health']}/").text
    client.get(f"/mairie/dossier/health/{rows['lea']}/")
    assert [(read.child_id, read.actor) for (read,) in look(select(HealthRead))] == [(rows["lea"], "Agent Mairie")] * 2
    assert SECRET not in client.get("/mairie/sante/").text


@pytest.mark.once
def test_no_secret_in_any_list_or_export(app, sign_in, rows):
    client = sign_in("admin")
    for view in staff_views(app):
        addresses = [f"{view.route_base}/"] + [
            f"{view.route_base}/export.{kind}" for kind in ("csv", "xlsx") if "export" in view.include_route_methods
        ]
        for address in addresses:
            content = client.get(address).data
            if address.endswith("xlsx"):
                book = zipfile.ZipFile(io.BytesIO(content))
                content = b"".join(book.read(name) for name in book.namelist())
            for secret in (SECRET.encode(), b"31417", b"7630006"):
                assert secret not in content, address


def test_a_secret_column_cannot_be_listed():
    from app.staff.parts import refuse_secrets

    with pytest.raises(TypeError):
        refuse_secrets(BankDetails, ["iban"])
    assert any(isinstance(column.type, Encrypted) for column in inspect(BankDetails).columns)


# -- writing ------------------------------------------------------------------------------------------------------------------------


def test_a_new_school_is_written_and_logged(sign_in, look):
    client = sign_in("agent")
    base = base_of(client.get("/mairie/ecoles/ajouter").text)
    assert client.post("/mairie/ecoles/ajouter", data={"base": base, "name": "Paul-Éluard", "open": "y"}).status_code == 302
    assert look(select(School).filter_by(name="Paul-Éluard"))
    ((entry,),) = look(select(LogEntry).filter_by(verb="school.add"))
    assert entry.actor == "Agent Mairie" and entry.changes["name"] == {"before": None, "after": "Paul-Éluard"}


@pytest.mark.parametrize(
    ("path", "data", "sentence"),
    [
        ("/mairie/ecoles/ajouter", {"name": "Jacques-Prévert"}, "Another school has this name."),
        (
            "/mairie/annees-scolaires/ajouter",
            {"name": "2026-2027", "starts_on": "2026-09-01", "ends_on": "2027-08-31"},
            "There is a school year of this name already.",
        ),
        (
            "/mairie/annees-scolaires/ajouter",
            {"name": "2030-2031", "starts_on": "2030-09-01", "ends_on": "2030-08-31"},
            "The last day of a school year lies after its first.",
        ),
        (
            "/mairie/classes/ajouter",
            {"name": "CE1 A", "school_id": "{school}", "school_year_id": "{year}"},
            "This school has a class of this name in this year already.",
        ),
        (
            "/mairie/inscriptions-scolaires/ajouter",
            {"child": "Léa", "school_id": "{school}", "school_year_id": "{year}", "level": "ce1"},
            "This child has a school for this year already",
        ),
    ],
)
def test_a_broken_rule_of_the_database_is_a_sentence_and_keeps_what_was_typed(sign_in, rows, path, data, sentence):
    client = sign_in("agent")
    data = {name: value.format(**rows) for name, value in data.items()}
    answer = client.post(path, data={**data, "base": base_of(client.get(path).text)})
    assert answer.status_code == 422 and sentence in answer.text
    kept = "Léa" if "child" in data else data["name"]
    assert f'value="{kept}"' in answer.text


def test_an_invalid_form_changes_nothing_even_at_the_next_commit(app, sign_in, rows, look):
    client = sign_in("agent")
    path = f"/mairie/ecoles/{rows['school']}/modifier"
    answer = client.post(path, data={"base": base_of(client.get(path).text), "name": "Renamed", "uai": "nonsense"})
    assert answer.status_code == 422 and "Renamed" in answer.text
    assert look(select(School.name).filter_by(id=rows["school"])) == [("Jacques-Prévert",)]
    assert not look(select(LogEntry).filter_by(verb="school.edit"))


def test_a_stale_form_is_refused_and_keeps_what_was_typed(sign_in, rows, look):
    first, second = sign_in("agent"), sign_in("agent2")
    path = f"/mairie/ecoles/{rows['school']}/modifier"
    stale = base_of(first.get(path).text)
    second.post(path, data={"base": base_of(second.get(path).text), "name": "Prévert", "open": "y"})
    answer = first.post(path, data={"base": stale, "name": "J. Prévert", "open": "y"})
    assert answer.status_code == 422 and "Somebody changed this record" in answer.text and 'value="J. Prévert"' in answer.text
    assert look(select(School.name).filter_by(id=rows["school"])) == [("Prévert",)]
    assert first.post(path, data={"base": base_of(answer.text), "name": "J. Prévert", "open": "y"}).status_code == 302
    assert look(select(School.name).filter_by(id=rows["school"])) == [("J. Prévert",)]


def test_a_form_of_another_record_is_refused(sign_in, rows, look):
    client = sign_in("agent")
    base = base_of(client.get(f"/mairie/ecoles/{rows['other_school']}/modifier").text)
    answer = client.post(f"/mairie/ecoles/{rows['school']}/modifier", data={"base": base, "name": "Stolen"})
    assert answer.status_code == 422 and "opened for something else" in answer.text
    assert look(select(School.name).filter_by(id=rows["school"])) == [("Jacques-Prévert",)]


def test_the_same_form_twice_changes_nothing_more(sign_in, rows, look):
    client = sign_in("agent")
    path = f"/mairie/ecoles/{rows['school']}/modifier"
    answer = client.post(path, data={"base": base_of(client.get(path).text), "name": "Jacques-Prévert", "open": "y"}, follow_redirects=True)
    assert "Nothing was changed." in answer.text and not look(select(LogEntry).filter_by(verb="school.edit"))


def test_a_school_with_classes_stays(sign_in, rows, look):
    client = sign_in("agent")
    assert "Delete" in client.get(f"/mairie/ecoles/{rows['other_school']}/supprimer").text
    answer = client.post(f"/mairie/ecoles/{rows['school']}/supprimer", follow_redirects=True)
    assert "cannot be deleted" in answer.text and "1 class" in answer.text
    client.post(f"/mairie/ecoles/{rows['other_school']}/supprimer")
    assert look(select(School.name)) == [("Jacques-Prévert",)]
    assert look(select(LogEntry.label).filter_by(verb="school.delete")) == [("Maria-Montessori",)]


def test_a_section_is_changed_with_the_familys_own_checks(sign_in, rows, look):
    client = sign_in("agent")
    path = f"/mairie/dossier/bank/{rows['galbert']}/"
    page = client.get(path).text
    wrong = client.post(path, data={"base": base_of(page), "holder": "Galbert", "iban": "FR76 0000"})
    assert wrong.status_code == 422 and "This IBAN is not right" in wrong.text and "FR76 0000" in wrong.text
    assert (
        client.post(
            path, data={"base": base_of(wrong.text), "holder": "Galbert", "iban": "FR7630006000011234567890189", "direct_debit": "y"}
        ).status_code
        == 302
    )
    ((bank,),) = look(select(BankDetails))
    assert bank.direct_debit and bank.holder == "Galbert"
    ((entry,),) = look(select(LogEntry).filter_by(verb="bank.edit"))
    assert entry.changes and all(pair == {} for pair in entry.changes.values()) and entry.family_id == rows["galbert"]


def test_authorisations_are_set_by_version(sign_in, rows, look):
    from app.children.models import Authorisation

    client = sign_in("agent")
    path = f"/mairie/dossier/authorisations/{rows['lea']}/"
    for answer in ("yes", "no"):
        client.post(path, data={"base": base_of(client.get(path).text), "image": answer})
    found = [row for (row,) in look(select(Authorisation).order_by(Authorisation.id))]
    assert [(row.granted, row.ended_on is None, row.family_id) for row in found] == [(True, False, None), (False, True, None)]


def test_a_reader_and_a_regisseur_change_no_section(sign_in, rows):
    for name in ("lecteur", "animateur"):
        assert sign_in(name).get(f"/mairie/dossier/guardian/{rows['galbert']}/").status_code == 403
    assert sign_in("regisseur").get(f"/mairie/dossier/bank/{rows['galbert']}/").status_code == 200
    assert sign_in("regisseur").get(f"/mairie/dossier/tax/{rows['galbert']}/").status_code == 403
    assert sign_in("agent").get(f"/mairie/dossier/nothing/{rows['galbert']}/").status_code == 404
    assert sign_in("agent").get("/mairie/dossier/guardian/2147483647/").status_code == 404


def test_a_new_family_has_its_guardian(sign_in, look):
    client = sign_in("agent")
    data = {
        "base": base_of(client.get("/mairie/familles/ajouter").text),
        "name": "Nouvel",
        "first_name": "Zoé",
        "last_name": "Nouvel",
        "resident": "y",
        "mobile": "0612345678",
    }
    answer = client.post("/mairie/familles/ajouter", data=data)
    ((family,),) = look(select(Family).filter_by(name="Nouvel"))
    assert answer.location == f"/mairie/familles/{family.id}/" and family.code.startswith("F0")
    ((adult,),) = look(select(Adult).filter_by(family_id=family.id))
    assert (adult.role, adult.mobile) == (AdultRole.guardian, "06 12 34 56 78")


def test_a_twin_needs_a_word(sign_in, rows, look):
    client = sign_in("agent")
    path = f"/mairie/enfants/ajouter?family={rows['galbert']}"
    page = client.get(path).text
    assert "Galbert (F00001)" in page
    data = {"base": base_of(page), "first_name": "Lea", "last_name": "Galbert", "birth_date": "2019-03-04", "family": "Galbert (F00001)"}
    refused = client.post(path, data=data)
    assert refused.status_code == 422 and "already knows" in refused.text
    assert client.post(path, data={**data, "anyway": "y"}).status_code == 302
    assert len(look(select(Child).where(Child.birth_date == date(2019, 3, 4)))) == 2


def test_a_child_is_shared_and_a_household_ends(sign_in, rows, look):
    client = sign_in("agent")
    path = f"/mairie/foyers/ajouter?child={rows['lea']}"
    base = base_of(client.get(path).text)
    unclear = client.post(path, data={"base": base, "child": "Léa Galbert", "family": "nobody", "weeks": "even"})
    assert unclear.status_code == 422 and "Nobody of this name" in unclear.text
    assert client.post(path, data={"base": base, "child": "Léa Galbert", "family": "F00002", "weeks": "even"}).status_code == 302
    again = client.post(path, data={"base": base, "child": "Léa Galbert", "family": "F00002", "weeks": "even"})
    assert again.status_code == 422 and "already lives" in again.text
    homes = [row for (row,) in look(select(Household).filter_by(child_id=rows["lea"]).order_by(Household.id))]
    assert homes[1].weeks is Weeks.even
    assert "loses sight" in client.get(f"/mairie/foyers/{homes[0].id}/terminer").text
    client.post(f"/mairie/foyers/{homes[0].id}/terminer")
    only = client.post(f"/mairie/foyers/{homes[1].id}/terminer", headers={"Referer": "http://localhost/mairie/"}, follow_redirects=True)
    assert "only household" in only.text
    assert [row.ended_on is None for (row,) in look(select(Household).filter_by(child_id=rows["lea"]).order_by(Household.id))] == [
        False,
        True,
    ]


def test_families_and_children_go_to_the_archive_and_come_back(sign_in, rows, look):
    client = sign_in("agent")
    for path, model, pk in (("familles", Family, rows["martin"]), ("enfants", Child, rows["hugo"])):
        client.post(f"/mairie/{path}/{pk}/archiver")
        assert look(select(model.archived_at).filter_by(id=pk)) != [(None,)]
        assert f"/mairie/{path}/{pk}/" not in client.get(f"/mairie/{path}/").text
        assert f"/mairie/{path}/{pk}/" in client.get(f"/mairie/{path}/?archive=yes").text
        client.post(f"/mairie/{path}/{pk}/restaurer")
        assert look(select(model.archived_at).filter_by(id=pk)) == [(None,)]
    assert {verb for (verb,) in look(select(LogEntry.verb))} >= {"family.archived", "family.restored", "child.archived", "child.restored"}
    assert sign_in("lecteur").post(f"/mairie/familles/{rows['martin']}/archiver").status_code == 403


def test_a_family_with_open_requests_is_not_archived(app, sign_in, rows, look):
    family, form = sign_in("galbert"), {"last_name": "Galbert", "first_name": "Christelle", "city": "Elsewhere"}
    path = f"/portail/demande/guardian/edit/{rows['galbert']}"
    assert family.post(path, data={**form, "base": base_of(family.get(path).text)}).status_code == 302
    answer = sign_in("agent").post(f"/mairie/familles/{rows['galbert']}/archiver")
    assert answer.status_code in (302, 422) and look(select(Family.archived_at).filter_by(id=rows["galbert"])) == [(None,)]


def test_the_guardian_stays_and_a_spouse_goes_without_access(sign_in, rows, look):
    client = sign_in("agent")
    adults = {row.role: row.id for (row,) in look(select(Adult).filter_by(family_id=rows["galbert"]))}
    assert "keeps its guardian" in client.post(f"/mairie/adultes/{adults[AdultRole.guardian]}/supprimer", follow_redirects=True).text
    assert "still has an access" in client.post(f"/mairie/adultes/{adults[AdultRole.spouse]}/supprimer", follow_redirects=True).text


def test_a_quotient_never_counts_backwards(sign_in, rows, look):
    client = sign_in("agent")
    path = f"/mairie/quotients/ajouter?family={rows['galbert']}"
    data = {"base": base_of(client.get(path).text), "family": "F00001", "value": "456", "source": "proof"}
    assert "never backwards" in client.post(path, data={**data, "counts_from": "2021-01-01"}).text
    assert client.post(path, data={**data, "counts_from": "2031-02-15"}).status_code == 302
    assert (date(2031, 2, 1),) in look(select(IncomeQuotient.counts_from))
    ((entry,),) = look(select(LogEntry).filter_by(verb="income_quotient.add"))
    assert entry.changes["value"] == {} and "456" not in str(entry.changes)


def test_a_class_of_another_school_is_refused(sign_in, rows, look):
    client = sign_in("agent")
    from app.children.models import SchoolEnrolment

    ((place,),) = look(select(SchoolEnrolment.id).filter_by(child_id=rows["lea"]))
    ((room,),) = look(select(SchoolClass.id))
    path = f"/mairie/inscriptions-scolaires/{place}/modifier"
    data = {"school_year_id": rows["year"], "school_id": rows["other_school"], "level": "ce1", "school_class_id": room}
    answer = client.post(path, data={**data, "base": base_of(client.get(path).text)})
    assert answer.status_code == 422 and "belongs to another school" in answer.text


# -- lists --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "page_X=abc",
        "page_SchoolView=-1",
        "page_SchoolView=9999",
        "psize_SchoolView=0",
        "_oc_SchoolView=nothing&_od_SchoolView=asc",
        "_oc_SchoolView=sheet&_od_SchoolView=asc",
        "_flt_9_name=x",
        "_flt_0_nothing=x",
        "q=%25%27%22;--",
        "archive=nonsense",
    ],
)
def test_addresses_that_crash_flask_appbuilder_do_not_crash_us(sign_in, query):
    for path in ("ecoles", "familles", "classes"):
        assert sign_in("agent").get(f"/mairie/{path}/?{query}").status_code in (200, 404)


def test_garbage_in_filters_finds_nothing_and_says_so(app, sign_in):
    """Every kind of filter on every kind of column with all of them, and every list with one."""
    client, garbage, tried = sign_in("admin"), ("abc", "9" * 30, "2026-99-99", "' OR 1=1", "\\", "%"), set()
    for view in staff_views(app):
        filters = view.__dict__["_filters_model"].get_search_filters()
        types = inspect(view.datamodel.obj).columns
        for number, (column, offered) in enumerate(filters.items()):
            for index, one in enumerate(offered):
                # How a text is read depends neither on how long it may be nor on which words there are.
                kind = (type(one), type(types[column].type) if column in types else column)
                known = garbage[:1] if number == index == 0 else ()
                for text in known if kind in tried else garbage:
                    answer = client.get(f"{view.route_base}/", query_string={f"_flt_{index}_{column}": text})
                    assert answer.status_code == 200, (view, column, index, text)
                tried.add(kind)
    page = client.get("/mairie/annees-scolaires/?_flt_0_nothing=abc").text
    assert "2026-2027" in page
    said = client.get("/mairie/journal/?_flt_0_at=abc").text
    assert "cannot be searched for" in said and "Nothing matches this search." in said


SPELLINGS = ["galbert", "GALBERT", "christelle", "lea", "Léa galb", "f00001"]
NUMBERS = ["0677223344", "06 77 22 33 44", "06.77.22.33.44", "+33 6 77 22 33 44", "0033677223344", "06 77 22", "+336 7722"]


@pytest.mark.parametrize("text", [*SPELLINGS, *NUMBERS, "Christelle@famille"])
def test_a_family_is_found_by_any_of_its_names_its_telephones_and_its_addresses(app, sign_in, text):
    with app.app_context(), unit_of_work():
        for number, mobile in ((1, "06 77 22 33 44"), (2, "06 99 22 33 44")):
            adult = db.session.scalar(db.select(Adult).filter_by(family_id=number, role=AdultRole.guardian))
            adult.mobile, adult.email = mobile, f"{adult.first_name.lower()}@famille.example"
    client = sign_in("agent")
    page = client.get("/mairie/familles/", query_string={"q": text}).text
    assert "F00001" in page and "F00002" not in page
    suggested = client.get("/mairie/choix/famille", query_string={"q": text}).json
    assert [label for label in suggested if "F00001" in label] == suggested != []


@pytest.mark.parametrize("text", ["06 77 22 33 44", "christelle@famille.example"])
def test_an_adult_is_found_by_telephone_and_address(app, sign_in, text):
    with app.app_context(), unit_of_work():
        db.session.scalar(db.select(Adult).filter_by(first_name="Christelle")).mobile = "06 77 22 33 44"
    page = sign_in("agent").get("/mairie/adultes/", query_string={"q": text}).text
    assert "Christelle" in page and "Sophie" not in page


def test_a_number_that_is_none_is_a_word_like_any_other(app):
    from app.core.search import words

    with app.app_context():
        assert words("2026-0012") == ["2026", "0012"] and words("01100") == ["01100"] and words("rue 06") == ["rue", "06"]
        assert words("+32 470 12 34 56") == ["+32470123456"] and words("jean-paul@x.fr Léa") == ["jean-paul@x.fr", "lea"]


def test_children_are_narrowed_by_school_class_and_level(sign_in, rows, look):
    client = sign_in("animateur")
    ((room,),) = look(select(SchoolClass.id))
    assert "Léa" in client.get(f"/mairie/enfants/?class={room}").text
    assert "Hugo" not in client.get(f"/mairie/enfants/?class={room}").text
    assert "Tom" in client.get("/mairie/enfants/?level=ms").text and "Léa" not in client.get("/mairie/enfants/?level=ms").text
    assert "Galbert (F00001)" not in client.get("/mairie/enfants/").text


def test_exports_are_harmless_and_noted(app, sign_in, look):
    with app.test_request_context("/"), unit_of_work():
        db.session.add(School(name='=HYPERLINK("http://x")', phone="+33 1"))
    client = sign_in("agent")
    text = client.get("/mairie/ecoles/export.csv?q=").data.decode("utf-8-sig")
    assert "'=HYPERLINK" in text and ";'+33 1;" in text and text.splitlines()[0].startswith("Name;UAI")
    book = zipfile.ZipFile(io.BytesIO(client.get("/mairie/ecoles/export.xlsx").data))
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet and "hyperlink" not in sheet
    assert [entry.actor for (entry,) in look(select(LogEntry).filter_by(verb="list.exported"))] == ["Agent Mairie"] * 2


def test_an_export_follows_the_search(sign_in):
    text = sign_in("agent").get("/mairie/familles/export.csv?q=galbert").data.decode("utf-8-sig")
    assert "F00001" in text and "F00002" not in text


def test_choices_are_for_those_who_may_see(sign_in):
    assert sign_in("agent").get("/mairie/choix/famille?q=gal").json == ["Galbert (F00001)"]
    assert sign_in("animateur").get("/mairie/choix/famille?q=gal").status_code == 403
    assert sign_in("animateur").get("/mairie/choix/enfant?q=lea").json[0].startswith("Léa Galbert")
    assert sign_in("agent").get("/mairie/choix/rien?q=x").status_code == 404


@pytest.fixture
def many(app):
    """A town with many families."""
    with app.test_request_context("/"):
        from app.children.operations import add_child
        from app.families.operations import new_family

        with unit_of_work():
            for number in range(120):
                family = new_family(f"Numéro{number}")
                family.adults.append(Adult(role=AdultRole.guardian, first_name="Ana", last_name=f"Numéro{number}", city="Saint-Exemple"))
                db.session.flush()
                for one in range(2):
                    add_child(family.id, {"first_name": f"Enfant{one}", "last_name": family.name, "birth_date": date(2018, 1, 1 + one)})
        db.session.remove()


def test_no_page_asks_more_than_eight_times(app, sign_in, rows, many):
    client = sign_in("admin")
    paths = [f"{view.route_base}/" for view in staff_views(app)]
    paths += [
        f"/mairie/familles/{rows['galbert']}/",
        f"/mairie/enfants/{rows['lea']}/",
        "/mairie/familles/?q=num&psize_FamilyView=100",
        "/mairie/reglages/",
    ]
    paths += [f"/mairie/dossier/caf/{rows['galbert']}/", f"/mairie/sante/{rows['health']}/"]
    for path in paths:
        with app.app_context(), counted_queries() as statements:
            assert client.get(path).status_code == 200
        written = [statement for statement in statements if statement.startswith("INSERT")]
        assert len(statements) - len(written) <= 8, (path, statements)


def test_pages_of_a_list_never_overlap(sign_in, many):
    client = sign_in("agent")
    seen = [
        re.findall(r"F\d{5}", client.get(f"/mairie/familles/?page_FamilyView={page}&_oc_FamilyView=city&_od_FamilyView=asc").text)
        for page in range(5)
    ]
    codes = [code for page in seen for code in page]
    assert len(codes) == len(set(codes)) == 123


def test_a_mandate_without_a_known_bic_is_signed(sign_in, rows, look):
    from app.families.models import Mandate

    client = sign_in("agent")
    path = f"/mairie/dossier/bank/{rows['galbert']}/"
    client.post(
        path, data={"base": base_of(client.get(path).text), "holder": "Galbert", "iban": "FR7630006000011234567890189", "direct_debit": "y"}
    )
    assert [row.bic for (row,) in look(select(Mandate))] == [""]


def test_a_family_that_the_town_knows_needs_a_word(sign_in, look):
    client = sign_in("agent")
    data = {
        "base": base_of(client.get("/mairie/familles/ajouter").text),
        "name": "Galbert",
        "first_name": "CHRISTELLE",
        "last_name": "Galbert",
    }
    refused = client.post("/mairie/familles/ajouter", data=data)
    assert refused.status_code == 422 and "Galbert (F00001)" in refused.text
    assert client.post("/mairie/familles/ajouter", data={**data, "anyway": "y"}).status_code == 302
    assert len(look(select(Family).filter_by(name="Galbert"))) == 2


def test_a_private_note_is_in_no_log(sign_in, rows, look):
    client = sign_in("agent")
    path = f"/mairie/familles/{rows['galbert']}/modifier"
    client.post(path, data={"base": base_of(client.get(path).text), "name": "Galbert", "resident": "y", "private_note": "They quarrel."})
    assert "They quarrel." in client.get(f"/mairie/familles/{rows['galbert']}/").text
    assert "They quarrel." not in sign_in("lecteur").get(f"/mairie/familles/{rows['galbert']}/").text
    ((entry,),) = look(select(LogEntry).filter_by(verb="family.edit"))
    assert entry.changes == {"private_note": {}}


def test_a_photograph_is_kept_while_the_form_is_corrected_and_then_stored(sign_in, rows, look):
    from app.documents.models import FileState, StoredFile
    from app.staff.forms import safe_back

    client = sign_in("agent")
    path, picture = f"/mairie/dossier/photo/{rows['lea']}/", io.BytesIO()
    Image.new("RGB", (40, 40), "teal").save(picture, "PNG")
    wrong = client.post(path, data={"base": base_of(client.get(path).text), "photo_id": (io.BytesIO(b"<svg/>"), "photo.jpg")})
    assert wrong.status_code == 422 and "This is not a picture" in wrong.text
    data = {"base": base_of(wrong.text), "photo_id": (io.BytesIO(picture.getvalue()), "photo.png")}
    assert client.post(path, data=data).status_code == 302
    ((file,),) = look(select(StoredFile))
    assert (file.state, file.child_id, file.noun) == (FileState.kept, rows["lea"], "Photo")
    assert look(select(Child.photo_id).filter_by(id=rows["lea"])) == [(file.id,)]
    assert safe_back("//evil.example/mairie/") == safe_back("https://evil.example/mairie/") == ""
    assert safe_back("/mairie/familles/?q=a") == "/mairie/familles/?q=a"


@pytest.mark.parametrize(("family", "child"), [("martin", "hugo"), ("petit", "hugo"), ("galbert", "lea")])
def test_the_form_says_that_a_request_waits_of_either_household(app, sign_in, rows, family, child):
    from tests.factories import make_request

    rows["petit"] = 3
    client, path, words = sign_in("agent"), f"/mairie/dossier/complementary/{rows[child]}/", "waits for this section"
    assert words not in client.get(path).text
    with app.test_request_context("/"):
        make_request("complementary", rows[family], {"diet": "no_pork"}, child_id=rows[child])
    assert words in client.get(path).text

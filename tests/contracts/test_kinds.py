"""Does every kind of request keep the contract? Built from the registry, so that a new kind cannot escape."""

from datetime import date
from io import BytesIO

import pytest
from PIL import Image
from wtforms import BooleanField, DateField, DecimalField, IntegerField, SelectField

from app import load_domains
from app.audit.models import LogEntry
from app.changes.decisions import Verdict, decide
from app.changes.kinds import KINDS, Kind
from app.changes.models import Act, ChangeRequest, Outcome, RequestState
from app.changes.queries import kinds_of_families
from app.core import clock
from app.core.db import unit_of_work
from app.core.forms import Choice, YesNo
from app.documents.forms import UploadField
from app.extensions import db
from app.security.who_sees_what import Noun, Viewer, permissions
from tests.activities import cast
from tests.conftest import account, base_of, work

load_domains()
EACH_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
#: Those that a household asks for in the portal. A family that is not known comes in by its own door: staff/test_queue_preregistration.py.
OF_FAMILIES = kinds_of_families()
EACH_EDIT = pytest.mark.parametrize(
    "kind", [kind for kind in OF_FAMILIES if Act.edit in kind.acts and not kind.adds_to_child], ids=lambda kind: kind.name
)
EACH_ADD = pytest.mark.parametrize("kind", [kind for kind in OF_FAMILIES if Act.add in kind.acts], ids=lambda kind: kind.name)

#: What a field takes where its type does not tell.
SAMPLES = {
    "postcode": "77181",
    "mobile": "06 98 76 54 32",
    "phone": "01 98 76 54 32",
    "work_phone": "01 98 76 54 33",
    "doctor_phone": "01 98 76 54 34",
    "email": "new@famille.example",
    "iban": "FR76 3000 6000 0112 3456 7890 189",
    "tax_number": "1234567890123",
    "notice_reference": "25 77 A123456 78",
    "allocataire": "1234567",
    "income_year": "2025",
    "parts": "2.5",
    "birth_date": "2020-02-29",
    "birth_code": "77284",
    "quotient": "812,50",
}
#: What a kind's own fields take, in the town of tests/activities/cast.py.
SAMPLES_OF = {
    "enrolment": {"starts_on": "2026-12-01", "ends_on": "2027-01-29", "week": ["1-2", "4-2"]},
    "paper": {"paper_type_id": "1", "valid_until": ""},
    "booking": {"unit_id": "1", "day": "2026-12-01"},
    "absence": {"first_day": "2026-12-03", "last_day": "2026-12-03", "unit_id": "", "reason_id": "1"},
}
#: For whom, where it is not the first child.
QUERIES = {"enrolment": "?child=2&activity=2"}
PASSWORD = "cour-de-recre-2026"
pytestmark = pytest.mark.usefixtures("town")


@pytest.fixture
def town(app, activities):
    """Children who take part in activities, and a day on which one of them may be absent."""
    with app.app_context():
        cast.book(activities.lea, activities.galbert, activities.meal, date(2026, 12, 3), activities.table)
        cast.absent(cast.book(activities.lea, activities.galbert, activities.care, date(2026, 12, 1)), activities.ill)


def picture():
    out = BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "JPEG")
    return BytesIO(out.getvalue()), "picture.jpg"


def sample(app, name, field):
    """Something that a person could put into a field."""
    cls = field.field_class
    if name in SAMPLES:
        return SAMPLES[name]
    if issubclass(cls, UploadField):
        return picture()
    if issubclass(cls, YesNo):
        return "yes"
    if issubclass(cls, Choice):
        return list(field.kwargs["of"])[-1].name
    if issubclass(cls, SelectField):
        return "1"
    if issubclass(cls, BooleanField):
        return "y"
    if issubclass(cls, DateField):
        return "2024-05-06"
    return "7" if issubclass(cls, (IntegerField, DecimalField)) else "Something new"


def fill(app, kind):
    own = SAMPLES_OF.get(kind.name, {})
    return {name: own[name] if name in own else sample(app, name, field) for name, field in kind.form.unbound() if name in kind.asks}


def send(app, client, kind, path):
    page = client.get(path)
    assert page.status_code == 200, page.text
    answer = client.post(
        path, data={**fill(app, kind), "base": base_of(page.text), "password": PASSWORD}, content_type="multipart/form-data"
    )
    assert answer.status_code == 302, answer.text


def asked_of(kind, request):
    """{field: value} that a request wants in the file: its proofs stay with the request."""
    assert {request.changes[name]["after"] for name in kind.form.proofs} <= set(request.files)
    return {name: pair["after"] for name, pair in request.changes.items() if name not in kind.form.proofs}


def path_of(kind, act):
    if act is Act.add:
        return f"/portail/demande/{kind.name.replace('_', '-')}/add" + QUERIES.get(kind.name, "?child=1" if kind.adds_to_child else "")
    return f"/portail/demande/{kind.name.replace('_', '-')}/edit/1"


def accept_all(app):
    clock.advance(minutes=11)
    with app.test_request_context("/"), unit_of_work():
        request = db.session.scalar(db.select(ChangeRequest))
        assert decide([Verdict(request.id, request.version, Outcome.accept)], by=account("agent")).problems == {}
    clock.advance(seconds=11)
    work(app)


@pytest.mark.once
@EACH_KIND
def test_it_says_what_it_is(kind):
    assert kind.title and kind.tab and kind.noun in Noun and issubclass(kind.model, db.Model) and kind.acts <= set(Act)
    assert kind.fields and all(kind.label(name) != name for name in kind.fields)
    assert type(kind).create is not Kind.create or Act.add not in kind.acts
    assert type(kind).remove is not Kind.remove or Act.delete not in kind.acts


@pytest.mark.once
@EACH_KIND
def test_somebody_may_ask_and_somebody_may_decide(kind):
    assert kind in OF_FAMILIES or kind.name == "preregistration"
    assert "decide" in permissions(kind.noun, Viewer.clerk)


@pytest.mark.once
@EACH_KIND
def test_it_is_explained_in_parts_that_name_every_field(kind):
    if kind.form.layout:
        assert sorted(name for _title, names in kind.form.layout for name in names) == sorted(kind.fields)


@EACH_EDIT
def test_what_is_asked_is_what_the_file_has_after_acceptance(app, sign_in, kind):
    send(app, sign_in("galbert"), kind, path_of(kind, Act.edit))
    with app.test_request_context("/"):
        request = db.session.scalar(db.select(ChangeRequest))
        before, asked = kind.read(kind.find(1, 1)), asked_of(kind, request)
        assert asked and all(kind.same(name, before[name], request.changes[name]["before"]) for name in asked)
    accept_all(app)
    with app.test_request_context("/"):
        request = db.session.scalar(db.select(ChangeRequest))
        assert request.state is RequestState.accepted
        after = kind.read(kind.find(1, 1))
        assert {name: after[name] for name in asked} == asked


@pytest.mark.once
@EACH_EDIT
def test_a_field_that_was_not_touched_is_not_asked(app, sign_in, kind):
    """Sending the form as it was shown says so, and makes no request."""
    send(app, sign_in("galbert"), kind, path_of(kind, Act.edit))
    accept_all(app)
    client = sign_in("galbert")
    page = client.get(path_of(kind, Act.edit))
    values = {name: value for name, value in fill(app, kind).items() if name not in kind.form.file_names()}
    answer = client.post(path_of(kind, Act.edit), data={**values, "base": base_of(page.text), "password": PASSWORD})
    assert answer.status_code == 422 and "Nothing was changed" in answer.text
    with app.app_context():
        assert db.session.scalar(db.select(db.func.count()).select_from(ChangeRequest)) == 1


@EACH_ADD
def test_what_is_added_is_there_after_acceptance(app, sign_in, kind):
    with app.app_context():
        count = db.session.scalar(db.select(db.func.count()).select_from(kind.model))
    send(app, sign_in("galbert"), kind, path_of(kind, Act.add))
    accept_all(app)
    with app.test_request_context("/"):
        request = db.session.scalar(db.select(ChangeRequest))
        assert request.state is RequestState.accepted and db.session.scalar(db.select(db.func.count()).select_from(kind.model)) == count + 1
        target = kind.find(request.target_id, 1)
        asked = asked_of(kind, request)
        assert {name: kind.read(target)[name] for name in asked} == asked


@pytest.mark.once
@pytest.mark.parametrize("kind", [kind for kind in OF_FAMILIES if kind.secret], ids=lambda kind: kind.name)
def test_secret_values_are_in_no_log(app, sign_in, kind):
    send(app, sign_in("galbert"), kind, path_of(kind, Act.edit if Act.edit in kind.acts else Act.add))
    accept_all(app)
    with app.app_context():
        for entry in db.session.scalars(db.select(LogEntry)):
            assert all(pair == {} for pair in entry.changes.values()), entry
            assert "Something new" not in entry.label + entry.note


@pytest.mark.once
@EACH_KIND
def test_values_are_shown_as_people_read_them(app, kind):
    with app.test_request_context("/"):
        for name in kind.fields:
            assert kind.show(name, None) == ""
            shown = (
                kind.show(name, {bool: True, date: "2024-05-06", int: 7}.get(kind.type_of(name)))
                if kind.type_of(name) in (bool, date, int)
                else ""
            )
            assert "None" not in shown and "True" not in shown

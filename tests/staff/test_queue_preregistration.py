"""How does a family come in that the town does not know? Accepted, recognised, refused, sent back."""

import re

import pytest

from app.audit.models import LogEntry
from app.changes import preregistration
from app.changes.models import ChangeRequest, RequestState
from app.children.alike import alike
from app.children.models import Child, Household
from app.core import clock, settings
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.i18n import in_locale
from app.documents.models import FileState, StoredFile
from app.extensions import db
from app.families.models import AdultRole, Family
from app.mail.models import OutgoingMail
from app.security.models import Invitation
from app.security.operations import find_invitation
from tests.conftest import counted_queries, work
from tests.factories import make_request, request_of
from tests.preregistrations import GUARDIAN, WISHES, make_preregistration, the_registration
from tests.staff.test_queue_decide import later, opened, send

#: Like Christelle Galbert of the cast, who has moved; her daughter.
LIKE_GALBERT = {"last_name": "GALBERT", "first_name": "christelle", "mobile": "06 55 11 22 33", "email": "nouvelle@famille.example"}
LEA = {"first_name": "LEA", "last_name": "Galbert", "birth_date": "2019-03-04"}
ZOE = {"first_name": "Zoé", "last_name": "Galbert", "birth_date": "2024-01-09"}


def preregistered(app, **more):
    """(request, lot) of a pre-registration that waits."""
    with app.test_request_context("/"):
        number = make_preregistration(**more)
        return number, request_of(number).lot_id


def page_of(client, lot):
    answer = client.get(f"/mairie/demandes/{lot}/")
    assert answer.status_code == 200, answer.text
    return answer.text


def mails(app, template):
    with app.app_context():
        return db.session.scalars(db.select(OutgoingMail).filter_by(template=template)).all()


def families(app):
    with app.app_context():
        return db.session.scalar(db.select(db.func.count(Family.id)))


def accept(app, client, lot):
    assert send(client, lot, {**opened(client, lot), "only": "all"}).status_code == 303
    later(app)


def test_accepted_it_makes_the_whole_file_and_the_way_in(app, sign_in):
    number, lot = preregistered(app)
    client, before = sign_in("agent"), families(app)
    page = page_of(client, lot)
    for words in (
        "Aïcha",
        "06 98 76 54 32",
        "Karim",
        "Inès",
        "Yanis",
        "12 rue du Lavoir",
        "2026-2027",
        "facture.png",
        "aicha@famille.example",
    ):
        assert words in page
    accept(app, client, lot)
    with app.app_context():
        request = request_of(number)
        assert request.state is RequestState.accepted and families(app) == before + 1
        family = db.session.get(Family, request.target_id)
        assert family.id == request.family_id == request.lot.family_id and family.name == "Benali"
        assert (family.guardian.first_name, family.guardian.email) == ("Aïcha", GUARDIAN["email"])
        assert family.adult(AdultRole.spouse).mobile == "06 98 76 54 33"
        children = db.session.scalars(db.select(Child).where(Child.of_family(family.id)).order_by(Child.birth_date)).all()
        assert [str(child) for child in children] == ["Inès Benali", "Yanis Benali"]
        [paper] = db.session.scalars(db.select(StoredFile).where(StoredFile.id.in_(request.files)))
        assert (paper.state, paper.family_id) == (FileState.kept, family.id)
        code = family.code
    [mail] = mails(app, "preregistration_accepted")
    assert mail.recipient == GUARDIAN["email"] and mail.locale == "en" and code in mail.body
    with app.test_request_context("/"), unit_of_work():
        typed = re.search(r"(?:[A-Z2-9]{4}-){2}[A-Z2-9]{4}", mail.body)[0]
        assert find_invitation(code, typed) is not None
    assert mails(app, "decided") == []
    assert f"/mairie/comptes/inviter/{family.guardian.id}" in page_of(client, lot)
    assert client.get(f"/mairie/familles/{family.id}/").status_code == 200


@pytest.mark.once
def test_it_is_applied_once_and_can_be_undone_before(app, sign_in):
    number, lot = preregistered(app)
    client, before = sign_in("agent"), families(app)
    send(client, lot, {**opened(client, lot), "only": "all"})
    with client.session_transaction() as session:
        batch = session["undo"]["batch"]
    assert client.post("/mairie/demandes/annuler", data={"batch": batch}).status_code == 303
    later(app, minutes=5)
    with app.app_context():
        assert request_of(number).state is RequestState.pending
    assert families(app) == before
    accept(app, client, lot)
    work(app)
    assert families(app) == before + 1 and len(mails(app, "preregistration_accepted")) == 1


def test_who_is_known_already_is_shown_with_the_reasons(app, sign_in):
    _number, lot = preregistered(app, guardian=LIKE_GALBERT, spouse=None, children=[LEA, ZOE])
    page = page_of(sign_in("agent"), lot)
    section = page[page.index('id="alike"') : page.index('id="ask-')]
    assert "Christelle Galbert: same first name and last name" in section
    assert "Léa Galbert: same first name and date of birth" in section
    assert "Martin" not in section and "Tom" not in section


@pytest.mark.parametrize(
    ("guardian", "said"),
    [
        ({"email": "SOPHIE@famille.example"}, "same e-mail address"),
        ({"work_phone": "0611223344"}, "same telephone number"),
        ({"last_name": "MARTIN", "address": "3 Rue des LILAS"}, "same last name and address"),
        ({"last_name": "Martin", "first_name": "sophie"}, "same first name and last name"),
    ],
)
def test_alike_is_whoever_has_something_in_common_however_it_is_written(ctx, guardian, said):
    asked = {"guardian": {**GUARDIAN, **guardian}, "children": [ZOE]}
    with counted_queries() as queries, in_locale("en"):
        found = alike(asked)
    assert len(queries) == 2
    assert said in next(one.common["Sophie Martin"] for one in found if one.family.name == "Martin")


def test_nobody_alike_is_nobody(app, sign_in):
    _number, lot = preregistered(app)
    assert "Does the town know this family already?" not in page_of(sign_in("agent"), lot)


def test_its_new_children_join_the_file_that_there_is(app, sign_in):
    number, lot = preregistered(app, guardian=LIKE_GALBERT, spouse=None, children=[LEA, ZOE])
    client, before, path = sign_in("agent"), families(app), f"/mairie/demandes/{lot}/famille/1"
    page = client.get(path).text
    assert "LEA Galbert is in the file already" in page and 'value="1" checked' in page and 'name="child" value="0"' not in page
    shown = re.search(r'name="shown" value="([^"]+)"', page)[1]
    assert client.post(path, data={"shown": shown}).status_code == 422
    # The child that the file has is not added, whatever is posted.
    assert client.post(path, data={"shown": shown, "child": ["0", "1"]}).status_code == 303
    later(app)
    with app.app_context():
        request = request_of(number)
        assert (request.state, request.family_id, families(app)) == (RequestState.accepted, 1, before)
        names = db.session.scalars(db.select(Child.first_name).where(Child.of_family(1)).order_by(Child.id)).all()
        assert names == ["Léa", "Tom", "Zoé"]
        # No key of the file goes to the address of whoever filled in the form.
        assert db.session.scalar(db.select(db.func.count(Invitation.id))) == 0
    [mail] = mails(app, "preregistration_joined")
    assert mail.recipient == "nouvelle@famille.example" and "F00001" not in mail.body and mails(app, "preregistration_accepted") == []
    assert client.post(path, data={"shown": shown, "child": "1"}).status_code == 409


def test_the_other_household_of_a_child_gets_a_file_and_shares_the_child(app, sign_in):
    number, lot = preregistered(app, guardian={"last_name": "Durand", "first_name": "Luc"}, spouse=None, children=[LEA, ZOE])
    client, before, path = sign_in("agent"), families(app), f"/mairie/demandes/{lot}/famille/1"
    page = client.get(path).text
    assert "Accept as the other household" in page
    shown = re.search(r'name="shown" value="([^"]+)"', page)[1]
    assert client.post(path, data={"shown": shown, "share": "1"}).status_code == 303
    later(app)
    with app.app_context():
        request = request_of(number)
        assert (request.state, families(app)) == (RequestState.accepted, before + 1)
        lea = db.session.scalars(db.select(Child).filter_by(first_name="Léa")).one()
        assert {household.family_id for household in lea.households} == {1, request.family_id}
        assert db.session.scalars(db.select(Child.first_name).where(Child.of_family(request.family_id)).order_by(Child.id)).all() == [
            "Léa",
            "Zoé",
        ]
        assert db.session.scalar(db.select(db.func.count(Child.id)).where(Child.of_family(1))) == 2
    assert len(mails(app, "preregistration_accepted")) == 1


def test_what_is_joined_is_this_family_alone(app, sign_in):
    _number, lot = preregistered(app, guardian=LIKE_GALBERT, children=[ZOE])
    client = sign_in("agent")
    shown = re.search(r'name="shown" value="([^"]+)"', client.get(f"/mairie/demandes/{lot}/famille/1").text)[1]
    assert client.post(f"/mairie/demandes/{lot}/famille/2", data={"shown": shown, "child": "0"}).status_code == 409
    assert client.get(f"/mairie/demandes/{lot}/famille/999").status_code == 404
    assert sign_in("regisseur").get(f"/mairie/demandes/{lot}/famille/1").status_code == 403
    assert sign_in("regisseur").get(f"/mairie/demandes/{lot}/").status_code == 404
    with app.test_request_context("/"):
        ordinary = request_of(make_request("guardian", 1, {"city": "Courtry"})).lot_id
    assert client.get(f"/mairie/demandes/{ordinary}/famille/1").status_code == 404


@pytest.mark.parametrize(("outcome", "template"), [("refuse", "preregistration_refused"), ("send_back", "preregistration_sent_back")])
def test_the_reason_goes_to_the_confirmed_address_with_the_way_back(app, sign_in, outcome, template):
    number, lot = preregistered(app)
    client = sign_in("agent")
    form = client.get(f"/mairie/demandes/{lot}/refuser?as={outcome}").text
    assert GUARDIAN["email"] in form
    at = re.search(r'name="at" value="([^"]+)"', form)[1]
    assert (
        client.post(
            f"/mairie/demandes/{lot}/decider", data={"outcome": outcome, "at": at, "reason": "The judgment is missing."}
        ).status_code
        == 303
    )
    later(app)
    [mail] = mails(app, template)
    assert mail.recipient == GUARDIAN["email"] and "The judgment is missing." in mail.body and mails(app, "decided") == []
    with app.test_request_context("/"):
        token = re.search(r"https?://\S+/([^/\s]+)/?\s", mail.body)[1]
        assert preregistration.of_token(token).id == the_registration().id
        with unit_of_work():
            row = the_registration()
            preregistration.keep_step(row, "wishes", {**WISHES, "note": "Corrected"})
            again = preregistration.send(row).id
        assert again != number and request_of(again).lot_id == lot
    page = page_of(client, lot)
    assert "Corrected" in page
    accept(app, client, lot)
    with app.app_context():
        assert request_of(again).state is RequestState.accepted


def test_the_refusal_of_who_is_known_is_written_in_their_language(app, sign_in):
    _number, lot = preregistered(app, guardian=LIKE_GALBERT, children=[LEA])
    client = sign_in("agent")
    page = client.get(f"/mairie/demandes/{lot}/famille/1").text
    assert "All these children are in its file already." in page
    url = re.search(r'href="([^"]+/refuser[^"]+)"', page)[1].replace("&amp;", "&")
    assert "The town hall knows your family already." in client.get(url).text


def test_the_queue_finds_it_by_its_name_and_never_takes_it_by_the_handful(app, sign_in):
    _number, lot = preregistered(app)
    client = sign_in("agent")
    for query in ("", "?q=benali", "?tab=preregistrations"):
        assert "Benali" in client.get(f"/mairie/demandes/{query}").text
    assert "Benali" not in client.get("/mairie/demandes/?q=galbert").text
    assert "To be decided one by one" in client.get(f"/mairie/demandes/accepter?lot={lot}").text
    assert client.post(f"/mairie/demandes/{lot}/note", data={"note": "x"}).status_code == 404
    assert client.post(f"/mairie/demandes/{lot}/attribuer", data={"to": "me"}).status_code in (302, 303)
    assert client.get(f"/mairie/demandes/{lot}/presence").status_code == 200
    assert "Benali" in client.get("/mairie/").text
    assert "Benali" not in sign_in("regisseur").get("/mairie/demandes/").text


def test_the_receipt_goes_to_the_confirmed_address(app):
    preregistered(app)
    work(app)
    [mail] = mails(app, "preregistration_receipt")
    assert mail.recipient == GUARDIAN["email"] and "2026-" in mail.subject


def test_nothing_of_it_is_in_the_log(app, sign_in):
    _number, lot = preregistered(app)
    accept(app, sign_in("agent"), lot)
    with app.app_context():
        said = "".join(f"{entry.label} {entry.note} {entry.changes}" for entry in db.session.scalars(db.select(LogEntry)))
        assert "06 98 76 54 32" not in said and "Lavoir" not in said


def test_a_file_that_was_archived_meanwhile_brings_it_back_to_the_queue(app, sign_in):
    number, lot = preregistered(app, guardian=LIKE_GALBERT, children=[ZOE])
    client, path = sign_in("agent"), f"/mairie/demandes/{lot}/famille/1"
    shown = re.search(r'name="shown" value="([^"]+)"', client.get(path).text)[1]
    client.post(path, data={"shown": shown, "child": "0"})
    with app.app_context(), unit_of_work():
        db.session.get(Family, 1).archived_at = clock.now()
    later(app)
    with app.app_context():
        request = request_of(number)
        assert request.state is RequestState.pending and request.family_id is None
        assert db.session.scalar(db.select(db.func.count(Household.id)).where(Household.family_id == 1)) == 2


def test_without_an_undo_window_it_is_there_at_once(app, sign_in):
    with app.app_context(), unit_of_work():
        settings.put("undo_seconds", 0)
    number, lot = preregistered(app)
    client = sign_in("agent")
    assert send(client, lot, {**opened(client, lot), "only": "all"}).status_code == 303
    with app.app_context():
        assert db.session.get(ChangeRequest, number).state is RequestState.accepted


def test_an_address_that_nobody_confirmed_gets_no_code(app, sign_in):
    """Typed after the request was sent, and not confirmed: the answer goes where the request came from, the link opens nothing."""
    _number, lot = preregistered(app)
    with app.app_context(), unit_of_work():
        preregistration.keep_step(the_registration(), "guardian", {**GUARDIAN, "email": "somebody@else.example"})
    accept(app, sign_in("agent"), lot)
    [mail] = mails(app, "preregistration_accepted")
    assert mail.recipient == GUARDIAN["email"]
    with app.app_context(), pytest.raises(DomainError):
        preregistration.of_token(preregistration.token_of(the_registration(), GUARDIAN["email"]))

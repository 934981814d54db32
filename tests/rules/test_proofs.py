"""Do proofs come with a request, stay with it, and reach the clerk alone?"""

import re

import pytest

from app.changes.models import Lane, Outcome, RequestState
from app.core import clock
from app.documents.models import FileState, StoredFile
from app.extensions import db
from app.families.models import Adult
from tests.conftest import base_of, work
from tests.portal.asking import GUARDIAN, ask, child_id, decide_all, requests, waiting_lot
from tests.portal.pictures import picture, upload
from tests.staff.test_queue_decide import opened, send

NEW_CHILD = {"first_name": "Zoé", "last_name": "Galbert", "birth_date": "2022-05-06"}
SCHOOL = {"school_year_id": "1", "school_id": "1", "level": "ce2"}


def card(name="carte.jpg"):
    return upload(picture(), name)


@pytest.mark.parametrize(
    ("url", "form", "lane"),
    [
        ("/portail/demande/guardian/edit/1", {**GUARDIAN, "birth_name": "Durand"}, Lane.papers),
        ("/portail/demande/new-child/add", NEW_CHILD, Lane.papers),
        ("/portail/demande/school/edit/1", SCHOOL, Lane.look),
    ],
)
def test_a_proof_reaches_the_clerk_and_never_the_file(app, sign_in, url, form, lane):
    client = sign_in("galbert")
    ask(client, url=url, form=form)
    answer = ask(client, url=url, form={**form, "proof": card(), "more_proof": card("page-2.jpg")})
    assert answer.status_code == 302, answer.text
    with app.app_context():
        without, proven = requests()
        assert without.lane is lane and proven.lane is Lane.look
        assert proven.files == [proven.changes[name]["after"] for name in ("proof", "more_proof")]
        lot = proven.lot_id
    clock.advance(minutes=11)
    page = sign_in("agent").get(f"/mairie/demandes/{lot}/").text
    assert page.count('<figure class="paper">') == 2 and "page-2.jpg" in page
    decide_all(app, Outcome.accept)
    with app.app_context():
        assert requests()[-1].state is RequestState.accepted
        assert {row.state for row in db.session.scalars(db.select(StoredFile))} == {FileState.asked}


def test_what_is_sent_back_and_comes_again_with_a_proof_alone_keeps_its_rank(app, sign_in):
    client = sign_in("galbert")
    ask(client, birth_name="Durand")
    decide_all(app, Outcome.send_back, reason="Il manque une pièce d’identité.")
    clock.advance(days=3)
    assert ask(client, birth_name="Durand", proof=card()).status_code == 302
    with app.app_context():
        first, second = requests()
        assert first.state is RequestState.superseded and second.asked_at == first.asked_at and second.files


def test_a_proof_is_kept_while_its_form_is_corrected_and_while_it_waits(app, sign_in):
    client, url = sign_in("galbert"), "/portail/demande/guardian/edit/1"
    page = ask(client, birth_name="Durand", mobile="12", proof=card()).text
    assert "Already received:" in page and "carte.jpg" in page
    kept = re.search(r'name="proof-kept" value="([^"]+)"', page)[1]
    assert client.post(url, data={**GUARDIAN, "birth_name": "Durand", "proof-kept": kept, "base": base_of(page)}).status_code == 302
    assert "See the present file" in client.get(url).text
    ask(client, birth_name="Durand", mobile="06 99 88 77 66")
    with app.app_context():
        first, second = requests()
        assert second.files == first.files != []
    ask(client, birth_name="Durand", mobile="06 99 88 77 66", **{"proof-remove": "1"})
    with app.app_context():
        assert requests()[-1].files == [] and set(requests()[-1].changes) == {"birth_name", "mobile"}


def test_a_part_is_accepted_without_its_proof_being_a_part(app, sign_in):
    ask(sign_in("galbert"), birth_name="Durand", mobile="06 99 88 77 66", proof=card())
    with app.app_context():
        lot = waiting_lot().id
    clock.advance(minutes=11)
    clerk = sign_in("agent")
    data = opened(clerk, lot)
    (parts,) = [name for name in data if name.startswith("part-")]
    assert data[parts] == ["birth_name", "mobile"]
    send(clerk, lot, {**data, parts: ["mobile"], parts.replace("part", "why"): "Il manque la carte.", "only": "all"})
    clock.advance(seconds=11)
    work(app)
    with app.app_context():
        (request,) = requests()
        assert request.state is RequestState.partly_accepted and request.accepted_fields == ["mobile"]
        assert db.session.get(Adult, 1).birth_name is None


def test_the_other_household_opens_no_proof(app, sign_in):
    """A school enrolment is the child's, its proof of address the household's."""
    with app.app_context():
        hugo = child_id("Hugo")
    ask(sign_in("martin"), url=f"/portail/demande/school/edit/{hugo}", form={**SCHOOL, "proof": card()})
    with app.app_context():
        (number,) = requests()[0].files
    assert sign_in("martin").get(f"/portail/fichier/{number}").status_code == 200
    assert sign_in("petit").get(f"/portail/fichier/{number}").status_code == 404
    decide_all(app, Outcome.accept)
    assert sign_in("petit").get(f"/portail/fichier/{number}").status_code == 404
    assert sign_in("agent").get(f"/mairie/fichier/{number}").status_code == 200
    assert sign_in("animateur").get(f"/mairie/fichier/{number}").status_code == 403

"""Is a lane accepted with one act, each item checked again, with a result for each, and fast?"""

import re
import time

import pytest

from app.changes.models import ChangeRequest, Decision, RequestState
from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import Adult, AdultRole
from tests.conftest import work
from tests.factories import make_request, request_of
from tests.staff.test_queue import IBAN, many_families


@pytest.fixture
def lanes(app):
    """Two green requests that may be taken together, one green that may not, one to look at; {name: id}."""
    with app.test_request_context("/"):
        return {
            "phone": make_request("guardian", 1, {"mobile": "06 99 88 77 66"}),
            "diet": make_request("complementary", 1, {"diet": "no_pork"}, child_id=1),
            "bank": make_request("bank", 2, {"holder": "Sophie Martin", "iban": IBAN, "proof_id": _slip()}),
            "address": make_request("guardian", 2, {"city": "Courtry"}),
        }


def _slip():
    from app.core.files import Upload
    from app.documents.operations import store
    from app.security.who_sees_what import Noun

    with unit_of_work():
        return store(Upload("rib.pdf", "application/pdf", b"%PDF-1.4"), noun=Noun.bank, family_id=2).id


def items(page):
    found = re.search(r'name="items" value="([^"]+)"', page)
    return found[1] if found else None


def states(app, lanes):
    with app.app_context():
        return {name: request_of(number).state.value for name, number in lanes.items()}


def test_the_green_lane_in_one_act(app, lanes, sign_in):
    client = sign_in("agent")
    page = client.get("/mairie/demandes/accepter?all=1").text
    assert "Accept 2 requests" in page and "To be decided one by one" in page
    answer = client.post("/mairie/demandes/accepter", data={"items": items(page)})
    assert answer.status_code == 200 and "2 requests accepted." in answer.text and "Undo" in answer.text
    assert states(app, lanes) == {"phone": "deciding", "diet": "deciding", "bank": "pending", "address": "pending"}
    with app.app_context():
        batch = db.session.scalar(db.select(Decision.batch).distinct())
    client.post("/mairie/demandes/annuler", data={"batch": batch})
    assert set(states(app, lanes).values()) == {"pending"}


def test_selected_lots_leave_out_what_needs_a_look(app, lanes, sign_in):
    client = sign_in("agent")
    with app.app_context():
        lots = [request_of(lanes[name]).lot_id for name in ("phone", "bank", "address")]
    page = client.get("/mairie/demandes/accepter", query_string={"lot": lots}).text
    assert "Accept 1 request" in page
    client.post("/mairie/demandes/accepter", data={"items": items(page)})
    assert states(app, lanes) == {"phone": "deciding", "diet": "pending", "bank": "pending", "address": "pending"}


def test_nothing_selected_accepts_nothing(lanes, sign_in):
    page = sign_in("agent").get("/mairie/demandes/accepter").text
    assert "Nothing of this can be accepted together." in page and items(page) is None


def test_each_item_is_checked_again(app, lanes, sign_in):
    client = sign_in("agent")
    token = items(client.get("/mairie/demandes/accepter?all=1").text)
    with app.app_context(), unit_of_work():
        request_of(lanes["diet"]).move_to(RequestState.withdrawn)
    answer = client.post("/mairie/demandes/accepter", data={"items": token})
    assert "1 request accepted." in answer.text and "Somebody was faster: this request is withdrawn." in answer.text
    assert states(app, lanes)["phone"] == "deciding"


def test_what_the_file_says_meanwhile_is_compared_as_it_applies(app, lanes, sign_in):
    client = sign_in("agent")
    token = items(client.get("/mairie/demandes/accepter?all=1").text)
    with app.app_context(), unit_of_work():
        db.session.scalar(db.select(Adult).filter_by(family_id=1, role=AdultRole.guardian)).mobile = "07 00 00 00 00"
    client.post("/mairie/demandes/accepter", data={"items": token})
    from app.core import clock

    clock.advance(seconds=11)
    work(app)
    assert states(app, lanes) == {"phone": "pending", "diet": "accepted", "bank": "pending", "address": "pending"}


def test_a_list_of_items_cannot_be_forged_or_borrowed(app, lanes, sign_in):
    client = sign_in("agent")
    token = items(client.get("/mairie/demandes/accepter?all=1").text)
    assert client.post("/mairie/demandes/accepter", data={"items": "1.1"}).status_code == 409
    assert sign_in("agent2").post("/mairie/demandes/accepter", data={"items": token}).status_code == 422
    assert set(states(app, lanes).values()) == {"pending"}


def test_the_regisseur_accepts_no_lane(app, lanes, sign_in):
    assert items(sign_in("regisseur").get("/mairie/demandes/accepter?all=1").text) is None


def test_two_hundred_in_under_two_seconds(app, sign_in):
    with app.test_request_context("/"):
        many_families(200)
    client = sign_in("agent")
    token = items(client.get("/mairie/demandes/accepter?all=1").text)
    begun = time.perf_counter()
    answer = client.post("/mairie/demandes/accepter", data={"items": token})
    taken = time.perf_counter() - begun
    assert "200 requests accepted." in answer.text
    with app.app_context():
        assert db.session.scalar(db.select(db.func.count()).select_from(ChangeRequest).filter_by(state=RequestState.deciding)) == 200
    assert taken < 2, taken
    print(f"200 in {taken:.2f} s")

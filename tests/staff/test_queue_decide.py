"""Does a decision say what the clerk saw and meant, and is it refused with a sentence where it cannot be?"""

import re
import threading

import pytest

from app.changes.models import Decision, DecisionState, RefusalReason, RequestState
from app.core import clock, settings
from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import Adult, AdultRole, BankDetails
from tests.conftest import work
from tests.factories import make_request, request_of

IBAN = "FR7630006000011234567890189"


@pytest.fixture
def asked(app):
    """A request of the Galberts to change two fields, sealed; the ids of request and lot."""
    return ask(app, mobile="06 99 88 77 66", city="Courtry")


def ask(app, family=1, kind="guardian", **changes):
    with app.test_request_context("/"):
        number = make_request(kind, family, changes)
        return number, request_of(number).lot_id


def state(app, number):
    with app.app_context():
        return request_of(number).state


def adult(app, family=1):
    with app.app_context():
        return db.session.scalar(db.select(Adult).filter_by(family_id=family, role=AdultRole.guardian))


def form_of(page):
    """What a browser would send of the page's form of decisions, everything ticked as shown."""
    inputs = re.findall(r'<input [^>]*form="decide"[^>]*>', page)
    data = {}
    for text in inputs:
        name, value = re.search(r'name="([^"]*)"', text)[1], re.search(r'value="([^"]*)"', text)
        if "checkbox" in text and " checked" not in text:
            continue
        data.setdefault(name, []).append(value[1] if value else "")
    return data


def opened(client, lot, query=""):
    answer = client.get(f"/mairie/demandes/{lot}/{query}")
    assert answer.status_code == 200
    return form_of(answer.text)


def send(client, lot, data, query=""):
    return client.post(f"/mairie/demandes/{lot}/decider{query}", data=data)


def later(app, **duration):
    clock.advance(**(duration or {"seconds": 11}))
    work(app)


def test_accepting_leads_on_and_takes_effect_after_the_window(app, asked, sign_in):
    number, lot = asked
    _other, second = ask(app, family=2, mobile="06 01 02 03 04")
    client = sign_in("agent")
    answer = send(client, lot, {**opened(client, lot), "only": "all"})
    assert answer.status_code == 303 and answer.location.endswith(f"/mairie/demandes/{second}/")
    assert "Lot 2026" in client.get(answer.location).text or "accepted." in client.get(answer.location).text
    assert state(app, number) is RequestState.deciding
    later(app)
    assert state(app, number) is RequestState.accepted
    assert (adult(app).mobile, adult(app).city) == ("06 99 88 77 66", "Courtry")


def test_accepting_a_part(app, asked, sign_in):
    number, lot = asked
    client = sign_in("agent")
    data = opened(client, lot)
    data[f"part-{number}"] = ["mobile"]
    send(client, lot, {**data, f"why-{number}": "The address needs a proof."})
    later(app)
    with app.app_context():
        request = request_of(number)
        assert (
            request.state is RequestState.partly_accepted
            and request.accepted_fields == ["mobile"]
            and request.reason == "The address needs a proof."
        )
    assert (adult(app).mobile, adult(app).city) == ("06 99 88 77 66", "Saint-Exemple")


def test_no_field_ticked_is_no_decision(app, asked, sign_in):
    number, lot = asked
    client = sign_in("agent")
    data = opened(client, lot)
    del data[f"part-{number}"]
    answer = send(client, lot, data)
    assert answer.status_code == 422 and "Choose at least one field" in answer.text
    assert state(app, number) is RequestState.pending


def test_a_part_needs_a_reason_and_nothing_that_was_chosen_is_lost(app, asked, sign_in):
    number, lot = asked
    client = sign_in("agent")
    data = {**opened(client, lot), f"part-{number}": ["mobile"], f"why-{number}": "  "}
    answer = send(client, lot, data)
    assert answer.status_code == 422 and "Say why the rest is not accepted: the family reads it." in answer.text
    assert form_of(answer.text)[f"part-{number}"] == ["mobile"]
    assert state(app, number) is RequestState.pending
    answer = send(client, lot, {**data, f"part-{number}": [], f"why-{number}": "The address needs a proof."})
    assert f'name="why-{number}" value="The address needs a proof."' in answer.text and f"part-{number}" not in form_of(answer.text)


def test_one_request_of_a_lot_is_decided_alone(app, sign_in):
    with app.test_request_context("/"):
        first = make_request("guardian", 1, {"mobile": "06 99 88 77 66"}, sealed=False)
        second = make_request("complementary", 1, {"diet": "no_pork"}, child_id=1)
        lot = request_of(first).lot_id
        assert request_of(second).lot_id == lot
    client = sign_in("agent")
    answer = send(client, lot, {**opened(client, lot), "only": str(second)})
    assert answer.location.endswith(f"/mairie/demandes/{lot}/"), "what is left of the lot comes next"
    assert (state(app, first), state(app, second)) == (RequestState.pending, RequestState.deciding)


def test_a_second_decision_is_too_late_and_shows_the_present_state(app, asked, sign_in):
    _number, lot = asked
    first, second = sign_in("agent"), sign_in("agent2")
    mine, theirs = opened(first, lot), opened(second, lot)
    send(first, lot, mine)
    answer = send(second, lot, theirs)
    assert answer.status_code == 409
    assert "Somebody was faster" in answer.text and "being processed" in answer.text
    with app.app_context():
        assert db.session.scalar(db.select(db.func.count()).select_from(Decision)) == 1


def test_a_stale_refusal_keeps_what_was_typed(app, asked, sign_in):
    number, lot = asked
    client = sign_in("agent")
    send(sign_in("agent2"), lot, opened(client, lot))
    answer = send(client, lot, {"outcome": "refuse", "at": f"{number}.1", "reason": "The letter is illegible"})
    assert answer.status_code == 409 and "The letter is illegible" in answer.text


def test_a_file_that_changed_since_needs_a_word(app, asked, sign_in):
    number, lot = asked
    with app.app_context(), unit_of_work():
        db.session.scalar(db.select(Adult).filter_by(family_id=1, role=AdultRole.guardian)).mobile = "07 00 00 00 00"
    client = sign_in("agent")
    page = client.get(f"/mairie/demandes/{lot}/").text
    assert "07 00 00 00 00" in page and "In the file now" in page
    answer = send(client, lot, form_of(page))
    assert answer.status_code == 409 and "The file has changed since the family saw it" in answer.text
    assert send(client, lot, {**form_of(page), f"despite-{number}": "1"}).status_code == 303
    later(app)
    assert adult(app).mobile == "06 99 88 77 66"


def test_a_file_that_changes_after_the_clerk_looked_brings_it_back(app, asked, sign_in):
    number, lot = asked
    client = sign_in("agent")
    data = opened(client, lot)
    with app.app_context(), unit_of_work():
        db.session.scalar(db.select(Adult).filter_by(family_id=1, role=AdultRole.guardian)).mobile = "07 00 00 00 00"
    send(client, lot, data)
    later(app)
    assert state(app, number) is RequestState.pending and adult(app).mobile == "07 00 00 00 00"


def test_a_refusal_needs_a_reason_and_loses_nothing(app, asked, sign_in):
    number, lot = asked
    client = sign_in("agent")
    answer = send(client, lot, {"outcome": "refuse", "at": f"{number}.1", "reason": "  "})
    assert answer.status_code == 422 and "Say why: the family reads it." in answer.text
    long = "word " * 400
    answer = send(client, lot, {"outcome": "refuse", "at": f"{number}.1", "reason": long})
    assert answer.status_code == 422 and long.strip() in answer.text
    assert state(app, number) is RequestState.pending
    assert send(client, lot, {"outcome": "refuse", "at": f"{number}.1", "reason": "Out of the district"}).status_code == 303
    later(app)
    with app.app_context():
        assert (request_of(number).state, request_of(number).reason) == (RequestState.refused, "Out of the district")


def test_a_reason_of_the_town_fills_the_form_without_a_script(app, asked, sign_in):
    number, lot = asked
    with app.app_context(), unit_of_work():
        db.session.add(RefusalReason(rank=1, title="Late", sentence="Trop tard.", sentence_en="Too late."))
    with app.app_context():
        reason = db.session.scalar(db.select(RefusalReason.id))
    client = sign_in("agent")
    page = client.get(f"/mairie/demandes/{lot}/refuser?as=refuse&at={number}.1").text
    assert f"reason_id={reason}" in page
    page = client.get(f"/mairie/demandes/{lot}/refuser?as=refuse&at={number}.1&reason_id={reason}").text
    assert re.search(r"<textarea[^>]*>Trop tard\.</textarea>", page)
    assert "<q data-preview>Trop tard.</q>" in page


def test_sending_back(app, asked, sign_in):
    number, lot = asked
    client = sign_in("agent")
    assert send(client, lot, {"outcome": "send_back", "at": f"{number}.1", "reason": "Please add a proof"}).status_code == 303
    later(app)
    assert state(app, number) is RequestState.sent_back


def test_a_role_may_not_decide_what_is_not_its_own(app, asked, sign_in):
    number, lot = asked
    data = opened(sign_in("agent"), lot)
    _bank, bank_lot = ask(app, kind="bank", holder="Christelle Galbert", iban=IBAN)
    answer = send(sign_in("regisseur"), bank_lot, data)
    assert answer.status_code == 403
    assert state(app, number) is RequestState.pending
    client = sign_in("regisseur")
    assert send(client, bank_lot, opened(client, bank_lot)).status_code == 303
    later(app)
    with app.app_context():
        assert db.session.scalar(db.select(BankDetails).filter_by(family_id=1)).iban == IBAN


def test_a_forged_form_decides_nothing(app, asked, sign_in):
    number, lot = asked
    answer = send(sign_in("agent"), lot, {"shown": "made-up", "only": "all"})
    assert answer.status_code == 409 and state(app, number) is RequestState.pending
    assert send(sign_in("agent"), lot, {"outcome": "refuse", "at": ["x", "1.1.1", "999999.1"], "reason": "no"}).status_code == 409


def test_undo(app, asked, sign_in):
    number, lot = asked
    client = sign_in("agent")
    send(client, lot, opened(client, lot))
    with app.app_context():
        batch = db.session.scalar(db.select(Decision.batch))
    assert sign_in("agent2").post("/mairie/demandes/annuler", data={"batch": batch}).status_code == 403
    answer = client.post("/mairie/demandes/annuler", data={"batch": batch})
    assert answer.status_code == 303 and answer.location.endswith(f"/mairie/demandes/{lot}/")
    assert state(app, number) is RequestState.pending
    assert client.post("/mairie/demandes/annuler", data={"batch": batch}).status_code == 409
    later(app)
    assert adult(app).mobile == "06 11 22 33 44"


def test_undo_comes_too_late(app, asked, sign_in):
    _number, lot = asked
    client = sign_in("agent")
    send(client, lot, opened(client, lot))
    with app.app_context():
        batch = db.session.scalar(db.select(Decision.batch))
    clock.advance(seconds=11)
    assert client.post("/mairie/demandes/annuler", data={"batch": batch}).status_code == 409


def test_without_a_window_it_takes_effect_at_once(app, asked, sign_in):
    number, lot = asked
    with app.app_context(), unit_of_work():
        settings.put("undo_seconds", 0)
    client = sign_in("agent")
    send(client, lot, opened(client, lot))
    assert state(app, number) is RequestState.accepted and adult(app).mobile == "06 99 88 77 66"


def test_without_a_window_a_conflict_is_told_at_once(app, asked, sign_in):
    number, lot = asked
    with app.app_context(), unit_of_work():
        settings.put("undo_seconds", 0)
    client = sign_in("agent")
    data = opened(client, lot)
    with app.app_context(), unit_of_work():
        db.session.scalar(db.select(Adult).filter_by(family_id=1, role=AdultRole.guardian)).mobile = "07 00 00 00 00"
    answer = send(client, lot, data)
    assert answer.status_code == 409 and "The file has changed since." in answer.text
    assert state(app, number) is RequestState.pending


def test_a_record_that_is_gone_is_said(app, sign_in):
    with app.test_request_context("/"):
        number = make_request("photo", 1, {"photo_id": _picture()}, child_id=1)
        lot = request_of(number).lot_id
    with app.app_context(), unit_of_work():
        from app.children.models import Household

        for household in db.session.scalars(db.select(Household).filter_by(child_id=1)):
            household.ended_on = clock.today()
    client = sign_in("agent")
    assert "The record does not exist any more." in client.get(f"/mairie/demandes/{lot}/").text
    for _twice in range(2):
        send(client, lot, opened(client, lot))
        later(app)
        assert state(app, number) is RequestState.pending
        # It was green: the page said that the checks had found nothing.
        page = client.get(f"/mairie/demandes/{lot}/?lane=look").text
        # In the town's language.
        assert page.count("La fiche n’existe plus.") == page.count("La décision n’a pas pu prendre effet") == 1
        assert "The checks found nothing." not in page


def _picture():
    from app.core.files import Upload
    from app.documents.operations import store
    from app.security.who_sees_what import Noun

    with unit_of_work():
        return store(Upload("lea.jpg", "image/jpeg", b"\xff\xd8"), noun=Noun.photo, family_id=1, child_id=1).id


def test_two_clerks_at_once(app, asked, sign_in):
    number, lot = asked
    clients = [sign_in("agent"), sign_in("agent2")]
    forms = [opened(client, lot) for client in clients]
    gate, statuses = threading.Barrier(2), []

    def run(client, data):
        gate.wait()
        statuses.append(send(client, lot, data).status_code)

    threads = [threading.Thread(target=run, args=pair) for pair in zip(clients, forms, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [303, 409]
    with app.app_context():
        held = db.session.scalars(db.select(Decision).filter_by(request_id=number)).all()
        assert [decision.state for decision in held] == [DecisionState.held]


def test_a_family_and_a_clerk_at_once(app, asked, sign_in):
    """Either the request is withdrawn and nothing is decided, or it is decided and cannot be withdrawn any more."""
    number, lot = asked
    family, clerk = sign_in("galbert"), sign_in("agent")
    data, gate = opened(clerk, lot), threading.Barrier(2)

    def run(act):
        gate.wait()
        act()

    threads = [
        threading.Thread(target=run, args=(lambda: send(clerk, lot, data),)),
        threading.Thread(target=run, args=(lambda: family.post(f"/portail/demandes/{number}/retirer"),)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with app.app_context():
        held = db.session.scalar(db.select(db.func.count()).select_from(Decision).filter_by(request_id=number))
        assert (request_of(number).state, held) in ((RequestState.withdrawn, 0), (RequestState.deciding, 1))

"""Does a family's save stay a request until a clerk decides, and does the decision do what it says?"""

from app.changes.decisions import Verdict, decide, undo
from app.changes.models import ChangeRequest, DecisionState, Outcome, RequestState
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import Adult
from tests.conftest import account, base_of, work

FORM = {
    "last_name": "Galbert",
    "first_name": "Christelle",
    "address": "3 rue des Lilas",
    "postcode": "77181",
    "city": "Saint-Exemple",
    "mobile": "06 11 22 33 44",
    "email": "christelle@famille.example",
}


def ask(client, **changes):
    """Open the guardian's form as this client and send it with changes."""
    page = client.get("/portail/demande/guardian/edit/1")
    assert page.status_code == 200, page.text
    return client.post("/portail/demande/guardian/edit/1", data={**FORM, **changes, "base": base_of(page.text)})


def requests():
    return db.session.scalars(db.select(ChangeRequest).order_by(ChangeRequest.id)).all()


def mobile():
    return db.session.scalar(db.select(Adult.mobile).where(Adult.id == 1))


def accept(username="agent", **more):
    with unit_of_work():
        request = requests()[-1]
        return decide([Verdict(request.id, request.version, Outcome.accept, **more)], by=account(username))


def test_a_save_is_a_request_and_changes_nothing(app, sign_in):
    answer = ask(sign_in("galbert"), mobile="06 99 88 77 66")
    assert answer.status_code == 302
    with app.app_context():
        (request,) = requests()
        assert request.changes == {"mobile": {"before": "06 11 22 33 44", "after": "06 99 88 77 66"}}
        assert request.state is RequestState.pending
        assert mobile() == "06 11 22 33 44"


def test_an_accepted_request_takes_effect_after_the_undo_window(app, sign_in):
    ask(sign_in("galbert"), mobile="06 99 88 77 66")
    clock.advance(minutes=11)
    with app.test_request_context("/"):
        assert accept().problems == {}
    work(app)
    with app.app_context():
        assert mobile() == "06 11 22 33 44"
    clock.advance(seconds=11)
    work(app)
    with app.app_context():
        assert mobile() == "06 99 88 77 66"
        assert requests()[0].state is RequestState.accepted


def test_undo_brings_the_request_back(app, sign_in):
    ask(sign_in("galbert"), mobile="06 99 88 77 66")
    clock.advance(minutes=11)
    with app.test_request_context("/"):
        batch = accept().batch
        with unit_of_work():
            assert undo(batch, by=account("agent")) == 1
    clock.advance(minutes=1)
    work(app)
    with app.app_context():
        assert mobile() == "06 11 22 33 44"
        assert requests()[0].state is RequestState.pending


def test_a_lot_cannot_be_decided_before_it_is_sealed(app, sign_in):
    ask(sign_in("galbert"), mobile="06 99 88 77 66")
    with app.test_request_context("/"):
        assert len(accept().problems) == 1


def test_a_second_save_supersedes_the_first_and_keeps_what_it_leaves_alone(app, sign_in):
    client = sign_in("galbert")
    ask(client, mobile="06 99 88 77 66")
    ask(client, mobile="06 99 88 77 66", city="Villevaudé")
    with app.app_context():
        first, second = requests()
        assert first.state is RequestState.superseded and first.superseded_by_id == second.id
        assert {name: pair["after"] for name, pair in second.changes.items()} == {"mobile": "06 99 88 77 66", "city": "Villevaudé"}


def test_a_stale_tab_does_not_revert_what_a_clerk_changed(app, sign_in):
    client = sign_in("galbert")
    page = client.get("/portail/demande/guardian/edit/1").text
    with app.app_context(), unit_of_work():
        db.session.get(Adult, 1).city = "Courtry"
    client.post("/portail/demande/guardian/edit/1", data={**FORM, "mobile": "06 99 88 77 66", "base": base_of(page)})
    with app.app_context():
        assert list(requests()[0].changes) == ["mobile"]


def test_a_conflict_goes_back_to_the_queue(app, sign_in):
    ask(sign_in("galbert"), mobile="06 99 88 77 66")
    clock.advance(minutes=11)
    with app.test_request_context("/"):
        accept()
        with unit_of_work():
            db.session.get(Adult, 1).mobile = "07 00 00 00 00"
    clock.advance(minutes=1)
    work(app)
    with app.app_context():
        (request,) = requests()
        assert mobile() == "07 00 00 00 00"
        assert request.state is RequestState.pending and request.conflict == ["mobile"]
        from app.changes.models import Decision

        assert db.session.scalar(db.select(Decision.state)) is DecisionState.conflict


def test_another_familys_row_is_404(sign_in):
    assert sign_in("martin").get("/portail/demande/guardian/edit/1").status_code == 404


def test_what_was_asked_meanwhile_joins_a_decision_that_is_undone(app, sign_in):
    client = sign_in("galbert")
    ask(client, mobile="06 99 88 77 66")
    clock.advance(minutes=11)
    with app.test_request_context("/"):
        batch = accept().batch
    ask(client, city="Courtry")
    with app.test_request_context("/"), unit_of_work():
        assert undo(batch, by=account("agent")) == 1
    with app.app_context():
        *former, waiting = requests()
        assert [request.state for request in former] == [RequestState.superseded] * 2
        assert {name: pair["after"] for name, pair in waiting.changes.items()} == {"mobile": "06 99 88 77 66", "city": "Courtry"}
        assert waiting.state is RequestState.pending

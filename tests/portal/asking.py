"""How do tests of the portal ask, and how does a clerk answer?"""

from app.changes.decisions import Verdict, decide
from app.changes.models import ChangeLot, ChangeRequest, RequestState
from app.children.models import Child
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from tests.conftest import account, base_of, work

GUARDIAN = {
    "last_name": "Galbert",
    "first_name": "Christelle",
    "address": "3 rue des Lilas",
    "postcode": "77181",
    "city": "Saint-Exemple",
    "mobile": "06 11 22 33 44",
    "email": "christelle@famille.example",
}


def ask(client, *, url="/portail/demande/guardian/edit/1", form=None, **changes):
    """Open a form and send it with changes; of the guardian's, by default."""
    page = client.get(url)
    assert page.status_code == 200, page.text
    return client.post(
        url, data={**(GUARDIAN if form is None else form), **changes, "base": base_of(page.text)}, content_type="multipart/form-data"
    )


def child_id(first_name):
    return db.session.scalar(db.select(Child.id).where(Child.first_name == first_name))


def requests():
    return db.session.scalars(db.select(ChangeRequest).order_by(ChangeRequest.id)).all()


def waiting_lot():
    return db.session.scalar(db.select(ChangeLot).order_by(ChangeLot.id.desc()))


def decide_all(app, outcome, *, wait=True, **more):
    """Let a clerk answer every waiting request, and the undo window pass unless `wait` is false."""
    clock.advance(minutes=11)
    with app.test_request_context("/"), unit_of_work():
        waiting = [request for request in requests() if request.state is RequestState.pending]
        assert decide([Verdict(request.id, request.version, outcome, **more) for request in waiting], by=account("agent")).problems == {}
    if wait:
        clock.advance(seconds=11)
        work(app)

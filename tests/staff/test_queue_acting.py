"""Does what a clerk enters for a family count as the family's, with how and when it came in, and never for another one?"""

from datetime import timedelta

import pytest

from app.audit.models import LogEntry
from app.changes.models import ChangeLot, ChangeRequest, Channel
from app.changes.seed import REASONS, seed
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from tests.conftest import base_of

FORM = {
    "last_name": "Galbert",
    "first_name": "Christelle",
    "address": "3 rue des Lilas",
    "postcode": "77181",
    "city": "Saint-Exemple",
    "mobile": "06 99 88 77 66",
    "email": "christelle@famille.example",
}
SECTION = "/portail/demande/guardian/edit/{}"


def begin(client, family=1, channel="phone", received_on=None):
    with client.application.app_context():
        day = received_on or clock.today()
    return client.post(f"/mairie/pour/{family}", data={"channel": channel, "received_on": day.isoformat()})


def today(app):
    with app.app_context():
        return clock.today()


@pytest.mark.parametrize("channel", ["post", "fax", "phone", "desk"])
def test_a_request_by_any_channel(app, sign_in, channel):
    client, day = sign_in("agent"), today(app) - timedelta(days=3)
    assert client.get("/mairie/pour/1").status_code == 200
    assert begin(client, channel=channel, received_on=day).location.endswith("/portail/")
    page = client.get(SECTION.format(1))
    assert page.status_code == 200 and "You act for family Galbert" in page.text
    client.post(SECTION.format(1), data={**FORM, "base": base_of(page.text)})
    with app.app_context():
        request = db.session.scalar(db.select(ChangeRequest))
        assert (request.family_id, request.lot.channel, request.received_on, request.asked_by) == (1, Channel(channel), day, "Agent Mairie")
        assert not request.lot.sealed
    client.post("/mairie/pour/fin")
    with app.app_context():
        assert db.session.scalar(db.select(ChangeLot)).sealed, "nothing more can come"
        verbs = db.session.scalars(db.select(LogEntry.verb).where(LogEntry.family_id == 1).order_by(LogEntry.id)).all()
        assert verbs[0] == "acting.entered" and verbs[-1] == "acting.left"
    assert client.get("/portail/").status_code == 403, "acting has ended"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"channel": "pigeon"}, "Not a valid choice"),
        ({"channel": ""}, "Please fill this in"),
        ({"days": 1}, "lies in the future"),
        ({"days": -400}, "more than a year ago"),
        ({"received_on": "31/02/2026"}, "Not a valid date"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(app, sign_in, change, sentence):
    client = sign_in("agent")
    day = (today(app) + timedelta(days=change.get("days", 0))).isoformat()
    answer = client.post("/mairie/pour/1", data={"channel": "post", "received_on": day, **change})
    assert answer.status_code == 422 and sentence in answer.text
    assert client.get("/portail/").status_code == 403


def test_a_form_that_was_opened_for_another_family_sends_nothing(app, sign_in):
    client = sign_in("agent")
    begin(client, family=1)
    base = base_of(client.get(SECTION.format(1)).text)
    begin(client, family=2)
    for target in (1, 2):
        client.post(SECTION.format(target), data={**FORM, "base": base})
    with app.app_context():
        assert db.session.scalar(db.select(ChangeRequest)) is None


def test_going_on_to_another_family_seals_what_was_entered(app, sign_in):
    client = sign_in("agent")
    begin(client, family=1)
    client.post(SECTION.format(1), data={**FORM, "base": base_of(client.get(SECTION.format(1)).text)})
    begin(client, family=2)
    with app.app_context():
        assert db.session.scalar(db.select(ChangeLot)).sealed
    assert client.get(SECTION.format(1)).status_code == 404


@pytest.mark.parametrize("username", ["regisseur", "animateur", "lecteur", "galbert"])
def test_only_who_may_ask_acts(sign_in, username):
    client = sign_in(username)
    assert client.get("/mairie/pour/1").status_code == 403
    assert begin(client).status_code == 403
    assert client.post("/mairie/pour/fin").status_code == 403


def test_an_acting_clerk_reads_no_more_than_the_role(app, sign_in):
    """A role that loses its right in between acts for nobody."""
    client = sign_in("animateur")
    with client.session_transaction() as session:
        session["acting"] = {"family": 1, "channel": "phone", "received_on": "2026-11-23"}
    assert client.get("/portail/").status_code == 403


def test_a_family_that_does_not_exist(sign_in):
    client = sign_in("agent")
    assert client.get("/mairie/pour/999").status_code == 404
    assert client.post("/mairie/pour/fin").status_code == 303, "stopping what was not begun"


def test_a_new_town_has_five_reasons_and_keeps_its_own(ctx):
    from app.changes.models import RefusalReason

    for _twice in range(2):
        with unit_of_work():
            seed()
    assert db.session.scalars(db.select(RefusalReason.title).order_by(RefusalReason.rank)).all() == [title for title, *_rest in REASONS]
    assert all(sentence and english for _title, sentence, english in REASONS)

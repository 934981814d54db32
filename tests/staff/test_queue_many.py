"""Can a clerk decide many bookings at a glance, and does the family read one line for each child and service?"""

import re
from datetime import timedelta

import pytest

from app.changes.models import ChangeLot, ChangeRequest, RequestState
from app.changes.notices import send_receipts
from app.core import clock
from app.extensions import db
from app.mail.models import OutgoingMail
from tests.activities import cast
from tests.conftest import counted_queries, work
from tests.factories import make_request, seal_all

DAYS = (cast.NEXT_MONDAY, cast.NEXT_TUESDAY, cast.NEXT_THURSDAY, cast.NEXT_FRIDAY)


@pytest.fixture
def asked(app, activities):
    """Léa's canteen of next week: the ids of its four requests, in one sealed lot."""
    with app.test_request_context("/"):
        ids = [ask(activities, day) for day in DAYS]
    seal_all()
    return ids


def ask(town, day, **more):
    return make_request("booking", 1, {"unit_id": town.meal, "day": day}, act="add", child_id=town.lea, sealed=False, **more)


def lot_path(app):
    with app.app_context():
        return f"/mairie/demandes/{db.session.scalar(db.select(ChangeLot.id))}/"


def ticks(page):
    return re.findall(r'type="checkbox" form="decide" name="at" value="([\d.]+)"', page)


def shown(page):
    return re.findall(r'name="shown" value="([^"]+)"', page)


def states(app):
    with app.app_context():
        return db.session.scalars(db.select(ChangeRequest.state).order_by(ChangeRequest.id)).all()


def test_they_stand_in_one_table(app, sign_in, asked):
    page = sign_in("agent").get(lot_path(app)).text
    assert len(ticks(page)) == 4 and page.count('class="card ask"') == 1
    assert "Monday, 30 November 2026" in page and "Léa" in page


def test_more_of_them_cost_no_more_queries(app, sign_in, activities, asked):
    client, path = sign_in("agent"), lot_path(app)
    client.get(path)
    with app.app_context(), counted_queries() as few:
        client.get(path)
    with app.test_request_context("/"):
        clock.advance(minutes=-11)
        for week in range(1, 4):
            for day in DAYS[:3]:
                ask(activities, day + timedelta(days=7 * week)) if week < 3 else None
    seal_all()
    with app.app_context(), counted_queries() as many:
        page = client.get(path).text
    assert len(ticks(page)) == 10
    assert len(many) <= len(few)


def test_the_ticked_ones_are_accepted_and_the_others_wait(app, sign_in, asked):
    client, path = sign_in("agent"), lot_path(app)
    page = client.get(path).text
    answer = client.post(f"{path}decider", data={"only": "ticked", "at": ticks(page)[:2], "shown": shown(page)})
    assert answer.status_code == 303
    clock.advance(seconds=11)
    work(app)
    assert sorted(states(app)) == [RequestState.accepted] * 2 + [RequestState.pending] * 2


def test_nothing_ticked_decides_nothing(app, sign_in, asked):
    client, path = sign_in("agent"), lot_path(app)
    answer = client.post(f"{path}decider", data={"only": "ticked", "shown": shown(client.get(path).text)}, follow_redirects=True)
    assert "Nothing was chosen" in answer.text
    assert set(states(app)) == {RequestState.pending}


def test_the_ticked_ones_are_refused_with_one_reason(app, sign_in, asked):
    client, path = sign_in("agent"), lot_path(app)
    two = ticks(client.get(path).text)[:2]
    form = client.post(f"{path}decider", data={"as": "refuse", "at": two})
    assert form.status_code == 200 and "is-wrong" not in form.text
    assert re.findall(r'type="hidden" name="at" value="([\d.]+)"', form.text) == two
    client.post(f"{path}decider", data={"outcome": "refuse", "at": two, "reason": "The cook is ill."})
    clock.advance(seconds=11)
    work(app)
    assert sorted(states(app)) == [RequestState.pending] * 2 + [RequestState.refused] * 2


def body_of(app, template):
    with app.app_context():
        return db.session.scalar(db.select(OutgoingMail.body).filter_by(template=template).order_by(OutgoingMail.id.desc()))


def test_the_mails_say_each_child_and_service_in_one_line(app, sign_in, asked):
    with app.test_request_context("/"):
        send_receipts()
    assert re.search(r"- Léa\s*: Canteen, lundi 30 novembre, mardi 1, jeudi 3, vendredi 4 décembre", body_of(app, "receipt"))
    client, path = sign_in("agent"), lot_path(app)
    page = client.get(path).text
    client.post(f"{path}decider", data={"outcome": "refuse", "at": ticks(page)[:1], "reason": "Outing."})
    client.post(f"{path}decider", data={"only": "all", "shown": shown(client.get(path).text)})
    clock.advance(seconds=11)
    work(app)
    said = body_of(app, "decided")
    lines = [line for line in said.splitlines() if line.startswith("- ")]
    assert len(lines) == 2 and "lundi 30 novembre" in lines[0] and "vendredi 4 décembre" in lines[1]
    assert said.index("Outing.") < said.index(lines[1])


def test_the_receipt_of_the_portal_is_as_short(app, sign_in, asked):
    path = lot_path(app).replace("/mairie/demandes/", "/portail/demandes/lot/")
    page = sign_in("galbert").get(path).text
    assert page.count("<article") == 0 and "Canteen, Monday 30 November, Tuesday 1, Thursday 3, Friday 4 December" in page

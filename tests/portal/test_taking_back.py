"""Can a family take back in one act what it asked in one, and nothing else?"""

import re

import pytest
from sqlalchemy import select

from app.activities.models import PlaceAsked, Rank
from app.changes.models import ChangeLot, ChangeRequest, Outcome, RequestState
from app.core.db import unit_of_work
from app.extensions import db
from tests.activities import cast
from tests.conftest import counted_queries
from tests.portal.asking import ask, decide_all
from tests.portal.test_agenda import AGENDA, NEXT, send_recap, spot

PENDING, WITHDRAWN = RequestState.pending, RequestState.withdrawn


@pytest.fixture
def galbert(sign_in, activities):
    return sign_in("galbert")


def states(app):
    with app.app_context():
        return [row.state for row in db.session.scalars(select(ChangeRequest).order_by(ChangeRequest.id))]


def receipt(app):
    with app.app_context():
        return f"/portail/demandes/lot/{db.session.scalar(select(ChangeLot.id))}/"


def button(page, label):
    """(address, fields) of the form whose button says so."""
    for action, inside in re.findall(r'<form class="inline" method="post" action="([^"]+)"[^>]*>(.*?)</form>', page.text, re.S):
        if label in inside:
            fields = {}
            for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', inside):
                fields.setdefault(name, []).append(value)
            return action, fields
    raise AssertionError(label)


def declare(client, activities):
    base = re.search(r'name="base"[^>]*value="([^"]+)"', client.get("/portail/agenda/absence/").text).group(1)
    values = {"children": [activities.lea, activities.tom], "reason_id": activities.ill}
    days = {"first_day": "2026-11-26", "last_day": "2026-11-27"}
    return client.post("/portail/agenda/absence/", data={"base": base, **values, **days}, content_type="multipart/form-data")


def test_a_wide_act_is_undone_with_one_button_and_only_that_act(app, galbert, activities):
    galbert.post(AGENDA, data={"book": spot(activities.tom, activities.meal, cast.THURSDAY), "key": "k" * 32})
    _spots, page = send_recap(galbert, galbert.get(f"{AGENDA}semaine-type/{NEXT}"))
    assert "Take 9 requests back?" in page.text
    address, fields = button(page, "Take all back (9)")
    said = galbert.post(address, data=fields, follow_redirects=True)
    assert "9 requests taken back." in said.text
    assert states(app) == [PENDING, *[WITHDRAWN] * 9]
    with app.app_context():
        assert len(db.session.scalars(select(PlaceAsked.id).where(PlaceAsked.rank != Rank.closed)).all()) == 1
    assert "Nothing is left to take back." in galbert.post(address, data=fields, follow_redirects=True).text


def test_the_receipt_takes_back_a_line_or_all(app, galbert, activities):
    send_recap(galbert, galbert.get(f"{AGENDA}semaine-type/{NEXT}"))
    ask(galbert, mobile="06 99 88 77 66")
    page = galbert.get(receipt(app))
    assert "Take 10 requests back?" in page.text
    address, fields = button(page, "Withdraw all 4")
    assert "4 requests taken back." in galbert.post(address, data=fields, follow_redirects=True).text
    assert states(app).count(PENDING) == 6
    address, fields = button(galbert.get(receipt(app)), "Take all back (6)")
    page = galbert.post(address, data=fields, follow_redirects=True)
    assert "6 requests taken back." in page.text and set(states(app)) == {WITHDRAWN}
    # Nothing waits any more: nothing is said to be decided.
    assert "I am done" not in page.text and "Taken back on" in page.text


def test_an_absence_of_two_children_is_taken_back(app, galbert, activities):
    with app.app_context():
        for child in (activities.lea, activities.tom):
            cast.book(child, 1, activities.meal, cast.THURSDAY)
    page = galbert.get(declare(galbert, activities).location)
    address, fields = button(page, "Take all back (2)")
    galbert.post(address, data=fields)
    assert states(app) == [WITHDRAWN, WITHDRAWN]
    with app.app_context():
        assert set(db.session.scalars(select(PlaceAsked.rank))) == {Rank.closed}


def test_one_booking_and_one_absence_are_taken_back_from_the_list(app, galbert, activities):
    with app.app_context():
        cast.book(activities.lea, 1, activities.meal, cast.THURSDAY)
    galbert.post(AGENDA, data={"book": spot(activities.lea, activities.care, cast.THURSDAY), "key": "k" * 32})
    where = spot(activities.lea, activities.meal, cast.THURSDAY)
    base = re.search(r'name="base"[^>]*value="([^"]+)"', galbert.get(f"/portail/agenda/absence/?spot={where}").text).group(1)
    values = {"children": activities.lea, "reason_id": activities.ill, "first_day": "2026-11-26", "last_day": "2026-11-26"}
    galbert.post("/portail/agenda/absence/", data={"base": base, **values}, content_type="multipart/form-data")
    for number in (1, 2):
        assert galbert.post(f"/portail/demandes/{number}/retirer").status_code == 303
    assert states(app) == [WITHDRAWN, WITHDRAWN]


def test_a_place_given_up_goes_to_the_next_in_line(app, galbert, sign_in, activities):
    with app.app_context():
        cast.places(activities.big, activities.day, 1)
    galbert.post(AGENDA, data={"book": spot(activities.lea, activities.day, cast.NEXT_WEDNESDAY), "key": "k" * 32})
    with app.app_context():
        other = cast.another_child("Zoé", 3)
        cast.enrol(other, 3, activities.wednesday)
    sign_in("petit").post(AGENDA, data={"book": spot(other, activities.day, cast.NEXT_WEDNESDAY), "key": "l" * 32})
    assert galbert.post(receipt(app) + "retirer").status_code == 303
    with app.app_context():
        assert db.session.scalar(select(PlaceAsked.rank).filter_by(child_id=other)) is Rank.offered


def test_what_the_town_is_deciding_stays(app, galbert, activities):
    for number, day in enumerate((cast.THURSDAY, cast.FRIDAY)):
        galbert.post(AGENDA, data={"book": spot(activities.lea, activities.care, day), "key": f"{number}" * 32})
    with app.test_request_context("/"), unit_of_work():
        db.session.get(ChangeRequest, 1).move_to(RequestState.deciding)
    said = galbert.post(receipt(app) + "retirer", follow_redirects=True).text
    assert "1 request taken back." in said and "1 request stays: the town hall is deciding." in said
    assert states(app) == [RequestState.deciding, WITHDRAWN]


def test_what_was_decided_stays_decided(app, galbert, activities):
    galbert.post(AGENDA, data={"book": spot(activities.lea, activities.care, cast.THURSDAY), "key": "k" * 32})
    decide_all(app, Outcome.accept)
    assert "Nothing is left to take back." in galbert.post(receipt(app) + "retirer", follow_redirects=True).text
    assert states(app) == [RequestState.accepted]


@pytest.mark.parametrize("username", ("martin", "petit"))
def test_another_familys_lot_is_not_there(app, galbert, sign_in, activities, username):
    send_recap(galbert, galbert.get(f"{AGENDA}semaine-type/{NEXT}"))
    assert sign_in(username).post(receipt(app) + "retirer", data={"request": ["1", "2"]}).status_code == 404
    assert set(states(app)) == {PENDING}


def test_the_spouse_takes_back_days_but_not_the_guardians_sections(app, galbert, sign_in, activities):
    ask(galbert, mobile="06 99 88 77 66")
    galbert.post(AGENDA, data={"book": spot(activities.lea, activities.care, cast.THURSDAY), "key": "k" * 32})
    assert sign_in("marc").post(receipt(app) + "retirer").status_code == 303
    assert states(app) == [PENDING, WITHDRAWN]


def test_a_receipt_of_forty_days_is_cheap(app, galbert, activities):
    recap = galbert.get(f"{AGENDA}repeter/?spot={spot(activities.lea, activities.meal, cast.FRIDAY)}&until=2027-06-25")
    spots, page = send_recap(galbert, recap)
    assert len(spots) >= 25 and f"Take all back ({len(spots)})" in page.text
    address = receipt(app)
    galbert.get(address)
    with app.app_context(), counted_queries() as statements:
        galbert.get(address)
    assert len(statements) <= 8, "\n".join(statements)

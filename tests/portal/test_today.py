"""What does the home page say of the children's days?"""

from datetime import timedelta

import pytest
from sqlalchemy import event, select

from app.activities.models import PlaceAsked, Rank
from app.changes.models import ChangeRequest, RequestState
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from tests.activities import cast
from tests.factories import make_request


@pytest.fixture
def galbert(sign_in, activities):
    return sign_in("galbert")


def test_today_is_told_by_child(app, galbert, activities):
    with app.app_context():
        cast.book(activities.lea, 1, activities.meal, cast.MONDAY)
    page = galbert.get("/portail/").text
    assert 'class="sign booked"' in page and "nothing booked" in page
    assert "Declare an absence" in page


def test_the_next_deadline_with_nothing_booked_is_a_task_until_something_is(app, galbert, activities):
    assert "nothing is booked for" in galbert.get("/portail/").text
    with app.app_context():
        for child, unit in ((activities.lea, activities.meal), (activities.lea, activities.care), (activities.tom, activities.meal)):
            for day in (cast.THURSDAY, cast.NEXT_THURSDAY):
                cast.book(child, 1, unit, day)
        for day in (cast.WEDNESDAY, cast.NEXT_WEDNESDAY):
            cast.book(activities.lea, 1, activities.day, day)
    assert "nothing is booked for" not in galbert.get("/portail/").text


def test_an_offered_place_is_taken_or_given_up_from_home(app, galbert, activities):
    with app.app_context():
        cast.places(activities.big, activities.day, 0)
    where = f"{activities.lea}.{activities.day}.2026-12-02"
    galbert.post("/portail/agenda/", data={"book": where, "key": "k" * 32})
    with app.test_request_context("/"), unit_of_work():
        ask = db.session.scalar(select(PlaceAsked))
        ask.rank, ask.offered_until = Rank.offered, clock.now() + timedelta(hours=24)
        request = ask.request_id
    page = galbert.get("/portail/").text
    assert (
        "A place is free for Léa" in page and f"/portail/agenda/place/{request}" in page and f"/portail/demandes/{request}/retirer" in page
    )
    galbert.post(f"/portail/agenda/place/{request}")
    assert "A place is free for Léa" not in galbert.get("/portail/").text


def test_hundreds_of_booked_days_do_not_weigh_on_home(app, galbert, activities):
    days = [cast.NEXT_MONDAY + timedelta(days=7 * week + place) for week in range(3) for place in (0, 1, 3, 4)]
    with app.test_request_context("/"):
        for day in days:
            make_request("booking", 1, {"unit_id": activities.meal, "day": day}, act="add", child_id=activities.lea)
    assert "12 requests wait at the town hall." in galbert.get("/portail/").text
    with app.test_request_context("/"), unit_of_work():
        for request in db.session.scalars(select(ChangeRequest).order_by(ChangeRequest.id).limit(6)):
            request.move_to(RequestState.deciding)
            request.move_to(RequestState.accepted)
            request.decided_at = clock.now()
    read = []

    def note(row, _context):
        read.append(row)

    event.listen(ChangeRequest, "load", note)
    try:
        page = galbert.get("/portail/").text
    finally:
        event.remove(ChangeRequest, "load", note)
    assert "6 requests wait at the town hall." in page and page.count('class="answer"') == 3
    # The agenda shows the others.
    assert len(read) == 3

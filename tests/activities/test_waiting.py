"""Who gets a place that becomes free, and until when is it kept?"""

import re
from datetime import date

import pytest
from sqlalchemy import text

from app.activities.models import Booking, BookingState, PlaceAsked, Rank
from app.activities.places import taken_query
from app.activities.timetable import CellState
from app.activities.waiting import lapse_offers, offer_places
from app.changes.decisions import Verdict, decide
from app.changes.models import Lane, Outcome, RequestState
from app.changes.operations import confirm, withdraw
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import Stale
from app.core.i18n import in_locale
from app.extensions import db
from app.mail.models import OutgoingMail
from tests.activities import cast
from tests.activities.cast import NEXT_MONDAY
from tests.activities.test_bookings import ask, booking, cell, settle
from tests.conftest import account, work
from tests.factories import request_of


@pytest.fixture
def town(app, activities, ctx):
    with in_locale("en"):
        cast.places(activities.table, activities.meal, 1, NEXT_MONDAY)
        yield activities


@pytest.fixture
def line(town):
    """Tom has the only place; Léa is first on the waiting list, Hugo second. Ids of their requests."""
    numbers = []
    for child, family in ((town.tom, town.galbert), (town.lea, town.galbert), (_hugo_here(town), town.martin)):
        numbers.append(ask(town, town.meal, NEXT_MONDAY, child=child, family=family))
        clock.advance(minutes=1)
    return numbers


def _hugo_here(town):
    from app.children.models import Household, Weeks

    with unit_of_work():
        for row in db.session.scalars(db.select(Household).filter_by(child_id=town.hugo)):
            row.weeks = Weeks.all
    return town.hugo


def ranks():
    return list(db.session.scalars(db.select(PlaceAsked.rank).order_by(PlaceAsked.id)))


def take_back(number):
    with unit_of_work():
        withdraw(request_of(number), by=account("galbert"))


def offers():
    return db.session.scalars(db.select(OutgoingMail).filter_by(template="place_offered")).all()


def test_a_full_day_has_a_waiting_list(town, line):
    assert ranks() == [Rank.holds, Rank.queued, Rank.queued]
    assert request_of(line[1]).lane is Lane.queued
    found = cell(town, town.meal, NEXT_MONDAY, town.hugo, town.martin)
    assert (found.state, found.number, found.withdrawable) == (CellState.queued, 2, True)


def test_who_waits_cannot_be_accepted(town, line):
    clock.advance(minutes=11)
    with unit_of_work():
        result = decide([Verdict(line[1], request_of(line[1]).version, Outcome.accept)], by=account("agent"))
    assert "waiting list" in str(result.problems[line[1]])


def test_a_freed_place_goes_to_the_first(town, line):
    take_back(line[0])
    assert ranks() == [Rank.closed, Rank.offered, Rank.queued]
    found = cell(town, town.meal, NEXT_MONDAY)
    assert found.state is CellState.offered and found.until > clock.now()
    (mail,) = offers()
    assert "Léa" in mail.subject and mail.recipient == "galbert@famille.example"
    assert offer_places() == 0, "once"


def test_the_family_takes_the_place(app, town, line):
    take_back(line[0])
    with unit_of_work():
        confirm(request_of(line[1]), by=account("galbert"))
    assert request_of(line[1]).lane is Lane.green and ranks()[1] is Rank.holds
    settle(app, line[1])
    assert booking(town, town.meal, NEXT_MONDAY).state is BookingState.booked


def test_what_is_not_offered_cannot_be_taken(town, line):
    with pytest.raises(Stale), unit_of_work():
        confirm(request_of(line[1]), by=account("galbert"))


def test_the_family_leaves_the_place_to_the_next(town, line):
    take_back(line[0])
    take_back(line[1])
    assert ranks() == [Rank.closed, Rank.closed, Rank.offered]


def test_an_offer_lapses(app, town, line):
    clock.advance(minutes=11)
    take_back(line[0])
    clock.advance(hours=25)
    with pytest.raises(Stale), unit_of_work():
        confirm(request_of(line[1]), by=account("galbert"))
    assert lapse_offers() == 1
    work(app)
    request = request_of(line[1])
    assert request.state is RequestState.refused and request.reason
    assert ranks() == [Rank.closed, Rank.closed, Rank.offered]
    assert len(offers()) == 2


def test_a_refusal_frees_the_place(app, town, line):
    settle(app, line[0], outcome=Outcome.refuse, reason="No")
    assert ranks() == [Rank.closed, Rank.offered, Rank.queued]


def test_more_places_are_offered_by_the_worker(app, town, line):
    cast.places(town.table, town.meal, 2, NEXT_MONDAY)
    work(app)
    assert ranks() == [Rank.holds, Rank.offered, Rank.queued]
    work(app)
    assert ranks() == [Rank.holds, Rank.offered, Rank.queued]


def test_who_asks_now_does_not_pass_those_who_wait(town, line):
    cast.places(town.table, town.meal, 2, NEXT_MONDAY)
    other = cast.another_child("Zoé", town.galbert)
    cast.enrol(other, town.galbert, town.canteen)
    ask(town, town.meal, NEXT_MONDAY, child=other)
    assert ranks()[-1] is Rank.queued


def test_wishes_end_with_their_day(app, town, line):
    clock.advance(days=7)
    work(app)
    assert {request_of(number).state for number in line[1:]} == {RequestState.refused}
    assert request_of(line[0]).state is RequestState.pending, "it holds a place: a clerk decides"


def test_nothing_is_offered_on_the_day_itself(app, town, line):
    clock.advance(days=7)
    take_back(line[0])
    assert Rank.offered not in ranks() and offers() == []


def test_an_absence_frees_the_place(app, town):
    from app.activities.changes.absence import booked

    row = cast.book(town.tom, town.galbert, town.meal, NEXT_MONDAY, town.table)
    number = ask(town, town.meal, NEXT_MONDAY)
    from tests.factories import make_request

    assert len(booked(town.tom, town.galbert, NEXT_MONDAY, NEXT_MONDAY)) == 1
    day = {"first_day": NEXT_MONDAY, "last_day": NEXT_MONDAY, "reason_id": town.ill}
    absence = make_request("absence", town.galbert, day, act="add", child_id=town.tom, sealed=False)
    assert ranks() == [Rank.queued, Rank.holds]
    settle(app, absence)
    assert db.session.get(Booking, row, populate_existing=True).state is BookingState.absent
    assert ranks() == [Rank.offered, Rank.closed]
    assert request_of(number).lane is Lane.queued


# -- sent back to be corrected --------------------------------------------------------------------------------------------------------


def send_back(app, *numbers):
    """As a town did before this was forbidden: its requests are still there."""
    with unit_of_work():
        for number in numbers:
            request = request_of(number)
            request.move_to(RequestState.deciding)
            request.move_to(RequestState.sent_back)
            request.reason = "Say more"


def test_who_waits_or_is_offered_a_place_is_not_sent_back(town, line):
    clock.advance(minutes=11)
    for _round in ("queued", "offered"):
        with unit_of_work():
            result = decide([Verdict(line[1], request_of(line[1]).version, Outcome.send_back, reason="Why?")], by=account("agent"))
        assert "let it wait, or refuse it" in str(result.problems[line[1]])
        if _round == "queued":
            take_back(line[0])


def test_one_that_was_sent_back_does_not_hold_up_those_behind_it(app, town, line):
    send_back(app, line[1])
    take_back(line[0])
    assert ranks() == [Rank.closed, Rank.queued, Rank.offered]


def test_the_offer_of_one_that_was_sent_back_lapses(app, town, line):
    clock.advance(minutes=11)
    take_back(line[0])
    send_back(app, line[1])
    clock.advance(hours=25)
    assert lapse_offers() == 1
    assert request_of(line[1]).state is RequestState.refused
    assert ranks() == [Rank.closed, Rank.closed, Rank.offered]


def test_what_nobody_corrected_ends_with_its_day(app, town, line):
    send_back(app, line[0], line[1])
    clock.advance(days=7)
    work(app)
    assert [request_of(number).state for number in line] == [RequestState.refused] * 3
    assert ranks() == [Rank.closed] * 3


# -- in the queue -------------------------------------------------------------------------------------------------------------------------


def test_the_waiting_list_is_a_lane_of_its_own(town, line, sign_in):
    from tests.staff.test_queue import shown

    clock.advance(minutes=11)
    galbert, martin = (request_of(number).lot_id for number in (line[0], line[2]))
    client = sign_in("agent")
    assert shown(client.get("/mairie/demandes/").text) == [galbert], "its first request holds a place"
    assert shown(client.get("/mairie/demandes/?lane=queued").text) == [martin]
    clock.advance(days=4)
    assert shown(client.get("/mairie/demandes/?lane=late").text) == [galbert], "nobody is late with what cannot be decided"


def test_what_waits_for_a_place_has_no_button_to_be_corrected(town, line, sign_in):
    clock.advance(minutes=11)
    client, galbert, martin = sign_in("agent"), request_of(line[0]).lot_id, request_of(line[2]).lot_id
    page = client.get(f"/mairie/demandes/{galbert}/").text
    links = re.findall(r'href="([^"]*as=send_back[^"]*)"', page)
    assert links and not any(f"at={line[1]}." in link for link in links)
    assert "as=send_back" not in client.get(f"/mairie/demandes/{martin}/?lane=queued").text


def test_a_lot_is_accepted_without_its_waiting_list(app, town, line, sign_in):
    clock.advance(minutes=11)
    client, lot = sign_in("agent"), request_of(line[0]).lot_id
    page = client.get(f"/mairie/demandes/{lot}/").text
    tokens = re.findall(r'name="shown" value="([^"]+)"', page)
    assert tokens
    answer = client.post(f"/mairie/demandes/{lot}/decider", data={"shown": tokens, "only": "all", "outcome": "accept"})
    assert answer.status_code == 303
    db.session.rollback()
    assert request_of(line[0]).state is RequestState.deciding and request_of(line[1]).state is RequestState.pending


@pytest.mark.once
def test_places_are_counted_from_an_index(app, ctx):
    """Without it SQLite reads a unit's whole year at each tap."""
    counting = taken_query([1, 2], date(2026, 11, 23), date(2026, 11, 29), [1, 2]).compile(
        db.engine, compile_kwargs={"literal_binds": True}
    )
    steps = [row.detail for row in db.session.execute(text(f"EXPLAIN QUERY PLAN {counting}"))]
    assert any("booking USING COVERING INDEX ix_booking_unit (unit_id=? AND group_id=? AND day>? AND day<?)" in step for step in steps), (
        steps
    )

"""200 families want 50 places at the same moment: who gets one, who waits, and in which order?"""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Event

import pytest
from sqlalchemy import text

from app.activities import cancelling
from app.activities.cancelling import Days, cancel_days
from app.activities.enrolling import change
from app.activities.models import Activity, Booking, BookingState, Enrolment, PlaceAsked, Rank
from app.activities.operations import book, unbook
from app.changes.decisions import Verdict, apply_due, decide
from app.changes.kinds import KINDS, Proposal
from app.changes.models import Act, ChangeLot, ChangeRequest, Lane, Outcome
from app.changes.operations import submit, withdraw
from app.children.models import Child, Household, Weeks
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.families.operations import new_family
from app.security.scope import Standing
from app.security.who_sees_what import Viewer
from tests.activities import cast
from tests.activities.cast import NEXT_MONDAY, NEXT_WEDNESDAY
from tests.conftest import account
from tests.factories import make_request

FAMILIES, SEATS, AT_ONCE = 200, 50, 4


def families(town, count=FAMILIES, activity=None):
    """[(family, child)] of families with a child each, enrolled in the canteen or another activity."""
    made = []
    with unit_of_work():
        for number in range(count):
            family = new_family(f"Famille {number}")
            child = Child(first_name=f"Enfant {number}", last_name=family.name, birth_date=date(2018, 5, 5))
            db.session.add_all([family, child, Household(child=child, family=family, weeks=Weeks.all, started_on=date(2024, 9, 1))])
            db.session.flush()
            db.session.add(cast._enrolment(child.id, family.id, activity or town.canteen, {}))
            made.append((family.id, child.id))
    return made


def together(app, act, items):
    """Do something for all items, several at a time, each in a request of its own."""

    def one(item):
        with app.test_request_context("/"):
            return act(item)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        done = list(threads.map(one, items))
    # What was read before is a picture of the past.
    db.session.rollback()
    return done


def asks(town, unit=None, day=NEXT_MONDAY):
    def ask(item):
        family, child = item
        by = account("galbert")
        with unit_of_work():
            after = {"unit_id": unit or town.meal, "day": day.isoformat()}
            proposal = Proposal(act=Act.add, child_id=child, after=after, key=f"tap-{child}")
            return submit(KINDS["booking"], proposal, standing=Standing(by.id, family, Viewer.guardian), by=by).id

    return ask


def in_order(rank):
    query = db.select(PlaceAsked.asked_at).filter_by(rank=rank).order_by(PlaceAsked.asked_at, PlaceAsked.id)
    return db.session.scalars(query).all()


def test_200_families_for_50_places(app, activities):
    with app.test_request_context("/"):
        cast.places(activities.table, activities.meal, SEATS, NEXT_MONDAY)
        wanted = families(activities)
        # Every tap is sent twice, as telephones do.
        numbers = together(app, asks(activities), [item for item in wanted for _twice in range(2)])
        assert len(set(numbers)) == FAMILIES, "nobody twice"
        holds, queued = in_order(Rank.holds), in_order(Rank.queued)
        assert (len(holds), len(queued)) == (SEATS, FAMILIES - SEATS)
        assert max(holds) <= min(queued), "who waits asked later"
        lanes = db.session.execute(db.select(ChangeRequest.lane, db.func.count()).group_by(ChangeRequest.lane)).all()
        assert dict(map(tuple, lanes)) == {Lane.green: SEATS, Lane.queued: FAMILIES - SEATS}


def test_200_families_for_50_places_that_three_units_share(app, activities):
    """A third each wants the day, the morning, the afternoon: never more than fifty at a time, in the order in which they asked."""
    day, morning, afternoon = activities.day, activities.morning, activities.afternoon
    with app.test_request_context("/"):
        cast.places(activities.big, None, SEATS, NEXT_WEDNESDAY)
        cast.places(activities.big, day, FAMILIES)
        cast.places(activities.big, morning, FAMILIES)
        cast.places(activities.big, afternoon, FAMILIES)
        wanted = families(activities, activity=activities.wednesday)
        unit_of = {child: (day, morning, afternoon)[number % 3] for number, (_family, child) in enumerate(wanted)}

        def ask(item):
            return asks(activities, unit_of[item[1]], NEXT_WEDNESDAY)(item)

        numbers = together(app, ask, [item for item in wanted for _twice in range(2)])
        assert len(set(numbers)) == FAMILIES, "nobody twice"
        assert _as_one_after_the_other(day, (morning, afternoon)) == SEATS
        # Some give their place back at the same moment: what becomes free goes to the first who can use it, and no more than there are.
        held = db.session.scalars(db.select(PlaceAsked.request_id).filter_by(rank=Rank.holds).order_by(PlaceAsked.id)).all()

        def leave(number):
            with unit_of_work():
                withdraw(db.session.get(ChangeRequest, number), by=account("galbert"))

        together(app, leave, held[:20])
        assert _as_one_after_the_other(day, (morning, afternoon)) == SEATS


def _as_one_after_the_other(day, halves):
    """How many are there at the most; everybody has a place, or none, as if all had asked one after the other."""
    query = db.select(PlaceAsked).where(PlaceAsked.rank != Rank.closed).order_by(PlaceAsked.asked_at, PlaceAsked.id)
    rows = db.session.scalars(query.execution_options(populate_existing=True)).all()
    there, before = dict.fromkeys(halves, 0), dict.fromkeys(halves, 0)
    for row in rows:
        mine = halves if row.unit_id == day else (row.unit_id,)
        has = row.rank is not Rank.queued
        assert has == all(before[half] < SEATS for half in mine), "those who asked earlier come first"
        for half in mine:
            before[half] += 1
            there[half] += has
    return max(there.values())


def test_places_that_become_free_go_to_the_first_in_line(app, activities):
    """Twenty families withdraw at once: the twenty that asked first of those who wait are offered a place, once."""
    with app.test_request_context("/"):
        cast.places(activities.table, activities.meal, 25, NEXT_MONDAY)
        together(app, asks(activities), families(activities, 60))
        held = db.select(PlaceAsked.request_id).filter_by(rank=Rank.holds).order_by(PlaceAsked.id)
        line = db.session.scalars(db.select(PlaceAsked.id).filter_by(rank=Rank.queued).order_by(PlaceAsked.asked_at, PlaceAsked.id)).all()

        def leave(number):
            with unit_of_work():
                withdraw(db.session.get(ChangeRequest, number), by=account("galbert"))

        together(app, leave, db.session.scalars(held).all()[:20])
        offered = db.session.scalars(db.select(PlaceAsked.id).filter_by(rank=Rank.offered)).all()
        assert sorted(offered) == sorted(line[:20])


def test_clerks_families_and_the_town_at_once(app, activities):
    """Acceptances, new wishes and bookings by the town at the same moment: never more than there are places."""
    with app.test_request_context("/"):
        cast.places(activities.table, activities.meal, 25, NEXT_MONDAY)
        wanted = families(activities, 60)
        first = together(app, asks(activities), wanted[:20])
        with unit_of_work():
            db.session.execute(db.update(ChangeLot).values(seals_at=clock.now()))
            versions = dict(map(tuple, db.session.execute(db.select(ChangeRequest.id, ChangeRequest.version)).all()))
            decide([Verdict(number, versions[number], Outcome.accept) for number in first], by=account("agent"))
        clock.advance(seconds=11)

        def enter(item):
            family, child = item
            with unit_of_work():
                from app.activities.models import Unit

                who, unit = db.session.get(Child, child), db.session.get(Unit, activities.meal)
                book(who, [unit], [NEXT_MONDAY], family_id=family, by=account("agent"))

        ask = asks(activities)
        jobs = [(apply_due, None)] * 2 + [(enter, item) for item in wanted[20:40]] + [(ask, item) for item in wanted[40:60]]
        together(app, lambda job: job[0]() if job[1] is None else job[0](job[1]), jobs)
        apply_due()
        booked = db.session.scalar(db.select(db.func.count()).select_from(Booking).filter_by(state=BookingState.booked))
        held = len(in_order(Rank.holds))
        assert booked + held == 25


# -- the town takes a day away while somebody else writes about it -------------------------------------------------------------------------


def _tell_absence(town):
    settled = make_request(
        "absence",
        town.galbert,
        {"first_day": NEXT_MONDAY, "last_day": NEXT_MONDAY, "reason_id": town.ill},
        act="add",
        child_id=town.lea,
    )
    with unit_of_work():
        decide([Verdict(settled, db.session.get(ChangeRequest, settled).version, Outcome.accept)], by=account("agent"))
    clock.advance(seconds=11)
    return apply_due


def _unbook(town):
    def act():
        with unit_of_work():
            unbook(db.session.scalar(db.select(Booking).filter_by(child_id=town.lea)), by=account("agent"))

    return act


def _shorter_week(town):
    def act():
        with unit_of_work():
            row = db.session.scalar(db.select(Enrolment).filter_by(child_id=town.lea, activity_id=town.canteen))
            change(row, {"week": {"2": [town.meal]}}, by=account("agent"))

    return act


@pytest.mark.parametrize("begin", [_tell_absence, _unbook, _shorter_week])
def test_a_day_is_cancelled_while_somebody_writes_about_it(app, activities, monkeypatch, begin):
    """Everybody locks the units before it writes rows of their days: nobody waits in a circle."""
    with app.test_request_context("/"):
        cast.book(activities.lea, activities.galbert, activities.meal, NEXT_MONDAY, activities.table)
        act, locked = begin(activities), Event()
        read = cancelling._booked

        def booked_when_the_other_waits(*args):
            locked.set()
            _until_somebody_waits()
            return read(*args)

        monkeypatch.setattr(cancelling, "_booked", booked_when_the_other_waits)

        def cancel():
            with unit_of_work():
                cancel_days(Days([db.session.get(Activity, activities.canteen)], [NEXT_MONDAY]), "Strike", by=account("agent"))

        def other():
            assert locked.wait(10)
            act()

        together(app, lambda job: job(), [cancel, other])
        states = db.session.scalars(db.select(Booking.state).filter_by(child_id=activities.lea, day=NEXT_MONDAY)).all()
        assert BookingState.booked not in states


def _until_somebody_waits():
    """On PostgreSQL, until another transaction waits for a lock; on SQLite units of work come one after the other."""
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    deadline = time.monotonic() + 10
    while db.engine.dialect.name == "postgresql" and time.monotonic() < deadline:
        with db.engine.connect() as connection:
            if connection.scalar(waits):
                return
        time.sleep(0.05)


def test_enrolments_of_a_season_at_once(app, activities):
    """Forty families want the same forty days, on which there are fifteen places: the fifteen that asked first, the same on every day."""
    with app.test_request_context("/"):
        cast.places(activities.table, activities.meal, 15)
        wanted = families(activities, 40)
        with unit_of_work():
            db.session.execute(db.delete(Enrolment).where(Enrolment.child_id.in_([child for _family, child in wanted])))

        def ask(item):
            family, child = item
            by, week = account("galbert"), {str(day): [activities.meal] for day in (1, 2, 4, 5)}
            after = {"activity_id": activities.canteen, "starts_on": "2026-11-30", "ends_on": "2027-02-07", "week": week}
            with unit_of_work():
                proposal = Proposal(act=Act.add, child_id=child, after=after, key=f"season-{child}")
                return submit(KINDS["enrolment"], proposal, standing=Standing(by.id, family, Viewer.guardian), by=by).id

        together(app, ask, wanted)
        count = db.func.count()
        held = db.select(PlaceAsked.day, count).filter_by(rank=Rank.holds).group_by(PlaceAsked.day)
        assert {many for _day, many in db.session.execute(held)} == {15}
        assert len(set(db.session.scalars(db.select(PlaceAsked.request_id).filter_by(rank=Rank.holds)))) == 15
        assert max(in_order(Rank.holds)) <= min(in_order(Rank.queued)), "who waits asked later"

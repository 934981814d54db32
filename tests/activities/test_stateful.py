"""Do bookings, absences, days taken away, acceptances, capacities and waiting lists agree with a simple model, whatever the order?"""

from datetime import date, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from app.activities.cancelling import Days, cancel_days, restore_day
from app.activities.models import Absence, Activity, Booking, BookingState, DayCancellation, PlaceAsked, Rank, Unit, Wish
from app.activities.operations import book, take_back_absence, unbook
from app.activities.waiting import end_past_wishes, lapse_offers, offer_places
from app.changes.decisions import Verdict, apply_due, decide
from app.changes.models import ChangeLot, ChangeRequest, Outcome, RequestState
from app.changes.operations import confirm, withdraw
from app.children.models import Child
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.i18n import in_locale
from app.extensions import db
from tests.activities import cast
from tests.activities.cast import NEXT_MONDAY, NEXT_WEDNESDAY
from tests.conftest import account
from tests.factories import make_request

CHILDREN, SEATS = 6, 2
child = st.integers(0, CHILDREN - 1)
#: Which unit: the first is the largest, the whole day.
what = st.integers(0, 2)
OCCUPIES = ("booked", "held", "offered")


class Ground:
    """One day of the canteen: a meal, and so many at the table."""

    def __init__(self, town):
        self.activity, self.units, self.group, self.day = town.canteen, [town.meal], town.table, NEXT_MONDAY
        #: {unit: those that it excludes}
        self.excludes = {}

    def limits(self, seats, _own):
        """Write the numbers of places; returns them as [(units, how many together)]."""
        cast.places(self.group, self.units[0], seats, self.day)
        return [(set(self.units), seats)]


class Centre(Ground):
    """A Wednesday: the day, its morning and its afternoon share the places, and of the days there are still fewer."""

    def __init__(self, town):
        self.activity, self.units, self.group, self.day = town.wednesday, [town.day, town.morning, town.afternoon], town.big, NEXT_WEDNESDAY
        self.excludes = {town.day: {town.morning, town.afternoon}, town.morning: {town.day}, town.afternoon: {town.day}}

    def limits(self, seats, own):
        cast.places(self.group, None, seats, self.day)
        cast.places(self.group, self.units[0], own, self.day)
        day, *halves = self.units
        return [({day, half}, seats) for half in halves] + [({day}, own)]


class Model:
    """What should be: for each child and unit nothing, or one of the words below; and the order in which they asked."""

    def __init__(self, ground, limits):
        self.ground, self.limits, self.state, self.order = ground, limits, {}, []
        #: Who said that it does not come, and who was marked so; of the day taken away: who was booked, None where it takes place.
        self.telling, self.absent, self.away = set(), set(), None
        #: {spot: when it asked, or was booked}: those who asked first come first. `asked` becomes `since` when it is booked.
        self.now, self.asked, self.since = 0, {}, {}

    def of(self, spot, leaving=False):
        """The limits of a child's unit; `leaving`: but for those in which it is booked already, for what it leaves."""
        has = {unit for who, unit in self.telling if who == spot[0] and unit != spot[1]} if leaving else set()
        return [(units, number) for units, number in self.limits if spot[1] in units and not units & has]

    def count(self, units, *states):
        return sum(state in states and unit in units for (_who, unit), state in self.state.items())

    def has_room(self, spot, *states):
        """Whether those in these states leave one more place in every limit."""
        return all(self.count(units, *states) < number for units, number in self.of(spot))

    def blocked(self, spot):
        """Whether the child has something else on this day, or wants it; what it has said it leaves does not count."""
        others = [(spot[0], unit) for unit in self.ground.excludes.get(spot[1], ())]
        return any(self.state.get(other) == "booked" and other not in self.telling for other in others) or any(
            self.state.get(other) in ("held", "queued", "offered") for other in others
        )

    def may_ask(self, spot):
        return self.state.get(spot) is None and self.away is None and not self.blocked(spot)

    def tick(self):
        self.now += 1
        return self.now

    def ask(self, spot):
        self.order.append(spot)
        self.asked[spot] = self.tick()
        self.state[spot] = "held" if self.takes(spot) else "queued"

    def takes(self, spot):
        """Those on the waiting list come first; the child's own morning is a part of its day."""
        return all(self.count(units, *OCCUPIES, "queued") < number for units, number in self.of(spot, leaving=True))

    def accept(self, spot):
        """It is booked, unless those who asked earlier have all places, or the child still has something else."""
        earlier = self.order[: self.order.index(spot)]
        for units, number in self.of(spot, leaving=True):
            before = [one for one in earlier if one[1] in units and self.state[one] in ("held", "offered")]
            if self.count(units, "booked") + len(before) >= number:
                return
        # Its morning too, until somebody has accepted that it does not come.
        if not (self.blocked(spot) or self.clashes(spot)):
            self.order.remove(spot)
            self.books(spot, self.asked[spot])

    def books(self, spot, at):
        self.state[spot], self.since[spot] = "booked", at
        self.absent.discard(spot)

    def leave(self, spot):
        self.order.remove(spot)
        self.state.pop(spot)
        self.settle()

    def take_away(self):
        """The town takes the day away: nobody waits for it any more."""
        self.away = sorted((spot for spot in self.state if self.state[spot] == "booked"), key=self.since.get)
        self.state, self.order, self.telling = {}, [], set()

    def give_back(self):
        for spot in self.away:
            if self.has_room(spot, "booked") and not self.clashes(spot):
                self.state[spot] = "booked"
        self.away = None

    def clashes(self, spot):
        return any(self.state.get((spot[0], unit)) == "booked" for unit in self.ground.excludes.get(spot[1], ()))

    def settle(self):
        """Free places go to those who have waited longest; whoever cannot have one yet is not passed over."""
        passed = []
        for spot in [spot for spot in self.order if self.state[spot] == "queued"]:
            for units, number in self.of(spot):
                if self.count(units, *OCCUPIES) + sum(unit in units for _who, unit in passed) >= number:
                    passed.append(spot)
                    break
            else:
                self.state[spot] = "offered"


def machine(town, ground, children):
    """The state machine over one day; the class is made for the children of this test."""

    class Day(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self._clear()
            self.model = Model(ground, ground.limits(SEATS, SEATS))

        def _clear(self):
            db.session.rollback()
            clock.set_to(cast.NOW)
            with unit_of_work():
                for model in (PlaceAsked, Booking, Absence, DayCancellation, ChangeRequest, ChangeLot):
                    db.session.execute(db.delete(model))

        def spot(self, who, unit):
            return who, ground.units[unit % len(ground.units)]

        def request(self, spot, wish=Wish.book):
            query = db.select(ChangeRequest).join(PlaceAsked, PlaceAsked.request_id == ChangeRequest.id)
            query = query.where(PlaceAsked.child_id == children[spot[0]], PlaceAsked.unit_id == spot[1])
            query = query.where(PlaceAsked.rank != Rank.closed, PlaceAsked.wish == wish)
            return db.session.scalar(query.execution_options(populate_existing=True))

        def row(self, spot, state=BookingState.booked):
            query = db.select(Booking).filter_by(child_id=children[spot[0]], unit_id=spot[1], state=state)
            return db.session.scalar(query)

        def state(self, spot):
            return self.model.state.get(spot)

        # -- what people do -----------------------------------------------------------------------------------------------------------

        @rule(who=child, unit=what)
        def ask(self, who, unit):
            spot = self.spot(who, unit)
            clock.advance(seconds=1)
            day = {"unit_id": spot[1], "day": ground.day}
            try:
                make_request("booking", town.galbert, day, act="add", child_id=children[who], sealed=False)
            except DomainError:
                assert not self.model.may_ask(spot)
            else:
                assert self.model.may_ask(spot)
                self.model.ask(spot)

        @rule(who=child, unit=what)
        def take_back(self, who, unit):
            spot = self.spot(who, unit)
            if self.state(spot) not in ("held", "queued", "offered"):
                return
            with unit_of_work():
                withdraw(self.request(spot), by=account("galbert"))
            self.model.leave(spot)

        @rule(who=child, unit=what)
        def take_the_offer(self, who, unit):
            spot = self.spot(who, unit)
            if self.request(spot) is None:
                return
            try:
                with unit_of_work():
                    confirm(self.request(spot), by=account("galbert"))
            except DomainError:
                assert self.state(spot) != "offered"
            else:
                assert self.state(spot) == "offered"
                self.model.state[spot] = "held"

        @rule(who=child, unit=what, outcome=st.sampled_from((Outcome.accept, Outcome.refuse)))
        def decide(self, who, unit, outcome):
            spot = self.spot(who, unit)
            if self.state(spot) not in ("held", "queued", "offered"):
                return
            result = self.verdict(spot, outcome)
            if outcome is Outcome.refuse:
                self.model.leave(spot)
            elif self.state(spot) == "held":
                assert not result.problems
                self.model.accept(spot)
            else:
                assert result.problems

        def verdict(self, spot, outcome, wish=Wish.book):
            clock.advance(minutes=11)
            request = self.request(spot, wish)
            with unit_of_work():
                result = decide([Verdict(request.id, request.version, outcome, reason="no")], by=account("agent"))
            clock.advance(seconds=11)
            apply_due()
            return result

        # -- absences -----------------------------------------------------------------------------------------------------------------

        @rule(who=child, unit=what)
        def tell_an_absence(self, who, unit):
            spot = self.spot(who, unit)
            clock.advance(seconds=1)
            days = {"first_day": ground.day, "last_day": ground.day, "reason_id": town.ill, "unit_id": spot[1]}
            try:
                make_request("absence", town.galbert, days, act="add", child_id=children[who], sealed=False)
            except DomainError:
                assert self.state(spot) != "booked" or spot in self.model.telling
            else:
                assert self.state(spot) == "booked" and spot not in self.model.telling
                self.model.telling.add(spot)

        @rule(who=child, unit=what, outcome=st.sampled_from((Outcome.accept, Outcome.refuse, None)))
        def end_the_telling(self, who, unit, outcome):
            """It is accepted, refused, or the family withdraws it."""
            spot = self.spot(who, unit)
            if spot not in self.model.telling:
                return
            if outcome is None:
                with unit_of_work():
                    withdraw(self.request(spot, Wish.absence), by=account("galbert"))
            else:
                assert not self.verdict(spot, outcome, Wish.absence).problems
            self.model.telling.discard(spot)
            if outcome is Outcome.accept:
                self.model.absent.add(spot)
                self.model.state.pop(spot)
                self.model.settle()

        @rule(who=child, unit=what)
        def it_comes_after_all(self, who, unit):
            spot = self.spot(who, unit)
            row = self.row(spot, BookingState.absent)
            assert (row is not None) == (spot in self.model.absent and self.model.away is None)
            if row is None:
                return
            may = self.state(spot) is None and self.model.has_room(spot, *OCCUPIES) and not self.model.clashes(spot)
            try:
                with unit_of_work():
                    take_back_absence(db.session.get(Absence, row.absence_id), by=account("agent"))
            except DomainError:
                assert not may
            else:
                assert may
                self.model.books(spot, self.model.since[spot])

        # -- the town -----------------------------------------------------------------------------------------------------------------

        @precondition(lambda self: self.model.away is None)
        @rule()
        def the_town_takes_the_day_away(self):
            with unit_of_work():
                activity = db.session.get(Activity, ground.activity)
                cancel_days(Days([activity], [ground.day]), "Strike", by=account("agent"))
            self.model.take_away()

        @precondition(lambda self: self.model.away is not None)
        @rule()
        def the_town_gives_the_day_back(self):
            with unit_of_work():
                found = restore_day(db.session.scalar(db.select(DayCancellation)), by=account("agent"))
                assert len(found.absent) == len(self.model.absent)
            self.model.give_back()

        @rule(who=child, unit=what)
        def the_town_books(self, who, unit):
            spot = self.spot(who, unit)
            clock.advance(seconds=1)
            with unit_of_work():
                person, service = db.session.get(Child, children[who]), db.session.get(Unit, spot[1])
                (result,) = book(person, [service], [ground.day], family_id=town.galbert, by=account("agent"))
                booked = result.booking is not None
            may = self.model.may_ask(spot) and self.model.takes(spot)
            assert booked == may, result.problem
            if booked:
                self.model.books(spot, self.model.tick())

        @rule(who=child, unit=what)
        def the_town_unbooks(self, who, unit):
            spot = self.spot(who, unit)
            if self.state(spot) != "booked":
                return
            try:
                with unit_of_work():
                    unbook(self.row(spot), by=account("agent"))
            except DomainError:
                assert spot in self.model.telling
            else:
                assert spot not in self.model.telling
                self.model.state.pop(spot)
                self.model.settle()

        @rule(seats=st.integers(0, 4), own=st.integers(0, 3))
        def the_town_changes_the_places(self, seats, own):
            self.model.limits = ground.limits(seats, own)
            offer_places()
            self.model.settle()

        @precondition(lambda self: "offered" in self.model.state.values())
        @rule()
        def the_offers_lapse(self):
            clock.advance(minutes=11)
            with unit_of_work():
                for ask in db.session.scalars(db.select(PlaceAsked).filter_by(rank=Rank.offered)):
                    ask.offered_until = clock.now() - timedelta(minutes=1)
            gone = [spot for spot in self.model.order if self.state(spot) == "offered"]
            assert lapse_offers() == len(gone)
            apply_due()
            for spot in gone:
                # One after the other, as the worker ends them.
                self.model.leave(spot)

        @rule()
        def the_worker_looks(self):
            assert offer_places() == 0 and end_past_wishes() == 0

        # -- what must always be true ---------------------------------------------------------------------------------------------------

        @invariant()
        def everybody_is_where_the_model_says(self):
            db.session.rollback()
            wishes = db.select(PlaceAsked.child_id, PlaceAsked.unit_id, PlaceAsked.rank).where(PlaceAsked.rank != Rank.closed)
            rows = db.session.execute(wishes.where(PlaceAsked.wish == Wish.book)).all()
            names = {number: who for who, number in enumerate(children)}
            words = {Rank.holds: "held", Rank.queued: "queued", Rank.offered: "offered"}
            found = {(names[row.child_id], row.unit_id): words[row.rank] for row in rows}
            assert len(found) == len(rows), "nobody twice"
            telling = db.session.execute(wishes.where(PlaceAsked.wish == Wish.absence)).all()
            assert {(names[row.child_id], row.unit_id) for row in telling} == self.model.telling
            bookings = db.session.execute(db.select(Booking.child_id, Booking.unit_id, Booking.state, Booking.absence_id)).all()
            booked = [(names[row.child_id], row.unit_id) for row in bookings if row.state is BookingState.booked]
            assert {(names[row.child_id], row.unit_id) for row in bookings if row.absence_id is not None} == self.model.absent
            found |= dict.fromkeys(booked, "booked")
            assert len(found) == len(rows) + len(booked)
            assert found == self.model.state

        @invariant()
        def every_open_wish_has_an_open_request(self):
            query = db.select(ChangeRequest.state).join(PlaceAsked, PlaceAsked.request_id == ChangeRequest.id)
            states = db.session.scalars(query.where(PlaceAsked.rank != Rank.closed)).all()
            assert set(states) <= {RequestState.pending, RequestState.deciding}

    return Day


def agrees(town, ground, children, examples, steps):
    with in_locale("en"):
        run_state_machine_as_test(
            machine(town, ground, children),
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )


def test_it_agrees_with_a_simple_model(app, activities, ctx):
    children = [activities.lea, activities.tom]
    children += [cast.another_child(f"Enfant {number}", activities.galbert) for number in range(CHILDREN - 2)]
    for number in children[2:]:
        cast.enrol(number, activities.galbert, activities.canteen)
    agrees(activities, Ground(activities), children, 15, 25)


def test_shared_places_agree_with_it_too(app, activities, ctx):
    children = [cast.another_child(f"Enfant {number}", activities.galbert, date(2018, 5, 5)) for number in range(CHILDREN)]
    for number in children:
        cast.enrol(number, activities.galbert, activities.wednesday)
    agrees(activities, Centre(activities), children, 15, 25)

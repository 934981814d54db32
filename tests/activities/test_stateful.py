"""Do bookings, absences, days taken away, acceptances, capacities and waiting lists agree with a simple model, whatever the order?"""

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from app.activities.cancelling import Days, cancel_days, restore_day
from app.activities.models import Absence, Activity, Booking, BookingState, DayCancellation, PlaceAsked, Rank, Wish
from app.activities.operations import book, take_back_absence, unbook
from app.activities.waiting import end_past_wishes, lapse_offers, offer_places
from app.changes.decisions import Verdict, apply_due, decide
from app.changes.models import ChangeRequest, Outcome, RequestState
from app.changes.operations import confirm, withdraw
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.i18n import in_locale
from app.extensions import db
from tests.activities import cast
from tests.activities.cast import NEXT_MONDAY
from tests.conftest import account
from tests.factories import make_request

CHILDREN, SEATS = 6, 2
child = st.integers(0, CHILDREN - 1)


class Model:
    """What should be: for each child nothing, or one of the words below; and the order in which they asked."""

    def __init__(self, capacity):
        self.capacity, self.state, self.order = capacity, {}, []
        #: Who said that it does not come, and who was marked so; of the day taken away: who was booked, None where it takes place.
        self.telling, self.absent, self.away = set(), set(), None
        #: Everybody who ever asked or was booked, the latest last: those who asked first come back first.
        self.since = []

    def count(self, *states):
        return sum(state in states for state in self.state.values())

    @property
    def taken(self):
        return self.count("booked", "held", "offered")

    def line(self):
        return [who for who in self.order if self.state.get(who) == "queued"]

    def ask(self, who):
        self.order.append(who)
        self.comes(who)
        self.state[who] = "held" if self.taken + len(self.line()) < self.capacity else "queued"

    def leave(self, who, then=None):
        self.order.remove(who)
        self.state.pop(who)
        if then:
            self.state[who] = then
        self.settle()

    def comes(self, who):
        self.since = [one for one in self.since if one != who] + [who]

    def take_away(self):
        """The town takes the day away: nobody waits for it any more."""
        self.away = [who for who in self.since if self.state.get(who) == "booked"]
        self.state, self.order, self.telling = {}, [], set()

    def give_back(self):
        self.state, self.away = dict.fromkeys(self.away[: self.capacity], "booked"), None

    def settle(self):
        """Free places go to those who have waited longest."""
        for who in self.line()[: max(self.capacity - self.taken, 0)]:
            self.state[who] = "offered"


def machine(town, children):
    """The state machine over one day of the canteen; the class is made for the children of this test."""

    class Day(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self._clear()
            self.model = Model(SEATS)

        def _clear(self):
            db.session.rollback()
            clock.set_to(cast.NOW)
            with unit_of_work():
                for model in (PlaceAsked, Booking, Absence, DayCancellation, ChangeRequest):
                    db.session.execute(db.delete(model))
            cast.places(town.table, town.meal, SEATS, NEXT_MONDAY)

        def request(self, who, wish=Wish.book):
            query = db.select(ChangeRequest).join(PlaceAsked, PlaceAsked.request_id == ChangeRequest.id)
            query = query.where(PlaceAsked.child_id == children[who], PlaceAsked.rank != Rank.closed, PlaceAsked.wish == wish)
            return db.session.scalar(query.execution_options(populate_existing=True))

        def state(self, who):
            return self.model.state.get(who)

        # -- what people do -----------------------------------------------------------------------------------------------------------

        @rule(who=child)
        def ask(self, who):
            clock.advance(seconds=1)
            day = {"unit_id": town.meal, "day": NEXT_MONDAY}
            try:
                make_request("booking", town.galbert, day, act="add", child_id=children[who], sealed=False)
            except DomainError:
                assert self.state(who) is not None or self.model.away is not None
            else:
                assert self.state(who) is None and self.model.away is None
                self.model.ask(who)

        @rule(who=child)
        def take_back(self, who):
            if self.state(who) not in ("held", "queued", "offered"):
                return
            with unit_of_work():
                withdraw(self.request(who), by=account("galbert"))
            self.model.leave(who)

        @rule(who=child)
        def take_the_offer(self, who):
            request = self.request(who)
            if request is None:
                return
            try:
                with unit_of_work():
                    confirm(self.request(who), by=account("galbert"))
            except DomainError:
                assert self.state(who) != "offered"
            else:
                assert self.state(who) == "offered"
                self.model.state[who] = "held"

        @rule(who=child, outcome=st.sampled_from((Outcome.accept, Outcome.refuse)))
        def decide(self, who, outcome):
            if self.state(who) not in ("held", "queued", "offered"):
                return
            result = self.verdict(who, outcome)
            if outcome is Outcome.refuse:
                self.model.leave(who)
            elif self.state(who) == "held":
                # Those who asked earlier come first where the town has taken places away.
                before = [one for one in self.model.order if self.state(one) in ("held", "offered")]
                earlier = self.model.count("booked") + before.index(who)
                assert not result.problems
                if earlier < self.model.capacity:
                    self.model.order.remove(who)
                    self.model.state[who] = "booked"
                    self.model.absent.discard(who)
            else:
                assert result.problems

        def verdict(self, who, outcome, wish=Wish.book):
            clock.advance(minutes=11)
            request = self.request(who, wish)
            with unit_of_work():
                result = decide([Verdict(request.id, request.version, outcome, reason="no")], by=account("agent"))
            clock.advance(seconds=11)
            apply_due()
            return result

        # -- absences -----------------------------------------------------------------------------------------------------------------

        @rule(who=child)
        def tell_an_absence(self, who):
            clock.advance(seconds=1)
            days = {"first_day": NEXT_MONDAY, "last_day": NEXT_MONDAY, "reason_id": town.ill}
            try:
                make_request("absence", town.galbert, days, act="add", child_id=children[who], sealed=False)
            except DomainError:
                assert self.state(who) != "booked" or who in self.model.telling
            else:
                assert self.state(who) == "booked" and who not in self.model.telling
                self.model.telling.add(who)

        @rule(who=child, outcome=st.sampled_from((Outcome.accept, Outcome.refuse, None)))
        def end_the_telling(self, who, outcome):
            """It is accepted, refused, or the family withdraws it."""
            if who not in self.model.telling:
                return
            if outcome is None:
                with unit_of_work():
                    withdraw(self.request(who, Wish.absence), by=account("galbert"))
            else:
                assert not self.verdict(who, outcome, Wish.absence).problems
            self.model.telling.discard(who)
            if outcome is Outcome.accept:
                self.model.absent.add(who)
                self.model.state.pop(who)
                self.model.settle()

        @rule(who=child)
        def it_comes_after_all(self, who):
            row = db.session.scalar(db.select(Booking).filter_by(child_id=children[who], state=BookingState.absent))
            assert (row is not None) == (who in self.model.absent and self.model.away is None)
            if row is None:
                return
            try:
                with unit_of_work():
                    take_back_absence(db.session.get(Absence, row.absence_id), by=account("agent"))
            except DomainError:
                assert self.state(who) is not None or self.model.taken >= self.model.capacity
            else:
                assert self.state(who) is None and self.model.taken < self.model.capacity
                self.model.state[who] = "booked"
                self.model.absent.discard(who)

        # -- the town -----------------------------------------------------------------------------------------------------------------

        @precondition(lambda self: self.model.away is None)
        @rule()
        def the_town_takes_the_day_away(self):
            with unit_of_work():
                canteen = db.session.get(Activity, town.canteen)
                cancel_days(Days([canteen], [NEXT_MONDAY]), "Strike", by=account("agent"))
            self.model.take_away()

        @precondition(lambda self: self.model.away is not None)
        @rule()
        def the_town_gives_the_day_back(self):
            with unit_of_work():
                found = restore_day(db.session.scalar(db.select(DayCancellation)), by=account("agent"))
                assert len(found.absent) == len(self.model.absent)
            self.model.give_back()

        @rule(who=child)
        def the_town_books(self, who):
            from app.activities.models import Unit
            from app.children.models import Child

            clock.advance(seconds=1)
            with unit_of_work():
                person, unit = db.session.get(Child, children[who]), db.session.get(Unit, town.meal)
                (result,) = book(person, [unit], [NEXT_MONDAY], family_id=town.galbert, by=account("agent"))
                booked = result.booking is not None
            may = self.state(who) is None and self.model.taken < self.model.capacity and self.model.away is None
            assert booked == may, result.problem
            if booked:
                self.model.state[who] = "booked"
                self.model.absent.discard(who)
                self.model.comes(who)

        @rule(who=child)
        def the_town_unbooks(self, who):
            if self.state(who) != "booked":
                return
            try:
                with unit_of_work():
                    unbook(db.session.scalar(db.select(Booking).filter_by(child_id=children[who])), by=account("agent"))
            except DomainError:
                assert who in self.model.telling
            else:
                assert who not in self.model.telling
                self.model.state.pop(who)
                self.model.settle()

        @rule(capacity=st.integers(0, 4))
        def the_town_changes_the_places(self, capacity):
            cast.places(town.table, town.meal, capacity, NEXT_MONDAY)
            self.model.capacity = capacity
            offer_places()
            self.model.settle()

        @precondition(lambda self: self.model.count("offered"))
        @rule()
        def the_offers_lapse(self):
            clock.advance(minutes=11)
            with unit_of_work():
                for ask in db.session.scalars(db.select(PlaceAsked).filter_by(rank=Rank.offered)):
                    ask.offered_until = clock.now() - timedelta(minutes=1)
            gone = [who for who in self.model.order if self.state(who) == "offered"]
            assert lapse_offers() == len(gone)
            apply_due()
            for who in gone:
                # One after the other, as the worker ends them.
                self.model.leave(who)

        @rule()
        def the_worker_looks(self):
            assert offer_places() == 0 and end_past_wishes() == 0

        # -- what must always be true ---------------------------------------------------------------------------------------------------

        @invariant()
        def everybody_is_where_the_model_says(self):
            db.session.rollback()
            wishes = db.select(PlaceAsked.child_id, PlaceAsked.rank).where(PlaceAsked.rank != Rank.closed)
            rows = db.session.execute(wishes.where(PlaceAsked.wish == Wish.book)).all()
            names = {number: who for who, number in enumerate(children)}
            words = {Rank.holds: "held", Rank.queued: "queued", Rank.offered: "offered"}
            found = {names[row.child_id]: words[row.rank] for row in rows}
            assert len(found) == len(rows), "nobody twice"
            telling = db.session.execute(wishes.where(PlaceAsked.wish == Wish.absence)).all()
            assert {names[row.child_id] for row in telling} == self.model.telling
            booked = db.session.scalars(db.select(Booking.child_id).where(Booking.state == BookingState.booked)).all()
            absent = set(db.session.scalars(db.select(Booking.child_id).where(Booking.absence_id.is_not(None))))
            assert {names[number] for number in absent} == self.model.absent
            found |= {names[number]: "booked" for number in booked}
            assert len(found) == len(rows) + len(booked)
            assert found == self.model.state

        @invariant()
        def every_open_wish_has_an_open_request(self):
            query = db.select(ChangeRequest.state).join(PlaceAsked, PlaceAsked.request_id == ChangeRequest.id)
            states = db.session.scalars(query.where(PlaceAsked.rank != Rank.closed)).all()
            assert set(states) <= {RequestState.pending, RequestState.deciding}

    return Day


def test_it_agrees_with_a_simple_model(app, activities, ctx):
    children = [activities.lea, activities.tom]
    children += [cast.another_child(f"Enfant {number}", activities.galbert) for number in range(CHILDREN - 2)]
    for number in children[2:]:
        cast.enrol(number, activities.galbert, activities.canteen)
    with in_locale("en"):
        run_state_machine_as_test(
            machine(activities, children),
            settings=settings(
                max_examples=15, stateful_step_count=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
            ),
        )

"""Is a request accepted by itself where the town wants it and the checks find nothing, and nowhere else?"""

import pytest

from app.audit.models import LogEntry
from app.changes.decisions import accept_automatically
from app.changes.kinds import KINDS
from app.changes.models import ChangeRequest, Decision, DecisionState, Lane, RequestState
from app.changes.settings import auto_accept_key
from app.core import clock, settings
from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import Adult, BankDetails
from app.mail.models import OutgoingMail
from tests.conftest import work
from tests.factories import make_request, request_of, seal_all
from tests.staff.test_queue import IBAN, every_kind, many_families


@pytest.fixture
def switched_on(app):
    """The town accepts a guardian's and complementary data by itself."""
    with app.app_context(), unit_of_work():
        for name in ("guardian", "complementary"):
            settings.put(auto_accept_key(KINDS[name]), True)


def ask(app, kind="guardian", family=1, changes=None, **more):
    with app.test_request_context("/"):
        return make_request(kind, family, changes or {"mobile": "06 99 88 77 66"}, **more)


def outcome(app, number):
    """(state, lane, the guardian's mobile)."""
    with app.app_context():
        request = request_of(number)
        return request.state, request.lane, db.session.scalar(db.select(Adult.mobile).where(Adult.id == 1))


def test_nothing_is_accepted_where_it_is_switched_off(app):
    number = ask(app)
    work(app)
    assert outcome(app, number) == (RequestState.pending, Lane.green, "06 11 22 33 44")


def test_what_is_green_takes_effect_at_once_and_the_family_hears_of_it(app, switched_on):
    number = ask(app)
    work(app)
    assert outcome(app, number) == (RequestState.accepted, Lane.green, "06 99 88 77 66")
    with app.app_context():
        assert request_of(number).decided_by == "Préau"
        assert [mail.template for mail in db.session.scalars(db.select(OutgoingMail).order_by(OutgoingMail.id))] == ["receipt", "decided"]
        entry = db.session.scalar(db.select(LogEntry).filter_by(verb="request.decided.accept"))
        assert entry.account_id is None


def test_a_lot_that_the_family_may_add_to_waits(app, switched_on):
    number = ask(app, sealed=False)
    work(app)
    assert outcome(app, number)[0] is RequestState.pending
    seal_all()
    work(app)
    assert outcome(app, number)[0] is RequestState.accepted


def test_what_is_to_be_looked_at_waits_for_a_clerk(app, switched_on):
    number = ask(app, changes={"city": "Courtry"})
    work(app)
    assert outcome(app, number)[:2] == (RequestState.pending, Lane.look)


def test_other_kinds_wait(app, switched_on):
    with app.test_request_context("/"):
        number = next(make_request(kind, 1, changes) for kind, _child, changes, _more in every_kind() if kind == "spouse")
    work(app)
    assert outcome(app, number)[0] is RequestState.pending


def test_a_kind_that_is_never_decided_in_bulk_is_never_accepted_by_itself(app):
    with app.test_request_context("/"):
        changes = next(changes for kind, _child, changes, _more in every_kind() if kind == "bank")
        number = make_request("bank", 1, changes)
        assert changes["iban"] == IBAN and request_of(number).lane is Lane.green
        assert accept_automatically([KINDS["bank"]]) == 0
        assert auto_accept_key(KINDS["bank"]) not in settings.DECLARED
        assert db.session.scalar(db.select(BankDetails)) is None


def test_what_the_town_changed_meanwhile_goes_to_a_clerk_and_is_not_tried_again(app, switched_on):
    number = ask(app)
    with app.app_context(), unit_of_work():
        db.session.get(Adult, 1).mobile = "07 00 00 00 00"
    work(app)
    assert outcome(app, number) == (RequestState.pending, Lane.look, "07 00 00 00 00")
    with app.app_context():
        assert request_of(number).conflict == ["mobile"]
        assert [one.state for one in db.session.scalars(db.select(Decision))] == [DecisionState.conflict]
    clock.advance(minutes=1)
    work(app)
    assert outcome(app, number)[0] is RequestState.pending


def test_what_cannot_be_applied_holds_up_nothing(app, switched_on):
    """The child has left the household since; of many, each is taken once."""
    from app.children.models import Household

    gone = ask(app, "complementary", changes={"diet": "no_pork"}, child_id=1)
    with app.test_request_context("/"):
        with unit_of_work():
            db.session.execute(db.update(Household).where(Household.child_id == 1).values(ended_on=clock.today()))
        many_families(3)
        taken = [accept_automatically(KINDS.values(), limit=2) for _time in range(3)]
    assert taken == [2, 2, 0]
    work(app)
    assert outcome(app, gone)[:2] == (RequestState.pending, Lane.look)
    with app.app_context():
        states = db.session.scalars(db.select(ChangeRequest.state).where(ChangeRequest.kind == "guardian")).all()
        assert states == [RequestState.accepted] * 3

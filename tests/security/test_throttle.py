"""Does a door count tries in vain for one address of the network, forget them one by one, and take back what was a slip?"""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.core import clock
from app.core.db import unit_of_work
from app.core.i18n import in_locale
from app.extensions import db
from app.security import throttle
from app.security.models import SignInThrottle
from app.security.throttle import SIGN_IN, TooOften

DOOR = replace(SIGN_IN, free=3, pause=timedelta(minutes=2))


def typed_wrong(times, who="a"):
    with unit_of_work():
        for _time in range(times):
            throttle.count(DOOR, who)


def test_some_are_free_then_one_each_pause(ctx):
    typed_wrong(2)
    assert throttle.wait(DOOR, "a") is None
    typed_wrong(1)
    assert timedelta(seconds=110) < throttle.wait(DOOR, "a") <= DOOR.pause
    assert throttle.wait(DOOR, "b") is None and throttle.wait(replace(DOOR, name="other"), "a") is None
    with in_locale("en"), pytest.raises(TooOften, match="Wait 2 min"):
        throttle.refuse_who_waits(DOOR, "a")
    for _round in range(3):
        clock.advance(seconds=121)
        assert throttle.wait(DOOR, "a") is None
        typed_wrong(1)
        assert throttle.wait(DOOR, "a") > timedelta(), "one more a pause, and no more"
    clock.advance(minutes=6, seconds=10)
    typed_wrong(2)
    assert throttle.wait(DOOR, "a") is None, "all are forgotten one by one"


def test_what_was_a_slip_is_taken_back(ctx):
    typed_wrong(3)
    with unit_of_work():
        throttle.forgive(DOOR, 2, "a")
    assert throttle.wait(DOOR, "a") is None
    typed_wrong(2)
    assert throttle.wait(DOOR, "a") is not None
    with unit_of_work():
        throttle.forgive(DOOR, 9, "a")
        throttle.forgive(DOOR, 9, "nobody")
    assert db.session.scalars(db.select(SignInThrottle.wrong)).all() == [0, 0]


def test_who_came_from_where_is_not_kept_and_not_for_long(app):
    with app.test_request_context("/", environ_base={"REMOTE_ADDR": "203.0.113.9"}), unit_of_work():
        throttle.count(DOOR)
        row = db.session.scalar(db.select(SignInThrottle))
        assert len(row.address_hash) == 64 and "203" not in str(row)
        assert throttle.forget() == 0
    clock.advance(days=1, minutes=1)
    with app.test_request_context("/"), unit_of_work():
        assert throttle.forget() == 1


@pytest.mark.once
@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, "nowhere"),
        ("unix:", "nowhere"),
    ],
)
def test_a_customer_of_ipv6_has_a_whole_network(address, network):
    assert throttle.network_of(address) == network

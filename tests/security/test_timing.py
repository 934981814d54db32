"""Does the door answer strangers alike, whether it knows them or not: the same bytes, in the same time?"""

import gc
import re
from statistics import median
from time import perf_counter

import pytest

from app.core import clock
from tests.conftest import account

#: Of them half are known, half are not, in turns.
TRIES = 200
#: Seconds between the medians.
LIMIT = 0.005
#: A machine that is busy with other tests may disturb one measuring; a door that tells says so each time.
MEASURINGS = 3
CHANCE = re.compile(r'nonce="[^"]+"')


@pytest.fixture
def door(app, visitor, monkeypatch):
    """door(address, form): (seconds, what was read) of one try, each from a network of its own, hours after the one before.

    Hashes are those of the tests: the real ones cost both the same, and would hide what differs beside them.
    """
    monkeypatch.setitem(app.config, "AUTH_DB_FAKE_PASSWORD_HASH_CHECK", hash_of(app))
    tried = iter(range(100_000))

    def try_it(address, form):
        number = next(tried)
        clock.advance(hours=2)
        client = visitor()
        client.environ_base["REMOTE_ADDR"] = f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"
        begun = perf_counter()
        answer = client.post(address, data=form)
        seconds = perf_counter() - begun
        typed = form["username"].encode()
        return seconds, (
            answer.status_code,
            answer.location,
            CHANCE.sub("", answer.text).encode().replace(typed, b""),
            set(answer.headers.keys()),
        )

    return try_it


def hash_of(app):
    with app.app_context():
        return account("galbert").password


def both(door, address, **more):
    """The smallest difference of the medians, over tries in turns of a known and an unknown name; what they read is one thing."""
    differences = []
    for _measuring in range(MEASURINGS):
        taken, read = {"galbert@famille.example": [], "nobodys@famille.example": []}, set()
        gc.collect()
        gc.disable()
        try:
            for number in range(TRIES // 2):
                # In turns, and the other one first in the next turn.
                for typed in sorted(taken, reverse=number % 2):
                    if number == 0:
                        door(address, {"username": typed, **more})
                    seconds, answer = door(address, {"username": typed, **more})
                    taken[typed].append(seconds)
                    read.add(repr(answer))
        finally:
            gc.enable()
        assert len(read) == 1, read
        known, unknown = (median(times) for times in taken.values())
        differences.append(abs(known - unknown))
        if differences[-1] < LIMIT:
            break
    return min(differences)


@pytest.mark.once
@pytest.mark.parametrize(
    ("address", "more"),
    [
        ("/login/", {"password": "wrong"}),
        ("/mot-de-passe-oublie/", {"wish": "reset"}),
        ("/mot-de-passe-oublie/", {"wish": "sign_in_link"}),
    ],
    ids=["password", "reset", "link"],
)
def test_known_and_unknown_names_take_the_same_time_and_read_the_same(app, door, address, more):
    difference = both(door, address, **more)
    assert difference < LIMIT, f"{difference * 1000:.1f} ms between known and unknown"

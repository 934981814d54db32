"""Do marks of several tablets, in any order and sent twice, come to one attendance that loses nothing?"""

from datetime import timedelta
from itertools import permutations
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from app.activities.attendance import MOST_AT_ONCE, record_marks
from app.activities.models import Attendance, AttendanceMark, Mark
from app.activities.roll import Which, seats, states
from app.children.models import Child
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.security.who_sees_what import Noun
from tests.activities import onsite
from tests.conftest import account, counted_queries


@pytest.fixture
def ids(ctx):
    onsite.set_clock()
    return onsite.canteen()


def mark(ids, what, minute, number=None, child="lea", **more):
    """A mark as a tablet sends it, so many minutes past 10 o'clock (11 in Paris)."""
    return {
        "id": number or f"{child}-{what}-{minute:02}",
        "child": ids[child],
        "unit": ids["unit"],
        "day": onsite.TUESDAY.isoformat(),
        "mark": what,
        "at": f"2026-11-24T10:{minute:02}:00+00:00",
        **more,
    }


def send(items):
    with unit_of_work():
        return record_marks(items, by=account("animateur"))


def attendance(child_id):
    return db.session.scalar(select(Attendance).filter_by(child_id=child_id).execution_options(populate_existing=True))


def picture(row):
    return row.state, row.arrived_at, row.left_at, row.left_with, row.note, row.marked_at, row.unexpected


def marks():
    return db.session.scalars(select(AttendanceMark).order_by(AttendanceMark.id)).all()


def test_the_last_mark_counts(ids):
    assert send([mark(ids, "present", 5)]) == {"lea-present-05": ""}
    row = attendance(ids["lea"])
    assert (row.state, row.arrived_at.minute, row.unexpected, row.group_id) == (Mark.present, 5, False, ids["group"])
    send([mark(ids, "left", 20, **{"with": "Mamie Rose"})])
    row = attendance(ids["lea"])
    assert (row.state, row.arrived_at.minute, row.left_at.minute, row.left_with) == (Mark.left, 5, 20, "Mamie Rose")
    send([mark(ids, "cleared", 21)])
    row = attendance(ids["lea"])
    assert (row.state, row.arrived_at, row.left_at, row.left_with) == (Mark.cleared, None, None, None)


def test_the_same_mark_twice_is_one(ids):
    item = mark(ids, "present", 5)
    for _ in range(3):
        assert send([item, item]) == {item["id"]: ""}
    assert len(marks()) == 1


def test_any_order_comes_to_the_same(ids):
    items = [
        mark(ids, "present", 5, note="Sac oublié"),
        mark(ids, "left", 20, **{"with": "Mamie Rose"}),
        mark(ids, "left", 22, note="Sac rendu"),
        mark(ids, "absent", 2),
    ]
    pictures = set()
    for order in permutations(items):
        with unit_of_work():
            db.session.execute(delete(AttendanceMark))
            db.session.execute(delete(Attendance))
        for item in order:
            send([item])
        pictures.add(picture(attendance(ids["lea"])))
    assert len(pictures) == 1
    state, arrived, left, who, note, *_rest = pictures.pop()
    assert (state, arrived.minute, left.minute, who, note) == (Mark.left, 5, 20, "Mamie Rose", "Sac rendu")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    taps=st.lists(st.tuples(st.sampled_from(list(Mark)), st.integers(0, 25), st.sampled_from(["lea", "tom"])), min_size=1, max_size=8),
    shuffled=st.randoms(use_true_random=False),
    cuts=st.lists(st.integers(1, 4), min_size=1, max_size=8),
)
def test_two_tablets_in_any_order_and_pieces_agree(ids, taps, shuffled, cuts):
    items = [mark(ids, what.value, minute, f"tablet-{place:03}", child) for place, (what, minute, child) in enumerate(taps)]
    found = []
    for _tablet in range(2):
        with unit_of_work():
            db.session.execute(delete(AttendanceMark))
            db.session.execute(delete(Attendance))
        queue, place = [*items, *items], 0
        shuffled.shuffle(queue)
        while queue:
            size = cuts[place % len(cuts)]
            assert not any(send(queue[:size]).values())
            queue, place = queue[size:], place + 1
        assert len(marks()) == len(items)
        found.append({name: row and picture(row) for name in ("lea", "tom") for row in [attendance(ids[name])]})
    assert found[0] == found[1]
    for name in ("lea", "tom"):
        mine = [item for item in items if item["child"] == ids[name]]
        if mine:
            assert found[0][name][0].value == max(mine, key=lambda item: (item["at"], item["id"]))["mark"]


def test_ties_are_settled_by_id(ids):
    send([mark(ids, "absent", 5, "bbbbbbbb")])
    send([mark(ids, "present", 5, "aaaaaaaa")])
    assert attendance(ids["lea"]).state is Mark.absent


def test_a_tablet_whose_clock_is_fast_does_not_win_for_ever(ids):
    send([mark(ids, "absent", 5, at="2027-01-01T00:00:00+00:00")])
    clock.advance(minutes=1)
    send([mark(ids, "present", 31)])
    assert attendance(ids["lea"]).state is Mark.present
    assert all(row.at <= row.received_at for row in marks())


def test_what_is_refused_does_not_stop_the_others(ids):
    far = {"day": (onsite.TUESDAY - timedelta(days=40)).isoformat()}
    answers = send(
        [
            mark(ids, "present", 1, "good-one"),
            mark(ids, "present", 2, "no-child") | {"child": 999_999},
            mark(ids, "present", 3, "no-unit-") | {"unit": 999_999},
            mark(ids, "present", 4, "long-ago") | far,
            mark(ids, "present", 5, "tomorrow") | {"day": "2026-11-25"},
            mark(ids, "asleep", 6, "nonsense"),
            {"id": "too"},
            "nothing",
        ]
    )
    assert answers.pop("good-one") == ""
    assert all(answers.values()) and len(answers) == 7
    assert [row.id for row in marks()] == ["good-one"]


def test_a_deleted_child_loses_the_others_nothing(ids):
    items = [mark(ids, "present", 1), mark(ids, "present", 2, child="tom")]
    send(items[:1])
    with unit_of_work():
        db.session.execute(delete(Child).where(Child.id == ids["tom"]))
    answers = send(items)
    assert answers["lea-present-01"] == "" and answers["tom-present-02"]


def test_an_arrival_that_nobody_expected_is_normal(ids):
    with unit_of_work():
        from app.activities.models import Booking

        db.session.execute(delete(Booking).where(Booking.child_id == ids["tom"]))
    assert not any(send([mark(ids, "present", 1, child="tom")]).values())
    assert attendance(ids["tom"]).unexpected
    onsite.tell_absence(ids["hugo"])
    send([mark(ids, "present", 1, child="hugo")])
    assert attendance(ids["hugo"]).unexpected


def test_somebody_of_another_child_is_kept_as_a_name_alone(ids):
    rose = onsite.fill_lea(ids["lea"])
    send([mark(ids, "left", 1, child="tom", person=rose, **{"with": "Rose"}), mark(ids, "left", 2, person=rose)])
    found = {row.child_id: (row.pickup_person_id, row.left_with) for row in marks()}
    assert found == {ids["tom"]: (None, "Rose"), ids["lea"]: (rose, "Mamie Rose")}


def test_marks_are_never_changed(ids):
    send([mark(ids, "present", 1)])
    row = marks()[0]
    with pytest.raises(TypeError, match="append-only"), unit_of_work():
        db.session.scalar(select(AttendanceMark)).mark = Mark.absent
    assert row is not None


def test_more_than_one_message_holds_is_left_for_the_next(ids):
    items = [mark(ids, "present", 1, f"number-{place:05}") for place in range(MOST_AT_ONCE + 5)]
    assert len(send(items)) == MOST_AT_ONCE


def test_names_and_notes_are_encrypted(ids):
    send([mark(ids, "left", 1, note="Pleure", **{"with": "Mamie Rose"})])
    for table in ("attendance", "attendance_mark"):
        raw = db.session.execute(db.text(f"SELECT left_with, note FROM {table}")).one()
        assert "Rose" not in raw[0] and "Pleure" not in raw[1]


def test_a_constant_number_of_queries(ids):
    children = onsite.crowd(ids, 30)
    found = []
    for many in (1, 30):
        items = [{**mark(ids, "present", 1), "id": f"many-{many}-{child}", "child": child} for child in children[:many]]
        with counted_queries() as statements:
            send(items)
        found.append(len(statements))
    assert abs(found[0] - found[1]) <= 2 and found[1] <= 12
    which = Which(ids["unit"], onsite.TUESDAY)
    with counted_queries() as statements:
        sheet = seats(which, frozenset(Noun))
        for seat in sheet:
            assert seat.school and seat.classroom is not None and seat.adults is not None and seat.pickups is not None
            assert seat.health is None or seat.health.food_allergies == "Lait"
            assert seat.allowed("leaving_alone") is None
    assert len(sheet) == 33 and len(statements) <= 5
    with counted_queries() as statements:
        assert len(states(which)) == 33
    assert len(statements) == 1


def test_tablets_at_the_same_moment(app, ids):
    """Twelve threads send the same and different marks for the same children: nothing is lost, the last tap counts."""
    failed = []

    def tablet(number):
        try:
            with app.test_request_context("/"):
                for minute in range(4):
                    what = "present" if (number + minute) % 2 else "absent"
                    items = [
                        mark(ids, what, minute * 5 + number // 4, f"tablet{number:02}-{minute}-{child}", child) for child in ("tom", "lea")
                    ]
                    send(items)
                db.session.remove()
        except Exception as problem:
            failed.append(problem)

    threads = [Thread(target=tablet, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    db.session.rollback()
    kept = marks()
    assert len(kept) == 12 * 4 * 2
    for child in ("lea", "tom"):
        last = max((row for row in kept if row.child_id == ids[child]), key=lambda row: (row.at, row.id))
        assert attendance(ids[child]).state is last.mark

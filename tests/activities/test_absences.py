"""What may a family say about a child that does not come, and what does it do to the bookings?"""

from datetime import date

import pytest

from app.activities.cancelling import Days, cancel_days
from app.activities.models import Absence, Booking, BookingState
from app.activities.operations import book, take_back_absence, unbook
from app.activities.timetable import CellState
from app.audit.models import LogEntry
from app.changes.models import Lane, RequestState
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.i18n import in_locale
from app.extensions import db
from app.mail.models import OutgoingMail
from tests.activities import cast
from tests.activities.cast import NEXT_MONDAY, NEXT_THURSDAY, NEXT_TUESDAY, NEXT_WEDNESDAY, TUESDAY
from tests.activities.test_bookings import ask, booking, cell, refused, returned, settle
from tests.conftest import account
from tests.factories import make_request, request_of


@pytest.fixture
def town(app, activities, ctx):
    with in_locale("en"):
        for day in (TUESDAY, NEXT_MONDAY, NEXT_TUESDAY):
            cast.book(activities.lea, activities.galbert, activities.meal, day, activities.table)
        cast.book(activities.lea, activities.galbert, activities.care, NEXT_MONDAY)
        yield activities


def tell(town, first=NEXT_MONDAY, last=NEXT_TUESDAY, child=None, **more):
    values = {"first_day": first, "last_day": last, "reason_id": town.ill, **more}
    return make_request("absence", town.galbert, values, act="add", child_id=child or town.lea, sealed=False)


def told(town, *args, **more):
    with pytest.raises(DomainError) as refusal:
        tell(town, *args, **more)
    return str(refusal.value)


def state(town, unit, day):
    return booking(town, unit, day).state


def test_an_absence_marks_all_that_is_booked(app, town):
    number = tell(town)
    assert cell(town, town.meal, NEXT_MONDAY).state is CellState.absence_waiting
    assert state(town, town.meal, NEXT_MONDAY) is BookingState.booked
    settle(app, number)
    for unit, day in ((town.meal, NEXT_MONDAY), (town.care, NEXT_MONDAY), (town.meal, NEXT_TUESDAY)):
        row = booking(town, unit, day)
        assert row.state is BookingState.absent and row.told_in_time
    assert state(town, town.meal, TUESDAY) is BookingState.booked
    assert cell(town, town.meal, NEXT_MONDAY).state is CellState.absent


def test_from_one_unit_alone(app, town):
    settle(app, tell(town, unit_id=town.care))
    assert state(town, town.care, NEXT_MONDAY) is BookingState.absent
    assert state(town, town.meal, NEXT_MONDAY) is BookingState.booked


def test_too_late_is_accepted_and_noted(app, town):
    number = tell(town, TUESDAY, TUESDAY)
    assert request_of(number).lane is Lane.green and len(request_of(number).findings) == 2
    settle(app, number)
    assert booking(town, town.meal, TUESDAY).told_in_time is False


def test_the_deadline_is_judged_by_when_it_was_told(app, town):
    number = tell(town)
    clock.advance(days=6)
    settle(app, number)
    assert booking(town, town.meal, NEXT_MONDAY).told_in_time is True


def test_other_needs_a_text(town):
    assert "in your own words" in told(town, reason_id=town.other)
    assert "in your own words" in told(town, reason_id=town.other, explanation="  ")
    assert tell(town, reason_id=town.other, explanation="Déménagement")


def test_a_reason_of_the_list(town):
    from app.activities.models import AbsenceReason

    with unit_of_work():
        db.session.get(AbsenceReason, town.trip).open = False
    assert "reason of the list" in told(town, reason_id=town.trip)
    assert "reason of the list" in told(town, reason_id=4711)


def test_days_that_make_no_sense(town):
    assert "before the first" in told(town, NEXT_TUESDAY, NEXT_MONDAY)
    assert "too long ago" in told(town, date(2026, 10, 1), NEXT_MONDAY)
    assert "a year at most" in told(town, NEXT_MONDAY, date(2028, 1, 1))
    assert "Nothing is booked for Léa on 3 December 2026" in told(town, NEXT_THURSDAY, NEXT_THURSDAY)
    assert "not in your file" in told(town, child=town.hugo)


def test_the_same_days_twice(town):
    tell(town)
    assert "Nothing is booked" in told(town)


def test_an_absent_day_is_booked_again(app, town):
    settle(app, tell(town, NEXT_TUESDAY, NEXT_TUESDAY))
    number = ask(town, town.meal, NEXT_TUESDAY)
    settle(app, number)
    row = booking(town, town.meal, NEXT_TUESDAY)
    assert row.state is BookingState.booked and row.absence_id is None and row.told_in_time is None


def test_what_was_booked_after_the_absence_was_told_stays(app, town):
    number = tell(town, NEXT_TUESDAY, NEXT_TUESDAY)
    with unit_of_work():
        row = booking(town, town.meal, NEXT_TUESDAY)
        row.asked_at = clock.now()
    assert returned(app, number)
    assert state(town, town.meal, NEXT_TUESDAY) is BookingState.booked


def test_why_is_in_no_log(app, town):
    settle(app, tell(town, reason_id=town.other, explanation="Varicelle"))
    for entry in db.session.scalars(db.select(LogEntry)):
        assert "Varicelle" not in f"{entry.changes} {entry.note} {entry.label}"
    assert db.session.scalar(db.select(Absence.explanation)) == "Varicelle"


def test_another_household_tells_nothing_about_my_bookings(town):
    from app.children.models import Household, Weeks

    with unit_of_work():
        db.session.add(Household(child_id=town.lea, family_id=town.martin, weeks=Weeks.all, started_on=date(2024, 9, 1)))
    with pytest.raises(DomainError, match="Nothing is booked"):
        make_request(
            "absence",
            town.martin,
            {"first_day": NEXT_MONDAY, "last_day": NEXT_MONDAY, "reason_id": town.ill},
            act="add",
            child_id=town.lea,
        )


# -- the town's own acts ------------------------------------------------------------------------------------------------------------------


def child(number):
    from app.children.models import Child

    return db.session.get(Child, number)


def unit(number):
    from app.activities.models import Unit

    return db.session.get(Unit, number)


def test_the_town_books_days(town):
    with unit_of_work():
        days = [NEXT_MONDAY, NEXT_WEDNESDAY, NEXT_THURSDAY, TUESDAY.replace(day=26)]
        results = book(child(town.lea), [unit(town.meal)], days, family_id=town.galbert, by=account("agent"))
        assert [(one.day, bool(one.booking)) for one in results] == [
            (date(2026, 11, 26), True),
            (NEXT_MONDAY, False),
            (NEXT_WEDNESDAY, False),
            (NEXT_THURSDAY, True),
        ]
        assert "already booked" in results[1].problem and "Closed" in results[2].problem


def test_the_town_books_over_capacity_only_on_purpose(town):
    cast.places(town.table, town.meal, 0)
    for over in (False, True):
        with unit_of_work():
            (result,) = book(child(town.lea), [unit(town.meal)], [NEXT_THURSDAY], family_id=town.galbert, by=account("agent"), over=over)
            assert bool(result.booking) is over


def test_two_units_of_one_act_exclude_each_other(town):
    with unit_of_work():
        units = [unit(town.day), unit(town.morning)]
        results = book(child(town.lea), units, [NEXT_WEDNESDAY], family_id=town.galbert, by=account("agent"))
        assert [bool(one.booking) for one in results] == [True, False]


def test_a_day_is_taken_away(app, town):
    from app.activities.models import Activity

    number = ask(town, town.meal, NEXT_MONDAY, child=town.tom)
    with unit_of_work():
        (row,) = cancel_days(Days([db.session.get(Activity, town.canteen)], [NEXT_MONDAY]), "Grève", by=account("agent"))
        assert row.bookings_count == 1
    assert state(town, town.meal, NEXT_MONDAY) is BookingState.cancelled
    assert state(town, town.care, NEXT_MONDAY) is BookingState.booked
    request = request_of(number)
    assert (request.state, request.reason) == (RequestState.refused, "Grève")
    (mail,) = db.session.scalars(db.select(OutgoingMail).filter_by(template="day_cancelled"))
    assert "Léa" in mail.body and "Grève" in mail.body
    found = cell(town, town.meal, NEXT_MONDAY)
    assert found.state is CellState.cancelled and found.says == "Grève" and not found.may_book


def strike(town, **more):
    from app.activities.models import Activity

    with unit_of_work():
        cancel_days(Days([db.session.get(Activity, town.canteen)], [NEXT_MONDAY]), "Grève", by=account("agent"), **more)


def test_an_absence_of_a_day_that_is_taken_away_is_not_charged(app, town):
    settle(app, tell(town))
    assert state(town, town.meal, NEXT_MONDAY) is BookingState.absent
    strike(town)
    assert state(town, town.meal, NEXT_MONDAY) is BookingState.cancelled


def test_an_absence_of_a_day_that_is_charged_all_the_same_counts_as_it_was_told(app, town):
    settle(app, tell(town))
    strike(town, charged=True)
    assert state(town, town.meal, NEXT_MONDAY) is BookingState.absent


def test_an_absence_that_waits_is_closed_with_the_day(app, town):
    more, number = tell(town, NEXT_TUESDAY, NEXT_TUESDAY), tell(town, NEXT_MONDAY, NEXT_MONDAY, unit_id=town.meal)
    strike(town)
    request = request_of(number)
    assert (request.state, request.reason) == (RequestState.refused, "Grève")
    assert state(town, town.meal, NEXT_MONDAY) is BookingState.cancelled
    assert request_of(more).state is RequestState.pending


def test_an_absence_of_several_days_loses_the_day_that_is_taken_away(app, town):
    number = tell(town)
    strike(town)
    settle(app, number)
    assert state(town, town.meal, NEXT_MONDAY) is BookingState.cancelled
    assert state(town, town.meal, NEXT_TUESDAY) is BookingState.absent


def test_a_request_that_was_sent_back_is_closed_with_the_day(app, town):
    number = ask(town, town.meal, NEXT_MONDAY, child=town.tom)
    with unit_of_work():
        request = request_of(number)
        request.move_to(RequestState.deciding)
        request.move_to(RequestState.sent_back)
        request.reason, request.decided_at, request.notified_at = "A word, please.", clock.now(), clock.now()
    strike(town)
    request = request_of(number)
    assert (request.state, request.reason, request.notified_at) == (RequestState.refused, "Grève", None)


def test_a_day_is_taken_away_from_one_class(town):
    from app.activities.models import Activity
    from app.children.models import SchoolEnrolment

    classroom = db.session.scalar(db.select(SchoolEnrolment.school_class_id).filter_by(child_id=town.lea))
    cast.book(town.tom, town.galbert, town.meal, NEXT_MONDAY, town.table)
    with unit_of_work():
        canteen = db.session.get(Activity, town.canteen)
        cancel_days(Days([canteen], [NEXT_MONDAY], school_class_id=classroom), "Sortie", by=account("agent"))
    assert state(town, town.meal, NEXT_MONDAY) is BookingState.cancelled
    assert booking(town, town.meal, NEXT_MONDAY, town.tom).state is BookingState.booked
    assert cell(town, town.meal, NEXT_MONDAY, town.tom).may_cancel
    assert "Sortie" in refused(town, town.meal, NEXT_MONDAY)


def test_an_absence_is_taken_back(app, town):
    settle(app, tell(town))
    absence = db.session.scalar(db.select(Absence))
    with unit_of_work():
        take_back_absence(db.session.get(Absence, absence.id), by=account("agent"))
    assert state(town, town.meal, NEXT_MONDAY) is BookingState.booked


def test_an_absence_is_not_taken_back_where_the_place_is_gone(app, town):
    settle(app, tell(town))
    cast.places(town.table, town.meal, 0)
    with pytest.raises(DomainError, match="another child"), unit_of_work():
        take_back_absence(db.session.scalar(db.select(Absence)), by=account("agent"))
    assert state(town, town.meal, NEXT_MONDAY) is BookingState.absent


def test_a_booking_made_by_mistake_goes(town):
    with unit_of_work():
        unbook(booking(town, town.meal, NEXT_MONDAY), by=account("agent"))
    assert db.session.scalar(db.select(Booking.id).filter_by(unit_id=town.meal, day=NEXT_MONDAY)) is None


def test_a_certificate_follows(app, activities, sign_in):
    """From the absent day to the form; accepted, it is on the absence."""
    from app.changes.models import ChangeRequest
    from tests.conftest import base_of
    from tests.contracts.test_kinds import picture

    with app.app_context():
        row = cast.book(activities.lea, activities.galbert, activities.meal, NEXT_MONDAY, activities.table)
        absence = cast.absent(row, activities.ill)
    client, address = sign_in("galbert"), f"/portail/demande/certificate/edit/{absence}"
    day = client.get(f"/portail/agenda/jour/?spot={activities.lea}.{activities.meal}.{NEXT_MONDAY.isoformat()}")
    assert address in day.text
    assert "Choose the file" in client.post(address, data={"base": base_of(client.get(address).text)}).text
    sent = {"base": base_of(client.get(address).text), "certificate_id": picture()}
    assert client.post(address, data=sent, content_type="multipart/form-data").status_code == 302
    assert sign_in("martin").get(address).status_code == 404
    with app.test_request_context("/"):
        number = db.session.scalar(db.select(ChangeRequest.id).filter_by(kind="certificate"))
        assert request_of(number).lane is Lane.papers
        settle(app, number)
        assert db.session.scalar(db.select(Absence.certificate_id))


def test_what_a_request_is_about_stays_until_it_is_decided(app, town):
    tell(town, NEXT_TUESDAY, NEXT_TUESDAY)
    with pytest.raises(DomainError, match="decide about it first"), unit_of_work():
        unbook(booking(town, town.meal, NEXT_TUESDAY), by=account("agent"))
    settle(app, tell(town, NEXT_MONDAY, NEXT_MONDAY, unit_id=town.meal))
    asked = ask(town, town.meal, NEXT_MONDAY)
    with pytest.raises(DomainError, match="decide about it first"), unit_of_work():
        take_back_absence(db.session.scalar(db.select(Absence)), by=account("agent"))
    settle(app, asked)
    assert state(town, town.meal, NEXT_MONDAY) is BookingState.booked

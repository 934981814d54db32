"""What do the automatic checks say of bookings and absences, so that nothing passes in bulk that somebody should look at?"""

from datetime import date, timedelta

import pytest
from sqlalchemy import update

from app.activities.models import ActivityGroup, Paper, PaperType
from app.activities.papers import keep_paper
from app.changes.models import Lane
from app.changes.operations import inspect_request
from app.core import clock
from app.core.db import unit_of_work
from app.core.files import Upload
from app.documents.operations import store
from app.extensions import db
from app.security.who_sees_what import Noun
from tests.activities import cast
from tests.activities.cast import NEXT_MONDAY, NEXT_TUESDAY, NEXT_WEDNESDAY, TUESDAY
from tests.activities.test_bookings import ask, settle
from tests.conftest import counted_queries
from tests.contracts.town import PICTURE
from tests.factories import make_request, request_of

JANUARY = date(2027, 1, 6)


@pytest.fixture
def town(app, monkeypatch, activities):
    monkeypatch.setitem(app.config, "BABEL_DEFAULT_LOCALE", "en")
    with app.test_request_context("/", headers={"Accept-Language": "en"}):
        yield activities
        db.session.rollback()


def sentences(number):
    return " ".join(finding["sentence"] for finding in request_of(number).findings)


def checked(number):
    request = request_of(number)
    return request.lane, sentences(number)


# -- papers -------------------------------------------------------------------------------------------------------------------------------


def insure(town, until, child=None):
    with unit_of_work():
        paper = keep_paper(db.session.get(PaperType, town.insurance), town.galbert, child or town.lea, None, received_on=cast.YEAR[0])
        paper.valid_until = until


def test_a_booking_of_what_asks_for_a_paper_that_is_missing(town):
    assert checked(ask(town, town.morning, NEXT_WEDNESDAY)) == (Lane.papers, "1 of 24 places are taken. Papers are missing: Insurance.")
    assert request_of(ask(town, town.meal, NEXT_MONDAY)).lane is Lane.green, "the canteen asks for none"


def test_a_paper_that_has_run_out(town):
    insure(town, clock.today() - timedelta(days=1))
    assert checked(ask(town, town.morning, NEXT_WEDNESDAY))[0] is Lane.papers
    insure(town, clock.today())
    assert checked(ask(town, town.afternoon, NEXT_WEDNESDAY))[0] is Lane.green


def test_a_paper_that_comes_changes_the_lane_of_bookings_that_wait(app, town):
    number = ask(town, town.morning, NEXT_WEDNESDAY)
    with unit_of_work():
        file_id = store(Upload("scan.png", "image/png", PICTURE), noun=Noun.paper, family_id=town.galbert).id
    values = {"paper_type_id": town.insurance, "file_id": file_id}
    paper = make_request("paper", town.galbert, values, act="add", child_id=town.lea)
    lane, said = checked(number)
    assert lane is Lane.look and "Papers to look at first: Insurance" in said
    settle(app, paper)
    assert request_of(number).lane is Lane.green
    assert db.session.scalar(db.select(Paper.id)) is not None


def test_papers_are_read_once_for_a_lot(app, town):
    """Forty taps are looked at in one transaction: the papers of the family are the same for all."""
    numbers = [ask(town, town.morning, day) for day in (NEXT_WEDNESDAY, date(2026, 12, 9), date(2026, 12, 16))]

    def look(some):
        with unit_of_work():
            requests = [request_of(number) for number in some]
            for request in requests:
                inspect_request(request, None)

    many = []
    for some in (numbers[:1], numbers):
        with counted_queries() as statements:
            look(some)
        many.append(sum("paper_type" in statement for statement in statements))
    assert many[0] == many[1] > 0


# -- places -------------------------------------------------------------------------------------------------------------------------------


def test_no_group_takes_the_child(town):
    """Places are given by group: a child in none of them would come without being counted."""
    insure(town, None)
    with unit_of_work():
        db.session.execute(update(ActivityGroup).where(ActivityGroup.id == town.big).values(min_age=10))
    lane, said = checked(ask(town, town.morning, NEXT_WEDNESDAY))
    assert lane is Lane.look and "No group of the activity takes the child" in said
    number = ask(town, town.care, NEXT_MONDAY)
    assert request_of(number).lane is Lane.green, "an activity without groups has no limit"
    with unit_of_work():
        inspect_request(request_of(number), None)
    assert request_of(number).lane is Lane.green


def test_an_enrolment_where_no_group_takes_the_child(town):
    with unit_of_work():
        db.session.execute(update(ActivityGroup).where(ActivityGroup.activity_id == town.wednesday).values(min_age=11, max_age=None))
    insure(town, None, town.tom)
    values = {"activity_id": town.wednesday, "starts_on": "2027-01-04", "ends_on": "2027-01-17", "week": {"3": [town.morning]}}
    lane, said = checked(make_request("enrolment", town.galbert, values, act="add", child_id=town.tom))
    assert lane is Lane.look and "No group of the activity takes the child" in said


# -- absences -----------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def booked(town):
    for day in (TUESDAY, NEXT_TUESDAY):
        cast.book(town.lea, town.galbert, town.meal, day, town.table)
    return town


def tell(town, day, reason, **more):
    values = {"first_day": day, "last_day": day, "reason_id": reason, **more}
    return make_request("absence", town.galbert, values, act="add", child_id=town.lea, sealed=False)


def test_late_with_a_reason_that_is_never_charged(booked):
    lane, said = checked(tell(booked, TUESDAY, booked.trip))
    assert lane is Lane.look and "not charged, however late" in said
    assert checked(tell(booked, NEXT_TUESDAY, booked.trip))[0] is Lane.green, "in time nobody is charged"


def test_late_with_a_reason_that_is_charged(booked):
    assert checked(tell(booked, TUESDAY, booked.ill))[0] is Lane.green


def test_what_a_family_explains_is_read(booked):
    lane, said = checked(tell(booked, NEXT_TUESDAY, booked.other, explanation="Déménagement"))
    assert lane is Lane.look and "in its own words" in said and "Déménagement" not in said

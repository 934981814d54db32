"""Which papers are asked, until when are they good, who may open them, and who is reminded once?"""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from app.activities.models import Activity, Enrolment, Paper, PaperType, PaperValidity
from app.activities.papers import Standing, asked_papers, end_of_school_year, keep_paper, last_good_day, months_after, remind_of_papers
from app.changes.models import ChangeRequest, Lane, Outcome, RequestState
from app.changes.operations import withdraw
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.files import Upload
from app.documents.models import FileState, StoredFile
from app.documents.operations import store
from app.extensions import db
from app.mail.models import OutgoingMail
from app.security.who_sees_what import Noun
from tests.conftest import account, counted_queries
from tests.contracts.town import PICTURE
from tests.factories import make_request, request_of
from tests.portal.asking import decide_all


@pytest.fixture
def room(app, monkeypatch, activities):
    """The cast's activities, within a context whose language is that of the msgids."""
    monkeypatch.setitem(app.config, "BABEL_DEFAULT_LOCALE", "en")
    with app.test_request_context("/", headers={"Accept-Language": "en"}):
        with unit_of_work():
            # What a new town asks of everybody is not what these tests are about.
            db.session.execute(update(PaperType).values(asked_of_all=False))
        yield activities
        db.session.rollback()


def a_file(family_id=1):
    with unit_of_work():
        return store(Upload("scan.png", "image/png", PICTURE), noun=Noun.paper, family_id=family_id).id


def sending(type_id, child_id=None, family_id=1, **more):
    values = {"paper_type_id": type_id, "file_id": a_file(family_id), **more}
    return make_request("paper", family_id, values, act="add", child_id=child_id)


def had(type_id, child_id=None, family_id=1, until=None, reminded=None):
    with unit_of_work():
        row = keep_paper(db.session.get(PaperType, type_id), family_id, child_id, None, received_on=clock.today())
        row.valid_until, row.reminded_on = until, reminded
        db.session.flush()
        return row.id


def asked(family_id=1):
    return {(one.name, one.child_id): one for one in asked_papers(family_id)}


def in_days(number):
    return clock.today() + timedelta(days=number)


# -- what is asked --------------------------------------------------------------------------------------------------------------


def test_what_an_activity_asks_is_asked_of_the_children_in_it(room):
    assert set(asked()) == {("Insurance", room.lea)}
    assert asked()["Insurance", room.lea].activities == ["Wednesdays"] and asked()["Insurance", room.lea].to_send


def test_it_is_asked_of_a_child_that_asks_to_take_part(room):
    values = {"activity_id": room.wednesday, "starts_on": "2026-12-01", "ends_on": "2026-12-31"}
    make_request("enrolment", 1, values, act="add", child_id=room.tom)
    assert set(asked()) == {("Insurance", room.lea), ("Insurance", room.tom)}


def test_it_is_asked_no_more_after_the_end(room):
    with unit_of_work():
        row = db.session.scalar(select(Enrolment).filter_by(child_id=room.lea, activity_id=room.wednesday))
        row.ends_on = in_days(-1)
    assert asked() == {}


def test_what_everybody_owes_is_asked_of_each_child_or_once_of_the_family(room):
    with unit_of_work():
        for number in (room.vaccination, room.address):
            db.session.get(PaperType, number).asked_of_all = True
    assert set(asked()) == {("Insurance", room.lea), ("Vaccination", room.lea), ("Vaccination", room.tom), ("Proof of address", None)}
    assert asked()["Proof of address", None].activities == []


def test_it_is_asked_again_only_when_it_runs_out(room):
    had(room.insurance, room.lea, until=in_days(31))
    assert asked()["Insurance", room.lea].state is Standing.present and not asked()["Insurance", room.lea].to_send
    clock.advance(days=1)
    assert asked()["Insurance", room.lea].state is Standing.expiring and asked()["Insurance", room.lea].to_send
    clock.advance(days=31)
    assert asked()["Insurance", room.lea].state is Standing.expired
    had(room.insurance, room.lea, until=None)
    assert asked()["Insurance", room.lea].state is Standing.present


def test_the_paper_of_a_shared_child_counts_in_both_households(room):
    had(room.insurance, room.hugo, family_id=3, until=in_days(200))
    assert asked(2)["Insurance", room.hugo].state is Standing.present
    assert set(asked(3)) == set()


def test_the_number_of_queries_does_not_grow_with_children_and_papers(room):
    with unit_of_work():
        canteen = db.session.get(Activity, room.canteen)
        canteen.papers.extend(db.session.scalars(select(PaperType)))
    with counted_queries() as statements:
        assert len(asked_papers(1)) >= 4
    assert len(statements) <= 5


# -- how long it is good --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [("2026-11-23", 12, "2027-11-23"), ("2027-01-31", 1, "2027-02-28"), ("2028-01-31", 1, "2028-02-29"), ("2026-12-15", 1, "2027-01-15")],
)
def test_months_are_counted_to_the_last_day_of_a_short_month(day, months, expected):
    assert months_after(date.fromisoformat(day), months).isoformat() == expected


def test_a_school_year_paper_is_good_to_the_end_of_the_year_or_of_the_next_one_just_before_it(room):
    assert end_of_school_year(date(2026, 11, 23)) == date(2027, 8, 31)
    assert end_of_school_year(date(2026, 7, 10)) == date(2027, 8, 31)
    assert end_of_school_year(date(2030, 1, 5)) == date(2030, 8, 31)
    assert end_of_school_year(date(2030, 8, 20)) == date(2031, 8, 31)


def test_every_validity_has_its_last_day(room):
    today, kinds = date(2026, 11, 23), {row.validity: row for row in db.session.scalars(select(PaperType).order_by(PaperType.id))}
    assert last_good_day(kinds[PaperValidity.stated], today, date(2027, 1, 1)) == date(2027, 1, 1)
    assert last_good_day(db.session.get(PaperType, room.insurance), today) == date(2027, 8, 31)
    assert last_good_day(db.session.get(PaperType, room.vaccination), today) == date(2027, 11, 23)
    assert last_good_day(PaperType(validity=PaperValidity.unlimited), today) is None


# -- sending --------------------------------------------------------------------------------------------------------------------


def test_acceptance_makes_a_paper_that_is_good_for_its_time(app, room):
    number = sending(room.insurance, room.lea)
    assert asked()["Insurance", room.lea].request.id == number and not asked()["Insurance", room.lea].to_send
    assert db.session.scalar(select(Paper.id)) is None
    decide_all(app, Outcome.accept)
    paper = db.session.scalar(select(Paper))
    assert (paper.child_id, paper.valid_until, paper.received_on) == (room.lea, date(2027, 8, 31), date(2026, 11, 23))
    assert paper.file.state is FileState.kept and paper.file.noun == Noun.paper.value
    assert asked()["Insurance", room.lea].state is Standing.present


def test_a_refusal_says_why_and_asks_again(app, room):
    number = sending(room.insurance, room.lea)
    decide_all(app, Outcome.refuse, reason="It cannot be read.")
    assert request_of(number).state is RequestState.refused and asked()["Insurance", room.lea].to_send


def test_a_paper_about_health_is_closed_to_those_who_may_not_read_health(room):
    number = sending(room.vaccination, room.lea)
    file_id = request_of(number).files[0]
    row = db.session.get(StoredFile, file_id)
    assert (row.noun, row.child_id, row.state) == (Noun.health.value, room.lea, FileState.asked)


def test_bad_papers_are_refused_with_a_sentence(room):
    def refused(*args, **more):
        with pytest.raises(DomainError) as problem:
            sending(*args, **more)
        return str(problem.value)

    assert "not in your file" in refused(room.insurance, room.hugo)
    assert "which paper" in refused(99, room.lea)
    assert "which paper" in refused(room.insurance)
    assert "which paper" in refused(room.address, room.lea)
    assert "until when" in refused(room.address)
    assert "has run out" in refused(room.address, valid_until=in_days(-1))
    assert "too far away" in refused(room.address, valid_until=date(2126, 1, 1))
    assert "photograph or a PDF" in refused(room.insurance, room.lea, file_id=None)


def test_a_paper_that_comes_after_the_enrolment_changes_its_lane(app, room):
    values = {"activity_id": room.wednesday, "starts_on": "2026-12-01", "ends_on": "2026-12-31"}
    number = make_request("enrolment", 1, values, act="add", child_id=room.tom)
    assert request_of(number).lane is Lane.papers
    paper = sending(room.insurance, room.tom)
    assert request_of(number).lane is Lane.look
    with unit_of_work():
        withdraw(request_of(paper), by=account("galbert"))
    assert request_of(number).lane is Lane.papers
    had(room.insurance, room.tom, until=in_days(100))
    sending(room.insurance, room.tom)
    assert request_of(number).lane is Lane.green


# -- the reminder ---------------------------------------------------------------------------------------------------------------


def mails():
    return db.session.scalars(select(OutgoingMail).filter_by(template="papers").order_by(OutgoingMail.id)).all()


def test_a_family_is_reminded_once_of_all_papers_together(room):
    with unit_of_work():
        for number in (room.vaccination, room.address):
            db.session.get(PaperType, number).asked_of_all = True
    had(room.insurance, room.lea, until=in_days(30))
    had(room.address, until=in_days(3))
    had(room.vaccination, room.tom, until=in_days(10))
    assert remind_of_papers() == 1
    (mail,) = mails()
    assert mail.recipient == "galbert@famille.example" or mail.recipient == "christelle@famille.example"
    assert "Insurance of Léa" in mail.body or "Insurance (test)" in mail.body
    assert "Vaccination" not in mail.body, "a mail names no health paper"
    assert "/portail/papiers/" in mail.body
    assert remind_of_papers() == 0 and len(mails()) == 1
    assert all(row.reminded_on == clock.today() for row in db.session.scalars(select(Paper)))


def test_nobody_is_reminded_too_early_of_what_waits_or_of_what_is_not_asked(room):
    had(room.insurance, room.lea, until=in_days(31))
    had(room.insurance, room.tom, until=in_days(5))
    remind_of_papers()
    assert mails() == []
    clock.advance(days=2)
    sending(room.insurance, room.lea)
    remind_of_papers()
    assert mails() == []


def test_a_newer_paper_takes_the_place_of_an_older_one(room):
    had(room.insurance, room.lea, until=in_days(5))
    had(room.insurance, room.lea, until=in_days(300))
    remind_of_papers()
    assert mails() == [] and not asked()["Insurance", room.lea].to_send


def test_every_family_has_its_turn_however_many_there_are(room):
    had(room.insurance, room.lea, until=in_days(5))
    had(room.insurance, room.hugo, family_id=2, until=in_days(5))
    assert remind_of_papers(limit=1) == 1 and len(mails()) == 1
    assert remind_of_papers(limit=1) == 1 and {row.family_id for row in mails()} == {1, 2}
    assert db.session.scalar(select(db.func.count()).select_from(ChangeRequest)) == 0

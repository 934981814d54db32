"""What do a child's page and the lists say of where it lives, where it goes to school, and when its file is put away?"""

from datetime import UTC, date, datetime

import pytest

from app.children.models import Child, HealthRecord, Household, Level, School, SchoolEnrolment, SchoolYear, Weeks
from app.children.operations import archive_child
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from tests.portal.asking import child_id

HUGO = {"martin": 2, "petit": 3}


def set_homes(app, **pays):
    """Who of Hugo's two households pays, and in which weeks it is there."""
    with app.app_context(), unit_of_work():
        for row in db.session.scalars(db.select(Household).where(Household.child_id == child_id("Hugo"))):
            name = next(name for name, number in HUGO.items() if number == row.family_id)
            row.pays, row.weeks = pays[name]


def page_of(client, app, name="Hugo"):
    with app.app_context():
        number = child_id(name)
    return client.get(f"/portail/enfants/{number}/").text


@pytest.mark.parametrize(
    ("martin", "petit", "words"),
    [
        ((True, Weeks.even), (True, Weeks.odd), "Each household pays the days of its weeks."),
        ((True, Weeks.even), (False, Weeks.odd), "Your household pays every day."),
        ((False, Weeks.even), (True, Weeks.odd), "The other household pays every day."),
        ((True, Weeks.other), (True, Weeks.other), "Each household pays the days that it books."),
    ],
)
def test_a_shared_childs_page_says_its_weeks_and_who_pays_and_nothing_of_the_other_household(app, sign_in, martin, petit, words):
    set_homes(app, martin=martin, petit=petit)
    page = page_of(sign_in("martin"), app)
    assert "Where the child lives" in page and "second household" in page and str(martin[1].label) in page and words in page
    assert "Petit" not in page


def test_even_weeks_have_an_example(app, sign_in):
    clock.set_to(datetime(2026, 11, 24, 9, tzinfo=UTC))
    assert "even weeks: this week, for instance" in page_of(sign_in("martin"), app)
    assert "odd weeks: next week, for instance" in page_of(sign_in("petit"), app)


def test_a_child_of_one_household_has_no_such_card(app, sign_in):
    assert "Where the child lives" not in page_of(sign_in("galbert"), app, "Léa")


@pytest.fixture
def enrolled_for_september(app):
    """Léa has a place in this year and one in the next."""
    with app.app_context(), unit_of_work():
        lea = db.session.scalar(db.select(Child).where(Child.first_name == "Léa"))
        montessori = db.session.scalar(db.select(School).where(School.name == "Maria-Montessori"))
        after = SchoolYear(name="2027-2028", starts_on=date(2027, 9, 1), ends_on=date(2028, 8, 31))
        lea.school_enrolments.append(SchoolEnrolment(school_year=after, school=montessori, level=Level.ce2))
    with app.app_context():
        return child_id("Léa")


def test_this_years_school_stays_and_the_next_stands_beside_it(app, sign_in, enrolled_for_september):
    clock.set_to(datetime(2027, 4, 6, 9, tzinfo=UTC))
    for client, urls in (
        (sign_in("galbert"), ("/portail/enfants/", f"/portail/enfants/{enrolled_for_september}/")),
        (sign_in("agent"), ("/mairie/familles/1/", f"/mairie/enfants/{enrolled_for_september}/")),
    ):
        client.get("/lang/en")
        for url in urls:
            page = client.get(url).text
            first, then = page.index("Jacques-Prévert, C"), page.index("2027-2028: Maria-Montessori, CE2")
            assert first < then, url


def test_an_archived_child_is_asked_about_no_more_and_its_page_says_why(app, sign_in):
    with app.app_context(), unit_of_work():
        archive_child(db.session.get(Child, child_id("Léa")), by="test")
    client = sign_in("galbert")
    assert "Health data of Léa" not in client.get("/portail/").text
    for url in ("/portail/", "/portail/compte/", "/portail/inscriptions/", "/portail/agenda/", "/portail/absence/"):
        assert "Léa" not in client.get(url).text, url
    listed = client.get("/portail/enfants/").text
    assert "put away by the town hall" in listed and listed.index("Tom") < listed.index("Léa")
    page = page_of(client, app, "Léa")
    assert "put this file away on" in page and "Declare an absence" not in page
    assert "Léa" in client.get("/portail/documents/").text, "certificates of former years are made for it"


def test_a_sign_beside_a_name_on_the_familys_page_is_noted_once_a_day(app, sign_in):
    from app.audit.models import HealthRead

    with app.app_context(), unit_of_work():
        db.session.get(Child, child_id("Léa")).health = HealthRecord(food_allergies="Arachides", what_to_do="15")
    for username in ("agent", "agent", "regisseur"):
        assert sign_in(username).get("/mairie/familles/1/").status_code == 200
    with app.app_context():
        reads = db.session.scalars(db.select(HealthRead)).all()
        assert [(read.child_id, read.actor, read.screen) for read in reads] == [(child_id("Léa"), "Agent Mairie", "family")]


@pytest.mark.parametrize(("username", "offered"), [("agent", True), ("animateur", False)])
def test_the_full_sheet_is_offered_to_those_who_read_health(app, sign_in, username, offered):
    with app.app_context():
        number = child_id("Léa")
    assert ("version=full" in sign_in(username).get(f"/mairie/enfants/{number}/").text) is offered

"""Can the staff book for a child and a class, read the lists, and take a day away in one act?"""

import re

import pytest

from app.activities.models import Booking, BookingState, CalendarException, DayCancellation
from app.core.db import unit_of_work
from app.extensions import db
from app.mail.models import OutgoingMail
from tests.activities import cast
from tests.conftest import base_of, counted_queries

ENTER = "/mairie/reservations/saisir/"
CANCEL = "/mairie/jours-annules/annuler/"


def typed(town, **more):
    return {
        "child": f"(n° {town.lea})",
        "units": [town.meal],
        "first_day": cast.MONDAY.isoformat(),
        "last_day": cast.FRIDAY.isoformat(),
        "weekdays": ["1", "2", "4", "5"],
        **more,
    }


def booked(app):
    with app.app_context():
        return db.session.scalars(db.select(Booking).order_by(Booking.child_id, Booking.day)).all()


def test_a_recap_comes_first_and_writes_nothing(app, sign_in, activities):
    client = sign_in("agent")
    assert "Canteen" in client.get(ENTER).text
    assert f"activity={activities.canteen}&amp;child={activities.lea}" in client.get(f"{ENTER}?child={activities.lea}").text
    assert "Léa Galbert" in client.get(f"{ENTER}?activity={activities.canteen}&child={activities.lea}").text
    page = client.post(f"{ENTER}?activity={activities.canteen}", data=typed(activities))
    assert page.status_code == 200 and "4 bookings to make" in page.text and "Monday 23, Tuesday 24" in page.text
    assert booked(app) == []


def test_what_the_recap_said_is_booked(app, sign_in, activities):
    client, path = sign_in("agent"), f"{ENTER}?activity={activities.canteen}"
    page = client.post(path, data=typed(activities)).text
    again = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    data = {name: [value for other, value in again if other == name] for name, _value in again}
    assert "4 bookings made" in client.post(path, data=data).text
    assert [row.day for row in booked(app)] == [cast.MONDAY, cast.TUESDAY, cast.THURSDAY, cast.FRIDAY]
    page = client.post(path, data=data).text
    assert "0 bookings made" in page and len(booked(app)) == 4


def test_a_full_day_is_said_and_may_be_passed_over(app, sign_in, activities):
    with app.app_context():
        cast.places(activities.table, activities.meal, 0, day=cast.TUESDAY)
    client, path = sign_in("agent"), f"{ENTER}?activity={activities.canteen}"
    page = client.post(path, data=typed(activities)).text
    assert "3 bookings to make" in page and re.search(r"No place is left.*Tuesday 24", page)
    assert "4 bookings to make" in client.post(path, data=typed(activities, over="y")).text
    assert "4 bookings made" in client.post(path, data=typed(activities, over="y", step="book")).text


def test_days_that_cannot_be_had_stand_together_under_their_reason(app, sign_in, activities):
    with app.app_context():
        for day in (cast.MONDAY, cast.TUESDAY):
            cast.book(activities.lea, 1, activities.meal, day)
        with unit_of_work():
            for day in (cast.THURSDAY, cast.FRIDAY):
                db.session.add(CalendarException(first_day=day, last_day=day, reason="Works"))
    client, path = sign_in("agent"), f"{ENTER}?activity={activities.canteen}"
    for more in ({}, {"step": "book"}):
        page = client.post(path, data=typed(activities, **more)).text
        reasons = re.findall(r'<p class="small">([^<]*)</p>', page)
        assert reasons == ["Booked: Monday 23, Tuesday 24 November", "Works: Thursday 26, Friday 27 November"], more


def test_a_class_is_booked_at_once(app, sign_in, activities):
    with app.app_context():
        from app.children.models import SchoolClass

        number = db.session.scalar(db.select(SchoolClass.id))
    data = typed(activities, child="", school_class=number)
    page = sign_in("agent").post(f"{ENTER}?activity={activities.canteen}", data={**data, "step": "book"}).text
    assert "4 bookings made" in page and "Léa" in page


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"child": ""}, "Name a child"),
        ({"child": "Nobody"}, "Nobody of this name"),
        ({"units": []}, "Choose one at least"),
        ({"last_day": "2026-11-01"}, "three months at most"),
        ({"first_day": "tomorrow"}, "Not a valid date"),
    ],
)
def test_bad_input_is_said_and_stays(app, sign_in, activities, more, said):
    page = sign_in("agent").post(f"{ENTER}?activity={activities.canteen}", data=typed(activities, **more))
    assert page.status_code == 422 and said in page.text
    assert booked(app) == []


def test_the_lists_cost_the_same_whatever_they_hold(app, sign_in, activities):
    client = sign_in("agent")
    for path in ("/mairie/reservations/?when=all", "/mairie/absences/?when=all", "/mairie/jours-annules/?when=all"):
        client.get(path)
    with app.app_context():
        first = cast.book(activities.lea, 1, activities.meal, cast.NEXT_MONDAY)
        cast.absent(first, activities.ill)
        with counted_queries() as few:
            for path in ("/mairie/reservations/", "/mairie/absences/"):
                assert "Léa" in client.get(path).text
        for child, family in ((activities.tom, 1), (activities.hugo, 2)):
            for day in (cast.NEXT_MONDAY, cast.NEXT_TUESDAY, cast.NEXT_THURSDAY):
                cast.absent(cast.book(child, family, activities.meal, day), activities.ill)
        with counted_queries() as many:
            for path in ("/mairie/reservations/", "/mairie/absences/"):
                assert "Hugo" in client.get(path).text
    assert len(many) <= len(few) <= 16


def test_why_a_child_is_absent_is_for_those_who_decide(app, sign_in, activities):
    with app.app_context():
        cast.absent(cast.book(activities.lea, 1, activities.meal, cast.NEXT_MONDAY), activities.ill)
    for path in ("/mairie/absences/", "/mairie/absences/export.csv"):
        assert "Ill" in sign_in("agent").get(path).text
        assert "Ill" not in sign_in("lecteur").get(path).text
        assert "Léa" in sign_in("lecteur").get(path).text


def test_a_mistake_is_removed(app, sign_in, activities):
    with app.app_context():
        number = cast.book(activities.lea, 1, activities.meal, cast.NEXT_MONDAY)
    client = sign_in("agent")
    assert "Remove the booking of Léa" in client.get(f"/mairie/reservations/{number}/supprimer").text
    assert client.post(f"/mairie/reservations/{number}/supprimer").status_code == 303
    assert booked(app) == []
    assert sign_in("lecteur").post(f"/mairie/reservations/{number}/supprimer").status_code == 403


def test_the_child_comes_after_all(app, sign_in, activities):
    with app.app_context():
        absence = cast.absent(cast.book(activities.lea, 1, activities.meal, cast.NEXT_MONDAY), activities.ill)
    client = sign_in("agent")
    assert client.get(f"/mairie/absences/{absence}/reprendre").status_code == 200
    client.post(f"/mairie/absences/{absence}/reprendre")
    assert [row.state for row in booked(app)] == [BookingState.booked]


def cancelling(town, **more):
    return {"activities": [town.canteen], "first_day": cast.NEXT_MONDAY.isoformat(), "reason": "Strike", "charged": "no", **more}


def test_a_day_is_taken_away_once_its_numbers_were_read(app, sign_in, activities):
    with app.app_context():
        for child, family in ((activities.lea, 1), (activities.tom, 1), (activities.hugo, 2)):
            cast.book(child, family, activities.meal, cast.NEXT_MONDAY)
    client = sign_in("agent")
    assert client.get(CANCEL).status_code == 200
    page = client.post(CANCEL, data=cancelling(activities)).text
    assert re.search(r'class="figure">3</span> <span>children', page) and re.search(r'class="figure">2</span> <span>families', page)
    assert {row.state for row in booked(app)} == {BookingState.booked}
    answer = client.post(CANCEL, data=cancelling(activities, step="cancel"), follow_redirects=True)
    assert "3 bookings were taken away" in answer.text and "Strike" in answer.text
    assert {row.state for row in booked(app)} == {BookingState.cancelled}
    with app.app_context():
        assert db.session.scalar(db.select(DayCancellation.charged)) is False
        mails = db.session.scalars(db.select(OutgoingMail).filter_by(template="day_cancelled")).all()
        assert len(mails) == 2 and "Léa" in mails[0].body and "Tom" in mails[0].body


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"reason": ""}, "fill this in"),
        ({"first_day": "2026-11-01"}, "has passed"),
        ({"charged": ""}, ""),
        ({"activities": []}, "Choose one at least"),
        ({"last_day": "2027-11-01"}, "three months at most"),
        ({"first_day": "2026-12-05"}, "Nothing takes place"),
    ],
)
def test_a_day_is_not_taken_away_by_half(app, sign_in, activities, more, said):
    answer = sign_in("agent").post(CANCEL, data=cancelling(activities, step="cancel", **more))
    assert answer.status_code == 422 and said in answer.text


def test_several_activities_and_days_are_one_act(app, sign_in, activities):
    with app.app_context():
        for unit, day in ((activities.meal, cast.NEXT_MONDAY), (activities.meal, cast.NEXT_TUESDAY), (activities.care, cast.NEXT_TUESDAY)):
            cast.book(activities.lea, 1, unit, day)
    client = sign_in("agent")
    data = cancelling(activities, activities=[activities.canteen, activities.evening], last_day=cast.NEXT_TUESDAY.isoformat())
    page = client.post(CANCEL, data=data).text
    assert page.count('<td class="num">1</td>') == 3 and page.count('<td class="num">0</td>') == 1
    again = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    assert (
        "3 bookings were taken away"
        in client.post(
            CANCEL, data={name: [value for other, value in again if other == name] for name, _value in again}, follow_redirects=True
        ).text
    )
    with app.app_context():
        assert len(db.session.scalars(db.select(OutgoingMail).filter_by(template="day_cancelled")).all()) == 1


def test_a_day_is_given_back_once_it_was_read_what_comes_back(app, sign_in, activities):
    with app.app_context():
        cast.book(activities.lea, 1, activities.meal, cast.NEXT_MONDAY)
    client = sign_in("agent")
    page = client.post(CANCEL, data=cancelling(activities, step="cancel"), follow_redirects=True).text
    path = re.search(r"/mairie/jours-annules/\d+/rendre", page).group()
    page = client.get(path).text
    assert re.search(r'class="figure">1</span> <span>bookings count again', page) and "charged as it was booked" in page
    assert {row.state for row in booked(app)} == {BookingState.cancelled}
    assert sign_in("lecteur").post(path).status_code == 403
    assert "1 booking counts again" in client.post(path, follow_redirects=True).text
    assert {row.state for row in booked(app)} == {BookingState.booked}
    assert client.get(path).status_code == 404


CLOSURE = {"first_day": cast.NEXT_MONDAY.isoformat(), "last_day": cast.NEXT_TUESDAY.isoformat(), "reason": "Works"}


def close(client):
    path = "/mairie/jours-fermes/ajouter"
    return client.post(path, data={"base": base_of(client.get(path).text), **CLOSURE})


def test_a_closure_leads_to_what_is_booked_on_its_days(app, sign_in, activities):
    client = sign_in("agent")
    assert close(client).location.endswith("/mairie/jours-fermes/")
    with app.app_context():
        for day in (cast.NEXT_MONDAY, cast.NEXT_THURSDAY):
            cast.book(activities.lea, 1, activities.meal, day)
    answer = close(client)
    page = client.get(answer.location).text
    assert "1 booking exists on these closed days" in page and 'value="Works"' in page and 'value="2026-11-30"' in page
    data = cancelling(activities, reason="Works", closed_alone="y", last_day=cast.NEXT_FRIDAY.isoformat(), step="cancel")
    assert "1 booking was taken away" in client.post(CANCEL, data=data, follow_redirects=True).text
    assert [row.state for row in booked(app)] == [BookingState.cancelled, BookingState.booked]


@pytest.mark.parametrize("query", ["?activities=x&first_day=never&last_day=2026-13-45&school=y", "?reason=" + "a" * 500])
def test_an_address_that_makes_no_sense_is_an_empty_form(sign_in, activities, query):
    assert sign_in("agent").get(CANCEL + query).status_code == 200


@pytest.mark.parametrize("username", ["lecteur", "animateur", "regisseur", "galbert"])
def test_others_do_not_book(app, sign_in, activities, username):
    client = sign_in(username)
    assert {client.get(path).status_code for path in (ENTER, CANCEL)} == {403}

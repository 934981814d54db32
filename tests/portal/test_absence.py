"""How is an absence declared, and what is refused?"""

import io
import re

import pytest
from sqlalchemy import select, update

from app.activities.models import PlaceAsked, Wish
from app.changes.models import ChangeRequest
from app.children.models import Household
from app.core import clock
from app.core.db import unit_of_work
from app.documents.models import StoredFile
from app.extensions import db
from tests.activities import cast
from tests.conftest import counted_queries
from tests.contracts.town import PICTURE

ABSENCE = "/portail/agenda/absence/"


@pytest.fixture
def galbert(app, sign_in, activities):
    """Christelle's client; Léa and Tom eat on Thursday, Léa stays on Friday evening."""
    with app.app_context():
        cast.book(activities.lea, 1, activities.meal, cast.THURSDAY)
        cast.book(activities.tom, 1, activities.meal, cast.THURSDAY)
        cast.book(activities.lea, 1, activities.care, cast.FRIDAY)
    return sign_in("galbert")


def declare(client, base=None, where="", **values):
    """Post the form as it was opened."""
    base = base or re.search(r'name="base"[^>]*value="([^"]+)"', client.get(ABSENCE + where).text).group(1)
    return client.post(ABSENCE + where, data={"base": base, **values}, content_type="multipart/form-data")


def good(town, **other):
    return {
        "children": [town.lea, town.tom],
        "reason_id": town.ill,
        "first_day": cast.THURSDAY.isoformat(),
        "last_day": cast.FRIDAY.isoformat(),
        **other,
    }


def requests():
    return db.session.scalars(select(ChangeRequest).order_by(ChangeRequest.id)).all()


def test_two_children_are_one_lot_and_two_requests(app, galbert, activities):
    answer = declare(galbert, **good(activities))
    assert answer.status_code == 303 and "/portail/demandes/lot/" in answer.location
    with app.app_context():
        assert [(row.kind, row.child_id) for row in requests()] == [("absence", activities.lea), ("absence", activities.tom)]
        days = db.session.execute(select(PlaceAsked.child_id, PlaceAsked.day).filter_by(wish=Wish.absence)).all()
    assert len(days) == 3


def test_the_same_send_twice_is_one_absence(app, galbert, activities):
    base = re.search(r'name="base"[^>]*value="([^"]+)"', galbert.get(ABSENCE).text).group(1)
    assert declare(galbert, base, **good(activities)).location == declare(galbert, base, **good(activities)).location
    with app.app_context():
        assert len(requests()) == 2


@pytest.mark.parametrize(
    ("other", "sentence"),
    (
        ({"children": []}, "Choose one child at least."),
        ({"reason_id": ""}, "Choose a reason."),
        ({"reason_id": "999"}, "Choose a reason."),
        ({"last_day": "2026-11-25"}, "The last day comes before the first one."),
        ({"first_day": "2026-02-30"}, "Not a valid date value."),
        ({"last_day": "2028-11-25"}, "is for the town hall to arrange"),
        ({"first_day": "2026-10-01", "last_day": "2026-10-01"}, "too long ago"),
        ({"first_day": "2026-12-10", "last_day": "2026-12-10"}, "10 December 2026"),
    ),
)
def test_what_is_wrong_is_said_and_nothing_is_lost(app, galbert, activities, other, sentence):
    answer = declare(galbert, **good(activities, explanation="à l’hôpital", **other))
    assert answer.status_code == 422
    assert sentence in answer.text and "à l’hôpital" in answer.text
    with app.app_context():
        assert requests() == []


def test_other_needs_a_text(app, galbert, activities):
    answer = declare(galbert, **good(activities, reason_id=activities.other))
    assert answer.status_code == 422 and "please explain in a few words" in answer.text
    assert f'value="{activities.other}" checked' in answer.text
    assert declare(galbert, **good(activities, reason_id=activities.other, explanation="Wedding")).status_code == 303


def test_another_familys_child_cannot_be_absent(app, galbert, activities):
    assert declare(galbert, **good(activities, children=[activities.hugo])).status_code == 422
    with app.app_context():
        assert requests() == []


def test_one_service_alone(app, galbert, activities):
    where = f"?spot={activities.lea}.{activities.meal}.2026-11-26"
    assert "Only: Canteen" in galbert.get(ABSENCE + where).text
    values = good(activities, children=[activities.lea], only="1")
    assert declare(galbert, where=where, **values).status_code == 303
    with app.app_context():
        assert db.session.scalars(select(PlaceAsked.unit_id).filter_by(wish=Wish.absence)).all() == [activities.meal]


def test_each_child_gets_its_own_certificate_and_a_bad_form_keeps_it(app, galbert, activities):
    base = re.search(r'name="base"[^>]*value="([^"]+)"', galbert.get(ABSENCE).text).group(1)
    wrong = declare(galbert, base, **good(activities, children=[], certificate=(io.BytesIO(PICTURE), "note.png")))
    kept = re.search(r'name="certificate-kept" value="([^"]+)"', wrong.text).group(1)
    assert declare(galbert, base, **good(activities, **{"certificate-kept": kept})).status_code == 303
    with app.app_context():
        files = [row.changes["certificate_id"]["after"] for row in requests()]
        assert len(set(files)) == 2
        assert {row.family_id for row in db.session.scalars(select(StoredFile).where(StoredFile.id.in_(files)))} == {1}


def test_it_says_whether_it_is_in_time(galbert, activities):
    page = galbert.get(f"{ABSENCE}?spot={activities.lea}.{activities.meal}.2026-11-26")
    assert "not charged, if sent before Tue 24 Nov at 12:00" in page.text
    assert "nothing is booked in these days" in galbert.get(f"{ABSENCE}?spot={activities.lea}.{activities.meal}.2026-12-10").text


def test_the_effect_follows_what_is_chosen(galbert, activities):
    days = {"first_day": cast.THURSDAY.isoformat(), "last_day": cast.FRIDAY.isoformat()}

    def effect(**query):
        answer = galbert.get(f"{ABSENCE}effet/", query_string=query)
        assert answer.status_code == 200
        return answer.text

    both = effect(children=[activities.lea, activities.tom], **days)
    assert "Léa, 26 – 27 November" in both and "Tom, 26 – 27 November" in both and "Evening care" in both
    long = effect(children=activities.lea, first_day=cast.THURSDAY.isoformat(), last_day="2027-06-30")
    assert "<li>" in long, "as long as an absence may be"
    where = f"{activities.lea}.{activities.meal}.2026-11-26"
    assert "Evening care" not in effect(children=activities.lea, spot=where, only="1", **days)
    for nothing in (
        {},
        days,
        {"children": activities.hugo, **days},
        {"children": activities.lea, "first_day": "x", "last_day": "2026-11-26"},
    ):
        assert "<li>" not in effect(**nothing) and "an absence is not charged" in effect(**nothing)
    clock.advance(days=2)
    assert "too late to be free of charge: Thu 26 Nov" in effect(children=activities.lea, **days)


def test_without_a_choice_the_form_says_the_rule_alone(galbert, activities):
    page = galbert.get(ABSENCE).text
    assert "Told before the deadline of the agenda, an absence is not charged." in page and "<h2>What this changes</h2>" in page
    assert "Never charged: School trip." in page and "nothing is booked in these days" not in page


def test_the_receipt_says_what_it_changes(app, galbert, activities):
    page = galbert.get(declare(galbert, **good(activities)).location)
    assert page.text.count("Told in time: it is not charged.") == 2
    clock.advance(days=3)
    with app.app_context():
        cast.book(activities.tom, 1, activities.meal, cast.NEXT_MONDAY)
        cast.book(activities.lea, 1, activities.meal, cast.FRIDAY)
    page = galbert.get(declare(galbert, **good(activities, children=[activities.lea], first_day="2026-11-27")).location).text
    assert "Too late to be free of charge: Fri 27 Nov." in page and "Not charged with a certificate: Ill." in page
    free = good(activities, children=[activities.tom], reason_id=activities.trip, first_day="2026-11-30", last_day="2026-11-30")
    clock.advance(days=2)
    page = galbert.get(declare(galbert, **free).location).text
    assert "Never charged: School trip." in page and "Too late" not in page


def test_a_receipt_of_absences_and_bookings_is_cheap(app, galbert, activities):
    galbert.post("/portail/agenda/", data={"book": f"{activities.tom}.{activities.meal}.2026-12-03", "key": "k" * 32})
    address = declare(galbert, **good(activities)).location
    galbert.get(address)
    with app.app_context(), counted_queries() as statements:
        page = galbert.get(address).text
    assert "Told in time" in page and "Tom: Canteen" in page
    assert len(statements) <= 8, "\n".join(statements)


def test_a_family_without_children_is_told_so(app, sign_in, activities):
    with app.app_context(), unit_of_work():
        db.session.execute(update(Household).where(Household.family_id == 1).values(ended_on=clock.today()))
    client = sign_in("galbert")
    page = client.get(ABSENCE).text
    assert "No child is in your file yet." in page and "Send the absence" not in page
    assert ABSENCE not in client.get("/portail/agenda/").text


def test_a_sentence_that_ends_with_a_month_in_short_has_one_full_stop(app, galbert, activities):
    clock.advance(days=3)
    with app.app_context():
        cast.book(activities.lea, 1, activities.meal, cast.FRIDAY)
    address = declare(galbert, **good(activities, children=[activities.lea], first_day="2026-11-27")).location
    galbert.get("/lang/fr")
    page = galbert.get(address).text
    assert "Signalée trop tard, donc facturée\u00a0: ven. 27 nov.<" in page

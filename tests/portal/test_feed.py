"""Does a calendar show the bookings, to whoever holds the secret address and nobody else?"""

import re
from datetime import date

import pytest

from app.activities.models import BookingState
from app.core.db import unit_of_work
from app.extensions import db
from app.portal.feed import escape, fold
from app.security.models import CalendarFeed, FamilyLink
from tests.activities import cast

FEED = "/portail/agenda/calendrier/"


@pytest.fixture
def address(app, sign_in, activities):
    """The path of Christelle's secret address; Léa eats on Thursday and stays with the care group."""
    with app.app_context():
        cast.book(activities.lea, 1, activities.meal, cast.THURSDAY)
        cast.book(activities.lea, 1, activities.day, cast.NEXT_WEDNESDAY)
        cast.book(activities.tom, 1, activities.meal, cast.FRIDAY)
        cast.absent(cast.book(activities.lea, 1, activities.meal, cast.FRIDAY), activities.ill)
    return make(sign_in("galbert"))


def make(client):
    page = client.post(f"{FEED}adresse", follow_redirects=True).text
    return re.search(r'value="http://localhost(/calendrier/[^"]+\.ics)"', page).group(1)


def test_a_calendar_reads_what_is_booked(app, sign_in, address):
    answer = sign_in().get(address)
    assert answer.status_code == 200 and answer.mimetype == "text/calendar"
    text = answer.get_data(as_text=True)
    assert text.startswith("BEGIN:VCALENDAR\r\n") and text.endswith("END:VCALENDAR\r\n")
    assert "\n" not in text.replace("\r\n", "")
    assert text.count("BEGIN:VEVENT") == 3
    # 11:45 in Paris is 10:45 in UTC in winter.
    assert "DTSTART:20261126T104500Z\r\nDTEND:20261126T123000Z" in text
    assert "DTSTART;VALUE=DATE:20261202\r\nDTEND;VALUE=DATE:20261203" in text
    assert "SUMMARY:Léa – Wednesdays\\, Day" in text
    assert "Galbert" not in text and "Ill" not in text
    assert "no-store" in answer.headers["Cache-Control"] and "noindex" in answer.headers["X-Robots-Tag"]


def test_what_waits_is_tentative(app, sign_in, address, activities):
    spot = f"{activities.lea}.{activities.care}.2026-11-26"
    sign_in("galbert").post("/portail/agenda/", data={"book": spot, "key": "k" * 32})
    text = sign_in().get(address).get_data(as_text=True)
    assert "STATUS:TENTATIVE" in text and "Evening care (" in text


def test_a_wrong_or_revoked_or_renewed_address_leads_nowhere(app, sign_in, address):
    client = sign_in("galbert")
    assert sign_in().get("/calendrier/nothing.ics").status_code == 404
    newer = make(client)
    assert sign_in().get(address).status_code == 404 and sign_in().get(newer).status_code == 200
    client.post(f"{FEED}fermer")
    assert sign_in().get(newer).status_code == 404
    assert "Make my address" in client.get(FEED).text


def test_who_no_longer_acts_for_the_family_reads_nothing_more(app, sign_in, address):
    with app.app_context(), unit_of_work():
        for link in db.session.scalars(db.select(FamilyLink).filter_by(family_id=1)):
            link.ended_at = cast.NOW
    assert sign_in().get(address).status_code == 404


def test_each_account_has_its_own(app, sign_in, address):
    assert make(sign_in("marc")) != address
    assert sign_in().get(address).status_code == 200
    with app.app_context():
        secret = address.split("/")[-1].removesuffix(".ics")
        stored = db.session.execute(db.text("SELECT secret, secret_hash FROM calendar_feed")).all()
        assert all(secret not in column for row in stored for column in row)
        assert db.session.scalar(db.select(CalendarFeed).order_by(CalendarFeed.id).limit(1)).secret == secret


def test_another_familys_bookings_are_not_in_it(app, sign_in, address, activities):
    with app.app_context():
        cast.book(activities.hugo, 2, activities.meal, cast.THURSDAY)
        cast.book(activities.tom, 1, activities.meal, date(2024, 1, 5), state=BookingState.booked)
    text = sign_in().get(address).get_data(as_text=True)
    assert "Hugo" not in text and "2024" not in text.replace("-2024-", "")


def test_texts_are_escaped():
    assert escape("a, b; c\\d\r\ne") == "a\\, b\\; c\\\\d\\ne"


@pytest.mark.parametrize("text", ("x" * 200, "é" * 100, "SUMMARY:" + "’" * 70, "short"))
def test_long_lines_are_folded_between_letters(text):
    lines = fold(text).split("\r\n")
    assert all(len(line.encode()) <= 75 for line in lines)
    assert lines[0] + "".join(line[1:] for line in lines[1:]) == text
    assert all(line.startswith(" ") for line in lines[1:])

"""Can a clerk set up a service, book a class and take a day away, at a desk, with every page fit for a telephone too?"""

import re

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.activities.models import Activity, ActivityGroup, Booking, BookingState, Unit
from app.extensions import db
from tests.activities import cast
from tests.journeys import steps


@pytest.fixture
def town(app, activities, english):
    """The cast's activities, and Léa's canteen booked on Thursday."""
    with app.app_context():
        cast.book(activities.lea, activities.galbert, activities.meal, cast.THURSDAY, activities.table)
    return activities


@pytest.fixture
def nadia(person, town):
    return person("agent")


def save(page):
    page.get_by_role("button", name="Save").click()


def narrow(one):
    """The page as it is, at the narrowest telephone too."""
    own = one.page.viewport_size
    one.check()
    one.page.set_viewport_size({"width": 320, "height": 2400})
    assert not (wide := one.too_wide()), f"{one.page.url} {wide}"
    one.page.set_viewport_size(own)


def test_a_service_with_what_can_be_booked_and_its_groups(app, nadia):
    page = nadia.visit("/mairie/activites/")
    narrow(nadia)
    page.goto("/mairie/activites/ajouter")
    save(page)
    expect(page.get_by_role("alert")).to_be_visible()
    narrow(nadia)
    page.locator("[name=name]").fill("Aide aux devoirs")
    page.locator("[name=kind]").select_option("study")
    for weekday in ("1", "2"):
        page.locator(f"[name=weekdays][value='{weekday}']").check()
    page.locator("[name=position]").fill("7")
    save(page)
    expect(page.get_by_role("heading", level=1, name="Aide aux devoirs")).to_be_visible()
    narrow(nadia)
    with app.app_context():
        number = db.session.scalar(select(Activity.id).filter_by(name="Aide aux devoirs"))
    for path, fields in (("unites", {"name": "Une heure", "starts_at": "16:30"}), ("groupes", {"name": "Élémentaire", "min_age": "6"})):
        page.goto(f"/mairie/{path}/ajouter?activity={number}")
        page.locator("[name=activity_id]").select_option(str(number))
        for name, value in fields.items():
            page.locator(f"[name={name}]").fill(value)
        page.locator("[name=position]").fill("1")
        if path == "unites":
            page.locator("[name=kind]").select_option("hour")
        narrow(nadia)
        save(page)
        expect(page.get_by_text(fields["name"]).first).to_be_visible()
    with app.app_context():
        assert db.session.scalar(select(Unit.name).filter_by(activity_id=number)) == "Une heure"
        assert db.session.scalar(select(ActivityGroup.min_age).filter_by(activity_id=number)) == 6
    page.goto(f"/mairie/activites/{number}/")
    expect(page.get_by_role("main")).to_contain_text("Une heure")
    narrow(nadia)


def test_a_closed_day_shows_in_the_calendar(nadia):
    page = nadia.visit("/mairie/jours-fermes/ajouter")
    page.locator("[name=first_day]").fill("2026-12-07")
    page.locator("[name=last_day]").fill("2026-12-07")
    page.locator("[name=reason]").fill("Travaux")
    narrow(nadia)
    save(page)
    expect(page.get_by_text("Travaux").first).to_be_visible()
    page.goto("/mairie/calendrier/?month=2026-12")
    expect(page.get_by_role("main")).to_contain_text("Travaux")
    narrow(nadia)


def test_a_class_is_booked_once_its_recap_was_read(app, nadia, town):
    page = nadia.visit("/mairie/reservations/saisir/")
    narrow(nadia)
    page.locator(f"a[href$='activity={town.canteen}']").click()
    page.get_by_role("button", name="See what it comes to").click()
    expect(page.get_by_text("Name a child, or choose a class.").first).to_be_visible()
    narrow(nadia)
    page.locator("[name=school_class]").select_option(index=1)
    page.locator("[name=first_day]").fill("2026-12-07")
    page.locator("[name=last_day]").fill("2026-12-11")
    page.get_by_role("button", name="See what it comes to").click()
    expect(page.get_by_role("row").filter(has_text="Léa")).to_be_visible()
    narrow(nadia)
    page.get_by_role("button", name=re.compile(r"Make \d+ bookings")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("bookings made")
    narrow(nadia)
    with app.app_context():
        query = select(Booking.id).filter_by(child_id=town.lea, unit_id=town.meal).where(Booking.day >= cast.date(2026, 12, 7))
        assert len(db.session.scalars(query).all()) == 4


def test_a_day_is_taken_away_once_its_numbers_were_read(app, nadia, town):
    page = nadia.visit("/mairie/jours-annules/annuler/")
    page.get_by_role("button", name="See whom it concerns").click()
    expect(page.get_by_role("alert")).to_be_visible()
    narrow(nadia)
    page.locator(f"[name=activities][value='{town.canteen}']").check()
    page.locator("[name=first_day]").fill(cast.THURSDAY.isoformat())
    page.locator("[name=reason]").fill("Grève")
    page.get_by_role("radio", name="not charged").check()
    page.get_by_role("button", name="See whom it concerns").click()
    expect(page.get_by_role("listitem").filter(has_text="bookings")).to_contain_text("1")
    narrow(nadia)
    page.get_by_role("button", name="Take the days away and tell the families").click()
    steps.told(page, "1 booking was taken away. The families are told.")
    narrow(nadia)
    with app.app_context():
        assert db.session.scalar(select(Booking.state).filter_by(child_id=town.lea, day=cast.THURSDAY)) is BookingState.cancelled

"""Does an estimate add up to what the usual weeks would be billed, by day, custody and price?"""

import re
import subprocess
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.activities.models import CalendarException
from app.billing.estimate import estimate
from app.billing.grid import Membership
from app.children.models import Child
from app.children.queries import children_of
from app.core.db import unit_of_work
from app.core.settings import put
from app.extensions import db
from tests.billing import cast
from tests.conftest import counted_queries

PAGE, PDF = "/portail/devis/", "/portail/devis.pdf"
DECEMBER = date(2026, 12, 1), date(2026, 12, 31)


@pytest.fixture
def town(ctx, billed):
    return billed


def of(family_id, first=DECEMBER[0], last=DECEMBER[1]):
    return estimate(children_of(family_id), family_id, first, last)


def lines(found):
    return {(child.name, line.service): (line.days, line.amount) for child in found.children for line in child.lines}


def test_the_usual_weeks_over_a_month(town):
    found = of(town.galbert)
    # December 2026: Mondays 4, Tuesdays 5, Wednesdays 5, Thursdays 5, Fridays 4, and Friday 25 December is a public holiday.
    assert lines(found) == {
        ("Léa Galbert", "Canteen"): (17, Decimal("64.60")),
        ("Léa Galbert", "Evening care"): (9, Decimal("23.67")),
        ("Léa Galbert", "Wednesdays, Day"): (5, Decimal("90.00")),
        ("Tom Galbert", "Canteen"): (9, Decimal("34.20")),
    }
    assert found.total == Decimal("212.47")
    # Four meals, two evenings, a Wednesday; two meals.
    assert found.week == Decimal("15.20") + Decimal("5.26") + Decimal("18.00") + Decimal("7.60")


def test_school_holidays_and_closed_days_are_left_out(town):
    with unit_of_work():
        put("school_zone", "a")
        db.session.add(CalendarException(first_day=date(2026, 12, 7), last_day=date(2026, 12, 7), reason="Works", open=False))
    assert lines(of(town.galbert))["Tom Galbert", "Canteen"][0] == 8


def test_a_new_grid_in_the_month_makes_a_line_of_its_own(town):
    cast.grid(town.canteen, cast.table([cast.Column("Meal")], [("all", "0", None, ["4.00"])]), date(2026, 12, 14))
    tom = next(child for child in of(town.galbert).children if child.name.startswith("Tom"))
    assert [(line.days, line.amount) for line in tom.lines] == [(3, Decimal("11.40")), (6, Decimal("24.00"))]


def test_alternate_weeks_cost_each_household_its_own(town):
    martin, petit = of(town.martin), of(town.petit)
    # Weeks 50 and 52 are even, without Friday 25: four days and three. Petit books three days of weeks 49, 51 and 53: two, three, three.
    assert lines(martin)["Hugo Martin", "Canteen"] == (7, Decimal("17.50"))
    assert lines(petit)["Hugo Martin", "Canteen"] == (8, Decimal("56.00"))


def test_hours_count_where_time_does(town):
    from app.activities.models import Unit

    with unit_of_work():
        db.session.get(Unit, town.care).by_time = True
    line = next(line for child in of(town.galbert).children for line in child.lines if line.service == "Evening care")
    # From 16:30 to 18:30.
    assert (line.periods, line.days, line.amount) == (2, 9, Decimal("47.34"))


def test_what_has_no_price_is_named(town):
    from app.billing.models import TariffGrid

    with unit_of_work():
        db.session.delete(db.session.get(TariffGrid, town.evening_grid))
    lea = next(child for child in of(town.galbert).children if child.name.startswith("Léa"))
    assert lea.unknown == ["Evening care"]


@pytest.mark.parametrize(("per_family", "amount"), [(True, "12.00"), (False, "24.00")])
def test_memberships_are_named_beside_the_sum(town, per_family, amount):
    membership = Membership(Decimal("12.00"), per_family=per_family)
    cast.grid(town.canteen, replace(cast.canteen_grid(), membership=membership), date(2026, 10, 1))
    found = of(town.galbert)
    assert found.memberships == [("Canteen", Decimal(amount))]
    assert found.total == Decimal("212.47")


def test_no_usual_week(town):
    from app.activities.models import Enrolment

    with unit_of_work():
        for row in db.session.scalars(select(Enrolment)):
            row.week = {}
    found = of(town.galbert)
    assert (found.known, found.total, found.week) == (False, 0, 0)


# -- the screens ----------------------------------------------------------------------------------------------------------------------


def test_the_page_is_cheap_and_the_document_says_the_same(app, sign_in, billed):
    client = sign_in("galbert")
    client.get(PAGE)
    with app.app_context(), counted_queries() as statements:
        page = client.get(f"{PAGE}?month=2026-12")
    assert page.status_code == 200
    assert len(statements) <= 8, "\n".join(statements)
    assert "€212.47" in page.text
    document = client.get(f"{PDF}?month=2026-12")
    assert document.mimetype == "application/pdf"
    text = subprocess.run(["pdftotext", "-layout", "-", "-"], input=document.data, capture_output=True, check=True).stdout.decode()
    assert "€212.47" in text and "Christelle Galbert" in text and "This is no invoice." in text
    assert re.search(r"Wednesdays, Day +5 +€18.00 +€90.00", text)


@pytest.mark.parametrize("month", ["", "2026", "2026-99", "1999-01", "nonsense", "2026-12-01"])
def test_an_address_without_sense_shows_the_next_month(sign_in, billed, month):
    assert "December 2026" in sign_in("galbert").get(f"{PAGE}?month={month}").text


def test_the_spouse_sees_it_and_strangers_do_not(sign_in, billed):
    assert sign_in("marc").get(PAGE).status_code == 200
    assert sign_in().get(PAGE).status_code == 302
    assert sign_in("agent").get(PAGE).status_code in (302, 403)
    assert "Léa" not in sign_in("petit").get(PAGE).text


def test_no_child_no_estimate(app, sign_in, billed):
    with app.app_context(), unit_of_work():
        from app.children.models import Household

        for link in db.session.scalars(select(Household).filter_by(family_id=billed.galbert)):
            link.ended_on = date(2026, 11, 1)
        assert db.session.scalar(select(Child.id).limit(1))
    page = sign_in("galbert").get(PAGE)
    assert page.status_code == 200
    assert "No usual week of your children" in page.text
    assert sign_in("galbert").get(PDF).status_code == 200

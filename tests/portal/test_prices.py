"""Does a family read its own price, why, and what will change; and nobody else's?"""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from app.activities.models import Activity, Unit, UnitKind
from app.billing.grid import Membership
from app.billing.models import TariffGrid
from app.billing.prices import Prices, about, in_words, periods
from app.children.models import Household
from app.core.db import unit_of_work
from app.core.i18n import in_locale
from app.core.settings import put
from app.extensions import db
from tests.activities.cast import FRIDAY, MONDAY, TUESDAY, WEDNESDAY
from tests.billing import cast
from tests.conftest import counted_queries


@pytest.fixture
def family(sign_in, billed):
    return sign_in("galbert")


def card(client, child):
    """The card of prices on a child's page."""
    return client.get(f"/portail/enfants/{child}/").text.partition('id="prices"')[2].partition("</section>")[0]


def test_each_unit_with_its_reason_and_what_else_is_charged(family, billed):
    shown = card(family, billed.lea)
    for words in ("Canteen", "€3.80", "Booked after the deadline: €4.80.", "Without a booking: €5.80.", "Evening care", "€2.63", "€18.00"):
        assert words in shown, words


def test_a_change_that_is_known_is_announced(app, family, billed):
    with app.app_context():
        cast.quotient(billed.galbert, "300", date(2027, 1, 1))
        cast.grid(billed.evening, cast.table([cast.Column("Hour")], [("all", "0", None, ["1.10"])]), date(2026, 12, 15))
    shown = card(family, billed.lea)
    assert "From 1 January 2027 on: €1.00." in shown
    assert "From 15 December 2026 on: €1.10." in shown


def test_a_membership_is_said(app, family, billed):
    with app.app_context():
        membership = Membership(Decimal("12.00"), per_family=True, exterior=Decimal("20.00"))
        cast.grid(billed.canteen, replace(cast.canteen_grid(), membership=membership), date(2026, 10, 1))
    assert "€12.00 once a school year for the family." in card(family, billed.lea)


@pytest.mark.parametrize(
    ("without", "words"),
    [("refuse", "The price needs your family quotient."), ("highest", "The town has no proof of income for this day.")],
)
def test_without_a_proof_of_income(app, sign_in, billed, without, words):
    with app.app_context():
        cast.grid(billed.canteen, replace(cast.canteen_grid(), without_quotient=without), date(2026, 10, 1))
    assert words in card(sign_in("petit"), billed.hugo)


def test_no_tariff(app, family, billed):
    with app.app_context(), unit_of_work():
        db.session.delete(db.session.get(TariffGrid, billed.evening_grid))
    assert "The town has published no price yet." in card(family, billed.lea)


def test_the_household_that_does_not_pay_is_told_so_and_sees_no_price(app, sign_in, billed):
    with app.app_context(), unit_of_work():
        db.session.scalar(db.select(Household).filter_by(child_id=billed.hugo, family_id=billed.petit)).pays = False
    shown = card(sign_in("petit"), billed.hugo)
    assert "The other household pays for this activity." in shown and "€" not in shown
    page = sign_in("petit").get("/portail/agenda/?week=2026-W49").text
    assert "€" not in page
    # The other one still does: half of 450 is its own.
    assert "€2.50" in card(sign_in("martin"), billed.hugo)


def test_each_household_reads_its_own_price(sign_in, billed):
    assert "€2.50" in card(sign_in("martin"), billed.hugo)
    shown = card(sign_in("petit"), billed.hugo)
    assert "€7.00" in shown and "450" not in shown


def test_no_activity_no_card(app, family, billed):
    with app.app_context():
        from tests.activities.cast import another_child

        nina = another_child("Nina", billed.galbert)
    assert card(family, nina) == ""


@pytest.mark.parametrize("date_typed", ["", "2026-12-01", "9999-12-31", "0001-01-01", "nonsense"])
def test_the_form_of_an_enrolment_shows_prices_whatever_is_typed(family, billed, date_typed):
    from tests.conftest import base_of

    url = f"/portail/demande/enrolment/add?child={billed.tom}&activity={billed.evening}"
    page = family.get(url)
    assert "€2.10" in page.text
    answer = family.post(url, data={"base": base_of(page.text), "starts_on": date_typed, "ends_on": "2026-11-01"})
    assert answer.status_code == 200 and 'class="prices"' in answer.text


def test_pages_spend_one_query_on_prices(app, family, billed):
    for url in (f"/portail/enfants/{billed.lea}/", "/portail/agenda/", "/portail/agenda/?weeks=4"):
        family.get(url)
        with app.app_context(), counted_queries() as statements:
            assert "€" in family.get(url).text
        assert len([one for one in statements if "tariff_grid" in one or "income_quotient" in one]) == 1
        assert len(statements) <= 8, "\n".join(statements)


def test_a_tap_answers_with_the_price(family, billed):
    spot = f"{billed.lea}.{billed.meal}.{FRIDAY.isoformat()}"
    answer = family.post("/portail/agenda/", json={"taps": [{"key": "0123456789", "spot": spot, "act": "book"}]})
    (found,) = answer.json["results"]
    assert (found["cents"], found["name"].endswith(", €3.80")) == (380, True)


def test_a_tariff_without_a_late_surcharge_says_nothing_of_lateness(family, billed):
    # Wednesdays may be asked for too late, and cost the same then.
    page = family.get(f"/portail/agenda/jour/?spot={billed.lea}.{billed.day}.{WEDNESDAY.isoformat()}").text
    assert "€18.00" in page and "booked late" not in page


def test_where_a_surcharge_is_due_it_is_said_before(app, family, billed):
    with app.app_context(), unit_of_work():
        db.session.get(Activity, billed.canteen).late_requests = True
    page = family.get(f"/portail/agenda/jour/?spot={billed.lea}.{billed.meal}.{TUESDAY.isoformat()}").text
    assert "€4.80, booked late" in page


def test_a_plain_day_shows_no_price_that_cannot_be_asked_for(family, billed):
    # Monday is too late, and no late request is taken.
    page = family.get(f"/portail/agenda/jour/?spot={billed.lea}.{billed.meal}.{MONDAY.isoformat()}").text
    assert "€" not in page


def test_what_an_absence_costs_that_is_told_too_late(app, family, billed):
    with app.app_context():
        cast.booked(billed.lea, billed.galbert, billed.meal, TUESDAY)
        cast.booked(billed.lea, billed.galbert, billed.meal, FRIDAY)
    late = family.get(f"/portail/agenda/absence/?spot={billed.lea}.{billed.meal}.{TUESDAY.isoformat()}").text
    assert "too late to be free of charge: Tue 24 Nov (€3.80)" in late
    assert "Never charged: School trip." in late and "Not charged with a certificate: Ill." in late
    early = family.get(f"/portail/agenda/absence/?spot={billed.lea}.{billed.meal}.{FRIDAY.isoformat()}").text
    assert "not charged, if sent before" in early and "€" not in early
    with app.app_context(), unit_of_work():
        put("certificate_carence", 2)
    with app.app_context(), counted_queries() as statements:
        assert "With a certificate, charged for 2 days only: Ill." in family.get(f"/portail/agenda/absence/?child={billed.lea}").text
    assert len(statements) <= 9, "\n".join(statements)


# -- the rules ------------------------------------------------------------------------------------------------------------------------


def test_prices_follow_the_grid_of_the_day(ctx, billed):
    cast.grid(billed.canteen, cast.table([cast.Column("Meal")], [("all", "0", None, ["9.00"])]), date(2026, 12, 1))
    prices = Prices.load(billed.galbert, date(2026, 9, 1), date(2026, 12, 31), [billed.canteen])
    meal = db.session.get(Unit, billed.meal)
    found = [prices.of(billed.lea, meal, day).amount for day in (date(2026, 9, 1), date(2026, 11, 30), date(2026, 12, 1))]
    assert found == [Decimal("2.50"), Decimal("3.80"), Decimal("9.00")]


def test_a_grid_that_was_changed_is_read_anew(ctx, billed):
    meal = db.session.get(Unit, billed.meal)

    def now():
        return Prices.load(billed.galbert, MONDAY, FRIDAY, [billed.canteen]).of(billed.lea, meal, MONDAY).amount

    assert now() == Decimal("3.80")
    with unit_of_work():
        row = db.session.get(TariffGrid, billed.canteen_grid)
        row.content = cast.grid_to_json(cast.table([cast.Column("Meal")], [("all", "0", None, ["9.00"])]))
    assert now() == Decimal("9.00")


@pytest.mark.parametrize(
    ("kind", "by_time", "words", "count"),
    [
        (UnitKind.hour, True, "€2.00 per hour begun", 2),
        (UnitKind.half_hour, True, "€2.00 per half-hour begun", 4),
        (UnitKind.quarter_hour, True, "€2.00 per quarter-hour begun", 8),
        (UnitKind.hour, False, "€2.00", 1),
    ],
)
def test_prices_of_hours(ctx, billed, kind, by_time, words, count):
    with unit_of_work():
        unit = db.session.get(Unit, billed.care)
        unit.kind, unit.by_time = kind, by_time
    unit = db.session.get(Unit, billed.care)
    with in_locale("en"):
        assert in_words(Decimal("2.00"), unit) == words
    assert (periods(unit), about(Decimal("2.00"), unit)) == (count, 2 * count)

"""Does what tests/billing/cast.py says by hand follow from its grids, one price at a time?"""

from decimal import Decimal

import pytest

from app.billing.grid import Residence
from app.billing.models import TariffGrid
from app.billing.pricing import Situation, price
from app.extensions import db
from tests.billing import cast

GALBERT, PETIT = Situation(quotient=Decimal("720")), Situation(residence=Residence.exterior)


@pytest.mark.parametrize(
    ("situation", "charge", "expected"),
    [
        (GALBERT, "booked", "2.50"),
        (GALBERT, "late", "3.50"),
        (GALBERT, "missing", "4.50"),
        (GALBERT, "unannounced", "2.50"),
        (PETIT, "booked", "7.00"),
        (Situation(quotient=Decimal("1050.50")), "booked", "3.80"),
        (Situation(quotient=Decimal("720"), own_lunch=True), "booked", "1.20"),
        (Situation(quotient=Decimal("720"), categories=frozenset({"ccas"})), "booked", "0.50"),
    ],
)
def test_a_meal(situation, charge, expected):
    assert price(cast.canteen_grid(), 1, situation, charge).unit_price == Decimal(expected)


@pytest.mark.parametrize(("rank", "expected"), [(1, "1.80"), (2, "1.44"), (3, "1.44")])
def test_an_evening(rank, expected):
    assert price(cast.evening_grid(), 1, Situation(quotient=Decimal("720"), rank=rank)).unit_price == Decimal(expected)


def test_what_is_billed_is_there(app, billed):
    with app.app_context():
        grid = price(cast.wednesday_grid(billed), billed.day, GALBERT)
        assert grid.unit_price == Decimal("13.00")
        assert price(cast.wednesday_grid(billed), billed.morning, Situation(quotient=Decimal("450"))).unit_price == Decimal("4.00")
        assert db.session.query(TariffGrid).count() == 4

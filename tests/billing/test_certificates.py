"""Does a certificate say what was paid, for care alone, and not a cent more or less over the years?"""

import re
import subprocess
from datetime import date
from decimal import Decimal

import pytest

from app.billing.certificates import presence, tax_certificate
from app.billing.models import Invoice
from app.children.models import Child
from app.core import clock
from app.extensions import db
from tests.billing.bills import cancel, issue, lines_of, pay, school_days

OCTOBER = school_days(date(2026, 10, 1), date(2026, 10, 31))
#: Tom, born on 1 June 2022, is four; Léa, born in 2019, is seven.
EVENING = {"activity": "Evening care", "unit": "After school"}


@pytest.fixture
def town(app, activities):
    with app.test_request_context("/"):
        yield activities
        db.session.rollback()


def tom(town, days, price, **more):
    return lines_of("Tom", days, price, child_id=town.tom, **more)


def amounts(family_id, year):
    db.session.rollback()
    return {child.name: child.amount for child in tax_certificate(family_id, year).children}


def total_of(invoice_id):
    db.session.rollback()
    return db.session.get(Invoice, invoice_id).total


def test_care_of_the_youngest_alone_and_what_was_paid_alone(town):
    lines = tom(town, OCTOBER[:4], "2.00", **EVENING) + tom(town, OCTOBER[:4], "3.00", meal=Decimal("3.00"))
    lines += lines_of("Léa", OCTOBER[:4], "2.00", child_id=town.lea, **EVENING)
    invoice = issue(1, 2026, 10, lines, rank=1)
    assert amounts(1, 2026) == {}
    pay(1, "28.00", date(2026, 11, 20), (invoice, "28.00"))
    assert amounts(1, 2026) == {"Tom": Decimal("8.00")}
    assert amounts(1, 2027) == {}
    assert amounts(3, 2026) == {}


def test_meal_part_and_surcharges_are_no_care(town):
    late = {"charge": "late", "base": "10.00", "price": "11.00", "steps": [{"kind": "late", "effect": "add", "value": "1.00"}]}
    wednesday = {"activity": "Wednesday", "unit": "Day"}
    lines = tom(town, OCTOBER[:1], "10.00", meal=Decimal("4.00"), **wednesday)
    lines += tom(town, OCTOBER[1:2], "11.00", charge="late", meal=Decimal("4.40"), reason=late, **wednesday)
    for line in lines[1:]:
        line["why"].update(late)
    lines += tom(town, OCTOBER[2:3], "10.00", charge="unannounced", **wednesday) + tom(town, OCTOBER[3:4], "10.00", charge="told_late")
    invoice = issue(1, 2026, 10, lines, rank=1)
    pay(1, "41.00", date(2026, 11, 20), (invoice, "41.00"))
    # Six euros of each day that was spent there: 10.00 less the meal, 40 % of it.
    assert amounts(1, 2026) == {"Tom": Decimal("12.00")}


def test_parts_paid_over_the_years_add_up_to_the_cent(town):
    lines = tom(town, OCTOBER[:3], "3.33", **EVENING) + lines_of("Léa", OCTOBER[:2], "5.01", child_id=town.lea)
    invoice = issue(1, 2026, 10, lines, rank=1)
    for year, part in ((2026, "7.01"), (2027, "6.67"), (2028, "6.33")):
        pay(1, part, date(year, 2 if year > 2026 else 12, 1), (invoice, part))
    # In 2028 Tom is five on 1 January still: born on 1 June 2022.
    found = [amounts(1, year).get("Tom", Decimal(0)) for year in (2026, 2027, 2028)]
    assert sum(found) == Decimal("9.99") and all(found)
    assert total_of(invoice) == Decimal("20.01")


def test_the_year_of_the_payment_decides_who_is_young(town):
    invoice = issue(1, 2026, 10, tom(town, OCTOBER[:3], "2.00", **EVENING), rank=1)
    pay(1, "6.00", date(2029, 1, 5), (invoice, "6.00"))
    # Six years old on 1 January 2029.
    assert amounts(1, 2029) == {}


def test_what_a_credit_note_paid_was_not_paid(town):
    invoice = issue(1, 2026, 10, tom(town, OCTOBER[:3], "2.00", **EVENING), rank=1)
    cancel(invoice, rank=2, day=date(2026, 11, 20))
    assert amounts(1, 2026) == {}


def test_an_amount_taken_off_lowers_what_was_paid_for_care(town):
    lines = tom(town, OCTOBER[:4], "5.00", **EVENING) + lines_of("", OCTOBER[:1], "-5.00", charge="adjustment")
    invoice = issue(1, 2026, 10, lines, rank=1)
    pay(1, "15.00", date(2026, 11, 20), (invoice, "15.00"))
    assert amounts(1, 2026) == {"Tom": Decimal("15.00")}


def test_presence_counts_days_that_were_spent_there(town):
    lines = (
        tom(town, OCTOBER[:3], "2.00", **EVENING) + tom(town, OCTOBER[:2], "3.00") + tom(town, OCTOBER[5:6], "3.00", charge="unannounced")
    )
    issue(1, 2026, 10, lines, rank=1)
    cancelled = issue(1, 2026, 11, tom(town, [date(2026, 11, 3)], "3.00"), rank=2)
    cancel(cancelled, rank=3, day=date(2026, 11, 20))
    found = presence(1, db.session.get(Child, town.tom), 2026)
    assert found.months == [(date(2026, 10, 1), {"Evening care": 3, "Canteen": 2})]
    assert not presence(3, db.session.get(Child, town.hugo), 2026).months


def text(content, tmp_path):
    path = tmp_path / "paper.pdf"
    path.write_bytes(content)
    found = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout
    return re.sub(r"\s+", " ", found)


def test_families_open_their_own_papers_and_nobody_elses(activities, app, sign_in, tmp_path):
    town = activities
    with app.test_request_context("/"):
        invoice = issue(1, 2026, 10, tom(town, OCTOBER[:3], "2.00", **EVENING), rank=1)
        pay(1, "6.00", date(2026, 11, 20), (invoice, "6.00"))
    galbert, petit = sign_in("galbert"), sign_in("petit")
    page = galbert.get("/portail/documents/")
    assert page.status_code == 200 and b"impots-2026.pdf" in page.data
    words = text(galbert.get("/portail/documents/impots-2026.pdf").data, tmp_path)
    assert "Tax certificate 2026" in words and "€6.00" in words and "provisional" in words
    assert "€6.00" not in text(petit.get("/portail/documents/impots-2026.pdf").data, tmp_path)
    words = text(galbert.get(f"/portail/documents/presence-{town.tom}-2026.pdf").data, tmp_path)
    assert "Evening care" in words and "October 2026" in words
    assert petit.get(f"/portail/documents/presence-{town.tom}-2026.pdf").status_code == 404
    words = text(galbert.get("/portail/documents/releve-2026.pdf").data, tmp_path)
    assert "Cheque" in words and "Everything is paid" in words
    clock.advance(days=60)
    assert "provisional" not in text(galbert.get("/portail/documents/impots-2026.pdf").data, tmp_path)

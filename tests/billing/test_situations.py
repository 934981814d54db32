"""Does a price know the household as it was that day: quotient, brothers and sisters, own lunch, grants? And in one query?"""

from datetime import date
from decimal import Decimal

import pytest

from app.billing.grid import Residence
from app.billing.models import RateGrant, ThirdPartyShare
from app.billing.pricing import Share
from app.billing.situations import Situations
from app.children.models import HealthRecord, Household, Level, SchoolEnrolment, SchoolYear, Weeks
from app.core import settings
from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import CafData, Family, FormerPlace, Fund, IncomeQuotient, QuotientSource
from app.families.operations import set_fund, set_resident
from app.families.quotients import quotient_ends
from tests.activities.cast import another_child, enrol
from tests.conftest import counted_queries

OCTOBER, NOVEMBER = (date(2026, 10, 1), date(2026, 10, 31)), (date(2026, 11, 1), date(2026, 11, 30))
DAY = date(2026, 11, 23)


@pytest.fixture
def town(ctx, activities):
    return activities


def keep(*rows):
    with unit_of_work():
        db.session.add_all(rows)


def quotient(family_id, value, since):
    return IncomeQuotient(family_id=family_id, value=Decimal(value), counts_from=since, source=QuotientSource.hand)


def of(town, child_id=None, activity_id=None, day=DAY, family_id=1):
    situations = Situations.load([family_id], date(2026, 9, 1), date(2027, 7, 31))
    return situations.of(family_id, child_id or town.lea, activity_id or town.canteen, day)


def test_a_quotient_counts_from_its_month_until_the_next_one(town):
    keep(quotient(1, "812", date(2026, 9, 1)), quotient(1, "640.50", date(2026, 11, 1)), quotient(2, "99", date(2026, 9, 1)))
    assert of(town, day=date(2026, 8, 31)).quotient is None
    assert of(town, day=date(2026, 10, 31)).quotient == Decimal(812)
    november = of(town, day=date(2026, 11, 1))
    assert (november.quotient, november.quotient_from) == (Decimal("640.50"), date(2026, 11, 1))


def test_a_quotient_to_come_is_not_known_yet(town):
    keep(quotient(1, "812", date(2026, 12, 1)))
    assert Situations.load([1], *NOVEMBER).of(1, town.lea, town.canteen, DAY).quotient is None


def test_residence_and_fund(town):
    assert (of(town).residence, of(town).fund) == (Residence.resident, "none")
    with unit_of_work():
        db.session.get(Family, 1).resident = False
        db.session.add(CafData(family_id=1, fund=Fund.msa))
    assert (of(town).residence, of(town).fund) == (Residence.exterior, "msa")


def test_a_move_counts_from_its_day_and_earlier_days_cost_what_they_did(town):
    def residences():
        days = (date(2026, 9, 30), date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 15), date(2026, 11, 16))
        return "".join(of(town, day=day).residence.value[0] for day in days)

    with unit_of_work():
        set_resident(db.session.get(Family, 1), False)
    assert residences() == "rreee", "from the first of this month"
    with unit_of_work():
        set_resident(db.session.get(Family, 1), True, date(2026, 11, 16))
    assert residences() == "rreer"
    with unit_of_work():
        set_resident(db.session.get(Family, 1), False, date(2026, 10, 1))
    assert residences() == "reeee", "what was noted of later days was a slip"
    with unit_of_work():
        set_resident(db.session.get(Family, 1), True, date(2026, 10, 1))
    assert residences() == "rrrrr" and not db.session.scalars(db.select(FormerPlace)).all()


def test_a_new_fund_counts_from_this_month(town):
    keep(CafData(family_id=1, fund=Fund.caf))
    with unit_of_work():
        set_fund(db.session.scalar(db.select(CafData)), Fund.msa)
    assert [of(town, day=day).fund for day in (date(2026, 10, 31), date(2026, 11, 1))] == ["caf", "msa"]
    assert of(town, day=date(2026, 10, 31)).residence is Residence.resident


@pytest.mark.parametrize(
    ("months", "known"),
    [
        (0, [None, "812", "812", "812", "812"]),
        (12, [None, "812", "812", None, None]),
        (13, [None, "812", "812", "812", None]),
    ],
)
def test_a_quotient_counts_for_so_many_months(town, months, known):
    keep(quotient(1, "812", date(2025, 11, 1)))
    with unit_of_work():
        settings.put("quotient_months", months)
    days = (date(2025, 10, 31), date(2025, 11, 1), date(2026, 10, 31), date(2026, 11, 1), date(2026, 12, 1))
    situations = Situations.load([1], days[0], days[-1])
    found = [situations.of(1, town.lea, town.canteen, day) for day in days]
    assert [one.quotient for one in found] == [value and Decimal(value) for value in known]
    assert found[3].quotient_until == {0: None, 12: date(2026, 10, 31), 13: date(2026, 11, 30)}[months]


def test_a_new_quotient_takes_the_place_of_one_that_would_still_count(town):
    keep(quotient(1, "812", date(2026, 1, 1)), quotient(1, "640", date(2026, 10, 1)))
    with unit_of_work():
        settings.put("quotient_months", 12)
    assert of(town, day=date(2026, 12, 31)).quotient == Decimal(640) and of(town, day=date(2027, 2, 1)).quotient == Decimal(640)


def test_the_eldest_enrolled_child_is_the_first(town):
    assert (of(town).children, of(town).rank) == (2, 1)
    assert (of(town, town.tom).children, of(town, town.tom).rank) == (2, 2)
    # Tom does not go to evening care.
    assert (of(town, activity_id=town.evening).children, of(town, activity_id=town.evening).rank) == (1, 1)
    eldest = another_child("Nina", 1, born=date(2016, 1, 1))
    assert of(town).rank == 1
    enrol(eldest, 1, town.canteen, first=date(2026, 11, 24))
    assert (of(town).rank, of(town, day=date(2026, 11, 24)).rank) == (1, 2)
    assert of(town, day=date(2026, 11, 24)).children == 3


def test_a_child_that_is_not_enrolled_is_counted_with_the_others(town):
    nina = another_child("Nina", 1, born=date(2020, 1, 1))
    found = of(town, nina)
    assert (found.children, found.rank) == (3, 2)


def test_twins_have_their_own_ranks(town):
    twins = [another_child(name, 1, born=date(2019, 3, 4)) for name in ("Zoé", "Ana")]
    for twin in twins:
        enrol(twin, 1, town.canteen)
    assert [of(town, child).rank for child in (town.lea, *twins)] == [1, 2, 3]


def test_a_child_of_two_households_counts_in_both(town):
    # Hugo was enrolled by his mother's household; his father's own child is the younger one.
    younger = another_child("Rose", town.petit, born=date(2021, 1, 1))
    enrol(younger, town.petit, town.canteen)
    assert of(town, younger, family_id=town.petit).rank == 2
    assert of(town, town.hugo, family_id=town.petit).children == 2
    assert of(town, town.hugo, family_id=town.martin).children == 1


def test_a_child_who_moved_counts_where_it_lived_that_day(town):
    with unit_of_work():
        link = db.session.scalar(db.select(Household).filter_by(child_id=town.lea))
        link.ended_on = date(2026, 11, 15)
        db.session.add(Household(child_id=town.lea, family_id=town.petit, weeks=Weeks.all, started_on=date(2026, 11, 16)))
    assert of(town, town.tom, day=date(2026, 11, 15)).rank == 2
    assert of(town, town.tom, day=date(2026, 11, 16)).rank == 1


def test_own_lunch_as_long_as_the_care_plan_is_valid(town):
    keep(HealthRecord(child_id=town.lea, pai=True, pai_until=date(2026, 11, 30), own_lunch=True))
    assert of(town, day=date(2026, 11, 30)).own_lunch
    assert not of(town, day=date(2026, 12, 1)).own_lunch
    assert not of(town, town.tom).own_lunch


@pytest.mark.parametrize(
    ("pai", "own_lunch", "expected"), [(True, True, True), (True, None, False), (None, True, False), (False, True, False)]
)
def test_own_lunch_needs_both_a_care_plan_and_the_basket(town, pai, own_lunch, expected):
    keep(HealthRecord(child_id=town.lea, pai=pai, own_lunch=own_lunch))
    assert of(town).own_lunch is expected


def test_age_and_school_of_the_day(town):
    assert (of(town).age, of(town, day=date(2027, 3, 3)).age, of(town, day=date(2027, 3, 4)).age) == (7, 7, 8)
    assert (of(town).stage, of(town, town.tom).stage, of(town, town.hugo, family_id=town.petit).stage) == ("primary", "nursery", "primary")
    nina = another_child("Nina", 1)
    assert of(town, nina).stage == ""


def test_the_school_year_counts_over_the_summer_until_the_next_one_begins(town):
    with unit_of_work():
        this = db.session.scalar(db.select(SchoolYear))
        this.ends_on = date(2027, 7, 3)
        following = SchoolYear(name="2027-2028", starts_on=date(2027, 9, 1), ends_on=date(2028, 7, 8))
        db.session.add(following)
        db.session.flush()
        db.session.add(SchoolEnrolment(child_id=town.tom, school_year_id=following.id, school_id=1, level=Level.cp))
    situations = Situations.load([1], date(2027, 7, 1), date(2027, 9, 30))
    found = [situations.of(1, town.tom, town.canteen, day).stage for day in (date(2027, 7, 20), date(2027, 8, 31), date(2027, 9, 1))]
    assert found == ["nursery", "nursery", "primary"]


def test_grants_and_shares_of_the_day_the_child_and_the_activity(town):
    keep(
        RateGrant(family_id=1, category="CCAS", starts_on=date(2026, 11, 1), ends_on=date(2026, 11, 23)),
        RateGrant(family_id=1, child_id=town.tom, category="Ulis", starts_on=date(2026, 9, 1)),
        ThirdPartyShare(family_id=1, payer="CAF", percent=30, starts_on=date(2026, 9, 1)),
        ThirdPartyShare(family_id=1, payer="CCAS", activity_id=town.canteen, amount=Decimal("1.50"), starts_on=date(2026, 9, 1)),
    )
    assert of(town).categories == {"ccas"}
    assert of(town, day=date(2026, 11, 24)).categories == frozenset()
    assert of(town, town.tom).categories == {"ccas", "ulis"}
    assert of(town).shares == (Share("CAF", 30), Share("CCAS", amount=Decimal("1.50")))
    assert of(town, activity_id=town.evening).shares == (Share("CAF", 30),)


def test_one_query_whatever_the_number(town):
    keep(*(quotient(family, "500", date(2026, 9, 1)) for family in (1, 2, 3)))
    # All settings cost one query a request.
    quotient_ends(DAY)
    with counted_queries() as statements:
        situations = Situations.load([1, 2, 3], *NOVEMBER)
        for family, child in ((1, town.lea), (1, town.tom), (2, town.hugo), (3, town.hugo)):
            for day in range(1, 31):
                assert situations.of(family, child, town.canteen, date(2026, 11, day)).quotient == 500
    assert len(statements) == 1


def test_days_between_which_nothing_changes_share_a_situation(town):
    keep(quotient(1, "500", date(2026, 9, 1)), quotient(1, "600", date(2026, 11, 1)))
    situations = Situations.load([1], OCTOBER[0], NOVEMBER[1])
    found = [situations.of(1, town.lea, town.canteen, date(2026, month, day)) for month in (10, 11) for day in range(1, 31)]
    assert len(set(map(id, found))) == 2


def test_a_household_that_is_not_there_has_a_situation_all_the_same(town):
    assert Situations.load([999], *NOVEMBER).of(999, town.lea, town.canteen, DAY).rank == 1

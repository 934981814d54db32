"""As what is a day charged, for how long, and who pays it? The rules one by one, without a database."""

from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.activities.models import BookingState, Mark, UnitKind
from app.billing.charges import Service, charged_as, quantity
from app.billing.models import ChargeKind
from app.billing.payers import Link, payer
from app.children.models import Weeks

#: Rules and words, without a database.
pytestmark = pytest.mark.once

DAY = date(2026, 11, 24)  # a Tuesday of week 48, an even one


def booking(state="booked", **more):
    known = {"late": False, "told_in_time": None, "certificate_id": None, "takes_certificate": None, "never_charged": None, "charged": None}
    return SimpleNamespace(**{**known, "state": BookingState(state), "day": DAY, "first_day": DAY, **more})


LATE = {"state": "absent", "told_in_time": False, "takes_certificate": True, "never_charged": False}


@pytest.mark.parametrize(
    ("row", "mark", "carence", "kind"),
    [
        (booking(), None, 0, "booked"),
        (booking(), Mark.present, 0, "booked"),
        (booking(), Mark.left, 0, "booked"),
        (booking(late=True), Mark.present, 0, "late"),
        (booking(), Mark.absent, 0, "unannounced"),
        (booking(late=True), Mark.absent, 0, "unannounced"),
        (booking("absent", told_in_time=True), None, 0, None),
        (booking("absent", told_in_time=True), Mark.absent, 0, None),
        (booking("absent", told_in_time=True), Mark.present, 0, "missing"),
        (booking(**LATE), None, 0, "told_late"),
        (booking(**LATE), Mark.absent, 0, "told_late"),
        (booking(**LATE), Mark.left, 0, "booked"),
        (booking(**{**LATE, "never_charged": True}), None, 0, None),
        (booking(**LATE, certificate_id=7), None, 0, None),
        (booking(**{**LATE, "takes_certificate": False}, certificate_id=7), None, 0, "told_late"),
        (booking(**LATE, certificate_id=7), None, 2, "told_late"),
        (booking(**{**LATE, "first_day": DAY - timedelta(days=1)}, certificate_id=7), None, 2, "told_late"),
        (booking(**{**LATE, "first_day": DAY - timedelta(days=2)}, certificate_id=7), None, 2, None),
        (booking("cancelled", charged=False), None, 0, None),
        (booking("cancelled", charged=True), None, 0, "cancelled"),
        (booking("cancelled", charged=False), Mark.present, 0, "booked"),
    ],
)
def test_as_what(row, mark, carence, kind):
    found = charged_as(row, mark, carence)
    assert found is (ChargeKind(kind) if kind else None)


# -- time -------------------------------------------------------------------------------------------------------------------------------


def service(kind=UnitKind.half_hour, starts=time(16, 30), ends=time(18, 30), by_time=True):
    return Service(1, 1, kind, starts, ends, 0, by_time, "Care", 1, "Care", 1)


def there(arrived, left):
    def at(text):
        # Paris, in winter.
        return text and datetime.combine(DAY, time.fromisoformat(text), UTC) - timedelta(hours=1)

    return SimpleNamespace(state=Mark.left if left else Mark.present, arrived_at=at(arrived), left_at=at(left))


@pytest.mark.parametrize(
    ("unit", "mark", "times"),
    [
        (service(by_time=False), there("16:30", "18:30"), 1),
        (service(), there("16:30", "17:00"), 1),
        (service(), there("16:30", "17:00:59"), 1),
        (service(), there("16:30", "17:01"), 2),
        (service(UnitKind.hour), there("16:30", "17:31"), 2),
        (service(), there("16:10", "17:00"), 1),
        (service(), there("16:45", None), 4),
        (service(), there("16:30", "19:05"), 6),
        (service(), None, 4),
        (service(), SimpleNamespace(state=Mark.absent, arrived_at=None, left_at=None), 4),
        (service(starts=None, ends=None), None, 1),
        (service(starts=None, ends=None), there("16:30", "17:40"), 3),
        (service(), there("18:45", None), 1),
    ],
)
def test_how_long(app, ctx, unit, mark, times):
    assert quantity(unit, DAY, mark) == times


# -- who pays ---------------------------------------------------------------------------------------------------------------------------

EVER = date(2020, 1, 1)
ODD = DAY + timedelta(days=7)


def link(family_id, weeks="all", pays=True, first=EVER, last=None):
    return Link(family_id, Weeks(weeks), pays, first, last)


@pytest.mark.parametrize(
    ("links", "day", "asked", "family_id"),
    [
        ([link(1)], DAY, 1, 1),
        ([link(1, pays=False)], DAY, 1, 1),
        ([link(1, pays=False), link(2)], DAY, 1, 2),
        ([link(1, pays=False), link(2, pays=False)], DAY, 1, 1),
        ([link(1, "even"), link(2, "odd")], DAY, 1, 1),
        ([link(1, "even"), link(2, "odd")], ODD, 1, 2),
        ([link(1, "even"), link(2, "odd")], ODD, None, 2),
        ([link(1, "even"), link(2, "odd", pays=False)], ODD, 2, 1),
        ([link(1, "other"), link(2, "other")], ODD, 2, 2),
        ([link(1, last=DAY - timedelta(days=1)), link(2, first=DAY)], DAY, 1, 2),
        ([link(1, last=DAY - timedelta(days=1)), link(2, first=DAY)], DAY - timedelta(days=1), 1, 1),
        ([link(1, last=DAY), link(2, first=DAY)], DAY, 1, 1),
        ([link(1, last=EVER)], DAY, 2, 2),
        ([], DAY, 2, 2),
        ([], DAY, None, None),
    ],
)
def test_who_pays(links, day, asked, family_id):
    assert payer(links, day, asked) == family_id


days = st.dates(date(2026, 1, 1), date(2026, 12, 31))
links = st.lists(
    st.builds(
        lambda family, weeks, pays, first, length: link(family, weeks, pays, first, first + timedelta(days=length) if length else None),
        st.integers(1, 3),
        st.sampled_from([one.value for one in Weeks]),
        st.booleans(),
        days,
        st.integers(0, 200),
    ),
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(links=links, day=days, asked=st.integers(1, 3))
def test_somebody_pays_and_one_who_pays_where_there_is_one(links, day, asked):
    found = payer(links, day, asked)
    paying = {one.family_id for one in links if one.pays and one.covers(day)}
    if len(links) > 1 and paying:
        assert found in paying
        of_week = {one.family_id for one in links if one.pays and one.covers(day) and one.has_week(day)}
        assert found in of_week or not of_week
    assert found is not None

"""What do the tests bill? Grids for the activities of the cast, quotients, and what happened in October and November 2026.

`load()` is behind the fixture `billed`: it adds to the Town of tests/activities/cast.py (Monday 23 November 2026, 9 o'clock), and what
October and November come to is worked out by hand in OCTOBER and NOVEMBER. The functions below it make one row each.
"""

from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from app.activities.models import Attendance, Mark, Unit
from app.billing.grid import Bounds, Cell, Column, Effect, Grid, Modifier, ModifierKind, Residence, Row
from app.billing.grids import grid_to_json
from app.billing.models import RateGrant, TariffGrid, ThirdPartyShare
from app.children.models import HealthRecord
from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import Family, IncomeQuotient, QuotientSource
from tests.activities import cast
from tests.activities.cast import YEAR, Town

PARIS = ZoneInfo("Europe/Paris")
ASKED = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
OCTOBER_DAYS = (date(2026, 10, 1), date(2026, 10, 31))
NOVEMBER_DAYS = (date(2026, 11, 1), date(2026, 11, 30))


def euros(text):
    """A Decimal of "2,50" or "2.50"; None stays None."""
    return None if text is None else Decimal(str(text).replace(",", "."))


#: What October comes to, by hand: {family: total}. Galbert (720 €): Léa's meals of the 1st, 2nd, 5th, of the 6th (absent without a
#: word) and the 8th (ill, told too late, no certificate) at 2.50, the 12th booked late 3.50, the 9th (a school trip) nothing: 16.00;
#: Tom's meals of the 1st and 5th at 2.50, the 6th without a booking 4.50, the 8th told in time nothing: 9.50; Léa's evenings of the
#: 5th and 12th, 0.25 % of 720 €: 3.60; her Wednesdays of the 7th and 14th at 13.00: 26.00. Martin (450 €, even weeks): Hugo's meals of
#: the 12th and 13th 5.00, the morning of the 14th 4.00: under 15 €. Petit (no proof, outside the commune): the 5th, 6th, 8th at 7.00.
OCTOBER = {1: Decimal("55.10"), 2: Decimal("9.00"), 3: Decimal("21.00")}
LINES_OF_OCTOBER = {1: 13, 2: 3, 3: 3}
#: November without what October carried forward. Galbert's quotient is 1 050.50 € now: five meals at 3.80, a Wednesday at 18.00.
NOVEMBER = {1: Decimal("37.00"), 2: Decimal("7.50"), 3: Decimal("21.00")}


@dataclass
class Billed(Town):
    """The Town, with the ids of the grids in force (canteen's before them is `canteen_before`)."""

    canteen_before: int = 0
    canteen_grid: int = 0
    evening_grid: int = 0
    wednesday_grid: int = 0


def load():
    """Make grids, quotients, bookings and attendance; returns the Billed town."""
    town = cast.load()
    with unit_of_work():
        db.session.get(Family, town.petit).resident = False
        db.session.get(Unit, town.day).meal_percent = 35
        for family_id, value, first in (
            (town.galbert, "720", date(2026, 9, 1)),
            (town.galbert, "1050.50", date(2026, 11, 1)),
            (town.martin, "450", date(2026, 1, 1)),
        ):
            db.session.add(_quotient(family_id, value, first))
    town = Billed(**asdict(town))
    cast.enrol(town.hugo, town.petit, town.canteen, {"1": [town.meal], "2": [town.meal], "4": [town.meal]})
    before = Grid(rows=(Row("Tous", Decimal(0)),), columns=(Column("Repas"),), cells=((Cell(Decimal("3.00")),),))
    town.canteen_before = grid(town.canteen, before, date(2025, 9, 1), "Délibération du 20 juin 2025")
    town.canteen_grid = grid(town.canteen, canteen_grid())
    town.evening_grid = grid(town.evening, evening_grid())
    town.wednesday_grid = grid(town.wednesday, wednesday_grid(town))
    _october(town)
    _november(town)
    return town


# -- grids ----------------------------------------------------------------------------------------------------------------------------


def table(columns, rows, **more):
    """A Grid of Columns and [(title, lowest, highest, [amounts])]; a row whose lowest is None is one that is granted by its title."""
    made = tuple(Row(title, euros(low), euros(high), "" if low is not None else title) for title, low, high, _amounts in rows)
    cells = tuple(tuple(None if amount is None else Cell(euros(amount)) for amount in amounts) for *_row, amounts in rows)
    return Grid(made, tuple(columns), cells, **more)


def canteen_grid():
    """Brackets, residents and others, a row of the CCAS; a euro more booked late, two without a booking; 1.20 with one's own lunch."""
    return table(
        [Column("Saint-Exemple", residence=Residence.resident), Column("Extérieur", residence=Residence.exterior)],
        [
            ("jusqu'à 400", "0", "400", ["1.00", "4.00"]),
            ("de 400,01 à 800", "400.01", "800", ["2.50", "5.00"]),
            ("de 800,01 à 1 200", "800.01", "1200", ["3.80", "6.00"]),
            ("plus de 1 200", "1200.01", None, ["5.20", "7.00"]),
            ("CCAS", None, None, ["0.50", None]),
        ],
        modifiers=(
            Modifier(ModifierKind.own_lunch, Effect.set, Decimal("1.20")),
            Modifier(ModifierKind.late, Effect.add, Decimal("1.00")),
            Modifier(ModifierKind.missing, Effect.add, Decimal("2.00")),
        ),
    )


def evening_grid():
    """A rate of effort, 0.25 % between 0.80 and 3.00; a fifth less from the second child on."""
    return Grid(
        rows=(Row("Taux d'effort", Decimal(0)),),
        columns=(Column("Accueil du soir"),),
        cells=((Cell(rate=Decimal("0.25"), floor=Decimal("0.80"), ceiling=Decimal("3.00")),),),
        modifiers=(Modifier(ModifierKind.rank, Effect.factor, Decimal("0.80"), least=2),),
    )


def wednesday_grid(town):
    """Half days and whole days, residents and others; with three children the next lower bracket."""
    half, day = frozenset({town.morning, town.afternoon}), frozenset({town.day})
    return table(
        [
            Column("Demi-journée", units=half, residence=Residence.resident),
            Column("Journée", units=day, residence=Residence.resident),
            Column("Demi-journée, extérieur", units=half, residence=Residence.exterior),
            Column("Journée, extérieur", units=day, residence=Residence.exterior),
        ],
        [
            ("jusqu'à 500", "0", "500", ["4.00", "9.00", "8.00", "16.00"]),
            ("de 500,01 à 1 000", "500.01", "1000", ["6.00", "13.00", "10.00", "19.00"]),
            ("plus de 1 000", "1000.01", None, ["8.50", "18.00", "12.00", "22.00"]),
        ],
        bounds=Bounds.to_cent,
        modifiers=(Modifier(ModifierKind.children, Effect.shift, Decimal(1), least=3),),
    )


def grid(activity_id, prices, starts_on=YEAR[0], title="Délibération du 12 juin 2026"):
    """A version of an activity's grid; returns its id."""
    return _keep(TariffGrid(activity_id=activity_id, starts_on=starts_on, title=title, content=grid_to_json(prices)))


def with_modifiers(prices, *modifiers):
    """A Grid with these modifiers beside its own."""
    return replace(prices, modifiers=prices.modifiers + modifiers)


# -- what happened ----------------------------------------------------------------------------------------------------------------------


def _october(town):
    def day(number):
        return date(2026, 10, number)

    for number in (1, 2, 5):
        came(town.lea, town.galbert, town.meal, day(number))
    booked(town.lea, town.galbert, town.meal, day(6))
    attended(town.lea, town.meal, day(6), Mark.absent)
    cast.absent(booked(town.lea, town.galbert, town.meal, day(8)), town.ill, told_in_time=False)
    cast.absent(booked(town.lea, town.galbert, town.meal, day(9)), town.trip, told_in_time=False)
    came(town.lea, town.galbert, town.meal, day(12), late=True)
    for number in (1, 5):
        came(town.tom, town.galbert, town.meal, day(number))
    attended(town.tom, town.meal, day(6), unexpected=True)
    cast.absent(booked(town.tom, town.galbert, town.meal, day(8)), town.other)
    for number in (5, 12):
        came(town.lea, town.galbert, town.care, day(number))
    for number in (7, 14):
        came(town.lea, town.galbert, town.day, day(number))
    # Hugo: the weeks of the 5th (41) are Petit's, those of the 12th (42) Martin's.
    for number in (5, 6, 8):
        came(town.hugo, town.petit, town.meal, day(number))
    came(town.hugo, town.martin, town.meal, day(12))
    # The sheet of the 13th was not used: the booking counts.
    booked(town.hugo, town.martin, town.meal, day(13))
    came(town.hugo, town.martin, town.morning, day(14))


def _november(town):
    def day(number):
        return date(2026, 11, number)

    for number in (2, 3, 5, 6):
        came(town.lea, town.galbert, town.meal, day(number))
    came(town.tom, town.galbert, town.meal, day(2))
    came(town.lea, town.galbert, town.day, day(4))
    for number in (2, 3, 5):
        came(town.hugo, town.petit, town.meal, day(number))
    for number in (9, 10, 12):
        came(town.hugo, town.martin, town.meal, day(number))


# -- one row each -----------------------------------------------------------------------------------------------------------------------


def booked(child_id, family_id, unit_id, day, late=False):
    """A booking; returns its id."""
    from app.activities.models import Booking

    return _keep(Booking(child_id=child_id, family_id=family_id, unit_id=unit_id, day=day, late=late, asked_at=ASKED))


def came(child_id, family_id, unit_id, day, late=False):
    """A booking, and the child came; returns the booking's id."""
    booking_id = booked(child_id, family_id, unit_id, day, late)
    attended(child_id, unit_id, day)
    return booking_id


def attended(child_id, unit_id, day, state=Mark.left, arrived="16:30", left="17:40", unexpected=False):
    """What was noted on site, times as on the clock in Paris; returns its id. Nobody arrives who is absent."""
    there = state in (Mark.present, Mark.left)
    return _keep(
        Attendance(
            child_id=child_id,
            unit_id=unit_id,
            day=day,
            state=state,
            unexpected=unexpected,
            arrived_at=_at(day, arrived) if there else None,
            left_at=_at(day, left) if state is Mark.left else None,
            marked_at=_at(day, arrived),
            marked_by="Animateur Mairie",
        )
    )


def quotient(family_id, value, counts_from):
    """A quotient from a month on; returns its id."""
    return _keep(_quotient(family_id, value, counts_from))


def granted(family_id, category, child_id=None, first=YEAR[0], last=None):
    """A household, or one of its children, pays by a row with a name; returns the grant's id."""
    return _keep(RateGrant(family_id=family_id, child_id=child_id, category=category, starts_on=first, ends_on=last))


def helped(family_id, payer="CCAS", percent=None, amount=None, child_id=None, activity_id=None, first=YEAR[0], last=None):
    """Somebody else pays a part; returns the share's id."""
    whose = {"family_id": family_id, "child_id": child_id, "activity_id": activity_id, "payer": payer}
    return _keep(ThirdPartyShare(**whose, percent=percent, amount=euros(amount), starts_on=first, ends_on=last))


def own_lunch(child_id, until=date(2027, 8, 31)):
    """The child has a care plan by which it brings its own lunch; returns the health record's id."""
    return _keep(HealthRecord(child_id=child_id, pai=True, pai_until=until, own_lunch=True))


def _quotient(family_id, value, counts_from):
    return IncomeQuotient(family_id=family_id, value=euros(value), counts_from=counts_from, source=QuotientSource.proof)


def _at(day, text):
    return datetime.combine(day, time.fromisoformat(text), PARIS).astimezone(UTC)


def _keep(row):
    with unit_of_work():
        db.session.add(row)
        db.session.flush()
        return row.id

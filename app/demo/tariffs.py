"""What does Saint-Exemple charge? Grids of all its activities, of this year and the last, and who pays by another row."""

from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import delete

from app.billing import seed
from app.billing.grid import Cell, Column, Effect, Grid, Membership, Modifier, ModifierKind, Residence, Row
from app.billing.grids import grid_to_json
from app.billing.models import RateGrant, TariffGrid, ThirdPartyShare
from app.core import clock
from app.core.money import round_cents
from app.demo.letterhead import write_letterhead
from app.extensions import db
from app.families.models import IncomeQuotient, QuotientSource

RESIDENT, EXTERIOR = Residence.resident, Residence.exterior
#: Upper ends of the brackets of the quotient.
BRACKETS = (400, 650, 900, 1200, 1600, None)


def set_prices(world):
    """A grid of this year and of last year for every activity, within the open unit of work; a few households pay by another row."""
    seed.seed()
    write_letterhead()
    for unit, percent in (("whole", 30), ("holiday", 30)):
        world.offer.units[unit].meal_percent = percent
    for years_ago, factor in ((1, Decimal("0.97")), (0, Decimal(1))):
        year = world.year_begins - years_ago
        for key, grid in _grids(world.offer, factor).items():
            db.session.add(
                TariffGrid(
                    activity_id=world.offer.activities[key].id,
                    starts_on=date(year, 9, 1),
                    title=f"Délibération du {12 if years_ago == 0 else 14} juin {year}",
                    content=grid_to_json(grid),
                )
            )
    _grants(world)


def _grids(offer, factor):
    """{activity: Grid}; `factor`: what last year's prices were of these."""
    units = {name: frozenset({unit.id}) for name, unit in offer.units.items()}

    def euros(text):
        return round_cents(Decimal(text) * factor)

    return {
        "canteen": _canteen(euros),
        "morning": _table((Column("Accueil du matin"),), [("0.60",), ("0.80",), ("1.00",), ("1.25",), ("1.50",), ("1.70",)], euros),
        "evening": _evening(units, euros),
        "study": Grid((Row("Tous les quotients"),), (Column("Étude surveillée"),), ((Cell(euros("1.80")),),)),
        "wednesday": _wednesday(units, euros),
        "holidays": _holidays(euros),
    }


def _canteen(euros):
    return _table(
        (Column("Saint-Exemple", residence=RESIDENT), Column("Hors commune", residence=EXTERIOR)),
        [("1.00", "4.60"), ("2.10", "4.60"), ("3.20", "5.20"), ("4.10", "5.90"), ("4.80", "6.50"), ("5.40", "6.90")],
        euros,
        extra=[("CCAS", ("0.50", None)), ("Agents de la commune", ("3.20", "3.20"))],
        modifiers=(
            Modifier(ModifierKind.own_lunch, Effect.set, euros("1.20")),
            Modifier(ModifierKind.late, Effect.add, Decimal("1.50")),
            Modifier(ModifierKind.missing, Effect.add, Decimal("2.00")),
        ),
    )


def _evening(units, euros):
    return _table(
        (Column("Jusqu’à 17 h 30", units=units["short"]), Column("Jusqu’à 18 h 30", units=units["long"])),
        [("0.90", "1.50"), ("1.20", "2.00"), ("1.50", "2.50"), ("1.85", "3.10"), ("2.20", "3.70"), ("2.50", "4.20")],
        euros,
        modifiers=(Modifier(ModifierKind.rank, Effect.factor, Decimal("0.80"), least=2),),
    )


def _wednesday(units, euros):
    half = units["half"] | units["other_half"]
    return Grid(
        rows=(Row("Taux d’effort"),),
        columns=(Column("Demi-journée", units=half), Column("Journée avec repas", units=units["whole"])),
        cells=((_rate("0.60", "3.00", "9.00", euros), _rate("1.20", "6.50", "19.50", euros)),),
        modifiers=(
            Modifier(ModifierKind.residence, Effect.factor, Decimal("1.25")),
            Modifier(ModifierKind.unannounced, Effect.factor, Decimal("1.50")),
        ),
        membership=Membership(Decimal("8.00")),
    )


def _holidays(euros):
    return _table(
        (
            Column("1er enfant", residence=RESIDENT, ranks=(1, 1)),
            Column("2e enfant", residence=RESIDENT, ranks=(2, 2)),
            Column("3e et suivants", residence=RESIDENT, ranks=(3, None)),
            Column("Hors commune", residence=EXTERIOR),
        ),
        [
            ("4.20", "3.80", "3.40", "14.00"),
            ("6.80", "6.10", "5.50", "15.50"),
            ("9.50", "8.60", "7.70", "17.00"),
            ("12.40", "11.20", "10.00", "19.00"),
            ("15.20", "13.70", "12.30", "21.00"),
            ("17.60", "15.80", "14.30", "23.00"),
        ],
        euros,
    )


def _table(columns, prices, euros, extra=(), **more):
    """A Grid of BRACKETS; `extra`: rows that are granted by their name."""
    rows, cells, lowest = [], [], Decimal(0)
    for highest, line in zip(BRACKETS, prices, strict=True):
        rows.append(Row(_title(lowest, highest), lowest, None if highest is None else Decimal(highest)))
        cells.append(tuple(Cell(euros(text)) for text in line))
        lowest = Decimal(highest or 0) + Decimal("0.01")
    for name, line in extra:
        rows.append(Row(name, category=name))
        cells.append(tuple(None if text is None else Cell(euros(text)) for text in line))
    return Grid(tuple(rows), columns, tuple(cells), **more)


def _title(lowest, highest):
    if not lowest:
        return f"Jusqu’à {highest} €"
    first = f"{lowest}".replace(".", ",")
    return f"De {first} à {highest} €" if highest else f"Plus de {int(lowest)} €"


def _rate(rate, floor, ceiling, euros):
    return Cell(rate=Decimal(rate), floor=euros(floor), ceiling=euros(ceiling))


def _grants(world):
    """Some households pay by the row of the CCAS or of the town's staff, and the CCAS pays a part for one."""
    begin = date(world.year_begins, 9, 1)
    poor, staff, helped = (home.family for home in world.homes[5:8])
    for family, name in ((poor, "CCAS"), (staff, "Agents de la commune")):
        db.session.add(RateGrant(family_id=family.id, category=name, starts_on=begin, ends_on=date(begin.year + 1, 8, 31)))
    db.session.add(
        ThirdPartyShare(family_id=helped.id, payer="CCAS", percent=Decimal(50), starts_on=begin, ends_on=date(begin.year + 1, 8, 31))
    )
    galbert = world.homes[0].family
    db.session.execute(delete(IncomeQuotient).where(IncomeQuotient.family_id == galbert.id))
    for year, value in ((begin.year - 1, "812"), (begin.year, "846")):
        db.session.add(
            IncomeQuotient(
                family_id=galbert.id,
                value=Decimal(value),
                counts_from=date(year, 1, 1),
                source=QuotientSource.proof,
                recorded_at=clock.now() - timedelta(days=365 * (begin.year - year)),
            )
        )

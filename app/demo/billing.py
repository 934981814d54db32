"""What does Saint-Exemple charge, and what was billed and paid lately? Grids of all activities; two months through the real operations."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import delete, select, update

from app.billing import ledger, reminders, seed
from app.billing.grid import Cell, Column, Effect, Grid, Membership, Modifier, ModifierKind, Residence, Row
from app.billing.grids import grid_to_json
from app.billing.models import (
    Allocation,
    BillingPeriod,
    EntryKind,
    Invoice,
    InvoiceDocument,
    InvoiceKind,
    RateGrant,
    RunKind,
    TariffGrid,
    ThirdPartyShare,
)
from app.billing.operations import adjust, ask_run, credit, open_period
from app.billing.runs import run_due
from app.core import clock
from app.core.db import unit_of_work
from app.core.money import round_cents
from app.demo.letterhead import write_letterhead
from app.extensions import db
from app.families.models import IncomeQuotient, QuotientSource

RESIDENT, EXTERIOR = Residence.resident, Residence.exterior
#: Upper ends of the brackets of the quotient; and what the table calls each.
BRACKETS = (400, 650, 900, 1200, 1600, None)
#: Days after a month on which its invoices are issued.
ISSUED_AFTER = 8
#: What a payment is called on the account.
MEANS = ("Paiement par carte", "Prélèvement", "Chèque", "Virement")


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
    half = units["half"] | units["other_half"]

    def euros(text):
        return round_cents(Decimal(text) * factor)

    canteen = _table(
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
    morning = _table((Column("Accueil du matin"),), [("0.60",), ("0.80",), ("1.00",), ("1.25",), ("1.50",), ("1.70",)], euros)
    evening = _table(
        (Column("Jusqu’à 17 h 30", units=units["short"]), Column("Jusqu’à 18 h 30", units=units["long"])),
        [("0.90", "1.50"), ("1.20", "2.00"), ("1.50", "2.50"), ("1.85", "3.10"), ("2.20", "3.70"), ("2.50", "4.20")],
        euros,
        modifiers=(Modifier(ModifierKind.rank, Effect.factor, Decimal("0.80"), least=2),),
    )
    study = Grid((Row("Tous les quotients"),), (Column("Étude surveillée"),), ((Cell(euros("1.80")),),))
    wednesday = Grid(
        rows=(Row("Taux d’effort"),),
        columns=(Column("Demi-journée", units=half), Column("Journée avec repas", units=units["whole"])),
        cells=((_rate("0.60", "3.00", "9.00", euros), _rate("1.20", "6.50", "19.50", euros)),),
        modifiers=(
            Modifier(ModifierKind.residence, Effect.factor, Decimal("1.25")),
            Modifier(ModifierKind.unannounced, Effect.factor, Decimal("1.50")),
        ),
        membership=Membership(Decimal("8.00")),
    )
    holidays = _table(
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
    return {"canteen": canteen, "morning": morning, "evening": evening, "study": study, "wednesday": wednesday, "holidays": holidays}


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
    db.session.add(ThirdPartyShare(family_id=helped.id, payer="CCAS", percent=50, starts_on=begin, ends_on=date(begin.year + 1, 8, 31)))
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


# -- two months ---------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Month:
    """Days that are billed together, and how many of the invoices are paid by now."""

    first: date
    last: date
    paid: float

    def issued_at(self, world):
        """When its invoices were issued; None where that is still to come."""
        ago = (world.today - self.last).days - ISSUED_AFTER
        return world.at(ago, 9, 30) if ago >= 0 else None


def months(today):
    """The last two whole months."""
    newer = today.replace(day=1) - timedelta(days=1)
    older = newer.replace(day=1) - timedelta(days=1)
    return Month(older.replace(day=1), older, 0.82), Month(newer.replace(day=1), newer, 0.35)


def bill(world):
    """Compute and issue the two months as a clerk does, let families pay, cancel one invoice, send reminders; then it is now again."""
    clerk = world.staff["agent"]
    for month in months(world.today):
        issued = month.issued_at(world)
        clock.stop_at(issued or world.present)
        with unit_of_work():
            period_id = open_period(month.first, month.last, by=clerk).id
        for kind in (RunKind.dry, RunKind.issue) if issued else (RunKind.dry,):
            with unit_of_work():
                ask_run(db.session.get(BillingPeriod, period_id), kind, by=clerk)
            while run_due():
                pass
        if issued:
            _pay(world, period_id, month)
    clock.stop_at(world.present)
    _told_long_ago()
    _cancel_one(world)
    _remind(world)
    with unit_of_work():
        family = world.homes[4].family
        adjust(family.id, world.today, "Geste commercial : sortie annulée", Decimal("-6.00"), by=clerk)


def _pay(world, period_id, month):
    """Most families pay within some weeks, a few a part; Christelle paid the older one."""
    galbert = world.homes[0].family.id
    query = select(Invoice).where(Invoice.period_id == period_id, Invoice.kind == InvoiceKind.invoice, Invoice.total > 0)
    for invoice in db.session.scalars(query.order_by(Invoice.id)).all():
        pays = month.paid > 0.5 if invoice.family_id == galbert else world.chance(month.paid)
        part = world.chance(0.06)
        day = invoice.issued_on + timedelta(days=world.rng.randrange(1, 26))
        if not pays or day > world.today:
            continue
        with unit_of_work():
            amount = round_cents(invoice.total / 2) if part else invoice.total
            entry = ledger.post(
                invoice.family_id, EntryKind.payment, -amount, by=world.staff["regisseur"], day=day, title=world.pick(MEANS)
            )
            ledger.settle(entry)


def _told_long_ago():
    """The mails of these invoices left in their time: the queue shows what happens today."""
    with unit_of_work():
        db.session.execute(update(InvoiceDocument).where(InvoiceDocument.mailed_at.is_(None)).values(mailed_at=clock.now()))


def _cancel_one(world):
    """A clerk took one unpaid invoice back."""
    named = [home.family.id for home in world.homes[:5]]
    paid = select(Allocation.invoice_id)
    query = select(Invoice).where(Invoice.kind == InvoiceKind.invoice, Invoice.family_id.not_in(named), Invoice.id.not_in(paid))
    invoice = db.session.scalar(query.order_by(Invoice.id.desc()).limit(1))
    if invoice is not None:
        with unit_of_work():
            credit(db.session.get(Invoice, invoice.id), "Enfant hospitalisé : le mois n’est pas dû.", by=world.staff["agent"])


def _remind(world):
    """The clerk reminded the first half of those that are late; the others are today's work."""
    late = list(dict.fromkeys(one.family.id for one in reminders.due()))
    reminders.send_to(late[: len(late) // 2], by=world.staff["agent"])

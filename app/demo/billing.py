"""What was billed and paid in Saint-Exemple lately? Two months through the real operations."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import select, update

from app.billing import reminders
from app.billing.models import Allocation, BillingPeriod, Invoice, InvoiceDocument, InvoiceKind, RunKind
from app.billing.operations import adjust, ask_run, credit, open_period
from app.billing.runs import run_due
from app.core import clock
from app.core.db import unit_of_work
from app.core.money import round_cents
from app.extensions import db
from app.payments.models import Means
from app.payments.operations import receive

#: Days after a month on which its invoices are issued.
ISSUED_AFTER = 8
#: How families pay at the desk and by letter.
MEANS = (Means.card, Means.cash, Means.cheque, Means.transfer)


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
    paid = []
    for invoice in db.session.scalars(query.order_by(Invoice.id)).all():
        pays = month.paid > 0.5 if invoice.family_id == galbert else world.chance(month.paid)
        part = world.chance(0.06)
        day = invoice.issued_on + timedelta(days=world.rng.randrange(1, 26))
        if pays and day <= world.today:
            paid.append((day, invoice.id, invoice.family_id, round_cents(invoice.total / 2) if part else invoice.total, world.pick(MEANS)))
    # Receipts are numbered in the order in which the money comes.
    for day, _invoice, family_id, amount, means in sorted(paid):
        clock.stop_at(min(world.at((world.today - day).days, 10), world.present))
        with unit_of_work():
            receive(family_id, means, amount, by=world.staff["regisseur"], received_on=day)


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

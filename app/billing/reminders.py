"""Who is reminded of what is unpaid? Steps with the town's words; each is sent once an invoice, and never of what is paid."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal

from sqlalchemy import exists, select
from sqlalchemy.orm import contains_eager, joinedload

from app.audit.operations import record
from app.billing.models import Invoice, InvoiceKind, Reminder, ReminderStep
from app.billing.queries import left_of
from app.changes.operations import lock_family
from app.core import clock, settings
from app.core.db import unit_of_work
from app.core.i18n import _l
from app.extensions import db
from app.families.models import Family
from app.mail.operations import queue_mail
from app.security.queries import Reader, readers_of

settings.declare(
    "reminders_leave",
    bool,
    False,
    _l("Reminders leave by themselves"),
    hint=_l("Each on its day. Else a clerk looks at them and sends them."),
    group=_l("Bills"),
)
#: Who sends what leaves by itself, in the log.
BY_ITSELF = "Préau"


@dataclass(frozen=True)
class Open:
    """An invoice that is unpaid after its day, and what is left of it."""

    invoice: Invoice
    left: Decimal

    @property
    def days(self):
        """For how many days it has been late."""
        return (clock.today() - self.invoice.due_on).days


@dataclass(frozen=True)
class Due:
    """A household that a step is for now, its invoices, and where the mail would go (None: no address)."""

    family: Family
    step: ReminderStep
    opens: tuple[Open, ...]
    reader: Reader | None = None

    @property
    def total(self):
        return sum((one.left for one in self.opens), Decimal(0))


def all_steps():
    """Every step, those that rest included, the first one first."""
    return db.session.scalars(select(ReminderStep).order_by(ReminderStep.days)).all()


def due(family_id=None, steps=None):
    """[Due] of today by step and family: the last step that a late invoice has reached, if neither it nor a later one was sent."""
    found, known = {}, [step for step in (all_steps() if steps is None else steps) if step.open]
    for step, invoice, left in _reached(known, family_id) if known else ():
        found.setdefault((step.days, invoice.family.name, invoice.family_id), (step, []))[1].append(Open(invoice, left))
    readers = readers_of((None, family) for _days, _name, family in found) if found else {}
    return [
        Due(opens[0].invoice.family, step, tuple(opens), readers[None, family])
        for (_days, _name, family), (step, opens) in sorted(found.items(), key=lambda item: item[0])
    ]


def _reached(known, family_id):
    """(step, invoice, what is left of it) for each late invoice that a step is due of."""
    sent = dict(_last_sent(family_id))
    left = left_of()
    query = select(Invoice, left.label("left")).where(Invoice.kind == InvoiceKind.invoice, left > 0)
    query = query.where(Invoice.due_on <= clock.today() - timedelta(days=known[0].days))
    if family_id is not None:
        query = query.where(Invoice.family_id == family_id)
    for invoice, rest in db.session.execute(query.options(joinedload(Invoice.family)).order_by(Invoice.due_on, Invoice.id)):
        step = [step for step in known if invoice.due_on + timedelta(days=step.days) <= clock.today()][-1]
        if sent.get(invoice.id, 0) < step.days:
            yield step, invoice, rest


def _last_sent(family_id):
    """(invoice, days of the latest step that was sent of it)."""
    query = select(Reminder.invoice_id, ReminderStep.days).join(ReminderStep, ReminderStep.id == Reminder.step_id)
    if family_id is not None:
        query = query.where(exists().where(Invoice.id == Reminder.invoice_id, Invoice.family_id == family_id))
    return [tuple(row) for row in db.session.execute(query.order_by(ReminderStep.days))]


def send(family_id, *, by):
    """Remind a household of what is due now, within the open unit of work; returns how many reminders. Twice sends nothing more."""
    lock_family(family_id)
    found = due(family_id)
    for one in found:
        db.session.add_all(Reminder(invoice=row.invoice, step=one.step, amount=row.left) for row in one.opens)
        if one.reader is not None:
            _write(one)
        numbers = ", ".join(str(row.invoice.number) for row in one.opens)
        record("reminder.sent", one.family, by=by, note=f"{one.step.title}: {numbers}"[:200])
    return sum(len(one.opens) for one in found)


def _write(one):
    english = one.reader.locale.startswith("en")
    queue_mail(
        one.reader.email,
        "reminder",
        locale=one.reader.locale,
        family_id=one.family.id,
        account_id=one.reader.account_id,
        title=one.step.title_en or one.step.title if english else one.step.title,
        text=one.step.text_en or one.step.text if english else one.step.text,
        opens=one.opens,
        total=one.total,
        signs_in=one.reader.account_id is not None,
    )


def send_to(family_ids, *, by):
    """Remind households, each in a unit of work of its own; returns how many reminders. Stopped half-way it goes on where it was."""
    count = 0
    for family_id in family_ids:
        with unit_of_work():
            count += send(family_id, by=by)
    return count


@dataclass(frozen=True)
class Sent:
    """What a household was told in a step on a day: for a letter that is printed again."""

    family: Family
    step: ReminderStep
    opens: tuple[Open, ...]

    @property
    def total(self):
        return sum((one.left for one in self.opens), Decimal(0))


def sent_on(step_id, day):
    """[Sent] of a step on a day to the households that no mail reaches, with what was unpaid then, by name."""
    begin, end = (datetime.combine(one, time.min, tzinfo=clock.zone()) for one in (day, day + timedelta(days=1)))
    query = select(Reminder).join(Invoice, Invoice.id == Reminder.invoice_id).join(Family, Family.id == Invoice.family_id)
    query = query.where(Reminder.step_id == step_id, Reminder.sent_at >= begin, Reminder.sent_at < end)
    query = query.options(joinedload(Reminder.step), contains_eager(Reminder.invoice).contains_eager(Invoice.family))
    rows = db.session.scalars(query.order_by(Family.name, Family.id, Invoice.due_on, Invoice.id)).all()
    readers = readers_of({(None, row.invoice.family_id) for row in rows}) if rows else {}
    found = {}
    for row in rows:
        if readers[None, row.invoice.family_id] is None:
            found.setdefault(row.invoice.family_id, []).append(row)
    return [Sent(of[0].invoice.family, of[0].step, tuple(Open(row.invoice, row.amount) for row in of)) for of in found.values()]


def remind_unpaid(limit=100):
    """The worker's job, where the town lets reminders leave by themselves."""
    if not settings.get("reminders_leave"):
        return 0
    families = list(dict.fromkeys(one.family.id for one in due()))[:limit]
    return send_to(families, by=BY_ITSELF)

"""Do bills become invoices once, whole, with numbers without gaps, whatever happens meanwhile?"""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from tests.billing import cast

BY = "Agent Mairie"


@pytest.fixture
def town(app, ctx, billed):
    return billed


def opened(days=cast.OCTOBER_DAYS):
    """A period; it is there outside of the unit of work."""
    from app.billing.operations import open_period
    from app.core.db import unit_of_work

    with unit_of_work():
        return open_period(*days, by=BY).id


def run(period_id, kind, **more):
    """Ask for a run and let the worker finish it; returns what it made."""
    from app.billing.models import BillingPeriod, BillingRun, RunKind
    from app.billing.operations import ask_run
    from app.billing.runs import run_due
    from app.core.db import unit_of_work
    from app.extensions import db

    with unit_of_work():
        run_id = ask_run(db.session.get(BillingPeriod, period_id), RunKind(kind), by=BY, **more).id
    while run_due(limit=2):
        pass
    found = db.session.get(BillingRun, run_id, populate_existing=True)
    assert found.state.value == "done" and found.done == found.total
    return found.made


def bills(period_id):
    from app.billing.models import Bill
    from app.extensions import db

    return {row.family_id: row for row in db.session.scalars(select(Bill).filter_by(period_id=period_id))}


def act(name, model, row_id, *arguments, **more):
    """An operation in a unit of work of its own; returns the id of what it made."""
    from app.billing import operations
    from app.core.db import unit_of_work
    from app.extensions import db

    with unit_of_work():
        made = getattr(operations, name)(db.session.get(model, row_id), *arguments, by=BY, **more)
        return made.id if made is not None else None


def check_books():
    """What must be true of any history: sums, balances, allocations, numbers."""
    from app.billing.ledger import left, unused
    from app.billing.models import Allocation, Invoice, InvoiceKind, InvoiceLine, LedgerEntry
    from app.extensions import db

    db.session.rollback()
    invoices = db.session.scalars(select(Invoice).order_by(Invoice.id)).all()
    for invoice in invoices:
        lines = db.session.scalars(select(InvoiceLine).filter_by(invoice_id=invoice.id)).all()
        assert sum(line.amount for line in lines) == invoice.total
        assert all(line.amount == line.quantity * line.unit_price for line in lines)
        assert db.session.scalar(select(LedgerEntry.amount).filter_by(invoice_id=invoice.id)) == invoice.total
        if invoice.kind is InvoiceKind.invoice:
            assert Decimal(0) <= left(invoice) <= invoice.total
    for year in {invoice.year for invoice in invoices}:
        ranks = sorted(invoice.rank for invoice in invoices if invoice.year == year)
        assert ranks == list(range(1, len(ranks) + 1))
    for entry in db.session.scalars(select(LedgerEntry)):
        assert unused(entry) >= 0
    for allocation in db.session.scalars(select(Allocation)):
        assert allocation.invoice.family_id == allocation.entry.family_id
    places = select(InvoiceLine.child_id, InvoiceLine.unit_id, InvoiceLine.day, func.count()).join(Invoice)
    cancelled = select(Invoice.corrects_id).where(Invoice.corrects_id.is_not(None))
    places = places.where(Invoice.kind == InvoiceKind.invoice, Invoice.id.not_in(cancelled), InvoiceLine.unit_id.is_not(None))
    places = places.group_by(InvoiceLine.child_id, InvoiceLine.unit_id, InvoiceLine.day)
    assert all(count == 1 for *_place, count in db.session.execute(places))


def test_a_dry_run_writes_figures_and_nothing_else(town):
    from app.billing.models import Invoice
    from app.extensions import db

    period = opened()
    assert run(period, "dry") == {"ready": 2, "small": 1}
    assert {family: bill.total for family, bill in bills(period).items()} == cast.OCTOBER
    assert db.session.scalar(select(func.count(Invoice.id))) == 0


def test_issue_makes_snapshots_and_carries_what_is_small(town):
    from app.billing.ledger import balance
    from app.billing.models import DocumentState

    period = opened()
    assert run(period, "issue") == {"issued": 2, "carried": 1}
    made = bills(period)
    assert [made[family].state.value for family in (1, 2, 3)] == ["issued", "carried", "issued"]
    invoice = made[1].invoice
    assert invoice.total == cast.OCTOBER[1] == balance(1) and invoice.number == 2026000001 and made[3].invoice.number == 2026000002
    assert len(invoice.lines) == cast.LINES_OF_OCTOBER[1] and invoice.document.state is DocumentState.waiting
    assert invoice.addressee["name"].endswith("Christelle Galbert") and invoice.addressee["lines"][-1] == "77181 Saint-Exemple"
    assert invoice.lines[0].reason.content["quotient"] == "720"
    assert balance(2) == 0
    check_books()


def test_a_second_run_changes_nothing(town):
    from app.billing.models import Invoice
    from app.extensions import db

    period = opened()
    run(period, "issue")
    before = {family: (bill.state, bill.invoice_id, bill.total) for family, bill in bills(period).items()}
    assert run(period, "issue") == {"there": 2, "carried": 1}
    assert {family: (bill.state, bill.invoice_id, bill.total) for family, bill in bills(period).items()} == before
    assert db.session.scalar(select(func.count(Invoice.id))) == 2
    assert run(period, "dry") == {"unchanged": 2, "small": 1}
    assert run(period, "correct", reason="Nothing") == {"nothing": 3}
    check_books()


def test_what_was_carried_comes_with_the_next_bill(town):
    first, second = opened(), opened(cast.NOVEMBER_DAYS)
    run(first, "issue")
    assert run(second, "issue") == {"issued": 3}
    bill = bills(second)[2]
    assert bill.invoice.total == cast.OCTOBER[2] + cast.NOVEMBER[2] and {line.day.month for line in bill.invoice.lines} == {10, 11}
    assert bills(first)[2].carried_to_id == bill.id
    assert run(first, "issue") == {"there": 3} and run(second, "dry") == {"unchanged": 3}
    check_books()


def test_a_correction_cancels_and_makes_anew(town):
    from app.activities.models import Booking
    from app.billing.ledger import balance, left, post, settle
    from app.billing.models import Bill, EntryKind, Invoice
    from app.core.db import unit_of_work
    from app.extensions import db

    period = opened()
    run(period, "issue")
    old = bills(period)[1].invoice_id
    with unit_of_work():
        settle(post(1, EntryKind.payment, -cast.OCTOBER[1], by=BY, title="Cheque"))
        db.session.delete(db.session.scalar(select(Booking).filter_by(child_id=town.lea, unit_id=town.meal, day=date(2026, 10, 1))))
        db.session.execute(db.delete(db.metadata.tables["attendance"]).where(db.metadata.tables["attendance"].c.day == date(2026, 10, 1)))
        db.session.execute(db.delete(Booking).where(Booking.child_id == town.tom, Booking.day == date(2026, 10, 1)))
    assert run(period, "dry")["changed"] == 1
    assert {one["code"] for one in bills(period)[1].anomalies} >= {"changed"}
    new = act("correct", Invoice, old, "Nobody came on the first")
    fresh = db.session.get(Invoice, new)
    assert fresh.total == cast.OCTOBER[1] - 5 and fresh.reason == "Nobody came on the first"
    assert bills(period)[1].invoice_id == new and bills(period)[1].state.value == "issued"
    # What was paid for the old one pays the new one; five euros are left.
    assert balance(1) == -5 and left(fresh) == 0 and left(db.session.get(Invoice, old)) == 0
    assert run(period, "correct", reason="Again") == {"nothing": 3}
    assert db.session.scalar(select(func.count(Bill.id))) == 3
    check_books()


def test_a_credit_note_leaves_the_bill_cancelled(town):
    from app.billing.ledger import balance
    from app.billing.models import Bill, Invoice
    from app.core.errors import DomainError
    from app.extensions import db

    period = opened()
    run(period, "issue")
    bill = bills(period)[1]
    old, bill_id = bill.invoice_id, bill.id
    note = db.session.get(Invoice, act("credit", Invoice, old, "Billed by mistake"))
    assert note.total == -cast.OCTOBER[1] and note.corrects_id == old and len(note.lines) == cast.LINES_OF_OCTOBER[1]
    assert balance(1) == 0 and bills(period)[1].state.value == "cancelled"
    assert run(period, "issue") == {"there": 2, "carried": 1}
    for again in (old, note.id):
        with pytest.raises(DomainError):
            act("credit", Invoice, again, "Twice")
    act("issue_bill", Bill, bill_id)
    assert bills(period)[1].invoice.total == cast.OCTOBER[1] == balance(1)
    check_books()


def test_a_clerk_issues_one_bill_however_small_and_holds_another(town):
    from app.billing.models import Bill
    from app.core.errors import DomainError

    period = opened()
    run(period, "dry")
    made = bills(period)
    act("hold", Bill, made[1].id)
    assert run(period, "issue") == {"held": 1, "carried": 1, "issued": 1}
    with pytest.raises(DomainError):
        act("issue_bill", Bill, made[1].id)
    act("release", Bill, made[1].id)
    act("issue_bill", Bill, made[1].id)
    act("issue_bill", Bill, made[2].id)
    assert [bill.state.value for bill in bills(period).values()] == ["issued"] * 3
    check_books()


def test_periods_do_not_meet_and_runs_do_not_either(town):
    from app.billing.models import BillingPeriod, RunKind
    from app.billing.operations import ask_run, stop_run
    from app.core.db import unit_of_work
    from app.core.errors import DomainError
    from app.extensions import db

    period = opened()
    for days in (cast.OCTOBER_DAYS, (date(2026, 10, 31), date(2026, 11, 30)), (date(2026, 9, 1), date(2026, 12, 1))):
        with pytest.raises(DomainError):
            opened(days)
    with unit_of_work():
        first = ask_run(db.session.get(BillingPeriod, period), RunKind.issue, by=BY).id
    with pytest.raises(DomainError), unit_of_work():
        ask_run(db.session.get(BillingPeriod, period), RunKind.dry, by=BY)
    from app.billing.models import BillingRun
    from app.billing.runs import run_due

    run_due(limit=1)
    with unit_of_work():
        stop_run(db.session.get(BillingRun, first), by=BY)
    assert run_due() == 0 and list(bills(period)) == [1]
    assert run(period, "issue") == {"there": 1, "carried": 1, "issued": 1}
    assert opened(cast.NOVEMBER_DAYS)
    check_books()

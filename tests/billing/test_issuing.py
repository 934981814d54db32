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
    from app.billing.models import DocumentState
    from app.billing.queries import balance

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
    from app.billing.ledger import left, post, settle
    from app.billing.models import Bill, EntryKind, Invoice
    from app.billing.queries import balance
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
    from app.billing.models import Bill, Invoice
    from app.billing.queries import balance
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


def test_a_day_that_nobody_pays_is_taken_from_bills_to_come_and_from_those_issued(town):
    from app.billing.exemptions import _billed, concerned
    from app.billing.models import BillingRun, Exemption, InvoiceLine
    from app.billing.operations import exempt
    from app.billing.runs import run_due
    from app.core.db import unit_of_work
    from app.core.errors import DomainError
    from app.extensions import db

    first, second = opened(), opened(cast.NOVEMBER_DAYS)
    run(first, "issue")
    days = date(2026, 10, 5), date(2026, 11, 30)
    reached = concerned(*days, activity_id=town.canteen, child_id=town.lea)
    # The lines of a year of a whole town: no objects, and of one child no others.
    assert not any(isinstance(line, InvoiceLine) for line in reached.lines)
    read = db.session.execute(_billed(Exemption(first_day=days[0], last_day=days[1], child_id=town.lea))).all()
    assert {row.child_id for row in read} == {town.lea}
    # Léa's meals of October from the 5th on: four; four more are booked in November.
    assert len(reached.lines) == 4 and reached.amount == Decimal("11.00") and reached.families == {first: [1]}
    assert len(reached.unbilled) == 4 and reached.children == {town.lea}
    with unit_of_work():
        exempt(*days, "The canteen was on strike", by=BY, activity_id=town.canteen, child_id=town.lea, families=reached.families)
    with pytest.raises(DomainError), unit_of_work():
        exempt(*days, "Again", by=BY, families=reached.families)
    while run_due():
        pass
    assert db.session.scalar(select(BillingRun.made).order_by(BillingRun.id.desc())) == {"corrected": 1}
    assert bills(first)[1].invoice.total == cast.OCTOBER[1] - 11 and bills(first)[1].invoice.reason == "The canteen was on strike"
    run(second, "issue")
    assert bills(second)[1].invoice.total == cast.NOVEMBER[1] - 4 * Decimal("3.80")
    assert db.session.scalar(select(func.count(Exemption.id))) == 1
    check_books()


def test_a_class_is_exempt_and_the_others_pay(town):
    from app.billing.lines import drafts
    from app.billing.operations import exempt
    from app.children.models import SchoolClass
    from app.core.db import unit_of_work
    from app.extensions import db

    with unit_of_work():
        # Léa's class; Tom goes to the same school and to none.
        exempt(*cast.OCTOBER_DAYS, "Outing", by=BY, school_class_id=db.session.scalar(select(SchoolClass.id)))
    made = drafts([1, 2, 3], *cast.OCTOBER_DAYS)
    assert made[1].total == Decimal("9.50") and made[3].total == cast.OCTOBER[3]


def test_an_adjustment_comes_with_its_period_and_too_much_of_it_with_the_next_one(town):
    from app.billing.anomalies import sentence
    from app.billing.operations import adjust
    from app.core.db import unit_of_work
    from app.core.errors import DomainError

    period = opened()
    with unit_of_work():
        adjust(1, date(2026, 10, 20), "A gesture", Decimal("-60.00"), by=BY)
        adjust(3, date(2026, 10, 20), "A broken plate", Decimal("4.50"), by=BY, child_id=town.hugo)
    assert run(period, "dry") == {"small": 2, "ready": 1}
    assert run(period, "issue") == {"carried": 2, "issued": 1}
    bill, rest = bills(period)[1], cast.OCTOBER[1] - 60
    assert bill.total == rest < 0 and bill.state.value == "carried" and not bill.blocked
    assert "4,90\xa0€ seront déduits de la prochaine facture" in next(sentence(one) for one in bill.anomalies if one["code"] == "carried")
    assert bills(period)[3].invoice.total == cast.OCTOBER[3] + Decimal("4.50")
    with pytest.raises(DomainError), unit_of_work():
        adjust(3, date(2026, 10, 20), "Too late", Decimal("1.00"), by=BY)
    second = opened(cast.NOVEMBER_DAYS)
    assert run(period, "issue") == {"carried": 2, "there": 1} and run(second, "issue") == {"issued": 3}
    invoice = bills(second)[1].invoice
    assert invoice.total == rest + cast.NOVEMBER[1] and invoice.period["carried"] == ["Octobre 2026"]
    assert run(period, "issue") == {"there": 3} and run(second, "issue") == {"there": 3} and run(second, "dry") == {"unchanged": 3}
    check_books()


@pytest.fixture
def credited(town):
    """Of October 60 € are taken off, of a bill that is less, and November has it; (October, November, November's invoice, its total)."""
    from app.billing.operations import adjust
    from app.core.db import unit_of_work

    with unit_of_work():
        adjust(1, date(2026, 10, 20), "A gesture", Decimal("-60.00"), by=BY)
    first, second = opened(), opened(cast.NOVEMBER_DAYS)
    run(first, "issue")
    run(second, "issue")
    return first, second, bills(second)[1].invoice_id, bills(second)[1].total


def test_what_was_carried_below_zero_is_undone_with_its_invoice_and_billed_again(credited):
    from app.billing.models import Bill, Invoice
    from app.billing.queries import balance

    first, second, invoice, total = credited
    act("credit", Invoice, invoice, "A mistake")
    third = opened((date(2026, 12, 1), date(2026, 12, 31)))
    for period in (first, second, third):
        run(period, "issue")
    assert balance(1) == 0 and bills(second)[1].state.value == "cancelled"
    act("issue_bill", Bill, bills(second)[1].id)
    assert balance(1) == total == bills(second)[1].invoice.total
    check_books()


def test_a_correction_that_leaves_less_than_nothing_carries_it_forward(credited):
    from app.billing.models import Exemption, Invoice
    from app.billing.operations import adjust, exempt
    from app.billing.queries import balance
    from app.core.db import unit_of_work
    from app.extensions import db

    first, second, invoice, _total = credited
    with unit_of_work():
        exempt(date(2026, 10, 1), date(2026, 11, 30), "A strike", by=BY)
    assert run(second, "correct", reason="A strike")["corrected"] >= 1
    made = bills(second)[1]
    assert made.state.value == "carried" and made.total == -60 and balance(1) == 0
    assert db.session.scalar(select(Invoice).filter_by(corrects_id=invoice)) is not None
    assert bills(first)[1].carried_to_id is None
    third = opened((date(2026, 12, 1), date(2026, 12, 31)))
    with unit_of_work():
        adjust(1, date(2026, 12, 1), "A broken window", Decimal("60.00"), by=BY)
    # What a credit pays to the cent is an invoice of nothing: the family reads it.
    run(third, "issue")
    paid = bills(third)[1].invoice
    assert paid.total == 0 and paid.period["carried"] == ["Octobre 2026", "Novembre 2026"]
    assert sorted(line.amount for line in paid.lines) == [-60, 60] and bills(first)[1].carried_to_id == bills(third)[1].id
    assert db.session.scalar(select(func.count(Exemption.id))) == 1
    check_books()


def test_a_bill_below_zero_is_not_issued_by_hand_and_one_that_was_cancelled_is_carried(town):
    from app.billing.models import Bill, Invoice
    from app.billing.operations import adjust
    from app.core.db import unit_of_work

    period = opened()
    run(period, "issue")
    act("credit", Invoice, bills(period)[1].invoice_id, "Wrong")
    with unit_of_work():
        adjust(1, date(2026, 10, 20), "A gesture", Decimal("-60.00"), by=BY)
    assert act("issue_bill", Bill, bills(period)[1].id) is None
    assert bills(period)[1].state.value == "carried" and bills(period)[1].total == cast.OCTOBER[1] - 60
    second = opened(cast.NOVEMBER_DAYS)
    run(second, "issue")
    assert bills(second)[1].invoice.total == cast.OCTOBER[1] - 60 + cast.NOVEMBER[1]
    check_books()


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.once) for seed in (1, 2, 3))])
def test_credits_by_chance_are_billed_once_and_to_the_cent(town, seed):
    """Months of amounts added and taken off, runs repeated, invoices cancelled and billed again: no amount is lost, none counts twice."""
    import random

    from app.billing.issued import in_force
    from app.billing.models import Adjustment, Bill, BillingPeriod, BillState, Invoice, InvoiceLine
    from app.billing.operations import adjust
    from app.billing.queries import balance
    from app.core.db import unit_of_work
    from app.extensions import db

    chance, periods = random.Random(seed), []
    for month in range(1, 9):
        first = date(2027, month, 1)
        periods.append(opened((first, first.replace(day=28))))
        with unit_of_work():
            for _one in range(chance.randrange(3)):
                amount = Decimal(chance.choice([-4000, -2000, 500, 2000, 2000, chance.randrange(-5000, 5001) or 1])) / 100
                adjust(1, first, "Something", amount, by=BY)
        run(periods[-1], "dry")
        for _again in range(chance.randrange(1, 3)):
            run(chance.choice(periods), "issue", families=[1])
        issued = db.session.scalars(select(Invoice.id).where(in_force(), Invoice.family_id == 1)).all()
        if issued and chance.random() < 0.4:
            invoice = chance.choice(issued)
            bill = db.session.scalar(select(Bill.id).filter_by(invoice_id=invoice))
            act("credit", Invoice, invoice, "A mistake")
            act("issue_bill", Bill, bill)
        check_books()
    for period in periods:
        run(period, "issue", families=[1])
    whole = sum(db.session.scalars(select(Adjustment.amount)), Decimal(0))
    billed = db.session.scalars(select(InvoiceLine.amount).join(Invoice).where(in_force())).all()
    waiting = select(Bill.total).join(BillingPeriod).where(Bill.state == BillState.carried, Bill.carried_to_id.is_(None))
    # The last of those that are carried has what the others come to.
    left = db.session.scalars(waiting.where(Bill.family_id == 1).order_by(BillingPeriod.first_day.desc())).first() or 0
    assert balance(1) == sum(billed, Decimal(0)) and balance(1) + left == whole
    assert len(billed) + _carried_lines() == db.session.scalar(select(func.count(Adjustment.id)))


def _carried_lines():
    from app.billing.models import Bill, BillingPeriod, BillState
    from app.extensions import db

    query = select(Bill.lines).join(BillingPeriod).where(Bill.state == BillState.carried, Bill.carried_to_id.is_(None), Bill.family_id == 1)
    return db.session.scalars(query.order_by(BillingPeriod.first_day.desc())).first() or 0


def test_what_cannot_be_priced_blocks_and_says_why(town):
    from app.billing.anomalies import sentence
    from app.billing.models import Bill, TariffGrid
    from app.core.db import unit_of_work
    from app.core.errors import DomainError
    from app.extensions import db

    period = opened()
    with unit_of_work():
        db.session.execute(db.delete(TariffGrid).where(TariffGrid.activity_id == town.wednesday))
    assert run(period, "issue") == {"blocked": 2, "issued": 1}
    said = {one["code"]: sentence(one) for one in bills(period)[1].anomalies}
    assert "no_tariff" in said and "Léa" in said["no_tariff"] and "unbooked" in said
    with pytest.raises(DomainError, match=r"Wednesdays.*Léa"):
        act("issue_bill", Bill, bills(period)[1].id)
    check_books()


def test_an_amount_that_overflows_blocks(town):
    from app.billing.operations import adjust
    from app.core.db import unit_of_work
    from app.core.money import LARGEST

    period = opened()
    with unit_of_work():
        for _twice in range(2):
            adjust(1, date(2026, 10, 20), "A lot", LARGEST, by=BY)
    assert run(period, "dry") == {"blocked": 1, "small": 1, "ready": 1}
    assert bills(period)[1].total == LARGEST and "too_large" in {one["code"] for one in bills(period)[1].anomalies}
    assert run(period, "issue") == {"blocked": 1, "carried": 1, "issued": 1}


def test_a_child_whose_household_changes_in_mid_month_splits_the_bill(town):
    from app.billing.lines import drafts
    from app.children.models import Household, Weeks
    from app.core.db import unit_of_work
    from app.extensions import db

    with unit_of_work():
        link = db.session.scalar(select(Household).filter_by(child_id=town.tom))
        link.ended_on = date(2026, 10, 4)
        db.session.add(Household(child_id=town.tom, family_id=town.petit, weeks=Weeks.all, started_on=date(2026, 10, 5)))
    made = drafts([1, 3], *cast.OCTOBER_DAYS)
    tom = {family: [line.day.day for line in draft.lines if line.child_id == town.tom] for family, draft in made.items()}
    assert tom == {1: [1], 3: [5, 6]}


def test_a_day_is_not_billed_to_two_households(town):
    from app.children.models import Household, Weeks
    from app.core.db import unit_of_work
    from app.extensions import db

    period = opened()
    run(period, "issue")
    with unit_of_work():
        # Entered after the issue: Hugo lived with Martin alone in October.
        db.session.scalar(select(Household).filter_by(child_id=town.hugo, family_id=town.petit)).ended_on = date(2026, 9, 30)
        db.session.scalar(select(Household).filter_by(child_id=town.hugo, family_id=town.martin)).weeks = Weeks.all
    assert run(period, "issue") == {"there": 2, "blocked": 1}
    assert "elsewhere" in {one["code"] for one in bills(period)[2].anomalies}
    assert run(period, "correct", reason="Hugo moved") == {"corrected": 1, "nothing": 2}
    assert bills(period)[3].state.value == "cancelled"
    assert run(period, "issue") == {"there": 2, "issued": 1}
    check_books()


def test_a_membership_is_billed_once_a_year_a_child(town):
    from dataclasses import replace

    from app.billing.grid import Membership
    from app.billing.grids import grid_to_json
    from app.billing.models import ChargeKind, InvoiceLine, TariffGrid
    from app.core.db import unit_of_work
    from app.extensions import db

    grid = replace(cast.canteen_grid(), membership=Membership(Decimal("12.00")))
    with unit_of_work():
        db.session.get(TariffGrid, town.canteen_grid).content = grid_to_json(grid)
    first, second = opened(), opened(cast.NOVEMBER_DAYS)
    run(first, "dry")
    # Léa and Tom; Hugo is enrolled by both households: the one that did so first pays.
    assert {family: bill.total for family, bill in bills(first).items()} == {
        1: cast.OCTOBER[1] + 24,
        2: cast.OCTOBER[2] + 12,
        3: cast.OCTOBER[3],
    }
    assert run(first, "issue") == {"issued": 3} and run(second, "issue") == {"issued": 2, "carried": 1}
    assert db.session.scalar(select(func.count(InvoiceLine.id)).filter_by(charge=ChargeKind.membership)) == 3
    assert run(first, "dry") == {"unchanged": 3}
    check_books()


def test_a_membership_that_two_activities_share_is_billed_once_a_year(town):
    from dataclasses import replace

    from app.billing.grid import Membership
    from app.billing.grids import grid_to_json
    from app.billing.models import ChargeKind, InvoiceLine, TariffGrid
    from app.core.db import unit_of_work
    from app.extensions import db
    from tests.activities import cast as activities

    def share(grid_id, prices, amount):
        with unit_of_work():
            membership = Membership(Decimal(amount), per_family=True, shared=True)
            db.session.get(TariffGrid, grid_id).content = grid_to_json(replace(prices, membership=membership))

    share(town.canteen_grid, cast.canteen_grid(), 8)
    first, second = opened(), opened(cast.NOVEMBER_DAYS)
    run(first, "dry")
    assert run(first, "issue") == {"issued": 3}
    # The other activity comes in later: who has paid owes nothing for it.
    share(town.evening_grid, cast.evening_grid(), 9)
    activities.enrol(town.tom, town.galbert, town.evening, {})
    run(second, "dry")
    run(second, "issue")
    lines = db.session.scalars(select(InvoiceLine).filter_by(charge=ChargeKind.membership)).all()
    assert sorted((line.child, line.amount) for line in lines) == [("", 8)] * 2


def test_what_was_computed_before_another_bill_is_computed_again(town):
    """Between the pricing of a chunk and a household's turn, the month before was carried forward."""
    from app.billing.addressees import addressees
    from app.billing.computing import compute
    from app.billing.issuing import issue
    from app.billing.models import BillingPeriod
    from app.core.db import unit_of_work
    from app.extensions import db

    first, second = opened(), opened(cast.NOVEMBER_DAYS)
    stale = compute(db.session.get(BillingPeriod, second), [1, 2, 3])
    assert stale[2].draft.total == cast.NOVEMBER[2]
    run(first, "issue")
    with unit_of_work():
        period = db.session.get(BillingPeriod, second)
        assert [issue(period, stale[family], addressees([family])[family], by=BY) for family in (1, 2, 3)] == ["issued"] * 3
        assert [issue(period, stale[family], {}, by=BY) for family in (1, 2, 3)] == ["there"] * 3
    assert bills(second)[2].invoice.total == cast.OCTOBER[2] + cast.NOVEMBER[2]
    # What was unpaid before is told, and is no part of the total.
    assert bills(second)[1].invoice.earlier_balance == cast.OCTOBER[1] and bills(second)[1].invoice.total == cast.NOVEMBER[1]
    check_books()


def test_what_was_paid_in_advance_pays_the_invoice(town):
    from app.billing.ledger import left, post, settle
    from app.billing.models import EntryKind
    from app.billing.queries import balance
    from app.core.db import unit_of_work

    period = opened()
    with unit_of_work():
        assert settle(post(1, EntryKind.payment, Decimal("-100.00"), by=BY)) == []
    run(period, "issue")
    invoice = bills(period)[1].invoice
    assert left(invoice) == 0 and invoice.earlier_balance == -100 and balance(1) == cast.OCTOBER[1] - 100
    check_books()


def test_an_invoice_cannot_be_changed(town):
    from app.core.db import unit_of_work
    from app.core.errors import WriteRefused
    from app.extensions import db

    period = opened()
    run(period, "issue")
    for statement in ("UPDATE invoice SET total = 0", "DELETE FROM invoice_line", "UPDATE ledger_entry SET amount = 0"):
        with pytest.raises(WriteRefused), unit_of_work():
            db.session.execute(db.text(statement))
    check_books()


def test_computing_asks_as_often_for_many_households_as_for_one(town):
    from app.billing.computing import compute
    from app.billing.models import BillingPeriod
    from app.extensions import db
    from tests.conftest import counted_queries

    period = db.session.get(BillingPeriod, opened())
    counts = []
    for families in ([1], [1, 2, 3]):
        compute(period, families)
        with counted_queries() as statements:
            compute(period, families)
        counts.append(len([one for one in statements if "attendance.group_id" not in one]))
    assert counts[0] == counts[1] <= 16

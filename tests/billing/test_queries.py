"""Does a household's account add up, and does nobody else see it?"""

from datetime import date
from decimal import Decimal

import pytest

from app.billing.models import EntryKind, Invoice
from app.billing.queries import account, balance, invoice_of, statement, unpaid
from app.core.errors import NotFound
from app.extensions import db
from tests.billing.bills import autumn, cancel, issue, lines_of, pay
from tests.conftest import counted_queries

OCTOBER = Decimal("63.30")


@pytest.fixture
def bills(activities, ctx):
    return autumn(activities)


def test_the_balance_is_what_the_entries_make(bills):
    assert (balance(1), balance(2), balance(3)) == (OCTOBER, 0, Decimal("7.60"))


def test_an_invoice_is_unpaid_until_its_last_cent(bills):
    assert [(one.invoice.id, one.left) for one in unpaid(1)] == [(bills["october"], OCTOBER)]
    pay(1, "63.29", date(2026, 11, 20), (bills["october"], "63.29"))
    assert [one.left for one in unpaid(1)] == [Decimal("0.01")]
    pay(1, "0.01", date(2026, 11, 20), (bills["october"], "0.01"))
    assert unpaid(1) == [] and balance(1) == 0


def test_a_cancelled_invoice_is_not_asked_for(bills):
    cancel(bills["october"], rank=4, day=date(2026, 11, 10))
    assert unpaid(1) == [] and balance(1) == 0


def test_what_pays_no_invoice_yet_is_told(bills):
    pay(1, "20", date(2026, 11, 20))
    assert account(1).unassigned == 20 and account(1).left == OCTOBER and account(1).balance == OCTOBER - 20


def test_an_invoice_of_nothing_is_never_unpaid(activities, ctx):
    issue(1, 2026, 10, lines_of("Léa", [date(2026, 10, 1)], "0.00"), rank=1)
    assert unpaid(1) == [] and balance(1) == 0


def test_the_day_after_the_last_one_it_is_overdue(bills):
    from datetime import UTC, datetime

    from app.core import clock

    one = unpaid(1)[0]
    due = one.invoice.due_on
    clock.set_to(datetime(due.year, due.month, due.day, 12, tzinfo=UTC))
    assert not one.overdue
    clock.advance(days=1)
    assert one.overdue


def test_movements_carry_the_balance_from_year_to_year(bills):
    pay(1, "70", date(2027, 1, 5), (bills["october"], OCTOBER), title="Card")
    before, after = statement(1, 2026), statement(1, 2027)
    assert before.opening == 0 and before.closing == OCTOBER == after.opening
    assert [row.kind for row in before.movements] == [EntryKind.invoice, EntryKind.payment, EntryKind.invoice]
    assert [row.balance for row in before.movements] == [before.movements[0].amount, 0, OCTOBER]
    assert after.closing == OCTOBER - 70 == after.account.balance and after.years == (2027, 2026)
    assert after.movements[0].title == "Card" and after.movements[0].number is None


def test_a_credit_note_names_what_it_cancels(bills):
    cancel(bills["october"], rank=4, day=date(2026, 11, 10))
    note = statement(1, 2026).movements[-1]
    assert note.kind is EntryKind.credit_note and note.corrects == 2026000002 and note.number == 2026000004 and note.balance == 0


def test_a_year_without_movement_is_empty(bills):
    found = statement(1, 2024)
    assert (found.movements, found.opening, found.years) == ((), 0, (2026,))
    assert statement(2).movements == () and statement(2).years == (2026,)


def test_an_invoice_of_another_household_is_not_there(bills):
    number = db.session.get(Invoice, bills["petit"]).number
    assert invoice_of(number, 3).id == bills["petit"]
    for family in (1, 2):
        with pytest.raises(NotFound):
            invoice_of(number, family)


def test_few_queries_whatever_the_number(bills):
    for rank in range(10, 22):
        issue(1, 2025, rank - 9, lines_of("Léa", [date(2025, rank - 9, 3)], "3.80"), rank=rank, file=True)
    with counted_queries() as statements:
        found = statement(1, 2025)
        assert len(found.movements) in (11, 12) and len(found.account.unpaid) == 13
    assert len(statements) <= 3, "\n".join(statements)
    db.session.expunge_all()
    with counted_queries() as statements:
        assert [line.reason.content["row"] for line in invoice_of(2026000002, 1).lines] == ["601 to 900"] * 19
    assert len(statements) <= 3, "\n".join(statements)

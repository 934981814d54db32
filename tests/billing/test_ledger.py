"""Does the account add up, whatever happened? Histories by chance, checked after each step."""

import random
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from tests.billing.test_issuing import BY, check_books


@pytest.fixture
def town(app, ctx, billed):
    return billed


class History:
    """One household, one step after the other; `owed` is what a human would have written beside it."""

    def __init__(self, seed):
        self.chance, self.owed, self.month = random.Random(seed), Decimal(0), 0

    def amount(self, most):
        return Decimal(self.chance.randrange(1, int(most * 100) + 1)) / 100

    def issue(self):
        """A month with a line or two of its own."""
        from app.billing.models import Bill
        from app.billing.operations import adjust, issue_bill, open_period

        self.month += 1
        first = date(2027 + self.month // 12, self.month % 12 + 1, 1)
        period = open_period(first, first.replace(day=28), by=BY)
        for _line in range(self.chance.randrange(1, 4)):
            adjust(1, first, "Something", self.amount(80), by=BY)
        bill = Bill(period_id=period.id, family_id=1)
        self._add(bill)
        self.owed += issue_bill(bill, by=BY).total

    def pay(self):
        from app.billing.ledger import post, settle
        from app.billing.models import EntryKind

        amount = self.amount(120)
        entry = post(1, EntryKind.payment, -amount, by=BY)
        if self.chance.random() < 0.8:
            settle(entry)
        self.owed -= amount

    def give_up(self):
        from app.billing.ledger import left, post, settle
        from app.billing.models import EntryKind

        invoice = self._one_in_force()
        if invoice is not None and left(invoice) > 0:
            amount = left(invoice)
            settle(post(1, EntryKind.write_off, -amount, by=BY))
            self.owed -= amount

    def credit(self):
        from app.billing.operations import credit

        invoice = self._one_in_force()
        if invoice is not None:
            self.owed += credit(invoice, "A mistake", by=BY).total

    def correct(self):
        """Something is added to what an invoice has billed."""
        from app.billing.models import Adjustment
        from app.billing.operations import correct

        invoice = self._one_in_force()
        if invoice is not None:
            more = self.amount(30)
            day = date.fromisoformat(invoice.period["first_day"])
            self._add(Adjustment(family_id=1, day=day, title="Forgotten", amount=more, made_by=BY))
            assert correct(invoice, "Forgotten", by=BY).total == invoice.total + more
            self.owed += more

    def reject(self):
        from app.billing.ledger import reject
        from app.billing.models import EntryKind, LedgerEntry

        undone = select(LedgerEntry.undoes_id).where(LedgerEntry.undoes_id.is_not(None))
        entry = self._one(select(LedgerEntry).where(LedgerEntry.kind == EntryKind.payment, LedgerEntry.id.not_in(undone)))
        if entry is not None:
            self.owed += reject(entry, by=BY).amount

    def refund(self):
        from app.billing.ledger import refund, unused
        from app.billing.models import EntryKind, LedgerEntry

        entry = self._one(select(LedgerEntry).where(LedgerEntry.kind == EntryKind.payment))
        if entry is not None and unused(entry) > 0:
            self.owed += refund(entry, self.amount(unused(entry)), by=BY).amount

    def _one_in_force(self):
        from app.billing.issued import in_force
        from app.billing.models import Invoice

        return self._one(select(Invoice).where(in_force()))

    def _one(self, query):
        from app.extensions import db

        found = db.session.scalars(query).all()
        return self.chance.choice(found) if found else None

    @staticmethod
    def _add(row):
        from app.extensions import db

        db.session.add(row)
        db.session.flush()

    def step(self):
        from app.core.db import unit_of_work

        acts = [self.issue, self.pay, self.pay, self.give_up, self.credit, self.correct, self.reject, self.refund]
        with unit_of_work():
            self.chance.choice(acts)()


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.once) for seed in (1, 2))])
def test_any_history_adds_up(town, seed):
    from app.billing.ledger import left, unused
    from app.billing.models import EntryKind, Invoice, InvoiceKind, LedgerEntry
    from app.billing.queries import balance
    from app.core.db import unit_of_work
    from app.extensions import db

    history = History(seed)
    with unit_of_work():
        history.issue()
    for _step in range(20):
        history.step()
        check_books()
        assert balance(1) == history.owed
        sums = dict(db.session.execute(select(LedgerEntry.kind, func.sum(LedgerEntry.amount)).group_by(LedgerEntry.kind)).all())
        assert sum(sums.values()) == history.owed and -sums.get(EntryKind.payment, 0) >= 0
        # What is unpaid less what is unused is the balance, too.
        invoices = db.session.scalars(select(Invoice).where(Invoice.kind == InvoiceKind.invoice))
        entries = db.session.scalars(select(LedgerEntry))
        assert sum(map(left, invoices)) - sum(map(unused, entries)) == history.owed


def test_no_more_is_allocated_than_there_is(town):
    from app.billing.ledger import allocate, post, settle
    from app.billing.models import Bill, EntryKind
    from app.billing.operations import issue_bill, open_period
    from app.core.db import unit_of_work
    from app.core.errors import DomainError
    from app.extensions import db

    with unit_of_work():
        period = open_period(date(2026, 10, 1), date(2026, 10, 31), by=BY)
        bills = [Bill(period_id=period.id, family_id=family) for family in (1, 3)]
        db.session.add_all(bills)
        db.session.flush()
        mine, other = (issue_bill(bill, by=BY) for bill in bills)
        payment = post(1, EntryKind.payment, Decimal("-20.00"), by=BY)
        for invoice, amount in ((mine, "20.01"), (other, "1.00"), (mine, "0"), (mine, "-1")):
            with pytest.raises(DomainError):
                allocate(payment, invoice, Decimal(amount))
        allocate(payment, mine, Decimal("20.00"))
        more = post(1, EntryKind.payment, Decimal("-50.00"), by=BY)
        with pytest.raises(DomainError):
            allocate(more, mine, Decimal("35.11"))
        assert [row.amount for row in settle(more)] == [Decimal("35.10")]
        assert settle(more) == []


def test_there_is_no_float_in_billing():
    """The house has one rule about money: a float never touches it."""
    import ast
    from pathlib import Path

    for path in [*sorted(Path("app/billing").rglob("*.py")), Path("app/core/money.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), f"{path}:{node.lineno}"
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
            assert not named, f"{path}:{node.lineno}"

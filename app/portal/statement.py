"""What does a family owe, and why? The statement of a year, and each invoice by child and day."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from babel.dates import format_date as babel_date
from flask import request, url_for
from flask_appbuilder import expose
from flask_babel import get_locale

from app.billing.detail import parts_of
from app.billing.letterhead import how_to_pay
from app.billing.models import EntryKind, InvoiceKind
from app.billing.queries import invoice_of, is_late, paid, statement
from app.billing.reasons import explain
from app.core import clock
from app.core.i18n import _, _n, date_text, first_of_month, number
from app.core.money import format_money
from app.messages.models import About
from app.payments.queries import receipts
from app.portal.sections import Task
from app.portal.views import PortalView
from app.security.scope import may
from app.security.who_sees_what import Noun

#: The size of the chart, in units of its own: it is as wide as its column.
WIDTH, HEIGHT = 360, 96
#: So many months at most, and room for so many at least: two bars must not look like doors.
MONTHS, LEAST = 13, 6


class StatementView(PortalView):
    """The account of the household, and its invoices."""

    class_permission_name = Noun.bill.value
    method_permission_name = {"statement": "read", "invoice": "read"}

    @expose("/releve/")
    def statement(self):
        found = statement(self.enter(Noun.bill).family_id, asked_year())
        return self.render_template(
            "portal/statement/statement.html",
            title=_("Account statement"),
            statement=found,
            account=found.account,
            due_sentence=due_sentence,
            chart=Chart.of(found.movements),
            receipts=receipts_of(found.movements),
            years=year_tabs(found),
            payment=how_to_pay(),
        )

    @expose("/releve/facture/<int(max=9999999999):number>/")
    def invoice(self, number):
        invoice = invoice_of(number, self.enter(Noun.bill).family_id)
        is_note = invoice.kind is InvoiceKind.credit_note
        return self.render_template(
            "portal/statement/invoice.html",
            title=_("Credit note %(number)s", number=number) if is_note else _("Invoice %(number)s", number=number),
            invoice=invoice,
            is_note=is_note,
            parts_of_children=parts_of(invoice.lines),
            third_parties=third_parties(invoice.lines),
            paid=paid(invoice),
            explain=explain,
            days_in_words=days_in_words,
            overdue=is_late(invoice),
            payment=how_to_pay(),
            question_url=question_url(About.invoice, invoice.id),
            line_url=lambda group: question_url(About.line, (group.dated or group.lines)[0].id),
            due_sentence=due_sentence,
        )


def receipts_of(movements):
    """{movement's id: its receipt's address} of the payments that have one."""
    paid = [row.id for row in movements if row.kind is EntryKind.payment]
    found = receipts(paid) if may(Noun.payment, "read") else {}
    return {entry: url_for("PayView.receipt", payment_id=payment) for entry, payment in found.items()}


def bill_tasks(account):
    """What the home page says of unpaid invoices: one task, however many."""
    if not account.unpaid or account.balance <= 0 or not may(Noun.bill, "read"):
        return
    first, many, amount = account.unpaid[0].invoice, len(account.unpaid), format_money(account.balance)
    if many == 1:
        title, text = _("%(period)s: %(amount)s to pay", period=first.period["title"], amount=amount), due_sentence(first)
        yield Task(title, text, url_for("StatementView.invoice", number=first.number), _("See"))
    else:
        title = _n("One invoice to pay: %(amount)s", "%(num)s invoices to pay: %(amount)s", many, amount=amount)
        text = (
            _("The oldest one, %(period)s: %(sentence)s", period=first.period["title"], sentence=due_sentence(first))
            if first.due_on
            else ""
        )
        yield Task(title, text, url_for("StatementView.statement"), _("See"))


def question_url(kind, number):
    """Where the family asks about an invoice or a line of it; None for whom may not write for it."""
    return url_for("InboxView.contact", about=f"{kind.name}-{number}") if may(Noun.message, "ask") else None


def days_in_words(group):
    """[(day in words, its line)] of a detail.Group: "Thu 1", … "Fri 30 October"."""
    lines, locale = group.dated, get_locale()
    for line, later in zip(lines, [*lines[1:], None], strict=True):
        last = later is None or (later.day.year, later.day.month) != (line.day.year, line.day.month)
        yield _day(line.day, "EEE d MMMM" if last else "EEE d", locale), line


@lru_cache(maxsize=4096)
def _day(day, pattern, locale):
    return first_of_month(babel_date(day, pattern, locale=locale), locale)


def due_sentence(invoice):
    """Until when an invoice is, or was, to be paid."""
    if invoice.due_on is None:
        return ""
    day = date_text(invoice.due_on, "long")
    return _("It was to be paid by %(day)s.", day=day) if is_late(invoice) else _("To be paid by %(day)s.", day=day)


def third_parties(lines):
    """[(who, how much)] of what others pay beside the household."""
    found = {}
    for line in lines:
        if line.third_party:
            found[line.third_party_name] = found.get(line.third_party_name, 0) + line.third_party
    return list(found.items())


def asked_year():
    """The year that the address asks for; this one where it makes no sense."""
    year = request.args.get("year", type=int)
    return year if year is not None and 2000 <= year <= 2999 else clock.today().year


@dataclass(frozen=True)
class YearTab:
    """A year that has movements."""

    title: str
    url: str
    current: bool
    count: int = 0


def year_tabs(found):
    """The years to choose from; none where there is but one."""
    tabs = [YearTab(str(year), url_for("StatementView.statement", year=year), year == found.year) for year in found.years]
    return tabs if len(tabs) > 1 or not any(tab.current for tab in tabs) else []


@dataclass(frozen=True)
class Bar:
    """A month of the chart."""

    month: date
    amount: Decimal
    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self):
        return self.x + self.width // 2

    @property
    def label(self):
        return date_text(self.month, "MMM")

    @property
    def euros(self):
        """Whole euros: the exact amount stands in the table."""
        return number(round(self.amount))


@dataclass(frozen=True)
class Chart:
    """What each month cost: invoices less the credit notes that cancel them."""

    bars: tuple[Bar, ...]
    width: int = WIDTH
    height: int = HEIGHT

    @classmethod
    def of(cls, movements):
        """The chart of a year's movements; None where it would say nothing."""
        months = {}
        for row in movements:
            if row.number is not None and row.period.get("first_day"):
                month = date.fromisoformat(row.period["first_day"]).replace(day=1)
                months[month] = months.get(month, 0) + row.amount
        found = sorted((month, amount) for month, amount in months.items() if amount > 0)[-MONTHS:]
        if len(found) < 2:
            return None
        most, step = max(amount for _month, amount in found), WIDTH // max(len(found), LEAST)
        return cls(tuple(_bar(month, amount, most, place * step, step) for place, (month, amount) in enumerate(found)))

    @property
    def words(self):
        """The same for those who do not see it."""
        return "; ".join(
            _("%(month)s: %(amount)s", month=date_text(bar.month, "LLLL"), amount=format_money(bar.amount)) for bar in self.bars
        )


def _bar(month, amount, most, x, step):
    height = max(int(amount * HEIGHT / most), 2)
    return Bar(month, amount, x + step // 8, HEIGHT - height, step - 2 * (step // 8), height)

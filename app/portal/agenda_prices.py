"""What would a day of the agenda cost? Of each cell that can be asked for, and of all that a wide act asks, booked late or not."""

from app.activities.timetable import CellState
from app.billing.prices import Prices, about, in_words, total
from app.core.i18n import _
from app.core.money import format_money
from app.portal.prices import may_see_prices

S = CellState
#: Days that are asked for, or could be; those that are taken already cost what the statement says.
ASKED = frozenset({S.free, S.full, S.refused, S.offered, S.booked, S.waiting, S.deciding, S.queued})


class AgendaPrices:
    """The prices beside the cells of a Timetable, in one query. Who may not know them, or does not pay, sees none."""

    def __init__(self, prices):
        self.prices, self._words = prices, {}

    @classmethod
    def load(cls, timetable):
        services = timetable.plan.services
        if not services or not may_see_prices():
            return cls(None)
        return cls(Prices.load(timetable.plan.family_id, timetable.first, timetable.last, list(services)))

    def of(self, cell, charge=None):
        """The Price of a cell, or None. Asked now, after the deadline, it is booked late."""
        if self.prices is None or not (cell.state in ASKED or (cell.may_book and cell.late)):
            return None
        return self.prices.of(cell.child_id, cell.unit, cell.day, charge or charge_of(cell))

    def words(self, cell):
        """€3.80; "€4.80, booked late"; "" where there is no price."""
        price = self.of(cell)
        if price is None:
            return ""
        late = is_late(cell) and self._dearer(cell, price)
        key = price.amount, cell.unit_id, late
        if key not in self._words:
            said = in_words(price.amount, cell.unit)
            self._words[key] = _("%(price)s, booked late", price=said) if late else said
        return self._words[key]

    def _dearer(self, cell, price):
        usual = self.of(cell, "booked")
        return usual is None or usual.amount != price.amount

    def why(self, cell):
        """The sentences that say why."""
        price = self.of(cell)
        return price.why if price is not None else []

    def after_the_deadline(self, cell):
        """What a day costs that is asked for too late, where that is another price and can still be done; else ""."""
        now, late = self.of(cell), self.of(cell, "late")
        if not cell.unit.activity.late_requests or is_late(cell) or now is None or late is None or now.amount == late.amount:
            return ""
        return in_words(late.amount, cell.unit)

    def sum(self, cells, charge=None):
        """(what the cells come to in euros, of how many of them the price is known)."""
        found = [(cell, price) for cell in cells if (price := self.of(cell, charge)) is not None]
        return total(about(price.amount, cell.unit) for cell, price in found), len(found)

    def sum_in_words(self, cells, charge=None):
        """What the cells come to, as families read it; "" where not all is known."""
        amount, known = self.sum(cells, charge)
        return format_money(amount) if known and known == len(cells) else ""


def is_late(cell):
    """Whether asking for it now is asking too late."""
    return cell.may_book and cell.late


def charge_of(cell):
    """The value of a ChargeKind that a cell would be charged as."""
    return "late" if is_late(cell) else "booked"

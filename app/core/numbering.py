"""How are numbers given out? One after the other, inside the unit of work that uses them."""

from sqlalchemy import String, bindparam, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model, db


class Counter(Model):
    """The last number given out of a numbered series (lots of 2026, family codes): no two alike, no gap."""

    __tablename__ = "counter"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[int]

    def __repr__(self):
        return f"{self.name}: {self.value}"


_counter = Counter.__table__
_NEXT = update(_counter).where(_counter.c.name == bindparam("series")).values(value=_counter.c.value + 1).returning(_counter.c.value)


def next_number(name):
    """The next number of a series, from 1; two units of work at once get two numbers, on both databases."""
    value = _next(name)
    if value is None:
        try:
            with db.session.begin_nested():
                db.session.add(Counter(name=name, value=1))
            return 1
        except IntegrityError:
            value = _next(name)
    return value


def _next(name):
    return db.session.connection().scalar(_NEXT, {"series": name})

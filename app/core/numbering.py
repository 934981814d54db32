"""How are numbers given out? One after the other, inside the unit of work that uses them."""

from sqlalchemy import String, update
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


def next_number(name):
    """The next number of a series, from 1; two units of work at once get two numbers, on both databases."""
    statement = update(Counter).where(Counter.name == name).values(value=Counter.value + 1).returning(Counter.value)
    value = db.session.scalar(statement)
    if value is None:
        try:
            with db.session.begin_nested():
                db.session.add(Counter(name=name, value=1))
            return 1
        except IntegrityError:
            value = db.session.scalar(statement)
    return value

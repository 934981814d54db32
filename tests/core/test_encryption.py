"""Is what is sensitive kept sealed, and opened no more often than it must be?"""

from sqlalchemy import column, literal, select, union_all

from app.core import encryption
from app.core.encryption import Encrypted, seal
from app.extensions import db


def rows_of(kind, *sealed):
    """Rows with these sealed texts, as a join repeats them."""
    parts = union_all(
        *(select(literal(text).label("value"), literal(place).label("place")) for place, text in enumerate(sealed))
    ).subquery()
    return db.session.scalars(select(column("value", Encrypted(kind))).select_from(parts).order_by(parts.c.place)).all()


def test_a_value_that_a_join_repeats_is_opened_once(ctx, monkeypatch):
    opened, unseal = [], encryption.unseal
    monkeypatch.setattr(encryption, "unseal", lambda token: opened.append(token) or unseal(token))
    one, other = seal("FR76 1"), seal("FR76 2")
    assert rows_of(str, one, one, other, other, None, one) == ["FR76 1", "FR76 1", "FR76 2", "FR76 2", None, "FR76 1"]
    assert len(opened) == 3


def test_what_may_be_changed_is_never_shared(ctx):
    first, second = rows_of(list, *[seal(["a"])] * 2)
    first.append("b")
    assert second == ["a"]

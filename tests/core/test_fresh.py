"""Does every test start with the cast alone, on both databases, whatever the one before it wrote?"""

from sqlalchemy import func, select

from app.core.db import unit_of_work
from app.extensions import Model, db
from app.families.models import Adult, Family


def rows():
    """How many rows each table has, and one value that a test may have changed."""
    counts = {table.name: db.session.scalar(select(func.count()).select_from(table)) for table in Model.metadata.sorted_tables}
    return counts, db.session.scalars(select(Family.name).order_by(Family.id)).all()


def restored(database):
    db.session.remove()
    db.engine.dispose()
    database.restore(db.engine)


def new_family():
    with unit_of_work():
        family = Family(code="AB12CD34", name="Passante")
        db.session.add(family)
        db.session.flush()
        return family.id


def test_what_was_written_is_gone(ctx, database):
    before = rows()
    first = new_family()
    with unit_of_work():
        db.session.delete(db.session.scalar(select(Adult).limit(1)))
        db.session.get(Family, 1).name = "Nobody"
    assert rows() != before
    restored(database)
    assert rows() == before
    # Numbers begin again too: a test may rely on them.
    assert new_family() == first
    restored(database)
    restored(database)
    assert rows() == before


def test_somebody_who_still_writes_does_not_hold_it_up(ctx, database):
    before = rows()
    if db.engine.dialect.name == "postgresql":
        other = database.server.session("working")
        other.autocommit = False
        other.execute("UPDATE family SET name = 'Held'")
    restored(database)
    assert rows() == before

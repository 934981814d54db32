"""Does a newer version of the database keep every row of an older one?"""

from flask_migrate import downgrade
from sqlalchemy import MetaData, select

from app.activities.models import Unit, UnitKind
from app.cli import upgrade
from app.core.db import unit_of_work
from app.extensions import db

#: The migration of the first tables.
FIRST = "0001"


def content():
    """{table: {column: values in the order of the key}} of everything, as the database itself has it."""
    db.session.remove()
    tables, found = MetaData(), {}
    with db.engine.connect() as connection:
        tables.reflect(connection)
        for table in tables.tables.values():
            rows = connection.execute(select(*table.columns).order_by(*table.primary_key.columns)).all()
            found[table.name] = {column.name: [row[place] for row in rows] for place, column in enumerate(table.columns)}
    return {name: columns for name, columns in found.items() if name != "alembic_version"}


def shape(tables):
    return {name: set(columns) for name, columns in tables.items()}


def kind_of(unit_id):
    """Read anew; nothing stays open that a migration would wait for."""
    db.session.remove()
    kind = db.session.get(Unit, unit_id).kind
    db.session.remove()
    return kind


def test_down_to_the_first_version_and_up_again_loses_nothing(ctx, billed):
    before = content()
    downgrade(revision=FIRST)
    former = content()
    upgrade()
    after = content()
    assert shape(after) == shape(before) and set(former) <= set(before)
    assert before["booking"]["id"] and before["tariff_grid"]["id"] and before["family"]["id"]
    for table, columns in former.items():
        for name, values in columns.items():
            assert values == before[table].get(name, values) and values == after[table].get(name, values), (table, name)


def test_a_quarter_of_an_hour_becomes_half_of_one_in_an_older_version(ctx, billed):
    with unit_of_work():
        unit = db.session.get(Unit, billed.care)
        unit.kind, unit.by_time = UnitKind.quarter_hour, True
    assert kind_of(billed.care) is UnitKind.quarter_hour
    downgrade(revision=FIRST)
    upgrade()
    assert kind_of(billed.care) is UnitKind.half_hour

"""Does a newer version of the database keep every row of an older one?"""

from flask_migrate import downgrade
from sqlalchemy import func, select, text

from app.activities.models import Unit, UnitKind
from app.cli import upgrade
from app.core.db import unit_of_work
from app.extensions import Model, db


def counts():
    found = {table.name: db.session.scalar(select(func.count()).select_from(table)) for table in Model.metadata.sorted_tables}
    broken = db.session.execute(text("PRAGMA foreign_key_check")).all() if db.engine.dialect.name == "sqlite" else []
    db.session.remove()
    return found, broken


def kind_of(unit_id):
    """Read anew; nothing stays open that a migration would wait for."""
    db.session.remove()
    kind = db.session.get(Unit, unit_id).kind
    db.session.remove()
    return kind


def test_down_to_the_first_version_and_up_again_loses_no_row(ctx, billed):
    before = counts()
    downgrade(revision="0001")
    upgrade()
    assert counts() == before and before[0]["booking"] and before[0]["tariff_grid"]
    with unit_of_work():
        unit = db.session.get(Unit, billed.care)
        unit.kind, unit.by_time = UnitKind.quarter_hour, True
    assert kind_of(billed.care) is UnitKind.quarter_hour
    downgrade(revision="0001")
    upgrade()
    assert kind_of(billed.care) is UnitKind.half_hour

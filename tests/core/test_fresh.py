"""Does every test start with the cast alone, on both databases, whatever the one before it wrote?"""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.core import clock
from app.core.db import unit_of_work
from app.core.files import Upload
from app.documents.operations import path_of, store
from app.extensions import Model, db
from app.families.models import Adult, Family
from app.security.who_sees_what import Noun


def rows():
    """How many rows each table has, and one value that a test may have changed."""
    counts = {table.name: db.session.scalar(select(func.count()).select_from(table)) for table in Model.metadata.sorted_tables}
    return counts, db.session.scalars(select(Family.name).order_by(Family.id)).all()


def restored(stage):
    db.session.remove()
    db.engine.dispose()
    stage.begin(db.engine)


def new_family(code="AB12CD34"):
    with unit_of_work():
        family = Family(code=code, name="Passante")
        db.session.add(family)
        db.session.flush()
        return family.id


def test_what_was_written_is_gone(ctx, stage):
    before = rows()
    first = new_family()
    with unit_of_work():
        db.session.delete(db.session.scalar(select(Adult).limit(1)))
        db.session.get(Family, 1).name = "Nobody"
    assert rows() != before
    restored(stage)
    assert rows() == before
    # Numbers begin again too: a test may rely on them.
    assert new_family() == first
    restored(stage)
    restored(stage)
    assert rows() == before


def test_somebody_who_still_writes_does_not_hold_it_up(ctx, stage, database):
    before = rows()
    if db.engine.dialect.name == "postgresql":
        other = database.server.session("working")
        other.autocommit = False
        other.execute("UPDATE family SET name = 'Held'")
    restored(stage)
    assert rows() == before


@pytest.fixture
def houses(scene):
    """A scene of two families, the second after the first."""
    return [scene(new_family, "AB12CD34"), scene(new_family, "EF56GH78")]


@pytest.mark.parametrize("_again", range(2))
def test_what_a_scene_loads_is_there_in_every_test(app, houses, stage, _again):
    with app.app_context():
        assert len(stage.scenes) == 2
        assert db.session.scalars(select(Family.id).order_by(Family.id.desc()).limit(2)).all() == houses[::-1]
        with unit_of_work():
            db.session.get(Family, houses[0]).name = "Nobody"


@pytest.mark.parametrize("_again", range(2))
def test_a_scene_is_not_kept_with_what_was_written_before_it(app, scene, _again):
    with app.app_context():
        before = rows()[0]["family"]
        new_family("ZZ99ZZ99")
        scene(new_family, "AB12CD34")
        assert rows()[0]["family"] == before + 2


def test_a_scene_brings_its_files_and_its_moment(app, scene, stage):
    with app.app_context():
        first, moment = scene(photographed), clock.now()
        stage.begin(db.engine)
        assert not path_of(first).exists() and not rows()[0]["stored_file"]
        clock.reset()
        db.session.remove()
        assert scene(photographed) == first and path_of(first).exists() and rows()[0]["stored_file"] == 1
        assert timedelta(0) <= clock.now() - moment < timedelta(hours=1)


def photographed():
    """A file, tomorrow; its key."""
    clock.advance(days=1)
    with unit_of_work():
        return store(Upload("a.pdf", "application/pdf", b"%PDF-1.4"), noun=Noun.bill).key

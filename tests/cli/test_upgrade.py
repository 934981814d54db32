"""Does a town with years in it survive a new version? From the tables of the first migration to those of today, with data."""

import pytest
from sqlalchemy import MetaData, create_engine, select

from app.core.encryption import new_key
from tests.processes import empty_database, environment, flask

FIRST = "0001"


@pytest.fixture
def run(database, tmp_path):
    """run("db", "upgrade"): a command on a database of its own."""
    env = environment(tmp_path, DATABASE_URL=empty_database(database, tmp_path), SECRET_KEY="x" * 40, ENCRYPTION_KEYS=new_key())

    def command(*words):
        answer = flask(*words, env=env)
        assert answer.returncode == 0, answer.stderr

    command.url = env["DATABASE_URL"]
    return command


def content(url):
    """{table: {column: values in the order of the key}} of everything."""
    engine, tables = create_engine(url), MetaData()
    tables.reflect(engine)
    found = {}
    with engine.connect() as connection:
        for table in tables.tables.values():
            rows = connection.execute(select(*table.columns).order_by(*table.primary_key.columns)).all()
            found[table.name] = {column.name: [row[place] for row in rows] for place, column in enumerate(table.columns)}
    engine.dispose()
    return found


def test_rows_survive_every_migration(run):
    run("deploy")
    run("demo", "--families", "12")
    before = content(run.url)
    run("db", "downgrade", FIRST)
    former = content(run.url)
    run("db", "upgrade")
    after = content(run.url)
    assert set(after) == set(before) and set(former) <= set(before)
    assert {table: set(columns) for table, columns in after.items()} == {table: set(columns) for table, columns in before.items()}
    for table, columns in former.items():
        if table != "alembic_version":
            for name, values in columns.items():
                assert values == before[table].get(name, values), (table, name)
                assert values == after[table].get(name, values), (table, name)
    assert after["family"]["id"]

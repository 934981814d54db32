"""Does the last net hold? Every way to write, on every table, during a family's request."""

from datetime import UTC
from decimal import Decimal

import pytest
from sqlalchemy import delete, insert, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.db import may_write, unit_of_work, written_table
from app.core.errors import WriteRefused
from app.extensions import Model, db
from app.security.guard import ACCOUNT, DRAFTS, REQUESTS

TABLES = sorted(Model.metadata.tables)


def flush(table):
    """A row of the unit of work: by its model, or for tables without one by an insert of the session."""
    model = next((mapper.class_ for mapper in Model.registry.mappers if mapper.local_table is table), None)
    if model is None:
        db.session.execute(insert(table).values(**some_values(table)))
    else:
        db.session.add(model(**{prop.key: value for prop in mapped(model) if (value := sample(prop.columns[0])) is not None}))
    db.session.flush()


def mapped(model):
    from sqlalchemy import inspect

    return list(inspect(model).column_attrs)


def sample(column):
    return None if column.nullable or column.default is not None else some_value(column)


def some_value(column):
    kind = column.type.python_type
    from datetime import date, datetime

    if kind is datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) if getattr(column.type, "timezone", True) else datetime(2026, 1, 1)
    if kind is date:
        return date(2026, 1, 1)
    if hasattr(kind, "__members__"):
        return next(iter(kind))
    return {dict: {}, list: [], bool: True, int: 1, Decimal: Decimal(1), str: "x"}.get(kind, "x")


def some_values(table):
    return {column.name: some_value(column) for column in table.columns if not column.nullable or column.primary_key} or {
        table.columns.keys()[0]: None
    }


def in_bulk_insert(table):
    db.session.execute(insert(table), [some_values(table), some_values(table)])


def orm_update(table):
    db.session.execute(update(table).values({table.columns.keys()[-1]: None}))


def orm_delete(table):
    db.session.execute(delete(table))


def core_insert(table):
    db.session.connection().execute(insert(table).values(**some_values(table)))


def plain_text(table):
    db.session.execute(text(f'DELETE FROM "{table.name}"'))


def update_text(table):
    db.session.execute(text(f'  update "{table.name}" set {table.columns.keys()[0]} = {table.columns.keys()[0]}'))


def with_clause(table):
    db.session.execute(text(f'WITH x AS (SELECT 1) DELETE FROM "{table.name}"'))


def driver_sql(table):
    db.session.connection().exec_driver_sql(f'/* hello */ DELETE FROM "{table.name}"')


def own_session(table):
    with Session(db.engine) as session:
        session.execute(delete(table))


WAYS = [flush, in_bulk_insert, orm_update, orm_delete, core_insert, plain_text, update_text, with_clause, driver_sql, own_session]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_family_writes_no_other_table(ctx, way):
    """What design section 3 lists passes; every other table is refused, whichever way."""
    for name in TABLES:
        if name in REQUESTS:
            continue
        with pytest.raises(WriteRefused), may_write(REQUESTS):
            way(Model.metadata.tables[name])
        db.session.rollback()


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_what_a_save_needs_passes(ctx, name):
    with may_write(REQUESTS):
        try:
            db.session.execute(
                update(Model.metadata.tables[name]).values({Model.metadata.tables[name].columns.keys()[0]: None}).where(text("1 = 0"))
            )
        except SQLAlchemyError as error:
            pytest.fail(f"{name}: {error}")


def test_nothing_of_the_file_is_among_what_families_write():
    file_tables = {
        "family",
        "adult",
        "tax_data",
        "caf_data",
        "income_quotient",
        "bank_details",
        "mandate",
        "child",
        "household",
        "school_enrolment",
        "authorisation",
        "pickup_person",
        "complementary_data",
        "health_record",
        "decision",
        "setting",
    }
    assert not file_tables & (REQUESTS | ACCOUNT | DRAFTS)


def test_the_net_hangs_under_a_familys_request(app, sign_in):
    """Code that slips under the portal is stopped by the net of that very request."""
    seen = {}

    def slip():
        for way in (orm_update, plain_text):
            try:
                with unit_of_work():
                    way(Model.metadata.tables["adult"])
            except WriteRefused:
                seen[way.__name__] = True
        return "done"

    rule = app.url_map._rules_by_endpoint["HomeView.home"][0]
    original = app.view_functions[rule.endpoint]
    app.view_functions[rule.endpoint] = slip
    try:
        assert sign_in("galbert").get("/portail/").text == "done"
    finally:
        app.view_functions[rule.endpoint] = original
    assert seen == {"orm_update": True, "plain_text": True}


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("SELECT 1", None),
        ("  select * from adult for update", None),
        ('INSERT INTO "adult" (id) VALUES (1)', "adult"),
        ("INSERT OR REPLACE INTO adult VALUES (1)", "adult"),
        ("UPDATE adult SET id = 1", "adult"),
        ("DELETE FROM adult", "adult"),
        ("DELETE FROM ONLY adult", "adult"),
        ("WITH x AS (SELECT 1) UPDATE adult SET id = 1", "?"),
        ("/* x */ DELETE FROM adult", "?"),
        ("DROP TABLE adult", "?"),
        ("TRUNCATE adult", "?"),
        ("SELECT 1; DELETE FROM adult", "?"),
        ("UPDATE public.adult SET id = 1", "?"),
    ],
)
def test_which_table_a_statement_writes(statement, table):
    assert written_table(statement) == table

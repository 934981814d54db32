"""How does a migration reach the database? Over the application's own engine, in one transaction."""

import logging
from contextlib import contextmanager

from alembic import context
from flask import current_app

log = logging.getLogger("alembic")
extension = current_app.extensions["migrate"]


def without_empty_ones(_context, _revision, directives):
    """A revision that changes nothing is not written."""
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []
        log.info("the models and the database agree")


def show():
    """`flask db upgrade --sql`: print the statements."""
    context.configure(
        url=extension.db.engine.url.render_as_string(hide_password=False), target_metadata=extension.db.metadata, literal_binds=True
    )
    with context.begin_transaction():
        context.run_migrations()


@contextmanager
def loose_keys(connection):
    """SQLite changes a table by making it anew, and dropping the old one would delete whatever refers to it."""
    if connection.dialect.name != "sqlite":
        yield
        return
    # Not by the connection itself: it would begin a transaction, in which this has no effect.
    sqlite = connection.connection.driver_connection
    sqlite.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        sqlite.execute("PRAGMA foreign_keys=ON")


def run():
    """Bring the database up to date, or compare it with the models."""
    options = {"process_revision_directives": without_empty_ones, **extension.configure_args}
    with extension.db.engine.connect() as connection:
        context.configure(connection=connection, target_metadata=extension.db.metadata, **options)
        with loose_keys(connection), context.begin_transaction():
            context.run_migrations()
            refuse_lost(connection)


def refuse_lost(connection):
    """While foreign keys are off nobody asks whether each reference still leads somewhere."""
    if connection.dialect.name == "sqlite" and (lost := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()):
        raise RuntimeError(f"rows would refer to rows that are gone, nothing was changed: {lost[:5]}")


show() if context.is_offline_mode() else run()

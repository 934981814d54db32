"""How does a migration reach the database? Over the application's own engine, in one transaction."""

import logging

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


def run():
    """Bring the database up to date, or compare it with the models."""
    options = {"process_revision_directives": without_empty_ones, **extension.configure_args}
    with extension.db.engine.connect() as connection:
        context.configure(connection=connection, target_metadata=extension.db.metadata, **options)
        with context.begin_transaction():
            context.run_migrations()


show() if context.is_offline_mode() else run()

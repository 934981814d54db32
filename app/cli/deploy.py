"""How does a new version reach the database? One command, safe twice and from two processes at once."""

import fcntl
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade
from sqlalchemy import select, text

from app.core.db import unit_of_work
from app.extensions import db
from app.security.who_sees_what import FAMILY_ROLE, STAFF_ROLES

#: Rooms that bring rows of their own: a module `seed` whose seed() adds what is not there, within the open unit of work.
SEEDS = ("app.messages.seed", "app.changes.seed", "app.activities.seed", "app.billing.seed")


@click.command()
@with_appcontext
def deploy():
    """Bring the database up to date and make the roles. Safe to run twice, and from two processes."""
    deploy_once()
    click.echo("Database and roles are up to date.")


def deploy_once():
    """What `flask deploy` does."""
    with _alone():
        upgrade()
        make_roles()
        with unit_of_work():
            for name in SEEDS:
                if find_spec(name):
                    import_module(name).seed()


def make_roles():
    """The rows of the roles whose permissions are code (who_sees_what.py)."""
    from app.security.manager import AccountManager

    role = AccountManager.role_model
    with unit_of_work():
        there = set(db.session.scalars(select(role.name)))
        for name in (*(role.value for role in STAFF_ROLES), FAMILY_ROLE, current_app.config["AUTH_ROLE_PUBLIC"]):
            if name not in there:
                db.session.add(role(name=name))


@contextmanager
def _alone():
    """One deployment at a time: an advisory lock on PostgreSQL, a locked file beside an SQLite database."""
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(7245001)"))
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(7245001)"))
        return
    path = Path(f"{db.engine.url.database}.deploy")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

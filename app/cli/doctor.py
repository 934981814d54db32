"""Is this installation well? Each check says what it found and what to do; the exit code is 1 where something is wrong."""

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from app.audit.models import LogEntry
from app.cli.keys import unreadable
from app.cli.secrets import NAMES, file_of
from app.core import clock
from app.core.heartbeat import is_silent
from app.documents.operations import folder
from app.extensions import db, migrate
from app.mail.queries import mails_waiting
from app.payments.providers import PROVIDERS, provider_named
from app.security.manager import AccountManager
from app.security.models import Account
from app.security.who_sees_what import STAFF_ROLES, Viewer

GOOD, WARNING, BAD = "good", "warning", "bad"
MARKS = {GOOD: "✓", WARNING: "!", BAD: "✗"}
GIGABYTE = 1024**3


@dataclass(frozen=True)
class Answer:
    """What a check found."""

    state: str
    sentence: str


def good(sentence):
    return Answer(GOOD, sentence)


def warning(sentence):
    return Answer(WARNING, sentence)


def bad(sentence):
    return Answer(BAD, sentence)


def secrets_are_kept():
    """Long enough, and readable by their owner alone."""
    import config

    if len(current_app.config["SECRET_KEY"]) < 32:
        return bad("SECRET_KEY is shorter than 32 characters: flask make-secrets makes a good one.")
    files = [path for name in NAMES if (path := file_of(config.INSTANCE, name)).exists()]
    if open_files := [path.name for path in files if path.stat().st_mode & 0o077]:
        return bad(f"Others can read {', '.join(open_files)} in {config.INSTANCE}: chmod 600 them.")
    return good("The secrets are set.")


def key_reads():
    """The newest row of every encrypted table."""
    if tables := unreadable():
        return bad(f"The encryption key does not read {', '.join(tables)}: put the key back that wrote them.")
    return good("The encryption key reads what is stored.")


def migrations_are_in_step():
    """The database has the revision that the code expects."""
    # The migrations' folder is all that Alembic needs to know here.
    heads = ScriptDirectory(migrate.directory).get_heads()
    with db.engine.connect() as connection:
        there = MigrationContext.configure(connection).get_current_heads()
    if set(there) != set(heads):
        return bad(f"The database is at {', '.join(there) or 'nothing'}, the code at {', '.join(heads)}: run flask deploy.")
    return good("The database is up to date.")


def roles_are_there():
    """The rows of the roles, and somebody who administrates."""
    role = AccountManager.role_model
    there = set(db.session.scalars(select(role.name)))
    if missing := [name.value for name in STAFF_ROLES if name.value not in there]:
        return bad(f"Roles are missing ({', '.join(missing)}): run flask deploy.")
    admins = select(func.count(Account.id)).where(Account.active, Account.roles.any(role.name == Viewer.administrator.value))
    return good("There is an administrator.") if db.session.scalar(admins) else bad("Nobody administrates: run flask create-admin.")


def worker_lives():
    """It has given a sign of life."""
    return (
        bad("No worker has lived for two minutes: decisions and mails wait. Start flask worker.")
        if is_silent()
        else good("The worker lives.")
    )


def mails_leave():
    """There is a mail server, and no mail was given up."""
    waiting, failed = mails_waiting()
    if not current_app.config["MAIL_SERVER"]:
        sentence = f"MAIL_SERVER is not set: {waiting} mails wait."
        return bad(sentence) if production() else warning(sentence)
    return warning(f"{failed} mails were given up: see the list of mails.") if failed else good(f"Mails leave ({waiting} wait).")


def payments_are_set():
    """The bank is one that is known, and the configuration says what it needs."""
    name = current_app.config["PAYMENT_PROVIDER"]
    if not name:
        return good("Nobody pays online: PAYMENT_PROVIDER is not set.")
    bank = provider_named(name)
    if bank is None:
        return bad(f"PAYMENT_PROVIDER={name} takes no payments here: {', '.join(PROVIDERS)} are known, demo in the demonstration alone.")
    if bank.missing():
        return bad(f"Families cannot pay online, not set or wrong: {', '.join(bank.missing())} (docs/payments.md).")
    return warning(f"Payments online ({name}) are tests: no money moves.") if bank.for_tests else good(f"Families pay online ({name}).")


def files_can_be_kept():
    """The folder takes a file, and there is room."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder()) as file:
            file.write(b"doctor")
    except OSError as problem:
        return bad(f"No file can be written to {folder()}: {problem.strerror}.")
    free = shutil.disk_usage(folder()).free
    room = f"{free / GIGABYTE:.1f} GB are free for files."
    return bad(room) if free < GIGABYTE / 5 else warning(room) if free < 2 * GIGABYTE else good(room)


def database_has_room():
    """An SQLite database grows where it lies."""
    if db.engine.dialect.name != "sqlite":
        return good(f"The database is {db.engine.dialect.name}.")
    path = Path(db.engine.url.database)
    free = shutil.disk_usage(path.parent).free
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        return bad(f"{path} cannot be written.")
    room = f"{free / GIGABYTE:.1f} GB are free beside the database."
    return bad(room) if free < GIGABYTE / 5 else good(room)


def clock_is_right():
    """The machine's clock is not behind what was logged, nor away from the database's."""
    last = db.session.scalar(select(func.max(LogEntry.at)))
    if last is not None and last > clock.now() + timedelta(minutes=5):
        said, logged = (f"{clock.local(instant):%d/%m/%Y %H:%M}" for instant in (clock.now(), last))
        return bad(f"The clock says {said}, but something was logged on {logged}: set the clock.")
    if db.engine.dialect.name == "postgresql" and abs(db.session.scalar(select(func.now())) - clock.now()) > timedelta(minutes=1):
        return bad("The clock of the database is more than a minute away from ours.")
    return good(f"It is {clock.local(clock.now()):%d/%m/%Y %H:%M} ({current_app.config['TIMEZONE']}).")


def sessions_are_safe():
    """What a real town's addresses and cookies need."""
    if not production():
        return warning("This is a demonstration (PREAU_MODE=demo): its password is public.")
    if not current_app.config["SESSION_COOKIE_SECURE"] or not current_app.config["BASE_URL"].startswith("https://"):
        return bad("Production needs https: set BASE_URL=https://… and leave SESSION_COOKIE_SECURE on.")
    return good("Sessions travel over https only.")


def production():
    return current_app.config["MODE"] == "production"


CHECKS = (
    secrets_are_kept,
    migrations_are_in_step,
    key_reads,
    roles_are_there,
    worker_lives,
    mails_leave,
    payments_are_set,
    files_can_be_kept,
    database_has_room,
    clock_is_right,
    sessions_are_safe,
)


def examine():
    """[Answer] of all checks; one that cannot be made is bad."""
    answers = []
    for check in CHECKS:
        try:
            answers.append(check())
        except (SQLAlchemyError, OSError) as problem:
            # What SQLAlchemy says spans lines, and the first one says it.
            answers.append(
                bad(f"{check.__name__.replace('_', ' ').capitalize()}? This could not be checked: {str(problem).splitlines()[0]}")
            )
            db.session.rollback()
    return answers


@click.command()
@with_appcontext
def doctor():
    """Check the installation; says what is wrong and what to do."""
    answers = examine()
    for answer in answers:
        click.echo(f"{MARKS[answer.state]} {answer.sentence}")
    sys.exit(any(answer.state == BAD for answer in answers))

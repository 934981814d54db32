"""Which key reads what is stored? rotate-keys encrypts everything anew with the newest one, as often as it is run."""

import os

import click
from cryptography.fernet import Fernet, InvalidToken
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import Text, or_, select, type_coerce, update

from app.core.db import thawed, unit_of_work
from app.core.encryption import Encrypted, box
from app.documents.models import StoredFile
from app.documents.operations import path_of
from app.extensions import Model, db

BATCH = 200


def encrypted_columns():
    """{table: [its encrypted columns]}."""
    columns = {table: [column for column in table.columns if isinstance(column.type, Encrypted)] for table in Model.metadata.sorted_tables}
    return {table: found for table, found in columns.items() if found}


def unreadable():
    """Names of the tables whose last row no key of the configuration reads."""
    return [table.name for table, columns in encrypted_columns().items() if not _reads_last_row(table, columns)]


def _reads_last_row(table, columns):
    filled = or_(*(type_coerce(column, Text).is_not(None) for column in columns))
    row = db.session.execute(
        select(*(type_coerce(column, Text) for column in columns)).where(filled).order_by(table.c.id.desc()).limit(1)
    ).first()
    try:
        for token in row or ():
            token and box().decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def refuse_if_unreadable():
    """A sentence at the start instead of errors on every page."""
    if tables := unreadable():
        raise SystemExit(
            f"Préau cannot start: the encryption key does not read what the database holds ({', '.join(tables)}). "
            "Put the key back that wrote it."
        )


@click.command("rotate-keys")
@with_appcontext
def rotate_keys():
    """Encrypt all rows and files anew with the newest key. May be stopped and run again."""
    rows = sum(rotate_table(table, columns) for table, columns in encrypted_columns().items())
    files = rotate_files()
    click.echo(f"{rows} rows and {files} files are encrypted with the newest key now. The older keys may go, those of backups excepted.")


def rotate_table(table, columns):
    """Encrypt a table anew, some rows at a time, so that nobody waits for long; returns how many rows it took."""
    # Rows are numbered, or named by the tablet that made them.
    last, done = None, 0
    while True:
        with unit_of_work(), thawed():
            query = select(table.c.id, *(type_coerce(column, Text).label(column.name) for column in columns))
            if last is not None:
                query = query.where(table.c.id > last)
            rows = db.session.execute(query.order_by(table.c.id).limit(BATCH).with_for_update()).mappings().all()
            for row in rows:
                anew = {column.name: type_coerce(again, Text) for column in columns if (again := _anew(row[column.name])) is not None}
                if anew:
                    db.session.execute(update(table).where(table.c.id == row["id"]).values(anew))
                    done += 1
        if not rows:
            return done
        last = rows[-1]["id"]


def _anew(token):
    """The token under the newest key; None where there is none, or where it is already."""
    if token is None or _is_newest(token.encode()):
        return None
    return box().rotate(token.encode()).decode()


def _is_newest(token):
    try:
        Fernet(current_app.config["ENCRYPTION_KEYS"][0]).decrypt(token)
    except InvalidToken:
        return False
    return True


def rotate_files():
    """Encrypt the bytes of files anew; returns how many. A file is replaced whole or not at all."""
    done = 0
    for key in db.session.scalars(select(StoredFile.key).order_by(StoredFile.id)).all():
        path = path_of(key)
        if path.exists() and not _is_newest(content := path.read_bytes()):
            beside = path.with_suffix(".new")
            beside.write_bytes(box().rotate(content))
            os.replace(beside, path)
            done += 1
    return done

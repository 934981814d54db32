"""How are an installation's secrets made and kept? As files that only their owner reads, in the instance folder."""

import os
import secrets
import tempfile
from pathlib import Path

import click

from app.core.encryption import new_key

NAMES = ("SECRET_KEY", "ENCRYPTION_KEYS")


def file_of(folder, name):
    """Where a secret lies."""
    return Path(folder) / name.lower()


def fresh(name):
    """A new value of a secret."""
    return new_key() if name == "ENCRYPTION_KEYS" else secrets.token_urlsafe(48)


def write_new(path, text):
    """Write a secret that nobody else can read, unless the file is there; whether it was written. Of two processes one wins, whole."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # mkstemp makes files of mode 0600.
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(beside, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(beside)
    return True


def make_missing(config):
    """The secrets of a demonstration, made at its first start; `config` is the module, which reads them at once."""
    database = Path(config.SQLALCHEMY_DATABASE_URI.removeprefix("sqlite:///"))
    if not config.ENCRYPTION_KEYS and config.SQLALCHEMY_DATABASE_URI.startswith("sqlite") and database.exists():
        raise SystemExit(
            f"The database {database} is there, but not the key that reads it. Put {file_of(config.INSTANCE, 'ENCRYPTION_KEYS')} back, "
            "or move the database away to begin anew."
        )
    for name in NAMES:
        if not getattr(config, name):
            write_new(file_of(config.INSTANCE, name), fresh(name))
    config.read_secrets()


@click.command()
@click.option("--new-key", is_flag=True, help="Put a new encryption key before those that are there; then restart, then flask rotate-keys.")
def make_secrets(new_key):
    """Make the secrets of a town, once: SECRET_KEY and ENCRYPTION_KEYS, as files of the instance folder."""
    import config

    if new_key:
        click.echo(_add_key(file_of(config.INSTANCE, "ENCRYPTION_KEYS")))
        return
    there = [name for name in NAMES if getattr(config, name)]
    if "ENCRYPTION_KEYS" in there:
        raise click.ClickException(
            "There is an encryption key already; without it nobody reads the files of the families. It was left as it is."
        )
    for name in NAMES:
        path = file_of(config.INSTANCE, name)
        if name not in there and write_new(path, fresh(name)):
            click.echo(f"{name} is in {path}.")
    click.echo("Keep a copy of both files in another place than the database: a backup without its key is lost.")


def _add_key(path):
    if not path.exists():
        raise click.ClickException(
            f"There is no {path}: keys that come from the environment are changed where they are set, the newest first."
        )
    keys = path.read_text().split()
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    write_new(beside, "\n".join([fresh("ENCRYPTION_KEYS"), *keys]))
    os.replace(beside, path)
    return f"A new key is the first in {path}. Restart Préau, then run flask rotate-keys; until it has ended, all keys are needed."

"""How does a test start Préau as a process of its own? With the database, the keys and the folder that it names."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: What a test inherits from whoever runs it must not reach the process.
OURS = (
    "PREAU_",
    "SECRET_KEY",
    "ENCRYPTION_KEYS",
    "DATABASE_URL",
    "FILES_FOLDER",
    "MAIL_",
    "PORT",
    "HOST",
    "BASE_URL",
    "FLASK_",
)


def environment(folder, **more):
    """The environment of an installation in this folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**inherited, "PREAU_INSTANCE": str(folder), "FLASK_APP": "app", "PYTHONFAULTHANDLER": "1", **more}


def environment_of(app, folder):
    """The environment in which a process works on the same database and files as a test's application."""
    config = app.config
    return environment(
        folder,
        SECRET_KEY=config["SECRET_KEY"],
        ENCRYPTION_KEYS=",".join(config["ENCRYPTION_KEYS"]),
        DATABASE_URL=config["SQLALCHEMY_DATABASE_URI"],
        FILES_FOLDER=config["FILES_FOLDER"],
        MAIL_SERVER="",
    )


def flask(*arguments, env, **more):
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "flask", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, **more
    )


@contextmanager
def running(*arguments, env):
    """A process that is killed at the end, whatever happens."""
    process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ended(process, seconds):
    """The exit code of a process that should end now; where it does not, a failure that shows what it is doing."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        raise AssertionError(f"still running after {seconds} s:\n{process.communicate()[0]}") from None


def until(condition, seconds=60):
    """Wait for something; what it was at last."""
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def empty_database(database, tmp_path):
    """The URL of an empty database of the kind that the suite runs on."""
    if hasattr(database, "server"):
        database.server.drop("empty")
        return database.server.create("empty")
    return f"sqlite:///{tmp_path / 'empty.db'}"

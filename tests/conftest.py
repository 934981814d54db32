"""Which database, which people, which clock does a test get? A fresh copy of the cast, every time."""

import copy
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import jinja2
import pytest
from cryptography.fernet import Fernet
from flask.globals import _cv_app
from sqlalchemy import event

from tests import cast, postgres

DATABASE = os.environ.get("TEST_DATABASE", "sqlite")


#: What takes longest, by the beginning of its address. It begins first, so that at the end nobody waits for the one who is not done.
LONGEST = (
    "tests/journeys/test_screens.py",
    "tests/demo/",
    "tests/contracts/test_walk",
    "tests/contracts/test_translations.py",
    "tests/journeys/",
)


def pytest_collection_modifyitems(items):
    """The longest first."""
    items.sort(key=lambda item: next((place for place, start in enumerate(LONGEST) if item.nodeid.startswith(start)), len(LONGEST)))


#: Ends whoever is in the middle of something in the database that is put back.
BUSY = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = 'working' AND pid <> pg_backend_pid() AND state IS DISTINCT FROM 'idle'"
)


class SqliteFile:
    """A database file that is copied back from what was kept of it."""

    def __init__(self, path):
        self.path, self.url = path, f"sqlite:///{path}"

    def keep(self, state):
        with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(f"{self.path}.{state}")) as target:
            source.backup(target)
        self.stamp = self._stamp()

    def restore(self, engine, state):
        engine.dispose()
        for suffix in ("-wal", "-shm"):
            if os.path.exists(f"{self.path}{suffix}"):
                os.unlink(f"{self.path}{suffix}")
        shutil.copy(f"{self.path}.{state}", self.path)
        self.stamp = self._stamp()

    def untouched(self):
        """Whether nothing was written since it was kept or put back."""
        return self._stamp() == self.stamp

    def _stamp(self):
        files = [Path(f"{self.path}{suffix}") for suffix in ("", "-wal")]
        sizes = [(file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.exists()]
        return [stamp for stamp in sizes if stamp[0]]


class PostgresDatabase:
    """A database of a throw-away server whose rows are put back, and only after a test that wrote or where others are wanted."""

    def __init__(self, server):
        self.server, self.url = server, server.create("working")
        self.connection = server.session("working")
        self.scripts = {}

    def keep(self, state):
        tables = self._column("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        filled = [table for table in tables if self._column(f'SELECT count(*) FROM "{table}"')[0]]
        numbers = self.connection.execute("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'").fetchall()
        self.connection.execute(f"CREATE SCHEMA {state}")
        for table in filled:
            self.connection.execute(f'CREATE TABLE {state}."{table}" AS TABLE public."{table}"')
        # Without the triggers of foreign keys, which would ask for an order. Several times faster than a copy of the whole database.
        self.scripts[state] = "; ".join(
            [
                "SET session_replication_role = replica",
                *(f'DELETE FROM public."{table}"' for table in tables),
                *(f'INSERT INTO public."{table}" SELECT * FROM {state}."{table}"' for table in filled),
                *(f"SELECT setval('public.\"{name}\"', {last or 1}, {last is not None})" for name, last in numbers),
            ]
        )
        self.state, self.written = state, self._transactions()

    def restore(self, engine, state):
        """The connections stay: a new one reads the catalogue anew, which takes longer than most tests. Only what is busy goes."""
        if self._column(BUSY):
            engine.dispose()
        if state != self.state or not self.untouched():
            self.connection.execute(self.scripts[state])
            self.state, self.written = state, self._transactions()

    def untouched(self):
        """Whether nothing was written since it was kept or put back."""
        return self._transactions() == self.written

    def _transactions(self):
        """Where the server is with numbering its transactions: it numbers those alone that write."""
        return self._column("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")[0]

    def _column(self, query):
        return [row[0] for row in self.connection.execute(query)]


class Stage:
    """The states of the database and of the stored files that a worker has kept: the cast, and the cast with what scenes have loaded."""

    def __init__(self, database, files):
        self.database, self.files, self.kept = database, Path(files), {}

    def keep(self, *scenes, value=None):
        """Keep everything as it is now."""
        from app.core import clock

        name = f"state{len(self.kept)}"
        self.database.keep(name)
        stored = {path: path.read_bytes() for path in self.files.rglob("*") if path.is_file()}
        self.kept[scenes] = (name, stored, value, clock.now())
        self.scenes = scenes

    def begin(self, engine, *scenes):
        """Put back what these scenes loaded; returns what the last one returned, and when it was."""
        name, stored, value, moment = self.kept[scenes]
        self.database.restore(engine, name)
        if self.files.exists():
            shutil.rmtree(self.files)
        for path, content in stored.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.scenes = scenes
        return copy.deepcopy(value), moment

    def play(self, engine, load, *arguments):
        """Load more rows, or put them back where they were loaded before after the same scenes and nothing else."""
        from app.core import clock

        scenes = (*self.scenes, f"{load.__module__}.{load.__qualname__}{arguments}")
        if not self.database.untouched() or engine.pool.checkedout():
            return load(*arguments)
        if scenes in self.kept:
            value, moment = self.begin(engine, *scenes)
            clock.set_to(moment)
            return value
        value = load(*arguments)
        self.keep(*scenes, value=copy.deepcopy(value))
        return value


def in_memory():
    """A folder where no commit waits for a disk; None where there is none, or little room."""
    folder = "/dev/shm"
    return folder if os.path.isdir(folder) and shutil.disk_usage(folder).free > 500_000_000 else None


@pytest.fixture(scope="session")
def database():
    """The database to test on, of the kind that TEST_DATABASE names."""
    if DATABASE == "sqlite":
        with tempfile.TemporaryDirectory(prefix="preau-", dir=in_memory()) as folder:
            yield SqliteFile(Path(folder) / "test.db")
        return
    reason = postgres.missing()
    if reason:
        skip_or_fail(reason)
    with postgres.server() as server:
        yield PostgresDatabase(server)


def skip_or_fail(reason):
    """Skip what this machine cannot run; where nothing may be skipped, fail."""
    if os.environ.get("PREAU_NO_SKIP"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def app(database, tmp_path_factory, pytestconfig):
    """The application on an empty, migrated database with the cast in it."""
    from app import create_app
    from app.core import memory

    application = create_app(
        TESTING=True,
        SECRET_KEY="a-secret-for-tests-only-0123456789",
        ENCRYPTION_KEYS=[Fernet.generate_key().decode()],
        SQLALCHEMY_DATABASE_URI=database.url,
        FILES_FOLDER=str(tmp_path_factory.mktemp("files")),
        MAIL_SERVER="",
        SESSION_COOKIE_SECURE=False,
        FAB_PASSWORD_HASH_METHOD="scrypt:1024:8:1",
    )
    # Templates are compiled once, not once a worker and database.
    compiled = pytestconfig.cache.mkdir(f"templates-{jinja2.__version__}")
    application.jinja_env.bytecode_cache = jinja2.FileSystemBytecodeCache(str(compiled))
    with application.app_context():
        from app.cli import upgrade
        from app.extensions import db

        upgrade()
        cast.load()
        db.session.remove()
        db.engine.dispose()
    memory.settle()
    return application


@pytest.fixture(scope="session")
def stage(app, database):
    """What of the database is kept: the cast, at first."""
    kept = Stage(database, app.config["FILES_FOLDER"])
    kept.keep()
    return kept


@pytest.fixture(autouse=True)
def fresh(request):
    """Every test that touches the application starts with the cast alone, and at the real time."""
    if "app" not in request.fixturenames:
        yield
        return
    from app.core import clock
    from app.extensions import db

    application, stage = request.getfixturevalue("app"), request.getfixturevalue("stage")
    with application.app_context():
        db.session.remove()
        stage.begin(db.engine)
    clock.reset()
    yield
    clock.reset()


@pytest.fixture
def scene(app, stage):
    """scene(load, *arguments): what load() returns, ids and no rows. What it writes is written once a worker, then put back."""

    def play(load, *arguments):
        from app.extensions import db

        with app.app_context():
            return stage.play(db.engine, load, *arguments)

    return play


@pytest.fixture
def ctx(app):
    """An application context with a session, for tests of rules."""
    with app.test_request_context("/"):
        yield
        from app.extensions import db

        db.session.rollback()


def account(username):
    """The account of this name; inside an application context."""
    from app.extensions import db
    from app.security.models import Account

    return db.session.scalar(db.select(Account).filter_by(username=username))


def by_itself(call):
    """A request as the server gets it: it finds nothing that a context of the test around it has read already."""

    def run(*args, **kwargs):
        token = _cv_app.set(None)
        try:
            return call(*args, **kwargs)
        finally:
            _cv_app.reset(token)

    return run


@pytest.fixture
def sign_in(app):
    """A test client that is signed in as somebody of the cast, without paying for a password's hash."""

    from app.security.sessions import secret_of_forms

    def signed(username=None):
        client = app.test_client()
        client.open = by_itself(client.open)
        if username:
            with app.app_context():
                identity = cast.identity(username)
            with client.session_transaction() as session:
                session["_user_id"], session["_fresh"], session["locale"] = identity, True, "en"
                session["csrf_token"] = secret_of_forms(identity.partition(".")[0])
        return client

    return signed


@pytest.fixture
def activities(scene):
    """Canteen, evening care and Wednesdays of the cast, as a Town of ids; it is Monday 23 November 2026, 9 o'clock."""
    from tests.activities.cast import load

    return scene(load)


@pytest.fixture
def billed(scene):
    """The same town with grids, quotients, and what happened in October and November: a Billed."""
    from tests.billing.cast import load

    return scene(load)


@pytest.fixture(autouse=True)
def no_csrf(request):
    """Tests of rules post without a token; the tests that are about it ask for `csrf`."""
    if "app" in request.fixturenames:
        request.getfixturevalue("app").config["WTF_CSRF_ENABLED"] = "csrf" in request.fixturenames


@pytest.fixture
def csrf():
    """Keep the protection against forged posts switched on."""


@contextmanager
def counted_queries(engine=None):
    """Collect the statements that run inside, without those that only begin or end a transaction."""
    from app.extensions import db

    statements = []

    def note(_connection, _cursor, statement, *_rest):
        if not statement.startswith(("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA", "SAVEPOINT", "RELEASE")):
            statements.append(statement)

    engine = engine or db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


def work(app):
    """Let the worker run until nothing is left to do."""
    from app.jobs.worker import work_once

    with app.test_request_context("/"):
        while work_once():
            pass


def base_of(html):
    """The sealed snapshot of a form in a page."""
    import re

    return re.search(r'name="base"[^>]*value="([^"]+)"', html).group(1)

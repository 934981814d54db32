"""How is the database written? In one unit of work at the edge, under a guard, with types of our own."""

import re
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial
from itertools import chain

from flask import g, has_app_context
from sqlalchemy import DateTime, Enum, event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeDecorator

from app.core.errors import WriteRefused
from app.extensions import db

_writing = ContextVar("writing", default=False)
_allowed = ContextVar("allowed tables", default=None)


_lazily = ContextVar("lazily", default=False)


@contextmanager
def committed_lazily():
    """Inside, commits do not wait for the disk; the first one after it does, for all of them.

    A killed process loses nothing. A power cut may lose the last ones, whole and in order: for a long row of transactions that a job
    does again where it finds them missing, and of which nobody outside hears before a later commit (a mail, a file).
    """
    token = _lazily.set(True)
    try:
        yield
    finally:
        _lazily.reset(token)


@contextmanager
def unit_of_work():
    """One transaction: commits on the way out, rolls back on any error.

    The only commit in the application, opened at the edge (a view, a job, a command) and never nested. What was read
    before it is read again inside, because SQLite takes its write lock here (BEGIN IMMEDIATE) and a decision must rest on
    what is locked. Hash no password, render no PDF and call no network inside. What was changed before it is refused, not
    written unseen.
    """
    if _writing.get():
        raise RuntimeError("a unit of work is already open: open one, at the edge")
    _refuse_loose_changes()
    db.session.rollback()
    token = _writing.set(True)
    try:
        yield db.session
        db.session.commit()
    except BaseException:
        db.session.rollback()
        raise
    finally:
        _writing.reset(token)


def _refuse_loose_changes():
    loose = [
        row
        for row in (*db.session.new, *db.session.deleted, *db.session.dirty)
        if row not in db.session.dirty or db.session.is_modified(row)
    ]
    if loose:
        db.session.rollback()
        raise RuntimeError(f"changed outside a unit of work: {', '.join(type(row).__name__ for row in loose)}")


def read_once():
    """{name: value} of what was read in the open transaction and stays true until its end; empty in the next."""
    return _of_transaction("read_once")


def done_so_far():
    """{name: value} of what the open transaction has itself done or locked; empty in the next, and where a savepoint is rolled back."""
    return _of_transaction("done_so_far")


def _of_transaction(name):
    session = db.session()
    now, kept = session.get_transaction() or session.begin(), g.get(name)
    if kept is None or kept[0] is not now:
        kept = now, {}
        setattr(g, name, kept)
    return kept[1]


@event.listens_for(Session, "after_soft_rollback")
def _forget_what_was_done(_session, _transaction):
    if has_app_context():
        g.pop("done_so_far", None)


def in_unit_of_work():
    """Whether a unit of work is open."""
    return _writing.get()


@contextmanager
def may_write(tables):
    """Inside, only these tables may be written, whichever way (flush, bulk, Core, text); None lifts the limit."""
    token = _allowed.set(None if tables is None else frozenset(tables))
    try:
        yield
    finally:
        _allowed.reset(token)


def writable_tables():
    """The tables that may be written now, or None where there is no limit."""
    return _allowed.get()


_HARMLESS = re.compile(r"\s*(SELECT|PRAGMA|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SHOW|SET)\b", re.I)
_WRITE = re.compile(
    r"\s*(?:INSERT(?:\s+OR\s+\w+)?\s+INTO|UPDATE|DELETE\s+FROM|REPLACE\s+INTO)\s+(?:ONLY\s+)?[\"`]?(\w+)\b(?![\"`]?\.)", re.I
)


def written_table(statement):
    """The table that an SQL text writes; None if it only reads; "?" if we cannot tell, which no limit allows."""
    if ";" in statement.rstrip("; \n"):
        return "?"
    if _HARMLESS.match(statement):
        return None
    match = _WRITE.match(statement)
    return match.group(1).lower() if match else "?"


#: Tables whose rows are never changed or deleted once written; rooms add theirs.
FROZEN = set()
_thawed = ContextVar("thawed", default=False)


@contextmanager
def thawed():
    """Inside, rows of FROZEN tables may be changed: for new encryption keys and the end of a retention, nothing else."""
    token = _thawed.set(True)
    try:
        yield
    finally:
        _thawed.reset(token)


_CHANGE = re.compile(r"\s*(?:UPDATE|DELETE|REPLACE)\b", re.I)


@event.listens_for(Engine, "before_cursor_execute")
def _refuse_changes(_connection, _cursor, statement, _parameters, _context, _many):
    if _CHANGE.match(statement) and written_table(statement) in FROZEN and not _thawed.get():
        raise WriteRefused(f"{written_table(statement)} is never changed")


@event.listens_for(Engine, "before_cursor_execute")
def _refuse_other_writes(_connection, _cursor, statement, _parameters, _context, _many):
    allowed = _allowed.get()
    if allowed is None:
        return
    table = written_table(statement)
    if table is not None and table not in allowed:
        raise WriteRefused(f"this request may not write {table}")


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection, _record):
    if type(connection).__module__.startswith("sqlite3"):
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=15000", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()


@event.listens_for(Engine, "begin")
def _begin_sqlite(connection):
    lazily = _lazily.get() and _writing.get()
    if connection.dialect.name == "sqlite":
        if lazily != connection.info.get("lazily", False):
            connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if lazily else 'FULL'}")
            connection.info["lazily"] = lazily
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writing.get() else "BEGIN")
    elif lazily:
        connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")


class Instant(TypeDecorator):
    """An aware instant, kept in UTC on both databases. A naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self):
        return datetime

    def process_bind_param(self, value, dialect):
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive instant")
        return value.astimezone(UTC)

    def process_result_value(self, value, dialect):
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


def enum_column(kind, name):
    """The column type of a lowercase StrEnum, checked by a database constraint of this name."""
    return Enum(kind, name=name, native_enum=False, create_constraint=True, length=32, validate_strings=True)


@contextmanager
def own_transaction(*tables):
    """A connection with a short transaction of its own, for what the system itself notes (logs, presence) during a read.

    Writes these tables alone, and leaves the request's session and its objects as they are.
    """
    token = _writing.set(True)
    try:
        with may_write(tables), db.engine.begin() as connection:
            yield connection
    finally:
        _writing.reset(token)


class PreparedInsert:
    """The INSERT of a table with an id, put together once: for rows by the thousand, which SQLAlchemy prepares longer than SQLite writes.

    A row is given by its values, all of those without a default; columns that are not given take the model's default.
    """

    def __init__(self, model):
        self._table, self._ready = model.__table__, {}

    def __call__(self, **values):
        """Write a row; returns its key."""
        connection = db.session.connection()
        sql, row_of = self._prepared(connection.dialect, values)
        written = connection.exec_driver_sql(sql, row_of(values))
        return written.lastrowid if connection.dialect.name == "sqlite" else written.scalar_one()

    def many(self, rows, *, by):
        """Write rows of the same columns in one statement; returns their keys, in their order.

        A database need not answer in that order: `by` names a column of text in which no two rows are alike.
        """
        connection = db.session.connection()
        sql, row_of = self._prepared(connection.dialect, rows[0], len(rows), by)
        ready, place = [row_of(row) for row in rows], list(rows[0]).index(by)
        keys = {text: key for key, text in connection.exec_driver_sql(sql, tuple(chain.from_iterable(ready)))}
        return [keys[row[place]] for row in ready]

    def _prepared(self, dialect, names, count=1, *more):
        """(SQL, what makes a row for the driver of the values that are given)."""
        known = dialect.name, count, more, *names
        if known not in self._ready:
            self._ready[known] = self._prepare(dialect, list(names), count, *more)
        return self._ready[known]

    def _prepare(self, dialect, names, count, *more):
        defaults = [column for column in self._table.columns if column.name not in names and column.default is not None]
        columns = [*(self._table.columns[name] for name in names), *defaults]
        place = f"({', '.join(['?' if dialect.name == 'sqlite' else '%s'] * len(columns))})"
        sql = f"INSERT INTO {self._table.name} ({', '.join(column.name for column in columns)}) VALUES {', '.join([place] * count)}"
        (key,) = self._table.primary_key
        if more or dialect.name != "sqlite":
            sql += f" RETURNING {', '.join((key.name, *more))}"
        return sql, partial(_row_of, [_default(column) for column in defaults], [_processor(column, dialect) for column in columns])


def _row_of(defaults, processors, values):
    row = (*values.values(), *(default() for default in defaults))
    return tuple(process(value) for process, value in zip(processors, row, strict=True))


def _default(column):
    # SQLAlchemy hands its callables a context, which none of ours reads.
    return partial(column.default.arg, None) if column.default.is_callable else lambda: column.default.arg


def _processor(column, dialect):
    return column.type.dialect_impl(dialect).bind_processor(dialect) or (lambda value: value)

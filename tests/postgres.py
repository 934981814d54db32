"""How does a test get a PostgreSQL? A throw-away server of its own, as root and as a plain user alike, gone at the end."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: Speed over safety: nothing in here outlives the test.
SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "listen_addresses": "''", "max_connections": "50"}

#: The newest of what Debian or Homebrew put beside the PATH.
FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/local/opt/postgresql@*/bin", "/opt/homebrew/opt/postgresql@*/bin")


def missing():
    """The sentence that says why there is no PostgreSQL here, None where there is one."""
    if not _programs():
        return "PostgreSQL's server is not installed (Debian: apt-get install postgresql)"
    if os.geteuid() == 0 and not _user():
        return "PostgreSQL refuses to run as root, and there is no user postgres to run it as"
    return None


@dataclass(frozen=True)
class Server:
    """A running server, reached through the socket in its own folder: no port to find free, and nobody else gets in."""

    folder: Path

    def url(self, database="postgres"):
        return f"postgresql+psycopg://preau@/{database}?host={self.folder}"

    def create(self, database, template="template1"):
        """A new database, as a copy of another one where `template` names it; returns its URL."""
        self._tell(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.url(database)

    def drop(self, database):
        self._tell(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def session(self, database):
        """A connection of the server's owner, each statement a transaction."""
        import psycopg

        return psycopg.connect(f"host={self.folder} user=preau dbname={database}", autocommit=True)

    def _tell(self, statement):
        with self.session("postgres") as connection:
            connection.execute(statement)


@contextmanager
def server():
    """Start a server, yield it, stop it and remove its files."""
    if reason := missing():
        raise FileNotFoundError(reason)
    # A socket's path may have about 100 characters, and TMPDIR can be long.
    folder = Path(tempfile.mkdtemp(prefix="preau-pg-", dir="/tmp"))
    if user := _user():
        os.chown(folder, user.pw_uid, user.pw_gid)
    try:
        _run(folder, "initdb", "-D", folder / "data", "-U", "preau", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        options = " ".join(f"-c {name}={value}" for name, value in {**SETTINGS, "unix_socket_directories": folder}.items())
        _run(folder, "pg_ctl", "-D", folder / "data", "-l", folder / "log", "-o", options, "-w", "start")
        try:
            yield Server(folder)
        finally:
            _run(folder, "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder, program, *arguments):
    """Run one of PostgreSQL's programs in its folder, as its user; what it says is shown only where it fails."""
    user = _user()
    who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    # A file, not a pipe: the server inherits it and would keep a pipe open for as long as it runs.
    with (folder / "said").open("w+") as said:
        command = [_programs() / program, *arguments]
        done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, **who)
        if done.returncode:
            said.seek(0)
            log = folder / "log"
            raise RuntimeError(f"{program} failed: {said.read()}{log.read_text() if log.exists() else ''}")


def _user():
    """Whom root runs the server as; None for anybody else, who runs it himself."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return None


def _programs():
    """The folder of initdb and pg_ctl, None where PostgreSQL is not installed; PG_BIN names another one."""
    beside = [path for pattern in FOLDERS for path in Path("/").glob(pattern[1:])]
    beside.sort(key=lambda path: int(re.search(r"(\d+)/bin$", str(path))[1]), reverse=True)
    on_path = shutil.which("initdb")
    named = [Path(os.environ["PG_BIN"])] if os.environ.get("PG_BIN") else []
    folders = [*named, *beside, *([Path(on_path).parent] if on_path else [])]
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "pg_ctl").exists()), None)

"""Does `make run` work on a bare machine, twice, and does it stop when it is told to?"""

import os
import re
import signal
import stat
import urllib.request
from pathlib import Path

import pytest

from tests.processes import ROOT, empty_database, ended, environment, flask, running, until

#: What a deployment asks of PostgreSQL is tested in tests/cli, the demo town beside this.
pytestmark = pytest.mark.once


def lines_until(process, word):
    """What it prints, to the line that has this word."""
    said = []
    for line in process.stdout:
        said.append(line)
        if word in line:
            break
    return "".join(said)


def get(address):
    with urllib.request.urlopen(address, timeout=20) as answer:
        return answer.read().decode()


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def start(folder, url):
    return running("run.py", env=environment(folder, PORT="0", DATABASE_URL=url))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at its children in /proc, which Linux alone has")
def test_it_starts_on_nothing_restarts_its_worker_stops_and_starts_again(database, tmp_path):
    folder, url = tmp_path / "instance", empty_database(database, tmp_path)
    with start(folder, url) as process:
        said = lines_until(process, "Ctrl")
        assert "cour-de-recre-2026" in said and "galbert" in said, said
        address = re.search(r"http://\S+", said).group(0)
        assert '"ok"' in get(f"{address}healthz")
        assert "csrf_token" in get(f"{address}login/")
        for name in ("secret_key", "encryption_keys"):
            assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
        kept = (folder / "encryption_keys").read_text()
        # The web server was forked first, the worker second.
        web, worker = children_of(process.pid)
        os.kill(worker, signal.SIGKILL)
        assert until(lambda: len(children_of(process.pid)) == 2 and worker not in children_of(process.pid))
        assert children_of(process.pid)[0] == web and '"ok"' in get(f"{address}healthz")
        process.send_signal(signal.SIGTERM)
        assert ended(process, 30) == 0
    with start(folder, url) as process:
        said = lines_until(process, "Ctrl")
        assert "cour-de-recre-2026" in said, said
        assert (folder / "encryption_keys").read_text() == kept
        web, worker = children_of(process.pid)
        process.kill()
        process.wait()
        # Nobody is left behind who would hold the port.
        assert until(lambda: not any(Path(f"/proc/{pid}").exists() and "Z" not in state(pid) for pid in (web, worker)), 20)


def state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"


def test_a_real_town_does_not_start_without_secrets(tmp_path):
    env = environment(tmp_path, PREAU_MODE="production")
    answer = flask("deploy", env=env)
    assert answer.returncode and "SECRET_KEY and ENCRYPTION_KEYS not set" in answer.stderr
    assert not list(tmp_path.iterdir())
    made = flask("make-secrets", env=env)
    assert made.returncode == 0, made.stderr
    assert stat.S_IMODE((tmp_path / "encryption_keys").stat().st_mode) == 0o600
    assert flask("deploy", env=env).returncode == 0
    again = flask("make-secrets", env=env)
    assert again.returncode == 1 and "already" in again.stderr


def test_a_lost_key_is_said_at_the_start(tmp_path):
    env = environment(tmp_path, PORT="0")
    (tmp_path / "preau.db").write_bytes(b"")
    with running("run.py", env=env) as process:
        assert process.wait(60) == 1
        assert "not the key that reads it" in process.stdout.read()
    assert not (tmp_path / "encryption_keys").exists()


def test_a_port_in_use_is_said_at_once(tmp_path):
    import socket

    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        running("run.py", env=environment(tmp_path, PORT=str(taken.getsockname()[1]))) as process,
    ):
        assert process.wait(30) == 1
        assert "PORT=8090" in process.stdout.read()
    assert not list(tmp_path.iterdir())


def test_the_folder_of_secrets_is_not_in_git():
    assert "instance/" in (ROOT / ".gitignore").read_text().splitlines()

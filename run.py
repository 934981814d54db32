"""How does it start? `python run.py` prepares and serves everything; `gunicorn run:app`, `flask --app run …` find the application."""

import os
import signal
import socket
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
#: How long the children may finish what they have begun, in seconds.
PATIENCE = 20


def main(only_prepare=False):
    """Secrets, database, demo town; then the web server and one worker, until told to stop."""
    os.chdir(ROOT)
    listener = None if only_prepare else listen()
    application, loaded = prepare()
    if listener is None:
        print(
            "The demo town is loaded."
            if loaded
            else "Nothing was loaded: there are families already, or this is a real town. To begin anew, remove instance/."
        )
    else:
        host, port = listener.getsockname()[:2]
        Processes(application, listener).live(f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0') else host}:{port}/")


def listen():
    """The socket that we answer at, taken first of all: a port in use is said at once.

    127.0.0.1 unless HOST says otherwise: the demo town has a password that everybody knows, it must not be on a network by accident.
    """
    host, port = os.environ.get("HOST", "127.0.0.1"), os.environ.get("PORT", "8080")
    try:
        listener = socket.create_server((host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=512)
    except (OSError, ValueError, OverflowError) as problem:
        sys.exit(f"Préau cannot answer at {host}:{port} ({problem}). PORT=8090 make run takes another port.")
    # The links in mails lead where we answer.
    os.environ.setdefault("BASE_URL", f"http://localhost:{listener.getsockname()[1]}")
    return listener


def prepare():
    """The application, on a database that is up to date, in demo mode with secrets and the demo town; and whether that was loaded now."""
    import config
    from app.cli.secrets import make_missing

    if config.MODE == "demo":
        make_missing(config)
    from app import create_app
    from app.cli import deploy_once
    from app.cli.keys import refuse_if_unreadable
    from app.core import memory
    from app.demo import load_into_empty
    from app.documents.pdf import get_ready
    from app.extensions import db

    application = create_app()
    with application.app_context():
        deploy_once()
        refuse_if_unreadable()
        loaded = config.MODE == "demo" and load_into_empty()
        db.session.remove()
        # A connection must not be shared by processes.
        db.engine.dispose()
    get_ready()
    memory.settle()
    return application, loaded


class Processes:
    """The processes that serve: forked from one that has everything loaded, so that they start at once and share memory."""

    def __init__(self, application, listener):
        self.application, self.listener = application, listener
        self.children = {}
        self.stopping = False

    def live(self, address):
        """Start both, say where we are, restart a worker that died; end with the web server."""
        signal.signal(signal.SIGALRM, lambda *_: self._tell(signal.SIGKILL))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        self._start(self._serve)
        self._start(self._work)
        self._greet(address)
        code = 0
        while self.children:
            pid, status = os.wait()
            task = self.children.pop(pid, None)
            if not self.stopping and task == self._work:
                print("The worker has stopped; it is started again.", file=sys.stderr, flush=True)
                time.sleep(1)
                self._start(self._work)
            elif not self.stopping:
                code = os.waitstatus_to_exitcode(status) or 1
                self._stop()
        sys.exit(code)

    def _start(self, task):
        # A signal waits until the child is written down: none is forgotten.
        signals = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        parent, pid = os.getpid(), os.fork()
        if pid == 0:
            for number in (*signals, signal.SIGALRM):
                signal.signal(number, signal.SIG_DFL)
            die_with(parent)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
            run_to_the_end(task)
        self.children[pid] = task
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        if self.stopping:
            os.kill(pid, signal.SIGTERM)

    def _stop(self, *_):
        self._tell(signal.SIGKILL if self.stopping else signal.SIGTERM)
        self.stopping = True
        signal.alarm(PATIENCE)

    def _tell(self, number):
        for pid in list(self.children):
            os.kill(pid, number)

    def _serve(self):
        from gunicorn.app.base import BaseApplication

        application, listener = self.application, self.listener

        class Web(BaseApplication):
            def load_config(self):
                for name, value in web_settings(listener).items():
                    self.cfg.set(name, value)

            def load(self):
                return application

        Web().run()

    def _work(self):
        from app.jobs.worker import run

        self.listener.close()
        with self.application.app_context():
            run()

    def _greet(self, address):
        from app.cli import greeting

        with self.application.app_context():
            print(greeting(address), flush=True)


def web_settings(listener):
    """As many processes as cores, since pages cost processor time, and threads for those that wait."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "bind": f"fd://{listener.fileno()}",
        "worker_class": "gthread",
        "workers": int(os.environ.get("WEB_CONCURRENCY", cores)),
        "threads": 4,
        "preload_app": True,
        "timeout": 60,
        "graceful_timeout": 10,
        "keepalive": 5,
        "loglevel": "warning",
        "control_socket_disable": True,
    }


def run_to_the_end(task):
    """Run a child's task and leave, whatever it does: never back into the parent's code."""
    code = 1
    try:
        task()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def die_with(parent):
    """Let Linux end this process when the one that watches over it is killed: nobody else would free the port."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    # It may have been killed before we asked.
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    main(only_prepare="--only-prepare" in sys.argv[1:])
else:
    from app import create_app
    from app.core import memory
    from app.documents.pdf import get_ready

    app = create_app()
    get_ready()
    memory.settle()

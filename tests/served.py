"""How is the portal served to a browser from a thread of the tests' own process, and when has it fallen silent?"""

import socket
import threading
from contextlib import contextmanager

from werkzeug.serving import ThreadedWSGIServer


class Served(ThreadedWSGIServer):
    """A server on a free port of this machine that knows what it has not answered yet."""

    def __init__(self, app):
        super().__init__("127.0.0.1", 0, app)
        self.url, self.open, self.changed = f"http://127.0.0.1:{self.server_port}", 0, threading.Condition()

    def process_request(self, request, client_address):
        """A connection was accepted, in the order in which they were asked for."""
        with self.changed:
            self.open += 1
        super().process_request(request, client_address)

    def process_request_thread(self, request, client_address):
        """A connection is answered and closed."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self.changed:
                self.open -= 1
                self.changed.notify_all()

    def fall_silent(self):
        """Wait for the answer to everything that a browser asked before it was closed: it would be given from the next test's database.

        Raises TimeoutError where something is not answered in 30 seconds.
        """
        with socket.create_connection(self.server_address) as last:
            last.shutdown(socket.SHUT_WR)
            last.recv(1)
        with self.changed:
            if not self.changed.wait_for(lambda: not self.open, 30):
                raise TimeoutError(f"{self.open} requests of a closed browser have no answer yet.")


@contextmanager
def served(app):
    """The running server; it ends with the block."""
    server = Served(app)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

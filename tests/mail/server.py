"""Which mail server do the tests talk to? A small one of our own, on a free port, that can be told to misbehave."""

import email
import socketserver
import threading
import time
from contextlib import contextmanager
from email import policy


class Behaviour:
    """What the server got, and what it answers: {verb: (code, text)}, "hang up" or "sleep"."""

    def __init__(self):
        self.received, self.answers, self.connections = [], {}, 0

    def take(self, content):
        self.received.append(email.message_from_bytes(content, policy=policy.default))


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        behaviour = self.server.behaviour
        behaviour.connections += 1
        if not self.answer("CONNECT", 220, "ready"):
            return
        while line := self.rfile.readline().decode().strip():
            verb = line.split(":")[0].split(" ")[0].upper()
            if not self.answer(verb, *{"DATA": (354, "go on"), "QUIT": (221, "bye")}.get(verb, (250, "fine"))):
                return
            if verb == "DATA" and "DATA" not in behaviour.answers:
                content = b"".join(iter(self.rfile.readline, b".\r\n"))
                if "END" not in behaviour.answers:
                    behaviour.take(content)
                if not self.answer("END", 250, "taken"):
                    return
            if verb == "QUIT":
                return

    def answer(self, verb, code, text):
        told = self.server.behaviour.answers.get(verb, (code, text))
        if told == "hang up":
            return False
        if told == "sleep":
            time.sleep(3)
            return False
        self.wfile.write(f"{told[0]} {told[1]}\r\n".encode())
        return True


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def mail_server():
    """A running server: (port, Behaviour)."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.behaviour = Behaviour()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1], server.behaviour
        finally:
            server.shutdown()
            thread.join()

"""Which mail server do the tests talk to? aiosmtpd on a free port, told to misbehave at any word of the conversation."""

import asyncio
import email
import socket
from contextlib import contextmanager
from email import policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP


class Behaviour:
    """What the server got, and what it answers instead of yes: {verb: (code, text)}, "hang up", "sleep".

    END is the end of a mail: a refused one is not kept. "taken in silence": it is kept, and the sender never hears of it.
    """

    def __init__(self):
        self.received, self.answers, self.connections = [], {}, 0

    async def handle_DATA(self, server, _session, envelope):  # noqa: N802 - aiosmtpd's name
        told = self.answers.get("END")
        if told in (None, "taken in silence"):
            self.received.append(email.message_from_bytes(envelope.content, policy=policy.default))
        return await _told(server, told) or "250 taken"


class _Server(SMTP):
    """Asks the behaviour before each word."""

    async def _handle_client(self):
        self.event_handler.connections += 1
        answer = await _told(self, self.event_handler.answers.get("CONNECT"))
        if answer is None:
            return await super()._handle_client()
        if not self.transport.is_closing():
            await self.push(answer)
            self.transport.close()
        return None

    async def _unless_told(self, verb, go_on, argument):
        answer = await _told(self, self.event_handler.answers.get(verb))
        if answer is None:
            await go_on(argument)
        elif not self.transport.is_closing():
            await self.push(answer)

    async def smtp_MAIL(self, arg):  # noqa: N802
        await self._unless_told("MAIL", super().smtp_MAIL, arg)

    async def smtp_RCPT(self, arg):  # noqa: N802
        await self._unless_told("RCPT", super().smtp_RCPT, arg)

    async def smtp_DATA(self, arg):  # noqa: N802
        await self._unless_told("DATA", super().smtp_DATA, arg)


async def _told(server, told):
    """The answer that the server was told to give, None for its own; it may hang up, at once or after a sleep."""
    if told is None or isinstance(told, tuple):
        return told and f"{told[0]} {told[1]}"
    if told != "hang up":
        await asyncio.sleep(3 if told == "sleep" else 60)
    server.transport.close()
    return "221 bye"


class _Controller(Controller):
    def factory(self):
        return _Server(self.handler, enable_SMTPUTF8=False)


@contextmanager
def mail_server():
    """A running server: (port, Behaviour)."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    behaviour = Behaviour()
    controller = _Controller(behaviour, hostname="127.0.0.1", port=port)
    controller.start()
    # The controller looks once whether it answers.
    behaviour.connections = 0
    try:
        yield port, behaviour
    finally:
        controller.stop()

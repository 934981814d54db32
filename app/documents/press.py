"""How are many documents printed at once? In processes of their own, so that every core works; whoever dies holds up nobody."""

import os
import signal
from multiprocessing import connection, get_context

from app.documents.pdf import PdfFailed, print_page

#: Below this many pages a second process costs more than it brings.
WORTH_A_PROCESS = 4
#: Each copies what it writes; more than these would crowd out the portal.
MOST_PROCESSES = 4


def processes_for(count):
    """How many processes print so many pages."""
    return max(1, min(len(os.sched_getaffinity(0)), MOST_PROCESSES, count // WORTH_A_PROCESS))


def print_all(pages):
    """Yield (key, Printed or None) for {key: page of documents.pdf.page_of()}, as they come; None where one could not be printed.

    A key that does not come back was lost with its process. The processes are forked after the fonts were read here, so that
    they share them; they ask no database. They end by themselves once nobody reads what they print.
    """
    waiting = list(pages.items())
    count = processes_for(len(waiting))
    if count > 1:
        yield _printed(*waiting.pop())
        readers = [_start(waiting[share::count]) for share in range(count)]
        while readers:
            for reader in connection.wait(readers):
                try:
                    yield reader.recv()
                except EOFError:
                    reader.close()
                    readers.remove(reader)
    else:
        for key, page in waiting:
            yield _printed(key, page)


def _start(share):
    """Let a process print its share; returns the end of the pipe that its documents come out of."""
    reader, writer = get_context("fork").Pipe(duplex=False)
    process = get_context("fork").Process(target=_print_share, args=(share, writer), daemon=True)
    process.start()
    writer.close()
    return reader


def _print_share(share, writer):
    # What the worker does when it is told to stop is not for us: we stop.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        for key, page in share:
            writer.send(_printed(key, page))
    except BrokenPipeError:
        # Nobody reads any more: the worker was killed, or has no room.
        os._exit(0)


def _printed(key, page):
    try:
        return key, print_page(page)
    except (PdfFailed, ValueError, TypeError, KeyError, AttributeError, IndexError, AssertionError, MemoryError):
        return key, None

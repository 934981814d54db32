"""How are many documents printed at once? In processes of their own, so that every core works; whoever dies holds up nobody."""

import logging
import os
import signal
from multiprocessing import connection, get_context

from app.documents.pdf import print_page

log = logging.getLogger(__name__)

#: Below this many pages a second process costs more than it brings.
WORTH_A_PROCESS = 4
#: Each copies what it writes; more than these would crowd out the portal.
MOST_PROCESSES = 4


def processes_for(count):
    """How many processes print so many pages: one a core that is ours."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return max(1, min(cores, MOST_PROCESSES, count // WORTH_A_PROCESS))


def print_all(pages):
    """Yield (key, Printed or None) for {key: page of documents.pdf.page_of()}, as they come; None where one could not be printed.

    A key that does not come back was lost with its process. The processes are forked after the fonts were read here, so that
    they share them; they ask no database. They end by themselves once nobody reads what they print.
    """
    waiting = list(pages.items())
    count = processes_for(len(waiting))
    if count > 1:
        yield _printed(*waiting.pop())
        yield from _by_others([waiting[share::count] for share in range(count)])
    else:
        for key, page in waiting:
            yield _printed(key, page)


def _by_others(shares):
    """What a process for each share prints."""
    readers = dict(map(_start, shares))
    try:
        while readers:
            for reader in connection.wait(readers):
                try:
                    yield reader.recv()
                except EOFError:
                    reader.close()
                    readers.pop(reader).join()
    finally:
        for reader, process in readers.items():
            reader.close()
            process.terminate()
            process.join()


def _start(share):
    """Let a process print its share; returns the end of the pipe that its documents come out of, and the process."""
    reader, writer = get_context("fork").Pipe(duplex=False)
    process = get_context("fork").Process(target=_print_share, args=(share, writer), daemon=True)
    process.start()
    writer.close()
    return reader, process


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
    except Exception:
        # Whatever xhtml2pdf and reportlab raise about one page, the others are printed.
        log.exception("document %s could not be printed", key)
        return key, None

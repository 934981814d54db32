"""Does what the worker does for billing, in processes that a test may kill: a few households, a word, a few more.

The application is loaded once, in a process that lives: whoever is killed is a fork of it, and so is the next one.
"""

import os
import sys

from app import create_app
from app.core import memory


def main():
    app = create_app()
    memory.settle()
    for _life in range(40):
        pid = os.fork()
        if pid == 0:
            issue(app)
            return
        if os.WIFEXITED(os.waitpid(pid, 0)[1]):
            return


def issue(app):
    from app.billing.runs import run_due

    say("begin")
    with app.test_request_context("/"):
        while run_due(limit=int(sys.argv[1])):
            say("some")
    say("end")


def say(word):
    """The word and who says it."""
    print(word, os.getpid(), flush=True)


if __name__ == "__main__":
    main()

"""Does what the worker does for billing, in a process of its own that a test may kill: a few households, a word, a few more."""

import sys

from app import create_app


def main():
    from app.billing.runs import run_due

    app = create_app()
    with app.app_context(), app.test_request_context("/"):
        print("begin", flush=True)
        while run_due(limit=int(sys.argv[1])):
            print("some", flush=True)
    print("end", flush=True)


if __name__ == "__main__":
    main()

"""Which browser do the journeys use? The headless Chromium of the machine, never one that Playwright would fetch."""

import os
import shutil
from contextlib import contextmanager

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

ARGUMENTS = [
    # Chromium's own sandbox refuses root, and root is who CI is; it only ever sees our own pages.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    # It would call its makers' servers, which costs time and says something about us.
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium():
    """The path of Chromium, None where there is none; CHROMIUM names another one."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def missing():
    """The sentence that says why there is no browser here, None where there is one."""
    return None if chromium() else "Chromium is not installed (Debian: apt-get install chromium-headless-shell)"


def launch_options():
    """For Playwright's launch() and for pytest-playwright's fixture browser_type_launch_args."""
    if reason := missing():
        raise FileNotFoundError(reason)
    return {"executable_path": chromium(), "args": ARGUMENTS, "headless": True}


@contextmanager
def browser():
    """A running browser, for a script; a test takes pytest-playwright's fixtures."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(**launch_options())
        try:
            yield running
        finally:
            running.close()

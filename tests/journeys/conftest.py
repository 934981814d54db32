"""How does a journey get a browser, a running portal and people in it?"""

import logging
import threading

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from sqlalchemy import update
from werkzeug.serving import make_server

from app.core.db import unit_of_work
from app.extensions import db
from app.security.models import Account
from tests import browser as chromium
from tests.conftest import account, skip_or_fail, work

#: A telephone and a desk; what a page must hold on both.
SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}
LOOK = "options => axe.run(document, options).then(found => found.violations)"
ALL_RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
#: Those that another width alone may break.
LAYOUT_RULES = ("target-size", "scrollable-region-focusable", "link-in-text-block", "aria-hidden-focus")


def pytest_collection_modifyitems(items):
    """Everything here needs a browser."""
    for item in items:
        if "tests/journeys" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args():
    """Debian's Chromium, not one that Playwright would fetch."""
    if chromium.missing():
        skip_or_fail(chromium.missing())
    return chromium.launch_options()


@pytest.fixture(scope="session")
def server(app):
    """The address of the portal, served from a thread of this process: the tests share its clock."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    thread.join()


@pytest.fixture(params=SIZES)
def size(request):
    """Both sizes, one after the other."""
    return request.param


class Person:
    """Somebody of the cast at a browser of their own. What the console says against a page is a failure."""

    def __init__(self, app, server, chromium, username, size, locale="en", scripts=True):
        self.username, self.server, self.faults = username, server, []
        self.context = chromium.new_context(
            viewport=SIZES[size],
            locale={"en": "en-GB", "fr": "fr-FR"}[locale],
            base_url=server,
            has_touch=size == "phone",
            java_script_enabled=scripts,
        )
        self.context.set_default_timeout(8000)
        if username:
            self.context.add_cookies([{"name": "session", "value": cookie(app, username, locale), "url": server}])
        self.page = self.context.new_page()
        self.page.on(
            "console",
            lambda message: self.faults.append(message.text) if message.type == "error" and "status of 4" not in message.text else None,
        )
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        # A parent who is asked "Take this request back?" says yes.
        self.page.on("dialog", lambda dialog: dialog.accept())

    def visit(self, path):
        """Open an address and look at it with axe; returns the page."""
        self.page.goto(path)
        return self.page

    def check(self):
        """axe-core finds nothing on the page as it is now, nothing is wider than the screen, and the console is silent."""
        assert not (faults := self.looked_at()), f"{self.page.url}\n" + "\n".join(faults)
        return self.page

    def looked_at(self, rules=ALL_RULES):
        """Sentences about what is wrong with the page as it is now."""
        if self.page.evaluate("typeof axe") == "undefined":
            self.page.evaluate(AXE_SCRIPT)
        options = {"runOnly": list(rules), "resultTypes": ["violations"], "iframes": False}
        found = [f"{item['id']}: {node['html'][:160]}" for item in self.page.evaluate(LOOK, options) for node in item["nodes"]]
        return found + self.too_wide() + [f"console: {text}" for text in self.faults]

    def too_wide(self):
        """What is wider than the screen, as a sentence in a list."""
        wider = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return [f"{wider} px wider than {self.page.viewport_size['width']}"] if wider > 0 else []


def cookie(app, username, locale):
    """A signed-in session, without paying for a password's hash."""
    with app.app_context():
        identity = account(username).get_id()
    return app.session_interface.get_signing_serializer(app).dumps({"_user_id": identity, "_fresh": True, "locale": locale})


@pytest.fixture
def english(app, fresh):
    """The cast prefers the language of the msgids: what a journey reads depends on no catalogue."""
    with app.app_context(), unit_of_work():
        db.session.execute(update(Account).values(locale="en"))


@pytest.fixture
def person(app, server, browser, csrf, english):
    """person("galbert", "phone"): somebody of the cast at a browser; None for a stranger."""
    people = []

    def enter(username, size="desk", locale="en", **more):
        people.append(Person(app, server, browser, username, size, locale, **more))
        return people[-1]

    yield enter
    for one in people:
        one.context.close()


@pytest.fixture
def worker(app):
    """worker(): let the worker run until nothing is left to do."""
    return lambda: work(app)

"""How does a journey get a browser, a running portal and people in it?"""

import logging
import os

import pytest
from sqlalchemy import update

from app.core.db import unit_of_work
from app.extensions import db
from app.security.models import Account
from app.security.sessions import secret_of_forms
from tests import browser as chromium
from tests import cast
from tests.conftest import skip_or_fail, work
from tests.looks import ALL_RULES, LAYOUT_RULES, Clean, look
from tests.served import served

#: A telephone and a desk; what a page must hold on both.
SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}


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
    """The portal, served from a thread of this process: the tests share its clock."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with served(app) as running:
        yield running


@pytest.fixture(scope="session")
def clean(tmp_path_factory):
    """What was found clean in this run, by whichever of its workers."""
    folder = tmp_path_factory.getbasetemp()
    return Clean((folder.parent if os.environ.get("PYTEST_XDIST_WORKER") else folder) / "clean")


@pytest.fixture(params=SIZES)
def size(request):
    """Both sizes, one after the other: for steps that are others on a telephone. Elsewhere one size does, and check() draws the other."""
    return request.param


class Person:
    """Somebody of the cast at a browser of their own. What the console says against a page is a failure."""

    def __init__(self, app, server, chromium, clean, username, size, locale="en", scripts=True):
        self.username, self.server, self.clean, self.faults = username, server, clean, []
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
        faults = self.looked_at() + self.elsewhere()
        assert not faults, f"{self.page.url}\n" + "\n".join(faults)
        return self.page

    def elsewhere(self):
        """What is wrong with the page at the other size: it is drawn anew there, not loaded again."""
        own = self.page.viewport_size
        faults = []
        for name, there in SIZES.items():
            if there["width"] != own["width"] and not self.is_open():
                # Tall, so that a bar which sticks to the edge hides nothing that one would scroll to.
                self.page.set_viewport_size({**there, "height": 2400})
                faults += [f"{name}: {text}" for text in self.looked_at(LAYOUT_RULES)]
                self.page.set_viewport_size(own)
        return faults

    def is_open(self):
        """Whether something is open that another size would close: a dialog, a menu."""
        return self.page.evaluate("!!document.querySelector('dialog[open], [role=menu]:not([hidden]), details[open]')")

    def looked_at(self, rules=ALL_RULES):
        """Sentences about what is wrong with the page as it is now."""
        return look(self.page, rules, self.clean) + self.too_wide() + [f"console: {text}" for text in self.faults]

    def too_wide(self):
        """What is wider than the screen, as a sentence in a list."""
        wider = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return [f"{wider} px wider than {self.page.viewport_size['width']}"] if wider > 0 else []


def cookie(app, username, locale):
    """A signed-in session, without paying for a password's hash."""
    with app.app_context():
        identity = cast.identity(username)
    mine = {"_user_id": identity, "_fresh": True, "locale": locale, "csrf_token": secret_of_forms(identity.partition(".")[0])}
    return app.session_interface.get_signing_serializer(app).dumps(mine)


@pytest.fixture
def english(app, fresh):
    """The cast prefers the language of the msgids: what a journey reads depends on no catalogue."""
    with app.app_context(), unit_of_work():
        db.session.execute(update(Account).values(locale="en"))


@pytest.fixture
def person(app, server, browser, clean, csrf, english):
    """person("galbert", "phone"): somebody of the cast at a browser; None for a stranger."""
    people = []

    def enter(username, size="desk", locale="en", **more):
        people.append(Person(app, server.url, browser, clean, username, size, locale, **more))
        return people[-1]

    yield enter
    for one in people:
        one.context.close()
    server.fall_silent()


@pytest.fixture
def worker(app):
    """worker(): let the worker run until nothing is left to do."""
    return lambda: work(app)

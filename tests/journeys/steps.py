"""How do people act in the journeys? The clicks that several of them share, and what the database then holds."""

import re

from playwright.sync_api import expect
from sqlalchemy import select

from app.changes.models import ChangeRequest
from app.core import clock, settings
from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import Adult, AdultRole
from app.mail.models import OutgoingMail

OLD, NEW = "06 11 22 33 44", "06 99 88 77 66"
RECEIPT = re.compile(r"/portail/demandes/lot/\d+/")


# -- a family -------------------------------------------------------------------------------------------------------------------


def open_section(page, title, path="/portail/compte/"):
    """Open the form of a section from the page that shows it."""
    page.goto(path)
    page.get_by_role("link", name=re.compile(rf"^(Change|Fill in) {title}$")).click()
    expect(page.get_by_role("button", name="Send to the town hall")).to_be_visible()


def send(page):
    """Send the form; the receipt opens."""
    page.get_by_role("button", name="Send to the town hall").click()
    expect(page).to_have_url(RECEIPT)


def finish(page):
    """Say that nothing more comes, so that the town can decide at once."""
    page.get_by_role("button", name="I am done, send now").click()
    expect(page.get_by_text("Sent: the town hall can now decide.").first).to_be_visible()


def ask(page, section="Guardian information", path="/portail/compte/", **values):
    """Change values of a section, named by their fields, and send them for good."""
    open_section(page, section, path)
    for name, value in values.items():
        page.locator(f"[name={name}]").fill(value)
    send(page)
    finish(page)


def value_in(page, section, label):
    """The line of a section of the file: what the town holds, and what was asked beside it."""
    return page.locator(f"#{section} .value").filter(has=page.locator("dt", has_text=re.compile(rf"^{label}$")))


def told(page, sentence):
    """The page says what happened. A moment later it says so to those who cannot see it too: a text alone is then found twice."""
    expect(page.get_by_role("region", name="What happened")).to_contain_text(sentence)


def requests(page, shelf):
    """Open the list of requests on a shelf; the card of the one that is open."""
    page.goto(f"/portail/demandes/?filter={shelf}")
    return page.get_by_role("article")


# -- a clerk --------------------------------------------------------------------------------------------------------------------


def open_lot(page, family="Galbert"):
    """Open a family's first lot from the queue."""
    page.goto("/mairie/demandes/")
    page.locator("[data-lots]").get_by_role("link", name=family).first.click()
    expect(page.get_by_role("heading", level=1, name=family)).to_be_visible()
    ready(page)


def ready(page):
    """The page's script listens to the keys: it has shown the button that lists them."""
    expect(page.locator("[data-opens=keys]:not([hidden])")).to_be_attached()


def line(page, label):
    """The line of a field in the table of a request."""
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=label, exact=True))


def press(page, key, sentence):
    """Decide with a key; the bar says what was done."""
    page.keyboard.press(key)
    expect(page.locator("[data-undo]")).to_contain_text(sentence)


def accept_button(page):
    """The button that accepts what is ticked of a lot."""
    return page.get_by_role("group", name="Decide").get_by_role("button", name="Accept")


def accept(page, family="Galbert"):
    """Open a family's lot and accept it with one key."""
    open_lot(page, family)
    press(page, "a", "accepted")


def pass_window(worker):
    """Let the undo window pass and the worker give effect to what was decided."""
    clock.advance(seconds=11)
    worker()


def long_window(app):
    """Minutes to undo instead of seconds, for journeys in which somebody looks at the bar on a slow machine."""
    with app.app_context(), unit_of_work():
        settings.put("undo_seconds", 300)


# -- what there is ----------------------------------------------------------------------------------------------------------------


def adult(app, family=1, role=AdultRole.guardian):
    """An adult of a family as the file has it now."""
    with app.app_context():
        return db.session.scalar(select(Adult).filter_by(family_id=family, role=role))


def states(app):
    """The states of all requests, oldest first."""
    with app.app_context():
        return [request.state.value for request in db.session.scalars(select(ChangeRequest).order_by(ChangeRequest.id))]


def mails(app, template="decided"):
    """The mails made from a template."""
    with app.app_context():
        return db.session.scalars(select(OutgoingMail).filter_by(template=template).order_by(OutgoingMail.id)).all()

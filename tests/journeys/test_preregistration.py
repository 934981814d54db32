"""Does a family that nobody knows come in with a telephone? Step by step, half typed things kept, confirmed by mail on another device."""

import io
import re

from playwright.sync_api import expect
from sqlalchemy import select

from app.changes.models import ChangeLot
from app.core import clock
from app.extensions import db
from app.mail.models import OutgoingMail
from tests.portal.test_preregistration import GUARDIAN, ROOM, link_in_the_mail, picture


def fill(page, **values):
    """Type into the fields of a step, by their names."""
    for name, value in values.items():
        page.locator(f"[name={name}]").fill(value)


def go_on(page):
    """Keep the step."""
    page.get_by_role("button", name="Keep and go on").click()


def as_far_as_the_check(somebody):
    """From the front page to the last look. tests/journeys/test_screens.py looks at the pages with axe, which needs scripts."""
    page = somebody.visit("/")
    page.get_by_role("link", name="Register for the first time").click()
    page.get_by_role("link", name="Begin").click()
    go_on(page)
    expect(page.get_by_role("alert")).to_contain_text("Last name")
    fill(page, **GUARDIAN)
    clock.advance(seconds=30)
    go_on(page)
    fill(page, first_name="Pau")
    page.get_by_role("button", name="Back", exact=True).click()
    expect(page.locator("[name=mobile]")).to_have_value(GUARDIAN["mobile"])
    go_on(page)
    expect(page.locator("[name=first_name]")).to_have_value("Pau")
    page.get_by_role("button", name="There is no other adult").click()
    for first_name, born in (("Mai", "2020-05-04"), ("Anh", "2022-01-31")):
        expect(page.locator("[name=last_name]")).to_have_value(GUARDIAN["last_name"])
        fill(page, first_name=first_name, birth_date=born)
        go_on(page)
        if first_name == "Mai":
            page.get_by_role("link", name="Add another child").click()
    page.get_by_role("link", name="Go on", exact=True).click()
    page.get_by_label("For which school year?").select_option(index=1)
    page.get_by_label("School enrolment").check()
    go_on(page)
    page.get_by_label("Proof of address").set_input_files({"name": "facture.jpg", "mimeType": "image/jpeg", "buffer": picture()})
    go_on(page)
    for word in ("Linh", "Mai Nguyen", "Anh Nguyen", "facture.jpg", "There is no other adult."):
        expect(page.get_by_role("main")).to_contain_text(word)


def test_a_new_family_comes_in_with_a_telephone(app, person):
    linh = person(None, "phone", scripts=False)
    as_far_as_the_check(linh)
    page = linh.page
    page.get_by_role("button", name="Send to the town hall").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("One more click")
    with app.test_request_context("/"):
        assert db.session.scalar(select(ChangeLot)) is None
        link = link_in_the_mail()
    at_home = person(None, "desk")
    at_home.visit(link)
    at_home.check()
    at_home.page.get_by_role("button", name="Confirm and send").click()
    expect(at_home.page.get_by_text(re.compile(r"Number \d{4}-\d{4}"))).to_be_visible()
    at_home.check()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your pre-registration")
    sheet = page.request.get(f"{ROOM}/ma-fiche.pdf")
    assert io.BytesIO(sheet.body()).read(5) == b"%PDF-"
    at_home.page.get_by_role("button", name="Leave this computer").click()
    at_home.visit(f"{ROOM}/suite/")
    expect(at_home.page.get_by_role("link", name="Begin")).to_be_visible()
    with app.test_request_context("/"):
        assert db.session.scalar(select(ChangeLot)) is not None
        assert db.session.scalar(select(OutgoingMail.recipient)) == "linh@famille.example"

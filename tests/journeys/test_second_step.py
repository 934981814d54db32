"""Does a clerk sign in with a telephone beside the password, and get in on the day it is lost?"""

import re

import pyotp
from playwright.sync_api import expect

from app.core import clock
from tests.cast import PASSWORD
from tests.journeys import steps
from tests.journeys.test_accounts import sign_in


def code_of(secret):
    return pyotp.TOTP(secret).at(int(clock.now().timestamp()))


def switch_on(nadia):
    """Set the second step up from the own account; returns (secret, recovery codes)."""
    page = nadia.visit("/compte/")
    page.get_by_role("link", name="Set up Second step").click()
    secret = re.sub(r"\s", "", page.locator(".secret").inner_text())
    page.get_by_label("The six digits that it shows now").fill("123456")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("alert")).to_contain_text("This code does not fit")
    nadia.check()
    page.get_by_label("The six digits that it shows now").fill(code_of(secret))
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("heading", level=1, name="Your recovery codes")).to_be_visible()
    nadia.check()
    codes = page.locator(".recovery .secret").all_inner_texts()
    page.get_by_role("link", name="I have kept them").click()
    expect(page).to_have_url(re.compile("/mairie/$"))
    return secret, codes


def test_a_clerks_second_step(person):
    nadia = person("agent")
    secret, codes = switch_on(nadia)
    clock.advance(minutes=1)

    # On her telephone, without scripts: the password, then the code.
    away = person(None, "phone", scripts=False)
    page = away.visit("/mairie/demandes/")
    sign_in(page, "agent")
    expect(page.get_by_role("heading", level=1, name="Second step")).to_be_visible()
    away.page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert")).to_contain_text("This code does not fit")
    page.get_by_label("Code").fill(code_of(secret))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/mairie/demandes/$"))

    # Without her telephone: a code on paper, which works once.
    lost = person(None)
    page = lost.visit("/login/")
    sign_in(page, "agent")
    expect(page.get_by_label("Code")).to_be_focused()
    lost.check()
    page.get_by_role("link", name="I do not have my telephone").click()
    lost.check()
    page.get_by_label("Code").fill(codes[0].lower())
    page.get_by_role("button", name="Go on").click()
    expect(page).to_have_url(re.compile("/mairie/$"))

    # She sees where she is signed in, and closes what she does not know.
    page = lost.visit("/compte/")
    expect(page.locator(".devices li")).to_have_count(3)
    page.locator(".devices").get_by_role("button", name="Sign out").first.click()
    steps.told(page, "This device is signed out.")
    expect(page.locator(".devices li")).to_have_count(2)
    lost.check()

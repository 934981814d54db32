"""How do a parent and a clerk write to each other, and how does the town write to many?"""

import io

from PIL import Image
from playwright.sync_api import expect

from tests.journeys import steps


def a_photo():
    """A photograph as a telephone makes it."""
    out = io.BytesIO()
    Image.new("RGB", (1200, 900), "navy").save(out, "JPEG")
    return {"name": "certificate.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def test_a_message_with_a_photo_and_its_answer(person, size):
    parent, clerk = person("galbert", size), person("agent", "desk")
    page = parent.visit("/portail/messages/")
    parent.check()
    page.get_by_role("link", name="Write to the town hall").click()
    page.get_by_label("Subject").fill("Wednesday")
    page.get_by_label("Your message").fill("Here is the certificate.")
    page.get_by_text("Add a picture or a document").click()
    page.get_by_label("Picture or document").set_input_files(a_photo())
    page.get_by_role("button", name="Send to the town hall").click()
    expect(page.get_by_text("Your message is with the town hall.")).to_be_visible()
    parent.check()

    desk = clerk.visit("/mairie/messages/")
    clerk.check()
    desk.get_by_role("link", name="Wednesday").click()
    expect(desk.get_by_role("link", name="certificate.jpg")).to_be_visible()
    desk.get_by_role("textbox", name="Answer").fill("Thank you, it is in the file.")
    desk.get_by_role("button", name="Send", exact=True).click()
    steps.told(desk, "The family has your answer")
    clerk.check()

    page.goto("/portail/")
    page.get_by_role("link", name="You have 1 new message.").click()
    page.get_by_role("link", name="Wednesday").click()
    expect(page.get_by_text("Thank you, it is in the file.")).to_be_visible()
    page.goto("/portail/")
    expect(page.get_by_text("new message")).to_have_count(0)


def test_a_message_to_all_families(person):
    clerk = person("agent", "desk")
    page = clerk.visit("/mairie/envois/nouveau")
    clerk.check()
    page.get_by_label("To whom?").select_option("everybody:")
    page.get_by_label("Subject").fill("Strike on Thursday")
    page.get_by_label("Message").fill("There is no canteen on Thursday.")
    page.get_by_role("button", name="See who gets it").click()
    expect(page.get_by_role("heading", name="Who gets it?")).to_be_visible()
    clerk.check()
    page.get_by_role("button", name="Send to 3 families").click()
    steps.told(page, "Sent to 3 families.")
    clerk.check()
    parent = person("petit", "phone")
    parent.visit("/portail/messages/").get_by_role("link", name="Strike on Thursday").click()
    expect(parent.page.get_by_text("There is no canteen on Thursday.")).to_be_visible()
    parent.check()

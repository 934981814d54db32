"""How do papers of the account come out? A parent takes the tax certificate; a clerk writes the letterhead and prints a month."""

import io
import os

import pytest
from PIL import Image
from playwright.sync_api import expect
from pypdf import PdfReader

from app.billing.documents import render_due
from app.billing.models import BillingPeriod
from app.extensions import db
from tests.activities import cast
from tests.billing.bills import autumn


@pytest.fixture
def period(app, fresh):
    """September paid, October unpaid and printed; the id of October."""
    with app.app_context():
        autumn(cast.load())
    with app.test_request_context("/"):
        assert render_due() == 1
        return db.session.scalar(db.select(BillingPeriod.id).order_by(BillingPeriod.first_day.desc()).limit(1))


def picture(page, name):
    """Kept where LOOK names a folder: for whoever changes these pages."""
    if os.environ.get("LOOK"):
        page.screenshot(path=f"{os.environ['LOOK']}/{name}.png", full_page=True)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_parent_takes_the_tax_certificate(person, period, scripts):
    parent = person("galbert", "phone", scripts=scripts)
    page = parent.visit("/portail/releve/")
    page.get_by_role("link", name="Tax certificate, attestations").click()
    expect(page.get_by_role("heading", level=1, name="Documents")).to_be_visible()
    expect(page.get_by_text("its certificate is provisional")).to_be_visible()
    link = page.get_by_role("region", name="Tax certificate").get_by_role("link", name="2026")
    words = PdfReader(io.BytesIO(page.request.get(link.get_attribute("href")).body())).pages[0].extract_text()
    assert "Tax certificate 2026" in words
    if scripts:
        parent.check()
        picture(page, "papers-phone")


def test_a_clerk_writes_the_letterhead_and_looks_at_a_sample(person, period, tmp_path):
    Image.new("RGB", (600, 200), "darkgreen").save(tmp_path / "logo.png")
    clerk = person("regisseur", "desk")
    page = clerk.visit("/mairie/factures/modele/")
    page.get_by_label("Who issues the invoices").fill("Régie périscolaire")
    page.get_by_label("How to pay", exact=False).first.fill("Par chèque, avec le talon.\nEn espèces au guichet.")
    page.get_by_label("Logo").set_input_files(tmp_path / "logo.png")
    clerk.check()
    picture(page, "letterhead")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.").first).to_be_attached()
    link = page.get_by_role("link", name="Look at a sample (PDF)")
    sample = PdfReader(io.BytesIO(page.request.get(link.get_attribute("href")).body())).pages[0]
    assert "Régie périscolaire" in sample.extract_text() and len(sample.images) == 1


def test_a_clerk_prints_a_month(person, period, size):
    clerk = person("agent", size)
    page = clerk.visit(f"/mairie/facturation/{period}/papiers")
    expect(page.get_by_text("2 invoices", exact=False).first).to_be_visible()
    clerk.check()
    picture(page, f"print-{size}")
    page.get_by_label("Printed on both sides").check()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="One PDF for the printer").click()
    assert waiting.value.suggested_filename.endswith(".pdf")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="A ZIP with one PDF each").click()
    assert waiting.value.suggested_filename.endswith(".zip")

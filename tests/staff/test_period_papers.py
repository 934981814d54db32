"""Does the town get its invoices on paper, and write on them what it wants?"""

import io
import zipfile
from datetime import date

import pytest
from PIL import Image
from pypdf import PdfReader

from app.audit.models import LogEntry
from app.billing import bundle
from app.billing.documents import render_due
from app.billing.models import DocumentState, Invoice, InvoiceDocument
from app.core import settings
from app.core.db import unit_of_work
from app.extensions import db
from tests.billing.bills import cancel, issue, lines_of, school_days
from tests.conftest import base_of, counted_queries

pytestmark = pytest.mark.once

OCTOBER = school_days(date(2026, 10, 1), date(2026, 10, 31))


@pytest.fixture
def period(app, activities):
    """October: an invoice of each family, one of Martin cancelled since; the period's id."""
    with app.test_request_context("/"):
        issue(1, 2026, 10, lines_of("Léa", OCTOBER, "3.80"), rank=1)
        issue(3, 2026, 10, lines_of("Hugo", OCTOBER[:2], "4.10"), rank=2)
        old = issue(2, 2026, 10, lines_of("Hugo", OCTOBER[:2], "4.10"), rank=3)
        cancel(old, rank=4, day=date(2026, 11, 20))
        return db.session.get(Invoice, old).period_id


def rendered(app):
    with app.test_request_context("/"):
        assert render_due() == 4


def test_while_nothing_is_ready_the_page_says_so(app, period, sign_in):
    agent = sign_in("agent")
    assert b"are being made" in agent.get(f"/mairie/facturation/{period}/papiers").data
    answer = agent.get(f"/mairie/facturation/{period}/factures.pdf")
    assert answer.status_code == 422 or b"No PDF is ready yet" in answer.data


def test_one_pdf_and_a_zip_of_what_is_in_force(app, period, sign_in):
    rendered(app)
    agent = sign_in("agent")
    page = agent.get(f"/mairie/facturation/{period}/papiers").data.decode()
    assert "2 invoices" in page and "2 pages" in page
    answer = agent.get(f"/mairie/facturation/{period}/factures.pdf?whose=all&sides=2", buffered=True)
    pages = [found.extract_text() for found in PdfReader(io.BytesIO(answer.data)).pages]
    # Galbert, an empty back, Petit, an empty back.
    assert len(pages) == 4 and "2026000001" in pages[0] and not pages[1].strip() and "2026000002" in pages[2]
    packed = zipfile.ZipFile(io.BytesIO(agent.get(f"/mairie/facturation/{period}/factures.zip", buffered=True).data))
    assert packed.namelist() == ["Galbert 2026000001.pdf", "Petit 2026000002.pdf"]
    with app.app_context():
        notes = db.session.scalars(db.select(LogEntry).where(LogEntry.verb == "list.exported")).all()
        assert len(notes) == 2


def test_those_that_no_mail_reaches(app, period, sign_in, monkeypatch):
    rendered(app)
    real = bundle.readers_of
    monkeypatch.setattr(bundle, "readers_of", lambda askers: {asker: None if asker[1] == 3 else real([asker])[asker] for asker in askers})
    answer = sign_in("agent").get(f"/mairie/facturation/{period}/factures.pdf?whose=unreached", buffered=True)
    pages = [found.extract_text() for found in PdfReader(io.BytesIO(answer.data)).pages]
    assert len(pages) == 1 and "2026000002" in pages[0]


def test_few_queries_whatever_the_number(app, period):
    rendered(app)
    with app.test_request_context("/"), counted_queries() as asked:
        bundle.bundle(period)
    assert len(asked) <= 5


@pytest.mark.parametrize(("username", "status"), [("regisseur", 200), ("lecteur", 403), ("animateur", 403), ("galbert", 403)])
def test_who_may(app, period, sign_in, username, status):
    rendered(app)
    assert sign_in(username).get(f"/mairie/facturation/{period}/factures.zip", buffered=True).status_code == status


def logo(colour="navy"):
    out = io.BytesIO()
    Image.new("RGBA", (900, 300), colour).save(out, "PNG")
    return out.getvalue()


def test_texts_and_logo_stand_on_the_sample(app, sign_in):
    agent = sign_in("agent")
    page = agent.get("/mairie/factures/modele/").data.decode()
    sent = {"base": base_of(page), "invoice_issuer": "Régie périscolaire", "invoice_address": "1 place\r\n77181 Saint-Exemple"}
    sent |= {"invoice_payment": "Par chèque.", "invoice_legal": "Recours dans les deux mois."}
    sent["invoice_logo"] = (io.BytesIO(logo()), "logo.png")
    assert agent.post("/mairie/factures/modele/", data=sent).status_code == 303
    found = PdfReader(io.BytesIO(agent.get("/mairie/factures/modele/exemple.pdf").data)).pages[0]
    words = found.extract_text()
    assert "Régie périscolaire" in words and "Par chèque." in words and "Recours dans les deux mois." in words
    assert len(found.images) == 1
    # Not among the other settings.
    assert b"invoice_payment" not in sign_in("admin").get("/mairie/reglages/").data


def test_bad_logo_loses_nothing_typed(app, sign_in):
    agent = sign_in("agent")
    page = agent.get("/mairie/factures/modele/").data.decode()
    sent = {"base": base_of(page), "invoice_issuer": "Régie du midi", "invoice_logo": (io.BytesIO(b"no picture"), "logo.png")}
    answer = agent.post("/mairie/factures/modele/", data=sent)
    assert answer.status_code == 422 and "Régie du midi" in answer.data.decode()
    with app.test_request_context("/"):
        assert settings.get("invoice_issuer") == ""


def test_a_clerk_prints_papers_of_a_household(app, period, sign_in):
    agent = sign_in("agent")
    assert b"/mairie/familles/1/documents/releve-2026.pdf" in agent.get("/mairie/familles/1/documents/").data
    for path in ("impots-2026", "releve-2026", "presence-1-2026"):
        answer = agent.get(f"/mairie/familles/1/documents/{path}.pdf")
        assert answer.status_code == 200 and answer.mimetype == "application/pdf"
    # Hugo does not live with the Galberts.
    assert agent.get("/mairie/familles/1/documents/presence-3-2026.pdf").status_code == 404
    assert sign_in("lecteur").get("/mairie/familles/1/documents/").status_code == 403
    assert sign_in("galbert").get("/mairie/familles/1/documents/").status_code == 403


def test_a_pdf_that_failed_is_asked_for_again(app, period, sign_in):
    with app.test_request_context("/"), unit_of_work():
        document = db.session.scalars(db.select(InvoiceDocument).limit(1)).one()
        document.state, document.tries, number = DocumentState.failed, 4, document.invoice_id
    agent = sign_in("agent")
    assert f"/mairie/factures/{number}/imprimer" in agent.get(f"/mairie/factures/{number}/").data.decode()
    assert agent.post(f"/mairie/factures/{number}/imprimer").status_code == 303
    rendered(app)
    assert sign_in("lecteur").post(f"/mairie/factures/{number}/imprimer").status_code == 403

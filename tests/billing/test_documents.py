"""Is every invoice printed once, whatever happens meanwhile, and does the household hear of it?"""

import errno
import multiprocessing
import os
import re
import signal
import subprocess
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfReader

from app.billing import documents, invoice_mails
from app.billing.documents import pdf_of, print_again, render_due
from app.billing.invoice_mails import tell_families
from app.billing.models import DocumentState, Invoice, InvoiceDocument
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import NotFound
from app.documents import press
from app.documents.models import StoredFile
from app.documents.pdf import PdfFailed, Printed
from app.extensions import db
from app.mail.models import OutgoingMail
from tests.billing.bills import cancel, issue, lines_of, school_days

OCTOBER = school_days(date(2026, 10, 1), date(2026, 10, 31))


@pytest.fixture
def invoices(app, activities):
    """Two invoices of Galbert and one of Petit that wait for their PDFs."""
    with app.test_request_context("/"):
        lines = lines_of("Léa", OCTOBER, "3.80") + lines_of("Léa", OCTOBER[:1], "5.80", charge="late")
        yield [
            issue(1, 2026, 9, lines_of("Léa", OCTOBER[:3], "3.80"), rank=1),
            issue(1, 2026, 10, lines, rank=2, earlier="11.40"),
            issue(3, 2026, 10, lines_of("Hugo", OCTOBER[:2], "4.10"), rank=3),
        ]
        db.session.rollback()


def states():
    db.session.rollback()
    return [row.state.value for row in db.session.scalars(db.select(InvoiceDocument).order_by(InvoiceDocument.invoice_id))]


def text_of(invoice_id, tmp_path, tool=("pdftotext", "-layout")):
    db.session.rollback()
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf_of(db.session.get(Invoice, invoice_id)))
    more = ["-"] if tool[0] == "pdftotext" else []
    return subprocess.run([*tool, path, *more], capture_output=True, text=True, check=True).stdout


def in_processes(monkeypatch):
    """Two processes for three documents."""
    monkeypatch.setattr(press, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})


def test_each_is_printed_once_and_kept(invoices, tmp_path):
    assert render_due() == 3
    assert render_due() == 0
    assert states() == ["done"] * 3
    assert db.session.scalar(db.select(db.func.count(StoredFile.id)).where(StoredFile.noun == "Bill")) == 3
    assert {row.pages for row in db.session.scalars(db.select(InvoiceDocument))} == {1}
    words = re.sub(r"\s+", " ", text_of(invoices[1], tmp_path))
    assert "2026000002" in words and "Christelle Galbert" in words
    assert f"{len(OCTOBER)} ×" in words.replace("\u00a0", " ")
    # Every day once, in one cell.
    assert "1, 2, 5, 6, 8, 9, 12," in words


def test_services_are_called_as_on_screen_and_a_membership_says_so(invoices, tmp_path):
    lines = lines_of("Léa", OCTOBER[:2], "3.80") + lines_of("Léa", OCTOBER[:2], "9.00", activity="Wednesday", unit="Wednesday, day")
    lines += lines_of("Léa", OCTOBER[:1], "4.20", activity="Holidays", unit="Half a day")
    number = issue(1, 2026, 11, lines + lines_of("Léa", [None], "12.00", charge="membership"), rank=4)
    render_due()
    words = text_of(number, tmp_path)
    titles = re.findall(r"^ *((?:Canteen|Wednesday|Holidays)\b.*?) {2,}", words, re.M)
    assert titles == ["Canteen", "Wednesday, day", "Holidays – Half a day", "Canteen"], words
    assert words.count("adhésion annuelle") == 1


def test_every_font_is_embedded(invoices, tmp_path):
    render_due()
    fonts = text_of(invoices[1], tmp_path, ("pdffonts",)).splitlines()[2:]
    assert fonts and all(re.search(r"Atkinson.*yes yes yes", line) for line in fonts)


def test_more_processes_print_the_same(invoices, monkeypatch):
    in_processes(monkeypatch)
    assert render_due() == 3
    assert states() == ["done"] * 3


def test_what_is_not_black_and_white_is_grey(invoices):
    render_due()
    content = pdf_of(db.session.get(Invoice, invoices[1]))
    drawn = PdfReader(BytesIO(content)).pages[0].get_contents().get_data().decode("latin-1")
    colours = re.findall(r"([\d.]+) ([\d.]+) ([\d.]+) (?:rg|RG)\b", drawn)
    assert colours and all(red == green == blue for red, green, blue in colours)


def test_a_worker_that_dies_gives_back_what_it_had(invoices, monkeypatch):
    def die(_pages):
        raise KeyboardInterrupt

    monkeypatch.setattr(documents, "print_all", die)
    with pytest.raises(KeyboardInterrupt):
        render_due()
    monkeypatch.undo()
    assert render_due() == 0 and states() == ["waiting"] * 3
    clock.advance(minutes=3)
    assert render_due() == 3


def test_a_process_that_is_killed_takes_its_share_alone(invoices, monkeypatch):
    in_processes(monkeypatch)
    real = press.print_page

    def deadly(page):
        if "2026000002" in page and os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(page)

    parent = os.getpid()
    monkeypatch.setattr(press, "print_page", deadly)
    assert render_due() == 2
    assert sorted(states()) == ["done", "done", "waiting"]
    monkeypatch.setattr(press, "print_page", real)
    clock.advance(minutes=3)
    assert render_due() == 1


def test_what_cannot_be_written_holds_up_nobody(invoices, monkeypatch):
    real = documents.invoice_page

    def broken(paper, head):
        return real(None if paper.invoice.id == invoices[0] else paper, head)

    monkeypatch.setattr(documents, "invoice_page", broken)
    assert render_due() == 2
    assert states() == ["waiting", "done", "done"]


def test_no_process_is_left_behind(invoices, monkeypatch):
    in_processes(monkeypatch)

    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr("app.documents.operations.seal_bytes", full)
    assert render_due() == 0
    assert not multiprocessing.active_children()


def test_a_full_disk_is_waited_for(invoices, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr("app.documents.operations.seal_bytes", full)
    for _round in range(12):
        assert render_due() == 0
        clock.advance(minutes=3)
    assert states() == ["waiting"] * 3
    monkeypatch.undo()
    assert render_due() == 3


def test_what_cannot_be_printed_fails_in_the_end_and_holds_up_nobody(invoices, monkeypatch):
    def broken(page):
        if "2026000003" in page:
            raise PdfFailed("no")
        return Printed(b"%PDF-1.4", 1)

    monkeypatch.setattr(press, "print_page", broken)
    for _round in range(6):
        render_due()
        clock.advance(hours=2)
    assert states() == ["done", "done", "failed"]
    monkeypatch.undo()
    invoice = db.session.get(Invoice, invoices[2])
    with pytest.raises(NotFound):
        pdf_of(invoice)
    with unit_of_work():
        print_again(db.session.get(Invoice, invoices[2]), by="Agent")
    assert render_due() == 1


def test_the_household_hears_of_it_once_when_all_is_there(invoices):
    assert tell_families() == 0
    render_due()
    assert tell_families() == 2 and tell_families() == 0
    mails = db.session.scalars(db.select(OutgoingMail).where(OutgoingMail.template == "invoices").order_by(OutgoingMail.family_id)).all()
    assert [mail.family_id for mail in mails] == [1, 3]
    assert "2026000001" in mails[0].body and "2026000002" in mails[0].body
    assert "/portail/releve/facture/2026000002/" in mails[0].body


def test_a_correction_is_one_mail(invoices):
    render_due()
    tell_families()
    cancel(invoices[1], rank=4, day=date(2026, 11, 20))
    issue(1, 2026, 10, lines_of("Léa", OCTOBER[:5], "3.80"), rank=5, issued_on=date(2026, 11, 20))
    assert tell_families() == 0
    render_due()
    assert tell_families() == 1
    mail = db.session.scalars(db.select(OutgoingMail).order_by(OutgoingMail.id.desc())).first()
    assert "2026000004" in mail.body and "2026000005" in mail.body and "2026000002" in mail.body


def test_nobody_to_write_to_is_looked_for_again_the_next_day(invoices, monkeypatch):
    render_due()
    monkeypatch.setattr(invoice_mails, "readers_of", lambda askers: dict.fromkeys(askers))
    assert tell_families() == 0
    monkeypatch.undo()
    assert tell_families() == 0
    clock.advance(days=1, minutes=1)
    assert tell_families() == 2


def test_a_long_invoice_takes_more_pages_and_has_one_slip(app, activities, tmp_path):
    with app.test_request_context("/"):
        lines = [line for number in range(30) for line in lines_of(f"Enfant {number}", OCTOBER[:3], "3.80")]
        invoice_id = issue(1, 2026, 10, lines, rank=1)
        assert render_due() == 1
        pages = db.session.get(InvoiceDocument, invoice_id).pages
        words = text_of(invoice_id, tmp_path)
        assert pages > 1 and f"{pages} / {pages}" in re.sub(r"\s*/\s*", " / ", words)
        assert len(re.findall("Talon|Payment slip", words)) == 1


def test_a_credit_note_asks_for_nothing(invoices, tmp_path):
    note = cancel(invoices[1], rank=4, day=date(2026, 11, 20))
    render_due()
    words = text_of(note, tmp_path)
    assert "2026000002" in words and "2026000004" in words
    assert not re.search("Talon|Payment slip", words)
    assert db.session.get(Invoice, note).total == -(Decimal("3.80") * len(OCTOBER) + Decimal("5.80"))
    assert timedelta(0) <= clock.now() - db.session.get(InvoiceDocument, note).rendered_at
    assert db.session.get(InvoiceDocument, note).state is DocumentState.done

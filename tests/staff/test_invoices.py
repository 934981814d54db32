"""What does the staff see of an invoice, and how do lists of invoices and reminders narrow down?"""

import errno
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfReader
from sqlalchemy import select, update
from sqlalchemy.orm import joinedload

from app.billing import reminders
from app.billing.models import FamilyTask, Reminder, ReminderStep, RunState
from app.children.models import Child
from app.core import clock, settings
from app.core.db import unit_of_work
from app.extensions import db
from app.mail.models import OutgoingMail
from tests.billing.bills import autumn, cancel, pay
from tests.conftest import base_of, counted_queries, work


@pytest.fixture
def town(app, billed):
    """Galbert's September paid, its October unpaid, Petit's October unpaid: both were due on 2 December at the latest."""
    with app.app_context():
        billed.invoices = autumn(billed)
    return billed


@pytest.fixture
def clerk(sign_in):
    return sign_in("agent")


@pytest.fixture
def look(app):
    def read(query):
        with app.test_request_context("/"):
            return db.session.scalars(query).unique().all()

    return read


def number(year, rank):
    return str(year * 1000000 + rank)


def at(day):
    from datetime import UTC, datetime

    from app.core import clock

    clock.set_to(datetime(day.year, day.month, day.day, 9, 0, tzinfo=UTC))


# -- invoices -----------------------------------------------------------------------------------------------------------------------


def test_the_list_says_what_is_left_and_narrows_down(clerk, town):
    page = clerk.get("/mairie/factures/").text
    assert number(2026, 1) in page and number(2026, 2) in page and "€63.30" in page
    unpaid = clerk.get("/mairie/factures/?state=unpaid").text
    assert number(2026, 1) not in unpaid and number(2026, 2) in unpaid
    assert number(2026, 1) in clerk.get("/mairie/factures/?state=paid").text
    found = clerk.get("/mairie/factures/?q=petit").text
    assert number(2026, 3) in found and number(2026, 2) not in found
    assert number(2026, 3) in clerk.get("/mairie/factures/?q=7,60").text
    assert number(2026, 2) in clerk.get(f"/mairie/factures/?q={number(2026, 2)}").text
    assert "None" not in clerk.get("/mairie/factures/?state=late").text.split("<tbody>")[-1]


def test_lists_of_invoices_ask_little_and_leave_as_files(app, clerk, town):
    with app.app_context(), counted_queries() as statements:
        clerk.get("/mairie/factures/")
    assert len(statements) <= 8, statements
    file = clerk.get("/mairie/factures/export.csv?state=unpaid").text
    assert number(2026, 2) in file and ";63.30;" in file and "'-" not in file
    assert clerk.get("/mairie/factures/export.xlsx").status_code == 200


def test_an_invoice_shows_its_lines_and_why(app, clerk, town):
    with app.app_context(), counted_queries() as statements:
        page = clerk.get(f"/mairie/factures/{town.invoices['october']}/").text
    assert len(statements) <= 8, statements
    assert "Léa" in page and "Tom" in page and "Family quotient 812" in page and "booked late" in page and "Council of 12 June 2026" in page
    assert "€63.30" in page and "being prepared" not in page and "Cancel with a credit note" in page


def test_a_credit_note_and_what_it_cancels(app, clerk, town):
    with app.app_context():
        note = cancel(town.invoices["petit"], rank=4, day=date(2026, 11, 20))
    page = clerk.get(f"/mairie/factures/{town.invoices['petit']}/").text
    assert "Cancelled on" in page and number(2026, 4) in page and "Cancel with a credit note…" not in page
    page = clerk.get(f"/mairie/factures/{note}/").text
    assert "Credit note" in page and number(2026, 3) in page and "Lea was at home that week." in page
    assert number(2026, 3) in clerk.get("/mairie/factures/?state=cancelled").text
    assert number(2026, 3) not in clerk.get("/mairie/factures/?state=paid").text


def test_who_may_see_invoices(sign_in, town):
    path = f"/mairie/factures/{town.invoices['october']}/"
    assert sign_in("regisseur").get(path).status_code == 200
    for nobody in ("lecteur", "animateur", "galbert"):
        assert sign_in(nobody).get(path).status_code == 403
        assert sign_in(nobody).post(f"{path}avoir").status_code == 403
    assert sign_in().get(path).status_code == 302
    assert sign_in("agent").get("/mairie/factures/99999/").status_code == 404


def test_a_clerk_reads_the_account_of_a_family(app, clerk, sign_in, town):
    path = "/mairie/familles/1/compte/"
    assert path in clerk.get("/mairie/familles/1/").text and path in clerk.get(f"/mairie/factures/{town.invoices['october']}/").text
    with app.app_context(), counted_queries() as statements:
        page = clerk.get(path).text
    assert len(statements) <= 8, statements
    assert f"/mairie/factures/{town.invoices['september']}/" in page and "Payment, Cheque" in page and "€63.30" in page
    assert page.index(number(2026, 2)) < page.index(number(2026, 1)), "the newest first"
    file = clerk.get("/mairie/familles/1/compte.csv?annee=2026").text
    assert f"Invoice {number(2026, 2)}, October 2026" in file and ";63.30;;63.30" in file and "Balance on 1 January" in file
    assert clerk.get("/mairie/familles/1/compte.xlsx").status_code == 200
    assert "Nothing was billed or paid in 2024" in clerk.get(path + "?annee=2024").text
    assert clerk.get(path + "?annee=x").status_code == 200 and clerk.get("/mairie/familles/999/compte/").status_code == 404
    for nobody in ("lecteur", "animateur", "galbert"):
        assert sign_in(nobody).get(path).status_code == 403 and sign_in(nobody).get("/mairie/familles/1/compte.csv").status_code == 403


# -- reminders ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def steps(app):
    with app.app_context(), unit_of_work() as session:
        rows = [ReminderStep(days=days, title=f"Step {days}", text=f"Words of {days}.") for days in (10, 30)]
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def due(app):
    with app.test_request_context("/"):
        return [(one.family.id, one.step.days, one.total) for one in reminders.due()]


def test_each_late_invoice_gets_the_step_that_it_has_reached(app, town, steps):
    at(date(2026, 12, 12))
    assert due(app) == [], "due on 2 December for October: ten days are not over"
    at(date(2026, 12, 13))
    assert due(app) == [(1, 10, Decimal("63.30")), (3, 10, Decimal("7.60"))]
    at(date(2027, 2, 1))
    assert due(app) == [(1, 30, Decimal("63.30")), (3, 30, Decimal("7.60"))]


def test_nothing_is_sent_twice_and_nothing_of_what_is_paid(app, town, steps, look):
    at(date(2026, 12, 20))
    with app.test_request_context("/"):
        pay(3, "7.60", date(2026, 12, 19), (town.invoices["petit"], Decimal("7.60")))
        pay(1, "13.30", date(2026, 12, 19), (town.invoices["october"], Decimal("13.30")))
        assert reminders.send_to([1, 3], by="Nadia") == 1
        assert reminders.send_to([1, 3], by="Nadia") == 0
    (row,) = look(select(Reminder))
    assert row.amount == Decimal("50.00") and row.invoice_id == town.invoices["october"]
    (mail,) = look(select(OutgoingMail).where(OutgoingMail.template == "reminder"))
    assert mail.subject == "Step 10" and "Words of 10." in mail.body and "50" in mail.body and number(2026, 2) in mail.body
    at(date(2027, 1, 15))
    with app.test_request_context("/"):
        assert reminders.send_to([1], by="Nadia") == 1
        assert reminders.due() == []


def test_reminders_leave_by_themselves_where_the_town_says_so(app, town, steps, look):
    at(date(2026, 12, 20))
    work(app)
    assert not look(select(Reminder))
    with app.app_context(), unit_of_work():
        settings.put("reminders_leave", True)
    work(app)
    work(app)
    assert len(look(select(Reminder))) == 2


def test_a_clerk_looks_and_sends_to_those_that_are_ticked(app, clerk, sign_in, town, steps, look):
    at(date(2026, 12, 20))
    with app.app_context(), counted_queries() as statements:
        page = clerk.get("/mairie/relances/a-envoyer/").text
    assert len(statements) <= 8, statements
    assert "Galbert" in page and "Petit" in page and "€63.30" in page and "Words of 10." in page
    assert "Tick a family first." in clerk.post("/mairie/relances/a-envoyer/", follow_redirects=True).text
    answer = clerk.post("/mairie/relances/a-envoyer/", data={"family": ["3", "2", "x"]}, follow_redirects=True)
    assert "The reminders are being sent" in answer.text and "0 of 1 households" in answer.text and not look(select(Reminder))
    again = clerk.post("/mairie/relances/a-envoyer/", data={"family": ["1"]}, follow_redirects=True)
    assert "under way already" in again.text
    work(app)
    answer = clerk.get("/mairie/relances/a-envoyer/")
    assert "Last sent: 1 reminder," in answer.text and "€7.60" not in answer.text
    assert clerk.get("/mairie/facturation/taches/1/avancement").json["running"] is False
    assert [row.invoice_id for row in look(select(Reminder))] == [town.invoices["petit"]]
    assert "Petit" in clerk.get("/mairie/relances/").text and "Petit" not in clerk.get("/mairie/relances/?q=galbert").text
    assert "Step 10" in clerk.get(f"/mairie/factures/{town.invoices['petit']}/").text
    assert sign_in("lecteur").get("/mairie/relances/a-envoyer/").status_code == 403


def test_a_household_without_an_address_gets_a_letter(app, clerk, town, steps, look):
    from app.families.models import Adult
    from app.security.models import LoginAddress

    with app.app_context(), unit_of_work() as session:
        session.query(LoginAddress).delete()
        session.query(Adult).update({"email": ""})
    at(date(2026, 12, 20))
    page = clerk.get("/mairie/relances/a-envoyer/").text
    assert "no address: a letter" in page
    letters = clerk.get("/mairie/relances/lettres/").text
    assert "Words of 10." in letters and number(2026, 2) in letters
    clerk.post("/mairie/relances/a-envoyer/", data={"family": ["1", "3"]})
    work(app)
    assert len(look(select(Reminder))) == 2 and not look(select(OutgoingMail).where(OutgoingMail.template == "reminder"))
    assert "No letter" in clerk.get("/mairie/relances/lettres/").text
    # They can be printed again, with what was unpaid then, even once it is paid.
    with app.app_context():
        pay(3, "7.60", date(2026, 12, 21), (town.invoices["petit"], Decimal("7.60")))
    again = f"/mairie/relances/lettres/?step={steps[0]}&day=2026-12-20"
    assert again.replace("&", "&amp;") in clerk.get("/mairie/relances/").text
    page = clerk.get(again).text
    assert number(2026, 2) in page and number(2026, 3) in page and "€7.60" in page and "Sent on 20 December 2026" in page
    assert "No letter" in clerk.get(f"/mairie/relances/lettres/?step={steps[0]}&day=2026-12-19").text
    assert "Print again" not in clerk.get("/mairie/relances/export.csv").text


def test_a_task_goes_on_after_a_household_that_fails_and_after_a_kill(app, clerk, town, steps, look, monkeypatch):
    from app.billing import tasks

    at(date(2026, 12, 20))
    clerk.post("/mairie/relances/a-envoyer/", data={"family": ["1", "3"]})
    send = reminders.send

    def fails(family_id, *, by):
        if family_id == 1:
            raise ValueError("broken")
        raise KeyboardInterrupt

    monkeypatch.setattr(reminders, "send", fails)
    with app.test_request_context("/"), pytest.raises(KeyboardInterrupt):
        tasks.go_on_with_tasks()
    monkeypatch.setattr(reminders, "send", send)
    work(app)
    assert [row.invoice.family_id for row in look(select(Reminder).options(joinedload(Reminder.invoice)))] == [3]
    (task,) = look(select(FamilyTask))
    assert (task.done, task.made, task.state) == (2, 1, RunState.done)


def test_the_certificates_of_all_families_are_one_pdf(app, clerk, sign_in, town, look, monkeypatch):
    from app.billing import tasks

    path = "/mairie/facturation/attestations-fiscales/"
    with app.app_context():
        pay(3, "7.60", date(2026, 11, 20), (town.invoices["petit"], Decimal("7.60")))
        with unit_of_work() as session:
            session.execute(update(Child).values(birth_date=date(2022, 3, 1)))
    monkeypatch.setattr(tasks, "AT_ONCE", 1)
    assert "Make the certificates" in clerk.get(path).text
    assert "nobody to do it for" in clerk.post(path, data={"year": "1999"}, follow_redirects=True).text
    assert "are being made" in clerk.post(path, data={"year": "2026"}, follow_redirects=True).text
    assert clerk.get(f"{path}1.pdf").status_code == 404
    work(app)
    page = clerk.get(path).text
    assert "2026: 2 certificates are ready" in page and "provisional" in page
    pdf = PdfReader(BytesIO(clerk.get(f"{path}1.pdf").data))
    assert len(pdf.pages) == 2 and "Léa" in pdf.pages[0].extract_text() and "Hugo" in pdf.pages[1].extract_text()
    (task,) = look(select(FamilyTask))
    assert len(task.files) == 1 and task.done == 2
    for nobody in ("lecteur", "animateur", "galbert"):
        assert sign_in(nobody).get(f"{path}1.pdf").status_code == 403 and sign_in(nobody).post(path).status_code == 403


def test_certificates_wait_while_the_disk_is_full(app, clerk, town, look, monkeypatch):
    from app.billing import yearly

    def full(*_args, **_kwargs):
        tries.append(clock.now())
        raise OSError(errno.ENOSPC, "no space left on device")

    path, tries = "/mairie/facturation/attestations-fiscales/", []
    with app.app_context(), unit_of_work() as session:
        session.execute(update(Child).values(birth_date=date(2022, 3, 1)))
    clerk.post(path, data={"year": "2026"})
    with monkeypatch.context() as disk:
        disk.setattr(yearly, "store", full)
        for _round in range(3):
            work(app)
        assert len(tries) == 1 and "disk is full" in clerk.get(path).text
        clock.advance(minutes=3)
        work(app)
        assert len(tries) == 2
    clock.advance(minutes=3)
    work(app)
    assert "2026: 1 certificate is ready" in clerk.get(path).text
    (task,) = look(select(FamilyTask))
    assert task.waits_until is None and task.done == task.total


def test_steps_are_written_by_the_town(clerk, town, steps, look):
    path = "/mairie/relances/etapes/ajouter"
    sent = {"base": base_of(clerk.get(path).text), "days": "45", "open": "y", "title": "Third", "text": "We will call you."}
    assert clerk.post(path, data={**sent, "days": "10"}).status_code == 422
    assert clerk.post(path, data={**sent, "days": "0"}).status_code == 422
    assert clerk.post(path, data=sent).status_code == 302
    assert "We will call you." in clerk.get("/mairie/relances/etapes/").text
    assert len(look(select(ReminderStep))) == 3

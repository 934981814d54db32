"""Does a family read what it owes, and why, and nobody else?"""

import re
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.billing.models import DocumentState, Invoice, InvoiceDocument
from app.core.db import unit_of_work
from app.extensions import db
from app.messages.models import Thread
from app.payments.models import Means, Payment
from app.payments.operations import receive, take_back
from tests.billing.bills import PDF, autumn, cancel, issue, lines_of, pay, school_days
from tests.conftest import base_of, counted_queries

STATEMENT, OCTOBER = "/portail/releve/", "/portail/releve/facture/2026000002/"


@pytest.fixture
def bills(scene, activities):
    return scene(autumn, activities)


def text(client, url):
    """The words of a page, without its tags."""
    page = re.sub(r"<[^>]+>", " ", client.get(url).text)
    return re.sub(r"\s+", " ", page)


def test_the_statement_says_what_is_left_and_how_it_came(sign_in, bills):
    page = text(sign_in("galbert"), STATEMENT)
    assert "Left to pay €63.30 One invoice is not paid." in page
    assert "October 2026 €63.30 Invoice 2026000002 To be paid by 3 December 2026." in page
    assert "03/11/2026 Invoice 2026000002 October 2026 PDF 2026000002 €63.30 Balance: €63.30" in page
    assert "20/10/2026 Payment Cheque €64.60 Balance: €0.00" in page


def test_an_invoice_says_why_each_line_costs_what_it_costs(sign_in, bills):
    page = text(sign_in("galbert"), OCTOBER)
    assert "Canteen 10 × €3.80 = €38.00 Thu 1, Fri 2, Mon 5," in page
    assert "Why €3.80? Léa, Canteen Family quotient 812, counted since September 2026." in page
    assert "Addressed to Christelle Galbert." in page and "booked late" in page and "Tom €6.30" in page and "This invoice €63.30" in page


def test_an_invoice_tells_the_earlier_balance_apart(app, sign_in, bills):
    with app.app_context():
        issue(1, 2026, 11, lines_of("Léa", [date(2026, 11, 2)], "3.80"), rank=4, earlier="63.30")
        issue(1, 2026, 8, lines_of("Léa", [date(2026, 8, 31)], "3.80"), rank=5, earlier="-5")
    client = sign_in("galbert")
    assert "Before this invoice, €63.30 was left to pay. It is not in this total." in text(client, "/portail/releve/facture/2026000004/")
    assert "Before this invoice, €5.00 was in your favour." in text(client, "/portail/releve/facture/2026000005/")


def test_what_is_paid_in_part_is_told(app, sign_in, bills):
    with app.app_context():
        pay(1, "20", date(2026, 11, 20), (bills["october"], "20"))
    client = sign_in("galbert")
    assert "€20.00 of €63.30 is paid" in text(client, STATEMENT)
    page = text(client, OCTOBER)
    assert "Left to pay: €43.30." in page and "Payment 20/11/2026, Cheque -€20.00 Left to pay €43.30" in page


def test_a_cancelled_invoice_and_its_credit_note_name_each_other(app, sign_in, bills):
    with app.app_context():
        cancel(bills["october"], rank=4, day=date(2026, 11, 10), reason="Léa was ill that week.")
    client = sign_in("galbert")
    assert "You owe nothing for it any more. Credit note 2026000004" in text(client, OCTOBER)
    note = text(client, "/portail/releve/facture/2026000004/")
    assert "It cancels this invoice: Invoice 2026000002" in note and "Reason: Léa was ill that week." in note
    page = text(client, STATEMENT)
    assert "You owe nothing." in page and "Credit note 2026000004 cancels invoice 2026000002 €63.30 Balance: €0.00" in page


def test_what_was_paid_too_much_is_in_the_familys_favour(app, sign_in, bills):
    with app.app_context():
        pay(1, "70", date(2026, 11, 20), (bills["october"], "63.30"))
    assert "In your favour €6.70 You have paid more than you owe." in text(sign_in("galbert"), STATEMENT)


def test_late_is_said_in_words(sign_in, bills):
    from datetime import UTC, datetime

    from app.core import clock

    clock.set_to(datetime(2026, 12, 4, 8, tzinfo=UTC))
    assert "late It was to be paid by 3 December 2026." in text(sign_in("galbert"), STATEMENT)


def test_years_are_chosen_from(app, sign_in, bills):
    with app.app_context():
        first = issue(1, 2025, 3, lines_of("Léa", school_days(date(2025, 3, 3), date(2025, 3, 7)), "3.00"), rank=1)
        pay(1, "12", date(2025, 5, 2), (first, "12"), title="Card")
    client = sign_in("galbert")
    page = client.get(STATEMENT).text
    assert 'href="/portail/releve/?year=2025"' in page and "Balance on 1 January" in page
    page = text(client, f"{STATEMENT}?year=2025")
    assert "Movements of 2025" in page and "Payment Card €12.00" in page and "Cheque" not in page
    assert "Nothing was billed or paid in 2024" in text(client, f"{STATEMENT}?year=2024")
    for odd in ("x", "-1", "99999999999", "0"):
        assert "Movements of 2026" in text(client, f"{STATEMENT}?year={odd}")


def test_before_the_first_invoice_there_is_a_sentence(sign_in, activities):
    page = text(sign_in("galbert"), STATEMENT)
    assert "You owe nothing." in page and "Nothing was billed or paid in 2026." in page


def test_the_pdf_is_shown_once_it_is_made(app, sign_in, bills):
    client = sign_in("galbert")
    page = client.get(OCTOBER).text
    link = re.search(r'href="(/portail/fichier/\d+)"', page).group(1)
    answer = client.get(link)
    assert answer.data == PDF and answer.mimetype == "application/pdf"
    assert "2026000002.pdf" in answer.headers["Content-Disposition"] and "private" in answer.headers["Cache-Control"]
    september = client.get("/portail/releve/facture/2026000001/").text
    assert "The PDF is being prepared." in september and "/portail/fichier/" not in september
    for username in ("martin", "petit"):
        assert sign_in(username).get(link).status_code == 404
    assert "/login/" in sign_in().get(link).location


def test_a_pdf_that_could_not_be_made_is_not_promised(app, sign_in, bills):
    with app.app_context(), unit_of_work():
        document = db.session.scalar(select(InvoiceDocument).join(Invoice).where(Invoice.number == 2026000001))
        document.state = DocumentState.failed
    page = sign_in("galbert").get("/portail/releve/facture/2026000001/").text
    assert "The PDF could not be made." in page and "being prepared" not in page


def test_the_towns_ways_to_pay_are_told_while_something_is_owed(app, sign_in, bills):
    from app.core.settings import put

    with app.app_context(), unit_of_work():
        put("invoice_payment", "At the desk of the town hall,\nby cheque or in cash.")
    client = sign_in("galbert")
    assert "How to pay At the desk of the town hall, by cheque or in cash." in text(client, STATEMENT)
    assert "At the desk" in text(client, OCTOBER) and "At the desk" not in text(client, "/portail/releve/facture/2026000001/")
    assert "At the desk" not in text(sign_in("martin"), STATEMENT)


def test_the_spouse_sees_the_account_too(sign_in, bills):
    client = sign_in("marc")
    assert "€63.30" in client.get(STATEMENT).text and client.get(OCTOBER).status_code == 200


@pytest.mark.parametrize("username", ["martin", "petit"])
def test_another_family_finds_nothing(sign_in, bills, username):
    client = sign_in(username)
    assert "63.30" not in client.get(STATEMENT).text and "63.30" not in client.get("/portail/").text
    for path in (OCTOBER, f"{OCTOBER}?family=1", "/portail/releve/facture/2026000001/", "/portail/releve/facture/9999999999/"):
        assert client.get(path).status_code == 404


def test_the_other_household_of_a_shared_child_sees_nothing(sign_in, bills):
    """Hugo eats with Petit that week: Martin, his other household, does not learn what it costs."""
    path = "/portail/releve/facture/2026000003/"
    assert "€7.60" in sign_in("petit").get(path).text
    martin = sign_in("martin")
    assert martin.get(path).status_code == 404
    assert "7.60" not in martin.get(STATEMENT).text and "You owe nothing." in martin.get(STATEMENT).text


def test_an_account_of_two_families_reads_the_one_that_it_acts_for(app, sign_in, bills):
    from app.security.operations import link_family
    from tests.conftest import account

    with app.app_context(), unit_of_work():
        link_family(account("galbert"), 3, "guardian")
    client = sign_in("galbert")
    assert client.get("/portail/releve/facture/2026000003/").status_code == 404
    client.post("/portail/famille/", data={"family": 3})
    assert client.get("/portail/releve/facture/2026000003/").status_code == 200
    assert client.get(OCTOBER).status_code == 404


def test_nobody_and_the_staff_are_kept_out(sign_in, bills):
    for path in (STATEMENT, OCTOBER):
        assert "/login/" in sign_in().get(path).location
        for username in ("agent", "regisseur", "animateur", "lecteur"):
            assert sign_in(username).get(path).status_code == 403


def test_a_clerk_who_acts_for_the_family_reads_it_and_asks_no_question(sign_in, bills):
    client = sign_in("agent")
    with client.session_transaction() as session:
        session["acting"] = {"family": 1, "channel": "phone", "received_on": "2026-11-20"}
    assert "63.30" in text(client, STATEMENT) and "Ask the town hall" not in text(client, OCTOBER)
    assert client.get("/portail/releve/facture/2026000003/").status_code == 404


def test_reading_writes_nothing(app, sign_in, bills):
    client = sign_in("galbert")
    with app.app_context(), counted_queries() as statements:
        client.get(STATEMENT), client.get(OCTOBER)
    assert [one for one in statements if not one.lstrip().upper().startswith("SELECT")] == []
    assert client.post(STATEMENT).status_code == 405 and client.post(OCTOBER).status_code == 405


def test_eight_queries_however_long_the_account(app, sign_in, bills):
    with app.app_context():
        for month in range(1, 9):
            days = school_days(date(2026, month, 1), date(2026, month, 28))
            lines = [
                line
                for child in ("Léa", "Tom", "Zoé")
                for unit in ("Canteen", "Canteen, Snack")
                for line in lines_of(child, days, "3.80", unit=unit)
            ]
            number = issue(1, 2026, month, lines, rank=10 + month, file=True)
            pay(1, "5", date(2026, month, 27), (number, "5"))
        number = db.session.get(Invoice, number).number
    client = sign_in("galbert")
    for path in (STATEMENT, f"/portail/releve/facture/{number}/", "/portail/"):
        client.get(path)
        with app.app_context(), counted_queries() as statements:
            answer = client.get(path)
        assert len(statements) <= 8, (path, "\n".join(statements))
        assert len(re.findall(r"<[a-z]", answer.text)) <= 800, path


def test_a_name_is_text(app, sign_in, activities):
    with app.app_context():
        lines = lines_of("<b>Léa</b>", [date(2026, 10, 1)], "3.80", activity="<i>Canteen</i>", reason={"row": "<u>row</u>"})
        issue(1, 2026, 10, lines, rank=1)
    page = sign_in("galbert").get("/portail/releve/facture/2026000001/").text
    assert "<b>" not in page and "<i>" not in page and "<u>" not in page and "&lt;u&gt;row" in page


def test_a_line_without_child_day_or_reason_is_shown(app, sign_in, bills):
    with app.app_context():
        lines = lines_of("", [None], "-4.00", activity="", unit="Refund of a trip", charge="adjustment")
        lines += lines_of("Léa", [None], "12.00", activity="Library", unit="", charge="membership")
        issue(1, 2026, 11, lines, rank=8)
    page = text(sign_in("galbert"), "/portail/releve/facture/2026000008/")
    assert "The household -€4.00 Refund of a trip adjustment -€4.00" in page and "Library yearly membership €12.00" in page


def test_home_says_what_is_left_and_what_to_do(sign_in, bills):
    page = text(sign_in("galbert"), "/portail/")
    assert "October 2026: €63.30 to pay To be paid by 3 December 2026. See October 2026: €63.30 to pay" in page
    assert "Left to pay €63.30 October 2026 €63.30" in page and "See my account statement" in page
    assert "Left to pay €0.00 You owe nothing. See my account statement" in text(sign_in("martin"), "/portail/")


def test_home_counts_several_invoices_and_what_is_late_comes_first(app, sign_in, bills):
    from datetime import UTC, datetime

    from app.core import clock

    with app.app_context():
        issue(1, 2026, 11, lines_of("Léa", [date(2026, 11, 2)], "3.80"), rank=4, due_on=date(2027, 1, 15))
    clock.set_to(datetime(2026, 12, 8, 8, tzinfo=UTC))
    page = text(sign_in("galbert"), "/portail/")
    assert "To do 2 invoices to pay: €67.10 The oldest one, October 2026: It was to be paid by 3 December 2026." in page


def test_home_asks_for_nothing_that_is_covered(app, sign_in, bills):
    with app.app_context():
        pay(1, "63.30", date(2026, 11, 20))
    page = text(sign_in("galbert"), "/portail/")
    assert "63.30" not in page and "You owe nothing." in page


# -- as the town bills it --------------------------------------------------------------------------------------------------------------


def bill_october(correct=False):
    """October of tests/billing/cast.py through the operations; corrected once where asked. Inside an application context."""
    from app.billing.models import Adjustment, Bill, BillingPeriod, RunKind
    from app.billing.operations import ask_run, open_period
    from app.billing.operations import correct as correct_invoice
    from app.billing.runs import run_due
    from tests.billing import cast

    with unit_of_work():
        period = open_period(*cast.OCTOBER_DAYS, by="Agent").id
    with unit_of_work():
        ask_run(db.session.get(BillingPeriod, period), RunKind.issue, by="Agent")
    while run_due():
        pass
    bill = db.session.scalar(db.select(Bill).filter_by(family_id=1))
    if correct:
        with unit_of_work():
            less = {"day": date(2026, 10, 20), "title": "A meal that nobody ate", "amount": Decimal("-2.50")}
            db.session.add(Adjustment(family_id=1, made_by="Agent", **less))
            correct_invoice(db.session.get(Invoice, bill.invoice_id), "A day too many.", by="Agent")
    db.session.remove()


def test_what_the_engine_issues_is_read_with_its_reasons(app, sign_in, billed):
    with app.app_context():
        bill_october()
        number = db.session.scalar(db.select(Invoice.number).filter_by(family_id=1))
    page = text(sign_in("galbert"), f"/portail/releve/facture/{number}/")
    assert "€55.10" in page and "Canteen 3 × €2.50 = €7.50 Thu 1, Fri 2, Mon 5 October" in page
    assert "Canteen absent without a word €2.50" in page and "Canteen absence told too late €2.50" in page
    assert "Canteen booked late €3.50" in page and "Canteen came without a booking €4.50" in page
    assert "Wednesdays, Day 2 × €13.00 = €26.00" in page
    assert "Family quotient 720, counted since September 2026." in page
    assert "Booked after the deadline: €1.00 more." in page
    assert "Left to pay €0.00 You owe nothing." in text(sign_in("martin"), STATEMENT), "carried forward"


def test_a_corrected_invoice_is_followed_from_one_to_the_next(app, sign_in, billed):
    with app.app_context():
        bill_october(correct=True)
        numbers = [row.number for row in db.session.scalars(db.select(Invoice).filter_by(family_id=1).order_by(Invoice.id))]
    first, note, second = numbers
    client = sign_in("galbert")
    assert f"You owe nothing for it any more. Credit note {note}" in text(client, f"/portail/releve/facture/{first}/")
    assert f"It cancels this invoice: Invoice {first}" in text(client, f"/portail/releve/facture/{note}/")
    assert "Why" not in text(client, f"/portail/releve/facture/{note}/")
    replaced = text(client, f"/portail/releve/facture/{second}/")
    assert "Reason: A day too many." in replaced and "The household -€2.50 A meal that nobody ate adjustment -€2.50" in replaced
    page = text(client, STATEMENT)
    assert "Left to pay €52.60 One invoice is not paid." in page and "What each month cost" not in page


def test_a_question_is_asked_about_an_invoice(app, sign_in, bills):
    client = sign_in("galbert")
    link = re.search(r'href="(/portail/messages/nouveau/[^"]*)"', client.get(OCTOBER).text).group(1)
    assert "Invoice 2026000002" in text(client, link)
    assert sign_in("martin").get(link).status_code == 404


def test_a_question_is_tied_to_a_line_and_the_day_that_was_chosen(app, sign_in, bills):
    client = sign_in("galbert")
    line = re.search(r'href="([^"]*about=line-\d+)">A question\?<span class="sr-only"> Léa, Canteen', client.get(OCTOBER).text)[1]
    page = client.get(line).text
    assert "Invoice 2026000002: Léa, Canteen" in page and "Which day?" in page
    other = re.findall(r'<option value="(\d+)">Fri 2 October 2026', page)[0]
    form = {"base": base_of(page), "subject": "Was he there?", "text": "Lea was at home.", "day": other}
    answer = client.post(line, data=form, follow_redirects=True).text
    assert f"{OCTOBER}#line{other}" in answer and "Léa, Canteen, Fri 2 October 2026" in answer
    assert f'id="line{other}"' in client.get(OCTOBER).text
    with app.app_context():
        assert db.session.scalar(db.select(Thread.about_id)) == int(other)
    # Not another line's day, and not another family's line.
    foreign = {**form, "base": base_of(client.get(line).text), "day": "1"}
    assert client.post(line, data=foreign).status_code == 422
    assert sign_in("martin").get(line).status_code == 404
    assert "Léa, Canteen, Fri 2 October 2026" in sign_in("agent").get("/mairie/messages/1/").text


def test_a_payment_has_its_receipt_beside_it(app, sign_in, bills):
    with app.test_request_context("/"), unit_of_work():
        receive(1, Means.cheque, Decimal("10.00"), by="Régisseur")
        receive(3, Means.cheque, Decimal("5.00"), by="Régisseur")
    client = sign_in("galbert")
    with app.app_context(), counted_queries() as statements:
        links = re.findall(r'href="([^"]*recu-\d+\.pdf)"', client.get(STATEMENT).text)
    assert len(links) == 1 and len(statements) <= 8
    assert client.get(links[0]).data.startswith(b"%PDF")
    with app.test_request_context("/"), unit_of_work():
        take_back(db.session.get(Payment, 1), "Refused by the bank", by="Régisseur")
    assert client.get(STATEMENT).text.count("recu-") == 1


def test_documents_are_one_tap_away(sign_in, bills):
    client = sign_in("galbert")
    for path in ("/portail/releve/", "/portail/documents/", OCTOBER):
        page = client.get(path).text
        for link in set(re.findall(r'href="(/portail/[^"#]*)', page)):
            assert client.get(link.replace("&amp;", "&")).status_code == 200, link
    page = client.get("/portail/documents/").text
    assert "/portail/devis/" in page and "fiche.pdf" in page and 'aria-current="page">Account statement' in page

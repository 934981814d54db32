"""Can a clerk bill a month: compute, look at what is odd, issue, correct? What each page says, who may, and how much it asks."""

import io
import re
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import delete, select, update

from app.activities.models import Attendance, Booking
from app.audit.models import LogEntry
from app.billing.models import Bill, BillingPeriod, BillingRun, BillState, Invoice, InvoiceKind, RunState
from app.core.db import unit_of_work
from app.documents.models import FileState, StoredFile
from app.extensions import db
from app.families.models import Family, FormerPlace, IncomeQuotient
from tests.billing.cast import OCTOBER, booked
from tests.conftest import base_of, counted_queries, work
from tests.preregistrations import PICTURE as PNG

PERIOD = "/mairie/facturation/mois/1/"


@pytest.fixture
def town(billed):
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


@pytest.fixture
def computed(app, town, clerk):
    """October, opened and computed."""
    assert clerk.post("/mairie/facturation/preparer").status_code == 303
    work(app)
    return town


@pytest.fixture
def issued(app, computed, clerk):
    """October, issued."""
    assert clerk.post("/mairie/facturation/1/emettre").status_code == 303
    work(app)
    return computed


def test_the_first_month_is_prepared_with_one_click(app, clerk, town, look):
    page = clerk.get("/mairie/facturation/").text
    assert "Next: October 2026" in page and "Compute the bills of October 2026" in page
    answer = clerk.post("/mairie/facturation/preparer")
    assert answer.location.endswith(PERIOD)
    page = clerk.get(PERIOD).text
    assert "The bills are being computed" in page and "<noscript><meta http-equiv" in page and "Stop" in page
    assert "October 2026 is being worked on" in clerk.get("/mairie/facturation/").text
    work(app)
    page = clerk.get(PERIOD).text
    assert "2 invoices are ready: €76.10" in page and "Issue 2 invoices…" in page and "refresh" not in page
    assert "<td" in page and "Galbert" in page and "€55.10" in page and "Carried forward" in page
    (period,) = look(select(BillingPeriod))
    assert (period.first_day, period.last_day) == (date(2026, 10, 1), date(2026, 10, 31))


def test_what_is_odd_leads_to_where_it_is_mended(clerk, computed):
    page = clerk.get(PERIOD).text
    assert "came without a booking" in page and "/mairie/pointage/enfant/2?unit=1&amp;day=2026-10-06" in page
    assert "Petit" not in clerk.get(PERIOD + "?odd=unbooked").text.split('id="bills"')[1]
    assert "Galbert" in clerk.get(PERIOD + "?odd=unbooked").text.split('id="bills"')[1]
    assert "Galbert" not in clerk.get(PERIOD + "?q=petit").text.split('id="bills"')[1]
    listed = clerk.get("/mairie/facturation/mois/?odd=any&period=1").text
    assert "October 2026" in listed and "Martin" in listed and "€9.00" in listed and "Petit" not in listed
    assert "Martin" not in clerk.get("/mairie/facturation/mois/?period=99").text
    assert "Martin" in clerk.get(PERIOD + "?odd=any&_oc_BillView=difference&_od_BillView=asc").text.split('id="bills"')[1]


def test_pages_of_a_month_ask_little(app, sign_in, issued):
    clerk = sign_in("admin")
    lists = ("mois", "../factures", "../ajustements", "../exonerations", "../relances", "../relances/etapes", "../tarifs-accordes")
    for path in ("/mairie/facturation/", PERIOD, *(f"/mairie/facturation/{name}/".replace("facturation/../", "") for name in lists)):
        with app.app_context(), counted_queries() as statements:
            assert clerk.get(path).status_code == 200
        assert len(statements) <= 8, (path, statements)


def test_the_list_of_bills_leaves_as_a_file(clerk, computed):
    file = clerk.get(PERIOD + "avis.csv").text
    assert "Galbert" in file and "55.10" in file and "<li" not in file and "came without a booking" in file
    assert clerk.get(PERIOD + "avis.xlsx").status_code == 200


def test_issuing_is_confirmed_with_numbers_and_total(app, clerk, computed, look):
    page = clerk.get("/mairie/facturation/1/emettre").text
    assert "€76.10" in page and "Issue 2 invoices" in page and "1 bill under €15.00 is carried forward" in page
    assert not look(select(Invoice))
    clerk.post("/mairie/facturation/1/emettre")
    page = clerk.get(PERIOD).text
    assert "The invoices are being issued" in page
    progress = clerk.get("/mairie/facturation/1/avancement/2").get_json()
    assert progress["running"] and progress["said"]
    work(app)
    assert not clerk.get("/mairie/facturation/1/avancement/2").get_json()["running"]
    assert sorted(row.total for row in look(select(Invoice))) == [OCTOBER[3], OCTOBER[1]]
    page = clerk.get(PERIOD).text
    assert "2 invoices issued." in page and "1 bill carried forward." in page
    assert clerk.get("/mairie/facturation/1/emettre").status_code == 302, "there is nothing left to issue"
    glance = clerk.get("/mairie/facturation/").text
    assert "Next: November 2026" in glance and "2 of 2" in glance and "€76.10" in glance


def test_nothing_is_issued_that_was_not_computed(clerk, town, look):
    clerk.post("/mairie/facturation/preparer")
    assert "nothing to issue now" in clerk.post("/mairie/facturation/1/emettre", follow_redirects=True).text
    assert len(look(select(BillingRun))) == 1
    assert clerk.post("/mairie/facturation/9/emettre").status_code == 404


def test_a_run_is_asked_once_and_stopped(app, clerk, computed, look):
    clerk.post("/mairie/facturation/1/calculer")
    again = clerk.post("/mairie/facturation/1/calculer", headers={"Referer": "http://localhost" + PERIOD}, follow_redirects=True).text
    assert "is under way" in again
    assert clerk.post("/mairie/facturation/1/arreter/2", follow_redirects=True).status_code == 200
    assert look(select(BillingRun.state).where(BillingRun.id == 2)) == [RunState.stopped]
    assert clerk.post("/mairie/facturation/9/arreter/2").status_code == 404


def test_a_month_that_is_not_over_says_so(app, clerk, issued):
    page = clerk.get("/mairie/facturation/").text
    assert "It is not over" in page
    clerk.post("/mairie/facturation/preparer")
    work(app)
    page = clerk.get("/mairie/facturation/mois/2/").text
    assert "The period is not over" in page and "against the period before" in page
    assert "The period is not over" in clerk.get("/mairie/facturation/2/emettre").text


def test_other_days_are_opened_by_hand(clerk, computed, look):
    path = "/mairie/facturation/ouvrir"
    sent = {"base": base_of(clerk.get(path).text), "title": "Toussaint", "first_day": "2026-10-19", "last_day": "2026-10-30"}
    answer = clerk.post(path, data={**sent, "due_on": "2026-12-01"})
    assert answer.status_code == 422 and "These days are billed with October 2026 already." in answer.text and "Toussaint" in answer.text
    answer = clerk.post(path, data={**sent, "first_day": "2026-11-20", "due_on": "2026-12-01"})
    assert answer.status_code == 422 and "The last day does not lie before the first." in answer.text
    answer = clerk.post(path, data={**sent, "first_day": "2026-11-01", "last_day": "2026-11-15", "due_on": "2026-12-31"})
    assert answer.status_code == 303 and len(look(select(BillingPeriod))) == 2


def test_a_bill_before_it_is_issued_says_why_each_line(clerk, computed):
    page = clerk.get(PERIOD + "famille/1/").text
    assert "€55.10" in page and "Léa" in page and "Tom" in page and "Family quotient 720" in page and "absent without a word" in page
    assert "Issue this one alone" in page and "Hold back" in page and "1 of 3" in page
    assert clerk.get(PERIOD + "famille/99/").status_code == 404


def test_a_bill_is_held_back_released_and_issued_alone(app, clerk, computed, look):
    assert "Held back" in clerk.post(PERIOD + "famille/3/retenir", follow_redirects=True).text
    clerk.post("/mairie/facturation/1/emettre")
    work(app)
    assert [row.family_id for row in look(select(Invoice))] == [1]
    assert "1 bill is held back" in clerk.get(PERIOD).text or "PDF" in clerk.get(PERIOD).text
    assert "Released" in clerk.post(PERIOD + "famille/3/liberer", follow_redirects=True).text
    assert "The invoice is issued" in clerk.post(PERIOD + "famille/3/emettre", follow_redirects=True).text
    assert "Carried" in clerk.get(PERIOD + "famille/2/").text or "carried" in clerk.get(PERIOD + "famille/2/").text
    again = clerk.post(PERIOD + "famille/3/emettre", follow_redirects=True).text
    assert "already" in again and len(look(select(Invoice))) == 2


def test_what_keeps_bills_back_comes_first(app, clerk, town, look):
    from app.billing.models import TariffGrid

    with app.app_context(), unit_of_work() as session:
        session.query(TariffGrid).filter(TariffGrid.activity_id == town.wednesday).delete()
    clerk.post("/mairie/facturation/preparer")
    work(app)
    page = clerk.get(PERIOD).text
    assert "bills cannot be issued" in page and "No tariff" in page and "Issue the other one…" in page
    bill = clerk.get(PERIOD + "famille/1/").text
    assert "keeps the bill back" in bill and "Issue this one alone" not in bill


# -- corrections --------------------------------------------------------------------------------------------------------------------


def invoice_of(look, family_id):
    kind = InvoiceKind.invoice
    return look(select(Invoice).where(Invoice.family_id == family_id, Invoice.kind == kind).order_by(Invoice.id))[-1]


def test_a_credit_note_in_one_click_with_a_reason(clerk, issued, look):
    path = f"/mairie/factures/{invoice_of(look, 3).id}/avoir"
    base = base_of(clerk.get(path).text)
    assert "Please fill this in." in clerk.post(path, data={"base": base}).text
    answer = clerk.post(path, data={"base": base, "reason": "Billed by mistake"}, follow_redirects=True)
    assert "Credit note" in answer.text and "Billed by mistake" in answer.text and "-€21.00" in answer.text
    assert look(select(Bill.state).where(Bill.family_id == 3)) == [BillState.cancelled]
    again = clerk.post(path, data={"base": base, "reason": "Billed by mistake"})
    assert again.status_code == 422 and "already" in again.text


def test_what_a_credit_note_cancelled_is_billed_again_from_its_page(app, clerk, issued, look):
    invoice = invoice_of(look, 3)
    path, bill = f"/mairie/factures/{invoice.id}/", PERIOD + "famille/3/"
    credit = {"base": base_of(clerk.get(path + "avoir").text), "reason": "Billed by mistake"}
    note = clerk.post(path + "avoir", data=credit, follow_redirects=True).text
    assert f'href="{bill}"' in note and "Bill again…" in note and "Bill again…" in clerk.get(path).text
    page = clerk.get(bill).text
    assert "Bill again: €21.00" in page and "what it would be billed again" in page and "Hugo" in page
    assert "Hold back" not in page and "Compute this bill again" not in page
    assert "bill cancelled, not billed again" in clerk.get(PERIOD).text
    clerk.post("/mairie/facturation/1/emettre")
    work(app)
    assert invoice_of(look, 3).id == invoice.id, "no run bills it of its own accord"
    assert "is held back" not in clerk.post(bill + "retenir", follow_redirects=True).text
    assert "The invoice is issued" in clerk.post(bill + "emettre", follow_redirects=True).text
    fresh = invoice_of(look, 3)
    assert fresh.id != invoice.id and fresh.total == invoice.total
    assert look(select(Bill.invoice_id).where(Bill.family_id == 3)) == [fresh.id]
    assert "Bill again" not in clerk.get(bill).text and "Bill again" not in clerk.get(path).text


def test_a_cancelled_bill_of_which_nothing_is_left_says_so(app, clerk, issued, look):
    path = f"/mairie/factures/{invoice_of(look, 3).id}/avoir"
    clerk.post(path, data={"base": base_of(clerk.get(path).text), "reason": "Nobody came"})
    with app.app_context(), unit_of_work() as session:
        session.execute(delete(Booking).where(Booking.child_id == issued.hugo))
        session.execute(delete(Attendance).where(Attendance.child_id == issued.hugo))
    page = clerk.get(PERIOD + "famille/3/").text
    assert "Nothing is charged in these days." in page and "Bill again" not in page


def test_an_invoice_is_corrected_by_what_is_known_today(app, clerk, issued, look):
    invoice = invoice_of(look, 1)
    path = f"/mairie/factures/{invoice.id}/corriger"
    form = clerk.get(path).text
    assert '<a href="/mairie/facturation/mois/1/famille/1/">See what would be billed now</a>' in form
    base = base_of(form)
    assert "Nothing has changed" in clerk.post(path, data={"base": base, "reason": "Again"}).text
    with app.app_context(), unit_of_work() as session:
        session.execute(
            update(Booking).where(Booking.child_id == issued.lea, Booking.day == date(2026, 10, 6)).values(day=date(2026, 9, 29))
        )
    answer = clerk.post(path, data={"base": base, "reason": "She was ill"}, follow_redirects=True)
    fresh = invoice_of(look, 1)
    assert fresh.total == invoice.total - Decimal("2.50") and str(fresh.number) in answer.text and "€52.60" in answer.text
    assert "Cancelled on" in clerk.get(f"/mairie/factures/{invoice.id}/").text


def test_what_has_changed_is_seen_and_corrected_together(app, clerk, issued, look):
    with app.app_context():
        booked(issued.lea, 1, issued.meal, date(2026, 10, 15))
    clerk.post("/mairie/facturation/1/calculer")
    work(app)
    page = clerk.get(PERIOD).text
    assert "1 invoice has changed since it was issued" in page and "Changed since issue" in page
    path = "/mairie/facturation/1/corriger"
    answer = clerk.post(path, data={"base": base_of(clerk.get(path).text), "reason": "A booking was forgotten"})
    assert answer.status_code == 303
    work(app)
    assert invoice_of(look, 1).total == OCTOBER[1] + Decimal("2.50")
    assert "1 invoice corrected." in clerk.get(PERIOD).text


# -- who may ------------------------------------------------------------------------------------------------------------------------


def test_who_may_bill(sign_in, computed):
    regisseur = sign_in("regisseur")
    assert regisseur.get(PERIOD).status_code == 200 and regisseur.post("/mairie/facturation/1/calculer").status_code == 303
    for nobody in ("lecteur", "animateur", "galbert"):
        for path in ("/mairie/facturation/", PERIOD, PERIOD + "famille/1/", "/mairie/facturation/1/emettre"):
            assert sign_in(nobody).get(path).status_code == 403, (nobody, path)
        assert sign_in(nobody).post("/mairie/facturation/1/emettre").status_code == 403
    assert sign_in().get(PERIOD).status_code == 302
    assert regisseur.get("/mairie/facturation/mois/99/").status_code == 404


# -- days nobody pays, amounts by hand ------------------------------------------------------------------------------------------------


def exemption(clerk, **sent):
    path = "/mairie/exonerations/ajouter"
    return clerk.post(path, data={"base": base_of(clerk.get(path).text), **sent})


def test_a_strike_is_seen_first_then_corrected(app, clerk, issued, look):
    sent = {"first_day": "2026-10-05", "last_day": "2026-10-06", "activity_id": str(issued.canteen), "reason": "Strike"}
    page = exemption(clerk, **sent).text
    assert "€26.00" in page and "correct 2 invoices" in page and "October 2026" in page and "Strike" in page
    assert len(look(select(Invoice))) == 2
    answer = exemption(clerk, **sent, step="exempt")
    assert answer.status_code == 303 and "2 invoices are being corrected" in clerk.get(answer.location).text
    work(app)
    assert invoice_of(look, 1).total == OCTOBER[1] - Decimal("12.00") and invoice_of(look, 3).total == OCTOBER[3] - Decimal("14.00")
    assert invoice_of(look, 1).reason == "Strike"
    clerk.get("/mairie/exonerations/1/supprimer")
    clerk.post("/mairie/exonerations/1/supprimer")
    work(app)
    assert invoice_of(look, 1).total == OCTOBER[1] and invoice_of(look, 3).total == OCTOBER[3]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"reason": ""}, "Please fill this in."),
        ({"last_day": "2026-10-01"}, "The last day does not lie before the first."),
        ({"last_day": "2028-10-06"}, "At most one year."),
        ({"child_id": "Nobody"}, "Nobody of this name is known"),
    ],
)
def test_days_that_cannot_be_exempted(clerk, town, wrong, sentence):
    sent = {"first_day": "2026-10-05", "last_day": "2026-10-06", "reason": "A long strike", **wrong}
    answer = exemption(clerk, **sent)
    assert answer.status_code == 422 and sentence in answer.text
    assert sent["reason"] in answer.text


def adjust(clerk, **sent):
    path = "/mairie/ajustements/ajouter"
    return clerk.post(path, data={"base": base_of(clerk.get(path + "?family=1&day=2026-10-31").text), **sent})


def test_an_amount_by_hand_goes_with_the_next_bill(app, clerk, computed, look):
    sent = {"family_id": "F00001", "way": "off", "amount": "5,10", "title": "Broken glasses", "day": "2026-10-31"}
    assert "Galbert (F00001)" in clerk.get("/mairie/ajustements/ajouter?family=1&day=2026-10-31").text
    assert adjust(clerk, **sent).status_code == 303
    page = clerk.get(PERIOD + "famille/1/").text
    assert "Broken glasses" in page and "€50.00" in page and "€55.10 when it was last computed" in page
    assert "Compute this bill again" in page
    clerk.post("/mairie/facturation/1/calculer", data={"family": "1"})
    assert look(select(BillingRun).order_by(BillingRun.id))[-1].families == [1]
    work(app)
    assert look(select(Bill.total).where(Bill.family_id == 1)) == [Decimal("50.00")]
    listed = clerk.get("/mairie/ajustements/").text
    assert "Broken glasses" in listed and "-€5.10" in listed
    assert ";-5.10;" in clerk.get("/mairie/ajustements/export.csv").text
    clerk.post("/mairie/facturation/1/emettre")
    work(app)
    assert invoice_of(look, 1).total == Decimal("50.00")
    again = adjust(clerk, **sent)
    assert again.status_code == 422 and "is issued" in again.text and "Broken glasses" in again.text
    assert "is issued" in clerk.post("/mairie/ajustements/1/supprimer", follow_redirects=True).text


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"amount": "0"}, "More than 0."),
        ({"amount": "-5"}, "More than 0."),
        ({"amount": "five"}, "An amount is written like 12,50."),
        ({"way": "up"}, "Not a valid choice"),
        ({"title": ""}, "Please fill this in."),
        ({"child_id": "Hugo"}, "This child does not live in this family."),
    ],
)
def test_amounts_that_cannot_be_entered(clerk, town, look, wrong, sentence):
    from app.billing.models import Adjustment

    answer = adjust(clerk, **{"family_id": "F00001", "way": "off", "amount": "5", "title": "A gift", "day": "2026-10-31", **wrong})
    assert answer.status_code == 422 and sentence in answer.text and not look(select(Adjustment))


def test_a_bill_below_zero_is_carried_forward_and_an_adjustment_is_taken_back(app, clerk, computed, look):
    adjust(clerk, **{"family_id": "F00003", "way": "off", "amount": "500", "title": "Too much", "day": "2026-10-31"})
    clerk.post("/mairie/facturation/1/calculer")
    work(app)
    page = clerk.get(PERIOD).text
    assert "below zero" in page and "come off the next bill" in page and "/mairie/ajustements/?q=F00003" in page
    bill = clerk.get(PERIOD + "famille/3/").text
    assert "come off the next bill" in bill and "Issue this one alone" not in bill
    assert "comes off the next bill" in clerk.post(PERIOD + "famille/3/emettre", follow_redirects=True).text
    assert not look(select(Invoice))
    assert "Taken back." in clerk.post("/mairie/ajustements/1/supprimer", follow_redirects=True).text


# -- quotients and places that change what was billed -----------------------------------------------------------------------------------


def quotient_of(look, family_id):
    return look(select(IncomeQuotient).where(IncomeQuotient.family_id == family_id).order_by(IncomeQuotient.id))[0]


def test_a_mistyped_quotient_is_corrected_until_it_is_billed(app, clerk, computed, look):
    path = f"/mairie/quotients/{quotient_of(look, 1).id}/modifier"
    assert path in clerk.get("/mairie/familles/1/").text
    scan = (io.BytesIO(PNG), "caf.png")
    sent = {"base": base_of(clerk.get(path).text), "value": "250", "source": "proof", "proof_id": scan, "reason": ""}
    answer = clerk.post(path, data=sent, content_type="multipart/form-data")
    assert answer.status_code == 422 and "Please fill this in." in answer.text and 'value="250"' in answer.text and "caf.png" in answer.text
    kept = re.search(r'name="proof_id-kept" value="([^"]+)"', answer.text)[1]
    sent |= {"base": base_of(answer.text), "reason": "A digit was missing", "proof_id-kept": kept}
    del sent["proof_id"]
    assert clerk.post(path, data=sent).status_code == 302
    row = quotient_of(look, 1)
    assert row.value == 250 and f"/mairie/fichier/{row.proof_id}" in clerk.get("/mairie/familles/1/").text
    (entry,) = look(select(LogEntry).filter_by(verb="income_quotient.edit"))
    assert entry.note == "A digit was missing" and entry.changes["value"] == {}
    assert clerk.get(f"/mairie/fichier/{row.proof_id}").status_code == 200
    clerk.post("/mairie/facturation/1/calculer")
    work(app)
    assert look(select(Bill.total).where(Bill.family_id == 1))[0] < OCTOBER[1]


def test_a_quotient_that_was_billed_waits_for_the_credit_note(app, clerk, issued, look):
    path = f"/mairie/quotients/{quotient_of(look, 1).id}/"
    sent = {"base": base_of(clerk.get(path + "modifier").text), "value": "250", "source": "hand", "reason": "Mistyped"}
    answer = clerk.post(path + "modifier", data=sent)
    assert answer.status_code == 422 and "were billed with it" in answer.text and 'value="250"' in answer.text
    assert "were billed with it" in clerk.post(path + "supprimer", follow_redirects=True).text
    credit = f"/mairie/factures/{invoice_of(look, 1).id}/avoir"
    clerk.post(credit, data={"base": base_of(clerk.get(credit).text), "reason": "Wrong quotient"})
    assert clerk.post(path + "modifier", data=sent).status_code == 302
    assert "The invoice is issued" in clerk.post(PERIOD + "famille/1/emettre", follow_redirects=True).text
    assert invoice_of(look, 1).total < OCTOBER[1]


def test_a_new_quotient_comes_with_its_paper(clerk, computed, look):
    path = "/mairie/quotients/ajouter"
    sent = {"base": base_of(clerk.get(path).text), "family": "F00001", "value": "300", "counts_from": "2026-12-01", "source": "proof"}
    sent["proof_id"] = (io.BytesIO(PNG), "caf.png")
    assert clerk.post(path, data=sent, content_type="multipart/form-data").status_code == 302
    (row,) = look(select(IncomeQuotient).where(IncomeQuotient.counts_from == date(2026, 12, 1)))
    (file,) = look(select(StoredFile).filter_by(id=row.proof_id))
    assert (file.family_id, file.state, file.noun) == (1, FileState.kept, "Caf")


def test_a_family_that_moves_keeps_what_it_was_billed(app, clerk, issued, look):
    path = "/mairie/familles/1/modifier"
    sent = {"base": base_of(clerk.get(path).text), "name": "Galbert", "resident_since": ""}
    assert clerk.post(path, data=sent).status_code == 302
    assert look(select(Family.resident).where(Family.id == 1)) == [False]
    assert "Issued, and nothing has changed since." in clerk.get(PERIOD + "famille/1/").text
    sent = {"base": base_of(clerk.get(path).text), "name": "Galbert", "resident": "y", "resident_since": "2026-11-20"}
    assert clerk.post(path, data=sent).status_code == 302
    assert [row.last_day for row in look(select(FormerPlace).order_by(FormerPlace.last_day))] == [date(2026, 10, 31), date(2026, 11, 19)]
    page = clerk.get("/mairie/familles/1/").text
    assert "outside the commune until 19 Nov 2026" in page


# -- where else bills stand -----------------------------------------------------------------------------------------------------------


def test_the_desk_and_the_family_page_say_what_is_owed(app, clerk, sign_in, issued):
    from app.core import clock

    clock.set_to(clock.now().replace(year=2027, month=1, day=8))
    desk = clerk.get("/mairie/").text
    assert "November 2026" in desk and "is over and not billed yet" in desk and "€76.10" in desk
    page = clerk.get("/mairie/familles/1/").text
    assert "owed by the family" in page and "1 unpaid invoice: €55.10" in page and "1 overdue" in page
    assert "nothing is owed" in clerk.get("/mairie/familles/2/").text
    assert "unpaid invoice" not in sign_in("lecteur").get("/mairie/familles/1/").text
    for path in ("/mairie/", "/mairie/familles/1/"):
        with app.app_context(), counted_queries() as statements:
            clerk.get(path)
        assert len(statements) <= 8, (path, statements)

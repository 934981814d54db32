"""Does every page of a family show what it should, to whom it should, in few queries and few bytes?"""

import gzip
import re
from datetime import date, timedelta

import pytest

from app.activities.models import Paper, PlaceAsked, Rank
from app.changes.models import Outcome
from app.core import clock
from app.core.db import unit_of_work
from app.core.settings import put
from app.extensions import db
from tests.conftest import counted_queries
from tests.factories import make_request
from tests.portal.asking import ask, child_id, decide_all, waiting_lot

PAGES = [
    "/portail/",
    "/portail/compte/",
    "/portail/enfants/",
    "/portail/enfants/{child}/",
    "/portail/demandes/",
    "/portail/messages/",
    "/portail/releve/",
    "/portail/agenda/",
]
FORMS = [
    "/portail/demande/guardian/edit/1",
    "/portail/demande/spouse/edit/1",
    "/portail/demande/tax/edit/1",
    "/portail/demande/caf/edit/1",
    "/portail/demande/bank/edit/1",
    "/portail/demande/new-child/add",
    "/portail/demande/authorisations/edit/{child}",
    "/portail/demande/pickup/add?child={child}",
    "/portail/demande/complementary/edit/{child}",
    "/portail/demande/health/edit/{child}",
    "/portail/demande/photo/edit/{child}",
    "/portail/demande/school/edit/{child}",
]


def address(app, page):
    with app.app_context():
        return page.format(child=child_id("Léa"))


@pytest.mark.parametrize("page", PAGES + FORMS)
def test_a_page_is_light(app, sign_in, page):
    client = sign_in("galbert")
    ask(client, mobile="06 99 88 77 66")
    url = address(app, page)
    client.get(url)
    with app.app_context(), counted_queries() as statements:
        answer = client.get(url)
    assert answer.status_code == 200, answer.text
    assert len(statements) <= 8, "\n".join(statements)
    assert len(gzip.compress(answer.data)) <= 15_000
    assert len(re.findall(r"<[a-z]", answer.text)) <= 800
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("page", PAGES + FORMS)
def test_without_an_account_there_is_the_door(app, sign_in, page):
    answer = sign_in().get(address(app, page))
    assert answer.status_code == 302 and "/login/" in answer.location


def test_a_page_that_does_not_exist_is_404(sign_in):
    assert sign_in("galbert").get("/portail/nothing-here").status_code == 404


@pytest.mark.parametrize("page", ["/portail/enfants/{child}/", *FORMS[6:]])
def test_another_familys_child_is_404(app, sign_in, page):
    assert sign_in("petit").get(address(app, page)).status_code == 404


def test_home_greets_and_says_what_to_do(sign_in):
    page = sign_in("galbert").get("/portail/").text
    assert "Welcome Christelle GALBERT" in page
    assert page.count("card-todo") == 2 and "Health data of Léa" in page


def test_home_names_a_missing_number(app, sign_in):
    from app.core.db import unit_of_work
    from app.extensions import db
    from app.families.models import Adult

    with app.app_context(), unit_of_work():
        db.session.get(Adult, 1).mobile = None
    page = sign_in("galbert").get("/portail/").text
    assert "no mobile number" in page and page.count("card-todo") == 3


def test_the_guides_bar_is_there(sign_in):
    page = sign_in("galbert").get("/portail/").text
    for name in ("Home", "My account", "My children", "Account statement", "Inbox", "List of requests", "Log out", "Agenda"):
        assert f"{name}<" in page


@pytest.mark.once
def test_no_link_of_a_page_is_dead(app, sign_in):
    client = sign_in("galbert")
    ask(client, mobile="06 99 88 77 66")
    for page in PAGES:
        for link in set(re.findall(r'href="(/portail/[^"#]*)', client.get(address(app, page)).text)):
            assert client.get(link.replace("&amp;", "&")).status_code == 200, link


def test_a_waiting_value_stands_beside_the_current_one(sign_in):
    client = sign_in("galbert")
    ask(client, mobile="06 99 88 77 66")
    page = client.get("/portail/compte/").text
    assert "06 11 22 33 44" in page and "06 99 88 77 66" in page
    assert "Change my request" in page and "Withdraw" in page and "-0001" in page


def test_a_refusal_is_shown_with_its_reason_for_a_month(app, sign_in):
    client = sign_in("galbert")
    ask(client, mobile="06 99 88 77 66", city="Courtry")
    decide_all(app, Outcome.refuse, reason="The street is not readable.")
    page = client.get("/portail/compte/").text
    assert "The street is not readable." in page and ">Correct<" in page
    assert "The street is not readable." in client.get("/portail/").text
    clock.advance(days=31)
    assert "The street is not readable." not in client.get("/portail/compte/").text
    assert "The street is not readable." in client.get("/portail/demandes/?filter=archive").text


def test_correct_shows_what_was_refused_and_asks_it_again(app, sign_in):
    client = sign_in("galbert")
    ask(client, mobile="06 99 88 77 66", city="Courtry")
    decide_all(app, Outcome.refuse, reason="Not readable.")
    link = re.search(r'href="([^"]*again=\d+)"', client.get("/portail/compte/").text).group(1)
    form = client.get(link).text
    assert 'value="06 99 88 77 66"' in form and "Not readable." in form
    ask(client, mobile="06 99 88 77 66", city="Courtry", url=link)
    with app.app_context():
        assert set(waiting_lot().requests[-1].changes) == {"mobile", "city"}


def test_a_part_that_was_not_accepted_is_told(app, sign_in):
    client = sign_in("galbert")
    ask(client, mobile="06 99 88 77 66", city="Courtry")
    decide_all(app, Outcome.accept, fields=["mobile"], reason="A proof, please.")
    page = client.get("/portail/demandes/?filter=accepted").text
    assert "partly accepted" in page and "not accepted" in page
    account = client.get("/portail/compte/").text
    # Of the part that was not taken alone, and as what it is: refused.
    assert re.search(r'is-refused">[^/]*?<span class="badge badge-refused">.*?<q>Courtry</q>', account, re.S)
    assert "is-partly_accepted" not in re.sub(r'<div class="told[^>]*>', "", account)


def test_what_was_decided_is_told_with_whom_it_is_about(app, sign_in):
    client = sign_in("galbert")
    with app.app_context():
        lea, tom = child_id("Léa"), child_id("Tom")
    ask(client, url=f"/portail/demande/complementary/edit/{lea}", form={"diet": "no_meat"})
    decide_all(app, Outcome.send_back, reason="Which diet?")
    ask(client, url=f"/portail/demande/complementary/edit/{tom}", form={"diet": "no_meat"})
    decide_all(app, Outcome.refuse, reason="No.")
    home = client.get("/portail/").text
    assert "To be corrected: Complementary data: Léa" in home and "<strong>Complementary data: Tom</strong>" in home


def test_what_a_clerk_holds_is_shown_as_being_processed(app, sign_in):
    client = sign_in("galbert")
    ask(client, mobile="06 99 88 77 66")
    decide_all(app, Outcome.accept, wait=False)
    page = client.get("/portail/compte/").text
    assert "being processed" in page and "Withdraw" not in page


def test_a_request_sent_back_is_the_first_thing_to_do(app, sign_in):
    client = sign_in("galbert")
    ask(client, mobile="06 99 88 77 66")
    decide_all(app, Outcome.send_back, reason="Which number is it?")
    page = client.get("/portail/").text
    assert page.index("Which number is it?") < page.index("Health data of Léa")
    assert "to be corrected" in page
    assert "Which number is it?" in client.get("/portail/demande/guardian/edit/1").text


def test_the_iban_is_masked(app, sign_in):
    from app.core.db import unit_of_work
    from app.extensions import db
    from app.families.models import BankDetails

    with app.app_context(), unit_of_work():
        db.session.add(BankDetails(family_id=1, holder="Galbert", iban="FR7630006000011234567890189", bic="AGRIFRPP"))
    page = sign_in("galbert").get("/portail/compte/").text
    assert "FR76 •••• 0189" in page and "FR7630006000011234567890189" not in page


def test_two_families_of_one_account_are_switched_and_checked(app, sign_in):
    from app.core.db import unit_of_work
    from app.security.operations import link_family
    from tests.conftest import account

    with app.app_context(), unit_of_work():
        link_family(account("galbert"), 3, "guardian")
    client = sign_in("galbert")
    assert "Go to family Petit" in client.get("/portail/").text
    assert client.post("/portail/famille/", data={"family": 2}).status_code == 404
    assert client.post("/portail/famille/", data={"family": 3}).status_code == 303
    page = client.get("/portail/enfants/").text
    assert "Hugo" in page and "Léa" not in page


def test_the_inbox_holds_the_mails_of_this_account_and_family(app, sign_in):
    from app.core.db import unit_of_work
    from app.extensions import db
    from app.mail.models import OutgoingMail
    from tests.conftest import account

    with app.app_context(), unit_of_work():
        for number, (owner, family) in enumerate((("galbert", 1), ("marc", 1), ("galbert", None), ("petit", 3)), 1):
            db.session.add(
                OutgoingMail(
                    id=number,
                    message_id=f"<{number}>",
                    recipient="a@b.example",
                    locale="en",
                    template="x",
                    subject=f"Subject {number}",
                    body="Good day <b>",
                    account_id=account(owner).id,
                    family_id=family,
                )
            )
    client = sign_in("galbert")
    page = client.get("/portail/messages/courriels/").text
    assert "Subject 1" in page and not any(f"Subject {number}" in page for number in (2, 3, 4))
    assert "Good day &lt;b&gt;" in client.get("/portail/messages/1/").text
    assert [client.get(f"/portail/messages/{number}/").status_code for number in (2, 3, 4)] == [404, 404, 404]


def test_a_page_stays_cheap_for_an_account_with_two_families_and_a_full_file(app, sign_in):
    from app.core.db import unit_of_work
    from app.security.operations import link_family
    from tests.conftest import account

    with app.app_context():
        lea = child_id("Léa")
        with unit_of_work():
            link_family(account("galbert"), 3, "guardian")
    client = sign_in("galbert")
    for name in ("Paul", "Nina", "Zoé"):
        ask(
            client,
            url=f"/portail/demande/pickup/add?child={lea}",
            form={"first_name": name, "last_name": "Durand", "phone": "06 12 34 56 78"},
        )
    ask(client, url=f"/portail/demande/authorisations/edit/{lea}", form={"image": "yes", "hospital": "no"})
    ask(client, url=f"/portail/demande/health/edit/{lea}", form={"polio": "2020-01-01"})
    decide_all(app, Outcome.accept)
    ask(client, url=f"/portail/demande/school/edit/{lea}", form={"school_year_id": 1, "school_id": 2, "level": "ce2"})
    for page in PAGES:
        url = address(app, page)
        client.get(url)
        with app.app_context(), counted_queries() as statements:
            assert client.get(url).status_code == 200
        assert len(statements) <= 8, (page, "\n".join(statements))


def test_pages_stay_cheap_with_all_that_the_town_offers_in_play(app, sign_in, activities):
    from app.children.models import SchoolYear

    with app.app_context():
        tom = child_id("Tom")
        with unit_of_work():
            put("school_zone", "a")
            next_year = SchoolYear(name="2027-2028", starts_on=date(2027, 9, 1), ends_on=date(2028, 8, 31), enrolling=True)
            db.session.add(next_year)
            insurance = {"paper_type_id": activities.insurance, "family_id": 1, "child_id": activities.lea}
            db.session.add(Paper(**insurance, received_on=date(2025, 9, 1), valid_until=date(2026, 8, 31)))
            db.session.flush()
            next_year = next_year.id
        make_request("school", 1, {"school_year_id": next_year, "school_id": 2, "level": "cp"}, target_id=tom, child_id=tom)
        week = {"1": [activities.care], "4": [activities.care]}
        evening = {"activity_id": activities.evening, "starts_on": "2026-11-30", "ends_on": "2027-07-02", "week": week}
        make_request("enrolment", 1, evening, act="add", child_id=tom)
        for child in (activities.lea, tom):
            make_request("health", 1, {"polio": date(2024, 1, 1)}, target_id=child, child_id=child)
        make_request("booking", 1, {"unit_id": activities.day, "day": date(2026, 12, 2)}, act="add", child_id=activities.lea)
        with unit_of_work():
            place = db.session.scalar(db.select(PlaceAsked))
            place.rank, place.offered_until = Rank.offered, clock.now() + timedelta(hours=24)
    client = sign_in("galbert")
    for url, words in (
        ("/portail/", ("A place is free for Léa", "nothing is booked for", "to send")),
        (f"/portail/enfants/{tom}/", ("2027-2028", "Evening care")),
        (f"/portail/enfants/{activities.lea}/", ("Canteen",)),
        ("/portail/papiers/", ("Insurance",)),
        ("/portail/inscriptions/", ("Evening care",)),
        ("/portail/agenda/?weeks=4", ("Canteen",)),
    ):
        client.get(url)
        with app.app_context(), counted_queries() as statements:
            page = client.get(url).text
        assert [word for word in words if word not in page] == [], url
        assert len(statements) <= 8, (url, "\n".join(statements))

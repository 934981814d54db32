"""Is a request found whatever became of it: by its receipt's number, the family, the child; in few queries, without what it asked?"""

import re

import pytest

from app.changes.models import RequestState
from app.core import clock
from app.core.db import unit_of_work
from tests.conftest import counted_queries, work
from tests.factories import make_request, request_of
from tests.staff.test_queue import many_families

LIST = "/mairie/toutes-les-demandes/"
IBAN = "FR7630006000011234567890189"


@pytest.fixture
def town(app, scene):
    """Of Galbert: a telephone accepted, a diet of Léa sent back, bank details refused; of Martin an address that waits."""
    return scene(load)


def load():
    from flask import current_app

    with current_app.test_request_context("/"):
        ids = {
            "phone": make_request("guardian", 1, {"mobile": "06 99 88 77 66"}),
            "diet": make_request("complementary", 1, {"diet": "no_pork"}, child_id=1),
            "bank": make_request("bank", 1, {"holder": "Christelle Galbert", "iban": IBAN}, channel="post"),
            "address": make_request("guardian", 2, {"city": "Courtry"}),
        }
        decide_as("agent", {ids["phone"]: ("accept", ""), ids["diet"]: ("send_back", "Which diet?"), ids["bank"]: ("refuse", "No slip.")})
    clock.advance(seconds=11)
    work(current_app._get_current_object())
    return ids


def decide_as(username, words):
    from app.changes.decisions import Verdict, decide
    from app.changes.models import Outcome
    from tests.conftest import account

    with unit_of_work():
        verdicts = [Verdict(number, request_of(number).version, Outcome(word), reason=why) for number, (word, why) in words.items()]
        assert decide(verdicts, by=account(username)).problems == {}


def number_of(app, request_id):
    with app.app_context():
        return request_of(request_id).lot.number


def found(page):
    """The numbers of the lots in the list, in its order."""
    return re.findall(r'<a href="/mairie/demandes/\d+/">(\d{4}-\d+)</a>', page.partition("<tbody")[2])


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["address", "bank", "diet", "phone"]),
        ("q=galbert", ["bank", "diet", "phone"]),
        ("q=lea", ["diet"]),
        ("state=accepted", ["phone"]),
        ("state=sent_back", ["diet"]),
        ("section=bank", ["bank"]),
        ("channel=post", ["bank"]),
        ("state=nonsense&channel=x", ["address", "bank", "diet", "phone"]),
        ("_flt_0_asked_at=2200-01-01", []),
    ],
)
def test_what_narrows_the_list(app, town, sign_in, query, names):
    answer = sign_in("agent").get(f"{LIST}?{query}")
    assert answer.status_code == 200
    assert found(answer.text) == [number_of(app, town[name]) for name in names]


def test_a_receipts_number_finds_what_was_decided_and_leads_to_it(app, town, sign_in):
    client, number = sign_in("agent"), number_of(app, town["bank"])
    assert found(client.get(f"{LIST}?q={number}").text) == [number]
    with app.app_context():
        lot = request_of(town["bank"]).lot_id
    page = client.get(f"/mairie/demandes/{lot}/").text
    assert "refused" in page and "No slip." in page and "Agent Mairie," in page and "answer due before" not in page


def test_the_queues_search_says_that_a_number_was_decided(app, town, sign_in):
    client, number = sign_in("agent"), number_of(app, town["bank"])
    for typed in (number, number.partition("-")[2], number.replace("-0", "-")):
        page = client.get(f"/mairie/demandes/?q={typed}").text
        assert f"Lot {number}</a> Galbert" in page and "refused" in page, typed
    waiting = number_of(app, town["address"])
    assert f"Lot {waiting}</a>" not in client.get(f"/mairie/demandes/?q={waiting}").text, "the queue lists it"
    assert f"Lot {waiting}</a>" in client.get(f"/mairie/demandes/?q={waiting}&lane=green").text, "another lane holds it"
    assert f"{LIST}?q=nobody" in client.get("/mairie/demandes/?q=nobody").text
    for odd in ("2026-²", "9" * 80, "1-2-3", "%2D"):
        assert client.get(f"/mairie/demandes/?q={odd}").status_code == 200


def test_the_desk_leads_to_what_waits_for_its_family(town, sign_in):
    clock.advance(days=3)
    client = sign_in("agent")
    desk = client.get("/mairie/").text
    assert "sent back: the family has to answer" in desk and "oldest: 3 d" in desk
    link = re.search(r'href="(/mairie/toutes-les-demandes/\?[^"]*)"', desk)[1].replace("&amp;", "&")
    page = client.get(link).text
    assert len(found(page)) == 1 and "3 d" in page and "to be corrected" in page


def test_a_part_that_was_not_accepted_is_told_from_the_rest(app, sign_in):
    with app.test_request_context("/"):
        number = make_request("guardian", 1, {"mobile": "06 99 88 77 66", "city": "Courtry"})
        with unit_of_work():
            request = request_of(number)
            request.move_to(RequestState.deciding)
            request.move_to(RequestState.partly_accepted)
            request.accepted_fields, request.reason, request.decided_by = ["mobile"], "A proof, please.", "Agent Mairie"
        lot = request_of(number).lot_id
    page = sign_in("agent").get(f"/mairie/demandes/{lot}/").text
    assert page.count("not accepted") == 1 and re.search(r"Town\s*<strong[^>]*>not accepted", page)


def test_a_receipt_of_which_all_was_replaced_leads_to_the_later_one(app, sign_in):
    with app.test_request_context("/"):
        first = request_of(make_request("guardian", 1, {"mobile": "06 99 88 77 66"})).lot
        later = request_of(make_request("guardian", 1, {"city": "Courtry"})).lot
        ids, number = (first.id, later.id), later.number
    page = sign_in("agent").get(f"/mairie/demandes/{ids[0]}/").text
    assert "replaced by a later one" in page and f'href="/mairie/demandes/{ids[1]}/">Lot {number}</a>' in page


def test_the_regisseur_finds_what_he_decides(app, town, sign_in):
    client = sign_in("regisseur")
    assert found(client.get(LIST).text) == [number_of(app, town["bank"])]
    assert f"Lot {number_of(app, town['phone'])}<" not in client.get(f"/mairie/demandes/?q={number_of(app, town['phone'])}").text
    assert sign_in("animateur").get(LIST).status_code == 403


def test_what_was_asked_is_in_no_export(app, town, sign_in):
    text = sign_in("agent").get(f"{LIST}export.csv").text
    assert "Bank information" in text and "Galbert" in text
    for secret in (IBAN, "06 99 88 77 66", "no_pork", "Without pork", "No slip."):
        assert secret not in text


def test_queries_do_not_grow(app, sign_in):
    with app.test_request_context("/"):
        many_families(60)
    client = sign_in("agent")
    for path in (LIST, f"{LIST}?q=famille&state=pending", f"{LIST}export.csv", "/mairie/demandes/?q=2026-0001", "/mairie/"):
        with app.app_context(), counted_queries() as statements:
            assert client.get(path).status_code == 200
        assert len(statements) <= 8, (path, len(statements), statements)

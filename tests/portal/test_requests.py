"""Can a family follow what it asked, take it back, close a lot, and see nothing of anybody else's?"""

import re
from datetime import timedelta

import pytest

from app.changes.models import Act, ChangeLot, ChangeRequest, Outcome, RequestState
from app.core import clock
from app.extensions import db
from tests.conftest import account, base_of, counted_queries
from tests.portal.asking import ask, child_id, decide_all, requests, waiting_lot


def states(app):
    with app.app_context():
        return [request.state for request in requests()]


def receipt(app):
    with app.app_context():
        return f"/portail/demandes/lot/{waiting_lot().id}/"


def test_a_save_leads_to_its_receipt(app, sign_in):
    client = sign_in("galbert")
    answer = ask(client, mobile="06 99 88 77 66", comment="My new number")
    page = client.get(answer.location).text
    assert "06 11 22 33 44" in page and "06 99 88 77 66" in page and "My new number" in page
    with app.app_context():
        assert waiting_lot().number in page
        assert f"until {clock.local(waiting_lot().seals_at):%H:%M}" in page


def test_done_seals_the_lot(app, sign_in):
    client = sign_in("galbert")
    ask(client, mobile="06 99 88 77 66")
    assert client.post(receipt(app) + "envoyer").status_code == 303
    with app.app_context():
        assert waiting_lot().sealed
    assert "I am done" not in client.get(receipt(app)).text


def test_a_request_is_taken_back(app, sign_in):
    client = sign_in("galbert")
    ask(client, mobile="06 99 88 77 66")
    assert client.post("/portail/demandes/1/retirer").status_code == 303
    assert states(app) == [RequestState.withdrawn]
    assert "06 99 88 77 66" not in client.get("/portail/compte/").text


def test_a_clerk_who_was_faster_is_told_not_crashed(app, sign_in):
    client = sign_in("galbert")
    ask(client, mobile="06 99 88 77 66")
    decide_all(app, Outcome.accept, wait=False)
    answer = client.post("/portail/demandes/1/retirer")
    assert answer.status_code == 409 and "being processed" in answer.text


@pytest.mark.parametrize("username", ["petit", "martin"])
def test_another_familys_request_is_404(app, sign_in, username):
    ask(sign_in("galbert"), mobile="06 99 88 77 66")
    other = sign_in(username)
    assert other.get(receipt(app)).status_code == 404
    assert other.post(receipt(app) + "envoyer").status_code == 404
    assert other.post("/portail/demandes/1/retirer").status_code == 404
    assert states(app) == [RequestState.pending]
    with app.app_context():
        assert not waiting_lot().sealed
    assert "06 99 88 77 66" not in other.get("/portail/demandes/").text


def test_the_spouse_reads_the_guardians_request_and_may_not_take_it_back(app, sign_in):
    ask(sign_in("galbert"), mobile="06 99 88 77 66")
    marc = sign_in("marc")
    page = marc.get("/portail/compte/").text
    assert "06 99 88 77 66" in page and "Withdraw" not in page and "/demande/guardian/" not in page
    assert marc.post("/portail/demandes/1/retirer").status_code == 403
    assert marc.get("/portail/demande/guardian/edit/1").status_code == 403


def test_the_spouse_sees_nothing_of_the_bank(app, sign_in):
    with app.test_request_context("/"):
        from app.core.db import unit_of_work

        with unit_of_work():
            lot = ChangeLot(
                number="2026-0099",
                family_id=1,
                account_id=account("galbert").id,
                opened_at=clock.now(),
                seals_at=clock.now() + timedelta(minutes=10),
            )
            db.session.add(
                ChangeRequest(
                    lot=lot,
                    family_id=1,
                    kind="bank",
                    act=Act.edit,
                    target_id=1,
                    changes={"holder": {"before": None, "after": "Secret Holder"}},
                    asked_by="x",
                )
            )
    marc, christelle = sign_in("marc"), sign_in("galbert")
    assert "Secret Holder" in christelle.get("/portail/compte/").text
    assert marc.get(receipt(app)).status_code == 404
    assert marc.post("/portail/demandes/1/retirer").status_code == 404
    for page in ("/portail/", "/portail/compte/", "/portail/demandes/", "/portail/demandes/?tab=bank"):
        text = marc.get(page).text
        assert "Secret Holder" not in text and "Bank information" not in text


def test_the_arrows_walk_through_the_requests(app, sign_in):
    client = sign_in("galbert")
    for number in range(3):
        ask(client, mobile=f"06 99 88 77 6{number}")
        client.post(receipt(app) + "envoyer")
    decide_all(app, Outcome.refuse, reason="No.")
    first = client.get("/portail/demandes/?tab=guardian&filter=archive").text
    assert "1 of 2" in first and 'rel="prev"' not in first
    second = client.get(re.search(r'rel="next" href="([^"]+)"', first).group(1).replace("&amp;", "&")).text
    assert "2 of 2" in second and 'rel="next"' not in second and "replaced by a later one" in second
    assert "2026" in client.get("/portail/demandes/?tab=guardian&filter=refused").text


@pytest.mark.parametrize("query", ["?tab=nonsense&filter=nonsense&n=abc", "?n=-3", "?n=999999999999", "?tab=photo"])
def test_the_list_survives_any_address(sign_in, query):
    assert sign_in("galbert").get(f"/portail/demandes/{query}").status_code == 200


def test_the_list_and_a_lot_stay_cheap_with_many_requests(app, sign_in):
    client = sign_in("galbert")
    with app.app_context():
        lea, tom = child_id("Léa"), child_id("Tom")
    for child in (lea, tom):
        for number in range(3):
            ask(
                client,
                url=f"/portail/demande/pickup/add?child={child}",
                form={"first_name": f"Paul{'abc'[number]}", "last_name": "Durand", "phone": "06 12 34 56 78"},
            )
        ask(client, url=f"/portail/demande/authorisations/edit/{child}", form={"image": "yes"})
    ask(client, mobile="06 99 88 77 66")
    for page in (receipt(app), "/portail/demandes/?tab=authorisations"):
        client.get(page)
        with app.app_context(), counted_queries() as statements:
            assert client.get(page).status_code == 200
        assert len(statements) <= 8, "\n".join(statements)


def test_changing_a_request_to_add_takes_its_place(app, sign_in):
    client = sign_in("galbert")
    form = {"first_name": "Jeanne", "last_name": "Galbert", "birth_date": "2024-05-06"}
    ask(client, url="/portail/demande/new-child/add", form=form)
    page = client.get("/portail/enfants/").text
    link = re.search(r'href="([^"]*again=\d+)"', page).group(1)
    assert 'value="Jeanne"' in client.get(link).text
    ask(client, url=link, form={**form, "birth_date": "2024-05-07"})
    assert states(app) == [RequestState.superseded, RequestState.pending]
    assert sign_in("petit").get(link).status_code == 404


def test_the_same_form_twice_is_one_request(app, sign_in):
    client = sign_in("galbert")
    url = "/portail/demande/new-child/add"
    data = {"first_name": "Jeanne", "last_name": "Galbert", "birth_date": "2024-05-06", "base": base_of(client.get(url).text)}
    assert client.post(url, data=data).location == client.post(url, data=data).location
    assert states(app) == [RequestState.pending]


def test_two_tabs_of_one_form_lose_nothing(app, sign_in):
    client = sign_in("galbert")
    url = "/portail/demande/guardian/edit/1"
    tabs = [base_of(client.get(url).text) for _tab in range(2)]
    from tests.portal.asking import GUARDIAN

    client.post(url, data={**GUARDIAN, "mobile": "06 99 88 77 66", "base": tabs[0]})
    client.post(url, data={**GUARDIAN, "city": "Courtry", "base": tabs[1]})
    with app.app_context():
        assert {name: pair["after"] for name, pair in requests()[-1].changes.items()} == {"mobile": "06 99 88 77 66", "city": "Courtry"}


def test_removing_a_person_is_asked_and_shown(app, sign_in):
    client = sign_in("galbert")
    with app.app_context():
        lea = child_id("Léa")
    ask(
        client,
        url=f"/portail/demande/pickup/add?child={lea}",
        form={"first_name": "Paul", "last_name": "Durand", "phone": "06 12 34 56 78"},
    )
    assert "Paul Durand" in client.get(f"/portail/enfants/{lea}/").text
    decide_all(app, Outcome.accept)
    page = client.get(f"/portail/enfants/{lea}/").text
    link = re.search(r'href="([^"]*/pickup/delete/\d+)"', page).group(1)
    assert "Paul" in client.get(link).text
    client.post(link)
    page = client.get(f"/portail/enfants/{lea}/").text
    assert "You asked to remove this person." in page and "/pickup/delete/" not in page
    decide_all(app, Outcome.accept)
    assert "Paul Durand" not in client.get(f"/portail/enfants/{lea}/").text


def test_the_other_household_sees_neither_persons_nor_requests(app, sign_in):
    martin, petit = sign_in("martin"), sign_in("petit")
    with app.app_context():
        hugo = child_id("Hugo")
    ask(
        martin,
        url=f"/portail/demande/pickup/add?child={hugo}",
        form={"first_name": "Paul", "last_name": "Durand", "phone": "06 12 34 56 78"},
    )
    decide_all(app, Outcome.accept)
    ask(martin, url=f"/portail/demande/authorisations/edit/{hugo}", form={"image": "yes"})
    page = petit.get(f"/portail/enfants/{hugo}/").text
    assert "Hugo" in page and "Paul" not in page and "waiting" not in page and "Martin</strong>" not in page and "rue des Lilas" not in page
    assert "Paul Durand" in martin.get(f"/portail/enfants/{hugo}/").text
    decide_all(app, Outcome.accept)
    assert "yes, since" in petit.get(f"/portail/enfants/{hugo}/").text

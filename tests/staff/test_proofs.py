"""Who has no proof of income, is the fund asked from the screens, and who is reminded, once?"""

import re
from datetime import date

import pytest

from app.core import settings
from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import Adult, CafData, Civility, IncomeQuotient
from app.mail.models import OutgoingMail
from tests import particulier
from tests.billing import cast
from tests.conftest import account, counted_queries, work

LIST = "/mairie/quotients/sans-preuve/"


@pytest.fixture
def stub(app):
    with particulier.Stub() as listening:
        before = {key: app.config[key] for key in ("PARTICULIER_URL", "PARTICULIER_TOKEN", "PARTICULIER_SIRET")}
        app.config.update(PARTICULIER_URL=listening.url, PARTICULIER_TOKEN=particulier.TOKEN, PARTICULIER_SIRET=particulier.SIRET)
        yield listening
        app.config.update(before)


def agree(app, family_id, code="77284"):
    with app.app_context(), unit_of_work():
        adult = db.session.scalar(db.select(Adult).filter_by(family_id=family_id, role="guardian"))
        adult.civility, adult.birth_date = Civility.mrs, date(1985, 3, 7)
        db.session.add(CafData(family_id=family_id, consent=True, holder="guardian", birth_code=code))


def test_it_lists_who_has_none_or_an_old_one_and_no_value(app, sign_in, billed):
    page = sign_in("agent").get(LIST).text
    assert "Petit" in page and "Galbert" not in page and "Martin" not in page
    with app.app_context(), unit_of_work():
        row = db.session.scalar(db.select(IncomeQuotient).filter_by(family_id=billed.martin))
        row.counts_from = date(2025, 11, 1)
    page = sign_in("agent").get(LIST).text
    assert "Martin" in page and "450" not in re.sub(r"\?v=\w+", "", page)
    assert "Martin" not in sign_in("agent").get(LIST + "?proof=missing").text
    assert "Petit" not in sign_in("agent").get(LIST + "?proof=old").text
    assert "Petit" in sign_in("agent").get(LIST + "export.csv").text


def test_where_quotients_end_those_that_end_soon_are_listed_too(app, sign_in, billed):
    with app.app_context(), unit_of_work():
        settings.put("quotient_months", 12)
        row = db.session.scalar(db.select(IncomeQuotient).filter_by(family_id=billed.martin))
        row.counts_from = date(2026, 1, 1)
        first, later = db.session.scalars(
            db.select(IncomeQuotient).filter_by(family_id=billed.galbert).order_by(IncomeQuotient.counts_from)
        )
        first.counts_from = date(2025, 11, 1)
        db.session.delete(later)
    client = sign_in("agent")
    page = client.get(LIST).text
    assert "31 Dec 2026" in page and "31 Oct 2026" in page
    soon, over = client.get(LIST + "?proof=ending").text, client.get(LIST + "?proof=old").text
    assert "Martin" in soon and "Galbert" not in soon and "Galbert" in over and "Martin" not in over
    with app.app_context(), unit_of_work():
        db.session.scalar(db.select(IncomeQuotient).filter_by(family_id=billed.martin)).counts_from = date(2026, 3, 1)
    assert "Martin" not in client.get(LIST).text


def test_who_takes_part_in_nothing_is_not_listed(app, sign_in):
    assert "Petit" not in sign_in("agent").get(LIST).text


def test_the_fund_is_asked_from_the_familys_page(app, sign_in, billed, stub):
    client = sign_in("agent")
    assert "Ask the fund" not in client.get("/mairie/familles/1/").text
    agree(app, 1)
    assert "Ask the fund" in client.get("/mairie/familles/1/").text
    page = client.post(f"{LIST}1/demander", follow_redirects=True).text
    assert page.count("quotient was entered") == 1


def test_without_a_key_there_is_no_button(app, sign_in, billed):
    agree(app, 3)
    assert "Ask the fund" not in sign_in("agent").get("/mairie/familles/3/").text
    page = sign_in("agent").get(LIST).text
    assert "With a key" in page and "Ask the funds for all" not in page


def test_all_are_asked_with_progress_and_an_end(app, sign_in, billed, stub):
    agree(app, 3)
    stub.people[("PETIT", "PAUL", "77284")] = ("CNAF", 512)
    client = sign_in("agent")
    assert "Ask the funds for all who agree (1)" in client.get(LIST).text
    page = client.post(f"{LIST}demander", follow_redirects=True).text
    assert "are being asked" in page and "0 of 1" in page
    assert client.get(f"{LIST}progression").json == {"running": True, "done": 0, "total": 1, "said": "0 of 1 households"}
    assert "already" in client.post(f"{LIST}demander", follow_redirects=True).text
    work(app)
    page = client.get(LIST).text
    assert "1 of 1" in page and "new quotients: 1" in page and "Petit" not in page.partition("</nav>")[2].partition("<tbody")[2]


def test_it_can_be_stopped(app, sign_in, billed, stub):
    agree(app, 3)
    client = sign_in("agent")
    client.post(f"{LIST}demander")
    client.post(f"{LIST}arreter")
    work(app)
    assert stub.asked == [] and "stopped it" in client.get(LIST).text


def test_the_others_are_reminded_once(app, sign_in, billed):
    client = sign_in("agent")
    assert "Remind them by mail (1)" in client.get(LIST).text
    assert "The mails are being written" in client.post(f"{LIST}relancer", follow_redirects=True).text
    assert "by mail (" not in client.get(LIST).text
    work(app)
    assert "Last reminded: 1 family" in client.get(LIST).text and "by mail (" not in client.get(LIST).text
    assert "nobody to do it for" in client.post(f"{LIST}relancer", follow_redirects=True).text
    with app.app_context():
        (mail,) = db.session.scalars(db.select(OutgoingMail).filter_by(template="quotient")).all()
        assert mail.family_id == billed.petit and "/portail/compte/" in mail.body


def test_who_agrees_is_not_reminded_while_the_fund_can_be_asked(app, sign_in, billed, stub):
    agree(app, 3)
    client = sign_in("agent")
    assert "by mail (" not in client.get(LIST).text
    stub.fail(404)
    client.post(f"{LIST}3/demander")
    assert "Remind the others by mail (1)" in client.get(LIST).text


@pytest.mark.parametrize("username", ["animateur", "lecteur"])
def test_others_neither_ask_nor_remind(app, sign_in, billed, stub, username):
    agree(app, 3)
    client = sign_in(username)
    for path in (f"{LIST}3/demander", f"{LIST}demander", f"{LIST}arreter", f"{LIST}relancer"):
        assert client.post(path).status_code == 403
    assert stub.asked == []


def test_the_list_takes_the_same_queries_whatever_its_length(app, sign_in, billed):
    client = sign_in("agent")
    client.get(LIST)
    with app.app_context():
        engine = db.engine
    with counted_queries(engine) as one:
        client.get(LIST)
    with app.app_context():
        assert account("agent")
        for number in range(12):
            child = cast.cast.another_child(f"Enfant{number}", 2)
            cast.cast.enrol(child, 2, billed.canteen)
        with unit_of_work():
            db.session.execute(db.delete(IncomeQuotient))
    with counted_queries(engine) as many:
        client.get(LIST)
    assert len(many) <= len(one) <= 12

"""Who hears of a lot, when, and who hears nothing?"""

from datetime import date

from app.changes.decisions import Verdict, decide
from app.changes.models import ChangeLot, ChangeRequest, Channel, Outcome
from app.changes.notices import implied_decision, unreachable
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import Adult
from app.security.models import LoginAddress
from app.security.queries import reader_of
from tests.conftest import account, counted_queries, work
from tests.rules.test_validation import ask
from tests.security.conftest import mails


def requests():
    return db.session.scalars(db.select(ChangeRequest).order_by(ChangeRequest.id)).all()


def verdict(app, outcome, **more):
    with app.test_request_context("/"), unit_of_work():
        request = requests()[-1]
        assert decide([Verdict(request.id, request.version, outcome, **more)], by=account("agent")).problems == {}


def test_one_receipt_a_lot_after_it_is_sealed(app, sign_in):
    client = sign_in("galbert")
    ask(client, mobile="06 99 88 77 66")
    ask(client, mobile="06 99 88 77 66", city="Courtry")
    work(app)
    with app.app_context():
        assert mails() == []
    clock.advance(minutes=11)
    work(app)
    work(app)
    with app.app_context():
        (mail,) = mails()
        lot = db.session.scalar(db.select(ChangeLot))
        assert mail.template == "receipt" and mail.recipient == "galbert@famille.example" and mail.family_id == 1
        assert lot.number in mail.subject and lot.number in mail.body
        assert "06 99" not in mail.body and "Courtry" not in mail.body


def test_one_mail_a_lot_after_the_decisions_with_the_reason(app, sign_in):
    ask(sign_in("galbert"), mobile="06 99 88 77 66")
    clock.advance(minutes=11)
    verdict(app, Outcome.refuse, reason="Le numéro n’est pas lisible.")
    clock.advance(seconds=11)
    work(app)
    work(app)
    with app.app_context():
        (mail,) = mails("decided")
        assert "Le numéro n’est pas lisible." in mail.body and "06 99" not in mail.body


def test_the_mail_speaks_the_readers_language(app, sign_in):
    with app.app_context(), unit_of_work():
        account("galbert").locale = "en"
    ask(sign_in("galbert"), mobile="06 99 88 77 66")
    clock.advance(minutes=11)
    work(app)
    with app.app_context():
        (mail,) = mails()
        assert mail.locale == "en" and mail.subject.startswith("We have received")


def test_silence_counts_from_the_letter(ctx):
    lot = ChangeLot(number="x", family_id=1, opened_at=clock.now(), seals_at=clock.now())
    for day, expected in (
        (date(2026, 12, 31), date(2027, 2, 28)),
        (date(2026, 11, 5), date(2027, 1, 5)),
        (date(2027, 12, 30), date(2028, 2, 29)),
    ):
        lot.requests = [ChangeRequest(received_on=day)]
        assert implied_decision(lot) == expected
    db.session.expunge_all()


def lot(number, account_id, family_id, channel=Channel.portal):
    with unit_of_work():
        row = ChangeLot(
            number=number, account_id=account_id, family_id=family_id, channel=channel, opened_at=clock.now(), seals_at=clock.now()
        )
        db.session.add(row)
    return row


def test_who_is_written_to(ctx):
    galbert, marc, agent = (account(name).id for name in ("galbert", "marc", "agent"))
    assert reader_of(galbert, 1).email == "galbert@famille.example"
    assert reader_of(marc, 1).email == "marc@famille.example"
    assert reader_of(agent, 1).email == "galbert@famille.example", "what a clerk entered goes to the guardian"
    with unit_of_work():
        db.session.execute(db.delete(LoginAddress).where(LoginAddress.account_id == galbert))
    assert reader_of(agent, 1).email == "christelle@famille.example", "at the address in the file"
    with unit_of_work():
        db.session.get(Adult, 1).email = None
    assert reader_of(galbert, 1) is None and reader_of(agent, 1) is None, "never to the other adult"


def test_an_unconfirmed_address_is_not_written_to(ctx):
    with unit_of_work():
        db.session.execute(db.update(LoginAddress).values(confirmed_at=None))
        db.session.execute(db.update(Adult).values(email=None))
    assert reader_of(account("galbert").id, 1) is None


def test_a_family_without_an_account_is_reached_at_the_guardians_address(ctx):
    from app.families.models import AdultRole
    from app.families.operations import new_family

    with unit_of_work():
        family = new_family("Neuve")
        family.adults.append(Adult(role=AdultRole.spouse, first_name="B", last_name="Neuve", email="b@famille.example"))
        family.adults.append(Adult(role=AdultRole.guardian, first_name="A", last_name="Neuve", email="a@famille.example"))
        db.session.flush()
        family_id = family.id
    reader = reader_of(account("agent").id, family_id)
    assert (reader.email, reader.account_id) == ("a@famille.example", None)


def test_clerks_see_whom_nobody_writes_to(ctx):
    with unit_of_work():
        db.session.execute(db.delete(LoginAddress).where(LoginAddress.account_id == account("martin").id))
        db.session.execute(db.update(Adult).where(Adult.last_name == "Martin").values(email=None))
    family = db.session.scalar(db.select(Adult.family_id).filter_by(last_name="Martin"))
    lots = [
        lot("a", account("galbert").id, 1),
        lot("b", account("martin").id, family),
        lot("c", account("agent").id, family, Channel.phone),
    ]
    with counted_queries() as statements:
        assert unreachable(lots) == {lots[1].id, lots[2].id}
    assert len([line for line in statements if "change_lot" not in line]) == 1


def test_nobody_to_write_to_queues_nothing_and_stops_nothing(app, sign_in):
    with app.app_context(), unit_of_work():
        db.session.execute(db.delete(LoginAddress))
        db.session.execute(db.update(Adult).values(email=None))
    page = sign_in("galbert").get("/portail/demande/guardian/edit/1")
    from tests.conftest import base_of
    from tests.rules.test_validation import FORM

    answer = sign_in("galbert").post(
        "/portail/demande/guardian/edit/1", data={**FORM, "mobile": "06 99 88 77 66", "base": base_of(page.text)}
    )
    assert answer.status_code == 302
    clock.advance(minutes=11)
    work(app)
    with app.app_context():
        assert mails() == [] and db.session.scalar(db.select(ChangeLot.receipt_at)) is not None

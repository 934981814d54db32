"""Who may write, who may read, what is new, and what leaves by mail?"""

import pytest
from sqlalchemy import func, select

from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.extensions import db
from app.families.models import Adult, AdultRole, Family
from app.families.operations import new_family
from app.mail.models import OutgoingMail
from app.messages.models import Message, Thread, ThreadState
from app.messages.operations import Writing, answer_family, answer_town, ask_town, broadcast, close, note, note_reading
from app.messages.queries import count_new, thread_of, threads_of
from tests.conftest import account, counted_queries

GALBERT = 1


def ask(text="Le mercredi, à quelle heure ?", **more):
    """Christelle writes; the thread's id."""
    with unit_of_work():
        return ask_town(GALBERT, "Mercredi", Writing(text, account("galbert")), **more).id


def answer(thread_id, text="À 8 heures.", **more):
    with unit_of_work():
        answer_family(db.session.get(Thread, thread_id), Writing(text, account("agent"), **more))


def new(username, family_id=GALBERT):
    return db.session.scalar(select(count_new(account(username).id, family_id)))


def test_an_answer_is_new_until_it_is_read_and_goes_by_mail(ctx):
    thread = ask()
    assert db.session.get(Thread, thread).state is ThreadState.waiting and new("galbert") == 0
    answer(thread)
    assert (new("galbert"), new("marc"), new("petit", 3)) == (1, 1, 0)
    mail = db.session.scalars(select(OutgoingMail)).one()
    assert (mail.recipient, "À 8 heures." in mail.body, "Mercredi" in mail.subject) == ("galbert@famille.example", True, True)
    last = db.session.scalar(select(func.max(Message.id)))
    note_reading(thread, account("galbert").id, last)
    note_reading(thread, account("galbert").id, last - 1)
    db.session.rollback()
    assert (new("galbert"), new("marc")) == (0, 1)


def test_the_same_form_twice_is_one_message(ctx):
    first, second = (ask_again() for _time in range(2))
    assert first == second
    for _time in range(2):
        answer(first, key="the-answer")
    with unit_of_work():
        answer_town(db.session.get(Thread, first), Writing("Merci.", account("galbert"), key="thanks"))
        answer_town(db.session.get(Thread, first), Writing("Merci.", account("galbert"), key="thanks"))
    assert db.session.scalar(select(func.count(Message.id))) == 3


def ask_again():
    with unit_of_work():
        return ask_town(GALBERT, "Mercredi", Writing("Bonjour", account("galbert"), key="the-form")).id


def test_another_adult_does_not_read_what_is_private_nor_does_another_family(ctx):
    thread = ask(private=True)
    assert thread_of(thread, account("galbert").id, GALBERT)[0].id == thread
    assert thread_of(thread, account("marc").id, GALBERT) == (None, [])
    assert thread_of(thread, account("petit").id, 3) == (None, [])
    assert [threads_of(account(name).id, GALBERT)[1] for name in ("galbert", "marc")] == [1, 0]


def test_a_note_is_for_the_staff_alone(ctx):
    thread = ask()
    with unit_of_work():
        note(db.session.get(Thread, thread), Writing("Appeler la directrice.", account("agent")))
    found, messages = thread_of(thread, account("galbert").id, GALBERT)
    assert [message.text for message in messages] == ["Le mercredi, à quelle heure ?"] and found.state is ThreadState.waiting
    assert new("galbert") == 0 and db.session.scalar(select(func.count(OutgoingMail.id))) == 0


def test_a_closed_conversation_opens_again_when_the_family_writes(ctx):
    thread = ask()
    with unit_of_work():
        close(db.session.get(Thread, thread), by=account("agent"))
    with unit_of_work():
        answer_town(db.session.get(Thread, thread), Writing("Et le soir ?", account("marc")))
    assert db.session.get(Thread, thread).state is ThreadState.waiting


def test_a_file_of_another_family_is_not_sent_along(ctx):
    from app.core.files import Upload
    from app.documents.operations import store
    from app.security.who_sees_what import Noun

    with unit_of_work():
        theirs = store(Upload("a.png", "image/png", b"x"), noun=Noun.message, family_id=3).id
    with pytest.raises(DomainError), unit_of_work():
        ask_town(GALBERT, "Mercredi", Writing("Bonjour", account("galbert"), files=(theirs,)))
    assert db.session.scalar(select(func.count(Thread.id))) == 0


def test_the_last_written_conversation_comes_first(ctx):
    first, second = ask(), ask()
    clock.advance(minutes=1)
    answer(first)
    assert [(thread.id, count) for thread, count in threads_of(account("galbert").id, GALBERT)[0]] == [(first, 1), (second, 0)]


def test_a_broadcast_is_a_conversation_with_each_family(ctx):
    with unit_of_work():
        sent = broadcast("Grève jeudi", "Pas de cantine jeudi.", ("everybody", ""), by=account("agent"), key="once")
        again = broadcast("Grève jeudi", "Pas de cantine jeudi.", ("everybody", ""), by=account("agent"), key="once")
        assert sent is again and (sent.families, sent.mails) == (3, 3)
    assert db.session.scalar(select(func.count(Thread.id))) == 3 and new("petit", 3) == 1
    thread = db.session.scalars(select(Thread).where(Thread.family_id == 3)).one()
    with unit_of_work():
        answer_town(db.session.merge(thread), Writing("Merci.", account("petit")))
    assert [message.text for message in thread_of(thread.id, account("petit").id, 3)[1]] == ["Pas de cantine jeudi.", "Merci."]
    assert {row.recipient for row in db.session.scalars(select(OutgoingMail))} == {
        f"{name}@famille.example" for name in ("galbert", "martin", "petit")
    }


def test_a_broadcast_to_a_class_goes_to_its_families_alone(ctx):
    from app.children.models import SchoolClass

    clock.set_to(clock.now().replace(year=2026, month=11, day=23))
    number = db.session.scalar(select(SchoolClass.id))
    with unit_of_work():
        sent = broadcast("Sortie", "Jeudi.", ("class", str(number)), by=account("agent"))
        assert sent.families == 1 and "CE1 A" in sent.audience_title
    assert db.session.scalars(select(Thread.family_id)).all() == [GALBERT]


def test_a_broadcast_costs_as_many_statements_for_a_hundred_families_as_for_three(ctx):
    with counted_queries() as few, unit_of_work():
        broadcast("Grève", "Jeudi.", ("everybody", ""), by=account("agent"))
    with unit_of_work():
        for number in range(100):
            adult = Adult(role=AdultRole.guardian, first_name="Camille", last_name=f"Nom{number}", email=f"camille{number}@famille.example")
            db.session.add(new_family(f"Famille {number}"))
            db.session.flush()
            adult.family = db.session.scalars(select(Family).order_by(Family.id.desc())).first()
            db.session.add(adult)
    with counted_queries() as many, unit_of_work():
        assert broadcast("Grève", "Vendredi.", ("everybody", ""), by=account("agent")).families == 103
    assert len(many) <= len(few) + 3


def test_a_broadcast_to_nobody_is_refused(ctx):
    with pytest.raises(DomainError), unit_of_work():
        broadcast("Sortie", "Jeudi.", ("unpaid", ""), by=account("agent"))

"""Do clerks answer, note, assign and close, and does the town write to many only after it has seen to whom?"""

import html
import re

import pytest
from sqlalchemy import func, select

from app.core.db import unit_of_work
from app.extensions import db
from app.messages.models import Broadcast, Message, Thread, ThreadState
from app.messages.operations import Writing, ask_town
from tests.conftest import account, counted_queries

LIST = "/mairie/messages/"


def hidden(page, name):
    return html.unescape(re.search(rf'name="{name}"[^>]*value="([^"]*)"', page).group(1))


@pytest.fixture
def thread(app):
    """What Christelle asked."""
    with app.app_context(), app.test_request_context("/"), unit_of_work():
        return ask_town(1, "Mercredi", Writing("À quelle heure ?", account("galbert"))).id


def page_of(thread):
    return f"/mairie/messages/{thread}/"


def test_what_waits_stands_in_the_list_and_is_counted(app, sign_in, thread):
    page = sign_in("agent").get(LIST).text
    assert "Mercredi" in page and "Galbert" in page
    assert "Mercredi" not in sign_in("agent").get(f"{LIST}?state=closed").text


def test_an_answer_and_a_note(app, sign_in, thread):
    agent = sign_in("agent")
    for text, more in (("À 8 heures.", {}), ("Vérifier avec le centre.", {"note": "y"})):
        base = hidden(agent.get(page_of(thread)).text, "base")
        assert agent.post(f"{page_of(thread)}repondre", data={"base": base, "text": text, **more}).status_code == 303
    page = sign_in("galbert").get(f"/portail/messages/fil/{thread}/").text
    assert "À 8 heures." in page and "Vérifier" not in page
    assert "Vérifier" in agent.get(page_of(thread)).text


def test_an_empty_answer_is_refused_and_loses_nothing(app, sign_in, thread):
    agent = sign_in("agent")
    answer = agent.post(f"{page_of(thread)}repondre", data={"base": "", "text": " "})
    assert answer.status_code == 422
    with app.app_context():
        assert db.session.scalar(select(func.count(Message.id))) == 1


def test_the_next_message_that_waits_is_one_click_away(app, sign_in, thread):
    agent = sign_in("agent")
    assert "Next message" not in agent.get(page_of(thread)).text
    with app.app_context(), app.test_request_context("/"), unit_of_work():
        second, third = (ask_town(1, subject, Writing("Bonjour", account("galbert"))).id for subject in ("Jeudi", "Vendredi"))
    for here, onward in ((thread, second), (second, third), (third, None)):
        page = agent.get(page_of(here)).text
        assert (f'rel="next" href="{page_of(onward)}"' in page) if onward else ('rel="next"' not in page)
    # What was answered leads to what waits longest.
    base = hidden(agent.get(page_of(third)).text, "base")
    agent.post(f"{page_of(third)}repondre", data={"base": base, "text": "À 9 heures."})
    assert f'rel="next" href="{page_of(thread)}"' in agent.get(page_of(third)).text


def test_assign_and_close(app, sign_in, thread):
    agent = sign_in("agent")
    with app.app_context():
        colleague, reader = account("agent2").id, account("lecteur").id
    agent.post(f"{page_of(thread)}faire", data={"do": "assign", "to": colleague})
    agent.post(f"{page_of(thread)}faire", data={"do": "close"})
    with app.app_context():
        row = db.session.get(Thread, thread)
        assert (row.assigned_to_id, row.state) == (colleague, ThreadState.closed)
    agent.post(f"{page_of(thread)}faire", data={"do": "assign", "to": reader})
    with app.app_context():
        assert db.session.get(Thread, thread).assigned_to_id is None


def test_who_may_not_is_refused(app, sign_in, thread):
    for name in ("animateur", "lecteur"):
        assert sign_in(name).get(page_of(thread)).status_code == 403
    assert sign_in("galbert").get(page_of(thread)).status_code == 403


def test_the_town_begins_a_conversation(app, sign_in):
    agent = sign_in("agent")
    page = agent.get("/mairie/messages/nouveau/1").text
    sent = agent.post(
        "/mairie/messages/nouveau/1", data={"base": hidden(page, "base"), "subject": "Votre dossier", "text": "Il manque un papier."}
    )
    assert sent.status_code == 303 and "Il manque un papier." in agent.get(sent.location).text
    assert agent.get("/mairie/messages/nouveau/999").status_code == 404


def test_a_message_to_many_leaves_after_the_preview_alone(app, sign_in):
    agent = sign_in("agent")
    base = hidden(agent.get("/mairie/envois/nouveau").text, "base")
    typed = {"base": base, "audience": "everybody:", "subject": "Grève", "text": "Pas de cantine.", "by_mail": "y"}
    preview = agent.post("/mairie/envois/nouveau", data=typed)
    assert preview.status_code == 200 and "Send to 3 families" in preview.text
    with app.app_context():
        assert db.session.scalar(select(func.count(Broadcast.id))) == 0
    for _time in range(2):
        assert agent.post("/mairie/envois/nouveau", data={**typed, "step": "send"}).status_code == 303
    with app.app_context():
        assert (db.session.scalar(select(func.count(Broadcast.id))), db.session.scalar(select(func.count(Thread.id)))) == (1, 3)


def test_a_message_to_many_without_a_group_is_refused(app, sign_in):
    agent = sign_in("agent")
    answer = agent.post("/mairie/envois/nouveau", data={"subject": "Grève", "text": "Pas de cantine."})
    assert answer.status_code == 422 and "Pas de cantine." in answer.text


def test_few_queries_however_many_conversations(app, sign_in, thread):
    agent = sign_in("agent")
    with app.app_context(), app.test_request_context("/"), unit_of_work():
        for number in range(12):
            ask_town(1 + number % 3, f"Sujet {number}", Writing("Bonjour", account("galbert")))
    with app.app_context():
        for url in (LIST, page_of(thread), "/mairie/envois/"):
            agent.get(url)
            with counted_queries() as few:
                assert agent.get(url).status_code == 200
            assert len(few) <= 8, (url, few)


@pytest.mark.parametrize("step", ["", "send"])
def test_a_group_whose_deadline_has_passed_is_refused_and_nothing_typed_is_lost(app, sign_in, activities, step):
    gone = f"without_booking:{activities.canteen}:2026-09-01:2026-09-04"
    typed = {"audience": gone, "subject": "La cantine", "text": "Pensez à réserver.", "step": step}
    answer = sign_in("agent").post("/mairie/envois/nouveau", data=typed)
    assert answer.status_code == 422 and "its deadline has passed" in answer.text
    assert "La cantine" in answer.text and "Pensez à réserver." in answer.text
    with app.app_context():
        assert db.session.scalar(select(func.count(Broadcast.id))) == 0

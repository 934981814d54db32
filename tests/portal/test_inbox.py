"""Does a family write to the town, read the answer, and nothing of anybody else?"""

import io
import re

import pytest
from sqlalchemy import func, select

from app.core.db import unit_of_work
from app.documents.models import StoredFile
from app.extensions import db
from app.messages.models import Message, News, Thread
from app.messages.operations import Writing, answer_family, ask_town
from tests.activities import cast
from tests.conftest import account, counted_queries
from tests.contracts.town import PICTURE
from tests.factories import make_request

NEW, INBOX = "/portail/messages/nouveau/", "/portail/messages/"


def write(client, url=NEW, **values):
    """Open the form and send it."""
    base = re.search(r'name="base"[^>]*value="([^"]+)"', client.get(url).text).group(1)
    return client.post(url, data={"base": base, **values}, content_type="multipart/form-data")


@pytest.fixture
def thread(app):
    """A conversation of Christelle's that the town has answered."""
    with app.app_context(), app.test_request_context("/"):
        with unit_of_work():
            number = ask_town(1, "Mercredi", Writing("À quelle heure ?", account("galbert"))).id
        with unit_of_work():
            answer_family(db.session.get(Thread, number), Writing("À 8 heures.", account("agent")))
    return number


def test_a_message_with_a_picture_is_with_the_town(app, sign_in):
    galbert = sign_in("galbert")
    sent = write(galbert, subject="Mercredi", text="Voici le certificat.", file=(io.BytesIO(PICTURE), "photo.png"))
    assert sent.status_code == 303
    page = galbert.get(sent.location).text
    assert "Voici le certificat." in page and "photo.png" in page
    file_url = re.search(r'href="(/portail/fichier/\d+)"', page).group(1)
    assert galbert.get(file_url).status_code == 200
    assert [sign_in(name).get(file_url).status_code for name in ("marc", "petit")] == [200, 404]


def test_a_private_message_and_its_file_are_for_one_adult(app, sign_in):
    galbert, marc = sign_in("galbert"), sign_in("marc")
    sent = write(galbert, subject="Garde", text="Entre nous.", private="y", file=(io.BytesIO(PICTURE), "photo.png"))
    file_url = re.search(r'href="(/portail/fichier/\d+)"', galbert.get(sent.location).text).group(1)
    assert [marc.get(url).status_code for url in (sent.location, file_url)] == [404, 404]
    assert "Garde" not in marc.get(INBOX).text


def test_what_is_missing_is_said_and_the_file_is_kept(app, sign_in):
    galbert = sign_in("galbert")
    answer = write(galbert, subject="Mercredi", text="", file=(io.BytesIO(PICTURE), "photo.png"))
    assert answer.status_code == 422 and 'value="Mercredi"' in answer.text and "photo.png" in answer.text
    base, kept = (re.search(rf'name="{name}"[^>]*value="([^"]+)"', answer.text).group(1) for name in ("base", "file-kept"))
    again = galbert.post(NEW, data={"base": base, "subject": "Mercredi", "text": "Bonjour", "file-kept": kept})
    assert again.status_code == 303 and "photo.png" in galbert.get(again.location).text


def test_a_double_click_is_one_message(app, sign_in):
    galbert = sign_in("galbert")
    base = re.search(r'name="base"[^>]*value="([^"]+)"', galbert.get(NEW).text).group(1)
    first, second = (galbert.post(NEW, data={"base": base, "subject": "Mercredi", "text": "Bonjour"}).location for _time in range(2))
    assert first == second
    with app.app_context():
        assert db.session.scalar(select(func.count(Message.id))) == 1


def test_a_form_of_somebody_else_is_not_taken(app, sign_in):
    base = re.search(r'name="base"[^>]*value="([^"]+)"', sign_in("petit").get(NEW).text).group(1)
    answer = sign_in("galbert").post(NEW, data={"base": base, "subject": "Mercredi", "text": "Bonjour"})
    assert answer.status_code == 422 and "Bonjour" in answer.text
    with app.app_context():
        assert db.session.scalar(select(func.count(Thread.id))) == 0


def test_new_messages_are_counted_until_they_are_read(app, sign_in, thread):
    galbert = sign_in("galbert")
    assert "You have 1 new message." in galbert.get("/portail/").text
    page = galbert.get(f"{INBOX}fil/{thread}/").text
    assert "À 8 heures." in page and "Agent Mairie, town hall" in page
    assert "new message" not in galbert.get("/portail/").text


def test_another_family_finds_nothing(app, sign_in, thread):
    petit = sign_in("petit")
    assert petit.get(f"{INBOX}fil/{thread}/").status_code == 404
    assert petit.post(f"{INBOX}fil/{thread}/", data={"text": "Bonjour"}).status_code == 404
    assert "Mercredi" not in petit.get(INBOX).text


def test_a_message_about_a_request_of_another_family_is_404(app, sign_in):
    assert sign_in("galbert").get(f"{NEW}?about=request-999").status_code == 404


def test_news_is_read_on_the_home_page_and_at_the_door(app, sign_in):
    from app.core import clock

    with app.app_context(), unit_of_work():
        today = clock.today()
        db.session.add(
            News(title="Grève jeudi", title_en="Strike on Thursday", text="Pas de cantine.", first_day=today, last_day=today, urgent=True)
        )
        db.session.add(News(title="Hier", text="", first_day=today.replace(year=2020), last_day=today.replace(year=2020)))
    for client, url in ((sign_in("galbert"), "/portail/"), (app.test_client(), "/")):
        page = client.get(url, headers={"Accept-Language": "en"}).text
        assert ("Strike on Thursday" in page or "Grève jeudi" in page) and "Hier" not in page


def test_few_queries_however_many_messages(app, sign_in, thread):
    galbert = sign_in("galbert")
    urls = (INBOX, f"{INBOX}fil/{thread}/", NEW)
    for url in urls:
        galbert.get(url)
    with app.app_context():
        for url in urls:
            with counted_queries() as few:
                assert galbert.get(url).status_code == 200
            assert len(few) <= 8, (url, few)


def test_a_refused_file_is_not_kept(app, sign_in):
    answer = write(sign_in("galbert"), subject="Mercredi", text="Bonjour", file=(io.BytesIO(b"<html>"), "photo.jpg"))
    assert answer.status_code == 422
    with app.app_context():
        assert db.session.scalar(select(func.count(StoredFile.id))) == 0


def test_a_question_is_tied_to_a_booking_or_a_request(app, sign_in, activities):
    with app.app_context():
        cast.book(activities.lea, 1, activities.meal, cast.THURSDAY)
    with app.test_request_context("/"):
        make_request("guardian", 1, {"mobile": "06 99 88 77 66"})
    galbert, agent = sign_in("galbert"), sign_in("agent")
    day = f"/portail/agenda/jour/?spot={activities.lea}.{activities.meal}.{cast.THURSDAY.isoformat()}"
    for page, title in ((day, "Booking: Léa, Canteen, "), ("/portail/demandes/", "Request: Guardian information")):
        with app.app_context(), counted_queries() as few:
            link = re.search(r'href="([^"]*about=[^"]*)">A question\?', galbert.get(page).text)[1]
        assert len(few) <= 8
        sent = write(galbert, link, subject="Why?", text="Please explain.")
        thread = galbert.get(sent.location).text
        assert title in thread and title in agent.get(f"/mairie/messages/{sent.location.split('/')[-2]}/").text
        back = re.search(rf'href="([^"]*)">{title}', thread)[1].replace("&amp;", "&")
        assert galbert.get(back).status_code == 200
        assert [sign_in(name).get(link).status_code for name in ("marc", "petit")] == [200, 404]

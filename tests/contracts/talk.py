"""What have the two families of the walker and the town written to each other?"""

from sqlalchemy import select

from app.core import clock
from app.extensions import db
from app.messages.models import Broadcast, CannedAnswer, News, ThreadState, Topic
from app.messages.operations import Writing, answer_family, ask_town, broadcast, note


def talk(family_id, canary, *, family_account, clerk):
    """A conversation with an answer and a note; what was sent to many, news and lists, made once. Returns {argument: id}."""
    if db.session.scalar(select(Topic.id)) is None:
        db.session.add_all([Topic(title="Canteen"), CannedAnswer(title="Merci", text="Merci de votre message.")])
        db.session.add(News(title="Strike", text="No canteen.", first_day=clock.today(), last_day=clock.today().replace(year=2099)))
        broadcast("Outing", "On Thursday.", ("everybody", ""), by=clerk)
    thread = ask_town(family_id, canary, Writing(canary, family_account))
    answer_family(thread, Writing(canary, clerk))
    note(thread, Writing(canary, clerk))
    thread.state = ThreadState.waiting
    db.session.flush()
    return {"thread_id": thread.id, "broadcast_id": db.session.scalar(select(Broadcast.id))}

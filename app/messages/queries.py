"""What has been written? Conversations that a person may read, how many messages are new, what waits for the town."""

from dataclasses import dataclass

from flask_babel import get_locale
from sqlalchemy import Date, bindparam, case, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from app.core import clock
from app.extensions import db
from app.messages.models import Message, MessageFile, News, Thread, ThreadReading, ThreadState
from app.security import scope


def readable_by(account_id, family_id):
    """The SQL condition that an adult may read a conversation: the family's own, and not another adult's alone."""
    return (Thread.family_id == family_id) & or_(Thread.account_id.is_(None), Thread.account_id == account_id)


def _new(account_id):
    """The SQL condition that a message of the town is new to an adult; joins Thread and, outer, ThreadReading."""
    return (
        Message.from_family.is_(False) & Message.note.is_(False) & or_(ThreadReading.read_to.is_(None), Message.id > ThreadReading.read_to)
    )


def count_new(account_id, family_id):
    """A scalar subquery: how many messages of the town an adult has not read."""
    query = select(func.count(Message.id)).join(Thread, Thread.id == Message.thread_id)
    query = query.outerjoin(ThreadReading, (ThreadReading.thread_id == Thread.id) & (ThreadReading.account_id == account_id))
    return query.where(readable_by(account_id, family_id), _new(account_id)).scalar_subquery()


def threads_of(account_id, family_id, *, offset=0, limit=20):
    """([(Thread, how many of its messages are new)], how many there are), the last written in first; two queries."""
    new = select(func.count(Message.id)).where(Message.thread_id == Thread.id).correlate(Thread)
    new = new.outerjoin(ThreadReading, (ThreadReading.thread_id == Message.thread_id) & (ThreadReading.account_id == account_id))
    mine = readable_by(account_id, family_id)
    query = select(Thread, new.where(_new(account_id)).scalar_subquery()).where(mine)
    rows = db.session.execute(query.order_by(Thread.last_at.desc(), Thread.id.desc()).offset(offset).limit(limit)).all()
    return [tuple(row) for row in rows], db.session.scalar(select(func.count()).select_from(Thread).where(mine))


def thread_of(thread_id, account_id, family_id):
    """A conversation that an adult may read, with its messages and files, or None; notes of the staff are left out."""
    query = select(Thread).where(Thread.id == thread_id, readable_by(account_id, family_id))
    thread = db.session.scalar(query)
    return (thread, [message for message in messages_of(thread.id) if not message.note]) if thread is not None else (None, [])


def messages_of(thread_id):
    """The messages of a conversation with their files, the oldest first, in two queries."""
    query = select(Message).where(Message.thread_id == thread_id).order_by(Message.id)
    return db.session.scalars(query.options(selectinload(Message.files).joinedload(MessageFile.file))).all()


def is_private_file(file_id, account_id):
    """Whether a file came in a conversation that another adult reads alone."""
    query = select(Thread.account_id).join(Message, Message.thread_id == Thread.id).join(MessageFile, MessageFile.message_id == Message.id)
    readers = db.session.scalars(query.where(MessageFile.file_id == file_id, Thread.account_id.is_not(None)).limit(1)).all()
    return bool(readers) and readers[0] != account_id


def count_waiting():
    """A scalar subquery: how many conversations wait for an answer of the town."""
    return select(func.count(Thread.id)).where(Thread.state == ThreadState.waiting).scalar_subquery()


def next_waiting(thread):
    """A scalar subquery: the id of the conversation to answer after this one, those first that wait longest; null after the last."""
    query = select(Thread.id).where(Thread.state == ThreadState.waiting, Thread.id != thread.id)
    if thread.state is ThreadState.waiting:
        query = query.where(or_(Thread.last_at > thread.last_at, (Thread.last_at == thread.last_at) & (Thread.id > thread.id)))
    return query.order_by(Thread.last_at, Thread.id).limit(1).scalar_subquery()


@dataclass(frozen=True)
class Notice:
    """A piece of the town's news, in the reader's language."""

    title: str
    text: str
    urgent: bool


#: What separates the columns and the rows of packed news: signs that nobody types.
UNIT, RECORD = "\x1f", "\x1e"
_COLUMNS = (News.title, News.title_en, News.text, News.text_en, case((News.urgent, "1"), else_="0"))


def _current(day):
    return (News.first_day <= day) & (News.last_day >= day)


def packed_news(_account=None, _family=None):
    """A scalar subquery: all of today's news in one text, so that it rides on a query that every page makes."""
    row = _COLUMNS[0]
    for column in _COLUMNS[1:]:
        row = row + UNIT + column
    return select(func.aggregate_strings(row, RECORD)).where(_current(bindparam("today", type_=Date))).scalar_subquery()


def unpack_news(packed):
    """[Notice] of packed_news(), what warns first."""
    rows = [line.split(UNIT) for line in (packed or "").split(RECORD) if line]
    found = []
    for title, title_en, text, text_en, urgent in rows:
        english = get_locale().language == "en" and title_en
        found.append(Notice(title_en if english else title, text_en if english else text, urgent == "1"))
    return sorted(found, key=lambda notice: not notice.urgent)


def news():
    """What the town says to everybody today: for the pages before the sign-in."""
    return unpack_news(db.session.scalar(select(packed_news()), {"today": clock.today()}))


def thread_for_staff(thread_id):
    """(a conversation with its topic and who answers, its messages), or (None, []); three queries."""
    query = select(Thread).where(Thread.id == thread_id).options(joinedload(Thread.topic), joinedload(Thread.assigned_to))
    thread = db.session.scalar(query)
    return (thread, messages_of(thread_id)) if thread is not None else (None, [])


scope.count_beside("new_messages", count_new)
scope.count_beside("news", packed_news)

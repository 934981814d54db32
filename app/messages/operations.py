"""How does somebody write? A family opens a conversation or answers, a clerk answers, notes, assigns, closes; the town writes to many."""

from dataclasses import dataclass, field
from uuid import uuid4

from flask import current_app
from sqlalchemy import func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from app.audit.operations import record
from app.core import clock
from app.core.db import own_transaction
from app.core.errors import DomainError
from app.core.i18n import _
from app.documents.models import FileState, StoredFile
from app.documents.operations import keep
from app.extensions import db
from app.mail.models import OutgoingMail
from app.mail.operations import queue_mail
from app.mail.texts import write
from app.messages.audiences import families_in, title_of
from app.messages.models import Broadcast, Message, MessageFile, Thread, ThreadReading, ThreadState
from app.security.queries import readers_of

#: Rows of one INSERT of a broadcast's mails.
BATCH = 500


@dataclass(frozen=True)
class Writing:
    """What somebody writes. `by` is the account; `key` names the form, so that the same one twice is one message."""

    text: str
    by: object
    key: str | None = None
    files: tuple = field(default_factory=tuple)


def ask_town(family_id, subject, writing, *, topic=None, about=None, private=False):
    """A family opens a conversation; returns the Thread. `about` is (About, id, title). The same key again: the thread it made."""
    known = _written(writing.key)
    if known is not None:
        return known.thread
    thread = _open(family_id, subject, topic=topic, about=about, account_id=writing.by.id if private else None)
    _add(thread, writing, from_family=True)
    return thread


def write_to_family(family_id, subject, writing, *, topic=None, about=None):
    """The town opens a conversation with a family, which gets a mail; returns the Thread."""
    known = _written(writing.key)
    if known is not None:
        return known.thread
    thread = _open(family_id, subject, topic=topic, about=about)
    thread.assigned_to_id = writing.by.id
    return answer_family(thread, writing)


def _open(family_id, subject, *, topic=None, about=None, account_id=None):
    kind, number, title = about or (None, None, "")
    thread = Thread(
        family_id=family_id,
        account_id=account_id,
        topic_id=topic.id if topic is not None else None,
        subject=subject,
        about_kind=kind,
        about_id=number,
        about_title=title[:160],
    )
    db.session.add(thread)
    db.session.flush()
    return thread


def answer_town(thread, writing):
    """A family writes on in a conversation, a closed one too."""
    if _written(writing.key) is None:
        _add(thread, writing, from_family=True)
    return thread


def answer_family(thread, writing):
    """A clerk answers: the family reads it and gets a mail."""
    if _written(writing.key) is None:
        message = _add(thread, writing, from_family=False)
        record("thread.answered", thread, by=writing.by)
        _mail(thread, message)
    return thread


def note(thread, writing):
    """A clerk notes something for the staff alone."""
    if _written(writing.key) is None:
        _add(thread, writing, from_family=False, note=True)
        record("thread.noted", thread, by=writing.by)
    return thread


def _written(key):
    return db.session.scalar(select(Message).where(Message.key == key)) if key else None


def _add(thread, writing, *, from_family, note=False):
    message = Message(
        thread_id=thread.id,
        author_id=writing.by.id,
        author=str(writing.by),
        from_family=from_family,
        note=note,
        text=writing.text,
        key=writing.key,
    )
    db.session.add(message)
    db.session.flush()
    _bind(thread, message, writing.files)
    if not note:
        thread.last_at, thread.state = clock.now(), ThreadState.waiting if from_family else ThreadState.answered
    return message


def _bind(thread, message, files):
    """Tie files of the same family to a message; one that was swept meanwhile, or is another family's, is refused."""
    if not files:
        return
    mine = select(func.count()).where(
        StoredFile.id.in_(files), StoredFile.family_id == thread.family_id, StoredFile.state == FileState.draft
    )
    if db.session.scalar(mine) != len(set(files)):
        raise DomainError(_("Choose your files again, then send."))
    keep(list(files))
    db.session.add_all(MessageFile(message_id=message.id, file_id=file_id) for file_id in files)


def _mail(thread, message):
    """Tell the family by mail: whoever of it wrote last, else its guardian; a private conversation's adult alone."""
    wrote = (
        select(Message.author_id).where(Message.thread_id == thread.id, Message.from_family.is_(True)).order_by(Message.id.desc()).limit(1)
    )
    asker = thread.account_id or db.session.scalar(wrote)
    reader = readers_of([(asker, thread.family_id)])[asker, thread.family_id]
    if reader is not None:
        queue_mail(
            reader.email,
            "message",
            locale=reader.locale,
            family_id=thread.family_id,
            account_id=reader.account_id,
            subject=thread.subject,
            text=message.text,
            author=message.author,
            thread_id=thread.id,
            signs_in=reader.account_id is not None,
        )


def close(thread, *, by):
    """A clerk puts a conversation away; a new message opens it again."""
    if thread.state is not ThreadState.closed:
        thread.state = ThreadState.closed
        record("thread.closed", thread, by=by)


def reopen(thread, *, by):
    """A clerk takes a conversation out again."""
    if thread.state is ThreadState.closed:
        thread.state = ThreadState.waiting
        record("thread.reopened", thread, by=by)


def assign(thread, account, *, by):
    """Somebody of the staff will answer, or nobody in particular (None)."""
    if thread.assigned_to_id != getattr(account, "id", None):
        record("thread.assigned", thread, by=by, changes={"assigned_to": (str(thread.assigned_to or ""), str(account or ""))})
        thread.assigned_to = account


def note_reading(thread_id, account_id, read_to):
    """Remember up to which message an adult has read; in a short transaction of its own, and never backwards."""
    with own_transaction("thread_reading") as connection:
        make = postgres_insert if connection.dialect.name == "postgresql" else sqlite_insert
        statement = make(ThreadReading).values(thread_id=thread_id, account_id=account_id, read_to=read_to)
        statement = statement.on_conflict_do_update(
            index_elements=["thread_id", "account_id"],
            set_={"read_to": statement.excluded.read_to},
            where=ThreadReading.read_to < statement.excluded.read_to,
        )
        connection.execute(statement)


# -- to many --------------------------------------------------------------------------------------------------------------------------


def broadcast(subject, text, audience, *, by, by_mail=True, key=None):
    """Write to every family of a group, `audience` being (name, value): a conversation each, and a mail where there is an address.

    Returns the Broadcast; the same key again gives the one it made. Raises DomainError where nobody would get it.
    """
    known = db.session.scalar(select(Broadcast).where(Broadcast.key == key)) if key else None
    if known is not None:
        return known
    name, value = audience
    families = db.session.scalars(families_in(name, value)).all()
    if not families:
        raise DomainError(_("Nobody would get this: no family belongs to this group."))
    sent = Broadcast(
        subject=subject,
        text=text,
        audience={"name": name, "value": value},
        audience_title=title_of(name, value)[:200],
        by_mail=by_mail,
        families=len(families),
        sent_by=str(by),
        key=key,
    )
    db.session.add(sent)
    db.session.flush()
    _copies(sent, families, by)
    if by_mail:
        sent.mails = _mails(sent, families)
    record("broadcast.sent", sent, by=by, note=f"{len(families)}: {sent.audience_title}")
    return sent


def _copies(sent, families, by):
    now = clock.now()
    row = {
        "subject": sent.subject,
        "state": ThreadState.answered,
        "broadcast_id": sent.id,
        "opened_at": now,
        "last_at": now,
        "about_title": "",
    }
    db.session.execute(insert(Thread), [{**row, "family_id": family_id} for family_id in families])
    # The text is copied as it lies: encrypted once.
    parts = select(
        Thread.id, literal(now, Message.at.type), literal(by.id), literal(str(by)[:120]), literal(False), literal(False), Broadcast.text
    ).join(Broadcast, Broadcast.id == Thread.broadcast_id)
    columns = ["thread_id", "at", "author_id", "author", "from_family", "note", "text"]
    db.session.execute(insert(Message).from_select(columns, parts.where(Thread.broadcast_id == sent.id)))


def _mails(sent, families):
    """Queue a mail for each family that can be reached; written once a language."""
    readers = {}
    for start in range(0, len(families), BATCH):
        asked = [(None, family_id) for family_id in families[start : start + BATCH]]
        readers.update({family_id: reader for (_nobody, family_id), reader in readers_of(asked).items() if reader is not None})
    texts = {
        locale: write("broadcast", locale, subject=sent.subject, text=sent.text)
        for locale in {reader.locale for reader in readers.values()}
    }
    rows = [_mail_row(family_id, reader, *texts[reader.locale]) for family_id, reader in readers.items()]
    for start in range(0, len(rows), BATCH):
        db.session.execute(insert(OutgoingMail), rows[start : start + BATCH])
    return len(rows)


def _mail_row(family_id, reader, subject, body):
    return {
        "message_id": f"<{uuid4().hex}@{current_app.config['MAIL_DOMAIN']}>",
        "recipient": reader.email,
        "locale": reader.locale,
        "template": "broadcast",
        "subject": subject,
        "body": body,
        "family_id": family_id,
        "account_id": reader.account_id,
    }


def take_back_assignments(account):
    """Somebody has left: what was assigned to it waits for everybody again."""
    db.session.execute(update(Thread).where(Thread.assigned_to_id == account.id).values(assigned_to_id=None))

"""How do files come in, and when do they go? Bytes first, then the row; what no row names is swept."""

import os
from datetime import timedelta
from pathlib import Path

from flask import current_app
from sqlalchemy import select, update

from app.core import clock
from app.core.encryption import seal_bytes, unseal_bytes
from app.core.errors import DomainError, NotFound
from app.core.i18n import _
from app.documents.models import FileState, StoredFile
from app.extensions import db

#: How long a file that belongs to nothing is kept: a form may be corrected meanwhile.
DRAFT_LIFE = timedelta(days=2)


def folder():
    """Where the encrypted bytes lie."""
    return Path(current_app.config["FILES_FOLDER"])


def path_of(key):
    """The path of a file's bytes, in one of 256 folders."""
    return folder() / key[:2] / key


def store(upload, *, noun, family_id=None, child_id=None, by=None, state=FileState.draft):
    """Keep an Upload within the open unit of work; returns the StoredFile with its id."""
    row = StoredFile(
        noun=noun.value,
        filename=upload.filename,
        media_type=upload.media_type,
        size=len(upload.content),
        state=state,
        family_id=family_id,
        child_id=child_id,
        created_by_id=getattr(by, "id", None),
    )
    db.session.add(row)
    db.session.flush()
    path = path_of(row.key)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_bytes(seal_bytes(upload.content))
    os.replace(beside, path)
    return row


def content_of(row):
    """A file's bytes, decrypted. Raises NotFound where they are gone."""
    try:
        return unseal_bytes(path_of(row.key).read_bytes())
    except FileNotFoundError as gone:
        raise NotFound(_("This file does not exist any more.")) from gone


def keep_for_request(ids, family_id):
    """Bind a household's files to the request that names them.

    Raises DomainError where one was swept meanwhile: SQLite gives its number to the next file, which may be another family's.
    """
    if ids and _set_state(ids, FileState.asked, StoredFile.family_id == family_id) < len(set(ids)):
        raise DomainError(_("Choose your files again, then send."))


def keep(ids, *, child_id=None):
    """Make files part of the family's file."""
    if ids:
        _set_state(ids, FileState.kept)
        db.session.execute(update(StoredFile).where(StoredFile.id.in_(ids)).values(child_id=child_id))


def release(ids):
    """Let go of files that were replaced: swept some days later."""
    _set_state(ids, FileState.draft)


def _set_state(ids, state, *conditions):
    if not ids:
        return 0
    change = update(StoredFile).where(StoredFile.id.in_(ids), *conditions).values(state=state, created_at=clock.now())
    return db.session.execute(change).rowcount


def sweep(limit=200):
    """Delete, within the open unit of work, the rows of files that belong to nothing; returns paths to unlink after the commit."""
    old = select(StoredFile).where(StoredFile.state == FileState.draft, StoredFile.created_at < clock.now() - DRAFT_LIFE).limit(limit)
    paths = []
    for row in db.session.scalars(old):
        paths.append(path_of(row.key))
        db.session.delete(row)
    return paths

"""Which files do we keep? Rows here, encrypted bytes on disk, never under static/."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core import clock
from app.core.db import Instant, enum_column
from app.core.enums import Labelled
from app.core.i18n import _l
from app.extensions import Model


class FileState(Labelled):
    """What a file is bound to."""

    draft = "draft", _l("put aside while a form is corrected")
    asked = "asked", _l("part of a request")
    kept = "kept", _l("part of the file")


class StoredFile(Model):
    """An uploaded file: its bytes lie encrypted in FILES_FOLDER under `key`."""

    __tablename__ = "stored_file"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True, default=lambda: uuid4().hex)
    family_id: Mapped[int | None] = mapped_column(ForeignKey("family.id", ondelete="SET NULL"), index=True)
    child_id: Mapped[int | None] = mapped_column(ForeignKey("child.id", ondelete="SET NULL", use_alter=True, name="fk_stored_file_child"))
    #: The noun of who_sees_what whose readers may open the file.
    noun: Mapped[str] = mapped_column(String(30))
    filename: Mapped[str] = mapped_column(String(120))
    media_type: Mapped[str] = mapped_column(String(40))
    size: Mapped[int]
    state: Mapped[FileState] = mapped_column(enum_column(FileState, "ck_stored_file_state"), default=FileState.draft)
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now, index=True)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))

    @property
    def is_image(self):
        return self.media_type.startswith("image/")

    def __repr__(self):
        return self.filename

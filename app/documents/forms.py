"""How is a file sent in a form? Checked at once, put aside if the form must be corrected, named by a sealed reference."""

from flask import request
from wtforms import Field, ValidationError
from wtforms.widgets import FileInput

from app.core.db import unit_of_work
from app.core.encryption import seal, unseal
from app.core.errors import DomainError
from app.core.files import MAX_BYTES, accept
from app.core.i18n import _
from app.documents.operations import store


class UploadField(Field):
    """A file field whose data is the id of a StoredFile.

    `kept` names a file that an earlier, invalid post of the same form brought; it travels sealed with the family's id, so that nobody can
    name somebody else's. `remove` empties the field; `missing` says that a file was chosen and is lost, see security/resume.py.
    """

    widget = FileInput()

    def __init__(self, label=None, validators=None, *, pictures_only=False, noun=None, **kwargs):
        super().__init__(label, validators, **kwargs)
        self.pictures_only, self.noun = pictures_only, noun
        self.upload, self.problem, self.removed, self.kept = None, None, False, None
        self.accept_types = "image/*" if pictures_only else "image/*,application/pdf"

    def process(self, formdata, *args, **kwargs):
        super().process(None, *args, **kwargs)
        if formdata is not None and request.method == "POST":
            self._read(formdata)

    def _read(self, formdata):
        self.removed = formdata.get(f"{self.name}-remove") == "1"
        self.kept = self._unsealed(formdata.get(f"{self.name}-kept"))
        sent = request.files.get(self.name)
        if sent is None or not sent.filename:
            if formdata.get(f"{self.name}-missing"):
                self.problem = _("Choose your files again, then send.")
            return
        try:
            self.upload = accept(sent.filename, sent.stream.read(MAX_BYTES + 1), pictures_only=self.pictures_only)
        except DomainError as problem:
            self.problem = str(problem)

    def _unsealed(self, token):
        try:
            return unseal(token) if token else None
        except ValueError:
            return None

    def pre_validate(self, form):
        if self.problem:
            raise ValidationError(self.problem)

    @property
    def sealed_kept(self):
        """What the hidden input beside the file input carries."""
        return seal(self.kept) if self.kept else ""

    def settle(self, original, family_id):
        """The id that the form proposes: the new file's, the one put aside, none, or what the file has."""
        if self.removed:
            return None
        if self.kept and self.kept.get("family") == family_id and "id" in self.kept:
            return self.kept["id"]
        return original


def put_aside(form, *, noun, family_id, child_id=None, by=None):
    """Keep the files that came with a form that must be corrected, so that they need not be chosen again."""
    for field in form:
        if isinstance(field, UploadField) and field.upload is not None:
            with unit_of_work():
                row = store(field.upload, noun=field.noun or noun, family_id=family_id, child_id=child_id, by=by)
                field.kept = {"id": row.id, "family": family_id, "name": row.filename}


def keep_upload(field, *, noun, family_id, by):
    """The id of the file that a field brings, stored within the open unit of work; None where it brings none."""
    if field.upload is not None:
        return store(field.upload, noun=noun, family_id=family_id, by=by).id
    return field.settle(None, family_id)

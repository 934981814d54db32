"""Who may open a stored file of a family? Those who may read its noun; of a shared child's, both households."""

from flask import abort, make_response, request
from flask_appbuilder import expose
from flask_login import current_user

from app.audit.operations import note_health_read
from app.children.queries import child_of
from app.core.files import thumbnail
from app.documents.models import FileState, StoredFile
from app.documents.operations import content_of
from app.extensions import db
from app.messages.queries import is_private_file
from app.portal.views import PortalView
from app.security.scope import may, require, standing
from app.security.who_sees_what import Noun, Viewer, permissions

#: A picture cannot act. A PDF needs the browser's reader, which a sandbox switches off; it may load nothing all the same.
POLICIES = {
    True: "default-src 'none'; sandbox",
    False: "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'",
}


class FilesView(PortalView):
    """One file, shown in the browser."""

    class_permission_name = Noun.family.value
    method_permission_name = {"file": "read"}

    @expose("/fichier/<int:file_id>")
    def file(self, file_id):
        require(Noun.family, "read")
        row = db.session.get(StoredFile, file_id)
        if row is None or not may_open(row):
            abort(404)
        if standing().by_clerk and Noun(row.noun) is Noun.health and row.child_id:
            note_health_read(row.child_id, by=current_user, screen="file")
        return answer(row, small=request.args.get("small") == "1" and row.is_image)


def may_open(row):
    """Whether the acting family may open this file."""
    noun = Noun(row.noun)
    if not may(noun, "read"):
        return False
    if row.family_id == standing().family_id:
        return noun is not Noun.message or not is_private_file(row.id, standing().account_id)
    shared = row.state is FileState.kept and row.child_id is not None and "read" in permissions(noun, Viewer.other_household)
    return shared and child_of(standing().family_id, row.child_id) is not None


def answer(row, *, small):
    """The response that carries a file: asked for again each time, so that it is gone where the right is."""
    tag = f"{row.key}{'-small' if small else ''}"
    if tag in request.if_none_match:
        return "", 304
    content = thumbnail(content_of(row)) if small else content_of(row)
    response = make_response(content)
    response.mimetype = row.media_type
    response.headers.set("Content-Disposition", "inline", filename=row.filename)
    response.headers["Content-Security-Policy"] = POLICIES[row.is_image]
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-cache" if Noun(row.noun) is Noun.photo else "private, no-store"
    response.set_etag(tag)
    return response

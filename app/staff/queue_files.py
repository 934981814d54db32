"""How does the town open a file that a family sent? By its id, if the table lets the role read what it is about."""

from flask import Response, abort, request
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access
from flask_login import current_user

from app.audit.operations import note_health_read
from app.core.files import thumbnail
from app.documents.models import StoredFile
from app.documents.operations import content_of
from app.extensions import db
from app.security.scope import require
from app.security.who_sees_what import Noun


class StaffFileView(BaseView):
    """One file, shown in its page: a picture drawn anew by us, or a PDF that was looked into."""

    route_base = "/mairie/fichier"
    class_permission_name = Noun.reference.value
    method_permission_name = {"file": "read"}

    @expose("/<int(max=2147483647):file_id>")
    @has_access
    def file(self, file_id):
        row = db.session.get(StoredFile, file_id) or abort(404)
        noun = Noun(row.noun)
        require(noun, "read")
        if noun is Noun.health and row.child_id:
            note_health_read(row.child_id, by=current_user._get_current_object(), screen="file")
        content = thumbnail(content_of(row)) if row.is_image and request.args.get("small") else content_of(row)
        response = Response(content, mimetype=row.media_type)
        how = "attachment" if request.args.get("save") else "inline"
        response.headers.set("Content-Disposition", how, filename=row.filename)
        # object-src: Chromium's reader of PDFs is one.
        policy = "default-src 'none'; object-src 'self'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
        response.headers["Content-Security-Policy"] = policy
        response.headers["Cache-Control"] = "private, no-store"
        return response

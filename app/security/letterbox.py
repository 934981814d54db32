"""Where are mails read whose readers do not exist? In the demonstration's letterbox: those that open an account, newest first."""

from flask import abort, current_app
from flask_appbuilder import BaseView, expose
from sqlalchemy import select

from app.extensions import db
from app.mail.models import OutgoingMail
from app.mail.queries import opens_a_door
from app.mail.templates import names

SHOWN = 20


def is_open():
    """Whether this is a demonstration whose mails reach nobody."""
    return current_app.config["MODE"] == "demo" and not current_app.config["MAIL_SERVER"]


class LetterboxView(BaseView):
    """The last mails with a link or a code in them. Where mails leave there is no such page: it would be an open door."""

    route_base = "/demonstration/courriels"
    default_view = "read"

    @expose("/")
    def read(self):
        if not is_open():
            abort(404)
        keys = [name for name in names() if opens_a_door(name)]
        query = select(OutgoingMail).where(OutgoingMail.template.in_(keys)).order_by(OutgoingMail.id.desc()).limit(SHOWN)
        return self.render_template("public/letterbox.html", mails=db.session.scalars(query).all())

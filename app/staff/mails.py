"""Which mails wait, left or failed? Read here, and sent again; in the demonstration town this is where they are read."""

from flask import current_app, flash, redirect, url_for
from flask_appbuilder import expose
from sqlalchemy.orm import defer

from app.core import search
from app.core.i18n import _, _l
from app.extensions import db
from app.mail.models import MailState, OutgoingMail
from app.mail.operations import retry
from app.security.scope import may, require
from app.security.who_sees_what import Noun
from app.staff.interface import actor, saving
from app.staff.parts import Facet
from app.staff.views import StaffView

#: Mails whose links open an account: outside the demonstration only their readers see them.
KEYS_IN_THEM = frozenset({"reset", "confirm_address", "invitation"})


class MailView(StaffView):
    """The mails of the town."""

    noun, model, route_base = Noun.mail, OutgoingMail, "/mairie/courriels"
    route_methods = ("list", "show")
    list_title = _l("Mails")
    labels = {
        "subject": _l("Subject"),
        "recipient": _l("To"),
        "state": _l("State"),
        "created_at": _l("Written"),
        "sent_at": _l("Sent"),
        "attempts": _l("Attempts"),
        "last_error": _l("Last error"),
        "not_before": _l("Next attempt"),
    }
    list_columns = ["subject", "recipient", "state", "created_at", "sent_at", "attempts"]
    search_columns = ["recipient", "subject", "created_at"]
    search_hint = _l("Address or subject")
    matches = staticmethod(lambda word: search.contains(OutgoingMail.recipient, word) | search.contains(OutgoingMail.subject, word))
    facets = (
        Facet(
            "state",
            _l("State"),
            lambda: [(state.name, state.label) for state in MailState],
            lambda value: OutgoingMail.state == MailState[value] if value in MailState.__members__ else None,
        ),
    )
    loads = (defer(OutgoingMail.body),)
    first_sort = (OutgoingMail.id.desc(),)
    list_template = "staff/mails.html"

    @classmethod
    def more_routes(cls):
        return ("retry",)

    def render_template(self, template, **kwargs):
        return super().render_template(template, no_server=not current_app.config["MAIL_SERVER"], **kwargs)

    @expose("/<int(max=2147483647):mail_id>/")
    def show(self, mail_id):
        require(Noun.mail, "read")
        row = self.row(mail_id)
        locked = row.template in KEYS_IN_THEM and current_app.config["MODE"] != "demo"
        retry_url = url_for("MailView.retry", mail_id=row.id) if row.state is MailState.failed and may(Noun.mail, "edit") else ""
        return self.render_template(
            "staff/mail.html", title=row.subject, mail=row, locked=locked, retry_url=retry_url, back_url=self.back_url()
        )

    def row_url(self, row):
        return url_for("MailView.show", mail_id=row.id)

    @expose("/<int(max=2147483647):mail_id>/relancer", methods=["POST"])
    def retry(self, mail_id):
        require(Noun.mail, "edit")
        if self.row(mail_id).state is MailState.failed:
            with saving():
                retry(db.session.get(OutgoingMail, mail_id), by=actor())
            flash(_("This mail is in the queue again."), "success")
        return redirect(url_for("MailView.show", mail_id=mail_id))

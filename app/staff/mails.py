"""Which mails wait, left or failed? Read here, and sent again."""

from flask import current_app, flash, redirect, url_for
from flask_appbuilder import expose
from sqlalchemy.orm import defer

from app.core import search
from app.core.i18n import _, _l, _n, language
from app.extensions import db
from app.mail.digest import hour
from app.mail.models import MailState, OutgoingMail
from app.mail.operations import retry, retry_all
from app.mail.page import html_of
from app.mail.queries import for_digest, mails_waiting, opens_a_door
from app.mail.templates import names, template
from app.security import letterbox
from app.security.scope import may, require
from app.security.who_sees_what import Noun
from app.staff.interface import actor, saving
from app.staff.mail_texts import title_of
from app.staff.parts import Deed, Facet
from app.staff.views import StaffView, screen


def _kinds():
    """[(name, what it is called)] of the mails that the portal writes."""
    return sorted(((name, title_of(template(name), language())) for name in names()), key=lambda kind: kind[1].casefold())


class MailView(StaffView):
    """The mails of the town."""

    noun, model, route_base = Noun.mail, OutgoingMail, "/mairie/courriels"
    route_methods = ("list", "show")
    method_permission_name = {**StaffView.method_permission_name, "retry": "edit", "retry_all": "edit"}
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
        Facet("mail", _l("Which mail"), _kinds, lambda value: OutgoingMail.template == value if value else None),
    )
    loads = (defer(OutgoingMail.body),)
    first_sort = (OutgoingMail.id.desc(),)
    list_template = "staff/mails.html"

    @classmethod
    def more_routes(cls):
        return ("retry", "retry_all")

    def deeds_of_list(self):
        return [Deed(_("Texts of the mails"), url_for("MailTextView.all"), "pencil")]

    def render_template(self, template, **kwargs):
        waits, failed = mails_waiting()
        counts = {"waits": waits, "failed": failed, "may_retry": may(Noun.mail, "edit")}
        return super().render_template(template, no_server=not current_app.config["MAIL_SERVER"], **counts, **kwargs)

    @expose("/<int(max=2147483647):mail_id>/")
    @screen
    def show(self, mail_id):
        row = self.row(mail_id)
        locked = opens_a_door(row.template)
        return self.render_template(
            "staff/mail.html",
            title=row.subject,
            mail=row,
            locked=locked,
            page="" if locked else html_of(row.subject, row.body, row.locale),
            for_digest=hour() if row.state is MailState.queued and _waits_for_digest(row) else "",
            retry_url=url_for("MailView.retry", mail_id=row.id) if row.state is MailState.failed and may(Noun.mail, "edit") else "",
            letterbox=letterbox.is_open(),
            back_url=self.back_url(),
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

    @expose("/relancer", methods=["POST"])
    def retry_all(self):
        require(Noun.mail, "edit")
        with saving():
            count = retry_all(by=actor())
        flash(_n("%(num)d mail is in the queue again.", "%(num)d mails are in the queue again.", count), "success")
        return redirect(self.back_url())


def _waits_for_digest(row):
    return db.session.scalar(db.select(OutgoingMail.id).where(OutgoingMail.id == row.id, for_digest())) is not None

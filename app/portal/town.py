"""What comes to a family from the town? Its mails; the statement says honestly what it will hold."""

from flask import abort
from flask_appbuilder import expose

from app.core.i18n import _
from app.portal.queries import own_mail, own_mails
from app.portal.views import PortalView
from app.security.who_sees_what import Noun


class InboxView(PortalView):
    """The mails that the town sent to this account for this family."""

    class_permission_name = Noun.mail.value
    method_permission_name = {"inbox": "read", "message": "read"}

    @expose("/messages/")
    def inbox(self):
        self.enter(Noun.mail)
        return self.render_template("portal/inbox.html", title=_("Inbox"), mails=own_mails())

    @expose("/messages/<int:mail_id>/")
    def message(self, mail_id):
        self.enter(Noun.mail)
        mail = own_mail(mail_id) or abort(404)
        return self.render_template("portal/message.html", title=mail.subject, mail=mail)


class StatementView(PortalView):
    """Where the invoices will be."""

    class_permission_name = Noun.family.value
    method_permission_name = {"statement": "read"}

    @expose("/releve/")
    def statement(self):
        self.enter(Noun.family)
        sentence = _("Your invoices will be here when the town publishes them on this portal.")
        return self.render_template("portal/later.html", title=_("Account statement"), icon="receipt", sentence=sentence)

"""How often do I get mails? Each at once, or one a day with all that can wait."""

from flask import flash, redirect, url_for
from flask_appbuilder import expose
from flask_login import current_user
from wtforms import RadioField

from app.audit.operations import record
from app.core.db import unit_of_work
from app.core.forms import Form, option
from app.core.i18n import _, _l
from app.extensions import db
from app.mail.digest import hour
from app.security.guard import ACCOUNT, writes
from app.security.models import Account
from app.security.operations import address_of
from app.security.own_account import OwnView


class MailsForm(Form):
    """One choice."""

    rhythm = RadioField(_l("How often do you want our mails?"))

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.rhythm.choices = [option("each", _("Each at once")), option("daily", _("One mail a day, at %(hour)s", hour=hour()))]


class OwnMailsView(OwnView):
    """The choice, and what it means."""

    route_base = "/compte/courriels"
    default_view = "choose"

    @expose("/", methods=["GET", "POST"])
    @writes(ACCOUNT)
    def choose(self):
        account = db.session.get(Account, current_user.id)
        form = MailsForm(data={"rhythm": "daily" if account.daily_digest else "each"})
        if form.validate_on_submit():
            choose_rhythm(account.id, form.rhythm.data == "daily")
            return redirect(url_for("OwnAccountView.show"), 303)
        page = self.render_template("portal/own_account/mails.html", form=form, address=address_of(account), hour=hour())
        return page, 422 if form.errors else 200


def choose_rhythm(account_id, daily):
    """Keep the choice. What waits for a digest that is no longer wanted leaves at once."""
    with unit_of_work():
        account = db.session.get(Account, account_id)
        if account.daily_digest != daily:
            record("account.mails", account, by=account, changes={"daily_digest": (account.daily_digest, daily)})
        account.daily_digest = daily
    flash(_("From now on you get one mail a day.") if daily else _("From now on you get each mail at once."), "success")

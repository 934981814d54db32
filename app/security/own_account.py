"""What does somebody who is signed in change about the own account? Families and staff alike."""

from flask import abort, flash, redirect, request, session, url_for
from flask_appbuilder import BaseView, expose
from flask_babel import refresh
from flask_login import current_user
from werkzeug.security import check_password_hash

from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.i18n import _
from app.extensions import db
from app.security import operations, second_factor, sessions
from app.security.forms import AddressForm, ChangePasswordForm, LanguageForm
from app.security.guard import ACCOUNT, writes
from app.security.manager import is_blocked, note_wrong_password
from app.security.models import Account
from app.security.passwords import check_password, hash_password, rule
from app.security.queries import families_of
from app.security.scope import is_family, staff_role


class OwnView(BaseView):
    """A page about the account that is signed in, in the look of its other pages. The door (sessions.py) keeps strangers out."""

    route_base = "/compte"

    def render_template(self, template, **kwargs):
        kwargs["layout"] = "portal/base.html" if is_family() and not kwargs.get("forced") else "public/base.html"
        return super().render_template(template, **kwargs)


class OwnAccountView(OwnView):
    """Identifier, address, language, sessions, families."""

    default_view = "show"

    @expose("/")
    def show(self):
        account = _me()
        return self.render_template(
            "portal/own_account/show.html",
            account=account,
            address=operations.address_of(account),
            links=families_of(account.id),
            language=LanguageForm(locale=account.locale),
            devices=sessions.open_sessions(account.id),
            here=sessions.this_session(),
            staff=staff_role() is not None,
            second_step=staff_role() is not None and second_factor.is_on(account.id),
        )

    @expose("/adresse/", methods=["GET", "POST"])
    @writes(ACCOUNT)
    def address(self):
        form, account = AddressForm(), _me()
        if form.validate_on_submit() and proved(account, form, "password"):
            with unit_of_work():
                operations.ask_to_confirm(_me(), form.email.data)
            flash(_("We have written to %(email)s: open the link in that mail. Until then nothing changes.", email=form.email.data), "info")
            return redirect(url_for("OwnAccountView.show"))
        page = self.render_template("portal/own_account/address.html", form=form, address=operations.address_of(account))
        return page, 422 if form.errors else 200

    @expose("/langue/", methods=["POST"])
    @writes(ACCOUNT)
    def language(self):
        form = LanguageForm()
        if not form.validate_on_submit():
            abort(400)
        with unit_of_work():
            operations.prefer_language(_me(), form.locale.data, by=_me())
        session["locale"] = form.locale.data
        refresh()
        flash(_("From now on we speak this language to you, in mails too."), "success")
        return redirect(url_for("OwnAccountView.show"))

    @expose("/sessions/<int:session_id>/fermer", methods=["POST"])
    @writes(ACCOUNT)
    def close_session(self, session_id):
        with unit_of_work():
            operations.close_session(_me(), session_id, by=_me())
        flash(_("This device is signed out."), "success")
        return redirect(url_for("OwnAccountView.show"))

    @expose("/sessions/", methods=["POST"])
    @writes(ACCOUNT)
    def close_sessions(self):
        with unit_of_work():
            operations.close_sessions(_me(), by=_me())
        sessions.go_on(_me())
        flash(_("Everybody else is signed out of your account."), "success")
        return redirect(url_for("OwnAccountView.show"))


class PasswordView(OwnView):
    """A new password. Who has one from the town comes here before anything else."""

    default_view = "change"

    @expose("/mot-de-passe/", methods=["GET", "POST"])
    @writes(ACCOUNT)
    def change(self):
        account, form = _me(), ChangePasswordForm(next=request.args.get("next"))
        forced = account.must_change_password
        if form.validate_on_submit() and proved(account, form, "present") and _change(account, form):
            sessions.go_on(_me())
            flash(_("Your new password is in force. Other devices are signed out."), "success")
            return redirect(sessions.target() if forced else url_for("OwnAccountView.show"))
        # No bar before the change: its entries would lead back here.
        around = {"bar": None} if forced else {}
        page = self.render_template("portal/own_account/password.html", form=form, account=account, forced=forced, rule=rule(), **around)
        return page, 422 if form.errors else 200


def _me():
    """The account that is signed in, as a row of this session."""
    return db.session.get(Account, current_user.id)


def proved(account, form, field, wrong=None):
    """Whether the password in force was typed; a wrong one counts like a wrong sign-in, and the form says so."""
    if is_blocked(account):
        minutes = max(1, round((account.blocked_until - clock.now()).total_seconds() / 60))
        form.refuse(_("Too many wrong passwords: wait %(minutes)d minutes and try again.", minutes=minutes), field)
        return False
    if check_password_hash(account.password, form[field].data):
        return True
    note_wrong_password(account.id)
    form.refuse(wrong or _("This is not your present password."), field)
    return False


def _change(account, form):
    """Whether the new password is in force; the form says why not."""
    try:
        if form.password.data == form.present.data:
            raise DomainError(_("Choose another password than the present one."))
        check_password(form.password.data, account.username, account.first_name, account.last_name)
        hashed = hash_password(form.password.data)
        with unit_of_work():
            operations.set_password(_me(), hashed, by=_me())
    except DomainError as refusal:
        form.refuse(refusal, "password")
        return False
    return True

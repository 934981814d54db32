"""How does somebody who has forgotten a password, or has a new address, come back?"""

from flask import flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose

from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.i18n import _, language
from app.security import links, operations, sessions, throttle
from app.security.forms import ForgottenForm, NewPasswordForm
from app.security.guard import ACCOUNT, writes
from app.security.passwords import check_password, hash_password, rule


class ResetView(BaseView):
    """A link by mail, for whoever can read the account's mail."""

    route_base = ""
    default_view = "forgotten"

    @expose("/mot-de-passe-oublie/", methods=["GET", "POST"])
    @writes(ACCOUNT)
    def forgotten(self):
        form = ForgottenForm()
        wish = "sign_in_link" if request.form.get("wish") == "sign_in_link" else "reset"
        if form.validate_on_submit() and _ask(form, wish):
            return redirect(url_for("ResetView.asked" if wish == "reset" else "ResetView.link_asked"))
        return self.render_template("public/forgotten.html", form=form), 422 if form.errors else 200

    @expose("/mot-de-passe-oublie/envoye/")
    def asked(self):
        return self._sent(links.RESET_LIFE)

    @expose("/lien-de-connexion/envoye/")
    def link_asked(self):
        return self._sent(links.LINK_LIFE)

    @expose("/lien-de-connexion/<token>", methods=["GET", "POST"])
    @writes(ACCOUNT)
    def enter(self, token):
        """A page with a button: mail scanners open links, and must not use this one up."""
        try:
            if request.method == "POST":
                with unit_of_work():
                    account = links.use_sign_in_token(token)
                return sessions.enter(account, url_for("IndexView.index"))
            account = links.account_to_sign_in(token)
        except DomainError as refusal:
            return self._lapsed(refusal, url_for("ResetView.forgotten"))
        return self.render_template("public/sign_in_link.html", account=account)

    @expose("/nouveau-mot-de-passe/<token>", methods=["GET", "POST"])
    @writes(ACCOUNT)
    def choose(self, token):
        try:
            account = links.account_to_reset(token)
        except DomainError as refusal:
            return self._lapsed(refusal, url_for("ResetView.forgotten"))
        form = NewPasswordForm()
        if form.validate_on_submit() and _reset(form, account, token):
            answer = sessions.enter(account, url_for("IndexView.index"))
            flash(_("Your new password is in force."), "success")
            return answer
        return self.render_template("public/new_password.html", form=form, account=account, rule=rule()), 422 if form.errors else 200

    @expose("/confirmer-adresse/<token>", methods=["GET", "POST"])
    @writes(ACCOUNT)
    def confirm(self, token):
        """A page with a button: mail scanners open links, and must not confirm anything by it."""
        try:
            if request.method == "POST":
                with unit_of_work():
                    operations.confirm_address(token)
                flash(_("Your address is confirmed: from now on we write to it."), "success")
                return redirect(url_for("IndexView.index"))
            account, email = operations.address_to_confirm(token)
        except DomainError as refusal:
            return self._lapsed(refusal, None)
        return self.render_template("public/confirm_address.html", account=account, email=email)

    def _sent(self, life):
        return self.render_template("public/forgotten_sent.html", minutes=int(life.total_seconds() // 60))

    def _lapsed(self, refusal, again):
        return self.render_template("public/lapsed.html", sentence=refusal, again=again), 410


def _ask(form, wish):
    """Whether the link is on its way, if there is somebody to send it to; the form says why not. Each mail counts, known or not."""
    typed = form.username.data.lower()
    try:
        with unit_of_work():
            throttle.take(throttle.MAILS)
            throttle.take(throttle.RECIPIENT, typed)
            links.ask(typed, wish, locale=language())
    except throttle.TooOften as refusal:
        form.refuse(refusal)
        return False
    return True


def _reset(form, account, token):
    """Whether the new password is in force; the form says why not. The token is read again in the transaction: it works once."""
    try:
        check_password(form.password.data, account.username, account.first_name, account.last_name)
        hashed = hash_password(form.password.data)
        with unit_of_work():
            account = links.account_to_reset(token, lock=True)
            operations.set_password(account, hashed, by=account)
    except DomainError as refusal:
        form.refuse(refusal, "password")
        return False
    return True

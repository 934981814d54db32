"""How does somebody with the town's letter come to an account?"""

from flask import flash, redirect, request, session, url_for
from flask_appbuilder import BaseView, expose
from flask_login import current_user

from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.i18n import _, language
from app.security import operations, sessions, throttle
from app.security.forms import CodesForm, FirstAccountForm, FirstPasswordForm
from app.security.guard import ACCOUNT, writes
from app.security.passwords import check_password, hash_password, rule

#: Seconds between the codes and the password: a letter left open on a library's computer is not an account.
PATIENCE = 1800


class FirstVisitView(BaseView):
    """Two steps: the codes of the letter, then the account."""

    route_base = "/premiere-visite"
    default_view = "codes"

    @expose("/", methods=["GET", "POST"])
    @writes(ACCOUNT)
    def codes(self):
        if current_user.is_authenticated:
            return redirect(url_for("IndexView.index"))
        form = CodesForm()
        if form.validate_on_submit() and (found := _find(form)) is not None:
            session["first_visit"] = [found, int(clock.now().timestamp())]
            return redirect(url_for("FirstVisitView.account"))
        return self.render_template("public/first_visit.html", form=form), 422 if form.errors else 200

    @expose("/compte/", methods=["GET", "POST"])
    @writes(ACCOUNT)
    def account(self):
        invitation = _invitation()
        if invitation is None:
            flash(_("Please type the codes of your letter again."), "info")
            return redirect(url_for("FirstVisitView.codes"))
        link, adult = operations.link_of(invitation), operations.adult_of(invitation)
        form = FirstPasswordForm() if link is not None else _account_form(adult)
        if request.method == "POST" and (account := _activate(form, invitation, adult, link)):
            # A letter is as good as a password, and no better.
            answer = sessions.enter(account, url_for("IndexView.index"))
            _welcome(account, form)
            return answer
        known = link.account.username if link is not None else None
        return self.render_template(
            "public/first_account.html", form=form, adult=adult, known=known, rule=rule()
        ), 422 if form.errors else 200


def _find(form):
    """The id of the invitation that the codes are for; None where the form says why not. Wrong ones count for the address alone."""
    codes = form.family_code.data, form.code.data
    try:
        with unit_of_work():
            throttle.refuse_who_waits(throttle.LETTERS, lock=True)
            invitation = operations.find_invitation(*codes)
            if invitation is not None:
                return invitation.id
            throttle.count(throttle.LETTERS)
    except throttle.TooOften as refusal:
        form.refuse(refusal)
        return None
    form.refuse(operations.why_no_invitation(*codes))
    return None


def _account_form(adult):
    if request.method == "POST":
        return FirstAccountForm()
    return FirstAccountForm(username=operations.suggest_identifier(adult.first_name, adult.last_name), email=adult.email)


def _invitation():
    """The invitation that this browser gave the codes of a moment ago, while it is open."""
    found, since = session.get("first_visit") or (None, 0)
    if found is None or current_user.is_authenticated or clock.now().timestamp() - since > PATIENCE:
        return None
    return operations.open_invitation(found)


def _activate(form, invitation, adult, link):
    """The account, ready; None where the form now says all that is wrong. The hash is made before the transaction."""
    good, invitation_id = form.validate_on_submit(), invitation.id
    username = link.account.username if link is not None else _check(form, "username", operations.check_identifier)
    email = form.email.data if link is None else None
    _check(form, "password", lambda typed: check_password(typed, username, adult.first_name, adult.last_name, email))
    if not good or form.errors:
        return None
    hashed = hash_password(form.password.data)
    try:
        with unit_of_work():
            return operations.activate(invitation_id, username, hashed, email=email, locale=language())
    except DomainError as refusal:
        form.refuse(refusal, "username" if link is None else None)
        return None


def _check(form, name, rule):
    """What a rule makes of a field; the field says why not. One that is empty has said so already."""
    try:
        return rule(form[name].data) if form[name].data else None
    except DomainError as refusal:
        form.refuse(refusal, name)
        return None


def _welcome(account, form):
    flash(
        _("Welcome, %(name)s. Your account is ready; your identifier is %(username)s.", name=account.first_name, username=account.username),
        "success",
    )
    if "email" in form and form.email.data:
        flash(_("We have written to %(email)s: open the link in that mail to confirm your address.", email=form.email.data), "info")

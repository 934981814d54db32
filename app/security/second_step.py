"""How does somebody of the staff sign in with a telephone beside the password, and set that up?"""

from flask import abort, flash, redirect, request, session, url_for
from flask_appbuilder import BaseView, expose
from flask_login import current_user
from markupsafe import Markup

from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.i18n import _, _n
from app.extensions import db
from app.security import operations, second_factor, sessions, throttle
from app.security.forms import CodeForm, ProveForm, SetUpForm
from app.security.guard import ACCOUNT, writes
from app.security.manager import count_wrong, is_blocked, note_signed_in
from app.security.models import Account
from app.security.own_account import OwnView, proved
from app.security.scope import staff_role

#: From so many on there is no need to say it.
FEW_CODES = 4


class CodeStepView(BaseView):
    """After the password: the code of the telephone, or one on paper."""

    route_base = "/login/code"
    default_view = "code"

    @expose("/", methods=["GET", "POST"])
    @writes(ACCOUNT)
    def code(self):
        if current_user.is_authenticated:
            return redirect(sessions.target())
        account, form = sessions.waiting_for_code(), CodeForm()
        if account is None:
            flash(_("Please type your password again: the page was open for too long."), "info")
            return redirect(url_for("LoginView.login", next=_wanted()))
        if "other" not in request.form and form.validate_on_submit() and _admit(form, account.id):
            sessions.begin(db.session.get(Account, account.id), with_factor=True)
            _warn_of_few(account.id)
            return redirect(sessions.target())
        page = self.render_template("public/login_code.html", form=form, wanted=_wanted(), on_paper=bool(request.args.get("paper")))
        return page, 422 if form.errors else 200


def _wanted():
    return sessions.local_address(request.values.get("next", "")) or None


def _admit(form, account_id):
    """Whether the code was right; the form says why not. Wrong ones count like wrong passwords, for the account and for the address."""
    try:
        with unit_of_work():
            throttle.refuse_who_waits(throttle.SIGN_IN, lock=True)
            account = db.session.get(Account, account_id, with_for_update=True, populate_existing=True)
            if is_blocked(account):
                good, sentence = False, _too_many(account)
            elif good := second_factor.accept(account, form.code.data):
                note_signed_in(account)
            else:
                throttle.count(throttle.SIGN_IN)
                count_wrong(account)
                sentence = _("This code does not fit, or was used already. Type the one that is shown now.")
    except DomainError as refusal:
        good, sentence = False, refusal
    if not good:
        form.refuse(sentence, "code")
    return good


def _too_many(account):
    minutes = max(1, round((account.blocked_until - clock.now()).total_seconds() / 60))
    return _("Too many wrong codes: wait %(minutes)d minutes and try again.", minutes=minutes)


def _warn_of_few(account_id):
    left = second_factor.codes_left(account_id)
    if left < FEW_CODES:
        link = Markup('<a href="{}">{}</a>').format(url_for("SecondStepView.paper"), _("Make new ones"))
        said = _n("You have %(num)d recovery code left.", "You have %(num)d recovery codes left.", left)
        flash(Markup("{} {}").format(said, link), "warning")


class SecondStepView(OwnView):
    """The second step of the own account: on, off, codes on paper."""

    route_base = "/compte/code"
    default_view = "show"

    @expose("/", methods=["GET", "POST"])
    @writes(ACCOUNT)
    def show(self):
        account = _me_of_the_staff()
        if second_factor.is_on(account.id):
            return self._state(account)
        form = SetUpForm(next=request.args.get("next"))
        secret = second_factor.secret_in(form.secret.data, account)
        if form.validate_on_submit() and (codes := _switch_on(form, account, secret)):
            return self._codes(codes, sessions.target())
        return self._set_up(form, account, secret), 422 if form.errors else 200

    @expose("/secours/", methods=["GET", "POST"])
    @writes(ACCOUNT)
    def paper(self):
        account, form = _me_with_factor(), ProveForm()
        if form.validate_on_submit() and _proved(form, account):
            with unit_of_work():
                codes = second_factor.new_codes(_me(), by=_me())
            return self._codes(codes, url_for("SecondStepView.show"))
        page = self._page("second_step_paper", form=form, account=account, left=second_factor.codes_left(account.id))
        return page, 422 if form.errors else 200

    @expose("/arreter/", methods=["GET", "POST"])
    @writes(ACCOUNT)
    def stop(self):
        account, form = _me_with_factor(), ProveForm()
        if _is_asked():
            flash(_("The town hall asks you for the second step: it stays on."), "warning")
            return redirect(url_for("SecondStepView.show"))
        if form.validate_on_submit() and _proved(form, account):
            with unit_of_work():
                second_factor.switch_off(_me(), by=_me())
            session.pop("second_step", None)
            flash(_("The second step is off: your password alone signs you in."), "success")
            return redirect(url_for("OwnAccountView.show"))
        return self._page("second_step_stop", form=form, account=account), 422 if form.errors else 200

    def _set_up(self, form, account, secret):
        if secret is None:
            form.secret.data = second_factor.new_secret(account)
            secret = second_factor.secret_in(form.secret.data, account)
        address = second_factor.address_for(secret, account)
        picture = Markup(second_factor.picture_of(address))
        found = {"secret": secret, "address": address, "picture": picture, "asked": _is_asked()}
        return self._page("second_step_set_up", form=form, account=account, **found)

    def _state(self, account):
        factor, left = second_factor.factor_of(account.id), second_factor.codes_left(account.id)
        return self._page("second_step", factor=factor, left=left, asked=_is_asked())

    def _codes(self, codes, onward):
        return self._page("second_step_codes", codes=codes, onward=onward, account=_me())

    def _page(self, name, **found):
        return self.render_template(f"portal/own_account/{name}.html", **found)


def _me():
    return db.session.get(Account, current_user.id)


def _me_of_the_staff():
    if staff_role() is None:
        abort(403)
    return _me()


def _me_with_factor():
    account = _me_of_the_staff()
    if not second_factor.is_on(account.id):
        abort(redirect(url_for("SecondStepView.show")))
    return account


def _is_asked():
    return second_factor.is_asked_of(staff_role())


def _switch_on(form, account, secret):
    """The recovery codes, once the second step is on; None where the form says why not. All other browsers are signed out."""
    if secret is None:
        form.refuse(_("This page was open for too long. Scan the new picture."), "code")
        return None
    if not proved(account, form, "password", _("This is not your password.")):
        return None
    try:
        with unit_of_work():
            codes = second_factor.switch_on(_me(), secret, form.code.data, by=_me())
            operations.close_sessions(_me(), by=_me())
    except DomainError as refusal:
        form.refuse(refusal, "code")
        return None
    sessions.go_on(_me())
    session["second_step"] = True
    return codes


def _proved(form, account):
    """Whether password and code were right; the code is used up, a wrong one counts."""
    if not proved(account, form, "password", _("This is not your password.")):
        return False
    with unit_of_work():
        good = second_factor.accept(_me(), form.code.data)
        if not good:
            count_wrong(_me())
    if not good:
        form.refuse(_("This code does not fit, or was used already. Type the one that is shown now."), "code")
    return good

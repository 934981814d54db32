"""How does somebody sign in and out?"""

from flask import flash, redirect, request
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import no_cache
from flask_appbuilder.security.views import AuthDBView
from flask_appbuilder.utils.base import get_safe_redirect
from flask_login import current_user, login_user, logout_user
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired

from app.core.i18n import _, _l
from app.security.guard import ACCOUNT, writes


class LoginForm(FlaskForm):
    """Identifier and password; pasting and password managers are welcome."""

    username = StringField(_l("Identifier or e-mail address"), [DataRequired(_l("Please fill this in."))], render_kw={"autocomplete": "username", "autocapitalize": "none"})
    password = PasswordField(_l("Password"), [DataRequired(_l("Please fill this in."))], render_kw={"autocomplete": "current-password"})


class LoginView(AuthDBView):
    """The one door for families and staff."""

    route_base = ""

    @expose("/login/", methods=["GET", "POST"])
    @no_cache
    @writes(ACCOUNT)
    def login(self):
        target = get_safe_redirect(request.args.get("next", ""))
        if current_user.is_authenticated:
            return redirect(target)
        form = LoginForm()
        if form.validate_on_submit():
            account = self.appbuilder.sm.auth_user_db(form.username.data, form.password.data)
            if account is not None:
                login_user(account)
                return redirect(target)
            form.password.errors = [_("This identifier and this password do not go together. After five attempts, wait a little.")]
        return self.render_template("public/login.html", title=_("Sign in"), form=form), 200 if request.method == "GET" else 422

    @expose("/logout/", methods=["POST"])
    def logout(self):
        logout_user()
        flash(_("You are signed out."), "info")
        return redirect(self.appbuilder.get_url_for_index)

"""How does somebody sign in and out?"""

from flask import flash, redirect, request, session, url_for
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import no_cache
from flask_appbuilder.security.views import AuthDBView
from flask_login import current_user

from app.core.i18n import _
from app.security import sessions
from app.security.forms import LoginForm
from app.security.guard import ACCOUNT, writes
from app.security.throttle import TooOften


class LoginView(AuthDBView):
    """The one door for families and staff."""

    route_base = ""

    @expose("/login/", methods=["GET", "POST"])
    @no_cache
    @writes(ACCOUNT)
    def login(self):
        target = sessions.target()
        if current_user.is_authenticated:
            return redirect(target)
        form = LoginForm()
        if form.validate_on_submit():
            account = self._who_signs_in(form)
            if account is not None:
                return sessions.enter(account, target)
        return self._page(form)

    def _who_signs_in(self, form):
        """The account whose password was typed; None where the form says why not."""
        try:
            account = self.appbuilder.sm.auth_user_db(form.username.data, form.password.data)
        except TooOften as refusal:
            form.refuse(refusal)
            return None
        if account is None:
            # Counted in the browser's own session: it says nothing about the account, not even whether there is one.
            session["wrong"] = session.get("wrong", 0) + 1
            form.refuse(_("This identifier and this password do not go together."))
        return account

    def _page(self, form):
        wanted = sessions.local_address(request.values.get("next", "")) or None
        page = self.render_template("public/login.html", form=form, wanted=wanted, wrong=session.get("wrong", 0))
        return page, 200 if request.method == "GET" else 422

    @expose("/logout/", methods=["POST"])
    @writes(ACCOUNT)
    def logout(self):
        sessions.end()
        flash(_("You are signed out."), "success")
        return redirect(url_for("IndexView.index"))

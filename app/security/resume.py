"""What if a session ends while somebody types? Every address under /portail/ leads to the door, and what was typed comes back."""

from flask import current_app, g, has_request_context, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf.csrf import CSRFError

from app.core.encryption import seal, unseal
from app.core.web import csrf_error
from app.security.forms import LoginForm
from app.security.scope import in_portal

#: What never travels in a kept form.
LEFT_OUT = frozenset({"csrf_token", "password"})
#: Characters of a kept form; a longer one is not typed by hand.
LONGEST = 200_000


def init_app(app):
    """Stand before the portal's screens, in front of whatever they check themselves. After core/web.init_app()."""
    app.before_request(_lead_to_the_door)
    app.register_error_handler(CSRFError, _forged_or_ended)
    app.after_request(_offer_again)
    app.context_processor(lambda: {"kept_form": _kept()})


def _lead_to_the_door():
    if current_user.is_authenticated or not in_portal() or request.url_rule is None:
        return None
    if request.method == "POST":
        return _keep_what_was_typed()
    return redirect(url_for("LoginView.login", next=request.full_path.rstrip("?")))


def _forged_or_ended(error):
    """The token of a session that has ended does not fit: to its person that is no attack."""
    if current_user.is_authenticated or not in_portal():
        return csrf_error(error)
    return _keep_what_was_typed()


def _keep_what_was_typed():
    """The login page, with the form sealed in it; a post without a snapshot of ours typed nothing worth keeping."""
    snapshot = _open(request.form.get("base"))
    if "account" not in snapshot:
        return redirect(url_for("LoginView.login", next=_page_before()), code=303)
    fields = [pair for pair in request.form.items(multi=True) if pair[0] not in LEFT_OUT]
    files = any(upload.filename for upload in request.files.values())
    if sum(len(value) for _name, value in fields) > LONGEST:
        return redirect(url_for("LoginView.login", next=request.full_path.rstrip("?")), code=303)
    g.kept_form = seal({"kept": request.full_path.rstrip("?"), "account": snapshot["account"], "fields": fields, "files": files})
    form = LoginForm(formdata=None)
    return current_app.appbuilder.sm.auth_view.render_template(
        "public/login.html", form=form, wanted=request.full_path.rstrip("?"), wrong=0
    ), 401


def _page_before():
    """The page that a button was pressed on."""
    came_from = (request.referrer or "").removeprefix(request.host_url.rstrip("/"))
    return came_from if came_from.startswith("/portail/") else url_for("HomeView.home")


def _open(token):
    try:
        found = unseal(token) if token else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _kept():
    """The sealed form that the login page carries on, wrong passwords included."""
    if not has_request_context():
        return None
    return g.get("kept_form") or (request.form.get("kept_form") if request.endpoint == "LoginView.login" else None)


def _offer_again(response):
    """After the same person has signed in: a page with one button that sends the form, with a fresh token."""
    if request.endpoint != "LoginView.login" or response.status_code not in (302, 303) or not current_user.is_authenticated:
        return response
    kept = _open(request.form.get("kept_form"))
    if kept.get("account") != current_user.id or "kept" not in kept:
        return response
    # Signing in began a new session: the token of the old one, which the login form has read, does not fit it.
    g.pop("csrf_token", None)
    page = make_response(render_template("portal/resume.html", kept=kept))
    page.headers["Cache-Control"] = "no-store"
    return page

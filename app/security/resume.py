"""What if a session ends while somebody types? The door keeps what was typed, and gives it back to the same person."""

from flask import current_app, g, has_request_context, make_response, redirect, render_template, request, session, url_for
from flask_login import current_user
from flask_wtf.csrf import CSRFError

from app.core.encryption import seal, unseal
from app.core.web import csrf_error
from app.security.forms import CodeForm, LoginForm
from app.security.scope import in_portal, is_family
from app.security.sessions import local_address, whose_form

#: Where people type what is worth keeping; under /compte/ that would be passwords.
ROOMS = ("/portail/", "/mairie/")
#: The pages between the form and its person.
DOOR = ("LoginView.login", "CodeStepView.code")
#: What never travels in a kept form.
LEFT_OUT = frozenset({"csrf_token", "password"})
#: Characters of a kept form; a longer one is not typed by hand.
LONGEST = 200_000


def init_app(app):
    """Stand before the screens, in front of whatever they check themselves. After core/web.init_app()."""
    app.before_request(_lead_to_the_door)
    app.register_error_handler(CSRFError, _forged_or_ended)
    app.after_request(_offer_again)
    app.context_processor(lambda: {"kept_form": _carried()})


def _lead_to_the_door():
    if current_user.is_authenticated or not request.path.startswith(ROOMS) or request.url_rule is None:
        return None
    if request.method == "POST":
        return _keep_what_was_typed()
    return redirect(url_for("LoginView.login", next=_here()))


def _forged_or_ended(error):
    """The token of a session that has ended does not fit: to its person that is no attack, whether signed in again or not."""
    if not request.path.startswith(ROOMS):
        return csrf_error(error)
    if not current_user.is_authenticated:
        return _keep_what_was_typed()
    account_id, secret = whose_form(request.form.get("csrf_token"))
    kept = _typed() if account_id == current_user.id and secret != session.get("csrf_token") else None
    return (_offer(kept), 400) if kept is not None else csrf_error(error)


def _keep_what_was_typed():
    """The login page, with the form sealed in it."""
    kept = _typed()
    if kept is None:
        return redirect(url_for("LoginView.login", next=_page_before()), code=303)
    g.kept_form = seal(kept)
    form, sm, wanted = LoginForm(formdata=None), current_app.appbuilder.sm, local_address(_here()) or _page_before()
    return sm.auth_view.render_template("public/login.html", form=form, wanted=wanted, wrong=0), 401


def _typed():
    """What was posted and by whom; None where nothing was typed, nobody knows by whom, or it is more than a person types."""
    account_id, _secret = whose_form(request.form.get("csrf_token"))
    fields = [pair for pair in request.form.items(multi=True) if pair[0] not in LEFT_OUT]
    if account_id is None or not fields or sum(len(value) for _name, value in fields) > LONGEST:
        return None
    opened = _open(request.form.get("base"))
    return {
        "kept": _here(),
        "account": account_id,
        "acting": opened.get("acting") if opened.get("account") == account_id else None,
        "fields": fields,
        "files": [name for name, upload in request.files.items() if upload.filename],
    }


def _here():
    return request.full_path.rstrip("?")


def _page_before():
    """The page that a button was pressed on; else the person's first one."""
    came_from = local_address(request.referrer)
    return came_from if came_from.startswith(ROOMS) else url_for("HomeView.home" if in_portal() else "IndexView.index")


def _open(token):
    try:
        found = unseal(token) if token else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _carried():
    """The sealed form that the pages of the door carry on, wrong passwords and codes included."""
    if not has_request_context():
        return None
    return g.get("kept_form") or (request.form.get("kept_form") if request.endpoint in DOOR else None)


def _offer_again(response):
    """After the same person has signed in: a page with one button that sends the form, with a fresh token. Or the second step first."""
    if request.endpoint not in DOOR or response.status_code not in (302, 303):
        return response
    kept = _open(request.form.get("kept_form"))
    if "kept" not in kept:
        return response
    # Signing in began a new session: the token of the old one, which the door's form has read, does not fit it.
    g.pop("csrf_token", None)
    if current_user.is_authenticated:
        return _offer(kept) if kept.get("account") == current_user.id and _acts_again(kept) else response
    if (session.get("code_asked") or [None])[0] == kept.get("account"):
        return _page(
            "public/login_code.html", form=CodeForm(formdata=None), wanted=local_address(request.values.get("next", "")), on_paper=False
        )
    return response


def _acts_again(kept):
    """Whether the person may send it: a clerk who typed for a family does so again."""
    if is_family() or not kept["kept"].startswith("/portail/"):
        return True
    if kept.get("acting"):
        session.setdefault("acting", kept["acting"])
    return "acting" in session


def _offer(kept):
    return _page("portal/resume.html", kept=kept)


def _page(template, **found):
    page = make_response(render_template(template, **found))
    page.headers["Cache-Control"] = "no-store"
    return page

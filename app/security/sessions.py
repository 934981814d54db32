"""When does a session begin, and what stands before it? One door for the screens of families and staff."""

from urllib.parse import urlsplit

from flask import current_app, flash, redirect, request, session, url_for
from flask_babel import refresh
from flask_login import current_user, login_user
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from app.core.i18n import _

#: Nothing under these addresses is for people who have not signed in.
ROOMS = ("/portail/", "/mairie/", "/technique/", "/compte/")
#: What somebody whose password was chosen by the town may still open.
OPEN_BEFORE_CHANGE = {"PasswordView.change", "LoginView.logout", "LocaleView.index", "theme.stylesheet", "HealthView.healthz"}


def init_app(app):
    """Put the door before every request."""
    app.before_request(_stop_strangers)
    app.before_request(_stop_borrowed_passwords)


def begin(account):
    """A session of its own for an account: nothing that a visitor, or somebody else before, had in it goes on."""
    session.clear()
    session["locale"] = account.locale
    login_user(account)
    refresh()


def go_on(account):
    """Keep this session when all the others of its account have just been closed."""
    login_user(account)


def end():
    """Forget everything, but not the language."""
    kept = session.get("locale")
    session.clear()
    if kept:
        session["locale"] = kept


def target():
    """Where the person wanted to go, if it is a page of ours; else the front page."""
    return local_address(request.values.get("next", "")) or url_for("IndexView.index")


def local_address(address):
    """The path and query of an address of ours that can be opened; "" for any other."""
    if not address or "\\" in address or not address.isprintable():
        return ""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    here = parts.netloc in ("", request.host) and parts.scheme in ("", "http", "https") and bool(parts.netloc) == bool(parts.scheme)
    if not here or not parts.path.startswith("/") or parts.path.startswith("//") or not _can_be_opened(parts.path):
        return ""
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _can_be_opened(path):
    try:
        current_app.url_map.bind_to_environ(request.environ).match(path.removeprefix(request.script_root), method="GET")
    except RequestRedirect:
        return True
    except HTTPException:
        return False
    return True


def to_login():
    """Send a stranger to the door, and back afterwards."""
    wanted = local_address(request.full_path.rstrip("?") if request.method == "GET" else request.referrer)
    return redirect(url_for("LoginView.login", next=wanted or None))


def _stop_strangers():
    if request.path.startswith(ROOMS) and not current_user.is_authenticated:
        return to_login()
    return None


def _stop_borrowed_passwords():
    if request.endpoint == "static" or request.endpoint in OPEN_BEFORE_CHANGE or not current_user.is_authenticated:
        return None
    if not current_user.must_change_password:
        return None
    if request.method != "GET":
        flash(_("Nothing was saved: please choose your own password first."), "warning")
    return redirect(url_for("PasswordView.change", next=local_address(request.full_path.rstrip("?")) or None))

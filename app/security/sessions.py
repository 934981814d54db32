"""When does a session begin, where is one open, and what stands before it? One door for the screens of families and staff."""

import hashlib
import re
from datetime import timedelta
from secrets import token_urlsafe
from urllib.parse import urlsplit

from flask import current_app, flash, g, redirect, request, session, url_for
from flask_babel import refresh
from flask_login import current_user, login_user
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import delete, or_, select, update
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from app.core import clock
from app.core.db import own_transaction, unit_of_work
from app.core.i18n import _
from app.extensions import db
from app.security import second_factor
from app.security.models import Account, LoginSession
from app.security.scope import staff_role

#: Nothing under these addresses is for people who have not signed in.
ROOMS = ("/portail/", "/mairie/", "/technique/", "/compte/")
#: What somebody may open who must first do something: choose a password, set up the second step.
ALWAYS_OPEN = {"static", "LoginView.logout", "LocaleView.index", "theme.stylesheet", "HealthView.healthz"}
#: What somebody whose password was chosen by the town may still open.
OPEN_BEFORE_CHANGE = ALWAYS_OPEN | {"PasswordView.change"}
#: What somebody may still open whom the town asks for a second step that is not set up.
OPEN_BEFORE_FACTOR = OPEN_BEFORE_CHANGE | {"SecondStepView.show"}
#: Not every click writes down that a browser was seen.
SEEN_EVERY = timedelta(minutes=10)
#: Between the password and the code of the telephone.
CODE_PATIENCE = timedelta(minutes=10)
#: Rows of sessions that nobody uses any more are kept for so long.
SESSION_ROWS = timedelta(days=30)

#: What a browser says of itself, the more particular first: all of them call themselves Mozilla, most of them Safari.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrom", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def init_app(app):
    """Put the door before every request."""
    app.before_request(_stop_strangers)
    app.before_request(_note_seen)
    app.before_request(_stop_borrowed_passwords)
    app.before_request(_stop_without_factor)


# -- begin and end ----------------------------------------------------------------------------------------------------------------


def enter(account, target):
    """The answer to a right password, or to a link that is as good as one: the page that was wanted, or first the second step.

    Outside of a unit of work.
    """
    if account.session_key or not second_factor.is_on(account.id):
        begin(account)
        return redirect(target)
    session.clear()
    session["locale"] = account.locale
    session["code_asked"] = [account.id, _proof(account), int(clock.now().timestamp())]
    refresh()
    return redirect(url_for("CodeStepView.code", next=target))


def waiting_for_code():
    """The account whose password this browser gave a moment ago, and that owes the second step; or None."""
    account_id, proof, since = session.get("code_asked") or (None, "", 0)
    if account_id is None or not 0 <= clock.now().timestamp() - since <= CODE_PATIENCE.total_seconds():
        return None
    account = db.session.get(Account, account_id)
    return account if account is not None and account.is_active and _proof(account) == proof else None


def _proof(account):
    """Ends with the password, and when all sessions are closed."""
    return hash_of(f"{account.password}.{account.session_token}")[:16]


def begin(account, *, with_factor=False):
    """A session of its own for an account: nothing that a visitor, or somebody else before, had in it goes on."""
    session.clear()
    session["locale"] = account.locale
    session["csrf_token"] = secret_of_forms(account.id)
    if not account.session_key:
        with unit_of_work():
            add_row(account)
    login_user(account)
    if with_factor:
        session["second_step"] = True
    refresh()


def go_on(account):
    """Keep this session when all of its account have just been closed."""
    with unit_of_work():
        add_row(account)
    login_user(account)


def add_row(account):
    """A new session of an account in this browser, which begin() then takes up. Within the open unit of work."""
    account.session_key = token_urlsafe(18)
    device = device_of(request.user_agent.string)
    db.session.add(LoginSession(account_id=account.id, key_hash=hash_of(account.session_key), device=device))


def secret_of_forms(account_id):
    """What the token of each form of a session holds, signed: it says whose form it was when the session is no more."""
    return f"{account_id}.{token_urlsafe(18)}"


def whose_form(token):
    """(the account's id, the secret) of a form's token; (None, "") where nobody had signed in, or it is none of ours."""
    try:
        secret = str(URLSafeTimedSerializer(current_app.secret_key, salt="wtf-csrf-token").loads(token or ""))
    except BadData:
        return None, ""
    number, dot, _chance = secret.partition(".")
    return (int(number), secret) if dot and number.isdecimal() else (None, "")


def hash_of(key):
    """What the database keeps of a session's key. The key is chance enough to need no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


def end():
    """Forget everything, but not the language; this browser's row ends too."""
    if current_user.is_authenticated and this_session() is not None:
        with unit_of_work():
            end_rows(current_user.id, only=this_session())
    kept = session.get("locale")
    session.clear()
    if kept:
        session["locale"] = kept


def end_rows(account_id, *, only=None):
    """End the open sessions of an account, or one of them; how many those were. Within the open unit of work."""
    query = update(LoginSession).where(LoginSession.account_id == account_id, LoginSession.ended_at.is_(None))
    if only is not None:
        query = query.where(LoginSession.id == only)
    return db.session.execute(query.values(ended_at=clock.now())).rowcount


def forget_sessions():
    """A housekeeping job: remove the rows of sessions that ended, or were not used, for a month."""
    limit = clock.now() - SESSION_ROWS
    with unit_of_work():
        return db.session.execute(delete(LoginSession).where(or_(LoginSession.ended_at < limit, LoginSession.seen_at < limit))).rowcount


# -- where ------------------------------------------------------------------------------------------------------------------------


def this_session():
    """The id of the session that the request came with, or None."""
    return (g.get("login_session") or (None,))[0]


def open_sessions(account_id):
    """The open sessions of an account that can still be used, the last seen first; this browser's own before all others."""
    here = this_session()
    alive = LoginSession.seen_at > clock.now() - current_app.permanent_session_lifetime
    query = select(LoginSession).where(LoginSession.account_id == account_id, LoginSession.ended_at.is_(None))
    rows = db.session.scalars(
        query.where(or_(alive, LoginSession.id == here)).order_by(LoginSession.seen_at.desc(), LoginSession.id.desc())
    )
    return sorted(rows, key=lambda row: row.id != here)


def device_of(agent):
    """A browser in words that its owner knows it by, of what it says of itself: "Firefox, Android". "" where it says nothing."""
    browser = next((name for mark, name in BROWSERS if mark in agent), "")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    return ", ".join(filter(None, (browser, system))) or re.sub(r"[^\w .-]", "", agent.split("/")[0])[:40]


def _note_seen():
    """Write down that this browser was seen, in a short transaction of its own: the one thing that a GET keeps of a person."""
    here = g.get("login_session") if current_user.is_authenticated else None
    if here is None or here[1] > clock.now() - SEEN_EVERY:
        return
    # The condition again, for a page whose parts come in at once.
    row = (LoginSession.id == here[0]) & (LoginSession.seen_at == here[1])
    with own_transaction("login_session") as connection:
        connection.execute(update(LoginSession).where(row).values(seen_at=clock.now()))


# -- where to -----------------------------------------------------------------------------------------------------------------------
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


# -- what stands before it ----------------------------------------------------------------------------------------------------------


def _stop_strangers():
    if request.path.startswith(ROOMS) and not current_user.is_authenticated:
        return to_login()
    return None


def _stop_borrowed_passwords():
    if request.endpoint in OPEN_BEFORE_CHANGE or not current_user.is_authenticated or not current_user.must_change_password:
        return None
    return _first("PasswordView.change", _("Nothing was saved: please choose your own password first."))


def _stop_without_factor():
    if request.endpoint in OPEN_BEFORE_FACTOR or not current_user.is_authenticated or session.get("second_step"):
        return None
    role = staff_role()
    if role is None or not second_factor.is_asked_of(role, g.get("second_step")):
        return None
    return _first("SecondStepView.show", _("Nothing was saved: please set up the second step first."))


def _first(endpoint, sentence):
    """Lead to what must be done before anything else, and back afterwards."""
    if request.method != "GET":
        flash(sentence, "warning")
    return redirect(url_for(endpoint, next=local_address(request.full_path.rstrip("?")) or None))

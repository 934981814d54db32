"""Which tables may this request write? The last net under the portal, whatever the code above it does."""

from flask import current_app, g, request
from flask_login import current_user

from app.core.db import may_write
from app.security.scope import in_portal, is_family

LOGS = frozenset({"log_entry"})
#: What a family's save writes: its request, the lot, the files, the receipt. Nothing of its file.
REQUESTS = LOGS | {"change_request", "change_lot", "place_asked", "stored_file", "outgoing_mail", "counter"}
#: What somebody writes about the own account.
ACCOUNT = LOGS | {
    "ab_user",
    "ab_user_role",
    "login_address",
    "family_link",
    "invitation",
    "calendar_feed",
    "outgoing_mail",
    "login_session",
    "recovery_code",
    "second_factor",
    "sign_in_throttle",
}
#: What a family writes to the town.
MESSAGES = LOGS | {"message_thread", "message", "message_file", "stored_file"}
#: What a family that is not known yet fills in, and sends.
PREREGISTRATION = REQUESTS | {"preregistration", "sign_in_throttle"}
#: A file kept aside while its form is corrected.
DRAFTS = frozenset({"stored_file"})


def writes(tables):
    """Declare which tables a view may write when a family, or nobody yet, posts to it."""

    def mark(view):
        view.writes = tables
        return view

    return mark


def init_app(app):
    """Put the net under every request."""
    app.before_request(_spread)
    app.teardown_request(_fold)


def _spread():
    if current_user.is_authenticated and not is_family() and not in_portal():
        return
    net = may_write(frozenset() if request.method in ("GET", "HEAD", "OPTIONS") else _declared())
    net.__enter__()
    g.net = net


def _declared():
    view = current_app.view_functions.get(request.endpoint)
    declared = getattr(view, "writes", None)
    if declared is None:
        owner = getattr(view, "__self__", None)
        declared = getattr(owner, "writes", {}).get(getattr(view, "__name__", "")) if owner is not None else None
    return declared or frozenset()


def _fold(_error):
    net = g.pop("net", None)
    if net is not None:
        net.__exit__(None, None, None)

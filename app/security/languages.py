"""In which language do we speak to this person?"""

from flask import current_app, redirect, request, session
from flask_babel import refresh
from flask_login import current_user
from werkzeug.exceptions import NotFound

from app.core.i18n import with_country
from app.security.sessions import local_address


def init_app(app):
    """Take the place of Flask-AppBuilder's choice, which is the configuration's language for every visitor, written into the session."""
    app.extensions["babel"].locale_selector = lambda: with_country(language())
    app.view_functions["LocaleView.index"] = choose
    app.context_processor(lambda: {"languages": [(code, entry["name"]) for code, entry in current_app.config["LANGUAGES"].items()]})


def language():
    """What was chosen in this session, else what the account prefers, else what the browser asks for, else the town's."""
    if not request:
        return None
    known = current_app.config["LANGUAGES"]
    asked = session.get("locale") or (current_user.locale if current_user.is_authenticated else None)
    return asked if asked in known else request.accept_languages.best_match(known, default=current_app.config["BABEL_DEFAULT_LOCALE"])


def choose(locale):
    """Speak this language for the rest of the session, and go on where the person was."""
    if locale not in current_app.config["LANGUAGES"]:
        raise NotFound
    session["locale"] = locale
    refresh()
    return redirect(local_address(request.referrer) or "/")

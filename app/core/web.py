"""What does every response carry, and how is an error shown? Headers, nonces, one handler for all sentences."""

import secrets

from flask import current_app, flash, g, jsonify, redirect, render_template, request
from flask_babel import get_locale
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from app.core import assets, i18n, settings
from app.core.errors import DomainError, WriteRefused
from app.core.i18n import _, number
from app.core.money import format_money, format_quotient
from app.core.views import refuse_bad_paging

#: Every page works under this; the staff's generated pages style their widgets inline.
POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self'{styles}; img-src 'self' data: blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def init_app(app):
    """Wire headers, errors and what templates may call."""
    i18n.init_app(app)
    assets.init_app(app)
    app.before_request(refuse_bad_paging)
    app.after_request(_headers)
    app.register_error_handler(DomainError, _domain_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(CSRFError, csrf_error)
    app.register_error_handler(WriteRefused, _write_refused)
    # Flask-AppBuilder renders its widgets without context processors.
    app.jinja_env.globals["csp_nonce"] = csp_nonce
    app.jinja_env.filters["dateformat"] = i18n.date_text
    app.jinja_env.filters["numberformat"] = number
    app.jinja_env.filters["money"] = format_money
    app.jinja_env.filters["quotient"] = format_quotient
    app.context_processor(lambda: {"locale": str(get_locale() or "fr"), "town": Town()})


class Town:
    """What every page says of the town."""

    @property
    def name(self):
        return current_app.config["TOWN_NAME"]

    @property
    def email(self):
        return settings.get("contact_email")

    @property
    def phone(self):
        return settings.get("contact_phone")

    @property
    def hours(self):
        return settings.get("opening_hours")


def csp_nonce():
    """The nonce of this response's scripts."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return g.csp_nonce


def _headers(response):
    styles = " 'unsafe-inline'" if request.path.startswith("/mairie/") else ""
    response.headers.setdefault("Content-Security-Policy", POLICY.format(nonce=csp_nonce(), styles=styles))
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Permissions-Policy", "geolocation=(), microphone=()")
    if request.endpoint != "static" and not request.path.startswith(("/static/", "/appbuilder/")):
        response.headers.setdefault("Cache-Control", "no-store")
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def show_error(status, sentence):
    """The error page, or its JSON for scripts."""
    if request.accept_mimetypes.best == "application/json":
        return jsonify(error=str(sentence)), status
    return render_template("error.html", status=status, sentence=sentence), status


def _domain_error(error):
    if (
        request.method == "POST"
        and request.referrer
        and request.referrer.startswith(request.host_url)
        and error.status != 404
        and not request.is_json
    ):
        flash(str(error), "danger")
        return redirect(request.referrer)
    return show_error(error.status, error)


def _http_error(error):
    sentences = {
        403: _("You may not open this page with this account."),
        404: _("There is nothing here: the address is wrong, or it is not yours."),
        405: _("This address cannot be opened like this."),
        413: _("What you sent is too large: 10 MB a file at most."),
        429: _("Too many attempts: wait a minute and try again."),
        500: _("Something went wrong on our side. Nothing of what you had sent before is lost."),
    }
    if error.code is not None and 300 <= error.code < 400:
        return error
    return show_error(error.code or 500, sentences.get(error.code, _("This request could not be read.")))


def csrf_error(_error):
    """A post without the token of its session."""
    return show_error(400, _("This page was open for too long. Go back, reload it, and send it again."))


def _write_refused(error):
    current_app.logger.error("write refused: %s at %s", error, request.endpoint)
    return show_error(500, _("Something went wrong on our side. Nothing of what you had sent before is lost."))

"""How is the application put together? Configuration, extensions, domains, faces: in this order."""

import sys
from importlib import import_module

from flask_appbuilder import AppBuilder
from werkzeug.middleware.proxy_fix import ProxyFix

from app.core import memory
from app.core.addresses import Application
from app.core.version import VERSION
from app.core.views import RowId
from app.extensions import csrf, db, mailer, migrate

__version__ = VERSION

#: Rooms with rules, lowest first; each may have models, settings and changes (its kinds of request).
DOMAINS = (
    *("core", "audit", "mail", "security", "documents", "messages", "changes"),
    *("families", "children", "activities", "billing", "payments"),
)


@memory.loading()
def create_app(**overrides):
    """A configured application. Overrides are configuration keys, for tests and tools."""
    app = Application(__name__)
    app.config.from_object("config")
    app.config.update(overrides)
    app.url_map.converters["int"] = RowId
    _refuse_without_secrets(app)
    load_domains()
    if app.config["PROXIES"]:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=app.config["PROXIES"], x_proto=app.config["PROXIES"], x_host=app.config["PROXIES"])
    for extension in (db, csrf, mailer):
        extension.init_app(app)
    with app.app_context():
        migrate.init_app(
            app, db, directory=_migrations(app), render_as_batch=True, compare_type=True, include_object=_ours, render_item=_plain_type
        )
        _add_faces(app)
    return app


def load_domains():
    """Import what each domain declares: its tables, its settings, its kinds of request."""
    for domain in DOMAINS:
        for part in (
            "models",
            "settings",
            "numbering",
            "heartbeat",
            "changes",
            "preregistration_request",
            "contacts",
            "audiences",
            "settled",
        ):
            _import_if_there(f"app.{domain}.{part}")
    from app.changes.kinds import KINDS
    from app.changes.settings import declare_for_kinds

    declare_for_kinds(KINDS.values())


def _import_if_there(name):
    try:
        import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name != name:
            raise


def _add_faces(app):
    from app import cli, portal, staff
    from app.core import web
    from app.security import guard, public
    from app.security.manager import AccountManager
    from app.security.who_sees_what import fab_roles

    app.config["FAB_ROLES"] = fab_roles()
    appbuilder = AppBuilder(app, db.session, security_manager_class=AccountManager, indexview=public.IndexView)
    guard.init_app(app)
    web.init_app(app)
    public.register(app, appbuilder)
    portal.register(appbuilder)
    staff.register(appbuilder)
    cli.register(app)


def _refuse_without_secrets(app):
    """A clear sentence instead of a portal whose sessions anybody can sign."""
    missing = [name for name in ("SECRET_KEY", "ENCRYPTION_KEYS") if not app.config[name]]
    if missing and "make-secrets" not in sys.argv:
        raise SystemExit(
            f"Préau cannot start: {' and '.join(missing)} not set. `make run` makes them for a demonstration; "
            "for a town, `flask make-secrets` does, once, and docs/install.md says how to keep them."
        )


def _migrations(app):
    return f"{app.root_path}/../migrations"


def _ours(_object, name, kind, _reflected, _compared):
    return not (kind == "table" and name.startswith("sqlite_"))


def _plain_type(kind, item, _context):
    """Migrations name the database's own types, so that they outlive our classes."""
    from app.core.db import Instant
    from app.core.encryption import Encrypted
    from app.core.money import Money

    if kind == "type" and isinstance(item, Instant):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Encrypted):
        return "sa.Text()"
    if kind == "type" and isinstance(item, Money):
        return "sa.BigInteger()"
    return False

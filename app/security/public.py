"""What does the world see before it signs in? The front page, health, the town's colours."""

from flask import Response, jsonify, redirect, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.views import IndexView as FabIndexView
from flask_login import current_user
from sqlalchemy import text

from app.core import settings
from app.core.i18n import _l
from app.core.version import VERSION
from app.extensions import db
from app.security import languages, sessions
from app.security.scope import is_family, staff_role, standing

settings.declare("contact_email", str, "", _l("The service's e-mail address, on every page"), group=_l("Town"))
settings.declare("contact_phone", str, "", _l("The service's telephone, on every page"), group=_l("Town"))
settings.declare("opening_hours", str, "", _l("When the service is open"), group=_l("Town"))
settings.declare(
    "primary_colour",
    str,
    "#0B5563",
    _l("The town's colour"),
    hint=_l("White text must be readable on it (contrast 4.5)."),
    group=_l("Town"),
)


class IndexView(FabIndexView):
    """The front page: families and staff are led to their screens, everybody else to the door."""

    @expose("/")
    def index(self):
        if is_family() and standing() is not None:
            return redirect(url_for("HomeView.home"))
        if staff_role() is not None:
            return redirect(url_for("DeskView.desk"))
        return self.render_template("public/index.html", stranded=current_user.is_authenticated)


class HealthView(BaseView):
    """Is it alive? For the server's monitor."""

    route_base = ""

    @expose("/healthz")
    def healthz(self):

        db.session.execute(text("SELECT 1"))
        return jsonify(status="ok", version=VERSION, database=db.engine.dialect.name, migration=_migration())


class ThemeView(BaseView):
    """The town's colour, as a stylesheet of its own so that no page needs an inline style."""

    route_base = ""

    @expose("/theme.css")
    def stylesheet(self):
        response = Response(f":root{{--primary:{settings.get('primary_colour')}}}\n", mimetype="text/css")
        response.headers["Cache-Control"] = "public, max-age=3600"
        return response


def _migration():
    return db.session.scalar(text("SELECT version_num FROM alembic_version"))


def register(app, appbuilder):
    """Add the public screens and those about the own account."""
    from app.security.first_visit import FirstVisitView
    from app.security.letterbox import LetterboxView
    from app.security.own_account import OwnAccountView, PasswordView
    from app.security.own_mails import OwnMailsView
    from app.security.reset import ResetView
    from app.security.second_step import CodeStepView, SecondStepView

    sessions.init_app(app)
    languages.init_app(app)
    appbuilder.add_view_no_menu(HealthView)
    appbuilder.add_view_no_menu(ThemeView, endpoint="theme")
    for view in (LetterboxView, FirstVisitView, ResetView, OwnAccountView, PasswordView, OwnMailsView, CodeStepView, SecondStepView):
        appbuilder.add_view_no_menu(view)

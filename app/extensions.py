"""Which extensions are there? Unbound here, bound to an application in create_app()."""

from flask_appbuilder import Model
from flask_appbuilder.utils.legacy import get_sqla_class
from flask_mail import Mail
from flask_migrate import Migrate
from flask_wtf.csrf import CSRFProtect

#: Our models and Flask-AppBuilder's share one metadata, so that Alembic sees every table.
db = get_sqla_class()(model_class=Model, metadata=Model.metadata)
migrate = Migrate()
csrf = CSRFProtect()
mailer = Mail()

__all__ = ["Model", "csrf", "db", "mailer", "migrate"]

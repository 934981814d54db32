"""What does the installation set? Everything from the environment, with defaults that run."""

import json
import os
import re
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent
#: Where the database, the secrets and the files of an installation lie; git ignores it.
INSTANCE = Path(os.environ.get("PREAU_INSTANCE", ROOT / "instance"))


def _flag(name, default):
    return os.environ.get(name, default).lower() in ("1", "true", "yes", "on")


def _secret(name):
    """A secret from the environment, or from the file of this name that the first `make run` made."""
    file = INSTANCE / name.lower()
    return os.environ.get(name) or (file.read_text().strip() if file.exists() else "")


#: "demo" shows the demo accounts and the sent mails on screens; "production" refuses to start without secrets.
MODE = os.environ.get("PREAU_MODE", "demo")
TOWN_NAME = os.environ.get("TOWN_NAME", "Saint-Exemple")
TIMEZONE = os.environ.get("TIMEZONE", "Europe/Paris")
PHONE_REGION = os.environ.get("PHONE_REGION", "FR")


def read_secrets():
    """Read them again: the first `make run` has just made them."""
    global SECRET_KEY, ENCRYPTION_KEYS
    SECRET_KEY = _secret("SECRET_KEY")
    #: Fernet keys, newest first, separated by commas or lines: the first writes, all read.
    ENCRYPTION_KEYS = [key for key in _secret("ENCRYPTION_KEYS").replace(",", " ").split() if key]


read_secrets()

SQLALCHEMY_DATABASE_URI = re.sub(
    r"^postgres(ql)?://", "postgresql+psycopg://", os.environ.get("DATABASE_URL") or f"sqlite:///{INSTANCE / 'preau.db'}"
)
#: A failed statement is logged without the values that it carried.
SQLALCHEMY_ENGINE_OPTIONS = {"hide_parameters": True, "pool_pre_ping": SQLALCHEMY_DATABASE_URI.startswith("postgresql")}
FILES_FOLDER = os.environ.get("FILES_FOLDER", str(INSTANCE / "files"))
MAX_CONTENT_LENGTH = 32 * 1024 * 1024
MAX_FORM_PARTS = 2000

SESSION_COOKIE_SECURE = _flag("SESSION_COOKIE_SECURE", "1" if MODE == "production" else "0")
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
PERMANENT_SESSION_LIFETIME = timedelta(hours=12)
#: The token lives as long as the session: a form that was open for hours is still sent.
WTF_CSRF_TIME_LIMIT = None
#: How many proxies stand before us (nginx: 1), for addresses and https.
PROXIES = int(os.environ.get("PROXIES", "0"))

#: Flask-AppBuilder's own limits would count in each process for itself; app/security/throttle.py counts for all of them.
RATELIMIT_ENABLED = False

MAIL_SERVER = os.environ.get("MAIL_SERVER", "")
MAIL_PORT = int(os.environ.get("MAIL_PORT", "587"))
MAIL_USE_TLS = _flag("MAIL_USE_TLS", "1" if MAIL_PORT == 587 else "0")
MAIL_USE_SSL = _flag("MAIL_USE_SSL", "0")
MAIL_USERNAME = os.environ.get("MAIL_USERNAME") or None
MAIL_PASSWORD = os.environ.get("MAIL_PASSWORD") or None
#: Whether the mail server must show a certificate that the machine trusts.
MAIL_VERIFY = _flag("MAIL_VERIFY", "1")
#: Seconds that a mail server may take to answer.
MAIL_TIMEOUT = int(os.environ.get("MAIL_TIMEOUT", "20"))
MAIL_DEFAULT_SENDER = os.environ.get("MAIL_SENDER", "ne-pas-repondre@saint-exemple.example")
MAIL_DOMAIN = MAIL_DEFAULT_SENDER.rpartition("@")[2] or "localhost"
#: The address under which people reach us, for links in mails.
BASE_URL = os.environ.get("BASE_URL", f"http://localhost:{os.environ.get('PORT', '8080')}")

#: The State's API Particulier, for quotients: the town's key and SIRET. Without them nobody is asked.
PARTICULIER_URL = os.environ.get("PARTICULIER_URL", "https://particulier.api.gouv.fr")
PARTICULIER_TOKEN = _secret("PARTICULIER_TOKEN")
PARTICULIER_SIRET = os.environ.get("PARTICULIER_SIRET", "")

#: Who takes payments online: "demo" (the demonstration's own bank), "payfip", or nobody ("").
PAYMENT_PROVIDER = os.environ.get("PAYMENT_PROVIDER", "demo" if MODE == "demo" else "")
#: PayFiP: the creditor's number (6 digits), T for tests, X while it is being activated, W for real; its page, and a WSDL of one's own.
PAYFIP_NUMCLI = os.environ.get("PAYFIP_NUMCLI", "")
#: How the trésorerie has the reference of an invoice written, where each is paid by itself: of {number}, {year} and {rank}.
PAYFIP_REFDET = os.environ.get("PAYFIP_REFDET", "{number}")
PAYFIP_SAISIE = os.environ.get("PAYFIP_SAISIE", "T")
PAYFIP_PAGE = os.environ.get("PAYFIP_PAGE", "https://www.payfip.gouv.fr/tpa/paiementws.web")
PAYFIP_WSDL = os.environ.get("PAYFIP_WSDL", "")
#: What eopayment needs to know of another bank, as JSON (docs/payments.md): secrets too, so it may be a file like theirs.
PAYMENT_OPTIONS = json.loads(_secret("PAYMENT_OPTIONS") or "{}")

BABEL_DEFAULT_LOCALE = "fr"
#: Pages show the town's wall clock.
BABEL_DEFAULT_TIMEZONE = TIMEZONE
BABEL_TRANSLATION_DIRECTORIES = str(ROOT / "translations")
LANGUAGES = {"fr": {"flag": "fr", "name": "Français"}, "en": {"flag": "gb", "name": "English"}}

APP_NAME = "Préau"
AUTH_TYPE = 1
AUTH_ROLE_ADMIN = "administrator"
AUTH_ROLE_PUBLIC = "public"
FAB_BASE_TEMPLATE = "staff/base.html"
FAB_CREATE_DB = False
FAB_UPDATE_PERMS = False
FAB_ADD_SECURITY_API = False
FAB_ADD_SECURITY_VIEWS = False
FAB_ADD_OPENAPI_VIEWS = False
FAB_API_SWAGGER_UI = False
FAB_ADD_MENU_API = False
FAB_PASSWORD_HASH_METHOD = "scrypt:32768:8:1"
#: The hash of a random word that nobody kept, of the same cost: an unknown name takes as long as a wrong password.
AUTH_DB_FAKE_PASSWORD_HASH_CHECK = (
    "scrypt:32768:8:1$H2wUAuSr1fV1vGGb$"
    "f773db169fec941f74eaad284f64c8d017cd4a0dbb6a30391c5eb3cfd9c61ff73649f63cdf9fb3f61f387ac823ba550c5dd1848af9d0d89ddb3315770a39e78f"
)

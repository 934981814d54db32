"""How fast is it? Measures each page on a town of 1,000 families beside the widest free peer, and says where the house rules break."""

import gzip
import hashlib
import itertools
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

from cryptography.fernet import Fernet

from tests import postgres

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench/results.json"
FAMILIES = int(os.environ.get("BENCH_FAMILIES", "1000"))
RUNS, WARM_UPS, AGAIN = int(os.environ.get("BENCH_RUNS", "30")), 3, 4
MOST_QUERIES = 8
#: Login is the hash of the password, which nobody may make cheaper, and this on top.
LOGIN_ON_TOP_MS = 30
#: A hash where the peer was measured. Shared machines drift by half within minutes: limits are for a machine as fast as that one.
PEERS_HASH_MS = 135
#: The town lives on this day, so that a build can be used again tomorrow.
DAY = date(2026, 11, 23)
#: What decides how the town looks: if none of it changed, the last build is used again.
INGREDIENTS = (
    "app/demo/*.py",
    "app/*/models.py",
    "app/*/models/*.py",
    "migrations/versions/*.py",
    "app/changes/operations.py",
    "app/changes/seed.py",
    "app/core/encryption.py",
)

#: Noethysweb 1.3.3.8 on two shared cores, SQLite, 1,000 families: median in ms, SQL statements.
PEER = {
    "login": (331, 18),
    "home": (78, 28),
    "account": (74, 23),
    "child": None,
    "staff_home": (154, 14),
    "families_list": (142, 15),
    "family_file": (150, 24),
    "validation": (160, 18),
    #: One child, one activity, 11 days; ours are all children, four services, four weeks.
    "agenda": (163, 41),
    "save_booking": None,
    "invoices": None,
    "invoice": None,
}
#: Limits of our own, in ms: what the peer does not measure.
OURS = {"save_booking": 30, "invoices": 15, "invoice": 15}
#: These write: one request after the other, so that statements are not counted.
SAVES = {"save_booking", "login"}
#: Days that are asked for in one post.
LOT = 4


@dataclass(frozen=True)
class Page:
    """A page that is measured: whose it is and where it lies; {child} and {family} are filled in."""

    name: str
    username: str
    address: str


PAGES = (
    Page("login", "galbert", "/login/"),
    Page("home", "galbert", "/portail/"),
    Page("account", "galbert", "/portail/compte/"),
    Page("child", "galbert", "/portail/enfants/{child}/"),
    Page("staff_home", "agent", "/mairie/"),
    Page("families_list", "agent", "/mairie/familles/"),
    Page("family_file", "agent", "/mairie/familles/{family}/"),
    Page("validation", "agent", "/mairie/demandes/"),
    Page("agenda", "galbert", "/portail/agenda/?weeks=4"),
    Page("save_booking", "galbert", "/portail/agenda/?week={week}"),
    Page("invoices", "galbert", "/portail/releve/"),
    Page("invoice", "galbert", "/portail/releve/facture/{invoice}/"),
)


@dataclass(frozen=True)
class Result:
    """What one page cost."""

    name: str
    database: str
    families: int
    median_ms: float
    p95_ms: float
    queries: int
    bytes: int


class Absent(Exception):
    """A page does not answer as it should."""


# -- the town ---------------------------------------------------------------------------------------------------------------------


def fingerprint():
    """Changes with whatever decides how the town looks."""
    content = hashlib.sha256(f"{FAMILIES} {DAY}".encode())
    for pattern in INGREDIENTS:
        for path in sorted(ROOT.glob(pattern)):
            content.update(path.read_bytes())
    return content.hexdigest()[:16]


def application(folder, url):
    """The application as a town runs it: no debugging, no limits on how often one asks."""
    from app import create_app

    key = folder / "key"
    if not key.exists():
        key.write_text(Fernet.generate_key().decode())
    return create_app(
        MODE="demo",
        SECRET_KEY="bench-bench-bench-bench-bench-bench",
        ENCRYPTION_KEYS=[key.read_text()],
        SQLALCHEMY_DATABASE_URI=url,
        FILES_FOLDER=str(folder / "files"),
        MAIL_SERVER="",
        SESSION_COOKIE_SECURE=False,
        TEMPLATES_AUTO_RELOAD=False,
    )


def fill(app):
    """Deploy, and load the town."""
    from app.cli import deploy_once
    from app.demo import load
    from app.extensions import db

    with app.app_context():
        deploy_once()
        load(families=FAMILIES, day=DAY)
        if db.engine.dialect.name == "postgresql":
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("ANALYZE")
        db.session.remove()
        db.engine.dispose()


def sqlite_town():
    """The application on a town of SQLite, built or used again."""
    folder = Path(tempfile.gettempdir()) / f"preau-bench-{os.getuid()}" / fingerprint()
    ready = folder / "ready"
    if not ready.exists():
        shutil.rmtree(folder.parent, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        say(f"Building a town of {FAMILIES} families…")
        began = time.perf_counter()
        fill(application(folder, f"sqlite:///{folder / 'town.db'}"))
        say(f"Built in {time.perf_counter() - began:.0f} s.")
        ready.touch()
    return application(folder, f"sqlite:///{folder / 'town.db'}")


def postgres_town(stack):
    """The same on a PostgreSQL of its own, gone at the end."""
    server = stack.enter_context(postgres.server())
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="preau-bench-")))
    say("Building the same town on PostgreSQL…")
    app = application(folder, server.create("town"))
    fill(app)
    return app


# -- measuring --------------------------------------------------------------------------------------------------------------------


def measure(app, page):
    """A page's Result; Absent where it does not answer. Call it outside any application context, or requests share what they cache."""
    from app.core import clock
    from app.extensions import db
    from tests.conftest import counted_queries

    with app.app_context():
        clock.set_to(_present())
        places, database = _places(page.username), db.engine.dialect.name
    fetch = _login(app) if page.name == "login" else _save(app, page, places) if page.name in SAVES else _get(app, page, places)
    for _run in range(WARM_UPS):
        answer = fetch()
        getattr(fetch, "undo", int)()
    times = []
    for _run in range(RUNS):
        began = time.perf_counter()
        fetch()
        times.append((time.perf_counter() - began) * 1000)
        getattr(fetch, "undo", int)()
    with app.app_context():
        engine = db.engine
    with counted_queries(engine) as statements:
        fetch()
    bytes_sent = len(gzip.compress(answer.get_data(), 6))
    return Result(
        page.name,
        database,
        FAMILIES,
        round(statistics.median(times), 1),
        round(sorted(times)[int(0.95 * RUNS)], 1),
        len(statements),
        bytes_sent,
    )


def best(app, page):
    """(Result, what a hash took then). A page over its limit is measured again: whatever else the machine does only adds to its time."""
    tries = []
    for _try in range(1 + AGAIN):
        hashing = hash_ms()
        tries.append((measure(app, page), hashing))
        if not list(faults(*tries[-1])):
            return tries[-1]
    return min(tries, key=lambda one: one[0].median_ms / one[1])


def _present():
    """The instant that the town lives in, by its last lot."""
    from app.changes.models import ChangeLot
    from app.extensions import db

    last = db.session.scalar(db.select(db.func.max(ChangeLot.opened_at)))
    db.session.remove()
    return last


def signed_in(app, username):
    """A client with the session of an account, without paying for the hash."""
    from tests import cast

    client = app.test_client()
    with app.app_context():
        identity = cast.identity(username)
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"], session["locale"] = identity, True, "fr"
    return client


def _get(app, page, places):
    """A function that fetches the page once."""
    client, address = signed_in(app, page.username), page.address.format(**places)

    def fetch():
        answer = client.get(address)
        if answer.status_code != 200:
            raise Absent(f"{address} answers {answer.status_code}")
        return answer

    return fetch


def _save(app, page, places):
    """A function that asks for some free days in one post, as the agenda's script does; its `undo` takes them back, unmeasured."""
    client = signed_in(app, page.username)
    for week in places["weeks"]:
        address = page.address.format(**places, week=week)
        shown = client.get(address).text
        free = re.findall(r'name="book" value="((\d+)\.\d+\.([-\d]+))"', shown)
        # One a child and day: services may exclude each other.
        spots = list({(child, day): spot for spot, child, day in free}.values())[:LOT]
        if len(spots) == LOT:
            break
    else:
        raise Absent(f"none of the weeks {', '.join(places['weeks'])} has {LOT} free days")
    token, count, asked = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', shown).group(1), itertools.count(), {}

    def post(act):
        taps = [{"key": f"bench-{next(count)}-{time.time_ns()}", "spot": spot, "act": act, "request": asked.get(spot)} for spot in spots]
        answer = client.post("/portail/agenda/", json={"taps": taps}, headers={"X-CSRFToken": token, "Accept": "application/json"})
        if answer.status_code != 200 or not all(one["ok"] for one in answer.json["results"]):
            raise Absent(f"saving answers {answer.status_code}: {answer.text[:300]}")
        return answer

    def fetch():
        answer = post("book")
        asked.update({one["spot"]: one["request"] for one in answer.json["results"]})
        return answer

    def undo():
        post("withdraw")
        asked.clear()

    fetch.undo = undo
    return fetch


def _login(app):
    """A function that signs in once, with the password: the POST alone, from a form that was opened before."""
    from app.demo import PASSWORD

    def fetch():
        answer = client.post("/login/", data={"username": "galbert", "password": PASSWORD, "csrf_token": token})
        if answer.status_code != 302:
            raise Absent(f"the login answers {answer.status_code}")
        client.set_cookie("session", cookie)
        return answer

    client = app.test_client()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/login/").text).group(1)
    cookie = client.get_cookie("session").value
    return fetch


def _places(username):
    """The first child, the family and the newest invoice of an account; for staff, those of a family in the middle of the town."""
    from app.billing.models import Invoice
    from app.children.models import Household
    from app.extensions import db
    from app.families.models import Family
    from app.security.models import Account, FamilyLink

    family = db.session.scalar(
        db.select(FamilyLink.family_id).join(Account, Account.id == FamilyLink.account_id).where(Account.username == username)
    )
    family = family or db.session.scalar(db.select(Family.id).order_by(Family.id).limit(1))
    child = db.session.scalar(db.select(Household.child_id).where(Household.family_id == family).order_by(Household.child_id).limit(1))
    invoice = db.session.scalar(db.select(Invoice.number).where(Invoice.family_id == family).order_by(Invoice.id.desc()).limit(1))
    db.session.remove()
    from app.core import clock

    # Holidays, or a usual week that is booked already, leave nothing to ask in some.
    weeks = [(clock.today() + timedelta(weeks=ahead)).isocalendar() for ahead in range(2, 20)]
    return {"family": family, "child": child, "invoice": invoice, "weeks": [f"{year}-W{week:02}" for year, week, _day in weeks]}


def hash_ms():
    """What a password's hash costs on this machine, now: the median of five."""
    from werkzeug.security import check_password_hash, generate_password_hash

    hashed, times = generate_password_hash("cour-de-recre-2026", method="scrypt:32768:8:1"), []
    for _run in range(5):
        began = time.perf_counter()
        check_password_hash(hashed, "cour-de-recre-2026")
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


# -- saying it --------------------------------------------------------------------------------------------------------------------


def limit_of(name, hashing):
    """The milliseconds that a page may take; None where the peer has no such page."""
    if name == "login":
        return hashing + LOGIN_ON_TOP_MS
    limit = PEER[name][0] / 5 if PEER[name] else OURS.get(name)
    return limit * max(1, hashing / PEERS_HASH_MS) if limit is not None else None


def faults(result, hashing):
    """What of the house rules a result breaks."""
    # The peer was measured on SQLite; a server of its own adds a way there and back to each statement.
    limit = limit_of(result.name, hashing) if result.database == "sqlite" else None
    if result.queries > MOST_QUERIES and result.name not in SAVES:
        yield f"{result.name} on {result.database}: {result.queries} statements; {MOST_QUERIES} are enough"
    if limit is not None and result.median_ms > limit:
        yield f"{result.name} on {result.database}: {result.median_ms} ms; at most {limit:.0f}"


def row(result, hashing):
    peer, limit = PEER[result.name], limit_of(result.name, hashing) if result.database == "sqlite" else None
    beside = f"{peer[0]:>6} {peer[1]:>5}" if peer else f"{'–':>6} {'–':>5}"
    most = f"{limit:>6.0f}" if limit is not None else f"{'–':>6}"
    mark = "✗" if list(faults(result, hashing)) else "✓"
    numbers = f"{result.median_ms:>8.1f} {result.p95_ms:>8.1f} {most} {result.queries:>4} {result.bytes / 1024:>7.1f}"
    return f"{mark} {result.name:<14} {result.database:<11} {numbers} │ {beside}"


def say(text):
    print(text, flush=True)


def run(app, pages=PAGES):
    """Measure pages of a town; returns {page: (Result, what a hash took then)}, without those that do not answer."""
    measured = {}
    for page in pages:
        try:
            measured[page] = best(app, page)
            say(row(*measured[page]))
        except Absent as absent:
            say(f"✗ {page.name:<14} {absent}")
    return measured


def broken(measured):
    """Sentences about the pages that break a rule."""
    for page in PAGES:
        yield from faults(*measured[page]) if page in measured else [f"{page.name} does not answer"]


def again(app, measured):
    """Measure the slow ones once more, minutes later: by then a neighbour on the machine may have ended."""
    slow = [page for page, one in measured.items() if list(faults(*one))]
    if slow:
        say("\nOnce more:")
        for page, one in run(app, slow).items():
            measured[page] = min(measured[page], one, key=lambda found: (len(list(faults(*found))), found[0].median_ms))


def main():
    """Measure everything; the exit code is 1 where a page is missing or breaks a rule."""
    from app.core import memory

    app = sqlite_town()
    memory.settle()
    say(f"\n{FAMILIES} families, {RUNS} runs a page; a hash takes {hash_ms():.0f} ms here. Beside: Noethysweb 1.3.3.8.\n")
    say(f"  {'page':<14} {'database':<11} {'median':>8} {'p95':>8} {'most':>6} {'SQL':>4} {'KB gz':>7} │ {'peer':>6} {'SQL':>5}")
    towns = [run(app)]
    if reason := "BENCH_SQLITE_ONLY is set" if os.environ.get("BENCH_SQLITE_ONLY") else postgres.missing():
        say(f"Not on PostgreSQL: {reason}.")
    else:
        with ExitStack() as stack:
            towns.append(run(postgres_town(stack)))
    again(app, towns[0])
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([asdict(result) for town in towns for result, _hashing in town.values()], indent=1) + "\n")
    found = [sentence for town in towns for sentence in broken(town)]
    say("\n" + ("\n".join(found) or "Every page keeps its limits."))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

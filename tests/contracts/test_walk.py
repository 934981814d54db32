"""Can anybody reach what the table does not give? Every endpoint of the URL map, as everybody."""

import re

import pytest
from sqlalchemy import inspect, select

from app.billing.models import TariffGrid
from app.children.models import Child
from app.extensions import db
from app.security.who_sees_what import FAMILY_ROLE, Noun, Viewer, permissions
from tests.contracts.town import OTHER

#: Open to the world, on purpose. Everything else sends a stranger to the login page.
PUBLIC = {
    "static",
    "appbuilder.static",
    "IndexView.index",
    "HealthView.healthz",
    "theme.stylesheet",
    "LoginView.login",
    "LoginView.logout",
    "CodeStepView.code",
    "LocaleView.index",
    "UtilView.back",
    "FirstVisitView.codes",
    "FirstVisitView.account",
    "ResetView.forgotten",
    "ResetView.asked",
    "ResetView.link_asked",
    "ResetView.enter",
    "ResetView.choose",
    "ResetView.confirm",
    # A family that nobody knows yet: what it fills in is its own session's alone.
    *(f"PreregistrationView.{name}" for name in ("start", "guardian", "spouse", "children", "child", "wishes")),
    *(f"PreregistrationEndView.{name}" for name in ("papers", "paper", "check", "state", "link", "blank", "sheet")),
    # A calendar reads it, which cannot sign in: its address is the secret.
    "CalendarView.calendar",
    # The demonstration's alone: in a town it is 404.
    "LetterboxView.read",
    # The bank says that there is news: it is not believed, it makes us ask.
    "NotifyView.notify",
    # The bank says what became of a payment: it is believed where it has signed.
    "NotifyView.word",
}
#: The own account, whoever one is: no row of anybody else can be named there.
OWN_ACCOUNT = {"OwnAccountView.show", "OwnAccountView.address", "OwnMailsView.choose", "PasswordView.change"} | {
    f"SecondStepView.{page}" for page in ("show", "paper", "stop")
}

VIEWERS = {
    "galbert": Viewer.guardian,
    "marc": Viewer.spouse,
    "petit": Viewer.guardian,
    "admin": Viewer.administrator,
    "agent": Viewer.clerk,
    "regisseur": Viewer.regisseur,
    "animateur": Viewer.animator,
    "lecteur": Viewer.reader,
}
FAMILIES = ("galbert", "marc", "petit")
#: What a page asks of the database depends on the room, not on the role: one of each room asks PostgreSQL too.
EVERYBODY = [name if name in ("galbert", "admin") else pytest.param(name, marks=pytest.mark.once) for name in VIEWERS]
#: Another family's row is 404; where the table gives nothing at all, the role's 403 comes first.
REFUSED = (403, 404)
#: Endpoints that ask for more than the table's line, with the reason.
FINER = {
    "AccountsView.add": "accounts of the staff are an administrator's to make",
    "StaffFileView.file": "a file is read by those who read its noun",
}


def rules(app, method):
    """The rules that answer to a method, without files."""
    return sorted((rule for rule in app.url_map.iter_rules() if method in rule.methods and not rule.endpoint.endswith("static")), key=str)


def address(app, rule, rows):
    """The address of a rule with these rows in its arguments."""
    values = {}
    for name in rule.arguments:
        values[name] = rows[name] if name in rows else guess(app, rule, name, rows)
    with app.test_request_context("/"):
        from flask import url_for

        return url_for(rule.endpoint, **values)


FIXED = {
    "locale": "en",
    "token": "x",
    "secret": "x",
    "kind": "csv",
    "of": "famille",
    "name": "guardian",
    "year": 2026,
    "rank": 1,
    "mail": "receipt",
    "tongue": "fr",
}


#: What a view without a generated screen keeps.
MODELS = {"TariffView": TariffGrid}


def guess(app, rule, name, rows):
    """The value of an argument that is not a row's name: a pk by the view's model; a fixed word."""
    if name in FIXED:
        return FIXED[name]
    view = getattr(app.view_functions[rule.endpoint], "__self__", None)
    assert name == "pk" and view is not None, f"teach the walker what <{name}> of {rule} is"
    return row_of(app, MODELS.get(type(view).__name__) or view.datamodel.obj, rows)


def row_of(app, model, rows):
    """A row of a model that belongs to the family of these rows; any row where the model belongs to none."""
    table = model.__tablename__
    if table in ("family", "child"):
        return rows[f"{table}_id"]
    if table == "pickup_person":
        return rows["pickup"]
    columns = inspect(model).columns
    query = select(inspect(model).primary_key[0]).limit(1)
    if "family_id" in columns:
        query = query.where(columns["family_id"] == rows["family_id"])
    elif "child_id" in columns:
        query = query.where(columns["child_id"] == rows["child_id"])
    with app.app_context():
        return db.session.scalar(query) or 999_999


@pytest.mark.once
def test_a_stranger_is_sent_to_the_door(app, sign_in, rows):
    client, open_ones = sign_in(), []
    for rule in rules(app, "GET"):
        if rule.endpoint in PUBLIC:
            continue
        answer = client.get(address(app, rule, rows["own"]))
        if not (answer.status_code in (302, 401) and "/login/" in answer.headers.get("Location", "/login/")):
            open_ones.append((str(rule), answer.status_code))
    assert not open_ones


@pytest.mark.parametrize("username", EVERYBODY)
def test_every_address_asks_the_table_and_obeys_it(app, sign_in, rows, asked, username):
    """One walk through all addresses: each asks, none opens a room to who does not belong there, and each says what the table says."""
    client, broken, silent, inside, wrong = sign_in(username), [], [], [], []
    theirs, others = ("/portail",), ("/mairie", "/technique")
    if username not in FAMILIES:
        theirs, others = others, theirs
    for rule in rules(app, "GET"):
        asked.clear()
        status = client.get(address(app, rule, rows["own"])).status_code
        if status >= 500:
            broken.append((str(rule), status))
        if status < 300 and not asked and rule.endpoint not in PUBLIC | OWN_ACCOUNT:
            silent.append(str(rule))
        if str(rule).startswith(others) and status != 403:
            inside.append((str(rule), status))
        allowed = allows(app, rule, username)
        missing = username == "petit" and status == 404 and str(rule).startswith(theirs)
        if allowed is not None and (status == 403) is allowed and not missing:
            wrong.append((str(rule), allowed, status))
    assert not broken
    assert not silent
    assert not inside
    assert not wrong


def allows(app, rule, username):
    """Whether the table lets somebody into a screen that names its permission; None for other addresses."""
    view = getattr(app.view_functions[rule.endpoint], "__self__", None)
    noun, method = getattr(view, "class_permission_name", None), rule.endpoint.rpartition(".")[2]
    permission = (getattr(view, "method_permission_name", None) or {}).get(method)
    if noun not in set(Noun) or permission is None or rule.endpoint in FINER:
        return None
    return permission in permissions(Noun(noun), VIEWERS[username]) and str(rule).startswith("/portail") == (username in FAMILIES)


@pytest.mark.parametrize("username", ["galbert", pytest.param("marc", marks=pytest.mark.once)])
def test_nothing_of_another_family_is_read(app, sign_in, rows, username):
    client, leaks, found = sign_in(username), [], []
    for rule in rules(app, "GET"):
        for whose in ("own", "other"):
            answer = client.get(address(app, rule, rows[whose]), follow_redirects=True)
            if OTHER.encode() in answer.data:
                leaks.append((str(rule), whose))
        first = answer.history[0] if answer.history else answer
        if rule.arguments and str(rule).startswith("/portail") and names_a_row(rule) and first.status_code not in REFUSED:
            found.append(str(rule))
    assert not leaks
    assert not found


def test_no_address_breaks_the_portal(app, sign_in, rows):
    """Numbers that no database holds, words where numbers stand, paging and filters that make no sense."""
    odd = ("0", "99999999999999999999", "-1", "abc", "%00")
    # What is read by different parts of a page stands in one address.
    query = (
        "?page_X=abc&_oc_FamilyView=password&_od_FamilyView=asc&child=x&lane=x&state=x&tab=x",
        "?_flt_0_x=1&_flt_9_name=1&q=%00%25_&page=-1",
    )
    broken = []
    clients = {"/portail": sign_in("galbert"), "/mairie": sign_in("admin")}
    for rule in rules(app, "GET"):
        client = next((client for start, client in clients.items() if str(rule).startswith(start)), sign_in())
        paths = (
            [re.sub(r"<[^>]*>", value, str(rule)) for value in odd]
            if names_a_row(rule)
            else [str(rule) + extra for extra in query if not rule.arguments]
        )
        broken += [path for path in paths if client.get(path).status_code >= 500]
    assert not broken


def names_a_row(rule):
    return not rule.arguments <= set(FIXED)


@pytest.mark.once
def test_the_other_household_sees_the_child_and_nothing_of_the_house(app, sign_in, rows):
    """Hugo lives with Martin (family 2) and Petit (family 3)."""
    client, leaks = sign_in("petit"), []
    with app.app_context():
        hugo = db.session.scalar(select(Child.id).where(Child.first_name == "Hugo"))
    assert client.get(f"/portail/enfants/{hugo}/").status_code == 200
    for rule in rules(app, "GET"):
        for whose in ("own", "other"):
            answer = client.get(address(app, rule, rows[whose]), follow_redirects=True)
            if OTHER.encode() in answer.data:
                leaks.append((str(rule), whose))
    assert not leaks


@pytest.mark.once
def test_every_view_names_its_permissions(app):
    """No view of ours falls back on Flask-AppBuilder's own permission names."""
    faults = []
    for view in app.appbuilder.baseviews:
        if not hasattr(view, "datamodel"):
            continue
        if view.class_permission_name not in set(Noun) or not set(view.method_permission_name.values()) <= {
            "read",
            "ask",
            "decide",
            "edit",
        }:
            faults.append(type(view).__name__)
    assert not faults


def test_the_role_of_families_has_no_pattern_that_reaches_further(app):
    for name, permission in app.config["FAB_ROLES"][FAMILY_ROLE]:
        assert name.endswith("$") and permission.endswith("$")
        assert not re.match(permission, "can_edit") and not re.match(permission, "can_decide")

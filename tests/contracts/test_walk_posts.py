"""Can anybody write what the table does not give? Every address that takes a post, as everybody; every field that names a row."""

import re
from html.parser import HTMLParser

import pytest
from sqlalchemy import event
from werkzeug.datastructures import ImmutableMultiDict

from app.core import clock
from app.core.db import written_table
from app.core.encryption import seal
from app.extensions import db
from app.security.who_sees_what import Noun, permissions
from tests.contracts import town
from tests.contracts.test_walk import (
    EVERYBODY,
    FAMILIES,
    OWN_ACCOUNT,
    PUBLIC,
    REFUSED,
    VIEWERS,
    address,
    allows,
    names_a_row,
    rules,
)

#: Closing a session of one's own; the form of a new family, which belongs to the session that began it.
OWN_POSTS = OWN_ACCOUNT | {"OwnAccountView.close_sessions"}
UNKNOWN = "/preinscription/"
#: What the system writes by itself, whoever asks.
LOGS = {"log_entry", "login_session", "health_read", "presence", "thread_reading"}


@pytest.fixture
def put_back(app, stage, database):
    """put_back(): the rows as they were, where something was written."""

    def again():
        if not database.untouched():
            with app.app_context():
                db.session.remove()
                _value, moment = stage.begin(db.engine, *stage.scenes)
                clock.set_to(moment)

    return again


class Form(ImmutableMultiDict):
    """What was sent, noting which names somebody looks for: so the walk learns the fields of a view from the view itself."""

    names = set()

    def __contains__(self, name):
        self.names.add(name)
        return super().__contains__(name)

    def __getitem__(self, name):
        self.names.add(name)
        return super().__getitem__(name)

    def get(self, name, *more, **options):
        self.names.add(name)
        return super().get(name, *more, **options)

    def getlist(self, name, *more, **options):
        self.names.add(name)
        return super().getlist(name, *more, **options)


@pytest.fixture
def names(app, monkeypatch):
    """The names of fields that were looked for in what was sent."""
    monkeypatch.setattr(app.request_class, "parameter_storage_class", Form)
    monkeypatch.setattr(Form, "names", set())
    return Form.names


@pytest.fixture
def written(app):
    """The tables that were written, without what the system notes by itself."""
    found = set()

    def note(_connection, _cursor, statement, *_rest):
        table = written_table(statement)
        if table is not None and table not in LOGS:
            found.add(table)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def values_of(names, rows):
    """A value for each of these fields: the id of a row where the name says one."""
    return {name: rows.get(name, rows.get(f"{name}_id", 1)) for name in names}


def learned(post, names, rows, asked=()):
    """Send nothing first, then what the view looked for; the second answer. What the first answer led to is looked for too.

    One time does where Flask-AppBuilder was `asked` for the permission of the view and said no: the view is not reached, whatever is sent.
    """
    names.clear()
    answer = post({})
    return answer if answer.status_code == 403 and any(granted is False for _view, granted in asked) else post(values_of(names, rows))


@pytest.mark.once
def test_a_stranger_writes_nothing(app, sign_in, rows, names, written):
    faults = []
    for rule in rules(app, "POST"):
        if rule.endpoint in PUBLIC:
            continue
        written.clear()
        answer = learned(lambda data, rule=rule: sign_in().post(address(app, rule, rows["own"]), data=data), names, rows["own"])
        # The form of a new family begins anew for whoever has none in this browser.
        door = UNKNOWN if str(rule).startswith(UNKNOWN) else "/login/"
        if written or not (answer.status_code in (302, 401) and door in answer.headers.get("Location", door)):
            faults.append((str(rule), answer.status_code, sorted(written)))
    assert not faults


@pytest.mark.parametrize("username", EVERYBODY)
def test_every_post_asks_the_table_and_obeys_it(app, sign_in, rows, asked, names, written, put_back, username):
    """Who may not is told so, and whoever may only read writes nothing; nothing that is sent breaks anything."""
    broken, silent, disobeyed, strayed, wrote = [], [], [], [], []
    theirs = "/portail" if username in FAMILIES else "/mairie"
    for rule in rules(app, "POST"):
        asked.clear()
        written.clear()
        status = learned(
            lambda data, rule=rule: sign_in(username).post(address(app, rule, rows["own"]), data=data), names, rows["own"], asked
        ).status_code
        told = (str(rule), status, sorted(written))
        if status >= 500:
            broken.append(told)
        if status < 400 and not asked and rule.endpoint not in PUBLIC | OWN_POSTS and not str(rule).startswith(UNKNOWN):
            silent.append(told)
        allowed = allows(app, rule, username)
        if allowed is False and (written or not (status == 403 or (status == 404 and username == "petit"))):
            disobeyed.append(told)
        if str(rule).startswith(("/portail", "/mairie", "/technique")) and not str(rule).startswith(theirs) and status != 403:
            disobeyed.append(told)
        if written and not may_write(app, rule, username):
            strayed.append(told)
        wrote += [told] if written else []
        put_back()
    # The walk reaches what posts are for, or it would prove little.
    assert wrote
    found = {"broken": broken, "silent": silent, "disobeyed": disobeyed, "strayed": strayed}
    assert not any(found.values()), "\n".join(f"{what}: {one}" for what, all_of_them in found.items() for one in all_of_them)


def may_write(app, rule, username):
    """Whether the table gives somebody more than reading what a view is about; one's own account is one's own."""
    if rule.endpoint in PUBLIC | OWN_POSTS:
        return True
    noun = getattr(getattr(app.view_functions[rule.endpoint], "__self__", None), "class_permission_name", None)
    return noun in set(Noun) and bool(permissions(Noun(noun), VIEWERS[username]) - {"read"})


@pytest.mark.once
@pytest.mark.parametrize("username", ["galbert", "marc"])
def test_nothing_of_another_family_is_written(app, sign_in, rows, names, written, username):
    """Every address of another family, and every field that a view looks for naming a row of another family."""
    other, faults = rows["other"], []
    with app.app_context():
        before = town.picture_of(2)
        empty = {"before": {}, "shown": {}}
        sealed = {
            "base": seal({"kind": "guardian", "act": "edit", "target": 2, "child": None, "family": 2, "key": "stolen", **empty}),
            "photo_id-kept": seal({"id": other["file_id"], "family": 2, "name": "x"}),
        }
    said = {"first_name": "Stolen", "last_name": "Stolen", "phone": "06 11 22 33 44", "next": "/"}
    for rule in rules(app, "POST"):
        for whose in ("own", "other"):

            def post(data, rule=rule, whose=whose):
                data = {name: other["family_id"] if value == 1 else value for name, value in data.items()}
                return sign_in(username).post(address(app, rule, rows[whose]), data=data | said | sealed)

            written.clear()
            answer = learned(post, names, other)
            named = whose == "other" and names_a_row(rule) and str(rule).startswith(("/portail", "/mairie", "/compte"))
            if answer.status_code >= 500 or (named and answer.status_code not in REFUSED):
                faults.append((str(rule), answer.status_code))
            if written:
                with app.app_context():
                    assert town.picture_of(2) == before, str(rule)
    assert not faults


# -- forms as they are shown, with a row of somebody else ---------------------------------------------------------------------------


class Forms(HTMLParser):
    """The forms of a page that are posted: [(address, [(name, value)])], with the button that is pressed."""

    def __init__(self, page):
        super().__init__()
        self.found, self.outside, self.area, self.choice = [], {}, None, None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form":
            self.found.append((given.get("action"), []) if given.get("method", "").lower() == "post" else None)
        fields = self.found[-1][1] if self.found and self.found[-1] else None
        if fields is None:
            return
        name, value = given.get("name"), given.get("value", "")
        if tag == "select":
            self.choice = name
        elif tag == "option" and self.choice and ("selected" in given or self.choice not in dict(fields)):
            fields[:] = [pair for pair in fields if pair[0] != self.choice] + [(self.choice, value)]
        elif tag in ("input", "button") and name and given.get("type") != "file":
            if given.get("type") not in ("checkbox", "radio") or "checked" in given or name not in dict(fields):
                fields.append((name, value))
        elif tag == "textarea" and name:
            fields.append((name, "x"))


def stolen(value, own, other):
    """A value with each number that names a row of one's own replaced by that of the other family; nothing where none does."""
    for name, number in own.items():
        theirs = other.get(name)
        if theirs == number or not isinstance(number, int) or not re.search(rf"(?<![\w-]){number}(?![\w-])", value):
            continue
        yield re.sub(rf"(?<![\w-]){number}(?![\w-])", str(theirs), value)


@pytest.mark.once
def test_a_form_with_a_row_of_another_family_in_it_changes_nothing_there(app, sign_in, rows, put_back):
    """Each form that a family is shown, sent once for each of its values that names a row, with the other family's row there."""
    own, other, leaks, tried = rows["own"], rows["other"], [], set()
    with app.app_context():
        before = town.picture_of(2)
    client = sign_in("galbert")
    paths = [address(app, rule, own) for rule in rules(app, "GET") if str(rule).startswith("/portail")]
    paths += [f"/portail/agenda/jour/?spot={own['child_id']}.{own['unit_id']}.{own['day']}"]
    for path in paths:
        answer = client.get(path)
        for action, fields in filter(None, Forms(answer.text).found) if answer.mimetype == "text/html" else ():
            for place, (name, value) in enumerate(fields):
                for wrong in stolen(value, own, other):
                    sent = (action or path, name, wrong)
                    if sent in tried:
                        continue
                    tried.add(sent)
                    data = ImmutableMultiDict([*fields[:place], (name, wrong), *fields[place + 1 :]])
                    said = client.post(action or path, data=data, follow_redirects=True)
                    if said.status_code >= 500 or town.OTHER in said.text:
                        leaks.append((*sent, said.status_code))
                    with app.app_context():
                        assert town.picture_of(2) == before, sent
                    put_back()
                    client = sign_in("galbert")
    assert len(tried) > 20
    assert not leaks

"""Does a list that holds nothing say what is missing, and what to do?"""

from datetime import date

import pytest

from app.core.db import unit_of_work
from app.core.i18n import in_locale
from app.extensions import db
from app.messages.models import News
from app.staff.emptiness import SENTENCES
from app.staff.views import StaffView

pytestmark = pytest.mark.once


def lists(app):
    """{view: address} of the generated lists."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.endswith(".list")]
    views = [(getattr(app.view_functions[rule.endpoint], "__self__", None), str(rule)) for rule in rules]
    return {type(view).__name__: path for view, path in views if isinstance(view, StaffView)}


def test_every_list_has_its_sentences(app):
    assert sorted(lists(app)) == sorted(SENTENCES)


def test_they_are_short(app):
    with app.test_request_context("/"), in_locale("en"):
        words = [str(sentence) for pair in SENTENCES.values() for sentence in pair]
    assert [text for text in words if len(text.split()) > 14] == []


def test_an_empty_list_says_what_is_missing_and_a_search_that_it_found_nothing(app, sign_in):
    client = sign_in("admin")
    for name, path in lists(app).items():
        page = client.get(path)
        assert page.status_code == 200 and "No records found" not in page.text, name
    missing, what_to_do = SENTENCES["NewsView"]
    with app.test_request_context("/"), in_locale("en"):
        missing, what_to_do = str(missing), str(what_to_do)
    news = lists(app)["NewsView"]
    assert missing in client.get(news).text and what_to_do in client.get(news).text
    searched = client.get(f"{lists(app)['FamilyView']}?q=nobodyofthisname").text
    assert "Nothing matches this search." in searched and "Show all" in searched
    with app.app_context(), unit_of_work():
        db.session.add(News(title="Strike", text="-", first_day=date(2026, 1, 1), last_day=date(2099, 1, 1)))
    assert missing not in client.get(news).text

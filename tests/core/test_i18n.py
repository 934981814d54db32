"""Is every text in its reader's language, whoever read before?"""

import re
from datetime import date

import pytest
from flask import render_template_string

from app.core.i18n import _, _l, _lp, _n, _p, date_text, in_locale, language

pytestmark = pytest.mark.once

YES = "yes"


@pytest.fixture
def french(ctx):
    """What the French catalogue says of a text that it has; skips where it is not compiled."""
    with in_locale("fr"):
        said = _(YES)
    if said == YES:
        pytest.skip("the catalogue is not compiled: make catalogues")
    return said


def test_the_language_changes_and_comes_back(french):
    with in_locale("en"):
        assert _(YES) == YES
        with in_locale("fr"):
            assert _(YES) == french == render_template_string("{{ _('yes') }}")
        assert _(YES) == YES == render_template_string("{{ _('yes') }}")


def test_a_lazy_text_is_in_the_language_of_who_sees_it(french):
    lazy = _l(YES)
    for locale, text in (("fr", french), ("en", YES), ("fr", french)):
        with in_locale(locale):
            assert str(lazy) == text == f"{lazy}"


def test_counting_meanings_and_values(ctx):
    with in_locale("en"):
        assert (_n("%(num)d child", "%(num)d children", 1), _n("%(num)d child", "%(num)d children", 2)) == ("1 child", "2 children")
        assert _("Hello %(name)s", name="Léa") == "Hello Léa"
        assert _("100 % sure") == "100 % sure"
        assert _p("month", "May %(day)s", day=8) == "May 8" == str(_lp("month", "May %(day)s", day=8))
        assert render_template_string("{{ ngettext('%(num)d child', '%(num)d children', 3) }}") == "3 children"


def test_what_is_put_into_a_text_is_escaped_in_html_alone(ctx):
    page = "{{ _('Hello %(name)s', name='<b>') }} {{ _('<i>%(name)s</i>', name='&') }}"
    with in_locale("en"):
        assert render_template_string(page) == "Hello &lt;b&gt; <i>&amp;</i>"
        assert render_template_string("{% autoescape false %}" + page + "{% endautoescape %}") == "Hello <b> <i>&</i>"
        assert render_template_string("{{ _('100 % sure') }}") == "100 % sure"


def test_english_has_british_dates(ctx):
    page = "{{ day|dateformat('short') }} {{ day|dateformat('medium') }} {{ day|dateformat('full') }}"
    with in_locale("en"):
        assert render_template_string(page, day=date(2026, 11, 23)) == "23/11/2026 23 Nov 2026 Monday, 23 November 2026"
        assert language() == "en"
    with in_locale("fr"):
        assert language() == "fr"


def test_an_english_page_has_british_dates(app, sign_in):
    client = sign_in("agent")
    with client.session_transaction() as session:
        session["locale"] = "en"
    page = client.get("/mairie/familles/1/").text
    assert 'lang="en-GB"' in page
    assert re.search(r"\b\d{1,2} [A-Z][a-z]{2,3} \d{4}\b", page) and not re.search(r"[A-Z][a-z]{2,3} \d{1,2}, \d{4}", page)


def test_two_requests_of_two_readers(app):
    pages = []
    for locale in ("fr", "en", "fr"):
        client = app.test_client()
        with client.session_transaction() as session:
            session["locale"] = locale
        pages.append(client.get("/login/").text)
    assert 'lang="fr"' in pages[0] and 'lang="en-GB"' in pages[1] and 'lang="fr"' in pages[2]
    assert "Password" in pages[1]


def test_without_an_application_texts_stay_as_they_are():
    import threading

    said = []
    # A thread has no application context, whatever this test runs under.
    thread = threading.Thread(target=lambda: said.extend([_(YES), str(_l("Hello %(name)s", name="Léa")), _n("one", "many", 2)]))
    thread.start()
    thread.join()
    assert said == [YES, "Hello Léa", "many"]


def test_the_first_of_a_month_is_said_as_people_say_it(ctx):
    def said(locale, *days):
        with in_locale(locale):
            return [date_text(day, "long") for day in days]

    days = date(2026, 9, 1), date(2026, 9, 11), date(2026, 10, 21)
    assert said("fr", *days) == ["1er septembre 2026", "11 septembre 2026", "21 octobre 2026"]
    assert said("en", days[0]) == ["1 September 2026"]
    with in_locale("fr"):
        assert (date_text(days[0], "short"), date_text(days[0], "EEE d MMM")) == ("01/09/2026", "mar. 1er sept.")

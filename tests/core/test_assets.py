"""May a browser keep what it has loaded, and does it notice when we change it?"""

import re

import pytest
from flask import url_for

from app.core.assets import STATIC, icon, version

pytestmark = pytest.mark.once

NAMED_IN_CSS = re.compile(r"url\((?!data:|#)[\"']?([^)\"'?#]+)\??([^)\"'#]*)")
YEAR = "public, max-age=31536000, immutable"


def address_of(app, filename):
    with app.test_request_context("/"):
        return url_for("static", filename=filename)


def test_an_address_names_the_content_and_may_be_kept_for_a_year(app, sign_in):
    address = address_of(app, "portal.css")
    assert address == f"/static/portal.css?v={version('portal.css')}"
    answer = sign_in().get(address)
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == YEAR
    again = sign_in().get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304 and again.headers["Cache-Control"] == YEAR


@pytest.mark.parametrize("query", ["", "?v=", "?v=0badcafe"])
def test_any_other_address_is_asked_for_again(sign_in, query):
    answer = sign_in().get(f"/static/portal.css{query}")
    assert answer.status_code == 200 and "max-age=31536000" not in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path", ["/static/nothing.css?v=None", "/static/../__init__.py?v=None", "/static/fonts?v=None", "/static/nothing.css"]
)
def test_what_is_not_there_is_never_kept(sign_in, path):
    answer = sign_in().get(path)
    assert answer.status_code == 404 and "max-age" not in answer.headers.get("Cache-Control", "")


def test_another_content_has_another_address(tmp_path, monkeypatch):
    monkeypatch.setattr("app.core.assets.STATIC", tmp_path)
    said = []
    for content in ("a", "b"):
        (tmp_path / "file.css").write_text(content)
        said.append(version.__wrapped__("file.css"))
    assert len(set(said)) == 2


@pytest.mark.parametrize("sheet", [path.name for path in sorted(STATIC.glob("*.css"))])
def test_stylesheets_name_the_versions_of_what_they_load(sheet):
    stale = {
        name: f"?v={version(name)}" for name, query in NAMED_IN_CSS.findall((STATIC / sheet).read_text()) if query != f"v={version(name)}"
    }
    assert not stale, f"{sheet} must load these files under their present versions: {stale}"


@pytest.mark.parametrize(("username", "path"), [(None, "/login/"), ("galbert", "/portail/"), ("agent", "/mairie/")])
def test_the_font_is_preloaded_from_the_address_that_the_stylesheet_uses(app, sign_in, username, path):
    [font] = re.findall(r'rel="preload" as="font"[^>]*href="/static/([^"]+)"', sign_in(username).get(path).text)
    assert f"url({font})" in (STATIC / "portal.css").read_text()


@pytest.mark.parametrize(("username", "path"), [(None, "/login/"), ("galbert", "/portail/"), ("agent", "/mairie/")])
def test_pages_link_no_file_without_its_version(sign_in, username, path):
    linked = re.findall(r'(?:href|src)="(/static/[^"]+)"', sign_in(username).get(path).text)
    assert len(linked) > 3 and all("?v=" in address for address in linked), linked


def test_an_icon_is_silent_or_has_a_name(app):
    with app.test_request_context("/"):
        assert 'aria-hidden="true"' in icon("check") and f"icons.svg?v={version('icons.svg')}#check" in icon("check")
        named = icon("check", '"> <b>', flip=True)
        assert 'role="img" aria-label="&#34;&gt; &lt;b&gt;"' in named and "aria-hidden" not in named and "icon-flip" in named
    with app.test_request_context("/", base_url="http://localhost/prefix"):
        assert 'href="/prefix/static/' in icon("check")

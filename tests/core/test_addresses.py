"""Is an address that is kept the one that Flask would give?"""

from datetime import date

import pytest
from flask import Flask, url_for
from werkzeug.routing import BuildError

from app.core import addresses

pytestmark = pytest.mark.once
CASES = (
    ("static", {"filename": "portal.css"}),
    ("AgendaView.agenda", {}),
    ("AgendaView.agenda", {"weeks": 1}),
    ("AgendaView.agenda", {"weeks": True}),
    ("AgendaView.agenda", {"weeks": "1", "child": None}),
    ("AgendaView.agenda", {"week": date(2026, 11, 23), "_anchor": "a b"}),
    ("AgendaView.agenda", {"child": ["1", "2"]}),
    ("AgendaView.agenda", {"_external": True}),
    ("AgendaView.save", {}),
    ("FamilyView.family", {"family_id": 3}),
    ("FamilyView.family", {"family_id": 4}),
)


@pytest.mark.parametrize("root", ("", "/famille"))
@pytest.mark.parametrize("method", ("GET", "POST"))
def test_an_address_is_what_flask_makes_it(app, root, method):
    with app.test_request_context("/portail/", base_url=f"https://ville.example{root}", method=method):
        for endpoint, values in (*CASES, *CASES):
            assert url_for(endpoint, **values) == Flask.url_for(app, endpoint, **values)


def test_an_endpoint_that_is_none_is_an_error_each_time(app):
    with app.test_request_context("/"):
        for _time in range(2):
            with pytest.raises(BuildError):
                url_for("NoView.none")


def test_the_kept_ones_do_not_grow_for_ever(monkeypatch):
    """Of an application of its own: pages of the others are drawn in threads, whenever a browser asks."""
    monkeypatch.setattr(addresses, "KEPT", 10)
    alone = addresses.Application("tests")
    alone.add_url_rule("/<int:number>/", "page")
    with alone.test_request_context("/"):
        assert len({url_for("page", number=number) for number in range(1, 40)}) == 39
    assert 0 < len(alone._addresses) <= 10

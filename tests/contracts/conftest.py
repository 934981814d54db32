"""Which rows does the walk through all addresses ask for, and what was the table asked meanwhile?"""

import pytest

from app.core import clock
from app.security import scope
from app.security.manager import AccountManager
from app.security.who_sees_what import permissions
from tests.contracts import town


def two_families():
    """The rows of two families with a canary in every text, a day later: {"own": …, "other": …}."""
    found = {"own": town.fill(1, town.OWN), "other": town.fill(2, town.OTHER)}
    clock.advance(days=1)
    return found


@pytest.fixture
def rows(scene):
    """The rows of two families."""
    return scene(two_families)


@pytest.fixture
def asked(monkeypatch):
    """What the table and Flask-AppBuilder were asked during a request: [(noun, permission, granted)]."""
    found = []

    def table(noun, viewer):
        found.append((noun.value, viewer))
        return permissions(noun, viewer)

    def fab(self, user, permission, view):
        granted = access(self, user, permission, view)
        found.append((view, granted))
        return granted

    access = AccountManager._has_view_access
    monkeypatch.setattr(scope, "permissions", table)
    monkeypatch.setattr(AccountManager, "_has_view_access", fab)
    return found

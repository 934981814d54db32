"""Does every act that the log keeps read in words? Verbs are for the code."""

import ast
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.changes.kinds import KINDS

pytestmark = pytest.mark.once


def verbs():
    """Each verb that the code gives to record() as it stands, and what it is written of: a record of its own or of another table."""
    for path in Path(__file__).parents[2].joinpath("app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(getattr(node, "func", None), "id", None)
            if name == "record" and node.args and isinstance(node.args[0], ast.Constant):
                yield node.args[0].value


def test_every_verb_has_words(ctx):
    from app.staff.screens import VIEWS
    from app.staff.words import said

    made = [f"{view.sheet.name}.{act}" for view in VIEWS if getattr(view, "sheet", None) for act in ("add", "edit", "delete")]
    made += [f"{kind}.{act}" for kind in KINDS for act in ("add", "edit", "delete")]
    found = {*verbs(), *made}
    assert len(found) > len(made)
    nouns = [(verb, noun) for verb in sorted(found) for noun in (verb.rpartition(".")[0], "another_table")]
    # A kind or a screen writes of the table of its name; other verbs name what they are about.
    assert not [verb for verb, noun in nouns if said(SimpleNamespace(verb=verb, noun=noun, note="")) == verb]

"""Does every act that the log keeps read in words? Verbs are for the code."""

import ast
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.changes.kinds import KINDS

pytestmark = pytest.mark.once


def records():
    """Each call of record() in the code."""
    for path in Path(__file__).parents[2].joinpath("app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if getattr(getattr(node, "func", None), "id", None) == "record" and node.args:
                yield node


def verbs():
    """The verbs that stand in the code as they are."""
    return {node.args[0].value for node in records() if isinstance(node.args[0], ast.Constant)}


def fields():
    """(what an entry is about, a field of it), where the code names the field."""
    for node in records():
        verb = node.args[0].value if isinstance(node.args[0], ast.Constant) else ""
        for keyword in node.keywords:
            for key in getattr(keyword.value, "keys", ()) if keyword.arg == "changes" else ():
                if isinstance(key, ast.Constant):
                    yield verb.rpartition(".")[0], key.value


def test_every_field_has_a_name(ctx):
    from app.staff.words import change_lines

    found = set(fields())
    assert found
    entries = {(noun, field): SimpleNamespace(verb=f"{noun}.edit", noun=noun, note="", changes={field: None}) for noun, field in found}
    assert not [named for named, entry in entries.items() if change_lines(entry)[0].label == named[1].replace("_", " ")]


def test_every_verb_has_words(ctx):
    from app.staff.screens import VIEWS
    from app.staff.words import said

    made = [f"{view.editor.name}.{act}" for view in VIEWS if getattr(view, "editor", None) for act in ("add", "edit", "delete")]
    made += [f"{kind}.{act}" for kind in KINDS for act in ("add", "edit", "delete")]
    found = {*verbs(), *made}
    assert len(found) > len(made)
    nouns = [(verb, noun) for verb in sorted(found) for noun in (verb.rpartition(".")[0], "another_table")]
    # A kind or a screen writes of the table of its name; other verbs name what they are about.
    assert not [verb for verb, noun in nouns if said(SimpleNamespace(verb=verb, noun=noun, note="")) == verb]

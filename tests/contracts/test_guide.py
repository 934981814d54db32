"""Is every promise of the guide kept by a screen that exists and a test that exists? docs/guide.md says by which."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
LINES = [
    [cell.strip() for cell in line.strip().strip("|").split(" | ")]
    for line in (ROOT / "docs/guide.md").read_text().splitlines()
    if re.match(r"\| *\d", line)
]
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
ARGUMENT = re.compile(r"<[^>]*>")


@cache
def names_in(path):
    """The names of the tests of a module, as Python reads it."""
    return {node.name for node in ast.parse((ROOT / path).read_text()).body if isinstance(node, ast.FunctionDef)}


def test_the_guide_has_its_lines_one_after_the_other():
    found = {}
    for line in LINES:
        section, number = line[0].split(".")
        found.setdefault(int(section), []).append(int(number))
    assert list(found) == list(range(1, 12))
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in found.values())


def test_every_line_has_its_screen(app):
    there = {ARGUMENT.sub("<>", str(rule)) for rule in app.url_map.iter_rules()}
    named = {line[0]: re.findall(r"`(/[^`]*)`", line[2]) for line in LINES}
    assert [number for number, paths in named.items() if not paths] == []
    assert [path for paths in named.values() for path in paths if ARGUMENT.sub("<>", path) not in there] == []


def test_every_line_has_its_test():
    named = {line[0]: TEST.findall(line[3]) for line in LINES}
    assert [number for number, tests in named.items() if not tests] == []
    assert [f"{path}::{name}" for tests in named.values() for path, name in tests if name not in names_in(path)] == []


def test_three_promises_are_bettered_and_named():
    bettered = [line[0] for line in LINES if "**Bettered**" in line[1]]
    head = (ROOT / "docs/guide.md").read_text().partition("## 1.")[0]
    assert len(bettered) == 3 and all(number in head for number in bettered)

"""Do the pages of docs/ tell the truth? Tables, arrows, settings of the environment, files and tests that they name."""

import re
from pathlib import Path

import pytest

from app import load_domains
from app.changes.models import TRANSITIONS, DecisionState
from app.extensions import Model

pytestmark = pytest.mark.once

load_domains()
ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"])
MODEL = (ROOT / "docs/model.md").read_text()
INSTALL = (ROOT / "docs/install.md").read_text()
EACH_PAGE = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())

#: Read by the code, and of no use to who installs a town.
NOT_FOR_TOWNS = {"CI"}
READING = re.compile(r"(?:environ(?:\.get)?[(\[]|environ\.setdefault\(|_flag\(|_secret\()\s*\"([A-Z][A-Z_]+)\"")
OUR_FILE = re.compile(r"`((?:app|tests|docs|migrations|translations)/[\w./-]+\.\w+|[A-Z]\w+\.md|config\.py|run\.py|Makefile)(?:::(\w+))?`")
LINK = re.compile(r"\[[^]]*\]\((?!https?:|mailto:|#)([^)#]+)[^)]*\)")


def diagram_after(title):
    """The arrows of the state diagram under a title: {(from, to)}, without beginnings and ends."""
    part = MODEL.partition(f"## {title}\n")[2].partition("```mermaid")[2].partition("```")[0]
    return set(re.findall(r"^\s*(\w+) --> (\w+)", part, re.M))


def test_every_table_is_named():
    named = set(re.findall(r"`(\w+)`", MODEL))
    assert sorted(set(Model.metadata.tables) - named) == []


def test_every_entity_of_the_diagram_is_a_table():
    entities = {name.lower() for pair in re.findall(r"^\s+([A-Z_]+) \S+ ([A-Z_]+) :", MODEL, re.M) for name in pair}
    assert entities - {"account"} <= set(Model.metadata.tables)


def test_tables_with_encrypted_columns_are_marked():
    from app.core.encryption import Encrypted

    secret = {table.name for table in Model.metadata.sorted_tables if any(isinstance(column.type, Encrypted) for column in table.columns)}
    assert set(re.findall(r"`(\w+)` 🔒", MODEL)) == secret


def test_the_arrows_of_a_request_are_the_codes():
    assert diagram_after("States of a request") == {(one.name, other.name) for one, others in TRANSITIONS.items() for other in others}


def test_the_states_of_a_decision_are_the_codes():
    assert {name for arrow in diagram_after("States of a decision") for name in arrow} == {state.name for state in DecisionState}


def test_what_the_environment_sets_is_explained():
    code = "".join(path.read_text() for path in (ROOT / "config.py", ROOT / "run.py", *(ROOT / "app").rglob("*.py")))
    read = set(READING.findall(code)) - NOT_FOR_TOWNS
    explained = set(re.findall(r"^\| `([A-Z][A-Z_]+)` \|", INSTALL, re.M))
    assert (sorted(read - explained), sorted(explained - read)) == ([], [])


@EACH_PAGE
def test_files_that_a_page_names_are_there(path):
    missing = []
    for named, name in OUR_FILE.findall(path.read_text()):
        file = ROOT / named
        if not file.exists() or (name and not re.search(rf"^(?:def|class|async def) {name}\b", file.read_text(), re.M)):
            missing.append(f"{named}::{name}" if name else named)
    assert not missing


@EACH_PAGE
def test_links_lead_somewhere(path):
    missing = [link for link in LINK.findall(path.read_text()) if not (path.parent / link).exists() and not link.endswith(".png")]
    assert not missing


@EACH_PAGE
def test_a_page_names_no_machine(path):
    assert not re.search(r"/(?:work|home|root)/", path.read_text())

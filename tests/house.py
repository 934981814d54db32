"""Does the code keep the house rules that no linter knows? `make check` prints what breaks them."""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 40

#: A page loads nothing from elsewhere; a link that a person follows may lead there.
LOADS = re.compile(
    r"<(?:script|link|img|iframe|source|video|audio|object|embed|use)\b[^>]*?\b(?:src|srcset|href|data)\s*=\s*[\"']?(?:https?:)?//",
    re.IGNORECASE,
)
STYLES = re.compile(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", re.IGNORECASE)
CDN = re.compile(r"https?://[^\s\"']*cdn", re.IGNORECASE)

PIN = re.compile(r"^([\w.-]+)(?:\[[\w,]+\])?\s*(\S*?)\s*(?:\\|;.*|#.*)?$")


def ours(*suffixes):
    """The files of app/ that we wrote ourselves."""
    for path in sorted((ROOT / "app").rglob("*")):
        if path.suffix in suffixes and "vendor" not in path.parts:
            yield path, path.read_text(encoding="utf-8")


def long_files():
    for path, text in ours(".py", ".html", ".css", ".js", ".txt"):
        if "LICENSE" not in path.name and (lines := len(text.splitlines())) > LINES_OF_A_FILE:
            yield path, 1, f"{lines} lines; {LINES_OF_A_FILE} are enough"


def long_functions():
    """A docstring is not counted: nobody should save on it."""
    for path, text in ours(".py"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                told = first.end_lineno - first.lineno + 1 if ast.get_docstring(node) is not None else 0
                if (lines := node.end_lineno - node.lineno + 1 - told) > LINES_OF_A_FUNCTION:
                    yield path, node.lineno, f"{node.name}() has {lines} lines; {LINES_OF_A_FUNCTION} are enough"


def loose_commits():
    """Only the unit of work commits: what is saved together must be decided in one place."""
    for path, text in ours(".py"):
        if path != ROOT / "app/core/db.py":
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
                    yield path, node.lineno, "commit() outside core/db.py; use unit_of_work()"


#: Short for what translates a text.
TRANSLATING = {"_", "_l", "_n", "_p", "_lp"}


def hidden_texts():
    """Before Python 3.12 an f-string is one word to whoever collects texts for the catalogue: none is found in it."""
    for path, text in ours(".py"):
        for node in ast.walk(ast.parse(text)):
            inside = ast.walk(node) if isinstance(node, ast.JoinedStr) else ()
            if any(isinstance(call, ast.Call) and getattr(call.func, "id", None) in TRANSLATING for call in inside):
                yield path, node.lineno, "a text inside an f-string is not found for the catalogue"


def loads_from_elsewhere():
    for path, text in ours(".html", ".css", ".js", ".svg"):
        for number, line in enumerate(text.splitlines(), 1):
            if LOADS.search(line) or STYLES.search(line) or CDN.search(line):
                yield path, number, "loads something from another site"


def loose_requirements():
    """Every direct requirement is pinned, and the lock says the same."""
    for name in ("requirements", "requirements-dev"):
        locked = dict(pins(ROOT / f"{name}.lock"))
        for package, pin in pins(ROOT / f"{name}.txt"):
            if not pin.startswith("=="):
                yield ROOT / f"{name}.txt", 1, f"{package} is not pinned"
            elif locked.get(package) != pin:
                yield ROOT / f"{name}.lock", 1, f"{package} is not {pin[2:]}; run make lock"


def pins(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        if line[:1].isalnum() and (found := PIN.match(line)):
            yield found[1].lower(), found[2]


def main():
    rules = long_files, long_functions, loose_commits, hidden_texts, loads_from_elsewhere, loose_requirements
    faults = [f"{path.relative_to(ROOT)}:{line}: {fault}" for rule in rules for path, line, fault in rule()]
    print("\n".join(faults) or "The house rules are kept.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

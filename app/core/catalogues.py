"""Are the catalogues complete? Extracts the texts of the code, brings the .po files up to date, checks and compiles them."""

import os
import re
import sys
import tempfile
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[2]

METHODS = [("**.py", "python"), ("templates/**.html", "jinja2"), ("templates/**.txt", "jinja2")]

#: A template that Jinja cannot read must not lose its texts in silence.
OPTIONS = {"templates/**": {"silent": "false"}}

#: Positions of the arguments: 1-based, "c" marks the context.
KEYWORDS = {
    "_": None,
    "_l": None,
    "_n": (1, 2),
    "_p": ((1, "c"), 2),
    "_lp": ((1, "c"), 2),
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}

PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sdifr]|\{\w*\}")


def po_files():
    return sorted((ROOT / "translations").glob("*/LC_MESSAGES/messages.po"))


def extracted():
    """The texts of the code, as one Babel catalogue."""
    template = Catalog(project="Préau", charset="utf-8")
    found = extract_from_dir(ROOT / "app", METHODS, OPTIONS, KEYWORDS, comment_tags=["Translators:"])
    # By file and text, whatever the line and whichever folder is read first: two changes of the code then seldom meet in the catalogue.
    for file, _line, message, comments, context in sorted(found, key=lambda one: (str(one[2]), one[4] or "", one[0])):
        template.add(message, locations=[(f"app/{file}", 0)], auto_comments=comments, context=context)
    return template


def read(path):
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def update():
    """Add what is new, drop what is gone; a new text waits without a guess, since a guess would pass for a translation."""
    template = extracted()
    for path in po_files() or [ROOT / "translations/fr/LC_MESSAGES/messages.po"]:
        catalogue = read(path) if path.exists() else _new(path.parts[-3])
        catalogue.update(template, no_fuzzy_matching=True, update_creation_date=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            # Line numbers would change the catalogue with every edit of the code.
            write_po(file, catalogue, width=120, sort_by_file=True, ignore_obsolete=True, include_lineno=False)


def _new(language):
    catalogue = Catalog(locale=language, project="Préau", version="1", fuzzy=False)
    catalogue.header_comment = "# The texts of Préau in another language. `make fix` adds what is new and drops what is gone."
    catalogue.msgid_bugs_address = catalogue.last_translator = catalogue.language_team = "Préau"
    catalogue.revision_date = catalogue.creation_date
    return catalogue


def check():
    """One sentence per fault; an empty list is a complete set of catalogues."""
    template = extracted()
    paths = po_files()
    if not any(path.parts[-3] == "fr" for path in paths):
        return ["translations/fr/LC_MESSAGES/messages.po is missing; `make fix` starts it."]
    return [f"{path.relative_to(ROOT)}: {fault}" for path in paths for fault in faults(template, read(path))]


def faults(template, catalogue):
    """What is wrong with this catalogue, measured by the texts of the code."""
    for wanted in template:
        if wanted.id:
            yield from _faults_of(wanted, catalogue.get(wanted.id, wanted.context))
    known = {_key(message) for message in template}
    for message in [*catalogue, *catalogue.obsolete.values()]:
        if _key(message) not in known or message in catalogue.obsolete.values():
            yield f"no longer used: {_key(message)[0]!r}"


def _faults_of(wanted, found):
    name = f"{_key(wanted)[0]!r}" + (f" ({wanted.context})" if wanted.context else "")
    texts = [] if found is None else [found.string] if isinstance(found.string, str) else list(found.string)
    if not texts or not all(texts) or wanted.pluralizable != found.pluralizable:
        yield f"not translated: {name}"
    elif found.fuzzy:
        yield f"marked fuzzy: {name}"
    else:
        # French says the singular for 0 too: every form carries what the English plural carries.
        asked = sorted(PLACEHOLDER.findall(wanted.id[-1] if wanted.pluralizable else wanted.id))
        yield from (f"other placeholders than {asked}: {name} → {text!r}" for text in texts if sorted(PLACEHOLDER.findall(text)) != asked)


def _key(message):
    return (message.id[0] if message.pluralizable else message.id, message.context)


def compile_all():
    """Write the .mo files that the application reads; one that starts meanwhile reads the old file or the new one, never half of it."""
    for path in po_files():
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".messages-", delete=False) as file:
            write_mo(file, read(path))
        # A temporary file is its maker's alone; the catalogue is for whoever runs the portal.
        os.chmod(file.name, 0o644)
        os.replace(file.name, path.with_suffix(".mo"))


def main(option):
    """What `make` calls; the exit code is 1 where a catalogue has a fault."""
    if option == "--update":
        update()
    elif option == "--compile":
        compile_all()
    elif option == "--check":
        found = check()
        print("\n".join(found) or "The catalogues are complete.")
        return 1 if found else 0
    else:
        return "python -m app.core.catalogues --check | --update | --compile"
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or [""]))

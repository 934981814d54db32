"""How does a mail look to whoever reads it as a page? The same words as its text, nothing more: made from it when it leaves."""

import re
from urllib.parse import urlsplit

from flask import current_app
from markupsafe import Markup, escape

from app.core import settings
from app.core.i18n import _, in_locale
from app.core.web import Town

URL = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)]")
RULE = "—"
HEADING = re.compile(r"— (.+) —")
ITEM = re.compile(r"- (.*)")
#: What stands before an address names the button, if it is no longer than this.
LONGEST_BUTTON = 48


def html_of(subject, body, locale):
    """The page of a mail. Every word of it is text: what a person typed stays what was typed."""
    with in_locale(locale):
        # Not Flask's render_template(): what pages want to know of who asks would be looked up for every mail.
        return current_app.jinja_env.get_template("mail/_layout.html").render(
            subject=subject,
            locale=locale,
            town=Town(),
            colour=settings.get("primary_colour"),
            parts=list(parts_of(body)),
            said=said,
        )


def parts_of(body):
    """What a text is made of: paragraphs, lists, headings, and the addresses of ours as buttons."""
    for paragraph in re.split(r"\n{2,}", body.strip("\n")):
        lines = []
        for line in paragraph.split("\n"):
            part = _alone(line)
            if part is None:
                lines.append(line)
                continue
            yield from _plain(lines)
            yield part
            lines = []
        yield from _plain(lines)


def _alone(line):
    """The heading or the button that a line is, if it is one."""
    if line == RULE:
        return {"kind": "rule"}
    if heading := HEADING.fullmatch(line):
        return {"kind": "title", "text": heading[1]}
    found = URL.search(line)
    if found is None or found.end() != len(line.rstrip()) or not is_ours(found[0]) or line.startswith(" "):
        return None
    name = line[: found.start()].strip().removeprefix("- ").rstrip(": \u00a0\u202f")
    if len(name) > LONGEST_BUTTON:
        return None
    return {"kind": "button", "url": found[0], "text": name or _("Open the page"), "shown": not name}


def _plain(lines):
    """A run of lines as paragraphs and lists. What is indented below an item belongs to it."""
    words, items = [], []
    for line in lines:
        if item := ITEM.match(line):
            if words:
                yield {"kind": "text", "lines": words}
                words = []
            items.append([item[1]])
        elif items and line.startswith(" "):
            items[-1].append(line.strip())
        else:
            if items:
                yield {"kind": "list", "points": items}
                items = []
            words.append(line.strip())
    if items:
        yield {"kind": "list", "points": items}
    if words:
        yield {"kind": "text", "lines": words}


def said(lines):
    """Lines of text for a page: escaped, addresses that can be followed, breaks where the text has them."""
    return Markup("<br>").join(_linked(line) for line in lines)


def _linked(line):
    found, last = [], 0
    for url in URL.finditer(line):
        found += [escape(line[last : url.start()]), Markup('<a href="{0}">{0}</a>').format(url[0])]
        last = url.end()
    return Markup("").join([*found, escape(line[last:])])


def is_ours(url):
    """Whether an address leads to this portal: only such a one becomes a button, whose words hide where it leads."""
    here, there = urlsplit(current_app.config["BASE_URL"]), urlsplit(url)
    return (here.scheme, here.netloc) == (there.scheme, there.netloc)

"""What does axe-core find on a page, and what of it was found clean before and need not be looked at again?"""

import hashlib
import re

from axe_playwright_python.base import AXE_SCRIPT

ALL_RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
#: Those that another width alone may break.
LAYOUT_RULES = ("target-size", "scrollable-region-focusable", "link-in-text-block", "aria-hidden-focus")

#: The items of the menus around the page: most of what there is to look at, and the same on every page but for the current one.
ITEMS = "[...document.querySelectorAll('li')].filter(item => !item.closest('main') && !item.querySelector('li'))"
READ = f"""() => [
    document.documentElement.outerHTML,
    [...document.querySelectorAll('link[rel=stylesheet]')].map(link => link.getAttribute('href')).join(' '),
    {ITEMS}.map(item => `${{item.checkVisibility()}} ${{item.outerHTML}}`),
]"""
#: axe takes as long as there are elements: items that are known leave the page while it looks, their lists keep their size.
LOOK = f"""async ([options, known]) => {{
    const away = {ITEMS}.filter((item, place) => known[place] && !item.contains(document.activeElement));
    const lists = [...new Set(away.map(item => item.parentElement))].map(list => [list, list.style.cssText, list.getBoundingClientRect()]);
    for (const [{{style}}, , {{width, height}}] of lists) Object.assign(style, {{minWidth: `${{width}}px`, minHeight: `${{height}}px`}});
    const places = away.map(item => {{ const place = document.createComment(''); item.replaceWith(place); return [place, item]; }});
    const {{violations}} = await axe.run(document, options);
    for (const [place, item] of places) place.replaceWith(item);
    for (const [list, style] of lists) if (style) list.style.cssText = style; else list.removeAttribute('style');
    return violations;
}}"""

#: What differs from one row, session or moment to the next and is nothing to axe.
CHANCE = re.compile(r'(?<!<h)(?<!</h)\d+(?!")|(?:nonce|content|value|data-key)="[^"]*"')
#: Nor is, but to the rules of layout, which words there are; that there are some is.
WORDS = re.compile(r">[^<>]*[^<>\s][^<>]*(?=<)")
ADDRESSES = re.compile(r'href="[^#"][^"]*"')


class Clean:
    """What looks have found clean in this run, by whichever worker: a page of the same shape, or an item of its menus."""

    def __init__(self, folder):
        self.folder, self.seen = folder, set()
        folder.mkdir(exist_ok=True)

    def __contains__(self, shape):
        if shape not in self.seen and (self.folder / shape).exists():
            self.seen.add(shape)
        return shape in self.seen

    def update(self, shapes):
        """These are clean."""
        for shape in set(shapes) - self.seen:
            (self.folder / shape).touch()
        self.seen.update(shapes)


def look(page, rules, clean):
    """What is wrong with the page as it is now by these rules, a line a place."""
    shape, *items = shapes(page, rules)
    if shape in clean:
        return []
    found = violations(page, rules, [item in clean for item in items])
    if not found:
        clean.update((shape, *items))
    return found


def violations(page, rules, known):
    """What axe says of the page without the items that are known."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE_SCRIPT)
    # Without reading stylesheets and sounds once more: for rules about turned screens (not among these) and films (we have none).
    options = {"runOnly": list(rules), "resultTypes": ["violations"], "iframes": False, "preload": False}
    return [f"{item['id']}: {node['html'][:160]}" for item in page.evaluate(LOOK, [options, known]) for node in item["nodes"]]


def shapes(page, rules):
    """Of the page and of each item around it: the same for two that axe cannot tell apart at this width."""
    # A page that takes the place of another has no content for a moment.
    page.wait_for_load_state()
    html, styles, items = page.evaluate(READ)
    how = f"{page.viewport_size['width']} {rules} {styles}"
    return [hashlib.sha256(f"{how} {seen_by(rules, text)}".encode()).hexdigest() for text in (html, *items)]


def seen_by(rules, html):
    """What of a text of HTML makes a difference to these rules."""
    html = CHANCE.sub("", html)
    return html if rules == LAYOUT_RULES else ADDRESSES.sub("href", WORDS.sub(">x", html))

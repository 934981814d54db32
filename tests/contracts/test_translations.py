"""Does the portal speak one language at a time? The catalogue, every page that a person reaches in French, every mail in both languages."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from jinja2 import StrictUndefined

from app.core import catalogues, clock
from app.mail.texts import write
from tests.contracts import town
from tests.contracts.test_walk import PUBLIC, address, rules
from tests.mail.test_texts import TEMPLATES, context_of

pytestmark = pytest.mark.once

FRENCH = next(path for path in catalogues.po_files() if path.parts[-3] == "fr")
#: Who sees most of the screens; None is a stranger.
# The administrator reads all that a clerk reads, and more.
READERS = (None, "galbert", "admin")
#: What no French sentence holds: catches English that was never given to the catalogue.
ENGLISH = re.compile(r"\b(the|and|of|you|your|this|with|from|is|are|not|has|have)\b", re.IGNORECASE)
#: The bar, word for word as the families' guide has it; and the agenda.
BAR = (
    "Accueil",
    "Mon compte",
    "Mes enfants",
    "Relevé de compte",
    "Boîte de réception",
    "Liste des demandes",
    "Déconnexion",
    "Agenda",
)
#: Attributes that people read or hear.
SPOKEN = ("aria-label", "title", "placeholder", "alt", "data-confirm", "data-changed", "data-hide", "data-hide-label")
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """What the application reads is what the catalogue says today."""
    catalogues.compile_all()


@pytest.fixture
def strict(app, monkeypatch):
    """A name that a template does not know is an error, not a gap."""
    monkeypatch.setattr(app.jinja_env, "undefined", StrictUndefined)


@pytest.fixture
def rows(app):
    """Two families with everything, so that pages have something to show."""
    with app.test_request_context("/"):
        found = {"own": town.fill(1, "OWNCANARY"), "other": town.fill(2, "OTHERCANARY")}
    clock.advance(days=1)
    return found


def forms(text):
    """The singular and the plural of a text, or the text alone."""
    return (text,) if isinstance(text, str) else text


def test_whoever_starts_while_they_are_compiled_reads_a_whole_one(monkeypatch):
    """Processes that start together, as those of the suite do, compile and read the same files."""
    before, seen = FRENCH.with_suffix(".mo").read_bytes(), []

    def write(file, catalogue):
        write_mo(file, catalogue)
        seen.append(FRENCH.with_suffix(".mo").read_bytes())

    write_mo = catalogues.write_mo
    monkeypatch.setattr(catalogues, "write_mo", write)
    catalogues.compile_all()
    assert seen and all(content == before for content in seen)
    assert not list(FRENCH.parent.glob(".*")), "a temporary file stayed"


def test_french_signs_stand_where_the_french_put_them():
    """No-break spaces before two-part signs (U+00A0: the font has no U+202F), and one apostrophe."""
    faults = []
    for message in catalogues.read(FRENCH):
        for text in forms(message.string) if message.id else ():
            wrong = re.search(r"\u202f|'|\"|[^\s\u00a0][;?!»](?!\w)|[^\s\u00a0:/]:(?!\w|//)| [;:?!»]|« |«\S|[^\s\u00a0]»|\.\.\.|  ", text)
            if wrong and not re.search(r"«\u00a0", wrong.group()):
                faults.append((wrong.group(), text))
    assert faults == []


def test_one_bar_of_the_guides_words(app, sign_in):
    texts, _links = heard(french(sign_in, "galbert").get("/portail/").text)
    assert set(BAR) <= set(texts)


class Heard(HTMLParser):
    """The texts of a page as people read or hear them, without what is marked as another language."""

    def __init__(self):
        super().__init__()
        self.texts, self.links, self._mute, self._open = [], [], None, []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        if tag not in VOID:
            self._open.append(tag)
            if self._mute is None and (tag in ("script", "style", "svg") or found.get("lang", "fr") != "fr"):
                self._mute = len(self._open)
        if self._mute is None:
            self.texts += [found[name] for name in SPOKEN if found.get(name)]

    def handle_endtag(self, tag):
        while tag in self._open:
            if self._mute == len(self._open):
                self._mute = None
            if self._open.pop() == tag:
                break

    def handle_data(self, text):
        if self._mute is None and text.strip():
            self.texts.append(text)


def heard(html):
    """(texts, links) of a page."""
    parser = Heard()
    parser.feed(html)
    return [re.sub(r"[ \t\r\n]+", " ", text).strip() for text in parser.texts], parser.links


@pytest.fixture(scope="module")
def english():
    """What a French page must not say: every text whose French differs."""
    exact, patterns = set(), []
    messages = [message for message in catalogues.read(FRENCH) if message.id]
    said = {text for message in messages for text in forms(message.string)}
    for message in messages:
        for text in set(forms(message.id)) - said:
            constant = catalogues.PLACEHOLDER.sub("", text)
            if constant == text:
                exact.add(text)
            elif len(re.sub(r"\W", "", constant)) >= 8:
                patterns.append(re.compile(".+".join(map(re.escape, catalogues.PLACEHOLDER.split(text)))))
    return exact, patterns


def leftovers(texts, english):
    """The texts that a French reader must not meet: English, or signs that the font lacks."""
    exact, patterns = english
    for text in texts:
        odd = "\u202f" in text or ENGLISH.search(re.sub(r"\S*CANARY\S*", "", text))
        if odd or text in exact or text.rstrip(" :") in exact or any(pattern.fullmatch(text) for pattern in patterns):
            yield text


def test_the_net_catches(english):
    page = (
        '<p title="Log out">Mon compte</p><p>What you typed is <b>kept</b></p><script>Log out</script><a lang="en">English</a>'
        "<p>Family Galbert, code F1</p><p>31\u202f416</p>"
    )
    assert list(leftovers(heard(page)[0], english)) == ["Log out", "What you typed is", "Family Galbert, code F1", "31\u202f416"]


def french(sign_in, username):
    """A client that reads French."""
    client = sign_in(username)
    with client.session_transaction() as session:
        session["locale"] = "fr"
    return client


def starts(app, rows, username):
    """Every address of the URL map, with these rows."""
    return [address(app, rule, rows["own"]) for rule in rules(app, "GET") if username or rule.endpoint in PUBLIC]


@pytest.mark.parametrize("username", READERS)
def test_a_french_reader_finds_no_english(app, sign_in, rows, english, strict, username):
    client, seen, found = french(sign_in, username), set(), set()
    waiting = [path for path in starts(app, rows, username) if not re.search(r"/lang/|/logout", path)]
    while waiting and len(seen) < 400:
        path = waiting.pop(0)
        if key(path) in seen:
            continue
        seen.add(key(path))
        answer = client.get(path)
        assert answer.status_code < 500, path
        if answer.mimetype != "text/html" or 300 <= answer.status_code < 400:
            continue
        texts, links = heard(answer.text)
        found.update((key(path), text) for text in leftovers(texts, english))
        waiting += [after for after in (urljoin(path, link) for link in links) if inside(after)]
    assert sorted(found) == []


def inside(url):
    """Whether a link stays in the portal, and in this language."""
    parts = urlsplit(url)
    return not parts.netloc and parts.scheme in ("", "http") and not re.search(r"/lang/|/logout|/static/|\.(csv|xlsx|pdf)$", parts.path)


def key(path):
    """Pages that differ by numbers alone are read once."""
    parts = urlsplit(path)
    names = sorted(pair.partition("=")[0] for pair in parts.query.split("&") if pair)
    return re.sub(r"\d+", "0", parts.path) + ("?" + "&".join(names) if names else "")


def test_a_form_says_in_french_what_is_wrong(app, sign_in, rows):
    """The validators of WTForms speak through a catalogue of its own."""
    client = french(sign_in, "agent")
    child = rows["own"]["child_id"]
    page = client.post(f"/mairie/enfants/{child}/modifier", data={"first_name": "", "birth_date": "31 juin"}).text
    assert "Merci de remplir ce champ." in page
    assert "pas une date valide" in page and "Not a valid" not in page


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_french_mail_is_french(ctx, english, template):
    subject, body = write(template, "fr", **context_of(template))
    lines = [line.strip(" -") for line in body.splitlines() if "://" not in line]
    assert list(leftovers([subject, *lines], english)) == []

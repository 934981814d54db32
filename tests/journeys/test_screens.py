"""Is every screen accessible, narrow enough for a telephone, and light? All of the URL map, with a town that has everything in it."""

import gzip
from datetime import timedelta

import pyotp
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from sqlalchemy import select

from app.activities.models import Enrolment
from app.changes import preregistration, seed
from app.changes.kinds import KINDS
from app.changes.models import ChangeRequest, RequestState
from app.children.models import Child
from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import Adult, AdultRole
from app.security.second_factor import switch_on
from tests.conftest import account
from tests.contracts import town
from tests.contracts.test_walk import address, rules
from tests.factories import make_request
from tests.journeys import steps
from tests.looks import ALL_RULES, LAYOUT_RULES
from tests.preregistrations import GUARDIAN, make_preregistration

#: The narrowest telephone, one of today, a desk. A page is loaded once in French, whose words are longer, and drawn at each of
#: them: axe looks in full where the layout is another one, elsewhere for what the width alone may break.
WIDTHS = (320, 390, 1280)
#: No pages: they answer with files, data, or with another page.
NO_PAGES = (
    "export",
    "theme.stylesheet",
    "HealthView",
    "LocaleView",
    "UtilView.back",
    # It leads away by itself.
    "PayView.bank",
    "static",
    "ChoiceView",
    "LotView.presence",
    "SheetView",
    "FileView",
    "FilesView",
    "FirstVisitView.account",
    # Its pages are looked at as their family sees them: test_the_form_of_a_new_family().
    "PreregistrationView.",
    "PreregistrationEndView.",
    "IndexView",
    "AttendanceView.state",
    "KitchenView.pdf",
    "PaymentView.receipt",
    "LettersView.letters",
    "PayView.receipt",
    "PapersOfPeriodView.together",
    "PapersOfPeriodView.packed",
    "LetterheadView.sample",
    "FamilyPapersView.tax",
    "FamilyPapersView.presence",
    "FamilyPapersView.year",
    "BillPapersView.tax",
    "BillPapersView.presence",
    "BillPapersView.year",
    "EstimateView.pdf",
    "FamilyTaskView.pdf",
    # A part of a page.
    "AbsenceView.effect",
    ".download",
    ".town_file",
    ".families_file",
    ".progress",
)
WORD = "Wollstonecraft-Delarue"
#: Pages that say no, by how their addresses begin.
STATUS = {
    "/portail/enfants/999/": 404,
    "/nouveau-mot-de-passe/": 410,
    "/lien-de-connexion/envoye/": 200,
    "/lien-de-connexion/": 410,
    "/rien": 404,
}


@pytest.fixture
def filled(app):
    """Two families with everything, requests in every state, a conflict, reasons; the ids of the first one's rows."""
    with app.test_request_context("/"):
        rows = town.fill(1, WORD)
        town.fill(2, "OTHER")
        with unit_of_work():
            seed.seed()
        clock.advance(minutes=11)
        child = db.session.scalar(select(Child.id).order_by(Child.id.desc()).where(Child.of_family(1)))
        rows |= {"again": make_request("spouse", 1, {"mobile": steps.NEW, "city": WORD}), "tom": child}
        for kind, changes in (
            ("health", {"food_allergies": WORD, "what_to_do": WORD}),
            ("authorisations", {"image": False}),
            ("photo", {"photo_id": rows["file_id"]}),
        ):
            make_request(kind, 1, changes, child_id=child)
        make_request("new_child", 1, {"first_name": "Zoé", "last_name": WORD, "birth_date": "2023-02-14"}, act="add")
        make_request("pickup", 1, {}, act="delete", target_id=rows["pickup"], child_id=rows["child_id"])
        make_request("spouse", 2, {"mobile": steps.NEW}, channel="post")
        with unit_of_work():
            db.session.scalar(select(Adult).filter_by(family_id=1, role=AdultRole.spouse)).mobile = "06 55 44 33 22"
    return rows


def pages(app, rows, *rooms):
    """The addresses of the pages of a room."""
    wanted = [rule for rule in rules(app, "GET") if not any(word in rule.endpoint for word in NO_PAGES)]
    inside = [rule for rule in wanted if str(rule).startswith(rooms)]
    return [address(app, rule, rows) + about(app, rule.endpoint, rows) for rule in inside]


def about(app, endpoint, rows):
    """What an address must say besides: the child that something is added to, the day of the agenda that was tapped."""
    with app.app_context():
        enrolment = db.session.scalar(select(Enrolment).filter_by(child_id=rows["child_id"]))
        (unit,) = enrolment.week["1"]
        monday = clock.today() + timedelta(days=7 - clock.today().weekday())
        child = endpoint.startswith("Ask_") and endpoint.endswith(".add") and KINDS[endpoint[4:-4]].adds_to_child
        if endpoint in ("AgendaView.cell", "AgendaView.repeat", "AgendaView.copy"):
            return f"?spot={enrolment.child_id}.{unit}.{monday.isoformat()}"
        asked = {
            "TariffView.add": f"?activity={enrolment.activity_id}",
            "TariffView.compare": f"?one={rows['grid_id']}&other={rows['grid_id']}",
        }
        return f"?child={enrolment.child_id}&activity={enrolment.activity_id}" if child else asked.get(endpoint, "")


def faults(person, username, paths, full=(390, 1280), narrow=(320,), english=True):
    """{address: what is wrong there} of these pages.

    `full` are the widths at which axe looks by all its rules, `narrow` by those of layout; at the first page it looks at all of them.
    """
    found = {}
    french = person(username, "desk", "fr")
    french.context.add_init_script(AXE_SCRIPT)
    for path in paths:
        wrong = opened(french, path)
        for width in WIDTHS:
            french.page.set_viewport_size({"width": width, "height": 900})
            rules = ALL_RULES if width in full or path == paths[0] else LAYOUT_RULES if width in narrow else None
            wrong += [f"{width} fr: {text}" for text in (french.looked_at(rules) if rules else french.too_wide())]
        note(found, french, path, wrong)
    if english:
        reader = person(username, "phone", "en")
        reader.page.set_viewport_size({"width": 320, "height": 900})
        for path in paths:
            note(found, reader, path, opened(reader, path) + [f"320 en: {text}" for text in reader.too_wide() + reader.faults])
    return found


def opened(somebody, path):
    """What is wrong with the answer itself."""
    answer = somebody.page.goto(path)
    wanted = next((status for start, status in STATUS.items() if path.startswith(start)), 200)
    return [] if answer.status == wanted else [f"status {answer.status}"]


def note(found, somebody, path, wrong):
    """Keep what is wrong with a page, and go on with a silent console."""
    if wrong:
        found.setdefault(path, []).extend(wrong)
    somebody.faults.clear()


def told(found):
    """The faults as text."""
    return "\n".join(f"{path}\n   " + "\n   ".join(wrong) for path, wrong in found.items())


@pytest.mark.parametrize("part", range(2))
def test_the_families_screens(app, person, filled, part):
    paths = pages(app, filled, "/portail/")
    paths += [f"/portail/demandes/?filter={shelf}" for shelf in ("accepted", "refused", "archive")] + [
        f"/portail/enfants/{filled['tom']}/",
        "/portail/enfants/999/",
    ]
    assert len(paths) > 25
    assert not (found := faults(person, "galbert", paths[part::2])), told(found)


def test_the_public_screens(app, person, filled):
    paths = [
        "/",
        "/rien",
        *pages(
            app,
            filled,
            "/demonstration",
            "/login",
            "/premiere-visite",
            "/mot-de-passe-oublie",
            "/nouveau-mot-de-passe",
            "/lien-de-connexion",
        ),
    ]
    assert not (found := faults(person, None, paths)), told(found)


def test_the_form_of_a_new_family(app, person):
    """Its pages hang on the session: of one that was sent back, and of one that has only begun, with its link."""
    with app.test_request_context("/"):
        request_id = make_preregistration()
        with unit_of_work():
            request = db.session.get(ChangeRequest, request_id)
            request.move_to(RequestState.deciding)
            request.reason = WORD
            request.move_to(RequestState.sent_back)
            # Without an address it prints the sheet.
            bare = preregistration.begin({**GUARDIAN, "email": None}, locale="fr")
            bare.content = {**request.lot.preregistration.content, **bare.content}
            begun = preregistration.begin({**GUARDIAN, "email": f"{WORD}@famille.example"}, locale="fr")
            begun.content = {**begun.content, "wants_to_send": True}
            keys, token = [row.key_hash for row in (request.lot.preregistration, bare, begun)], preregistration.token_of(begun)
    pages = ("", "vous/", "autre-adulte/", "enfants/", "enfants/0/", "besoins/", "pieces/", "verifier/", "suite/")
    for key, paths in zip(keys, (pages, ("", "verifier/"), ("verifier/", "suite/", f"lien/{token}")), strict=True):

        def of_its_family(_username, size="desk", locale="en", key=key):
            somebody = person(None, size, locale)
            session = app.session_interface.get_signing_serializer(app).dumps({"preregistration": key, "locale": locale})
            somebody.context.add_cookies([{"name": "session", "value": session, "url": somebody.server}])
            return somebody

        assert not (found := faults(of_its_family, None, [f"/preinscription/{page}" for page in paths])), told(found)


def test_the_own_account(app, person, filled):
    paths = pages(app, filled, "/compte")
    of_staff = [path for path in paths if path.startswith("/compte/code")]
    assert not (found := faults(person, "galbert", [path for path in paths if path not in of_staff])), told(found)
    assert not (found := faults(person, "agent", of_staff[:1])), told(found)
    with app.test_request_context("/"), unit_of_work():
        secret = pyotp.random_base32()
        switch_on(account("agent"), secret, pyotp.TOTP(secret).at(int(clock.now().timestamp())), by="test")
    assert not (found := faults(person, "agent", of_staff)), told(found)


def staff_pages(app, rows):
    """The pages of the staff, those of the queue with their filters."""
    with app.app_context():
        conflict = db.session.scalar(select(ChangeRequest.lot_id).filter_by(id=rows["again"]))
    more = [
        "/mairie/demandes/?lane=look",
        "/mairie/demandes/?q=nobody",
        f"/mairie/demandes/{conflict}/",
        f"/mairie/demandes/{rows['preregistration_id']}/",
        f"/mairie/demandes/{conflict}/refuser?as=refuse",
        f"/mairie/demandes/{conflict}/refuser?as=send_back&reason_id=1",
        "/mairie/demandes/accepter?all=1",
    ]
    return pages(app, rows, "/mairie/") + more


@pytest.mark.parametrize("part", range(4))
def test_the_staffs_screens(app, person, filled, part):
    """In four parts, so that they can be looked at side by side."""
    paths = staff_pages(app, filled)
    assert len(paths) > 60
    assert not (found := faults(person, "admin", paths[part::4], full=(1280,), english=False)), told(found)


@pytest.mark.parametrize("username", ["agent", "regisseur", "animateur", "lecteur"])
def test_the_home_of_every_role(person, filled, username):
    assert not (found := faults(person, username, ["/mairie/", "/mairie/enfants/1/"], full=(1280,))), told(found)


# -- budgets ------------------------------------------------------------------------------------------------------------------------

#: Bytes and counts of one page of a family.
FIRST, LATER, REQUESTS, NODES, SCRIPTS = 80_000, 15_000, 8, 800, 10_000
#: Their own formats are compressed already.
PACKED = ("font/", "image/png", "image/jpeg", "image/webp", "application/pdf")


class Meter:
    """What a page costs: requests, bytes as a server that compresses would send them, bytes of scripts."""

    def __init__(self, page):
        self.page, self.answers, self.kept = page, [], set()
        page.on("response", lambda answer: self.answers.append(answer))
        protocol = page.context.new_cdp_session(page)
        protocol.send("Network.enable")
        protocol.on("Network.requestServedFromCache", lambda event: self.kept.add(event["requestId"]))
        protocol.on("Network.responseReceived", self._received)
        #: Addresses that came over the network.
        self.fetched = set()

    def _received(self, event):
        if not event["response"].get("fromDiskCache") and event["requestId"] not in self.kept:
            self.fetched.add(event["response"]["url"])

    def visit(self, path):
        """(requests, bytes, bytes of scripts) of a visit."""
        self.answers.clear()
        self.fetched.clear()
        self.page.goto(path, wait_until="networkidle")
        fetched = [answer for answer in self.answers if answer.url in self.fetched]
        sizes = [(answer.headers.get("content-type", ""), weight(answer)) for answer in fetched]
        return len(sizes), sum(size for _kind, size in sizes), sum(size for kind, size in sizes if "javascript" in kind)


def weight(answer):
    """The bytes of an answer's body on the way; none where the browser had it already."""
    if not answer.request.sizes()["responseBodySize"]:
        return 0
    # Asked for once more: the browser forgets the body of what it has in its memory.
    body = answer.frame.page.request.get(answer.url).body()
    return len(body) if answer.headers.get("content-type", "").startswith(PACKED) else len(gzip.compress(body, 6))


def test_families_pages_are_light(app, person, filled):
    heavy = []
    christelle = person("galbert", "phone", "fr")
    for path in (
        "/portail/",
        "/portail/compte/",
        f"/portail/enfants/{filled['child_id']}/",
        "/portail/demandes/",
        "/portail/agenda/",
        "/portail/demande/guardian/edit/1",
    ):
        meter = Meter(christelle.page)
        fresh = person("galbert", "phone", "fr")
        requests, first, scripts = Meter(fresh.page).visit(path)
        fresh.page.close()
        meter.visit(path)
        _requests, later, _scripts = meter.visit(path)
        nodes = christelle.page.evaluate("document.querySelectorAll('*').length")
        costs = {
            "requests": (requests, REQUESTS),
            "bytes at first": (first, FIRST),
            "bytes later": (later, LATER),
            "nodes": (nodes, NODES),
            "scripts": (scripts, SCRIPTS),
        }
        print(path, costs)
        heavy += [f"{path}: {count} {name}, not {most}" for name, (count, most) in costs.items() if count > most]
    assert not heavy, "\n".join(heavy)

"""Does the queue show what waits to those who may decide it, in lanes, under filters, in few queries however long it is?"""

from datetime import date

import pytest

from app.core import clock
from app.core.db import unit_of_work
from app.extensions import db
from app.families.models import Family, Fund
from app.security.models import Account
from app.security.scope import Standing
from tests.conftest import account, counted_queries
from tests.factories import make_request, request_of, seal_all

IBAN = "FR7630006000011234567890189"


@pytest.fixture
def town(app):
    """Five lots: a telephone and a diet (green), an address and a new child (to look at), bank details without a slip (papers)."""
    with app.test_request_context("/"):
        ids = {
            "phone": make_request("guardian", 1, {"mobile": "06 99 88 77 66"}),
            "address": make_request("guardian", 2, {"city": "Courtry"}),
            "diet": make_request("complementary", 1, {"diet": "no_pork"}, child_id=1),
            "bank": make_request("bank", 1, {"holder": "Christelle Galbert", "iban": IBAN}),
            "child": make_request("new_child", 2, {"first_name": "Zoé", "last_name": "Martin", "birth_date": date(2023, 1, 2)}, act="add"),
        }
        return {name: request_of(number).lot_id for name, number in ids.items()}


def shown(page):
    """The lots of a list, in its order."""
    import re

    return [
        int(number) for number in re.findall(r'href="/mairie/demandes/(\d+)/[^"]*"(?: aria-current="page")?>\s*<span class="lot-age', page)
    ]


def test_oldest_first_in_lanes(town, sign_in):
    client = sign_in("agent")
    assert shown(client.get("/mairie/demandes/").text) == [town[name] for name in ("phone", "address", "diet", "bank", "child")]
    assert shown(client.get("/mairie/demandes/?lane=green").text) == [town["phone"], town["diet"]]
    assert shown(client.get("/mairie/demandes/?lane=look").text) == [town["address"]]
    assert shown(client.get("/mairie/demandes/?lane=papers").text) == [town["bank"], town["child"]]
    assert shown(client.get("/mairie/demandes/?lane=late").text) == []


def test_what_waits_beyond_the_target_is_late_and_stays_in_its_lane(town, sign_in):
    clock.advance(days=4)
    client = sign_in("agent")
    assert len(shown(client.get("/mairie/demandes/?lane=late").text)) == 5
    assert shown(client.get("/mairie/demandes/?lane=green").text) == [town["phone"], town["diet"]]
    assert "is-late" in client.get("/mairie/demandes/").text


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=galbert", ["phone", "diet", "bank"]),
        ("q=lea", ["diet"]),
        ("q=MARTIN", ["address", "child"]),
        ("q=%25", []),
        ("tab=guardian", ["phone", "address"]),
        ("tab=bank&q=galbert", ["bank"]),
        ("whose=mine", []),
        ("whose=nobody", ["phone", "address", "diet", "bank", "child"]),
        ("lane=nonsense&page=x&school=%27&tab=1&whose=", ["phone", "address", "diet", "bank", "child"]),
        ("page=99", ["phone", "address", "diet", "bank", "child"]),
        ("school=99999999999", ["phone", "address", "diet", "bank", "child"]),
    ],
)
def test_filters(town, sign_in, query, names):
    answer = sign_in("agent").get(f"/mairie/demandes/?{query}")
    assert answer.status_code == 200
    assert shown(answer.text) == [town[name] for name in names]


def test_the_filter_by_school_takes_the_child_or_the_household(app, town, sign_in):
    clock.set_to(clock.now().replace(year=2026, month=11, day=23))
    with app.app_context():
        from app.children.models import School, SchoolEnrolment

        with unit_of_work():
            other = db.session.scalar(db.select(School).filter_by(name="Maria-Montessori"))
            for enrolment in db.session.scalars(db.select(SchoolEnrolment).filter_by(child_id=3)):
                enrolment.school = other
        school = other.id
    assert shown(sign_in("agent").get(f"/mairie/demandes/?school={school}").text) == [town["address"], town["child"]]


def test_a_lot_that_is_open_is_shown_and_cannot_be_decided(app, sign_in):
    with app.test_request_context("/"):
        number = make_request("guardian", 1, {"mobile": "06 99 88 77 66"}, sealed=False)
        lot = request_of(number).lot_id
    client = sign_in("agent")
    page = client.get("/mairie/demandes/").text
    assert "The family may still add until" in page and f'name="lot" value="{lot}"' not in page
    page = client.get(f"/mairie/demandes/{lot}/").text
    assert "The family may still add to this lot" in page and 'data-key="a"' not in page


def test_the_regisseur_sees_bank_details_only(town, sign_in):
    client = sign_in("regisseur")
    assert shown(client.get("/mairie/demandes/").text) == [town["bank"]]
    assert client.get(f"/mairie/demandes/{town['bank']}/").status_code == 200
    for name in ("phone", "address", "diet", "child"):
        assert client.get(f"/mairie/demandes/{town[name]}/").status_code == 404


@pytest.mark.parametrize("username", ["animateur", "lecteur", "galbert"])
def test_other_roles_are_refused(town, sign_in, username):
    client = sign_in(username)
    for path in ("", f"{town['phone']}/", f"{town['phone']}/refuser", f"{town['phone']}/presence", "accepter?all=1"):
        assert client.get(f"/mairie/demandes/{path}").status_code == 403, path
    for path in (
        f"{town['phone']}/decider",
        "annuler",
        "accepter",
        "prendre",
        f"{town['phone']}/attribuer",
        f"{town['phone']}/note",
        "touches",
    ):
        assert client.post(f"/mairie/demandes/{path}").status_code == 403, path


def test_nobody_is_led_to_the_login(town, sign_in):
    answer = sign_in().get("/mairie/demandes/")
    assert answer.status_code == 302 and "/login/" in answer.location


def test_the_detail_shows_before_and_after(town, sign_in):
    page = sign_in("agent").get(f"/mairie/demandes/{town['phone']}/").text
    assert "06 11 22 33 44" in page and "06 99 88 77 66" in page and "Mobile telephone" in page
    assert "3 rue des Lilas" not in page.partition("queue-family")[0], "fields that do not change are not shown"


def test_the_clerk_reads_the_whole_iban(town, sign_in):
    assert "FR76 3000 6000 0112 3456 7890 189" in sign_in("agent").get(f"/mairie/demandes/{town['bank']}/").text


def test_previous_and_next_stay_inside_the_filter(town, sign_in):
    page = sign_in("agent").get(f"/mairie/demandes/{town['phone']}/?lane=green").text
    assert f'data-key="j" href="/mairie/demandes/{town["diet"]}/?lane=green"' in page
    assert 'data-key="k"' not in page


def test_queries_do_not_grow(app, sign_in):
    with app.test_request_context("/"):
        many_families(200)
    client = sign_in("agent")
    with app.app_context():
        lot = db.session.scalar(db.text("SELECT max(id) FROM change_lot"))
    for path in (
        "/mairie/",
        "/mairie/demandes/",
        "/mairie/demandes/?page=2",
        "/mairie/demandes/accepter?all=1",
        f"/mairie/demandes/{lot}/",
        f"/mairie/demandes/{lot}/refuser?as=refuse",
        f"/mairie/demandes/{lot}/attribuer",
        f"/mairie/demandes/{lot}/presence",
    ):
        with app.app_context(), counted_queries() as statements:
            assert client.get(path).status_code == 200
        assert len(statements) <= 8, (path, statements)


def test_queries_of_every_kind_of_lot(app, sign_in):
    """Whatever is asked, with its file and beside other requests of the family, the page costs no more."""
    with app.test_request_context("/"):
        lots = {
            kind: request_of(make_request(kind, 1, changes, child_id=child, **more)).lot_id for kind, child, changes, more in every_kind()
        }
    client = sign_in("agent")
    for kind, lot in lots.items():
        with app.app_context(), counted_queries() as statements:
            page = client.get(f"/mairie/demandes/{lot}/")
        assert page.status_code == 200 and "/mairie/familles/1/" in page.text
        assert len(statements) <= 8, (kind, len(statements), statements)


def every_kind():
    """(kind, child, changes, more) for a request of each kind, with files where it has some."""
    from app.core.files import Upload
    from app.documents.operations import store
    from app.security.who_sees_what import Noun

    def file(noun):
        with unit_of_work():
            return store(Upload("paper.pdf", "application/pdf", b"%PDF-1.4"), noun=noun, family_id=1).id

    yield "guardian", None, {"mobile": "06 99 88 77 66"}, {}
    yield "spouse", None, {"mobile": "06 99 88 77 66"}, {}
    yield "tax", None, {"reference_income": 20000, "proof_id": file(Noun.tax)}, {}
    yield "caf", None, {"fund": Fund.caf, "quotient": 812}, {}
    yield "bank", None, {"holder": "Christelle Galbert", "iban": IBAN, "proof_id": file(Noun.bank)}, {}
    yield "authorisations", 1, {"swimming": True}, {}
    yield "pickup", 1, {"first_name": "Odile", "last_name": "Roy", "phone": "06 11 22 33 44"}, {"act": "add"}
    yield "complementary", 1, {"diet": "no_pork"}, {}
    yield "health", 1, {"doctor": "Dr Blanc"}, {}
    yield "photo", 1, {"photo_id": file(Noun.photo)}, {}


def many_families(count):
    """So many families with one green request each, in sealed lots."""
    from app.changes.kinds import KINDS, Proposal
    from app.changes.models import Act
    from app.changes.operations import submit
    from app.families.models import Adult, AdultRole
    from app.security.who_sees_what import Viewer

    kind, me = KINDS["guardian"], db.session.scalar(db.select(Account).limit(1))
    with unit_of_work():
        for number in range(count):
            family = Family(name=f"Famille {number}", code=f"X{number:05}")
            family.adults.append(
                Adult(family=family, role=AdultRole.guardian, first_name="Ada", last_name=f"Famille {number}", mobile="06 11 22 33 44")
            )
            db.session.add(family)
            db.session.flush()
            before = kind.read(family)
            proposal = Proposal(act=Act.edit, target=family, before=before, shown=before, after={**before, "mobile": "06 99 88 77 66"})
            submit(kind, proposal, standing=Standing(me.id, family.id, Viewer.guardian), by=me)
    seal_all()


def test_presence(town, sign_in):
    first, second = sign_in("agent"), sign_in("agent2")
    path = f"/mairie/demandes/{town['phone']}/"
    assert "Also seen" not in first.get(path).text
    assert "Also seen by Agent Mairie, just now." in second.get(path).text
    answer = first.get(f"{path}presence").json
    assert answer["also"] == "Also seen by Agent2 Mairie, just now."
    clock.advance(minutes=5)
    assert first.get(f"{path}presence").json["also"] == ""
    assert first.get("/mairie/demandes/99999/presence").status_code == 404


def test_assignment(app, town, sign_in):
    client, path = sign_in("agent"), f"/mairie/demandes/{town['phone']}/attribuer"
    assert client.post(path, data={"to": "me"}).status_code == 303
    assert shown(client.get("/mairie/demandes/?whose=mine").text) == [town["phone"]]
    assert town["phone"] not in shown(client.get("/mairie/demandes/?whose=nobody").text)
    with app.app_context():
        colleague, outsider = account("agent2").id, account("animateur").id
    assert "Agent2 Mairie" in client.get(path).text and "Animateur" not in client.get(path).text
    client.post(path, data={"to": colleague})
    assert shown(sign_in("agent2").get("/mairie/demandes/?whose=mine").text) == [town["phone"]]
    assert client.post(path, data={"to": outsider}).status_code == 422
    client.post(path, data={"to": "nobody"})
    assert shown(client.get("/mairie/demandes/?whose=mine").text) == []
    with app.app_context():
        from app.audit.models import LogEntry

        assert db.session.scalar(db.select(db.func.count()).select_from(LogEntry).where(LogEntry.verb == "lot.assigned")) == 3


def test_taking_several_lots(town, sign_in):
    client = sign_in("agent")
    client.post("/mairie/demandes/prendre", data={"lot": [town["phone"], town["diet"]]})
    assert shown(client.get("/mairie/demandes/?whose=mine").text) == [town["phone"], town["diet"]]


def test_the_regisseur_takes_nothing_that_he_does_not_see(town, sign_in):
    client = sign_in("regisseur")
    client.post("/mairie/demandes/prendre", data={"lot": [town["phone"]]})
    assert client.post(f"/mairie/demandes/{town['phone']}/attribuer", data={"to": "me"}).status_code == 404
    assert "nobody yet" in sign_in("agent").get(f"/mairie/demandes/{town['phone']}/").text


def test_later_puts_a_lot_last(town, sign_in):
    client = sign_in("agent")
    answer = client.post(f"/mairie/demandes/{town['phone']}/plus-tard?lane=green")
    assert answer.location.endswith(f"/mairie/demandes/{town['diet']}/?lane=green")
    assert shown(client.get("/mairie/demandes/").text)[-1] == town["phone"]


def test_the_private_note_is_kept_and_its_words_stay_out_of_the_log(app, town, sign_in):
    client = sign_in("agent")
    client.post(f"/mairie/demandes/{town['phone']}/note", data={"note": "Rings in the evening"})
    assert "Rings in the evening" in client.get(f"/mairie/demandes/{town['phone']}/").text
    with app.app_context():
        from app.audit.models import LogEntry

        entry = db.session.scalar(db.select(LogEntry).where(LogEntry.verb == "family.note"))
        assert entry.changes == {"private_note": {}}
    assert sign_in("regisseur").post(f"/mairie/demandes/{town['bank']}/note", data={"note": "x"}).status_code == 403
    assert "Rings in the evening" not in sign_in("regisseur").get(f"/mairie/demandes/{town['bank']}/").text


def test_the_keys_can_be_switched_off(town, sign_in):
    client = sign_in("agent")
    assert 'data-keys="1"' in client.get("/mairie/demandes/").text
    client.post("/mairie/demandes/touches", data={"on": "0"})
    assert 'data-keys=""' in client.get("/mairie/demandes/").text


def test_reading_health_data_in_the_queue_is_noted(app, sign_in):
    with app.test_request_context("/"):
        lot = request_of(make_request("health", 1, {"doctor": "Dr Blanc"}, child_id=1)).lot_id
    sign_in("agent").get(f"/mairie/demandes/{lot}/")
    with app.app_context():
        from app.audit.models import HealthRead

        assert [(row.child_id, row.screen) for row in db.session.scalars(db.select(HealthRead))] == [(1, "queue")]


@pytest.mark.parametrize(
    ("username", "words"),
    [("agent", "What waits"), ("regisseur", "What waits"), ("animateur", None), ("lecteur", None), ("admin", "What waits")],
)
def test_everybody_of_the_town_has_a_home(town, sign_in, username, words):
    answer = sign_in(username).get("/mairie/")
    assert answer.status_code == 200
    assert ("What waits" in answer.text) is bool(words)


def test_the_home_says_what_does_not_work(town, sign_in):
    page = sign_in("agent").get("/mairie/").text
    assert "The worker is silent" in page


def test_a_family_has_no_home_at_the_town(sign_in):
    assert sign_in("galbert").get("/mairie/").status_code == 403


def test_a_file_is_shown_to_those_who_may_read_what_it_is_about(app, sign_in):
    from app.core.files import Upload
    from app.documents.operations import store
    from app.security.who_sees_what import Noun

    with app.test_request_context("/"), unit_of_work():
        number = store(Upload("rib.pdf", "application/pdf", b"%PDF-1.4 slip"), noun=Noun.bank, family_id=1).id
    answer = sign_in("regisseur").get(f"/mairie/fichier/{number}")
    assert (
        answer.data == b"%PDF-1.4 slip"
        and answer.mimetype == "application/pdf"
        and "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    )
    assert sign_in("animateur").get(f"/mairie/fichier/{number}").status_code == 403
    assert sign_in("galbert").get(f"/mairie/fichier/{number}").status_code == 403
    assert sign_in("agent").get("/mairie/fichier/999").status_code == 404
    assert sign_in("agent").get("/mairie/fichier/99999999999999999999").status_code == 404


def test_whom_no_mail_reaches_is_told_apart(app, town, sign_in):
    from app.families.models import Adult
    from app.security.models import LoginAddress

    with app.app_context(), unit_of_work():
        db.session.execute(db.delete(LoginAddress).where(LoginAddress.account_id == account("martin").id))
        db.session.execute(db.update(Adult).where(Adult.last_name == "Martin").values(email=None))
    client, sentence = sign_in("agent"), "Nobody of this family has an e-mail address: write or telephone."
    rows = client.get("/mairie/demandes/").text.split("<li class=")
    signed = [row for row in rows if "no e-mail address" in row]
    assert len(signed) == 2 and all("<strong>Martin</strong>" in row for row in signed)
    assert sentence in client.get(f"/mairie/demandes/{town['address']}/").text
    assert sentence not in client.get(f"/mairie/demandes/{town['phone']}/").text

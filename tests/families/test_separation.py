"""What becomes of two adults who part? Each sees their own and nothing of the other's; nothing is lost, nobody is locked out."""

import pytest
from sqlalchemy import func, inspect, select

from app.audit.models import LogEntry
from app.changes.models import ChangeRequest, RequestState
from app.children.models import Household, Weeks
from app.children.separation import Home, Pays, Separation, Where, separate
from app.core import clock
from app.core.db import unit_of_work
from app.core.errors import DomainError, Stale
from app.core.i18n import in_locale
from app.documents.models import StoredFile
from app.extensions import db
from app.families.models import Adult, AdultRole, BankDetails, CafData, Family, Fund, Mandate, TaxData
from app.families.operations import archive_family, restore_family, set_bank_details
from app.messages.models import Thread
from app.security.models import FamilyLink, Invitation
from app.security.operations import invite
from tests.conftest import account, counted_queries
from tests.contracts import town
from tests.factories import make_request

LEA, TOM, CANARY = 1, 2, "ONLYCHRISTELLES"
SHARED = (Home(LEA, Where.both, Weeks.even, Pays.stays), Home(TOM, Where.moves))


def adult_of(family_id, role):
    return db.session.get(Family, family_id).adult(role)


def part(role=AdultRole.spouse, homes=SHARED, **more):
    """Separate the Galberts; returns the new family's id."""
    plan = Separation(adult_of(1, role).id, "Galbert-Roux", False, homes, more)
    with unit_of_work():
        return separate(1, plan, by=account("agent")).id


def homes_of(family_id):
    rows = db.session.scalars(select(Household).filter_by(family_id=family_id, ended_on=None).order_by(Household.child_id))
    return [(row.child_id, row.weeks, row.pays) for row in rows]


def links_of(username):
    query = select(FamilyLink.family_id, FamilyLink.standing).where(
        FamilyLink.account_id == account(username).id, FamilyLink.ended_at.is_(None)
    )
    return [tuple(row) for row in db.session.execute(query)]


def test_the_spouse_leaves(ctx):
    before = account("marc").session_token, account("galbert").session_token
    new = part(city="Melun", address="9 quai Sud")
    marc, christelle = adult_of(new, AdultRole.guardian), adult_of(1, AdultRole.guardian)
    assert (str(marc), marc.city) == ("Marc Galbert", "Melun") and christelle.city == "Saint-Exemple"
    assert adult_of(1, AdultRole.spouse) is None
    assert homes_of(1) == [(LEA, Weeks.odd, True)]
    assert homes_of(new) == [(LEA, Weeks.even, False), (TOM, Weeks.all, True)]
    # The login is kept, signed out; it acts for the new file as its guardian. The other one notices nothing.
    assert links_of("marc") == [(new, "guardian")] and links_of("galbert") == [(1, "guardian")]
    assert account("marc").session_token != before[0] and account("galbert").session_token == before[1]
    verbs = set(db.session.scalars(select(LogEntry.verb).where(LogEntry.actor == str(account("agent")))))
    assert {"family.separated", "account.link_ended", "household.ended", "household.edit", "adult.edit"} <= verbs


def test_the_guardian_leaves_and_the_bank_goes_along(ctx):
    with unit_of_work():
        set_bank_details(db.session.get(Family, 1), {"iban": town.IBAN, "holder": "Christelle Galbert", "direct_debit": True})
        db.session.add_all([TaxData(family_id=1, reference_income=20000), CafData(family_id=1, fund=Fund.caf, consent=True)])
    request = make_request("bank", 1, {"holder": "C. Galbert"})
    with unit_of_work():
        db.session.execute(ChangeRequest.__table__.update().values(state="withdrawn"))
    new = part(AdultRole.guardian)
    assert links_of("galbert") == [(new, "guardian")] and links_of("marc") == [(1, "guardian")]
    assert (str(adult_of(1, AdultRole.guardian)), str(adult_of(new, AdultRole.guardian))) == ("Marc Galbert", "Christelle Galbert")
    for model in (BankDetails, TaxData, CafData):
        assert db.session.scalars(select(model.family_id)).all() == [new], model
    bank = db.session.scalar(select(BankDetails))
    assert bank.iban == town.IBAN and not bank.direct_debit
    assert db.session.scalar(select(func.count()).where(Mandate.ended_on.is_(None))) == 0
    # Nobody reads the other's bank in old requests either.
    assert db.session.get(ChangeRequest, request, populate_existing=True).family_id == new


def test_the_fund_goes_with_whoever_holds_the_file_there(ctx):
    with unit_of_work():
        db.session.add(CafData(family_id=1, fund=Fund.caf, consent=True, holder=AdultRole.spouse))
    new = part()
    caf = db.session.scalar(select(CafData))
    assert (caf.family_id, caf.holder, caf.consent) == (new, AdultRole.guardian, False)


def test_neither_sees_anything_of_the_other(app, ctx, sign_in):
    """A town full of Christelle's canary: Marc, who saw all of it, opens every page of the portal after the separation."""
    from tests.contracts.test_walk import address, rules

    rows = town.fill(1, CANARY)
    with unit_of_work():
        db.session.execute(ChangeRequest.__table__.update().values(state="withdrawn"))
        marc = adult_of(1, AdultRole.spouse)
        for name in [name for name in inspect(Adult).columns.keys() if getattr(marc, name) == CANARY]:  # noqa: SIM118
            setattr(marc, name, "Marc")
    new = part(homes=(Home(LEA, Where.both, Weeks.even), Home(TOM, Where.stays)), address="9 quai Sud")
    files = {row.id for row in db.session.scalars(select(StoredFile).where(StoredFile.family_id == new))}
    assert files == set()
    client, open_ones = sign_in("marc"), []
    for rule in rules(app, "GET"):
        if str(rule).startswith("/portail/") and "child" not in "".join(rule.arguments):
            answer = client.get(address(app, rule, rows), follow_redirects=True)
            if any(text in answer.data for text in (CANARY.encode(), b"3 rue des Lilas")) and not shared(rule):
                open_ones.append(str(rule))
    assert client.get("/portail/").status_code == 200
    assert not open_ones
    assert client.get(f"/portail/enfants/{LEA}/").status_code == 200 and client.get(f"/portail/enfants/{TOM}/").status_code == 404


def shared(rule):
    """Sections that belong to the child: both parents see them."""
    return any(name in str(rule) for name in ("health", "complementary", "authorisations", "photo", "sante"))


def test_nobody_takes_over_an_old_letter(ctx):
    marc = adult_of(1, AdultRole.spouse).id
    with unit_of_work():
        db.session.execute(FamilyLink.__table__.delete().where(FamilyLink.adult_id == marc))
        invite(marc, 1, by="test")
    part()
    letter = db.session.scalar(select(Invitation))
    assert letter.expires_at <= clock.now()


def test_what_waits_about_the_adults_comes_first(ctx, sign_in):
    make_request("spouse", 1, {"mobile": "06 99 88 77 66"})
    with in_locale("en"), pytest.raises(DomainError, match="decide them first"):
        part()
    assert "decide them first" in sign_in("agent").get("/mairie/familles/1/separer", follow_redirects=True).text


def test_what_was_sent_back_holds_up_nobody(ctx):
    request = make_request("guardian", 1, {"mobile": "06 99 88 77 66"})
    with unit_of_work():
        row = db.session.get(ChangeRequest, request)
        row.state, row.reason = RequestState.sent_back, "Which number?"
    part()
    assert db.session.get(ChangeRequest, request, populate_existing=True).state is RequestState.withdrawn


def test_what_one_adult_wrote_alone_goes_along(ctx):
    town.fill(1, CANARY)
    with unit_of_work():
        own, both = Thread(family_id=1, account_id=account("marc").id, subject="Alone"), Thread(family_id=1, subject="Both")
        db.session.add_all([own, both])
        db.session.execute(ChangeRequest.__table__.update().values(state="withdrawn"))
    ids = own.id, both.id
    new = part()
    assert [db.session.get(Thread, row, populate_existing=True).family_id for row in ids] == [new, 1]


def test_a_family_that_changed_meanwhile_is_looked_at_again(ctx):
    with pytest.raises(Stale):
        part(homes=SHARED[:1])
    new = part()
    with in_locale("en"), pytest.raises(DomainError, match="no two adults"):
        part(AdultRole.guardian)
    assert homes_of(new)


def test_the_page_says_it_all_before(ctx, sign_in):
    client, path = sign_in("agent"), "/mairie/familles/1/separer"
    marc = adult_of(1, AdultRole.spouse).id
    typed = {"leaving": marc, "name": "Galbert", "where_1": "both", "weeks_1": "", "pays_1": "each", "where_2": "moves", "pays_2": "each"}
    assert "Where does Léa live?" in client.get(path).text
    empty = client.post(path, data={"step": "preview", "name": "Galbert", "leaving": 999, "where_1": "x"})
    assert empty.status_code == 422 and "Please choose one of them." in empty.text and empty.text.count("Please fill this in.") >= 2
    wrong = client.post(path, data={**typed, "step": "preview"})
    assert wrong.status_code == 422 and "Say which weeks Léa is in the new file." in wrong.text
    typed |= {"weeks_1": "odd", "address": "9 quai Sud"}
    with counted_queries() as queries:
        page = client.post(path, data={**typed, "step": "preview"}).text
    assert len(queries) <= 8
    assert "Léa Galbert: odd weeks; this file pays" in page and "The account marc stays" in page
    assert "Address: 9 quai Sud, 77181 Saint-Exemple" in page
    assert homes_of(1) == [(LEA, Weeks.all, True), (TOM, Weeks.all, True)]
    done = client.post(path, data={**typed, "step": "do"})
    assert done.status_code == 303
    page = client.get(done.headers["Location"]).text
    assert "Marc" in page and "9 quai Sud" in page and "77181 Saint-Exemple" in page
    assert sign_in("lecteur").get(path).status_code == 403


def test_the_archive_ends_accesses_and_restoring_gives_them_back(ctx):
    with unit_of_work():
        invite(adult_of(2, AdultRole.guardian).id, 2, by="test")
        archive_family(db.session.get(Family, 2), by="test")
    assert links_of("martin") == []
    assert db.session.scalar(select(Invitation.expires_at)) <= clock.now()
    with unit_of_work():
        back = restore_family(db.session.get(Family, 2), by="test")
    assert [one.username for one in back] == ["martin"] and links_of("martin") == [(2, "guardian")]

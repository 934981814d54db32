"""Is the demo town plausible, complete, and the same each time?"""

import shutil
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import DateTime, select

from app.billing import reminders
from app.billing.grids import grid_from_json
from app.billing.models import (
    Bill,
    BillingPeriod,
    BillState,
    ChargeKind,
    EntryKind,
    Invoice,
    InvoiceKind,
    InvoiceLine,
    LedgerEntry,
    Reminder,
    TariffGrid,
)
from app.billing.queries import unpaid as unpaid_of
from app.billing.validator import problems
from app.changes.kinds import KINDS
from app.changes.models import ChangeLot, ChangeRequest, Lane, RequestState
from app.children.models import Child, HealthRecord, SchoolYear
from app.children.queries import children_of
from app.children.vaccines import missing_vaccines
from app.core import clock
from app.core.db import thawed
from app.core.errors import DomainError
from app.core.i18n import in_locale
from app.demo import ACCOUNTS, PASSWORD, load
from app.documents.models import StoredFile
from app.documents.operations import content_of
from app.extensions import Model, db
from app.families.models import Adult, BankDetails, Family, IncomeQuotient, Mandate
from app.families.rules import parse_iban
from app.mail.models import MailState, OutgoingMail
from app.security.models import Account
from tests.conftest import account

DAY = date(2026, 11, 23)
#: Made by chance outside of the town: identifiers that must not be guessed, and what Flask-AppBuilder notes by itself.
BY_CHANCE = {
    "password",
    "session_token",
    "key",
    "key_hash",
    "message_id",
    "idempotency_key",
    "batch",
    "code_hash",
    "created_on",
    "changed_on",
    "last_login",
    "alternative_id",
    "ab_user.email",
}


def empty(app):
    """Remove the cast: every row of every table but the roles and what a deployment brings."""
    stay = {
        "ab_role",
        "ab_permission",
        "ab_view_menu",
        "ab_permission_view",
        "ab_permission_view_role",
        "refusal_reason",
        "alembic_version",
    }
    with thawed(), db.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            names = ", ".join(f'"{table.name}"' for table in Model.metadata.sorted_tables if table.name not in stay)
            connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
            return
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        for table in reversed(Model.metadata.sorted_tables):
            if table.name not in stay:
                connection.execute(table.delete())


@pytest.fixture(scope="module")
def kept():
    """The town's database is made once for this module; it takes seconds."""
    return []


@pytest.fixture
def town(app, database, kept):
    """The demo town on that day, the clock running from there."""
    with app.test_request_context("/"):
        if not kept:
            empty(app)
            load(day=DAY)
        db.session.remove()
        db.engine.dispose()
        keep_or_restore(database, bool(kept))
        keep_or_restore_files(Path(app.config["FILES_FOLDER"]), kept)
        clock.set_to(db.session.scalar(select(db.func.max(ChangeLot.opened_at))))
        yield
        db.session.rollback()


def keep_or_restore_files(folder, kept):
    """The same with the stored files, which are cleared for every test."""
    if not kept:
        kept.append({path: path.read_bytes() for path in folder.rglob("*") if path.is_file()})
    for path, content in kept[0].items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def keep_or_restore(database, there):
    """Copy the database aside, or back."""
    if hasattr(database, "server"):
        names = ("town", "working") if not there else ("working", "town")
        # PostgreSQL copies a database that nobody uses.
        database.connection.close()
        database.server.drop(names[0])
        database.server.create(names[0], template=names[1])
        database.connection, database.written = database.server.session("working"), None
        return
    aside = f"{database.path}.town"
    shutil.copy(*((aside, database.path) if there else (database.path, aside)))


def dump():
    """{table: rows} of everything, decrypted, without what is made by chance."""
    rows = {}
    for table in Model.metadata.sorted_tables:
        columns = [column for column in table.columns if not {column.name, f"{table.name}.{column.name}"} & BY_CHANCE]
        # FAB's own clocks tell the machine's time.
        columns = [column for column in columns if not (table.name.startswith("ab_") and isinstance(column.type, DateTime))]
        rows[table.name] = (
            [tuple(row) for row in db.session.execute(select(*columns).order_by(*table.primary_key.columns))] if columns else []
        )
    db.session.rollback()
    return rows


@pytest.mark.once
def test_the_same_seed_and_day_make_the_same_town(app):
    with app.test_request_context("/"):
        towns = []
        for seed in (7, 7, 8):
            empty(app)
            load(families=12, seed=seed, day=DAY)
            towns.append(dump())
    first, again, other = towns
    for table in first:
        assert first[table] == again[table], table
    assert first["adult"] != other["adult"]


@pytest.mark.once
@pytest.mark.parametrize(
    "day",
    [
        pytest.param(date(2026, 11, 29), id="three weeks before Christmas, a Sunday"),
        pytest.param(date(2027, 7, 1), id="the last days of school"),
        pytest.param(date(2027, 8, 14), id="in the summer's holidays"),
        pytest.param(date(2028, 2, 29), id="29 February"),
    ],
)
def test_it_is_made_on_any_day(app, sign_in, day):
    """`make run` is tried on the day on which somebody has time, school or not."""
    with app.test_request_context("/"):
        empty(app)
        made = load(families=12, day=day)
        assert made["families"] == 12
        assert set(db.session.scalars(select(ChangeRequest.state))) >= {RequestState.pending, RequestState.accepted, RequestState.refused}
        clock.set_to(db.session.scalar(select(db.func.max(ChangeLot.opened_at))))
    for username, address in (("galbert", "/portail/"), ("galbert", "/portail/agenda/?weeks=4"), ("agent", "/mairie/")):
        assert sign_in(username).get(address).status_code == 200, address


def test_everybody_that_the_guide_names_is_there(town):
    family = db.session.scalar(select(Family).order_by(Family.id))
    assert (str(family.guardian), str(family.spouse)) == ("Christelle Galbert", "Marc Galbert")
    levels = {child.first_name: child.school_enrolments[0].level.name for child in children_of(family.id)}
    assert levels == {"Léa": "ce1", "Tom": "ms"}
    hugo = db.session.scalar(select(Child).filter_by(first_name="Hugo", last_name="Martin"))
    assert sorted(household.family.name for household in hugo.households) == ["Martin", "Petit"]
    assert db.session.scalar(select(db.func.count(Adult.id)).where(Adult.email.is_(None))) >= 1
    years = db.session.scalars(select(SchoolYear).order_by(SchoolYear.starts_on)).all()
    assert [(year.name, year.enrolling) for year in years] == [("2026-2027", False), ("2027-2028", True)]


def test_every_account_opens_with_the_one_password(app, town):
    for username, *_more in ACCOUNTS:
        client = app.test_client()
        answer = client.post("/login/", data={"username": username, "password": PASSWORD})
        assert answer.status_code == 302, username
        assert client.get("/", follow_redirects=True).status_code == 200, username


def test_requests_are_in_every_state_and_lane(town):
    assert set(db.session.scalars(select(ChangeRequest.state))) == set(RequestState)
    waiting = db.session.scalars(select(ChangeRequest).where(ChangeRequest.state == RequestState.pending)).all()
    assert 35 <= len(waiting) <= 110
    assert {request.lane for request in waiting} == set(Lane)
    assert {request.kind for request in waiting} == set(KINDS)
    assert any(request.conflict for request in waiting)
    assert any(request.files for request in waiting)
    assert not all(request.lot.sealed for request in waiting)
    assert {request.lot.channel.name for request in waiting} > {"portal"}
    assert sum((clock.now() - request.asked_at).days > 3 for request in waiting) >= 3
    assert max(request.asked_at for request in waiting) <= clock.now()
    assert set(db.session.scalars(select(OutgoingMail.state))) == set(MailState) - {MailState.gathered}


@pytest.mark.once
def test_what_is_made_up_is_well_formed(town):
    for iban in [*db.session.scalars(select(BankDetails.iban)), *db.session.scalars(select(Mandate.iban))]:
        parse_iban(iban)
    for address in [*db.session.scalars(select(Adult.email)), *db.session.scalars(select(OutgoingMail.recipient))]:
        assert address is None or address.endswith(".example")
    records = db.session.scalars(select(HealthRecord)).all()
    missing = [bool(missing_vaccines(record.child.birth_date, record.vaccines)) for record in records]
    assert any(missing) and not all(missing)
    assert any(record.pai for record in records)
    for record in records:
        assert all(record.child.birth_date.isoformat() <= day <= DAY.isoformat() for day in record.vaccines.values())
    assert max(db.session.scalars(select(IncomeQuotient.counts_from))) <= date(2026, 12, 1)
    assert max(db.session.scalars(select(Child.birth_date))) < DAY


@pytest.mark.once
def test_its_files_can_be_opened_and_are_what_they_say(town):
    from app.core.files import accept

    rows = db.session.scalars(select(StoredFile)).all()
    assert {row.media_type for row in rows} == {"image/jpeg", "application/pdf"}
    for row in [*rows[:5], *[row for row in rows if not row.is_image][:2]]:
        assert accept(row.filename, content_of(row)).media_type == row.media_type


def test_a_family_can_save_its_form_as_it_is_shown(app, town, sign_in):
    """Every value of the town passes the rules of the forms: nothing has to be mended before one can try something."""
    from werkzeug.datastructures import MultiDict

    from tests.conftest import base_of

    for kind, target in (("guardian", 1), ("spouse", 1), ("caf", 1), ("complementary", 1), ("health", 1), ("authorisations", 1)):
        client = sign_in("galbert")
        address = f"/portail/demande/{kind}/edit/{target}"
        page = client.get(address)
        form = KINDS[kind].form
        with app.test_request_context(address):
            values = KINDS[kind].read(KINDS[kind].find(target, 1))
        data = MultiDict({name: _typed(value) for name, value in values.items() if value is not None and not KINDS[kind].is_file(name)})
        data["base"], data["comment"] = base_of(page.text), "essai"
        answer = client.post(address, data=data)
        assert "aria-invalid" not in answer.text, (kind, form, answer.text)


def _typed(value):
    return {True: "yes", False: "no"}.get(value, value)


def test_it_is_loaded_into_an_empty_database_only(app, ctx):
    with in_locale("en"), pytest.raises(DomainError, match="empty"):
        load()
    assert account("galbert") is not None


def test_it_is_never_loaded_into_a_real_town(app, ctx):
    empty(app)
    app.config["MODE"] = "production"
    try:
        with in_locale("en"), pytest.raises(DomainError, match="real town"):
            load()
    finally:
        app.config["MODE"] = "demo"
    assert db.session.scalar(select(db.func.count(Account.id))) == 0


def test_two_months_are_billed_as_a_clerk_does(town):
    """Grids that the validator takes, invoices of two months, payments, a credit note, reminders sent and to send."""
    for version in db.session.scalars(select(TariffGrid)):
        assert problems(grid_from_json(version.content), version.activity.units) == [], version
    assert db.session.scalar(select(db.func.count(TariffGrid.id))) == 12
    assert [period.title for period in db.session.scalars(select(BillingPeriod).order_by(BillingPeriod.first_day))] == [
        "Septembre 2026",
        "Octobre 2026",
    ]
    invoices = db.session.scalars(select(Invoice).order_by(Invoice.rank)).all()
    assert [invoice.rank for invoice in invoices] == list(range(1, len(invoices) + 1)) and len(invoices) > 100
    assert [invoice.kind for invoice in invoices].count(InvoiceKind.credit_note) == 1
    assert set(db.session.scalars(select(LedgerEntry.kind))) >= {EntryKind.invoice, EntryKind.payment, EntryKind.credit_note}
    charges = set(db.session.scalars(select(InvoiceLine.charge)))
    assert charges >= {ChargeKind.booked, ChargeKind.late, ChargeKind.unannounced, ChargeKind.told_late, ChargeKind.membership}
    assert db.session.scalar(select(db.func.count(Reminder.id))) > 0 and reminders.due()
    galbert = db.session.scalar(select(Family).order_by(Family.id))
    (unpaid,) = unpaid_of(galbert.id)
    assert unpaid.left == unpaid.invoice.total and unpaid.invoice.period["title"] == "Octobre 2026"
    assert {bill.state for bill in db.session.scalars(select(Bill))} >= {BillState.issued, BillState.carried, BillState.cancelled}

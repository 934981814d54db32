"""Do the commands of an administrator do what they say, twice and at the same time?"""

import subprocess
import sys

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Text, create_engine, select, text, type_coerce

from app.changes.models import ChangeRequest
from app.cli import doctor
from app.cli.keys import encrypted_columns, rotate_files, rotate_table, unreadable
from app.core.db import unit_of_work
from app.core.encryption import new_key
from app.core.files import Upload
from app.core.heartbeat import beat
from app.documents.models import StoredFile
from app.documents.operations import content_of, store
from app.extensions import db
from app.families.models import BankDetails, TaxData
from app.security.manager import AccountManager
from app.security.who_sees_what import FAMILY_ROLE, STAFF_ROLES, Noun
from tests.conftest import account
from tests.factories import make_request
from tests.processes import ROOT, empty_database, environment

PASSWORD = "Trois vaches au pré 7"


def test_two_deployments_at_once_on_an_empty_database(database, tmp_path):
    url = empty_database(database, tmp_path)
    env = environment(tmp_path, DATABASE_URL=url, SECRET_KEY="x" * 40, ENCRYPTION_KEYS=new_key())
    command = [sys.executable, "-m", "flask", "deploy"]
    both = [subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _one in range(2)]
    for process in both:
        said, _nothing = process.communicate(timeout=120)
        assert process.returncode == 0, said
    engine = create_engine(url)
    with engine.connect() as connection:
        roles = sorted(connection.scalars(text("SELECT name FROM ab_role")))
        reasons = connection.scalars(text("SELECT rank FROM refusal_reason")).all()
    engine.dispose()
    assert roles == sorted([*(role.value for role in STAFF_ROLES), FAMILY_ROLE, "public"])
    assert len(reasons) == len(set(reasons)) > 0


def test_a_second_deployment_changes_nothing(app, ctx):
    from app.cli import deploy_once

    before = db.session.scalars(select(AccountManager.role_model.name)).all()
    db.session.rollback()
    deploy_once()
    assert db.session.scalars(select(AccountManager.role_model.name)).all() == before


def test_the_first_administrator(app, ctx):
    runner = app.test_cli_runner()
    said = runner.invoke(args=["create-admin"], input=f"cheffe\nAnne\nLegrand\nanne@ville.example\n{PASSWORD}\n{PASSWORD}\n")
    assert said.exit_code == 0, said.output
    assert PASSWORD not in said.output
    client = app.test_client()
    assert client.post("/login/", data={"username": "cheffe", "password": PASSWORD}).status_code == 302
    assert client.get("/mairie/").status_code == 200


@pytest.mark.parametrize(
    ("answers", "sentence"), [(["cheffe", "Anne", "Legrand", "", "azerty"], "8"), (["agent", "Anne", "Legrand", "", PASSWORD], "")]
)
def test_no_administrator_with_a_bad_password_or_a_taken_name(app, ctx, answers, sentence):
    said = app.test_cli_runner().invoke(args=["create-admin"], input="\n".join([*answers, answers[-1], ""]))
    assert said.exit_code == 1 and sentence in said.output
    assert account("cheffe") is None


# -- keys -------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def sensitive(app, ctx):
    """Encrypted rows and a file under the key of the suite, which comes back afterwards."""
    keys = app.config["ENCRYPTION_KEYS"]
    with unit_of_work():
        for family_id in (1, 2, 3):
            db.session.add(TaxData(family_id=family_id, reference_income=30_000 + family_id))
        db.session.add(BankDetails(family_id=1, iban="FR7630004176113463078011316", holder="Christelle Galbert"))
        file = store(Upload("rib.pdf", "application/pdf", b"%PDF-1.4 slip"), noun=Noun.bank, family_id=1)
        number = file.id
    make_request("guardian", 1, {"mobile": "06 99 88 77 66"})
    yield number
    app.config["ENCRYPTION_KEYS"] = keys


def tokens():
    columns = [column for found in encrypted_columns().values() for column in found]
    found = [token for column in columns for token in db.session.scalars(select(type_coerce(column, Text)))]
    return [token for token in found if token is not None]


def test_everything_is_read_with_the_new_key_alone_after_a_rotation(app, sensitive):
    old, new = app.config["ENCRYPTION_KEYS"], new_key()
    app.config["ENCRYPTION_KEYS"] = [new, *old]
    said = app.test_cli_runner().invoke(args=["rotate-keys"])
    assert said.exit_code == 0, said.output
    app.config["ENCRYPTION_KEYS"] = [new]
    db.session.rollback()
    assert tokens()
    for token in tokens():
        Fernet(new).decrypt(token)
    assert db.session.scalars(select(TaxData.reference_income).order_by(TaxData.family_id)).all() == [30_001, 30_002, 30_003]
    assert db.session.scalar(select(ChangeRequest)).changes["mobile"]["after"] == "06 99 88 77 66"
    assert content_of(db.session.get(StoredFile, sensitive)) == b"%PDF-1.4 slip"


def test_a_rotation_that_was_stopped_goes_on_and_does_nothing_twice(app, sensitive, monkeypatch):
    from app.cli import keys

    app.config["ENCRYPTION_KEYS"] = [new_key(), *app.config["ENCRYPTION_KEYS"]]
    monkeypatch.setattr(keys, "BATCH", 2)
    columns = encrypted_columns()
    table = TaxData.__table__
    real, calls = keys._anew, []

    def stopped(token):
        calls.append(token)
        if len(calls) > 3 * len(columns[table]) - 1:
            raise KeyboardInterrupt
        return real(token)

    monkeypatch.setattr(keys, "_anew", stopped)
    with pytest.raises(KeyboardInterrupt):
        rotate_table(table, columns[table])
    monkeypatch.setattr(keys, "_anew", real)
    assert rotate_table(table, columns[table]) == 1
    assert rotate_table(table, columns[table]) == 0
    assert (rotate_files(), rotate_files()) == (1, 0)


def test_a_wrong_key_is_noticed(app, sensitive):
    assert unreadable() == []
    app.config["ENCRYPTION_KEYS"] = [new_key()]
    assert {"tax_data", "bank_details", "change_request"} <= set(unreadable())


# -- doctor -----------------------------------------------------------------------------------------------------------------------


def bad(answers):
    return [answer.sentence for answer in answers if answer.state == doctor.BAD]


def test_a_healthy_installation(app, ctx):
    beat()
    with unit_of_work():
        assert account("admin") is not None
    assert bad(doctor.examine()) == []
    said = app.test_cli_runner().invoke(args=["doctor"])
    assert said.exit_code == 0 and "✓" in said.output, said.output


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"FILES_FOLDER": "/proc/nowhere"}, "/proc/nowhere"),
        ({"MODE": "production", "MAIL_SERVER": ""}, "MAIL_SERVER"),
        ({"MODE": "production"}, "https"),
    ],
)
def test_what_is_wrong_is_said(app, ctx, config, word):
    beat()
    before = {name: app.config[name] for name in config}
    app.config.update(config)
    try:
        said = app.test_cli_runner().invoke(args=["doctor"])
    finally:
        app.config.update(before)
    assert said.exit_code == 1
    assert any(line.startswith("✗") and word in line for line in said.output.splitlines()), said.output


def test_a_silent_worker_an_old_database_and_a_wrong_clock_are_said(app, ctx):
    from datetime import timedelta

    from app.audit.operations import record
    from app.core import clock

    with unit_of_work():
        db.session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
        record("test.done", by="test")
    clock.set_to(clock.now() - timedelta(days=1))
    said = "\n".join(bad(doctor.examine()))
    assert "worker" in said and "flask deploy" in said and "set the clock" in said


def test_a_database_that_is_not_there_is_said(app, ctx, monkeypatch):
    def gone():
        raise OSError("no route to the database")

    monkeypatch.setattr(doctor, "CHECKS", (gone,))
    assert "no route to the database" in bad(doctor.examine())[0]


@pytest.mark.once
@pytest.mark.parametrize(
    ("values", "state", "word"),
    [
        ({"PAYMENT_PROVIDER": ""}, doctor.GOOD, "Nobody pays online"),
        ({"PAYMENT_PROVIDER": "paybox"}, doctor.BAD, "paybox takes no payments here"),
        ({"PAYMENT_PROVIDER": "payfip", "PAYFIP_NUMCLI": "12"}, doctor.BAD, "PAYFIP_NUMCLI"),
        ({"PAYMENT_PROVIDER": "payfip", "PAYFIP_NUMCLI": "090909", "PAYFIP_SAISIE": "T"}, doctor.WARNING, "no money moves"),
        ({"PAYMENT_PROVIDER": "sips2", "PAYMENT_OPTIONS": {"merchant_id": "2", "platform": "prod"}}, doctor.BAD, "secret_key"),
        (
            {"PAYMENT_PROVIDER": "sips2", "PAYMENT_OPTIONS": {"merchant_id": "2", "secret_key": "3", "platform": "prod"}},
            doctor.GOOD,
            "Families pay",
        ),
    ],
)
def test_the_doctor_looks_at_the_bank(app, monkeypatch, values, state, word):
    for name, value in values.items():
        monkeypatch.setitem(app.config, name, value)
    with app.app_context():
        answer = doctor.payments_are_set()
    assert answer.state == state and word in answer.sentence

"""Are the funds asked for quotients as API Particulier documents it, only of families that agree, and is every refusal a clear sentence?"""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from app.audit.models import LogEntry
from app.core import clock, settings
from app.core.db import unit_of_work
from app.core.errors import DomainError
from app.core.i18n import in_locale
from app.extensions import db
from app.families.asking import answer_for, ask_all, ask_due, begin_asking, last_asking, note_answer, stop_asking
from app.families.models import Adult, AskingState, CafData, Civility, Fund, FundAnswer, IncomeQuotient, QuotientSource
from app.families.particulier import NoAnswer, Told, configured
from tests import particulier
from tests.conftest import work

pytestmark = pytest.mark.once

GALBERT, MARTIN, PETIT = 1, 2, 3


@pytest.fixture(autouse=True)
def english(ctx):
    """The sentences are looked at in English."""
    with in_locale("en"):
        yield


@pytest.fixture
def stub(app, ctx):
    """The stand-in, and a town that has a key."""
    with particulier.Stub() as listening:
        before = {key: app.config[key] for key in ("PARTICULIER_URL", "PARTICULIER_TOKEN", "PARTICULIER_SIRET")}
        app.config.update(PARTICULIER_URL=listening.url, PARTICULIER_TOKEN=particulier.TOKEN, PARTICULIER_SIRET=particulier.SIRET)
        clock.set_to(datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
        yield listening
        app.config.update(before)


def agree(family_id, code="77284", consent=True, civility=Civility.mrs, **more):
    with unit_of_work():
        adult = db.session.scalar(db.select(Adult).filter_by(family_id=family_id, role="guardian"))
        adult.civility, adult.birth_date = civility, date(1985, 3, 7)
        db.session.add(CafData(family_id=family_id, consent=consent, holder="guardian", birth_code=code, **more))


def quotients(family_id):
    rows = db.session.scalars(db.select(IncomeQuotient).filter_by(family_id=family_id).order_by(IncomeQuotient.counts_from)).all()
    return [(row.value, row.counts_from, row.source) for row in rows]


def note(family_id):
    answer = answer_for(family_id)
    with unit_of_work():
        return note_answer(family_id, answer, by="Agent")


def test_the_question_is_the_documented_one(stub):
    agree(GALBERT)
    assert answer_for(GALBERT) == Told(Decimal(650), Fund.caf, date(2026, 11, 1))
    assert stub.asked == [
        {
            "recipient": [particulier.SIRET],
            "nomNaissance": ["Galbert"],
            "prenoms[]": ["Christelle"],
            "sexeEtatCivil": ["F"],
            "anneeDateNaissance": ["1985"],
            "moisDateNaissance": ["3"],
            "jourDateNaissance": ["7"],
            "codeCogInseePaysNaissance": ["99100"],
            "codeCogInseeCommuneNaissance": ["77284"],
        }
    ]


def test_somebody_born_abroad_is_found_by_the_country(stub):
    agree(MARTIN, "99139")
    assert answer_for(MARTIN).fund is Fund.msa
    assert stub.asked[0]["codeCogInseePaysNaissance"] == ["99139"] and "codeCogInseeCommuneNaissance" not in stub.asked[0]


@pytest.mark.parametrize("consent", [None, False])
def test_nobody_is_asked_who_has_not_agreed(stub, consent):
    if consent is not None:
        agree(GALBERT, consent=consent)
    answer = answer_for(GALBERT)
    assert isinstance(answer, NoAnswer) and "has not agreed" in str(answer) and stub.asked == []


def test_what_is_missing_is_named(stub):
    agree(GALBERT, code=None, civility=None)
    assert str(answer_for(GALBERT)) == "To ask the fund, this is missing: Mr or Mrs, the place of birth."
    assert stub.asked == []


@pytest.mark.parametrize(
    ("status", "words", "kept"),
    [
        (404, "no file with this identity", FundAnswer.unknown),
        (422, "incomplete", FundAnswer.incomplete),
        (400, "incomplete", FundAnswer.incomplete),
        (401, "town's key", None),
        (403, "no right", None),
        (409, "still busy", FundAnswer.away),
        (429, "pause", FundAnswer.away),
        (500, "error 500", FundAnswer.away),
        (302, "error 302", FundAnswer.away),
        (502, "does not answer", FundAnswer.away),
        (503, "does not answer", FundAnswer.away),
        (504, "does not answer", FundAnswer.away),
        (b"<html>", "do not understand", FundAnswer.away),
        (b'{"data": {"quotient_familial": null}}', "do not understand", FundAnswer.away),
        (
            b'{"data": {"quotient_familial": {"valeur": -5, "fournisseur": "CNAF", "annee": 2026, "mois": 1}}}',
            "understand",
            FundAnswer.away,
        ),
    ],
)
def test_every_refusal_is_a_sentence_and_changes_no_quotient(stub, status, words, kept):
    agree(GALBERT)
    stub.fail(status)
    answer = answer_for(GALBERT)
    assert isinstance(answer, NoAnswer) and words in str(answer)
    assert len(stub.asked) == 1
    with unit_of_work():
        assert note_answer(GALBERT, answer, by="Agent") is False
    assert db.session.scalar(db.select(CafData.answer)) is kept
    assert quotients(GALBERT) == []


def test_a_server_that_is_away_is_a_sentence(stub, app):
    agree(GALBERT)
    app.config["PARTICULIER_URL"] = "http://127.0.0.1:1"
    assert "does not answer" in str(answer_for(GALBERT))
    app.config["PARTICULIER_URL"] = "file:///etc"
    assert "not set right" in str(answer_for(GALBERT))


def test_the_first_quotient_counts_at_once_and_the_next_from_the_next_month(stub):
    agree(GALBERT)
    assert note(GALBERT) is True
    assert quotients(GALBERT) == [(Decimal(650), date(2026, 11, 1), QuotientSource.api)]
    assert note(GALBERT) is False
    stub.people[("GALBERT", "CHRISTELLE", "77284")] = ("CNAF", 700)
    assert note(GALBERT) is True
    assert [(value, day) for value, day, _source in quotients(GALBERT)] == [
        (Decimal(650), date(2026, 11, 1)),
        (Decimal(700), date(2026, 12, 1)),
    ]


def test_the_same_quotient_is_proved_anew_after_a_year(stub):
    agree(GALBERT)
    note(GALBERT)
    clock.set_to(datetime(2027, 10, 4, 8, 0, tzinfo=UTC))
    assert note(GALBERT) is True
    assert [day for _value, day, _source in quotients(GALBERT)] == [date(2026, 11, 1), date(2027, 11, 1)]


def test_the_log_says_that_and_never_how_much(stub):
    agree(GALBERT)
    note(GALBERT)
    entry = db.session.scalar(db.select(LogEntry).filter_by(verb="quotient.asked"))
    assert entry.changes == {"quotient": {}} and "650" not in f"{entry.label} {entry.note}"


def test_all_that_agree_are_asked_by_the_worker(app, stub):
    agree(GALBERT)
    agree(MARTIN, "99139")
    agree(PETIT, consent=False)
    with unit_of_work():
        ask_all(by="Agent")
    work(app)
    row = last_asking()
    assert (row.state, row.done, row.total, row.counts) == (AskingState.done, 2, 2, {"found": 2, "new": 2})
    assert len(stub.asked) == 2


def test_a_second_asking_at_once_is_refused(stub):
    with unit_of_work():
        ask_all(by="Agent")
    with pytest.raises(DomainError, match="already"), unit_of_work():
        ask_all(by="Agent")


def test_a_killed_asking_goes_on_and_asks_nobody_twice_in_the_file(app, stub, monkeypatch):
    agree(GALBERT)
    agree(MARTIN, "99139")
    with unit_of_work():
        ask_all(by="Agent")
    assert ask_due(limit=1) == 1
    # Killed after the answer, before it is kept.
    monkeypatch.setattr("app.families.asking._note_step", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        ask_due()
    monkeypatch.undo()
    ask_due()
    assert last_asking().done == 2 and len(quotients(GALBERT)) == len(quotients(MARTIN)) == 1


def test_too_many_questions_wait_as_long_as_they_are_told(app, stub):
    agree(GALBERT)
    with unit_of_work():
        ask_all(by="Agent")
    stub.fail(429)
    assert ask_due() == 1 and ask_due() == 0
    clock.advance(seconds=8)
    assert ask_due() >= 1 and last_asking().counts == {"found": 1, "new": 1}


def test_a_key_that_is_refused_ends_it_and_says_so(app, stub):
    agree(GALBERT)
    agree(MARTIN, "99139")
    with unit_of_work():
        ask_all(by="Agent")
    stub.fail(401)
    work(app)
    row = last_asking()
    assert row.state is AskingState.stopped and "API Particulier" in row.problem and len(stub.asked) == 1


def test_a_clerk_can_stop_it(app, stub):
    agree(GALBERT)
    with unit_of_work():
        ask_all(by="Agent")
    with unit_of_work():
        stop_asking(by="Agent")
    work(app)
    assert stub.asked == [] and last_asking().state is AskingState.stopped


@pytest.mark.parametrize(("frequency", "months"), [("never", []), ("monthly", [11, 12, 1]), ("yearly", [1])])
def test_the_town_can_let_it_begin_by_itself(app, stub, frequency, months):
    agree(GALBERT)
    with unit_of_work():
        settings.put("ask_quotients", frequency)
    begun = []
    for moment in (datetime(2026, 11, 23), datetime(2026, 12, 2), datetime(2027, 1, 4)):
        clock.set_to(moment.replace(hour=9, tzinfo=UTC))
        begun += [moment.month] * begin_asking()
        ask_due()
        assert begin_asking() == 0
    assert begun == months


def test_without_a_key_nobody_is_asked(app, ctx):
    agree(GALBERT)
    assert not configured()
    with pytest.raises(DomainError, match="no key"), unit_of_work():
        ask_all(by="Agent")

"""Does every mail say what it must, in the reader's language, and never a value?"""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import UndefinedError

from app.activities.models import Paper, PaperType
from app.activities.papers import Asked
from app.billing.models import InvoiceKind
from app.changes.kinds import KINDS
from app.changes.models import Act, ChangeLot, ChangeRequest, RequestState
from app.changes.notices import lines_of
from app.core import clock, settings
from app.core.db import unit_of_work
from app.core.i18n import in_locale
from app.mail.queries import patient_mails
from app.mail.templates import template
from app.mail.texts import write
from tests.conftest import account

pytestmark = pytest.mark.once

FOLDER = Path(__file__).parents[2] / "app/templates/mail"
TEMPLATES = sorted(path.stem for path in FOLDER.glob("[!_]*.txt"))


def lot_of(kinds, states):
    """A lot with one request of each kind and state, full of values that nobody must read."""
    lot = ChangeLot(number="2026-0412", family_id=1, opened_at=clock.now(), seals_at=clock.now())
    for kind in kinds:
        for state in states:
            changes = {name: {"before": f"old-{kind.name}-{name}", "after": f"SECRET-{kind.name}-{name}"} for name in kind.fields}
            told = {"reason": "Illegible", "comment": "SECRET-comment", "asked_by": "x", "received_on": date(2026, 11, 20)}
            if kind.gathers:
                changes = {name: {"before": None, "after": value} for name, value in (("unit_id", 7), ("day", "2026-11-30"))}
            part = list(changes)[:1]
            ChangeRequest(lot=lot, kind=kind.name, act=Act.edit, changes=changes, state=state, accepted_fields=part, **told)
    return lot


def context_of(template):
    """What its sender gives a template."""
    someone = account("galbert")
    if template in ("receipt", "decided"):
        lot = lot_of(KINDS.values(), (RequestState.accepted, RequestState.partly_accepted, RequestState.refused, RequestState.sent_back))
        day = clock.today()
        return {
            "lot": lot,
            "requests": lot.requests,
            "kinds": KINDS,
            "states": RequestState,
            "lines_of": lines_of,
            "signs_in": True,
            "received_on": day,
            "implied_on": day,
            "silence_accepts": True,
        }
    if template == "papers":
        paper_type = PaperType(name="Assurance", name_en="Insurance")
        return {"papers": [Asked(paper_type, None, paper=Paper(valid_until=clock.today()))], "signs_in": True}
    if template == "place_offered":
        return {"child": "Léa", "unit": "Canteen", "day": clock.today(), "until": clock.now(), "signs_in": True}
    if template in ABOUT_MONEY or template in WRITTEN:
        return {**ABOUT_MONEY, **WRITTEN}[template]()
    if template == "days_without_place":
        return {"child": "Léa", "activity": "Canteen", "full": [clock.today()], "late": [clock.today()], "waits": True, "signs_in": True}
    if template == "digest":
        return {"mails": [("Strike", "No canteen."), ("Pool", "Bring a towel.")], "last": "Pool"}
    if template == "invitation":
        return {"adult": "Christelle Galbert", "family_code": "F00001", "code": "ABCD-EFGH", "days": 60}
    if template == "day_restored":
        return {"activity": "Canteen", "days": [clock.today()], "again": ["Léa"], "lost": ["Tom"]}
    if template == "day_cancelled":
        lines = [("Canteen", [clock.today()], ["Léa", "Tom"])]
        return {"activity": "Canteen", "days": [clock.today()], "lines": lines, "reason": "Strike", "charged": False}
    if template.startswith("preregistration_") and template != "preregistration_later":
        lot, family = ChangeLot(number="2026-0412"), SimpleNamespace(code="F00042")
        dates = {"received_on": clock.today(), "implied_on": clock.today(), "silence_accepts": True}
        return {"lot": lot, "family": family, "code": "ABCD", "token": "the-token", "reason": "No paper.", **dates}
    return {"account": someone, "token": "the-token", "at": clock.now(), "until": clock.today()}


def an_invoice(**more):
    period, due = SimpleNamespace(title="11/2026"), date(2027, 1, 5)
    values = {"kind": InvoiceKind.invoice, "number": "2026000001", "period": period, "total": Decimal("55.10"), "due_on": due, "reason": ""}
    return SimpleNamespace(**{**values, **more})


def invoices():
    one = an_invoice()
    credit = an_invoice(kind=InvoiceKind.credit_note, total=Decimal("-55.10"), corrects=one, reason="A day too many")
    return {"invoices": [one, credit], "newest": [one], "to_pay": True, "payment": "By cheque", "signs_in": True}


def reminder():
    opens = [SimpleNamespace(invoice=an_invoice(), left=Decimal("55.10"))]
    return {"title": "Rappel", "text": "Merci de payer.", "opens": opens, "total": Decimal("55.10"), "signs_in": True}


def payment():
    values = {"amount": Decimal("55.10"), "day": date(2026, 11, 23), "number": "2026-1", "reference": "X1", "invoices": ["2026000001"]}
    return {**values, "debit": True}


#: Mails about money, and those whose words somebody writes.
ABOUT_MONEY = {"invoices": invoices, "reminder": reminder, "payment": payment, "quotient": lambda: {"by_fund": True, "signs_in": True}}
WRITTEN = {
    "broadcast": lambda: {"subject": "Strike", "text": "No canteen."},
    "message": lambda: {"subject": "Léa", "author": "Nadia", "text": "Good day.", "thread_id": 1, "signs_in": True},
}


@pytest.mark.parametrize("locale", ["fr", "en"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_mail_has_a_subject_a_body_and_the_towns_contact(ctx, template, locale):
    with unit_of_work():
        settings.put("contact_email", "enfance@saint-exemple.example")
    subject, body = write(template, locale, **context_of(template))
    assert subject and "\n" not in subject and not subject.startswith("{")
    assert "enfance@saint-exemple.example" in body and "Saint-Exemple" in body
    assert "SECRET" not in subject + body and "old-" not in body
    assert "\n\n\n" not in body and not re.search(r"[{}]|None|Undefined|&#", body)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_name_that_is_not_there_fails(ctx, template):
    # A date that is not there fails in the function that writes it out.
    with pytest.raises((UndefinedError, AssertionError)):
        write(template, "en")


def test_no_template_asks_for_values():
    """What carries values has no name in a template: changes may be walked for its field names alone."""
    for path in FOLDER.glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\.(before|after|comment|files|findings)\b|changes\[|changes\.(items|values)|\|safe|\.show\(", text), (
            path.name
        )


def test_secret_sections_show_no_field_names(ctx):
    secret = [kind for kind in KINDS.values() if kind.secret]
    assert {"health", "bank", "tax", "caf"} <= {kind.name for kind in secret}
    lot = lot_of(secret, [RequestState.partly_accepted])
    _subject, body = write("decided", "en", **{**context_of("decided"), "lot": lot, "requests": lot.requests})
    assert "Illegible" in body
    with in_locale("en"):
        for kind in secret:
            assert str(kind.title) in body
            assert not [name for name in kind.fields if f"    {kind.label(name)}:" in body]


def test_a_part_is_told_field_by_field(ctx):
    lot = lot_of([KINDS["guardian"]], [RequestState.partly_accepted])
    _subject, body = write("decided", "en", **{**context_of("decided"), "lot": lot, "requests": lot.requests})
    with in_locale("en"):
        first, second = [str(KINDS["guardian"].label(name)) for name in KINDS["guardian"].fields[:2]]
    assert f"{first}: accepted" in body
    assert f"{second}: not accepted" in body
    assert "Reason: Illegible" in body


def test_mails_that_open_a_door_are_known_as_such_and_never_wait(ctx):
    doors = {name for name in TEMPLATES if template(name).opens_a_door}
    assert {"reset", "confirm_address", "invitation", "sign_in_link", "preregistration_accepted", "preregistration"} <= doors
    assert not doors & {"receipt", "decided", "message", "broadcast", "payment", "digest"}
    patient = set(patient_mails())
    assert {"message", "broadcast", "receipt", "decided", "papers"} <= patient
    assert not patient & (
        doors | {"payment", "place_offered", "day_cancelled", "reminder", "password_changed", "address_changed", "digest"}
    )

"""Which rows does the walker ask for? Two families with everything, and a canary in every text of the other one."""

from datetime import date, timedelta

from sqlalchemy import inspect, select

from app.changes.kinds import KINDS, Proposal
from app.changes.models import Act, ChangeLot, ChangeRequest
from app.changes.operations import submit
from app.children.models import Child, ComplementaryData, HealthRecord, PickUpPerson, Subject
from app.children.operations import name_pickup_person, set_authorisation
from app.core.db import unit_of_work
from app.core.encryption import Encrypted
from app.core.files import Upload
from app.documents.models import FileState, StoredFile
from app.documents.operations import store
from app.extensions import db
from app.families.models import Adult, CafData, Family, Fund, IncomeQuotient, QuotientSource, TaxData
from app.families.operations import set_bank_details
from app.mail.models import OutgoingMail
from app.security.models import FamilyLink
from app.security.scope import Standing
from app.security.who_sees_what import Noun, Viewer

#: A 1×1 PNG.
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c636060606000000005000155a0415d0000000049454e44ae426082"
)
IBAN = "FR7630006000011234567890189"


def fill(family_id, canary):
    """Give a family everything, its texts marked with the canary; returns {name of an address argument: id}."""
    with unit_of_work():
        family = db.session.get(Family, family_id)
        child = db.session.scalar(select(Child).where(Child.of_family(family_id)).order_by(Child.id))
        tax = TaxData(family_id=family_id, tax_number=canary, notice_reference=canary, reference_income=31415, income_year=2025)
        caf = CafData(family_id=family_id, fund=Fund.caf, allocataire=canary)
        quotient = IncomeQuotient(family_id=family_id, value=31416, counts_from=date(2026, 9, 1), source=QuotientSource.hand)
        db.session.add_all(
            [tax, caf, quotient, ComplementaryData(child_id=child.id), HealthRecord(child_id=child.id, vaccines={"tetanus": "2026-01-01"})]
        )
        db.session.flush()
        set_bank_details(family, {"iban": IBAN, "holder": canary, "direct_debit": True})
        family.private_note = canary
        for adult in family.adults:
            mark(adult, canary)
        person = name_pickup_person(child.id, family_id, {"first_name": canary, "last_name": canary})
        mark(person, canary)
        for subject in Subject:
            set_authorisation(child, subject, True, family_id=family_id)
        upload = Upload(f"{canary}.png", "image/png", PICTURE)
        photo = store(upload, noun=Noun.photo, family_id=family_id, child_id=child.id, state=FileState.kept)
        proof = store(upload, noun=Noun.tax, family_id=family_id, state=FileState.kept)
        child.photo_id, tax.proof_id = photo.id, proof.id
        mail = OutgoingMail(
            message_id=f"<{canary}>",
            recipient=f"{canary}@famille.example",
            locale="fr",
            template="receipt",
            subject=canary,
            body=canary,
            family_id=family_id,
            account_id=_account(family_id).id,
        )
        db.session.add(mail)
        db.session.flush()
        rows = {
            "family_id": family_id,
            "child_id": child.id,
            "pickup": person.id,
            "file_id": proof.id,
            "mail_id": mail.id,
            "adult_id": family.guardian.id,
            "account_id": _account(family_id).id,
            "target_id": family_id,
            "link_id": _link(family_id).id,
        }
    rows |= _ask(family_id, child.id, canary)
    return rows


def _link(family_id):
    return db.session.scalar(select(FamilyLink).filter_by(family_id=family_id, standing="guardian"))


def _account(family_id):
    return _link(family_id).account


def _ask(family_id, child_id, canary):
    by = _account(family_id)
    standing = Standing(by.id, family_id, Viewer.guardian)
    with unit_of_work():
        family = db.session.get(Family, family_id)
        request = submit(
            KINDS["guardian"],
            Proposal(act=Act.edit, target=family, before={"city": None}, shown={"city": None}, after={"city": canary}),
            standing=standing,
            by=by,
        )
        child = db.session.get(Child, child_id)
        submit(
            KINDS["complementary"],
            Proposal(act=Act.edit, target=child, child_id=child_id, before={}, shown={}, after={"habits": canary}),
            standing=standing,
            by=by,
        )
        return {"lot_id": request.lot_id, "request_id": request.id}


def mark(row, canary):
    """Write the canary into every nullable text of a row."""
    for prop in inspect(type(row)).column_attrs:
        column = prop.columns[0]
        if column.foreign_keys or column.primary_key or not column.nullable:
            continue
        kind = column.type
        if (isinstance(kind, Encrypted) and kind.kind is str) or (type(kind).__name__ in ("String", "Text")):
            setattr(row, prop.key, canary[: getattr(kind, "length", None) or 200])


def picture_of(family_id):
    """Everything the database holds about a family, to compare before and after an attack."""
    tables = [Family, Adult, TaxData, CafData, IncomeQuotient, PickUpPerson, StoredFile, ChangeRequest, ChangeLot, OutgoingMail, FamilyLink]
    column = {Family: "id"}
    found = {}
    for model in tables:
        rows = db.session.execute(select(model.__table__).where(model.__table__.c[column.get(model, "family_id")] == family_id)).all()
        found[model.__tablename__] = sorted(map(str, rows))
    return found


def tomorrow():
    """A day later: lots are sealed by then."""
    return timedelta(days=1)

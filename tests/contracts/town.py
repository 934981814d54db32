"""Which rows does the walker ask for? Two families with everything, and a canary in every text of the other one."""

from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import inspect, select

from app.activities.models import (
    Absence,
    AbsenceReason,
    Activity,
    ActivityGroup,
    ActivityKind,
    Attendance,
    AttendanceMark,
    Booking,
    BookingState,
    CalendarException,
    DayCancellation,
    Enrolment,
    HolidaySource,
    KitchenSheet,
    Mark,
    Paper,
    PaperType,
    PaperValidity,
    PlaceAsked,
    Places,
    SchoolHoliday,
    Season,
    StaffMeals,
    Unit,
    UnitConflict,
    UnitKind,
    Whose,
    Wish,
)
from app.billing import simulated
from app.billing.models import (
    Adjustment,
    Allocation,
    Bill,
    BillingPeriod,
    BillingRun,
    BillState,
    ChargeKind,
    DocumentState,
    EntryKind,
    Exemption,
    FamilyTask,
    Invoice,
    InvoiceDocument,
    InvoiceLine,
    LedgerEntry,
    PriceReason,
    RateGrant,
    Reminder,
    ReminderStep,
    RunKind,
    RunState,
    TariffGrid,
    TaskKind,
    ThirdPartyShare,
)
from app.billing.simulation import Change, Simulation, Slice
from app.changes.kinds import KINDS, Proposal
from app.changes.models import Act, ChangeLot, ChangeRequest
from app.changes.operations import submit
from app.children.models import Child, ComplementaryData, HealthRecord, PickUpPerson, School, Subject
from app.children.operations import name_pickup_person, set_authorisation
from app.core import clock
from app.core.db import unit_of_work
from app.core.encryption import Encrypted
from app.core.files import Upload
from app.documents.models import FileState, StoredFile
from app.documents.operations import store
from app.extensions import db
from app.families.models import Adult, CafData, Family, Fund, IncomeQuotient, QuotientSource, TaxData
from app.families.operations import set_bank_details
from app.mail.models import OutgoingMail
from app.security.models import CalendarFeed, FamilyLink
from app.security.scope import Standing
from app.security.who_sees_what import Noun, Viewer
from tests.billing import cast as billing
from tests.conftest import account as account_of
from tests.contracts.doors import enter
from tests.contracts.inviting import invite_many
from tests.contracts.paid import pay
from tests.contracts.preregistered import preregister
from tests.contracts.talk import talk

#: A 1×1 PNG.
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c636060606000000005000155a0415d0000000049454e44ae426082"
)
#: What stands in every text of the walker's own family, and of the other one.
OWN, OTHER = "OWNCANARY", "OTHERCANARY"
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
    with unit_of_work():
        rows |= _take_part(family_id, rows["child_id"], rows["request_id"], proof.id, canary)
        rows |= enter(_account(family_id), canary)
        rows |= preregister(db.session.get(Family, family_id), db.session.get(Child, rows["child_id"]), canary)
        rows |= invite_many(family_id)
        rows |= talk(family_id, canary, family_account=_account(family_id), clerk=account_of("agent"))
        return rows | _owe(family_id, rows, canary)


def the_activity():
    """The ids of what both families take part in, made once: {name of an address argument: id}."""
    activity = db.session.scalar(select(Activity))
    if activity is None:
        activity = Activity(name="Canteen", kind=ActivityKind.canteen, weekdays=[1, 2, 3, 4, 5, 6, 7], season=Season.all_year)
        activity.units = [Unit(name="Meal", kind=UnitKind.meal, with_meal=True), Unit(name="Supper", kind=UnitKind.meal, position=2)]
        activity.groups = [ActivityGroup(name="Tous")]
        kept = {"whose": Whose.child, "validity": PaperValidity.school_year}
        activity.papers = [PaperType(name="Assurance de la visite", **kept)]
        school = db.session.scalar(select(School))
        db.session.add_all([activity, AbsenceReason(title="Ill", takes_certificate=True), StaffMeals(school=school, meals=3)])
        db.session.flush()
        one, other = activity.units
        today = clock.today()
        holiday = {"name": "Holiday", "first_day": today + timedelta(days=200), "last_day": today + timedelta(days=210)}
        db.session.add_all(
            [
                UnitConflict(unit_id=one.id, other_id=other.id),
                Places(group_id=activity.groups[0].id, unit_id=one.id, places=90),
                SchoolHoliday(zone="test", source=HolidaySource.town, **holiday),
                CalendarException(first_day=today + timedelta(days=90), last_day=today + timedelta(days=90), reason="Strike"),
                KitchenSheet(day=today, version=1, counts={}, frozen_by="Agent Mairie"),
            ]
        )
        db.session.flush()
    return activity


def _take_part(family_id, child_id, request_id, file_id, canary):
    """A family's first child takes part: booked, absent, waiting, present; with a paper."""
    activity, reason = the_activity(), db.session.scalar(select(AbsenceReason).where(AbsenceReason.title == "Ill"))
    unit, group, today = activity.units[0], activity.groups[0], clock.today()
    place = {"child_id": child_id, "unit_id": unit.id}
    whose = {"child_id": child_id, "family_id": family_id}
    enrolment = Enrolment(
        **whose, activity_id=activity.id, starts_on=today - timedelta(days=60), ends_on=today + timedelta(days=60), week={"1": [unit.id]}
    )
    days = {"first_day": today + timedelta(days=2), "last_day": today + timedelta(days=2)}
    absence = Absence(**whose, **days, reason_id=reason.id, explanation=canary, certificate_id=file_id)
    cancellation = DayCancellation(
        day=today + timedelta(days=5), activity_id=activity.id, reason="Outing", bookings_count=1, cancelled_by="Agent Mairie"
    )
    paper_type = activity.papers[0]
    paper = Paper(**whose, paper_type_id=paper_type.id, file_id=file_id, valid_until=today + timedelta(days=20))
    db.session.add_all([enrolment, absence, cancellation, paper])
    db.session.flush()
    booked = {"family_id": family_id, "group_id": group.id}
    bookings = [Booking(**place, **booked, day=today + timedelta(days=ahead)) for ahead in (-1, 0, 1)]
    bookings.append(Booking(**place, **booked, day=days["first_day"], state=BookingState.absent, absence_id=absence.id, told_in_time=True))
    bookings.append(Booking(**place, **booked, day=cancellation.day, state=BookingState.cancelled, cancellation_id=cancellation.id))
    mark = AttendanceMark(
        id=f"mark-{family_id}", **place, day=today, mark=Mark.left, at=clock.now(), by="Animateur", left_with=canary, note=canary
    )
    attendance = Attendance(
        **place,
        group_id=group.id,
        day=today,
        state=Mark.left,
        marked_at=clock.now(),
        marked_by="Animateur",
        left_with=canary,
        note=canary,
    )
    asked = PlaceAsked(**place, **booked, request_id=request_id, day=today + timedelta(days=3), wish=Wish.book, asked_at=clock.now())
    db.session.add_all([*bookings, mark, attendance, asked])
    db.session.flush()
    return {
        "activity_id": activity.id,
        "unit_id": unit.id,
        "group_id": group.id,
        "enrolment_id": enrolment.id,
        "booking_id": bookings[2].id,
        "absence_id": absence.id,
        "paper_id": paper.id,
        "paper_type_id": paper_type.id,
        "reason_id": reason.id,
        "cancellation_id": cancellation.id,
        "day": (today + timedelta(days=1)).isoformat(),
    }


def the_period(rows):
    """What both families are billed by, made once: a grid, a period with a run, a day nobody pays, a reminder."""
    period = db.session.scalar(select(BillingPeriod))
    if period is None:
        today = clock.today()
        days = {"first_day": today - timedelta(days=60), "last_day": today - timedelta(days=31)}
        period = BillingPeriod(title="Automne", due_on=today - timedelta(days=10), **days)
        grid = TariffGrid(
            activity_id=rows["activity_id"],
            starts_on=today - timedelta(days=90),
            title="Délibération du 12 juin",
            content=billing.grid_to_json(billing.canteen_grid()),
        )
        by = {"made_by": "Agent Mairie"}
        strike = Exemption(first_day=days["first_day"], last_day=days["first_day"], activity_id=rows["activity_id"], reason="Strike", **by)
        run = BillingRun(period=period, kind=RunKind.issue, state=RunState.done, total=2, done=2, asked_by="Agent Mairie")
        step = ReminderStep(days=5, title="Rappel", title_en="First reminder", text="Merci de payer.", text_en="Please pay.")
        task = FamilyTask(kind=TaskKind.reminders, state=RunState.done, families=[], asked_by="Agent Mairie")
        db.session.add_all([period, grid, strike, run, step, task])
        db.session.flush()
        before, after = Decimal("5.00"), Decimal("7.00")
        change = Change(rows["family_id"], before, after, None, "De 0 à 400", "Plus de 400")
        tried = Simulation([Slice("Plus de 400", {rows["family_id"]}, 2, before, after)], 0, 1, [change])
        first = clock.today().replace(day=1)
        about = simulated.about(grid, "Restaurant", first, clock.today())
        trial = FamilyTask(
            kind=TaskKind.simulation, state=RunState.done, families=[], about=about, asked_by="Agent Mairie", finished_at=clock.now()
        )
        db.session.add(trial)
        simulated.keep(trial, tried)
    return period


def _owe(family_id, rows, canary):
    """A family has an invoice of two lines, half paid and reminded of; an adjustment, a grant, a share."""
    period, day = the_period(rows), clock.today() - timedelta(days=40)
    whose = {"family_id": family_id, "child_id": rows["child_id"]}
    rank = 1 + db.session.query(Invoice).count()
    invoice = Invoice(
        number=2026000000 + rank,
        year=2026,
        rank=rank,
        family_id=family_id,
        period_id=period.id,
        period={"title": period.title, "first_day": period.first_day.isoformat(), "last_day": period.last_day.isoformat()},
        issued_on=day,
        issued_by="Agent Mairie",
        due_on=period.due_on,
        addressee={"name": canary, "lines": [canary], "code": canary},
        total=Decimal("30.00"),
    )
    db.session.add(invoice)
    db.session.flush()
    why = {"charge": "booked", "row": canary, "column": "Repas", "base": "15.00", "price": "15.00", "quotient": "31416"}
    reason = PriceReason(invoice_id=invoice.id, content=why | {"quotient_from": "2026-09-01"})
    db.session.add(reason)
    db.session.flush()
    line = {
        "invoice_id": invoice.id,
        "charge": ChargeKind.booked,
        "child_id": rows["child_id"],
        "child": canary,
        "activity_id": rows["activity_id"],
        "activity": "Canteen",
        "unit_id": rows["unit_id"],
        "unit": "Meal",
        "unit_price": Decimal("15.00"),
        "amount": Decimal("15.00"),
        "meal": Decimal("15.00"),
        "reason_id": reason.id,
    }
    entry = LedgerEntry(
        family_id=family_id, kind=EntryKind.invoice, day=day, amount=Decimal("30.00"), invoice_id=invoice.id, made_by="Agent Mairie"
    )
    payment = LedgerEntry(
        family_id=family_id, kind=EntryKind.payment, day=day, amount=Decimal("-10.00"), title=canary, made_by="Régisseur Mairie"
    )
    bill = Bill(
        period_id=period.id,
        family_id=family_id,
        state=BillState.issued,
        total=Decimal("30.00"),
        lines=2,
        invoice_id=invoice.id,
    )
    adjustment = Adjustment(**whose, day=clock.today(), title=canary, amount=Decimal("5.00"), made_by="Agent Mairie")
    grant = RateGrant(**whose, category="CCAS", starts_on=day)
    share = ThirdPartyShare(**whose, payer=canary, percent=10, starts_on=day)
    day_off = Exemption(first_day=day, last_day=day, child_id=rows["child_id"], reason=canary, made_by="Agent Mairie")
    step = db.session.scalar(select(ReminderStep))
    reminder = Reminder(invoice_id=invoice.id, step_id=step.id, amount=Decimal("20.00"))
    document = InvoiceDocument(invoice_id=invoice.id, state=DocumentState.done, file_id=rows["file_id"], pages=1)
    lines = [InvoiceLine(**line, position=place, day=day - timedelta(days=place)) for place in (1, 2)]
    db.session.add_all([*lines, entry, payment, bill, adjustment, day_off, grant, share, reminder, document])
    db.session.flush()
    db.session.add(Allocation(entry_id=payment.id, invoice_id=invoice.id, amount=Decimal("10.00")))
    received = pay(family_id, canary, invoice, payment)
    return received | {
        "number": invoice.number,
        "invoice_id": invoice.id,
        "period_id": period.id,
        "bill_id": bill.id,
        "run_id": db.session.scalar(select(BillingRun.id)),
        "task_id": db.session.scalar(select(FamilyTask.id).where(FamilyTask.kind == TaskKind.reminders)),
        "grid_id": db.session.scalar(select(TariffGrid.id)),
        "simulation_id": db.session.scalar(select(FamilyTask.id).where(FamilyTask.kind == TaskKind.simulation)),
        "entry_id": payment.id,
        "line_id": lines[0].id,
        "adjustment_id": adjustment.id,
        "exemption_id": day_off.id,
        "grant_id": grant.id,
        "share_id": share.id,
        "step_id": step.id,
        "reminder_id": reminder.id,
    }


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
    tables += [Enrolment, Booking, Absence, Paper, PlaceAsked, CalendarFeed]
    tables += [Invoice, LedgerEntry, Bill, Adjustment, RateGrant, ThirdPartyShare]
    column = {Family: "id"}
    found = {}
    for model in tables:
        rows = db.session.execute(select(model.__table__).where(model.__table__.c[column.get(model, "family_id")] == family_id)).all()
        found[model.__tablename__] = sorted(map(str, rows))
    return found


def tomorrow():
    """A day later: lots are sealed by then."""
    return timedelta(days=1)

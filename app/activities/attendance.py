"""How does what a tablet noted become who was there? Marks of several tablets, in any order, each of them once."""

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import event, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from app.activities.models import Attendance, AttendanceMark, Booking, BookingState, Mark, Unit
from app.children.models import Child, PickUpPerson
from app.core import clock
from app.core.errors import DomainError
from app.core.forms import squeeze
from app.core.i18n import _
from app.extensions import db

#: How long after a day whoever is on site may still note it; the town hall may as long as the day is not billed.
LATEST = timedelta(days=31)
#: (ids of children, first day, last day) → [(child's id, first day, last day)]: what a higher room knows to be settled.
_SETTLED = []
#: What one message of a tablet may hold; it sends the rest with the next one.
MOST_AT_ONCE = 500
LONGEST_NAME, LONGEST_NOTE = 120, 500
ID = re.compile(r"[0-9A-Za-z-]{8,36}")


def settles(call):
    """Let a higher room say which days of which children are settled: marks of long ago do not change them any more."""
    _SETTLED.append(call)
    return call


@dataclass(frozen=True)
class Tap:
    """One mark as a tablet sends it."""

    id: str
    child_id: int
    unit_id: int
    day: date
    mark: Mark
    at: datetime
    pickup_person_id: int | None = None
    left_with: str | None = None
    #: None: nothing about the note; empty: the note goes.
    note: str | None = None

    @classmethod
    def read(cls, item, received_at):
        """The Tap that a message holds. Raises DomainError with a sentence where it cannot be one."""
        try:
            at = datetime.fromisoformat(str(item["at"]))
            tap = cls(
                id=str(item["id"]),
                child_id=_number(item["child"]),
                unit_id=_number(item["unit"]),
                day=date.fromisoformat(str(item["day"])),
                mark=Mark(item["mark"]),
                at=min(at if at.tzinfo else at.replace(tzinfo=clock.zone()), received_at),
                pickup_person_id=_number(item["person"]) if item.get("person") else None,
                left_with=(squeeze(str(item["with"])) or "")[:LONGEST_NAME] or None if item.get("with") else None,
                note=(squeeze(str(item["note"])) or "")[:LONGEST_NOTE] if item.get("note") is not None else None,
            )
        except (KeyError, TypeError, ValueError, OverflowError) as problem:
            raise DomainError(_("This note cannot be read.")) from problem
        if not ID.fullmatch(tap.id):
            raise DomainError(_("This note cannot be read."))
        return tap

    @property
    def place(self):
        """What it is about: the key of an Attendance."""
        return self.child_id, self.unit_id, self.day


def _number(value):
    number = int(value)
    if not 0 < number < 2**31:
        raise ValueError(value)
    return number


def record_marks(items, *, by, corrects=False):
    """Keep what a tablet noted, within the open unit of work; returns {id: "" or the sentence why it was not taken}.

    `corrects`: whether `by` may note days of longer ago than LATEST, until they are settled. The same mark twice is one mark; a mark
    that is refused does not stop the others. Attendance rows follow from all marks of their child, unit and day, in the order in which
    people tapped, whatever the order in which the tablets found the network again.
    """
    answers, taps, received_at = {}, {}, clock.now()
    for item in items[:MOST_AT_ONCE]:
        number = str(item.get("id", "")) if isinstance(item, dict) else ""
        try:
            tap = Tap.read(item if isinstance(item, dict) else {}, received_at)
            taps[tap.id], answers[tap.id] = tap, ""
        except DomainError as refusal:
            answers[number] = str(refusal)
    for tap, sentence in _refused(taps.values(), corrects):
        answers[tap.id] = sentence
        del taps[tap.id]
    if taps:
        _keep(list(taps.values()), received_at, by)
    return answers


def _refused(taps, corrects):
    """[(tap, sentence)] of what cannot be kept: of a child or a unit that is not there, of a day too far away."""
    units = set(db.session.scalars(select(Unit.id).where(Unit.id.in_({tap.unit_id for tap in taps}))))
    children = set(db.session.scalars(select(Child.id).where(Child.id.in_({tap.child_id for tap in taps}))))
    today, found = clock.today(), []
    old = [tap for tap in taps if tap.day < today - LATEST]
    settled = _settled(old) if corrects else ()
    for tap in taps:
        if tap.unit_id not in units:
            found.append((tap, _("This activity does not exist any more.")))
        elif tap.child_id not in children:
            found.append((tap, _("This child is not in the town's files any more.")))
        elif tap.day > today:
            found.append((tap, _("This day has not come yet: nobody can be noted.")))
        elif tap in settled:
            found.append((tap, _("This day is on a bill that was issued: correct the bill instead.")))
        elif tap in old and not corrects:
            found.append((tap, _("This day is more than %(days)d days ago: ask the town hall to correct it.", days=LATEST.days)))
    return found


def _settled(taps):
    """Those of these taps that are about a day which is settled."""
    if not taps:
        return ()
    days, children = [tap.day for tap in taps], {tap.child_id for tap in taps}
    spans = [span for call in _SETTLED for span in call(children, min(days), max(days))]
    return [tap for tap in taps if any(child_id == tap.child_id and first <= tap.day <= last for child_id, first, last in spans)]


def _keep(taps, received_at, by):
    """Add the marks that are new, then let the attendance follow. The rows are locked first: two tablets may come in at once."""
    taps.sort(key=lambda tap: (tap.place, tap.id))
    rows = _locked({tap.place: tap for tap in taps}, by)
    names = _pickup_names(taps)
    db.session.execute(
        _insert(AttendanceMark).on_conflict_do_nothing(index_elements=["id"]), [_row_of(tap, names, received_at, by) for tap in taps]
    )
    places = list(rows)
    marks = defaultdict(list)
    kept = select(AttendanceMark).where(tuple_(AttendanceMark.child_id, AttendanceMark.unit_id, AttendanceMark.day).in_(places))
    for mark in db.session.scalars(kept):
        marks[mark.child_id, mark.unit_id, mark.day].append(mark)
    booked = _bookings(places)
    for place, row in rows.items():
        if marks[place]:
            booking = booked.get(place)
            row.unexpected = booking is None or booking.state is not BookingState.booked
            row.group_id = booking.group_id if booking is not None else row.group_id
            _follow(row, marks[place])
    db.session.flush()


def _locked(taps, by):
    """{place: its Attendance}, made where there is none, locked in an order that all share."""
    first = [
        {"child_id": child_id, "unit_id": unit_id, "day": day, "state": Mark.cleared, "unexpected": False}
        | {"marked_at": tap.at, "marked_by": str(by)[:120]}
        for (child_id, unit_id, day), tap in sorted(taps.items(), key=lambda pair: pair[0])
    ]
    db.session.execute(_insert(Attendance).on_conflict_do_nothing(index_elements=["child_id", "unit_id", "day"]), first)
    query = select(Attendance).where(tuple_(Attendance.child_id, Attendance.unit_id, Attendance.day).in_(list(taps)))
    rows = db.session.scalars(
        query.order_by(Attendance.child_id, Attendance.unit_id, Attendance.day).with_for_update().execution_options(populate_existing=True)
    )
    return {(row.child_id, row.unit_id, row.day): row for row in rows}


def _insert(model):
    """An INSERT that can leave alone what is there, on both databases."""
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    return dialect.insert(model)


def _pickup_names(taps):
    """{(child, person): name} of the persons who may pick up, as far as the taps name them; one withdrawn meanwhile is kept too."""
    wanted = {tap.pickup_person_id for tap in taps if tap.pickup_person_id}
    people = db.session.scalars(select(PickUpPerson).where(PickUpPerson.id.in_(wanted))) if wanted else ()
    return {(person.child_id, person.id): str(person) for person in people}


def _row_of(tap, names, received_at, by):
    name = names.get((tap.child_id, tap.pickup_person_id))
    return {
        "id": tap.id,
        "child_id": tap.child_id,
        "unit_id": tap.unit_id,
        "day": tap.day,
        "mark": tap.mark,
        "at": tap.at,
        "received_at": received_at,
        "pickup_person_id": tap.pickup_person_id if name else None,
        "left_with": tap.left_with or name,
        "note": tap.note,
        "by_id": getattr(by, "id", None),
        "by": str(by)[:120],
    }


def _bookings(places):
    found = select(Booking).where(tuple_(Booking.child_id, Booking.unit_id, Booking.day).in_(places))
    return {(row.child_id, row.unit_id, row.day): row for row in db.session.scalars(found)}


def _follow(row, marks):
    """Let an Attendance say what its marks come to, in the order in which people tapped."""
    row.state, row.arrived_at, row.left_at, row.left_with, row.note = Mark.cleared, None, None, None, None
    for mark in sorted(marks, key=lambda one: (one.at, one.id)):
        again, row.state = row.state is Mark.left, mark.mark
        if mark.mark is Mark.left:
            # A note about a child who has gone names nobody, and changes neither the hour nor with whom.
            if mark.left_with or not again:
                row.left_at, row.left_with = mark.at, mark.left_with
        else:
            row.left_at = row.left_with = None
            row.arrived_at = (row.arrived_at or mark.at) if mark.mark is Mark.present else None
        if mark.note is not None:
            row.note = mark.note or None
        row.marked_at, row.marked_by = mark.at, mark.by


def _append_only(_mapper, _connection, _row):
    raise TypeError("attendance_mark is append-only")


event.listen(AttendanceMark, "before_update", _append_only)

"""Who came, comes and does not come in Saint-Exemple? Bookings, absences, places, attendance, kitchen sheets and papers, in bulk."""

from collections import Counter
from datetime import date, datetime, time, timedelta

from sqlalchemy import insert, select

from app.activities import kitchen
from app.activities.calendar import Calendar
from app.activities.enrolling import conflicts
from app.activities.models import (
    Absence,
    Attendance,
    AttendanceMark,
    Booking,
    BookingState,
    KitchenSheet,
    Mark,
    Paper,
    PaperValidity,
    Places,
)
from app.activities.places import at_once
from app.core import clock
from app.demo import names, pictures
from app.demo.billing import months
from app.extensions import db
from app.security.who_sees_what import Noun

#: Days of the town's agenda ahead of today; behind it lie the months that are billed.
AHEAD = 31
#: So far ahead there are two Wednesdays of school, whatever the day: the summer's holidays last nine weeks.
SCHOOL_AGAIN = 100
#: Days of which every tap is kept, and days with kitchen sheets.
TAPPED, COOKED = 14, 7
#: Papers with a picture: each is a file.
SCANNED = 12
CHUNK = 5000


class Agenda:
    """The bookings of the town while they are made."""

    def __init__(self, world, offer, pupils):
        self.world, self.offer, self.pupils = world, offer, pupils
        self.first, self.last = months(world.today)[0].first, world.today + timedelta(days=AHEAD)
        self.calendar = Calendar.between(self.first, self.world.today + timedelta(days=SCHOOL_AGAIN))
        self.rows, self.absences = [], []
        self.open_days = {}

    def make(self):
        """Everything, within the open unit of work."""
        for pupil in self.pupils:
            days = self._booked(pupil)
            self.rows += days
            self._absent(pupil, days)
        self._keep_absences()
        for start in range(0, len(self.rows), CHUNK):
            db.session.execute(insert(Booking), self.rows[start : start + CHUNK])
        self._places()
        self._attendance()
        self._cooked()
        self._papers()

    # -- bookings -----------------------------------------------------------------------------------------------------------------

    def days_of(self, key, school_id):
        """The days on which an activity is open for a school."""
        if (key, school_id) not in self.open_days:
            self.open_days[key, school_id] = self.calendar.open_days(self.offer.activities[key], self.first, self.last, school_id)
        return self.open_days[key, school_id]

    def group_id(self, key, pupil, day):
        """The group that takes a child."""
        if key in ("wednesday", "holidays"):
            return self.offer.groups[key, "little" if clock.age(pupil.born, day) < 6 else "big"].id
        group = self.offer.groups.get((key, pupil.school_id))
        return group.id if group is not None else None

    def _booked(self, pupil):
        """The bookings of a child: its usual weeks, here and there a day less; the holidays by the week."""
        found, world = [], self.world
        until = self._booked_until(pupil)
        for key, week in pupil.weeks_of.items():
            for day in self.days_of(key, pupil.school_id):
                if not pupil.is_here(day) or (day > until and key != "holidays"):
                    continue
                unit_ids = week.get(str(day.isoweekday()), ()) if key != "holidays" else self._holiday(pupil, day)
                for unit_id in unit_ids if unit_ids and not world.chance(0.02) else ():
                    found.append(self._row(pupil, key, unit_id, day))
        return found

    def _booked_until(self, pupil):
        """Families book ahead for one to five weeks; Christelle has until Friday of next week, and then has to think of it."""
        friday = self.world.today + timedelta(days=4 - self.world.today.weekday())
        if pupil.family_id == self.world.homes[0].family.id:
            return friday + timedelta(days=7)
        return friday + timedelta(days=7 * self.world.rng.randrange(1, 6))

    def _holiday(self, pupil, day):
        """Three weeks in four of the holidays, on four days in five; the same for the whole week."""
        chance = (pupil.id * 7 + day.isocalendar().week * 3) % 4
        return [self.offer.units["holiday"].id] if chance and (pupil.id + day.isoweekday()) % 5 else []

    def _row(self, pupil, key, unit_id, day):
        world = self.world
        asked = min(datetime.combine(day - timedelta(days=40), time(20), clock.zone()), self.world.present)
        return {
            "child_id": pupil.id,
            "unit_id": unit_id,
            "group_id": self.group_id(key, pupil, day),
            "family_id": pupil.family_id,
            "day": day,
            "state": BookingState.booked,
            "asked_at": asked,
            "late": key == "canteen" and world.chance(0.012),
            "absence_id": None,
            "told_in_time": None,
        }

    # -- absences -----------------------------------------------------------------------------------------------------------------

    def _absent(self, pupil, rows):
        """A few days of illness or of something else, most of them told in time."""
        days = sorted({row["day"] for row in rows})
        for _spell in range(self.world.rng.choices((0, 1, 2), (45, 40, 15))[0] if days else 0):
            begin = self.world.rng.randrange(len(days))
            gone = set(days[begin : begin + self.world.rng.randrange(1, 4)])
            missed = [row for row in rows if row["day"] in gone and row["state"] is BookingState.booked]
            if not missed or max(gone) > self.world.today + timedelta(days=9):
                continue
            told, reason = self.world.chance(0.8), self.world.pick(self.offer.reasons)
            for row in missed:
                row["state"], row["told_in_time"] = BookingState.absent, told
            first = min(row["day"] for row in missed)
            said = min(datetime.combine(first - timedelta(days=3 if told else 0), time(7, 40), clock.zone()), self.world.present)
            absence = {
                "child_id": pupil.id,
                "family_id": pupil.family_id,
                "first_day": first,
                "last_day": max(row["day"] for row in missed),
                "reason_id": reason.id,
                "explanation": self.world.pick(names.ABSENT_BECAUSE) if reason.needs_text else None,
                "declared_at": said,
            }
            self.absences.append((absence, missed))

    def _keep_absences(self):
        if not self.absences:
            return
        made = db.session.execute(
            insert(Absence).returning(Absence.id, sort_by_parameter_order=True), [absence for absence, _rows in self.absences]
        )
        for absence_id, (_absence, rows) in zip(made.scalars(), self.absences, strict=True):
            for row in rows:
                row["absence_id"] = absence_id

    # -- places -------------------------------------------------------------------------------------------------------------------

    def _places(self):
        """Every group has some places more than it needs; on Wednesdays the day and its halves share them, and two are full."""
        there, most = self._there(), {}
        for (unit_id, group_id, _day), count in sorted(there.items(), key=lambda one: (one[0][0] or 0, *one[0][1:])):
            most[unit_id, group_id] = max(most.get((unit_id, group_id), 0), count)
        for (unit_id, group_id), count in most.items():
            db.session.add(Places(unit_id=unit_id, group_id=group_id, places=5 * (round(count * 1.08) // 5 + 1)))
        big = self.offer.groups["wednesday", "big"].id
        for day in self.full_days():
            db.session.add(Places(group_id=big, day=day, places=there[None, big, day]))
        db.session.flush()

    def _there(self):
        """Counter of (unit, group, day): how many are there at the same time; on Wednesdays without the unit."""
        rows = [row for row in self.rows if row["state"] is BookingState.booked and row["group_id"] is not None]
        taken = Counter((row["unit_id"], row["group_id"], row["day"]) for row in rows)
        units = [unit.id for unit in self.offer.activities["wednesday"].units]
        there = Counter({place: count for place, count in taken.items() if place[0] not in units})
        together = at_once(units, conflicts())
        for group_id, day in {place[1:] for place in taken if place[0] in units}:
            there[None, group_id, day] = max(sum(taken[unit_id, group_id, day] for unit_id in one) for one in together)
        return there

    def full_days(self):
        """The Wednesdays without a place: families wait for the first, and are offered one of the second."""
        first, last = (self.world.today + timedelta(days=ahead) for ahead in (14, SCHOOL_AGAIN))
        return self.calendar.open_days(self.offer.activities["wednesday"], first, last)[:2]

    # -- on site ------------------------------------------------------------------------------------------------------------------

    def _attendance(self):
        begins = {unit.id: (unit.starts_at, unit.ends_at, key) for key, unit in self.offer.units.items()}
        here, now = [], clock.local(self.world.present)
        for row in self.rows:
            starts, ends, key = begins[row["unit_id"]]
            if row["day"] > self.world.today:
                continue
            over = row["day"] < self.world.today
            if over or starts < now.time():
                here.append(self._seen(row, starts, ends if over or ends < now.time() else None, key))
        lately = [row for row in here if row["day"] >= self.world.today - timedelta(days=TAPPED)]
        marks = [self._mark(number, row) for number, row in enumerate(lately)]
        for model, rows in ((Attendance, here), (AttendanceMark, marks)):
            for start in range(0, len(rows), CHUNK):
                db.session.execute(insert(model), rows[start : start + CHUNK])

    def _seen(self, row, starts, ends, key):
        gone = row["state"] is BookingState.absent or self.world.chance(0.015)
        leaves = not gone and ends is not None and key in ("short", "long", "whole", "holiday")
        arrived = datetime.combine(row["day"], starts, clock.zone())
        left = datetime.combine(row["day"], ends, clock.zone()) - timedelta(minutes=self.world.rng.randrange(40)) if leaves else None
        return {
            **{name: row[name] for name in ("child_id", "unit_id", "group_id", "day")},
            "state": Mark.absent if gone else Mark.left if leaves else Mark.present,
            "arrived_at": None if gone else arrived,
            "left_at": left,
            "left_with": self.world.pick(names.FETCHED_BY) if leaves and row["day"] >= self.world.today - timedelta(days=TAPPED) else None,
            "marked_at": left or arrived,
            "marked_by": str(self.world.staff["animateur"]),
        }

    @staticmethod
    def _mark(number, row):
        return {
            "id": f"demo-{number:06}",
            **{name: row[name] for name in ("child_id", "unit_id", "day", "left_with")},
            "mark": row["state"],
            "at": row["marked_at"],
            "received_at": row["marked_at"],
            "by": row["marked_by"],
        }

    def _cooked(self):
        """The kitchen's sheets of the last days; one had a second version."""
        for day in [day for day in self.days_of("canteen", None) if day <= self.world.today][-COOKED:]:
            frozen = datetime.combine(day, time(9), clock.zone())
            counts = kitchen.counts_of(kitchen.meals(day).values(), day)
            if not counts or frozen > self.world.present:
                continue
            if day.isoweekday() == 2:
                school = sorted(counts)[0]
                before = {**counts, school: {**counts[school], "standard": max(counts[school]["standard"] - 2, 0)}}
                db.session.add(KitchenSheet(day=day, version=1, counts=before, frozen_at=frozen, frozen_by="Préau"))
                frozen += timedelta(minutes=50)
            version = 2 if day.isoweekday() == 2 else 1
            by = str(self.world.staff["agent"]) if version == 2 else "Préau"
            db.session.add(KitchenSheet(day=day, version=version, counts=counts, frozen_at=frozen, frozen_by=by))

    # -- papers -------------------------------------------------------------------------------------------------------------------

    def _papers(self):
        rows, galbert = [], self.world.homes[0].family.id
        taking_part = [pupil for pupil in self.pupils if pupil.weeks_of and pupil.first]
        for pupil in taking_part:
            missing = pupil.family_id == galbert and "wednesday" not in pupil.weeks_of
            if not missing and self.world.chance(0.86):
                rows.append(self._paper("insurance", pupil.family_id, pupil.id, 0.06))
            if {"wednesday", "holidays"} & set(pupil.weeks_of) and (pupil.family_id == galbert or self.world.chance(0.75)):
                rows.append(self._paper("vaccines", pupil.family_id, pupil.id, 0))
        for home in self.world.homes:
            if home.family.id == galbert or self.world.chance(0.8):
                rows.append(self._paper("address", home.family.id, None, 0.07, soon=home.family.id == galbert))
        made = db.session.execute(insert(Paper).returning(Paper.id, sort_by_parameter_order=True), rows).scalars().all() if rows else []
        self._scan(made[:SCANNED])

    def _paper(self, key, family_id, child_id, expired, soon=False):
        """A paper that the town has: good, about to run out, or run out."""
        kind, today = self.offer.papers[key], self.world.today
        ago = self.world.rng.randrange(20, 80)
        if soon or self.world.chance(0.08):
            ago = 365 - self.world.rng.randrange(6, 25)
        elif self.world.chance(expired):
            ago = 365 + self.world.rng.randrange(2, 50)
        received = today - timedelta(days=ago)
        until = date(received.year + (received.month >= 8), 8, 31)
        if kind.validity is PaperValidity.months:
            until = received + timedelta(days=365)
        return {
            "paper_type_id": kind.id,
            "family_id": family_id,
            "child_id": child_id,
            "received_on": received,
            "valid_until": None if kind.validity is PaperValidity.unlimited else until,
        }

    def _scan(self, ids):
        """Draw some of them; the others were shown at the desk."""
        for paper in db.session.scalars(select(Paper).where(Paper.id.in_(ids)).order_by(Paper.id)):
            content = pictures.paper(str(paper.paper_type), [f"Reçu le {paper.received_on:%d/%m/%Y}"])
            self.world.keep_file(paper, "file_id", content, "papier.jpg", Noun.paper, paper.family_id, paper.child)
        self.world.settle()

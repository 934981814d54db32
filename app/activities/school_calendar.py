"""Where do the school holidays come from? The State's file, and a rule for the years that it does not tell yet."""

import csv
import io
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from holidays.countries.france import France
from sqlalchemy import select

from app.activities.models import HolidaySource, SchoolHoliday
from app.activities.settings import Zone
from app.audit.operations import record
from app.core import clock
from app.core.errors import DomainError
from app.core.i18n import _
from app.extensions import db

DAY = timedelta(days=1)
#: The zones whose holidays follow a rule; the others decide each year anew.
RULED = {Zone.a: "Zone A", Zone.b: "Zone B", Zone.c: "Zone C"}
#: Days are midnights of the zone, or of Paris, as instants: the nearest midnight there is the one that is meant.
TIME_ZONES = {
    Zone.guadeloupe: "America/Guadeloupe",
    Zone.martinique: "America/Martinique",
    Zone.guyane: "America/Cayenne",
    Zone.mayotte: "Indian/Mayotte",
    Zone.reunion: "Indian/Reunion",
    Zone.caledonie: "Pacific/Noumea",
    Zone.polynesie: "Pacific/Tahiti",
    Zone.miquelon: "America/Miquelon",
    Zone.wallis: "Pacific/Wallis",
}
#: Our names of the columns → those of the file, by their code and by their title.
COLUMNS = {
    "name": ("description",),
    "start": ("start_date", "date de début"),
    "end": ("end_date", "date de fin"),
    "zone": ("zones", "zone"),
    "population": ("population",),
}
LARGEST = 5_000_000


@dataclass(frozen=True, order=True)
class Holiday:
    """A school holiday of a zone: its first and last day without lessons."""

    zone: Zone
    first_day: date
    last_day: date
    name: str

    def overlaps(self, other):
        return self.zone == other.zone and self.first_day <= other.last_day and other.first_day <= self.last_day


# -- by rule --------------------------------------------------------------------------------------------------------------------------


def by_rule(zone, first, last):
    """The holidays of a zone between two days, as the habit of many years has them; none where there is no such habit."""
    if zone not in RULED:
        return []
    found = France(subdiv=RULED[zone], years=range(first.year, last.year + 1), categories=("school",), language="fr")
    days = [(day, name) for day, name in sorted(found.items()) if first <= day <= last]
    # Days of one holiday follow each other and have one name.
    stretches = groupby(enumerate(days), key=lambda item: (item[1][0].toordinal() - item[0], item[1][1]))
    rows = ([day for _number, (day, _name) in group] for _key, group in stretches)
    return [Holiday(zone, days[0], days[-1], found[days[0]]) for days in rows]


def work_out():
    """Write the holidays of this and the next school year that no file and nobody in the town has told; returns how many."""
    first = date(school_year(clock.today()), 9, 1)
    last = date(first.year + 2, 8, 31)
    kept = db.session.scalars(select(SchoolHoliday).where(SchoolHoliday.last_day >= first, SchoolHoliday.first_day <= last)).all()
    told = [_as_holiday(row) for row in kept]
    official = [_as_holiday(row) for row in kept if row.source is HolidaySource.official]
    new = [
        holiday
        for zone in RULED
        for holiday in by_rule(zone, first, last)
        if not _told_better(holiday, official) and not any(holiday.overlaps(other) for other in told)
    ]
    db.session.add_all(_row(holiday, HolidaySource.rule) for holiday in new)
    return len(new)


def school_year(day):
    """The year in which the school year of a day began."""
    return day.year if day.month >= 9 else day.year - 1


def _told_better(holiday, official):
    """Whether the official calendar speaks of a holiday's school year. A summer may still be missing from it."""
    year = [other for other in official if other.zone == holiday.zone and school_year(other.first_day) == school_year(holiday.first_day)]
    if holiday.first_day.month in (7, 8):
        return any(holiday.overlaps(other) for other in year)
    return bool(year)


# -- by the State's file --------------------------------------------------------------------------------------------------------------


def read_official(content):
    """The holidays in a file of the data set `fr-en-calendrier-scolaire`. Raises DomainError with a sentence."""
    if len(content) > LARGEST:
        raise DomainError(_("This file is too large for a calendar."))
    try:
        rows = list(csv.reader(io.StringIO(_text(content)), delimiter=";" if content[:2000].count(b";") >= 3 else ","))
    except csv.Error as problem:
        raise DomainError(_wrong_file()) from problem
    places = _places(rows[0] if rows else [])
    # A file has a line for each academy: what most of a zone say counts.
    counts = Counter()
    for number, row in enumerate(rows[1:], 2):
        if any(cell.strip() for cell in row):
            for holiday in _holidays_of(row, places, number):
                counts[holiday] += 1
    best = {}
    for holiday, _count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        best.setdefault((holiday.zone, school_year(holiday.first_day), holiday.name), holiday)
    if not best:
        raise DomainError(_("This file has no school holidays of a zone that we know."))
    return sorted(best.values())


def _wrong_file():
    return _("This is not the official school calendar: a CSV file with the columns description, start_date, end_date and zones.")


def _text(content):
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _places(header):
    names = [cell.strip().lower() for cell in header]
    places = {ours: next((names.index(name) for name in theirs if name in names), None) for ours, theirs in COLUMNS.items()}
    if any(places[name] is None for name in ("name", "start", "end", "zone")):
        raise DomainError(_wrong_file())
    return places


def _holidays_of(row, places, number):
    try:
        told = {ours: row[place].strip() if place is not None else "" for ours, place in places.items()}
        zone = next((zone for zone in Zone if str(zone.label) == told["zone"]), None)
        # Teachers come back earlier; that is not the children's day.
        if zone is None or told["population"].lower().startswith("enseignant"):
            return
        leave, back = (_local_day(told[name], zone) for name in ("start", "end"))
    except (ValueError, IndexError, OverflowError) as problem:
        raise DomainError(
            _("Line %(number)d of the file cannot be read: its dates or columns are not as expected.", number=number)
        ) from problem
    # Children leave after lessons on the first of the two days and are back on the morning of the other.
    last = back - DAY if back > leave else _end_of_summer(zone, leave)
    if last > leave:
        yield Holiday(zone, leave + DAY, last, told["name"][:60])


def _local_day(text, zone):
    if len(text) <= 10:
        return date.fromisoformat(text)
    instant = datetime.fromisoformat(text).astimezone(ZoneInfo(TIME_ZONES.get(zone, "Europe/Paris")))
    return instant.date() + (DAY if instant.time() >= time(12) else timedelta(0))


def _end_of_summer(zone, start):
    """Of a later year's summer the file tells the first day alone: it ends as it always has, in August at the earliest."""
    if start.month not in (6, 7):
        return start
    ruled = by_rule(zone, date(start.year, 7, 1), date(start.year, 9, 30))
    return ruled[-1].last_day if ruled else date(start.year, 8, 31)


@dataclass(frozen=True)
class Difference:
    """What an import does to one holiday: `what` is new, same or changed; `instead` are the rows that it takes the place of."""

    holiday: Holiday
    what: str
    instead: tuple = ()


def differences(holidays):
    """What an import of these would do, holiday by holiday; those of years gone by are left out."""
    kept = db.session.scalars(select(SchoolHoliday).order_by(SchoolHoliday.first_day)).all()
    begin = date(school_year(clock.today()), 9, 1)
    return [_difference(holiday, kept) for holiday in holidays if holiday.last_day >= begin]


def _difference(holiday, kept):
    rows = [row for row in kept if holiday.overlaps(_as_holiday(row))]
    same = len(rows) == 1 and rows[0].source is HolidaySource.official and _as_holiday(rows[0]) == holiday
    return Difference(holiday, "same" if same else "changed" if rows else "new", tuple(rows))


def take_over(holidays, *, by):
    """Write the official holidays in place of what was there; returns how many were new or changed. Within the open unit of work."""
    found = [one for one in differences(holidays) if one.what != "same"]
    for row in {row.id: row for one in found for row in one.instead}.values():
        db.session.delete(row)
    db.session.flush()
    db.session.add_all(_row(one.holiday, HolidaySource.official) for one in found)
    for row in db.session.scalars(select(SchoolHoliday).where(SchoolHoliday.source == HolidaySource.rule)):
        if _told_better(_as_holiday(row), holidays):
            db.session.delete(row)
    db.session.flush()
    record("school_holiday.imported", by=by, noun="school_holiday", note=str(len(found)))
    return len(found)


def sealed(holidays):
    """Holidays as JSON values, for a form that asks first."""
    return [{name: str(value) if name == "name" else _plain(value) for name, value in asdict(holiday).items()} for holiday in holidays]


def unsealed(values):
    """What sealed() was given."""
    return [
        Holiday(Zone(one["zone"]), date.fromisoformat(one["first_day"]), date.fromisoformat(one["last_day"]), one["name"]) for one in values
    ]


def _plain(value):
    return value.isoformat() if isinstance(value, date) else value.value


def _as_holiday(row):
    return Holiday(Zone(row.zone), row.first_day, row.last_day, row.name)


def _row(holiday, source):
    return SchoolHoliday(zone=holiday.zone.value, name=holiday.name, first_day=holiday.first_day, last_day=holiday.last_day, source=source)

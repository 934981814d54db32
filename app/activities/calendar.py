"""On which days is an activity open, and if it is not, why?"""

from datetime import date, timedelta
from functools import cache, lru_cache

from flask_babel import get_locale
from holidays.countries.france import France
from sqlalchemy import JSON, Boolean, Date, Integer, String, bindparam, cast, literal, null, select, union_all

from app.activities import settings
from app.activities.models import CalendarException, SchoolHoliday, Season
from app.core.i18n import _, date_text
from app.core.settings import Setting, keep
from app.extensions import db

#: Deadlines look back from the first day: over the summer, and a long notice.
LOOK_BACK = timedelta(days=120)
#: A holiday centre is booked weeks ahead of holidays that are months away.
LOOK_AHEAD = timedelta(days=150)
DAY = timedelta(days=1)


@lru_cache(maxsize=200)
def public_holidays(subdivision, year, language="fr"):
    """{day: name} of the public holidays of a year, in French or English."""
    place = None if subdivision == "metropolitan" else subdivision.upper()
    return dict(France(subdiv=place, years=year, language="fr" if language == "fr" else "en_US").items())


#: The columns of the one list, of the right type for PostgreSQL, and what its parts give of them.
COLUMNS = {
    "id": Integer,
    "first_day": Date,
    "last_day": Date,
    "reason": String,
    "open": Boolean,
    "activity_id": Integer,
    "school_id": Integer,
    "zone": String,
    "value": JSON,
}


class Calendar:
    """What a stretch of days looks like for the town: read once, asked often."""

    def __init__(self, school_holidays, exceptions, subdivision):
        """`school_holidays`: {day: name}; `exceptions`: {day: [rows of CalendarException]}, the latest one last."""
        self._school_holidays, self._exceptions, self._subdivision = school_holidays, exceptions, subdivision
        self._language = "fr" if str(get_locale() or "fr").startswith("fr") else "en"
        self._known = {}

    @classmethod
    def between(cls, first, last):
        """The calendar of the days from first to last, and the settings, in one query; and the days that deadlines look back to."""
        begin = first - LOOK_BACK
        rows = db.session.execute(_everything(), {"begin": begin, "last": last}).all()
        keep({row.reason: row.value for row in rows if row.what == "setting"})
        zone, school, by_day = settings.zone().value, {}, {}
        for row in sorted((row for row in rows if row.what != "setting"), key=lambda row: row.id):
            for day in days_between(max(row.first_day, begin), min(row.last_day, last)):
                if row.what == "exception":
                    by_day.setdefault(day, []).append(row)
                elif row.zone == zone:
                    school[day] = row.reason
        return cls(school, by_day, settings.subdivision().value)

    def with_holidays(self, holidays):
        """This calendar with more school holidays: {day: name} of what is not written yet."""
        more = Calendar({**self._school_holidays, **holidays}, self._exceptions, self._subdivision)
        return more if holidays else self

    # -- the year ---------------------------------------------------------------------------------------------------------------------

    def public_holiday(self, day):
        """The name of the public holiday that a day is, in the reader's language; None on other days."""
        return public_holidays(self._subdivision, day.year, self._language).get(day)

    def is_public_holiday(self, day):
        return self.public_holiday(day) is not None

    def school_holiday(self, day):
        """The name of the school holiday that a day lies in; None while there are lessons."""
        return self._school_holidays.get(day)

    def town_closed(self, day):
        """Why the whole town is closed on a day, whatever the activity and the school; None where it is not."""
        return self._judged(day, None, None)[1]

    # -- an activity ------------------------------------------------------------------------------------------------------------------

    def closed_because(self, activity, day, school_id=None):
        """Why an activity is closed on a day, as families read it; None where it is open."""
        key = activity.id, day, school_id
        if key not in self._known:
            self._known[key] = self._closed_because(activity, day, school_id)
        return self._known[key]

    def is_open(self, activity, day, school_id=None):
        return self.closed_because(activity, day, school_id) is None

    def open_days(self, activity, first, last, school_id=None):
        """The days from first to last on which an activity is open."""
        return [day for day in days_between(first, last) if self.is_open(activity, day, school_id)]

    def _closed_because(self, activity, day, school_id):
        if activity.starts_on is not None and day < activity.starts_on:
            return _("Begins on %(day)s", day=date_text(activity.starts_on, "long"))
        if activity.ends_on is not None and day > activity.ends_on:
            return _("Ended on %(day)s", day=date_text(activity.ends_on, "long"))
        known, closed = self._judged(day, activity.id, school_id)
        if known:
            return closed
        if day.isoweekday() not in activity.weekdays:
            return _("Closed on this day of the week")
        return self.public_holiday(day) or self._out_of_season(activity.season, self.school_holiday(day))

    @staticmethod
    def _out_of_season(season, holiday):
        if season is Season.school:
            return holiday
        return _("Open in the school holidays only") if season is Season.holidays and holiday is None else None

    def _judged(self, day, activity_id, school_id):
        """(whether the town itself decided about this day, why it is closed): the most precise exception, of those the latest."""
        rows = [
            (row.activity_id is not None, row.school_id is not None, row)
            for row in self._exceptions.get(day, ())
            if row.activity_id in (None, activity_id) and row.school_id in (None, school_id)
        ]
        if not rows:
            return False, None
        # max() keeps the first of equals, so the latest has to come first.
        winner = max(reversed(rows), key=lambda found: found[0] + found[1])[2]
        return True, None if winner.open else winner.reason


@cache
def _everything():
    """What the town has set, the school holidays of every zone, and what the town itself decided, in one list."""
    holiday, own = SchoolHoliday, CalendarException
    return union_all(
        _part("setting", reason=Setting.key, value=Setting.value),
        _dated("holiday", holiday, reason=holiday.name, zone=holiday.zone),
        _dated("exception", own, reason=own.reason, open=own.open, activity_id=own.activity_id, school_id=own.school_id),
    )


def _part(what, **given):
    columns = ((given[name] if name in given else cast(null(), kind())).label(name) for name, kind in COLUMNS.items())
    return select(literal(what).label("what"), *columns)


def _dated(what, model, **given):
    query = _part(what, id=model.id, first_day=model.first_day, last_day=model.last_day, **given)
    return query.where(model.first_day <= bindparam("last"), model.last_day >= bindparam("begin"))


def days_between(first: date, last: date):
    """The days from first to last, both included."""
    return [first + DAY * number for number in range((last - first).days + 1)]

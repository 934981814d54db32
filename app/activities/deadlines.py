"""Until when may a family book, or cancel? The rules of towns, as they write them.

A rule is JSON, one of
    {"mode": "none"}: until the day begins;
    {"mode": "days", "days": 2, "at": "12:00", "skip": [...]}: so many days before, those of `skip` not counted;
    {"mode": "week", "weekday": 4, "at": "12:00", "weeks": 1, "skip": [...]}: the Thursday of the week before;
    {"mode": "table", "days": {"1": [5, "11:00"]}, "skip": [...]}: for a Monday, the Friday before; other days until they begin.
`skip` names kinds of days. Where the day of a week or a table falls on one, the last day before that is none counts.
Times are those of the town's wall clock. "23:59" lasts to the end of its minute.
"""

import re
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache

from babel import Locale
from babel.lists import format_list
from flask_babel import get_locale

from app.core import clock
from app.core.errors import DomainError
from app.core.i18n import _, _l, _n

#: What a rule may leave out of its count: (how families read it, whether a day is one).
SKIPS = {
    "weekends": (_l("weekends"), lambda calendar, day: day.isoweekday() > 5),
    "holidays": (_l("public holidays"), lambda calendar, day: calendar.is_public_holiday(day)),
    "closed": (_l("days when the town is closed"), lambda calendar, day: calendar.town_closed(day) is not None),
    "school_holidays": (_l("school holidays"), lambda calendar, day: calendar.school_holiday(day) is not None),
}
MODES = {
    "none": _l("until the day begins"),
    "days": _l("some days before"),
    "week": _l("a day of an earlier week"),
    "table": _l("another day for each day of the week"),
}
MOST_DAYS, MOST_WEEKS = 30, 8
DAY = timedelta(days=1)
#: No count runs further back: what is never open has no deadline.
FURTHEST = 120


def deadline(rule, day, calendar):
    """The last instant at which a family may ask for a day; None where the rule finds no day."""
    return DAYS[rule["mode"]](rule, day, calendar)


def to_come(rule, days, calendar):
    """(the deadline, the day) of each of these days that can still be booked in time."""
    for day in days:
        until = deadline(rule, day, calendar)
        if until is not None and until > clock.now():
            yield until, day


def passed(rule, day, calendar, at):
    """Whether an instant is too late for a day."""
    last = deadline(rule, day, calendar)
    return last is None or at > last


def _none(rule, day, calendar):
    # The day has begun at midnight: whoever asks at that very instant is too late.
    return _instant(day, "00:00") - timedelta(microseconds=1)


def _days(rule, day, calendar):
    counts, left = _counts(rule, calendar), rule["days"]
    for _step in range(FURTHEST):
        if left == 0:
            return _instant(day, rule["at"])
        day -= DAY
        left -= counts(day)
    return None


def _week(rule, day, calendar):
    monday = day - timedelta(days=day.weekday(), weeks=rule["weeks"])
    return _moved(rule, monday + timedelta(days=rule["weekday"] - 1), rule["at"], calendar)


def _table(rule, day, calendar):
    if str(day.isoweekday()) not in rule["days"]:
        return _none(rule, day, calendar)
    weekday, at = rule["days"][str(day.isoweekday())]
    before = (day.isoweekday() - weekday - 1) % 7 + 1
    return _moved(rule, day - timedelta(days=before), at, calendar)


DAYS = {"none": _none, "days": _days, "week": _week, "table": _table}


def _counts(rule, calendar):
    skips = [SKIPS[name][1] for name in rule.get("skip", ())]
    return lambda day: not any(skip(calendar, day) for skip in skips)


def _moved(rule, day, at, calendar):
    counts = _counts(rule, calendar)
    for _step in range(FURTHEST):
        if counts(day):
            return _instant(day, at)
        day -= DAY
    return None


def _instant(day, at):
    """A time of the town's wall clock as an instant in UTC.

    An hour that the clock shows twice, or not at all, is read in the family's favour: the later one.
    """
    return _in_utc(day, at, clock.zone())


@lru_cache(maxsize=4096)
def _in_utc(day, at, zone):
    end = time(23, 59, 59, 999_999) if at == "23:59" else time.fromisoformat(at)
    return max(datetime.combine(day, end.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1))


# -- in words -------------------------------------------------------------------------------------------------------------------------


def describe(rule):
    """A rule in a sentence or two, for parents."""
    return WORDS[rule["mode"]](rule)


def _describe_none(rule):
    return _("Until midnight, the evening before.")


def _describe_days(rule):
    at, days, skip = rule["at"], rule["days"], set(rule.get("skip", ()))
    if days == 0:
        return _("Until %(time)s on the day itself.", time=at)
    if {"weekends", "holidays"} <= skip:
        first = _n("Until %(time)s, %(num)d working day before.", "Until %(time)s, %(num)d working days before.", days, time=at)
        skip -= {"weekends", "holidays"}
    elif days == 1:
        first = _("Until %(time)s the day before.", time=at)
    else:
        first = _n("Until %(time)s, %(num)d day before.", "Until %(time)s, %(num)d days before.", days, time=at)
    return f"{first} {_left_out(skip)}" if skip else first


def _describe_week(rule):
    words = {"weekday": weekday_name(rule["weekday"]), "time": rule["at"]}
    if rule["weeks"] == 0:
        first = _("Until %(weekday)s %(time)s of the same week.", **words)
    elif rule["weeks"] == 1:
        first = _("Until %(weekday)s %(time)s for the next week.", **words)
    else:
        first = _n(
            "Until %(weekday)s %(time)s, %(num)d week before.", "Until %(weekday)s %(time)s, %(num)d weeks before.", rule["weeks"], **words
        )
    return _and_moved(first, rule)


def _describe_table(rule):
    lines = [
        _("For %(day)s: until %(weekday)s %(time)s.", day=weekday_name(int(day)), weekday=weekday_name(weekday), time=at)
        for day, (weekday, at) in sorted(rule["days"].items())
    ]
    return _and_moved(" ".join(lines), rule)


WORDS = {"none": _describe_none, "days": _describe_days, "week": _describe_week, "table": _describe_table}


def _and_moved(text, rule):
    if not rule.get("skip"):
        return text
    return text + " " + _("Not on %(days)s: then the day before.", days=_listed(rule["skip"]))


def _left_out(skip):
    days = _listed(skip)
    return _("%(days)s are not counted.", days=days[:1].upper() + days[1:])


def _listed(skip):
    return format_list([str(label) for name, (label, _test) in SKIPS.items() if name in skip], locale=get_locale() or "en")


def weekday_name(number):
    """The name of a day of the week: Monday is 1."""
    return (get_locale() or Locale("en")).days["format"]["wide"][number - 1]


# -- rules that can be kept -----------------------------------------------------------------------------------------------------------


def checked(rule):
    """The rule, complete and in one form. Raises DomainError where it cannot be understood."""
    return CHECKS.get(rule.get("mode"), _unknown)(rule)


def _unknown(rule):
    raise DomainError(_("Choose how the deadline is counted."))


def _check_days(rule):
    days = _whole(rule.get("days"), 0, MOST_DAYS, _l("How many days before? Between 0 and 30."))
    return {"mode": "days", "days": days, "at": _time(rule.get("at")), "skip": _skip(rule)}


def _check_week(rule):
    weeks = _whole(rule.get("weeks"), 0, MOST_WEEKS, _l("How many weeks before? Between 0 and 8."))
    return {"mode": "week", "weekday": _weekday(rule.get("weekday")), "at": _time(rule.get("at")), "weeks": weeks, "skip": _skip(rule)}


def _check_table(rule):
    days = {str(_weekday(day)): [_weekday(weekday), _time(at)] for day, (weekday, at) in sorted((rule.get("days") or {}).items(), key=str)}
    if not days:
        raise DomainError(_("Give a deadline for one day of the week at least."))
    return {"mode": "table", "days": days, "skip": _skip(rule)}


CHECKS = {"none": lambda rule: {"mode": "none"}, "days": _check_days, "week": _check_week, "table": _check_table}


def _whole(value, least, most, sentence):
    if not str(value).isascii() or not str(value).isdecimal() or not least <= int(value) <= most:
        raise DomainError(str(sentence))
    return int(value)


def _weekday(value):
    return _whole(value, 1, 7, _l("Choose a day of the week."))


def _time(value):
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", str(value or "")):
        raise DomainError(_("Until what time? For instance 12:00."))
    return value


def _skip(rule):
    return [name for name in SKIPS if name in (rule.get("skip") or ())]

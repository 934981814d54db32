"""What time is it? The only source of time, so that tests and demonstrations can set it."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import current_app

_shift = timedelta(0)
_stopped = None


def now():
    """The present instant, aware, in UTC."""
    return _stopped or datetime.now(UTC) + _shift


def zone():
    """The town's time zone (communes overseas set TIMEZONE)."""
    return ZoneInfo(current_app.config["TIMEZONE"])


def today():
    """The town's local date."""
    return local(now()).date()


def local(instant):
    """An aware instant as the town's wall clock shows it."""
    return instant.astimezone(zone())


def advance(**duration):
    """Move the clock forward by timedelta(**duration), for tests and demonstrations."""
    global _shift
    _shift += timedelta(**duration)


def set_to(instant):
    """Let the clock run from this aware instant, for tests and demonstrations."""
    global _shift
    _shift = instant - datetime.now(UTC)


def reset():
    """Let the clock tell the real time again."""
    global _shift, _stopped
    _shift, _stopped = timedelta(0), None


def stop_at(instant):
    """Let the clock stand still at this aware instant; None lets it run on. For the demo town, which is the same to the second."""
    global _stopped
    _stopped = instant


def age(born: date, on: date):
    """Completed years on a day; someone born on 29 February turns on 1 March in common years."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))

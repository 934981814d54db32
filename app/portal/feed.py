"""How does a parent's own calendar show the bookings? A secret address that it reads, which the parent makes, shows and revokes."""

from datetime import UTC, datetime, time, timedelta

from flask import Response, abort, current_app, flash, redirect, url_for
from flask_appbuilder import BaseView, expose
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.activities.models import Activity, Booking, BookingState, PlaceAsked, Rank, Unit, Wish
from app.children.models import Child
from app.core import clock
from app.core.db import unit_of_work
from app.core.i18n import _, in_locale
from app.extensions import db
from app.portal.views import PortalView
from app.security.feeds import feed_of, find_feed, new_feed, revoke_feed
from app.security.guard import LOGS, writes
from app.security.who_sees_what import Noun

#: What a calendar is told: some weeks back, and as far as people book.
BEFORE, AFTER = timedelta(days=30), timedelta(days=400)
#: RFC 5545, 3.1: longer lines are folded, counted in bytes.
LINE = 75


class FeedView(PortalView):
    """Make, see, renew and revoke the address."""

    class_permission_name = Noun.booking.value
    method_permission_name = {"feed": "read", "make": "read", "revoke": "read"}

    @expose("/agenda/calendrier/")
    def feed(self):
        found = self._enter()
        feed = feed_of(current_user.id, found.family_id)
        address = url_for("CalendarView.calendar", secret=feed.secret, _external=True) if feed else ""
        return self.render_template("portal/feed.html", title=_("In my own calendar"), feed=feed, address=address)

    @expose("/agenda/calendrier/adresse", methods=["POST"])
    @writes(LOGS | {"calendar_feed"})
    def make(self):
        found = self._enter()
        with unit_of_work():
            new_feed(current_user.id, found.family_id, by=current_user._get_current_object())
        flash(_("Here is your address. Paste it into your calendar."), "success")
        return redirect(url_for("FeedView.feed"), code=303)

    @expose("/agenda/calendrier/fermer", methods=["POST"])
    @writes(LOGS | {"calendar_feed"})
    def revoke(self):
        found = self._enter()
        with unit_of_work():
            revoke_feed(current_user.id, found.family_id, by=current_user._get_current_object())
        flash(_("The address leads nowhere any more."), "success")
        return redirect(url_for("FeedView.feed"), code=303)

    def _enter(self):
        found = self.enter(Noun.booking)
        if found.by_clerk:
            # The address belongs to a parent's account: a clerk has none here.
            abort(403)
        return found


class CalendarView(BaseView):
    """The calendar itself: open to the world, at an address that nobody can guess."""

    route_base = "/calendrier"

    @expose("/<secret>.ics")
    def calendar(self, secret):
        account, family_id = find_feed(secret) or abort(404)
        with in_locale(account.locale):
            text = calendar_text(family_id)
        response = Response(text, mimetype="text/calendar")
        response.headers["X-Robots-Tag"] = "noindex"
        response.headers["Content-Disposition"] = 'inline; filename="agenda.ics"'
        return response


def calendar_text(family_id):
    """The family's bookings and what waits, as iCalendar."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Préau//Agenda//FR", "CALSCALE:GREGORIAN", "METHOD:PUBLISH"]
    lines += [
        "X-WR-CALNAME:" + escape(_("Family portal of %(town)s", town=current_app.config["TOWN_NAME"])),
        "REFRESH-INTERVAL;VALUE=DURATION:PT4H",
        "X-PUBLISHED-TTL:PT4H",
    ]
    for row in _booked(family_id):
        lines += event(row, f"booking-{row.id}", "CONFIRMED", f"{row.child.first_name} – {row.unit.title}")
    for row in _asked(family_id):
        title = _("%(child)s – %(service)s (waiting)", child=row.child.first_name, service=row.unit.title)
        lines += event(row, f"asked-{row.id}", "TENTATIVE", title)
    return "".join(f"{fold(line)}\r\n" for line in [*lines, "END:VCALENDAR"])


def _days(model, family_id):
    first, last = clock.today() - BEFORE, clock.today() + AFTER
    mine = (model.family_id == family_id) & model.child_id.in_(Child.ids_of(family_id)) & model.day.between(first, last)
    # A unit's title depends on how many units its activity has.
    units = joinedload(model.unit).joinedload(Unit.activity).selectinload(Activity.units)
    return select(model).where(mine).options(joinedload(model.child), units).order_by(model.day, model.id)


def _booked(family_id):
    return db.session.scalars(_days(Booking, family_id).where(Booking.state == BookingState.booked)).unique().all()


def _asked(family_id):
    waits = (PlaceAsked.wish == Wish.book) & (PlaceAsked.rank != Rank.closed)
    return db.session.scalars(_days(PlaceAsked, family_id).where(waits)).unique().all()


def event(row, uid, status, title):
    """The lines of one day of one child. An hour is told in UTC, so that no calendar needs to know our zone."""
    yield from ("BEGIN:VEVENT", f"UID:{uid}@preau", f"DTSTAMP:{_stamp(row.asked_at)}")
    if row.unit.starts_at and row.unit.ends_at:
        yield f"DTSTART:{_stamp(_at(row.day, row.unit.starts_at))}"
        yield f"DTEND:{_stamp(_at(row.day, row.unit.ends_at))}"
    else:
        yield f"DTSTART;VALUE=DATE:{row.day:%Y%m%d}"
        yield f"DTEND;VALUE=DATE:{row.day + timedelta(days=1):%Y%m%d}"
    yield from (f"SUMMARY:{escape(title)}", f"STATUS:{status}", "TRANSP:TRANSPARENT", "END:VEVENT")


def _at(day, hour: time):
    return datetime.combine(day, hour, tzinfo=clock.zone())


def _stamp(instant):
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def escape(text):
    """A text as iCalendar wants it (RFC 5545, 3.3.11)."""
    text = str(text).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return text.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")


def fold(line):
    """A line of at most 75 bytes, going on after a space; no letter is cut in two."""
    found, size = [""], 0
    for letter in line:
        width = len(letter.encode())
        if size + width > LINE:
            found.append(" ")
            size = 1
        found[-1] += letter
        size += width
    return "\r\n".join(found)

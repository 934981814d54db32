"""How does a family say that a child does not come? From a day to a day, with a reason of the town's list."""

from datetime import date, timedelta

from flask import g
from flask_babel import get_locale
from sqlalchemy import select
from wtforms import DateField, SelectField
from wtforms.validators import Optional

from app.activities import deadlines
from app.activities.calendar import Calendar
from app.activities.changes.words import child_name, day_in_words, unit_title
from app.activities.models import Absence, AbsenceReason, Booking, BookingState, PlaceAsked, Rank, Wish
from app.activities.places import lock
from app.activities.waiting import offer_all
from app.changes.forms import SectionForm
from app.changes.kinds import Finding, Kind, Tab, register
from app.changes.models import Act, Lane
from app.children.models import Child
from app.children.queries import child_of
from app.core import clock
from app.core.codec import encode
from app.core.errors import DomainError
from app.core.forms import LongText, Required, option
from app.core.i18n import _, _l, _n, date_text
from app.documents.forms import UploadField
from app.extensions import db
from app.security.who_sees_what import Noun

#: A family may still tell an absence of so long ago; it was then told too late, but a certificate may say why.
LOOKS_BACK = timedelta(days=15)
#: What is longer is the end of an enrolment.
LONGEST = timedelta(days=366)


def reasons():
    """[(id, title in the reader's language, whether it needs a text, takes a certificate, is never charged)] of the town's open list."""
    return [(number, _in_words(titles), *about) for number, (titles, is_open, about) in _known_reasons().items() if is_open]


def _known_reasons():
    """{id: ((titles), whether it is open, what it is about)} of all reasons; read once a page, not once a request."""
    if "absence_reasons" not in g:
        rows = db.session.scalars(select(AbsenceReason).order_by(AbsenceReason.rank, AbsenceReason.id))
        g.absence_reasons = {
            row.id: ((row.title, row.title_en), row.open, (row.needs_text, row.takes_certificate, row.never_charged)) for row in rows
        }
    return g.absence_reasons


def _in_words(titles):
    french, english = titles
    return (str(get_locale() or "fr").startswith("en") and english) or french


def booked(child_id, family_id, first, last, unit_id=None):
    """The bookings of a household that an absence is about: those that count, and of which no open request says anything yet."""
    told = select(PlaceAsked.id).where(
        PlaceAsked.child_id == Booking.child_id, PlaceAsked.unit_id == Booking.unit_id, PlaceAsked.day == Booking.day
    )
    query = select(Booking).where(Booking.child_id == child_id, Booking.family_id == family_id, Booking.day.between(first, last))
    query = query.where(Booking.state == BookingState.booked, ~told.where(PlaceAsked.rank != Rank.closed).exists())
    if unit_id:
        query = query.where(Booking.unit_id == unit_id)
    return db.session.scalars(query.order_by(Booking.unit_id, Booking.day)).all()


def units_booked(child_id, family_id, first, last):
    """The ids of the units that a household has booked for a child in a stretch of days."""
    query = select(Booking.unit_id).where(Booking.child_id == child_id, Booking.family_id == family_id, Booking.day.between(first, last))
    return db.session.scalars(query.distinct()).all()


def in_time(bookings, at):
    """{id of a booking: whether an absence that was told at an instant was told in time}."""
    if not bookings:
        return {}
    calendar = Calendar.between(min(row.day for row in bookings), max(row.day for row in bookings))
    return {row.id: not deadlines.passed(row.unit.activity.cancelling_rule, row.day, calendar, at) for row in bookings}


class AbsenceForm(SectionForm):
    """From when to when, from what, and why."""

    first_day = DateField(_l("First day"), [Required()])
    last_day = DateField(_l("Last day"), [Required()])
    unit_id = SelectField(_l("From what?"), [Optional()], coerce=lambda value: int(value) if value else None)
    reason_id = SelectField(_l("Why?"), [Required()], coerce=lambda value: int(value) if value else None)
    explanation = LongText(_l("In your own words"), longest=500)
    certificate_id = UploadField(_l("Certificate (it may follow later)"), noun=Noun.paper)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.unit_id.choices = [option("", _("everything that is booked")), *(option(*unit) for unit in self._units())]
        self.reason_id.choices = [option("", _("choose")), *(option(number, title) for number, title, *_about in reasons())]

    def _units(self):
        """The units of which the child has bookings to come."""
        if self.token is None or not self.token["child"]:
            return []
        mine = select(Booking.unit_id).where(Booking.child_id == self.token["child"], Booking.family_id == self.token["family"])
        ids = db.session.scalars(mine.where(Booking.day >= clock.today() - LOOKS_BACK).distinct().order_by(Booking.unit_id))
        return [(number, unit_title(number)) for number in ids]


@register
class AbsenceKind(Kind):
    """A child does not come: its bookings are marked, its places go to others."""

    name, noun, tab = "absence", Noun.booking, Tab.absences
    title = _l("Absence")
    model = Absence
    form = AbsenceForm
    acts = frozenset({Act.add})
    #: Illness: why a child is absent stays out of the log.
    secret = True

    def of_family(self, family_id):
        return (Absence.family_id == family_id) & Absence.child_id.in_(Child.ids_of(family_id))

    def parent(self, child_id, family_id):
        return child_of(family_id, child_id) if child_id else None

    # -- rules ------------------------------------------------------------------------------------------------------------------------

    def refuse_if_invalid(self, proposal, family_id):
        if self.parent(proposal.child_id, family_id) is None:
            raise DomainError(_("This child is not in your file."))
        after = proposal.after
        first, last = self._days(after)
        self._refuse_days(first, last, proposal.by_clerk)
        self._refuse_reason(after)
        if not booked(proposal.child_id, family_id, first, last, after.get("unit_id")):
            raise DomainError(self._nothing(proposal.child_id, first, last))

    @staticmethod
    def _days(values):
        if not values.get("first_day") or not values.get("last_day"):
            raise DomainError(_("Choose the first and the last day."))
        return date.fromisoformat(values["first_day"]), date.fromisoformat(values["last_day"])

    @staticmethod
    def _refuse_days(first, last, by_clerk):
        if last < first:
            raise DomainError(_("The last day comes before the first."))
        if last - first > LONGEST:
            raise DomainError(_("An absence lasts a year at most."))
        if first < clock.today() - LOOKS_BACK and not by_clerk:
            raise DomainError(_("This absence is too long ago: write to the town hall."))

    @staticmethod
    def _refuse_reason(values):
        reason = db.session.get(AbsenceReason, values.get("reason_id") or 0)
        if reason is None or not reason.open:
            raise DomainError(_("Choose a reason of the list."))
        if reason.needs_text and not (values.get("explanation") or "").strip():
            raise DomainError(_("Say in your own words why."))

    @staticmethod
    def _nothing(child_id, first, last):
        words = {"child": child_name(child_id), "first": date_text(first, "long"), "last": date_text(last, "long")}
        if first == last:
            return _("Nothing is booked for %(child)s on %(first)s.", **words)
        return _("Nothing is booked for %(child)s from %(first)s to %(last)s.", **words)

    # -- what it is about while it is open ----------------------------------------------------------------------------------------------

    def _asked(self, request):
        values = {name: pair["after"] for name, pair in request.changes.items()}
        return (*self._days(values), values.get("unit_id"))

    def sent(self, request):
        rows = booked(request.child_id, request.family_id, *self._asked(request))
        told = in_time(rows, request.asked_at)
        for row in rows:
            db.session.add(
                PlaceAsked(
                    request=request,
                    child_id=row.child_id,
                    family_id=row.family_id,
                    unit_id=row.unit_id,
                    group_id=row.group_id,
                    day=row.day,
                    wish=Wish.absence,
                    rank=Rank.holds,
                    asked_at=request.asked_at,
                    late=not told[row.id],
                )
            )
        db.session.flush()

    def _days_of(self, request):
        query = select(PlaceAsked).where(PlaceAsked.request_id == request.id, PlaceAsked.rank != Rank.closed)
        return db.session.scalars(query.order_by(PlaceAsked.unit_id, PlaceAsked.day)).all()

    def closed(self, request):
        for ask in self._days_of(request):
            ask.move_to(Rank.closed)
        db.session.flush()

    # -- what the clerk reads, and what acceptance does -----------------------------------------------------------------------------------

    def check(self, request, target):
        rows = self._days_of(request)
        late = sum(row.late for row in rows)
        findings = [Finding(Lane.green, _n("%(num)d booking is concerned.", "%(num)d bookings are concerned.", len(rows)))]
        if late:
            findings.append(Finding(Lane.green, _n("%(num)d day was told too late.", "%(num)d days were told too late.", late)))
            if self._never_charged(request):
                findings.append(Finding(Lane.look, _("With this reason a day is not charged, however late it was told.")))
        if request.changes.get("explanation"):
            findings.append(Finding(Lane.look, _("The family says why in its own words: read them.")))
        if request.files:
            findings.append(Finding(Lane.papers, _("Look at the certificate.")))
        return findings

    @staticmethod
    def _never_charged(request):
        reason = db.session.get(AbsenceReason, request.changes["reason_id"]["after"])
        return reason is not None and reason.never_charged

    def create(self, values, *, request):
        """The absence: what is still booked is marked, and the places are offered to others."""
        if child_of(request.family_id, request.child_id) is None:
            raise DomainError(_("The child does not live in this household any more."))
        first, last, unit_id = self._asked(request)
        # Before anything is written: whoever holds a unit may want the rows of its days.
        lock(units_booked(request.child_id, request.family_id, first, last))
        for ask in self._days_of(request):
            ask.move_to(Rank.closed)
        db.session.flush()
        rows = [row for row in booked(request.child_id, request.family_id, first, last, unit_id) if row.asked_at <= request.asked_at]
        if not rows:
            raise DomainError(self._nothing(request.child_id, first, last))
        absence = Absence(
            child_id=request.child_id,
            family_id=request.family_id,
            declared_at=request.asked_at,
            request_id=request.id,
            **{name: self.decode(name, value) for name, value in values.items() if name != "unit_id"},
        )
        db.session.add(absence)
        db.session.flush()
        mark_absent(absence, rows)
        return absence

    def read(self, target):
        units = {row.unit_id for row in target.bookings}
        values = {name: encode(getattr(target, name)) for name in self.fields if name != "unit_id"}
        return {**values, "unit_id": units.pop() if len(units) == 1 else None}

    # -- words ------------------------------------------------------------------------------------------------------------------------

    def type_of(self, name):
        return {"unit_id": int}.get(name) or super().type_of(name)

    def show(self, name, value):
        if not value:
            return _("everything that is booked") if name == "unit_id" and value == "" else ""
        if name == "unit_id":
            return unit_title(value) or _("a service that does not exist any more")
        if name == "reason_id":
            return reason_title(value)
        return day_in_words(value) if name in ("first_day", "last_day") else super().show(name, value)

    def about(self, request, target):
        if request is None:
            return str(target.child) if target is not None else ""
        first, last, unit_id = self._asked(request)
        days = day_in_words(first) if first == last else _("%(first)s to %(last)s", first=date_text(first), last=date_text(last))
        what = f"{unit_title(unit_id)}, {days}" if unit_id else days
        return _("%(section)s: %(name)s", section=child_name(request.child_id), name=what)


class CertificateForm(SectionForm):
    """A paper that says why a child was absent."""

    certificate_id = UploadField(_l("Certificate (photograph or PDF)"), noun=Noun.paper)


@register
class CertificateKind(Kind):
    """The certificate of an absence, where it follows later."""

    name, noun, tab = "certificate", Noun.booking, Tab.absences
    title = _l("Certificate of an absence")
    model = Absence
    form = CertificateForm
    secret = True

    def of_family(self, family_id):
        return (Absence.family_id == family_id) & Absence.child_id.in_(Child.ids_of(family_id))

    def refuse_if_invalid(self, proposal, family_id):
        if not proposal.after.get("certificate_id"):
            raise DomainError(_("Choose the file of the certificate."))

    def check(self, request, target):
        return [Finding(Lane.papers, _("Look at the certificate."))]

    def about(self, request, target):
        return f"{target.child}, {date_text(target.first_day, 'long')}" if target is not None else ""


def mark_absent(absence, bookings):
    """Mark bookings as absent, within the open unit of work that has locked their units; their places are offered to whoever waits."""
    told = in_time(bookings, absence.declared_at)
    for row in bookings:
        row.move_to(BookingState.absent)
        row.absence_id, row.told_in_time = absence.id, told[row.id]
    db.session.flush()
    offer_all((row.unit_id, row.group_id, row.day) for row in bookings)


def reason_title(reason_id):
    """A reason of absence in the reader's language, open or not."""
    known = _known_reasons().get(reason_id)
    return _in_words(known[0]) if known is not None else ""

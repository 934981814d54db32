"""Who is booked, who does not come, which days did the town take away? The staff's lists, and how one of each is taken back."""

from datetime import timedelta

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose
from sqlalchemy import exists, select
from sqlalchemy.orm import joinedload

from app.activities.cancelling import given_back, restore_day
from app.activities.changes.absence import reason_title
from app.activities.changes.words import day_in_words, unit_title
from app.activities.models import Absence, Activity, Booking, BookingState, DayCancellation, Unit
from app.activities.operations import take_back_absence, unbook
from app.children.models import School, SchoolEnrolment
from app.children.queries import this_year
from app.core import clock
from app.core.errors import DomainError
from app.core.i18n import _, _l, _n
from app.extensions import db
from app.families.models import Family
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.child_records import OfChild
from app.staff.interface import actor, saving
from app.staff.parts import Deed, Facet, by_id
from app.staff.views import PERMISSIONS, StaffView, screen


def rows_of(model, order):
    """The options of a facet."""
    return lambda: [(str(row.id), str(row)) for row in db.session.scalars(select(model).order_by(order))]


def at_school(model):
    """The condition that a record's child is in a school this year."""

    def where(school_id):
        # Of the day on which it is asked: a server runs longer than a school year.
        same = (SchoolEnrolment.child_id == model.child_id) & (SchoolEnrolment.school_year_id == this_year())
        return exists().where(same, SchoolEnrolment.school_id == school_id)

    return by_id(where)


def when(first, last):
    """A facet on days: to come, today, this week, past, all."""

    def where(value):
        today = clock.today()
        monday = today - timedelta(days=today.weekday())
        return {
            "": last >= today,
            "today": (first <= today) & (last >= today),
            "tomorrow": (first <= today + timedelta(days=1)) & (last >= today + timedelta(days=1)),
            "week": (first <= monday + timedelta(days=6)) & (last >= monday),
            "past": last < today,
        }.get(value)

    def options():
        return [
            ("", _("To come")),
            ("today", _("Today")),
            ("tomorrow", _("Tomorrow")),
            ("week", _("This week")),
            ("past", _("Past")),
            ("all", _("All")),
        ]

    return Facet("when", _l("Days"), options, where, blank=None)


def _in_activity(activity_id):
    return Booking.unit_id.in_(select(Unit.id).where(Unit.activity_id == activity_id))


def _in_state(value):
    return Booking.state == BookingState[value] if value in BookingState.__members__ else None


def deeds():
    """What can be done from the lists."""
    if not may(Noun.booking, "edit"):
        return []
    return [
        Deed(_("Book…"), url_for("EnterView.enter"), "plus", "primary"),
        Deed(_("Take days away…"), url_for("CancelDayView.cancel"), "x"),
    ]


class OfFamily(OfChild):
    """Records of a child and of the household that asked: who asked is for those alone who see households."""

    noun = Noun.booking
    method_permission_name = {**PERMISSIONS, "remove": "edit", "take_back": "edit"}

    def shown_columns(self):
        return self.list_columns if may(Noun.household, "read") else [name for name in self.list_columns if name != "family"]

    def deeds_of_list(self):
        return deeds()

    def ask_first(self, row, title, sentence, button):
        """The page that asks before something is taken back."""
        return self.render_template("staff/confirm.html", title=title, sentence=sentence, button=button, back_url=self.back_url(row))

    def done(self, row, act, said):
        """Do it, say so, go back to the child; or say why not."""
        back = self.back_url(row)
        try:
            with saving():
                act(db.session.get(self.model, row.id), by=actor())
        except DomainError as refusal:
            flash(str(refusal), "danger")
        else:
            flash(said, "success")
        return redirect(back, 303)


class BookingsView(OfFamily):
    """Bookings."""

    model, route_base = Booking, "/mairie/reservations"
    route_methods = ("list", "export")
    list_title = _l("Bookings")
    labels = {
        "day": _l("Day"),
        "unit": _l("Service"),
        "family": _l("Family"),
        "state": _l("State"),
        "asked_at": _l("Asked on"),
        "late": _l("After the deadline"),
    }
    list_columns = ["child", "day", "unit", "family", "state", "asked_at", "late"]
    search_columns = ["day", "state", "late", "asked_at"]
    facets = (
        when(Booking.day, Booking.day),
        Facet("activity", _l("Activity"), rows_of(Activity, Activity.position), by_id(_in_activity), blank=_l("All activities")),
        Facet("school", _l("School"), rows_of(School, School.name), at_school(Booking), blank=_l("All schools")),
        Facet("state", _l("State"), lambda: [(state.name, state.label) for state in BookingState], _in_state),
    )
    loads = (joinedload(Booking.family),)
    first_sort = (Booking.day, Booking.unit_id)

    @classmethod
    def more_routes(cls):
        return ("remove",)

    def cell_unit(self, row):
        return unit_title(row.unit_id)

    @expose("/<int(max=2147483647):pk>/supprimer", methods=["GET", "POST"])
    @screen
    def remove(self, pk):
        row = self.row(pk)
        if request.method == "POST":
            return self.done(row, unbook, _("The booking was removed."))
        title = _("Remove the booking of %(child)s?", child=row.child)
        days = f"{unit_title(row.unit_id)}, {day_in_words(row.day)}."
        return self.ask_first(row, title, days + " " + _("The family is not told: this is for mistakes."), _("Remove"))


class AbsencesView(OfFamily):
    """Absences. Why is for those alone who decide about them: it may be an illness."""

    model, route_base = Absence, "/mairie/absences"
    route_methods = ("list", "export")
    list_title = _l("Absences")
    labels = {
        "first_day": _l("First day"),
        "last_day": _l("Last day"),
        "reason": _l("Reason"),
        "days": _l("Bookings"),
        "told": _l("Told in time"),
        "family": _l("Family"),
        "declared_at": _l("Told on"),
    }
    list_columns = ["child", "first_day", "last_day", "reason", "days", "told", "family", "declared_at"]
    search_columns = ["first_day", "last_day", "declared_at"]
    facets = (
        when(Absence.first_day, Absence.last_day),
        Facet("school", _l("School"), rows_of(School, School.name), at_school(Absence), blank=_l("All schools")),
    )
    loads = (joinedload(Absence.reason),)
    first_sort = (Absence.first_day, Absence.id)

    @classmethod
    def more_routes(cls):
        return ("take_back",)

    def shown_columns(self):
        shown = super().shown_columns()
        return shown if may(Noun.booking, "decide") else [name for name in shown if name != "reason"]

    def decorate(self, rows):
        told, names = {}, {}
        ids = [row.id for row in rows]
        if ids:
            query = select(Booking.absence_id, Booking.told_in_time).where(Booking.absence_id.in_(ids))
            for absence_id, in_time in db.session.execute(query):
                told.setdefault(absence_id, []).append(in_time)
            homes = select(Family.id, Family.name).where(Family.id.in_({row.family_id for row in rows}))
            names = dict(map(tuple, db.session.execute(homes)))
        for row in rows:
            row.days, row.told, row.family = len(told.get(row.id, ())), all(told.get(row.id, ())), names.get(row.family_id)

    def cell_reason(self, row):
        return reason_title(row.reason_id)

    @expose("/<int(max=2147483647):pk>/reprendre", methods=["GET", "POST"])
    @screen
    def take_back(self, pk):
        row = self.row(pk)
        if request.method == "POST":
            return self.done(row, take_back_absence, _("The child comes after all."))
        title = _("%(child)s comes after all?", child=row.child)
        return self.ask_first(
            row, title, _("The bookings that are still to come count again, if a place is free."), _("Take the absence back")
        )


class CancellationsView(StaffView):
    """Days that the town took away."""

    noun, model, route_base = Noun.booking, DayCancellation, "/mairie/jours-annules"
    route_methods = ("list", "export")
    method_permission_name = {**PERMISSIONS, "restore": "edit"}
    list_title = _l("Days taken away")
    labels = {
        "day": _l("Day"),
        "activity": _l("Activity"),
        "whom": _l("For whom"),
        "reason": _l("Reason"),
        "charged": _l("Charged all the same"),
        "bookings_count": _l("Bookings"),
        "cancelled_by": _l("By"),
        "cancelled_at": _l("On"),
    }
    list_columns = ["day", "activity", "whom", "reason", "charged", "bookings_count", "cancelled_by", "cancelled_at"]
    search_columns = ["day", "reason", "charged", "cancelled_by"]
    facets = (when(DayCancellation.day, DayCancellation.day),)
    loads = (joinedload(DayCancellation.activity), joinedload(DayCancellation.school), joinedload(DayCancellation.school_class))
    first_sort = (DayCancellation.day.desc(), DayCancellation.id.desc())

    def deeds_of_list(self):
        return deeds()

    @classmethod
    def more_routes(cls):
        return ("restore",)

    def cell_whom(self, row):
        return row.school_class or row.school or _("everybody")

    def row_url(self, row):
        to_come = row.day >= clock.today() and may(Noun.booking, "edit")
        return url_for("CancellationsView.restore", pk=row.id) if to_come else ""

    @expose("/<int(max=2147483647):pk>/rendre", methods=["GET", "POST"])
    @screen
    def restore(self, pk):
        row = self.row(pk)
        if request.method == "POST":
            return self._give_back(row)
        passed, found = row.day < clock.today(), given_back(row)
        return self.render_template(
            "staff/bookings/restore.html", title=_("Give the day back?"), row=row, found=found, passed=passed, back_url=self.back_url()
        )

    def _give_back(self, row):
        try:
            with saving():
                count = len(restore_day(db.session.get(DayCancellation, row.id), by=actor()).booked)
        except DomainError as refusal:
            flash(str(refusal), "danger")
        else:
            said = _n("%(num)d booking counts again. The families are told.", "%(num)d bookings count again. The families are told.", count)
            flash(said, "success")
        return redirect(self.back_url(), 303)

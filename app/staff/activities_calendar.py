"""On which days is the town open? School holidays and their official file, the town's own days, a month of an activity."""

from calendar import Calendar as Weeks
from datetime import date, timedelta

from flask import flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from sqlalchemy.orm import joinedload
from wtforms import BooleanField, DateField, FileField

from app.activities import deadlines, school_calendar
from app.activities.calendar import Calendar, days_between
from app.activities.cancelling import standing
from app.activities.models import CalendarException, HolidaySource, SchoolHoliday
from app.activities.settings import Zone, zone
from app.children.queries import all_schools
from app.core import clock
from app.core.encryption import seal, unseal
from app.core.errors import DomainError
from app.core.forms import Choice, Form, Required, Text
from app.core.i18n import _, _l, _n, date_text
from app.security.scope import may, require
from app.security.who_sees_what import Noun
from app.staff.activities import NotBefore, activities, activity_facet
from app.staff.bookings_cancel import cancel_url
from app.staff.forms import RowChoice, StaffForm
from app.staff.interface import actor, saving
from app.staff.parts import Deed, Facet
from app.staff.schools import ReferenceEditor
from app.staff.views import StaffView

LAST_BEFORE_FIRST = _l("The last day does not lie before the first.")


class HolidayForm(StaffForm):
    """A school holiday of a zone."""

    zone = Choice(_l("Zone"), of=Zone, required=True)
    name = Text(_l("Name"), longest=60, required=True)
    first_day = DateField(_l("First day without lessons"), [Required()])
    last_day = DateField(_l("Last day without lessons"), [Required(), NotBefore("first_day", LAST_BEFORE_FIRST)])


class HolidayEditor(ReferenceEditor):
    """A holiday that somebody of the town wrote is the town's."""

    def create(self, values):
        row = super().create(values)
        row.source = HolidaySource.town
        return row

    def write(self, row, values):
        super().write(row, values)
        row.source = HolidaySource.town


def _zones():
    return [("", _("The town's: %(zone)s", zone=zone().label)), ("all", _("All zones")), *((one.name, one.label) for one in Zone)]


def _in_zone(value):
    return None if value == "all" else SchoolHoliday.zone == (Zone[value] if value in Zone.__members__ else zone()).value


class SchoolHolidayView(StaffView):
    """School holidays."""

    noun, model, route_base = Noun.reference, SchoolHoliday, "/mairie/vacances-scolaires"
    route_methods = ("list", "export", "add", "edit", "delete")
    list_title, add_title = _l("School holidays"), _l("New school holiday")
    labels = {
        "name": _l("Name"),
        "zone": _l("Zone"),
        "first_day": _l("First day without lessons"),
        "last_day": _l("Last day without lessons"),
        "source": _l("Source"),
    }
    list_columns = ["name", "zone", "first_day", "last_day", "source"]
    search_columns = ["name", "first_day", "last_day", "source"]
    first_sort = (SchoolHoliday.first_day,)
    facets = (
        Facet("zone", _l("Zone"), _zones, _in_zone, blank=None),
        Facet(
            "past",
            _l("Days"),
            lambda: [("", _("Current and to come")), ("yes", _("Past ones too"))],
            lambda value: None if value == "yes" else SchoolHoliday.last_day >= clock.today(),
            blank=None,
        ),
    )
    editor = HolidayEditor(SchoolHoliday, HolidayForm)
    form_intro = _l("The next import of the official calendar takes the place of what is written here.")

    def cell_zone(self, row):
        return Zone(row.zone).label

    def beginning(self):
        return {"zone": zone()}

    def deeds_of_list(self):
        return [Deed(_("Official calendar"), url_for("CalendarImportView.upload"), "upload")] if may(self.noun, "edit") else []


def take_away(found, reason, school_id=None):
    """The address of the form that takes away what is booked on closed days, and says how much; "" where nothing is, or one may not."""
    if not found or not may(Noun.booking, "edit"):
        return ""
    flash(_standing_sentence(found), "warning")
    return cancel_url(found, reason, school_id)


def _standing_sentence(found):
    count = sum(found.values())
    return _n(
        "%(num)d booking exists on these closed days: the kitchen counts it, and the family is billed. Take the days away here.",
        "%(num)d bookings exist on these closed days: the kitchen counts them, and families are billed. Take the days away here.",
        count,
    )


class ImportForm(Form):
    """The State's file."""

    file = FileField(_l("File"), description=_l("The data set “fr-en-calendrier-scolaire” as CSV."))


class CalendarImportView(BaseView):
    """Take over the official school calendar: a file, what it would change, then yes."""

    route_base = "/mairie/calendrier-officiel"
    default_view = "upload"

    @expose("/", methods=["GET", "POST"])
    def upload(self):
        require(Noun.reference, "edit")
        form = ImportForm()
        holidays = self._read(form) if form.validate_on_submit() else None
        if holidays is None:
            return self._page(form), 422 if request.method == "POST" else 200
        found = school_calendar.differences(holidays)
        token = seal(school_calendar.sealed([one.holiday for one in found]))
        booked = sum(_standing_in(holidays).values())
        return self._page(form, found=found, token=token, changing=sum(one.what != "same" for one in found), booked=booked)

    @expose("/reprendre", methods=["POST"])
    def take_over(self):
        require(Noun.reference, "edit")
        try:
            holidays = school_calendar.unsealed(unseal(request.form.get("token", "")))
        except ValueError:
            flash(_("This page was too old. Choose the file again."), "warning")
            return redirect(url_for("CalendarImportView.upload"))
        with saving():
            changed = school_calendar.take_over(holidays, by=actor())
        flash(_n("%(num)d holiday taken over.", "%(num)d holidays taken over.", changed), "success")
        return redirect(take_away(_standing_in(holidays), _("School holidays")) or url_for("SchoolHolidayView.list"))

    def _page(self, form, **more):
        return self.render_template("staff/calendar_import.html", title=_("Official calendar"), form=form, own=zone(), **more)

    @staticmethod
    def _read(form):
        if not form.file.data:
            form.refuse(_("Choose the file first."), "file")
            return None
        try:
            return school_calendar.read_official(form.file.data.read(school_calendar.LARGEST + 1))
        except DomainError as refusal:
            form.refuse(refusal, "file")
            return None


def _standing_in(holidays):
    """What is booked on the days to come that these holidays of the town's zone close."""
    days = {day: one.name for one in holidays if one.zone is zone() for day in days_between(one.first_day, one.last_day)}
    return standing(min(days), max(days), days) if days else {}


class ExceptionForm(StaffForm):
    """Days that the town closes, or opens although the calendar says no."""

    first_day = DateField(_l("First day"), [Required()])
    last_day = DateField(_l("Last day"), [Required(), NotBefore("first_day", LAST_BEFORE_FIRST)])
    open = BooleanField(_l("Open, although the calendar says closed"), description=_l("Without a tick, these days are closed."))
    reason = Text(_l("What families read"), longest=80, required=True, description=_l("For instance: bridge, strike, works."))
    activity_id = RowChoice(_l("Activity"), rows=activities, blank=_l("all activities"))
    school_id = RowChoice(_l("School"), rows=all_schools, blank=_l("all schools"))


class ExceptionView(StaffView):
    """Closed and open days."""

    noun, model, route_base = Noun.reference, CalendarException, "/mairie/jours-fermes"
    route_methods = ("list", "export", "add", "edit", "delete")
    list_title, add_title = _l("Closed and open days"), _l("New days")
    labels = {
        "first_day": _l("First day"),
        "last_day": _l("Last day"),
        "open": _l("Open"),
        "reason": _l("What families read"),
        "activity": _l("Activity"),
        "school": _l("School"),
    }
    list_columns = ["reason", "first_day", "last_day", "open", "activity", "school"]
    search_columns = ["reason", "first_day", "last_day", "open"]
    loads = (joinedload(CalendarException.activity), joinedload(CalendarException.school))
    first_sort = (CalendarException.first_day,)
    facets = (
        activity_facet(CalendarException.activity_id),
        Facet(
            "past",
            _l("Days"),
            lambda: [("", _("Current and to come")), ("yes", _("Past ones too"))],
            lambda value: None if value == "yes" else CalendarException.last_day >= clock.today(),
            blank=None,
        ),
    )
    editor = ReferenceEditor(CalendarException, ExceptionForm)
    form_intro = _l(
        "Bookings that exist stay until you take the days away: the next page says how many. "
        "Of several decisions the more precise one wins, then the later one."
    )

    def after_change(self, row_id):
        row = self.datamodel.session.get(CalendarException, row_id)
        found = {} if row.open else standing(row.first_day, row.last_day)
        found = {(activity, day): number for (activity, day), number in found.items() if row.activity_id in (None, activity)}
        return take_away(found, row.reason, row.school_id)

    def cell_activity(self, row):
        return row.activity or _("all activities")

    def cell_school(self, row):
        return row.school or _("all schools")


class MonthView(BaseView):
    """A month of an activity: open or closed, and why."""

    route_base = "/mairie/calendrier"
    default_view = "month"

    @expose("/")
    def month(self):
        require(Noun.reference, "read")
        offered, schools, first = activities(), all_schools(), _asked_month()
        activity = _named(offered, "activity") or (offered[0] if offered else None)
        school = _named(schools, "school")
        weeks = Weeks().monthdatescalendar(first.year, first.month)
        calendar = Calendar.between(weeks[0][0], weeks[-1][-1])
        return self.render_template(
            "staff/calendar_month.html",
            title=_("Calendar of the activities"),
            activities=offered,
            schools=schools,
            activity=activity,
            school=school,
            month=first,
            months=[first - timedelta(days=1), first + timedelta(days=31)],
            weeks=[[_cell(calendar, activity, school, day) if day.month == first.month else None for day in week] for week in weeks],
            weekdays=[deadlines.weekday_name(number) for number in range(1, 8)],
            today=clock.today(),
        )


def _asked_month():
    """The first day of the month that an address names; of this month where it names none."""
    try:
        found = date.fromisoformat(f"{request.args.get('month', '')}-01")
    except ValueError:
        return clock.today().replace(day=1)
    return found if 2000 <= found.year <= 2100 else clock.today().replace(day=1)


def _named(rows, name):
    return next((row for row in rows if str(row.id) == request.args.get(name)), None)


def _cell(calendar, activity, school, day):
    why = calendar.closed_because(activity, day, school.id if school else None) if activity is not None else None
    return {"day": day, "closed": why, "weekday": date_text(day, "EEEE")}

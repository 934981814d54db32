"""How does the staff take days away? Whom it concerns is read first; the families hear of it once."""

from collections import Counter
from datetime import date, timedelta

from flask import flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access
from wtforms import BooleanField, DateField, RadioField
from wtforms.validators import Optional

from app.activities.calendar import days_between
from app.activities.cancelling import Days, cancel_days, concerned
from app.core import clock
from app.core.errors import DomainError
from app.core.forms import Form, Required, Text
from app.core.i18n import _, _l, _n
from app.security.scope import require
from app.security.who_sees_what import Noun
from app.staff.activities_fields import OneAtLeast, TickedRows
from app.staff.bookings_enter import MOST_DAYS, activities, class_in_words, classes, schools, typed
from app.staff.forms import RowChoice
from app.staff.interface import actor, saving


class CancelForm(Form):
    """Which days, of what, for whom, and why."""

    activities = TickedRows(_l("Activities"), [OneAtLeast()], rows=activities)
    first_day = DateField(_l("Day, or the first of several"), [Required()])
    last_day = DateField(_l("Last day"), [Optional()], description=_l("Empty: one day."))
    closed_alone = BooleanField(_l("Only days on which the calendar closes these activities"))
    school = RowChoice(_l("Only this school"), rows=schools, blank=_l("all schools"))
    school_class = RowChoice(_l("Only this class"), rows=classes, called=class_in_words, blank=_l("all classes"))
    reason = Text(_l("Why? Families read it"), longest=120, required=True)
    charged = RadioField(
        _l("On the bill"), [Required()], choices=[("no", _l("not charged")), ("yes", _l("charged all the same"))], validate_choice=True
    )

    def validate(self, extra_validators=None):
        valid = super().validate(extra_validators)
        if valid and self.first_day.data < clock.today():
            self.refuse(_("This day has passed."), "first_day")
            return False
        if valid and not self.first_day.data <= self._last <= self.first_day.data + timedelta(days=MOST_DAYS):
            self.refuse(_("From the first day to the last: three months at most."), "last_day")
            return False
        return valid

    @property
    def _last(self):
        return self.last_day.data or self.first_day.data

    def which(self):
        """The Days that are meant."""
        chosen = [activity for activity in activities() if activity.id in self.activities.data]
        days = days_between(self.first_day.data, self._last)
        return Days(chosen, days, self.school.data, self.school_class.data, self.closed_alone.data)


def cancel_url(standing, reason, school_id=None):
    """The form that takes away what is booked on closed days: `standing` of app/activities/cancelling.py, which is not empty."""
    days = sorted(day for _activity, day in standing)
    return url_for(
        "CancelDayView.cancel",
        activities=sorted({activity for activity, _day in standing}),
        first_day=days[0].isoformat(),
        last_day=min(days[-1], days[0] + timedelta(days=MOST_DAYS)).isoformat(),
        school=school_id,
        reason=reason,
        closed_alone=1,
    )


class CancelDayView(BaseView):
    """Days that the town takes away: an outing, a strike."""

    route_base = "/mairie/jours-annules"
    class_permission_name = Noun.booking.value
    method_permission_name = {"cancel": "edit"}

    @expose("/annuler/", methods=["GET", "POST"])
    @has_access
    def cancel(self):
        require(Noun.booking, "edit")
        form = CancelForm(data=_beginning())
        if not form.validate_on_submit():
            return self._page("staff/bookings/cancel.html", form), 422 if form.is_submitted() else 200
        return self._done(form) if request.form.get("step") == "cancel" else self._recap(form)

    # -- parts ------------------------------------------------------------------------------------------------------------------------

    def _page(self, template, form, **more):
        return self.render_template(template, title=_("Take days away"), form=form, back_url=url_for("CancellationsView.list"), **more)

    def _recap(self, form):
        which = form.which()
        bookings, requests = concerned(which)
        numbers = {
            "children": len({row.child_id for row in bookings}),
            "families": len({row.family_id for row in bookings} | {row.family_id for row in requests}),
            "bookings": len(bookings),
            "requests": len(requests),
        }
        count = Counter(map(which.pair, bookings))
        lines = [(activity, day, count[activity.id, day]) for day in which.days for activity in which.activities]
        lines = [line for line in lines if line[2] or which.pairs.get((line[0].id, line[1]))]
        return self._page("staff/bookings/cancel_recap.html", form, numbers=numbers, lines=lines, which=which, typed=typed())

    def _done(self, form):
        try:
            with saving():
                made = cancel_days(form.which(), form.reason.data, by=actor(), charged=form.charged.data == "yes")
                count = sum(row.bookings_count for row in made)
        except DomainError as refusal:
            form.refuse(refusal)
            return self._page("staff/bookings/cancel.html", form), 422
        flash(
            _n("%(num)d booking was taken away. The families are told.", "%(num)d bookings were taken away. The families are told.", count),
            "success",
        )
        return redirect(url_for("CancellationsView.list"), 303)


def _beginning():
    """What the form begins with: tomorrow, or what the address says."""
    args = request.args
    return {
        "charged": None,
        "activities": args.getlist("activities", type=int),
        "first_day": args.get("first_day", type=date.fromisoformat) or clock.today() + timedelta(days=1),
        "last_day": args.get("last_day", type=date.fromisoformat),
        "school": args.get("school", type=int),
        "reason": args.get("reason", "")[:120],
        "closed_alone": bool(args.get("closed_alone")),
    }

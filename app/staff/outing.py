"""Whom do the leaders of an outing take along? Telephones, authorisations, who may fetch: to print, or as a workbook."""

from flask import abort, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_login import current_user

from app.activities.models import BookingState
from app.activities.roll import classes_of, day_of_units, schools_of, schools_of_day, seats, unit_of
from app.audit.operations import note_health_reads
from app.children.models import Subject
from app.children.sheet import readable_nouns
from app.core import clock
from app.core.forms import named_id
from app.core.i18n import _, date_text
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.attendance import args_of, which_from
from app.staff.exports import exported
from app.staff.onsite import day_from
from app.staff.views import screen

#: Those that matter away from the school, in the order in which they are asked.
SUBJECTS = (Subject.transport, Subject.hospital, Subject.image, Subject.swimming, Subject.leaving_alone)


class OutingView(BaseView):
    """The list of the children of an activity on a day."""

    noun = Noun.attendance
    route_base = "/mairie/listes"
    default_view = "list"
    class_permission_name = noun.value
    method_permission_name = dict.fromkeys(("list", "export"), "read")

    @expose("/")
    @screen
    def list(self):
        which = which_from(request.args)
        if which is None:
            return self._choose()
        unit, nouns = unit_of(which.unit_id) or abort(404), readable_nouns()
        schools, classes = schools_of(unit.id, which.day), classes_of(which)
        # A class of another school than the one that was just chosen is forgotten.
        class_id = next((one.id for one in classes if one.id == named_id(request.args.get("class"))), None)
        found = children_of(which, nouns, class_id)
        chosen = ((schools, which.school_id), (unit.activity.groups, which.group_id), (classes, class_id))
        note_health_reads([seat.child.id for seat in found if seat.health], by=current_user, screen="attendance")
        return self.render_template(
            "staff/attendance/list.html",
            title=f"{unit.title}, {date_text(which.day, 'full')}",
            which=which,
            unit=unit,
            args=args_of(which),
            seats=found,
            schools=schools,
            classes=classes,
            class_id=class_id,
            chosen=[row.name for rows, number in chosen for row in rows if row.id == number],
            subjects=SUBJECTS,
            nouns=nouns,
            Noun=Noun,
        )

    @expose("/liste.xlsx")
    @screen
    def export(self):
        which = which_from(request.args)
        if which is None:
            return redirect(url_for("OutingView.list"))
        unit, nouns = unit_of(which.unit_id) or abort(404), readable_nouns() - {Noun.allergies}
        columns = columns_for(nouns)
        rows = [[value(seat) for _label, value in columns] for seat in children_of(which, nouns, named_id(request.args.get("class")))]
        return exported(
            "xlsx", f"{unit.title} {which.day.isoformat()}", [str(label) for label, _value in columns], rows, noun=Noun.attendance
        )

    def _choose(self):
        day = day_from(request.args)
        rows = [(unit, expected) for unit, expected, _came in day_of_units(day) if expected]
        schools = schools_of_day(day) if may(Noun.school, "read") else {}
        return self.render_template(
            "staff/attendance/lists.html", title=_("Lists for an outing"), day=day, rows=rows, today=clock.today(), schools=schools
        )


def children_of(which, nouns, class_id):
    """The Seats of the children who take part: absences told beforehand are left out."""
    found = [seat for seat in seats(which, nouns) if seat.booking is None or seat.booking.state is BookingState.booked]
    return [seat for seat in found if not class_id or (seat.enrolment is not None and seat.enrolment.school_class_id == class_id)]


def columns_for(nouns):
    """[(label, seat → value)] of the workbook, for what the reader may read; nothing about health leaves as a file."""
    columns = [
        (_("Last name"), lambda seat: seat.child.last_name),
        (_("First name"), lambda seat: seat.child.first_name),
        (_("Born on"), lambda seat: seat.child.birth_date),
    ]
    if Noun.school in nouns:
        columns += [(_("School"), lambda seat: str(seat.school or "")), (_("Class"), lambda seat: seat.classroom)]
    if Noun.contacts in nouns:
        columns += [(_("Whom to call"), lambda seat: "; ".join(f"{adult} {', '.join(numbers)}".strip() for adult, numbers in seat.adults))]
    if Noun.authorisations in nouns:
        columns += [(subject.label, lambda seat, subject=subject: answer(seat.allowed(subject))) for subject in SUBJECTS]
    if Noun.pickup in nouns:
        columns += [
            (_("Who may fetch the child"), lambda seat: "; ".join(f"{person} {person.phone or ''}".strip() for person in seat.pickups))
        ]
    return columns


def answer(granted):
    """Yes, no, or a word for no answer."""
    return _("not answered") if granted is None else granted

"""Who is there? The attendance sheet of a tablet: a tap a child, offline for a while, the same on every tablet."""

from dataclasses import dataclass
from uuid import uuid4

from flask import abort, flash, jsonify, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_login import current_user
from flask_wtf.csrf import generate_csrf

from app.activities.attendance import LATEST, record_marks
from app.activities.calendar import Calendar
from app.activities.models import BookingState, Mark, Unit, Wish
from app.activities.roll import Which, day_of_units, others, schools_of, schools_of_day, seat_of, seats, states, unit_of
from app.audit.operations import note_health_reads
from app.children.sheet import readable_nouns
from app.core import clock
from app.core.db import unit_of_work
from app.core.forms import named_id
from app.core.i18n import _, date_text
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.onsite import child_search, day_from
from app.staff.views import screen


@dataclass
class Sheet:
    """One attendance sheet: what it is about, and its children."""

    which: Which
    unit: Unit
    seats: list

    @property
    def expected(self):
        return sum(seat.expected for seat in self.seats)

    @property
    def here(self):
        return sum(seat.state is Mark.present for seat in self.seats)

    @property
    def gone(self):
        return sum(seat.state is Mark.left for seat in self.seats)

    @property
    def sent(self):
        return sum(seat.sent and seat.state is Mark.cleared for seat in self.seats)

    @property
    def unnoted(self):
        return sum(seat.unnoted for seat in self.seats)

    @property
    def parts(self):
        """[(heading, seats)]: school and class, in order."""
        found = {}
        for seat in self.seats:
            found.setdefault(" · ".join(filter(None, (str(seat.school or ""), seat.classroom))) or _("No school this year"), []).append(
                seat
            )
        return list(found.items())


def which_from(args):
    """The Which that an address names, or None without a unit."""
    unit_id = named_id(args.get("unit"))
    return Which(unit_id, day_from(args), named_id(args.get("group")), named_id(args.get("school"))) if unit_id else None


class AttendanceView(BaseView):
    """The sheet, and what stands behind each child of it."""

    noun = Noun.attendance
    route_base = "/mairie/pointage"
    default_view = "choose"
    class_permission_name = noun.value
    method_permission_name = {
        **dict.fromkeys(("choose", "sheet", "child", "unexpected", "state"), "read"),
        **dict.fromkeys(("note", "note_child", "everybody", "notes"), "edit"),
    }

    @expose("/")
    @screen
    def choose(self):
        day = day_from(request.args)
        calendar = Calendar.between(day, day)
        rows = [(unit, expected, came, calendar.closed_because(unit.activity, day)) for unit, expected, came in day_of_units(day)]
        return self.render_template(
            "staff/attendance/choose.html",
            title=_("Attendance"),
            day=day,
            today=clock.today(),
            open_units=[row for row in rows if row[1] or row[2] or not row[3]],
            closed_units=[row for row in rows if not (row[1] or row[2]) and row[3]],
            schools=schools_of_day(day) if may(Noun.school, "read") else {},
        )

    @expose("/feuille")
    @screen
    def sheet(self):
        found = self._sheet()
        if found is None:
            return redirect(url_for("AttendanceView.choose"))
        # Who may come all the same is found without network too: by name, with the sign of what is dangerous, and nothing more.
        more = others(found.which, readable_nouns() & {Noun.school, Noun.allergies}) if self._may_note(found.which) else []
        self._tell_of_health([*found.seats, *more])
        schools = schools_of(found.unit.id, found.which.day)
        return self._page("sheet.html", found.which, found.unit, sheet=found, others=more, schools=schools, root=self._root(found))

    @expose("/feuille", methods=["POST"])
    @screen
    def note(self):
        which = which_from(request.args) or abort(404)
        child, _colon, mark = request.form.get("tap", "").partition(":")
        return self._noted(which, [{"child": child, "mark": mark}], url_for("AttendanceView.sheet", **args_of(which), _anchor=f"c{child}"))

    @expose("/tous", methods=["POST"])
    @screen
    def everybody(self):
        which = which_from(request.args) or abort(404)
        free = [seat.child.id for seat in seats(which, frozenset()) if seat.unnoted]
        items = [{"child": child_id, "mark": "present"} for child_id in free]
        return self._noted(which, items, url_for("AttendanceView.sheet", **args_of(which)))

    @expose("/enfant/<int:child_id>")
    @screen
    def child(self, child_id):
        which = which_from(request.args)
        if which is None:
            return redirect(url_for("AttendanceView.choose"))
        seat = seat_of(which, child_id, readable_nouns())
        unit = unit_of(which.unit_id)
        if seat is None or unit is None:
            abort(404)
        self._tell_of_health([seat])
        return self._page("child.html", which, unit, seat=seat)

    @expose("/enfant/<int:child_id>", methods=["POST"])
    @screen
    def note_child(self, child_id):
        which = which_from(request.args) or abort(404)
        form = request.form
        mark = form.get("mark", "")
        if mark == "keep":
            seat = seat_of(which, child_id, frozenset()) or abort(404)
            mark = seat.attendance.state.value if seat.attendance is not None else "cleared"
        back = url_for("AttendanceView.child", child_id=child_id, **args_of(which))
        if form.get("mark") == "left" and not (form.get("with", "").strip() or form.get("person")):
            flash(_("With whom did the child go home? Write the name."), "danger")
            return redirect(back, 303)
        item = {"child": child_id, "mark": mark, "with": form.get("with"), "person": form.get("person"), "note": form.get("note")}
        return self._noted(which, [item], url_for("AttendanceView.sheet", **args_of(which), _anchor=f"c{child_id}"), back)

    @expose("/imprevu")
    @screen
    def unexpected(self):
        which = which_from(request.args)
        if which is None:
            return redirect(url_for("AttendanceView.choose"))
        unit, words = unit_of(which.unit_id) or abort(404), request.args.get("q", "")
        return self._page("unexpected.html", which, unit, words=words, found=child_search(words, which.day))

    @expose("/etat")
    @screen
    def state(self):
        which = which_from(request.args)
        return jsonify(state_of(which)) if which is not None else (jsonify(error=_("There is no such sheet.")), 404)

    @expose("/notes", methods=["POST"])
    @screen
    def notes(self):
        sent = request.get_json(silent=True)
        items = sent.get("notes") if isinstance(sent, dict) else None
        if not isinstance(items, list):
            return jsonify(error=_("This note cannot be read.")), 400
        with unit_of_work():
            answers = record_marks(items, by=current_user._get_current_object(), corrects=may(Noun.booking, "edit"))
        return jsonify(answers=answers)

    # -- parts ------------------------------------------------------------------------------------------------------------------------

    def _sheet(self):
        which = which_from(request.args)
        if which is None:
            return None
        unit = unit_of(which.unit_id) or abort(404)
        return Sheet(which, unit, seats(which, readable_nouns()))

    def _noted(self, which, items, onward, back=None):
        """Keep marks that came without a script: their id and time are of now."""
        now = clock.now().isoformat()
        items = [{**item, "id": uuid4().hex, "at": now, "unit": which.unit_id, "day": which.day.isoformat()} for item in items]
        with unit_of_work():
            answers = record_marks(items, by=current_user._get_current_object(), corrects=may(Noun.booking, "edit"))
        problems = {sentence for sentence in answers.values() if sentence}
        for sentence in sorted(problems):
            flash(sentence, "danger")
        return redirect((back or onward) if problems else onward, 303)

    @staticmethod
    def _tell_of_health(found):
        note_health_reads([seat.child.id for seat in found if seat.health], by=current_user, screen="attendance")

    def _root(self, found):
        """What the script must know: addresses, and the words of the states in the reader's language."""
        which = found.which
        return {
            "state": url_for("AttendanceView.state", **args_of(which)),
            "notes": url_for("AttendanceView.notes"),
            "over": url_for("AttendanceView.choose"),
            "icons": url_for("static", filename="icons.svg"),
            "account": current_user.id,
            "unit": which.unit_id,
            "day": which.day.isoformat(),
            "today": clock.today().isoformat(),
            "now": round(clock.now().timestamp() * 1000),
            "zone": str(clock.zone()),
            "may": int(self._may_note(which)),
        }

    @staticmethod
    def _may_note(which):
        """Whoever is on site, for a month; who keeps the bookings, as long as the day is not billed: that is seen with the note."""
        recent = which.day >= clock.today() - LATEST or may(Noun.booking, "edit")
        return may(Noun.attendance, "edit") and recent and which.day <= clock.today()

    def _page(self, template, which, unit, **more):
        title = f"{unit.title}, {date_text(which.day, 'full')}"
        return self.render_template(
            f"staff/attendance/{template}",
            title=title,
            which=which,
            unit=unit,
            args=args_of(which),
            today=clock.today(),
            may_note=self._may_note(which),
            Noun=Noun,
            may=may,
            **more,
        )


def args_of(which):
    """The arguments of an address that name a sheet."""
    found = {"unit": which.unit_id, "day": which.day.isoformat(), "group": which.group_id, "school": which.school_id}
    return {name: value for name, value in found.items() if value}


def state_of(which):
    """What all tablets must agree on: {child id: what was noted}; and a token, so that a sheet may stay open for days."""
    rows = {}
    for child_id, booking, wish, attendance in states(which):
        told, expected = booking is BookingState.absent, booking is BookingState.booked
        row = {"state": "absent" if told else "cleared", "at": 0, "told": told, "expected": expected}
        row["sent"] = expected and wish is Wish.absence
        if attendance is not None and (attendance.state is not Mark.cleared or not told):
            row["state"] = attendance.state.value
        if attendance is not None:
            row |= {"at": _milliseconds(attendance.marked_at), "note": attendance.note or "", "with": attendance.left_with or ""}
            row |= {"arrived": _milliseconds(attendance.arrived_at), "left": _milliseconds(attendance.left_at)}
        rows[str(child_id)] = row
    return {"children": rows, "now": _milliseconds(clock.now()), "today": clock.today().isoformat(), "csrf": generate_csrf()}


def _milliseconds(instant):
    return round(instant.timestamp() * 1000) if instant is not None else 0

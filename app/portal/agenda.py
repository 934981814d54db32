"""What do the children do, and when? The family's agenda: see it, ask and take back with a tap, or many days at once."""

from datetime import date, timedelta

from flask import abort, flash, jsonify, redirect, request, url_for
from flask_appbuilder import expose
from flask_login import current_user

from app.activities import deadlines
from app.activities.changes.booking import timetable_after
from app.changes.operations import begun_lot, confirm
from app.core.db import unit_of_work
from app.core.i18n import _
from app.core.money import to_cents
from app.portal import agenda_plans
from app.portal.abouts import booking_questions
from app.portal.agenda_cells import Signs, act_of, day_name, legend, sentence, show
from app.portal.agenda_prices import AgendaPrices
from app.portal.agenda_taps import Spot, carry_out, new_key, taps_of, taps_of_form
from app.portal.agenda_weeks import SPANS, WEEK, Agenda, Stretch, between, family_timetable, this_monday, week_name
from app.portal.queries import children_and_lot, own_children, own_request
from app.portal.requests import Place
from app.portal.sections import has_screen
from app.portal.taking_back import flash_sent, flash_taken_back
from app.portal.views import PortalView, back_or
from app.security.guard import REQUESTS, writes
from app.security.scope import may, standing
from app.security.who_sees_what import Noun


class AgendaView(PortalView):
    """The agenda, a day of it, and the wide acts."""

    class_permission_name = Noun.booking.value
    method_permission_name = {
        "agenda": "read",
        "cell": "read",
        "save": "ask",
        "take": "ask",
        "usual": "ask",
        "repeat": "ask",
        "copy": "ask",
    }

    @expose("/agenda/")
    def agenda(self):
        self.enter(Noun.booking)
        return self.render_template("portal/agenda/agenda.html", title=_("Agenda"), **page(Stretch.asked()))

    @expose("/agenda/", methods=["POST"])
    @writes(REQUESTS)
    def save(self):
        found, lively = self.enter(Noun.booking, "ask"), request.is_json
        taps = _read(lively)
        if not lively and "open" in request.form:
            return redirect(url_for("AgendaView.cell", spot=request.form["open"]), code=303)
        with unit_of_work():
            said = carry_out(taps, standing=found, by=current_user._get_current_object())
            # Within the same transaction, which has read the family's days already.
            told = answer(said, found) if lively else None
        if lively:
            return jsonify(told)
        _flash(said)
        return redirect(url_for("AgendaView.agenda", **Stretch.asked().address()), code=303)

    @expose("/agenda/jour/")
    def cell(self):
        self.enter(Noun.booking)
        return self.render_template("portal/agenda/cell.html", **one_day(_spot()))

    @expose("/agenda/semaine-type/")
    def usual(self):
        self.enter(Noun.booking, "ask")
        stretch = Stretch.asked()
        plan = agenda_plans.usual_week(stretch)
        later = url_for("AgendaView.usual", **stretch.address(week=week_name(stretch.monday + WEEK * stretch.span)))
        return self._recap(_("My usual week"), plan, stretch, period=between(stretch.monday, stretch.last), later_url=later)

    @expose("/agenda/repeter/")
    def repeat(self):
        self.enter(Noun.booking, "ask")
        spot = _spot()
        until = agenda_plans.until_of(spot, request.args.get("until", type=_day))
        child, plan = _or_404(agenda_plans.every_week, spot, until)
        title = _("%(child)s: every %(weekday)s until…", child=child.first_name, weekday=day_name(spot.day, "EEEE"))
        return self._recap(title, plan, _stretch(spot), spot=spot, until=until)

    @expose("/agenda/copier/")
    def copy(self):
        self.enter(Noun.booking, "ask")
        spot, week = _spot(), request.args.get("what") == "week"
        siblings = [child for child in own_children() if child.id != spot.child_id]
        sibling = next((one for one in siblings if one.id == request.args.get("to", type=int)), None) or next(iter(siblings), None)
        if sibling is None:
            abort(404)
        child, plan = _or_404(agenda_plans.copy_for, spot, sibling, week=week)
        title = _("Copy from %(child)s to a sibling", child=child.first_name)
        return self._recap(title, plan, _stretch(spot), spot=spot, siblings=siblings, sibling=sibling, what="week" if week else "day")

    @expose("/agenda/place/<int:request_id>", methods=["POST"])
    @writes(REQUESTS)
    def take(self, request_id):
        self.enter(Noun.booking, "ask")
        with unit_of_work():
            confirm(own_request(request_id) or abort(404), by=current_user._get_current_object())
        flash(_("You take the place: the town hall confirms it."), "success")
        return back_or("AgendaView.agenda")

    def _recap(self, title, plan, stretch, **more):
        send_url = url_for("AgendaView.save", **stretch.address())
        back_url = url_for("AgendaView.agenda", **stretch.address())
        context = {"until": None, "siblings": None, "spot": None, "later_url": None, **more}
        return self.render_template(
            "portal/agenda/recap.html", title=title, plan=plan, key=new_key(), send_url=send_url, back_url=back_url, **context
        )


# -- what an address or a post says ---------------------------------------------------------------------------------------------------


def _day(text):
    return date.fromisoformat(text)


def _spot():
    try:
        return Spot.read(request.args.get("spot", ""))
    except ValueError:
        abort(404)


def _stretch(spot):
    """The week of a spot."""
    return Stretch(spot.day - timedelta(days=spot.day.weekday()), 1, None)


def _or_404(act, *args, **more):
    try:
        return act(*args, **more)
    except LookupError:
        abort(404)


def _read(lively):
    try:
        return taps_of(request.get_json(silent=True)) if lively else taps_of_form(request.form)
    except (ValueError, TypeError):
        abort(400)


# -- what is shown --------------------------------------------------------------------------------------------------------------------


def page(stretch):
    """What the agenda's page shows."""
    agenda, may_ask, found = Agenda(stretch), may(Noun.booking, "ask"), standing()
    plain = request.args.get("plain") == "1" and may_ask
    usual = may_ask and agenda_plans.has_usual_week(agenda.timetable, agenda.rows)
    return {
        "weeks": agenda.weeks,
        "signs": Signs(url_for("static", filename="icons.svg")),
        "rows": agenda.rows,
        "children": agenda.children,
        "siblings": len(agenda.enrolled) > 1,
        "may_ask": may_ask,
        "plain": plain,
        "key": new_key(),
        "owner": f"{found.account_id}-{found.family_id}",
        "legend": legend(agenda.cells),
        "deadlines": agenda.deadlines,
        "lot": agenda.lot,
        "notes": _notes(agenda),
        "usual_url": url_for("AgendaView.usual", **stretch.address()) if usual else "",
        "enrol_url": url_for("EnrolmentsView.enrolments") if has_screen("EnrolmentsView.enrolments") else "",
        **_ways(stretch, agenda),
    }


def _ways(stretch, agenda):
    """The ways to other weeks, children and spans."""

    def way(**other):
        return url_for("AgendaView.agenda", **stretch.address(**other))

    step, monday = WEEK * stretch.span, stretch.monday
    chips = [Place(_("All"), way(child=None), stretch.child is None)]
    chips += [Place(child.first_name, way(child=child.id), child.id == stretch.child) for child in agenda.enrolled]
    titles = {1: _("One week"), 4: _("Four weeks")}
    return {
        "span": stretch.span,
        "here": stretch.address(),
        "period": between(monday, agenda.weeks[-1].days[-1].date if agenda.weeks else stretch.last),
        "previous_url": way(week=week_name(monday - step)),
        "next_url": way(week=week_name(monday + step)),
        "today_url": way(week=None) if monday != this_monday() else "",
        "chips": chips,
        "spans": [Place(titles[span], way(weeks=span if span > 1 else None), span == stretch.span) for span in SPANS],
        "plain_url": way(plain=1),
        "lively_url": way(),
    }


def _notes(agenda):
    """What should be said above the days."""
    strangers = [child.first_name for child in agenda.children if child not in agenda.enrolled]
    if agenda.rows and strangers:
        yield _("Not enrolled in any activity in these weeks: %(names)s.", names=", ".join(strangers))


def one_day(spot):
    """A day of a child, or one of its services: how it stands, until when, and everything that may be done."""
    children, timetable = family_timetable(spot.day, spot.day, children_and_lot()[0])
    child = next((one for one in children if one.id == spot.child_id), None) or abort(404)
    prices = AgendaPrices.load(timetable)
    units = [unit for unit in timetable.units_of(child.id) if spot.unit_id in (0, unit.id)]
    if spot.unit_id and not units:
        abort(404)
    cells = [timetable.cell(child.id, unit.id, spot.day) for unit in units]
    if not spot.unit_id:
        cells = [cell for cell in cells if act_of(cell)]
    stretch = _stretch(spot)
    return {
        "title": ", ".join(filter(None, (child.first_name, units[0].title if spot.unit_id else "", day_name(spot.day, "EEEE d MMMM")))),
        "spot": spot,
        "child": child,
        "lines": [Line(cell, child, prices) for cell in cells],
        "siblings": [one for one in children if one.id != child.id and timetable.units_of(one.id)],
        "may_ask": may(Noun.booking, "ask"),
        "questions": booking_questions(child.id, spot.day),
        "key": new_key(),
        "send_url": url_for("AgendaView.save", **stretch.address()),
        "back_url": url_for("AgendaView.agenda", **stretch.address()),
    }


class Line:
    """One service of a child on a day, in words."""

    def __init__(self, cell, child, prices):
        self.cell, self.shown, self.act = cell, show(cell, child), act_of(cell)
        self.price, self.why, self.price_late = prices.words(cell), prices.why(cell), prices.after_the_deadline(cell)
        self.title, self.sentence = cell.unit.title, sentence(cell)
        activity = cell.unit.activity
        self.booking_rule, self.cancelling_rule = deadlines.describe(activity.booking_rule), deadlines.describe(activity.cancelling_rule)

    @property
    def late_request(self):
        """Whether it may still be asked, with a reason."""
        return self.cell.may_book and self.cell.late

    @property
    def may_book(self):
        return self.cell.may_book and not self.cell.late


# -- what was done --------------------------------------------------------------------------------------------------------------------


def answer(said, whose):
    """What the script reads: each tap with the state that the server now has, and the day's other cells where they changed too."""
    days, lot = [one.tap.spot.day for one in said], begun_lot(whose)
    timetable = timetable_after(min(days), max(days), whose.family_id, by_clerk=whose.by_clerk)
    known, prices = {child.id: child for child in timetable.children}, AgendaPrices.load(timetable)
    results = [_result(one, timetable, known, prices) for one in said]
    receipt = {"url": url_for("RequestsView.lot", lot_id=lot.id), "title": _("Receipt %(number)s", number=lot.number)} if lot else None
    return {"results": results, "others": list(_others(said, timetable, known, prices)), "lot": receipt}


def _result(one, timetable, known, prices):
    spot = one.tap.spot
    found = {"key": one.tap.key, "ok": one.ok, "act": one.tap.act, "sentence": one.sentence, "spot": str(spot)}
    return {**found, **_now(spot, timetable, known, prices)}


def _now(spot, timetable, known, prices):
    """How a cell stands now; of one that is not this family's, nothing is said."""
    if spot.child_id not in known or spot.unit_id not in {unit.id for unit in timetable.units_of(spot.child_id)}:
        return {"state": "closed", "icon": "minus", "name": "", "then": "", "request": None, "cents": 0}
    cell = timetable.cell(spot.child_id, spot.unit_id, spot.day)
    shown, cents = show(cell, known[spot.child_id], prices.words(cell)), to_cents(prices.sum([cell])[0])
    return {"state": shown.state, "icon": shown.icon, "name": shown.name, "then": shown.act, "request": shown.request_id, "cents": cents}


def _others(said, timetable, known, prices):
    """Cells beside those that were tapped: the half-day that a whole day leaves no room for."""
    tapped = {one.tap.spot for one in said}
    for spot in tapped:
        for other in timetable.plan.conflicts.get(spot.unit_id, ()):
            beside = Spot(spot.child_id, other, spot.day)
            if spot.child_id in known and beside not in tapped:
                yield {"spot": str(beside), **_now(beside, timetable, known, prices)}


def _flash(said):
    """The same in sentences, for a page without a script."""
    asked = [one for one in said if one.ok and one.tap.act == "book"]
    taken_back = sum(one.ok and one.tap.act == "withdraw" for one in said)
    if asked:
        flash_sent(asked)
    if taken_back:
        flash_taken_back(taken_back)
    for sentence_ in dict.fromkeys(one.sentence for one in said if not one.ok):
        flash(sentence_, "danger")
    if not said:
        flash(_("You have changed nothing."), "info")

"""What would another tariff bring? A household or one that is described, and the whole town over a month that has passed."""

from dataclasses import replace
from datetime import date, timedelta

from flask import redirect, request, url_for
from flask_appbuilder import BaseView, expose
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from wtforms import DateField, IntegerField, SelectField
from wtforms.validators import NumberRange, Optional

from app.activities.models import Unit
from app.billing import simulated
from app.billing.grid import Residence
from app.billing.models import FamilyTask, RunState, TariffGrid, TaskKind
from app.billing.pricing import Situation
from app.billing.simulation import AT_ONCE, compare, version_of
from app.billing.situations import Situations
from app.billing.tasks import ask_simulation, go_on
from app.children.models import Child
from app.core import clock
from app.core.amounts import AmountField, AmountRange
from app.core.errors import NotFound
from app.core.forms import Required, YesNo, named_id, option
from app.core.i18n import _, _l, date_text
from app.extensions import db
from app.families.models import Family, Fund
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.exports import exported
from app.staff.forms import RowNamed, StaffForm
from app.staff.interface import actor, saving
from app.staff.tasks import shown
from app.staff.views import screen

#: So many months that have begun are offered.
MONTHS = 14
#: The drawing of the town's page: the width of a full bar, in its units.
FULL = 100
#: So many households whose bill changes most stand on the page; all are in the file.
SHOWN = 30


class GridChoice(SelectField):
    """A version of an activity's tariff, in force or not."""

    def __init__(self, label=None, validators=(), **kwargs):
        super().__init__(label, [Required(), *validators], coerce=lambda value: named_id(str(value or "")), **kwargs)
        self.choices = [option("", _l("choose")), *(option(row.id, title_of(row)) for row in versions())]

    def process_data(self, value):
        super().process_data("" if value is None else value)


def versions():
    """The tariffs of all activities, the latest version of each first."""
    query = select(TariffGrid).options(joinedload(TariffGrid.activity)).order_by(TariffGrid.starts_on.desc(), TariffGrid.id)
    return sorted(db.session.scalars(query), key=lambda row: (row.activity.position, row.activity_id))


def title_of(row):
    """A tariff as a list names it."""
    if row.draft:
        words = {"activity": row.activity.name, "day": date_text(row.starts_on, "d MMMM yyyy"), "title": row.title}
        return _("%(activity)s, draft for %(day)s %(title)s", **words).strip()
    return _("%(activity)s, since %(day)s", activity=row.activity.name, day=date_text(row.starts_on, "d MMMM yyyy"))


class HouseholdForm(StaffForm):
    """Whom, and by which tariff. What is typed counts instead of what the file says; nothing is kept."""

    layout = (
        ("", ["grid_id", "day", "family_id"]),
        (
            _l("Instead of what the file says, or a household that is not in it"),
            ["quotient", "residence", "fund", "children", "rank", "own_lunch"],
        ),
    )
    grid_id = GridChoice(_l("Tariff to try"))
    day = DateField(_l("Day of the place"), [Required()])
    family_id = RowNamed(_l("Family"), of="famille", description=_l("Leave empty to describe a household below."))
    quotient = AmountField(_l("Income quotient (quotient familial), in euros"), [AmountRange(0, 99_999)])
    residence = SelectField(_l("Lives"), [Optional()])
    fund = SelectField(_l("Fund"), [Optional()])
    children = IntegerField(_l("Children enrolled"), [Optional(), NumberRange(1, 20)])
    rank = IntegerField(_l("Rank among them, the eldest being 1"), [Optional(), NumberRange(1, 20)])
    own_lunch = YesNo(_l("Brings its own lunch (PAI)"))

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.residence.choices = [option("", _l("as in the file")), *(option(one.value, one.label) for one in Residence)]
        self.fund.choices = [option("", _l("as in the file")), *(option(one.value, one.label) for one in Fund)]

    def typed(self):
        """What was typed of a pricing.Situation."""
        found = {name: self[name].data for name in ("quotient", "fund", "children", "rank") if self[name].data not in (None, "")}
        if self.residence.data:
            found["residence"] = Residence(self.residence.data)
        if self.own_lunch.answer is not None:
            found["own_lunch"] = self.own_lunch.answer
        if "quotient" in found:
            found["quotient_from"] = None
        # Who is the third of the family has two brothers or sisters at least.
        if "rank" in found:
            found["children"] = max(found["rank"], found.get("children", 0))
        return found


class SimulatorView(BaseView):
    """Trying a tariff. It reads what households earn and owe, and changes nothing of it."""

    noun = Noun.bill
    route_base = "/mairie/tarifs/simulateur"
    default_view = "household"
    class_permission_name = noun.value
    method_permission_name = dict.fromkeys(("household", "town", "try_town", "result", "stop", "town_file", "families_file"), "read")

    @expose("/", methods=["GET", "POST"])
    @screen
    def household(self):
        form = HouseholdForm(key="simulator", data=_beginning())
        lines = _compared(form) if form.validate_on_submit() else None
        return self.render_template(
            "staff/simulator.html",
            title=_("Simulate a tariff"),
            intro=_("What a place would cost. Nothing is kept, and nobody is told."),
            form=form,
            button=_("Compute"),
            lines=lines,
            tabs=_tabs("household"),
            back_url="",
        ), 422 if form.errors else 200

    @expose("/commune")
    @screen
    def town(self):
        recent = [(task, simulated.days_of(task)[0]) for task in simulated.recent()]
        return self._town(named_id(request.args.get("grid")), recent=recent)

    @expose("/commune", methods=["POST"])
    @screen
    def try_town(self):
        grid_id = named_id(request.form.get("grid"))
        row, month = db.session.get(TariffGrid, grid_id) if grid_id else None, days_of(request.form.get("month", ""))
        if row is None or month is None:
            return self._town(grid_id, month, said=_("Choose a tariff and a month.")), 422
        with saving():
            task_id = ask_simulation(row, title_of(row), *month, by=actor()).id
        task = db.session.get(FamilyTask, task_id)
        if task.running and not task.done:
            # A small town is one round, and sees its figures at once.
            go_on(task)
        return redirect(url_for("SimulatorView.result", simulation_id=task_id), 303)

    @expose("/commune/<int(max=2147483647):simulation_id>/")
    @screen
    def result(self, simulation_id):
        task = _task(simulation_id)
        if task.state is not RunState.done:
            return self._town(task.about["grid"], simulated.days_of(task), task=task, shown=shown(task) if task.running else None)
        kept = simulated.kept(task)
        largest = kept.found.largest
        return self._town(
            task.about["grid"],
            simulated.days_of(task),
            task=task,
            changed=simulated.changed(task),
            kept=kept,
            found=kept.found,
            bars=bars_of(kept.found),
            changes=named(largest[:SHOWN]),
            more=len(largest) - SHOWN,
            may_see_income=may(Noun.caf, "read"),
        )

    @expose("/commune/<int(max=2147483647):simulation_id>/arreter", methods=["POST"])
    @screen
    def stop(self, simulation_id):
        _task(simulation_id)
        with saving():
            simulated.stop(simulation_id)
        return redirect(url_for("SimulatorView.result", simulation_id=simulation_id), 303)

    def _town(self, grid_id, month=None, **more):
        title, grids = _("Simulate a tariff"), {row.id: title_of(row) for row in versions()}
        words = {
            "tabs": _tabs("town"),
            "grids": list(grids.items()),
            "gone": grid_id not in grids,
            "months": months(),
            "chosen": grid_id,
            "month": month,
            "said": "",
            "found": None,
            "task": None,
            "shown": None,
            "recent": [],
            **more,
        }
        return self.render_template("staff/simulator_town.html", title=title, **words)

    @expose("/commune/<int(max=2147483647):simulation_id>/tranches.<any(csv, xlsx):kind>")
    @screen
    def town_file(self, simulation_id, kind):
        kept = simulated.kept(_task(simulation_id))
        labels = [_("Bracket"), _("Households"), _("Places"), _("Tariff in force"), _("Tariff tried"), _("Difference")]
        every = [*kept.found.slices, kept.found.total]
        rows = [[one.title, len(one.families), one.places, one.before, one.after, one.difference] for one in every]
        return exported(kind, _("Simulation %(month)s", month=date_text(kept.first, "yyyy-MM")), labels, rows, noun=self.noun)

    @expose("/commune/<int(max=2147483647):simulation_id>/familles.<any(csv, xlsx):kind>")
    @screen
    def families_file(self, simulation_id, kind):
        """Quotients and brackets stay on the screen: no file says what a household earns."""
        kept = simulated.kept(_task(simulation_id))
        labels = [_("Code"), _("Family"), _("Tariff in force"), _("Tariff tried"), _("Difference")]
        every = named(kept.found.largest)
        rows = [[family.code, family.name, one.before, one.after, one.difference] for one, family in every]
        title = _("Simulation %(month)s, families", month=date_text(kept.first, "yyyy-MM"))
        return exported(kind, title, labels, rows, noun=self.noun)


def _tabs(current):
    pages = (("household", _("A household")), ("town", _("The whole town")))
    return [{"title": title, "url": url_for(f"SimulatorView.{name}"), "current": name == current, "count": 0} for name, title in pages]


# -- a household ----------------------------------------------------------------------------------------------------------------------


def _beginning():
    grid_id = named_id(request.args.get("grid"))
    row = db.session.get(TariffGrid, grid_id) if grid_id else None
    day = max(clock.today(), row.starts_on) if row is not None else clock.today()
    return {"grid_id": row.id if row is not None else None, "day": day, "family_id": named_id(request.args.get("family"))}


def _compared(form):
    """[Compared] of what the form says; a Version is tried on its day, whether or not it has begun."""
    version = version_of(form.grid_id.data)
    units = db.session.scalars(select(Unit).filter_by(activity_id=version.activity_id).order_by(Unit.position, Unit.id)).all()
    return compare(version, units, _people(form, version.activity_id), form.day.data)


def _people(form, activity_id):
    """[(name, Situation)]: the children of a family, or one child of a household that is described."""
    typed, family_id, day = form.typed(), form.family_id.data, form.day.data
    if family_id is None:
        return [(_("A child"), Situation(**typed))]
    situations = Situations.load([family_id], day, day)
    children = db.session.scalars(
        select(Child).where(Child.of_family(family_id), Child.archived_at.is_(None)).order_by(Child.birth_date, Child.id)
    )
    return [(str(child), replace(situations.of(family_id, child.id, activity_id, day), **typed)) for child in children]


# -- the whole town -------------------------------------------------------------------------------------------------------------------


def _task(simulation_id):
    """The FamilyTask of a simulation. Raises NotFound where there is none, or no more."""
    task = db.session.get(FamilyTask, simulation_id)
    if task is None or task.kind is not TaskKind.simulation:
        raise NotFound(_("This simulation is not kept any more: compute it again."))
    return task


def months():
    """[(name in addresses, title)] of this month and those before it."""
    first, found = clock.today().replace(day=1), []
    for _month in range(MONTHS):
        found.append((f"{first:%Y-%m}", date_text(first, "LLLL yyyy")))
        first = (first - timedelta(days=1)).replace(day=1)
    return found


def days_of(name):
    """(first, last day) of a month that an address names; None for what is none of months()."""
    if name not in dict(months()):
        return None
    first = date.fromisoformat(f"{name}-01")
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def named(changes):
    """[(Change, its household)]; of households that are gone meanwhile none."""
    columns, known = (Family.id, Family.code, Family.name), {}
    for start in range(0, len(changes), AT_ONCE):
        ids = [one.family_id for one in changes[start : start + AT_ONCE]]
        known |= {row.id: row for row in db.session.execute(select(*columns).where(Family.id.in_(ids)))}
    return [(one, known[one.family_id]) for one in changes if one.family_id in known]


def bars_of(found):
    """[(Slice, width of today's bar, width of the other)] of the drawing, in whole units."""
    most = max((max(one.before, one.after) for one in found.slices), default=0)
    return [(one, round(FULL * one.before / most) if most else 0, round(FULL * one.after / most) if most else 0) for one in found.slices]

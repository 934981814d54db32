"""What does the kitchen cook on a day? Numbers by school and diet, live or as frozen, with what changed; on paper too."""

from dataclasses import dataclass

from flask import flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_login import current_user

from app.activities.kitchen import (
    COLUMNS,
    MOST_ADULTS,
    OWN_LUNCH,
    PLAN_EATS,
    adults,
    counts_of,
    differences,
    freeze,
    meals,
    moves,
    school_names,
    set_adults,
    total,
    undecided,
    versions,
)
from app.activities.models import KitchenSheet
from app.audit.operations import note_health_reads
from app.children.models import Diet
from app.children.queries import open_schools
from app.core import clock, settings
from app.core.db import unit_of_work
from app.core.forms import named_id
from app.core.i18n import _, _l, date_text
from app.documents.pdf import pdf_response, render_pdf
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.onsite import day_from
from app.staff.views import screen

LABELS = {**{diet.value: diet.label for diet in Diet}, OWN_LUNCH: _l("PAI, own lunch"), "adults": _l("adults")}


@dataclass
class Page:
    """The sheet of a day: what is shown (live, or a version), what was frozen, whose care plan the kitchen must know."""

    day: object
    counts: dict
    frozen: list
    #: The version that is shown; None: the numbers of now.
    version: KitchenSheet | None
    #: What changed since the version before the one that is shown.
    changed: dict
    #: [(heading, [(school, initials, class)])] of those with a care plan; None for those who may not know.
    plans: list | None
    names: dict

    columns, labels = COLUMNS, LABELS
    plan_eats = PLAN_EATS

    @classmethod
    def of(cls, day, number=None):
        """The page of a day; of a version that does not exist, the numbers of now."""
        frozen, found = versions(day), meals(day)
        version = next((sheet for sheet in frozen if sheet.version == number), None)
        counts = version.counts if version is not None else counts_of(found.values(), day)
        earlier = [sheet for sheet in frozen if version is None or sheet.version < version.version]
        changed = differences(earlier[-1].counts, counts) if earlier else {}
        names = school_names({*counts, *changed})
        plans = _plans(found, names) if may(Noun.allergies, "read") else None
        return cls(day, counts, frozen, version, changed, plans, names)

    @property
    def last(self):
        return self.frozen[-1] if self.frozen else None

    @property
    def since(self):
        """The version that `changed` counts from."""
        earlier = [sheet for sheet in self.frozen if self.version is None or sheet.version < self.version.version]
        return earlier[-1] if earlier else None

    @property
    def rows(self):
        """[(school id, name, {column: n}, sum)], by name."""
        empty = dict.fromkeys((*COLUMNS, PLAN_EATS), 0)
        found = {key: {**empty, **self.counts.get(key, {})} for key in self.names}
        return [(key, name, found[key], total({key: found[key]})) for key, name in self.names.items()]

    def total(self, column=None):
        return total(self.counts, column)

    def moved(self, school, column):
        """ "+2", "−1" or nothing."""
        number = self.changed.get(school, {}).get(column, 0)
        return f"+{number}" if number > 0 else f"−{-number}" if number else ""

    @property
    def came_and_went(self):
        """ "+1 −2": the meals that were added and taken away since the version before; words where care plans alone have changed."""
        came, went = moves(self.changed)
        meals = " ".join(([f"+{came}"] if came else []) + ([f"−{went}"] if went else []))
        return meals or (_("another number of care plans (PAI)") if self.changed else "")


def _plans(found, names):
    """Initials and class of those with a care plan, by what they eat; that somebody of the town read it is noted."""
    planned = {child_id: meal for child_id, meal in found.items() if meal.planned}
    note_health_reads(planned, by=current_user, screen="kitchen")
    parts = {_("They eat what is cooked: ask for their care plan (PAI)"): [], _("They bring their own lunch (PAI)"): []}
    eat, bring = parts.values()
    for meal in planned.values():
        (bring if meal.column == OWN_LUNCH else eat).append((names.get(str(meal.school_id or 0), ""), meal.initials, meal.classroom))
    return [(heading, sorted(rows)) for heading, rows in parts.items() if rows]


class KitchenView(BaseView):
    """The kitchen's sheet."""

    noun = Noun.kitchen
    route_base = "/mairie/cuisine"
    default_view = "sheet"
    class_permission_name = noun.value
    method_permission_name = {**dict.fromkeys(("sheet", "pdf"), "read"), **dict.fromkeys(("freeze", "adults"), "edit")}

    @expose("/")
    @screen
    def sheet(self):
        day = day_from(request.args)
        page = Page.of(day, named_id(request.args.get("version")))
        may_edit = may(Noun.kitchen, "edit") and day >= clock.today()
        return self.render_template(
            "staff/kitchen.html",
            title=_("Kitchen, %(day)s", day=date_text(day, "full")),
            page=page,
            day=day,
            today=clock.today(),
            may_edit=may_edit,
            schools=open_schools() if may_edit else [],
            adults=adults(day) if may_edit else ({}, {}),
            hour=settings.get("kitchen_hour"),
            days_before=settings.get("kitchen_days"),
            undecided=undecided(day) if day >= clock.today() else None,
            may_decide=may(Noun.booking, "decide"),
            most_adults=MOST_ADULTS,
        )

    @expose("/cuisine.pdf")
    @screen
    def pdf(self):
        day = day_from(request.args)
        page = Page.of(day, named_id(request.args.get("version")))
        waits = undecided(day) if day >= clock.today() else None
        content = render_pdf("kitchen", page=page, day=day, undecided=waits, printed_at=clock.now())
        return pdf_response(content, _("kitchen") + f"-{day.isoformat()}.pdf")

    @expose("/figer", methods=["POST"])
    @screen
    def freeze(self):
        day = day_from(request.args)
        with unit_of_work():
            before = len(versions(day))
            number = freeze(day, by=current_user._get_current_object()).version
        if number > before:
            flash(_("Frozen: version %(number)d.", number=number), "success")
        else:
            flash(_("Nothing has changed since version %(number)d.", number=number), "info")
        return redirect(url_for("KitchenView.sheet", day=day.isoformat()), 303)

    @expose("/adultes", methods=["POST"])
    @screen
    def adults(self):
        day = day_from(request.args)
        given = {school.id: request.form.get(f"adults-{school.id}", "").strip() for school in open_schools()}
        if any(text and not (text.isascii() and text.isdigit() and len(text) < 6) for text in given.values()):
            flash(_("How many adults? A number from 0 to %(most)d.", most=MOST_ADULTS), "danger")
            return redirect(url_for("KitchenView.sheet", day=day.isoformat(), _anchor="adults"), 303)
        numbers = {school_id: int(text) for school_id, text in given.items() if text}
        with unit_of_work():
            set_adults(numbers, None if request.form.get("every_day") else day, by=current_user._get_current_object())
        flash(_("Saved."), "success")
        return redirect(url_for("KitchenView.sheet", day=day.isoformat()), 303)

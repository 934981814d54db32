"""What do the town's services cost? Price tables with their days, the screen that one is written on, copies and comparisons."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta

from flask import Response, abort, current_app, flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from app.activities.models import Activity
from app.billing import exchange, tariffs, validator
from app.billing.grids import Grids, Version
from app.billing.models import TariffGrid
from app.billing.table import blank, moved, typed_of
from app.core import clock
from app.core.errors import DomainError, Stale
from app.core.forms import named_id
from app.core.i18n import _, date_text
from app.extensions import db
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff import tariffs_form, tariffs_words
from app.staff.billing import period_url
from app.staff.interface import actor, saving
from app.staff.tariffs_form import Editor
from app.staff.tariffs_sample import Sample
from app.staff.views import screen

ONE_DAY = timedelta(days=1)
PERMISSIONS = {"list": "read", "show": "read", "download": "read", "compare": "read"}
PERMISSIONS |= {"add": "edit", "edit": "edit", "upload": "edit", "rename": "edit", "delete": "edit"}


@dataclass(frozen=True)
class Dated:
    """A version with the day before the next one, and where it stands today."""

    version: Version
    ends_on: object
    #: "past", "now", "coming" or "draft".
    state: str


def town_name():
    return current_app.config["TOWN_NAME"]


def dated(every):
    """[Dated] of an activity's versions: drafts, then the newest first."""
    found, today = [], clock.today()
    counting = [version for version in every if not version.draft]
    for place, version in enumerate(counting):
        after = counting[place + 1].starts_on - ONE_DAY if place + 1 < len(counting) else None
        state = "coming" if version.starts_on > today else "now" if after is None or after >= today else "past"
        found.append(Dated(version, after, state))
    return [*(Dated(version, None, "draft") for version in reversed(every) if version.draft), *reversed(found)]


def versions(activity_id=None):
    """All Versions, drafts too, of an activity or of all, the first that begins first."""
    query = select(TariffGrid).order_by(TariffGrid.starts_on, TariffGrid.id)
    query = query if activity_id is None else query.where(TariffGrid.activity_id == activity_id)
    return [Version.of(row) for row in db.session.scalars(query)]


def activities():
    """All activities, in the town's order."""
    return db.session.scalars(select(Activity).order_by(Activity.position, Activity.name)).all()


def loaded(activity_id):
    """An activity with its units, or 404."""
    query = select(Activity).where(Activity.id == activity_id).options(selectinload(Activity.units))
    return db.session.scalar(query) or abort(404)


def row_of(pk):
    """A version with its activity and units, or 404."""
    query = select(TariffGrid).where(TariffGrid.id == pk).options(joinedload(TariffGrid.activity).selectinload(Activity.units))
    return db.session.scalar(query) or abort(404)


class TariffView(BaseView):
    """Price tables."""

    noun = Noun.tariff
    route_base = "/mairie/tarifs"
    default_view = "list"
    class_permission_name = noun.value
    method_permission_name = PERMISSIONS

    @expose("/")
    @screen
    def list(self):
        of_activity = defaultdict(list)
        for version in versions():
            of_activity[version.activity_id].append(version)
        shown = [(activity, dated(of_activity[activity.id])) for activity in activities()]
        return self.render_template("staff/tariffs/list.html", title=_("Tariffs"), shown=shown, may_edit=may(self.noun, "edit"))

    # -- one version ------------------------------------------------------------------------------------------------------------------

    @expose("/<int(max=2147483647):pk>/")
    @screen
    def show(self, pk):
        row = row_of(pk)
        version, sample = Version.of(row), Sample.sent(request.args)
        every = versions(row.activity_id)
        return self.render_template(
            "staff/tariffs/show.html",
            title=title_of(row),
            row=row,
            grid=version.grid,
            units=row.activity.units,
            dated=next(one for one in dated(every) if one.version.id == pk),
            others=[one for one in reversed(every) if one.id != pk],
            billed=tariffs.billed_by(row),
            wrong=validator.problems(version.grid, row.activity.units),
            sample=sample,
            prices=sample.prices(version.grid, row.activity.units, row.title, row.starts_on),
            may_simulate=may(Noun.bill, "read"),
            words=tariffs_words,
            may_edit=may(self.noun, "edit"),
            activities=activities(),
        )

    @expose("/<int(max=2147483647):pk>/export.csv")
    @screen
    def download(self, pk):
        row = row_of(pk)
        response = Response(exchange.to_csv(Version.of(row).grid, row.activity.units), content_type="text/csv; charset=utf-8")
        response.headers["Content-Disposition"] = f'attachment; filename="tarif-{row.activity_id}-{row.starts_on:%Y-%m-%d}.csv"'
        return response

    @expose("/comparer")
    @screen
    def compare(self):
        one, other = (row_of(named_id(request.args.get(name)) or 0) for name in ("one", "other"))
        if one.activity_id != other.activity_id:
            abort(404)
        one, other = sorted((one, other), key=lambda row: (row.starts_on, row.draft, row.id))
        columns, rows = tariffs_words.compared(Version.of(one).grid, Version.of(other).grid)
        rules = [tariffs_words.besides(Version.of(row).grid, row.activity.units) for row in (one, other)]
        shown = {"one": one, "other": other, "columns": columns, "rows": rows, "rules": rules}
        return self.render_template("staff/tariffs/compare.html", title=_("Compare: %(activity)s", activity=one.activity.name), **shown)

    # -- writing ----------------------------------------------------------------------------------------------------------------------

    @expose("/nouveau", methods=["GET", "POST"])
    @screen
    def add(self):
        activity = loaded(named_id(request.args.get("activity")) or 0)
        if request.method == "POST":
            return self._sent(activity)
        if former := named_id(request.args.get("from")):
            return self._page(copied(row_of(former), activity))
        day = clock.today() if not Grids.load([activity.id]).of(activity.id) else next_school_year(clock.today())
        return self._page(Editor(activity, activity.units, town_name(), blank(activity.units), starts_on=day.isoformat()).look())

    @expose("/<int(max=2147483647):pk>/modifier", methods=["GET", "POST"])
    @screen
    def edit(self, pk):
        row = row_of(pk)
        return self._sent(row.activity, row) if request.method == "POST" else self._page(opened(row), row)

    def _sent(self, activity, row=None):
        """The form came back: a button changed the table, or it is checked, or saved."""
        editor, what = tariffs_form.sent(request.form, activity, activity.units, town_name()), request.form.get("do", "check")
        if what.partition("-")[0] == "save":
            return self._save(editor, row, named_id(what.partition("-")[2]) or 0)
        if what == "draft":
            return self._save(editor, row, 0, draft=True)
        try:
            if what != "check":
                tariffs_form.act(editor, what, request.form)
        except DomainError as refusal:
            editor.refuse(refusal, "pasted" if what == "paste" else "percent" if what == "raise" else "grid")
            return self._page(editor, row, 422)
        if what in ("check", "paste"):
            editor.check()
        return self._page(editor, row, checked=what in ("check", "paste"))

    def _save(self, editor, row, despite, draft=False):
        if not editor.check():
            return self._page(editor, row, 422)
        what = editor.day, editor.title, editor.reading.grid
        try:
            with saving():
                given = {"row": row, "shown": editor.shown, "despite": despite, "draft": draft}
                saved = tariffs.save(loaded(editor.activity.id), *what, by=actor(), **given)
                pk, billed = saved[0].id, saved[1]
        except tariffs.AlreadyBilled as refusal:
            editor.billed = refusal.billed
            return self._page(editor, row, 422)
        except Stale as refusal:
            editor.refuse(refusal)
            return self._page(editor, row, 409)
        except DomainError as refusal:
            editor.refuse(refusal, "starts_on")
            return self._page(editor, row, 422)
        day = date_text(editor.day, "long")
        said = _("Saved as a draft: neither families nor bills see it.") if draft else _("Saved. It counts from %(day)s on.", day=day)
        flash(said, "success")
        return redirect(after(billed) or url_for("TariffView.show", pk=pk), 303)

    @expose("/nouveau/fichier", methods=["POST"])
    @screen
    def upload(self):
        activity = loaded(named_id(request.args.get("activity")) or 0)
        row = row_of(named_id(request.args.get("pk"))) if request.args.get("pk") else None
        editor = opened(row) if row is not None else Editor(activity, activity.units, town_name(), blank(activity.units)).look()
        editor.starts_on, editor.title = request.form.get("starts_on", "")[:10] or editor.starts_on, request.form.get("title", "")[:120]
        sent = request.files.get("file")
        try:
            if sent is None or not sent.filename:
                raise DomainError(_("Choose a file first."))
            tariffs_form.take(editor, exchange.decoded(sent.read(exchange.LARGEST_TEXT * 4))).look()
        except DomainError as refusal:
            editor.refuse(refusal, "file")
            return self._page(editor, row, 422)
        editor.check()
        return self._page(editor, row, checked=True)

    def _page(self, editor, row=None, status=200, checked=False):
        title = title_of(row) if row is not None else _("New price table: %(activity)s", activity=editor.activity.name)
        back = url_for("TariffView.show", pk=row.id) if row is not None else url_for("TariffView.list")
        action = url_for("TariffView.edit", pk=row.id) if row is not None else url_for("TariffView.add", activity=editor.activity.id)
        return self.render_template(
            "staff/tariffs/edit.html",
            title=title,
            editor=editor,
            row=row,
            back_url=back,
            action=action,
            checked=checked and not editor.problems,
            words=tariffs_words,
            form=tariffs_form,
        ), status

    # -- small deeds ------------------------------------------------------------------------------------------------------------------

    @expose("/<int(max=2147483647):pk>/nom", methods=["POST"])
    @screen
    def rename(self, pk):
        title = " ".join(request.form.get("title", "").split())[:120]
        with saving():
            tariffs.rename(row_of(pk), title, by=actor())
        flash(_("Saved."), "success")
        return redirect(url_for("TariffView.show", pk=pk), 303)

    @expose("/<int(max=2147483647):pk>/supprimer", methods=["GET", "POST"])
    @screen
    def delete(self, pk):
        row, back = row_of(pk), url_for("TariffView.show", pk=pk)
        if request.method == "GET":
            billed, title = tariffs.billed_by(row), _("Delete “%(name)s”?", name=title_of(row))
            return self.render_template("staff/tariffs/delete.html", title=title, billed=billed, back_url=back)
        try:
            with saving():
                billed = tariffs.remove(row_of(pk), by=actor(), despite=named_id(request.form.get("despite")) or 0)
        except tariffs.AlreadyBilled as refusal:
            flash(str(refusal), "warning")
            return redirect(url_for("TariffView.delete", pk=pk), 303)
        except DomainError as refusal:
            flash(str(refusal), "danger")
            return redirect(back)
        flash(_("Deleted."), "success")
        return redirect(after(billed) or url_for("TariffView.list"), 303)


def after(billed):
    """Where a change that reaches invoices leads: to what the worker finds of them; "" where it reaches none."""
    if not billed.count:
        return ""
    flash(_("What was billed is compared with it now. Then “Correct them…” makes the credit notes and the new invoices."), "info")
    return period_url(next(iter(billed.periods))) if len(billed.periods) == 1 else url_for("BillingView.periods")


def title_of(row):
    """A price table as its page names it."""
    if row.draft:
        return _("%(activity)s, draft from %(day)s on", activity=row.activity.name, day=date_text(row.starts_on, "long"))
    return _("%(activity)s, from %(day)s on", activity=row.activity.name, day=date_text(row.starts_on, "long"))


def next_school_year(day):
    """The next first of September after a day."""
    return day.replace(year=day.year + (day.month >= 9), month=9, day=1)


def opened(row):
    """The Editor of a version as it is."""
    units, town = row.activity.units, town_name()
    typed = typed_of(Version.of(row).grid, units, town)
    return Editor(row.activity, units, town, typed, row.title, row.starts_on.isoformat(), row.changed_at.isoformat()).look()


def copied(former, activity):
    """The Editor of a copy for the year after, or for another activity."""
    typed = typed_of(Version.of(former).grid, former.activity.units, town_name())
    lost = moved(typed, former.activity.units, activity.units) if former.activity_id != activity.id else []
    day = next_school_year(max(former.starts_on, clock.today()))
    return Editor(activity, activity.units, town_name(), typed, starts_on=day.isoformat(), notes=lost).look()

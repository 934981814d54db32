"""How far is what the worker does of many households? Its progress, and the tax certificates of a year in one PDF."""

from flask import abort, flash, jsonify, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from flask_babel import format_time
from flask_login import current_user

from app.audit.operations import note_export
from app.billing import yearly
from app.billing.models import FamilyTask, TaskKind
from app.billing.tasks import ask_task, last_task
from app.core import clock
from app.core.errors import DomainError
from app.core.forms import named_id
from app.core.heartbeat import is_silent
from app.core.i18n import _, number
from app.documents.models import StoredFile
from app.documents.operations import content_of
from app.documents.pdf import pdf_response
from app.extensions import db
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.interface import actor, saving
from app.staff.views import screen


def said(task):
    """How far a task is, in words, and what it waits for."""
    far = _("%(done)s of %(total)s households", done=number(task.done), total=number(task.total))
    if task.waits_until is None:
        return far
    again = format_time(task.waits_until, "short")
    wait = _("The server’s disk is full: tried again at %(time)s. Tell whoever looks after the server.", time=again)
    return f"{far}. {wait}"


def shown(task):
    """What the pages that ask for a task show of it; None where it was never asked for."""
    return None if task is None else {"task": task, "said": said(task), "silent": task.running and is_silent()}


class FamilyTaskView(BaseView):
    """Tasks of many households."""

    noun = Noun.bill
    route_base = "/mairie/facturation"
    default_view = "certificates"
    class_permission_name = noun.value
    method_permission_name = {**dict.fromkeys(("progress", "certificates", "pdf"), "read"), "make": "edit"}

    @expose("/taches/<int(max=2147483647):task_id>/avancement")
    @screen
    def progress(self, task_id):
        task = db.session.get(FamilyTask, task_id) or abort(404)
        return jsonify(running=task.running, done=task.done, total=task.total, said=said(task), silent=is_silent())

    @expose("/attestations-fiscales/")
    @screen
    def certificates(self):
        return self.render_template(
            "staff/billing/certificates.html",
            title=_("Tax certificates of all families"),
            years=yearly.years(),
            this_year=clock.today().year,
            shown=shown(last_task(TaskKind.certificates)),
            may_edit=may(Noun.bill, "edit"),
        )

    @expose("/attestations-fiscales/", methods=["POST"])
    @screen
    def make(self):
        year = named_id(request.form.get("year")) or 0
        try:
            with saving():
                ask_task(TaskKind.certificates, yearly.payers(year), by=actor(), year=year)
        except DomainError as refusal:
            flash(str(refusal), "warning")
        return redirect(url_for("FamilyTaskView.certificates"), 303)

    @expose("/attestations-fiscales/<int(max=2147483647):task_id>.pdf")
    @screen
    def pdf(self, task_id):
        task = db.session.get(FamilyTask, task_id) or abort(404)
        row = db.session.get(StoredFile, task.files[0]) if task.files and not task.running else None
        if row is None:
            abort(404)
        note_export(Noun.bill, task.made, _("Tax certificates %(year)s", year=task.year), by=current_user)
        return pdf_response(content_of(row), row.filename)

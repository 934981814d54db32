"""Who is reminded of what is unpaid? The town's steps, who gets one now, letters for those without an address, and what was sent."""

from datetime import date

from flask import flash, redirect, request, url_for
from flask_appbuilder import expose
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from wtforms import BooleanField, IntegerField
from wtforms.validators import NumberRange

from app.billing import reminders
from app.billing.models import Invoice, Reminder, ReminderStep, TaskKind
from app.billing.tasks import ask_task, last_task
from app.core import clock, search, settings
from app.core.errors import DomainError
from app.core.forms import LongText, Required, Text, named_id
from app.core.i18n import _, _l, _n
from app.families.models import Adult, Family
from app.security.scope import may
from app.security.who_sees_what import Noun
from app.staff.forms import StaffForm
from app.staff.interface import actor, saving
from app.staff.parts import Deed, Facet, by_id
from app.staff.schools import ReferenceEditor
from app.staff.tasks import shown
from app.staff.views import StaffView, screen


def _reminders(number):
    return _n("%(num)d reminder", "%(num)d reminders", number)


class StepForm(StaffForm):
    """A step."""

    days = IntegerField(
        _l("Days after the day to pay"),
        [Required(), NumberRange(1, 365, _l("Between 1 and 365."))],
        description=_l("So long after that day the reminder is due."),
    )
    open = BooleanField(_l("It is sent"), description=_l("Without the tick it rests: nobody gets it."))
    title = Text(_l("Subject of the mail"), longest=120, required=True)
    text = LongText(
        _l("What the family reads"),
        longest=2000,
        required=True,
        description=_l("The unpaid invoices and their total follow by themselves."),
    )
    title_en = Text(_l("Subject in English"), longest=120)
    text_en = LongText(_l("The same in English"), longest=2000)


class ReminderStepView(StaffView):
    """The town's steps and their words."""

    noun, model, route_base = Noun.bill, ReminderStep, "/mairie/relances/etapes"
    route_methods = ("list", "add", "edit", "delete")
    list_title, add_title = _l("Steps of the reminders"), _l("New step")
    labels = {
        "title": _l("Subject"),
        "days": _l("Days after the day to pay"),
        "open": _l("It is sent"),
        "text": _l("What the family reads"),
    }
    list_columns = ["title", "days", "open", "text"]
    first_sort = (ReminderStep.days,)
    editor = ReferenceEditor(ReminderStep, StepForm, ((Reminder.step_id, _reminders),))

    def cell_text(self, row):
        return row.text if len(row.text) <= 90 else f"{row.text[:88].rstrip()}…"

    def beginning(self):
        return {"open": True}

    def deeds_of_list(self):
        return [Deed(_("Who gets one now"), url_for("ReminderView.due"), "send", "primary")]


def _in_numbers(word):
    return search.contains(Family.name, word) | search.contains(Family.code, word)


class ReminderView(StaffView):
    """Reminders that were sent, and those to send."""

    noun, model, route_base = Noun.bill, Reminder, "/mairie/relances"
    route_methods = ("list", "export")
    list_title = _l("Reminders sent")
    method_permission_name = {**StaffView.method_permission_name, "due": "read", "send": "edit", "letters": "read"}
    labels = {
        "number": _l("Invoice"),
        "family": _l("Family"),
        "code": _l("Code"),
        "step": _l("Step"),
        "amount": _l("Unpaid then"),
        "sent_at": _l("Sent"),
        "letters": _l("Letters"),
    }
    list_columns = ["number", "family", "code", "step", "amount", "sent_at", "letters"]
    search_columns = ["sent_at"]
    search_hint = _l("Name or code of a family")
    matches = staticmethod(lambda word: Reminder.invoice.has(Invoice.family.has(_in_numbers(word))))
    facets = (
        Facet(
            "step",
            _l("Step"),
            lambda: [(str(step.id), step.title) for step in reminders.all_steps()],
            by_id(lambda number: Reminder.step_id == number),
            _l("All of them"),
        ),
    )
    loads = (joinedload(Reminder.step), joinedload(Reminder.invoice).joinedload(Invoice.family))
    sorts = {"number": [select(Invoice.number).where(Invoice.id == Reminder.invoice_id).scalar_subquery()]}
    first_sort = (Reminder.sent_at.desc(), Reminder.id.desc())

    @classmethod
    def more_routes(cls):
        return ("due", "send", "letters")

    def cell_number(self, row):
        return str(row.invoice.number)

    def cell_family(self, row):
        return row.invoice.family.name

    def cell_code(self, row):
        return row.invoice.family.code

    def cell_letters(self, row):
        """The letters that went with it, to print again; in files nothing."""
        day = clock.local(row.sent_at).date()
        url = url_for("ReminderView.letters", step=row.step_id, day=day.isoformat())
        return Markup('<a href="{}">{}</a>').format(url, _("Print again")) if "export" not in (request.endpoint or "") else None

    def row_url(self, row):
        return url_for("InvoiceView.show", pk=row.invoice_id)

    def deeds_of_list(self):
        steps = Deed(_("Steps and their words"), url_for("ReminderStepView.list"), "pencil")
        return [Deed(_("Who gets one now"), url_for("ReminderView.due"), "send", "primary"), steps]

    @expose("/a-envoyer/")
    @screen
    def due(self):
        steps = reminders.all_steps()
        found = reminders.due(steps=steps)
        return self.render_template(
            "staff/billing/reminders.html",
            title=_("Reminders to send"),
            due=found,
            steps=steps,
            unreached=[one for one in found if one.reader is None],
            by_themselves=settings.get("reminders_leave"),
            may_send=may(Noun.bill, "edit"),
            shown=shown(last_task(TaskKind.reminders)),
        )

    @expose("/a-envoyer/", methods=["POST"])
    @screen
    def send(self):
        wanted = set(map(named_id, request.form.getlist("family")))
        families = [family_id for family_id in dict.fromkeys(one.family.id for one in reminders.due()) if family_id in wanted]
        if not families:
            flash(_("Tick a family first."), "warning")
            return redirect(url_for("ReminderView.due"))
        try:
            with saving():
                ask_task(TaskKind.reminders, families, by=actor())
        except DomainError as refusal:
            flash(str(refusal), "warning")
        return redirect(url_for("ReminderView.due"), 303)

    @expose("/lettres/")
    @screen
    def letters(self):
        """Those to print before they are noted as sent, or those of a step that were sent on a day."""
        step, day = self._sent_in()
        found = reminders.sent_on(step, day) if step else [one for one in reminders.due() if one.reader is None]
        guardians = select(Adult).where(Adult.family_id.in_([one.family.id for one in found])).order_by(Adult.role, Adult.id)
        adults = {}
        for adult in self.datamodel.session.scalars(guardians):
            adults.setdefault(adult.family_id, adult)
        return self.render_template(
            "staff/billing/reminder_letters.html",
            title=_("Letters to print"),
            due=found,
            adults=adults,
            sent=day,
            back_url=url_for("ReminderView.list") if step else url_for("ReminderView.due"),
        )

    @staticmethod
    def _sent_in():
        """(step's id, day) that the address asks for, (None, None) for what is still due."""
        try:
            return int(request.args["step"][:9]), date.fromisoformat(request.args["day"])
        except (KeyError, ValueError):
            return None, None

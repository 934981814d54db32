"""Which conversations wait for the town? The list, one conversation, the answer, the note, who answers; a new one with a family."""

from uuid import uuid4

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from wtforms import BooleanField, HiddenField

from app.activities.models import Booking
from app.billing.models import InvoiceLine
from app.changes.models import ChangeRequest
from app.core import search
from app.core.encryption import seal, unseal
from app.core.forms import Form, LongText, Text
from app.core.i18n import _, _l
from app.documents.forms import UploadField, keep_upload, put_aside
from app.extensions import db
from app.families.models import Family
from app.messages.models import About, CannedAnswer, Thread, ThreadState
from app.messages.operations import Writing, answer_family, assign, close, note, reopen, write_to_family
from app.messages.queries import next_waiting, thread_for_staff
from app.security.models import Account
from app.security.queries import staff_with
from app.security.scope import may, require
from app.security.who_sees_what import STAFF_ROLES, Noun, permissions
from app.staff.interface import actor, saving
from app.staff.nav import counted
from app.staff.parts import Deed, Facet
from app.staff.views import StaffView, screen

THREAD = "<int(max=2147483647):thread_id>"
LONGEST = 5000


class AnswerForm(Form):
    """An answer to a family, or a note for the staff."""

    base = HiddenField()
    text = LongText(_l("Answer"), longest=LONGEST, required=True)
    note = BooleanField(_l("A note for the staff: the family does not see it"))
    file = UploadField(_l("Picture or document"), noun=Noun.message)

    def __init__(self, family_id, **kwargs):
        self.family_id = family_id
        super().__init__(**kwargs)
        if request.method != "POST":
            self.base.data = seal({"family": family_id, "key": uuid4().hex})

    def writing(self):
        """The Writing, its file kept, within the open unit of work."""
        file = keep_upload(self.file, noun=Noun.message, family_id=self.family_id, by=actor())
        return Writing(self.text.data, actor(), key=self._key(), files=(file,) if file else ())

    def _key(self):
        try:
            token = unseal(self.base.data or "")
        except ValueError:
            return None
        return token.get("key") if token.get("family") == self.family_id else None

    def file_name(self, field):
        """The name of the file that was put aside, if any."""
        return field.kept["name"] if field.kept and not field.removed else ""


class NewThreadForm(AnswerForm):
    """A message that the town begins."""

    subject = Text(_l("Subject"), longest=120, required=True)


def _mine(value):
    if value == "me":
        return Thread.assigned_to_id == actor().id
    return Thread.assigned_to_id.is_(None) if value == "nobody" else None


class ThreadsView(StaffView):
    """Conversations with families."""

    noun, model, route_base = Noun.message, Thread, "/mairie/messages"
    route_methods = ("list",)
    list_title = _l("Messages")
    labels = {
        "subject": _l("Subject"),
        "family": _l("Family"),
        "topic": _l("About what"),
        "state": _l("State"),
        "assigned_to": _l("Who answers"),
        "last_at": _l("Last message"),
    }
    list_columns = ["subject", "family", "topic", "state", "assigned_to", "last_at"]
    loads = (joinedload(Thread.topic), joinedload(Thread.assigned_to))
    search_hint = _l("Subject, name or code of a family")
    matches = staticmethod(
        lambda word: (
            search.contains(Thread.subject, word)
            | Thread.family_id.in_(select(Family.id).where(search.contains(Family.name, word) | search.contains(Family.code, word)))
        )
    )
    facets = (
        Facet(
            "state",
            _l("State"),
            lambda: [(state.name, state.label) for state in ThreadState],
            lambda value: Thread.state == ThreadState[value] if value in ThreadState.__members__ else None,
            default="waiting",
        ),
        Facet("who", _l("Who answers"), lambda: [("me", _l("me")), ("nobody", _l("nobody yet"))], _mine),
    )
    #: What waits longest comes first.
    first_sort = (Thread.last_at, Thread.id)
    method_permission_name = {**StaffView.method_permission_name, "thread": "read", "answer": "edit", "deed": "edit", "new": "edit"}
    exports = False

    @classmethod
    def more_routes(cls):
        return ("thread", "answer", "deed", "new")

    def decorate(self, rows):
        """The families of a page of threads: this room lies below theirs, so the rows carry ids alone."""
        query = select(Family).where(Family.id.in_({row.family_id for row in rows}))
        self._families = {family.id: family for family in db.session.scalars(query)}

    def cell_family(self, row):
        return self._families[row.family_id].name

    def cell_assigned_to(self, row):
        return str(row.assigned_to) if row.assigned_to is not None else ""

    def row_url(self, row):
        return url_for("ThreadsView.thread", thread_id=row.id)

    @expose(f"/{THREAD}/")
    @screen
    def thread(self, thread_id):
        return self._page(*_found(thread_id))

    def _page(self, thread, messages, form=None, status=200):
        family = db.session.get(Family, thread.family_id)
        (following,) = counted(next_waiting(thread))
        page = self.render_template(
            "staff/thread.html",
            title=thread.subject,
            thread=thread,
            messages=messages,
            family=family,
            form=form or AnswerForm(family.id),
            canned=db.session.scalars(select(CannedAnswer).order_by(CannedAnswer.rank, CannedAnswer.id)).all(),
            people=staff_with([role for role in STAFF_ROLES if "edit" in permissions(Noun.message, role)]),
            may_write=may(Noun.message, "edit"),
            about_url=_about_url(thread),
            following=following,
        )
        return page, status

    @expose(f"/{THREAD}/repondre", methods=["POST"])
    @screen
    def answer(self, thread_id):
        thread, messages = _found(thread_id)
        form = AnswerForm(thread.family_id)
        if not form.validate():
            put_aside(form, noun=Noun.message, family_id=thread.family_id, by=actor())
            return self._page(thread, messages, form, 422)
        with saving():
            act = note if form.note.data else answer_family
            act(db.session.get(Thread, thread_id), form.writing())
        flash(_("Noted.") if form.note.data else _("The family has your answer, and an e-mail if it has an address."), "success")
        return redirect(url_for("ThreadsView.thread", thread_id=thread_id), code=303)

    @expose(f"/{THREAD}/faire", methods=["POST"])
    @screen
    def deed(self, thread_id):
        _found(thread_id)
        with saving():
            thread = db.session.get(Thread, thread_id)
            match request.form.get("do"):
                case "close":
                    close(thread, by=actor())
                case "reopen":
                    reopen(thread, by=actor())
                case "assign":
                    assign(thread, _colleague(request.form.get("to", type=int)), by=actor())
        return redirect(url_for("ThreadsView.thread", thread_id=thread_id), code=303)

    @expose("/nouveau/<int(max=2147483647):family_id>", methods=["GET", "POST"])
    @screen
    def new(self, family_id):
        family = db.session.get(Family, family_id) or abort(404)
        form = NewThreadForm(family_id)
        if request.method == "POST" and form.validate():
            with saving():
                thread_id = write_to_family(family_id, form.subject.data, form.writing()).id
            return redirect(url_for("ThreadsView.thread", thread_id=thread_id), code=303)
        if request.method == "POST":
            put_aside(form, noun=Noun.message, family_id=family_id, by=actor())
        page = self.render_template(
            "staff/thread_new.html", title=_("Write to family %(name)s", name=family.name), family=family, form=form
        )
        return page, 422 if form.errors else 200


def _found(thread_id):
    thread, messages = thread_for_staff(thread_id)
    return (thread, messages) if thread is not None else abort(404)


def _colleague(account_id):
    """Somebody of the staff who may answer; None for nobody."""
    account = db.session.get(Account, account_id) if account_id else None
    people = staff_with([role for role in STAFF_ROLES if "edit" in permissions(Noun.message, role)])
    return account if account in people else None


def _about_url(thread):
    """Where the staff sees what a conversation is about."""
    if thread.about_kind is About.request and may(Noun.request, "decide"):
        request_row = db.session.get(ChangeRequest, thread.about_id)
        return url_for("QueueView.lot", lot_id=request_row.lot_id) if request_row is not None else None
    if thread.about_kind is About.booking and may(Noun.booking, "read"):
        booking = db.session.get(Booking, thread.about_id)
        return url_for("ChildView.child", child_id=booking.child_id) if booking is not None else None
    if thread.about_kind is About.invoice and may(Noun.bill, "read"):
        return url_for("InvoiceView.show", pk=thread.about_id)
    if thread.about_kind is About.line and may(Noun.bill, "read"):
        line = db.session.get(InvoiceLine, thread.about_id)
        return url_for("InvoiceView.show", pk=line.invoice_id) if line is not None else None
    return None


def write_deed(family_id):
    """The link on a family's page."""
    require(Noun.message, "read")
    return Deed(_("Write a message"), url_for("ThreadsView.new", family_id=family_id), "mail")

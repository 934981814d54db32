"""What do a family and the town say to each other? Conversations, the form to write to the town, and the mails that were sent."""

from uuid import uuid4

from flask import abort, redirect, request, url_for
from flask_appbuilder import expose
from flask_babel import get_locale
from flask_login import current_user
from sqlalchemy import select
from wtforms import BooleanField, HiddenField, SelectField
from wtforms.validators import Optional

from app.core.db import unit_of_work
from app.core.encryption import seal, unseal
from app.core.errors import DomainError
from app.core.forms import Form, LongText, Text, option
from app.core.i18n import _, _l
from app.documents.forms import UploadField, keep_upload, put_aside
from app.extensions import db
from app.messages.models import About, Topic
from app.messages.operations import Writing, answer_town, ask_town, note_reading
from app.messages.queries import thread_of, threads_of
from app.portal.abouts import days_of, title_of, url_of
from app.portal.queries import own_mail, own_mails
from app.portal.views import PortalView
from app.security.guard import MESSAGES, writes
from app.security.scope import may, standing, typist
from app.security.who_sees_what import Noun

PAGE = 20
#: How long a message may be.
LONGEST = 5000


class MessageForm(Form):
    """A message with at most two files. `base` names the form, so that a double click is one message."""

    base = HiddenField()
    text = LongText(_l("Your message"), longest=LONGEST, required=True)
    file = UploadField(_l("Picture or document"), noun=Noun.message)
    other_file = UploadField(_l("Another one"), noun=Noun.message)

    @classmethod
    def opened(cls, **beginning):
        """The form as it is shown, or as it was sent."""
        if request.method == "POST":
            return cls()
        form = cls(formdata=None, data=beginning)
        form.base.data = seal({**typist(), "key": uuid4().hex})
        return form

    def validate(self, extra_validators=None):
        valid = super().validate(extra_validators)
        if self.token is None:
            self.refuse(_("This form was opened for something else. What you typed is still here: check it and send it again."))
            self.base.data = seal({**typist(), "key": uuid4().hex})
            return False
        return valid

    @property
    def token(self):
        """What the form was opened with, or None where it is somebody else's."""
        try:
            token = unseal(self.base.data or "")
        except ValueError:
            return None
        return token if (token.get("account"), token.get("family")) == (current_user.id, standing().family_id) else None

    def writing(self):
        """The Writing, its files kept, within the open unit of work."""
        files = [
            keep_upload(field, noun=Noun.message, family_id=standing().family_id, by=current_user) for field in (self.file, self.other_file)
        ]
        return Writing(
            self.text.data, current_user._get_current_object(), key=self.token["key"], files=tuple(file for file in files if file)
        )


class ContactForm(MessageForm):
    """A new conversation."""

    day = SelectField(_l("Which day?"), [Optional()], coerce=lambda value: int(value) if str(value or "").isdecimal() else None)
    topic = SelectField(_l("What is it about?"), [Optional()], coerce=lambda value: int(value) if str(value or "").isdecimal() else None)
    subject = Text(_l("Subject"), longest=120, required=True)
    private = BooleanField(_l("Only I read the answers, no other adult of the family"))

    def fill(self, topics, about):
        """Offer the town's topics in the reader's language, and the days of the line that it is about."""
        self.days = dict(days_of(*about[:2])) if about else {}
        self.day.choices = [option("", _("all of them")), *(option(number, day) for number, day in self.days.items())]
        english = get_locale().language == "en"
        self.topics = {topic.id: topic for topic in topics}
        titles = [option(topic.id, topic.title_en if english and topic.title_en else topic.title) for topic in topics]
        self.topic.choices = [option("", _("choose")), *titles]

    def about(self, about):
        """(About, id, title): the day that was chosen, where there was a choice."""
        day = self.days.get(self.day.data)
        return (about[0], self.day.data, f"{about[2]}, {day}") if day else about


class InboxView(PortalView):
    """Conversations with the town, and its mails."""

    class_permission_name = Noun.message.value
    method_permission_name = {"inbox": "read", "thread": "read", "contact": "ask", "mails": "read", "message": "read"}

    @expose("/messages/")
    def inbox(self):
        found = self.enter(Noun.message)
        page = max(request.args.get("page", 1, type=int), 1)
        threads, total = threads_of(found.account_id, found.family_id, offset=(page - 1) * PAGE, limit=PAGE)
        pages = max(1, -(-total // PAGE))
        return self.render_template("portal/inbox.html", title=_("Inbox"), threads=threads, page=min(page, pages), pages=pages)

    @expose("/messages/nouveau/", methods=["GET", "POST"])
    @writes(MESSAGES)
    def contact(self):
        self.enter(Noun.message, "ask")
        about = _about()
        form = ContactForm.opened(subject=about[2][:120] if about else "")
        form.fill(db.session.scalars(select(Topic).where(Topic.open).order_by(Topic.rank, Topic.id)).all(), about)
        if request.method == "POST" and form.validate():
            thread = self._ask(form, about)
            if thread is not None:
                return redirect(url_for("InboxView.thread", thread_id=thread, sent=1), code=303)
        if request.method == "POST":
            put_aside(form, noun=Noun.message, family_id=standing().family_id, by=current_user)
        page = self.render_template(
            "portal/contact.html", title=_("Contact us"), form=form, about=about, about_url=about and url_of(*about[:2])
        )
        return page, 422 if form.errors else 200

    @staticmethod
    def _ask(form, about):
        topic = form.topics.get(form.topic.data)
        return _sent(
            form,
            lambda writing: ask_town(
                standing().family_id, form.subject.data, writing, topic=topic, about=form.about(about), private=form.private.data
            ),
        )

    @expose("/messages/fil/<int:thread_id>/", methods=["GET", "POST"])
    @writes(MESSAGES)
    def thread(self, thread_id):
        found = self.enter(Noun.message, "ask" if request.method == "POST" else "read")
        thread, messages = thread_of(thread_id, found.account_id, found.family_id)
        if thread is None:
            abort(404)
        form = MessageForm.opened()
        if request.method == "POST" and form.validate() and _sent(form, lambda writing: answer_town(db.session.merge(thread), writing)):
            return redirect(url_for("InboxView.thread", thread_id=thread_id, sent=1), code=303)
        if request.method == "POST":
            put_aside(form, noun=Noun.message, family_id=found.family_id, by=current_user)
        elif messages and not found.by_clerk:
            note_reading(thread_id, found.account_id, messages[-1].id)
        about_url = url_of(thread.about_kind, thread.about_id) if thread.about_kind else None
        page = self.render_template(
            "portal/thread.html",
            title=thread.subject,
            thread=thread,
            messages=messages,
            form=form,
            about_url=about_url,
            may_write=may(Noun.message, "ask"),
        )
        return page, 422 if form.errors else 200

    @expose("/messages/courriels/")
    def mails(self):
        self.enter(Noun.mail)
        return self.render_template("portal/mails.html", title=_("E-mails from the town hall"), mails=own_mails())

    @expose("/messages/<int:mail_id>/")
    def message(self, mail_id):
        self.enter(Noun.mail)
        mail = own_mail(mail_id) or abort(404)
        return self.render_template("portal/message.html", title=mail.subject, mail=mail)


def _sent(form, act):
    """Do it in one unit of work; the conversation's id, or None where a rule said no."""
    try:
        with unit_of_work():
            return act(form.writing()).id
    except DomainError as problem:
        form.refuse(problem)
        return None


def _about():
    """(About, id, title) that the address names, of this family; None where it names nothing."""
    kind, _dash, number = request.args.get("about", "").partition("-")
    if kind not in About.__members__ or not number.isdecimal() or not 0 < int(number) < 2**31:
        return None
    title = title_of(About[kind], int(number)) or abort(404)
    return About[kind], int(number), title

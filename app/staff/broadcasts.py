"""How does the town write to many families? Whom, what; then a preview of who gets it; then it leaves."""

from uuid import uuid4

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import expose
from sqlalchemy import func, select
from wtforms import BooleanField, HiddenField, SelectField, ValidationError

from app.core import search
from app.core.encryption import seal, unseal
from app.core.forms import Form, LongText, Required, Text, option
from app.core.i18n import _, _l
from app.extensions import db
from app.families.models import Family
from app.mail.texts import write
from app.messages.audiences import AUDIENCES, families_in, in_order, said, title_of
from app.messages.models import Broadcast
from app.messages.operations import broadcast
from app.security.queries import readers_of
from app.security.who_sees_what import Noun
from app.staff.interface import actor, saving
from app.staff.parts import Deed
from app.staff.views import StaffView, screen

LONGEST = 5000
#: So many names stand in the preview.
SHOWN = 20


class BroadcastForm(Form):
    """Whom and what."""

    base = HiddenField()
    audience = SelectField(_l("To whom?"), [Required()], validate_choice=False)
    subject = Text(_l("Subject"), longest=120, required=True)
    text = LongText(_l("Message"), longest=LONGEST, required=True)
    by_mail = BooleanField(_l("Also by e-mail, where the family has an address"), default=True)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.audience.choices = [option("", _("choose")), *_choices()]
        if request.method != "POST":
            self.base.data = seal({"broadcast": uuid4().hex})

    def validate_audience(self, field):
        if field.data not in {choice.value for choice in field.choices}:
            raise ValidationError(
                _("This group is not there any more: its deadline has passed, or somebody removed it. Choose another one.")
            )

    @property
    def chosen(self):
        """(name, value) of the group."""
        name, _dash, value = self.audience.data.partition(":")
        return name, value

    @property
    def key(self):
        try:
            return unseal(self.base.data or "").get("broadcast")
        except ValueError:
            return None


def _choices():
    for audience in in_order():
        if audience.choices is None:
            yield option(f"{audience.name}:", str(audience.title))
        else:
            yield from (option(f"{audience.name}:{value}", said(audience, label)) for value, label in audience.choices())


class BroadcastView(StaffView):
    """What was sent to many."""

    noun, model, route_base = Noun.broadcast, Broadcast, "/mairie/envois"
    route_methods = ("list",)
    list_title = _l("Messages to many families")
    labels = {
        "subject": _l("Subject"),
        "audience_title": _l("To whom"),
        "families": _l("Families"),
        "mails": _l("E-mails"),
        "sent_at": _l("Sent"),
        "sent_by": _l("By"),
    }
    list_columns = ["subject", "audience_title", "families", "mails", "sent_at", "sent_by"]
    search_hint = _l("Subject or group")
    matches = staticmethod(lambda word: search.contains(Broadcast.subject, word) | search.contains(Broadcast.audience_title, word))
    first_sort = (Broadcast.id.desc(),)
    method_permission_name = {**StaffView.method_permission_name, "show": "read", "write": "edit"}
    exports = False

    @classmethod
    def more_routes(cls):
        return ("write", "show")

    def deeds_of_list(self):
        return [Deed(_("New message to many"), url_for("BroadcastView.write"), "mail", "primary")]

    def row_url(self, row):
        return url_for("BroadcastView.show", broadcast_id=row.id)

    @expose("/<int(max=2147483647):broadcast_id>/")
    @screen
    def show(self, broadcast_id):
        row = db.session.get(Broadcast, broadcast_id) or abort(404)
        return self.render_template("staff/broadcast.html", title=row.subject, row=row)

    @expose("/nouveau", methods=["GET", "POST"])
    @screen
    def write(self):
        form = BroadcastForm()
        if request.method != "POST" or not form.validate() or request.form.get("step") == "again":
            page = self.render_template("staff/broadcast_write.html", title=_("Message to many families"), form=form)
            return page, 422 if form.errors else 200
        if request.form.get("step") == "send":
            with saving():
                sent = broadcast(form.subject.data, form.text.data, form.chosen, by=actor(), by_mail=form.by_mail.data, key=form.key)
                number, families = sent.id, sent.families
            flash(_("Sent to %(count)d families.", count=families), "success")
            return redirect(url_for("BroadcastView.show", broadcast_id=number), code=303)
        return self.render_template("staff/broadcast_preview.html", title=_("Who gets it?"), form=form, **_preview(form))


def _preview(form):
    """How many families would get it, the first of them by name, how many can be reached by mail, and the mail itself."""
    ids = db.session.scalars(families_in(*form.chosen)).all()
    names = db.session.execute(
        select(Family.name, Family.code).where(Family.id.in_(families_in(*form.chosen))).order_by(Family.name).limit(SHOWN)
    ).all()
    reachable = sum(reader is not None for reader in readers_of((None, number) for number in ids).values()) if form.by_mail.data else 0
    return {
        "audience": title_of(*form.chosen),
        "count": len(ids),
        "names": names,
        "reachable": reachable,
        "mail": write("broadcast", "fr", subject=form.subject.data, text=form.text.data)[1] if form.by_mail.data else "",
        "known": AUDIENCES,
        "total": db.session.scalar(select(func.count(Family.id)).where(Family.archived_at.is_(None))),
    }

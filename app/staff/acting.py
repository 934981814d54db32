"""How does a clerk enter what a family sent by post or said on the telephone? In the family's own screens, named as such."""

from datetime import timedelta

from flask import abort, flash, redirect, session, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.security.decorators import has_access
from flask_login import current_user
from wtforms import DateField, RadioField, ValidationError

from app.audit.operations import record
from app.changes.models import Channel
from app.changes.operations import seal_entered
from app.core import clock
from app.core.db import unit_of_work
from app.core.forms import Form, Required
from app.core.i18n import _, _l, _lp
from app.extensions import db
from app.families.models import Family
from app.security.scope import CHANNELS, require
from app.security.who_sees_what import Noun
from app.staff.queue_base import family_url

OLDEST = timedelta(days=365)


class ReceivedForm(Form):
    """How and when it came in."""

    channel = RadioField(_l("How did it come in?"), [Required()], choices=[(name, Channel(name).label) for name in CHANNELS])
    received_on = DateField(
        _lp("request", "Received on"), [Required()], description=_l("The day on the stamp or of the call: deadlines count from it.")
    )

    def validate_received_on(self, field):
        if field.data > clock.today():
            raise ValidationError(_("This date lies in the future."))
        if field.data < clock.today() - OLDEST:
            raise ValidationError(_("This date is more than a year ago."))


class ActingView(BaseView):
    """A clerk acts for a family, until told otherwise."""

    route_base = "/mairie/pour"
    class_permission_name = Noun.request.value
    method_permission_name = {"begin": "ask", "stop": "ask"}

    @expose("/<int(max=2147483647):family_id>", methods=["GET", "POST"])
    @has_access
    def begin(self, family_id):
        require(Noun.request, "ask")
        family = db.session.get(Family, family_id) or abort(404)
        form = ReceivedForm(data={"channel": None, "received_on": clock.today()})
        if form.validate_on_submit():
            leave()
            with unit_of_work():
                enter(db.session.get(Family, family_id), form.channel.data, form.received_on.data)
            return redirect("/portail/", 303)
        back = family_url(family_id)
        return self.render_template(
            "staff/acting.html", title=_("Enter a request for a family"), form=form, family=family, back_url=back
        ), 422 if form.errors else 200

    @expose("/fin", methods=["POST"])
    @has_access
    def stop(self):
        require(Noun.request, "ask")
        family_id = leave()
        if family_id is None:
            return redirect(url_for("QueueView.queue"), 303)
        flash(_("You no longer act for the family. What you entered can be decided now."), "success")
        return redirect(family_url(family_id), 303)


def enter(family, channel, received_on):
    """Act for a family from now on; within the open unit of work."""
    session["acting"] = {"family": family.id, "channel": channel, "received_on": received_on.isoformat()}
    record("acting.entered", family, by=current_user._get_current_object(), note=f"{channel}, {received_on.isoformat()}")


def leave():
    """Act for nobody any more; what was entered is complete. Returns the family's id, None where there was none."""
    acting = session.pop("acting", None)
    if acting is None:
        return None
    me = current_user._get_current_object()
    with unit_of_work():
        family = db.session.get(Family, acting["family"])
        if family is not None:
            seal_entered(family.id, by=me)
            record("acting.left", family, by=me, note=acting["channel"])
    return acting["family"]

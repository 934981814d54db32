"""How does a family say that a child does not come? One form: several children, from a day to a day, a reason of the town's list."""

from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from flask import abort, redirect, request, url_for
from flask_appbuilder import expose
from flask_login import current_user
from sqlalchemy import select
from wtforms import DateField, HiddenField, RadioField, SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from app.activities.changes.absence import reasons
from app.activities.models import Unit
from app.changes.kinds import KINDS, Proposal
from app.changes.models import Act
from app.changes.operations import submit
from app.core import clock
from app.core.db import unit_of_work
from app.core.encryption import seal, unseal
from app.core.errors import DomainError
from app.core.files import Upload
from app.core.forms import Form, LongText, Required, option
from app.core.i18n import _, _l
from app.documents.forms import UploadField, put_aside
from app.documents.models import StoredFile
from app.documents.operations import content_of, store
from app.extensions import db
from app.portal.absence_effects import LONGEST, effects, exceptions
from app.portal.agenda_taps import Spot
from app.portal.queries import children_and_lot
from app.portal.views import PortalView
from app.security.guard import DRAFTS, REQUESTS, writes
from app.security.scope import standing, typist
from app.security.who_sees_what import Noun


def _number(text):
    """The number of a reason; 0 for what is none."""
    return int(text) if str(text).isascii() and str(text).isdecimal() else 0


class AbsenceForm(Form):
    """Who, when, why."""

    base = HiddenField()
    children = SelectMultipleField(
        _l("Who will be absent?"), coerce=int, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )
    reason_id = RadioField(_l("Why?"), coerce=_number, validate_choice=False)
    first_day = DateField(_l("From"), [Required()])
    last_day = DateField(_l("Until and with"), [Required()])
    explanation = LongText(_l("Explain in a few words"), longest=500)
    certificate = UploadField(_l("Certificate"), noun=Noun.paper)

    def fill(self, children, reasons):
        """Offer the family's children and the town's reasons."""
        self.known, self.reasons = {child.id: child for child in children}, {reason.id: reason for reason in reasons}
        self.children.choices = [option(child.id, child.first_name) for child in children]
        self.reason_id.choices = [option(reason.id, reason.title) for reason in reasons]

    def obeys_the_rules(self):
        """Attach a sentence to each field that breaks a rule; whether none does."""
        if not self.children.data:
            self.refuse(_("Choose one child at least."), "children")
        reason = self.reasons.get(self.reason_id.data)
        if reason is None:
            self.refuse(_("Choose a reason."), "reason_id")
        elif reason.needs_text and not self.explanation.data:
            self.refuse(_("With this reason, please explain in a few words."), "explanation")
        if self.first_day.data and self.last_day.data:
            self._check_days(self.first_day.data, self.last_day.data)
        return not self.errors

    def _check_days(self, first, last):
        if last < first:
            self.refuse(_("The last day comes before the first one."), "last_day")
        elif last - first > LONGEST:
            self.refuse(_("So long an absence is for the town hall to arrange with you."), "last_day")


@dataclass(frozen=True)
class Reason:
    """A reason of the town's list, in the reader's language."""

    id: int
    title: str
    needs_text: bool
    takes_certificate: bool
    never_charged: bool


class AbsenceView(PortalView):
    """Declare an absence."""

    class_permission_name = Noun.booking.value
    method_permission_name = {"absence": "ask", "effect": "ask"}

    @expose("/agenda/absence/", methods=["GET", "POST"])
    @writes(REQUESTS | DRAFTS)
    def absence(self):
        self.enter(Noun.booking, "ask")
        spot, children = _spot(), children_and_lot()[0]
        form = _form(children, spot)
        if request.method == "POST" and form.validate() and form.obeys_the_rules():
            lot = self._send(form, spot)
            if lot is not None:
                return redirect(url_for("RequestsView.lot", lot_id=lot), code=303)
        if request.method == "POST":
            put_aside(form, noun=Noun.paper, family_id=standing().family_id, by=current_user)
        page = self.render_template("portal/agenda/absence.html", title=_("Declare an absence"), form=form, spot=spot, **_about(form, spot))
        return page, 422 if form.errors else 200

    @expose("/agenda/absence/effet/")
    def effect(self):
        self.enter(Noun.booking, "ask")
        days = [request.args.get(name, type=date.fromisoformat) for name in ("first_day", "last_day")]
        only = _spot() if request.args.get("only") == "1" else None
        found = effects(children_and_lot()[0], request.args.getlist("children", type=int), *days, only)
        return self.render_template("portal/agenda/effects.html", effects=found, exceptions=exceptions(_reasons()))

    @staticmethod
    def _send(form, spot):
        """One request a child, all or none; the lot, or None where a rule said no."""
        try:
            with unit_of_work():
                sent = [_ask(form, child_id, spot) for child_id in form.children.data]
                return sent[0].lot_id
        except DomainError as problem:
            form.refuse(problem)
            return None


def _spot():
    try:
        return Spot.read(request.args["spot"]) if request.args.get("spot") else None
    except ValueError:
        abort(404)


def _form(children, spot):
    if request.method == "POST":
        form = AbsenceForm()
    else:
        day = spot.day if spot else clock.today()
        picked = [spot.child_id] if spot else [child.id for child in children] if len(children) == 1 else []
        wanted = request.args.get("child", type=int)
        form = AbsenceForm(formdata=None, data={"children": [wanted] if wanted else picked, "first_day": day, "last_day": day})
        form.base.data = seal({**typist(), "key": uuid4().hex})
    form.fill(children, _reasons())
    return form


def _reasons():
    return [Reason(*row) for row in reasons()]


def _about(form, spot):
    only = spot if request.form.get("only") == "1" else None
    return {
        "effects": effects(list(form.known.values()), form.children.data or (), form.first_day.data, form.last_day.data, only),
        "exceptions": list(exceptions(form.reasons.values())),
        "needs": [reason.title for reason in form.reasons.values() if reason.needs_text],
        "only": _only(spot),
        "certificates": [reason.title for reason in form.reasons.values() if reason.takes_certificate],
    }


def _only(spot):
    """The name of the service that the form was opened for."""
    unit = db.session.get(Unit, spot.unit_id) if spot and spot.unit_id else None
    return unit.title if unit is not None else ""


def _base(form):
    """What the form was opened with; a new one where it was not ours."""
    try:
        token = unseal(form.base.data or "")
    except ValueError:
        token = {}
    fits = isinstance(token, dict) and token.get("account") == current_user.id and token.get("family") == standing().family_id
    return token if fits else {"key": uuid4().hex}


def _ask(form, child_id, spot):
    after = {
        "first_day": form.first_day.data.isoformat(),
        "last_day": form.last_day.data.isoformat(),
        "reason_id": form.reason_id.data,
        "explanation": form.explanation.data,
        "certificate_id": _certificate(form, child_id),
        "unit_id": _unit(form, child_id, spot),
    }
    proposal = Proposal(act=Act.add, child_id=child_id, after=after, key=f"{_base(form)['key']}-{child_id}"[:40])
    return submit(KINDS["absence"], proposal, standing=standing(), by=current_user._get_current_object())


def _unit(form, child_id, spot):
    """The one service that is meant, where the form was opened for it and nobody asked for the whole day."""
    return spot.unit_id or None if spot and child_id == spot.child_id and request.form.get("only") == "1" else None


def _certificate(form, child_id):
    """A file of its own for each child: what becomes of one request must not touch the other's."""
    upload = form.certificate.upload
    kept = form.certificate.settle(None, standing().family_id)
    if upload is None and kept:
        row = db.session.scalar(select(StoredFile).filter_by(id=kept, family_id=standing().family_id))
        upload = Upload(row.filename, row.media_type, content_of(row)) if row is not None else None
    if upload is None:
        return None
    return store(upload, noun=Noun.paper, family_id=standing().family_id, child_id=child_id, by=current_user).id

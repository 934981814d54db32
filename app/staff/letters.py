"""How does the town invite many families at once? Who, by letter or by mail; then how far it is, and the letters to print."""

from dataclasses import replace
from datetime import date

from flask import abort, flash, redirect, request, url_for
from flask_appbuilder import BaseView, expose
from sqlalchemy import select

from app.audit.operations import note_export
from app.children import letters
from app.children.invitees import Wanted, invitees
from app.children.models import School, SchoolClass
from app.children.queries import this_year
from app.core import clock
from app.core.errors import DomainError
from app.core.forms import named_id
from app.core.heartbeat import is_silent
from app.core.i18n import _, _p, number
from app.documents.pdf import pdf_response
from app.extensions import db
from app.families.models import LetterBatch
from app.security.models import Account
from app.security.operations import INVITATION_LIFE
from app.security.who_sees_what import Noun
from app.staff.interface import actor, saving
from app.staff.views import screen

#: Names shown before one says yes.
SHOWN = 10
LAST = 10


class Asked:
    """Which of them the address asks for, and what could be asked instead."""

    NAMES = ("school", "class", "since", "email")

    def __init__(self):
        self.values = {name: request.args.get(name, "")[:20] for name in self.NAMES}

    @property
    def wanted(self):
        values = self.values
        email = {"yes": True, "no": False}.get(values["email"])
        return Wanted(named_id(values["school"]), named_id(values["class"]), _day(values["since"]), email)

    @property
    def wrong_day(self):
        return bool(self.values["since"]) and self.wanted.since is None

    @property
    def given(self):
        """What the address says, for the next one."""
        return {name: value for name, value in self.values.items() if value}

    @property
    def selects(self):
        """[(name, label, [(value, label)])] to choose from."""
        schools = db.session.execute(select(School.id, School.name).order_by(School.name)).all()
        query = select(SchoolClass.id, School.name, SchoolClass.name).join(School, School.id == SchoolClass.school_id)
        query = query.where(SchoolClass.school_year_id == this_year()).order_by(School.name, SchoolClass.name)
        rooms = [(str(row_id), f"{school}, {name}") for row_id, school, name in db.session.execute(query)]
        return [
            ("school", _("School"), [("", _("All schools")), *((str(row_id), name) for row_id, name in schools)]),
            ("class", _("Class"), [("", _("All classes")), *rooms]),
            ("email", _("E-mail address"), [("", _("with or without")), ("yes", _("only with one")), ("no", _("only without one"))]),
        ]


def _day(text):
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def said(batch):
    """How far a batch is, in words."""
    return _("%(done)s of %(total)s", done=number(batch.done), total=number(len(batch.adult_ids)))


class LettersView(BaseView):
    """Invitations in bulk."""

    noun = Noun.account
    route_base = "/mairie/invitations"
    default_view = "choose"
    class_permission_name = noun.value
    method_permission_name = dict.fromkeys(("choose", "confirm", "begin", "batch", "progress", "letters"), "edit")

    @expose("/")
    @screen
    def choose(self):
        asked = Asked()
        found = invitees(asked.wanted)
        last = db.session.scalars(select(LetterBatch).order_by(LetterBatch.id.desc()).limit(LAST)).all()
        return self.render_template(
            "staff/letters/choose.html",
            title=_("Invite families"),
            asked=asked,
            count=len(found),
            shown=found[:SHOWN],
            with_email=sum(1 for row in found if row.email),
            # None begins while another one is being made.
            running=next((batch for batch in last if batch.finished_at is None), None),
            last=last,
        )

    @expose("/confirmer")
    @screen
    def confirm(self):
        by_mail = request.args.get("how") == "mail"
        found = self._meant(by_mail)
        back = url_for("LettersView.choose", **Asked().given)
        if not found:
            return redirect(back)
        return self.render_template(
            "staff/letters/confirm.html",
            title=_("Invite by mail?") if by_mail else _("Make the letters?"),
            count=len(found),
            by_mail=by_mail,
            days=INVITATION_LIFE.days,
            kept=letters.KEPT.days,
            first=found[:SHOWN],
            back_url=back,
        )

    @expose("/confirmer", methods=["POST"])
    @screen
    def begin(self):
        by_mail = request.args.get("how") == "mail"
        try:
            with saving():
                batch_id = letters.begin([row.adult_id for row in self._meant(by_mail)], by_mail=by_mail, by=actor()).id
        except DomainError as problem:
            # A second click: the page shows what the first one began.
            flash(str(problem), "warning")
            return redirect(url_for("LettersView.choose"), code=303)
        return redirect(url_for("LettersView.batch", batch_id=batch_id), code=303)

    @staticmethod
    def _meant(by_mail):
        """Whom the address asks for; by mail, those alone who have an address."""
        wanted = Asked().wanted
        if by_mail and wanted.with_email is False:
            return []
        return invitees(replace(wanted, with_email=True) if by_mail else wanted)

    @expose("/<int(max=2147483647):batch_id>/")
    @screen
    def batch(self, batch_id):
        batch = db.session.get(LetterBatch, batch_id) or abort(404)
        by = db.session.get(Account, batch.asked_by_id) if batch.asked_by_id else None
        return self.render_template(
            "staff/letters/batch.html",
            title=_("Invitations by mail") if batch.by_mail else _("Letters to print"),
            batch=batch,
            by=by,
            said=said(batch),
            silent=batch.finished_at is None and is_silent(),
            gone_on=clock.local((batch.finished_at or clock.now()) + letters.KEPT).date(),
        )

    @expose("/<int(max=2147483647):batch_id>/progression")
    @screen
    def progress(self, batch_id):
        batch = db.session.get(LetterBatch, batch_id) or abort(404)
        return {"running": batch.finished_at is None, "done": batch.done, "total": len(batch.adult_ids), "said": said(batch)}

    @expose("/<int(max=2147483647):batch_id>/lettres.pdf")
    @screen
    def letters(self, batch_id):
        batch = db.session.get(LetterBatch, batch_id) or abort(404)
        content = letters.pdf_of(batch)
        note_export(Noun.account, len(batch.adult_ids), _("Letters with codes"), by=actor())
        return pdf_response(content, _p("file name", "letters") + f"-{clock.local(batch.asked_at):%Y-%m-%d}.pdf")

"""What do the children take part in, and what may they? The list of enrolments, the choice of an activity."""

from dataclasses import dataclass

from flask import request, url_for
from flask_appbuilder import expose
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.activities import deadlines
from app.activities.changes.week import days_of, know_units, week_in_words, week_of_row
from app.activities.enrolling import open_activities, too_young_or_old, usual_period
from app.activities.models import Activity, Enrolment
from app.activities.papers import asked_papers, name_of
from app.changes.kinds import KINDS
from app.changes.models import Act
from app.core import clock
from app.core.forms import row_id
from app.core.i18n import _
from app.extensions import db
from app.portal.kinds import ask_url
from app.portal.queries import own_children, recent_requests
from app.portal.sections import Section, additions
from app.portal.views import PortalView
from app.security.scope import may, standing
from app.security.who_sees_what import Noun


@dataclass
class Running:
    """An enrolment as the family reads it: what the town has, and what was asked of it."""

    row: Enrolment
    week: str
    section: Section

    @property
    def ended(self):
        return self.row.ends_on < clock.today()

    @property
    def to_come(self):
        return self.row.starts_on > clock.today()

    @property
    def edit_url(self):
        return None if self.ended else self.section.edit_url


@dataclass
class OfChild:
    """What a child takes part in, what was asked, and where the family asks for more."""

    child: object
    running: list
    ended: list
    asked: list
    add_url: str | None


def enrolments_of(children):
    """[OfChild] of the family's children; in one query, with the activities that are asked for."""
    asked = [row.changes["activity_id"]["after"] for row in recent_requests() if row.kind == "enrolment" and "activity_id" in row.changes]
    mine = (Enrolment.activity_id == Activity.id) & Enrolment.of_family(standing().family_id)
    query = select(Activity, Enrolment).outerjoin(Enrolment, mine).where(Enrolment.id.is_not(None) | Activity.id.in_(asked))
    query = query.options(joinedload(Activity.units)).order_by(Enrolment.starts_on.desc(), Enrolment.id)
    found = db.session.execute(query).unique().all()
    know_units({row.Activity for row in found})
    rows = [row.Enrolment for row in found if row.Enrolment is not None]
    kind = KINDS["enrolment"]
    found = []
    for child in children:
        mine = [
            Running(row, week_in_words(week_of_row(row), row.activity.units), Section(kind, row, fields=False))
            for row in rows
            if row.child_id == child.id
        ]
        going_on = sorted((one for one in mine if not one.ended), key=lambda one: (one.row.activity.position, one.row.starts_on))
        url = url_for("EnrolmentsView.choose", child=child.id) if may(Noun.enrolment, "ask") else None
        found.append(OfChild(child, going_on, [one for one in mine if one.ended], additions("enrolment", child.id), url))
    return found


def enrolments_of_child(child):
    """The same of one child, for its page; None where the person may not know."""
    return enrolments_of([child])[0] if may(Noun.enrolment, "read") else None


@dataclass
class Offer:
    """An activity that a child could take part in; `why_not` says what is in the way."""

    activity: object
    days: str
    rule: str
    papers: str
    why_not: str
    url: str


class EnrolmentsView(PortalView):
    """The list of enrolments of all children, and the way to a new one."""

    class_permission_name = Noun.enrolment.value
    method_permission_name = {"enrolments": "read", "choose": "ask"}

    @expose("/inscriptions/")
    def enrolments(self):
        self.enter(Noun.enrolment)
        children = own_children()
        asked = asked_papers(standing().family_id, children=children, requests=recent_requests())
        return self.render_template(
            "portal/enrolments.html",
            title=_("Enrolments"),
            of_children=enrolments_of(children),
            papers_to_send=[one for one in asked if one.to_send] if may(Noun.paper, "read") else [],
        )

    @expose("/inscriptions/nouvelle/")
    def choose(self):
        self.enter(Noun.enrolment, "ask")
        children = own_children()
        wanted = request.args.get("child", type=row_id)
        child = next((one for one in children if one.id == wanted or len(children) == 1), None)
        return self.render_template(
            "portal/choose_activity.html",
            title=_("New enrolment"),
            children=children,
            child=child,
            offers=offers(child) if child is not None else [],
        )


def offers(child):
    """Every open activity for a child: those that it may take part in first."""
    kind = KINDS["enrolment"]
    taken = select(Enrolment.activity_id).where(Enrolment.of_family(standing().family_id), Enrolment.child_id == child.id)
    enrolled = set(db.session.scalars(taken.where(Enrolment.ends_on >= clock.today())))
    asked = {
        row.changes.get("activity_id", {}).get("after")
        for row in recent_requests()
        if row.kind == kind.name and row.act is Act.add and row.open and row.child_id == child.id
    }
    found = []
    for activity in open_activities():
        why_not = too_young_or_old(activity, child, *usual_period(activity)) or ""
        if activity.id in asked:
            why_not = _("You have asked for it: the town hall will answer.")
        elif activity.id in enrolled:
            why_not = _("%(child)s is enrolled.", child=child.first_name)
        names = ", ".join(name_of(paper_type) for paper_type in activity.papers)
        url = ask_url(kind, Act.add, child=child.id, activity=activity.id)
        found.append(Offer(activity, days_of(activity), deadlines.describe(activity.booking_rule), names, why_not, url))
    return sorted(found, key=lambda one: bool(one.why_not))
